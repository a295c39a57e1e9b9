"""What the system views and the catalog calls show of tables, schemas and databases."""

import pytest

from local.warehouse import DataApiError
from tests.integration.warehouse.client import Client

PLACE = {"WorkgroupName": "sluice-test", "Database": "dev"}


def test_svv_columns_describes_types_as_redshift_does(client: Client) -> None:
    client.done(
        "CREATE TABLE t (s SMALLINT, i INT NOT NULL, b BIGINT DEFAULT 7, n DECIMAL(18,2), r REAL,"
        " d DOUBLE PRECISION, t BOOLEAN, c CHAR(3), v VARCHAR(20), m VARCHAR(MAX), day DATE,"
        " at TIMESTAMP, z TIMESTAMPTZ, x SUPER)"
    )

    found = client.rows(
        "SELECT column_name, ordinal_position, is_nullable, data_type, character_maximum_length,"
        " numeric_precision, numeric_scale FROM svv_columns"
        " WHERE table_schema = 'public' AND table_name = 't' ORDER BY ordinal_position"
    )

    assert found == [
        ("s", 1, "YES", "smallint", None, 16, 0),
        ("i", 2, "NO", "integer", None, 32, 0),
        ("b", 3, "YES", "bigint", None, 64, 0),
        ("n", 4, "YES", "numeric", None, 18, 2),
        ("r", 5, "YES", "real", None, 24, None),
        ("d", 6, "YES", "double precision", None, 53, None),
        ("t", 7, "YES", "boolean", None, None, None),
        ("c", 8, "YES", "character", 3, None, None),
        ("v", 9, "YES", "character varying", 20, None, None),
        ("m", 10, "YES", "character varying", 65535, None, None),
        ("day", 11, "YES", "date", None, None, None),
        ("at", 12, "YES", "timestamp without time zone", None, None, None),
        ("z", 13, "YES", "timestamp with time zone", None, None, None),
        ("x", 14, "YES", "super", None, None, None),
    ]


def test_svv_columns_numbers_columns_without_gaps(client: Client) -> None:
    client.done("CREATE TABLE t (a INT, b INT)")
    client.done("ALTER TABLE t DROP COLUMN a")
    client.done("ALTER TABLE t ADD COLUMN c INT")

    assert client.rows("SELECT column_name, ordinal_position FROM svv_columns ORDER BY 2") == [
        ("b", 1),
        ("c", 2),
    ]


def test_svv_columns_shows_a_role_only_what_it_may_use(client: Client) -> None:
    client.done("CREATE TABLE mine (a INT)")
    client.done("CREATE TABLE given (a INT)")
    client.done("GRANT SELECT ON given TO PUBLIC")

    other = client.as_principal("role/other")

    assert other.rows("SELECT DISTINCT table_name FROM svv_columns") == [("given",)]


def test_svv_table_info_counts_rows_and_leaves_out_empty_tables(client: Client) -> None:
    client.done("CREATE TABLE empty (a VARCHAR(9))")
    client.done("CREATE TABLE full_one (a VARCHAR(9), b VARCHAR(30))")
    client.done("INSERT INTO full_one VALUES ('x', 'y'), ('z', NULL)")

    assert client.rows('SELECT "schema", "table", tbl_rows, max_varchar FROM svv_table_info') == [
        ("public", "full_one", "2", 30)
    ]


def test_svv_tables_tells_tables_from_views(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")
    client.done("CREATE VIEW v AS SELECT a FROM t")

    assert client.rows("SELECT table_name, table_type FROM svv_tables ORDER BY 1") == [
        ("t", "BASE TABLE"),
        ("v", "VIEW"),
    ]
    assert client.rows("SELECT table_type FROM svv_all_tables ORDER BY table_name") == [
        ("TABLE",),
        ("VIEW",),
    ]


def test_pg_table_def_follows_the_search_path(client: Client) -> None:
    client = client.as_principal("user/admin")
    client.done("CREATE SCHEMA area")
    client.done("CREATE TABLE area.hidden (a INT)")
    client.done("CREATE TABLE shown (a VARCHAR(9))")

    assert client.rows('SELECT schemaname, tablename, "column", type FROM pg_table_def') == [
        ("public", "shown", "a", "character varying(9)")
    ]


def test_the_query_history_keeps_what_was_run_and_what_failed(client: Client) -> None:
    caller = client.as_principal("role/historian")
    good = caller.done("SELECT 1 AS history", StatementName="named")
    bad = caller.run("SELECT 1/0")

    found = caller.rows(
        "SELECT query_id, status, query_type, query_label, returned_rows, error_message"
        " FROM sys_query_history WHERE query_id IN"
        f" ({good['RedshiftQueryId']}, {bad['RedshiftQueryId']}) ORDER BY query_id"
    )

    assert found == [
        (good["RedshiftQueryId"], "success", "SELECT", "named", 1, ""),
        (bad["RedshiftQueryId"], "failed", "SELECT", "default", 0, "ERROR: division by zero"),
    ]
    other = client.as_principal("role/other")
    assert (
        other.rows(
            f"SELECT query_id FROM sys_query_history WHERE query_id = {good['RedshiftQueryId']}"
        )
        == []
    )


def test_the_isolation_level_is_snapshot(client: Client) -> None:
    assert client.rows(
        "SELECT database_isolation_level FROM svv_redshift_databases WHERE database_name = 'dev'"
    ) == [("Snapshot Isolation",)]


@pytest.mark.parametrize(
    "name", ["stl_load_errors", "stv_db_isolation_level", "svl_qlog", "pg_catalog.svcs_query"]
)
def test_system_tables_of_clusters_are_shown_to_nobody(client: Client, name: str) -> None:
    for principal in ("role/other", "user/admin"):
        described = client.as_principal(principal).run([f"SELECT * FROM {name}"])
        denied = f"permission denied for relation {name.rpartition('.')[2]}"
        assert described["Status"] == "FAILED"
        assert described["Error"].endswith(f"ERROR: {denied}")


# --- the calls ------------------------------------------------------------------------------------


def test_schemas_and_tables_are_listed_by_pattern(client: Client) -> None:
    client = client.as_principal("user/admin")
    client.done("CREATE SCHEMA area_1")
    client.done("CREATE TABLE area_1.orders (a INT)")
    client.done("CREATE TABLE area_1.order_items (a INT)")
    client.done("CREATE VIEW area_1.open_orders AS SELECT a FROM area_1.orders")

    schemas = client.call("ListSchemas", **PLACE, SchemaPattern="area%")["Schemas"]
    tables = client.call("ListTables", **PLACE, SchemaPattern="area_1", TablePattern="o%orders")
    first = client.call("ListTables", **PLACE, SchemaPattern="area_1", MaxResults=2)
    rest = client.call(
        "ListTables", **PLACE, SchemaPattern="area_1", MaxResults=2, NextToken=first["NextToken"]
    )

    assert schemas == ["area_1"]
    assert tables["Tables"] == [{"name": "open_orders", "schema": "area_1", "type": "VIEW"}]
    names = [each["name"] for page in (first, rest) for each in page["Tables"]]
    assert names == ["open_orders", "order_items", "orders"]
    assert "NextToken" not in rest


def test_a_table_is_described_column_by_column(client: Client) -> None:
    client.done("CREATE TABLE t (a BIGINT NOT NULL, b VARCHAR(9) DEFAULT 'x', c DECIMAL(9,3))")

    described = client.call("DescribeTable", **PLACE, Schema="public", Table="t")

    assert described["TableName"] == "t"
    assert [
        (c["name"], c["typeName"], c["nullable"], c["precision"], c["scale"])
        for c in described["ColumnList"]
    ] == [("a", "int8", 0, 19, 0), ("b", "varchar", 1, 9, 0), ("c", "numeric", 1, 9, 3)]
    assert "x" in described["ColumnList"][1]["columnDefault"]


def test_databases_are_made_listed_and_connected_to(client: Client) -> None:
    client.as_principal("user/admin").done("CREATE DATABASE other")
    try:
        elsewhere = client.as_principal("user/admin")
        elsewhere.database = "other"
        assert elsewhere.rows("SELECT CURRENT_DATABASE()") == [("other",)]
        assert client.call("ListDatabases", **PLACE)["Databases"] == ["dev", "other"]
    finally:
        client.as_principal("user/admin").done("DROP DATABASE other")


def test_a_call_about_an_unknown_database_is_an_error_of_its_own(client: Client) -> None:
    with pytest.raises(DataApiError) as caught:
        client.call("ListTables", WorkgroupName="sluice-test", Database="nowhere")

    assert caught.value.code == "DatabaseConnectionException"


def test_procedures_are_listed_with_the_arguments_a_call_gives(client: Client) -> None:
    client.done(
        "CREATE PROCEDURE p(a INT, b INOUT VARCHAR(10), c OUT BIGINT) AS $$ BEGIN c := 1; END; $$"
        " LANGUAGE plpgsql"
    )

    found = client.rows(
        "SELECT n.nspname, p.proname, p.pronargs, oidvectortypes(p.proargtypes) FROM pg_proc_info p"
        " JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE p.prokind = 'p' AND n.nspname = 'public'"
    )

    assert found == [("public", "p", 2, "integer, character varying")]
