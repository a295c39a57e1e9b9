"""Questions to the logs, saved in CloudWatch Logs Insights under the environment's name."""

from typing import Final, get_args

from aws_cdk import aws_logs as logs

from config.deployment import Step
from stacks.constructs.stack import SluiceStack

_WHERE = "fields @timestamp, message, job_id, batch_id, execution, @log"

QUERIES: Final = {
    "errors": f"{_WHERE}, level, exception\n"
    "| filter level in ['ERROR', 'WARNING', 'CRITICAL']\n| sort @timestamp desc\n| limit 200",
    "one-execution": f"{_WHERE}\n"
    "| filter execution = 'run-<job>-<hash>-<generation>'\n| sort @timestamp asc",
    "settled-batches": "fields @timestamp, job_id, table, rows, inserted, updated, seconds, state\n"
    "| filter message = 'batch settled'\n| sort @timestamp desc\n| limit 200",
    "rows-by-table": "filter message = 'batch settled'\n"
    "| stats count(*) as batches, sum(rows) as loaded, max(seconds) as longest by table",
    "failures-by-class": "filter ispresent(error_class)\n"
    "| stats sum(Failures.0) as failures, sum(Rejected.0) as rejected by error_class",
    "cold-starts": "filter @type = 'REPORT' and ispresent(@initDuration)\n"
    "| stats count(*) as starts, avg(@initDuration) as average_ms, max(@initDuration) as"
    " longest_ms by @log",
    "time-and-memory": "filter @type = 'REPORT'\n"
    "| stats max(@duration) as longest_ms, max(@maxMemoryUsed) / 1000000 as most_mb,"
    " max(@memorySize) / 1000000 as of_mb by @log",
}
"""Queries over the functions' logs, by name."""

_STATES = (
    "fields @timestamp, execution_arn, type, details.error, details.cause\n"
    "| filter type like /Failed|TimedOut|Aborted/\n| sort @timestamp desc\n| limit 200"
)


def save_queries(stack: SluiceStack) -> None:
    """Put every query beside the logs it asks."""
    for name, text in QUERIES.items():
        _save(stack, name, text, function_logs(stack))
    _save(stack, "failed-states", _STATES, machine_logs(stack))


def function_logs(stack: SluiceStack) -> list[str]:
    """The log groups of all functions."""
    return [function_log(stack, step) for step in get_args(Step)]


def function_log(stack: SluiceStack, step: Step) -> str:
    """The log group of a function."""
    return f"/aws/lambda/{stack.deployment.function(step)}"


def machine_logs(stack: SluiceStack) -> list[str]:
    """The log groups of the state machines."""
    machines = (stack.deployment.load_machine, stack.deployment.release_machine)
    return [f"/aws/vendedlogs/states/{machine}" for machine in machines]


def _save(stack: SluiceStack, name: str, text: str, log_groups: list[str]) -> None:
    logs.CfnQueryDefinition(
        stack,
        f"{name.title().replace('-', '')}Query",
        name=f"{stack.deployment.name('')[:-1]}/{name}",
        query_string=text,
        log_group_names=log_groups,
    )
