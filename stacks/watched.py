"""The metrics there are, by name: of Sluice's functions, and of the services it stands on."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from config.deployment import Step
from config.metrics import MEMORY_USED, NAMESPACE, SERVICE, Metric, memory_namespace
from stacks.constructs.stack import SluiceStack

_PERIOD = Duration.minutes(5)


def service(stack: SluiceStack) -> str:
    """The value of the dimension that tells environments apart."""
    return f"sluice-{stack.deployment.environment}"


def sluice(stack: SluiceStack, metric: Metric, statistic: str) -> cloudwatch.Metric:
    """A metric of `config/metrics.py`."""
    return _metric(NAMESPACE, metric.value, statistic, {SERVICE: service(stack)})


def function(
    stack: SluiceStack, step: Step, name: str, statistic: str, *, period: Duration = _PERIOD
) -> cloudwatch.Metric:
    """Lambda's metric of a step."""
    dimensions = {"FunctionName": stack.deployment.function(step)}
    return _metric("AWS/Lambda", name, statistic, dimensions, period=period)


def memory(stack: SluiceStack, step: Step) -> cloudwatch.Metric:
    """The most memory that an invocation of a step used, taken from its log."""
    namespace = memory_namespace(stack.deployment.function(step))
    return _metric(namespace, MEMORY_USED, "Maximum")


def queue(
    name: str, metric: str, statistic: str, *, period: Duration = _PERIOD
) -> cloudwatch.Metric:
    """SQS's metric of a queue."""
    return _metric("AWS/SQS", metric, statistic, {"QueueName": name}, period=period)


def dead_letter_queues(stack: SluiceStack) -> dict[str, str]:
    """Where messages wait for a person: their nouns, and their names."""
    deployment = stack.deployment
    queues = (
        deployment.arrivals_dead_letters,
        deployment.events_dead_letters,
        deployment.releases_dead_letters,
    )
    return {name.removeprefix(deployment.name("")): name for name in queues}


def lost_events(rule_name: str) -> cloudwatch.Metric:
    """Events of a rule that reached neither their target nor its dead letters."""
    dimensions = {"RuleName": rule_name}
    return _metric("AWS/Events", "InvocationsFailedToBeSentToDlq", "Sum", dimensions)


def lost_starts() -> cloudwatch.Metric:
    """The same of schedules; Scheduler counts by group, and ours is in this one."""
    dimensions = {"ScheduleGroup": "default"}
    return _metric("AWS/Scheduler", "InvocationsFailedToBeSentToDeadLetterCount", "Sum", dimensions)


def executions(machine_arn: str, name: str) -> cloudwatch.Metric:
    """Step Functions' metric of a state machine."""
    return _metric("AWS/States", name, "Sum", {"StateMachineArn": machine_arn})


def warehouse(
    stack: SluiceStack, name: str, statistic: str, *, period: Duration = _PERIOD
) -> cloudwatch.Metric:
    """Redshift Serverless' metric of the workgroup.

    https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-monitoring.html
    """
    dimensions = {"Workgroup": stack.deployment.workgroup}
    return _metric("AWS/Redshift-Serverless", name, statistic, dimensions, period=period)


def rpu_hours(
    stack: SluiceStack, period: Duration, *, usd: float | None = None
) -> cloudwatch.MathExpression:
    """RPU-hours used, or what they cost."""
    seconds = warehouse(stack, "ComputeSeconds", "Sum", period=period)
    return cloudwatch.MathExpression(
        expression="seconds / 3600" if usd is None else f"seconds / 3600 * {usd}",
        using_metrics={"seconds": seconds},
        label="RPU-hours" if usd is None else "USD",
        period=period,
    )


def _metric(
    namespace: str,
    name: str,
    statistic: str,
    dimensions: dict[str, str] | None = None,
    *,
    period: Duration = _PERIOD,
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        period=period,
    )
