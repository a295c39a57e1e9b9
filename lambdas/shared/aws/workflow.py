"""State machines: starting executions by name, and asking whether one has ended, and how."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import code_of, translated

_CLOSED = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
KNOWN_AFTER_TRIES = 8
"""Whoever has waited so often, three minutes with waits that double, waits for no new execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an execution ended; its output as JSON if it succeeded."""

    status: str
    output: Any = None
    error: str | None = None


class Workflow:
    """One state machine."""

    def __init__(self, state_machine_arn: str) -> None:
        self.state_machine_arn = state_machine_arn

    def start(self, name: str, payload: dict[str, Any]) -> bool:
        """Start an execution of this name; False when the name is taken.

        A taken name may belong to a run that failed: StartExecution answers
        ExecutionAlreadyExists for 90 days whatever became of the run.
        """
        with translated():
            try:
                clients.stepfunctions().start_execution(
                    stateMachineArn=self.state_machine_arn, name=name, input=json.dumps(payload)
                )
            except ClientError as error:
                if code_of(error) == "ExecutionAlreadyExists":
                    return False
                raise
        return True

    def has_closed(self, name: str) -> bool:
        """Whether the execution of this name has ended; False too if there is none."""
        executions = self.state_machine_arn.replace(":stateMachine:", ":execution:")
        return is_closed(f"{executions}:{name}")

    def described(self, name: str) -> dict[str, Any] | None:
        """Status, output and error of an execution of this name; None if there is none."""
        arn = self.state_machine_arn.replace(":stateMachine:", ":execution:")
        with translated():
            try:
                found = clients.stepfunctions().describe_execution(executionArn=f"{arn}:{name}")
            except ClientError as error:
                if code_of(error) in ("ExecutionDoesNotExist", "InvalidArn"):
                    return None
                raise
        return dict(found)


def is_closed(execution_arn: str, *, if_unknown: bool = False) -> bool:
    """Whether an execution has ended.

    AWS does not know one yet that has just begun, and no longer 90 days after its end, or after its
    state machine is gone: which of them it is, the caller has to tell.
    """
    answer = _described(execution_arn)
    return if_unknown if answer is None else answer["status"] in _CLOSED


def outcome(execution_arn: str) -> Outcome | None:
    """How an execution ended; None while it runs, or AWS does not know it."""
    answer = _described(execution_arn)
    if answer is None or answer["status"] not in _CLOSED:
        return None
    output = answer.get("output")
    reason = f"{answer.get('error')}: {answer.get('cause')}" if "error" in answer else None
    return Outcome(
        status=answer["status"], output=json.loads(output) if output else None, error=reason
    )


def _described(execution_arn: str) -> Any | None:
    with translated():
        try:
            return clients.stepfunctions().describe_execution(executionArn=execution_arn)
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return None
            raise
