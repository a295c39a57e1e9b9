"""What opens a release: an upload by itself, unless who uploaded it starts it."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from config.runtime import OpenReleaseSettings
from lambdas.open_release.opening import Opening
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.release_ledger import ReleaseHead, ReleaseLedger
from lambdas.shared.aws.workflow import KNOWN_AFTER_TRIES
from lambdas.shared.domain.release_request import STARTED_BY_REQUEST
from lambdas.shared.domain.release_run import ReleaseState, ReleaseStep, id_of_file, lease_of
from tests.moto_account import empty_account, make_bucket, make_ledger

BUCKET, KEY = "sluice-data", "Redshift/Rel1.txt"
SETTINGS = OpenReleaseSettings(
    bucket=BUCKET,
    ledger_table="ledger",
    release_prefix="Redshift/Rel",
    workgroup="sluice-dev",
    cluster_id="",
    database="dev",
    limit_seconds=300,
    on_error="continue",
)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A bucket with versions, and a ledger."""
    with empty_account(monkeypatch):
        make_bucket(BUCKET)
        make_ledger()
        yield


def opened(request: Any, **release: Any) -> dict[str, Any]:
    step = ReleaseStep(
        request=request,
        execution_id="arn:aws:states:us-east-1:123456789012:execution:sluice-dev-release:one",
        execution_name="one",
        started_at="2026-01-01T00:00:00Z",
        release={"status": "NEW", **release},
    )
    return Opening(step, SETTINGS).open()


def event(version_id: str) -> dict[str, Any]:
    return {
        "detail-type": "Object Created",
        "time": "2026-01-01T00:00:00Z",
        "detail": {
            "bucket": {"name": BUCKET},
            "object": {"key": KEY, "version-id": version_id, "etag": "e", "size": 4},
        },
    }


def upload(**metadata: str) -> str:
    put = boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"p()\n", Metadata=metadata)
    return str(put["VersionId"])


def test_an_upload_opens_its_release() -> None:
    assert opened(event(upload(owner="ann")))["status"] == "OPENED"


def test_an_upload_that_its_uploader_starts_opens_nothing_by_its_event() -> None:
    version_id = upload(**STARTED_BY_REQUEST)
    by_event = opened(event(version_id))
    assert by_event["status"] == "NOTHING"
    assert by_event["reason"] == f"who uploaded {KEY} starts it"
    request = {"release": KEY, "version_id": version_id, "on_error": "stop"}
    by_request = opened(request)
    assert (by_request["status"], by_request["on_error"]) == ("OPENED", "stop")


def test_an_upload_that_is_gone_is_refused_by_name() -> None:
    version_id = upload()
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=KEY, VersionId=version_id)
    found = opened(event(version_id))
    assert found["status"] == "REFUSED"
    assert f"{KEY} was deleted before it ran" in found["error"]["message"]


@pytest.mark.parametrize(("tries", "status"), [(0, "WAITING"), (KNOWN_AFTER_TRIES, "OPENED")])
def test_a_release_does_not_wait_for_an_execution_that_aws_has_forgotten(
    tries: int, status: str
) -> None:
    """DescribeExecution knows an execution for 90 days after its end."""
    upload()
    holder = "arn:aws:states:us-east-1:123456789012:execution:sluice-dev-release:forgotten"
    Ledger("ledger").take_lease(lease_of("sluice-dev", "dev"), holder, instead_of=None)

    assert opened({"release": KEY}, tries=tries)["status"] == status


def test_a_release_that_a_forgotten_execution_left_open_may_be_resumed() -> None:
    version = upload()
    before = ReleaseHead(
        release_id=id_of_file(BUCKET, KEY, version),
        state=ReleaseState.OPEN,
        execution="arn:aws:states:us-east-1:123456789012:execution:sluice-dev-release:forgotten",
        opened_at="2025-01-01T00:00:00+00:00",
        target="sluice-dev",
        database="dev",
        file=KEY,
        bucket=BUCKET,
        version_id=version,
    )
    assert ReleaseLedger("ledger").open(before, instead_of=None)

    assert opened({"release": KEY, "resume": True})["status"] == "OPENED"
