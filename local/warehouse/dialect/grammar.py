"""sqlglot as this dialect uses it: Redshift's grammar in, Postgres' words out, no opinions between.

sqlglot knows hundreds of functions and rewrites them as it sees fit, now and then to something
that is only nearly the same. Here it knows none: a call keeps its name, and `functions` says what
becomes of it.
"""

from typing import Any, ClassVar

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import ParseError, UnsupportedError
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.parsers.redshift import RedshiftParser
from sqlglot.tokenizer_core import Token

from local.warehouse.dialect import casts, functions, names, windows
from local.warehouse.dialect.errors import SqlSyntaxError, UnsupportedSqlError, syntax_error_near
from local.warehouse.dialect.nodes import Bound, SuperPath, Unnesting
from local.warehouse.dialect.tokens import PARAMETER_END, PARAMETER_START, tokenize

# calls whose arguments have a grammar of their own
_SPECIAL_CALLS = ("CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM")


class _Parser(RedshiftParser):
    SUPPORTS_IMPLICIT_UNNEST = False  # arrays in FROM are told apart in `super_values`
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        name: parse
        for name, parse in RedshiftParser.FUNCTION_PARSERS.items()
        if name in _SPECIAL_CALLS
    }
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        **{
            name: parse
            for name, parse in RedshiftParser.NO_PAREN_FUNCTION_PARSERS.items()
            if name in ("ANY", "CASE", "SYSDATE")
        },
        # the exact answer is a good approximation
        "APPROXIMATE": lambda self: self._parse_function() or self._retreat(self._index - 1),
    }


class RedshiftGrammar(Redshift):
    """Redshift as sqlglot reads it, without its knowledge of functions."""

    Parser = _Parser


class _Generator(PostgresGenerator):
    TRANSFORMS: ClassVar[dict[Any, Any]] = {
        kind: transform
        for kind, transform in PostgresGenerator.TRANSFORMS.items()
        # written below, or so that sqlglot's base class does it plainly
        if kind not in (exp.CurrentTimestamp, exp.Pivot, exp.Select, exp.StrPosition, exp.Substring)
    } | {
        Bound: lambda self, node: self.bound_sql(node),
        SuperPath: lambda self, node: self.superpath_sql(node),
        Unnesting: lambda self, node: self.unnesting_sql(node),
    }

    def identifier_sql(self, expression: exp.Identifier) -> str:
        return names.quoted(expression.name)

    def literal_sql(self, expression: exp.Literal) -> str:
        return names.literal(expression.this) if expression.is_string else str(expression.this)

    def placeholder_sql(self, expression: exp.Placeholder) -> str:
        return PARAMETER_START + expression.name + PARAMETER_END

    def anonymous_sql(self, expression: exp.Anonymous) -> str:
        return functions.call(self, expression)

    def withingroup_sql(self, expression: exp.WithinGroup) -> str:
        return functions.ordered_aggregate(self, expression)

    def window_sql(self, expression: exp.Window) -> str:
        return windows.window(self, expression, super().window_sql)

    def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        return casts.cast(self, expression)

    def extract_sql(self, expression: exp.Extract) -> str:
        return functions.extract(self, expression)

    def currenttimestamp_sql(self, expression: exp.CurrentTimestamp) -> str:
        return "redshift.sysdate()" if expression.args.get("sysdate") else "CURRENT_TIMESTAMP"

    def substring_sql(self, expression: exp.Substring) -> str:
        parts = (expression.this, expression.args.get("start"), expression.args.get("length"))
        return self.func("SUBSTRING", *(part for part in parts if part is not None))

    def strposition_sql(self, expression: exp.StrPosition) -> str:
        return self.func("STRPOS", expression.this, expression.args["substr"])

    def bound_sql(self, expression: Bound) -> str:
        marked = PARAMETER_START + str(expression.this) + PARAMETER_END
        return f"CAST({marked} AS {expression.args['kind']})"

    def superpath_sql(self, expression: SuperPath) -> str:
        steps = "".join(f" -> {self.sql(step)}" for step in expression.expressions)
        return f"({self.sql(expression, 'this')}{steps})"

    def unnesting_sql(self, expression: Unnesting) -> str:
        value, alias = self.sql(expression, "this"), self.sql(expression, "alias")
        elements = f"redshift.elements({value})"
        if not expression.args.get("offset"):
            return f"LATERAL {elements} AS {alias}({alias})"
        offset = self.sql(expression, "offset")
        return (
            f"LATERAL (SELECT u.value AS {alias}, u.position - 1 AS {offset}"  # noqa: S608 (quoted names)
            f" FROM {elements} WITH ORDINALITY AS u(value, position)) AS {alias}"
        )


class _PostgresWriter(Postgres):
    Generator = _Generator


_reader = RedshiftGrammar()


def parse(sql: str, tokens: list[Token] | None = None) -> exp.Expression:
    """The tree of one statement; raises SqlSyntaxError, or UnsupportedSqlError if too deep."""
    try:
        found = tokenize(sql) if tokens is None else tokens
        trees = _reader.parser(error_level=ErrorLevel.IMMEDIATE).parse(found, sql)
    except ParseError as error:
        detail = error.errors[0] if error.errors else {}
        near = detail.get("highlight") or ""
        raise syntax_error_near(str(near)) from error
    except RecursionError:
        raise UnsupportedSqlError("an expression nested this deep") from None
    if len(trees) != 1 or trees[0] is None:
        raise SqlSyntaxError("the statement is empty")
    tree = trees[0]
    assert isinstance(tree, exp.Expression)  # noqa: S101 (sqlglot's own roots are)
    return tree


def write(tree: exp.Expression) -> str:
    """The tree as Postgres SQL; raises UnsupportedSqlError for what cannot be written."""
    generator = _Generator(
        dialect=_PostgresWriter, unsupported_level=ErrorLevel.RAISE, comments=False
    )
    try:
        return generator.generate(tree, copy=False)
    except RecursionError:
        raise UnsupportedSqlError("an expression nested this deep") from None
    except (UnsupportedError, ValueError) as error:
        raise UnsupportedSqlError(str(error)) from error
