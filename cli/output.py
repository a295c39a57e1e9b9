"""What commands print: data to stdout, progress and warnings to stderr, JSON for scripts."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cli.exits import REPORTED, Exit, UsageError, exit_for_error

_WIDTH_OF_A_FILE = 140


def out() -> Console:
    """Where data goes; a file or a pipe has room enough."""
    console = _console(stderr=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    return console


def progress() -> Console:
    """Where progress and warnings go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    """A console that prints text as it is: names may hold what markup would swallow."""
    return Console(stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False)


def show(renderable: Any) -> None:
    """Print for a person."""
    out().print(renderable)


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table that folds what is too wide, and cuts nothing."""
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def show_text(text: str) -> None:
    """Print a line or several."""
    out().print(text)


def show_json(document: Any, *, lines: bool = False) -> None:
    """Print for a script; with `lines`, one document a line."""
    text = json.dumps(document, indent=None if lines else 2, default=str)
    out().print(text)


def warn(text: str) -> None:
    """Tell a person something that stops nothing."""
    progress().print(f"warning: {text}", style="yellow")


def fail(error: Exception, *, as_json: bool, code: Exit | None = None) -> NoReturn:
    """Say what is wrong and exit with the error's code, or the one given."""
    if as_json:
        show_json({"error": {"type": type(error).__name__, "message": str(error)}})
    else:
        progress().print(f"{type(error).__name__}: {error}")
    raise typer.Exit(exit_for_error(error) if code is None else code)


def needs_no_answer(*, yes: bool, dry_run: bool) -> bool:
    """Whether a command may go on without asking; raises UsageError where none could answer."""
    if not (yes or dry_run or sys.stdin.isatty()):
        raise UsageError("nobody is here to ask; say --yes, or --dry-run to look")
    return yes or dry_run


def confirmed(question: str) -> bool:
    """Whether a person agrees."""
    return typer.confirm(question, err=True)


@contextmanager
def reported(*, as_json: bool, code: Exit | None = None) -> Iterator[None]:
    """Turn an error within into its message and its exit code, or the one given."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read our output has gone: nobody is left to tell
    except REPORTED as error:
        fail(error, as_json=as_json, code=code)
