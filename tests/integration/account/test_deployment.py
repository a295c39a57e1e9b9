"""Assemblies deploy as by CloudFormation, or fail naming what is wrong."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from local.account import Account, clients, home
from local.account.assembly import SynthesisError, synthesize
from local.account.deployer import DeploymentError
from tests.integration.account.conftest import Aws, deploy
from tests.integration.account.template import function, queue

pytestmark = pytest.mark.emulated

ROLE = "arn:aws:iam::123456789012:role/worker"


def test_account_json_holds_what_the_outputs_say(account: Account) -> None:
    found = json.loads(account.home.info_file.read_text())
    assert found["bucket"] == "data"
    assert found["ledger_table"] == "seen"
    assert found["endpoint_url"] == f"http://localhost:{account.endpoint_url.rsplit(':')[-1]}"
    assert found["topic_arn"].endswith(":notices")
    assert found["dead_letter_queue_url"].endswith("/arrivals-dead")
    assert found["pid"] == os.getpid()


def test_a_custom_resource_gets_its_properties_as_text_and_its_data_is_an_output(
    aws: Aws,
) -> None:
    stack = aws("cloudformation").describe_stacks(StackName="main")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    (stamp,) = [o["OutputValue"] for o in stack["Outputs"] if o["OutputKey"] == "Stamp"]
    seen = json.loads(stamp)
    assert (seen["Number"], seen["Flag"]) == ("7", "true")


def test_an_unknown_type_fails_the_deployment_by_its_name(account: Account, tmp_path: Path) -> None:
    template = {"Resources": {"Wall": {"Type": "AWS::WAFv2::WebACL", "Properties": {}}}}
    with pytest.raises(DeploymentError, match=r"Wall \(AWS::WAFv2::WebACL\): .*not emulated"):
        deploy(account, tmp_path, "unknown", template)


def test_a_property_that_would_do_nothing_fails_the_deployment(
    account: Account, tmp_path: Path
) -> None:
    template = {
        "Resources": {
            "B": {"Type": "AWS::S3::Bucket", "Properties": {"ReplicationConfiguration": {}}}
        }
    }
    with pytest.raises(DeploymentError, match="does not act on ReplicationConfiguration"):
        deploy(account, tmp_path, "property", template)


def test_a_failing_custom_resource_fails_the_deployment_with_its_reason(
    account: Account, aws: Aws, tmp_path: Path
) -> None:
    arn = aws("lambda").get_function(FunctionName="stamp")["Configuration"]["FunctionArn"]
    properties = {"ServiceToken": arn, "Fail": True}
    template = {"Resources": {"S": {"Type": "Custom::Stamp", "Properties": properties}}}
    with pytest.raises(DeploymentError, match=r"S \(Custom::Stamp\): stamp: told to fail"):
        deploy(account, tmp_path, "failing", template)


def test_a_custom_resource_that_never_answers_fails_the_deployment(
    account: Account, aws: Aws, tmp_path: Path
) -> None:
    arn = aws("lambda").get_function(FunctionName="mood")["Configuration"]["FunctionArn"]
    template = {"Resources": {"S": {"Type": "Custom::Mute", "Properties": {"ServiceToken": arn}}}}
    with pytest.raises(DeploymentError, match="without putting a response"):
        deploy(account, tmp_path, "mute", template)


def test_dependencies_come_first_even_when_something_else_refers_to_the_dependent(
    account: Account, aws: Aws, tmp_path: Path
) -> None:
    arn = aws("lambda").get_function(FunctionName="stamp")["Configuration"]["FunctionArn"]
    template = {
        "Resources": {
            "Asks": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Name": "/asks",
                    "Type": "String",
                    "Value": {"Fn::GetAtt": ["S", "Seen"]},
                },
            },
            "S": {
                "Type": "Custom::Stamp",
                "DependsOn": "Second",
                "Properties": {"ServiceToken": arn},
            },
            "Second": {**queue(QueueName="second"), "DependsOn": "First"},
            "First": queue(QueueName="first"),
        }
    }
    deploy(account, tmp_path, "ordered", template)
    assert aws("ssm").get_parameter(Name="/asks")["Parameter"]["Value"]
    assert aws("sqs").get_queue_url(QueueName="first")


def test_a_second_deployment_updates_functions_and_custom_resources(
    account: Account, aws: Aws, tmp_path: Path
) -> None:
    def template(timeout: int) -> dict[str, Any]:
        mood = function("handlers.mood.handler", FunctionName="changing", Timeout=timeout)
        mood["Properties"]["Role"] = ROLE
        mood["Properties"]["Environment"] = {"Variables": {"SEEN_TABLE": f"seen-{timeout}"}}
        return {"Resources": {"Mood": mood}}

    def variables() -> str:
        answer = aws("lambda").invoke(FunctionName="changing", Payload=b"{}")
        return str(json.load(answer["Payload"])["environment"]["SEEN_TABLE"])

    deploy(account, tmp_path, "changing", template(3))
    assert variables() == "seen-3"
    deploy(account, tmp_path, "changing", template(4))
    assert variables() == "seen-4"


@pytest.mark.parametrize(
    ("source", "refused"), [("schedule/default/tick", True), ("schedule-group/default", False)]
)
def test_a_schedule_needs_a_role_that_scheduler_may_take_for_its_group(
    account: Account, tmp_path: Path, source: str, *, refused: bool
) -> None:
    taking = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:scheduler:us-east-1:123456789012:{source}"}
        },
    }
    template = {
        "Resources": {
            "Clock": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": {"Statement": [taking]}},
            },
            "Tick": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "Name": "tick",
                    "ScheduleExpression": "cron(0 3 * * ? *)",
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {
                        "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:machine",
                        "RoleArn": {"Fn::GetAtt": ["Clock", "Arn"]},
                    },
                },
            },
        }
    }
    if refused:
        with pytest.raises(DeploymentError, match="must allow AWS EventBridge Scheduler to assume"):
            deploy(account, tmp_path, "refused-clock", template)
    else:
        deploy(account, tmp_path, "clock", template)


def test_functions_in_other_languages_are_refused(
    account: Account, aws: Aws, tmp_path: Path
) -> None:
    node = function("index.handler", FunctionName="node", Runtime="nodejs22.x")
    node["Properties"] |= {"Role": ROLE, "Environment": {}}
    with pytest.raises(DeploymentError, match=r"nodejs22\.x cannot run"):
        deploy(account, tmp_path, "node", {"Resources": {"Node": node}})


def test_what_the_user_set_up_for_other_accounts_leads_nobody_there(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[default]\nendpoint_url = http://localhost:1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("HTTP_PROXY", "http://localhost:1")
    monkeypatch.setenv("http_proxy", "http://localhost:1")
    aws = clients.for_user("somebody", account.endpoint_url)
    assert aws("sqs").list_queues()["QueueUrls"]
    assert home.get(account.info, home.HEALTH_PATH)["status"] == "up"


APP = """
import os, pathlib
out = pathlib.Path(os.environ["CDK_OUTDIR"])
(out / "manifest.json").write_text("{}")
with pathlib.Path("runs").open("a") as runs:
    runs.write(os.environ["SLUICE_ENVIRONMENT"])
"""


def test_synthesis_runs_once_for_each_content(tmp_path: Path) -> None:
    project, cache = tmp_path / "project", tmp_path / "cache"
    (project / "stacks").mkdir(parents=True)
    (project / "app.py").write_text(APP)
    first = synthesize(project, "local", cache_dir=cache)
    assert (first / "manifest.json").is_file()
    assert synthesize(project, "local", cache_dir=cache) == first
    assert (project / "runs").read_text() == "local"
    (project / "stacks" / "new.py").write_text("")
    assert synthesize(project, "local", cache_dir=cache) != first
    assert (project / "runs").read_text() == "locallocal"


def test_a_failed_synthesis_shows_what_the_app_printed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('no such environment: nowhere')")
    with pytest.raises(SynthesisError, match="no such environment: nowhere"):
        synthesize(tmp_path, "nowhere", cache_dir=tmp_path / "cache")


def test_alarms_are_there_to_be_described_and_told_apart(
    account: Account, aws: Aws, tmp_path: Path
) -> None:
    template = {
        "Resources": {
            "Errors": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmName": "errors",
                    "Namespace": "AWS/Lambda",
                    "MetricName": "Errors",
                    "Statistic": "Sum",
                    "Period": 60,
                    "Threshold": 0,
                    "EvaluationPeriods": 1,
                    "ComparisonOperator": "GreaterThanThreshold",
                },
            },
            "Failing": {
                "Type": "AWS::CloudWatch::CompositeAlarm",
                "Properties": {
                    "AlarmName": "failing",
                    "AlarmRule": {"Fn::Sub": 'ALARM("${Errors.Arn}")'},
                    "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:alarms"],
                },
            },
            "Waiting": {
                "Type": "AWS::CloudWatch::CompositeAlarm",
                "Properties": {
                    "AlarmName": "waiting",
                    "AlarmRule": 'ALARM("errors")',
                    "ActionsSuppressor": {"Fn::GetAtt": ["Failing", "Arn"]},
                },
            },
        }
    }
    deploy(account, tmp_path, "alarms", template)
    described = aws("cloudwatch").describe_alarms(AlarmNames=["errors", "failing"])
    assert [alarm["AlarmName"] for alarm in described["MetricAlarms"]] == ["errors"]
    (failing,) = described["CompositeAlarms"]
    assert failing["AlarmRule"] == 'ALARM("arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors")'
    assert failing["AlarmActions"] == ["arn:aws:sns:us-east-1:123456789012:alarms"]
