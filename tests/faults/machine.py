"""The load state machine by its own definition, one state at a time.

It knows what `stacks/load.asl.json` uses and refuses the rest. Time is not kept: a Wait ends
whenever the schedule says so, which is any order that clocks could bring about.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.actors import Actor, Crash

_DEFINITION = json.loads(Path("stacks/load.asl.json").read_text())
_MAP = _DEFINITION["States"]["EachJob"]
STATES: dict[str, Any] = _MAP["ItemProcessor"]["States"]
_START: str = _MAP["ItemProcessor"]["StartAt"]

Invoke = Callable[[str, dict[str, Any]], Actor]


@dataclass
class Execution:
    """One execution: where it stands, and the function it waits for."""

    arn: str
    name: str
    input: str
    invoke: Invoke
    status: str = "RUNNING"
    state: str = _START
    data: dict[str, Any] = field(default_factory=dict)
    task: Actor | None = None
    retries: dict[int, int] = field(default_factory=dict)
    is_waiting: bool = False

    def __post_init__(self) -> None:
        (job,) = json.loads(self.input)["glue_jobs"]
        self.data = {
            "job": job,
            "execution": {"id": self.arn, "name": self.name, "started_at": "2026-01-01T00:00:00Z"},
            "load": {"status": "NEW"},
        }
        if set(_MAP["ItemSelector"]) - {"execution"} != {"job.$", "load"}:
            raise NotImplementedError(_MAP["ItemSelector"])

    @property
    def is_open(self) -> bool:
        """Whether it still runs."""
        return self.status == "RUNNING"

    @property
    def can_go_on(self) -> bool:
        """Whether it waits for no function: a state is to be entered, or a Wait may end."""
        return self.is_open and (self.task is None or self.task.is_done)

    def go_on(self) -> None:
        """Take what the function answered, or enter states up to the next function or Wait."""
        if self.task is not None:
            actor, self.task = self.task, None
            self._after_task(actor)
            return
        state = STATES[self.state]
        kind = state["Type"]
        if kind == "Task":
            self.task = self.invoke(state["Resource"], self.data)
        elif kind == "Choice":
            self.state = _chosen(state, self.data)
        elif kind == "Wait":
            self._next(state["Next"])
        elif kind == "Succeed":
            self.status = "SUCCEEDED"
        elif kind == "Fail":
            self.status = "FAILED"
        else:
            raise NotImplementedError(kind)

    def time_out_task(self) -> Actor | None:
        """The state gives up on its function, which goes on by itself; that function."""
        actor, self.task = self.task, None
        self._after_error("States.Timeout", "the task timed out")
        return actor

    def _next(self, state: str) -> None:
        self.state, self.retries = state, {}

    def _after_task(self, actor: Actor) -> None:
        if actor.error is None:
            self._put(STATES[self.state]["ResultPath"], json.loads(json.dumps(actor.result)))
            self._next(STATES[self.state]["Next"])
        elif isinstance(actor.error, Crash):
            self._after_error("Runtime.ExitError", "the function's process ended")
        else:
            self._after_error(type(actor.error).__name__, str(actor.error))

    def _after_error(self, error: str, cause: str) -> None:
        state = STATES[self.state]
        for number, retrier in enumerate(state.get("Retry", [])):
            if error in retrier["ErrorEquals"]:
                used = self.retries.get(number, 0)
                if used < retrier["MaxAttempts"]:
                    self.retries[number] = used + 1
                    return
                break
        for catcher in state.get("Catch", []):
            if error in catcher["ErrorEquals"] or "States.ALL" in catcher["ErrorEquals"]:
                self._put(catcher["ResultPath"], {"Error": error, "Cause": cause})
                self._next(catcher["Next"])
                return
        self.status = "FAILED"

    def _put(self, path: str, value: Any) -> None:
        self.data = {**self.data, path.removeprefix("$."): value}


def _chosen(state: dict[str, Any], data: dict[str, Any]) -> str:
    for rule in state["Choices"]:
        if _holds(rule, data):
            following: str = rule["Next"]
            return following
    default: str = state["Default"]
    return default


def _holds(rule: dict[str, Any], data: dict[str, Any]) -> bool:
    if "And" in rule:
        return all(_holds(each, data) for each in rule["And"])
    found, value = _at(rule["Variable"], data)
    if "IsPresent" in rule:
        return found is rule["IsPresent"]
    if "StringEquals" in rule:
        return bool(value == rule["StringEquals"])
    if "NumericGreaterThan" in rule:
        return bool(value > rule["NumericGreaterThan"])
    raise NotImplementedError(rule)


def _at(path: str, data: Any) -> tuple[bool, Any]:
    for part in path.removeprefix("$.").split("."):
        if part not in data:
            return False, None
        data = data[part]
    return True, data
