"""SELECT, INSERT, UPDATE, DELETE and MERGE: read by sqlglot, rewritten where meanings differ."""

from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.tokenizer_core import Token

from local.warehouse.dialect import grammar, names, select, super_values
from local.warehouse.dialect.errors import SqlSyntaxError, UnsupportedSqlError
from local.warehouse.dialect.nodes import Bound
from local.warehouse.dialect.statement import NOWHERE, Context

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


def translate_query(
    sql: str, *, tokens: list[Token] | None = None, context: Context = NOWHERE
) -> Query:
    """A SELECT; raises UnsupportedSqlError, also for a statement that is no query."""
    tree = grammar.parse(sql, tokens)
    if not isinstance(tree, exp.Query):
        raise UnsupportedSqlError(f"{tree.key.upper()} where a query belongs")
    return _translate(tree, context)


def translate_dml(
    sql: str, *, tokens: list[Token] | None = None, context: Context = NOWHERE
) -> Query:
    """An INSERT, UPDATE, DELETE or MERGE."""
    tree = grammar.parse(sql, tokens)
    if not isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge):
        raise UnsupportedSqlError(f"{tree.key.upper()} where INSERT, UPDATE or DELETE belongs")
    return _translate(tree, context)


def translate_expression(sql: str, *, context: Context = NOWHERE) -> str:
    """A value without a FROM: a default, or the argument of a CALL."""
    tree = grammar.parse(f"SELECT {sql}")
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or tree.args.get("from_"):
        raise SqlSyntaxError(f"syntax error at or near {sql!r}")
    tree.set("expressions", [_bound(tree.expressions[0], context)])
    _rewrite(tree, _survey(tree), context)
    value = tree.expressions[0]
    return grammar.write(value.this if isinstance(value, exp.Alias) else value)


# calls whose first argument is the name of a part of a date, which sqlglot reads as a column
_DATE_PARTS = (
    "date_add",
    "date_diff",
    "date_part",
    "date_trunc",
    "dateadd",
    "datediff",
    "datepart",
)


def _bound(tree: exp.Expr, context: Context) -> exp.Expr:
    """The tree with a procedure's variables in the place of the columns they hide."""
    if not context.bindings and not context.records:
        return tree
    for parameter in list(tree.find_all(exp.Parameter)):
        kind = context.bindings.get(f"${parameter.name}")
        if kind is not None:
            bound = Bound(this=f"${parameter.name}", kind=kind)
            if parameter is tree:
                return bound
            parameter.replace(bound)
    for column in list(tree.find_all(exp.Column)):
        name = ".".join(part.name.lower() for part in column.parts)
        kind = context.bindings.get(name)
        if kind is None and column.table.lower() in context.records and not column.is_star:
            kind = "varchar"
        if kind is None or _names_a_place(column):
            continue
        bound = Bound(this=name, kind=kind)
        if column is tree:
            return bound
        column.replace(bound)
    return tree


def _names_a_place(column: exp.Column) -> bool:
    """Whether a column is what is written to, or no column at all."""
    parent = column.parent
    if isinstance(parent, exp.EQ) and column.arg_key == "this":
        return isinstance(parent.parent, exp.Update)
    if isinstance(parent, exp.Tuple):
        return isinstance(parent.parent, exp.Insert) and parent.arg_key == "this"
    if isinstance(parent, exp.Anonymous) and parent.name.lower() in _DATE_PARTS:
        return column.index == 0
    return isinstance(parent, exp.Schema)


def _translate(tree: exp.Expression, context: Context) -> Query:
    _bound(tree, context)
    survey = _survey(tree)
    into = tree.args.get("into")
    if into is not None:
        tree.set("into", None)
    _rewrite(tree, survey, context)
    return Query(
        sql=grammar.write(tree),
        touches=frozenset(survey.tables - survey.common_tables),
        long_names=tuple(survey.long_names),
        into=into,
    )


@dataclass(slots=True)
class _Survey:
    """What one walk over the tree finds."""

    selects: list[exp.Select] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)
    common_tables: set[str] = field(default_factory=set)
    long_names: list[str] = field(default_factory=list)


def _survey(tree: exp.Expression) -> _Survey:
    """Walk the tree once; raises UnsupportedSqlError for what nothing here translates."""
    found = _Survey()
    for node in tree.walk():
        if isinstance(node, exp.Identifier):
            if names.is_long(node.this):
                found.long_names.append(node.this)
        elif isinstance(node, exp.Table):
            found.tables.add(".".join(part.name.lower() for part in node.parts[-2:]))
        elif isinstance(node, exp.CTE):
            found.common_tables.add(node.alias.lower())
        elif isinstance(node, exp.Select):
            found.selects.append(node)
            _refuse(_refused_clause(node))
        else:
            _refuse(_REFUSED.get(type(node)) or _refused_in_place(node))
    return found


def _refuse(construct: str | None) -> None:
    if construct is not None:
        raise UnsupportedSqlError(construct)


def _refused_in_place(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
        return "VALUES as a table"
    if isinstance(node, exp.Column) and node.args.get("join_mark"):
        return "the join operator (+)"
    return None


def _rewrite(tree: exp.Expression, survey: _Survey, context: Context) -> None:
    super_values.resolve(tree, context.records)
    for node in survey.selects:
        _keep_output_names(node)
    select.rewrite(survey.selects, context.columns_of)
    super_values.give_types(tree)
    _complete(tree)


def _refused_clause(node: exp.Select) -> str | None:
    distinct = node.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        return "DISTINCT ON"
    return "the WINDOW clause" if node.args.get("windows") else None


def _keep_output_names(node: exp.Select) -> None:
    """Name the columns whose expression will be written as something else."""
    if isinstance(node.parent, exp.Insert | exp.In | exp.Exists):
        return
    for item in list(node.expressions):
        if not (item.is_star or isinstance(item, exp.Alias | exp.Column)):
            name = select.output_name(item)
            item.replace(exp.Alias(this=item.copy(), alias=exp.to_identifier(name, quoted=True)))


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
