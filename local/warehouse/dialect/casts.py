"""`CAST` and `::`: a value of one type as a value of another."""

from typing import Final

from sqlglot import exp

from local.warehouse.dialect.errors import UnsupportedSqlError
from local.warehouse.dialect.functions import Writer
from local.warehouse.dialect.nodes import super_valued
from local.warehouse.dialect.types import ColumnType, column_type

_TYPE_NAMES: Final = {
    exp.DType.SMALLINT: "SMALLINT",
    exp.DType.INT: "INTEGER",
    exp.DType.BIGINT: "BIGINT",
    exp.DType.FLOAT: "REAL",
    exp.DType.DOUBLE: "FLOAT8",
    exp.DType.DECIMAL: "DECIMAL",
    exp.DType.BOOLEAN: "BOOLEAN",
    exp.DType.DATE: "DATE",
    exp.DType.TIME: "TIME",
    exp.DType.TIMETZ: "TIMETZ",
    exp.DType.TIMESTAMP: "TIMESTAMP",
    exp.DType.TIMESTAMPTZ: "TIMESTAMPTZ",
    exp.DType.CHAR: "CHAR",
    exp.DType.NCHAR: "NCHAR",
    exp.DType.BPCHAR: "BPCHAR",
    exp.DType.VARCHAR: "VARCHAR",
    exp.DType.NVARCHAR: "NVARCHAR",
    exp.DType.TEXT: "TEXT",
    exp.DType.SUPER: "SUPER",
    exp.DType.VARBINARY: "VARBYTE",
    exp.DType.NAME: "NAME",
}


def _cast_target(node: exp.Cast) -> ColumnType:
    target = node.to
    # regclass and its like are names, other types are members of an enumeration
    name = target.this if isinstance(target.this, str) else _TYPE_NAMES.get(target.this)
    if name is None:
        raise UnsupportedSqlError(f"the type {target.sql('redshift')}")
    parameters = tuple(parameter.name.upper() for parameter in target.expressions)
    return column_type(name, parameters, in_table=False)


def cast(writer: Writer, node: exp.Cast) -> str:
    """`CAST` and `::`; text is cut to the bytes of its type, as Redshift does on a cast."""
    value, target = node.this, _cast_target(node)
    text = writer.sql(value)
    if target.sql == "jsonb":
        if isinstance(value, exp.Null) or super_valued(value):
            return f"CAST({text} AS jsonb)"
        untyped = isinstance(value, exp.Placeholder) or (
            isinstance(value, exp.Literal) and value.is_string
        )
        return f"TO_JSONB(CAST({text} AS varchar))" if untyped else f"TO_JSONB({text})"
    if target.sql == "bytea":
        return f"redshift.varbyte({text})"
    text = _refusing(value, text, target)
    if target.is_text and target.max_bytes is not None:
        if not _fits(value, target.max_bytes):
            text = f"redshift.fit(CAST({text} AS varchar), {target.max_bytes})"
        return f"CAST({text} AS {target.sql})"
    return f"CAST({text} AS {target.sql})"


def _refusing(value: exp.Expr, text: str, target: ColumnType) -> str:
    """The value where Redshift has such a cast: of text there is none to BOOLEAN, nor back.

    What is written out, or bound, has no type of its own and is read as the target's.
    """
    if _is_untyped(value):
        return text
    if target.sql == "boolean":
        return f"redshift.no_text({text})"
    return f"redshift.no_boolean({text})" if target.is_text else text


def _is_untyped(value: exp.Expr) -> bool:
    if isinstance(value, exp.Paren):
        return _is_untyped(value.this)
    is_text = isinstance(value, exp.Literal) and value.is_string
    return is_text or isinstance(value, exp.Null | exp.Placeholder)


def _fits(value: exp.Expr, max_bytes: int) -> bool:
    return isinstance(value, exp.Null) or (
        isinstance(value, exp.Literal) and len(value.name.encode()) <= max_bytes
    )
