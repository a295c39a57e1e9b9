"""No bytes make inference fail in any way but as an error of the file."""

import gzip
import string
from typing import Any

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdas.shared.domain.columns import FileSchema
from lambdas.shared.domain.errors import FileError
from tests.unit.infer_schema.sources import inspected, parquet

UNHURRIED = settings(deadline=None)  # the machine may be busy
NAMES = st.sampled_from(
    ["a.parquet", "a.csv", "a.json", "a.csv.gz", "a.json.gz", "a", "a.tsv", "a.txt"]
)
FORMATS = st.sampled_from(["auto", "parquet", "csv", "json"])
CSV_TEXT = st.text(string.ascii_letters + string.digits + " ,;|\t\n\r\"'#.-:é\\N", max_size=300)
JSON_TEXT = st.text(string.digits + '{}[]":,\n aeltrufns\\.-', max_size=200)
PARQUET = parquet(
    {
        "id": [1, 2],
        "text": ["a", None],
        "nested": [[1], []],
        "at": pa.array([1, 2], pa.timestamp("ns", "UTC")),
    }
)
FOOTER = int.from_bytes(PARQUET[-8:-4], "little") + 8


def _never_leaks(content: bytes, name: str, file_format: Any = "auto") -> None:
    try:
        schema = inspected(content, name, file_format=file_format)
    except FileError:
        return
    assert schema.columns
    assert FileSchema.from_json(schema.to_json()) == schema


@UNHURRIED
@given(st.binary(max_size=400), NAMES, FORMATS)
@example(b"PAR1PAR1", "a.parquet", "auto")
@example(b"\x1f\x8b", "a.csv.gz", "auto")
@example(b"\xff\xfe", "a.csv", "auto")
@example(b'"', "a.csv", "auto")
@example(b"{", "a.json", "json")
def test_any_bytes_are_a_schema_or_an_error_of_the_file(
    content: bytes, name: str, file_format: str
) -> None:
    _never_leaks(content, name, file_format)


@UNHURRIED
@given(CSV_TEXT, st.sampled_from(["utf-8", "utf-16", "utf-16-le", "latin-1"]))
def test_any_text_is_a_csv_or_an_error_of_the_file(text: str, codec: str) -> None:
    _never_leaks(text.encode(codec), "a.csv")


@UNHURRIED
@given(JSON_TEXT)
def test_any_text_is_json_lines_or_an_error_of_the_file(text: str) -> None:
    _never_leaks(text.encode(), "a.json", "json")


@UNHURRIED
@given(CSV_TEXT, st.integers(0, 300), st.integers(0, 255))
def test_any_damage_to_gzip_is_an_error_of_the_file(text: str, at: int, value: int) -> None:
    packed = bytearray(gzip.compress(text.encode(), mtime=0))
    packed[at % len(packed)] = value
    _never_leaks(bytes(packed), "a.csv")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(1, FOOTER), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_damage_to_a_footer_is_a_schema_or_an_error_of_the_file(
    damage: list[tuple[int, int]],
) -> None:
    content = bytearray(PARQUET)
    for from_end, value in damage:
        content[-from_end] = value
    _never_leaks(bytes(content), "a.parquet")


@UNHURRIED
@given(st.integers(0, len(PARQUET)))
def test_a_parquet_file_cut_anywhere_is_an_error_of_the_file(length: int) -> None:
    _never_leaks(PARQUET[:length], "a.parquet")
