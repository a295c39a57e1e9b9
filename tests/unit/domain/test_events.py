"""The events of AWS as they are sent, each a file, and what Sluice reads in them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.domain.errors import EventError
from lambdas.shared.domain.events import (
    ExecutionEnded,
    ObjectCreated,
    WakeUp,
    parse_event,
    wake_up,
)

EVENTS = {path.stem: json.loads(path.read_text()) for path in Path("tests/events").glob("*.json")}
CREATED = sorted(name for name in EVENTS if name.startswith("object_created"))
ENDED = sorted(name for name in EVENTS if name.startswith("execution_"))


def test_an_upload_is_read_as_it_was_sent() -> None:
    assert parse_event(EVENTS["object_created"]) == ObjectCreated(
        bucket="my-data-bucket",
        key="data/in/customers.csv",
        etag="b1946ac92492d2347c6235b4d2611184",
        size=1234,
        version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        sequencer="00678D0C6CDE4F1A2B",
        time=datetime(2025, 1, 19, 14, 30, 52, tzinfo=UTC),
    )


def test_a_key_is_taken_raw() -> None:
    event = parse_event(EVENTS["object_created_raw_key"])
    assert isinstance(event, ObjectCreated)
    assert event.key == "data/in/Zürich 2025/a b+c%20d%2Fe é 日本.csv"


def test_a_multipart_upload_has_the_etag_of_its_parts() -> None:
    event = parse_event(EVENTS["object_created_multipart"])
    assert isinstance(event, ObjectCreated)
    assert event.etag == "5eb63bbbe01eeed093cb22bb8f5acdc3-10"


def test_what_an_event_lacks_is_none() -> None:
    event = parse_event(EVENTS["object_created_incomplete"])
    assert isinstance(event, ObjectCreated)
    assert (event.version_id, event.sequencer) == (None, None)


@pytest.mark.parametrize("name", ENDED)
def test_an_execution_that_ended_names_its_jobs(name: str) -> None:
    event = parse_event(EVENTS[name])
    assert isinstance(event, ExecutionEnded)
    assert event.name == "run-customers_etl-2e18c5ab-1"
    assert [(job["job_id"], job["generation"]) for job in event.jobs] == [("JOB001", 1)]


def test_our_own_reminder_is_read_as_it_was_sent() -> None:
    assert parse_event(EVENTS["wake_up"]) == WakeUp(job_id="JOB001")
    assert wake_up("JOB001") == EVENTS["wake_up"]


@pytest.mark.parametrize("name", CREATED)
@pytest.mark.parametrize("missing", ["bucket", "object"])
def test_an_event_that_names_no_object_is_refused(name: str, missing: str) -> None:
    detail = {key: value for key, value in EVENTS[name]["detail"].items() if key != missing}
    with pytest.raises(EventError, match=missing):
        parse_event(EVENTS[name] | {"detail": detail})


@pytest.mark.parametrize("document", [None, [], "text", {}, {"detail-type": "Object Created"}])
def test_what_is_no_event_is_refused(document: Any) -> None:
    with pytest.raises(EventError):
        parse_event(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("time",), "2025-01-19T14:30:52"),
        (("time",), "0001-01-01T00:00:00+14:00"),
        (("time",), 7),
        (("detail",), [1]),
        (("detail", "bucket", "name"), ""),
        (("detail", "object"), ["key"]),
        (("detail", "object", "key"), 5),
        (("detail", "object", "key"), "data/in/\ud800"),
        (("detail", "object", "size"), -1),
        (("detail", "object", "size"), 10**40),
        (("detail", "object", "size"), "12"),
        (("detail", "object", "etag"), {}),
        (("detail", "object", "version-id"), ""),
        (("detail", "object", "sequencer"), "newest"),
    ],
)
def test_an_upload_that_garbles_what_it_says_is_refused(path: tuple[str, ...], value: Any) -> None:
    event = json.loads(json.dumps(EVENTS["object_created"]))
    part = event
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with pytest.raises(EventError):
        parse_event(event)


@pytest.mark.parametrize(
    "told",
    ["{", "[" * 100_000, "[]", '{"glue_jobs": 1}', '{"glue_jobs": [{"job_id": "J"}]}']
    + [json.dumps({"glue_jobs": [{"job_id": "J", "generation": each}]}) for each in ("1", -1, {})],
)
def test_an_execution_that_garbles_its_jobs_is_refused(told: str) -> None:
    event = json.loads(json.dumps(EVENTS["execution_failed"]))
    event["detail"]["input"] = told
    with pytest.raises(EventError):
        parse_event(event)


def test_an_execution_whose_input_was_too_long_to_send_is_refused() -> None:
    event = json.loads(json.dumps(EVENTS["execution_failed"]))
    event["detail"] |= {"input": None, "inputDetails": {"included": False}}
    with pytest.raises(EventError):
        parse_event(event)
