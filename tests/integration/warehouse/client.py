"""A caller of the local warehouse's Data API, with a bucket of its own."""

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.warehouse import Caller, DataApiError, Warehouse

ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/copy'"


class Bucket:
    """Objects by key, in one bucket named `b`; knows which role asked for them."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.roles: list[str] = []
        self.denied: set[str] = set()

    def get(self, bucket: str, key: str, *, role_arn: str) -> bytes:
        self.roles.append(role_arn)
        if key in self.denied:
            raise PermissionError(key)
        return self.objects[bucket, key]

    def put(self, bucket: str, key: str, body: bytes, *, role_arn: str) -> None:
        self.objects[bucket, key] = body

    def list(self, bucket: str, prefix: str, *, role_arn: str) -> list[tuple[str, int]]:
        return [
            (key, len(body))
            for (name, key), body in sorted(self.objects.items())
            if name == bucket and key.startswith(prefix)
        ]

    def write(self, key: str, body: bytes | str) -> str:
        """Put an object and return its address."""
        self.objects["b", key] = body.encode() if isinstance(body, str) else body
        return f"s3://b/{key}"

    def write_parquet(self, key: str, table: pa.Table, **options: Any) -> str:
        """Put a table as Parquet and return its address."""
        buffer = io.BytesIO()
        pq.write_table(table, buffer, **options)
        return self.write(key, buffer.getvalue())

    def write_manifest(self, key: str, urls: Iterable[str], **changes: Any) -> str:
        """Put a manifest of objects that exist, with their lengths, and return its address."""
        entries = [
            {
                "url": url,
                "mandatory": True,
                "meta": {"content_length": len(self.objects["b", url.removeprefix("s3://b/")])},
                **changes,
            }
            for url in urls
        ]
        return self.write(key, json.dumps({"entries": entries}))


@dataclass
class Client:
    """Calls as one principal in one database; statements are waited for."""

    warehouse: Warehouse
    database: str
    bucket: Bucket
    principal: str = "role/loader"
    options: dict[str, Any] = field(default_factory=dict)

    def as_principal(self, principal: str) -> "Client":
        """The same database as somebody else."""
        return Client(self.warehouse, self.database, self.bucket, principal)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.warehouse.handle(operation, request, Caller(principal=self.principal))

    def submit(self, sql: str | list[str], **request: Any) -> dict[str, Any]:
        """Execute one text, or a list as a batch, without waiting."""
        place = {} if "SessionId" in request else {"Database": self.database}
        place |= {} if "SessionId" in request else {"WorkgroupName": "sluice-test"}
        if isinstance(sql, list):
            return self.call("BatchExecuteStatement", Sqls=sql, **place, **request)
        return self.call("ExecuteStatement", Sql=sql, **place, **request)

    def run(self, sql: str | list[str], **request: Any) -> dict[str, Any]:
        """Execute and describe: what became of it."""
        identifier = self.submit(sql, **request)["Id"]
        return self.call("DescribeStatement", Id=identifier, WaitTimeSeconds=30)

    def done(self, sql: str | list[str], **request: Any) -> dict[str, Any]:
        """The same, and it must have worked."""
        described = self.run(sql, **request)
        assert described["Status"] == "FINISHED", described.get("Error")
        return described

    def failure(self, sql: str | list[str], **request: Any) -> str:
        """The same, and it must have failed: its error."""
        described = self.run(sql, **request)
        assert described["Status"] == "FAILED", described["Status"]
        return str(described["Error"])

    def rows(self, sql: str, **request: Any) -> list[tuple[Any, ...]]:
        """The rows of a query; NULL is None."""
        identifier = self.done(sql, **request)["Id"]
        rows: list[tuple[Any, ...]] = []
        page: dict[str, Any] = {}
        while not rows or "NextToken" in page:
            token = {"NextToken": page["NextToken"]} if page else {}
            page = self.call("GetStatementResult", Id=identifier, **token)
            rows += [tuple(value(field) for field in record) for record in page["Records"]]
            if "NextToken" not in page:
                break
        return rows

    def copy(self, table: str, url: str, options: str) -> dict[str, Any]:
        """Run one COPY."""
        return self.run(f"COPY {table} FROM '{url}' {ROLE} {options}")

    def load_errors(self) -> list[tuple[Any, ...]]:
        """(file, line, column, code) of all refused rows, the latest first."""
        return self.rows(
            "SELECT file_name, line_number, column_name, error_code FROM sys_load_error_detail"
            " ORDER BY query_id DESC, line_number"
        )


def value(field: dict[str, Any]) -> Any:
    """A Field's value."""
    ((kind, found),) = field.items()
    return None if kind == "isNull" else found


def refusal(client: Client, operation: str, **request: Any) -> DataApiError:
    """The error of a call that must be refused."""
    with pytest.raises(DataApiError) as caught:
        client.call(operation, **request)
    return caught.value
