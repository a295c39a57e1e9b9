"""Which reader a statement belongs to, decided by its first words."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from sqlglot.tokenizer_core import Token

from local.warehouse.dialect import ddl, names, procedures, queries, session, users
from local.warehouse.dialect.errors import (
    SqlSyntaxError,
    UnknownColumnsError,
    UnsupportedSqlError,
    syntax_error_near,
)
from local.warehouse.dialect.statement import NOWHERE, ColumnLookup, Context, Translated
from local.warehouse.dialect.tokens import (
    PARAMETER_END,
    PARAMETER_START,
    Cursor,
    placeholders,
    single_words,
    tokenize,
    word,
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
        return _translate_alone(sql, parameters)
    except UnknownColumnsError:
        if columns_of is None:
            raise
    context = Context(columns_of=columns_of)
    return _with_parameters(translate_in(sql, context, parameters), parameters)


@lru_cache(maxsize=_CACHED_STATEMENTS)
def _translate_alone(sql: str, parameters: frozenset[str]) -> Translated:
    return _with_parameters(translate_in(sql, NOWHERE, parameters), parameters)


def translate_in(
    sql: str, context: Context, parameters: frozenset[str] = frozenset()
) -> Translated:
    """One statement, which may stand in a procedure; parameters are still marked, not written."""
    tokens = tokenize(sql)
    first = word(tokens[0], sql)
    missing = placeholders(sql, tokens) - parameters
    if missing and first not in _ORIGINAL:
        raise SqlSyntaxError(f"the parameter :{min(missing)} has no value")
    if first in ("(", "SELECT", "WITH"):
        return _select(sql, tokens, context)
    cursor = Cursor(sql, single_words(sql, tokens))
    if first in _DML:
        return _dml(cursor, tokens, context)
    cursor.next()
    if reader := _READERS.get(first):
        return reader(cursor, context)
    if first in _REFUSED:
        raise UnsupportedSqlError(first)
    raise syntax_error_near(cursor.source(tokens[0]))


def _with_parameters(translated: Translated, parameters: frozenset[str]) -> Translated:
    """Parameters in psycopg's form; percent signs matter to it only if there are any."""
    if not parameters:
        return translated

    def written(sql: str) -> str:
        return sql.replace("%", "%%").replace(PARAMETER_START, "%(").replace(PARAMETER_END, ")s")

    return replace(
        translated,
        statements=tuple(map(written, translated.statements)),
        arguments=tuple(map(written, translated.arguments)),
    )


# --- queries --------------------------------------------------------------------------------------

_ORIGINAL = ("COPY", "UNLOAD")
_DML = ("INSERT", "UPDATE", "DELETE", "MERGE")


def _select(sql: str, tokens: list[Token], context: Context) -> Translated:
    query = queries.translate_query(sql, tokens=tokens, context=context)
    if query.into is None:
        return Translated(
            kind="query", statements=(query.sql,), name="SELECT", touches=query.touches
        )
    target = query.into.this
    parts = [part.name for part in target.parts]
    temporary = bool(query.into.args.get("temporary")) or parts[-1].startswith("#")
    identifier = names.dotted(parts)
    return Translated(
        kind="ddl",
        statements=(
            *names.registrations(() if temporary else (*parts, *query.long_names)),
            f"CREATE {'TEMPORARY ' if temporary else ''}TABLE {identifier} AS {query.sql}",
            f"CALL redshift.limit_bytes({names.literal(identifier)})",
        ),
        name="SELECT INTO",
        touches=query.touches,
    )


def _dml(cursor: Cursor, tokens: list[Token], context: Context) -> Translated:
    first = cursor.peek()
    words = ("REMOVE", "DUPLICATES")
    if first == "MERGE" and Cursor(cursor.text, cursor.tokens[-2:]).at(*words):
        return _merge_removing_duplicates(cursor)
    query = queries.translate_dml(cursor.text, tokens=tokens, context=context)
    return Translated(kind="dml", statements=(query.sql,), name=first, touches=query.touches)


def _merge_removing_duplicates(cursor: Cursor) -> Translated:
    """`MERGE ... REMOVE DUPLICATES`: the source replaces what it matches, each row once."""
    cursor.expect("MERGE", "INTO")
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


def _create(cursor: Cursor, context: Context) -> Translated:
    replacing = cursor.take("OR", "REPLACE")
    local = cursor.take("LOCAL")
    temporary = bool(cursor.take_any("TEMP", "TEMPORARY"))
    materialized = cursor.take("MATERIALIZED")
    kind = cursor.next_word()
    if (replacing and kind not in ("VIEW", "PROCEDURE", "FUNCTION")) or (
        (local or temporary) and kind != "TABLE"
    ):
        raise UnsupportedSqlError(f"CREATE {kind} in this form")
    if kind == "TABLE":
        return ddl.create_table(cursor, temporary=temporary, context=context)
    if kind == "VIEW":
        return ddl.create_view(
            cursor, replace=replacing, materialized=materialized, context=context
        )
    if kind == "PROCEDURE":
        return procedures.create_procedure(cursor, translate_in, replace=replacing)
    if kind == "FUNCTION":
        return procedures.create_function(cursor, replace=replacing)
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


def _alter(cursor: Cursor, _context: Context) -> Translated:
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


def _drop(cursor: Cursor, _context: Context) -> Translated:
    if kind := cursor.take_any("USER", "GROUP", "ROLE"):
        return users.drop_role(cursor, kind)
    if cursor.take("DATABASE"):
        return ddl.ddl("DROP DATABASE", f"DROP DATABASE {names.quoted(cursor.only_name())}")
    return ddl.drop(cursor)


def _lock(cursor: Cursor, _context: Context) -> Translated:
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


def _truncate(cursor: Cursor, _context: Context) -> Translated:
    cursor.take("TABLE")
    table = cursor.qualified_name()
    cursor.end()
    return ddl.ddl("TRUNCATE", f"TRUNCATE TABLE {names.dotted(table)}", (table,))


def _call(cursor: Cursor, _context: Context) -> Translated:
    procedure = cursor.qualified_name()
    arguments = [
        queries.translate_expression(item.source_text()) for item in cursor.group().split()
    ]
    cursor.end()
    statement = f"CALL {names.dotted(procedure)}({', '.join(arguments)})"
    return Translated(
        kind="call",
        statements=(statement,),
        name="CALL",
        procedure=procedure,
        arguments=tuple(arguments),
    )


def _comment(cursor: Cursor, _context: Context) -> Translated:
    cursor.expect("ON")
    kind = cursor.take_any("TABLE", "COLUMN", "VIEW", "SCHEMA", "DATABASE")
    if not kind:
        raise UnsupportedSqlError(f"COMMENT ON {cursor.peek()}")
    name = cursor.qualified_name()
    cursor.expect("IS")
    text = "NULL" if cursor.take("NULL") else names.literal(cursor.string())
    cursor.end()
    return ddl.ddl("COMMENT", f"COMMENT ON {kind} {names.dotted(name)} IS {text}")


def _refresh(cursor: Cursor, _context: Context) -> Translated:
    cursor.expect("MATERIALIZED", "VIEW")
    name = cursor.qualified_name()
    cursor.end()
    return ddl.ddl(
        "REFRESH MATERIALIZED VIEW", f"REFRESH MATERIALIZED VIEW {names.dotted(name)}", (name,)
    )


def _copy(cursor: Cursor, _context: Context) -> Translated:
    """Recognised only: whoever carries it out reads it."""
    table = cursor.qualified_name()
    return Translated(
        kind="copy",
        statements=(cursor.text,),
        name="COPY",
        touches=frozenset({".".join(table[-2:])}),
    )


def _unload(cursor: Cursor, _context: Context) -> Translated:
    """Recognised only, as COPY is."""
    return Translated(kind="unload", statements=(cursor.text,), name="UNLOAD")


_READERS: dict[str, Callable[[Cursor, Context], Translated]] = {
    "ALTER": _alter,
    "ANALYZE": lambda cursor, _: session.analyze(cursor),
    "CALL": _call,
    "COMMENT": _comment,
    "COPY": _copy,
    "CREATE": _create,
    "DROP": _drop,
    "CLOSE": lambda cursor, _: session.close_cursor(cursor),
    "EXPLAIN": session.explain,
    "FETCH": lambda cursor, _: session.fetch(cursor),
    "GRANT": lambda cursor, _: users.grant(cursor, "GRANT"),
    "LOCK": _lock,
    "REFRESH": _refresh,
    "RESET": lambda cursor, _: session.reset_parameter(cursor),
    "REVOKE": lambda cursor, _: users.grant(cursor, "REVOKE"),
    "SET": lambda cursor, _: session.set_parameter(cursor),
    "SHOW": lambda cursor, _: session.show(cursor),
    "TRUNCATE": _truncate,
    "UNLOAD": _unload,
    "VACUUM": lambda cursor, _: session.vacuum(cursor),
} | {
    word: lambda cursor, _, word=word: session.control(cursor, word)
    for word in ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT")
}
_REFUSED = (
    "ATTACH",
    "CANCEL",
    "DEALLOCATE",
    "DECLARE",
    "DETACH",
    "DO",
    "EXECUTE",
    "PREPARE",
    "SAVEPOINT",
    "USE",
    "VALUES",
)
