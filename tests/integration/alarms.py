"""The alarms of a running account, evaluated: what CloudWatch would make of what happened there.

moto stores alarms and never evaluates them. The metrics come from where CloudWatch has them: ours
from the functions' logs, queues' and state machines' from what those hold now. Metrics that are
rates over minutes (errors, throttles, durations, ages) have no value here, as in an idle account.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.integration.running import Account

_ENDED = {
    "ExecutionsFailed": "FAILED",
    "ExecutionsTimedOut": "TIMED_OUT",
    "ExecutionsAborted": "ABORTED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Datapoint:
    """One value that a function wrote into its log for CloudWatch."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    value: float


def datapoints(account: Account) -> Iterator[Datapoint]:
    """All that the functions emitted so far."""
    logs = account.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    for group in groups:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for page in pages:
            for event in page["events"]:
                yield from _embedded(event["message"])


def _embedded(message: str) -> Iterator[Datapoint]:
    if '"_aws"' not in message:
        return
    line = json.loads(message)
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for metric in directive["Metrics"]:
            values = line[metric["Name"]]
            for names in directive["Dimensions"]:
                for value in values if isinstance(values, list) else [values]:
                    yield Datapoint(
                        namespace=directive["Namespace"],
                        name=metric["Name"],
                        dimensions=frozenset((name, str(line[name])) for name in names),
                        value=value,
                    )


class Evaluation:
    """The state of every alarm at one moment."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ours = list(datapoints(account))
        described = account.client("cloudwatch").describe_alarms()
        self._symptoms = {
            alarm["AlarmName"] for alarm in described["MetricAlarms"] if self._is_past(alarm)
        }
        self._incidents = described["CompositeAlarms"]

    @property
    def raised(self) -> set[str]:
        """The incidents of which people are told, without the environment's name."""
        return {
            alarm["AlarmName"].split("-", 2)[2]
            for alarm in self._incidents
            if alarm["AlarmActions"]
            and self._symptoms & set(re.findall(r':alarm:([\w-]+)"', alarm["AlarmRule"]))
        }

    def _is_past(self, alarm: dict[str, Any]) -> bool:
        value = self._value(alarm)
        return value is not None and value > alarm["Threshold"]

    def _value(self, metric: dict[str, Any]) -> float | None:
        if "MetricName" not in metric:
            return None  # an expression: what the warehouse uses, which nothing measures here
        dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
        name = metric["MetricName"]
        if name == "ApproximateNumberOfMessagesVisible":
            return self._depth(dimensions["QueueName"])
        if name in _ENDED:
            return self._ended(dimensions["StateMachineArn"], _ENDED[name])
        found = [
            each.value
            for each in self._ours
            if (each.namespace, each.name) == (metric["Namespace"], name)
            and each.dimensions == frozenset(dimensions.items())
        ]
        if not found:
            return None
        return sum(found) if metric["Statistic"] == "Sum" else found[-1]

    def _depth(self, queue: str) -> float:
        sqs = self._account.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        names = ["ApproximateNumberOfMessages"]
        return float(
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]]
        )

    def _ended(self, machine: str, status: str) -> float:
        states = self._account.client("stepfunctions")
        return float(
            len(states.list_executions(stateMachineArn=machine, statusFilter=status)["executions"])
        )
