"""A file somebody sends, and what must become of it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file: the error (type and words of its message) that rejects it, or the rows it brings.

    `name` is what follows `data/in/`. `table` is the target, and its job takes the file by the
    beginning of its name, so that many cases are one batch of one job.
    """

    name: str
    body: bytes
    error: tuple[str, str] | None = None
    rows: tuple[tuple[Any, ...], ...] = ()

    def __str__(self) -> str:
        """The case as pytest names it."""
        return self.name if len(self.name) < 50 else f"{self.name[:40]}... {len(self.name)} long"

    @property
    def key(self) -> str:
        """The key it is uploaded to."""
        return f"data/in/{self.name}"

    @property
    def table(self) -> str:
        """The target: the name's first word."""
        return self.name.rsplit("/", 1)[-1].split("_", 1)[0].lower()


def rejected(name: str, body: bytes | str, error_type: str, words: str) -> Case:
    """A file that is put aside; its error is of this type and its message has these words."""
    return Case(name=name, body=_bytes(body), error=(error_type, words))


def loaded(name: str, body: bytes | str, *rows: tuple[Any, ...]) -> Case:
    """A file that loads exactly these rows."""
    return Case(name=name, body=_bytes(body), rows=rows)


def _bytes(body: bytes | str) -> bytes:
    return body if isinstance(body, bytes) else body.encode()
