"""EventBridge: what S3 and Step Functions emit, which rules match, where it is delivered.

Event shapes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html and
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from moto.awslambda.models import lambda_backends
from moto.events.models import EventBus, Rule, events_backends
from moto.events.utils import EventTemplateParser
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local.account.faults import Faults
from local.account.functions import Functions
from local.account.identity import ACCOUNT_ID, REGION
from local.account.permissions import AccessDeniedError, Permissions, trusts
from local.account.policies import Call, Delivery, admits

LOG = logging.getLogger(__name__)
_EVENTS = "events.amazonaws.com"


class DeliveryError(Exception):
    """A target did not take an event; `code` is EventBridge's ERROR_CODE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Events:
    """The account's event buses; delivers in the background, once, as far as it can."""

    def __init__(self, functions: Functions, faults: Faults, permissions: Permissions) -> None:
        self._functions = functions
        self._permissions = permissions
        self._faults = faults
        self._deliveries = ThreadPoolExecutor(max_workers=8, thread_name_prefix="eventbridge")
        self._sequencers: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def close(self) -> None:
        """Deliver no more."""
        self._closed.set()
        self._deliveries.shutdown(wait=False, cancel_futures=True)

    def object_event(self, bucket: str, detail_type: str, key: Mapping[str, Any]) -> None:
        """Emit an S3 event; `key` holds `object`, `reason` and the event's other own fields."""
        detail = {
            "version": "0",
            "bucket": {"name": bucket},
            "request-id": uuid4().hex[:16].upper(),
            "requester": ACCOUNT_ID,
            "source-ip-address": "127.0.0.1",
            **key,
        }
        detail["object"] = {**detail["object"], "sequencer": self._sequencer(bucket)}
        for _ in range(self._faults.deliveries()):
            self.put("aws.s3", detail_type, detail, resources=[f"arn:aws:s3:::{bucket}"])

    def execution_event(self, detail: Mapping[str, Any]) -> None:
        """Emit a Step Functions status change; `detail` is what DescribeExecution would show."""
        self.put(
            "aws.states",
            "Step Functions Execution Status Change",
            detail,
            resources=[detail["executionArn"]],
        )

    def put(
        self, source: str, detail_type: str, detail: Mapping[str, Any], *, resources: list[str]
    ) -> None:
        """Put an AWS service's event on the default bus."""
        event = {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT_ID,
            "time": _iso_time(datetime.now(UTC)),
            "region": REGION,
            "resources": resources,
            "detail": dict(detail),
        }
        bus: EventBus = events_backends[ACCOUNT_ID][REGION].event_buses["default"]
        for rule in list(bus.rules.values()):
            self.offer(rule, event)

    def offer(self, rule: Rule, event: Mapping[str, Any]) -> None:
        """Deliver an event to a rule's targets if the rule is enabled and its pattern matches."""
        if rule.state != "ENABLED" or rule.scheduled_expression:
            return
        if isinstance(event["time"], int | float):  # PutEvents hands over seconds
            event = {**event, "time": _iso_time(datetime.fromtimestamp(event["time"], UTC))}
        event = {name: value for name, value in event.items() if name != "ingestion-time"}
        if rule.event_pattern.matches_event(cast("Any", event)):
            for target in rule.targets:
                self.submit(rule.arn, target, _input_of(target, event))

    def fire(self, rule: Rule) -> None:
        """Send a scheduled rule's event to its targets now."""
        event = {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT_ID,
            "time": _iso_time(datetime.now(UTC)),
            "region": REGION,
            "resources": [rule.arn],
            "detail": {},
        }
        for target in rule.targets:
            self.submit(rule.arn, target, _input_of(target, event))

    def submit(self, source_arn: str, target: Mapping[str, Any], message: str) -> None:
        """Deliver a message to a target of a rule or schedule, in the background."""
        if not self._closed.is_set():
            self._deliveries.submit(self._deliver, source_arn, target, message)

    def _sequencer(self, bucket: str) -> str:
        """S3's hexadecimal order of a bucket's events; later events compare greater as text."""
        with self._lock:
            self._sequencers[bucket] = max(self._sequencers[bucket] + 1, time.time_ns())
            return f"{self._sequencers[bucket]:016x}"

    def _deliver(self, source_arn: str, target: Mapping[str, Any], message: str) -> None:
        try:
            self._send(source_arn, target, message)
        except Exception as error:  # noqa: BLE001 -- whatever fails, the event goes to the rule's DLQ
            code = error.code if isinstance(error, DeliveryError) else "INTERNAL_ERROR"
            _bury(source_arn, target, message, code=code, reason=str(error))

    def _send(self, source_arn: str, target: Mapping[str, Any], message: str) -> None:
        arn: str = target["Arn"]
        service = arn.split(":")[2]
        if service == "sqs":
            _send_to_queue(source_arn, arn, message, target.get("SqsParameters", {}))
        elif service == "lambda":
            self._invoke(source_arn, arn, message)
        elif service == "sns":
            _send_to_topic(source_arn, arn, message)
        elif service == "states":
            self._demand_of_role(
                source_arn, target, Call(action="states:StartExecution", resource=arn)
            )
            stepfunctions_parser_backends[ACCOUNT_ID][REGION].start_execution(
                arn, str(uuid4()), message
            )
        else:
            raise DeliveryError("UNSUPPORTED", f"target {arn}: {service} is not emulated")

    def _demand_of_role(self, source_arn: str, target: Mapping[str, Any], call: Call) -> None:
        """A target without a policy of its own is called with the role that the rule names."""
        role, service = str(target.get("RoleArn", "role/")), source_arn.split(":")[2]
        # a schedule's role was asked when the schedule was made, and for its group
        if service == "events" and not trusts(role, _EVENTS, source_arn=source_arn):
            raise DeliveryError("NO_PERMISSIONS", f"{role} lets no {_EVENTS} take it")
        try:
            self._permissions.demand(role, [call])
        except AccessDeniedError as error:
            raise DeliveryError("NO_PERMISSIONS", str(error)) from error

    def _invoke(self, source_arn: str, arn: str, message: str) -> None:
        function = lambda_backends[ACCOUNT_ID][REGION].get_function(arn)
        _demand(
            function.policy.statements,
            action="lambda:InvokeFunction",
            resource=arn,
            source_arn=source_arn,
        )
        self._functions.invoke_async(function, message.encode())


def _iso_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _input_of(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """What the target receives: the event, a constant, or what its transformer makes of it."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        value: Any = event
        for name in target["InputPath"].removeprefix("$").strip(".").split("."):
            value = value[name] if name else value
        return json.dumps(value)
    if transformer := target.get("InputTransformer"):
        parsed = EventTemplateParser.parse(
            input_template=transformer["InputTemplate"],
            input_paths_map=transformer.get("InputPathsMap", {}),
            event=cast("Any", event),
        )
        return parsed if isinstance(parsed, str) else json.dumps(parsed)
    return json.dumps(event)


def _demand(
    statements: list[dict[str, Any]], *, action: str, resource: str, source_arn: str
) -> None:
    """Raise DeliveryError unless the target's policy lets the rule in."""
    service = f"{source_arn.split(':')[2]}.amazonaws.com"
    if service == "scheduler.amazonaws.com":
        return  # a schedule acts by its own role, and resource policies need not name it
    delivery = Delivery(
        service=service,
        action=action,
        resource=resource,
        source_arn=source_arn,
        source_account=ACCOUNT_ID,
    )
    if not admits(statements, delivery):
        raise DeliveryError(
            "NO_PERMISSIONS",
            f"the policy of {resource} does not let {service} {action} for {source_arn}",
        )


def _send_to_queue(source_arn: str, arn: str, message: str, parameters: Mapping[str, Any]) -> None:
    queues = sqs_backends[ACCOUNT_ID][REGION]
    queue = queues.get_queue(arn.rsplit(":", 1)[-1])
    _demand(
        json.loads(queue.policy or "{}").get("Statement", []),
        action="sqs:SendMessage",
        resource=arn,
        source_arn=source_arn,
    )
    queues.send_message(queue.name, message, group_id=parameters.get("MessageGroupId"))


def _send_to_topic(source_arn: str, arn: str, message: str) -> None:
    topics = sns_backends[ACCOUNT_ID][REGION]
    _demand(
        json.loads(topics.get_topic(arn).policy).get("Statement", []),
        action="sns:Publish",
        resource=arn,
        source_arn=source_arn,
    )
    topics.publish(message, arn=arn)


def _bury(
    source_arn: str, target: Mapping[str, Any], message: str, *, code: str, reason: str
) -> None:
    """Send an undeliverable event to the target's dead-letter queue, if that queue admits it."""
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    attributes = {
        "RULE_ARN": source_arn,
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": code,
        "ERROR_MESSAGE": reason,
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "0",
    }
    if queue_arn is None:
        LOG.error("event LOST: %s, and %s has no dead-letter queue", reason, source_arn)
        return
    try:
        queues = sqs_backends[ACCOUNT_ID][REGION]
        queue = queues.get_queue(queue_arn.rsplit(":", 1)[-1])
        _demand(
            json.loads(queue.policy or "{}").get("Statement", []),
            action="sqs:SendMessage",
            resource=queue_arn,
            source_arn=source_arn,
        )
    except Exception as refused:  # noqa: BLE001 -- nobody is left to tell but the log
        LOG.error("event LOST: %s; and its dead-letter queue refused it: %s", reason, refused)
        return
    LOG.warning("event to %s: %s", queue.name, reason)
    queues.send_message(
        queue.name,
        message,
        message_attributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )
