"""CSV by a sample: encodings, dialects, headers, NULL, types, and what COPY would refuse."""

import codecs
import gzip
from typing import Any

import pytest

from lambdas.infer_schema.inspect import inspect
from lambdas.infer_schema.sample import HEAD_BYTES, PIECE_BYTES, WHOLE_BYTES
from lambdas.shared.domain import types
from lambdas.shared.domain.columns import Column, CsvDialect, FileSchema
from lambdas.shared.domain.errors import (
    EncodingError,
    FileError,
    FormatError,
    HeaderError,
    TypeChangeError,
)
from lambdas.shared.domain.types import decimal, varchar
from tests.unit.infer_schema.sources import MemorySource, inspected, types_of


def _dialect(schema: FileSchema) -> CsvDialect:
    assert schema.csv is not None
    return schema.csv


def _one_column(*values: str, **options: Any) -> Column:
    content = "id,v\n" + "".join(f"{number},{value}\n" for number, value in enumerate(values))
    return inspected(content, **options).columns[1]


@pytest.mark.parametrize(
    ("values", "expected", "seen"),
    [
        (["1", "-2"], "BIGINT", "DECIMAL(1,0)"),
        (["-0"], "BIGINT", "DECIMAL(1,0)"),
        (["1", "-32768"], "BIGINT", "SMALLINT"),
        (["1", "-32769"], "BIGINT", "DECIMAL(5,0)"),
        (["1", "40000"], "BIGINT", "DECIMAL(5,0)"),
        (["2147483647"], "BIGINT", "INTEGER"),
        (["2147483648"], "BIGINT", "DECIMAL(10,0)"),
        (["999999999999999999"], "BIGINT", "DECIMAL(18,0)"),
        (["9223372036854775807"], "BIGINT", "BIGINT"),
        (["9223372036854775808"], "VARCHAR(64)", "DECIMAL(19,0)"),
        (["1" * 39], "VARCHAR(256)", "VARCHAR(39)"),
        (["007", "8"], "VARCHAR(64)", "VARCHAR(3)"),
        (["+49", "8"], "VARCHAR(64)", "VARCHAR(3)"),
        (["1,000"], "VARCHAR(64)", "VARCHAR(5)"),
        (["1.50", "20.25"], "DECIMAL(18,2)", "DECIMAL(4,2)"),
        (["1.5", "20.25"], "DOUBLE PRECISION", "DECIMAL(4,2)"),
        (["1", "2.5"], "DOUBLE PRECISION", "DECIMAL(2,1)"),
        (["12345678901234567890.25"], "DECIMAL(38,2)", "DECIMAL(22,2)"),
        (["0.1234567890123456789", "1.5"], "DECIMAL(38,19)", "DECIMAL(20,19)"),
        (["1e5", "2.5E-3"], "DOUBLE PRECISION", "DOUBLE PRECISION"),
        (["1e999"], "VARCHAR(64)", "VARCHAR(5)"),
        (["inf"], "VARCHAR(64)", "VARCHAR(3)"),
        (["$5"], "VARCHAR(64)", "VARCHAR(2)"),
        (["5%"], "VARCHAR(64)", "VARCHAR(2)"),
        (["true", "FALSE"], "BOOLEAN", "BOOLEAN"),
        (["yes", "no"], "VARCHAR(64)", "VARCHAR(3)"),
        (["2024-02-29"], "DATE", "DATE"),
        (["2023-02-29"], "VARCHAR(64)", "VARCHAR(10)"),
        (["0000-00-00"], "VARCHAR(64)", "VARCHAR(10)"),
        (["29/02/2024"], "VARCHAR(64)", "VARCHAR(10)"),
        (["20240229"], "BIGINT", "DECIMAL(8,0)"),
        (["2024-02-29 10:00", "2024-02-29T10:00:00.123456"], "TIMESTAMP", "TIMESTAMP"),
        (["2024-02-29", "2024-02-29 10:00:00"], "TIMESTAMP", "TIMESTAMP"),
        (["2024-02-29 10:00:00.123456789"], "VARCHAR(64)", "VARCHAR(29)"),
        (["2024-02-29T10:00:00Z", "2024-02-29 10:00:00+05:30"], "TIMESTAMPTZ", "TIMESTAMPTZ"),
        (["2024-02-29T10:00:00Z", "2024-02-29 10:00:00"], "VARCHAR(64)", "VARCHAR(20)"),
        (["09:30:00"], "TIME", "TIME"),
        (["25:00:00"], "VARCHAR(64)", "VARCHAR(8)"),
        (["é" * 40], "VARCHAR(256)", "VARCHAR(80)"),
        (["x" * 40_000], "VARCHAR(65535)", "VARCHAR(40000)"),
        ([" 5"], "VARCHAR(64)", "VARCHAR(2)"),
    ],
)
def test_a_value_keeps_what_it_is_written_as(values: list[str], expected: str, seen: str) -> None:
    column = _one_column(*(f'"{value}"' for value in values))
    assert (column.type.sql, column.narrowest.sql) == (expected, seen)


def test_a_text_that_no_varchar_holds_is_refused_by_its_column() -> None:
    with pytest.raises(TypeChangeError, match="column v holds a text of 70000 bytes"):
        _one_column("x" * 70_000)


def test_an_empty_column_fits_every_target() -> None:
    schema = inspected("id,v\n1,\n2,\n")
    assert schema.columns[1].empty
    assert schema.fits(schema.columns[1], types.DATE)


def test_columns_of_a_table_that_exists_are_judged_by_what_was_seen() -> None:
    schema = inspected("id,amount,zip,day\n1,2.50,01234,2024-01-31\n")
    number, amount, code, day = schema.columns
    assert number.type == types.BIGINT
    assert schema.fits(number, types.SMALLINT)
    assert schema.fits(number, varchar(8))
    assert schema.fits(amount, decimal(10, 4))
    assert not schema.fits(amount, decimal(10, 1))
    assert schema.fits(code, varchar(5))
    assert not schema.fits(code, varchar(4))
    assert not schema.fits(code, types.INTEGER)
    assert schema.fits(day, types.TIMESTAMP)


_WHOLE_NUMBERS = [
    # as many digits as the column has, then one number too many
    ("999", "1000", "DECIMAL(5,2)"),
    ("-99999999", "100000000", "DECIMAL(10,2)"),
    ("9999999999999999", "10000000000000000", "DECIMAL(18,2)"),
    ("999999", "1000000", "REAL"),
    ("-999999999999999", "1000000000000000", "DOUBLE PRECISION"),
    ("-32768", "32768", "SMALLINT"),
    ("99999", "2147483648", "INTEGER"),
    ("-2147483648", "-2147483649", "INTEGER"),
    ("9999999999", "9223372036854775808", "BIGINT"),
    ("9223372036854775807", "-9223372036854775809", "BIGINT"),
]


@pytest.mark.parametrize(("most", "beyond", "target"), _WHOLE_NUMBERS)
@pytest.mark.parametrize("name", ["orders.csv", "orders.jsonl"])
def test_a_whole_number_fits_where_its_own_digits_do(
    name: str, most: str, beyond: str, target: str
) -> None:
    kind = types.RedshiftType.parse(target)
    for number, fits in (("5", True), (most, True), (beyond, False)):
        schema = inspected(
            f"v,w\n1,{number}\n" if name.endswith(".csv") else f'{{"v": 1, "w": {number}}}\n', name
        )
        assert schema.fits(schema.columns[1], kind) is fits, number


@pytest.mark.parametrize(
    ("encoding", "codec", "mark"),
    [
        ("UTF8", "utf-8", b""),
        ("UTF8", "utf-8", codecs.BOM_UTF8),
        ("UTF16LE", "utf-16-le", codecs.BOM_UTF16_LE),
        ("UTF16LE", "utf-16-le", b""),
        ("UTF16BE", "utf-16-be", codecs.BOM_UTF16_BE),
        ("UTF16BE", "utf-16-be", b""),
        ("ISO88591", "latin-1", b""),
    ],
)
def test_an_encoding_is_found_in_the_words_of_copy(encoding: str, codec: str, mark: bytes) -> None:
    schema = inspected(mark + "id,name\n1,Zoë\n2,Ana\n".encode(codec))
    assert _dialect(schema).encoding == encoding
    assert types_of(schema) == {"id": "BIGINT", "name": "VARCHAR(64)"}
    assert schema.columns[1].narrowest == varchar(4), "lengths are in UTF-8 bytes"
    assert schema.rows == 2


def test_the_encoding_of_the_job_is_believed() -> None:
    content = "id,name\n1,Достоевский\n".encode("koi8-r")
    with pytest.raises(EncodingError, match="encoding"):
        inspected(content)
    assert _dialect(inspected(content, encoding="ISO88591")).encoding == "ISO88591"


@pytest.mark.parametrize("encoding", ["UTF16", "UTF16LE"])
def test_an_encoding_that_the_mark_contradicts_is_refused(encoding: str) -> None:
    with pytest.raises(EncodingError, match="byte order mark"):
        inspected("id\n1\n".encode("utf-8-sig"), encoding=encoding)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,name\n1,Zoë\n2,".encode() + b"\xff\n", "first in line 3"),
        (b"id,name\n1,\x80 5\n", "Windows-1252"),
        ("id,name\n1,Zoë\n".encode("utf-32"), "UTF-32"),
        (b"id,name\n1,a\0b\n2,c\n3,d\n4,e\n5,f\n", "NUL characters, first in line 2"),
        (b"\xff\xfei\x00d\x00\n\x00\x00\xd8", "UTF-16"),
    ],
)
def test_bytes_that_copy_cannot_read_as_text_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(EncodingError, match=words):
        inspected(content)


def test_a_byte_order_mark_without_a_header_would_be_data() -> None:
    with pytest.raises(EncodingError, match="first value"):
        inspected("1,2\n3,4\n".encode("utf-8-sig"))


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_a_delimiter_is_found(delimiter: str) -> None:
    schema = inspected(f'id{delimiter}text\n1{delimiter}"a,b;c|d\te"\n')
    assert _dialect(schema).delimiter == delimiter
    assert len(schema.columns) == 2


def test_the_delimiter_of_the_job_is_believed() -> None:
    schema = inspected("a:b\n1:2,3\n4:5,6\n", delimiter=":")
    assert _dialect(schema).delimiter == ":"
    assert types_of(schema) == {"a": "BIGINT", "b": "VARCHAR(64)"}


def test_one_column_of_prose_has_no_delimiter_that_it_holds() -> None:
    schema = inspected("note\nhello, you\nplain\n")
    assert types_of(schema) == {"note": "VARCHAR(64)"}
    assert _dialect(schema).delimiter == ";"


def test_a_header_with_too_few_names_is_refused() -> None:
    with pytest.raises(FormatError, match="the first line is one field"):
        inspected("id\n1,2\n3,4\n")


@pytest.mark.parametrize(
    "content", ["id,v\r\n1,2\r\n", "id,v\n1,2", "id,v\n\n1,2\n\n", "\n# note\n\nid,v\n1,2\n"]
)
def test_line_ends_blank_lines_and_comments_do_not_matter(content: str) -> None:
    schema = inspected(content)
    assert types_of(schema) == {"id": "BIGINT", "v": "BIGINT"}
    assert schema.rows == 1


def test_lines_above_the_data_are_skipped_by_number() -> None:
    schema = inspected("# one\n# two\n\nid,v\n1,2\n")
    assert (_dialect(schema).skip_lines, _dialect(schema).header) == (4, True)


def test_a_commented_header_names_the_columns() -> None:
    schema = inspected("# made by hand\n#id,name\n1,x\n2,y\n")
    assert types_of(schema) == {"id": "BIGINT", "name": "VARCHAR(64)"}
    assert (_dialect(schema).skip_lines, _dialect(schema).header) == (2, False)
    assert schema.rows == 2


@pytest.mark.parametrize("header", [True, None])
@pytest.mark.parametrize("rows", ["A1,Bob\nB2,Alice\n", "A1,5\nB2,7\n", "A1,NA\nB2,7\n"])
@pytest.mark.parametrize("above", ["", "# made by hand\n", "\n\n"])
def test_a_commented_header_keeps_the_first_row(above: str, rows: str, header: bool | None) -> None:
    schema = inspected(f"{above}#code,name\n{rows}", header=header)
    assert list(types_of(schema)) == ["code", "name"]
    assert (_dialect(schema).skip_lines, schema.rows) == (above.count("\n") + 1, 2)
    assert not _dialect(schema).header


@pytest.mark.parametrize("header", [True, None])
@pytest.mark.parametrize(
    ("comment", "rows"),
    [
        ("# exported on Monday, by hand", "code,name\nA1,Bob\n"),
        ("# exported on Monday, by hand", "first name,last name\nBob,Miller\n"),
        ("# source:shop,version:2", "code,name\nA1,Bob\n"),
        ("# exported,2024", "code,name\nA1,Bob\n"),
        ("# exported,daily", "code,amount\nA1,5\n"),
        ("# exported,daily", "code,amount\nA1,NA\nA2,5\n"),
        ("# exported", "code,name\nA1,Bob\n"),
        ("# exported,daily\n", "code,name\nA1,Bob\n"),
        ("# code,name,day", "code,name\nA1,Bob\n"),
    ],
)
def test_a_comment_above_a_header_is_a_comment(
    comment: str, rows: str, header: bool | None
) -> None:
    schema = inspected(f"{comment}\n{rows}", header=header)
    assert list(types_of(schema)) == rows.partition("\n")[0].split(",")
    assert _dialect(schema).header
    assert _dialect(schema).skip_lines == comment.count("\n") + 2
    assert schema.rows == rows.count("\n") - 1


def test_where_the_job_says_no_header_a_line_with_a_hash_is_a_row() -> None:
    schema = inspected("\n#ff0000,5\n#00ff00,6\nblue,7\n", header=False)
    assert types_of(schema) == {"column_1": "VARCHAR(64)", "column_2": "BIGINT"}
    assert (_dialect(schema).skip_lines, _dialect(schema).header, schema.rows) == (1, False, 3)
    with pytest.raises(FormatError, match="line 2 has 2 fields and the first has 1"):
        inspected("# exported\nA1,Bob\n", header=False, delimiter=",")


@pytest.mark.parametrize("word", ["NA", "None", "NULL"])
def test_a_word_for_null_is_no_name(word: str) -> None:
    data = inspected(f"1,{word}\n2,5\n3,6\n")
    assert (list(types_of(data)), data.rows) == (["column_1", "column_2"], 3)
    years = inspected(f"id,2023\n1,5\n{word},6\n")
    assert (list(types_of(years)), years.rows) == (["id", "2023"], 2)


def test_a_file_without_a_header_gets_names_by_position() -> None:
    schema = inspected("1,x,2024-01-01\n2,y,2024-01-02\n")
    assert list(types_of(schema)) == ["column_1", "column_2", "column_3"]
    assert (_dialect(schema).skip_lines, schema.rows, schema.renamed) == (0, 2, ())


def test_years_as_column_names_are_names() -> None:
    schema = inspected("country,2023,2024\n1,2,3\n")
    assert list(types_of(schema)) == ["country", "2023", "2024"]


@pytest.mark.parametrize(("header", "rows"), [(True, 1), (False, 2)])
def test_the_job_may_say_whether_there_is_a_header(header: bool, rows: int) -> None:
    schema = inspected("2023,2024\n1,2\n", header=header)
    assert (_dialect(schema).header, schema.rows) == (header, rows)


def test_a_header_alone_is_no_rows_of_text() -> None:
    schema = inspected("id,name\n")
    assert schema.rows == 0
    assert types_of(schema) == {"id": "VARCHAR(256)", "name": "VARCHAR(256)"}
    assert all(column.empty for column in schema.columns)


def test_repeated_and_missing_names_are_numbered_and_told() -> None:
    schema = inspected("v,V,v_2,,v\n1,2,3,4,5\n")
    names = [column.name.text for column in schema.columns]
    assert names == ["v", "v_3", "v_2", "column_4", "v_4"]
    assert schema.renamed == (("V", "v_3"), ("", "column_4"), ("v", "v_4"))


@pytest.mark.parametrize(
    "name",
    [
        'say ""hi""',
        "id; drop table orders; --",
        "naïve ✓ 列",
        "select",
        "a'b",
        "$body$",
        "ü" * 100,
        "{0}",
        "%s",
    ],
)
def test_a_hostile_header_is_only_a_name(name: str) -> None:
    schema = inspected(f'id,"{name}"\n1,2\n')
    column = schema.columns[1]
    assert len(column.name.text.encode()) <= 127
    assert column.name.sql == '"' + column.name.text.replace('"', '""') + '"'
    assert column.type == types.BIGINT


@pytest.mark.parametrize("name", ["a\x07b", '"a\nb"'])
def test_a_name_with_control_characters_is_refused_by_position_alone(name: str) -> None:
    with pytest.raises(HeaderError) as caught:
        inspected(f"id,{name}\n1,2\n")
    assert "\x07" not in caught.value.message


def test_more_columns_than_a_table_may_have_are_refused() -> None:
    with pytest.raises(HeaderError, match="1601 columns"):
        inspected(",".join(f"c{number}" for number in range(1_601)) + "\n")


@pytest.mark.parametrize(("row", "fields"), [("1", 1), ("1,2", 2), ("1,2,3,4", 4), ('1,"a\nb"', 2)])
def test_a_row_with_too_few_or_too_many_fields_is_refused_by_its_line(
    row: str, fields: int
) -> None:
    content = f'# note\na,b,c\n1,"x\ny",3\n{row}\n1,2,3\n'
    with pytest.raises(FormatError, match=f"line 5 has {fields} fields and the first has 3") as it:
        inspected(content)
    assert it.value.where["line"] == 5


@pytest.mark.parametrize("field", ['5" pipe', '"a"b', '"a" b', 'x "y" z', ' "x"y'])
def test_a_quotation_mark_where_copy_takes_none_is_refused_by_its_line(field: str) -> None:
    with pytest.raises(FormatError, match="line 3 has a quotation mark"):
        inspected(f"id,v\n1,a\n2,{field}\n3,b\n")


@pytest.mark.parametrize("field", ['""', '"a ""b"" c"', '"""a"""', '"a,b"', '"a\n""b"""'])
def test_a_well_quoted_field_is_a_field(field: str) -> None:
    assert inspected(f"id,v,w\n1,{field},2\n").rows == 1


def test_a_quote_that_never_ends_is_refused() -> None:
    with pytest.raises(FormatError, match="never ends"):
        inspected('id,v\n1,"a\n2,b\n')


@pytest.mark.parametrize("content", [b" ", b"\n\n", b"# only\n# notes\n", b"\xef\xbb\xbf"])
def test_a_file_without_any_line_of_data_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="no rows and no header"):
        inspected(content)


def test_bare_carriage_returns_are_no_lines() -> None:
    with pytest.raises(FormatError, match="carriage return"):
        inspected("id,v\r1,2\r")


# NULL


@pytest.mark.parametrize("word", ["NULL", "null", "\\N"])
def test_a_marker_is_null_in_every_column(word: str) -> None:
    schema = inspected(f"id,name\n1,x\n2,{word}\n{word},y\n")
    assert _dialect(schema).null_marker == word
    assert types_of(schema) == {"id": "BIGINT", "name": "VARCHAR(64)"}
    assert all(column.null_words == () for column in schema.columns)


def test_an_empty_text_stays_a_text_beside_null() -> None:
    schema = inspected('id,name\n1,""\n2,NULL\n3,\n')
    assert _dialect(schema).null_marker == "NULL", "and not '', which would make '' NULL"


@pytest.mark.parametrize("word", ["NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "None"])
def test_a_word_that_could_be_text_is_never_told_to_copy(word: str) -> None:
    schema = inspected(f"id,name\n{word},x\n2,y\n")
    assert _dialect(schema).null_marker is None
    assert [column.null_words for column in schema.columns] == [(word,), ()]
    assert types_of(schema) == {"id": "BIGINT", "name": "VARCHAR(64)"}


@pytest.mark.parametrize("wanted", ["VARCHAR(8)", "CHAR(8)"])
@pytest.mark.parametrize("word", ["NA", "n/a", "None"])
def test_a_word_is_text_in_a_column_that_the_job_asks_to_be_text(word: str, wanted: str) -> None:
    schema = inspected(f"id,code\n1,12\n2,{word}\n3,77\n", overrides={"code": wanted})
    assert _dialect(schema).null_marker is None
    code = schema.columns[1]
    assert (code.type.sql, code.null_words, code.empty) == (wanted, (), False)
    assert code.narrowest == varchar(max(len(word), 2))


def test_a_marker_of_a_column_that_the_job_asks_to_be_text_comes_first() -> None:
    schema = inspected("id,code\nNULL,12\n2,null\n", overrides={"code": "varchar(8)"})
    assert _dialect(schema).null_marker == "null", "NULL can be told of the numbers alone"
    assert schema.columns[0].null_words == ("NULL",)


def test_a_column_of_nothing_that_the_job_asks_to_be_text_is_empty() -> None:
    assert inspected("id,v\n1,\n2,NULL\n", overrides={"v": "varchar(8)"}).columns[1].empty


def test_a_word_that_is_text_elsewhere_stays_with_its_column() -> None:
    schema = inspected("id,country\nNA,NA\n2,DE\n")
    number, country = schema.columns
    assert _dialect(schema).null_marker is None
    assert (number.type, number.null_words, number.staged) == (
        types.BIGINT,
        ("NA",),
        varchar(65_535),
    )
    assert (country.type, country.null_words) == (varchar(64), ())


def test_of_several_words_one_is_told_to_copy() -> None:
    schema = inspected("id,v\n1,NULL\n2,NA\n3,\n4,5\n")
    assert _dialect(schema).null_marker == "NULL"
    assert schema.columns[1].null_words == ("NA",)
    assert schema.columns[1].type == types.BIGINT


def test_the_marker_of_the_job_is_believed() -> None:
    schema = inspected("id,v\n1,-\n2,5\n", null_marker="-")
    assert _dialect(schema).null_marker == "-"
    assert schema.columns[1].type == types.BIGINT


def test_a_column_of_nothing_but_the_marker_is_empty() -> None:
    assert inspected("id,v\n1,NULL\n2,NULL\n").columns[1].empty


def test_a_column_of_nothing_but_a_word_is_text() -> None:
    column = inspected("id,v\n1,NA\n2,NA\n").columns[1]
    assert (column.type, column.empty) == (varchar(64), False)


# what the job asks for


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("007", "INTEGER"),
        ("+5", "SMALLINT"),
        ("1.5", "DECIMAL(4,2)"),
        ("1.500", "DECIMAL(4,2)"),
        ("1", "BOOLEAN"),
        ("no", "BOOLEAN"),
        ("5", "VARCHAR(8)"),
        ("31/12/2024", "DATE"),
        ("2.", "REAL"),
        ("{}", "SUPER"),
    ],
)
def test_an_override_is_taken_where_copy_can_read_it(value: str, wanted: str) -> None:
    column = _one_column(value, overrides={"V": wanted})
    assert column.type.sql == column.staged.sql == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("secret", "INTEGER"),
        ("99999", "SMALLINT"),
        ("1.5", "BIGINT"),
        ("1.555", "DECIMAL(4,2)"),
        ("100.5", "DECIMAL(4,2)"),
        ("maybe", "BOOLEAN"),
        ("longer than that", "VARCHAR(8)"),
        ("secret", "DOUBLE PRECISION"),
    ],
)
def test_an_override_that_the_sample_contradicts_is_refused_by_row(value: str, wanted: str) -> None:
    with pytest.raises(TypeChangeError, match="column v, row 3") as caught:
        _one_column("", "NULL", value, overrides={"v": wanted})
    assert value not in str(caught.value.to_json())


def test_an_override_of_a_column_that_the_file_lacks_is_left_aside() -> None:
    assert types_of(inspected("id\n1\n", overrides={"other": "DATE"})) == {"id": "BIGINT"}


# samples and reads


def _large(row: str = "{},name {}\n", header: str = "id,name\n") -> bytes:
    rows = range(3 * WHOLE_BYTES // len(row.format(100_000, 100_000)))
    return (header + "".join(row.format(number, number) for number in rows)).encode()


def test_a_small_file_is_read_whole_in_one_request() -> None:
    source = MemorySource(b"id,v\n1,2\n", "orders.csv")
    schema = inspect(source)
    assert (schema.requests, schema.bytes_read, source.reads) == (1, 9, [(0, 9)])


def test_a_large_file_is_sampled_in_three_requests() -> None:
    schema = inspected(_large())
    assert (schema.requests, schema.rows) == (3, None)
    assert schema.bytes_read == HEAD_BYTES + 2 * PIECE_BYTES
    assert types_of(schema) == {"id": "BIGINT", "name": "VARCHAR(64)"}


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "latin-1"])
@pytest.mark.parametrize("row", ["{},Zoë {}\n", '{},"first é\nsecond ""{}"""\n'])
def test_pieces_are_cut_into_rows_in_every_encoding(codec: str, row: str) -> None:
    content = _large(row).decode().encode(codec)
    schema = inspected(content)
    assert types_of(schema) == {"id": "BIGINT", "name": "VARCHAR(64)"}


@pytest.mark.parametrize("where", ["the middle", "the end"])
def test_text_late_in_a_large_file_is_seen(where: str) -> None:
    content = _large("{},{}\n", "id,v\n")
    near = len(content) // 2 + 1_000 if where == "the middle" else len(content) - 1_000
    at = content.index(b"\n", near) + 1
    schema = inspected(content[:at] + b"1,n/a yet\n" + content[at:])
    assert types_of(schema) == {"id": "BIGINT", "v": "VARCHAR(64)"}


def test_a_ragged_row_at_the_end_of_a_large_file_is_refused() -> None:
    with pytest.raises(FormatError, match="in the middle or at the end"):
        inspected(_large() + b"1,2,3\n4,5\n")


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_last_row_longer_than_a_piece_is_left_to_copy(end: str) -> None:
    content = _large("{},{},x\n", "id,v,w\n")
    long = b"1,2," + b"y" * PIECE_BYTES
    schema = inspected(content + long + end.encode())
    assert types_of(schema) == {"id": "BIGINT", "v": "BIGINT", "w": "VARCHAR(64)"}


def test_a_line_longer_than_the_sample_is_refused() -> None:
    with pytest.raises(FormatError, match="no row ends within"):
        inspected(b"x" * (2 * WHOLE_BYTES))


# gzip


def test_gzip_is_unpacked_and_counted_packed() -> None:
    packed = gzip.compress(b"id,name\n1,x\n2,y\n")
    schema = inspected(packed, "orders.csv.gz")
    assert (schema.compression, schema.rows, schema.bytes_read) == ("gzip", 2, len(packed))
    assert types_of(schema) == {"id": "BIGINT", "name": "VARCHAR(64)"}


def test_gzip_of_several_members_is_one_file() -> None:
    packed = gzip.compress(b"id,name\n1,x\n") + gzip.compress(b"2,y\n")
    assert inspected(packed, "orders.csv.gz").rows == 2


def test_a_bomb_stays_packed() -> None:
    packed = gzip.compress(b"id,v\n" + b"1,2\n" * 20_000_000, 1)
    schema = inspected(packed, "orders.csv.gz")
    assert schema.rows is None
    assert types_of(schema) == {"id": "BIGINT", "v": "BIGINT"}


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(_packed(b"id,v\n1,2\n" * 100)[:-12], "cut short", id="cut short"),
        pytest.param(_packed(b"id,v\n")[:10] + b"\xff" * 20, "damaged gzip", id="damaged"),
        pytest.param(_packed(b"id,v\n1,2\n") + b"garbage", "damaged gzip", id="more after it"),
        pytest.param(_packed(b""), "gzip of nothing", id="nothing"),
        pytest.param(_packed(_packed(b"id,v\n")), "gzip around gzip", id="packed twice"),
        pytest.param(_packed(b"") * 2_000, "damaged gzip", id="countless members"),
    ],
)
def test_gzip_that_copy_could_not_read_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        inspected(content, "orders.csv.gz")


def test_no_message_shows_a_value() -> None:
    canary = "canary4711"
    rows = [
        f"id,v\n1,{canary}\n2,{canary},{canary}\n",
        f'id,v\n1,{canary}"{canary}\n',
        f'id,v\n1,"{canary}\n',
        f"id,v\n1,{canary * 7000}\n",
        f"id,v\n1,{canary}\0\n",
    ]
    for content in rows:
        with pytest.raises(FileError) as caught:
            inspected(content)
        assert canary not in str(caught.value.to_json())
