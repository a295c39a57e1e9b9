"""A running account as tests use it: an endpoint, a bucket, a workgroup."""

import functools
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq

from local.account.assembly import synthesize
from local.account.home import AccountInfo, Home
from local.account.process import start_detached

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 180


class Account:
    """A running account as a person has it: an endpoint, a bucket, a workgroup."""

    def __init__(self, info: AccountInfo) -> None:
        self.info = info
        self.env = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        } | info.to_env()

    @functools.cache  # noqa: B019 - an account lives as long as its module
    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.info.endpoint_url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            region_name=self.info.region,
        )

    def aws(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "awscli", *arguments]
        return subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=True
        ).stdout

    def upload(self, name: str, body: bytes) -> str:
        """Put a file into data/in/; its version."""
        answer = self.client("s3").put_object(
            Bucket=self.info.bucket, Key=f"data/in/{name}", Body=body
        )
        return str(answer["VersionId"])

    def query(self, sql: str) -> list[list[Any]]:
        data = self.client("redshift-data")
        statement = data.execute_statement(
            WorkgroupName=self.info.workgroup, Database=self.info.database, Sql=sql
        )["Id"]
        status = until(lambda: closed(data.describe_statement(Id=statement)))
        assert status["Status"] == "FINISHED", status.get("Error")
        records = data.get_statement_result(Id=statement)["Records"]
        return [[value(field) for field in record] for record in records]

    def verdict(self, key: str) -> list[Any] | None:
        """Verdict, rows and error type the history has of a key."""
        found = self.query(
            "SELECT verdict, rows, error_type FROM sluice.load_history"
            f" WHERE object_key = 'data/in/{key}'"
        )
        return found[0] if found else None

    def keys(self, prefix: str) -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self.info.bucket, Prefix=prefix)
        return [each["Key"] for page in listed for each in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        body: bytes = self.client("s3").get_object(Bucket=self.info.bucket, Key=key)["Body"].read()
        return body

    def configure(self, document: Any) -> None:
        """Put config.json: a list of jobs, or text as it is."""
        text = document if isinstance(document, str) else json.dumps(document)
        self.client("s3").put_object(
            Bucket=self.info.bucket, Key="config/config.json", Body=text.encode()
        )


def until(found: Callable[[], Any]) -> Any:
    """What `found` returns once it returns something."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError("nothing came of it in time")


def closed(answer: dict[str, Any]) -> dict[str, Any] | None:
    return answer if answer["Status"] in ("FINISHED", "FAILED", "ABORTED") else None


def value(field: dict[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))


def parquet(**columns: list[Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@contextmanager
def running_account(folder: Path) -> Iterator[Account]:
    """The synthesized template, deployed and running in its own process."""
    home = Home(folder=folder)
    # synthesized once for all accounts of a run: it is found by its content
    assembly = synthesize(ROOT, "local", cache_dir=folder.parent / "cache")
    info = start_detached(assembly=assembly, home=home)
    try:
        yield Account(info)
    finally:
        home.stop()
