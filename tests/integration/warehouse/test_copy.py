"""COPY: what it reads, what it refuses, and what the system views keep of it."""

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.integration.warehouse.client import ROLE, Bucket, Client


def error_of(described: dict[str, Any]) -> str:
    assert described["Status"] == "FAILED", described["Status"]
    return str(described["Error"])


def succeeded(described: dict[str, Any]) -> None:
    assert described["Status"] == "FINISHED", described.get("Error")


# --- which objects --------------------------------------------------------------------------------


def test_a_key_is_a_prefix(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("in/a.csv", "1\n")
    bucket.write("in/a.csv.bak", "2\n")

    succeeded(client.copy("t", "s3://b/in/a.csv", "CSV"))

    assert client.rows("SELECT a FROM t ORDER BY a") == [(1,), (2,)]


def test_a_prefix_without_objects_is_an_error(client: Client) -> None:
    client.done("CREATE TABLE t (a INT)")

    error = error_of(client.copy("t", "s3://b/nothing/", "CSV"))

    assert "The specified S3 prefix 'nothing/' does not exist" in error


def test_an_entry_listed_twice_loads_twice(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    url = bucket.write("a.csv", "1\n")

    succeeded(client.copy("t", bucket.write_manifest("m", [url, url]), "CSV MANIFEST"))

    assert client.rows("SELECT COUNT(*) FROM t") == [(2,)]


def test_a_missing_file_fails_only_if_it_is_mandatory(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    urls = [bucket.write("a.csv", "1\n"), bucket.write("b.csv", "2\n")]
    mandatory = bucket.write_manifest("mandatory", urls)
    optional = bucket.write_manifest("optional", urls, mandatory=False)
    del bucket.objects["b", "b.csv"]

    assert "NoSuchKey file: s3://b/b.csv" in error_of(client.copy("t", mandatory, "CSV MANIFEST"))
    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]
    succeeded(client.copy("t", optional, "CSV MANIFEST"))
    assert client.rows("SELECT a FROM t") == [(1,)]


def test_files_that_need_not_exist_may_not_all_be_missing(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    manifest = bucket.write_manifest("m", [bucket.write("a.csv", "1\n")], mandatory=False)
    del bucket.objects["b", "a.csv"]

    assert "none of s3://b/m" in error_of(client.copy("t", manifest, "CSV MANIFEST"))


@pytest.mark.parametrize("body", ["", "[]", '{"entries": 1}', '{"entries": [{"mandatory": true}]}'])
def test_a_manifest_of_another_shape_is_an_error(client: Client, bucket: Bucket, body: str) -> None:
    client.done("CREATE TABLE t (a INT)")

    error = error_of(client.copy("t", bucket.write("m", body), "CSV MANIFEST"))

    assert "Problem reading manifest file s3://b/m" in error


@pytest.mark.parametrize(
    ("entry", "message"),
    [({}, "does not have 'meta' key"), ({"meta": {}}, "does not have 'content_length' key")],
)
def test_a_manifest_of_parquet_needs_lengths(
    client: Client, bucket: Bucket, entry: dict[str, Any], message: str
) -> None:
    client.done("CREATE TABLE t (a BIGINT)")
    url = bucket.write_parquet("a.parquet", pa.table({"a": [1]}))
    body = json.dumps({"entries": [{"url": url, "mandatory": True, **entry}]})

    error = error_of(client.copy("t", bucket.write("m", body), "FORMAT AS PARQUET MANIFEST"))

    assert message in error
    assert url in error


def test_a_length_that_is_not_the_files_is_an_error(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a BIGINT)")
    url = bucket.write_parquet("a.parquet", pa.table({"a": [1]}))
    manifest = bucket.write_manifest("m", [url], meta={"content_length": 7})

    error = error_of(client.copy("t", manifest, "FORMAT AS PARQUET MANIFEST"))

    assert "the manifest says that s3://b/a.parquet has 7 bytes" in error


def test_the_role_of_the_statement_reads(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("a.csv", "1\n")

    succeeded(client.copy("t", "s3://b/a.csv", "CSV"))

    assert set(bucket.roles) == {"arn:aws:iam::123456789012:role/copy"}


def test_what_the_role_may_not_read_is_denied(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("a.csv", "1\n")
    bucket.denied.add("a.csv")

    error = error_of(client.copy("t", "s3://b/a.csv", "CSV"))

    assert "Access Denied,Status 403" in error
    assert "s3://b/a.csv" in error


def test_a_copy_without_a_role_is_refused(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("a.csv", "1\n")

    assert "COPY without IAM_ROLE is not supported" in client.failure(
        "COPY t FROM 's3://b/a.csv' CSV"
    )


def test_gzip_is_read_if_it_is_asked_for(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("a.csv.gz", gzip.compress(b"1\n2\n"))
    bucket.write("plain.csv", "3\n")

    succeeded(client.copy("t", "s3://b/a.csv.gz", "CSV GZIP"))

    assert client.rows("SELECT COUNT(*) FROM t") == [(2,)]
    error = error_of(client.copy("t", "s3://b/plain.csv", "CSV GZIP"))
    assert "failed to inflate with gzip: Not a gzipped file" in error


# --- Parquet --------------------------------------------------------------------------------------

PARQUET = "FORMAT AS PARQUET"


def test_parquet_goes_in_by_position(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a BIGINT, b VARCHAR(9))")
    bucket.write_parquet("a.parquet", pa.table({"b": [1], "a": ["x"]}))

    succeeded(client.copy("t", "s3://b/a.parquet", PARQUET))

    assert client.rows("SELECT a, b FROM t") == [(1, "x")]


def test_parquet_with_another_number_of_columns_is_an_error(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a BIGINT, b VARCHAR(9))")
    bucket.write_parquet("a.parquet", pa.table({"a": [1]}))

    error = error_of(client.copy("t", "s3://b/a.parquet", PARQUET))

    assert "Unmatched number of columns between table and file. Table columns: 2" in error
    succeeded(client.copy("t", "s3://b/a.parquet", f"{PARQUET} FILLRECORD"))
    assert client.rows("SELECT a, b FROM t") == [(1, None)]


@pytest.mark.parametrize(
    ("values", "column"),
    [
        (pa.array([1], pa.int32()), "BIGINT"),
        (pa.array([1], pa.int64()), "INTEGER"),
        (pa.array([1.5]), "REAL"),
        (pa.array([1]), "VARCHAR(9)"),
        (pa.array(["1"]), "BIGINT"),
        (pa.array([Decimal("1.50")], pa.decimal128(9, 2)), "DECIMAL(9,3)"),
        (pa.array([[1]]), "VARCHAR(9)"),
        (pa.array([1], pa.timestamp("us")), "DATE"),
    ],
)
def test_parquet_of_another_type_is_an_error(
    client: Client, bucket: Bucket, values: pa.Array, column: str
) -> None:
    client.done(f"CREATE TABLE t (a {column})")
    bucket.write_parquet("a.parquet", pa.table({"a": values}))

    error = error_of(client.copy("t", "s3://b/a.parquet", PARQUET))

    assert "has an incompatible Parquet schema for column 's3://b/a.parquet.a'" in error


def test_parquet_keeps_every_kind_of_value(client: Client, bucket: Bucket) -> None:
    client.done(
        "CREATE TABLE t (i SMALLINT, l BIGINT, f REAL, d DOUBLE PRECISION, n DECIMAL(38,2),"
        " u DECIMAL(20,0), b BOOLEAN, v VARCHAR(9), day DATE, at TIMESTAMP, z TIMESTAMPTZ)"
    )
    moment = 1_700_000_000_123_456
    bucket.write_parquet(
        "a.parquet",
        pa.table(
            {
                "i": pa.array([-1, None], pa.int16()),
                "l": pa.array([2**62, None]),
                "f": pa.array([0.5, None], pa.float32()),
                "d": pa.array([0.1, None]),
                "n": pa.array([Decimal("1.10"), None], pa.decimal128(38, 2)),
                "u": pa.array([2**64 - 1, None], pa.uint64()),
                "b": pa.array([True, None]),
                "v": pa.array(["ä", None]).dictionary_encode(),
                "day": pa.array([19_000, None], pa.date32()),
                "at": pa.array([moment * 1000 + 789, None], pa.timestamp("ns")),
                "z": pa.array([moment, None], pa.timestamp("us", "UTC")),
            }
        ),
    )

    succeeded(client.copy("t", "s3://b/a.parquet", PARQUET))

    full, empty = client.rows("SELECT * FROM t ORDER BY i NULLS LAST")
    assert full == (
        *(-1, 2**62, 0.5, 0.1, "1.10", str(2**64 - 1), True, "ä", "2022-01-08"),
        *("2023-11-14 22:13:20.123456", "2023-11-14 22:13:20.123456+00"),
    )
    assert empty == (None,) * 11


def test_a_text_too_long_for_its_bytes_is_named_by_row_and_column(
    client: Client, bucket: Bucket
) -> None:
    client.done("CREATE TABLE t (a VARCHAR(3))")
    bucket.write_parquet("a.parquet", pa.table({"a": ["abc", "ää"]}))

    error = error_of(client.copy("t", "s3://b/a.parquet", PARQUET))

    assert "The length of the data column a is longer than the length defined in the table" in error
    assert "Table: 3, Data: 4" in error
    assert client.load_errors() == [("s3://b/a.parquet", 2, "a", 1204)]


def test_text_without_its_annotation_is_copied_as_text(client: Client, bucket: Bucket) -> None:
    """As old Spark and Impala wrote it."""
    client.done("CREATE TABLE t (v VARCHAR(65535))")
    url = bucket.write_parquet("a.parquet", pa.table({"v": ["é".encode(), None, b""]}))

    succeeded(client.copy("t", url, "PARQUET"))

    assert client.rows("SELECT v FROM t ORDER BY v") == [("",), ("é",), (None,)]


def test_nested_values_need_super_and_serializetojson(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (id BIGINT, a SUPER)")
    nested = pa.array([{"k": [1, 2], "s": "ä"}, None])
    bucket.write_parquet("a.parquet", pa.table({"id": [1, 2], "a": nested}))

    assert "incompatible Parquet schema" in error_of(client.copy("t", "s3://b/a.parquet", PARQUET))
    succeeded(client.copy("t", "s3://b/a.parquet", f"{PARQUET} SERIALIZETOJSON"))
    assert client.rows("SELECT a.k[1], a.s FROM t WHERE id = 1") == [("2", '"ä"')]
    assert client.rows("SELECT a IS NULL FROM t WHERE id = 2") == [(True,)]


def test_a_damaged_parquet_file_is_named(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a BIGINT)")
    bucket.write("a.parquet", b"PAR1 and nothing else")

    error = error_of(client.copy("t", "s3://b/a.parquet", PARQUET))

    assert "File 's3://b/a.parquet' is not a valid Parquet file" in error


@pytest.mark.parametrize("option", ["MAXERROR 5", "DELIMITER ','", "ENCODING UTF16", "GZIP"])
def test_options_that_parquet_does_not_have_are_refused(
    client: Client, bucket: Bucket, option: str
) -> None:
    client.done("CREATE TABLE t (a BIGINT)")

    error = error_of(client.copy("t", "s3://b/a.parquet", f"{PARQUET} {option}"))

    assert f"{option.split()[0]} argument is not supported for PARQUET based COPY" in error


# --- CSV ------------------------------------------------------------------------------------------


def test_csv_has_quotes_lines_in_values_and_a_null_marker(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (id INT, a VARCHAR(20))")
    bucket.write("a.csv", 'id,a\n1,"x, ""y""\nz"\n2,\n3,NA\n4,"NA"\n5,""\n')

    succeeded(client.copy("t (id, a)", "s3://b/a.csv", "CSV IGNOREHEADER 1 NULL AS 'NA'"))

    assert client.rows("SELECT id, a FROM t ORDER BY id") == [
        (1, 'x, "y"\nz'),
        (2, ""),
        (3, None),
        (4, "NA"),
        (5, ""),
    ]


def test_emptyasnull_makes_null_of_an_empty_text(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (id INT, a VARCHAR(20))")
    bucket.write("a.csv", "1,\n2,x\n")

    succeeded(client.copy("t", "s3://b/a.csv", "CSV EMPTYASNULL"))

    assert client.rows("SELECT a FROM t ORDER BY id") == [(None,), ("x",)]


def test_columns_that_are_not_named_take_their_default(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT, b INT DEFAULT 7, c INT)")
    bucket.write("a.csv", "1,3\n")

    succeeded(client.copy("t (a, c)", "s3://b/a.csv", "CSV"))

    assert client.rows("SELECT a, b, c FROM t") == [(1, 7, 3)]


def test_decimals_are_cut_and_rounded_only_if_that_is_asked(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a DECIMAL(9,2))")
    bucket.write("a.csv", "1.239\n-1.239\n")

    succeeded(client.copy("t", "s3://b/a.csv", "CSV"))
    assert client.rows("SELECT a FROM t ORDER BY a") == [("-1.23",), ("1.23",)]
    client.done("DELETE FROM t")
    succeeded(client.copy("t", "s3://b/a.csv", "CSV ROUNDEC"))
    assert client.rows("SELECT a FROM t ORDER BY a") == [("-1.24",), ("1.24",)]


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ("", "2024-02-29,2024-02-29 10:11:12", ("2024-02-29", "2024-02-29 10:11:12")),
        ("DATEFORMAT 'DD.MM.YYYY'", "29.02.2024,", ("2024-02-29", None)),
        (
            "DATEFORMAT 'auto' TIMEFORMAT 'auto'",
            "Feb-29-2024,2024-02-29T10:11:12.5Z",
            ("2024-02-29", "2024-02-29 10:11:12.5"),
        ),
        ("TIMEFORMAT 'epochmillisecs'", ",1700000000123", (None, "2023-11-14 22:13:20.123")),
    ],
)
def test_dates_and_moments_are_read_as_the_format_says(
    client: Client, bucket: Bucket, options: str, text: str, expected: tuple[str | None, ...]
) -> None:
    client.done("CREATE TABLE t (day DATE, at TIMESTAMP)")
    bucket.write("a.csv", f"{text}\n")

    succeeded(client.copy("t", "s3://b/a.csv", f"CSV {options}"))

    assert client.rows("SELECT day, at FROM t") == [expected]


@pytest.mark.parametrize(
    ("encoding", "codec"), [("UTF16", "utf-16"), ("UTF16LE", "utf-16-le"), ("UTF8", "utf-8")]
)
def test_an_encoding_is_read_as_it_is_named(
    client: Client, bucket: Bucket, encoding: str, codec: str
) -> None:
    client.done("CREATE TABLE t (a VARCHAR(20))")
    bucket.write("a.csv", "żółć €\n".encode(codec))

    succeeded(client.copy("t", "s3://b/a.csv", f"CSV ENCODING {encoding}"))

    assert client.rows("SELECT a FROM t") == [("żółć €",)]


def test_invalid_utf8_is_an_error_or_is_replaced(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a VARCHAR(20))")
    bucket.write("a.csv", b"fine\nca\xff\n")

    error_of(client.copy("t", "s3://b/a.csv", "CSV"))
    assert client.load_errors() == [("s3://b/a.csv", 2, "", 1220)]
    succeeded(client.copy("t", "s3://b/a.csv", "CSV ACCEPTINVCHARS AS '?'"))
    assert client.rows("SELECT a FROM t ORDER BY a") == [("ca?",), ("fine",)]


@pytest.mark.parametrize(
    ("column", "value", "code", "message"),
    [
        ("INT", "1x", 1207, "Invalid digit, Type: Integer"),
        ("SMALLINT", "40000", 1204, "Overflow, Column type: Smallint"),
        ("REAL", "1,5", 1208, "Invalid float"),
        ("DECIMAL(4,2)", "1q", 1209, "Invalid decimal"),
        ("DECIMAL(4,2)", "100", 1204, "Overflow for NUMERIC(4,2)"),
        ("BOOLEAN", "maybe", 1210, "Unknown boolean format"),
        ("DATE", "2023-02-29", 1205, "Invalid Date Format"),
        ("TIMESTAMP", "yesterday", 1206, "Invalid timestamp"),
        ("VARCHAR(3)", "ää", 1204, "String length exceeds DDL length"),
        ("CHAR(3)", "ä", 1215, "invalid ASCII char"),
        ("INT NOT NULL", "", 1213, "Missing data for not-null field"),
    ],
)
def test_a_bad_value_is_named_by_file_line_column_and_code(
    client: Client, bucket: Bucket, column: str, value: str, code: int, message: str
) -> None:
    client.done(f"CREATE TABLE t (id INT, a {column})")
    bucket.write("a.csv", f'id,a\n2,"{value}"\n')

    error = error_of(client.copy("t", "s3://b/a.csv", "CSV IGNOREHEADER 1"))

    assert error == (
        "ERROR: Load into table 't' failed."
        "  Check 'sys_load_error_detail' system table for details."
    )
    assert client.load_errors() == [("s3://b/a.csv", 2, "a", code)]
    told = client.rows("SELECT error_message FROM sys_load_error_detail")[0][0]
    assert message in told
    assert not value or value not in told
    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_too_many_and_too_few_fields_are_named_by_line(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT, b INT)")
    bucket.write("long.csv", '1,"2"\n1,2,3\n')
    bucket.write("short.csv", "1,2\n1,2\n3\n")

    error_of(client.copy("t", "s3://b/long.csv", "CSV"))
    assert client.load_errors()[0] == ("s3://b/long.csv", 2, "", 1202)
    error_of(client.copy("t", "s3://b/short.csv", "CSV"))
    assert client.load_errors()[0] == ("s3://b/short.csv", 3, "b", 1214)


def test_maxerror_lets_fewer_errors_pass_than_it_says(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("a.csv", "1\nx\n2\ny\n")

    succeeded(client.copy("t", "s3://b/a.csv", "CSV MAXERROR 3"))

    assert client.rows("SELECT a FROM t ORDER BY a") == [(1,), (2,)]
    assert [row[1] for row in client.load_errors()] == [2, 4]
    error_of(client.copy("t", "s3://b/a.csv", "CSV MAXERROR 2"))
    error_of(client.copy("t", "s3://b/a.csv", "CSV MAXERROR 0"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("CSV REMOVEQUOTES", "COPY with REMOVEQUOTES"),
        ("CSV ESCAPE", "COPY with ESCAPE"),
        ("DELIMITER '|'", "COPY of delimited text"),
        ("FORMAT AS ORC", "COPY with FORMAT ORC"),
        ("CSV CSV", "conflicting or redundant options: CSV"),
        ("CSV DELIMITER '||'", "DELIMITER must be a single ASCII character"),
        ("CSV MAXERROR 100001", "MAXERROR must be between 0 and 100000"),
        ("CSV SERIALIZETOJSON", "SERIALIZETOJSON is for PARQUET"),
        ("FORMAT JSON 's3://b/paths.json'", "COPY with JSON paths"),
        ("JSON 'auto' IGNOREHEADER 1", "IGNOREHEADER cannot be used with JSON"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_named(
    client: Client, options: str, message: str
) -> None:
    client.done("CREATE TABLE t (a INT)")

    assert message in error_of(client.copy("t", "s3://b/a", options))


# --- JSON -----------------------------------------------------------------------------------------


def test_json_goes_in_by_name(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (id BIGINT, a VARCHAR(20), n DECIMAL(20,2), s SUPER)")
    lines = [
        {"s": {"k": [1]}, "id": 1, "a": "ä", "n": 1.239, "other": 1},
        {"id": 9007199254740993, "a": True},
    ]
    bucket.write("a.json", "\n".join(map(json.dumps, lines)))

    succeeded(client.copy("t", "s3://b/a.json", "FORMAT AS JSON 'auto'"))

    assert client.rows("SELECT id, a, n FROM t ORDER BY id") == [
        (1, "ä", "1.23"),
        (9007199254740993, "true", None),
    ]
    assert client.rows("SELECT s.k[0] FROM t WHERE id = 1") == [("1",)]


def test_json_keys_keep_their_case_unless_it_is_ignored(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (id INT)")
    bucket.write("a.json", '{"ID": 1}')

    succeeded(client.copy("t", "s3://b/a.json", "FORMAT AS JSON 'auto'"))
    succeeded(client.copy("t", "s3://b/a.json", "FORMAT AS JSON 'auto ignorecase'"))

    assert client.rows("SELECT id FROM t ORDER BY id NULLS FIRST") == [(None,), (1,)]


def test_noshred_puts_whole_documents_into_one_super(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (doc SUPER)")
    bucket.write("a.json", '{"a": {"b": 1}}\n{"a": {"b": 2}}\n')

    succeeded(client.copy("t", "s3://b/a.json", "FORMAT AS JSON 'noshred'"))

    assert client.rows("SELECT doc.a.b FROM t ORDER BY doc.a.b") == [("1",), ("2",)]


def test_a_line_that_is_no_object_is_named(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (id INT)")
    bucket.write("a.json", '{"id": 1}\n[2]\n')

    error_of(client.copy("t", "s3://b/a.json", "FORMAT AS JSON 'auto'"))

    assert [row[:2] for row in client.load_errors()] == [("s3://b/a.json", 2)]


# --- all formats ----------------------------------------------------------------------------------


def _csv(bucket: Bucket) -> str:
    bucket.write("rows", "".join(f"{n}\n" for n in range(1000)))
    return "CSV"


def _json(bucket: Bucket) -> str:
    bucket.write("rows", "".join(f'{{"a": {n}}}\n' for n in range(1000)))
    return "FORMAT AS JSON 'auto'"


def _parquet(bucket: Bucket) -> str:
    bucket.write_parquet("rows", pa.table({"a": pa.array(range(1000), pa.int32())}))
    return PARQUET


@pytest.mark.parametrize("written", [_csv, _json, _parquet])
def test_rows_arrive_in_no_order(
    client: Client, bucket: Bucket, written: Callable[[Bucket], str]
) -> None:
    client.done("CREATE TABLE t (a INT)")
    options = written(bucket)

    succeeded(client.copy("t", "s3://b/rows", options))

    found = [row[0] for row in client.rows("SELECT a FROM t")]
    assert sorted(found) == list(range(1000))
    assert found != sorted(found)


def test_the_history_counts_rows_files_and_errors(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    urls = [bucket.write("1.csv", "1\n2\n"), bucket.write("2.csv", "3\nx\n")]
    manifest = bucket.write_manifest("m", urls)

    described = client.copy("t", manifest, "CSV MANIFEST MAXERROR 9")

    assert (described["ResultRows"], described["HasResultSet"]) == (0, False)
    assert client.rows(
        "SELECT query_id, status, table_name, data_source, file_format, loaded_rows, loaded_bytes,"
        " source_file_count, error_count FROM sys_load_history"
    ) == [(described["RedshiftQueryId"], "completed", "t", manifest, "csv", 3, 8, 2, 1)]
    assert client.rows("SELECT file_name FROM sys_load_detail ORDER BY 1") == [(u,) for u in urls]
    assert client.rows("SELECT error_code, line_number FROM sys_load_error_detail") == [(1207, 2)]


def test_a_failed_copy_stays_in_the_history_without_rows(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("a.csv", "1\nx\n")

    error_of(client.run(["INSERT INTO t VALUES (0)", f"COPY t FROM 's3://b/a.csv' {ROLE} CSV"]))

    assert client.rows("SELECT COUNT(*) FROM t") == [(0,)]
    assert client.rows("SELECT status, loaded_rows, error_count FROM sys_load_history") == [
        ("aborted", 0, 1)
    ]


def test_the_last_copy_is_counted_in_its_session(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("a.csv", "1\n2\n")

    described = client.done(
        [f"COPY t FROM 's3://b/a.csv' {ROLE} CSV", "SELECT PG_LAST_COPY_COUNT()"]
    )

    counted = client.call("GetStatementResult", Id=f"{described['Id']}:2")
    assert counted["Records"] == [[{"longValue": 2}]]
    assert client.rows("SELECT PG_LAST_COPY_COUNT()") == [(0,)]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere", "Cannot COPY into nonexistent table nowhere"),
        ("t (a, b)", 'column "b" of relation "t" does not exist'),
        ("t (a, a)", "a column is named more than once"),
    ],
)
def test_a_target_that_does_not_exist_is_an_error(
    client: Client, bucket: Bucket, target: str, message: str
) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("a.csv", "1\n")

    assert message in error_of(client.copy(target, "s3://b/a.csv", "CSV"))


def test_a_role_copies_only_into_what_it_may_fill(client: Client, bucket: Bucket) -> None:
    client.done("CREATE TABLE t (a INT)")
    bucket.write("a.csv", "1\n")

    error = error_of(client.as_principal("role/other").copy("t", "s3://b/a.csv", "CSV"))

    assert "permission denied for" in error


# --- the planner ----------------------------------------------------------------------------------


def test_the_planner_knows_what_was_copied_into_a_temporary_table(
    client: Client, bucket: Bucket
) -> None:
    url = bucket.write("a.csv", "".join(f"{number}\n" for number in range(1500)))
    opened = client.submit("CREATE TEMP TABLE t (a INT)", SessionKeepAliveSeconds=60)
    session = str(opened["SessionId"])
    client.call("DescribeStatement", Id=opened["Id"], WaitTimeSeconds=30)

    client.done(f"COPY t FROM '{url}' {ROLE} CSV", SessionId=session)

    known = "SELECT CAST(reltuples AS INT) FROM pg_class WHERE relname = 't' AND reltuples > 0"
    assert client.rows(known, SessionId=session) == [(1500,)]
