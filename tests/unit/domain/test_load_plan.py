"""What a load decides about each file, and the order of its statements."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from config.job import Job
from lambdas.infer_schema.headers import column_names
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.columns import Column, CsvDialect, FileSchema
from lambdas.shared.domain.errors import FormatError
from lambdas.shared.domain.files import File, FileState
from lambdas.shared.domain.load_plan import Candidate, LoadPlan, plan_load
from lambdas.shared.domain.names import Identifier, TableName
from lambdas.shared.domain.types import BIGINT, DATE, DOUBLE, INTEGER, Kind, RedshiftType, varchar
from lambdas.shared.domain.upsert_sql import Transaction, Unit
from local.warehouse.dialect import translate

ID = Column(name=Identifier("id"), type=BIGINT)
NAME = Column(name=Identifier("name"), type=varchar(256))
TARGET: dict[Identifier, RedshiftType] = {ID.name: BIGINT, NAME.name: varchar(256)}


def job(**fields: Any) -> Job:
    return Job.model_validate(
        {
            "job_id": "J1",
            "job_name": "orders",
            "source_file_name": "orders*.parquet",
            "target_table": "orders",
            "upsert_keys": ["id"],
            "is_active": True,
        }
        | fields
    )


def candidate(
    key: str,
    sequence: str,
    columns: tuple[Column, ...] = (ID, NAME),
    *,
    minute: int = 0,
    replay: int = 0,
    **fields: Any,
) -> Candidate:
    file = File(
        bucket="b",
        key=f"data/in/{key}",
        version_id=f"v{sequence}",
        etag="e",
        size=10,
        sequence=sequence,
        arrived_at=datetime(2025, 11, 13, 0, minute, tzinfo=UTC),
        replay=replay,
    )
    schema = FileSchema(format="parquet", columns=columns, rows=3)
    return Candidate(
        **{
            "file": file,
            "raw_key": file.raw_key("orders"),
            "missing": False,
            "schema": schema,
            "error": None,
        }
        | fields
    )


def plan(job_: Job, *candidates: Candidate, **fields: Any) -> LoadPlan:
    return plan_load(job_, candidates, **({"target": TARGET, "has_mutex": True} | fields))


def states(of: LoadPlan) -> dict[str, FileState]:
    return {verdict.file.version_id: verdict.state for verdict in of.verdicts}


def test_a_batch_of_one_layout_is_one_unit() -> None:
    made = plan(job(), candidate("a", "1"), candidate("b", "2"))
    assert [len(unit.files) for unit in made.units] == [2]
    assert made.units[0].expected_rows == 6
    assert made.ddl == ()


def test_files_of_two_layouts_go_one_by_one_in_order() -> None:
    made = plan(job(), candidate("a", "1"), candidate("b", "2", (ID,)))
    assert made.one_by_one
    assert [unit.files[0].file.key for unit in made.units] == ["data/in/a", "data/in/b"]


def test_a_bad_file_harms_only_itself() -> None:
    error = FormatError("no parquet").to_json()
    made = plan(job(), candidate("a", "1", schema=None, error=error), candidate("b", "2"))
    assert states(made) == {"v1": FileState.REJECTED, "v2": FileState.LOADED}
    told = next(each.error for each in made.verdicts if each.error)
    assert told == error | {"file": "data/in/a"}


def test_a_file_that_is_gone_is_missing() -> None:
    made = plan(job(), candidate("a", "1", missing=True, schema=None))
    assert states(made) == {"v1": FileState.MISSING}
    assert made.units == ()


def test_an_older_version_gives_way_to_a_newer_one_of_the_same_transaction() -> None:
    made = plan(job(), candidate("a", "1"), candidate("a", "2"))
    assert states(made) == {"v1": FileState.SUPERSEDED, "v2": FileState.LOADED}


def test_an_older_version_loads_when_the_newer_one_is_rejected() -> None:
    error = FormatError("no parquet").to_json()
    made = plan(job(), candidate("a", "1"), candidate("a", "2", schema=None, error=error))
    assert states(made) == {"v1": FileState.LOADED, "v2": FileState.REJECTED}


def test_append_loads_every_version() -> None:
    made = plan(job(load_mode="append"), candidate("a", "1"), candidate("a", "2"))
    assert states(made) == {"v1": FileState.LOADED, "v2": FileState.LOADED}


def test_overwrite_loads_the_last_file() -> None:
    made = plan(job(load_mode="overwrite"), candidate("a", "1"), candidate("b", "2"))
    assert states(made) == {"v1": FileState.SUPERSEDED, "v2": FileState.LOADED}


def test_a_file_without_the_upsert_key_is_rejected_by_name() -> None:
    made = plan(job(), candidate("a", "1", (NAME,)))
    (verdict,) = made.verdicts
    assert verdict.error is not None
    assert verdict.error["type"] == "KeyColumnError"
    assert "upsert key id" in verdict.error["message"]


def test_a_new_table_is_created_with_its_mutex() -> None:
    made = plan(job(), candidate("a", "1"), target=None, has_mutex=False)
    mutex, create = made.ddl
    assert "mutex_" in mutex
    assert create.startswith('CREATE TABLE IF NOT EXISTS "public"."orders" ("id" BIGINT NOT NULL')


def test_a_new_column_is_added() -> None:
    day = Column(name=Identifier("day"), type=DATE)
    made = plan(job(), candidate("a", "1", (ID, NAME, day)))
    assert made.ddl == ('ALTER TABLE "public"."orders" ADD COLUMN "day" DATE',)


@pytest.mark.parametrize(
    ("contract", "state"),
    [("freeze", FileState.REJECTED), ("ignore", FileState.LOADED), ("evolve", FileState.LOADED)],
)
def test_a_contract_says_what_a_new_column_does(contract: str, state: FileState) -> None:
    day = Column(name=Identifier("day"), type=DATE)
    made = plan(job(schema_contract={"columns": contract}), candidate("a", "1", (ID, NAME, day)))
    assert states(made) == {"v1": state}
    assert bool(made.ddl) == (contract == "evolve")


def test_a_key_that_the_table_lacks_and_the_contract_leaves_out_rejects_the_file() -> None:
    asked = job(upsert_keys=["id", "day"], schema_contract={"columns": "ignore"})
    made = plan(asked, candidate("a", "1", (ID, NAME, Column(name=Identifier("day"), type=DATE))))
    (verdict,) = made.verdicts
    assert verdict.error is not None
    assert verdict.error["type"] == "KeyColumnError"
    assert "day is no column of orders" in verdict.error["message"]


def test_a_file_that_shares_no_column_with_its_table_or_its_job_is_rejected() -> None:
    """Read with another delimiter, a header is one long name."""
    misread = (Column(name=Identifier("id,name"), type=varchar(256)),)
    appended = job(load_mode="append")
    made = plan(appended, candidate("a", "1", misread), candidate("b", "2"))
    assert states(made) == {"v1": FileState.REJECTED, "v2": FileState.LOADED}
    error = next(each.error for each in made.verdicts if each.error)
    assert "(id,name)" in error["message"]
    assert "delimiter" in error["message"]

    declared = job(load_mode="append", columns={"id": "BIGINT"})
    assert states(plan(declared, candidate("a", "1", misread), target=None)) == {
        "v1": FileState.REJECTED
    }
    assert states(plan(appended, candidate("a", "1", misread), target=None)) == {
        "v1": FileState.LOADED
    }


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_file_of_which_no_column_is_left_to_load_is_rejected(mode: str) -> None:
    """The job's own column is not in the table, and its contract leaves new ones out."""
    asked = job(load_mode=mode, columns={"amount": "BIGINT"}, schema_contract={"columns": "ignore"})
    new = tuple(Column(name=Identifier(name), type=BIGINT) for name in ("amount", "foo"))
    (verdict,) = plan(asked, candidate("a", "1", new)).verdicts
    assert verdict.error is not None
    assert verdict.error["type"] == "FormatError"
    assert "none of its columns (amount, foo)" in verdict.error["message"]


def test_a_retyped_column_is_rejected_with_what_to_do() -> None:
    retyped = Column(name=ID.name, type=varchar(64))
    made = plan(job(), candidate("a", "1", (retyped, NAME)))
    (verdict,) = made.verdicts
    assert verdict.error is not None
    assert verdict.error["type"] == "TypeChangeError"
    assert "was BIGINT and arrived as VARCHAR(64)" in verdict.error["message"]


def test_a_narrower_type_fits() -> None:
    narrow = Column(name=ID.name, type=INTEGER)
    assert states(plan(job(), candidate("a", "1", (narrow, NAME)))) == {"v1": FileState.LOADED}


def test_text_found_too_wide_widens_its_column_before_the_next_attempt() -> None:
    made = plan(job(), candidate("a", "1"), widths={"name": 300})
    assert made.ddl == ('ALTER TABLE "public"."orders" ALTER COLUMN "name" TYPE VARCHAR(1024)',)


def test_a_file_that_would_make_a_table_too_wide_is_rejected_and_its_neighbours_are_not() -> None:
    many = tuple(Column(name=Identifier(f"c{n}"), type=BIGINT) for n in range(1_599))
    made = plan(job(), candidate("a", "1", (ID, *many)), candidate("b", "2"))
    assert states(made) == {"v1": FileState.REJECTED, "v2": FileState.LOADED}
    assert made.ddl == ()
    assert made.verdicts[0].error is not None
    assert made.verdicts[0].error["type"] == "ContractError"
    assert "would then have 1601; a Redshift table has" in made.verdicts[0].error["message"]


def test_a_column_that_the_engine_would_not_change_rejects_only_the_files_that_need_it() -> None:
    day = Column(name=Identifier("day"), type=DATE)
    wide = Column(name=NAME.name, type=varchar(1024), seen=varchar(900))
    files = [
        candidate("a", "1", (ID, NAME, day)),
        candidate("b", "2", (ID, wide)),
        candidate("c", "3"),
    ]
    reasons = {"day": "no more columns", "name": "a view depends on it"}
    made = plan(job(), *files, fixed=reasons, widths={"name": 900})
    assert states(made) == {
        "v1": FileState.REJECTED,
        "v2": FileState.REJECTED,
        "v3": FileState.LOADED,
    }
    assert made.ddl == ()
    errors = {v.file.version_id: v.error for v in made.verdicts if v.error}
    assert errors["v1"]["type"] == "ContractError"
    assert "(no more columns)" in errors["v1"]["message"]
    assert errors["v2"]["type"] == "TypeChangeError"
    assert "cannot be widened (a view depends on it)" in errors["v2"]["message"]


def test_the_same_input_gives_the_same_plan() -> None:
    files = candidate("a", "1"), candidate("b", "2", (ID,))
    assert plan(job(), *files) == plan(job(), *files)


def transaction(made: LoadPlan, job_: Job) -> Transaction:
    return Transaction(
        table=made.table,
        mode=job_.load_mode,
        keys=tuple(map(Identifier, job_.upsert_keys)),
        order=tuple(map(Identifier, job_.order_columns)),
        any_duplicate=job_.on_duplicate_keys == "any",
        minimum_rows_kept=job_.minimum_rows_kept,
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
            for number, unit in enumerate(made.units, 1)
        ),
        one_by_one=made.one_by_one,
        batch_manifest="s3://b/w",
        copy_role="arn:aws:iam::123456789012:role/copy",
        job_id="J1",
        batch_id="batch",
        execution="run",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"order_by": "name"},
        {"order_by": ["name", "id"]},
        {"on_duplicate_keys": "any"},
        {"load_mode": "append"},
        {"load_mode": "overwrite"},
    ],
)
def test_a_transaction_locks_first_and_records_last_and_never_truncates(
    fields: dict[str, Any],
) -> None:
    job_ = job(**fields)
    made = plan(job_, candidate("a", "1"), candidate("b", "2"))
    written = upsert_sql.statements(transaction(made, job_))
    assert written[0] == f"LOCK {TableName.parse('orders').mutex.sql}"
    assert written[-1].startswith('INSERT INTO "sluice"."load_history"')
    names = [translate(sql).name for sql in written]
    assert "TRUNCATE" not in names
    refusals = [at for at, sql in enumerate(written) if "refuse_findings" in sql]
    writes = [
        at for at, sql in enumerate(written) if '"public"."orders"' in sql and at > refusals[0]
    ]
    assert max(refusals) < min(
        at for at in writes if not written[at].startswith('INSERT INTO "sluice_f')
    )


def test_as_many_units_as_a_batch_takes_fit() -> None:
    job_ = job(order_by="name")
    files = [candidate(f"f{n}", str(n), (ID, NAME)) for n in range(30)]
    made = plan(job_, *files, one_by_one=True)
    written = upsert_sql.statements(transaction(made, job_))
    assert len(written) <= upsert_sql.MAX_STATEMENTS
    assert 1 < len(made.units) < 30
    assert len(made.verdicts) == len(made.units)


def test_only_the_targets_own_statements_are_counted() -> None:
    job_ = job(order_by="name")
    written = upsert_sql.statements(transaction(plan(job_, candidate("a", "1")), job_))
    effects = [effect for sql in written if (effect := upsert_sql.effect_on_target(sql))]
    assert effects == ["deleted", "inserted"]


def with_headers(*headers: str, key: str) -> LoadPlan:
    names, renamed = column_names(headers, rename_repeated=True)
    schema = FileSchema(
        format="csv",
        columns=tuple(Column(name=name, type=BIGINT) for name in names),
        csv=CsvDialect(),
        renamed=renamed,
    )
    return plan(job(upsert_keys=[key]), candidate("a", "1", schema=schema), target=None)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        (("id", "id"), "id"),
        (("ID", "name", "Id "), "id"),
        (("id", "id"), "id_2"),
        (("", "name"), "column_1"),
        (("k" * 200, "name"), column_names(["k" * 200], rename_repeated=True)[0][0].text),
    ],
)
def test_a_key_among_renamed_headers_is_refused(headers: tuple[str, ...], key: str) -> None:
    (verdict,) = with_headers(*headers, key=key).verdicts
    assert verdict.error is not None
    assert verdict.error["type"] == "KeyColumnError"
    assert f"upsert key {key} heads more than one column" in verdict.error["message"]


@pytest.mark.parametrize("header", ["ID", " id ", "Id"])
def test_case_and_blanks_around_a_header_are_no_part_of_its_name(header: str) -> None:
    assert states(with_headers(header, "v", "v", key="id")) == {"v1": FileState.LOADED}


def test_a_key_that_is_cast_names_its_own_table() -> None:
    """The target has a column of that name too."""
    job_ = job(order_by="name")
    words = Column(name=NAME.name, type=DATE, null_words=("NULL",))
    narrow = Column(name=ID.name, type=INTEGER)
    made = plan(
        job_, candidate("a", "1", (narrow, words)), target={ID.name: BIGINT, NAME.name: DATE}
    )
    written = upsert_sql.statements(transaction(made, job_))
    older, same = (sql for sql in written if sql.startswith("DELETE"))
    key = '"public"."orders"."id" = CAST("sluice_staging_1"."id" AS BIGINT)'
    assert same.endswith(f"WHERE {key}")
    assert 'CASE WHEN "sluice_staging_1"."name" IN' in older


@pytest.mark.parametrize("target", [varchar(8), RedshiftType(kind=Kind.CHAR, length=8)])
def test_words_for_null_are_text_in_a_column_of_text(target: RedshiftType) -> None:
    words = Column(name=NAME.name, type=BIGINT, null_words=("NA",))
    schema = FileSchema(format="csv", columns=(ID, words), csv=CsvDialect())
    made = plan(
        job(), candidate("a", "1", schema=schema), target={ID.name: BIGINT, NAME.name: target}
    )
    (unit,) = made.units
    assert (unit.columns[1].null_words, unit.columns[1].value) == ((), '"name"')
    assert unit.columns[1].staged.kind is target.kind


def converted(staged: RedshiftType, target: RedshiftType) -> LoadPlan:
    """A Parquet column of one type that the job's `columns` want as another."""
    asked = job(columns={"name": target.sql})
    column = Column(name=NAME.name, type=target, seen=staged, copied_as=staged)
    return plan(
        asked, candidate("a", "1", (ID, column)), target={ID.name: BIGINT, NAME.name: target}
    )


@pytest.mark.parametrize(
    ("staged", "target", "condition"),
    [
        ("DECIMAL(20,6)", "DECIMAL(18,2)", 'CAST(CAST("name" AS DECIMAL(18,2)) AS DECIMAL(20,6))'),
        ("DOUBLE PRECISION", "BIGINT", '"name" <> CAST(CAST("name" AS BIGINT) AS DOUBLE'),
        ("BIGINT", "SMALLINT", 'NOT ("name" BETWEEN -32768 AND 32767)'),
        ("VARBYTE(16)", "VARBYTE(8)", 'OCTET_LENGTH("name") > 8'),
        ("VARCHAR(65535)", "BOOLEAN", "LOWER(\"name\") NOT IN ('t', 'true'"),
    ],
)
def test_what_a_job_narrows_is_checked_in_parquet_too(
    staged: str, target: str, condition: str
) -> None:
    made = converted(RedshiftType.parse(staged), RedshiftType.parse(target))
    checks = [sql for sql in upsert_sql.statements(transaction(made, job())) if "'CUT'" in sql]
    assert [condition in sql for sql in checks] == [True]


@pytest.mark.parametrize(
    ("staged", "target"),
    [
        ("DOUBLE PRECISION", "VARCHAR(64)"),
        ("BOOLEAN", "VARCHAR(5)"),
        ("VARBYTE(16)", "VARCHAR(64)"),
        ("TIMESTAMP", "TIME"),
        ("SUPER", "VARCHAR(64)"),
        ("BIGINT", "TIMESTAMP"),
    ],
)
def test_what_a_job_asks_for_that_cannot_be_made_rejects_the_file(staged: str, target: str) -> None:
    made = converted(RedshiftType.parse(staged), RedshiftType.parse(target))
    (verdict,) = made.verdicts
    assert verdict.error is not None
    assert verdict.error["type"] == "TypeChangeError"
    assert f"is written as {staged}, of which no {target} is made" in verdict.error["message"]


@pytest.mark.parametrize(
    ("target", "staged", "check"),
    [
        ("DECIMAL(18,2)", "DECIMAL(38,22)", '"name" <> CAST(CAST("name" AS DECIMAL(18,2))'),
        ("DECIMAL(21,2)", "DECIMAL(38,19)", '"name" <> CAST('),
        ("DECIMAL(22,2)", "VARCHAR(65535)", "!~ '^[+-]?0*[0-9]{0,20}([.][0-9]{0,2}0*)?$'"),
        ("DECIMAL(36,10)", "VARCHAR(65535)", "!~ '^[+-]?0*[0-9]{0,26}([.][0-9]{0,10}0*)?$'"),
        ("DECIMAL(38,10)", "VARCHAR(65535)", "!~ '^[+-]?0*[0-9]{0,28}([.][0-9]{0,10}0*)?$'"),
    ],
)
def test_a_decimal_without_room_for_more_decimals_is_staged_as_text(
    target: str, staged: str, check: str
) -> None:
    kind = RedshiftType.parse(target)
    schema = FileSchema(
        format="csv", columns=(ID, Column(name=NAME.name, type=kind)), csv=CsvDialect()
    )
    made = plan(
        job(), candidate("a", "1", schema=schema), target={ID.name: BIGINT, NAME.name: kind}
    )
    column = made.units[0].columns[1]
    assert column.staged.sql == staged
    assert [check in each for each in column.losses] == [True]
    empty_is_null = "IN ('') THEN NULL" in column.value
    assert empty_is_null == (staged == "VARCHAR(65535)")


EMPTY = Column(name=NAME.name, type=varchar(256), copied_as=INTEGER, empty=True)


@pytest.mark.parametrize("kind", ["TIMESTAMP", "BOOLEAN", "VARCHAR(64)", "SUPER", "TIME"])
def test_a_column_of_nulls_is_cast_to_nothing_but_null(kind: str) -> None:
    target = RedshiftType.parse(kind)
    made = plan(
        job(), candidate("a", "1", (ID, EMPTY)), target={ID.name: BIGINT, NAME.name: target}
    )
    column = made.units[0].columns[1]
    assert column.staged == INTEGER
    assert column.value == f'CASE WHEN "name" IS NULL THEN CAST(NULL AS {kind}) END'
    assert column.losses == ()


@pytest.mark.parametrize("has_table", [False, True])
@pytest.mark.parametrize("empty_first", [False, True])
def test_the_first_file_with_a_value_gives_a_new_column_its_type(
    has_table: bool, empty_first: bool
) -> None:
    columns = [EMPTY, Column(name=NAME.name, type=DOUBLE)]
    files = [
        candidate(name, sequence, (ID, column))
        for name, sequence, column in zip(
            "ab", "12", columns if empty_first else columns[::-1], strict=True
        )
    ]
    made = plan(job(), *files, target={ID.name: BIGINT} if has_table else None)
    assert states(made) == {"v1": FileState.LOADED, "v2": FileState.LOADED}
    assert '"name" DOUBLE PRECISION' in made.ddl[-1]


def test_a_column_that_stays_empty_is_text() -> None:
    made = plan(job(), candidate("a", "1", (ID, EMPTY)), target=None)
    assert '"name" VARCHAR(256)' in made.ddl[-1]


def order(*candidates: Candidate) -> list[str]:
    """The files of a batch in the order they are loaded one by one, whatever that of the batch."""
    found = {
        tuple(
            f"{unit.files[0].file.name}{unit.files[0].file.version_id}"
            for unit in plan(job(load_mode="append"), *each, one_by_one=True).units
        )
        for each in permutations(candidates)
    }
    (only,) = found
    return list(only)


def test_files_of_different_keys_go_by_when_they_arrived() -> None:
    """A version that a sweep found has a small sequence, however late it came."""
    assert order(
        candidate("a", "9", minute=1), candidate("b", "1", minute=2), candidate("c", "5", minute=0)
    ) == ["cv5", "av9", "bv1"]


def test_versions_of_one_key_go_by_sequence_whatever_the_clock_says() -> None:
    assert order(
        candidate("a", "1", minute=5),
        candidate("a", "2", minute=1),
        candidate("a", "3", minute=9),
        candidate("b", "1", minute=4),
        candidate("c", "1", minute=7),
    ) == ["bv1", "av1", "av2", "cv1", "av3"]


def test_an_overwrite_ends_with_the_file_that_arrived_last() -> None:
    late, early = candidate("late", "1", minute=3), candidate("early", "9", minute=2)
    made = plan(job(load_mode="overwrite"), late, early)
    assert states(made) == {"v1": FileState.LOADED, "v9": FileState.SUPERSEDED}


def test_a_replay_keeps_the_place_of_its_file() -> None:
    again, newer = candidate("a", "1", minute=1, replay=1), candidate("b", "0", minute=2)
    made = plan(job(load_mode="overwrite"), newer, again)
    assert states(made) == {"v1": FileState.SUPERSEDED, "v0": FileState.LOADED}
