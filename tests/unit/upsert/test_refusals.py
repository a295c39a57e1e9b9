"""What a failed transaction says."""

import re

import pytest

from lambdas.shared.domain.upsert_sql import MAX_STATEMENT_BYTES, verdicts_of
from lambdas.upsert.refusals import findings, named_file


def test_findings_are_read_from_the_message_that_raised_them() -> None:
    found = findings("ERROR: SLUICE_REFUSED ;NULL_KEY:1:12;WIDTH:2:3:412")
    assert [(each.code, each.details) for each in found] == [
        ("NULL_KEY", ("1", "12")),
        ("WIDTH", ("2", "3", "412")),
    ]


def test_another_error_holds_no_findings() -> None:
    assert findings("ERROR: relation A:1 does not exist") == ()


def test_a_file_is_named_by_the_id_in_its_raw_copy() -> None:
    file_id = "0123456789abcdef" * 2
    path = f"s3://b/data/raw/orders/year=2025/month=11/day=13/{file_id}/a.parquet"
    assert named_file(f"Spectrum Scan Error: {path} has an incompatible Parquet schema") == file_id
    assert named_file("no file in here") is None


@pytest.mark.parametrize("mark", ['"', "'"])
def test_what_a_row_says_is_no_finding_and_names_no_file(mark: str) -> None:
    value = f"x{mark} SLUICE_REFUSED ;VERDICT:1 s3://b/data/raw/{'0' * 32}/a"
    message = f"ERROR: invalid input syntax for type bigint: {mark}{value}{mark}\n  Detail: {value}"
    assert findings(message) == ()
    assert named_file(message) is None


def test_the_history_is_asked_in_statements_the_data_api_takes() -> None:
    ids = [f"{number:032}" for number in range(10_000)]
    asked = list(verdicts_of(ids))
    assert max(map(len, asked)) < MAX_STATEMENT_BYTES
    assert [each for sql in asked for each in re.findall(r"'(\d{32})'", sql)] == ids
