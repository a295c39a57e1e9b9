"""The arithmetic: what was used, times the price of each."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from config.metrics import Metric

PRICES: Final = Path(__file__).with_name("prices.json")
WAKING_SECONDS: Final = 60
"""What Redshift Serverless bills at least each time it is woken."""

HOURS_A_MONTH: Final = 730
_POLLERS, _POLL_SECONDS = 5, 20
"""How Lambda polls an idle queue: five pollers, each waiting up to twenty seconds."""

_S3_WRITES = ("Put", "Copy", "Post", "List")
_S3_READS = ("Get", "Head")
_S3_CHANGES = ("Put", "Copy", "Delete")  # the bucket announces each
_WRITES = {"PutItem": 2, "UpdateItem": 2, "DeleteItem": 2, "TransactWriteItems": 3}
"""Units of an item of at most 1 KB: the table and its index; twice the table's in a transaction."""
_READS = ("GetItem", "Query", "Scan", "BatchGetItem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the pipeline used for a number of files."""

    files: int
    requests: Mapping[tuple[str, str], int]  # by service and operation, as functions made them
    invocations: Mapping[str, int]  # by step
    seconds: Mapping[str, float]  # by step
    transitions: int
    log_bytes: int
    busy_seconds: float  # of the warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What the bill depends on besides usage."""

    memory_mb: Mapping[str, int]  # by step
    architecture: str
    base_rpu: int


def load_prices(path: Path = PRICES) -> dict[str, float]:
    """USD for one of each."""
    return {noun: entry["usd"] for noun, entry in json.loads(path.read_text())["usd"].items()}


def quantities(usage: Usage, size: Size) -> dict[str, float]:
    """How much of each priced thing; the warehouse is billed apart."""

    def made(service: str, operations: Iterable[str]) -> int:
        return sum(usage.requests.get((service, operation), 0) for operation in operations)

    routed = usage.invocations.get("route", 0)
    published = made("sns", ("Publish", "PublishBatch"))
    sent = made("sqs", ("SendMessage", "SendMessageBatch"))
    events = made("s3", _S3_CHANGES) + usage.files  # uploads are events, too
    gb_seconds = sum(s * size.memory_mb[step] / 1024 for step, s in usage.seconds.items())
    return {
        f"lambda_gb_second_{size.architecture}": gb_seconds,
        "lambda_request": sum(usage.invocations.values()),
        "state_transition": usage.transitions,
        # EventBridge sends each upload; a poll that finds messages also deletes them
        "sqs_request": usage.files + sent + 2 * routed,
        "s3_event": events,
        "s3_write": made("s3", _S3_WRITES),
        "s3_read": made("s3", _S3_READS),
        "dynamodb_write_unit": sum(
            units * usage.requests.get(("dynamodb", operation), 0)
            for operation, units in _WRITES.items()
        ),
        "dynamodb_read_unit": made("dynamodb", _READS),
        "sns_publish": published,
        # at most: an environment decrypted by each invocation, a key for each message and notice
        "kms_request": sum(usage.invocations.values()) + 2 * (usage.files + sent) + published,
        "log_gb": usage.log_bytes / 1e9,
    }


def plumbing(usage: Usage, size: Size, prices: Mapping[str, float]) -> dict[str, float]:
    """USD for each 1,000 files, by what is priced, without the warehouse."""
    return {
        noun: amount * prices[noun] / usage.files * 1000
        for noun, amount in quantities(usage, size).items()
    }


def warehouse(seconds: float, size: Size, prices: Mapping[str, float], *, wakings: int) -> float:
    """USD for seconds of work, at least a minute for each time it was woken."""
    billed = max(seconds, wakings * WAKING_SECONDS)
    return billed / 3600 * size.base_rpu * prices["rpu_hour"]


def standing(templates: Iterable[Mapping[str, Any]], prices: Mapping[str, float]) -> dict[str, Any]:
    """USD a month for what is there when no file comes, from the templates of an environment."""
    resources = [body for template in templates for body in template["Resources"].values()]

    def count(kind: str) -> int:
        return sum(body["Type"] == kind for body in resources)

    zones = sum(
        len(body["Properties"].get("SubnetIds", []))
        for body in resources
        if body["Type"] == "AWS::EC2::VPCEndpoint"
        and body["Properties"].get("VpcEndpointType") == "Interface"
    )
    secrets = sum(
        body["Type"] == "AWS::RedshiftServerless::Namespace"
        and bool(body["Properties"].get("ManageAdminPassword"))
        for body in resources
    )
    polls = HOURS_A_MONTH * 3600 / _POLL_SECONDS * _POLLERS
    return {
        "keys": count("AWS::KMS::Key") * prices["kms_key_month"],
        "alarms": count("AWS::CloudWatch::Alarm") * prices["alarm_month"]
        + count("AWS::CloudWatch::CompositeAlarm") * prices["composite_alarm_month"],
        # those of classes of error come on top while there are errors
        "metrics": (len(Metric) + count("AWS::Logs::MetricFilter")) * prices["metric_month"],
        "dashboards": count("AWS::CloudWatch::Dashboard") * prices["dashboard_month"],
        "interface endpoints": zones * HOURS_A_MONTH * prices["interface_endpoint_hour"],
        "secrets": (secrets + count("AWS::SecretsManager::Secret")) * prices["secret_month"],
        "polls of idle queues": count("AWS::Lambda::EventSourceMapping")
        * polls
        * prices["sqs_request"],
    }
