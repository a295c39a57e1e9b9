"""A place of its own in an environment: a schema and a prefix that nobody else has."""

import itertools
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import boto3

from cli.environment import LOCAL, Environment
from config.deployment import Deployment
from lambdas.shared.domain.names import literal

_CLOSED = ("FINISHED", "FAILED", "ABORTED")
_WAIT_SECONDS = 30
_PATIENCE_SECONDS = 300


class NotAskedError(Exception):
    """The check cannot be made here; the message says what it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person allowed: `secret_arn` logs in as the admin, `other_role_arn` is another role.

    `upload` also sends one file through data/in/, of which people are told.
    """

    secret_arn: str | None = None
    other_role_arn: str | None = None
    upload: bool = False
    earlier: dict[str, Any] = field(default_factory=dict)


class Scratch:
    """The warehouse and the bucket of an environment, from a schema and a prefix of its own."""

    def __init__(self, environment: Environment, choices: Choices) -> None:
        self.environment = environment
        self.choices = choices
        self._numbers = itertools.count(1)
        self.name = f"sluice_verify_{uuid.uuid4().hex[:8]}"
        self.prefix = f"work/{self.name}"
        self.data: Any = boto3.client("redshift-data")
        self.s3: Any = boto3.client("s3")
        self.identity: str = boto3.client("sts").get_caller_identity()["Arn"]
        self._target = {
            "WorkgroupName": environment.workgroup,
            "Database": environment.database,
        }
        if choices.secret_arn:
            self._target["SecretArn"] = choices.secret_arn

    @property
    def copy_role(self) -> str:
        """The clause that names the role COPY reads the bucket with."""
        account = self.identity.split(":")[4]
        role = Deployment.load(self.environment.name).copy_role
        return f"IAM_ROLE {literal(f'arn:aws:iam::{account}:role/{role}')}"

    def table(self, name: str) -> str:
        """A table of the schema."""
        return f'"{self.name}"."{name}"'

    def make(self) -> None:
        """Create the schema, and a table large enough to keep a statement busy for a while."""
        self.done(f'CREATE SCHEMA "{self.name}"')
        self.done(f"CREATE TABLE {self.table('wide')} (a INTEGER)")
        self.done(f"INSERT INTO {self.table('wide')} VALUES {', '.join(['(1)'] * 1000)}")
        for _ in range(1 if self.environment.name == LOCAL else 5):
            self.done(f"INSERT INTO {self.table('wide')} SELECT a FROM {self.table('wide')}")

    def remove(self) -> None:
        """Drop the schema and delete what lies below the prefix, all versions."""
        self.closed(self.submit(f'DROP SCHEMA IF EXISTS "{self.name}" CASCADE'))
        pages = self.s3.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self.environment.bucket, Prefix=f"{self.prefix}/"):
            for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                self.s3.delete_object(
                    Bucket=self.environment.bucket, Key=each["Key"], VersionId=each["VersionId"]
                )

    # --- the warehouse ---

    def slow(self) -> str:
        """A statement that keeps the warehouse busy for a moment; another one each time.

        What was asked before, Redshift answers from its cache of results.
        """
        wide = self.table("wide")
        number = next(self._numbers)
        return f"SELECT COUNT(*) FROM {wide} a CROSS JOIN {wide} b WHERE a.a + b.a > -{number}"

    def submit(self, *sqls: str, token: str | None = None) -> str:
        """Submit a statement, or several as one transaction; the statement's id."""
        more = {"ClientToken": token} if token else {}
        if len(sqls) == 1:
            answer = self.data.execute_statement(Sql=sqls[0], **self._target, **more)
        else:
            answer = self.data.batch_execute_statement(Sqls=list(sqls), **self._target, **more)
        return str(answer["Id"])

    def described(self, statement_id: str, *, wait: bool = False) -> dict[str, Any]:
        """A statement as it is now, or as it is when it ends or the longest wait is over."""
        more = {"WaitTimeSeconds": _WAIT_SECONDS} if wait else {}
        answer: dict[str, Any] = self.data.describe_statement(Id=statement_id, **more)
        return answer

    def closed(self, statement_id: str) -> dict[str, Any]:
        """A statement once it has ended; raises TimeoutError."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            found = self.described(statement_id)
            if found["Status"] in _CLOSED:
                return found
            time.sleep(0.2)
        raise TimeoutError(f"{statement_id} has not ended after {_PATIENCE_SECONDS} s")

    def done(self, *sqls: str) -> str:
        """Run to the end; the statement's id. Raises RuntimeError with what Redshift says."""
        statement_id = self.submit(*sqls)
        found = self.closed(statement_id)
        if found["Status"] != "FINISHED":
            raise RuntimeError(f"{sqls[-1][:200]}: {found.get('Error')}")
        return statement_id

    def rows(self, sql: str) -> list[list[Any]]:
        """The rows of a query."""
        return self.result(self.done(sql))

    def result(self, statement_id: str) -> list[list[Any]]:
        """The rows of a statement that finished."""
        records = self.data.get_statement_result(Id=statement_id)["Records"]
        return [
            [None if field.get("isNull") else next(iter(field.values())) for field in record]
            for record in records
        ]

    # --- the bucket ---

    def put(self, name: str, body: bytes) -> str:
        """Write an object below the prefix; its URL."""
        key = f"{self.prefix}/{name}"
        self.s3.put_object(Bucket=self.environment.bucket, Key=key, Body=body)
        return f"s3://{self.environment.bucket}/{key}"

    def manifest(self, name: str, *entries: dict[str, Any]) -> str:
        """Write a manifest; its URL as a literal."""
        return literal(self.put(name, json.dumps({"entries": list(entries)}).encode()))
