"""The product in this process: its functions, a bucket in memory, the local warehouse."""

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.files import LocalFile
from config.job import Job
from config.runtime import InferSchemaSettings, UpsertSettings
from lambdas.infer_schema.handler import handler as infer_schema
from lambdas.infer_schema.inspect import inspect
from lambdas.shared.aws import clients
from lambdas.shared.aws.objects import Objects
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.files import File
from lambdas.shared.domain.names import Identifier, TableName
from lambdas.upsert.handler import handler as upsert
from local.warehouse import Caller, Warehouse
from tools.bench.data import Dataset

_BUCKET = "bench"
_LOADER = Caller(principal="role/bench-upsert")
_ADMIN = Caller(principal="user/admin")
_MIGRATIONS = Path("lambdas/sql/migrations")


class Bucket:
    """S3 as the functions call it and as COPY reads it; counts what inference reads."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.gets = 0
        self.bytes_read = 0

    def get(self, bucket: str, key: str, *, role_arn: str) -> bytes:
        """What COPY reads."""
        return self.objects[key]

    def put(self, bucket: str, key: str, body: bytes, *, role_arn: str) -> None:
        """What UNLOAD writes."""
        self.objects[key] = body

    def list(self, bucket: str, prefix: str, *, role_arn: str) -> list[tuple[str, int]]:
        """Keys and sizes."""
        found = sorted(self.objects.items())
        return [(key, len(body)) for key, body in found if key.startswith(prefix)]

    def get_object(self, *, Bucket: str, Key: str, Range: str = "") -> Any:  # noqa: N803 - boto3's names
        """S3's GetObject."""
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        body = self.objects[Key]
        if Range:
            first, last = Range.removeprefix("bytes=").split("-")
            body = body[int(first) : int(last) + 1]
            self.gets, self.bytes_read = self.gets + 1, self.bytes_read + len(body)
        return {"Body": io.BytesIO(body)}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "") -> Any:  # noqa: N803 - boto3's names
        """S3's PutObject."""
        if IfNoneMatch and Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Key] = Body
        return {}


class DataApi:
    """The Data API as boto3 calls it, without the way over HTTP."""

    def __init__(self, warehouse: Warehouse, caller: Caller) -> None:
        self._warehouse = warehouse
        self._caller = caller
        self._submitted_at = 0.0
        self.transaction_seconds = 0.0

    def execute_statement(self, **request: Any) -> Any:
        """See the Data API."""
        return self._warehouse.handle("ExecuteStatement", request, self._caller)

    def batch_execute_statement(self, **request: Any) -> Any:
        """See the Data API."""
        self._submitted_at = time.perf_counter()
        return self._warehouse.handle("BatchExecuteStatement", request, self._caller)

    def describe_statement(self, **request: Any) -> Any:
        """See the Data API."""
        answer = self._warehouse.handle("DescribeStatement", request, self._caller)
        self.transaction_seconds = time.perf_counter() - self._submitted_at
        return answer

    def get_paginator(self, _name: str) -> "DataApi":
        """Pages of GetStatementResult."""
        return self

    def paginate(self, **request: Any) -> Iterator[Any]:
        """All pages."""
        page: dict[str, Any] = {"NextToken": None}
        while "NextToken" in page:
            token = {"NextToken": page["NextToken"]} if page["NextToken"] else {}
            page = self._warehouse.handle("GetStatementResult", request | token, self._caller)
            yield page


class Product:
    """Infer and upsert as they are deployed; claim and settle have nothing to do here."""

    def __init__(self, warehouse: Warehouse, bucket: Bucket, api: DataApi) -> None:
        self.bucket = bucket
        self._api = api
        self.inference: dict[str, dict[str, int]] = {}
        self._warehouse = warehouse
        self._versions = 0
        self._migrate()

    def claimed(self, data: Dataset, path: Path) -> dict[str, Any]:
        """What claim and infer_schema leave behind for a file: the state upsert goes on from."""
        self._versions += 1
        body = path.read_bytes()
        file = File(
            bucket=_BUCKET,
            key=f"data/in/{data.name}.parquet",
            version_id=f"v{self._versions}",
            etag="bench",
            size=len(body),
            sequence=f"{self._versions:016X}",
            arrived_at=datetime.now(UTC),
        )
        raw_key = file.raw_key(data.name)
        listing = f"work/bench-{self._versions}-0/files.json"
        self.bucket.objects[raw_key] = body
        entry = {"file": file.to_json(), "raw_key": raw_key, "missing": False}
        objects = Objects(_BUCKET)
        objects.put_json(listing, {"files": [entry]})
        event = {
            "job": {"generation": 1, "config": _job(data).to_input()},
            "execution": {
                "id": "bench",
                "name": f"bench-{self._versions}",
                "started_at": datetime.now(UTC).isoformat(),
            },
            "load": {"status": "CLAIMED", "files": listing, "round": 0},
        }
        self.bucket.gets = self.bucket.bytes_read = 0
        event["load"] = infer_schema(event, None)
        self.inference[data.name] = {"gets": self.bucket.gets, "bytes": self.bucket.bytes_read}
        return event

    def create_table(self, data: Dataset, schema: str) -> None:
        """The table that the first load would make, empty, in another schema."""
        columns = [(column.name, column.type) for column in inspect(LocalFile(data.first)).columns]
        keys = set(map(Identifier, data.keys))
        name = TableName.parse(f"{schema}.{data.name}")
        self._run(upsert_sql.create_table(name, columns, keys))

    def upsert(self, event: dict[str, Any]) -> float:
        """Load it; seconds from the submission of its transaction until it is known committed."""
        load = upsert(event, None)
        while load["status"] == "RUNNING":
            load = upsert({**event, "load": load}, None)
        if not load["rows"]:
            raise RuntimeError(f"nothing was loaded: {load}")
        return self._api.transaction_seconds

    def _migrate(self) -> None:
        loader = _LOADER.principal.removeprefix("role/")
        self._run(f'CREATE USER "IAMR:{loader}" PASSWORD DISABLE')
        for path in sorted(_MIGRATIONS.glob("*.sql")):
            text = path.read_text().replace("${LOADER}", f'"IAMR:{loader}"')
            self._run(text.replace("${DATABASE}", '"dev"'))

    def _run(self, sql: str) -> None:
        api = DataApi(self._warehouse, _ADMIN)
        answer = api.execute_statement(Sql=sql, Database="dev", WorkgroupName="bench")
        done = api.describe_statement(Id=answer["Id"], WaitTimeSeconds=30)
        if done["Status"] != "FINISHED":
            raise RuntimeError(f"{sql}: {done.get('Error')}")


def _job(data: Dataset) -> Job:
    return Job.model_validate(
        {
            "job_id": data.name,
            "job_name": data.name,
            "source_file_name": f"{data.name}.parquet",
            "target_table": data.name,
            "upsert_keys": list(data.keys),
            "is_active": True,
        }
    )


@contextmanager
def in_process(warehouse: Warehouse, bucket: Bucket) -> Iterator[Product]:
    """The product whose functions call this warehouse and this bucket instead of AWS."""
    s3, redshift_data, env = clients.s3, clients.redshift_data, dict(os.environ)
    api = DataApi(warehouse, _LOADER)
    settings = UpsertSettings(
        bucket=_BUCKET,
        workgroup="bench",
        database="dev",
        copy_role_arn="arn:aws:iam::123456789012:role/copy",
    )
    clients.s3 = lambda: bucket  # type: ignore[assignment] # as much of a client as is called
    clients.redshift_data = lambda: api  # type: ignore[assignment] # the same
    os.environ.update(settings.to_env() | InferSchemaSettings(bucket=_BUCKET).to_env())
    os.environ["POWERTOOLS_LOG_LEVEL"] = "ERROR"  # the log goes where the figures are printed
    try:
        yield Product(warehouse, bucket, api)
    finally:
        clients.s3, clients.redshift_data = s3, redshift_data
        os.environ.clear()
        os.environ.update(env)
