"""Versions in the bucket, on moto: what is copied is the version that was asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lambdas.shared.aws import clients, objects
from lambdas.shared.aws.objects import Objects
from lambdas.shared.domain.files import File
from tests.moto_account import empty_account, make_bucket

_LARGE = 9 * 1024**2
"""More than boto3's managed copy takes in one piece."""


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with empty_account(monkeypatch):
        make_bucket("data")
        yield


@pytest.mark.parametrize("most_at_once", [objects._SINGLE_COPY_BYTES, 1])
def test_the_version_is_copied_though_it_was_overwritten_in_one_piece_or_in_parts(
    most_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_SINGLE_COPY_BYTES", most_at_once)  # 5 GB would be too many
    s3 = clients.s3()
    first = s3.put_object(Bucket="data", Key="data/in/a.csv", Body=b"1" * _LARGE)
    s3.put_object(Bucket="data", Key="data/in/a.csv", Body=b"2")
    file = File(
        bucket="data",
        key="data/in/a.csv",
        version_id=first["VersionId"],
        etag=first["ETag"].strip('"'),
        size=_LARGE,
        sequence="1",
        arrived_at=datetime(2026, 1, 1, tzinfo=UTC),
    )

    Objects("data").copy_version(file, "data/raw/a.csv")

    assert Objects("data").get("data/raw/a.csv") == b"1" * _LARGE


def test_versions_are_deleted_together_though_xml_cannot_hold_the_key_of_one() -> None:
    """Such a key in the body of DeleteObjects fails the call: nothing beside it would go."""
    keys = ["plain.csv", "bell\x07.csv", "return\r\n.csv", "no\ufffecharacter.csv", "é&<>.csv"]
    versions = [
        (key, clients.s3().put_object(Bucket="data", Key=key, Body=b"1")["VersionId"])
        for key in keys
    ]

    Objects("data").delete_versions(versions)

    listed = clients.s3().list_object_versions(Bucket="data")
    assert not listed.get("Versions")
    assert not listed.get("DeleteMarkers")
