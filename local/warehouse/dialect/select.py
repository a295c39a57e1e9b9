"""The clauses of a SELECT that Postgres lacks: QUALIFY, PIVOT, EXCLUDE, aliases used beside them.

Each is rewritten to what it means. Where that depends on the columns of a table, they are asked
for; where nobody can say, the clause is refused.
"""

from collections.abc import Callable, Iterator
from itertools import chain

from sqlglot import exp

from local.warehouse.dialect import names
from local.warehouse.dialect.errors import UnknownColumnsError, UnsupportedSqlError
from local.warehouse.dialect.nodes import SuperPath, Unnesting
from local.warehouse.dialect.statement import ColumnLookup

_CONDITION = "redshift_qualify"


def rewrite(selects: list[exp.Select], columns_of: ColumnLookup | None) -> None:
    """Rewrite the SELECTs of a statement in place; they come with the outermost first."""
    columns = _Columns(columns_of)
    for select in reversed(selects):
        _expand_pivots(select, columns)
        _expand_excludes(select, columns)
        _substitute_aliases(select, columns)
        _expand_qualify(select)


def output_name(node: exp.Expr) -> str:
    """The name the server gives to a column of a result."""
    if isinstance(node, exp.Alias | exp.Column):
        return node.alias_or_name
    if isinstance(node, exp.Cast):
        inner = output_name(node.this)
        return _TYPE_NAMES.get(node.to.this, "?column?") if inner == "?column?" else inner
    if isinstance(node, exp.Paren):
        return output_name(node.this)
    if isinstance(node, exp.Dot):
        return output_name(node.expression)
    if isinstance(node, exp.Window | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        return output_name(node.this)
    if isinstance(node, exp.Anonymous):
        return _FUNCTION_NAMES.get(node.name.lower(), node.name.lower())
    if isinstance(node, SuperPath):
        last = node.expressions[-1]
        return last.name if last.is_string else output_name(node.this)
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Select):
        return output_name(node.this.expressions[0])
    return _NODE_NAMES.get(type(node), "?column?")


_FUNCTION_NAMES = {
    "nvl": "coalesce",
    "isnull": "coalesce",
    "nvl2": "case",
    "decode": "case",
    "dateadd": "date_add",
    "datediff": "date_diff",
}
_TYPE_NAMES = {
    exp.DType.SMALLINT: "int2",
    exp.DType.INT: "int4",
    exp.DType.BIGINT: "int8",
    exp.DType.FLOAT: "float4",
    exp.DType.DOUBLE: "float8",
    exp.DType.DECIMAL: "numeric",
    exp.DType.BOOLEAN: "bool",
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMP: "timestamp",
    exp.DType.TIMESTAMPTZ: "timestamptz",
    exp.DType.CHAR: "bpchar",
    exp.DType.VARCHAR: "varchar",
    exp.DType.TEXT: "text",
}
_NODE_NAMES: dict[type[exp.Expr], str] = {
    exp.Case: "case",
    exp.CurrentDate: "date",
    exp.CurrentTimestamp: "timestamp",
    exp.CurrentSchema: "current_schema",
    exp.CurrentUser: "current_user",
    exp.Exists: "exists",
    exp.Extract: "date_part",
    exp.SessionUser: "session_user",
    exp.StrPosition: "position",
    exp.Substring: "substring",
    exp.Trim: "btrim",
}


# --- which columns there are ----------------------------------------------------------------------


class _Columns:
    """The names of the columns of what a query reads from; None where nobody can say."""

    def __init__(self, columns_of: ColumnLookup | None) -> None:
        self._columns_of = columns_of

    def of_select(self, select: exp.Select) -> list[str] | None:
        """The columns of all sources together."""
        found: list[str] = []
        for source in sources(select):
            columns = self.of_source(source)
            if columns is None:
                return None
            found += columns
        return found

    def of_source(self, source: exp.Expr) -> list[str] | None:
        """The columns of one table, subquery or unnested array."""
        if isinstance(source, Unnesting):
            return [part.name for part in (source.args["alias"], source.args.get("offset")) if part]
        alias = source.args.get("alias")
        renamed = [column.name.lower() for column in alias.columns] if alias else []
        columns = self._of_unrenamed(source)
        if columns is None:
            return None
        return renamed + columns[len(renamed) :]

    def _of_unrenamed(self, source: exp.Expr) -> list[str] | None:
        if isinstance(source, exp.Subquery):
            return self.of_query(source.this)
        if not isinstance(source, exp.Table):
            return None
        cte = _common_table(source)
        if cte is not None:
            renamed = [column.name.lower() for column in cte.args["alias"].columns]
            columns = self.of_query(cte.this)
            return renamed or columns
        if self._columns_of is None:
            return None
        parts = [part.name for part in source.parts]
        found = self._columns_of(names.dotted(parts))
        return [names.logical_name(column) for column in found] or None

    def of_query(self, query: exp.Expr) -> list[str] | None:
        """The columns of a query's result."""
        while isinstance(query, exp.SetOperation | exp.Subquery):
            query = query.this
        if not isinstance(query, exp.Select):
            return None
        found: list[str] = []
        for item in query.expressions:
            if not item.is_star:
                found.append(output_name(item).lower())
                continue
            columns = self.of_star(query, item)
            if columns is None:
                return None
            found += columns
        return found

    def of_star(self, select: exp.Select, star: exp.Expr) -> list[str] | None:
        """The columns `*` or `t.*` stands for, without those excluded."""
        inner = star.this if isinstance(star, exp.Column) else star
        excluded = {column.name.lower() for column in inner.args.get("except_") or ()}
        if any(join.args.get("using") or join.method for join in select.args.get("joins") or ()):
            return None
        table = star.text("table").lower()
        found: list[str] = []
        for source in sources(select):
            if table and source.alias_or_name.lower() != table:
                continue
            columns = self.of_source(source)
            if columns is None:
                return None
            found += columns
        return [column for column in found if column not in excluded]


def sources(select: exp.Expr) -> Iterator[exp.Expr]:
    """What a SELECT reads from, in order."""
    origin = select.args.get("from_")
    joins = (join.this for join in select.args.get("joins") or ())
    return chain([origin.this] if origin else [], joins)


def _common_table(table: exp.Table) -> exp.CTE | None:
    if table.args.get("db"):
        return None
    node: exp.Expr | None = table
    while node is not None:
        clause = node.args.get("with_")
        for cte in clause.expressions if clause else ():
            if cte.alias.lower() == table.name.lower():
                return cte if isinstance(cte, exp.CTE) else None
        node = node.parent
    return None


# --- EXCLUDE --------------------------------------------------------------------------------------


def _expand_excludes(select: exp.Select, columns: _Columns) -> None:
    for item in select.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        if not (isinstance(star, exp.Star) and star.args.get("except_")):
            continue
        found = columns.of_star(select, item)
        if found is None:
            raise UnknownColumnsError("EXCLUDE from a source whose columns are not known")
        _expand_star(select, item, found)


def _expand_star(select: exp.Select, item: exp.Expr, found: list[str]) -> None:
    table = item.text("table")
    expanded: list[exp.Expr] = []
    for projection in select.expressions:
        if projection is item:
            expanded += [exp.column(name, table=table or None) for name in found]
        else:
            expanded.append(projection)
    select.set("expressions", expanded)


# --- aliases used in the same SELECT --------------------------------------------------------------


def _substitute_aliases(select: exp.Select, columns: _Columns) -> None:
    """Replace aliases used beside or below their definition by what they stand for.

    A column of a source goes before an alias of the same name (SELECT list, developer guide).
    """
    defined: dict[str, exp.Expr] = {}
    known: list[list[str] | None] = []
    for item in select.expressions:
        if defined:
            _substitute(item, defined, select, columns, known)
        if isinstance(item, exp.Alias):
            defined.setdefault(item.alias.lower(), item.this)
    qualify = select.args.get("qualify")
    if qualify and defined:
        _substitute(qualify, defined, select, columns, known)


def _substitute(
    item: exp.Expr,
    defined: dict[str, exp.Expr],
    select: exp.Select,
    columns: _Columns,
    known: list[list[str] | None],
) -> None:
    for column in list(item.find_all(exp.Column)):
        name = column.name.lower()
        if column.table or name not in defined or column.parent_select is not select:
            continue
        meaning = defined[name]
        if _same_column(meaning, name):
            continue
        if not known:
            known.append(columns.of_select(select))
        if known[0] is None:
            if _mentions(meaning, name):
                continue  # the alias is made of a column of its own name, so there is one
            raise UnknownColumnsError(
                f"the alias {name}, used beside its definition while the columns of the sources"
                " are not known,"
            )
        if name not in known[0]:
            column.replace(exp.Paren(this=meaning.copy()))


def _same_column(meaning: exp.Expr, name: str) -> bool:
    return isinstance(meaning, exp.Column) and meaning.name.lower() == name


def _mentions(meaning: exp.Expr, name: str) -> bool:
    return any(
        not column.table and column.name.lower() == name for column in meaning.find_all(exp.Column)
    )


# --- QUALIFY --------------------------------------------------------------------------------------


def _expand_qualify(select: exp.Select) -> None:
    """Filter by window functions: the SELECT goes inside, its condition becomes a column.

    The columns are numbered inside and get their names back outside; `*` travels as one row value
    for each source, so the condition never shows.
    """
    qualify = select.args.get("qualify")
    if not qualify:
        return
    inner = exp.Select(
        **{
            key: select.args.pop(key)
            for key in ("from_", "joins", "where", "group", "having")
            if select.args.get(key)
        }
    )
    shown: list[exp.Expr] = []
    carried: list[exp.Expr] = []

    def carry(node: exp.Expr) -> exp.Column:
        carried.append(exp.alias_(node, f"c{len(carried)}", quoted=True))
        return exp.column(carried[-1].alias)

    for item in select.expressions:
        if item.is_star:
            for source in _starred(inner, item):
                whole = exp.Column(this=exp.Identifier(this=source.alias_or_name, quoted=True))
                shown.append(exp.Column(this=exp.Star(), table=exp.Paren(this=carry(whole))))
        else:
            value = item.this if isinstance(item, exp.Alias) else item
            shown.append(exp.alias_(carry(value), output_name(item), quoted=True))
    _carry_order(select, shown, carry)
    carried.append(exp.alias_(qualify.this, _CONDITION, quoted=True))
    inner.set("expressions", carried)
    select.set("qualify", None)
    select.set("expressions", shown)
    select.set("from_", exp.From(this=exp.Subquery(this=inner, alias=exp.to_identifier("q"))))
    select.set("where", exp.Where(this=exp.column(_CONDITION)))


def _starred(inner: exp.Select, star: exp.Expr) -> list[exp.Expr]:
    if any(join.args.get("using") or join.method for join in inner.args.get("joins") or ()):
        raise UnsupportedSqlError("QUALIFY of a SELECT * that joins by USING or NATURAL")
    table = star.text("table").lower()
    found = [
        source for source in sources(inner) if not table or source.alias_or_name.lower() == table
    ]
    if not all(source.alias_or_name for source in found):
        raise UnsupportedSqlError("QUALIFY of a SELECT * from a subquery without a name")
    return found


def _carry_order(
    select: exp.Select, shown: list[exp.Expr], carry: Callable[[exp.Expr], exp.Column]
) -> None:
    order = select.args.get("order")
    names_shown = {output_name(item).lower() for item in shown if not item.is_star}
    for ordered in order.expressions if order else ():
        key = ordered.this
        is_position = isinstance(key, exp.Literal)
        is_output = (
            isinstance(key, exp.Column) and not key.table and key.name.lower() in names_shown
        )
        if not is_position and not is_output:
            ordered.set("this", carry(key))


# --- PIVOT ----------------------------------------------------------------------------------------


def _expand_pivots(select: exp.Select, columns: _Columns) -> None:
    for source in list(sources(select)):
        pivots = source.args.get("pivots") or ()
        if isinstance(source, exp.Pivot) or any(pivot.args.get("unpivot") for pivot in pivots):
            raise UnsupportedSqlError("UNPIVOT")
        if len(pivots) > 1:
            raise UnsupportedSqlError("more than one PIVOT of a source")
        if pivots:
            _expand_pivot(source, pivots[0], columns)


def _expand_pivot(source: exp.Expr, pivot: exp.Pivot, columns: _Columns) -> None:
    """Group by every column the PIVOT does not mention; one filtered aggregate for each value."""
    fields = pivot.args["fields"]
    if len(fields) != 1 or not isinstance(fields[0], exp.In):
        raise UnsupportedSqlError("PIVOT over more than one column")
    available = columns.of_source(source)
    if available is None:
        raise UnknownColumnsError("PIVOT of a source whose columns are not known")
    key = fields[0].this
    aggregates = pivot.expressions
    used = {column.name.lower() for item in aggregates for column in item.find_all(exp.Column)}
    groups = [exp.column(name) for name in available if name not in used | {key.name.lower()}]
    titles = [identifier.name for identifier in pivot.args["columns"]]
    values = [(value, aggregate) for value in fields[0].expressions for aggregate in aggregates]
    if len(titles) != len(values):
        raise UnsupportedSqlError("PIVOT with values that have no name")
    pivoted = [
        exp.alias_(_filtered(aggregate, key, value), title.lower(), quoted=True)
        for (value, aggregate), title in zip(values, titles, strict=True)
    ]
    alias = pivot.args.get("alias") or exp.TableAlias(this=exp.to_identifier("p"))
    plain = source.copy()
    plain.set("pivots", None)
    if isinstance(plain, exp.Subquery) and not plain.alias:
        plain.set("alias", exp.TableAlias(this=exp.to_identifier("pivoted")))
    query = exp.Select(expressions=[*groups, *pivoted], from_=exp.From(this=plain))
    if groups:
        query.set("group", exp.Group(expressions=[group.copy() for group in groups]))
    source.replace(exp.Subquery(this=query, alias=alias))


def _filtered(aggregate: exp.Expr, key: exp.Expr, value: exp.Expr) -> exp.Expr:
    call = aggregate.this if isinstance(aggregate, exp.Alias) else aggregate
    wanted = value.this if isinstance(value, exp.PivotAlias | exp.Alias) else value
    condition: exp.Expr = (
        exp.Is(this=key.copy(), expression=exp.Null())
        if isinstance(wanted, exp.Null)
        else exp.EQ(this=key.copy(), expression=wanted.copy())
    )
    return exp.Filter(this=call.copy(), expression=exp.Where(this=condition))
