"""Shows on moto as it comes what each patch is for; prints which misbehaviours are still there.

Run as a program: patches and moto's state are global, and a test's account may be up.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import boto3
from moto import mock_aws
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.cloudformation.models import Stack
from moto.core.config import default_user_config
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table
from moto.events.models import Rule
from moto.iam.access_control import PermissionResult
from moto.s3.models import s3_backends
from moto.sqs.models import Message, Queue, sqs_backends
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
    state_task_service_aws_sdk,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.jsonata import jsonata as asl_jsonata
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
MISBEHAVIOURS: list[tuple[str, Callable[[], bool]]] = []


def shows(*places: str) -> Callable[[Callable[[], bool]], Callable[[], bool]]:
    def register(show: Callable[[], bool]) -> Callable[[], bool]:
        for place in places:
            MISBEHAVIOURS.append((place, show))
        return show

    return register


def client(service: str) -> Any:
    new_client: Any = boto3.client
    return new_client(service, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")


def observed_bucket() -> Callable[[], list[dict[str, Any]]]:
    """A versioned bucket whose events come to a queue; returns how to read them."""
    s3, sqs, events = client("s3"), client("sqs"), client("events")
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket="bucket", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    events.put_rule(Name="r", EventPattern='{"source": ["aws.s3", "aws.states"]}')
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn}])

    def read() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return read


def execute(definition: dict[str, Any], *, seconds: float = 2.0, stop: bool = False) -> Any:
    """Run a state machine as moto's interpreter does; returns its description."""
    sfn = client("stepfunctions")
    arn = sfn.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)
    execution = sfn.start_execution(stateMachineArn=arn["stateMachineArn"], name="e")
    until = time.monotonic() + seconds
    if stop:
        time.sleep(0.3)
        sfn.stop_execution(executionArn=execution["executionArn"])
        until = time.monotonic() + 0.2
    while True:
        found = sfn.describe_execution(executionArn=execution["executionArn"])
        if found["status"] != "RUNNING" or time.monotonic() > until:
            return found
        time.sleep(0.05)


def one_state(**state: Any) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": {**state, "End": True}}}


def create_function() -> str:
    iam, aws_lambda = client("iam"), client("lambda")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    code = {"ZipFile": b"PK\x05\x06" + b"\0" * 18}
    return str(
        aws_lambda.create_function(
            FunctionName="f", Runtime="python3.12", Handler="h.h", Role=ROLE, Code=code
        )["FunctionArn"]
    )


@shows("FakeBucket.get_permission")
def tls_policy_denies_all() -> bool:
    client("s3").create_bucket(Bucket="bucket")
    bucket = s3_backends[ACCOUNT]["aws"].buckets["bucket"]
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    bucket.policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]}).encode()
    return bool(bucket.get_permission("s3:GetObject", "*") == PermissionResult.DENIED)


@shows("notifications._send_event_bridge_message")
def s3_events_are_misshapen() -> bool:
    read = observed_bucket()
    client("s3").put_object(Bucket="bucket", Key="1")
    client("s3").put_object(Bucket="bucket", Key="2")
    details = [event["detail"] for event in read()]
    sequencers = {detail["object"]["sequencer"] for detail in details}
    return len(sequencers) == 1 and "etag" not in details[0]["object"]


@shows("S3Backend.delete_object")
def deleting_a_version_is_silent() -> bool:
    read, s3 = observed_bucket(), client("s3")
    s3.put_object(Bucket="bucket", Key="k")
    version = s3.put_object(Bucket="bucket", Key="k")["VersionId"]
    read()
    s3.delete_object(Bucket="bucket", Key="k", VersionId=version)
    return not read()


@shows("S3Backend.put_object")
def a_key_that_is_too_long_is_taken() -> bool:
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k" * 1025, Body=b"")
    return bool(s3.list_objects_v2(Bucket="bucket")["KeyCount"])


@shows("S3Backend.list_object_versions")
def a_key_marker_swallows_a_version() -> bool:
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="b")
    return "Versions" not in s3.list_object_versions(Bucket="bucket", KeyMarker="a")


@shows("S3Response.copy_object")
def copy_source_if_match_is_ignored() -> bool:
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k")
    s3.copy_object(Bucket="bucket", Key="c", CopySource="bucket/k", CopySourceIfMatch='"other"')
    return True


@shows("Rule.send_to_targets")
def rules_know_no_functions() -> bool:
    target = {"Id": "t", "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"}
    rule = Rule("r", ACCOUNT, REGION, None, "{}", None, None, "default", "ENABLED", None, [target])
    try:
        rule.send_to_targets({"source": "a"}, transform_input=False)  # type: ignore[typeddict-item]
    except NotImplementedError:
        return True
    return False


@shows("LambdaFunction.invoke")
def asynchronous_events_are_waited_for() -> bool:
    create_function()
    threads: list[threading.Thread] = []
    original = LambdaFunction._invoke_lambda

    def invoke(function: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
        threads.append(threading.current_thread())
        return "{}", False, ""

    LambdaFunction._invoke_lambda = invoke  # type: ignore[method-assign]
    try:
        client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b"{}")
    finally:
        LambdaFunction._invoke_lambda = original  # type: ignore[method-assign]
    return threads == [threading.current_thread()]


@shows("LambdaBackend.create_event_source_mapping")
def sending_a_message_invokes_the_function() -> bool:
    create_function()
    url = client("sqs").create_queue(QueueName="q")["QueueUrl"]
    client("lambda").create_event_source_mapping(
        FunctionName="f", EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", BatchSize=10
    )
    batches: list[int] = []
    original = LambdaBackend.send_sqs_batch

    def send(backend: Any, arn: str, messages: list[Any], queue_arn: str) -> bool:
        batches.append(len(messages))
        return True

    LambdaBackend.send_sqs_batch = send  # type: ignore[method-assign]
    try:
        client("sqs").send_message(QueueUrl=url, MessageBody="1")
    finally:
        LambdaBackend.send_sqs_batch = original  # type: ignore[method-assign]
    return batches == [1]


@shows("SQSBackend.is_message_valid_based_on_retention_period")
def a_queue_is_counted_for_each_message() -> bool:
    url = client("sqs").create_queue(QueueName="q")["QueueUrl"]
    for number in range(5):
        client("sqs").send_message(QueueUrl=url, MessageBody=str(number))
    with mock.patch.object(
        Queue, "approximate_number_of_messages", new_callable=mock.PropertyMock, return_value=5
    ) as counting:
        sqs_backends[ACCOUNT][REGION].receive_message("q", 5, 0, 30)
    return counting.call_count >= 5


@shows("SQSBackend.receive_message")
def two_receivers_get_one_message() -> bool:
    url = client("sqs").create_queue(QueueName="q")["QueueUrl"]
    client("sqs").send_message(QueueUrl=url, MessageBody="1")
    original, received = Message.mark_received, []

    def slowly(message: Message, visibility_timeout: int | None = None) -> None:
        time.sleep(0.2)
        original(message, visibility_timeout)

    def receive() -> None:
        received.extend(sqs_backends[ACCOUNT][REGION].receive_message("q", 1, 0, 30))

    Message.mark_received = slowly  # type: ignore[method-assign]
    try:
        threads = [threading.Thread(target=receive) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        Message.mark_received = original  # type: ignore[method-assign]
    return len(received) == 2


@shows("stepfunctions")
def executions_are_not_interpreted() -> bool:
    return not default_user_config.get("stepfunctions", {}).get("execute_state_machine")


def interpreted(show: Callable[[], bool]) -> Callable[[], bool]:
    def inner() -> bool:
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        try:
            return show()
        finally:
            del default_user_config["stepfunctions"]

    return inner


@shows("StepFunctionsParserBackend.start_execution")
@interpreted
def a_nameless_execution_is_called_none() -> bool:
    backend = stepfunctions_parser_backends[ACCOUNT][REGION]
    machine = backend.create_state_machine("m", json.dumps(one_state(Type="Pass")), ROLE)
    return backend.start_execution(machine.arn, None, "{}").execution_arn.endswith(":None")


@shows("Execution.start")
@interpreted
def executions_are_not_announced() -> bool:
    read = observed_bucket()
    execute(one_state(Type="Pass"))
    return not read()


@shows("BaseExecutionWorkerCommunication.terminated")
@interpreted
def text_is_not_shown_as_json() -> bool:
    return bool(execute(one_state(Type="Pass", Result="text"))["output"] == "text")


@shows("Execution.stop")
@interpreted
def a_stopped_execution_stays_running() -> bool:
    arn = create_function()
    original = LambdaFunction._invoke_lambda

    def invoke(function: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
        time.sleep(1)
        return "{}", False, ""

    LambdaFunction._invoke_lambda = invoke  # type: ignore[method-assign]
    try:
        return bool(execute(one_state(Type="Task", Resource=arn), stop=True)["status"] == "RUNNING")
    finally:
        LambdaFunction._invoke_lambda = original  # type: ignore[method-assign]


@shows("ExecutionWorker._execution_logic")
@interpreted
def an_error_of_the_interpreter_is_never_told() -> bool:
    def fail(worker: ExecutionWorker) -> Any:
        raise RuntimeError("a bug")

    original = ExecutionWorker._get_evaluation_entrypoint
    ExecutionWorker._get_evaluation_entrypoint = fail  # type: ignore[method-assign]
    try:
        return bool(execute(one_state(Type="Pass"), seconds=0.5)["status"] == "RUNNING")
    finally:
        ExecutionWorker._get_evaluation_entrypoint = original  # type: ignore[method-assign]


@shows("StepFunctionResponse.describe_execution")
@interpreted
def a_timed_out_execution_has_no_stop_date() -> bool:
    found = execute({"TimeoutSeconds": 1, **one_state(Type="Wait", Seconds=3)})
    return found["status"] == "TIMED_OUT" and "stopDate" not in found


@shows("WaitFunction._wait_interval")
@interpreted
def waits_are_real() -> bool:
    began = time.monotonic()
    execute(one_state(Type="Wait", Seconds=1))
    return time.monotonic() - began > 0.9 and WaitFunction.__module__.startswith("moto")


@shows("retrier_decl.time")
def retries_sleep() -> bool:
    return retrier_decl.time is time


@shows("CloudFormationBackend._resolve_update_parameters")
def a_parameter_cannot_keep_its_default() -> bool:
    def template(display: str) -> str:
        topic = {"TopicName": {"Ref": "Name"}, "DisplayName": display}
        return json.dumps(
            {
                "Parameters": {"Name": {"Type": "String", "Default": "kept"}},
                "Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": topic}},
            }
        )

    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="kept", TemplateBody=template("one"))
    try:
        cloudformation.update_stack(
            StackName="kept",
            TemplateBody=template("two"),
            Parameters=[{"ParameterKey": "Name", "UsePreviousValue": True}],
        )
    except KeyError:
        return True
    return False


@shows("redshiftdata")
def the_data_api_is_unknown() -> bool:
    names = state_task_service.StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES
    return "redshiftdata" not in names


@shows("redshiftdata", "s3", "sns", "sqs")
def errors_have_no_service_name() -> bool:
    known = state_task_service_aws_sdk._SERVICE_ERROR_NAMES
    return not {"redshiftdata", "s3", "sns", "sqs"} & set(known)


@shows("StateTaskServiceAwsSdk._eval_service_task")
@interpreted
def a_timestamp_in_a_result_ends_the_interpreter() -> bool:
    client("dynamodb").create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    resource = "arn:aws:states:::aws-sdk:dynamodb:describeTable"
    state = one_state(Type="Task", Resource=resource, Parameters={"TableName": "t"})
    try:
        return bool(execute(state, seconds=1)["status"] != "SUCCEEDED")
    except TypeError:  # the output holds a datetime
        return True


@shows("execution_worker.ExecutionData")
@interpreted
def the_start_time_is_no_json() -> bool:
    state = one_state(Type="Pass", Parameters={"at.$": "$$.Execution.StartTime"})
    try:
        found = execute(state, seconds=1)
    except TypeError:
        return True
    return bool(found["status"] != "SUCCEEDED" or not found["output"].count("Z"))


@shows("Preprocessor._query_language_per_scope")
def readers_of_definitions_share_their_scopes() -> bool:
    return Preprocessor()._query_language_per_scope is Preprocessor()._query_language_per_scope


@shows("jsonata._eval_jsonata")
def jsonata_asks_for_java() -> bool:
    try:
        asl_jsonata.eval_jsonata_expression("1 + 1")
    except Exception:  # noqa: BLE001 -- whatever it raises without Java
        return True
    return False


def create_stack(resources: dict[str, Any]) -> None:
    client("cloudformation").create_stack(
        StackName="s", TemplateBody=json.dumps({"Resources": resources})
    )


@shows("parsing.parse_resource")
def unknown_types_are_skipped() -> bool:
    create_stack({"W": {"Type": "AWS::WAFv2::WebACL", "Properties": {}}})
    return True


@shows("ResourceMap.__getitem__")
def a_reference_overtakes_depends_on() -> bool:
    def queue(name: str, **more: Any) -> dict[str, Any]:
        return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}, **more}

    value = {"Name": "/p", "Type": "String", "Value": {"Ref": "Second"}}
    create_stack(
        {
            "Asks": {"Type": "AWS::SSM::Parameter", "Properties": value},
            "Second": queue("second", DependsOn="First"),
            "First": queue("first"),
        }
    )
    return list(sqs_backends[ACCOUNT][REGION].queues) == ["second", "first"]


@shows("ResourceMap.delete")
def what_is_kept_is_deleted() -> bool:
    create_stack(
        {
            "Kept": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": "kept"},
                "DeletionPolicy": "RetainExceptOnCreate",
            }
        }
    )
    (stack,) = client("cloudformation").describe_stacks()["Stacks"]
    client("cloudformation").delete_stack(StackName=stack["StackName"])
    return list(sqs_backends[ACCOUNT][REGION].queues) == []


@shows("CloudFormationBackend.delete_stack")
def a_protected_stack_is_deleted() -> bool:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}
    client("cloudformation").create_stack(
        StackName="s",
        TemplateBody=json.dumps({"Resources": {"Q": queue}}),
        EnableTerminationProtection=True,
    )
    client("cloudformation").delete_stack(StackName="s")
    return client("cloudformation").describe_stacks()["Stacks"] == []


@shows("CloudFormationResponse.update_termination_protection")
def protection_cannot_be_changed() -> bool:
    create_stack({"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}})
    (stack,) = client("cloudformation").describe_stacks()["Stacks"]
    try:
        client("cloudformation").update_termination_protection(
            StackName=stack["StackName"], EnableTerminationProtection=True
        )
    except Exception as error:  # noqa: BLE001 -- the text is what matters
        return "not been implemented" in str(error)
    return False


@shows("LogGroup.get_cfn_attribute")
def a_log_group_s_arn_covers_no_stream() -> bool:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "g"}}
    output = {"Arn": {"Value": {"Fn::GetAtt": ["G", "Arn"]}}}
    client("cloudformation").create_stack(
        StackName="s", TemplateBody=json.dumps({"Resources": {"G": group}, "Outputs": output})
    )
    stack = client("cloudformation").describe_stacks(StackName="s")["Stacks"][0]
    return not stack["Outputs"][0]["OutputValue"].endswith(":*")


@shows("DynamoDBBackend.transact_write_items")
def a_transaction_copies_every_item() -> bool:
    make_table()
    put = [{"Put": {"TableName": "t", "Item": {"k": {"S": str(n)}}}} for n in range(20)]
    client("dynamodb").transact_write_items(TransactItems=put)
    with counted(Item, "__deepcopy__") as copying:
        client("dynamodb").transact_write_items(TransactItems=put[:1])
    return bool(copying.call_count >= 20)


@shows("Table.query")
def a_query_sorts_every_item() -> bool:
    make_table()
    for number in range(20):
        client("dynamodb").put_item(TableName="t", Item={"k": {"S": str(number)}})
    with counted(Table, "all_items") as sorting:
        client("dynamodb").query(
            TableName="t",
            KeyConditionExpression="k = :k",
            ExpressionAttributeValues={":k": {"S": "7"}},
        )
    return any(len(call.args[0].items) >= 20 for call in sorting.call_args_list)


def counted(owner: type, method: str) -> AbstractContextManager[Any]:
    """A mock that notes each call of a method, which does what it does."""
    doing = getattr(owner, method)
    return mock.patch.object(owner, method, autospec=True, side_effect=doing)


def make_table() -> None:
    client("dynamodb").create_table(
        TableName="t",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


@shows("parsing.parse_and_create_resource")
def failures_are_nameless() -> bool:
    table = {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": "not a pattern"}}
    try:
        create_stack({"Nameless": table})
    except Exception as error:  # noqa: BLE001 -- the text is what matters
        return "Nameless" not in str(error)
    return False


@shows("Stack.parse_template")
def json_is_read_as_yaml() -> bool:
    return bool(Stack.parse_template('{"Metadata": 1e3}')["Metadata"] == "1e3")


@shows("boto_client.boto_client_for")
def tasks_call_as_nobody() -> bool:
    made = boto_client_for(REGION, "sqs")._request_signer._credentials
    return bool(made.access_key == "ak")


def main() -> None:
    """Print, as JSON, whether each misbehaviour is still there, or the error that kept it hid."""
    threading.excepthook = lambda _: None  # several misbehaviours are threads that die
    found: dict[str, Any] = {}
    for place, show in MISBEHAVIOURS:
        with mock_aws():
            try:
                found[place] = found.get(place, True) and show()
            except Exception as error:  # noqa: BLE001 -- a mended moto may fail in any way
                found[place] = f"{type(error).__name__}: {error}"
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
