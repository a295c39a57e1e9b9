"""Results: fields, metadata, pages and CSV, as the Data API reference has them."""

from tests.integration.warehouse.client import Client, refusal


def test_every_type_is_a_field_of_its_own_kind(client: Client) -> None:
    identifier = client.done(
        "SELECT 1::SMALLINT AS s, 2::INT AS i, 3::BIGINT AS b, 1.5::FLOAT8 AS f, 1.25::DECIMAL(9,3)"
        " AS d, TRUE AS t, 'x'::VARCHAR(7) AS v, DATE '2024-02-29' AS day, NULL::INT AS n,"
        " TIMESTAMP '2024-01-02 03:04:05' AS at, JSON_PARSE('{\"a\": [1, 2, \": ,\"]}') AS super"
    )["Id"]

    result = client.call("GetStatementResult", Id=identifier)

    assert result["Records"] == [
        [
            {"longValue": 1},
            {"longValue": 2},
            {"longValue": 3},
            {"doubleValue": 1.5},
            {"stringValue": "1.250"},
            {"booleanValue": True},
            {"stringValue": "x"},
            {"stringValue": "2024-02-29"},
            {"isNull": True},
            {"stringValue": "2024-01-02 03:04:05"},
            {"stringValue": '{"a":[1,2,": ,"]}'},
        ]
    ]
    assert [column["typeName"] for column in result["ColumnMetadata"]] == [
        *("int2", "int4", "int8", "float8", "numeric", "bool", "varchar", "date", "int4"),
        *("timestamp", "super"),
    ]
    decimal = result["ColumnMetadata"][4]
    assert (decimal["name"], decimal["precision"], decimal["scale"]) == ("d", 9, 3)


def test_a_column_of_a_table_says_which(client: Client) -> None:
    client.done("CREATE TABLE orders (id BIGINT NOT NULL, name VARCHAR(20))")

    identifier = client.done("SELECT id, name, 1 AS one FROM orders")["Id"]

    columns = client.call("GetStatementResult", Id=identifier)["ColumnMetadata"]
    assert [(c["schemaName"], c["tableName"], c["nullable"]) for c in columns] == [
        ("public", "orders", 0),
        ("public", "orders", 1),
        ("", "", 1),
    ]
    assert columns[1]["precision"] == 20


def test_an_empty_result_is_a_result_and_ddl_has_none(client: Client) -> None:
    assert client.done("SELECT 1 WHERE FALSE")["HasResultSet"] is True
    assert client.done("CREATE TABLE t (a INT)")["HasResultSet"] is False


def test_a_long_result_comes_in_pages(client: Client) -> None:
    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"

    rows = client.rows(f"{query} SELECT i FROM n")

    assert sorted(row[0] for row in rows) == list(range(1, 2501))


def test_a_token_of_another_result_is_refused(client: Client) -> None:
    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
    first, second = (client.done(f"{query} SELECT i FROM n")["Id"] for _ in range(2))
    token = client.call("GetStatementResult", Id=first)["NextToken"]

    assert refusal(client, "GetStatementResult", Id=second, NextToken=token).code == (
        "ValidationException"
    )
    assert refusal(client, "GetStatementResult", Id=first, NextToken="x").code == (
        "ValidationException"
    )


def test_csv_results_are_for_the_second_version(client: Client) -> None:
    identifier = client.done("SELECT 1 AS a, 'x,y' AS b, NULL AS c", ResultFormat="CSV")["Id"]

    result = client.call("GetStatementResultV2", Id=identifier)

    assert result["Records"] == [{"CSVRecords": 'a,b,c\r\n1,"x,y",\r\n'}]
    assert result["ResultFormat"] == "CSV"
    assert refusal(client, "GetStatementResult", Id=identifier).code == "ValidationException"
