"""Every grant of every role is used, and nothing is asked for that is not granted.

The rare ways through a function are taken by invoking it with what would lead there: the function,
its role and the services are those of any other run.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer

from config.job import Expectation, Job, find_matching_job, parse_jobs
from lambdas.shared.domain.files import File, FileState, Verdict
from local.account.assembly import synthesize
from local.account.home import HEALTH_PATH, AccountInfo, Home
from local.account.permissions import RECORD_VARIABLE
from local.account.process import start_detached
from tests.integration.http_api import call, outputs
from tools.identities import Comparison, compare, load_exemptions, read_notes, write

pytestmark = pytest.mark.emulated
ROOT = Path(__file__).parents[2]
JOBS = parse_jobs((ROOT / "config" / "config.json").read_bytes())
_PATIENCE_SECONDS = 90
_WORKGROUP = "sluice-local"
_NO_RELEASE = "arn:aws:states:us-east-1:123456789012:execution:sluice-local-release:gone"
_CLOSED_LONG_AGO = "arn:aws:states:us-east-1:123456789012:execution:sluice-local-load:gone"


class Account:
    """The running account, and the ways through its functions."""

    def __init__(self, info: AccountInfo) -> None:
        self.info = info

    def client(self, service: str) -> Any:
        new_client: Any = boto3.client
        return new_client(
            service,
            endpoint_url=self.info.endpoint_url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            region_name=self.info.region,
        )

    def upload(self, key: str, body: bytes, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client("s3").put_object(
            Bucket=self.info.bucket, Key=key, Body=body, **more
        )
        return answer

    def keys(self, prefix: str) -> list[str]:
        listed = self.client("s3").list_objects_v2(Bucket=self.info.bucket, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]

    def invoke(self, function: str, event: Any) -> dict[str, Any]:
        answer = self.client("lambda").invoke(
            FunctionName=f"sluice-local-{function}", Payload=json.dumps(event)
        )
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        return payload

    def remember(self, **item: Any) -> None:
        marshal = TypeSerializer().serialize
        self.client("dynamodb").put_item(
            TableName=self.info.ledger_table,
            Item={name: marshal(value) for name, value in item.items()},
        )

    def forget(self, file: File) -> None:
        """Take what route wrote down of a file out of the ledger."""
        key = {"pk": {"S": f"FILE#{file.file_id[:16]}"}, "sk": {"S": file.file_id}}
        ledger = self.client("dynamodb")
        until(
            lambda: ledger.delete_item(
                TableName=self.info.ledger_table, Key=key, ReturnValues="ALL_OLD"
            ).get("Attributes")
        )

    def versions(self, key: str) -> list[str]:
        """The versions of a key that are in the bucket."""
        found = self.client("s3").list_object_versions(Bucket=self.info.bucket, Prefix=key)
        return [each["VersionId"] for each in found.get("Versions", [])]

    def file(self, key: str, body: bytes = b"a\n1\n", **more: Any) -> File:
        """A file that is in the bucket."""
        put = self.upload(key, body, **more)
        return File(
            bucket=self.info.bucket,
            key=key,
            version_id=put["VersionId"],
            etag=put["ETag"].strip('"'),
            size=len(body),
            sequence="00A0",
            arrived_at=datetime.now(UTC),
        )

    def document(self, key: str, content: Any) -> str:
        self.upload(key, json.dumps(content).encode())
        return key

    def sweep_by_hand_only(self) -> None:
        """Stop the schedule, whose sweeps come every few seconds here and would be first."""
        self.client("events").disable_rule(Name="sluice-local-sweep")


def until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.1)
    raise AssertionError("nothing came of it in time")


def step_of(job: Job, **load: Any) -> dict[str, Any]:
    """What the state machine gives a task; `job` has a name of its own so that tables differ."""
    return {
        "job": {"generation": 1, "config": job.to_input()},
        "execution": {
            "id": _CLOSED_LONG_AGO,
            "name": f"by-hand-{job.job_id}",
            "started_at": datetime.now(UTC).isoformat(),
        },
        "load": load,
    }


def job(number: int) -> Job:
    """A job of nobody's: none of config.json has its id, its table or its files."""
    given = find_matching_job(JOBS, "customers.csv")
    assert given is not None
    return given.model_copy(
        update={
            "job_id": f"HAND{number}",
            "job_name": f"by_hand_{number}",
            "target_table": f"by_hand_{number}",
        }
    )


def a_file_loads_and_a_bad_one_with_tags_is_put_aside(account: Account) -> None:
    account.upload("data/in/order_items_bad.parquet", b"PAR1 truncated", Tagging="owner=ann")
    account.upload("data/in/customers.csv", b"customer_id,name\n1,Ann\n", Tagging="owner=ann")
    until(lambda: len(account.keys("data/rejected/")) == 2)
    until(lambda: account.keys("data/in/") == [])


def an_unknown_file_with_tags_is_moved(account: Account) -> None:
    account.upload("data/in/mystery.csv", b"a\n1\n", Tagging="owner=ann")
    until(lambda: account.keys("data/new_files/") == ["data/new_files/mystery.csv"])


def an_event_names_an_object_that_is_gone(account: Account) -> None:
    """Whether a version that was known was copied decides where others stand."""
    known = replace(account.file("work/hand/gone.csv"), key="data/in/customers.csv")
    account.remember(
        pk=f"FILE#{known.file_id[:16]}", sk=known.file_id, state="POOLED", **known.to_json()
    )
    event = {
        "detail-type": "Object Created",
        "time": datetime.now(UTC).isoformat(),
        "detail": {
            "bucket": {"name": account.info.bucket},
            "object": {"key": "data/in/customers.csv"},
        },
    }
    assert account.invoke("route", event)["status"] == "missing"


def an_unknown_file_is_gone_before_it_is_moved(account: Account) -> None:
    event = {
        "detail-type": "Object Created",
        "time": datetime.now(UTC).isoformat(),
        "detail": {
            "bucket": {"name": account.info.bucket},
            "object": {
                "key": "data/in/nobody-s.csv",
                "version-id": "gone",
                "etag": "0",
                "size": 1,
                "sequencer": "01",
            },
        },
    }
    assert account.invoke("route", event)["status"] == "missing"


def a_job_that_fails_again_and_again_is_given_up(account: Account) -> None:
    tired, file = job(6), account.file("work/hand/tired.csv")
    account.remember(
        pk=f"JOB#{tired.job_id}", sk=f"POOL#{file.sequence}#{file.file_id}", file=file.to_json()
    )
    account.remember(pk=f"JOB#{tired.job_id}", sk="HEAD", generation=1, failures=1000)
    execution_input = {"glue_jobs": [{"job_id": tired.job_id, "generation": 1}]}
    event = {
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"name": "tired", "input": json.dumps(execution_input)},
    }
    assert account.invoke("route", event) == {"status": "woken", "execution": "tired"}


def a_failed_execution_wakes_its_job_later(account: Account) -> None:
    failed, file = job(1), account.file("work/hand/failed.csv")
    account.remember(
        pk=f"JOB#{failed.job_id}", sk=f"POOL#{file.sequence}#{file.file_id}", file=file.to_json()
    )
    execution_input = {"glue_jobs": [{"job_id": failed.job_id, "generation": 1}]}
    event = {
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"name": "gone", "input": json.dumps(execution_input)},
    }
    assert account.invoke("route", event) == {"status": "woken", "execution": "gone"}


def a_table_is_another_execution_s(account: Account) -> None:
    waiting = job(2)
    account.remember(
        pk=f"TABLE#public.{waiting.target_table}",
        sk="LEASE",
        holder=f"{_CLOSED_LONG_AGO}-another",
        epoch=1,
    )
    assert account.invoke("claim", step_of(waiting, status="NEW"))["status"] == "WAITING"


def an_archived_file_is_withdrawn_once_an_older_version_is_pooled(account: Account) -> None:
    waiting = job(9)
    account.forget(account.file("data/in/products.csv", b"older"))
    file = account.file("data/in/products.csv", StorageClass="GLACIER")
    account.remember(
        pk=f"FILE#{file.file_id[:16]}", sk=file.file_id, state="POOLED", **file.to_json()
    )
    account.remember(
        pk=f"JOB#{waiting.job_id}", sk=f"POOL#{file.sequence}#{file.file_id}", file=file.to_json()
    )
    assert account.invoke("claim", step_of(waiting, status="NEW"))["status"] == "EMPTY"
    assert account.invoke("claim", step_of(waiting, status="NEW"))["count"] == 1


def a_raw_copy_is_gone_before_it_is_read(account: Account) -> None:
    lost, file = job(3), account.file("work/hand/lost.csv")
    files = [{"file": file.to_json() | {"file_id": file.file_id}, "missing": False}]
    files[0]["raw_key"] = file.raw_key(lost.job_name)
    key = account.document("work/hand/files.json", {"files": files})
    answer = account.invoke("infer-schema", step_of(lost, status="CLAIMED", files=key))
    assert answer["errorType"] == "ObjectGoneError"


def a_rejected_file_s_raw_copy_is_gone(account: Account) -> None:
    rejecting = job(4)
    file = account.file("data/in/products.csv")  # of an inactive job: nobody else moves it
    verdict = Verdict(file=file, state=FileState.REJECTED, rows=None, error={"type": "RowError"})
    key = account.document("work/hand/verdicts.json", {"verdicts": [verdict.to_json()]})
    event = step_of(rejecting, status="DECIDED", verdicts=key, round=200)
    assert account.invoke("settle", event) == {"status": "RELEASED", "round": 200}


def the_last_round_leaves_the_rest_to_the_next_execution(account: Account) -> None:
    more, file = job(5), account.file("data/in/products.csv")
    account.remember(
        pk=f"JOB#{more.job_id}", sk=f"POOL#{file.sequence}#{file.file_id}", file=file.to_json()
    )
    answer = account.invoke("settle", step_of(more, status="DECIDED", round=200))
    assert answer == {"status": "RELEASED", "round": 200}
    machine = account.client("stepfunctions")
    until(
        lambda: any(
            "by_hand_5" in each["name"]
            for each in machine.list_executions(stateMachineArn=account.info.state_machine_arn)[
                "executions"
            ]
        )
    )


def a_sweep_finds_what_was_overlooked(account: Account) -> None:
    late = job(7).model_copy(
        update={
            "source_file_name": "by_hand_7.csv",
            "expect": Expectation(by="00:00", every="hour"),
        }
    )
    account.document("config/config.json", [each.to_input() for each in (*JOBS, late)])
    settled, waiting = account.file("data/in/products.csv"), account.file("data/in/late.csv")
    account.remember(
        pk=f"FILE#{settled.file_id[:16]}",
        sk=settled.file_id,
        state="LOADED",
        **settled.to_json(),
    )
    account.remember(
        pk=f"JOB#{late.job_id}", sk=f"POOL#{waiting.sequence}#{waiting.file_id}",
        file=waiting.to_json(),
    )  # fmt: skip
    account.remember(pk=f"JOB#{late.job_id}", sk="EXPECTED", since="2020-01-01T00:00:00+00:00")
    swept = account.invoke("sweep", {"by_hand": True})
    assert swept["position"] is None, swept
    assert swept["overdue"] == 1
    # and what an execution of another scenario is settling meanwhile
    assert swept["cleared"] >= 1
    assert settled.version_id not in account.versions(settled.key)
    assert swept["woken"] >= 1
    by_the_clock = account.invoke("sweep", {})  # only that keeps its place
    assert by_the_clock["position"] is None, by_the_clock


def a_sweep_has_no_jobs(account: Account) -> None:
    account.client("s3").delete_object(Bucket=account.info.bucket, Key="config/config.json")
    assert account.invoke("sweep", {})["errorType"] == "ConfigMissingError"


def release_step(status: str, *, holder: str = _NO_RELEASE, **release: Any) -> dict[str, Any]:
    """What the release machine gives a task; the release is one that nobody opened."""
    return {
        "request": release.pop("request", {}),
        "execution": {
            "id": holder,
            "name": "by-hand",
            "started_at": datetime.now(UTC).isoformat(),
        },
        "release": {
            "status": status,
            "target": _WORKGROUP,
            "database": "dev",
            "round": 0,
            "next": 1,
            "again": {},
            "on_error": "continue",
        }
        | release,
    }


def release(account: Account, name: str, **request: Any) -> dict[str, Any]:
    """The response of the release machine."""
    machine = account.client("stepfunctions")
    arn = account.info.state_machine_arn.replace("sluice-local-load", "sluice-local-release")
    started = machine.start_execution(stateMachineArn=arn, name=name, input=json.dumps(request))
    closed = until(lambda: ended(machine.describe_execution(executionArn=started["executionArn"])))
    response: dict[str, Any] = json.loads(closed["output"])
    return response


def ended(execution: dict[str, Any]) -> dict[str, Any] | None:
    return None if execution["status"] == "RUNNING" else execution


def a_release_runs_and_a_call_is_cancelled_at_its_limit(account: Account) -> None:
    for sql in (
        "CREATE TABLE by_hand_many AS SELECT prooid FROM pg_proc_info",
        "CREATE PROCEDURE by_hand_slow() AS $$ DECLARE n BIGINT; BEGIN SELECT count(*) INTO n FROM"
        " by_hand_many a, by_hand_many b, by_hand_many c, by_hand_many d; END; $$"
        " LANGUAGE plpgsql SECURITY DEFINER",
        'GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA public TO "IAMR:sluice-local-run-procedures"',
    ):
        run_sql(account, sql)
    account.upload("Redshift/Rel0.txt", b"-- refused, as it holds no call\n")
    until(lambda: "Redshift/Rel0.txt" in str(releases_known(account)))
    account.client("events").disable_rule(Name="sluice-local-release-uploaded")
    account.upload("Redshift/Rel1.txt", b"by_hand_slow\n")
    response = release(account, "slow", limit_seconds=1)
    assert response["body"]["execution_results"][0]["status"] == "TIMED_OUT"


def releases_known(account: Account) -> list[Any]:
    items: list[Any] = account.client("dynamodb").query(
        TableName=account.info.ledger_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "RELEASES"}},
    )["Items"]
    return items


def run_sql(account: Account, sql: str) -> None:
    data = account.client("redshift-data")
    statement = data.execute_statement(
        WorkgroupName=account.info.workgroup, Database=account.info.database, Sql=sql
    )["Id"]
    answer = until(
        lambda: closed_statement(data.describe_statement(Id=statement, WaitTimeSeconds=5))
    )
    assert answer["Status"] == "FINISHED", answer.get("Error")


def closed_statement(answer: dict[str, Any]) -> dict[str, Any] | None:
    return answer if answer["Status"] in ("FINISHED", "FAILED", "ABORTED") else None


def a_release_is_asked_for_over_https(account: Account) -> None:
    url = outputs(account)["ReleaseApiUrl"]
    _, accepted = call(f"{url}/releases", "POST", {"release": "Redshift/none.txt"})
    assert call(f"{url}{accepted['location']}", "GET")[0] == 200


def a_release_waits_for_the_database(account: Account) -> None:
    lease = {"pk": "TABLE#procedures@sluice-local/dev", "sk": "LEASE"}
    account.remember(**lease, holder=f"{_NO_RELEASE}-another", epoch=1)
    account.upload("Redshift/Rel2.txt", b"by_hand_slow\n")
    request = {"release": "Redshift/Rel2.txt"}
    step = release_step("NEW", request=request)
    assert account.invoke("open-release", step)["status"] == "WAITING"
    account.remember(**lease, holder="", epoch=1)


def a_release_is_gone_before_it_is_read(account: Account) -> None:
    request = {"release": "Redshift/Rel3.txt", "version_id": "gone"}
    answer = account.invoke("open-release", release_step("NEW", request=request))
    assert answer["status"] == "REFUSED"


def calls_of_a_release_are_read_from_its_plan(account: Account) -> None:
    account.remember(
        pk="RELEASES",
        sk="0" * 16,
        release_id="0" * 16,
        state="REFUSED",
        execution=_NO_RELEASE,
        opened_at=datetime.now(UTC).isoformat(),
        target=_WORKGROUP,
        database="dev",
    )
    request = {"release": "0" * 16}
    answer = account.invoke("open-release", release_step("NEW", request=request))
    assert answer["status"] == "REFUSED"
    for function in ("run-procedures", "close-release"):
        account.invoke(function, release_step("DONE", release_id="0" * 16))


def a_loaded_batch_starts_the_calls_of_its_job(account: Account) -> None:
    calling = job(8).model_copy(update={"after_load": ["CALL nothing()"]})
    file = account.file("data/in/products.csv")
    verdict = Verdict(file=file, state=FileState.LOADED, rows=1)
    key = account.document("work/hand/loaded.json", {"verdicts": [verdict.to_json()]})
    event = step_of(calling, status="DECIDED", verdicts=key, round=200)
    assert account.invoke("settle", event)["status"] == "RELEASED"


def a_usage_limit_is_changed_and_taken_away(account: Account) -> None:
    limits = account.client("redshift-serverless")
    (limit,) = limits.list_usage_limits()["usageLimits"]
    for kind in ("Update", "Delete"):
        event = {
            "RequestType": kind,
            "ResponseURL": f"{account.info.endpoint_url}{HEALTH_PATH}",
            "StackId": "by-hand",
            "RequestId": "by-hand",
            "LogicalResourceId": "UsageLimit",
            "PhysicalResourceId": limit["usageLimitId"],
            "ResourceProperties": {
                "workgroup": limit["resourceArn"],
                "daily_rpu_hours": str(limit["amount"]),
                "breach_action": limit["breachAction"],
            },
        }
        account.invoke("limit-usage", event)
    assert "usageLimits" not in limits.list_usage_limits()


SCENARIOS = (
    a_release_runs_and_a_call_is_cancelled_at_its_limit,
    a_release_is_asked_for_over_https,
    a_release_waits_for_the_database,
    a_release_is_gone_before_it_is_read,
    calls_of_a_release_are_read_from_its_plan,
    a_file_loads_and_a_bad_one_with_tags_is_put_aside,
    an_unknown_file_with_tags_is_moved,
    an_event_names_an_object_that_is_gone,
    an_unknown_file_is_gone_before_it_is_moved,
    a_failed_execution_wakes_its_job_later,
    a_job_that_fails_again_and_again_is_given_up,
    a_table_is_another_execution_s,
    an_archived_file_is_withdrawn_once_an_older_version_is_pooled,
    a_raw_copy_is_gone_before_it_is_read,
    a_rejected_file_s_raw_copy_is_gone,
    the_last_round_leaves_the_rest_to_the_next_execution,
    a_sweep_finds_what_was_overlooked,
    a_sweep_has_no_jobs,
    a_loaded_batch_starts_the_calls_of_its_job,
    a_usage_limit_is_changed_and_taken_away,
)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the roles of one account may do, and did in every scenario."""
    folder = tmp_path_factory.mktemp("notes")
    home = Home(folder=tmp_path_factory.mktemp("sluice"))
    wanted = os.environ.get(RECORD_VARIABLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(RECORD_VARIABLE, str(folder))
        assembly = synthesize(ROOT, "local", cache_dir=home.cache)
        info = start_detached(assembly=assembly, home=home)
    try:
        Account(info).sweep_by_hand_only()
        for scenario in SCENARIOS:
            scenario(Account(info))
    finally:
        home.stop()
    if wanted:  # somebody gathers the notes of more than these scenarios
        for path in folder.glob("*.jsonl"):
            shutil.copy(path, Path(wanted) / f"scenarios-{path.name}")
    return folder


@pytest.fixture(scope="module")
def comparison(notes: Path) -> Comparison:
    found = compare(*read_notes(notes), load_exemptions())
    write(found)  # so that check-infra, which comes next, need not take all these ways again
    return found


def test_everything_that_is_granted_is_used(comparison: Comparison) -> None:
    assert comparison.granted_not_exercised == ()


def test_nothing_is_asked_for_that_is_not_granted(comparison: Comparison) -> None:
    assert comparison.exercised_not_granted == ()


def test_every_exemption_is_still_needed(comparison: Comparison) -> None:
    assert comparison.stale_exemptions == ()


def test_a_grant_that_nobody_uses_is_found(notes: Path) -> None:
    grants, made = read_notes(notes)
    without = [each for each in made if each.call.action != "sns:Publish"]
    found = compare(grants, without, load_exemptions()).granted_not_exercised
    assert {line.split(" on ")[0] for line in found} == {
        "sluice-local-route: sns:Publish",
        "sluice-local-settle: sns:Publish",
        "sluice-local-sweep: sns:Publish",
        "sluice-local-close-release: sns:Publish",
    }


def test_a_call_that_no_grant_admits_is_found(notes: Path) -> None:
    grants, made = read_notes(notes)
    kept = {grant for grant in grants if grant.action != "states:StartExecution"}
    found = compare(kept, made, load_exemptions()).exercised_not_granted
    assert {line.split(" on ")[0] for line in found} == {
        "sluice-local-route: states:StartExecution",
        "sluice-local-settle: states:StartExecution",
        "sluice-local-release-by-uploads: states:StartExecution",
        "sluice-local-release-api: states:StartExecution",
    }
