"""The deployed state machine runs by its own definition, with scaled waits and AWS's errors."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest

from local.account import Account
from tests.integration.account.conftest import Aws, eventually

pytestmark = pytest.mark.emulated


def start(aws: Aws, account: Account, name: str = "", **fields: Any) -> str:
    body = json.dumps({"wait": 0, "timeout": 30, **fields})
    answer = aws("stepfunctions").start_execution(
        stateMachineArn=account.info.state_machine_arn, name=name or uuid4().hex, input=body
    )
    return str(answer["executionArn"])


def closed(aws: Aws, arn: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        execution: dict[str, Any] = aws("stepfunctions").describe_execution(executionArn=arn)
        return None if execution["status"] == "RUNNING" else execution

    found: dict[str, Any] = eventually(probe)
    return found


def output(execution: dict[str, Any]) -> Any:
    assert execution["status"] == "SUCCEEDED", execution
    return json.loads(execution["output"])


def times(aws: Aws, mark: str) -> int:
    item = aws("dynamodb").get_item(TableName="seen", Key={"id": {"S": mark}})
    return int(item.get("Item", {}).get("times", {}).get("N", 0))


def test_a_wait_of_a_minute_is_scaled(aws: Aws, account: Account) -> None:
    started = time.monotonic()
    output(closed(aws, start(aws, account, wait=60)))
    assert 0.6 <= time.monotonic() - started < 50  # on a machine that may be busy


def test_the_start_time_reaches_a_function_as_text(aws: Aws, account: Account) -> None:
    result = output(closed(aws, start(aws, account)))
    assert result["started"].endswith("Z")


def test_a_typed_error_is_retried_then_caught_by_its_name(aws: Aws, account: Account) -> None:
    mark, began = uuid4().hex, time.monotonic()
    event = {"mark": mark, "raise": "locked"}
    result = output(closed(aws, start(aws, account, **event)))
    assert result["failure"]["Error"] == "OrderLockedError"
    assert json.loads(result["failure"]["Cause"])["errorMessage"] == "locked"
    assert times(aws, mark) == 3
    assert time.monotonic() - began < 50  # 20 + 40 s of retry intervals, scaled


def test_a_function_s_timeout_and_crash_have_lambda_s_names(aws: Aws, account: Account) -> None:
    slow, crashed = start(aws, account, sleep=5), start(aws, account, exit=1)
    assert output(closed(aws, slow)) == "slow"
    assert output(closed(aws, crashed)) == "crashed"


def test_a_task_that_times_out_does_not_stop_its_function(aws: Aws, account: Account) -> None:
    mark = uuid4().hex
    assert output(closed(aws, start(aws, account, timeout=1, sleep=1.5, mark=mark))) == "late"
    assert times(aws, mark) == 0
    assert eventually(lambda: times(aws, mark) == 1)


def test_a_stopped_execution_is_closed_at_once_and_its_function_goes_on(
    aws: Aws, account: Account
) -> None:
    mark = uuid4().hex
    arn = start(aws, account, sleep=1, mark=mark)
    eventually(
        lambda: any(
            event["type"] == "LambdaFunctionStarted"
            for event in aws("stepfunctions").get_execution_history(executionArn=arn)["events"]
        )
    )
    aws("stepfunctions").stop_execution(executionArn=arn)
    assert closed(aws, arn)["status"] == "ABORTED"
    assert times(aws, mark) == 0
    assert eventually(lambda: times(aws, mark) == 1)
    assert aws("stepfunctions").describe_execution(executionArn=arn)["status"] == "ABORTED"


def test_describe_execution_lags_behind_the_end(aws: Aws, account: Account) -> None:
    arn = start(aws, account, wait=1000)
    aws("stepfunctions").stop_execution(executionArn=arn)
    first = aws("stepfunctions").describe_execution(executionArn=arn)
    assert first["status"] == "RUNNING"
    assert "stopDate" not in first
    last = closed(aws, arn)
    assert (last["status"], "stopDate" in last) == ("ABORTED", True)


def test_a_name_is_taken_while_it_runs_with_another_input_and_after_it_closed(
    aws: Aws, account: Account
) -> None:
    taken = aws("stepfunctions").exceptions.ExecutionAlreadyExists
    name = uuid4().hex
    arn = start(aws, account, name, wait=100)
    assert start(aws, account, name, wait=100) == arn  # same input, still running: idempotent
    with pytest.raises(taken):
        start(aws, account, name, wait=99)
    closed(aws, arn)
    with pytest.raises(taken):
        start(aws, account, name, wait=100)


def test_status_changes_are_events(aws: Aws, account: Account) -> None:
    failed = start(aws, account, name := uuid4().hex, wait="no number")
    closed(aws, failed)
    url = aws("sqs").get_queue_url(QueueName="states")["QueueUrl"]
    found: list[dict[str, Any]] = []

    def both() -> bool:
        answer = aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        details = [json.loads(m["Body"])["detail"] for m in answer.get("Messages", [])]
        found.extend(detail for detail in details if detail["name"] == name)
        return len(found) >= 2

    eventually(both)
    by_status = {detail["status"]: detail for detail in found}
    assert set(by_status) == {"RUNNING", "FAILED"}
    assert by_status["FAILED"]["executionArn"] == failed
    assert by_status["FAILED"]["stateMachineArn"] == account.info.state_machine_arn
    assert json.loads(by_status["FAILED"]["input"])["wait"] == "no number"
    assert by_status["RUNNING"]["stopDate"] is None


def test_the_history_is_logged_to_the_group_the_template_names(aws: Aws, account: Account) -> None:
    arn = start(aws, account)
    closed(aws, arn)
    found = aws("logs").filter_log_events(logGroupName="/aws/vendedlogs/states/machine")["events"]
    lines = [json.loads(event["message"]) for event in found]
    mine = [line["type"] for line in lines if line["execution_arn"] == arn]
    assert mine[0] == "ExecutionStarted"
    assert "ExecutionSucceeded" in mine
