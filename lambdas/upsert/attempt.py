"""One attempt at a batch, written down before it is submitted: every try of it is one request.

`work/<batch>/<attempt>/plan.json` is written once. A try that comes later, or a function that
outlived its task, finds it there; so what is recorded, what is told to people and what the client
token stands for are the same, whatever became of the target's columns meanwhile.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from lambdas.shared.aws.objects import Objects
from lambdas.shared.domain.files import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """A file's immutable copy, as a manifest names it."""

    file_id: str
    raw_key: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptUnit:
    """Files that one COPY stages, and the names of the columns they bring."""

    files: tuple[RawFile, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the transaction will say of each file, and its statements.

    `fixed` are columns that the engine would not widen, and why: asked once an attempt.
    """

    verdicts: tuple[Verdict, ...]
    units: tuple[AttemptUnit, ...]
    one_by_one: bool
    statements: tuple[str, ...]
    fixed: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[RawFile, ...]:
        """The files whose rows it loads."""
        return tuple(file for unit in self.units for file in unit.files)

    def to_json(self) -> dict[str, Any]:
        """The attempt as JSON; `from_json` reads it back."""
        return {
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "units": [
                {
                    "files": [[each.file_id, each.raw_key, each.size] for each in unit.files],
                    "columns": list(unit.columns),
                }
                for unit in self.units
            ],
            "one_by_one": self.one_by_one,
            "statements": list(self.statements),
            "fixed": dict(self.fixed),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """An attempt from its JSON."""
        return cls(
            verdicts=tuple(map(Verdict.from_json, document["verdicts"])),
            units=tuple(
                AttemptUnit(
                    files=tuple(
                        RawFile(file_id=file_id, raw_key=raw_key, size=size)
                        for file_id, raw_key, size in unit["files"]
                    ),
                    columns=tuple(unit["columns"]),
                )
                for unit in document["units"]
            ),
            one_by_one=document["one_by_one"],
            statements=tuple(document["statements"]),
            fixed=document.get("fixed", {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFolder:
    """Where an attempt's plan, lists and manifests lie."""

    objects: Objects
    prefix: str

    @property
    def batch_manifest(self) -> str:
        """The manifest of the batch's list."""
        return self._url("files.manifest")

    def rows_manifest(self, number: int) -> str:
        """The manifest of a unit's files; units count from 1."""
        return self._url(f"rows-{number}.manifest")

    def read(self) -> Attempt | None:
        """The attempt as it was written; None before that."""
        document = self.objects.find_json(f"{self.prefix}/plan.json")
        return None if document is None else Attempt.from_json(document)

    def write(self, attempt: Attempt) -> Attempt:
        """Write the attempt, unless another try was first; the one that counts."""
        if self.objects.put_json_if_absent(f"{self.prefix}/plan.json", attempt.to_json()):
            return attempt
        return Attempt.from_json(self.objects.get_json(f"{self.prefix}/plan.json"))

    def write_lists(self, attempt: Attempt) -> None:
        """Write what COPY reads; the same for every try, as it comes from the plan alone."""
        listing = _listing(attempt.verdicts)
        self.objects.put(f"{self.prefix}/files.csv", listing)
        self._write_manifest("files.manifest", [(f"{self.prefix}/files.csv", len(listing))])
        for number, unit in enumerate(attempt.units, 1):
            entries = [(file.raw_key, file.size) for file in unit.files]
            self._write_manifest(f"rows-{number}.manifest", entries)

    def _write_manifest(self, name: str, entries: list[tuple[str, int]]) -> None:
        self.objects.put_json(
            f"{self.prefix}/{name}",
            {
                "entries": [
                    {
                        "url": f"s3://{self.objects.bucket}/{key}",
                        "mandatory": True,
                        "meta": {"content_length": size},
                    }
                    for key, size in entries
                ]
            },
        )

    def _url(self, name: str) -> str:
        return f"s3://{self.objects.bucket}/{self.prefix}/{name}"


def _listing(verdicts: tuple[Verdict, ...]) -> bytes:
    """The batch's list as CSV, in the order of `upsert_sql.BATCH_COLUMNS`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for verdict in verdicts:
        file, error = verdict.file, verdict.error or {}
        writer.writerow(
            [
                file.file_id,
                file.replay,
                file.file_id[:16],
                file.sequence,
                file.key,
                file.version_id,
                file.size,
                verdict.state.value,
                "" if verdict.rows is None else verdict.rows,
                error.get("type", ""),
                str(error.get("message", ""))[:2000],
                file.arrived_at.strftime("%Y-%m-%d %H:%M:%S"),
            ]
        )
    # COPY takes no NUL, and a carriage return, which Python does not quote, ends its row
    return text.getvalue().translate({0: "\ufffd", 13: "\ufffd"}).encode()
