"""The dashboard: whether files get in, what does not, why, and what it costs."""

from collections.abc import Sequence
from typing import get_args

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from config.deployment import Step
from config.metrics import ERROR_CLASS, NAMESPACE, SERVICE, Metric
from stacks import watched
from stacks.constructs.alarm import RUNBOOK, Incident
from stacks.constructs.stack import SluiceStack
from stacks.queries import function_logs

_WIDE, _THIRD = 24, 8
_HOUR, _DAY = Duration.hours(1), Duration.days(1)


def dashboard(stack: SluiceStack, incidents: Sequence[Incident]) -> cloudwatch.Dashboard:
    """Make it; each row answers one question."""
    return cloudwatch.Dashboard(
        stack,
        "Dashboard",
        dashboard_name=stack.deployment.dashboard,
        default_interval=Duration.hours(12),
        widgets=[
            [_title(stack)],
            [_alarms(incidents)],
            _traffic(stack),
            _waiting(stack),
            _failures(stack),
            _functions(stack),
            _queues(stack),
            _warehouse(stack),
            [_last_errors(stack)],
        ],
    )


def _title(stack: SluiceStack) -> cloudwatch.IWidget:
    return cloudwatch.TextWidget(
        markdown=f"# Sluice in {stack.deployment.environment}\n"
        f"What to do about an alarm: `{RUNBOOK}`. One job, file or load: `./sluice status`.",
        width=_WIDE,
        height=2,
    )


def _alarms(incidents: Sequence[Incident]) -> cloudwatch.IWidget:
    return cloudwatch.AlarmStatusWidget(title="Alarms", alarms=[*incidents], width=_WIDE, height=3)


def _traffic(stack: SluiceStack) -> list[cloudwatch.IWidget]:
    return [
        _graph(
            "Files: arrived, loaded, rejected, overdue",
            [
                watched.sluice(stack, metric, "Sum")
                for metric in (
                    Metric.ARRIVALS,
                    Metric.FILES_LOADED,
                    Metric.REJECTED,
                    Metric.OVERDUE,
                )
            ],
        ),
        _graph("Loads: batches in their tables", [watched.sluice(stack, Metric.LOADS, "Sum")]),
        _graph("Rows inserted or replaced", [watched.sluice(stack, Metric.ROWS, "Sum")]),
    ]


def _waiting(stack: SluiceStack) -> list[cloudwatch.IWidget]:
    bound = cloudwatch.HorizontalAnnotation(
        value=stack.deployment.alerts.oldest_unloaded_minutes * 60, label="alarm"
    )
    ages = (Metric.OLDEST_UNLOADED_FILE_SECONDS, Metric.OLDEST_UNLOADED_SECONDS)
    return [
        _graph(
            "Age of the oldest unloaded file",
            [watched.sluice(stack, metric, "Maximum") for metric in ages],
            right=[watched.sluice(stack, Metric.UNLOADED_FILES, "Maximum")],
            annotations=[bound],
        ),
        _graph(
            "From arrival to verdict, seconds",
            [watched.sluice(stack, Metric.FILE_SECONDS, each) for each in ("p50", "p95", "max")],
        ),
        _graph(
            "From start to settled batch, seconds",
            [watched.sluice(stack, Metric.LOAD_SECONDS, each) for each in ("p50", "p95", "max")],
        ),
    ]


def _failures(stack: SluiceStack) -> list[cloudwatch.IWidget]:
    return [
        _graph("Failed loads by class", [_by_class(stack, Metric.FAILURES)], stacked=True),
        _graph("Rejected files by class", [_by_class(stack, Metric.REJECTED)], stacked=True),
        _graph(
            "Executions: loads left, releases right",
            _executions(stack.load_machine_arn),
            right=_executions(stack.release_machine_arn),
        ),
    ]


def _executions(machine_arn: str) -> list[cloudwatch.IMetric]:
    ends = ("Succeeded", "Failed", "TimedOut", "Aborted")
    return [watched.executions(machine_arn, f"Executions{end}") for end in ends]


def _by_class(stack: SluiceStack, metric: Metric) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=f"SEARCH('{{{NAMESPACE},{SERVICE},{ERROR_CLASS}}}"
        f' MetricName="{metric.value}" {SERVICE}="{watched.service(stack)}"\', \'Sum\', 300)',
        using_metrics={},
        label="",
        period=Duration.minutes(5),
    )


def _functions(stack: SluiceStack) -> list[cloudwatch.IWidget]:
    steps = get_args(Step)
    return [
        _graph(
            "Functions: errors and throttles",
            [watched.function(stack, step, "Errors", "Sum") for step in steps],
            right=[watched.function(stack, step, "Throttles", "Sum") for step in steps],
        ),
        _graph(
            "Functions: longest invocation, ms",
            [watched.function(stack, step, "Duration", "Maximum") for step in steps],
        ),
        _graph(
            "Functions: most memory used, MB",
            [watched.memory(stack, step).with_(label=step) for step in steps],
        ),
    ]


def _queues(stack: SluiceStack) -> list[cloudwatch.IWidget]:
    visible = "ApproximateNumberOfMessagesVisible"
    queues = (stack.deployment.arrivals, *watched.dead_letter_queues(stack).values())
    return [
        _graph(
            "Dead letters",
            [
                watched.queue(queue, visible, "Maximum")
                for queue in watched.dead_letter_queues(stack).values()
            ],
        ),
        _graph(
            "Arrivals queue: messages",
            [watched.queue(stack.deployment.arrivals, visible, "Maximum")],
        ),
        _graph(
            "Queues: age of the oldest message, seconds",
            [watched.queue(queue, "ApproximateAgeOfOldestMessage", "Maximum") for queue in queues],
        ),
    ]


def _warehouse(stack: SluiceStack) -> list[cloudwatch.IWidget]:
    size = stack.deployment.warehouse
    limit = size.daily_rpu_hours
    return [
        _graph(
            "Warehouse: RPUs",
            [watched.warehouse(stack, "ComputeCapacity", "Maximum")],
            annotations=[cloudwatch.HorizontalAnnotation(value=size.max_rpu, label="max_rpu")],
        ),
        _graph(
            "Warehouse: RPU-hours a day",
            [watched.rpu_hours(stack, _DAY)],
            annotations=[]
            if limit is None
            else [cloudwatch.HorizontalAnnotation(value=limit, label="daily_rpu_hours")],
        ),
        _graph(
            f"Warehouse: USD an hour, at {size.rpu_hour_usd} an RPU-hour",
            [watched.rpu_hours(stack, _HOUR, usd=size.rpu_hour_usd)],
        ),
    ]


def _last_errors(stack: SluiceStack) -> cloudwatch.IWidget:
    return cloudwatch.LogQueryWidget(
        title="Last errors and warnings",
        log_group_names=function_logs(stack),
        query_lines=[
            "fields @timestamp, level, message, job_id, execution, @log",
            "filter level in ['ERROR', 'WARNING', 'CRITICAL']",
            "sort @timestamp desc",
            "limit 50",
        ],
        width=_WIDE,
        height=8,
    )


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    *,
    right: Sequence[cloudwatch.IMetric] = (),
    annotations: Sequence[cloudwatch.HorizontalAnnotation] = (),
    stacked: bool = False,
) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=[*left],
        right=[*right],
        left_annotations=[*annotations],
        left_y_axis=cloudwatch.YAxisProps(min=0),
        stacked=stacked,
        width=_THIRD,
        height=6,
    )
