"""Without valid jobs no file is acknowledged: it waits, dies visibly, and loads once they are."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.bad_input.batch import job_of
from tests.integration.running import Account, running_account, until

pytestmark = pytest.mark.emulated


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A config.json nobody can use, and what is said of it; `text` is None where it is missing."""

    table: str
    text: str | None
    error: str
    words: str

    @property
    def name(self) -> str:
        """The file that arrives meanwhile."""
        return f"{self.table}_1.csv"

    def is_told(self, refusals: list[dict[str, Any]]) -> bool:
        """Whether one of these refusals says what is wrong."""
        return any(
            said["error"] == self.error and self.words in said["reason"] for said in refusals
        )


_SHORT = {name: value for name, value in job_of("short").items() if name != "target_table"}
BROKEN = [
    Broken(table="gone", text=None, error="ConfigMissingError", words="config file not found"),
    Broken(table="text", text="[{", error="ConfigInvalidError", words="is not JSON: line 1"),
    Broken(table="dict", text='{"jobs": []}', error="ConfigInvalidError", words="must be a list"),
    Broken(
        table="short",
        text=json.dumps([_SHORT]),
        error="ConfigInvalidError",
        words="job 1 (job-short): target_table: is required",
    ),
    Broken(
        table="twice",
        text=json.dumps([job_of("twice"), job_of("twice", job_id="other")]),
        error="ConfigInvalidError",
        words="can match the same file; make them exclude each other",
    ),
]
JOBS = [job_of(table) for table in (*(each.table for each in BROKEN), "back")]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running_account(tmp_path_factory.mktemp("sluice")) as running:
        yield running


def test_files_that_arrive_without_valid_jobs_are_not_lost(account: Account) -> None:
    for broken in BROKEN:
        _configure(account, broken.text)
        refused = len(_refusals(account))
        account.upload(broken.name, b"id,name\n1,Ann\n")
        until(lambda broken=broken, refused=refused: broken.is_told(_refusals(account)[refused:]))

    dead_letters = account.info.dead_letter_queue_url
    until(lambda: _waiting(account, dead_letters) == len(BROKEN))
    assert account.keys("data/in/") == sorted(f"data/in/{each.name}" for each in BROKEN)
    assert all(account.verdict(broken.name) is None for broken in BROKEN)
    assert account.keys("data/new_files/") == []
    for broken in BROKEN:
        assert account.keys(f"data/raw/{broken.table}/") == []

    account.configure(JOBS)
    _redrive(account, dead_letters)
    until(lambda: not account.keys("data/in/"))
    for broken in BROKEN:
        assert account.query(f"SELECT id, name FROM {broken.table}") == [[1, "Ann"]]
        assert account.verdict(broken.name) == ["LOADED", 1, None]


def test_a_message_comes_back_by_itself_while_its_time_lasts(account: Account) -> None:
    _configure(account, "{")
    refused = len(_refusals(account))
    account.upload("back_1.csv", b"id,name\n1,Ann\n")
    until(lambda: _refusals(account)[refused:])
    account.configure(JOBS)
    assert until(lambda: account.verdict("back_1.csv")) == ["LOADED", 1, None]
    assert account.query("SELECT id, name FROM back") == [[1, "Ann"]]


def _configure(account: Account, text: str | None) -> None:
    if text is None:
        account.client("s3").delete_object(Bucket=account.info.bucket, Key="config/config.json")
    else:
        account.configure(text)


def _refusals(account: Account) -> list[dict[str, Any]]:
    """What route said each time it gave a message back, in order."""
    events = account.client("logs").filter_log_events(
        logGroupName="/aws/lambda/sluice-local-route", limit=10_000
    )["events"]
    told = [event["message"] for event in events if "message not routed" in event["message"]]
    return [json.loads(line[line.index("{") :]) for line in told]


def _waiting(account: Account, queue: str) -> int:
    name = "ApproximateNumberOfMessages"
    asked = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
    return int(asked["Attributes"][name])


def _redrive(account: Account, dead_letters: str) -> None:
    """Send the dead letters to the queue they came from, as a redrive does."""
    sqs = account.client("sqs")
    arrivals = dead_letters.removesuffix("-dead-letters")
    while messages := sqs.receive_message(QueueUrl=dead_letters).get("Messages"):
        for message in messages:
            sqs.send_message(QueueUrl=arrivals, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])
