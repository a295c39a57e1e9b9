"""What becomes of a row that COPY refuses: its place is told, its value is not."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from config.job import Job
from config.runtime import UpsertSettings
from lambdas.shared.aws.warehouse import Statement
from lambdas.shared.domain.columns import Column, FileSchema
from lambdas.shared.domain.files import File, FileState, Verdict
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.load_plan import Candidate, plan_load
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import BIGINT
from lambdas.upsert.attempt import Attempt, AttemptUnit, RawFile
from lambdas.upsert.loading import Loading

VALUE = "Kanarienvogel"
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
SETTINGS = UpsertSettings(
    bucket="b",
    workgroup="w",
    database="dev",
    copy_role_arn="arn:aws:iam::123456789012:role/copy",
)
GOOD, BAD = (
    File(
        bucket="b",
        key=f"data/in/orders_{name}.csv",
        version_id="v",
        etag="e",
        size=1,
        sequence="1",
        arrived_at=datetime(2025, 11, 13, tzinfo=UTC),
    )
    for name in ("good", "bad")
)


def _step() -> Step:
    return Step(
        job=JOB,
        generation=1,
        execution_id="arn:e",
        execution_name="run-1",
        started_at="2025-11-13T00:00:00Z",
        load={"attempt": 1, "statement_id": "s"},
    )


class Planned:
    """A bucket that holds the attempt as it was written down."""

    bucket = "b"

    def find_json(self, _key: str) -> Any:
        files = (GOOD, BAD)
        raw = [RawFile(file_id=f.file_id, raw_key=f.raw_key("orders"), size=1) for f in files]
        return Attempt(
            verdicts=tuple(Verdict(file=file, state=FileState.LOADED) for file in files),
            units=(AttemptUnit(files=tuple(raw), columns=("id",)),),
            one_by_one=False,
            statements=("LOCK t",),
        ).to_json()


class Refusing:
    """A warehouse whose COPY failed at one row, told as Redshift tells it."""

    def __init__(self, message: str) -> None:
        self.message = message

    def wait(self, statement_id: str, *, seconds: int) -> Statement:
        return Statement(
            statement_id=statement_id,
            status="FAILED",
            error="ERROR: Load into table 'sluice_staging_1' failed.  Check 'sys_load_error_detail'"
            f" system table for details.\n  Detail: {VALUE}, after {seconds} s",
            parts=({"Status": "FINISHED"}, {"Status": "FAILED", "RedshiftQueryId": 7}),
        )

    def run(self, sql: str) -> str:
        assert "query_id = 7" in sql
        return "detail"

    def rows(self, _statement_id: str) -> list[dict[str, Any]]:
        return [
            {
                "file_name": f"s3://b/{BAD.raw_key('orders')}".ljust(256),
                "line_number": 12,
                "column_name": "id".ljust(127),
                "error_code": 1207,
                "error_message": self.message.ljust(100),
            }
        ]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (f"Invalid digit, Value '{VALUE}', Pos 0, Type: Long", "Invalid digit, Value '...'"),
        (f"Invalid digit, Value 'it's {VALUE}', Pos 0", "Invalid digit, Value '...'"),
        (f"Invalid timestamp format or value '{VALUE}", "Invalid timestamp format or value '...'"),
    ],
)
def test_a_refused_row_is_told_by_file_line_column_and_code(
    message: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loading = Loading(_step(), SETTINGS)
    bucket: Any = Planned()
    warehouse: Any = Refusing(message)
    loading.preparation.folder = loading.preparation.folder.__class__(objects=bucket, prefix="p")
    loading.warehouse = warehouse
    load = loading.advance()

    error = load["errors"][BAD.file_id]
    assert error["type"] == "RowError"
    assert (error["line"], error["column"], error["code"]) == (12, "id", 1207)
    assert f"line 12, column id: {words}" in error["message"]
    assert VALUE not in json.dumps(load)
    assert VALUE not in capsys.readouterr().out

    (verdict,) = _planned_with(error)
    assert verdict.error == error | {"file": BAD.key}


def test_more_verdicts_than_one_refusal_can_tell_halve_the_batch() -> None:
    """Files that are only recorded, of which an earlier try has recorded all."""
    loading = Loading(_step(), SETTINGS)
    folder: Any = Recorded()
    loading.preparation.folder = folder
    loading.objects = folder
    warehouse: Any = Overflowing()
    loading.warehouse = warehouse

    load = loading.advance()

    assert (load["status"], load["limit"]) == ("DECIDED", 1)


class Recorded:
    """Where an attempt is written down that loads nothing."""

    prefix = "p"

    def read(self) -> Attempt:
        verdicts = tuple(Verdict(file=each, state=FileState.MISSING) for each in (GOOD, BAD))
        return Attempt(verdicts=verdicts, units=(), one_by_one=False, statements=("LOCK t",))

    def put_json(self, _key: str, document: Any) -> None:
        assert document == {"verdicts": []}


class Overflowing:
    """A warehouse that finds more than fits the message it refuses with."""

    def wait(self, statement_id: str, *, seconds: int) -> Statement:
        message = f"value too long for type character varying(60000), after {seconds} s"
        return Statement(statement_id=statement_id, status="FAILED", error=message, parts=())


def _planned_with(error: dict[str, Any]) -> list[Verdict]:
    """What the next attempt says of the file."""
    columns = (Column(name=Identifier("id"), type=BIGINT),)
    schema = FileSchema(format="parquet", columns=columns, rows=1)
    candidate = Candidate(
        file=BAD, raw_key=BAD.raw_key("orders"), missing=False, schema=schema, error=error
    )
    plan = plan_load(JOB, [candidate], target=None, has_mutex=False)
    return list(plan.verdicts)
