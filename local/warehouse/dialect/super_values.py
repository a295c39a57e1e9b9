"""Paths into SUPER values, told apart from qualified columns, and arrays used as tables.

`a.b.c` may be a column of a table in a schema or a key of a key of a column: it is a column where
`a` (or `a.b`) names something in FROM, and a path otherwise.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from local.warehouse.dialect.errors import UnsupportedSqlError
from local.warehouse.dialect.nodes import SuperPath, Unnesting, super_valued

_COMPARISONS: tuple[type[exp.Expr], ...] = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_CALCULATIONS: tuple[type[exp.Expr], ...] = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
_STATEMENTS = (exp.Select, exp.Update, exp.Delete, exp.Merge)
_CHAINS = (exp.Column, exp.Dot, exp.Bracket)

Step = str | exp.Expr
"""A key, or a position in brackets."""


@dataclass(slots=True)
class _Scope:
    """What the names before a dot can mean in one statement."""

    tables: set[str] = field(default_factory=set)
    qualified: set[tuple[str, ...]] = field(default_factory=set)
    elements: set[str] = field(default_factory=set)

    def add(self, other: "_Scope") -> None:
        self.tables |= other.tables
        self.qualified |= other.qualified
        self.elements |= other.elements


def resolve(tree: exp.Expression, variables: frozenset[str]) -> None:
    """Put SuperPath and Unnesting nodes where the tree has columns and tables that are neither."""
    # from the root down, each node with what the statements around it read from
    pending: list[tuple[exp.Expr, _Scope]] = [(tree, _Scope(tables=set(variables)))]
    while pending:
        node, scope = pending.pop()
        if isinstance(node, _CHAINS):
            if not node.is_star:
                _resolve_chain(node, scope)
            continue
        if isinstance(node, _STATEMENTS):
            scope = _unnest_sources(node, scope)
        pending += [(child, scope) for child in node.iter_expressions()]


def give_types(tree: exp.Expression) -> None:
    """Give SUPER values in an operation the type the operation needs.

    Postgres would compare, subtract and concatenate them as JSON. Compared values of different
    types, and calculations with what is no number, are NULL.
    """
    if tree.find(SuperPath, exp.Anonymous) is None:
        return
    for node in list(tree.find_all(*_COMPARISONS, *_CALCULATIONS, exp.DPipe)):
        if node.arg_key == "expressions" and isinstance(node.parent, exp.Update):
            continue  # SET a = b
        operands = [node.this, node.expression]
        if not any(map(super_valued, operands)):
            continue
        if isinstance(node, _COMPARISONS):
            call = exp.Anonymous(
                this="redshift.super_compare", expressions=[_as_super(item) for item in operands]
            )
            node.set("this", call)
            node.set("expression", exp.Literal.number(0))
            continue
        as_type = _as_text if isinstance(node, exp.DPipe) else _as_number
        node.set("this", as_type(node.this))
        node.set("expression", as_type(node.expression))


def _as_super(node: exp.Expr) -> exp.Expr:
    return node if super_valued(node) else exp.cast(node, exp.DType.SUPER)


def _as_text(node: exp.Expr) -> exp.Expr:
    return exp.cast(node, exp.DType.VARCHAR) if super_valued(node) else node


def _as_number(node: exp.Expr) -> exp.Expr:
    if not super_valued(node):
        return node
    return exp.Anonymous(this="redshift.super_number", expressions=[node])


# --- arrays as tables -----------------------------------------------------------------------------


def _unnest_sources(statement: exp.Expr, outer: _Scope) -> _Scope:
    """Replace the arrays among the sources of one statement; what names then mean in it."""
    scope = _Scope()
    scope.add(outer)
    for source in _sources(statement):
        unnesting = _unnesting(source, scope)
        if unnesting is not None:
            source.replace(unnesting)
            scope.elements.add(unnesting.args["alias"].name.lower())
        elif isinstance(source, exp.Table):
            parts = tuple(part.name.lower() for part in source.parts)
            scope.tables.add(source.alias_or_name.lower())
            if not source.alias:
                scope.qualified |= {parts[-length:] for length in range(2, len(parts) + 1)}
        elif source.alias_or_name:
            scope.tables.add(source.alias_or_name.lower())
    return scope


def _sources(statement: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(statement, exp.Update | exp.Delete | exp.Merge):
        if isinstance(statement.this, exp.Expr):
            yield statement.this
        yield from statement.args.get("tables") or ()
        using = statement.args.get("using") or ()
        yield from [using] if isinstance(using, exp.Expr) else using
    origin = statement.args.get("from_")
    nested = [origin.this] if origin else []
    nested += [join.this for join in statement.args.get("joins") or ()]
    for source in nested:
        yield source
        for join in source.args.get("joins") or ():
            yield join.this


def _unnesting(source: exp.Expr, scope: _Scope) -> Unnesting | None:
    """`s.items AS i AT p`, as sqlglot reads it, if `s` is a source itself."""
    position = None
    node = source
    if isinstance(node, exp.AtIndex):
        position, node = node.expression, node.this
    alias: exp.Expr | None
    if isinstance(node, exp.Alias):
        alias, value = node.args["alias"], node.this
    elif isinstance(node, exp.Unnest):
        columns = node.args["alias"].columns if node.args.get("alias") else []
        alias, value = (columns[0] if columns else None), node.expressions[0]
    else:
        alias = node.args["alias"].this if node.args.get("alias") else None
        value = node
    steps = _steps(value)
    if steps is None or len(steps) < 2 or not isinstance(steps[0], str):
        return None
    if steps[0] not in scope.tables | scope.elements:
        return None
    if alias is None:
        raise UnsupportedSqlError("an array in FROM without an alias")
    return Unnesting(this=_path(steps, scope), alias=alias.copy(), offset=position)


# --- paths ----------------------------------------------------------------------------------------


def _steps(node: exp.Expr) -> list[Step] | None:
    """The parts of a chain; None if it is something else, such as a call in a schema."""
    if isinstance(node, exp.Bracket):
        before = _steps(node.this)
        return None if before is None else [*before, *node.expressions]
    if isinstance(node, exp.Dot):
        before = _steps(node.this)
        if before is None or not isinstance(node.expression, exp.Identifier):
            return None
        return [*before, node.expression.name.lower()]
    if isinstance(node, exp.Column | exp.Table):
        return [part.name.lower() for part in node.parts]
    return None


def _resolve_chain(node: exp.Expr, scope: _Scope) -> None:
    if isinstance(node, exp.Column) and not node.table:
        return
    steps = _steps(node)
    if steps is None or not (scope.tables or scope.elements):
        return
    replacement = _path(steps, scope)
    if not (isinstance(node, exp.Column) and isinstance(replacement, exp.Column)):
        node.replace(replacement)


def _path(steps: list[Step], scope: _Scope) -> exp.Expr:
    """The column a chain starts with, and the way from there into its value."""
    length = _column_length(steps, scope)
    column = exp.Column(
        **dict(
            zip(
                ("this", "table", "db", "catalog"),
                (exp.to_identifier(str(part)) for part in reversed(steps[:length])),
                strict=False,
            )
        )
    )
    rest = steps[length:]
    if not rest:
        return column
    keys = [exp.Literal.string(step) if isinstance(step, str) else step.copy() for step in rest]
    return SuperPath(this=column, expressions=keys)


def _column_length(steps: list[Step], scope: _Scope) -> int:
    leading = []
    for step in steps:
        if not isinstance(step, str):
            break
        leading.append(step)
    for length in (3, 2):
        if tuple(leading[:length]) in scope.qualified and len(leading) > length:
            return length + 1
    if leading[0] in scope.tables and len(leading) > 1:
        return 2
    return 1
