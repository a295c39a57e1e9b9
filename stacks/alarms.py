"""What is an incident, and by which symptoms it shows: every alarm of an environment."""

from collections.abc import Iterable, Iterator
from typing import get_args

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns

from config.deployment import AT_DEPLOYMENT, Step
from config.metrics import Metric
from stacks import watched
from stacks.constructs.alarm import Incident, Symptom
from stacks.constructs.stack import SluiceStack

RELEASE: tuple[Step, ...] = ("open_release", "run_procedures", "close_release", "release_api")
"""Functions of the release machine, and the way into it."""

SCHEDULED: tuple[Step, ...] = ("sweep",)
"""Functions that nobody waits for: Lambda tries each call three times and then forgets it."""

UNTIL_TIME_IS_UP: tuple[Step, ...] = ("sweep",)
"""Functions that go on as long as they may, if there is so much to do."""

_EVENTS = ("uploaded", "failed", "sweep")
"""The rules of loads, as their names end."""

_BAD_ENDS = {
    "ExecutionsFailed": ("failures", "failed"),
    "ExecutionsTimedOut": ("timeouts", "timed out"),
    "ExecutionsAborted": ("aborts", "were stopped"),
}
"""Step Functions' metrics of what did not succeed."""

_AN_HOUR = 12
"""In periods of five minutes: longer than a failing load waits before it is tried again."""

_DEAD_LETTER_DAYS = 7
"""SQS keeps a dead letter 14 days, of which it may have spent 4 in its first queue."""


def incidents(stack: SluiceStack, topic: sns.ITopic) -> list[Incident]:
    """Make every alarm; people are told by `topic`."""

    def incident(
        name: str, means: str, symptoms: Iterable[Symptom], *, unless: Incident | None = None
    ) -> Incident:
        return Incident(stack, name, means=means, symptoms=[*symptoms], topic=topic, unless=unless)

    failing = incident(
        "loads-failing",
        "Files do not get in: loads fail, or messages about files became dead letters.",
        _loads(stack),
    )
    undelivered = incident(
        "events-undelivered",
        "EventBridge could not deliver events: uploads, failed loads or the schedule.",
        _events(stack),
    )
    found = [
        failing,
        undelivered,
        incident(
            "sweep-failing",
            "Nobody looks for files that were overlooked: the sweep fails or does not run.",
            _sweeps(stack),
            unless=undelivered,
        ),
        incident(
            "releases-failing",
            "Releases of stored procedures do not run, or were interrupted.",
            _releases(stack),
        ),
        incident(
            "files-rejected",
            "Files were put aside into data/rejected/; others were loaded without them.",
            _counted(
                stack, Metric.REJECTED, "rejected-files", "Files were rejected in the last hour."
            ),
        ),
        incident(
            "files-overdue",
            "A file that a job expects had not come by its deadline.",
            _counted(
                stack,
                Metric.OVERDUE,
                "missed-deadlines",
                "A deadline of `expect` was missed in the last hour.",
            ),
        ),
        incident(
            "files-waiting",
            "Files wait longer than they should, and nothing has failed.",
            _waiting(stack),
            unless=failing,
        ),
        incident(
            "functions-strained",
            "A function runs short of time, of memory or of concurrency.",
            [each for step in get_args(Step) for each in _strain(stack, step)],
            unless=failing,
        ),
        incident(
            "deployment-failing",
            "A function that only a deployment calls has failed; so did the deployment.",
            [_errors(stack, step, times=1) for step in AT_DEPLOYMENT],
        ),
        incident(
            "dead-letters-expiring",
            "Nobody has taken care of dead letters for a week; soon SQS deletes them.",
            _dead_letters(stack),
        ),
    ]
    limit = stack.deployment.warehouse.daily_rpu_hours
    if limit is not None:
        found.append(
            incident(
                "warehouse-usage",
                f"A day's use of the warehouse nears its limit of {limit} RPU-hours.",
                _usage(stack, limit),
            )
        )
    return found


def _loads(stack: SluiceStack) -> Iterator[Symptom]:
    for step in get_args(Step):
        if step not in AT_DEPLOYMENT + RELEASE + SCHEDULED:
            yield _errors(stack, step, times=3)
    yield from _ends(stack, "load", stack.load_machine_arn)
    yield _depth(stack, "arrivals-dead-letters")


def _releases(stack: SluiceStack) -> Iterator[Symptom]:
    for step in RELEASE:
        yield _errors(stack, step, times=3)
    yield from _ends(stack, "release", stack.release_machine_arn)
    yield _depth(stack, "releases-dead-letters")
    if stack.deployment.procedures.on_upload:
        yield _lost(stack, "release-uploaded")
    if stack.deployment.procedures.schedule is not None:
        yield _in_an_hour(
            "releases-lost",
            "A start by the clock reached neither the machine nor its dead letters.",
            watched.lost_starts(),
        )


def _sweeps(stack: SluiceStack) -> Iterator[Symptom]:
    for step in SCHEDULED:
        yield Symptom(
            name=f"{step}-errors",
            means=f"A {step} failed three times in an hour: a call and both its retries.",
            metric=watched.function(stack, step, "Errors", "Sum", period=Duration.hours(1)),
            above=2,
        )
    minutes = stack.deployment.limits.sweeps.every_minutes
    yield Symptom(
        name="sweep-silent",
        means=f"No sweep has run for {3 * minutes} minutes.",
        metric=watched.function(
            stack, "sweep", "Invocations", "Sum", period=Duration.minutes(minutes)
        ),
        below=1,
        times=3,
        of=3,
        missing=cloudwatch.TreatMissingData.BREACHING,
    )


def _ends(stack: SluiceStack, noun: str, machine_arn: str) -> Iterator[Symptom]:
    """One for each bad end: a sum would lack a value as long as one of its terms has none."""
    for metric, (name, ended) in _BAD_ENDS.items():
        yield _in_an_hour(
            f"{noun}-{name}",
            f"Executions of the {noun} {ended} in the last hour.",
            watched.executions(machine_arn, metric),
        )


def _errors(stack: SluiceStack, step: Step, *, times: int) -> Symptom:
    """One error is tried again by whoever called; errors that go on are not mended by that."""
    return Symptom(
        name=f"{step.replace('_', '-')}-errors",
        means=f"Invocations of {step} failed in {times} of the last {times} periods of 5 minutes.",
        metric=watched.function(stack, step, "Errors", "Sum"),
        above=0,
        times=times,
        of=times,
    )


def _depth(stack: SluiceStack, noun: str) -> Symptom:
    return Symptom(
        name=noun,
        means=f"There are messages in {noun}.",
        metric=watched.queue(
            watched.dead_letter_queues(stack)[noun],
            "ApproximateNumberOfMessagesVisible",
            "Maximum",
            period=Duration.minutes(1),
        ),
        above=0,
    )


def _events(stack: SluiceStack) -> Iterator[Symptom]:
    yield _depth(stack, "events-dead-letters")
    for rule in _EVENTS:
        yield _lost(stack, rule)


def _lost(stack: SluiceStack, rule: str) -> Symptom:
    return _in_an_hour(
        f"{rule}-lost",
        f"Events of the rule {rule} reached neither their target nor its dead letters.",
        watched.lost_events(stack.deployment.name(rule)),
    )


def _counted(stack: SluiceStack, metric: Metric, name: str, means: str) -> list[Symptom]:
    return [_in_an_hour(name, means, watched.sluice(stack, metric, "Sum"))]


def _in_an_hour(name: str, means: str, metric: cloudwatch.IMetric) -> Symptom:
    """It happened at all; an hour, so that it does not come and go with each attempt."""
    return Symptom(name=name, means=means, metric=metric, above=0, of=_AN_HOUR)


def _dead_letters(stack: SluiceStack) -> Iterator[Symptom]:
    for noun, queue in watched.dead_letter_queues(stack).items():
        yield Symptom(
            name=f"{noun}-age",
            means=f"The oldest message in {noun} is older than {_DEAD_LETTER_DAYS} days.",
            metric=watched.queue(queue, "ApproximateAgeOfOldestMessage", "Maximum"),
            above=_DEAD_LETTER_DAYS * 86_400,
        )


def _waiting(stack: SluiceStack) -> Iterator[Symptom]:
    minutes = stack.deployment.alerts.oldest_unloaded_minutes
    yield Symptom(
        name="oldest-unloaded",
        means=f"A file has waited for more than {minutes} minutes to be loaded.",
        metric=watched.sluice(stack, Metric.OLDEST_UNLOADED_FILE_SECONDS, "Maximum"),
        above=minutes * 60,
        missing=cloudwatch.TreatMissingData.IGNORE,  # until the next sweep
    )
    limits = stack.deployment.limits
    # Older than a message can get that is tried to the end, the longest delay before it included.
    tried = limits.max_receive_count * 6 * limits.functions.route.timeout_seconds + 900
    yield Symptom(
        name="arrivals-age",
        means=f"A message has been in the arrivals queue for more than {tried} seconds.",
        metric=watched.queue(stack.deployment.arrivals, "ApproximateAgeOfOldestMessage", "Maximum"),
        above=tried,
    )


def _strain(stack: SluiceStack, step: Step) -> Iterator[Symptom]:
    size, name = getattr(stack.deployment.limits.functions, step), step.replace("_", "-")
    yield Symptom(
        name=f"{name}-throttles",
        means=f"{step} was throttled for 15 minutes.",
        metric=watched.function(stack, step, "Throttles", "Sum"),
        above=0,
        times=3,
        of=3,
    )
    if step not in UNTIL_TIME_IS_UP:
        yield Symptom(
            name=f"{name}-duration",
            means=f"An invocation of {step} took more than 80% of its {size.timeout_seconds} s.",
            metric=watched.function(stack, step, "Duration", "Maximum"),
            above=size.timeout_seconds * 800,
            of=_AN_HOUR,
        )
    yield Symptom(
        name=f"{name}-memory",
        means=f"An invocation of {step} used more than 90% of its {size.memory_mb} MB.",
        metric=watched.memory(stack, step),
        above=size.memory_mb * 9 / 10,
        of=_AN_HOUR,
    )


def _usage(stack: SluiceStack, daily_rpu_hours: int) -> Iterator[Symptom]:
    yield Symptom(
        name="rpu-hours",
        means="More than four fifths of a day's RPU-hours are used.",
        metric=watched.rpu_hours(stack, Duration.days(1)),
        above=daily_rpu_hours * 0.8,
    )
