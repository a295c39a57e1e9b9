"""Each function call of Redshift's as Postgres writes it.

A name that is not mentioned here means the same in both, or is the caller's own function. Names in
COMPAT live in the schema `redshift` (see functions.sql) and are written with it, because Postgres
has functions of the same name that do something else.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from sqlglot import exp

from local.warehouse.dialect import names
from local.warehouse.dialect.errors import UnsupportedSqlError


class Writer(Protocol):
    """What is needed of sqlglot's generator."""

    def sql(self, expression: Any, key: str | None = None) -> str:
        """A node, or one of its parts, as SQL."""

    def func(self, name: str, *args: Any) -> str:
        """A call as SQL."""


COMPAT: Final = frozenset(
    [
        "add_months",
        "array_concat",
        "avg",
        "convert_timezone",
        "date_trunc",
        "get_array_length",
        "getdate",
        "is_array",
        "is_object",
        "is_valid_json",
        "is_valid_json_array",
        "json_array_length",
        "json_extract_array_element_text",
        "json_extract_path_text",
        "json_parse",
        "json_serialize",
        "json_typeof",
        "last_day",
        "len",
        "logical_name",
        "months_between",
        "next_day",
        "regexp_count",
        "regexp_instr",
        "regexp_replace",
        "regexp_substr",
        "round",
        "sha2",
        "split_to_array",
        "strtol",
        "sysdate",
        "trunc",
        "version",
    ]
)

# Unsupported PostgreSQL functions, Redshift developer guide
REFUSED: Final = frozenset(
    [
        "array_agg",
        "bit_length",
        "clock_timestamp",
        "convert_from",
        "convert_to",
        "corr",
        "covar_pop",
        "covar_samp",
        "div",
        "encode",
        "every",
        "format",
        "generate_series",
        "generate_subscripts",
        "gen_random_uuid",
        "json_agg",
        "json_build_array",
        "json_build_object",
        "json_object_agg",
        "jsonb_agg",
        "jsonb_array_elements",
        "jsonb_build_array",
        "jsonb_build_object",
        "jsonb_object_agg",
        "jsonb_path_query",
        "jsonb_set",
        "justify_days",
        "justify_hours",
        "justify_interval",
        "octet_concat",
        "overlay",
        "pg_sleep",
        "quote_nullable",
        "regexp_matches",
        "regexp_split_to_array",
        "regexp_split_to_table",
        "regr_avgx",
        "regr_avgy",
        "regr_count",
        "regr_intercept",
        "regr_r2",
        "regr_slope",
        "regr_sxx",
        "regr_sxy",
        "regr_syy",
        "row_to_json",
        "set_config",  # and it could make a user somebody else
        "setseed",
        "string_agg",
        "string_to_array",
        "to_json",
        "to_jsonb",
        "transaction_timestamp",
        "try_cast",
        "try_convert",
        "unnest",
        "width_bucket",
        "xml_agg",
        "xmlagg",
    ]
)

_ALIASES: Final = {
    "nvl": "COALESCE",
    "isnull": "COALESCE",
    "textlen": "redshift.len",
    "array": "jsonb_build_array",
    "object": "jsonb_build_object",
    "replicate": "REPEAT",
    "dlog10": "LOG",
    "dexp": "EXP",
    "dlog1": "LN",
}

# every spelling of a datepart (Date parts for date or timestamp functions) to Postgres' own
_DATEPART_SPELLINGS: Final = {
    "millennium": "millennium millennia mil mils",
    "century": "century centuries c cent cents",
    "decade": "decade decades dec decs",
    "year": "year years y yr yrs",
    "quarter": "quarter quarters qtr qtrs",
    "month": "month months mon mons",
    "week": "week weeks w",
    "dow": "dayofweek dow dw weekday",
    "doy": "dayofyear doy dy yearday",
    "day": "day days d",
    "hour": "hour hours h hr hrs",
    "minute": "minute minutes m min mins",
    "second": "second seconds s sec secs",
    "milliseconds": "millisecond milliseconds ms msec msecs msecond mseconds millisec millisecs",
    "microseconds": "microsecond microseconds us usec usecs useconds microsec microsecs",
    "epoch": "epoch",
    "timezone": "timezone",
    "timezone_hour": "timezone_hour",
    "timezone_minute": "timezone_minute",
}
DATEPARTS: Final = {
    spelling: part
    for part, spellings in _DATEPART_SPELLINGS.items()
    for spelling in spellings.split()
}
_INTERVAL_PARTS: Final = {
    "quarter": "3 months",
    "milliseconds": "1 millisecond",
    "microseconds": "1 microsecond",
}
_NO_INTERVAL: Final = {"dow", "doy", "epoch", "timezone", "timezone_hour", "timezone_minute"}


def call(writer: Writer, node: exp.Anonymous) -> str:
    """A call by name; raises UnsupportedSqlError for functions Redshift does not have."""
    name = node.name
    if "." in name:  # already the name of a function of the compat schema
        return _plain(writer, name, node.expressions)
    key = name.lower()
    if isinstance(node.parent, exp.Dot) and node.parent.this.name.lower() != "pg_catalog":
        return _plain(writer, names.quoted(key), node.expressions)
    if key in REFUSED:
        raise UnsupportedSqlError(f"the function {name.upper()}")
    if isinstance(node.parent, exp.Dot):
        return _plain(writer, names.quoted(key), node.expressions)
    if rewrite := _REWRITES.get(key):
        return rewrite(writer, node.expressions)
    if key in COMPAT:
        return _plain(writer, f"redshift.{key}", node.expressions)
    return _plain(writer, _ALIASES.get(key, name), node.expressions)


def _plain(writer: Writer, name: str, arguments: list[Any]) -> str:
    return f"{name}({', '.join(map(writer.sql, arguments))})"


# --- dates ----------------------------------------------------------------------------------------


def _datepart(node: exp.Expr) -> str:
    written = node.name if isinstance(node, exp.Column | exp.Literal | exp.Var) else ""
    part = DATEPARTS.get(written.lower())
    if part is None:
        raise UnsupportedSqlError(f"the date part {written or node.sql()}")
    return part


def _moment(writer: Writer, node: exp.Expr) -> str:
    """A date or time; Postgres would read a bare string as one with a time zone."""
    text = writer.sql(node)
    untyped = isinstance(node, exp.Placeholder) or (
        isinstance(node, exp.Literal) and node.is_string
    )
    return f"CAST({text} AS timestamp)" if untyped else text


def _dateadd(writer: Writer, arguments: list[Any]) -> str:
    unit, amount, moment = _arguments("DATEADD", arguments, 3)
    part = _datepart(unit)
    if part in _NO_INTERVAL:
        raise UnsupportedSqlError(f"DATEADD of the date part {part}")
    interval = _INTERVAL_PARTS.get(part, f"1 {part}")
    return (
        f"redshift.dateadd(INTERVAL '{interval}', {writer.sql(amount)}, {_moment(writer, moment)})"
    )


def _datediff(writer: Writer, arguments: list[Any]) -> str:
    unit, start, end = _arguments("DATEDIFF", arguments, 3)
    part = _datepart(unit)
    if part in _NO_INTERVAL:
        raise UnsupportedSqlError(f"DATEDIFF of the date part {part}")
    return f"redshift.datediff('{part}', {_moment(writer, start)}, {_moment(writer, end)})"


def _date_part(writer: Writer, arguments: list[Any]) -> str:
    unit, moment = _arguments("DATE_PART", arguments, 2)
    return f"DATE_PART('{_datepart(unit)}', {_moment(writer, moment)})"


def _date_trunc(writer: Writer, arguments: list[Any]) -> str:
    unit, moment = _arguments("DATE_TRUNC", arguments, 2)
    return f"redshift.date_trunc('{_datepart(unit)}', {_moment(writer, moment)})"


def extract(writer: Writer, node: exp.Extract) -> str:
    """`EXTRACT`, which is a whole number in Redshift and a decimal in Postgres."""
    part = _datepart(node.this)
    kind = "bigint" if part in ("epoch", "microseconds") else "integer"
    return f"CAST(TRUNC(EXTRACT({part} FROM {_moment(writer, node.expression)})) AS {kind})"


def _of_moment(name: str) -> Callable[[Writer, list[Any]], str]:
    def write(writer: Writer, arguments: list[Any]) -> str:
        return f"redshift.{name}({', '.join(_moment(writer, node) for node in arguments)})"

    return write


def _with_moment_first(name: str) -> Callable[[Writer, list[Any]], str]:
    def write(writer: Writer, arguments: list[Any]) -> str:
        first, *others = arguments
        rest = "".join(f", {writer.sql(node)}" for node in others)
        return f"redshift.{name}({_moment(writer, first)}{rest})"

    return write


def _convert_timezone(writer: Writer, arguments: list[Any]) -> str:
    *zones, moment = arguments
    written = [*map(writer.sql, zones), _moment(writer, moment)]
    return f"redshift.convert_timezone({', '.join(written)})"


# --- conditions and text --------------------------------------------------------------------------


def _nvl2(writer: Writer, arguments: list[Any]) -> str:
    value, present, absent = map(writer.sql, _arguments("NVL2", arguments, 3))
    return f"CASE WHEN {value} IS NOT NULL THEN {present} ELSE {absent} END"


def _decode(writer: Writer, arguments: list[Any]) -> str:
    if len(arguments) < 3:
        raise UnsupportedSqlError("DECODE with fewer than three arguments")
    value, *rest = map(writer.sql, arguments)
    cases = "".join(
        f" WHEN {value} IS NOT DISTINCT FROM {search} THEN {result}"
        for search, result in zip(rest[::2], rest[1::2], strict=False)
    )
    default = f" ELSE {rest[-1]}" if len(rest) % 2 else ""
    return f"CASE{cases}{default} END"


def _concat(writer: Writer, arguments: list[Any]) -> str:
    # Postgres' CONCAT skips NULLs; in Redshift one makes the whole NULL
    first, second = map(writer.sql, _arguments("CONCAT", arguments, 2))
    return f"(CAST({first} AS varchar) || CAST({second} AS varchar))"


def _charindex(writer: Writer, arguments: list[Any]) -> str:
    part, text = map(writer.sql, _arguments("CHARINDEX", arguments, 2))
    return f"STRPOS({text}, {part})"


def _arguments(name: str, arguments: list[Any], count: int) -> list[Any]:
    if len(arguments) != count:
        raise UnsupportedSqlError(f"{name} with {len(arguments)} arguments instead of {count}")
    return arguments


# --- aggregates -----------------------------------------------------------------------------------


def _median(writer: Writer, arguments: list[Any]) -> str:
    (value,) = _arguments("MEDIAN", arguments, 1)
    return f"redshift.percentile_cont(0.5, {writer.sql(value)})"


def listagg(writer: Writer, arguments: list[Any], order: str = "") -> str:
    """The text of all values; without a separator they just follow each other."""
    distinct = isinstance(arguments[0], exp.Distinct)
    value, *others = arguments[0].expressions if distinct else arguments
    separator = writer.sql(others[0]) if others else "''"
    text = writer.sql(value)
    if distinct:
        # DISTINCT sorts by the value itself, so numbers sort as numbers
        return (
            f"ARRAY_TO_STRING(ARRAY_AGG(DISTINCT {text}{order}) FILTER (WHERE {text} IS NOT NULL),"
            f" {separator})"
        )
    return f"STRING_AGG(CAST({text} AS varchar), {separator}{order})"


def ordered_aggregate(writer: Writer, node: exp.WithinGroup) -> str:
    """`LISTAGG(...)` and percentiles `WITHIN GROUP (ORDER BY ...)`."""
    function, order = node.this, node.expression
    name = function.name.lower() if isinstance(function, exp.Anonymous) else ""
    if name == "listagg":
        return listagg(writer, function.expressions, writer.sql(order))
    if name == "percentile_cont" and len(order.expressions) == 1:
        (fraction,) = _arguments("PERCENTILE_CONT", function.expressions, 1)
        ordered = order.expressions[0]
        share = writer.sql(fraction)
        if ordered.args.get("desc"):
            share = f"1 - {share}"
        return f"redshift.percentile_cont({share}, {writer.sql(ordered.this)})"
    if name == "percentile_disc":
        return (
            f"PERCENTILE_DISC({writer.sql(function.expressions[0])})"
            f" WITHIN GROUP ({writer.sql(order).strip()})"
        )
    raise UnsupportedSqlError(f"WITHIN GROUP of {name.upper() or function.sql()}")


_REWRITES: Final[dict[str, Callable[[Writer, list[Any]], str]]] = {
    "add_months": _with_moment_first("add_months"),
    "charindex": _charindex,
    "concat": _concat,
    "convert_timezone": _convert_timezone,
    "date_add": _dateadd,
    "date_diff": _datediff,
    "date_part": _date_part,
    "date_trunc": _date_trunc,
    "dateadd": _dateadd,
    "datediff": _datediff,
    "decode": _decode,
    "last_day": _with_moment_first("last_day"),
    "listagg": listagg,
    "median": _median,
    "months_between": _of_moment("months_between"),
    "next_day": _with_moment_first("next_day"),
    "nvl2": _nvl2,
}
