"""What Redshift's grammar has and sqlglot's tree does not."""

from typing import ClassVar

from sqlglot import exp


class SuperPath(exp.Expression):
    """A value inside a SUPER: `this` is the column, `expressions` the keys and positions."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "expressions": True}


class Unnesting(exp.Expression):
    """The elements of a SUPER array as a source of rows; `offset` names their positions."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "alias": True, "offset": False}


class Bound(exp.Expression):
    """A variable of a procedure: `this` is its name, `kind` its type as Postgres SQL."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "kind": True}


def super_valued(node: exp.Expr | None) -> bool:
    """Whether an expression is known to be a SUPER from its text alone."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _SUPER_FUNCTIONS
    if isinstance(node, Bound):
        return bool(node.args["kind"] == "jsonb")
    return isinstance(node, SuperPath)


_SUPER_FUNCTIONS = {"json_parse", "array", "object", "array_concat", "subarray", "split_to_array"}
