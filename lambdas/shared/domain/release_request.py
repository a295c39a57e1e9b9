"""What an execution of the release machine was asked for: the input, read and refused if odd."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from lambdas.shared.domain.errors import EventError, ReleaseError
from lambdas.shared.domain.events import ObjectCreated, parse_event
from lambdas.shared.domain.releases import Call, call_by_hand, parse_calls

_BY_HAND = {"stored_procedure_name", "parameters", "cluster_identifier", "database"}
_OF_JOBS = {"calls", "identity", "parameters"}
_OF_FILES = {"release", "version_id", "resume", "run_unknown"}
_OPTIONS = {"on_error", "limit_seconds"}
_ON_ERROR = ("continue", "stop")
_LONGEST_LIMIT_SECONDS = 86_400
"""A query runs for 24 hours at most (Quotas of the Data API)."""

STARTED_BY_REQUEST = {"sluice-start": "request"}
"""Metadata of an upload that its uploader starts, with options of its own: its event does not."""


class Wanted(StrEnum):
    """Which release is asked for."""

    NEWEST = "newest"
    ALL = "all"
    NAMED = "named"
    CALLS = "calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """One request, whoever made it.

    `release` is a key of the bucket or the id of a release, `version_id` that of an upload.
    `calls` are given instead of a file; with an `identity` they run once for it, ever.
    """

    wanted: Wanted
    release: str | None = None
    version_id: str | None = None
    calls: tuple[Call, ...] = ()
    identity: str | None = None
    source: str | None = None
    cluster: str | None = None
    database: str | None = None
    on_error: str | None = None
    limit_seconds: int | None = None
    resume: bool = False
    run_unknown: tuple[int, ...] = ()
    is_event: bool = False

    @classmethod
    def from_event(cls, event: Any) -> Self:
        """Read the input of an execution; raises EventError or ReleaseError."""
        if not isinstance(event, Mapping):
            raise EventError("the input is no JSON object; give {} for the newest release")
        if "detail-type" in event:
            return cls._uploaded(parse_event(event))
        given = {name: value for name, value in event.items() if value not in (None, "")}
        options: dict[str, Any] = _options(given)
        if "stored_procedure_name" in given:
            _refuse_unknown(given, _BY_HAND)
            return cls(wanted=Wanted.CALLS, calls=(call_by_hand(given),), **_place(given, options))
        if "calls" in given:
            _refuse_unknown(given, _OF_JOBS)
            return cls(wanted=Wanted.CALLS, **_of_job(given), **options)
        _refuse_unknown(given, _OF_FILES | _BY_HAND)
        return cls(**_of_file(given), **_place(given, options))

    @classmethod
    def _uploaded(cls, event: Any) -> Self:
        if not isinstance(event, ObjectCreated):
            raise EventError("the event is no upload; nothing was done")
        return cls(
            wanted=Wanted.NAMED, release=event.key, version_id=event.version_id, is_event=True
        )


def _of_file(given: Mapping[str, Any]) -> dict[str, Any]:
    release = given.get("release", Wanted.NEWEST.value)
    if not isinstance(release, str):
        raise EventError('release is no text; give a key, an id, "newest" or "all"')
    resume = given.get("resume", False)
    numbers = given.get("run_unknown", [])
    if not isinstance(resume, bool) or not _are_numbers(numbers):
        raise EventError("resume is true or false, and run_unknown a list of calls' numbers")
    if release in (Wanted.NEWEST, Wanted.ALL):
        if resume:
            raise EventError("name the release to resume: its key, or its id")
        return {"wanted": Wanted(release)}
    return {
        "wanted": Wanted.NAMED,
        "release": release,
        "version_id": given.get("version_id"),
        "resume": resume,
        "run_unknown": tuple(numbers),
    }


def _of_job(given: Mapping[str, Any]) -> dict[str, Any]:
    calls, identity = given["calls"], given.get("identity")
    parameters = given.get("parameters") or {}
    if not isinstance(calls, list) or not all(isinstance(each, str) for each in calls):
        raise EventError("calls is no list of texts; give each call as a line of a release")
    if not isinstance(identity, str) or not isinstance(parameters, Mapping):
        raise EventError("calls need an identity, for which they run once, and may have parameters")
    parsed = parse_calls(calls, parameters, source=identity)
    return {"calls": parsed.calls, "identity": identity, "source": "\n".join(calls)}


def _place(given: Mapping[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    place = {"cluster": given.get("cluster_identifier"), "database": given.get("database")}
    for name, value in place.items():
        if value is not None and not isinstance(value, str):
            raise EventError(f"{name} is no text")
    return place | options


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    on_error, limit = given.get("on_error"), given.get("limit_seconds")
    if on_error is not None and on_error not in _ON_ERROR:
        raise EventError(f"on_error is {on_error!r}; give one of: {', '.join(_ON_ERROR)}")
    if limit is not None and not (
        _are_numbers([limit]) and 1 <= int(limit) <= _LONGEST_LIMIT_SECONDS
    ):
        raise EventError(f"limit_seconds is {limit!r}; give 1 to {_LONGEST_LIMIT_SECONDS}")
    return {"on_error": on_error, "limit_seconds": limit}


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(each, int) and not isinstance(each, bool) for each in values
    )


def _refuse_unknown(given: Mapping[str, Any], known: set[str]) -> None:
    allowed = known | _OPTIONS
    for name in given:
        if name not in allowed:
            near = difflib.get_close_matches(str(name), allowed, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(allowed))}"
            raise EventError(f"the input has {name!r}, which is not known here; {hint}")


REFUSALS = (EventError, ReleaseError)
"""What a request or a release can be refused with, before anything runs."""
