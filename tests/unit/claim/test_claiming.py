"""What a claim takes and leaves, on moto: leases of the forgotten, files nobody may copy."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from config.job import Job
from lambdas.claim.claiming import claim
from lambdas.shared.aws import clients
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.ledger_view import LedgerView
from lambdas.shared.aws.objects import Objects
from lambdas.shared.aws.workflow import KNOWN_AFTER_TRIES
from lambdas.shared.domain.errors import DeploymentError, TransientError
from lambdas.shared.domain.files import File, FileState
from lambdas.shared.domain.load import Step
from tests.moto_account import empty_account, make_bucket, make_ledger

BUCKET = "data"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:load:{}"
JOB = Job.model_validate(
    {
        "job_id": "J1",
        "job_name": "orders",
        "source_file_name": "orders*",
        "target_table": "orders",
        "upsert_keys": ["id"],
        "is_active": True,
    }
)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with empty_account(monkeypatch):
        make_bucket(BUCKET)
        make_ledger()
        yield


def pooled(name: str, **put: Any) -> File:
    """A file of the job, uploaded and in its pool."""
    key = f"data/in/{name}.csv"
    answer = clients.s3().put_object(Bucket=BUCKET, Key=key, Body=b"id\n1\n", **put)
    file = File(
        bucket=BUCKET,
        key=key,
        version_id=answer["VersionId"],
        etag=answer["ETag"].strip('"'),
        size=5,
        sequence="01",
        arrived_at=datetime.now(UTC),
    )
    Ledger("ledger").pool_file(file, JOB.job_id)
    return file


def claimed(objects: Objects | None = None, **load: Any) -> dict[str, Any]:
    step = Step(
        job=JOB,
        generation=1,
        execution_id=EXECUTION.format("mine"),
        execution_name="mine",
        started_at="2026-01-01T00:00:00Z",
        load={"status": "NEW", **load},
    )
    return claim(step, ledger=Ledger("ledger"), objects=objects or Objects(BUCKET))


def listed(answer: dict[str, Any]) -> list[str]:
    document = json.loads(Objects(BUCKET).get(answer["files"]))
    return [entry["file"]["key"] for entry in document["files"]]


def test_an_archived_file_waits_with_its_reason_and_its_neighbour_is_claimed() -> None:
    archived, good = pooled("orders_cold", StorageClass="GLACIER"), pooled("orders_good")

    answer = claimed()

    assert (answer["status"], listed(answer)) == ("CLAIMED", [good.key])
    (entry,) = LedgerView("ledger").entries([archived.file_id]).values()
    assert entry.state is FileState.WAITING
    assert entry.error is not None
    assert "ObjectNotInActiveTierError" in entry.error["message"]
    assert Ledger("ledger").pool(JOB.job_id, most=9) == [good]
    # the sweep sends what waits though its job is active; then it is pooled again
    assert Ledger("ledger").pool_file(archived, JOB.job_id) is FileState.POOLED


def test_archived_files_alone_are_an_empty_batch_and_the_next_one_is_looked_at() -> None:
    pooled("orders_cold", StorageClass="DEEP_ARCHIVE")

    answer = claimed(idle=2)

    assert (answer["status"], answer["idle"]) == ("EMPTY", 0)
    assert Ledger("ledger").pool(JOB.job_id, most=9) == []


def test_older_versions_that_nobody_saw_are_put_before_a_file_is_copied() -> None:
    for _ in range(2):
        clients.s3().put_object(Bucket=BUCKET, Key="data/in/orders_good.csv", Body=b"id\n0\n")
    newest, other = pooled("orders_good"), pooled("orders_other")
    *unseen, last = reversed(Objects(BUCKET).versions(newest.key))
    assert last.version_id == newest.version_id

    def nothing_is_copied(*_: object) -> None:
        raise TransientError("CopyObject: SlowDown")

    objects = Objects(BUCKET)
    objects.copy_version = nothing_is_copied  # type: ignore[method-assign] # S3 is busy
    with pytest.raises(TransientError):
        claimed(objects)

    known = Ledger("ledger").versions_of(BUCKET, newest.key)
    assert {each.file.version_id for each in known} == {
        newest.version_id,
        *(each.version_id for each in unseen),
    }
    assert {each.state for each in known} == {FileState.POOLED}
    assert max(known, key=lambda each: each.file.sequence).file == newest
    assert len(Ledger("ledger").pool(JOB.job_id, most=9)) == 4
    assert other.file_id in {each.file_id for each in Ledger("ledger").pool(JOB.job_id, most=9)}


class Denying(Objects):
    """A bucket of which some versions are encrypted with another's key."""

    def __init__(self, *denied: File) -> None:
        super().__init__(BUCKET)
        self.denied = denied

    def copy_version(self, file: File, to_key: str) -> None:
        if file in self.denied:
            raise DeploymentError("CopyObject: AccessDenied: kms:Decrypt", code="AccessDenied")
        super().copy_version(file, to_key)


def test_a_file_that_may_not_be_read_waits_where_others_may() -> None:
    denied, good = pooled("orders_denied"), pooled("orders_good")

    assert listed(claimed(Denying(denied))) == [good.key]
    assert Ledger("ledger").file_state(denied) is FileState.WAITING


def test_where_no_file_may_be_read_the_execution_fails_and_all_keep_their_places() -> None:
    denied = pooled("orders_denied"), pooled("orders_too")

    with pytest.raises(DeploymentError, match="AccessDenied"):
        claimed(Denying(*denied))

    assert {Ledger("ledger").file_state(each) for each in denied} == {FileState.POOLED}


def test_a_file_that_may_not_be_read_and_is_a_batch_by_itself_blocks_no_other() -> None:
    pooled("orders_one"), pooled("orders_two")
    denied, good = Ledger("ledger").pool(JOB.job_id, most=2)

    assert claimed(Denying(denied), limit=1)["status"] == "EMPTY"

    assert Ledger("ledger").file_state(denied) is FileState.WAITING
    assert listed(claimed(Denying(denied), limit=1)) == [good.key]


@pytest.mark.parametrize(("tries", "status"), [(0, "WAITING"), (KNOWN_AFTER_TRIES, "CLAIMED")])
def test_a_lease_whose_holder_aws_has_forgotten_is_taken_over_in_the_end(
    tries: int, status: str
) -> None:
    """DescribeExecution knows an execution for 90 days after its end, and not at its very start."""
    pooled("orders_good")
    Ledger("ledger").take_lease("public.orders", EXECUTION.format("forgotten"), instead_of=None)

    assert claimed(tries=tries)["status"] == status


def test_rounds_without_a_verdict_are_counted_across_claims() -> None:
    pooled("orders_good")

    assert claimed(idle=3)["idle"] == 3
