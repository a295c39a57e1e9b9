"""Who is told of what: every failure once, by an alarm that can fire and reaches somebody."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import build
from config.deployment import Deployment
from config.metrics import (
    ERROR_CLASS,
    MEMORY_USED,
    NAMESPACE,
    SERVICE,
    SERVICE_VARIABLE,
    Metric,
    memory_namespace,
)
from stacks.alarms import UNTIL_TIME_IS_UP
from stacks.constructs.app import SluiceApp
from stacks.observability_stack import ObservabilityStack
from stacks.queries import QUERIES
from tests.infrastructure.assembly import Assembly, Resource, as_list, target
from tests.infrastructure.topology import (
    ACCOUNT_ID,
    Topology,
    Watched,
    failing_ends,
    metrics,
    plain,
)
from tools.observability import Observability, main, read
from tools.policy.nag import load
from tools.policy.templates import COMPLETE

# Metrics of services that alarms may read, with their dimensions, as AWS documents them:
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
# https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-monitoring.html
_SERVICES = {
    ("AWS/Lambda", "FunctionName"): {"Errors", "Throttles", "Duration", "Invocations"},
    ("AWS/SQS", "QueueName"): {
        "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage",
    },
    ("AWS/States", "StateMachineArn"): {
        "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted",
    },
    ("AWS/Scheduler", "ScheduleGroup"): {"InvocationsFailedToBeSentToDeadLetterCount"},
    ("AWS/Events", "RuleName"): {"InvocationsFailedToBeSentToDlq"},
    ("AWS/Redshift-Serverless", "Workgroup"): {"ComputeSeconds", "ComputeCapacity"},
}  # fmt: skip
# https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
_REPORT = (
    "REPORT RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95\tDuration: 15.74 ms\t"
    "Billed Duration: 16 ms\tMemory Size: 128 MB\tMax Memory Used: 56 MB\tInit Duration: 130.49 ms"
)

Templates = dict[str, dict[str, Any]]


# --- each failure raises exactly one alarm


def test_every_failure_raises_exactly_one_alarm(deployed: Assembly) -> None:
    assert Topology(deployed).complaints() == []


def test_every_failure_does_so_where_an_environment_says_all_that_one_may_say(
    tmp_path: Path,
) -> None:
    deployment = load(COMPLETE)
    context = {"aws:cdk:bundling-stacks": []}
    assembly = build(SluiceApp(outdir=tmp_path, context=context), deployment).synth()
    complete = Assembly(
        environment=COMPLETE,
        folder=tmp_path,
        templates={
            stack.stack_name.removeprefix(deployment.name("")): stack.template
            for stack in assembly.stacks
        },
    )
    assert Topology(complete).complaints() == []


def test_a_load_that_fails_raises_the_same_alarm_wherever_it_shows(local: Assembly) -> None:
    topology = Topology(local)
    shown = [
        *(local.function(step) for step in ("route", "claim", "infer_schema", "upsert", "settle")),
        local.one("AWS::StepFunctions::StateMachine", "Load"),
        _arrivals(local),
    ]
    assert {tuple(topology.raised_by(each)) for each in shown} == {("sluice-local-loads-failing",)}


def test_a_release_that_fails_raises_the_same_alarm_wherever_it_shows(local: Assembly) -> None:
    topology = Topology(local)
    shown = [
        *(local.function(step) for step in ("open_release", "run_procedures", "close_release")),
        local.one("AWS::StepFunctions::StateMachine", "Release"),
        local.one("AWS::Events::Rule", "ReleaseUploaded"),
    ]
    alarm = ("sluice-local-releases-failing",)
    assert {tuple(topology.raised_by(each)) for each in shown} == {alarm}


def _arrivals(deployed: Assembly) -> Resource:
    (queue,) = (q for q in deployed.resources("AWS::SQS::Queue") if "RedrivePolicy" in q.properties)
    return queue


@pytest.mark.parametrize("machine", ["load", "release"])
def test_what_a_task_cannot_do_fails_the_execution(machine: str) -> None:
    assert failing_ends(Path(f"stacks/{machine}.asl.json")) == {"Fail"}


def _a_function(templates: Templates) -> None:
    new = copy.deepcopy(templates["pipeline"]["Resources"])
    route = next(r for i, r in new.items() if r["Type"] == "AWS::Lambda::Function")
    route["Properties"]["FunctionName"] = "sluice-local-new"
    templates["pipeline"]["Resources"]["New"] = route


def _a_queue(templates: Templates) -> None:
    templates["pipeline"]["Resources"]["New"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": "sluice-local-new"},
    }


def _a_machine(templates: Templates) -> None:
    templates["pipeline"]["Resources"]["New"] = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"StateMachineName": "sluice-local-new"},
    }


def _a_rule(templates: Templates) -> None:
    templates["pipeline"]["Resources"]["New"] = {
        "Type": "AWS::Events::Rule",
        "Properties": {"Name": "sluice-local-new", "Targets": [{"Arn": {"Ref": "Load"}}]},
    }


def _a_rule_with_dead_letters(templates: Templates) -> None:
    resources = templates["pipeline"]["Resources"]
    rule = next(r for i, r in resources.items() if i.startswith("Uploaded"))
    resources["New"] = copy.deepcopy(rule)
    resources["New"]["Properties"]["Name"] = "sluice-local-new"


def _a_second_incident(templates: Templates) -> None:
    resources = templates["observability"]["Resources"]
    first = next(r for i, r in resources.items() if i.startswith("LoadsFailing"))
    resources["Again"] = copy.deepcopy(first)
    resources["Again"]["Properties"]["AlarmName"] = "sluice-local-again"


def _a_symptom_that_tells(templates: Templates) -> None:
    resources = templates["observability"]["Resources"]
    symptom = next(r for i, r in resources.items() if i.startswith("LoadFailures"))
    symptom["Properties"]["AlarmActions"] = [{"Ref": "Alarms"}]


def _an_unread_end(templates: Templates) -> None:
    resources = templates["observability"]["Resources"]
    del resources[next(i for i in resources if i.startswith("LoadTimeouts"))]


def _an_incident_that_tells_nobody(templates: Templates) -> None:
    resources = templates["observability"]["Resources"]
    incident = next(r for i, r in resources.items() if i.startswith("EventsUndelivered"))
    del incident["Properties"]["AlarmActions"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_a_function, "sluice-local-new: a failure raises no alarm"),
        (_a_queue, "sluice-local-new: a failure raises no alarm"),
        (_a_machine, "sluice-local-new: a failure raises no alarm"),
        (_a_rule, "sluice-local-new: a failure raises no alarm"),
        (_a_rule_with_dead_letters, "sluice-local-new: nobody reads .*FailedToBeSentToDlq"),
        (_a_second_incident, r"sluice-local-load: a failure raises \['sluice-local-again', 'slu"),
        (_a_symptom_that_tells, "LoadFailures.*: a symptom of .*, and tells by itself"),
        (_an_unread_end, r"sluice-local-load: nobody reads \['ExecutionsTimedOut'\]"),
        (_an_incident_that_tells_nobody, "sluice-local-uploaded: a failure raises .* alone"),
    ],
)
def test_a_failure_that_raises_no_alarm_or_two_is_noticed(
    local: Assembly, change: Callable[[Templates], None], complaint: str
) -> None:
    templates = copy.deepcopy(dict(local.templates))
    change(templates)
    changed = Assembly(environment="local", folder=local.folder, templates=templates)
    assert [c for c in Topology(changed).complaints() if re.match(complaint, c)]


# --- alarms that can fire


def _read(deployed: Assembly) -> Iterator[Watched]:
    """Every metric that an alarm or the dashboard reads by name."""
    for alarm in deployed.resources("AWS::CloudWatch::Alarm"):
        yield from metrics(alarm)
    for widget in _widgets(deployed):
        last: list[Any] = []
        for line in widget["properties"].get("metrics", []):
            *names, options = line if isinstance(line[-1], dict) else [*line, {}]
            if not names:
                continue  # an expression; SEARCH is looked at elsewhere
            last = [last[i] if name == "." else name for i, name in enumerate(names)]
            namespace, name, *dimensions = last
            yield Watched(
                namespace=namespace,
                name=name,
                dimensions=tuple(zip(dimensions[::2], dimensions[1::2], strict=True)),
                statistic=options.get("stat", "Average"),
            )


def _widgets(deployed: Assembly) -> list[dict[str, Any]]:
    body = plain(deployed.one("AWS::CloudWatch::Dashboard").properties["DashboardBody"])
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


def test_a_metric_of_a_service_is_documented_and_its_resource_is_there(
    deployed: Assembly,
) -> None:
    resources = {
        plain(value)
        for resource in deployed.resources()
        for name, value in resource.properties.items()
        if name in {"FunctionName", "QueueName", "Name", "WorkgroupName", "StateMachineName"}
    }
    services = [m for m in _read(deployed) if m.namespace.startswith("AWS/")]
    assert services
    for metric in services:
        ((dimension, value),) = metric.dimensions
        assert metric.name in _SERVICES[metric.namespace, dimension]
        assert value.rpartition(":")[2] in resources


def test_a_metric_of_ours_is_one_that_functions_of_this_environment_emit(
    deployed: Assembly,
) -> None:
    service = {
        function.properties["Environment"]["Variables"][SERVICE_VARIABLE]
        for function in deployed.resources("AWS::Lambda::Function")
    }
    ours = [m for m in _read(deployed) if m.namespace == NAMESPACE]
    assert ours
    assert {m.name for m in ours} <= {metric.value for metric in Metric}
    assert {m.dimensions for m in ours} == {((SERVICE, name),) for name in service}


def test_a_search_names_a_metric_that_is_emitted_by_class(deployed: Assembly) -> None:
    searches = re.findall(r"SEARCH\('(.*?)', 'Sum'", json.dumps(_widgets(deployed)))
    named = set()
    for search in searches:
        schema, name, service = re.fullmatch(
            r'\{(.*)\} MetricName="(\w+)" service="(.*)"',
            search.replace('\\\\\\"', '"').replace('\\"', '"'),
        ).groups()  # type: ignore[union-attr]  # no match fails the test
        assert schema == f"{NAMESPACE},{SERVICE},{ERROR_CLASS}"
        assert service == f"sluice-{deployed.environment}"
        named.add(name)
    assert named == {Metric.FAILURES, Metric.REJECTED}


def test_memory_comes_from_the_log_of_each_function_in_the_form_that_lambda_writes(
    deployed: Assembly,
) -> None:
    groups = {g.properties["LogGroupName"] for g in deployed.resources("AWS::Logs::LogGroup")}
    filters = {
        f.properties["LogGroupName"]: f.properties
        for f in deployed.resources("AWS::Logs::MetricFilter")
    }
    for function in deployed.resources("AWS::Lambda::Function"):
        name = function.properties["FunctionName"]
        properties = filters.pop(f"/aws/lambda/{name}")
        (made,) = properties["MetricTransformations"]
        assert properties["LogGroupName"] in groups
        assert "LogFormat" not in function.properties["LoggingConfig"]  # as JSON it has no REPORT
        assert (made["MetricNamespace"], made["MetricName"]) == (
            memory_namespace(name),
            MEMORY_USED,
        )
        assert _matched(properties["FilterPattern"], _REPORT)[made["MetricValue"]] == "56"
        read = [m for m in _read(deployed) if m.namespace == made["MetricNamespace"]]
        assert {m.name for m in read} == {MEMORY_USED}
    assert not filters


def _matched(pattern: str, line: str) -> dict[str, str]:
    """The fields of a log line that a space-delimited pattern matches, as `$name`."""
    fields = pattern.strip("[]").split(", ")
    assert fields.pop() == "..."
    words = line.split()
    assert len(words) >= len(fields)
    found = {}
    for field, word in zip(fields, words, strict=False):
        name, _, wanted = field.partition("=")
        assert wanted in ("", f'"{word}"')
        found[f"${name}"] = word
    return found


def test_bounds_follow_the_environment(deployed: Assembly) -> None:
    deployment = Deployment.load(deployed.environment)
    bounds = {
        alarm.properties["AlarmName"].removeprefix(deployment.name("")): alarm.properties
        for alarm in deployed.resources("AWS::CloudWatch::Alarm")
    }
    for function in deployed.resources("AWS::Lambda::Function"):
        short = function.properties["FunctionName"].removeprefix(deployment.name(""))
        if short not in UNTIL_TIME_IS_UP:
            assert bounds[f"{short}-duration"]["Threshold"] == 800 * function.properties["Timeout"]
        assert bounds[f"{short}-memory"]["Threshold"] == function.properties["MemorySize"] * 9 / 10
    oldest = bounds["oldest-unloaded"]
    assert oldest["Threshold"] == deployment.alerts.oldest_unloaded_minutes * 60
    assert oldest["TreatMissingData"] == "ignore"
    hours = deployment.warehouse.daily_rpu_hours
    assert ("rpu-hours" in bounds) == (hours is not None)
    if hours is not None:
        assert bounds["rpu-hours"]["Threshold"] == 0.8 * hours


def test_a_sweep_that_does_not_run_is_missed(deployed: Assembly) -> None:
    rule = deployed.one("AWS::Events::Rule", "Sweeping").properties
    silent = deployed.one("AWS::CloudWatch::Alarm", "SweepSilent").properties
    assert rule["ScheduleExpression"] == f"rate({silent['Period'] // 60} minutes)"
    assert (silent["ComparisonOperator"], silent["Threshold"]) == ("LessThanThreshold", 1)
    assert silent["TreatMissingData"] == "breaching"


def test_an_unread_queue_raises_an_alarm_later_than_a_message_that_is_tried_to_the_end(
    deployed: Assembly,
) -> None:
    queue = _arrivals(deployed).properties
    alarm = deployed.one("AWS::CloudWatch::Alarm", "ArrivalsAge").properties
    tried = queue["VisibilityTimeout"] * int(queue["RedrivePolicy"]["maxReceiveCount"])
    assert tried < alarm["Threshold"] < queue["MessageRetentionPeriod"]


def test_dead_letters_are_spoken_of_again_before_sqs_deletes_them(deployed: Assembly) -> None:
    queues = {
        q.properties["QueueName"]: q.properties for q in deployed.resources("AWS::SQS::Queue")
    }
    longest = max(q["MessageRetentionPeriod"] for q in queues.values())
    before = max(q["MessageRetentionPeriod"] for q in queues.values() if "RedrivePolicy" in q)
    ages = [
        a for a in deployed.resources("AWS::CloudWatch::Alarm") if "DeadLettersAge" in a.logical_id
    ]
    assert len(ages) == 3
    for alarm in ages:
        assert alarm.properties["Threshold"] < longest - before


# --- somebody is told


def test_every_incident_is_told_to_one_topic_that_cloudwatch_may_write_to(
    deployed: Assembly,
) -> None:
    topic = deployed.one("AWS::SNS::Topic", "Alarms")
    deployment = Deployment.load(deployed.environment)
    incidents = list(deployed.resources("AWS::CloudWatch::CompositeAlarm"))
    assert incidents
    for incident in incidents:
        for actions in ("AlarmActions", "OKActions"):
            assert [target(each) for each in incident.properties[actions]] == [topic.logical_id]
    policy = deployed.one("AWS::SNS::TopicPolicy", "AlarmsPolicy").properties["PolicyDocument"]
    sources = {
        statement["Principal"]["Service"]: plain(statement["Condition"]["ArnLike"]["aws:SourceArn"])
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
    }
    budgets = {"budgets.amazonaws.com": f"arn:aws:budgets::{ACCOUNT_ID}:*"}
    alarms = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT_ID}:alarm:{deployment.name('*')}"
    assert sources == {"cloudwatch.amazonaws.com": alarms} | (
        budgets if deployment.alerts.monthly_budget_usd else {}
    )


def test_an_incident_that_another_explains_waits_for_it(deployed: Assembly) -> None:
    explained = {
        incident.properties["AlarmName"].removeprefix(f"sluice-{deployed.environment}-"): target(
            incident.properties["ActionsSuppressor"]
        ).rstrip("0123456789ABCDEF")
        for incident in deployed.resources("AWS::CloudWatch::CompositeAlarm")
        if "ActionsSuppressor" in incident.properties
    }
    assert explained == {
        "files-waiting": "LoadsFailing",
        "functions-strained": "LoadsFailing",
        "sweep-failing": "EventsUndelivered",
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template of an environment that tells everybody."""
    deployment = Deployment.model_validate(
        Deployment.load("local").model_dump()
        | {
            "alerts": {
                "emails": ["ops@example.com", "data@example.com"],
                "slack": {"workspace_id": "T0123456789", "channel_id": "C0123456789"},
                "pagerduty_secret": "sluice/pagerduty",
                "monthly_budget_usd": 300,
            }
        }
    )
    app = SluiceApp(outdir=tmp_path_factory.mktemp("told"))
    stack = ObservabilityStack(app, deployment)
    template: dict[str, Any] = app.synth().get_stack_by_name(stack.stack_name).template
    return template["Resources"]


def _of(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in resources.values() if r["Type"] == kind]


def test_people_are_mailed_and_paged_at_an_address_that_no_template_shows(
    told: dict[str, Any],
) -> None:
    subscriptions = {(s["Protocol"], s["Endpoint"]) for s in _of(told, "AWS::SNS::Subscription")}
    assert subscriptions == {
        ("email", "ops@example.com"),
        ("email", "data@example.com"),
        ("https", "{{resolve:secretsmanager:sluice/pagerduty:SecretString:::}}"),
    }


def test_slack_shows_alarms_and_can_do_nothing(told: dict[str, Any]) -> None:
    (slack,) = _of(told, "AWS::Chatbot::SlackChannelConfiguration")
    assert (slack["SlackWorkspaceId"], slack["SlackChannelId"]) == ("T0123456789", "C0123456789")
    assert [plain(each) for each in slack["GuardrailPolicies"]] == [
        "arn:aws:iam::aws:policy/AWSDenyAll"
    ]
    role = told[target(slack["IamRoleArn"])]["Properties"]
    assert not {"Policies", "ManagedPolicyArns"} & role.keys()
    assert not _of(told, "AWS::IAM::Policy")
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"].keys() == {"aws:SourceAccount"}


def test_the_bill_is_news_before_the_budget_is_spent(told: dict[str, Any]) -> None:
    (budget,) = _of(told, "AWS::Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 300, "Unit": "USD"}
    rules = {
        (n["Notification"]["NotificationType"], n["Notification"]["Threshold"])
        for n in budget["NotificationsWithSubscribers"]
    }
    assert rules == {("ACTUAL", 80), ("FORECASTED", 100)}


def test_nobody_is_subscribed_where_the_environment_names_nobody(local: Assembly) -> None:
    kinds = {r.kind for r in local.resources() if r.stack == "observability"}
    assert not kinds & {
        "AWS::SNS::Subscription", "AWS::Chatbot::SlackChannelConfiguration", "AWS::Budgets::Budget",
    }  # fmt: skip


# --- what people look at


def test_the_dashboard_has_no_widget_on_another(deployed: Assembly) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in _widgets(deployed):
        cells = {
            (widget["x"] + across, widget["y"] + down)
            for across in range(widget["width"])
            for down in range(widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_saved_queries_ask_logs_that_are_there_for_messages_that_are_written(
    deployed: Assembly,
) -> None:
    groups = {g.properties["LogGroupName"] for g in deployed.resources("AWS::Logs::LogGroup")}
    saved = list(deployed.resources("AWS::Logs::QueryDefinition"))
    assert len(saved) == len(QUERIES) + 1
    for query in saved:
        assert query.properties["Name"].startswith(f"sluice-{deployed.environment}/")
        assert set(as_list(query.properties["LogGroupNames"])) <= groups
    code = "".join(path.read_text() for path in Path("lambdas").rglob("*.py"))
    for message in re.findall(r"message = '([^']+)'", "".join(QUERIES.values())):
        assert f'"{message}"' in code


# --- the page that describes it


def _documented(heading: str) -> list[list[str]]:
    """The cells of each row of the table below a heading."""
    section = Path("docs/observability.md").read_text().split(f"\n## {heading}\n")[1]
    lines = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.fixture
def prod(assemble: Callable[[str], Assembly]) -> Observability:
    """The environment that has one of everything."""
    return read("prod", assemble("prod").templates["observability"]["Resources"])


def test_the_page_names_every_alarm_and_what_silences_it(prod: Observability) -> None:
    documented = {link: unless or None for link, _, _, unless in _documented("Alarms")}
    assert documented == {
        f"[`{alarm.name}`](operations.md#{alarm.name})": alarm.unless for alarm in prod.alarms
    }
    assert all(alarm.runbook == f"docs/operations.md#{alarm.name}" for alarm in prod.alarms)


def test_the_page_names_every_widget_in_its_row(prod: Observability) -> None:
    documented = "; ".join(widgets for _, widgets in _documented("Dashboard")).split("; ")
    rendered = [widget.title.partition(", at ")[0] for widget in prod.widgets]
    assert ["Sluice in prod", *documented] == rendered


def test_the_page_names_every_saved_query(prod: Observability) -> None:
    documented = {f"sluice-prod/{name}" for name, _ in _documented("Saved queries")}
    assert documented == set(prod.queries)


def test_the_command_prints_what_the_template_renders(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--environment", "local", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"loads-failing", "files-waiting"} <= {alarm["name"] for alarm in printed["alarms"]}
    assert "Rejected" in {name for widget in printed["widgets"] for name in widget["shows"]}
