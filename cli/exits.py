"""Exit codes: what each says, and which one an error leads to. docs/commands.md shows them."""

from enum import IntEnum
from typing import Final

from config.deployment import InvalidDeploymentError
from config.job import InvalidJobsError
from lambdas.shared.domain.errors import (
    ConfigError,
    DeploymentError,
    FileError,
    IdentifierError,
    ReleaseError,
    SluiceError,
    TerminalError,
    TransientError,
)
from lambdas.shared.domain.files import FileState
from local.account.assembly import SynthesisError
from local.account.home import NoAccountError
from local.account.process import StartError


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    BAD_INPUT = 2
    REJECTED = 3
    TIMED_OUT = 4
    UNREACHABLE = 5
    NOT_LOADED = 6


MEANINGS: Final = {
    Exit.OK: "done; after `upload --wait`: every file is loaded",
    Exit.FAILED: "failed; the message says why. A procedure of a release did not finish",
    Exit.BAD_INPUT: "wrong usage, or a file, a list of jobs or a release that cannot be read",
    Exit.REJECTED: "a file was rejected",
    Exit.TIMED_OUT: "when the time was over a file had no verdict, or a release ran; both go on",
    Exit.UNREACHABLE: "the environment is not running, not deployed, or does not let you in",
    Exit.NOT_LOADED: "a file waits for an inactive job, has no job, is superseded or is missing",
}


class UsageError(TerminalError):
    """A command was given what it cannot do; nothing was done."""


class UnreachableError(TerminalError):
    """The environment is not running or not deployed."""


class SweepError(TerminalError):
    """The sweep function failed; what it had done is done, and a sweep anew does the rest."""


_BAD_INPUT = (
    UsageError, FileError, ConfigError, IdentifierError, ReleaseError, InvalidJobsError,
    InvalidDeploymentError, OSError,
)  # fmt: skip
_UNREACHABLE = (UnreachableError, NoAccountError, TransientError, DeploymentError)
_FAILED = (StartError, SynthesisError, TimeoutError)  # a TimeoutError is an OSError too
REPORTED: Final = (SluiceError, *_BAD_INPUT, *_UNREACHABLE, *_FAILED)
"""What a command tells in a sentence; anything else is a defect and shows its traceback."""


def exit_for_error(error: Exception) -> Exit:
    """The exit code of what went wrong."""
    if isinstance(error, _FAILED):
        return Exit.FAILED
    if isinstance(error, _BAD_INPUT):
        return Exit.BAD_INPUT
    return Exit.UNREACHABLE if isinstance(error, _UNREACHABLE) else Exit.FAILED


def exit_for_states(states: list[FileState | None]) -> Exit:
    """The exit code of files as a wait left them: the one that most needs a person."""
    if FileState.REJECTED in states:
        return Exit.REJECTED
    if None in states or FileState.POOLED in states:
        return Exit.TIMED_OUT
    return Exit.OK if set(states) <= {FileState.LOADED} else Exit.NOT_LOADED
