"""A file: one version of one object, its identity, where it lies, and what became of it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from lambdas.shared.domain.names import (
    MAX_KEY_BYTES,
    file_name_of,
    sanitize,
    short_hash,
    shortened,
)


class FileState(StrEnum):
    """Where a file stands in the ledger."""

    WAITING = "WAITING"
    """Its job is inactive, or S3 lets nobody copy it; it stays in data/in/."""
    POOLED = "POOLED"
    """It has no verdict yet; its pool entry exists."""
    LOADED = "LOADED"
    REJECTED = "REJECTED"
    SUPERSEDED = "SUPERSEDED"
    """A newer version of its key was loaded first."""
    MISSING = "MISSING"
    """It was deleted before it could be copied."""
    NOT_CONFIGURED = "NOT_CONFIGURED"
    """No job takes it; it was moved to data/new_files/."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to the file by itself."""
        return self not in (FileState.WAITING, FileState.POOLED)


VERDICTS = (FileState.LOADED, FileState.REJECTED, FileState.SUPERSEDED, FileState.MISSING)
"""What the load history may say of a file."""

SEQUENCE_WIDTH = 40
ERROR_SUFFIX = ".error.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One version of one object under data/in/.

    `sequence` orders the versions of one key, as text: S3's sequencer, upper case and padded on
    the right (S3 user guide, event message structure). It says nothing across keys.
    `arrived_at` is the event's time, never ours. `replay` is 0, or counts how often a person asked
    for the version again: each replay is a file of its own, whose rows are those of the raw copy.
    """

    bucket: str
    key: str
    version_id: str
    etag: str
    size: int
    sequence: str
    arrived_at: datetime
    replay: int = 0

    def __post_init__(self) -> None:
        if not self.version_id or self.version_id == "null":
            raise ValueError(f"{self.key} has no version id; versioning must be on")
        if self.arrived_at.tzinfo is None:
            raise ValueError(f"{self.key}: arrived_at needs a time zone")
        object.__setattr__(self, "sequence", padded_sequence(self.sequence))

    @property
    def file_id(self) -> str:
        """32 hex characters: the first half tells the key, the second this version of it."""
        return file_id_of(self.bucket, self.key, self.version_id, self.etag, replay=self.replay)

    @property
    def original(self) -> Self:
        """The file as it arrived, of which this may be a replay."""
        return replace(self, replay=0)

    @property
    def name(self) -> str:
        """The key without its folders."""
        return file_name_of(self.key)

    def raw_key(self, job_name: str) -> str:
        """Where the immutable copy of this version lies; dated by the event, not by a clock."""
        folder = self.original._dated_folder(job_name)
        return _within_key(f"data/raw/{folder}/", self.name)

    def rejected_key(self, job_name: str) -> str:
        """Where the file goes when it is rejected; `.error.json` beside it says why."""
        return _within_key(f"data/rejected/{self._dated_folder(job_name)}/", self.name)

    @property
    def new_files_key(self) -> str:
        """Where the file goes when no job takes it."""
        return _within_key("data/new_files/", self.name)

    def _dated_folder(self, job_name: str) -> str:
        day = self.arrived_at.astimezone(UTC)
        folder = sanitize(job_name) or "job"
        return f"{folder}/year={day:%Y}/month={day:%m}/day={day:%d}/{self.file_id}"

    def to_json(self) -> dict[str, Any]:
        """The file as JSON; `from_json` reads it back."""
        return {
            "file_id": self.file_id,
            "bucket": self.bucket,
            "key": self.key,
            "version_id": self.version_id,
            "etag": self.etag,
            "size": self.size,
            "sequence": self.sequence,
            "arrived_at": self.arrived_at.isoformat(),
            "replay": self.replay,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A file from its JSON; further members are ignored."""
        return cls(
            bucket=document["bucket"],
            key=document["key"],
            version_id=document["version_id"],
            etag=document["etag"],
            size=int(document["size"]),
            sequence=document["sequence"],
            arrived_at=datetime.fromisoformat(document["arrived_at"]),
            replay=int(document.get("replay", 0)),
        )


def _within_key(folder: str, name: str) -> str:
    """The name in a folder, shortened where the key would be too long with its `.error.json`."""
    return folder + shortened(name, MAX_KEY_BYTES - len(f"{folder}{ERROR_SUFFIX}".encode()))


def file_id_of(bucket: str, key: str, version_id: str, etag: str, *, replay: int = 0) -> str:
    """The id of one version of an object, or of a replay of it; the etag without its quotes."""
    again = (str(replay),) if replay else ()
    return object_id(bucket, key) + short_hash(bucket, key, version_id, etag, *again)


def object_id(bucket: str, key: str) -> str:
    """16 hex characters that tell an object's key, whatever its version."""
    return short_hash(bucket, key)


def padded_sequence(sequencer: str) -> str:
    """A sequencer made comparable as text: upper case, padded with zeros on the right."""
    return sequencer.upper().ljust(SEQUENCE_WIDTH, "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one file, as the load history says it.

    `batch_id` is the batch that recorded it; None while that is the one being settled.
    """

    file: File
    state: FileState
    rows: int | None = None
    error: dict[str, Any] | None = field(default=None)
    batch_id: str | None = None

    def __post_init__(self) -> None:
        if self.state not in VERDICTS:
            raise ValueError(f"{self.state} is no verdict")
        if (self.state is FileState.REJECTED) != (self.error is not None):
            raise ValueError("a rejected file, and only that, has an error")

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON; `from_json` reads it back."""
        return {
            "file": self.file.to_json(),
            "state": self.state.value,
            "rows": self.rows,
            "error": self.error,
            "batch_id": self.batch_id,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A verdict from its JSON."""
        return cls(
            file=File.from_json(document["file"]),
            state=FileState(document["state"]),
            rows=document["rows"],
            error=document["error"],
            batch_id=document.get("batch_id"),
        )
