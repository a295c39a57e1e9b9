"""The metrics there are, by name: of Sluice's functions, and of the services it stands on."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from config.deployment import Step
from config.metrics import NAMESPACE, SERVICE, Metric
from stacks.constructs.stack import SluiceStack

_PERIOD = Duration.minutes(5)


def service(stack: SluiceStack) -> str:
    """The value of the dimension that tells environments apart."""
    return f"sluice-{stack.deployment.environment}"


def sluice(
    stack: SluiceStack, metric: Metric, statistic: str, *, period: Duration = _PERIOD
) -> cloudwatch.Metric:
    """A metric of `config/metrics.py`."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric.value,
        dimensions_map={SERVICE: service(stack)},
        statistic=statistic,
        period=period,
    )


def function(
    stack: SluiceStack, step: Step, name: str, statistic: str, *, period: Duration = _PERIOD
) -> cloudwatch.Metric:
    """Lambda's metric of a step."""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={"FunctionName": stack.deployment.function(step)},
        statistic=statistic,
        period=period,
    )


def queue(
    name: str, metric: str, statistic: str, *, period: Duration = _PERIOD
) -> cloudwatch.Metric:
    """SQS's metric of a queue."""
    return cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name=metric,
        dimensions_map={"QueueName": name},
        statistic=statistic,
        period=period,
    )


def dead_letter_queues(stack: SluiceStack) -> dict[str, str]:
    """Where messages wait for a person: their nouns, and their names."""
    deployment = stack.deployment
    queues = (
        deployment.arrivals_dead_letters,
        deployment.events_dead_letters,
        deployment.releases_dead_letters,
    )
    return {name.removeprefix(deployment.name("")): name for name in queues}


def executions(machine_arn: str, name: str) -> cloudwatch.Metric:
    """Step Functions' metric of a state machine."""
    return cloudwatch.Metric(
        namespace="AWS/States",
        metric_name=name,
        dimensions_map={"StateMachineArn": machine_arn},
        statistic="Sum",
        period=_PERIOD,
    )


def warehouse(
    stack: SluiceStack, name: str, statistic: str, *, period: Duration = _PERIOD
) -> cloudwatch.Metric:
    """Redshift Serverless' metric of the workgroup.

    https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-monitoring.html
    """
    return cloudwatch.Metric(
        namespace="AWS/Redshift-Serverless",
        metric_name=name,
        dimensions_map={"Workgroup": stack.deployment.workgroup},
        statistic=statistic,
        period=period,
    )


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
