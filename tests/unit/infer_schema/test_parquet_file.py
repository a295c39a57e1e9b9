"""Parquet by its footer: types, names, rows, reads, and all that can be wrong with one."""

import decimal
import io
import struct
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from lambdas.infer_schema.inspect import inspect
from lambdas.infer_schema.parquet_file import MAX_FOOTER_BYTES
from lambdas.shared.domain.errors import FormatError, HeaderError, TypeChangeError
from lambdas.shared.domain.types import INTEGER, varchar
from tests.unit.infer_schema.sources import MemorySource, inspected, parquet, types_of

NAME = "orders.parquet"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1], pa.int8()), "SMALLINT"),
        (pa.array([1], pa.int16()), "SMALLINT"),
        (pa.array([1], pa.int32()), "INTEGER"),
        (pa.array([1], pa.int64()), "BIGINT"),
        (pa.array([1], pa.uint8()), "SMALLINT"),
        (pa.array([1], pa.uint16()), "INTEGER"),
        (pa.array([1], pa.uint32()), "BIGINT"),
        (pa.array([1], pa.uint64()), "DECIMAL(20,0)"),
        (pa.array([1.0], pa.float16()), "REAL"),
        (pa.array([1.0], pa.float32()), "REAL"),
        (pa.array([1.0], pa.float64()), "DOUBLE PRECISION"),
        (pa.array([True]), "BOOLEAN"),
        (pa.array([decimal.Decimal("1.10")], pa.decimal128(38, 2)), "DECIMAL(38,2)"),
        (pa.array([1], pa.date32()), "DATE"),
        (pa.array([86_400_000], pa.date64()), "DATE"),
        (pa.array([1], pa.timestamp("ms")), "TIMESTAMP"),
        (pa.array([1], pa.timestamp("ns")), "TIMESTAMP"),
        (pa.array([1], pa.timestamp("us", "UTC")), "TIMESTAMPTZ"),
        (pa.array([1], pa.timestamp("us", "Asia/Tokyo")), "TIMESTAMPTZ"),
        (pa.array([1], pa.time64("us")), "TIME"),
        (pa.array([1], pa.time32("s")), "TIME"),
        (pa.array(["a"]), "VARCHAR(256)"),
        (pa.array(["a"], pa.large_string()), "VARCHAR(256)"),
        (pa.array(["a"]).dictionary_encode(), "VARCHAR(256)"),
        (pa.array([b"a"]), "VARBYTE(65535)"),
        (pa.array([b"ab"], pa.binary(2)), "VARBYTE(2)"),
        (pa.array([b"0123456789abcdef"], pa.uuid()), "VARBYTE(16)"),
        (pa.array(["{}"], pa.json_()), "VARCHAR(256)"),
        (pa.array([[1]]), "SUPER"),
        (pa.array([{"a": 1}]), "SUPER"),
        (pa.array([{"a": {"b": [1]}, "c": "x"}]), "SUPER"),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())), "SUPER"),
        (pa.array([1], pa.duration("us")), "BIGINT"),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_each_type_has_its_redshift_type(values: Any, expected: str) -> None:
    # columns beside it, so that nested ones must not shift their neighbours
    table = pa.table({"before": [1.5], "it": values, "after": [True]})
    assert types_of(inspected(parquet(table), NAME)) == {
        "before": "DOUBLE PRECISION",
        "it": expected,
        "after": "BOOLEAN",
    }


def test_the_old_timestamps_of_spark_and_hive_are_timestamps() -> None:
    table = {"ts": pa.array([1], pa.timestamp("ns"))}
    content = parquet(table, use_deprecated_int96_timestamps=True)
    assert types_of(inspected(content, NAME)) == {"ts": "TIMESTAMP"}


def test_the_old_annotation_of_timestamps_does_not_prove_utc() -> None:
    content = parquet({"ts": pa.array([1], pa.timestamp("ms"))}, version="1.0")
    assert types_of(inspected(content, NAME)) == {"ts": "TIMESTAMP"}


def test_a_column_of_nothing_but_null_fits_every_target() -> None:
    schema = inspected(parquet({"id": [1], "nothing": pa.nulls(1)}), NAME)
    nothing = schema.columns[1]
    assert nothing.empty
    assert nothing.staged == INTEGER
    assert schema.fits(nothing, varchar(1))


def test_a_dotted_name_is_a_name() -> None:
    assert types_of(inspected(parquet({"a.b": [1]}), NAME)) == {"a.b": "BIGINT"}


def test_text_gets_room_for_twice_the_longest_in_the_statistics() -> None:
    schema = inspected(parquet({"short": ["é"], "long": ["é" * 300]}), NAME)
    assert types_of(schema) == {"short": "VARCHAR(256)", "long": "VARCHAR(4096)"}
    assert [column.narrowest for column in schema.columns] == [varchar(2), varchar(600)]


def test_text_without_statistics_is_sized_by_the_average() -> None:
    content = parquet(
        {"text": [str(number) * 500 for number in range(50)]},
        write_statistics=False,
        compression="none",
    )
    schema = inspected(content, NAME)
    assert types_of(schema) == {"text": "VARCHAR(4096)"}
    assert schema.columns[0].narrowest == varchar(1)


def test_the_number_of_rows_is_exact() -> None:
    content = parquet({"id": list(range(1_001))}, row_group_size=100)
    assert inspected(content, NAME).rows == 1_001


def test_zero_rows_are_fine() -> None:
    schema = inspected(parquet({"id": pa.array([], pa.int64())}), NAME)
    assert schema.rows == 0
    assert types_of(schema) == {"id": "BIGINT"}


def test_zero_columns_are_refused() -> None:
    with pytest.raises(FormatError, match="no columns"):
        inspected(parquet({}), NAME)


def test_a_small_footer_takes_one_read_of_at_most_64_kib() -> None:
    source = MemorySource(parquet({"id": list(range(100_000))}, compression="none"), NAME)
    assert source.size > 500_000
    schema = inspect(source)
    assert source.reads == [(source.size - 65_536, 65_536)]
    assert (schema.requests, schema.bytes_read) == (1, 65_536)


def test_a_large_footer_takes_a_second_read_and_never_the_data() -> None:
    table = {f"column {number}": ["x" * 50] * 200 for number in range(300)}
    source = MemorySource(parquet(table, row_group_size=20, compression="none"), NAME)
    schema = inspect(source)
    assert schema.requests == len(source.reads) == 2
    assert schema.bytes_read < source.size
    assert len(schema.columns) == 300


def test_a_short_footer_of_a_tiny_file_takes_one_read() -> None:
    source = MemorySource(parquet({"id": [1]}), NAME)
    inspect(source)
    assert source.reads == [(0, source.size)]


def test_names_are_folded_and_what_changed_beyond_case_is_told() -> None:
    long = "ü" * 100
    schema = inspected(parquet({"ID": [1], " padded ": [1], long: [1], "": [1]}), NAME)
    names = [column.name.text for column in schema.columns]
    assert names[:2] == ["id", "padded"]
    assert len(names[2].encode()) <= 127
    assert names[3] == "column_4"
    assert [written for written, _ in schema.renamed] == [" padded ", long, ""]


def test_names_that_differ_in_case_alone_are_refused_by_both_names() -> None:
    with pytest.raises(HeaderError, match=r"columns 1 and 3, 'Id' and 'ID'"):
        inspected(parquet({"Id": [1], "x": [1], "ID": [1]}), NAME)


def test_a_name_twice_is_refused() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["v", "v"])
    with pytest.raises(HeaderError, match="columns 1 and 2"):
        inspected(parquet(table), NAME)


def test_a_hostile_name_is_only_a_name() -> None:
    name = 'x"; drop table orders; --'
    schema = inspected(parquet({name: [1]}), NAME)
    assert schema.columns[0].name.sql == '"x""; drop table orders; --"'


def test_more_columns_than_a_table_may_have_are_refused() -> None:
    table = {f"c{number}": pa.array([], pa.int32()) for number in range(1_601)}
    with pytest.raises(HeaderError, match="1601 columns"):
        inspected(parquet(table), NAME)


def test_decimals_over_38_digits_are_refused() -> None:
    table = {"big": pa.array([decimal.Decimal("1.5")], pa.decimal256(50, 2))}
    with pytest.raises(TypeChangeError, match=r"column big is DECIMAL\(50,2\)"):
        inspected(parquet(table), NAME)


def test_decimals_with_38_digits_after_the_point_are_refused() -> None:
    most, too_many = (
        {"tiny": pa.array([decimal.Decimal(f"1e-{scale}")], pa.decimal128(38, scale))}
        for scale in (37, 38)
    )
    assert types_of(inspected(parquet(most), NAME)) == {"tiny": "DECIMAL(38,37)"}
    with pytest.raises(TypeChangeError, match=r"column tiny is DECIMAL\(38,38\).* at most 37"):
        inspected(parquet(too_many), NAME)


def test_an_override_changes_the_type_and_not_what_copy_must_take() -> None:
    schema = inspected(parquet({"ID": [1], "v": [2]}), NAME, overrides={"id": "varchar(32)"})
    column = schema.columns[0]
    assert column.type == varchar(32)
    assert column.staged.sql == "BIGINT"
    assert schema.columns[1].type.sql == "BIGINT"


@pytest.mark.parametrize(
    ("values", "override", "staged"),
    [
        (pa.array([b"a"]), "varchar(256)", "VARCHAR(65535)"),
        (pa.array([b"a"]), "char(3)", "VARCHAR(65535)"),
        (pa.array([b"a"]), "date", "VARCHAR(65535)"),
        (pa.array([b"a"]), "varbyte(8)", "VARBYTE(65535)"),
        (pa.array([b"ab"], pa.binary(2)), "varchar(256)", "VARBYTE(2)"),
    ],
)
def test_bytes_that_the_job_calls_text_are_copied_as_text(
    values: Any, override: str, staged: str
) -> None:
    schema = inspected(parquet({"v": values}), NAME, overrides={"v": override})
    assert schema.columns[0].staged.sql == staged


def test_an_encrypted_footer_is_refused_in_words() -> None:
    content = _encrypted(plaintext_footer=False)
    with pytest.raises(FormatError, match="encrypted footer"):
        inspected(content, NAME)


def test_encrypted_columns_under_a_plain_footer_are_refused() -> None:
    with pytest.raises(FormatError, match=r"."):
        inspected(_encrypted(plaintext_footer=True), NAME)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_file_cut_short_is_refused(kept: float) -> None:
    content = parquet({"id": list(range(1000))})
    with pytest.raises(FormatError, match="cut short"):
        inspected(content[: int(len(content) * kept)], NAME)


def test_a_footer_longer_than_the_file_is_refused_without_reading_it() -> None:
    source = MemorySource(b"PAR1" + bytes(4000) + struct.pack("<I", 2**31 - 1) + b"PAR1", NAME)
    with pytest.raises(FormatError, match="declares a footer of 2147483647 bytes"):
        inspect(source)
    assert len(source.reads) == 1


def test_a_footer_over_the_limit_is_refused_without_reading_it() -> None:
    class Huge(MemorySource):
        size = 2**33

        def read(self, start: int, length: int) -> bytes:
            self.reads.append((start, length))
            return bytes(length - 8) + struct.pack("<I", MAX_FOOTER_BYTES + 1) + b"PAR1"

    source = Huge(b"", NAME)
    source.size = 2**33
    with pytest.raises(FormatError, match="at most"):
        inspect(source)
    assert len(source.reads) == 1


def test_a_footer_that_points_outside_the_file_is_refused() -> None:
    content = parquet({"id": list(range(10_000))}, compression="none")
    footer = struct.unpack("<I", content[-8:-4])[0] + 8
    with pytest.raises(FormatError, match="outside itself"):
        inspected(b"PAR1" + content[-footer:], NAME)


def test_an_index_of_other_files_is_refused() -> None:
    metadata: Any = []
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1]}), sink, metadata_collector=metadata)
    metadata[0].set_file_path("part-0.parquet")
    index = io.BytesIO()
    metadata[0].write_metadata_file(index)
    with pytest.raises(FormatError, match="only an index"):
        inspected(index.getvalue(), "_metadata.parquet")


@pytest.mark.parametrize("depth", [1_000, 7_000, 50_000])
def test_a_schema_nested_a_thousand_deep_is_refused_and_crashes_nothing(depth: int) -> None:
    elements = [_element(b"root", 1), *[_element(b"g", 1)] * depth, _element(b"leaf", None)]
    with pytest.raises(FormatError, match="cannot be decoded"):
        inspected(_footer_alone(elements, len(elements)), NAME)


@pytest.mark.parametrize("declared", [7_999, 90_000, 2**31 - 1])
def test_a_footer_that_claims_more_elements_than_it_has_is_refused(declared: int) -> None:
    elements = [_element(b"root", 1), _element(b"leaf", None)]
    with pytest.raises(FormatError, match="cannot be decoded"):
        inspected(_footer_alone(elements, declared), NAME)


def test_a_footer_with_another_number_of_rows_than_its_row_groups_is_refused() -> None:
    elements = [_element(b"root", 1), _element(b"leaf", None)]
    with pytest.raises(FormatError, match="says 9 rows and its row groups hold 0"):
        inspected(_footer_alone(elements, len(elements), rows=9), NAME)


class _Keys(pe.KmsClient):  # type: ignore[misc]  # pyarrow ships no types
    """Wraps keys by doing nothing, which is enough to write an encrypted file."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return key_bytes

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return wrapped_key


def _encrypted(*, plaintext_footer: bool) -> bytes:
    table = pa.table({"id": [1], "secret": ["x"]})
    factory = pe.CryptoFactory(lambda _: _Keys())
    properties = factory.file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(
            footer_key="footer",
            column_keys={"column": ["secret"]},
            plaintext_footer=plaintext_footer,
        ),
    )
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _varint(number: int) -> bytes:
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


def _element(name: bytes, children: int | None) -> bytes:
    """One SchemaElement in Thrift's compact protocol; a leaf (INT32) where it has no children."""
    kind, repetition = (b"\x15\x02", b"\x25\x02") if children is None else (b"", b"\x35\x02")
    nested = b"" if children is None else b"\x15" + _varint(2 * children)
    return kind + repetition + b"\x18" + _varint(len(name)) + name + nested + b"\x00"


def _footer_alone(elements: list[bytes], declared: int, *, rows: int = 0) -> bytes:
    """A file of a footer and nothing else: version 1, these elements, no row groups."""
    size = bytes([declared << 4 | 12]) if declared < 15 else b"\xfc" + _varint(declared)
    footer = b"\x15\x02\x19" + size + b"".join(elements) + b"\x16" + _varint(2 * rows)
    footer += b"\x19\x0c\x00"
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"
