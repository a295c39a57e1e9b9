"""Files of this machine under data/in/: their keys, and the versions S3 made of them."""

from pathlib import Path

import boto3
import pytest

from cli.exits import UsageError
from cli.uploading import Source, sources, upload
from lambdas.shared.aws.objects import Objects
from lambdas.shared.domain.errors import DeploymentError
from lambdas.shared.domain.files import File, file_id_of
from tests.unit.cli.conftest import BUCKET, Deployed
from tests.unit.cli.files import START


def write(folder: Path, name: str, body: bytes = b"id\n1\n") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def ignore(_source: Source, _size: int) -> None:
    """Nobody looks at the progress."""


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("", "data/in/a b+%.csv"),
        ("eu", "data/in/eu/a b+%.csv"),
        ("/eu/2026/", "data/in/eu/2026/a b+%.csv"),
    ],
)
def test_a_key_is_the_inbox_the_prefix_and_the_name_as_it_is(
    tmp_path: Path, prefix: str, key: str
) -> None:
    (source,) = sources([write(tmp_path, "a b+%.csv")], prefix=prefix)
    assert (source.key, source.size, source.name) == (key, 5, "a b+%.csv")


def test_two_files_of_one_name_are_refused_before_anything_is_uploaded(tmp_path: Path) -> None:
    paths = [write(tmp_path, "x/same.csv"), write(tmp_path, "y/same.csv")]
    with pytest.raises(UsageError, match=r"would both be data/in/same\.csv"):
        sources(paths)


def test_a_folder_a_pipe_and_a_name_too_long_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        sources([tmp_path])
    with pytest.raises(UsageError, match="no ordinary file"):
        sources([Path("/dev/null")])
    with pytest.raises(UsageError, match="keys of 1024"):
        sources([write(tmp_path, "a.csv")], prefix="p" * 1024)
    with pytest.raises(FileNotFoundError):
        sources([tmp_path / "absent.csv"])


def test_an_upload_is_told_by_the_version_it_made(deployed: Deployed, tmp_path: Path) -> None:
    chosen = sources([write(tmp_path, f"{name}.csv", name.encode()) for name in "abc"])
    found = upload(chosen, bucket=BUCKET, sent=ignore)
    assert [each.source for each in found] == chosen
    for each in found:
        answer = boto3.client("s3").get_object(
            Bucket=BUCKET, Key=each.source.key, VersionId=each.version_id
        )
        assert answer["Body"].read().decode() == each.source.name[0]
        assert answer["ETag"].strip('"') == each.etag


def test_somebody_elses_newer_version_is_not_taken_for_ours(
    deployed: Deployed, tmp_path: Path
) -> None:
    path = write(tmp_path, "a.csv")
    (ours,) = upload(sources([path]), bucket=BUCKET, sent=ignore)
    (theirs,) = upload(sources([path]), bucket=BUCKET, sent=ignore)
    assert [each.version_id for each in Objects(BUCKET).versions("data/in/a.csv")] == [
        theirs.version_id,
        ours.version_id,
    ]
    assert ours.file_id != theirs.file_id
    assert ours.file_id[:16] == theirs.file_id[:16]


def test_the_file_id_is_the_one_the_event_leads_to(deployed: Deployed, tmp_path: Path) -> None:
    (ours,) = upload(sources([write(tmp_path, "a.csv")]), bucket=BUCKET, sent=ignore)
    file = File(
        bucket=BUCKET,
        key="data/in/a.csv",
        version_id=ours.version_id,
        etag=ours.etag,
        size=5,
        sequence="1",
        arrived_at=START,
    )
    assert ours.file_id == file.file_id
    assert file_id_of(BUCKET, file.key, file.version_id, file.etag) == file.file_id


def test_a_large_file_goes_in_parts_as_one_version(deployed: Deployed, tmp_path: Path) -> None:
    size = 17 * 1024**2
    told: list[int] = []
    chosen = sources([write(tmp_path, "large.csv", bytes(size))])
    (found,) = upload(chosen, bucket=BUCKET, sent=lambda _, count: told.append(count))
    (version,) = Objects(BUCKET).versions("data/in/large.csv")
    assert (found.version_id, found.etag) == (version.version_id, version.etag)
    assert found.etag.endswith("-2")
    assert sum(told) == size


def test_a_bucket_without_versions_is_not_as_deployed(deployed: Deployed, tmp_path: Path) -> None:
    boto3.client("s3").create_bucket(Bucket="plain")
    with pytest.raises(DeploymentError, match="versioning of bucket plain is off"):
        upload(sources([write(tmp_path, "a.csv")]), bucket="plain", sent=ignore)


def test_a_bucket_that_is_not_there_is_a_deployment_error(
    deployed: Deployed, tmp_path: Path
) -> None:
    with pytest.raises(DeploymentError, match="NoSuchBucket"):
        upload(sources([write(tmp_path, "a.csv")]), bucket="absent", sent=ignore)
