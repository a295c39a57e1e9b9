"""The events that reach the arrivals queue, parsed; anything else is refused."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.shared.domain.errors import EventError


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


Event = ObjectCreated | ExecutionEnded | WakeUp
WAKE_UP = "Sluice Wake-up"


def parse_event(document: Any) -> Event:
    """The event in an EventBridge envelope; raises EventError for what Sluice does not know."""
    try:
        detail_type, detail = document["detail-type"], document["detail"]
        if detail_type == "Object Created":
            return _object_created(document, detail)
        if detail_type == "Step Functions Execution Status Change":
            jobs = json.loads(detail["input"])["glue_jobs"]
            return ExecutionEnded(name=detail["name"], jobs=tuple(jobs))
        if detail_type == WAKE_UP:
            return WakeUp(job_id=detail["job_id"])
    except (KeyError, TypeError, ValueError) as error:
        raise EventError(f"the event lacks or garbles {error}; nothing was done") from error
    raise EventError(f"events of type {detail_type!r} are not for this queue")


def _object_created(document: Any, detail: Any) -> ObjectCreated:
    entry = detail["object"]
    return ObjectCreated(
        bucket=detail["bucket"]["name"],
        key=entry["key"],
        etag=entry.get("etag"),
        size=entry.get("size"),
        version_id=entry.get("version-id"),
        sequencer=entry.get("sequencer"),
        time=datetime.fromisoformat(document["time"]),
    )


def wake_up(job_id: str, **told: str) -> dict[str, Any]:
    """The message that wakes a job, as `parse_event` reads it; `told` is for people."""
    return {"source": "sluice", "detail-type": WAKE_UP, "detail": {"job_id": job_id, **told}}
