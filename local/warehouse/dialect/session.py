"""Statements about the session and the server: settings, transactions, EXPLAIN and SHOW."""

from local.warehouse.dialect import names, queries
from local.warehouse.dialect.errors import UnsupportedSqlError
from local.warehouse.dialect.statement import Context, Translated
from local.warehouse.dialect.tokens import Cursor

_NATIVE_SETTINGS = {
    "application_name": "application_name",
    "datestyle": "datestyle",
    "extra_float_digits": "extra_float_digits",
    "statement_timeout": "statement_timeout",
    "timezone": "timezone",
}
# settings that say how Redshift is to run or label a query; kept, shown and without effect
_KEPT_SETTINGS = (
    "analyze_threshold_percent",
    "auto_analyze",
    "avoid_collation",
    "enable_result_cache_for_session",
    "max_concurrency_scaling_clusters",
    "query_group",
    "use_fips_ssl",
    "wlm_query_slot_count",
)
# settings that change what a query means: only what is emulated can be asked for
_FIXED_SETTINGS = {
    "enable_case_sensitive_identifier": "false",
    "enable_case_sensitive_super_attribute": "false",
    "describe_field_name_in_uppercase": "off",
    "navigate_super_null_on_error": "on",
    "default_geometry_encoding": "1",
}
_OFF = ("false", "off", "0", "no")
_ON = ("true", "on", "1", "yes")


def _utility(name: str, statement: str) -> Translated:
    return Translated(kind="utility", statements=(statement,), name=name)


def set_parameter(cursor: Cursor) -> Translated:
    """`SET`, read up to and including that word."""
    if cursor.take("SESSION", "AUTHORIZATION"):
        value = "DEFAULT" if cursor.take("DEFAULT") else _session_user(cursor)
        cursor.end()
        return _utility("SET SESSION AUTHORIZATION", f"SET SESSION AUTHORIZATION {value}")
    scope = "LOCAL " if cursor.take("LOCAL") else ""
    cursor.take("SESSION")
    if cursor.take("SEED"):
        raise UnsupportedSqlError("SET SEED")
    if cursor.at("TRANSACTION"):
        return Translated(
            kind="control", statements=(f"SET {cursor.render()}",), name="SET TRANSACTION"
        )
    parameter = ".".join(cursor.qualified_name())
    if not cursor.take("TO"):
        cursor.expect("=")
    return _utility("SET", f"SET {scope}{_assignment(parameter, cursor)}")


def fetch(cursor: Cursor) -> Translated:
    """`FETCH` from a cursor that a procedure has opened, read up to and including that word."""
    count = cursor.take_any("NEXT", "ALL")
    if not count:
        cursor.expect("FORWARD")
        count = f"FORWARD {cursor.take_any('ALL') or cursor.number()}"
    if not cursor.take_any("FROM", "IN"):
        raise cursor.unexpected()
    statement = f"FETCH {count} FROM {names.quoted(cursor.only_name())}"
    return Translated(kind="query", statements=(statement,), name="FETCH")


def close_cursor(cursor: Cursor) -> Translated:
    """`CLOSE` of a cursor."""
    return _utility("CLOSE", f"CLOSE {names.quoted(cursor.only_name())}")


def _session_user(cursor: Cursor) -> str:
    is_name = bool(cursor.peek()) or cursor.source(cursor.current).startswith('"')
    return names.quoted(cursor.name() if is_name else names.fold(cursor.string()))


def _assignment(parameter: str, cursor: Cursor) -> str:
    default = cursor.at("DEFAULT")
    if parameter == "search_path":
        path = "public" if default else _search_path(cursor)
        return f"search_path TO {path}, redshift"
    value = _value(cursor)
    if parameter in _FIXED_SETTINGS:
        _require_fixed(parameter, value, default=default)
    elif parameter not in _NATIVE_SETTINGS and parameter not in _KEPT_SETTINGS:
        if "." not in parameter:
            raise UnsupportedSqlError(f"the setting {parameter}")
        return f"{parameter} TO {'DEFAULT' if default else names.literal(value)}"
    elif default and parameter in _KEPT_SETTINGS:
        value, default = "", False
    target = _NATIVE_SETTINGS.get(parameter, f"redshift.{parameter}")
    return f"{target} TO {'DEFAULT' if default else names.literal(value)}"


def _search_path(cursor: Cursor) -> str:
    schemas = []
    for item in cursor.split():
        text = item.whole_text()
        unquoted = text.strip("'\"").lower()
        schemas.append('"$user"' if unquoted == "$user" else names.quoted(unquoted))
    return ", ".join(schemas)


def _value(cursor: Cursor) -> str:
    if len(cursor.tokens) - cursor.index == 1 and not cursor.peek():
        return cursor.next().text
    return cursor.rest().source_text()


def _require_fixed(parameter: str, value: str, *, default: bool) -> None:
    fixed = _FIXED_SETTINGS[parameter]
    alike = next((group for group in (_OFF, _ON) if fixed in group), (fixed,))
    if not default and value.lower() not in alike:
        raise UnsupportedSqlError(f"{parameter} = {value}")


def reset_parameter(cursor: Cursor) -> Translated:
    """`RESET`, read up to and including that word."""
    if cursor.take("ALL"):
        cursor.end()
        return _utility("RESET", "RESET ALL")
    if cursor.take("SESSION", "AUTHORIZATION"):
        return _utility("SET SESSION AUTHORIZATION", "RESET SESSION AUTHORIZATION")
    parameter = ".".join(cursor.qualified_name())
    cursor.end()
    if parameter == "search_path":
        return _utility("RESET", "RESET search_path")
    if parameter not in _NATIVE_SETTINGS and parameter not in (*_KEPT_SETTINGS, *_FIXED_SETTINGS):
        raise UnsupportedSqlError(f"the setting {parameter}")
    return _utility("RESET", f"RESET {_NATIVE_SETTINGS.get(parameter, f'redshift.{parameter}')}")


def control(cursor: Cursor, first: str) -> Translated:
    """BEGIN, COMMIT, ROLLBACK and their other names, read up to and including the first word."""
    cursor.take_any("WORK", "TRANSACTION")
    if first in ("COMMIT", "END"):
        name = "COMMIT"
    elif first in ("ROLLBACK", "ABORT"):
        if cursor.at("TO"):
            raise UnsupportedSqlError("ROLLBACK TO a savepoint")
        name = "ROLLBACK"
    else:
        name = "BEGIN"
        modes = cursor.render()
        cursor.rest()
        return Translated(kind="control", statements=(f"BEGIN {modes}".strip(),), name=name)
    cursor.end()
    return Translated(kind="control", statements=(name,), name=name)


def explain(cursor: Cursor, context: Context) -> Translated:
    """`EXPLAIN`, read up to and including that word; the plan is Postgres' own."""
    verbose = "VERBOSE " if cursor.take("VERBOSE") else ""
    text = cursor.source_text()
    translate = (
        queries.translate_query if cursor.at_any("SELECT", "WITH", "(") else queries.translate_dml
    )
    query = translate(text, context=context)
    statement = f"EXPLAIN {verbose}{query.sql}"
    return Translated(kind="query", statements=(statement,), name="EXPLAIN", touches=query.touches)


def vacuum(cursor: Cursor) -> Translated:
    """`VACUUM`, read up to and including that word."""
    cursor.take_any("FULL", "REINDEX", "RECLUSTER") or cursor.take("SORT", "ONLY") or cursor.take(
        "DELETE", "ONLY"
    )
    tables = "" if cursor.done or cursor.at("TO") else names.dotted(name := cursor.qualified_name())
    if cursor.take("TO"):
        cursor.number()
        cursor.expect("PERCENT")
    cursor.take("BOOST")
    cursor.end()
    touches = frozenset({".".join(name[-2:])}) if tables else frozenset[str]()
    return Translated(
        kind="utility", statements=(f"VACUUM {tables}".strip(),), name="VACUUM", touches=touches
    )


def analyze(cursor: Cursor) -> Translated:
    """`ANALYZE`, read up to and including that word."""
    if cursor.at("COMPRESSION"):
        raise UnsupportedSqlError("ANALYZE COMPRESSION")
    cursor.take("VERBOSE")
    statement, touches = "ANALYZE", frozenset[str]()
    if not cursor.done:
        table = cursor.qualified_name()
        touches = frozenset({".".join(table[-2:])})
        statement += f" {names.dotted(table)}"
        if cursor.at("("):
            statement += " (" + ", ".join(names.quoted(name) for name in cursor.names()) + ")"
        cursor.take("PREDICATE", "COLUMNS") or cursor.take("ALL", "COLUMNS")
        cursor.end()
    return Translated(kind="utility", statements=(statement,), name="ANALYZE", touches=touches)


# --- SHOW -----------------------------------------------------------------------------------------

_SHOWN = {
    "SCHEMAS": (
        "SELECT current_database() AS database_name,"
        " redshift.logical_name(n.nspname) AS schema_name,"
        " pg_get_userbyid(n.nspowner) AS schema_owner, 'local' AS schema_type"
        " FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'redshift'",
        "schema_name",
    ),
    "TABLES": (
        "SELECT current_database() AS database_name,"
        " redshift.logical_name(n.nspname) AS schema_name,"
        " redshift.logical_name(c.relname) AS table_name,"
        " CASE c.relkind WHEN 'r' THEN 'TABLE' ELSE 'VIEW' END AS table_type,"
        " c.relacl::text AS table_acl, obj_description(c.oid, 'pg_class') AS remarks"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'v', 'm')",
        "table_name",
    ),
    "COLUMNS": (
        "SELECT current_database() AS database_name,"
        " redshift.logical_name(n.nspname) AS schema_name,"
        " redshift.logical_name(c.relname) AS table_name,"
        " redshift.logical_name(a.attname) AS column_name, a.attnum AS ordinal_position,"
        " pg_get_expr(d.adbin, d.adrelid) AS column_default,"
        " CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,"
        " CASE a.atttypid WHEN 'jsonb'::regtype THEN 'super' WHEN 'bytea'::regtype THEN 'varbyte'"
        " ELSE format_type(a.atttypid, NULL) END AS data_type,"
        " information_schema._pg_char_max_length(a.atttypid, a.atttypmod)"
        " AS character_maximum_length,"
        " information_schema._pg_numeric_precision(a.atttypid, a.atttypmod) AS numeric_precision,"
        " information_schema._pg_numeric_scale(a.atttypid, a.atttypmod) AS numeric_scale,"
        " col_description(c.oid, a.attnum) AS remarks"
        " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum"
        " WHERE a.attnum > 0 AND NOT a.attisdropped",
        "column_name",
    ),
}


def show(cursor: Cursor) -> Translated:
    """`SHOW`, read up to and including that word."""
    if kind := cursor.take_any(*_SHOWN):
        return _show_catalog(cursor, kind)
    if cursor.done or not cursor.peek() or len(cursor.tokens) - cursor.index > 1:
        raise UnsupportedSqlError(f"SHOW {cursor.peek()}".rstrip())
    parameter = cursor.only_name()
    statement = f"SELECT coalesce(current_setting('redshift.{parameter}', true), '{{}}')"
    if parameter in _FIXED_SETTINGS:
        statement = f"SELECT '{_FIXED_SETTINGS[parameter]}'"
    elif parameter in _KEPT_SETTINGS:
        statement = f"SELECT coalesce(current_setting('redshift.{parameter}', true), '')"
    elif parameter == "search_path" or parameter in _NATIVE_SETTINGS:
        statement = f"SELECT regexp_replace(current_setting('{parameter}'), ', redshift$', '')"
    else:
        raise UnsupportedSqlError(f"the setting {parameter}")
    return Translated(
        kind="query", statements=(f"{statement} AS {names.quoted(parameter)}",), name="SHOW"
    )


def _show_catalog(cursor: Cursor, kind: str) -> Translated:
    query, named = _SHOWN[kind]
    conditions = []
    cursor.expect("FROM")
    cursor.take({"SCHEMAS": "DATABASE", "TABLES": "SCHEMA", "COLUMNS": "TABLE"}[kind])
    place = [names.literal(names.physical_name(part)) for part in cursor.qualified_name()]
    if kind == "SCHEMAS":
        conditions.append(f"current_database() = {place[0]}")
    elif kind == "TABLES":
        conditions.append(f"n.nspname = {place[-1]}")
    else:
        conditions.append(f"c.relname = {place[-1]}")
        if len(place) > 1:
            conditions.append(f"n.nspname = {place[-2]}")
    statement = " AND ".join((query, *conditions))
    if cursor.take("LIKE"):
        pattern = names.literal(cursor.string())
        statement = f"SELECT * FROM ({statement}) s WHERE {named} LIKE {pattern}"  # noqa: S608 (literals)
    order = "ordinal_position" if kind == "COLUMNS" else named
    statement += f" ORDER BY {order}"
    if cursor.take("LIMIT"):
        statement += f" LIMIT {cursor.number()}"
    cursor.end()
    return Translated(kind="query", statements=(statement,), name=f"SHOW {kind}")
