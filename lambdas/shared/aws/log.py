"""The structured log: one line a step, never a whole event, never a row's values."""

import functools

from aws_lambda_powertools import Logger


@functools.cache
def logger() -> Logger:
    """The functions' logger; AWS_LAMBDA_FUNCTION_NAME tells which one writes."""
    return Logger(service="sluice")
