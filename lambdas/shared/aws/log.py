"""The structured log: one line a step, never a whole event, never a row's values."""

import functools

from aws_lambda_powertools import Logger


@functools.cache
def logger() -> Logger:
    """The functions' logger; AWS_LAMBDA_FUNCTION_NAME tells which one writes."""
    return Logger(service="sluice")


def correlate(*, job_id: str, batch_id: str, execution: str) -> None:
    """Put these into every line of this invocation: they lead from one step to the others."""
    logger().append_keys(job_id=job_id, batch_id=batch_id, execution=execution)
