"""The statements of a load on a real engine: findings raise, rows land, the record comes last.

COPY is played by inserts here; everything else runs as it is written.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.job import Job
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.columns import Column, FileSchema
from lambdas.shared.domain.files import File
from lambdas.shared.domain.load_plan import Candidate, LoadPlan, plan_load
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import BIGINT, varchar
from lambdas.shared.domain.upsert_sql import Transaction, Unit
from lambdas.upsert.refusals import findings
from local.warehouse import dialect
from tests.unit.warehouse.dialect.postgres import running_postgres

ID = Column(name=Identifier("id"), type=BIGINT)
NAME = Column(name=Identifier("name"), type=varchar(8))
AT = Column(name=Identifier("at"), type=BIGINT)
MIGRATIONS = Path("lambdas/sql/migrations")

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    with running_postgres() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(dialect.SETUP_SQL)
            connection.execute("ALTER DATABASE postgres SET search_path = public, redshift")
        yield dsn


@pytest.fixture
def warehouse(engine: str) -> Iterator["Warehouse"]:
    with psycopg.connect(engine) as connection:
        found = Warehouse(connection)
        for path in sorted(MIGRATIONS.glob("*.sql"))[:3]:
            found.run(path.read_text())
        connection.commit()
        yield found
        connection.rollback()
        connection.execute('DROP SCHEMA sluice CASCADE; DROP TABLE IF EXISTS public."t"')
        connection.commit()


class Warehouse:
    """Runs a load's statements in one transaction; rows come from the test, not from COPY."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.after_statement: Callable[[], None] = lambda: None

    def run(self, sql: str) -> Rows:
        cursor = None
        for statement in dialect.translate(sql).statements:
            cursor = self.connection.execute(statement)
        return cursor.fetchall() if cursor is not None and cursor.description else []

    def load(self, version: str, rows: Rows, *, name: str = "t", **fields: Any) -> None:
        """One file of one load, committed; raises what the engine raises, rolled back."""
        self.load_batch({_file(version, name): rows}, **fields)

    def load_batch(
        self, files: dict[File, Rows], *, one_by_one: bool = False, **fields: Any
    ) -> None:
        """The files of one load, the oldest first, as `load` does one."""
        job = _job(**fields)
        candidates = [
            Candidate(
                file=file,
                raw_key=file.raw_key("t"),
                missing=False,
                schema=FileSchema(format="parquet", columns=(ID, NAME, AT), rows=len(rows)),
                error=None,
            )
            for file, rows in files.items()
        ]
        plan = plan_load(job, candidates, target=None, has_mutex=False, one_by_one=one_by_one)
        for ddl in plan.ddl:
            self.run(ddl)
        self.connection.commit()
        try:
            for statement in upsert_sql.statements(_transaction(plan, job)):
                self._run_or_copy(statement, plan, files)
                self.after_statement()
            # a Data API batch has a session of its own, and its temporary tables end with it
            self.connection.execute("DISCARD TEMP")
            self.connection.commit()
        except psycopg.Error:
            self.connection.rollback()
            raise

    def _run_or_copy(self, statement: str, plan: LoadPlan, files: dict[File, Rows]) -> None:
        staging = re.match(r'COPY "sluice_staging_(\d+)"', statement)
        if statement.startswith('COPY "sluice_batch"'):
            for file, rows in files.items():
                self.connection.execute(
                    "INSERT INTO sluice_batch VALUES (%s,0,%s,%s,%s,%s,%s,'LOADED',%s,'','',now())",
                    (
                        file.file_id,
                        file.file_id[:16],
                        file.sequence,
                        file.key,
                        file.version_id,
                        file.size,
                        len(rows),
                    ),
                )
        elif staging:
            number = int(staging[1])
            for each in plan.units[number - 1].files:
                for row in files[each.file]:
                    self.connection.execute(
                        f"INSERT INTO sluice_staging_{number} VALUES (%s,%s,%s)", row
                    )
        else:
            self.run(statement)

    def table(self) -> Rows:
        return self.run("SELECT id, name, at FROM t ORDER BY id, at")

    def history(self) -> Rows:
        return self.run("SELECT version_id, verdict FROM sluice.load_history ORDER BY version_id")


def _job(**fields: Any) -> Job:
    return Job.model_validate(
        {
            "job_id": "J1",
            "job_name": "t",
            "source_file_name": "t.parquet",
            "target_table": "t",
            "upsert_keys": ["id"],
            "is_active": True,
        }
        | fields
    )


def _file(version: str, name: str) -> File:
    return File(
        bucket="b",
        key=f"data/in/{name}.parquet",
        version_id=version,
        etag="e",
        size=1,
        sequence=version,
        arrived_at=datetime(2025, 11, 13, tzinfo=UTC),
    )


def _transaction(plan: LoadPlan, job: Job) -> Transaction:
    return Transaction(
        table=plan.table,
        mode=job.load_mode,
        keys=tuple(map(Identifier, job.upsert_keys)),
        order=tuple(map(Identifier, job.order_columns)),
        any_duplicate=job.on_duplicate_keys == "any",
        minimum_rows_kept=job.minimum_rows_kept,
        units=tuple(
            Unit(
                number=number,
                file_ids=tuple(each.file.file_id for each in unit.files),
                manifest="s3://b/m",
                format="parquet",
                gzip=False,
                csv=None,
                columns=unit.columns,
                expected_rows=unit.expected_rows,
            )
            for number, unit in enumerate(plan.units, 1)
        ),
        one_by_one=plan.one_by_one,
        batch_manifest="s3://b/w",
        copy_role="arn:aws:iam::123456789012:role/copy",
        job_id="J1",
        batch_id="batch",
        execution="run",
    )


def refused(warehouse: Warehouse, version: str, rows: Rows, **fields: Any) -> str:
    return refused_batch(warehouse, {_file(version, "t"): rows}, **fields)


def refused_batch(warehouse: Warehouse, files: dict[File, Rows], **fields: Any) -> str:
    with pytest.raises(psycopg.errors.RaiseException) as raised:
        warehouse.load_batch(files, **fields)
    codes = [finding.code for finding in findings(str(raised.value))]
    # whatever else is found of a file, its verdict is what counts
    return "VERDICT" if "VERDICT" in codes else ", ".join(codes)


def test_rows_and_their_record_land_together(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "a", 1), (2, "b", 1)])
    assert warehouse.table() == [(1, "a", 1), (2, "b", 1)]
    assert warehouse.history() == [("1", "LOADED")]


def test_a_changed_row_replaces_and_a_new_one_joins(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "a", 1), (2, "b", 1)])
    warehouse.load("2", [(2, "B", 2), (3, "c", 2)])
    assert warehouse.table() == [(1, "a", 1), (2, "B", 2), (3, "c", 2)]


def test_keys_that_differ_in_blanks_at_their_end_are_one_key(warehouse: Warehouse) -> None:
    """Redshift would delete both rows for either key."""
    rows = [(1, "a", 1), (2, "a ", 2)]
    assert refused(warehouse, "1", rows, upsert_keys=["name"]) == "DUPLICATE_KEY"

    warehouse.load("2", rows, upsert_keys=["name"], order_by="at")
    assert warehouse.table() == [(2, "a ", 2)]


def test_a_file_with_a_verdict_is_refused_whole(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "a", 1)], load_mode="append")
    assert refused(warehouse, "1", [(1, "a", 1)], load_mode="append") == "VERDICT"
    assert warehouse.table() == [(1, "a", 1)]


def test_an_older_version_of_a_loaded_key_is_refused(warehouse: Warehouse) -> None:
    warehouse.load("2", [(1, "new", 2)])
    assert refused(warehouse, "1", [(1, "old", 1)]) == "NEWER"
    assert warehouse.table() == [(1, "new", 2)]


def test_append_keeps_what_is_there(warehouse: Warehouse) -> None:
    warehouse.load("2", [(1, "a", 1)], load_mode="append")
    warehouse.load("1", [(1, "b", 2)], load_mode="append")
    assert warehouse.table() == [(1, "a", 1), (1, "b", 2)]


@pytest.mark.parametrize(
    ("rows", "fields", "code"),
    [
        ([(None, "a", 1)], {}, "NULL_KEY"),
        ([(1, "a", 1), (1, "b", 2)], {}, "DUPLICATE_KEY"),
        ([(1, "nine bytes", 1)], {}, "WIDTH"),
    ],
)
def test_bad_rows_leave_nothing(
    warehouse: Warehouse, rows: Rows, fields: dict[str, Any], code: str
) -> None:
    assert refused(warehouse, "1", rows, **fields) == code
    assert warehouse.table() == []
    assert warehouse.history() == []


def test_the_newest_row_wins_within_a_file(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "old", 1), (1, "new", 5), (1, "none", None)], order_by="at")
    assert warehouse.table() == [(1, "new", 5)]


def test_an_older_row_never_replaces_a_newer_one(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "new", 5), (2, "null", None)], order_by="at")
    warehouse.load("2", [(1, "old", 4), (2, "known", 1)], order_by="at")
    assert warehouse.table() == [(1, "new", 5), (2, "known", 1)]


def test_a_tie_goes_to_the_later_file_and_null_loses(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "first", 5), (2, "known", 1)], order_by="at")
    warehouse.load("2", [(1, "second", 5), (2, "null", None)], order_by="at")
    assert warehouse.table() == [(1, "second", 5), (2, "known", 1)]


def two_files(first: Rows, second: Rows) -> dict[File, Rows]:
    """One batch; the second file is the newer one."""
    return {_file("1", "first"): first, _file("2", "second"): second}


@pytest.mark.parametrize("at", [5, None])
def test_a_tie_between_files_of_one_batch_is_refused_and_file_after_file_the_later_wins(
    warehouse: Warehouse, at: int | None
) -> None:
    files = two_files([(1, "first", at), (2, "only", 1)], [(1, "second", at)])
    assert refused_batch(warehouse, files, order_by="at") == "TIE"
    assert warehouse.table() == []
    assert warehouse.history() == []

    warehouse.load_batch(files, order_by="at", one_by_one=True)
    assert warehouse.table() == [(1, "second", at), (2, "only", 1)]
    assert warehouse.history() == [("1", "LOADED"), ("2", "LOADED")]


def test_a_tie_in_the_first_column_alone_is_no_tie(warehouse: Warehouse) -> None:
    files = two_files([(1, "b", 5)], [(1, "a", 5)])
    warehouse.load_batch(files, order_by=["at", "name"])
    assert warehouse.table() == [(1, "b", 5)]


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("older", [4, None])
def test_the_newest_row_wins_in_whichever_file_of_a_batch_it_is(
    warehouse: Warehouse, older: int | None, one_by_one: bool
) -> None:
    files = two_files([(1, "new", 5), (2, "old", older)], [(1, "old", older), (2, "new", 5)])
    warehouse.load_batch(files, order_by="at", one_by_one=one_by_one)
    assert warehouse.table() == [(1, "new", 5), (2, "new", 5)]


def test_any_one_row_is_kept_where_the_job_says_so(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "a", 1), (1, "b", 1)], on_duplicate_keys="any")
    assert len(warehouse.table()) == 1


def test_any_one_row_is_one_of_a_file_and_between_files_the_later_wins(
    warehouse: Warehouse,
) -> None:
    files = two_files([(1, "first", 1), (2, "only", 1)], [(1, "second", 1), (1, "second", 1)])
    assert refused_batch(warehouse, files, on_duplicate_keys="any") == "DUPLICATE_KEY"

    warehouse.load_batch(files, on_duplicate_keys="any", one_by_one=True)
    assert warehouse.table() == [(1, "second", 1), (2, "only", 1)]


def test_an_overwrite_replaces_everything(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "a", 1), (2, "b", 1)], load_mode="overwrite")
    warehouse.load("2", [(3, "c", 1)], load_mode="overwrite")
    assert warehouse.table() == [(3, "c", 1)]


def test_an_overwrite_that_would_empty_the_table_is_refused(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "a", 1), (2, "b", 1), (3, "c", 1)], load_mode="overwrite")
    assert refused(warehouse, "2", [(4, "d", 1)], load_mode="overwrite") == "SHRINK"
    assert len(warehouse.table()) == 3


@pytest.mark.parametrize(
    ("kept", "is_refused"), [(0.5, False), (0.51, True), (1.0, True), (0.0, False)]
)
def test_a_job_says_how_far_an_overwrite_may_shrink_its_table(
    warehouse: Warehouse, kept: float, is_refused: bool
) -> None:
    """Half of the rows is just enough where nothing is said."""
    fields: dict[str, Any] = {"load_mode": "overwrite"}
    fields |= {} if kept == 0.5 else {"minimum_rows_kept": kept}
    warehouse.load("1", [(n, "a", 1) for n in range(4)], **fields)
    if is_refused:
        assert refused(warehouse, "2", [(8, "d", 1), (9, "d", 1)], **fields) == "SHRINK"
    else:
        warehouse.load("2", [(8, "d", 1), (9, "d", 1)], **fields)
    assert len(warehouse.table()) == (4 if is_refused else 2)


def test_an_overwrite_by_an_empty_file_needs_the_job_to_say_so(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "a", 1)], load_mode="overwrite")
    assert refused(warehouse, "2", [], load_mode="overwrite") == "SHRINK"
    warehouse.load("3", [], load_mode="overwrite", minimum_rows_kept=0)
    assert warehouse.table() == []


@pytest.mark.parametrize("mode", ["overwrite", "upsert"])
def test_a_reader_sees_the_old_rows_or_the_new_ones_and_waits_for_nobody(
    warehouse: Warehouse, engine: str, mode: str
) -> None:
    old, new = [(1, "old", 1), (2, "old", 1)], [(1, "new", 2), (2, "new", 2)]
    warehouse.load("1", old, load_mode=mode)
    seen: list[Rows] = []
    with psycopg.connect(engine, autocommit=True) as reader:
        reader.execute("SET lock_timeout = '1ms'")
        warehouse.after_statement = lambda: seen.append(
            reader.execute("SELECT id, name, at FROM t ORDER BY id").fetchall()
        )
        warehouse.load("2", new, load_mode=mode)
    assert len(seen) > 8
    assert seen == [old] * len(seen)
    assert warehouse.table() == new


def test_null_is_older_than_all_and_a_tie_with_itself(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "first", None), (2, "first", None)], order_by="at")
    warehouse.load("2", [(1, "second", None), (2, "known", -5)], order_by="at")
    assert warehouse.table() == [(1, "second", None), (2, "known", -5)]


def test_the_second_column_decides_where_the_first_is_a_tie(warehouse: Warehouse) -> None:
    warehouse.load("1", [(1, "b", 5), (2, "b", 5)], order_by=["at", "name"])
    warehouse.load("2", [(1, "a", 5), (2, "c", 5)], order_by=["at", "name"])
    assert warehouse.table() == [(1, "b", 5), (2, "c", 5)]


def test_a_file_that_arrives_late_brings_only_the_rows_that_are_newest(
    warehouse: Warehouse,
) -> None:
    warehouse.load("2", [(1, "tuesday", 2)], order_by="at", name="second")
    warehouse.load("1", [(1, "monday", 1), (3, "monday", 1)], order_by="at", name="first")
    assert warehouse.table() == [(1, "tuesday", 2), (3, "monday", 1)]
