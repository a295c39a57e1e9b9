"""No value of a row is told: not in a log, a notice, an error, a dead letter, a history, a ledger.

Canaries stand in the rows of files of every kind, good and bad. Whatever is told is read as people
and machines read it; a mark in keys and names, which may be told, shows that it was read.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.account.home import NOTIFICATIONS_PATH, Home, get
from tests.integration.bad_input.batch import (
    Batch,
    assert_outcome,
    job_of,
    settle,
)
from tests.integration.bad_input.canaries import (
    CANARY,
    CASES,
    MARK,
    NUMBER,
    PROCEDURE,
    TARGETS,
)
from tests.integration.bad_input.case import Case
from tests.integration.running import Account, closed, running_account, until

pytestmark = pytest.mark.emulated

NEVER = (CANARY[:7].lower(), str(NUMBER))
"""The beginning tells enough, in whatever case."""
FAILING = f"{MARK}view"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sluice")


@pytest.fixture(scope="module")
def batch(folder: Path) -> Iterator[Batch]:
    """All files settled, one load that failed, one message that died."""
    with running_account(folder) as account:
        settled = settle(account, TARGETS, CASES)
        _leave_unrouted(account)
        _fail_a_load(account)
        _fail_a_procedure(account)
        _kill_a_message(account)
        yield settled


def _leave_unrouted(account: Account) -> None:
    """A file of no job, and one of an inactive job."""
    account.configure([job_of(f"{MARK}idle", is_active=False), job_of(FAILING)])
    body = f"id,name\n1,{CANARY}\n".encode()
    account.upload(f"unknown-{MARK}.csv", body)
    account.upload(f"{MARK}idle_1.csv", body)
    until(lambda: any("Inactive Job" in json.dumps(each) for each in _notices(account)))
    until(lambda: account.keys("data/new_files/"))


def _fail_a_load(account: Account) -> None:
    """A target that no load can write: the execution fails, and the rows stay where they are."""
    _execute(
        account,
        "CREATE TABLE kept (id BIGINT, name VARCHAR(64))",
        f"CREATE VIEW {FAILING} AS SELECT id, name FROM kept GROUP BY id, name",
        f"GRANT ALL ON TABLE {FAILING} TO PUBLIC",
    )
    account.upload(f"{FAILING}_1.csv", f"id,name\n1,{CANARY}\n".encode())
    until(lambda: any("Failed: public." in json.dumps(each) for each in _notices(account)))


def _fail_a_procedure(account: Account) -> None:
    """A release whose call reads the rows, and quotes the one it cannot take."""
    caller = '"IAMR:sluice-local-run-procedures"'
    grant = f"GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA public TO {caller}"
    _execute(account, PROCEDURE, grant)
    text = f"CALL {MARK}_words();\n".encode()
    account.client("s3").put_object(Bucket=account.info.bucket, Key="Redshift/Rel1.txt", Body=text)
    until(lambda: any("Release with errors" in each["subject"] for each in _notices(account)))


def _execute(account: Account, *statements: str) -> None:
    data = account.client("redshift-data")
    made = data.batch_execute_statement(
        WorkgroupName=account.info.workgroup,
        Database=account.info.database,
        Sqls=list(statements),
    )["Id"]
    answer = until(lambda: closed(data.describe_statement(Id=made)))
    assert answer["Status"] == "FINISHED", answer.get("Error")


def _kill_a_message(account: Account) -> None:
    """Without a valid config.json no message is acknowledged."""
    account.configure("{")
    account.upload(f"{MARK}_dead.csv", f"id,name\n1,{CANARY}\n".encode())
    until(lambda: any(f"{MARK}_dead.csv" in each for each in _dead_letters(account)))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_file_takes_the_way_it_is_here_for(batch: Batch, case: Case) -> None:
    assert_outcome(batch, case)


def test_nothing_is_lost_meanwhile(batch: Batch) -> None:
    for table in TARGETS:
        assert batch.rows(table)


def test_the_canaries_are_there_to_be_told(batch: Batch) -> None:
    """In the tables, in the raw copies, and in the engine's own words about what failed."""
    account = batch.account
    assert (NUMBER, CANARY) in batch.rows(MARK)
    raw = [account.read(key) for key in account.keys(f"data/raw/{MARK}/")]
    assert sum(CANARY.encode() in body for body in raw) > 10
    said = account.query(
        "SELECT query_text, error_message FROM sys_query_history WHERE status = 'failed'"
    )
    told = [str(text) for text, message in said if CANARY in str(message)]
    assert any(text.startswith("INSERT") for text in told)
    assert any(text.startswith("CALL") for text in told)


def _logs(account: Account) -> list[str]:
    client = account.client("logs")
    lines: list[str] = []
    for group in client.describe_log_groups()["logGroups"]:
        pages = client.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group["logGroupName"]):
            lines += [event["message"] for event in page["events"]]
    return lines


def _metrics(account: Account) -> list[str]:
    return [line for line in _logs(account) if "CloudWatchMetrics" in line]


def _notices(account: Account) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(account.info, NOTIFICATIONS_PATH)
    return found


def _told_to_people(account: Account) -> list[str]:
    return [f"{each['subject']}\n{each['message']}" for each in _notices(account)]


def _errors(account: Account) -> list[str]:
    keys = [key for key in account.keys("data/rejected/") if key.endswith(".error.json")]
    return [account.read(key).decode() for key in keys]


def _work(account: Account) -> list[str]:
    return [account.read(key).decode() for key in account.keys("work/")]


def _ledger(account: Account) -> list[str]:
    pages = account.client("dynamodb").get_paginator("scan")
    found = pages.paginate(TableName=account.info.ledger_table)
    return [json.dumps(item, default=repr) for page in found for item in page["Items"]]


def _dead_letters(account: Account) -> list[str]:
    sqs = account.client("sqs")
    bodies: list[str] = []
    for url in sqs.list_queues()["QueueUrls"]:
        if "dead-letters" in url:
            # looked at, not taken: they are visible again at once
            found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
            bodies += [message["Body"] for message in found.get("Messages", [])]
    return bodies


def _executions(account: Account) -> list[str]:
    states = account.client("stepfunctions")
    told: list[str] = []
    for machine in states.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        for execution in states.list_executions(stateMachineArn=arn)["executions"]:
            one = {"executionArn": execution["executionArn"]}
            told.append(json.dumps(states.describe_execution(**one), default=str))
            history = states.get_execution_history(**one)["events"]
            told += [json.dumps(event, default=str) for event in history]
    return told


def _history(account: Account) -> list[str]:
    rows = account.query("SELECT object_key, error_type, error_message FROM sluice.load_history")
    return [json.dumps(row) for row in rows]


TELLING: dict[str, Callable[[Account], list[str]]] = {
    "log lines": _logs,
    "metrics": _metrics,
    "notices": _told_to_people,
    "error files": _errors,
    "plans, lists and verdicts in work/": _work,
    "ledger": _ledger,
    "dead letters": _dead_letters,
    "executions": _executions,
    "load history": _history,
}


def _holding(texts: list[str], words: tuple[str, ...]) -> list[str]:
    return [text for text in texts if any(word in text.lower() for word in words)]


@pytest.mark.parametrize("name", TELLING)
def test_no_value_of_a_row_is_told(batch: Batch, name: str) -> None:
    told = TELLING[name](batch.account)
    # the metrics know no names: it is enough that there are some
    assert _holding(told, ("sluice",) if name == "metrics" else (MARK,)), "nothing was looked at"
    leaks = _holding(told, NEVER)
    assert not leaks, f"{len(leaks)} of {len(told)}, such as {leaks[0][:2000]}"


def test_no_function_prints_a_value(batch: Batch, folder: Path) -> None:
    """What the functions write anywhere, structured or not."""
    written = [path.read_text() for path in Home(folder=folder).logs.glob("*.log")]
    assert len(written) >= 5
    assert _holding(written, (MARK,))
    assert not _holding(written, NEVER)
    assert batch.cases
