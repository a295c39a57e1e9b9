"""The statements of a load, kind by kind, as files: whoever changes one sees it and means it.

`make golden` writes them anew.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.job import Job
from config.runtime import UpsertSettings
from lambdas.shared.aws.objects import Objects
from lambdas.shared.aws.warehouse import Warehouse
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.columns import Column, CsvDialect, FileSchema
from lambdas.shared.domain.errors import FormatError
from lambdas.shared.domain.files import File
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.load_plan import Candidate, plan_load
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    INTEGER,
    SUPER,
    TIMESTAMP,
    RedshiftType,
    decimal,
    varchar,
)
from lambdas.upsert.preparing import Preparation
from local.warehouse.dialect import translate

GOLDEN = Path("tests/golden")
REWRITE = "SLUICE_WRITE_GOLDEN"


def _column(name: str, kind: RedshiftType, **more: Any) -> Column:
    return Column(name=Identifier(name), type=kind, **more)


ID = _column("order_id", BIGINT)
NAME = _column("name", varchar(256))
AMOUNT = _column("amount", decimal(18, 2))
CHANGED = _column("updated_at", TIMESTAMP)
PARQUET = FileSchema(format="parquet", columns=(ID, NAME, AMOUNT), rows=100)
ORDERED = FileSchema(format="parquet", columns=(ID, NAME, CHANGED), rows=100)
CSV = FileSchema(
    format="csv",
    compression="gzip",
    columns=(ID, _column("name", varchar(256), null_words=("n/a",)), AMOUNT),
    csv=CsvDialect(delimiter=";", encoding="UTF16LE", null_marker="NULL"),
)
WORDS = FileSchema(
    format="csv",
    columns=(
        ID,
        _column("is_open", BOOLEAN, null_words=("NA",)),
        _column("amount", decimal(18, 2), null_words=("NA", "nan")),
    ),
    csv=CsvDialect(),
)
NUMBERS = FileSchema(
    format="csv",
    columns=(ID, CHANGED),
    csv=CsvDialect(null_marker="\\N"),  # COPY's own
)
LONG_NUMBERS = FileSchema(
    format="csv", columns=(ID, _column("amount", decimal(38, 10))), csv=CsvDialect()
)
JSON = FileSchema(format="json", columns=(ID, _column("tags", SUPER)))
NESTED = FileSchema(format="parquet", columns=(ID, _column("tags", SUPER)), rows=7)
NARROW = FileSchema(format="parquet", columns=(_column("order_id", INTEGER), NAME), rows=5)
EVOLVED = FileSchema(format="parquet", columns=(ID, NAME, _column("day", DATE)), rows=9)
HOSTILE = FileSchema(
    format="csv",
    columns=(ID, _column('a"b; drop table orders; --', BIGINT), _column("select", DATE)),
    csv=CsvDialect(),
)


def _target(schema: FileSchema) -> dict[Identifier, RedshiftType]:
    return {column.name: column.type for column in schema.columns}


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a golden file is of: a job, its target and the files of a batch."""

    files: tuple[FileSchema | FormatError, ...]
    target: Mapping[Identifier, RedshiftType] | None
    job: dict[str, Any] = field(default_factory=dict)
    widths: Mapping[str, int] | None = None


LOADS = {
    "upsert_new_table": Load(files=(PARQUET, PARQUET), target=None),
    "upsert": Load(files=(PARQUET, PARQUET), target=_target(PARQUET)),
    "upsert_order_by": Load(
        files=(ORDERED, ORDERED), target=_target(ORDERED), job={"order_by": "updated_at"}
    ),
    "upsert_any_duplicate": Load(
        files=(PARQUET,), target=_target(PARQUET), job={"on_duplicate_keys": "any"}
    ),
    "upsert_any_duplicate_of_two_files": Load(
        files=(PARQUET, PARQUET), target=_target(PARQUET), job={"on_duplicate_keys": "any"}
    ),
    "upsert_csv": Load(files=(CSV,), target=_target(CSV)),
    "upsert_words_for_null": Load(files=(WORDS,), target=_target(WORDS)),
    "upsert_long_numbers": Load(files=(LONG_NUMBERS,), target=_target(LONG_NUMBERS)),
    "upsert_json": Load(files=(JSON,), target=_target(JSON)),
    "upsert_nested": Load(files=(NESTED,), target=_target(NESTED)),
    "upsert_two_layouts": Load(files=(PARQUET, CSV), target=_target(PARQUET)),
    "upsert_narrower_key": Load(files=(NARROW,), target=_target(PARQUET)),
    "upsert_hostile_names": Load(files=(HOSTILE,), target=None),
    "evolve": Load(files=(EVOLVED,), target=_target(PARQUET), widths={"name": 900}),
    "ignore_columns": Load(
        files=(EVOLVED,), target=_target(PARQUET), job={"schema_contract": {"columns": "ignore"}}
    ),
    "append": Load(files=(PARQUET,), target=_target(PARQUET), job={"load_mode": "append"}),
    "append_without_a_check": Load(
        files=(NUMBERS,), target=_target(NUMBERS), job={"load_mode": "append"}
    ),
    "overwrite": Load(
        files=(PARQUET, PARQUET), target=_target(PARQUET), job={"load_mode": "overwrite"}
    ),
    "only_bad_files": Load(files=(FormatError("no Parquet"),), target=_target(PARQUET)),
}


def statements(load: Load) -> tuple[str, ...]:
    """The DDL that comes before, and the transaction."""
    job = Job.model_validate(
        {
            "job_id": "JOB001",
            "job_name": "orders",
            "source_file_name": "orders*",
            "target_table": "sales.orders",
            "upsert_keys": ["order_id"],
            "is_active": True,
            **load.job,
        }
    )
    step = Step(
        job=job,
        generation=7,
        execution_id="arn:aws:states:us-east-1:123456789012:execution:sluice-prod-load:run-7",
        execution_name="run-orders-0123456789abcdef-7",
        started_at="2025-11-13T12:00:00Z",
        load={"attempt": 1},
    )
    settings = UpsertSettings(
        bucket="sluice-data",
        workgroup="sluice",
        database="dev",
        copy_role_arn="arn:aws:iam::123456789012:role/sluice-copy",
    )
    preparation = Preparation(
        step, settings, objects=Objects("sluice-data"), warehouse=Warehouse("sluice", "dev")
    )
    candidates = [_candidate(number, each, job) for number, each in enumerate(load.files, 1)]
    plan = plan_load(
        job,
        candidates,
        target=load.target,
        has_mutex=load.target is not None,
        widths=load.widths,
    )
    return (*plan.ddl, *upsert_sql.statements(preparation.transaction(plan)))


def _candidate(number: int, what: FileSchema | FormatError, job: Job) -> Candidate:
    file = File(
        bucket="sluice-data",
        key=f"data/in/orders_{number}",
        version_id=f"version-{number}",
        etag="b1946ac92492d2347c6235b4d2611184",
        size=1000 * number,
        sequence=f"00678D0C{number:04}",
        arrived_at=datetime(2025, 11, 13, 12, tzinfo=UTC),
    )
    is_good = isinstance(what, FileSchema)
    return Candidate(
        file=file,
        raw_key=file.raw_key(job.job_name),
        missing=False,
        schema=what if is_good else None,
        error=None if is_good else what.to_json(),
    )


@pytest.mark.parametrize("name", LOADS)
def test_the_statements_are_those_of_the_golden_file(name: str) -> None:
    path = GOLDEN / f"{name}.sql"
    written = "".join(f"{sql};\n\n" for sql in statements(LOADS[name]))
    if REWRITE in os.environ:
        path.write_text(written)
    assert path.read_text() == written, f"the statements changed; if meant so: make golden ({name})"


@pytest.mark.parametrize("name", LOADS)
def test_the_local_warehouse_reads_every_statement(name: str) -> None:
    for sql in statements(LOADS[name]):
        assert translate(sql).name != "TRUNCATE"


def test_every_golden_file_is_of_a_load() -> None:
    assert {path.stem for path in GOLDEN.glob("*.sql")} == set(LOADS)
