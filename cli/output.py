"""What commands print: data to stdout, progress and warnings to stderr, JSON for scripts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console

from cli.exits import REPORTED, Exit, exit_for_error


def out() -> Console:
    """Where data goes."""
    return Console(soft_wrap=True, highlight=False)


def progress() -> Console:
    """Where progress and warnings go."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def show(renderable: Any) -> None:
    """Print for a person."""
    out().print(renderable)


def show_text(text: str) -> None:
    """Print text as it is: no markup, no colour."""
    out().print(text, markup=False)


def show_json(document: Any, *, lines: bool = False) -> None:
    """Print for a script; with `lines`, one document a line."""
    text = json.dumps(document, indent=None if lines else 2, default=str)
    out().print(text, markup=False)


def warn(text: str) -> None:
    """Tell a person something that stops nothing."""
    progress().print(f"warning: {text}", style="yellow", markup=False)


def fail(error: Exception, *, as_json: bool, code: Exit | None = None) -> NoReturn:
    """Say what is wrong and exit with the error's code, or the one given."""
    if as_json:
        show_json({"error": {"type": type(error).__name__, "message": str(error)}})
    else:
        progress().print(f"{type(error).__name__}: {error}", markup=False)
    raise typer.Exit(exit_for_error(error) if code is None else code)


@contextmanager
def reported(*, as_json: bool, code: Exit | None = None) -> Iterator[None]:
    """Turn an error within into its message and its exit code, or the one given."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read our output has gone: nobody is left to tell
    except REPORTED as error:
        fail(error, as_json=as_json, code=code)
