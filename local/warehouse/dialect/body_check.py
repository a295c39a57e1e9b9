"""What of a body no run could translate, found without values when the procedure is created."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from local.warehouse.dialect import queries
from local.warehouse.dialect.bodies import (
    Block,
    Command,
    Declaration,
    ForQuery,
    ForRange,
    Node,
    Open,
    Select,
    walk,
)
from local.warehouse.dialect.errors import UnknownColumnsError, UnsupportedSqlError
from local.warehouse.dialect.statement import Context, Translated

TranslateIn = Callable[[str, Context], Translated]

# what needs a transaction of its own, or has no place in a procedure (Limits, developer guide)
_BARRED = ("CREATE DATABASE", "DROP DATABASE", "VACUUM", "SET LOCAL", "CREATE PROCEDURE")


def check(block: Block, arguments: Mapping[str, str], translate: TranslateIn) -> None:
    """Translate all that is written out; raises UnsupportedSqlError naming what nobody can run."""
    declarations = [
        item for node in walk(block) if isinstance(node, Block) for item in node.declarations
    ]
    context = _written_context(block, declarations, arguments)
    for item in declarations:
        if item.default is not None:
            _check_expression(item.default, context)
        if item.query is not None:
            _check_query(item.query, context)
    for node in walk(block):
        for text in _expressions(node):
            _check_expression(text, context)
        query = node.query if isinstance(node, Select | ForQuery | Open) else None
        if query is not None:
            _check_query(query, context)
        if isinstance(node, Command):
            _check_command(node.sql, context, translate)


def _written_context(
    block: Block, declarations: list[Declaration], arguments: Mapping[str, str]
) -> Context:
    """All names of a body at once: which of them a statement sees does not matter here."""
    types = {**arguments, "found": "boolean", "sqlerrm": "varchar", "sqlstate": "varchar"}
    for item in declarations:
        if item.type is not None:
            types[item.name] = item.type.sql
        types |= {name: kind.sql for name, kind in item.parameters}
    types |= {node.name: "integer" for node in walk(block) if isinstance(node, ForRange)}
    records = frozenset(item.name for item in declarations if item.type is None)
    return Context(bindings=types, records=records)


# what depends on the columns of a table is known when it is run
def _check_expression(text: str, context: Context) -> None:
    with suppress(UnknownColumnsError):
        queries.translate_expression(text, context=context)


def _check_query(text: str, context: Context) -> None:
    with suppress(UnknownColumnsError):
        queries.translate_query(text, context=context)


def _check_command(text: str, context: Context, translate: TranslateIn) -> None:
    with suppress(UnknownColumnsError):
        if barred := barred_name(translate(text, context)):
            raise UnsupportedSqlError(f"{barred} in a procedure")


def barred_name(translated: Translated) -> str:
    """What a statement is called if no procedure may run it; '' for all others."""
    name = "SET LOCAL" if translated.statements[0].startswith("SET LOCAL") else translated.name
    if name in _BARRED or translated.kind in ("unload", "control"):
        return name
    return ""


def _expressions(node: Node) -> Iterator[str]:
    for name in ("value", "low", "high", "condition", "command", "subject"):
        text = getattr(node, name, None)
        if text:
            yield text
    for name in ("conditions", "values", "arguments"):
        yield from getattr(node, name, ())
