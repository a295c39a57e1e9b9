"""The router's contract, example by example, on moto's S3, DynamoDB, SNS and Step Functions."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from config.runtime import RouteSettings
from lambdas.route.handler import handler
from lambdas.shared.aws import clients
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.objects import Objects
from lambdas.shared.domain.errors import ConfigInvalidError, ConfigMissingError, EventError
from lambdas.shared.domain.files import FileState, Verdict, padded_sequence
from tests.moto_account import empty_account, make_bucket, make_ledger

BUCKET = "my-data-bucket"
EVENTS = {path.stem: path.read_text() for path in Path("tests/events").glob("*.json")}
JOBS = [
    {
        "job_id": f"JOB00{number}",
        "job_name": f"{name}_etl",
        "source_file_name": f"{name}.csv",
        "target_table": name,
        "upsert_keys": keys,
        "is_active": active,
    }
    for number, name, keys, active in [
        (1, "customers", ["customer_id"], True),
        (2, "orders", ["order_id", "customer_id"], True),
        (3, "products", ["product_id"], False),
    ]
]


@dataclass
class Account:
    """The router's surroundings."""

    topic_messages: str
    machine: str

    def upload(
        self, key: str, body: bytes = b"id\n1\n", *, kind: str = "object_created"
    ) -> dict[str, Any]:
        """Put an object; the event S3 would send."""
        answer = clients.s3().put_object(Bucket=BUCKET, Key=key, Body=body)
        event: dict[str, Any] = json.loads(EVENTS[kind])
        event["detail"]["object"] |= {
            "key": key,
            "size": len(body),
            "etag": answer["ETag"].strip('"'),
            "version-id": answer["VersionId"],
        }
        return event

    def configure(self, jobs: Any) -> None:
        """Put config.json."""
        text = jobs if isinstance(jobs, str) else json.dumps(jobs)
        clients.s3().put_object(Bucket=BUCKET, Key="config/config.json", Body=text.encode())

    def notifications(self) -> list[dict[str, Any]]:
        """What the topic's subscriber was sent."""
        answer = clients.sqs().receive_message(QueueUrl=self.topic_messages, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def dead_letters(self) -> list[Any]:
        """What route left to a person."""
        url = clients.sqs().get_queue_url(QueueName="dead-letters")["QueueUrl"]
        answer = clients.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def executions(self) -> list[Any]:
        """The load executions started."""
        answer = clients.stepfunctions().list_executions(stateMachineArn=self.machine)
        return [
            clients.stepfunctions().describe_execution(executionArn=each["executionArn"])
            for each in answer["executions"]
        ]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with empty_account(monkeypatch):
        yield _account(monkeypatch)


def _account(monkeypatch: pytest.MonkeyPatch) -> Account:
    make_bucket(BUCKET)
    make_ledger()
    topic = clients.sns().create_topic(Name="notices")["TopicArn"]
    queue = clients.sqs().create_queue(QueueName="subscriber")["QueueUrl"]
    clients.sns().subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:123456789012:subscriber",
    )
    role = boto3.client("iam").create_role(RoleName="load", AssumeRolePolicyDocument="{}")["Role"][
        "Arn"
    ]
    machine = clients.stepfunctions().create_state_machine(
        name="load", definition='{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}', roleArn=role
    )["stateMachineArn"]
    arrivals = clients.sqs().create_queue(QueueName="arrivals")["QueueUrl"]
    settings = RouteSettings(
        ledger_table="ledger",
        topic_arn=topic,
        state_machine_arn=machine,
        arrivals_queue_url=arrivals,
        dead_letter_queue_url=clients.sqs().create_queue(QueueName="dead-letters")["QueueUrl"],
    )
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
    account = Account(topic_messages=queue, machine=machine)
    account.configure(JOBS)
    return account


def message(event: Any, message_id: str) -> dict[str, Any]:
    body = event if isinstance(event, str) else json.dumps(event)
    return {"messageId": message_id, "eventSource": "aws:sqs", "body": body}


def test_a_file_of_an_active_job_triggers_an_execution(account: Account) -> None:
    answer = handler(account.upload("data/in/Customers.CSV"), None)
    assert answer["status"] == "triggered"
    (execution,) = account.executions()
    assert execution["name"] == answer["execution"]
    (item,) = json.loads(execution["input"])["glue_jobs"]
    assert {name: item[name] for name in list(item)[:5]} == {
        "job_id": "JOB001",
        "job_name": "customers_etl",
        "source_file_name": "Customers.CSV",
        "target_table": "customers",
        "upsert_keys": ["customer_id"],
    }


def test_an_execution_is_named_after_its_job_and_generation(account: Account) -> None:
    name = handler(account.upload("data/in/customers.csv"), None)["execution"]
    assert name.startswith("run-customers_etl-")
    assert name.endswith("-1")
    assert len(name) <= 80


def test_an_event_that_comes_again_after_the_verdict_starts_nothing(account: Account) -> None:
    event = account.upload("data/in/customers.csv")
    handler(event, None)
    ledger = Ledger("ledger")
    (file,) = ledger.pool("JOB001", most=9)
    verdict = Verdict(file=file, state=FileState.LOADED, rows=1, error=None)
    ledger.project([verdict], "JOB001", "batch")

    assert handler(event, None) == {"status": "already_settled", "state": "LOADED"}
    assert len(account.executions()) == 1
    assert ledger.pool("JOB001", most=9) == []


def test_an_event_that_comes_again_before_the_verdict_goes_on_as_the_first(
    account: Account,
) -> None:
    event = account.upload("data/in/customers.csv")
    assert handler(event, None) == handler(event, None)
    assert len(account.executions()) == 1
    assert len(Ledger("ledger").pool("JOB001", most=9)) == 1


def test_a_second_file_of_an_open_generation_is_already_running(account: Account) -> None:
    handler(account.upload("data/in/a/customers.csv"), None)
    clients.stepfunctions()
    answer = handler(account.upload("data/in/b/Customers.csv"), None)
    assert answer == {"status": "already_running"}
    assert len(account.executions()) == 1


def test_a_file_without_a_job_is_moved_and_told(account: Account) -> None:
    event = account.upload("data/in/mystery_file.csv", b"who knows")
    answer = handler(event, None)
    assert answer == {"status": "not_configured", "moved_to": "data/new_files/mystery_file.csv"}
    moved = clients.s3().get_object(Bucket=BUCKET, Key="data/new_files/mystery_file.csv")
    assert moved["Body"].read() == b"who knows"
    left = clients.s3().list_object_versions(Bucket=BUCKET, Prefix="data/in/")
    assert "Versions" not in left
    (notice,) = account.notifications()
    assert notice["Subject"] == "New / Not Configured File"
    assert notice["Message"] == (
        "File not found in config.json\n"
        "Original: data/in/mystery_file.csv\n"
        "Moved to: data/new_files/mystery_file.csv"
    )


def test_a_redelivery_after_a_move_gives_the_same_answer(account: Account) -> None:
    event = account.upload("data/in/mystery_file.csv")
    assert handler(event, None) == handler(event, None)
    copies = clients.s3().list_object_versions(Bucket=BUCKET, Prefix="data/new_files/")
    assert len(copies["Versions"]) == 1
    assert len(account.notifications()) == 1


def test_a_file_of_an_inactive_job_stays_and_is_told(account: Account) -> None:
    answer = handler(account.upload("data/in/products.csv"), None)
    assert answer == {"status": "inactive", "job_id": "JOB003"}
    clients.s3().head_object(Bucket=BUCKET, Key="data/in/products.csv")
    (notice,) = account.notifications()
    assert notice["Subject"] == "Inactive Job"
    assert notice["Message"] == "File: products.csv\nJob ID: JOB003"
    assert account.executions() == []


def test_a_job_turned_active_takes_the_file_that_waited(account: Account) -> None:
    event = account.upload("data/in/products.csv")
    handler(event, None)
    account.configure([job | {"is_active": True} for job in JOBS])
    assert handler(event, None)["status"] == "triggered"


def test_a_file_that_waited_keeps_its_place_when_its_own_event_comes_late(account: Account) -> None:
    """The places of other versions were found beside it."""
    event = account.upload("data/in/products.csv")
    unsaid = json.loads(json.dumps(event))
    del unsaid["detail"]["object"]["sequencer"]
    handler(unsaid, None)
    ledger, key = Ledger("ledger"), event["detail"]["object"]["key"]
    (waiting,) = ledger.versions_of(BUCKET, key)
    account.configure([job | {"is_active": True} for job in JOBS])

    handler(event, None)

    (pooled,) = ledger.versions_of(BUCKET, key)
    assert (waiting.state, pooled.state) == (FileState.WAITING, FileState.POOLED)
    assert pooled.file == waiting.file
    assert ledger.pool("JOB003", most=9) == [waiting.file]
    assert waiting.file.sequence != padded_sequence(event["detail"]["object"]["sequencer"])


@pytest.mark.parametrize("kind", ["object_created_multipart", "object_created_copy"])
def test_a_file_counts_however_it_was_created(account: Account, kind: str) -> None:
    event = account.upload("data/in/customers.csv", kind=kind)
    assert handler(event, None)["status"] == "triggered"


def test_an_event_without_a_version_is_completed_from_the_bucket(account: Account) -> None:
    account.upload("data/in/customers.csv")
    event = json.loads(EVENTS["object_created_incomplete"])
    assert handler(event, None)["status"] == "triggered"


@pytest.mark.parametrize("name", ["a b.csv", "a+b.csv", "a%20b.csv", "ä.csv", "日本.csv"])
def test_keys_are_taken_raw(account: Account, name: str) -> None:
    answer = handler(account.upload(f"data/in/{name}"), None)
    assert answer == {"status": "not_configured", "moved_to": f"data/new_files/{name}"}
    clients.s3().head_object(Bucket=BUCKET, Key=f"data/new_files/{name}")


def test_a_missing_config_acknowledges_nothing(account: Account) -> None:
    clients.s3().delete_object(Bucket=BUCKET, Key="config/config.json")
    with pytest.raises(ConfigMissingError, match=r"config/config\.json"):
        handler(account.upload("data/in/customers.csv"), None)
    record = message(account.upload("data/in/customers.csv"), "m1")
    answer = handler({"Records": [record]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    clients.s3().head_object(Bucket=BUCKET, Key="data/in/customers.csv")


@pytest.mark.parametrize("text", ["{", '{"jobs": []}', '[{"job_id": "JOB001"}]'])
def test_an_invalid_config_acknowledges_nothing(account: Account, text: str) -> None:
    account.configure(text)
    with pytest.raises(ConfigInvalidError):
        handler(account.upload("data/in/customers.csv"), None)
    assert account.executions() == []


def test_only_the_bad_messages_of_a_batch_come_back(account: Account) -> None:
    records = [
        message(account.upload("data/in/customers.csv"), "good"),
        message("no json", "garbled"),
        message({"detail-type": "Something Else", "detail": {}}, "strange"),
        message(account.upload("data/in/orders.csv"), "good too"),
    ]
    answer = handler({"Records": records}, None)
    assert answer == {
        "batchItemFailures": [{"itemIdentifier": "garbled"}, {"itemIdentifier": "strange"}]
    }
    assert len(account.executions()) == 2


def test_a_batch_starts_each_job_once(account: Account) -> None:
    records = [message(account.upload(f"data/in/{n}/customers.csv"), str(n)) for n in range(10)]
    assert handler({"Records": records}, None) == {"batchItemFailures": []}
    assert len(account.executions()) == 1
    pool = clients.dynamodb().query(
        TableName="ledger",
        KeyConditionExpression="pk = :job AND begins_with(sk, :pool)",
        ExpressionAttributeValues={":job": {"S": "JOB#JOB001"}, ":pool": {"S": "POOL#"}},
    )
    assert pool["Count"] == 10


def test_what_no_job_takes_is_moved_after_the_others_jobs_were_started(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy of a large file may outlast the function."""

    class TimeIsOver(BaseException):
        pass

    def never_ends(*_: object) -> None:
        raise TimeIsOver

    monkeypatch.setattr(Objects, "copy_version", never_ends)
    records = [
        message(account.upload("data/in/mystery.csv"), "large"),
        message(account.upload("data/in/customers.csv"), "good"),
    ]
    with pytest.raises(TimeIsOver):
        handler({"Records": records}, None)
    assert len(account.executions()) == 1


def test_an_unknown_event_is_refused(account: Account) -> None:
    with pytest.raises(EventError, match="Something Else"):
        handler({"detail-type": "Something Else", "detail": {}}, None)


def test_a_topic_that_fails_fails_no_file(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "SLUICE_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:gone")
    assert handler(account.upload("data/in/customers.csv"), None)["status"] == "triggered"


def failed_execution(
    account: Account, name: str, generation: int = 1, *, kind: str = "execution_failed"
) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(EVENTS[kind])
    job = JOBS[0] | {"generation": generation}
    event["detail"] |= {"name": name, "input": json.dumps({"glue_jobs": [job]})}
    return event


@pytest.mark.parametrize("kind", ["execution_failed", "execution_aborted", "execution_timed_out"])
def test_an_execution_that_ended_without_settling_is_followed_by_another(
    account: Account, kind: str
) -> None:
    handler(account.upload("data/in/customers.csv"), None)
    assert handler(failed_execution(account, "run-1", kind=kind), None)["status"] == "woken"
    woken = handler(json.loads(EVENTS["wake_up"]), None)
    assert woken["status"] == "triggered"
    assert woken["execution"].endswith("-2")


def test_a_failure_told_twice_closes_one_generation(account: Account) -> None:
    handler(account.upload("data/in/customers.csv"), None)
    handler(failed_execution(account, "run-1"), None)
    handler(failed_execution(account, "run-1"), None)
    woken = handler({"detail-type": "Sluice Wake-up", "detail": {"job_id": "JOB001"}}, None)
    assert woken["execution"].endswith("-2")


def test_a_job_that_only_fails_ends_in_the_dead_letter_queue(account: Account) -> None:
    handler(account.upload("data/in/customers.csv"), None)
    for number in range(1, 10):
        assert not account.dead_letters()
        record = message(failed_execution(account, f"run-{number}", number), "last")
        assert handler({"Records": [record]}, None) == {"batchItemFailures": []}
    (letter,) = account.dead_letters()
    assert "failed 9 times in a row, last in run-9" in letter["detail"]["reason"]


def test_a_dead_letter_that_is_sent_again_wakes_its_job(account: Account) -> None:
    handler(account.upload("data/in/customers.csv"), None)
    for number in range(1, 10):
        handler(failed_execution(account, f"run-{number}", number), None)
    (letter,) = account.dead_letters()
    woken = handler(letter, None)
    assert woken["status"] == "triggered"
    assert woken["execution"].endswith("-10")


def test_a_file_in_the_pool_of_a_job_that_is_gone_is_not_moved(account: Account) -> None:
    """Its load may be under way."""
    event = account.upload("data/in/customers.csv")
    handler(event, None)
    account.configure([])

    answer = handler(event, None)

    assert answer["status"] == "already_known"
    left = clients.s3().list_object_versions(Bucket=BUCKET, Prefix="data/in/")
    assert len(left["Versions"]) == 1
