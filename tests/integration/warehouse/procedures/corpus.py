"""Stored procedures as people write them for Redshift, each a file with what it must do.

A file begins with a line that says what it is. Then come steps, each a line `--@ <kind> <more>`
followed by SQL:

setup       statements, one a line end with `;`, that must work
procedure   one CREATE PROCEDURE
run         one statement that must work; `run role/x` as that caller
rows        one query or CALL; the JSON after the word are its rows
fails       one statement that must fail; the text after the word is in its error
batch       statements as one batch; with text after the word, it must fail with that in its error
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its kind, the text after the kind, its SQL."""

    kind: str
    more: str
    sql: str

    @property
    def statements(self) -> list[str]:
        """The SQL of `setup` and `batch`, statement by statement."""
        parts = f"{self.sql}\n".split(";\n")
        return [part.strip() for part in parts if part.strip()]

    @property
    def rows(self) -> list[list[Any]]:
        """The rows that are expected."""
        found: list[list[Any]] = json.loads(self.more)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One file."""

    name: str
    title: str
    steps: tuple[Step, ...]

    @property
    def procedures(self) -> list[str]:
        """The CREATE PROCEDURE statements."""
        return [step.sql for step in self.steps if step.kind == "procedure"]


def corpus() -> list[Example]:
    """All examples, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.sql"))]


def _read(path: Path) -> Example:
    title, *parts = path.read_text(encoding="utf-8").split("--@ ")
    steps = []
    for part in parts:
        head, _, sql = part.partition("\n")
        kind, _, more = head.partition(" ")
        steps.append(Step(kind=kind, more=more.strip(), sql=sql.strip().removesuffix(";")))
    return Example(name=path.stem, title=title.strip("- \n"), steps=tuple(steps))
