"""Which reader a statement belongs to, decided by its first words."""

from collections.abc import Callable
from functools import lru_cache

from local.warehouse.dialect import ddl, names, procedures, queries, session, users
from local.warehouse.dialect.errors import SqlSyntaxError, UnsupportedSqlError, syntax_error_near
from local.warehouse.dialect.statement import ColumnLookup, Translated
from local.warehouse.dialect.tokens import (
    PARAMETER_END,
    PARAMETER_START,
    Cursor,
    placeholders,
    tokenize,
)

_CACHED_STATEMENTS = 512


def translate(
    sql: str,
    *,
    parameters: frozenset[str] = frozenset(),
    columns_of: ColumnLookup | None = None,
) -> Translated:
    """One Redshift statement as Postgres SQL.

    `parameters` are the names given to the Data API: `:name` becomes `%(name)s` and every other
    percent sign is doubled; without parameters the SQL is to be run without a mapping. `columns_of`
    is asked only by statements whose meaning depends on the columns of a table (EXCLUDE, PIVOT,
    an alias used in its own SELECT); without it these are refused.

    Raises UnsupportedSqlError, or its subclass SqlSyntaxError for what is no SQL of Redshift's.
    """
    try:
        return _translate_cached(sql, parameters)
    except UnsupportedSqlError:
        if columns_of is None:
            raise
    return _translate(sql, parameters, columns_of)


@lru_cache(maxsize=_CACHED_STATEMENTS)
def _translate_cached(sql: str, parameters: frozenset[str]) -> Translated:
    return _translate(sql, parameters, None)


def _translate(sql: str, parameters: frozenset[str], columns_of: ColumnLookup | None) -> Translated:
    cursor = Cursor(sql, tokenize(sql))
    first = cursor.next_word()
    missing = placeholders(sql) - parameters
    if missing and first not in ("CREATE", "COPY", "UNLOAD"):
        raise SqlSyntaxError(f"the parameter :{min(missing)} has no value")
    if first in ("(", "SELECT", "WITH"):
        translated = _select(sql, columns_of)
    elif first in _DML:
        translated = _dml(cursor, first, columns_of)
    elif reader := _READERS.get(first):
        translated = reader(cursor, columns_of)
    elif first in _REFUSED:
        raise UnsupportedSqlError(first)
    else:
        raise syntax_error_near(cursor.source(cursor.tokens[0]))
    return _with_parameters(translated, parameters)


def _with_parameters(translated: Translated, parameters: frozenset[str]) -> Translated:
    """Parameters in psycopg's form; percent signs matter to it only if there are any."""
    if not parameters:
        return translated
    return Translated(
        kind=translated.kind,
        statements=tuple(
            statement.replace("%", "%%").replace(PARAMETER_START, "%(").replace(PARAMETER_END, ")s")
            for statement in translated.statements
        ),
        name=translated.name,
        touches=translated.touches,
    )


# --- queries --------------------------------------------------------------------------------------

_DML = ("INSERT", "UPDATE", "DELETE", "MERGE")


def _select(sql: str, columns_of: ColumnLookup | None) -> Translated:
    query = queries.translate_query(sql, columns_of=columns_of)
    if query.into is None:
        return Translated(
            kind="query", statements=(query.sql,), name="SELECT", touches=query.touches
        )
    target = query.into.this
    parts = [part.name for part in target.parts]
    temporary = bool(query.into.args.get("temporary")) or parts[-1].startswith("#")
    identifier = names.dotted(parts)
    return ddl.ddl(
        "SELECT INTO",
        (
            *names.registrations(() if temporary else (*parts, *query.long_names)),
            f"CREATE {'TEMPORARY ' if temporary else ''}TABLE {identifier} AS {query.sql}",
            f"CALL redshift.limit_bytes({names.literal(identifier)})",
        ),
    )


def _dml(cursor: Cursor, first: str, columns_of: ColumnLookup | None) -> Translated:
    words = ("REMOVE", "DUPLICATES")
    if first == "MERGE" and Cursor(cursor.text, cursor.tokens[-2:]).at(*words):
        return _merge_removing_duplicates(cursor)
    query = queries.translate_dml(cursor.text, columns_of=columns_of)
    return Translated(kind="dml", statements=(query.sql,), name=first, touches=query.touches)


def _merge_removing_duplicates(cursor: Cursor) -> Translated:
    """`MERGE ... REMOVE DUPLICATES`: the source replaces what it matches, each row once."""
    cursor.expect("INTO")
    target = cursor.until("USING").source_text()
    cursor.expect("USING")
    source = cursor.until("ON")
    cursor.expect("ON")
    condition = Cursor(cursor.text, cursor.tokens[cursor.index : -2]).source_text()
    table = names.dotted(source.qualified_name())
    deletion = queries.translate_dml(
        f"DELETE FROM {target} USING {source.whole_text()} WHERE {condition}"  # noqa: S608 (parsed next)
    )
    insertion = queries.translate_dml(
        f"INSERT INTO {target} SELECT DISTINCT * FROM {table}"  # noqa: S608 (parsed next)
    )
    return Translated(
        kind="dml",
        statements=(deletion.sql, insertion.sql),
        name="MERGE",
        touches=deletion.touches,
    )


# --- everything else ------------------------------------------------------------------------------


def _create(cursor: Cursor, columns_of: ColumnLookup | None) -> Translated:
    replace = cursor.take("OR", "REPLACE")
    local = cursor.take("LOCAL")
    temporary = bool(cursor.take_any("TEMP", "TEMPORARY"))
    materialized = cursor.take("MATERIALIZED")
    kind = cursor.next_word()
    if (replace and kind not in ("VIEW", "PROCEDURE", "FUNCTION")) or (
        (local or temporary) and kind != "TABLE"
    ):
        raise UnsupportedSqlError(f"CREATE {kind} in this form")
    if kind == "TABLE":
        return ddl.create_table(cursor, temporary=temporary, columns_of=columns_of)
    if kind == "VIEW":
        return ddl.create_view(
            cursor, replace=replace, materialized=materialized, columns_of=columns_of
        )
    if kind == "PROCEDURE":
        return procedures.create_procedure(cursor, replace=replace)
    if kind == "FUNCTION":
        return procedures.create_function(cursor, replace=replace)
    if kind == "DATABASE":
        return ddl.ddl("CREATE DATABASE", f"CREATE DATABASE {names.quoted(cursor.only_name())}")
    plain: dict[str, Callable[[Cursor], Translated]] = {
        "SCHEMA": ddl.create_schema,
        "USER": users.create_user,
        "GROUP": users.create_group,
        "ROLE": users.create_role,
    }
    if kind not in plain:
        raise UnsupportedSqlError(f"CREATE {kind}")
    return plain[kind](cursor)


def _alter(cursor: Cursor, _columns_of: ColumnLookup | None) -> Translated:
    readers: dict[str, Callable[[Cursor], Translated]] = {
        "TABLE": ddl.alter_table,
        "USER": users.alter_user,
        "GROUP": users.alter_group,
    }
    if cursor.take("DEFAULT", "PRIVILEGES"):
        return users.alter_default_privileges(cursor)
    kind = cursor.next_word()
    if kind in readers:
        return readers[kind](cursor)
    if kind == "SCHEMA":
        return ddl.alter_schema(cursor)
    raise UnsupportedSqlError(f"ALTER {kind}")


def _drop(cursor: Cursor, _columns_of: ColumnLookup | None) -> Translated:
    if kind := cursor.take_any("USER", "GROUP", "ROLE"):
        return users.drop_role(cursor, kind)
    if cursor.take("DATABASE"):
        return ddl.ddl("DROP DATABASE", f"DROP DATABASE {names.quoted(cursor.only_name())}")
    return ddl.drop(cursor)


def _lock(cursor: Cursor, _columns_of: ColumnLookup | None) -> Translated:
    cursor.take("TABLE")
    tables = [cursor.qualified_name()]
    while cursor.take(","):
        tables.append(cursor.qualified_name())
    cursor.end()
    identifiers = ", ".join(names.dotted(table) for table in tables)
    return Translated(
        kind="lock",
        statements=(f"LOCK TABLE {identifiers} IN ACCESS EXCLUSIVE MODE",),
        name="LOCK",
        touches=frozenset(".".join(table[-2:]) for table in tables),
    )


def _truncate(cursor: Cursor, _columns_of: ColumnLookup | None) -> Translated:
    cursor.take("TABLE")
    table = cursor.qualified_name()
    cursor.end()
    return ddl.ddl("TRUNCATE", f"TRUNCATE TABLE {names.dotted(table)}", (table,))


def _call(cursor: Cursor, _columns_of: ColumnLookup | None) -> Translated:
    procedure = cursor.qualified_name()
    arguments = [
        queries.translate_expression(item.source_text()) for item in cursor.group().split()
    ]
    cursor.end()
    statement = f"CALL {names.dotted(procedure)}({', '.join(arguments)})"
    return Translated(kind="call", statements=(statement,), name="CALL")


def _comment(cursor: Cursor, _columns_of: ColumnLookup | None) -> Translated:
    cursor.expect("ON")
    kind = cursor.take_any("TABLE", "COLUMN", "VIEW", "SCHEMA", "DATABASE")
    if not kind:
        raise UnsupportedSqlError(f"COMMENT ON {cursor.peek()}")
    name = cursor.qualified_name()
    cursor.expect("IS")
    text = "NULL" if cursor.take("NULL") else names.literal(cursor.string())
    cursor.end()
    return ddl.ddl("COMMENT", f"COMMENT ON {kind} {names.dotted(name)} IS {text}")


def _refresh(cursor: Cursor, _columns_of: ColumnLookup | None) -> Translated:
    cursor.expect("MATERIALIZED", "VIEW")
    name = cursor.qualified_name()
    cursor.end()
    return ddl.ddl(
        "REFRESH MATERIALIZED VIEW", f"REFRESH MATERIALIZED VIEW {names.dotted(name)}", (name,)
    )


def _original(kind: str) -> Callable[[Cursor, ColumnLookup | None], Translated]:
    """COPY and UNLOAD are read by those who carry them out."""

    def read(cursor: Cursor, _columns_of: ColumnLookup | None) -> Translated:
        is_copy = kind == "COPY"
        table = cursor.qualified_name() if is_copy else ()
        return Translated(
            kind="copy" if is_copy else "unload",
            statements=(cursor.text,),
            name=kind,
            touches=frozenset({".".join(table[-2:])} if table else ()),
        )

    return read


_READERS: dict[str, Callable[[Cursor, ColumnLookup | None], Translated]] = {
    "ALTER": _alter,
    "ANALYZE": lambda cursor, _: session.analyze(cursor),
    "CALL": _call,
    "COMMENT": _comment,
    "COPY": _original("COPY"),
    "CREATE": _create,
    "DROP": _drop,
    "EXPLAIN": session.explain,
    "GRANT": lambda cursor, _: users.grant(cursor, "GRANT"),
    "LOCK": _lock,
    "REFRESH": _refresh,
    "RESET": lambda cursor, _: session.reset_parameter(cursor),
    "REVOKE": lambda cursor, _: users.grant(cursor, "REVOKE"),
    "SET": lambda cursor, _: session.set_parameter(cursor),
    "SHOW": lambda cursor, _: session.show(cursor),
    "TRUNCATE": _truncate,
    "UNLOAD": _original("UNLOAD"),
    "VACUUM": lambda cursor, _: session.vacuum(cursor),
} | {
    word: lambda cursor, _, word=word: session.control(cursor, word)
    for word in ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT")
}
_REFUSED = (
    "ATTACH",
    "CANCEL",
    "CLOSE",
    "DEALLOCATE",
    "DECLARE",
    "DETACH",
    "DO",
    "EXECUTE",
    "FETCH",
    "PREPARE",
    "SAVEPOINT",
    "USE",
    "VALUES",
)
