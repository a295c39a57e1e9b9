"""What docs/file-formats.md says of values that no sample shows: changed in silence, or refused."""

import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from local.warehouse.copy.grammar import parse_copy
from local.warehouse.copy.target import Kind, TargetColumn
from local.warehouse.copy.values import Converted, convert

_COPY = replace(
    parse_copy("COPY t FROM 's3://bucket/key' IAM_ROLE 'arn:aws:iam::1:role/r' FORMAT AS CSV"),
    date_format="auto",
    time_format="auto",
)
_SECTION = Path("docs/file-formats.md").read_text().partition("**What a sample cannot know.**")[2]
_ROWS = [
    (kind, value)
    for kinds, values in re.findall(r"^\| ([A-Z, ]+) \| (`.*?) \|", _SECTION, re.MULTILINE)
    for kind in kinds.split(", ")
    for value in re.findall(r"`([^`Z]+)`", values)
]


def _converted(kind: Kind, value: str) -> Converted:
    column = TargetColumn(name="v", kind=kind, required=False)
    return convert(pa.array([value]), column, _COPY)


def test_the_table_names_the_columns_that_change_values() -> None:
    assert {kind for kind, _ in _ROWS} == {
        *("TIMESTAMP", "TIMESTAMPTZ", "DATE", "TIME", "BIGINT", "DOUBLE PRECISION", "BOOLEAN")
    }


@pytest.mark.parametrize(("kind", "value"), _ROWS)
def test_a_value_that_the_page_names_is_taken(kind: str, value: str) -> None:
    converted = _converted(Kind(kind), value)
    assert converted.first_failure(0) is None
    assert converted.values[0].is_valid


@pytest.mark.parametrize(
    ("kind", "value", "becomes"),
    [
        (Kind.TIMESTAMP, "2024-01-31 10:00:00+02:00", "2024-01-31 10:00:00"),
        (Kind.TIMESTAMP, "2024-01-31T10:00:00Z", "2024-01-31 10:00:00"),
        (Kind.TIMESTAMPTZ, "2024-01-31 10:00:00", "2024-01-31 10:00:00+00:00"),
        (Kind.DATE, "2024-01-31 10:00:00", "2024-01-31"),
        (Kind.DATE, "01/02/2024", "2024-01-02"),
        (Kind.TIMESTAMP, "01/02/2024", "2024-01-02 00:00:00"),
        (Kind.TIME, "10:00:00+02:00", "10:00:00"),
        (Kind.BIGINT, "007", "7"),
        (Kind.DOUBLE, "+5", "5.0"),
        (Kind.BOOLEAN, "1", "True"),
        (Kind.BOOLEAN, "no", "False"),
        (Kind.REAL, "16777217", "16777216.0"),
    ],
)
def test_it_becomes_what_the_page_says(kind: Kind, value: str, becomes: str) -> None:
    assert str(_converted(kind, value).values[0].as_py()) == becomes


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.BIGINT, "1,000"),
        (Kind.BIGINT, "1.0"),
        (Kind.BIGINT, "1e3"),
        (Kind.BIGINT, "9223372036854775808"),
        (Kind.TIMESTAMP, "2024-01-31 10:00:00.123456789"),
        (Kind.DATE, "31/01/2024"),
        (Kind.TIMESTAMP, "31/01/2024"),
    ],
)
def test_what_the_page_says_is_refused_is(kind: Kind, value: str) -> None:
    assert _converted(kind, value).first_failure(0) is not None
