"""Calls with OVER: the frames Redshift asks for, and the window functions Postgres lacks."""

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from local.warehouse.dialect.errors import UnsupportedSqlError
from local.warehouse.dialect.functions import Writer, listagg

_FRAMED: Final = frozenset(
    [
        "avg",
        "count",
        "first_value",
        "last_value",
        "max",
        "min",
        "nth_value",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "sum",
        "var_pop",
        "var_samp",
        "variance",
    ]
)
_IGNORING_NULLS: Final = {
    "first_value": "redshift.first_not_null",
    "last_value": "redshift.last_not_null",
    "lag": "redshift.last_not_null",
    "lead": "redshift.first_not_null",
}
_NEIGHBOURS: Final = {
    "lag": "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
    "lead": "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING",
}


def window(writer: Writer, node: exp.Window, default: Callable[[exp.Window], str]) -> str:
    """A call with OVER; raises UnsupportedSqlError for windows Redshift or Postgres lacks."""
    function = node.this
    if isinstance(function, exp.WithinGroup):
        return _ordered_window(writer, node, function, default)
    function, ignores_nulls = _null_treatment(function)
    name = function.name.lower() if isinstance(function, exp.Anonymous) else ""
    if name in _FRAMED and node.args.get("order") and not node.args.get("spec"):
        raise UnsupportedSqlError(
            f"{name.upper()}() OVER (ORDER BY ...) without a frame such as"
            " ROWS UNBOUNDED PRECEDING, which Redshift requires"
        )
    if name == "ratio_to_report":
        over = _over(node, default)
        value = writer.sql(function.expressions[0])
        return f"(CAST({value} AS double precision) / NULLIF(SUM({value}){over}, 0))"
    if name == "listagg":
        return _listagg_window(writer, node, function, None, default)
    if ignores_nulls:
        return _ignoring_nulls(writer, node, function, name, default)
    return writer.sql(function) + _over(node, default)


def _over(node: exp.Window, default: Callable[[exp.Window], str]) -> str:
    """` OVER (...)` alone."""
    bare = exp.Window(**{**node.args, "this": exp.Var(this="")})
    return " " + default(bare).lstrip()


def _null_treatment(function: Any) -> tuple[Any, bool]:
    """The call without its IGNORE or RESPECT NULLS, and whether NULLs are ignored."""
    ignores = False
    if isinstance(function, exp.IgnoreNulls | exp.RespectNulls):
        ignores = isinstance(function, exp.IgnoreNulls)
        function = function.this
    if isinstance(function, exp.Anonymous) and function.expressions:
        first = function.expressions[0]
        if isinstance(first, exp.IgnoreNulls | exp.RespectNulls):
            ignores = isinstance(first, exp.IgnoreNulls)
            function = exp.Anonymous(
                this=function.this, expressions=[first.this, *function.expressions[1:]]
            )
    return function, ignores


def _ignoring_nulls(
    writer: Writer,
    node: exp.Window,
    function: exp.Anonymous,
    name: str,
    default: Callable[[exp.Window], str],
) -> str:
    replacement = _IGNORING_NULLS.get(name)
    offset = function.expressions[1:]
    if replacement is None or (offset and [item.sql() for item in offset] != ["1"]):
        raise UnsupportedSqlError(f"IGNORE NULLS of {name.upper()} with these arguments")
    over = _over(node, default)
    if name in _NEIGHBOURS:
        over = f"{over.removesuffix(')')} {_NEIGHBOURS[name]})"
    return f"{replacement}({writer.sql(function.expressions[0])}){over}"


def _ordered_window(
    writer: Writer,
    node: exp.Window,
    function: exp.WithinGroup,
    default: Callable[[exp.Window], str],
) -> str:
    name = function.this.name.lower()
    if name == "listagg":
        return _listagg_window(writer, node, function.this, function.expression, default)
    if name == "percentile_cont":
        return writer.sql(function) + _over(node, default)
    raise UnsupportedSqlError(f"{name.upper()} WITHIN GROUP as a window function")


def _listagg_window(
    writer: Writer,
    node: exp.Window,
    function: exp.Anonymous,
    order: exp.Expr | None,
    default: Callable[[exp.Window], str],
) -> str:
    # Postgres has no ORDER BY inside an aggregate over a window: the window itself is ordered,
    # and its frame is the whole partition
    if isinstance(function.expressions[0], exp.Distinct):
        raise UnsupportedSqlError("LISTAGG(DISTINCT ...) as a window function")
    over = _over(node, default).removesuffix(")")
    if order is not None:
        frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
        over += f"{writer.sql(order)} {frame}"
    return f"{listagg(writer, function.expressions)}{over})"
