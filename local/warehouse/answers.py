"""What the Data API answers of statements and sessions, member by member.

Source: Redshift Data API reference.
"""

from typing import Any

from local.warehouse.sessions import MAX_SECONDS, Session
from local.warehouse.statements import Statement, SubStatement

Json = dict[str, Any]


def _place(statement: Statement) -> Json:
    """Where a statement runs, as far as the request said so."""
    request = statement.request
    place: Json = {"Database": statement.database}
    place |= {key: request[key] for key in ("WorkgroupName", "SecretArn") if key in request}
    if statement.session_id is not None:
        place["SessionId"] = statement.session_id
    return place


def submitted(statement: Statement) -> Json:
    """What ExecuteStatement and BatchExecuteStatement answer."""
    answer: Json = {
        "Id": statement.id,
        "CreatedAt": statement.created_at,
        "DbUser": statement.database_user,
        **_place(statement),
    }
    if "WaitTimeSeconds" in statement.request:
        answer |= {"Status": statement.status, "HasResultSet": statement.has_result}
        answer |= {"RedshiftPid": statement.pid}
    return answer


def described(statement: Statement) -> Json:
    """What DescribeStatement answers of a statement or a batch."""
    first = statement.subs[0]
    answer: Json = {
        "Id": statement.id,
        "DbUser": statement.database_user,
        "Status": statement.status,
        "CreatedAt": statement.created_at,
        "UpdatedAt": statement.updated_at,
        "Duration": statement.duration,
        "HasResultSet": statement.has_result,
        "RedshiftPid": statement.pid,
        "RedshiftQueryId": 0 if statement.is_batch else first.query_id,
        "QueryString": "" if statement.is_batch else first.sql,
        "ResultRows": -1 if statement.is_batch else first.rows,
        "ResultSize": -1 if statement.is_batch else first.size,
        "ResultFormat": statement.request.get("ResultFormat", "JSON"),
        **_place(statement),
    }
    if "Parameters" in statement.request:
        answer["QueryParameters"] = statement.request["Parameters"]
    if statement.error is not None:
        answer["Error"] = statement.error
    if statement.is_batch:
        answer["SubStatements"] = [_sub(each) for each in statement.subs]
        answer["ExecutionMode"] = statement.request.get("ExecutionMode", "TRANSACTION")
    return answer


def _sub(sub: SubStatement) -> Json:
    answer: Json = {
        "Id": sub.id,
        "Status": sub.status,
        "QueryString": sub.sql,
        "CreatedAt": sub.created_at,
        "UpdatedAt": sub.updated_at,
        "Duration": sub.duration,
        "HasResultSet": sub.result is not None,
        "ResultRows": sub.rows,
        "ResultSize": sub.size,
        "RedshiftQueryId": sub.query_id,
    }
    if sub.error is not None:
        answer["Error"] = sub.error
    return answer


def described_sub(sub: SubStatement, statement: Statement) -> Json:
    """What DescribeStatement answers of a part of a batch."""
    return {
        **_sub(sub),
        **_place(statement),
        "DbUser": statement.database_user,
        "RedshiftPid": statement.pid,
        "ResultFormat": statement.request.get("ResultFormat", "JSON"),
    }


def listed(statement: Statement) -> Json:
    """A statement as ListStatements shows it."""
    answer: Json = {
        "Id": statement.id,
        "Status": statement.status,
        "CreatedAt": statement.created_at,
        "UpdatedAt": statement.updated_at,
        "IsBatchStatement": statement.is_batch,
        "ResultFormat": statement.request.get("ResultFormat", "JSON"),
        "QueryString": "" if statement.is_batch else statement.subs[0].sql,
    }
    if statement.is_batch:
        answer["QueryStrings"] = [sub.sql for sub in statement.subs]
    if "StatementName" in statement.request:
        answer["StatementName"] = statement.request["StatementName"]
    if "Parameters" in statement.request:
        answer["QueryParameters"] = statement.request["Parameters"]
    if statement.session_id is not None:
        answer["SessionId"] = statement.session_id
    return answer


def session(session: Session) -> Json:
    """A session as the operations on sessions show it."""
    answer: Json = {
        "SessionId": session.id,
        "Status": session.status,
        "CreatedAt": session.created_at,
        "UpdatedAt": session.updated_at,
        "Database": session.database,
        "DbUser": session.database_user,
        "SessionAliveSeconds": min(session.keep_alive, MAX_SECONDS),
        "SessionTtl": session.ends_at,
    }
    if session.workgroup is not None:
        answer["WorkgroupName"] = session.workgroup
    if session.statement_id is not None:
        answer["CurrentStatementId"] = session.statement_id
    return answer
