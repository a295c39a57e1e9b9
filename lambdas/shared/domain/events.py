"""The events that reach the arrivals queue, parsed; anything else is refused."""

import json
import re
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any

from lambdas.shared.domain.errors import EventError
from lambdas.shared.domain.files import File


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCreated:
    """S3 says that an object was created; the key is raw, as EventBridge gives it.

    `version_id` and `sequencer` are None in events written by hand.
    """

    bucket: str
    key: str
    etag: str | None
    size: int | None
    version_id: str | None
    sequencer: str | None
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEnded:
    """Step Functions says that a load execution failed, was stopped, or timed out."""

    name: str
    jobs: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUp:
    """Our own reminder: start a job's open generation if its pool is not empty."""

    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A person asks for a settled file again; `file.replay` counts from 1."""

    file: File
    job_id: str


Event = ObjectCreated | ExecutionEnded | WakeUp | Replay
OBJECT_CREATED = "Object Created"
WAKE_UP = "Sluice Wake-up"
REPLAY = "Sluice Replay"


def parse_event(document: Any) -> Event:
    """The event in an EventBridge envelope; raises EventError for what Sluice does not know."""
    try:
        detail_type, detail = document["detail-type"], document["detail"]
        if detail_type == OBJECT_CREATED:
            return _object_created(document, detail)
        if detail_type == "Step Functions Execution Status Change":
            jobs = json.loads(detail["input"])["glue_jobs"]
            return ExecutionEnded(name=_text(detail["name"]), jobs=tuple(map(_started, jobs)))
        if detail_type == WAKE_UP:
            return WakeUp(job_id=_text(detail["job_id"]))
        if detail_type == REPLAY:
            return Replay(file=File.from_json(detail["file"]), job_id=_text(detail["job_id"]))
    except _GARBLED as error:
        raise EventError(f"the event lacks or garbles {error}; nothing was done") from error
    raise EventError(f"events of type {detail_type!r} are not for this queue")


_GARBLED = (KeyError, TypeError, ValueError, AttributeError, RecursionError)
_LARGEST = 2**63 - 1
_SEQUENCER = re.compile(r"[0-9A-Fa-f]{1,40}")


def _object_created(document: Any, detail: Any) -> ObjectCreated:
    entry = detail["object"]
    size, sequencer = entry.get("size"), entry.get("sequencer")
    if size is not None and not (type(size) is int and 0 <= size <= _LARGEST):
        raise ValueError("the size, which is no number of bytes")
    if sequencer is not None and not _SEQUENCER.fullmatch(sequencer):
        raise ValueError("the sequencer, which is no hexadecimal number")
    time = datetime.fromisoformat(document["time"])
    if time.tzinfo is None or not MINYEAR < time.year < MAXYEAR:
        raise ValueError("the time, which has no zone or no day that can be")
    return ObjectCreated(
        bucket=_text(detail["bucket"]["name"]),
        key=_text(entry["key"]),
        etag=_optional_text(entry.get("etag")),
        size=size,
        version_id=_optional_text(entry.get("version-id")),
        sequencer=sequencer,
        time=time,
    )


def _started(job: Any) -> dict[str, Any]:
    """A job as an execution was given it: at least its id and its generation."""
    generation = job["generation"]
    if not (type(generation) is int and 0 <= generation <= _LARGEST):
        raise ValueError("the generation, which is no number")
    return {**job, "job_id": _text(job["job_id"])}


def _text(value: Any) -> str:
    """Text that can be stored and compared: not empty, and no half of a character in it."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"a text, which is {type(value).__name__}")
    value.encode()
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def wake_up(job_id: str, **told: str) -> dict[str, Any]:
    """The message that wakes a job, as `parse_event` reads it; `told` is for people."""
    return {"source": "sluice", "detail-type": WAKE_UP, "detail": {"job_id": job_id, **told}}


def overlooked(file: File) -> dict[str, Any]:
    """The message for a version whose event never came: without a sequencer, route orders it."""
    entry = {
        "key": file.key,
        "version-id": file.version_id,
        "etag": file.etag,
        "size": file.size,
    }
    return {
        "source": "sluice",
        "detail-type": OBJECT_CREATED,
        "time": file.arrived_at.isoformat(),
        "detail": {"bucket": {"name": file.bucket}, "object": entry},
    }


def replay(file: File, job_id: str) -> dict[str, Any]:
    """The message that asks for a settled file again, as `parse_event` reads it."""
    detail = {"file": file.to_json(), "job_id": job_id}
    return {"source": "sluice", "detail-type": REPLAY, "detail": detail}
