"""SELECT, INSERT, UPDATE, DELETE and MERGE: read by sqlglot, rewritten where meanings differ."""

from dataclasses import dataclass

from sqlglot import exp

from local.warehouse.dialect import grammar, names, select, super_values
from local.warehouse.dialect.errors import SqlSyntaxError, UnsupportedSqlError
from local.warehouse.dialect.statement import ColumnLookup

# what sqlglot reads and Redshift does not have, or has and nothing here translates
_REFUSED: dict[type[exp.Expr], str] = {
    exp.Array: "ARRAY[...]",
    exp.Command: "this statement",
    exp.Connect: "CONNECT BY",
    exp.Fetch: "FETCH FIRST",
    exp.Filter: "FILTER (WHERE ...) on an aggregate",
    exp.JSONExtract: "the operator ->",
    exp.JSONExtractScalar: "the operator ->>",
    exp.JSONBExtract: "the operator #>",
    exp.JSONBExtractScalar: "the operator #>>",
    exp.JoinHint: "a join hint",
    exp.Lateral: "LATERAL",
    exp.Lock: "FOR UPDATE",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    exp.ObjectTransform: "OBJECT_TRANSFORM",
    exp.OnConflict: "ON CONFLICT",
    exp.Returning: "RETURNING",
    exp.Slice: "a slice of an array",
    exp.TableSample: "TABLESAMPLE",
    exp.TryCast: "TRY_CAST",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query as Postgres SQL, the tables it names, and its names that Postgres would cut."""

    sql: str
    touches: frozenset[str]
    long_names: tuple[str, ...] = ()
    into: exp.Into | None = None


def translate_query(sql: str, *, columns_of: ColumnLookup | None = None) -> Query:
    """A SELECT; raises UnsupportedSqlError, also for a statement that is no query."""
    tree = grammar.parse(sql)
    if not isinstance(tree, exp.Query):
        raise UnsupportedSqlError(f"{tree.key.upper()} where a query belongs")
    return _translate(tree, columns_of)


def translate_dml(sql: str, *, columns_of: ColumnLookup | None = None) -> Query:
    """An INSERT, UPDATE, DELETE or MERGE."""
    tree = grammar.parse(sql)
    if not isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge):
        raise UnsupportedSqlError(f"{tree.key.upper()} where INSERT, UPDATE or DELETE belongs")
    return _translate(tree, columns_of)


def translate_expression(sql: str) -> str:
    """A value without a FROM: a default, or the argument of a CALL."""
    tree = grammar.parse(f"SELECT {sql}")
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or tree.args.get("from_"):
        raise SqlSyntaxError(f"syntax error at or near {sql!r}")
    _translate_tree(tree, None)
    value = tree.expressions[0]
    return grammar.write(value.this if isinstance(value, exp.Alias) else value)


def _translate(tree: exp.Expression, columns_of: ColumnLookup | None) -> Query:
    touches = _tables(tree)
    long_names = tuple(
        identifier.name
        for identifier in tree.find_all(exp.Identifier)
        if names.is_long(identifier.name)
    )
    into = tree.args.get("into")
    if into is not None:
        tree.set("into", None)
    _translate_tree(tree, columns_of)
    return Query(sql=grammar.write(tree), touches=touches, long_names=long_names, into=into)


def _translate_tree(tree: exp.Expression, columns_of: ColumnLookup | None) -> None:
    _refuse(tree)
    super_values.resolve(tree)
    _keep_output_names(tree)
    select.rewrite(tree, columns_of)
    super_values.compare(tree)
    for node in list(tree.find_all(exp.Delete, exp.Update, exp.Merge)):
        _complete(node)


def _refuse(tree: exp.Expression) -> None:
    for node in tree.walk():
        construct = _REFUSED.get(type(node))
        if construct is None and isinstance(node, exp.Select):
            construct = _refused_clause(node)
        if isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
            construct = "VALUES as a table"
        if isinstance(node, exp.Column) and node.args.get("join_mark"):
            construct = "the join operator (+)"
        if construct is not None:
            raise UnsupportedSqlError(construct)


def _refused_clause(node: exp.Select) -> str | None:
    distinct = node.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        return "DISTINCT ON"
    return "the WINDOW clause" if node.args.get("windows") else None


def _keep_output_names(tree: exp.Expression) -> None:
    """Name the columns whose expression will be written as something else."""
    for node in tree.find_all(exp.Select):
        if isinstance(node.parent, exp.Insert | exp.In | exp.Exists):
            continue
        for item in list(node.expressions):
            if not (item.is_star or isinstance(item, exp.Alias | exp.Column)):
                name = select.output_name(item)
                item.replace(exp.alias_(item.copy(), name, quoted=True))


def _complete(node: exp.Expr) -> None:
    """What sqlglot reads in a way it does not write."""
    if isinstance(node, exp.Delete) and node.args.get("tables"):
        # DELETE t WHERE ..., which Redshift allows
        (target,) = node.args["tables"]
        node.set("tables", None)
        node.set("this", target)
    elif isinstance(node, exp.Update):
        for assignment in node.expressions:
            value = assignment.expression
            if isinstance(value, exp.Column) and value.name.lower() == "default":
                assignment.set("expression", exp.Var(this="DEFAULT"))
    elif isinstance(node, exp.Merge):
        _complete_merge(node)


def _complete_merge(node: exp.Merge) -> None:
    whens = node.args["whens"].expressions
    if {when.args["matched"] for when in whens} != {True, False} or len(whens) != 2:
        raise UnsupportedSqlError("MERGE without one WHEN MATCHED and one WHEN NOT MATCHED")
    for when in whens:
        then = when.args["then"]
        if when.args.get("condition") is not None:
            raise UnsupportedSqlError("WHEN MATCHED AND ... of a MERGE")
        columns = then.this if isinstance(then, exp.Insert) else None
        values = columns.expressions[0] if isinstance(columns, exp.Tuple) else None
        if isinstance(values, exp.Anonymous) and values.name.lower() == "values":
            # INSERT VALUES (...): without a list of columns sqlglot takes VALUES for a function
            then.set("this", None)
            then.set("expression", exp.Tuple(expressions=values.expressions))


def _tables(tree: exp.Expression) -> frozenset[str]:
    common = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return frozenset(
        ".".join(part.name.lower() for part in table.parts[-2:])
        for table in tree.find_all(exp.Table)
        if table.args.get("db") or table.name.lower() not in common
    )
