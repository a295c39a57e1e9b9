"""Where Postgres would do what Redshift does not: each difference is closed or refused.

`docs/local-warehouse.md` has one row for each, with the name of its test.
"""

import pyarrow as pa
import pytest

from tests.integration.warehouse.client import ROLE, Bucket, Client

LONG = "a_name_of_more_than_sixty_three_bytes_that_postgres_would_cut_in_silence"


# --- transactions ---------------------------------------------------------------------------------


def test_truncate_in_a_batch_is_refused(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done("INSERT INTO t VALUES (1)")

    error = client.failure(["DELETE FROM t", "TRUNCATE t"])

    assert "TRUNCATE commits the transaction it runs in" in error
    assert client.rows("SELECT a FROM t") == [(1,)]
    client.done("TRUNCATE t")
    assert client.rows("SELECT a FROM t") == []


def test_truncate_in_a_sessions_transaction_is_refused(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    session = client.submit("BEGIN", SessionKeepAliveSeconds=30, WaitTimeSeconds=30)["SessionId"]

    assert "TRUNCATE commits" in client.failure("TRUNCATE t", SessionId=session)


def test_a_procedure_that_truncates_is_refused_in_a_batch(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done("CREATE PROCEDURE empty() AS $$ BEGIN TRUNCATE t; END $$ LANGUAGE plpgsql")

    assert "TRUNCATE cannot be invoked from a procedure that is executing in an atomic context" in (
        client.failure(["SELECT 1", "CALL empty()"])
    )


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(20)", "ALTER TABLE ALTER COLUMN cannot run"),
        ("VACUUM t", "VACUUM cannot run inside a transaction block"),
        ("CREATE DATABASE other", "CREATE DATABASE cannot run inside a transaction block"),
        ("DROP DATABASE other", "DROP DATABASE cannot run inside a transaction block"),
        ("COMMIT", "COMMIT in a batch"),
        ("ROLLBACK", "ROLLBACK in a batch"),
        ("BEGIN", "BEGIN in a batch"),
    ],
)
def test_what_redshift_bars_from_a_transaction_is_refused(
    client: Client, sql: str, message: str
) -> None:
    client.done("CREATE TABLE t (v VARCHAR(9))")

    assert message in client.failure(["INSERT INTO t VALUES ('x')", sql])
    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_a_column_is_resized_alone_and_only_as_a_varchar(client: Client) -> None:
    client.done("CREATE TABLE t (v VARCHAR(3), n INT, d VARCHAR(3) DEFAULT 'x')")

    client.done("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(6)")

    client.done("INSERT INTO t (v) VALUES ('äää')")
    assert "a value has 6" in client.failure("ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(5)")
    assert "only VARCHAR can be resized" in client.failure(
        "ALTER TABLE t ALTER COLUMN n TYPE BIGINT"
    )
    assert "that has a default value" in client.failure(
        "ALTER TABLE t ALTER COLUMN d TYPE VARCHAR(9)"
    )


def test_a_transaction_sees_one_snapshot(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    session = client.submit("BEGIN", SessionKeepAliveSeconds=30, WaitTimeSeconds=30)["SessionId"]
    assert client.rows("SELECT COUNT(*) FROM t", SessionId=session) == [(0,)]

    client.done("INSERT INTO t VALUES (1)")

    assert client.rows("SELECT COUNT(*) FROM t", SessionId=session) == [(0,)]
    client.done("COMMIT", SessionId=session)
    assert client.rows("SELECT COUNT(*) FROM t", SessionId=session) == [(1,)]


def test_a_lock_takes_no_snapshot(client: Client) -> None:
    client.done("CREATE TABLE mutex (a INT)")
    client.done("CREATE TABLE t (a INT)")
    session = client.submit("BEGIN", SessionKeepAliveSeconds=30, WaitTimeSeconds=30)["SessionId"]
    client.done("LOCK mutex", SessionId=session)

    client.done("INSERT INTO t VALUES (1)")

    assert client.rows("SELECT COUNT(*) FROM t", SessionId=session) == [(1,)]
    client.done("ROLLBACK", SessionId=session)


def test_a_conflict_of_two_writers_is_error_1023(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done("INSERT INTO t VALUES (1)")
    session = client.submit("BEGIN", SessionKeepAliveSeconds=30, WaitTimeSeconds=30)["SessionId"]
    client.rows("SELECT a FROM t", SessionId=session)
    client.done("UPDATE t SET a = 2")

    error = client.failure("UPDATE t SET a = 3", SessionId=session)

    assert error.startswith("ERROR: 1023 Detail: Serializable isolation violation on table")
    assert client.rows("SELECT a FROM t") == [(2,)]


# --- names ----------------------------------------------------------------------------------------


def test_a_name_over_127_bytes_is_refused(client: Client) -> None:
    assert "a name of 128 bytes" in client.failure(f"CREATE TABLE {'n' * 128} (a INT)")
    assert "a name of 128 bytes" in client.failure(f'CREATE TABLE "{"é" * 64}" (a INT)')
    client.done(f"CREATE TABLE {'n' * 127} (a INT)")


def test_names_of_64_to_127_bytes_are_whole_everywhere(client: Client, bucket: Bucket) -> None:
    other = f"{LONG}_too"
    client.done(f"CREATE TABLE {LONG} ({LONG} VARCHAR(2), {other} BIGINT)")
    client.done(f"CREATE TABLE {other} (a INT)")
    bucket.write_parquet("a.parquet", pa.table({"a": ["x"], "b": [1]}))
    client.done(f"COPY {LONG} FROM 's3://b/a.parquet' {ROLE} FORMAT AS PARQUET")

    described = client.done(f"SELECT * FROM {LONG.upper()}")
    columns = client.call("GetStatementResult", Id=described["Id"])["ColumnMetadata"]
    assert [(c["name"], c["tableName"]) for c in columns] == [(LONG, LONG), (other, LONG)]
    assert client.rows("SELECT table_name FROM svv_tables ORDER BY 1") == [(LONG,), (other,)]
    assert client.rows(
        f"SELECT column_name FROM svv_columns WHERE table_name = '{LONG}' ORDER BY 1"
    ) == [(LONG,), (other,)]
    assert client.rows("SELECT table_name FROM sys_load_history") == [(LONG,)]
    assert f'relation "{LONG}_gone" does not exist' in client.failure(f"SELECT * FROM {LONG}_gone")


def test_quoted_names_fold_to_lower_case(client: Client) -> None:
    client.done('CREATE TABLE "Orders" ("Id" INT)')
    client.done("INSERT INTO ORDERS (id) VALUES (1)")

    assert client.rows('SELECT "ID" FROM orders') == [(1,)]
    assert client.rows("SELECT table_name FROM svv_tables") == [("orders",)]


def test_letters_beyond_ascii_keep_their_case(client: Client) -> None:
    client.done('CREATE TABLE "Äpfel" ("ÄhrE" INT, "ährE" INT)')
    client.done('INSERT INTO Äpfel ("ÄHRE", ähre) VALUES (1, 2)')

    assert client.rows("SELECT Ähre, ähre FROM Äpfel") == [(1, 2)]
    assert client.rows("SELECT table_name FROM svv_tables") == [("Äpfel",)]


# --- values ---------------------------------------------------------------------------------------


def test_blanks_at_the_end_of_text_are_compared(client: Client) -> None:
    """In Redshift they are not (character types, significance of trailing blanks)."""
    client.done("CREATE TABLE t (a VARCHAR(4))")
    client.done("INSERT INTO t VALUES ('a '), ('a')")

    assert client.rows("SELECT COUNT(*) FROM t WHERE a = 'a'") == [(1,)]


def test_a_varchar_counts_bytes(client: Client) -> None:
    client.done("CREATE TABLE t (a VARCHAR(4))")
    client.done("INSERT INTO t VALUES ('ää')")

    assert "value too long for type character varying(4)" in client.failure(
        "INSERT INTO t VALUES ('äää')"
    )
    assert client.rows("SELECT a FROM t") == [("ää",)]


def test_a_varchar_without_a_width_holds_256_bytes(client: Client) -> None:
    client.done("CREATE TABLE t (a VARCHAR)")
    client.done(f"INSERT INTO t VALUES ('{'x' * 256}')")

    assert "value too long for type character varying(256)" in client.failure(
        f"INSERT INTO t VALUES ('{'x' * 257}')"
    )


def test_keys_are_not_enforced(client: Client) -> None:
    client.done("CREATE TABLE shops (id INT PRIMARY KEY)")
    client.done(
        "CREATE TABLE t (a INT PRIMARY KEY, b INT UNIQUE, c INT REFERENCES shops (id), UNIQUE (b))"
    )

    client.done("INSERT INTO t VALUES (1, 1, 7), (1, 1, 7)")

    assert client.rows("SELECT COUNT(*) FROM t") == [(2,)]
    assert "Cannot insert a NULL value into column a" in client.failure(
        "INSERT INTO t VALUES (NULL, 1, 1)"
    )


def test_a_merge_that_matches_twice_is_an_error(client: Client) -> None:
    client.done("CREATE TABLE t (a INT, b INT)")
    client.done("CREATE TABLE s (a INT, b INT)")
    client.done("INSERT INTO t VALUES (1, 0)")
    client.done("INSERT INTO s VALUES (1, 1), (1, 2)")

    error = client.failure(
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = s.b"
        " WHEN NOT MATCHED THEN INSERT VALUES (s.a, s.b)"
    )

    assert "Found multiple matches to update the same tuple" in error


def test_integers_divide_as_integers_and_a_sum_of_integers_is_one(client: Client) -> None:
    assert client.rows("SELECT 7 / 2, SUM(a) FROM (SELECT 1 AS a UNION ALL SELECT 2) x") == [(3, 3)]


# --- what is refused by name ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UNLOAD ('SELECT 1') TO 's3://b/x' IAM_ROLE 'r'", "UNLOAD"),
        ("CREATE EXTERNAL SCHEMA s FROM DATA CATALOG DATABASE 'd' IAM_ROLE 'r'", "CREATE EXTERNAL"),
        ("CREATE RLS POLICY p USING (a = 1)", "CREATE RLS"),
        ("ATTACH RLS POLICY p ON t TO PUBLIC", "ATTACH"),
        ("ALTER TABLE t APPEND FROM s", "ALTER TABLE APPEND"),
        ("CREATE DATASHARE d", "CREATE DATASHARE"),
        ("CREATE MODEL m FROM t TARGET a FUNCTION f IAM_ROLE 'r'", "CREATE MODEL"),
        ("CREATE INDEX i ON t (a)", "CREATE INDEX"),
        ("CREATE LIBRARY l LANGUAGE plpythonu FROM 's3://b/l.zip'", "CREATE LIBRARY"),
        ("PREPARE p AS SELECT 1", "PREPARE"),
        ("DECLARE c CURSOR FOR SELECT 1", "DECLARE"),
        ("SELECT GENERATE_SERIES(1, 3)", "the function GENERATE_SERIES"),
        ("SET work_mem TO '1GB'", "the setting work_mem"),
    ],
)
def test_a_statement_that_is_not_emulated_is_refused_by_name(
    client: Client, sql: str, named: str
) -> None:
    error = client.failure(sql)

    assert error.startswith(f"ERROR: {named}")
    assert error.endswith("is not supported by the local warehouse")


def test_text_sorts_by_bytes(client: Client) -> None:
    client.done("CREATE TABLE t (a VARCHAR(9))")
    client.done("INSERT INTO t VALUES ('b'), ('A'), ('ä'), ('B'), ('_')")

    assert client.rows("SELECT a FROM t ORDER BY a") == [("A",), ("B",), ("_",), ("b",), ("ä",)]
