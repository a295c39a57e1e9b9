"""What a file is: by its name, by the job's word, by its content, and when these disagree."""

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.orc as orc
import pytest

from lambdas.infer_schema.inspect import inspect
from lambdas.shared.domain.errors import FileError, FormatError, StorageBusyError
from tests.unit.infer_schema.sources import MemorySource, inspected, parquet

CSV = b"id,v\n1,2\n"
JSON = b'{"id": 1}\n'
PARQUET = parquet({"id": [1]})
GZIPPED_CSV, GZIPPED_JSON, GZIPPED_PARQUET = (
    gzip.compress(content, mtime=0) for content in (CSV, JSON, PARQUET)
)


def _zip(member: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(member, "x" * 100)
    return sink.getvalue()


def _tar() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("orders.csv"))
    return sink.getvalue()


def _orc() -> bytes:
    sink = io.BytesIO()
    orc.write_table(pa.table({"id": [1]}), sink)
    return sink.getvalue()


def _feather() -> bytes:
    sink = io.BytesIO()
    feather.write_feather(pa.table({"id": [1]}), sink)
    return sink.getvalue()


def _sqlite() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table orders (id)")
    content = connection.serialize()
    connection.close()
    return content


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("orders.parquet", PARQUET, "parquet"),
        ("ORDERS.PQ", PARQUET, "parquet"),
        ("orders.csv", CSV, "csv"),
        ("orders.2024.tsv", b"id\tv\n1\t2\n", "csv"),
        ("orders.csv.gz", GZIPPED_CSV, "csv"),
        ("orders.csv", GZIPPED_CSV, "csv"),
        ("orders.jsonl", JSON, "json"),
        ("orders.ndjson.gz", GZIPPED_JSON, "json"),
        ("orders", PARQUET, "parquet"),
        ("orders.dat", CSV, "csv"),
        ("orders.txt", JSON, "json"),
        (".csv", CSV, "csv"),
        (" orders.csv ", CSV, "csv"),
    ],
)
def test_a_format_is_told_by_name_and_content(name: str, content: bytes, found: str) -> None:
    assert inspected(content, name).format == found


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("orders.csv", PARQUET, "is CSV by its name and holds Parquet"),
        ("orders.json", PARQUET, "is JSON lines by its name and holds Parquet"),
        ("orders.parquet", CSV, "is Parquet by its name and holds text"),
        ("orders.parquet", GZIPPED_PARQUET, "is Parquet by its name and holds gzip"),
        ("orders.csv", JSON, "is CSV by its name and looks like JSON lines"),
        ("orders.json", CSV, "is JSON lines by its name and looks like CSV"),
        ("orders.csv.gz", CSV, "is gzip by its name and is not packed"),
        ("orders.csv.gz", GZIPPED_PARQUET, "gzip around Parquet"),
    ],
)
def test_a_name_that_lies_is_refused_with_what_it_really_is(
    name: str, content: bytes, words: str
) -> None:
    with pytest.raises(FormatError, match=words):
        inspected(content, name)


def test_the_job_may_name_what_the_file_really_is() -> None:
    assert inspected(PARQUET, "orders.csv", file_format="parquet").format == "parquet"
    assert inspected(CSV, "orders.parquet", file_format="csv").format == "csv"
    assert inspected(JSON, "orders.csv", file_format="json").format == "json"


def test_the_word_of_the_job_is_checked_as_well() -> None:
    with pytest.raises(FormatError, match="is Parquet by the job's file_format and holds text"):
        inspected(CSV, "orders.csv", file_format="parquet")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(_zip("orders.csv"), "a ZIP archive", id="zip"),
        pytest.param(_zip("xl/workbook.xml"), "an Excel workbook", id="xlsx"),
        pytest.param(bz2.compress(CSV), "bzip2", id="bz2"),
        pytest.param(lzma.compress(CSV), "xz", id="xz"),
        pytest.param(pa.compress(CSV, "zstd", asbytes=True), "zstd", id="zstd"),
        pytest.param(_tar(), "a tar archive", id="tar"),
        pytest.param(_orc(), "ORC", id="orc"),
        pytest.param(_feather(), "Arrow IPC", id="feather"),
        pytest.param(b"Obj\x01\x04\x14avro.codec", "Avro", id="avro"),
        pytest.param(_sqlite(), "a SQLite database", id="sqlite"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document", id="pdf"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "an old Excel", id="xls"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "a PNG image", id="png"),
        pytest.param(b"\n<!DOCTYPE html><html></html>", "an HTML page", id="html"),
        pytest.param(b'<?xml version="1.0"?><Error/>', "XML", id="xml"),
    ],
)
@pytest.mark.parametrize("name", ["orders.csv", "orders.json", "orders.parquet", "orders"])
def test_another_format_is_called_by_its_name(name: str, content: bytes, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        inspected(content, name)


@pytest.mark.parametrize("header", ["PAR1", "ORC", "BZh", "PK", "Obj", "Rar"])
def test_a_column_named_like_a_format_is_a_column(header: str) -> None:
    assert inspected(f"{header},v\n1,2\n").columns[0].name.text == header.lower()


@pytest.mark.parametrize("name", ["orders.csv", "orders.parquet", "orders.json", "orders"])
def test_an_empty_file_is_refused_without_a_request(name: str) -> None:
    source = MemorySource(b"", name)
    with pytest.raises(FormatError, match=r"is empty \(0 bytes\)"):
        inspect(source)
    assert source.reads == []


def test_a_parquet_file_of_unknown_name_takes_one_request() -> None:
    content = parquet({"id": list(range(100_000))}, compression="none")
    assert inspected(content, "orders").requests == 1


def test_a_large_csv_of_unknown_name_takes_a_tail_that_is_part_of_its_sample() -> None:
    schema = inspected(b"id,v\n" + b"12345,67890\n" * 300_000, "orders")
    assert (schema.format, schema.requests) == ("csv", 3)


def test_an_object_that_changes_under_the_reads_is_refused() -> None:
    class Shrinking(MemorySource):
        def read(self, start: int, length: int) -> bytes:
            return super().read(start, length)[:-1]

    with pytest.raises(FormatError, match="ended early"):
        inspect(Shrinking(CSV, "orders.csv"))


def test_what_the_storage_raises_is_passed_on() -> None:
    class Busy(MemorySource):
        def read(self, start: int, length: int) -> bytes:
            raise StorageBusyError("slow down")

    with pytest.raises(StorageBusyError):
        inspect(Busy(CSV, "orders.csv"))


@pytest.mark.parametrize("name", ["orders.csv", "orders.json", "orders.parquet", "orders"])
def test_every_refusal_is_an_error_of_the_file(name: str) -> None:
    with pytest.raises(FileError):
        inspected(b"\x00\x01\x02\x03" * 100, name)
