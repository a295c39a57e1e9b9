"""What a failed transaction says."""

import pytest

from lambdas.upsert.refusals import findings, is_about_data, is_transient, named_file


def test_findings_are_read_from_the_message_that_raised_them() -> None:
    found = findings("ERROR: SLUICE_REFUSED ;NULL_KEY:1:12;WIDTH:2:3:412")
    assert [(each.code, each.details) for each in found] == [
        ("NULL_KEY", ("1", "12")),
        ("WIDTH", ("2", "3", "412")),
    ]


def test_another_error_holds_no_findings() -> None:
    assert findings("ERROR: relation A:1 does not exist") == ()


@pytest.mark.parametrize(
    ("message", "transient", "data"),
    [
        ("ERROR: 1023 Detail: Serializable isolation violation on table", True, False),
        ("ERROR: connection refused", True, False),
        ("ERROR: Load into table 'x' failed. Check 'sys_load_error_detail'", False, True),
        ("ERROR: Numeric data overflow (result precision)", False, True),
        ("ERROR: permission denied for relation orders", False, False),
    ],
)
def test_errors_are_sorted(message: str, transient: bool, data: bool) -> None:
    assert is_transient(message) is transient
    assert is_about_data(message) is data


def test_a_file_is_named_by_the_id_in_its_raw_copy() -> None:
    file_id = "0123456789abcdef" * 2
    path = f"s3://b/data/raw/orders/year=2025/month=11/day=13/{file_id}/a.parquet"
    assert named_file(f"Spectrum Scan Error: {path} has an incompatible Parquet schema") == file_id
    assert named_file("no file in here") is None
