"""Commands that can be interrupted, also where whoever runs the tests ignores SIGINT.

A shell lets what it starts in the background ignore it, and children inherit that.
"""

import sys

_INTERRUPTIBLE = (
    "import os, signal, sys;"
    "signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])"
)


def interruptible(*command: str) -> list[str]:
    """The command, in which SIGINT does what it does in a terminal."""
    return [sys.executable, "-c", _INTERRUPTIBLE, *command]
