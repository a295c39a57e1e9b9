"""JSON lines: the union of keys, types by JSON's own kinds, and what COPY could not match."""

import gzip

import pytest

from lambdas.infer_schema.sample import PIECE_BYTES, WHOLE_BYTES
from lambdas.shared.domain import types
from lambdas.shared.domain.errors import EncodingError, FormatError, HeaderError, TypeChangeError
from tests.unit.infer_schema.sources import inspected, types_of

NAME = "orders.jsonl"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2"], "BIGINT"),
        (["1", "2.5"], "DOUBLE PRECISION"),
        (["1.25", "2.50"], "DOUBLE PRECISION"),
        (["1e400"], "VARCHAR(64)"),
        (["9223372036854775808"], "VARCHAR(64)"),
        (["true", "false"], "BOOLEAN"),
        (["true", "1"], "VARCHAR(64)"),
        (['"1"', '"2"'], "VARCHAR(64)"),
        (['"2024-01-31"'], "DATE"),
        (['"2024-01-31T10:00:00Z"'], "TIMESTAMPTZ"),
        (['"2024-01-31"', '""'], "VARCHAR(64)"),
        (["1", '"x"'], "VARCHAR(64)"),
        (['"NULL"', "1"], "VARCHAR(64)"),
        (["[1]", "1"], "SUPER"),
        (['{"a": 1}', "null"], "SUPER"),
        (["null"], "VARCHAR(256)"),
        (['"' + "é" * 40 + '"'], "VARCHAR(256)"),
    ],
)
def test_a_value_has_the_type_json_gives_it(values: list[str], expected: str) -> None:
    content = "".join(f'{{"id": 1, "v": {value}}}\n' for value in values)
    assert types_of(inspected(content, NAME)) == {"id": "BIGINT", "v": expected}


def test_keys_are_united_in_the_order_of_first_sight() -> None:
    schema = inspected('{"b": 1}\n{"A": 2, "b": 3}\n\n{"c": null}', NAME)
    assert list(types_of(schema)) == ["b", "a", "c"]
    assert schema.rows == 3
    assert schema.renamed == ()
    assert schema.columns[2].empty
    assert schema.csv is None


def test_gzip_is_unpacked() -> None:
    schema = inspected(gzip.compress(b'{"id": 1}\n'), "orders.json.gz")
    assert (schema.format, schema.compression, schema.rows) == ("json", "gzip", 1)


def test_a_large_file_is_sampled_and_a_late_key_is_seen() -> None:
    line = b'{"id": 1, "text": "' + b"x" * 100 + b'"}\n'
    content = line * (2 * WHOLE_BYTES // len(line)) + b'{"late": true}\n'
    schema = inspected(content, NAME)
    assert (schema.rows, schema.requests) == (None, 3)
    assert types_of(schema) == {"id": "BIGINT", "text": "VARCHAR(256)", "late": "BOOLEAN"}


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_last_line_longer_than_a_piece_is_left_to_copy(end: str) -> None:
    content = '{"id": 1}\n' * (2 * WHOLE_BYTES // 10)
    long = '{"id": 2, "text": "' + "x" * PIECE_BYTES + '"}'
    schema = inspected(content + long + end, NAME)
    assert (types_of(schema), schema.rows) == ({"id": "BIGINT"}, None)


def test_a_last_line_that_fits_a_piece_is_seen_without_its_newline() -> None:
    content = '{"id": 1}\n' * (2 * WHOLE_BYTES // 10) + '{"late": "' + "x" * 60_000 + '"}'
    assert types_of(inspected(content, NAME)) == {"id": "BIGINT", "late": "VARCHAR(65535)"}


@pytest.mark.parametrize("content", ['[{"id": 1}]', '[\n {"id": 1}\n]', "[]", "[[1]]"])
def test_an_array_is_refused_with_the_way_to_convert_it(content: str) -> None:
    with pytest.raises(FormatError, match=r"tools/json_to_parquet\.py"):
        inspected(content, "orders.json")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"id": 1}\n{"id": }\n', 2),
        ('{"id": 1}\n\n[1]\n', 3),
        ('{"id": 1}\n{"id": NaN}\n', 2),
        ('{\n "id": 1\n}\n', 1),
        ('{"id": 1} {"id": 2}\n', 1),
        ('{"id": 1}\n{"id": ' + "[" * 100_000 + "]" * 100_000 + "}\n", 2),
    ],
)
def test_a_line_that_is_no_object_is_refused_by_its_number(content: str, line: int) -> None:
    with pytest.raises(FormatError, match=f"line {line} is no JSON object"):
        inspected(content, "orders.json", file_format="json")


def test_a_single_line_longer_than_the_sample_is_refused() -> None:
    content = '{"id": "' + "x" * (2 * WHOLE_BYTES)
    with pytest.raises(FormatError, match="no line ends"):
        inspected(content, NAME)


@pytest.mark.parametrize("content", ['{"id": 1, "id": 2}\n', '{"a": {"b": 1, "b": 2}}\n'])
def test_a_key_twice_in_one_object_is_refused(content: str) -> None:
    with pytest.raises(HeaderError, match="line 1 has an object with the same key twice"):
        inspected(content, NAME)


def test_keys_that_differ_in_case_alone_are_refused() -> None:
    with pytest.raises(HeaderError, match="'id' and 'ID'"):
        inspected('{"id": 1}\n{"ID": 2}\n', NAME)


@pytest.mark.parametrize("key", ["", " id", "x" * 128])
def test_a_key_that_copy_could_not_match_is_refused(key: str) -> None:
    with pytest.raises(HeaderError, match="COPY would not find them"):
        inspected(f'{{"{key}": 1, "v": 2}}\n', NAME)


def test_a_hostile_key_is_only_a_name() -> None:
    schema = inspected('{"x\\"; drop table orders; --": 1}\n', NAME)
    assert schema.columns[0].name.sql == '"x""; drop table orders; --"'


@pytest.mark.parametrize(
    "content",
    [
        '{"id": 1}\n'.encode("utf-8-sig"),
        b'{"id": "\xff"}\n',
        '{"id": 1}\n'.encode("utf-16"),
        b'{"id": "\\ud800"}\n',
    ],
)
def test_text_that_is_no_plain_utf8_is_refused(content: bytes) -> None:
    with pytest.raises(EncodingError):
        inspected(content, NAME, file_format="json")


def test_an_object_without_keys_is_no_row_of_anything() -> None:
    with pytest.raises(FormatError, match="no JSON object with a key"):
        inspected("{}\n{}\n", NAME)


def test_an_override_is_taken_and_checked() -> None:
    schema = inspected('{"id": 1, "v": "x"}\n', NAME, overrides={"ID": "smallint"})
    assert schema.columns[0].type == types.SMALLINT
    with pytest.raises(TypeChangeError, match="column v"):
        inspected('{"id": 1, "v": "x"}\n', NAME, overrides={"v": "bigint"})
