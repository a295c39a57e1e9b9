"""Alarms: symptoms, which tell nobody, and incidents, which tell people once for all of theirs.

A failure shows in many places: a function's errors, an execution that failed, a dead letter. Each
of these is a symptom of one incident, so whatever path a failure takes, people get one alarm, which
lasts until the last symptom is gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from stacks.constructs.stack import SluiceStack

RUNBOOK = "docs/operations.md"
_WAIT = Duration.minutes(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """A metric past its bound in `times` of the last `of` periods; `name` lacks the environment."""

    name: str
    means: str
    metric: cloudwatch.IMetric
    above: float | None = None
    below: float | None = None
    times: int = 1
    of: int = 1
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING


class Incident(cloudwatch.CompositeAlarm):
    """What a person must look into; its name is the anchor of its section in the runbook.

    `unless` is an incident that explains this one: while it lasts, this one tells nobody.
    """

    def __init__(
        self,
        stack: SluiceStack,
        name: str,
        *,
        means: str,
        symptoms: Sequence[Symptom],
        topic: sns.ITopic,
        unless: "Incident | None" = None,
    ) -> None:
        alarms = [_alarm(stack, symptom) for symptom in symptoms]
        super().__init__(
            stack,
            _construct_id(name),
            composite_alarm_name=stack.deployment.name(name),
            alarm_description=f"{means} Runbook: {RUNBOOK}#{name}",
            alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
            actions_suppressor=unless,
            actions_suppressor_wait_period=_WAIT if unless else None,
            actions_suppressor_extension_period=_WAIT if unless else None,
        )
        tell = actions.SnsAction(topic)
        self.add_alarm_action(tell)
        self.add_ok_action(tell)


def _alarm(stack: SluiceStack, symptom: Symptom) -> cloudwatch.Alarm:
    bound, comparison = (
        (symptom.above, cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD)
        if symptom.above is not None
        else (symptom.below, cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD)
    )
    if bound is None:
        raise ValueError(f"symptom {symptom.name} has no bound; give it `above` or `below`")
    return cloudwatch.Alarm(
        stack,
        _construct_id(symptom.name),
        alarm_name=stack.deployment.name(symptom.name),
        alarm_description=symptom.means,
        metric=symptom.metric,
        threshold=bound,
        comparison_operator=comparison,
        evaluation_periods=symptom.of,
        datapoints_to_alarm=symptom.times,
        treat_missing_data=symptom.missing,
    )


def _construct_id(name: str) -> str:
    return name.title().replace("-", "")
