"""Where failures go in a deployed environment, and which incidents they raise there."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infrastructure.assembly import Assembly, Resource, as_list, target

ACCOUNT_ID = "123456789012"
FUNCTION, QUEUE = "AWS::Lambda::Function", "AWS::SQS::Queue"
MACHINE, RULE, SCHEDULE = (
    "AWS::StepFunctions::StateMachine",
    "AWS::Events::Rule",
    "AWS::Scheduler::Schedule",
)
ALARM, INCIDENT = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"

# What says that something failed for good, by the dimension that says where.
_FAILURES = {
    FUNCTION: ("FunctionName", {"Errors"}),
    QUEUE: ("QueueName", {"ApproximateNumberOfMessagesVisible"}),
    MACHINE: ("StateMachineArn", {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}),
    RULE: ("RuleName", {"InvocationsFailedToBeSentToDlq"}),
    SCHEDULE: ("ScheduleGroup", {"InvocationsFailedToBeSentToDeadLetterCount"}),
}
_NAMES = {
    FUNCTION: "FunctionName",
    QUEUE: "QueueName",
    MACHINE: "StateMachineName",
    RULE: "Name",
    SCHEDULE: "Name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One metric that an alarm reads."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str


def plain(value: Any) -> str:
    """The text that CloudFormation makes of a value, for one account."""
    if isinstance(value, dict) and "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(plain(part) for part in parts)
    if value == {"Ref": "AWS::AccountId"}:
        return ACCOUNT_ID
    if value == {"Ref": "AWS::Region"}:
        return "us-east-1"
    if isinstance(value, dict):
        return f"<{target(value)}>"
    return str(value)


def metrics(alarm: Resource) -> Iterator[Watched]:
    """What an alarm reads; expressions are left out, what they are made of is not."""
    properties = alarm.properties
    if "MetricName" in properties:
        yield _watched(properties, properties["Statistic"])
    for query in properties.get("Metrics", []):
        if stat := query.get("MetricStat"):
            yield _watched(stat["Metric"], stat["Stat"])


def _watched(metric: dict[str, Any], statistic: str) -> Watched:
    return Watched(
        namespace=metric["Namespace"],
        name=metric["MetricName"],
        dimensions=tuple(
            (each["Name"], plain(each["Value"])) for each in metric.get("Dimensions", [])
        ),
        statistic=statistic,
    )


class Topology:
    """The ways of failures through all stacks of an environment."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self.alarms = {r.logical_id: r for r in assembly.resources(ALARM)}
        self.incidents = {r.logical_id: r for r in assembly.resources(INCIDENT)}

    def complaints(self) -> list[str]:
        """Every failure that raises no incident, or several; every alarm that is in none."""
        found = [
            f"{_name(resource)}: a failure raises {sorted(raised) or 'no alarm'}"
            for resource in self._assembly.resources(FUNCTION, QUEUE, MACHINE, RULE, SCHEDULE)
            if len(raised := self.raised_by(resource)) != 1
        ]
        found += [
            f"{_name(resource)}: nobody reads {sorted(unread)}"
            for resource in self._assembly.resources(MACHINE, RULE, SCHEDULE)
            if (unread := _FAILURES[resource.kind][1] - self._read_of(resource))
        ]
        for logical_id, alarm in self.alarms.items():
            told = self._incidents_of(logical_id)
            if len(told) != 1 or alarm.properties.get("AlarmActions"):
                found.append(f"{logical_id}: a symptom of {sorted(told)}, and tells by itself")
        return found

    def raised_by(self, resource: Resource) -> set[str]:
        """The incidents that a failure of a resource raises wherever it shows."""
        raised: set[str] = set()
        for place in self._way(resource):
            for logical_id, alarm in self.alarms.items():
                if self._shown(alarm, place):
                    raised |= self._incidents_of(logical_id) or {f"{logical_id} alone"}
        return raised

    def _incidents_of(self, alarm: str) -> set[str]:
        return {
            incident.properties["AlarmName"]
            for incident in self.incidents.values()
            if f"<{alarm}>" in plain(incident.properties["AlarmRule"])
            and incident.properties.get("AlarmActions")
        }

    def _read_of(self, place: Resource) -> set[str]:
        """The metrics by which a place says that it failed, as far as alarms read them."""
        return set().union(*(self._shown(alarm, place) for alarm in self.alarms.values()))

    def _shown(self, alarm: Resource, place: Resource) -> set[str]:
        dimension, names = _FAILURES[place.kind]
        name = _name(place)
        if place.kind == SCHEDULE:
            name = place.properties.get("GroupName", "default")
        if place.kind == MACHINE:
            name = f"arn:aws:states:us-east-1:{ACCOUNT_ID}:stateMachine:{name}"
        return {m.name for m in metrics(alarm) if m.dimensions == ((dimension, name),)} & names

    def _way(self, resource: Resource) -> Iterator[Resource]:
        """A resource, and where a failure of it ends up: its caller, or its dead letters."""
        seen: dict[str, Resource] = {}
        open_ends = [resource]
        while open_ends:
            place = open_ends.pop()
            if place.logical_id not in seen:
                seen[place.logical_id] = place
                open_ends += self._next(place)
        yield from seen.values()

    def _next(self, place: Resource) -> Iterator[Resource]:
        if place.kind == FUNCTION:
            for mapping in self._assembly.resources("AWS::Lambda::EventSourceMapping"):
                if target(mapping.properties["FunctionName"]) == place.logical_id:
                    yield self._resource(target(mapping.properties["EventSourceArn"]))
            for machine in self._assembly.resources(MACHINE):
                called = machine.properties.get("DefinitionSubstitutions", {}).values()
                if place.logical_id in {target(arn) for arn in called if isinstance(arn, dict)}:
                    yield machine
        elif place.kind == QUEUE and "RedrivePolicy" in place.properties:
            yield self._resource(target(place.properties["RedrivePolicy"]["deadLetterTargetArn"]))
        elif place.kind in (RULE, SCHEDULE):
            targets = as_list(place.properties.get("Targets") or place.properties["Target"])
            for each in targets:
                if "DeadLetterConfig" in each:
                    yield self._resource(target(each["DeadLetterConfig"]["Arn"]))

    def _resource(self, logical_id: str) -> Resource:
        return next(r for r in self._assembly.resources() if r.logical_id == logical_id)


def _name(resource: Resource) -> str:
    return str(resource.properties.get(_NAMES[resource.kind], resource.logical_id))


def failing_ends(definition: Path) -> set[str]:
    """The types of the states in which an execution can end once a task has failed for good."""
    states: dict[str, dict[str, Any]] = {}

    def gather(node: Any) -> None:
        if isinstance(node, dict):
            states.update(node.get("States", {}))
            for value in node.values():
                gather(value)

    gather(json.loads(definition.read_text()))
    ends: set[str] = set()
    for state in states.values():
        if state["Type"] == "Task":
            ends |= {"uncaught"} if "Catch" not in state else set()
            for caught in state.get("Catch", []):
                ends |= _ends(states, caught["Next"], set())
    return ends


def _ends(states: dict[str, dict[str, Any]], name: str, seen: set[str]) -> set[str]:
    if name in seen:
        return set()
    seen.add(name)
    following = re.findall(r'"(?:Next|Default)": "(\w+)"', json.dumps(states[name]))
    if not following:
        return {states[name]["Type"]}
    return set().union(*(_ends(states, each, seen) for each in following))
