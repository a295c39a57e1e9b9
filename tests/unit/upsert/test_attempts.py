"""How often a batch is attempted, and what becomes of what the attempts found out."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from config.job import Job
from config.runtime import UpsertSettings
from lambdas.shared.aws.warehouse import Warehouse
from lambdas.shared.domain.columns import Column, FileSchema
from lambdas.shared.domain.errors import (
    FormatError,
    KeyColumnError,
    PlanError,
    StatementLostError,
    WarehouseError,
)
from lambdas.shared.domain.files import File
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.load_plan import Candidate
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import BIGINT
from lambdas.upsert.attempt import AttemptFolder
from lambdas.upsert.loading import Loading
from lambdas.upsert.preparing import MOST_ATTEMPTS, Preparation

SETTINGS = UpsertSettings(
    bucket="b",
    workgroup="w",
    database="dev",
    copy_role_arn="arn:aws:iam::123456789012:role/copy",
)
JOB = Job.model_validate(
    {
        "job_id": "J1",
        "job_name": "orders",
        "source_file_name": "orders*",
        "target_table": "orders",
        "upsert_keys": ["id"],
        "is_active": True,
    }
)
FILES = [
    File(
        bucket="b",
        key=f"data/in/orders_{name}.parquet",
        version_id="v",
        etag="e",
        size=1,
        sequence="1",
        arrived_at=datetime(2025, 11, 13, tzinfo=UTC),
    )
    for name in ("good", "null_key", "torn", "gone")
]
GOOD, NULL_KEY, TORN, GONE = FILES


class Documents:
    """The batch's documents, as earlier steps wrote them."""

    bucket = "b"

    def get_json(self, key: str) -> Any:
        columns = (Column(name=Identifier("id"), type=BIGINT),)
        schema = FileSchema(format="parquet", columns=columns, rows=1).to_json()
        return {
            "files.json": {
                "files": [
                    {"file": each.to_json(), "raw_key": each.key, "missing": each is GONE}
                    for each in FILES
                ]
            },
            "schemas.json": {
                "schemas": {each.file_id: schema for each in (GOOD, NULL_KEY)},
                "rejected": {TORN.file_id: FormatError("torn").to_json()},
            },
        }[key]


def step(attempt: int, **load: Any) -> Step:
    return Step(
        job=JOB,
        generation=1,
        execution_id="arn:e",
        execution_name="run-1",
        started_at="2025-11-13T00:00:00Z",
        load={"attempt": attempt, "files": "files.json", "schemas": "schemas.json", **load},
    )


def candidates(attempt: int) -> dict[str, bool]:
    found = {NULL_KEY.file_id: KeyColumnError("no key").to_json()}
    documents: Any = Documents()
    preparation = Preparation(
        step(attempt, errors=found),
        SETTINGS,
        objects=documents,
        warehouse=Warehouse("w", "dev"),
    )
    return {each.file.key: bool(each.error) for each in preparation.candidates()}


def test_an_attempt_is_at_the_files_without_an_error_yet() -> None:
    expected = {GOOD.key: False, NULL_KEY.key: True, TORN.key: True, GONE.key: False}
    assert candidates(MOST_ATTEMPTS) == expected


def test_after_many_attempts_only_what_they_found_out_is_recorded() -> None:
    expected = {NULL_KEY.key: True, TORN.key: True, GONE.key: False}
    assert candidates(MOST_ATTEMPTS + 1) == expected


@pytest.mark.parametrize(
    ("attempt", "errors"),
    [(MOST_ATTEMPTS + 1, {}), (2 * MOST_ATTEMPTS + 1, {"f": {"type": "FormatError"}})],
)
def test_attempts_that_find_out_nothing_end(attempt: int, errors: dict[str, Any]) -> None:
    loading = Loading(step(attempt, errors=errors, reason="connection lost"), SETTINGS)
    with pytest.raises(WarehouseError, match=f"{attempt - 1} attempts .* connection lost"):
        loading.advance()


class Unplannable:
    """A preparation whose table has a column of a type nobody knows."""

    def __init__(self, candidates: list[Candidate]) -> None:
        self.candidates = lambda: candidates
        self.folder = AttemptFolder(objects=cast("Any", Verdicts()), prefix="p")

    def attempt(self) -> Any:
        raise PlanError("a column of type 'oddity', which is not known")


class Verdicts:
    """Where a batch's verdicts are put; an unplannable one has none."""

    def put_json(self, _key: str, document: Any) -> None:
        assert document == {"verdicts": []}


def without_plan(*errors: dict[str, Any] | None) -> dict[str, Any]:
    """What comes of a batch without a plan, of so many files with and without an error."""
    loading = Loading(step(3), SETTINGS)
    loading.objects = cast("Any", Verdicts())
    loading.preparation = cast(
        "Any",
        Unplannable(
            [
                Candidate(file=file, raw_key=file.key, missing=False, schema=None, error=error)
                for file, error in zip(FILES, errors, strict=False)
            ]
        ),
    )
    return loading.advance()


def test_a_batch_without_a_plan_is_halved_until_one_file_is_to_blame() -> None:
    assert without_plan(None, None, None)["limit"] == 1
    assert without_plan(None)["errors"][GOOD.file_id]["type"] == "PlanError"


def test_what_cannot_be_planned_without_any_file_is_told() -> None:
    with pytest.raises(PlanError, match="oddity"):
        without_plan(PlanError("a column of type 'oddity'").to_json())


class Lost:
    """A preparation whose statement the Data API has forgotten."""

    def attempt(self) -> Any:
        raise StatementLostError("no such statement")


def waits(attempt: int) -> list[int]:
    """So many that no chance makes them all large, all small or all the same."""
    loading = Loading(step(attempt), SETTINGS)
    lost: Any = Lost()
    loading.preparation = lost
    return [loading.advance()["wait_seconds"] for _ in range(200)]


def test_the_pause_before_another_attempt_is_of_any_length_up_to_twice_the_last_limit() -> None:
    for attempt in range(1, 9):
        limit, found = 2**attempt, waits(attempt)
        assert 1 <= min(found) <= limit / 2 < max(found) <= limit


def test_no_pause_is_longer_than_five_minutes_and_late_ones_differ_too() -> None:
    for attempt in range(9, MOST_ATTEMPTS + 1):
        found = waits(attempt)
        assert 1 <= min(found) <= 150 < max(found) <= 300
