"""The operations of the Redshift Data API, one method each.

Sources: Redshift Data API reference; "Using the Amazon Redshift Data API", management guide.
"""

import base64
import binascii
import re
import time
from collections.abc import Callable
from typing import Any, NoReturn

import psycopg

from local.warehouse import answers, catalog, dialect, wire
from local.warehouse.answers import Json
from local.warehouse.errors import DataApiError, not_found, validation_error
from local.warehouse.results import ResultSet, column_metadata
from local.warehouse.runner import Runner
from local.warehouse.sessions import Session, Sessions
from local.warehouse.statements import CLOSED, Statement, Statements, SubStatement, new_id
from local.warehouse.users import Caller, refuse_provisioned

MAX_STATEMENTS = 40
MAX_SQL_BYTES = 100 * 1024
_DEFAULT_PAGE = 100
_CATALOG_PAGE = 1000


class DataApi:
    """Answers calls; knows nothing of HTTP."""

    def __init__(
        self, runner: Runner, statements: Statements, sessions: Sessions, *, checks_shapes: bool
    ) -> None:
        self._runner = runner
        self._statements = statements
        self._sessions = sessions
        self._checks_shapes = checks_shapes
        self._operations: dict[str, Callable[[Json, Caller], Json]] = {
            "ExecuteStatement": self._execute,
            "BatchExecuteStatement": self._batch_execute,
            "DescribeStatement": self._describe,
            "GetStatementResult": self._result,
            "GetStatementResultV2": self._result_v2,
            "CancelStatement": self._cancel,
            "ListStatements": self._list_statements,
            "ListSessions": self._list_sessions,
            "ListDatabases": self._list_databases,
            "ListSchemas": self._list_schemas,
            "ListTables": self._list_tables,
            "DescribeTable": self._describe_table,
        }

    def handle(self, operation: str, request: Json, caller: Caller) -> Json:
        """One call, in and out in the shapes of the service's model; raises DataApiError."""
        if not self._checks_shapes:
            return self._operations[operation](request, caller)
        wire.check_request(operation, request)
        try:
            response = self._operations[operation](request, caller)
        except DataApiError as error:
            wire.check_error(error)
            raise
        wire.check_response(operation, response)
        return response

    # --- statements -------------------------------------------------------------------------------

    def _execute(self, request: Json, caller: Caller) -> Json:
        return self._submit(request, caller, [request["Sql"]], is_batch=False)

    def _batch_execute(self, request: Json, caller: Caller) -> Json:
        return self._submit(request, caller, request["Sqls"], is_batch=True)

    def _submit(self, request: Json, caller: Caller, sqls: list[str], *, is_batch: bool) -> Json:
        refuse_provisioned(request)
        _check_texts(sqls)
        _check_parameters(request, sqls)
        session = self._named_session(request, caller)
        now = time.time()
        identifier = new_id()
        statement = Statement(
            id=identifier,
            principal=caller.principal,
            request=request,
            is_batch=is_batch,
            database=session.database if session else _database(request),
            database_user=session.database_user if session else _database_user(request, caller),
            subs=[
                SubStatement(
                    id=f"{identifier}:{number}",
                    sql=sql,
                    created_at=now,
                    updated_at=now,
                    query_id=self._runner.next_query_id(),
                )
                for number, sql in enumerate(sqls, start=1)
            ],
            created_at=now,
            updated_at=now,
        )
        accepted = self._statements.submit(statement)
        if accepted is statement:
            self._start(statement, session)
        self._statements.wait(accepted, request.get("WaitTimeSeconds"))
        return answers.submitted(accepted)

    def _start(self, statement: Statement, session: Session | None) -> None:
        keep_alive = statement.request.get("SessionKeepAliveSeconds")
        try:
            if session is None and keep_alive:
                session = self._new_session(statement, keep_alive)
            if session is not None:
                self._sessions.occupy(session, statement.id, keep_alive)
                statement.session_id = session.id
        except DataApiError:
            self._statements.forget(statement)
            raise
        self._runner.submit(statement, session)

    def _named_session(self, request: Json, caller: Caller) -> Session | None:
        if "SessionId" not in request:
            if "WorkgroupName" not in request:
                raise validation_error("either WorkgroupName or SessionId must be given")
            return None
        if given := {"Database", "WorkgroupName", "SecretArn"} & set(request):
            raise validation_error(
                f"{min(given)} cannot be given with SessionId: it is the session's"
            )
        return self._sessions.find(request["SessionId"], caller.principal)

    def _new_session(self, statement: Statement, keep_alive: int) -> Session:
        session = Session(
            id=new_id(),
            principal=statement.principal,
            database=statement.database,
            database_user=statement.database_user,
            workgroup=statement.request.get("WorkgroupName"),
            created_at=statement.created_at,
            updated_at=statement.created_at,
            keep_alive=keep_alive,
        )
        self._sessions.add(session)
        return session

    def _describe(self, request: Json, caller: Caller) -> Json:
        statement, sub = self._statements.find(request["Id"], caller.principal)
        self._statements.wait(statement, request.get("WaitTimeSeconds"))
        if sub is not None:
            return answers.described_sub(sub, statement)
        return answers.described(statement)

    def _result(self, request: Json, caller: Caller) -> Json:
        statement, result = self._finished(request, caller)
        if statement.request.get("ResultFormat") == "CSV":
            raise validation_error("the result is CSV; use GetStatementResultV2")
        offset = _offset(request, request["Id"])
        records, following = result.page(offset)
        return _page(request, result, following, {"Records": records})

    def _result_v2(self, request: Json, caller: Caller) -> Json:
        statement, result = self._finished(request, caller)
        if statement.request.get("ResultFormat") != "CSV":
            raise validation_error("the result is JSON; use GetStatementResult")
        text, following = result.csv_page(_offset(request, request["Id"]))
        found = {"Records": [{"CSVRecords": text}], "ResultFormat": "CSV"}
        return _page(request, result, following, found)

    def _finished(self, request: Json, caller: Caller) -> tuple[Statement, ResultSet]:
        statement, sub = self._statements.find(request["Id"], caller.principal)
        self._statements.wait(statement, request.get("WaitTimeSeconds"))
        wanted = sub if sub is not None else statement.subs[-1]
        result = wanted.result
        if result is None or statement.status != "FINISHED":
            raise not_found(
                "Query does not have result. Please check query status with DescribeStatement.",
                request["Id"],
            )
        return statement, result

    def _cancel(self, request: Json, caller: Caller) -> Json:
        statement, sub = self._statements.find(request["Id"], caller.principal)
        if sub is not None:
            raise validation_error("a statement of a batch cannot be cancelled alone")
        if statement.status in CLOSED:
            raise validation_error(
                f"Could not cancel a query that is already in {statement.status} state with ID:"
                f" {statement.id}"
            )
        self._runner.cancel(statement)
        return {"Status": True}

    def _list_statements(self, request: Json, caller: Caller) -> Json:
        status = request.get("Status", "FINISHED")
        prefix = request.get("StatementName", "")
        found = [
            answers.listed(each)
            for each in self._statements.of(caller.principal)
            if status in ("ALL", each.status)
            and each.request.get("StatementName", "").startswith(prefix)
            and request.get("Database", each.database) == each.database
        ]
        return _paged(request, "Statements", found, _DEFAULT_PAGE)

    def _list_sessions(self, request: Json, caller: Caller) -> Json:
        filters = {"Status", "ClusterIdentifier", "WorkgroupName", "Database"} & set(request)
        if "SessionId" in request:
            if filters:
                raise validation_error(f"{min(filters)} cannot be given with SessionId")
            session = self._sessions.find(request["SessionId"], caller.principal)
            return {"Sessions": [answers.session(session)]}
        wanted = (request["Status"],) if "Status" in request else ("AVAILABLE", "BUSY")
        found = [
            answers.session(each)
            for each in self._sessions.of(caller.principal)
            if each.status in wanted
            and request.get("WorkgroupName", each.workgroup) == each.workgroup
            and request.get("Database", each.database) == each.database
        ]
        return _paged(request, "Sessions", found, _DEFAULT_PAGE)

    # --- the catalog ------------------------------------------------------------------------------

    def _list_databases(self, request: Json, caller: Caller) -> Json:
        found = self._ask(request, caller, catalog.databases)
        return _paged(request, "Databases", found, _CATALOG_PAGE)

    def _list_schemas(self, request: Json, caller: Caller) -> Json:
        found = [
            name
            for (name,) in self._query(
                request, caller, "SELECT schema_name FROM redshift.svv_all_schemas ORDER BY 1"
            )
            if _like(name, request.get("SchemaPattern"))
        ]
        return _paged(request, "Schemas", found, _CATALOG_PAGE)

    def _list_tables(self, request: Json, caller: Caller) -> Json:
        rows = self._query(
            request,
            caller,
            "SELECT table_name, table_schema, CASE table_type WHEN 'BASE TABLE' THEN 'TABLE'"
            " ELSE table_type END FROM redshift.svv_tables ORDER BY 2, 1",
        )
        found = [
            {"name": name, "schema": schema, "type": kind}
            for name, schema, kind in rows
            if _like(schema, request.get("SchemaPattern"))
            and _like(name, request.get("TablePattern"))
        ]
        return _paged(request, "Tables", found, _CATALOG_PAGE)

    def _describe_table(self, request: Json, caller: Caller) -> Json:
        table = request.get("Table", "")
        rows = self._query(request, caller, _DESCRIBE_TABLE_SQL, (request.get("Schema"), table))
        columns = []
        for name, type_oid, modifier, schema, required, default in rows:
            column = column_metadata(
                name=name, type_oid=type_oid, modifier=modifier, origin=(schema, table, required)
            )
            columns.append(column | ({"columnDefault": default} if default else {}))
        answer = _paged(request, "ColumnList", columns, _CATALOG_PAGE)
        return {"TableName": table, **answer}

    def _query(
        self, request: Json, caller: Caller, sql: str, values: tuple[object, ...] = ()
    ) -> list[tuple[Any, ...]]:
        return self._ask(request, caller, lambda c: c.execute(sql, values).fetchall())

    def _ask(
        self,
        request: Json,
        caller: Caller,
        question: Callable[[psycopg.Connection[Any]], list[Any]],
    ) -> list[Any]:
        refuse_provisioned(request)
        if "WorkgroupName" not in request:
            raise validation_error("WorkgroupName must be given")
        database = request.get("ConnectedDatabase") or request.get("Database") or "dev"
        try:
            user = _database_user(request, caller)
            with self._runner.connections.lent(database, user) as connection:
                return question(connection)
        except psycopg.OperationalError as error:
            raise DataApiError("DatabaseConnectionException", str(error)) from error


_DESCRIBE_TABLE_SQL = """
SELECT a.attname, a.atttypid::bigint, a.atttypmod, r.nspname, a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid)
FROM redshift.relations r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.schema_name = coalesce(%s, r.schema_name) AND r.table_name = %s
ORDER BY r.nspname, a.attnum
"""


# --- requests -------------------------------------------------------------------------------------


def _check_texts(sqls: list[str]) -> None:
    if len(sqls) > MAX_STATEMENTS:
        raise validation_error(
            f"the number of SQL statements is {len(sqls)}; at most {MAX_STATEMENTS} are allowed"
        )
    for sql in sqls:
        if len(sql.encode()) > MAX_SQL_BYTES:
            raise validation_error("Cannot process query string larger than 100kB")
        if not sql.strip():
            raise validation_error("the SQL text is empty")


def _check_parameters(request: Json, sqls: list[str]) -> None:
    if "Parameters" not in request:
        return
    names = [item["name"] for item in request["Parameters"]]
    if len(set(names)) < len(names):
        raise validation_error("a parameter is given more than once")
    used: set[str] = set()
    for sql in sqls:
        try:
            used |= dialect.placeholders(sql)
        except dialect.UnsupportedSqlError:
            return  # no SQL: the statement itself will fail and say why
    if unused := sorted(set(names) - used):
        raise validation_error(
            f"Parameters list contains unused parameters. Unused parameters: {unused}"
        )
    if missing := sorted(used - set(names)):
        raise validation_error(f"Cannot find parameter: {missing[0]}")


def _database(request: Json) -> str:
    if "Database" not in request:
        raise validation_error("Database must be given")
    return str(request["Database"])


def _database_user(request: Json, caller: Caller) -> str:
    return caller.database_user(has_secret="SecretArn" in request)


def _like(name: str, pattern: str | None) -> bool:
    """SQL's LIKE: `%` for any text, `_` for one character."""
    if pattern is None:
        return True
    parts = re.split(r"([%_])", pattern)
    regex = "".join({"%": ".*", "_": "."}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(regex, name, re.DOTALL) is not None


# --- pages ----------------------------------------------------------------------------------------


def _token(subject: str, offset: int) -> str:
    return base64.urlsafe_b64encode(f"{offset}:{subject}".encode()).decode()


def _offset(request: Json, subject: str) -> int:
    """Where a NextToken, given out for the same subject, says that the page begins."""
    if "NextToken" not in request:
        return 0
    try:
        offset, _, told = base64.urlsafe_b64decode(request["NextToken"]).decode().partition(":")
        if told != subject:
            raise ValueError
        return int(offset)
    except (ValueError, binascii.Error):
        _refuse_token()


def _refuse_token() -> NoReturn:
    raise validation_error("NextToken is not valid")


def _page(request: Json, result: ResultSet, following: int, found: Json) -> Json:
    answer = {**found, "ColumnMetadata": list(result.columns), "TotalNumRows": result.rows}
    if following < result.rows:
        answer["NextToken"] = _token(request["Id"], following)
    return answer


def _paged(request: Json, member: str, found: list[Any], default: int) -> Json:
    offset = _offset(request, member)
    size = request.get("MaxResults") or default
    answer: Json = {member: found[offset : offset + size]}
    if offset + size < len(found):
        answer["NextToken"] = _token(member, offset + size)
    return answer
