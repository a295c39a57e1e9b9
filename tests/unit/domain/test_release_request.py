"""What a release may be asked for with, and what is refused before anything runs."""

from typing import Any

import pytest

from lambdas.shared.domain.errors import EventError, ReleaseError
from lambdas.shared.domain.release_request import ReleaseRequest, Wanted


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"release": "newest"},
        {"stored_procedure_name": None, "parameters": None},
        {"stored_procedure_name": "", "cluster_identifier": "", "database": ""},
    ],
)
def test_nothing_asks_for_the_newest(event: dict[str, Any]) -> None:
    assert ReleaseRequest.from_event(event).wanted is Wanted.NEWEST


def test_the_contracts_event_asks_for_one_procedure() -> None:
    request = ReleaseRequest.from_event(
        {
            "stored_procedure_name": "sales.refresh",
            "parameters": [1, "x", None],
            "cluster_identifier": "daab",
            "database": "dev",
        }
    )
    assert request.wanted is Wanted.CALLS
    assert [call.sql() for call in request.calls] == ["CALL sales.refresh(1, 'x', NULL);"]
    assert (request.cluster, request.database) == ("daab", "dev")


def test_an_upload_asks_for_its_version() -> None:
    request = ReleaseRequest.from_event(
        {
            "detail-type": "Object Created",
            "time": "2025-01-19T14:30:52Z",
            "detail": {
                "bucket": {"name": "data"},
                "object": {"key": 'Redshift/Rel "1".txt', "version-id": "v7"},
            },
        }
    )
    assert (request.release, request.version_id) == ('Redshift/Rel "1".txt', "v7")


def test_calls_of_a_job_have_an_identity() -> None:
    request = ReleaseRequest.from_event(
        {"calls": ["note(:rows)"], "identity": "batch", "parameters": {"rows": 3}}
    )
    assert [call.sql() for call in request.calls] == ["CALL note(3);"]
    assert request.identity == "batch"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ([], "no JSON object"),
        ({"on_eror": "stop"}, "did you mean on_error"),
        ({"on_error": "halt"}, "continue, stop"),
        ({"limit_seconds": 0}, "give 1 to 86400"),
        ({"limit_seconds": True}, "give 1 to 86400"),
        ({"limit_seconds": "60"}, "give 1 to 86400"),
        ({"release": 3}, "release is no text"),
        ({"release": "all", "resume": True}, "name the release to resume"),
        ({"release": "x", "resume": "yes"}, "resume is true or false"),
        ({"release": "x", "run_unknown": ["1"]}, "list of calls' numbers"),
        ({"calls": ["a()"]}, "need an identity"),
        ({"calls": "a()", "identity": "x"}, "no list of texts"),
        ({"stored_procedure_name": "a", "release": "b"}, "'release', which is not known here"),
        ({"detail-type": "Something Else", "detail": {}}, "not for this queue"),
        ({"database": 3}, "database is no text"),
    ],
)
def test_an_odd_request_is_refused_and_says_why(event: Any, told: str) -> None:
    with pytest.raises(EventError) as error:
        ReleaseRequest.from_event(event)
    assert told in error.value.message


def test_a_procedure_that_is_no_name_is_refused() -> None:
    with pytest.raises(ReleaseError):
        ReleaseRequest.from_event({"stored_procedure_name": "a(); DROP TABLE b"})
