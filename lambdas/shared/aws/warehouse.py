"""The warehouse through the Redshift Data API: submit, poll, read; one role owns its statements."""

import uuid
from dataclasses import dataclass
from typing import Any

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import translated
from lambdas.shared.domain.engine_errors import error_of
from lambdas.shared.domain.errors import WarehouseBusyError

_LONGEST_WAIT_SECONDS = 30
"""What DescribeStatement takes as WaitTimeSeconds (Amazon Redshift Data API reference)."""
_CLOSED = {"FINISHED", "FAILED", "ABORTED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A submitted statement or batch as the Data API describes it."""

    statement_id: str
    status: str
    error: str | None
    parts: tuple[dict[str, Any], ...]

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in _CLOSED


class Warehouse:
    """One database of one workgroup; `secret` logs in as the admin instead of the role's user."""

    def __init__(self, workgroup: str, database: str, *, secret: str | None = None) -> None:
        self._target: dict[str, Any] = {"WorkgroupName": workgroup, "Database": database}
        if secret is not None:
            self._target["SecretArn"] = secret

    def submit(self, sql: str, *, token: str, parameters: dict[str, str] | None = None) -> str:
        """Submit one statement; the same token gives the same statement again."""
        request = dict(self._target)
        if parameters:
            request["Parameters"] = [{"name": n, "value": v} for n, v in parameters.items()]
        with translated():
            return clients.redshift_data().execute_statement(Sql=sql, ClientToken=token, **request)[
                "Id"
            ]

    def submit_batch(self, sqls: list[str], *, token: str) -> str:
        """Submit one transaction; the same token gives the same one again."""
        with translated():
            return clients.redshift_data().batch_execute_statement(
                Sqls=sqls, ClientToken=token, **self._target
            )["Id"]

    def wait(self, statement_id: str, *, seconds: int) -> Statement:
        """A statement as it is once it is closed, or after about so many seconds."""
        statement = self._described(statement_id, min(seconds, _LONGEST_WAIT_SECONDS))
        while not statement.is_closed and (seconds := seconds - _LONGEST_WAIT_SECONDS) > 0:
            statement = self._described(statement_id, min(seconds, _LONGEST_WAIT_SECONDS))
        return statement

    def _described(self, statement_id: str, wait_seconds: int) -> Statement:
        with translated():
            answer = clients.redshift_data().describe_statement(
                Id=statement_id, WaitTimeSeconds=wait_seconds
            )
        return Statement(
            statement_id=statement_id,
            status=answer["Status"],
            error=answer.get("Error"),
            parts=tuple(dict(part) for part in answer.get("SubStatements", [])),
        )

    def run(
        self,
        sql: str,
        *,
        token: str | None = None,
        parameters: dict[str, str] | None = None,
    ) -> str:
        """Run a short statement to its end; raises WarehouseError or a TransientError.

        Without a token of its own it runs anew each time: a read, or DDL that may run twice.
        """
        statement_id = self.submit(sql, token=token or uuid.uuid4().hex, parameters=parameters)
        statement = self.wait(statement_id, seconds=45)
        if not statement.is_closed:
            raise WarehouseBusyError(f"a statement is still {statement.status}: {statement_id}")
        if statement.status != "FINISHED":
            if statement.status == "ABORTED":
                raise WarehouseBusyError(f"a statement was cancelled: {statement_id}")
            raise error_of(statement.error or f"it was {statement.status}")
        return statement_id

    def rows(self, statement_id: str) -> list[dict[str, Any]]:
        """A finished statement's rows, by column name."""
        found: list[dict[str, Any]] = []
        with translated():
            pages = clients.redshift_data().get_paginator("get_statement_result")
            for page in pages.paginate(Id=statement_id):
                names = [column["name"] for column in page["ColumnMetadata"]]
                found += [
                    dict(zip(names, map(_value, record), strict=True)) for record in page["Records"]
                ]
        return found


def _value(field: Any) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))
