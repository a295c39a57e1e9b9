"""The warehouse through the Redshift Data API: submit, poll, read; one role owns its statements."""

import uuid
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import code_of, translated
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
    duration_ms: int | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in _CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A provisioned cluster, and the database user its temporary credentials are for."""

    cluster_id: str
    db_user: str


class Warehouse:
    """One database of a workgroup or a cluster; `secret` logs in as the admin of a workgroup.

    Without a secret the caller's role is the database user of a workgroup; a cluster names it.
    `longest_wait_seconds` is what one question waits at most: less than the client's timeout.
    """

    def __init__(
        self,
        place: str | Cluster,
        database: str,
        *,
        secret: str | None = None,
        longest_wait_seconds: int = _LONGEST_WAIT_SECONDS,
    ) -> None:
        self._longest_wait = longest_wait_seconds
        self._target: dict[str, Any] = {"Database": database}
        if isinstance(place, Cluster):
            self._target |= {"ClusterIdentifier": place.cluster_id, "DbUser": place.db_user}
        else:
            self._target["WorkgroupName"] = place
        if secret is not None:
            self._target["SecretArn"] = secret

    def submit(
        self,
        sql: str,
        *,
        token: str,
        parameters: dict[str, str] | None = None,
        name: str | None = None,
    ) -> str:
        """Submit one statement; the same token gives the same statement again."""
        request = dict(self._target)
        if parameters:
            request["Parameters"] = [{"name": n, "value": v} for n, v in parameters.items()]
        if name:
            request["StatementName"] = name
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
        statement = self._described(statement_id, min(seconds, self._longest_wait))
        while not statement.is_closed and (seconds := seconds - self._longest_wait) > 0:
            statement = self._described(statement_id, min(seconds, self._longest_wait))
        return statement

    def cancel(self, statement_id: str) -> None:
        """Ask a statement to stop; how it ended is for `wait` to say, as it may end before."""
        with translated():
            try:
                clients.redshift_data().cancel_statement(Id=statement_id)
            except ClientError as error:
                if code_of(error) != "ValidationException":  # it has ended
                    raise

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
            duration_ms=_milliseconds(answer.get("Duration")),
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


def _milliseconds(nanoseconds: int | None) -> int | None:
    return None if nanoseconds is None or nanoseconds < 0 else nanoseconds // 1_000_000
