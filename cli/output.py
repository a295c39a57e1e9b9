"""What commands print: tables for people, JSON for scripts, errors with an exit code."""

import json
from typing import Any, NoReturn

import typer
from rich.console import Console

OK, FAILED, BAD_INPUT = 0, 1, 2

_OUT = Console(soft_wrap=True, highlight=False)
_ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def show(renderable: Any) -> None:
    """Print for a person."""
    _OUT.print(renderable)


def show_text(text: str) -> None:
    """Print text as it is: no markup, no colour."""
    _OUT.print(text, markup=False)


def show_json(document: Any) -> None:
    """Print for a script."""
    _OUT.print(json.dumps(document, indent=2, default=str), markup=False)


def fail(error: Exception, *, as_json: bool, code: int = BAD_INPUT) -> NoReturn:
    """Say what is wrong and exit: 2 for bad input, 1 for what failed otherwise."""
    if as_json:
        details = {"type": type(error).__name__, "message": str(error)}
        show_json({"error": details})
    else:
        _ERR.print(f"{type(error).__name__}: {error}", markup=False)
    raise typer.Exit(code)
