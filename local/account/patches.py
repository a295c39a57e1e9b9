"""Every correction of moto in one place: what it does wrong, and what takes its place.

`tests/integration/account/test_patches.py` shows each misbehaviour on unpatched moto; when moto
mends one, its test fails and the correction goes.
"""

import copy
import functools
import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse
from uuid import uuid4

import jsonata
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.config import default_user_config
from moto.core.responses import ActionResult
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.events.models import Rule
from moto.iam.access_control import PermissionResult
from moto.logs.models import LogGroup
from moto.s3 import notifications
from moto.s3.exceptions import PreconditionFailed, S3ClientError
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend
from moto.s3.responses import S3Response
from moto.sqs.models import SQSBackend, sqs_backends
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
    state_task_service_aws_sdk,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.jsonata import jsonata as asl_jsonata
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend import execution_worker
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from local.account import deletion, machine
from local.account.events import Events
from local.account.functions import Functions
from local.account.identity import ACCOUNT_ID, REGION
from local.account.permissions import AccessDeniedError, Permissions
from local.account.queues import Queues, polling

LOG = logging.getLogger(__name__)

Replacement = Any
Make = Callable[[Any, "Parts"], Replacement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the running account that corrected moto calls."""

    functions: Functions
    events: Events
    queues: Queues
    permissions: Permissions
    endpoint_url: str
    wait_scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One correction: where it goes, why it is needed, and how to make it from the original."""

    owner: Any
    name: str
    because: str
    make: Make

    @property
    def place(self) -> str:
        """`Class.method`, `module.function`, or the key of a mapping."""
        if isinstance(self.owner, MutableMapping):
            return self.name
        return f"{self.owner.__name__.rsplit('.', 1)[-1]}.{self.name}"

    def put(self, value: Any) -> None:
        """Put a value in the patched place."""
        if isinstance(self.owner, MutableMapping):
            self.owner[self.name] = value
        else:
            setattr(self.owner, self.name, value)

    def original(self) -> Any:
        """What is in the patched place now."""
        if isinstance(self.owner, MutableMapping):
            return self.owner.get(self.name, _ABSENT)
        return self.owner.__dict__.get(self.name, _ABSENT)

    def restore(self, original: Any) -> None:
        """Put back what was there."""
        if original is not _ABSENT:
            self.put(original)
        elif isinstance(self.owner, MutableMapping):
            del self.owner[self.name]
        else:
            delattr(self.owner, self.name)


PATCHES: list[Patch] = []
_ABSENT = object()


def install(account: Parts) -> Callable[[], None]:
    """Apply every patch; returns what undoes them. One account a process: moto is global."""
    originals = [(patch, patch.original()) for patch in PATCHES]
    for patch, original in originals:
        patch.put(patch.make(original, account))
    undo_clients = _replace_imported(
        boto_client.boto_client_for, machine.client_factory(account.endpoint_url)
    )

    def undo() -> None:
        undo_clients()
        for patch, original in reversed(originals):
            patch.restore(original)

    return undo


def _replaces(owner: Any, name: str, *, because: str) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        PATCHES.append(Patch(owner=owner, name=name, because=because, make=make))
        return make

    return register


def _replace_imported(function: Any, replacement: Any) -> Callable[[], None]:
    """Replace a function in every module of moto's interpreter that imported it by name.

    moto's own makes a client for each call, with credentials that name nobody.
    """
    modules = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("moto.stepfunctions")
        and getattr(module, function.__name__, None) is function
    ]
    for module in modules:
        setattr(module, function.__name__, replacement)

    def undo() -> None:
        for module in modules:
            setattr(module, function.__name__, function)

    return undo


# --- S3


@_replaces(
    FakeBucket,
    "get_permission",
    because="it ignores conditions, so a policy that demands TLS refuses every call over http",
)
def _permit(_original: Any, _account: Parts) -> Replacement:
    return lambda bucket, action, resource: PermissionResult.NEUTRAL


_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}


@_replaces(
    notifications,
    "_send_event_bridge_message",
    because="its id and sequencer are constants, its etag is called eTag, its reason is no reason,"
    " and a multipart upload is announced twice",
)
def _object_created(_original: Any, account: Parts) -> Replacement:
    def send(account_id: str, bucket: FakeBucket, event_name: str, key: Any) -> None:
        reason = _REASONS.get(str(getattr(event_name, "value", event_name)))
        part_of_upload = reason == "PutObject" and key.multipart is not None
        if reason is None or part_of_upload:
            return
        described = {"key": key.name, "size": key.size, "etag": key.etag.strip('"')}
        if bucket.is_versioned:
            described["version-id"] = key.version_id
        account.events.object_event(
            bucket.name, "Object Created", {"object": described, "reason": reason}
        )

    return send


@_replaces(
    S3Backend,
    "delete_object",
    because="deleting from a versioned bucket is announced only when no version is left",
)
def _object_deleted(original: Any, account: Parts) -> Replacement:
    def delete_object(
        backend: S3Backend, bucket_name: str, key_name: str, *args: Any, **kwargs: Any
    ) -> Any:
        version_id = kwargs.get("version_id", args[0] if args else None)
        deleted, meta = original(backend, bucket_name, key_name, *args, **kwargs)
        bucket = backend.get_bucket(bucket_name)
        configuration = bucket.notification_configuration
        if deleted and configuration and configuration.event_bridge is not None:
            marked = bucket.is_versioned and version_id is None
            described = {"key": key_name}
            if bucket.is_versioned:
                described["version-id"] = meta.get("version-id", version_id)
            account.events.object_event(
                bucket_name,
                "Object Deleted",
                {
                    "object": described,
                    "reason": "DeleteObject",
                    "deletion-type": "Delete Marker Created" if marked else "Permanently Deleted",
                },
            )
        return deleted, meta

    return delete_object


@_replaces(
    S3Response, "copy_object", because="x-amz-copy-source-if-match is ignored, so a copy may race"
)
def _copy_if_match(original: Any, _account: Parts) -> Replacement:
    def copy_object(response: S3Response) -> Any:
        if wanted := response.headers.get("x-amz-copy-source-if-match"):
            source = _copy_source(response)
            if source is not None and wanted.strip('"') != source.etag.strip('"'):
                raise PreconditionFailed(failed_condition="x-amz-copy-source-If-Match")
        return original(response)

    return copy_object


_MOST_KEY_BYTES = 1024


@_replaces(S3Backend, "put_object", because="a key over 1,024 bytes is taken")
def _key_not_too_long(original: Any, _account: Parts) -> Replacement:
    def put_object(
        backend: S3Backend, bucket_name: str, key_name: str, *a: Any, **more: Any
    ) -> Any:
        if len(key_name.encode()) > _MOST_KEY_BYTES:
            raise S3ClientError("KeyTooLongError", "Your key is too long")
        return original(backend, bucket_name, key_name, *a, **more)

    return put_object


@_replaces(
    S3Backend,
    "list_object_versions",
    because="a key marker alone swallows the first version behind a key that is gone",
)
def _list_after_key(original: Any, _account: Parts) -> Replacement:
    def list_object_versions(backend: S3Backend, bucket_name: str, **asked: Any) -> Any:
        marker = asked.get("key_marker")
        if marker is None or asked.get("version_id_marker"):
            return original(backend, bucket_name, **asked)
        versions, _, deletions, _, _ = original(backend, bucket_name, max_keys=None)
        before = sorted(
            (each for each in (*versions, *deletions) if each.name <= marker),
            key=lambda each: (each.name, -each.last_modified.timestamp()),
        )
        start = {"key_marker": None, "version_id_marker": None}
        if before:
            start = {"key_marker": before[-1].name, "version_id_marker": before[-1].version_id}
        return original(backend, bucket_name, **(asked | start))

    return list_object_versions


@_replaces(
    DynamoDBBackend,
    "transact_write_items",
    because="to be able to undo a transaction, moto copies its tables whole, item by item: a burst"
    " of transactions takes time by the square of its size",
)
def _copy_what_changes(original: Any, _account: Parts) -> Replacement:
    def transact_write_items(backend: DynamoDBBackend, transact_items: Any) -> Any:
        operations = [next(iter(each.values())) for each in transact_items]
        tables = {
            name: backend.tables[name]
            for name in {operation.get("TableName") for operation in operations}
            if name in backend.tables
        }
        for name, table in tables.items():
            touched = [each for each in operations if each.get("TableName") == name]
            # copy.deepcopy asks the object first
            table.__deepcopy__ = functools.partial(_snapshot, table, touched)  # type: ignore[attr-defined]
        try:
            return original(backend, transact_items)
        finally:
            for table in tables.values():
                del table.__deepcopy__  # type: ignore[attr-defined]

    return transact_write_items


def _snapshot(table: Table, operations: list[dict[str, Any]], _memo: Any) -> Table:
    """A table as it is now, of which only the items that are written to are copies."""
    kept = copy.copy(table)
    kept.__dict__.pop("__deepcopy__")
    kept.items = copy.copy(table.items)
    for operation in operations:
        named = operation.get("Item") or operation.get("Key") or {}
        found = DynamoType(named.get(table.hash_key_attr, {"NULL": True}))
        if found not in kept.items:
            continue
        part: Any = kept.items[found]
        if table.range_key_attr is None:
            kept.items[found] = copy.deepcopy(part)
            continue
        if part is table.items[found]:
            part = kept.items[found] = dict(part)
        place = DynamoType(named.get(table.range_key_attr, {"NULL": True}))
        if place in part:
            part[place] = copy.deepcopy(part[place])
    return kept


def _copy_source(response: S3Response) -> Any:
    parsed = urlparse(str(response.headers["x-amz-copy-source"]))
    bucket, key = unquote(parsed.path).lstrip("/").split("/", 1)
    version_id = parse_qs(parsed.query).get("versionId", [None])[0]
    found = response.backend.get_object(bucket, key, version_id=version_id)
    return None if isinstance(found, FakeDeleteMarker) else found


# --- EventBridge


@_replaces(
    Rule,
    "send_to_targets",
    because="it knows no Lambda, SNS or Step Functions target, no dead-letter queue, no queue"
    " policy and no disabled rule",
)
def _offer(_original: Any, account: Parts) -> Replacement:
    return lambda rule, event, transform_input=True: account.events.offer(rule, event)


# --- Lambda


@_replaces(LambdaFunction, "invoke", because="it runs Docker, and waits for asynchronous events")
def _invoke(_original: Any, account: Parts) -> Replacement:
    def invoke(
        function: LambdaFunction,
        body: str | bytes,
        request_headers: Any,
        response_headers: dict[str, str],
    ) -> bytes:
        event = (body.encode() if isinstance(body, str) else body) or b"{}"
        kind = {k.lower(): v for k, v in dict(request_headers or {}).items()}.get(
            "x-amz-invocation-type", "RequestResponse"
        )
        if kind == "Event":
            account.functions.invoke_async(function, event)
            return b""
        if kind == "DryRun":
            return b""
        outcome = account.functions.invoke(function, event)
        if outcome.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-executed-version"] = str(function.version)
        response_headers["x-amz-log-result"] = machine.base64_text(outcome.log)
        return outcome.payload

    return invoke


@_replaces(
    LambdaBackend,
    "create_event_source_mapping",
    because="moto invokes inside SendMessage, one message a call, deaf to batchItemFailures",
)
def _map_event_source(original: Any, account: Parts) -> Replacement:
    def create(backend: LambdaBackend, spec: dict[str, Any]) -> Any:
        if ":sqs:" not in spec["EventSourceArn"] or spec["EventSourceArn"].endswith(".fifo"):
            raise ValidationError(
                message=f"event source {spec['EventSourceArn']}: the emulated account polls"
                " standard SQS queues only"
            )
        if "FilterCriteria" in spec:
            raise ValidationError(message="FilterCriteria of event sources are not emulated")
        role = backend.get_function(spec["FunctionName"]).role
        try:
            account.permissions.demand(role, polling(spec["EventSourceArn"]))
        except AccessDeniedError as error:
            raise ValidationError(message=str(error)) from error
        mapping = original(backend, spec)
        for queue in sqs_backends[ACCOUNT_ID][REGION].queues.values():
            queue.lambda_event_source_mappings.pop(mapping.function_arn, None)
        account.queues.poll(mapping)
        return mapping

    return create


# --- SQS


@_replaces(
    SQSBackend,
    "receive_message",
    because="two receivers at once get the same message: it looks, then marks, without a lock",
)
def _receive(original: Any, _account: Parts) -> Replacement:
    lock = threading.Lock()

    def receive_message(
        backend: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> Any:
        queue = backend.get_queue(queue_name)
        until = time.monotonic() + (wait_seconds_timeout or 0)
        while True:
            with lock:
                messages = original(
                    backend, queue_name, count, 0, visibility_timeout, message_attribute_names
                )
            left = until - time.monotonic()
            if messages or left <= 0:
                return messages
            queue.wait_for_messages(min(left, 0.2))  # type: ignore[arg-type]  # fractions too

    return receive_message


# --- Step Functions


@_replaces(
    default_user_config, "stepfunctions", because="by default moto starts executions, not states"
)
def _execute(_original: Any, _account: Parts) -> Replacement:
    return {"execute_state_machine": True}


@_replaces(
    StepFunctionsParserBackend,
    "start_execution",
    because="two starts of one name may both succeed, and a nameless one is called None",
)
def _start(original: Any, _account: Parts) -> Replacement:
    lock = threading.Lock()

    def start_execution(
        backend: Any,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Any:
        with lock:
            return original(
                backend, state_machine_arn, name or str(uuid4()), execution_input, trace_header
            )

    return start_execution


@_replaces(Execution, "start", because="the start of an execution is not announced, nor logged")
def _announce_start(original: Any, account: Parts) -> Replacement:
    def start(execution: Execution) -> None:
        execution._cloud_watch_logging_session = machine.ExecutionLog.of(execution)
        original(execution)
        account.events.execution_event({**machine.status_detail(execution), "status": "RUNNING"})

    return start


@_replaces(
    BaseExecutionWorkerCommunication,
    "terminated",
    because="an execution's end is not announced, and an output that is text is not shown as JSON",
)
def _announce_end(original: Any, account: Parts) -> Replacement:
    def terminated(communication: BaseExecutionWorkerCommunication) -> None:
        execution = communication.execution
        if execution.exec_status is ExecutionStatus.RUNNING:
            original(communication)
            if execution.status == ExecutionStatus.SUCCEEDED.value:
                execution.output = json.dumps(execution.output)  # type: ignore[assignment]  # untyped
            account.events.execution_event(machine.status_detail(execution))

    return terminated


@_replaces(
    execution_worker.ExecutionWorker,
    "_execution_logic",
    because="an error of the interpreter itself leaves the execution running for ever",
)
def _fail_loudly(original: Any, account: Parts) -> Replacement:
    def execution_logic(worker: Any) -> None:
        try:
            original(worker)
        except Exception as error:
            LOG.exception("the interpreter of state machines failed")
            execution = worker._execution_communication.execution
            machine.close(execution, ExecutionStatus.FAILED, "States.Runtime", repr(error))
            account.events.execution_event(machine.status_detail(execution))

    return execution_logic


@_replaces(Execution, "stop", because="a stopped execution stays RUNNING until its task has ended")
def _stop(original: Any, account: Parts) -> Replacement:
    def stop(execution: Execution, stop_date: Any, error: str | None, cause: str | None) -> None:
        if execution.exec_status is ExecutionStatus.RUNNING:
            machine.await_environment(execution)
            original(execution, stop_date=stop_date, error=error, cause=cause)
            machine.close(execution, ExecutionStatus.ABORTED, error, cause)
            account.events.execution_event(machine.status_detail(execution))

    return stop


@_replaces(
    StepFunctionResponse,
    "describe_execution",
    because="it knows the end of an execution at once, which AWS does not, and a timed-out one has"
    " no stop date",
)
def _describe_late(original: Any, _account: Parts) -> Replacement:
    def describe_execution(response: StepFunctionResponse) -> ActionResult:
        result: dict[str, Any] = original(response).result
        execution: Any = response.stepfunction_backend.describe_execution(result["executionArn"])
        return ActionResult(machine.as_described(execution, result))

    return describe_execution


@_replaces(WaitFunction, "_wait_interval", because="waits are real time")
def _wait(original: Any, account: Parts) -> Replacement:
    def wait_interval(function: WaitFunction, env: Any, wait_seconds: float) -> None:
        until = time.monotonic() + wait_seconds * account.wait_scale
        while env.is_running() and (left := until - time.monotonic()) > 0:
            env.program_state_event.wait(left)

    return wait_interval


@_replaces(retrier_decl, "time", because="intervals of a Retry are real time")
def _retry_wait(_original: Any, account: Parts) -> Replacement:
    return SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * account.wait_scale))


@_replaces(
    state_task_service.StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES,
    "redshiftdata",
    because="boto3 calls the service redshift-data",
)
def _redshift_data(_original: Any, _account: Parts) -> Replacement:
    return "redshift-data"


def _error_prefix(service: str, prefix: str) -> None:
    @_replaces(
        state_task_service_aws_sdk._SERVICE_ERROR_NAMES,
        service,
        because="errors of an SDK integration carry the service's name as AWS writes it",
    )
    def name(_original: Any, _account: Parts) -> Replacement:
        return prefix


for _service, _prefix in {
    "redshiftdata": "RedshiftData",
    "s3": "S3",
    "sns": "Sns",
    "sqs": "Sqs",
}.items():
    _error_prefix(_service, _prefix)


@_replaces(
    state_task_service_aws_sdk.StateTaskServiceAwsSdk,
    "_eval_service_task",
    because="timestamps in an SDK result are not JSON, and end the execution",
)
def _plain_result(original: Any, _account: Parts) -> Replacement:
    def eval_service_task(task: Any, env: Any, **kwargs: Any) -> None:
        original(task, env=env, **kwargs)
        env.stack.append(machine.plain(env.stack.pop()))

    return eval_service_task


@_replaces(
    execution_worker,
    "ExecutionData",
    because="$$.Execution.StartTime is a datetime, which no function can be given",
)
def _start_time(original: Any, _account: Parts) -> Replacement:
    return lambda **fields: original(**{**fields, "StartTime": machine.plain(fields["StartTime"])})


@_replaces(asl_jsonata, "_eval_jsonata", because="JSONata asks for a Java virtual machine")
def _jsonata(_original: Any, _account: Parts) -> Replacement:
    def evaluate(expression: str) -> Any:
        try:
            return jsonata.Jsonata(expression).evaluate(None)
        except Exception as error:
            raise asl_jsonata.JSONataException("UNKNOWN", str(error)) from error

    return evaluate


# --- CloudFormation


@_replaces(
    Stack,
    "parse_template",
    because="JSON is read as YAML, which takes 1e3 for a text and hundreds of times as long",
)
def _parse_template(original: Any, _account: Parts) -> Replacement:
    def parse_template(template: str) -> Any:
        try:
            return json.loads(template)
        except ValueError:
            return original.__func__(template)

    return staticmethod(parse_template)


@_replaces(
    LogGroup,
    "get_cfn_attribute",
    because="the ARN of a log group lacks the :* it ends in, so no grant on it covers its streams",
)
def _log_group_arn(original: Any, _account: Parts) -> Replacement:
    def get_cfn_attribute(group: LogGroup, attribute_name: str) -> str:
        value = str(original(group, attribute_name))
        return f"{value}:*" if attribute_name == "Arn" else value

    return get_cfn_attribute


@_replaces(
    parsing,
    "parse_resource",
    because="a resource type moto lacks is skipped with a warning",
)
def _refuse_unknown(original: Any, _account: Parts) -> Replacement:
    def parse_resource(resource_json: dict[str, Any], resources_map: Any) -> Any:
        kind = resource_json["Type"]
        if not kind.startswith("Custom::") and kind not in parsing.get_model_map():
            raise ValidationError(
                message=f"resource type {kind} is not emulated; add it to"
                " local/account/cloudformation.py"
            )
        return original(resource_json, resources_map)

    return parse_resource


@_replaces(
    parsing.ResourceMap,
    "__getitem__",
    because="DependsOn is ignored when another resource refers to the dependent one",
)
def _in_order(original: Any, _account: Parts) -> Replacement:
    def getitem(resources: parsing.ResourceMap, name: str) -> Any:
        template = resources._resource_json_map.get(name)
        if template is not None and name not in resources._parsed_resources:
            wanted = template.get("DependsOn", [])
            for dependency in [wanted] if isinstance(wanted, str) else wanted:
                resources[dependency]
        return original(resources, name)

    return getitem


@_replaces(
    CloudFormationBackend,
    "_resolve_update_parameters",
    because="an update cannot keep the value of a parameter that had its default",
)
def _keep_defaults(original: Any, _account: Parts) -> Replacement:
    def resolve(backend: Any, instance: Any, incoming_params: list[dict[str, Any]]) -> Any:
        given = [
            parameter
            for parameter in incoming_params
            if "ParameterValue" in parameter or parameter["ParameterKey"] in instance.parameters
        ]
        return original(backend, instance, given)

    return resolve


@_replaces(
    parsing.ResourceMap,
    "delete",
    because="it deletes what is kept except on creation, and what is used before its user",
)
def _delete_in_order(_original: Any, _account: Parts) -> Replacement:
    return deletion.delete_resources


@_replaces(
    CloudFormationBackend,
    "delete_stack",
    because="termination protection does not hold, and a stack that cannot be deleted is forgotten",
)
def _delete_stack(original: Any, _account: Parts) -> Replacement:
    def delete_stack(backend: CloudFormationBackend, name_or_stack_id: str) -> None:
        deletion.delete_stack(backend, name_or_stack_id, original)

    return delete_stack


@_replaces(
    CloudFormationResponse,
    "update_termination_protection",
    because="the operation is missing",
)
def _protect(_original: Any, _account: Parts) -> Replacement:
    def update_termination_protection(response: CloudFormationResponse) -> ActionResult:
        name = response._get_param("StackName")
        stack = deletion.find(response.cloudformation_backend.stacks, name)
        if stack is None:
            raise ValidationError(message=f"Stack [{name}] does not exist")
        stack.enable_termination_protection = response._get_param("EnableTerminationProtection")
        return ActionResult({"StackId": stack.stack_id})

    return update_termination_protection


@_replaces(
    parsing,
    "parse_and_create_resource",
    because="a failure names neither the resource nor its type",
)
def _name_failures(original: Any, _account: Parts) -> Replacement:
    def create(logical_id: str, resource_json: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return original(logical_id, resource_json, *args, **kwargs)
        except Exception as error:
            reason = getattr(error, "message", None) or str(error) or type(error).__name__
            if re.match(r"\w+ \(\w+::", reason):
                raise  # a dependency failed, and is named already
            raise ValidationError(
                message=f"{logical_id} ({resource_json['Type']}): {reason}"
            ) from error

    return create
