"""Where a file's copies lie, whatever its name."""

from datetime import UTC, datetime

import pytest

from lambdas.shared.domain.files import File


def file(key: str) -> File:
    return File(
        bucket="b",
        key=key,
        version_id="v",
        etag="e",
        size=1,
        sequence="1",
        arrived_at=datetime(2025, 11, 13, 23, 30, tzinfo=UTC),
    )


def places(of: File, job_name: str = "orders") -> list[str]:
    return [of.raw_key(job_name), of.rejected_key(job_name), of.new_files_key]


def test_a_copy_keeps_its_name_in_a_folder_of_its_own() -> None:
    orders = file("data/in/2025/a b+c%2F.csv")
    folder = f"orders/year=2025/month=11/day=13/{orders.file_id}"
    assert places(orders) == [
        f"data/raw/{folder}/a b+c%2F.csv",
        f"data/rejected/{folder}/a b+c%2F.csv",
        "data/new_files/a b+c%2F.csv",
    ]


@pytest.mark.parametrize("letter", ["k", "é", "日", "🙂"])
def test_the_longest_name_s3_takes_has_room_everywhere(letter: str) -> None:
    name = letter * ((1016 - 4) // len(letter.encode())) + ".csv"
    for key in places(file(f"data/in/{name}"), "x" * 256):
        assert len(f"{key}.error.json".encode()) <= 1024
        assert key.endswith(".csv")


def test_long_names_that_begin_alike_stay_apart() -> None:
    keys = {file(f"data/in/{'k' * 1000}{n}.csv").new_files_key for n in range(20)}
    assert len(keys) == 20
