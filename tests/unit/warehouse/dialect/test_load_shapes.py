"""The statements of one load, exactly as they are submitted."""

import psycopg
import pytest

from local.warehouse.dialect import translate
from tests.unit.warehouse.dialect.conftest import Database

BEFORE = [
    'CREATE SCHEMA IF NOT EXISTS "sluice"',
    'CREATE TABLE IF NOT EXISTS "public"."orders" ("order_id" BIGINT NOT NULL, "name" VARCHAR(64),'
    ' "amount" DECIMAL(18,2), "tags" SUPER, "changed" TIMESTAMP) DISTSTYLE AUTO SORTKEY AUTO',
    'CREATE TABLE IF NOT EXISTS "sluice"."mutex_0123456789abcdef" ("locked" SMALLINT)',
    'CREATE TABLE IF NOT EXISTS "sluice"."load_history" ("file_id" VARCHAR(32) NOT NULL,'
    ' "verdict" VARCHAR(16), "loaded_at" TIMESTAMP)',
    """CREATE OR REPLACE PROCEDURE "sluice"."refuse_findings"() AS $$
    DECLARE
        found INTEGER;
        first_detail VARCHAR(4096);
    BEGIN
        SELECT COUNT(*), MIN(code || ' ' || detail) INTO found, first_detail FROM sluice_findings;
        IF found > 0 THEN
            RAISE EXCEPTION 'SLUICE_REFUSED: %', first_detail;
        END IF;
    END;
    $$ LANGUAGE plpgsql""",
]
STAGING = [
    'LOCK "sluice"."mutex_0123456789abcdef";',
    'CREATE TEMP TABLE "sluice_batch" (file_id VARCHAR(32) NOT NULL);',
    'CREATE TEMP TABLE "sluice_findings" (code VARCHAR(32), detail VARCHAR(4096));',
    'CREATE TEMP TABLE "sluice_staging_1" ("order_id" BIGINT, "name" VARCHAR(65535),'
    ' "amount" DECIMAL(18,2), "tags" SUPER, "changed" TIMESTAMP);',
    """INSERT INTO "sluice_batch" VALUES ('f1'), ('f2')""",
    """INSERT INTO "sluice_staging_1" ("order_id", "name", "amount", "tags", "changed")
       SELECT 1, 'old', 1.5, JSON_PARSE('["a"]'), '2024-01-01'::TIMESTAMP
       UNION ALL SELECT 1, 'new', 2.5, NULL, '2024-01-02'::TIMESTAMP
       UNION ALL SELECT 2, 'only', NULL, NULL, NULL""",
]
CHECK = """INSERT INTO "sluice_findings" SELECT 'SEEN', h."file_id" || ': ' || h."verdict"
    FROM "sluice_batch" b JOIN "sluice"."load_history" h ON h."file_id" = b."file_id";"""
CALL = 'CALL "sluice"."refuse_findings"();'
UPSERT = [
    'DELETE FROM "public"."orders" USING "sluice_staging_1" s'
    ' WHERE "public"."orders"."order_id" = s."order_id";',
    """INSERT INTO "public"."orders" ("order_id", "name", "amount", "tags", "changed")
       SELECT s."order_id", s."name", s."amount", s."tags", s."changed" FROM
       (SELECT *, ROW_NUMBER() OVER (PARTITION BY "order_id" ORDER BY "changed" DESC NULLS LAST)
        AS "sluice_rank" FROM "sluice_staging_1") s WHERE s."sluice_rank" = 1;""",
    """INSERT INTO "sluice"."load_history" ("file_id", "verdict", "loaded_at")
       SELECT "file_id", 'LOADED', GETDATE() FROM "sluice_batch";""",
]


@pytest.fixture
def staged(database: Database) -> Database:
    for statement in [*BEFORE, *STAGING]:
        database.run(statement)
    return database


def test_a_load_replaces_the_rows_it_brings(staged: Database) -> None:
    staged.run("INSERT INTO orders (order_id, name) VALUES (1, 'stale'), (3, 'kept')")
    for statement in [CHECK, CALL, *UPSERT]:
        staged.run(statement)

    rows = staged.run("SELECT order_id, name, amount FROM orders ORDER BY 1")

    assert [(key, name) for key, name, _ in rows] == [(1, "new"), (2, "only"), (3, "kept")]
    assert staged.run('SELECT COUNT(*) FROM "sluice"."load_history"') == [(2,)]


def test_findings_refuse_the_load_with_their_detail(staged: Database) -> None:
    staged.run("""INSERT INTO "sluice"."load_history" VALUES ('f2', 'LOADED', GETDATE())""")
    staged.run(CHECK)

    with pytest.raises(psycopg.errors.RaiseException, match="SLUICE_REFUSED: SEEN f2: LOADED"):
        staged.run(CALL)


def test_a_mutex_is_locked_against_readers_and_writers() -> None:
    translated = translate(STAGING[0])

    assert (translated.kind, translated.name) == ("lock", "LOCK")
    assert translated.touches == {"sluice.mutex_0123456789abcdef"}
    assert translated.statements == (
        'LOCK TABLE "sluice"."mutex_0123456789abcdef" IN ACCESS EXCLUSIVE MODE',
    )


def test_a_plain_upsert_comes_out_as_it_went_in() -> None:
    assert translate(UPSERT[0]).statements == (
        'DELETE FROM "public"."orders" USING "sluice_staging_1" AS "s"'
        ' WHERE "public"."orders"."order_id" = "s"."order_id"',
    )


@pytest.mark.parametrize(
    ("sql", "kind", "touches"),
    [
        ("COPY \"sluice_staging_1\" FROM 's3://b/m' IAM_ROLE 'r' PARQUET MANIFEST", "copy",
         {"sluice_staging_1"}),
        ("COPY public.orders (a) FROM 's3://b/50%/:x' IAM_ROLE 'r'", "copy", {"public.orders"}),
        ("UNLOAD ('SELECT 1') TO 's3://b/' IAM_ROLE 'r'", "unload", set()),
    ],
)  # fmt: skip
def test_copy_and_unload_are_recognised_and_left_alone(
    sql: str, kind: str, touches: set[str]
) -> None:
    translated = translate(sql)

    assert (translated.kind, translated.statements) == (kind, (sql,))
    assert translated.touches == touches
