"""Functions run as on Lambda: own process and role, timeouts, crashes, logs."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.account import Account
from tests.integration.account.conftest import Aws, eventually

pytestmark = pytest.mark.emulated


def invoke(aws: Aws, function: str, event: dict[str, Any]) -> tuple[Any, str | None]:
    answer = aws("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def test_a_function_sees_lambda_s_environment_and_its_own_and_nothing_else(
    aws: Aws, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAKED_FROM_THE_PARENT", "yes")
    environment = invoke(aws, "mood", {})[0]["environment"]
    assert environment["SEEN_TABLE"] == "seen"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "mood"
    assert environment["AWS_ENDPOINT_URL"] == account.endpoint_url
    assert "LEAKED_FROM_THE_PARENT" not in environment


def test_a_function_is_its_role(aws: Aws) -> None:
    answer, _ = invoke(aws, "mood", {})
    assert answer["identity"].endswith(":assumed-role/worker/mood")


def test_a_warm_environment_is_used_again(aws: Aws) -> None:
    first, _ = invoke(aws, "mood", {})
    second, _ = invoke(aws, "mood", {})
    assert first["pid"] == second["pid"]


def test_a_raised_error_keeps_its_class_name(aws: Aws) -> None:
    answer, error = invoke(aws, "mood", {"raise": "locked"})
    assert (error, answer["errorType"]) == ("Unhandled", "OrderLockedError")
    assert answer["errorMessage"] == "locked"


def test_a_function_is_killed_at_its_timeout_and_works_again(aws: Aws) -> None:
    answer, error = invoke(aws, "mood", {"sleep": 5})
    assert (error, answer["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "Task timed out after 2.00 seconds" in answer["errorMessage"]
    assert invoke(aws, "mood", {})[1] is None


def test_a_crash_is_a_runtime_exit_error_and_the_next_call_works(aws: Aws) -> None:
    answer, error = invoke(aws, "mood", {"exit": 3})
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert answer["errorMessage"].endswith("exit status 3")
    assert invoke(aws, "mood", {})[1] is None


def test_an_import_error_is_told_as_such(aws: Aws) -> None:
    answer, error = invoke(aws, "broken", {})
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert "a_module_nobody_has" in answer["errorMessage"]


def test_what_a_function_prints_is_in_its_log_group_and_its_file(
    aws: Aws, tmp_path_factory: pytest.TempPathFactory, account: Account
) -> None:
    invoke(aws, "mood", {"print": "a line to find"})
    found = eventually(
        lambda: aws("logs").filter_log_events(
            logGroupName="/aws/lambda/mood", filterPattern='"a line to find"'
        )["events"]
    )
    assert "a line to find" in found[0]["message"]
    file = Path(account.home.logs) / "mood.log"
    assert "a line to find" in file.read_text()


def test_an_asynchronous_event_is_retried_twice(aws: Aws) -> None:
    event = json.dumps({"mark": "asynchronous", "raise": "always"})
    answer = aws("lambda").invoke(FunctionName="mood", InvocationType="Event", Payload=event)
    assert answer["StatusCode"] == 202

    def times() -> int:
        item = aws("dynamodb").get_item(TableName="seen", Key={"id": {"S": "asynchronous"}})
        return int(item.get("Item", {}).get("times", {}).get("N", 0))

    assert eventually(lambda: times() == 3)
