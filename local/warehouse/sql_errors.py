"""Postgres' complaints in Redshift's words."""

import re

import psycopg

from local.warehouse import dialect

_OF_CLUSTERS = re.compile(r'relation "(?:\w+\.)?((?:stl|stv|svl|svcs)_\w+)"')
"""System tables that Redshift Serverless shows to nobody, its administrator included.

https://repost.aws/questions/QUr1ywNL6kQPOglpmRVMCtCA
"""

_NO_CAST = re.compile(r"function redshift\.no_(text|boolean)\(([a-z ]+)\) is not unique")
"""What there is no cast of; the schema `redshift` has two functions of that call."""


def redshift_message(error: psycopg.Error) -> str:
    """The text Redshift would give for an error of the server, without the leading `ERROR: `."""
    diagnostic = error.diag
    if isinstance(error, psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected):
        return _isolation(error)
    if isinstance(error, psycopg.errors.CardinalityViolation) and "MERGE" in str(error):
        return "Found multiple matches to update the same tuple"
    if isinstance(error, psycopg.errors.CheckViolation):
        too_long = dialect.too_long_message(diagnostic.constraint_name or "")
        if too_long:
            return too_long
    if isinstance(error, psycopg.errors.NotNullViolation):
        return f"Cannot insert a NULL value into column {_logical(diagnostic.column_name)}"
    if isinstance(error, psycopg.errors.InvalidCatalogName):
        return f"FATAL: {diagnostic.message_primary}"
    if hidden := _OF_CLUSTERS.match(diagnostic.message_primary or ""):
        return f"permission denied for relation {hidden[1]}"
    if cast := _NO_CAST.match(diagnostic.message_primary or ""):
        target = "boolean" if cast[1] == "text" else "character varying"
        return f"cannot cast type {cast[2]} to {target}"
    message = dialect.logical_text(diagnostic.message_primary or str(error).strip())
    detail = diagnostic.message_detail or ""
    if not detail or detail.startswith("Failing row"):  # which would be its values
        return message
    return f"{message}\n  Detail: {dialect.logical_text(detail)}"


def _isolation(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.DeadlockDetected):
        return "deadlock detected"
    return (
        "1023 Detail: Serializable isolation violation on table in Redshift: a concurrent"
        " transaction changed the same rows; run the transaction again"
    )


def _logical(name: str | None) -> str:
    return dialect.logical_name(name or "")
