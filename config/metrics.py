"""The names of the metrics: functions emit them, the dashboard and the alarms read them."""

from enum import StrEnum
from typing import Final

NAMESPACE: Final = "Sluice"
"""The CloudWatch namespace."""

SERVICE: Final = "service"
"""The dimension every metric has; its value is the environment's name, as in `sluice-dev`."""

ERROR_CLASS: Final = "error_class"
"""The dimension FAILURES and REJECTED have besides: a class of `errors.py`, or Lambda's own."""

SERVICE_VARIABLE: Final = "POWERTOOLS_SERVICE_NAME"
"""The environment variable that carries the value of `service` to the functions."""


class Metric(StrEnum):
    """Every metric; the docstrings say what one datapoint is."""

    ARRIVALS = "Arrivals"
    """Files pooled for the first time."""
    LOADS = "Loads"
    """Batches that loaded at least one file."""
    FILES_LOADED = "FilesLoaded"
    ROWS = "Rows"
    """Rows a batch inserted or replaced."""
    REJECTED = "Rejected"
    """Files of a batch that were rejected; also by ERROR_CLASS."""
    FAILURES = "Failures"
    """Executions that ended without a load; also by ERROR_CLASS."""
    LOAD_SECONDS = "LoadSeconds"
    """From the start of the execution to the settled batch."""
    FILE_SECONDS = "FileSeconds"
    """From a file's arrival to its verdict; the longest of a batch."""
    OLDEST_UNLOADED_SECONDS = "OldestUnloadedSeconds"
    """The age of a job's first waiting file when its load ended; 0 when none waits."""
    OLDEST_UNLOADED_FILE_SECONDS = "OldestUnloadedFileSeconds"
    """The age of the oldest version under data/in/ that an active job should have loaded, as a
    sweep finds it; 0 when there is none."""
    UNLOADED_FILES = "UnloadedFiles"
    """How many such versions a sweep found."""
    OVERDUE = "Overdue"
    """Deadlines of `expect` by which no file had come."""


UNITS: Final = {
    Metric.LOAD_SECONDS: "Seconds",
    Metric.FILE_SECONDS: "Seconds",
    Metric.OLDEST_UNLOADED_SECONDS: "Seconds",
    Metric.OLDEST_UNLOADED_FILE_SECONDS: "Seconds",
}
"""Units other than Count."""

MEMORY_USED: Final = "MemoryUsed"
"""What Lambda reports at the end of each invocation, in MB; taken from the function's log."""


def memory_namespace(function: str) -> str:
    """Where a function's MEMORY_USED is: a metric from a log line has no dimension for it."""
    return f"{NAMESPACE}/{function}"
