"""What settle deletes from data/in/, on moto: the settled version, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from config.runtime import SettleSettings
from lambdas.settle.handler import handler
from lambdas.shared.aws import clients
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.objects import Objects
from lambdas.shared.domain.files import File, FileState, Verdict
from tests.moto_account import empty_account, make_bucket, make_ledger

BUCKET = "my-data-bucket"
JOB = {
    "job_id": "J1",
    "job_name": "orders",
    "source_file_name": "orders.csv",
    "target_table": "orders",
    "upsert_keys": ["id"],
    "is_active": True,
}
ARN = "arn:aws:states:us-east-1:123456789012:{}:load"


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with empty_account(monkeypatch):
        make_bucket(BUCKET)
        make_ledger()
        topic = clients.sns().create_topic(Name="notices")["TopicArn"]
        settings = SettleSettings(
            bucket=BUCKET,
            ledger_table="ledger",
            topic_arn=topic,
            state_machine_arn=ARN.format("stateMachine"),
            release_machine_arn=ARN.format("stateMachine"),
            log_group="/aws/lambda/settle",
        )
        for name, value in settings.to_env().items():
            monkeypatch.setenv(name, value)
        yield


def upload(sequence: str) -> File:
    put = clients.s3().put_object(Bucket=BUCKET, Key="data/in/orders.csv", Body=b"id\n1\n")
    return File(
        bucket=BUCKET,
        key="data/in/orders.csv",
        version_id=put["VersionId"],
        etag=put["ETag"].strip('"'),
        size=5,
        sequence=sequence,
        arrived_at=datetime.now(UTC),
    )


def settle(*verdicts: Verdict) -> Any:
    for verdict in verdicts:
        Ledger("ledger").pool_file(verdict.file, "J1")
    key = "work/run-0/1/verdicts.json"
    Objects(BUCKET).put_json(key, {"verdicts": [each.to_json() for each in verdicts]})
    execution = {"id": "run", "name": "run", "started_at": datetime.now(UTC).isoformat()}
    event = {
        "job": {"generation": 1, "config": JOB},
        "execution": execution,
        "load": {"status": "DECIDED", "verdicts": key, "rows": 1, "round": 200},
    }
    return handler(event, None)


def there() -> list[str]:
    return [each.version_id for each in Objects(BUCKET).versions("data/in/orders.csv")]


def state_of(file: File) -> FileState | None:
    return Ledger("ledger").file_state(file)


def test_the_settled_version_goes_and_a_newer_one_stays() -> None:
    settled, newer = upload("01"), upload("02")

    settle(Verdict(file=settled, state=FileState.LOADED, rows=1))

    assert there() == [newer.version_id]
    assert state_of(settled) is FileState.LOADED


def test_a_replay_leaves_its_source_alone() -> None:
    source = upload("01")
    again = replace(source, replay=1)

    settle(Verdict(file=again, state=FileState.LOADED, rows=1))

    assert there() == [source.version_id]
    assert state_of(again) is FileState.LOADED
    assert state_of(source) is None


def test_what_was_missing_is_not_deleted() -> None:
    file = upload("01")

    settle(Verdict(file=file, state=FileState.MISSING))

    assert there() == [file.version_id]
    assert state_of(file) is FileState.MISSING
