"""CREATE PROCEDURE and CREATE FUNCTION: the header in Postgres' order, the body checked."""

from local.warehouse.dialect import names, queries
from local.warehouse.dialect.body_check import TranslateIn, check
from local.warehouse.dialect.body_parser import parse_body
from local.warehouse.dialect.ddl import Argument, argument
from local.warehouse.dialect.errors import UnsupportedSqlError
from local.warehouse.dialect.statement import Translated
from local.warehouse.dialect.tokens import Cursor
from local.warehouse.dialect.types import read_type

NONATOMIC = "redshift_nonatomic"
"""Marks a NONATOMIC procedure in the catalog, as a setting that everybody may give one."""


def create_procedure(cursor: Cursor, translate: TranslateIn, *, replace: bool) -> Translated:
    """`CREATE [OR REPLACE] PROCEDURE`, read up to and including the word PROCEDURE.

    The body is kept as it is written: Postgres never runs it (`local.warehouse.procedures` does).
    """
    name = cursor.qualified_name()
    arguments = [argument(item) for item in cursor.group().split()]
    attributes = _Attributes(cursor, "PROCEDURE")
    if attributes.language != "plpgsql":
        raise UnsupportedSqlError(f"a procedure in {attributes.language or 'no language'}")
    variables = {f"${place}": item.sql for place, item in enumerate(arguments, start=1)}
    variables |= {item.name: item.sql for item in arguments if item.name}
    check(parse_body(attributes.body), variables, translate)
    head = f"CREATE {'OR REPLACE ' if replace else ''}PROCEDURE {names.dotted(name)}"
    signature = ", ".join(_written(item) for item in arguments)
    statement = (
        f"{head}({signature}) LANGUAGE plpgsql{attributes.options}"
        f" AS {names.literal(attributes.body)}"
    )
    inputs = ", ".join(item.sql for item in arguments if item.mode != "OUT")
    identity = names.literal(f"{names.dotted(name)}({inputs})")
    return Translated(
        kind="procedure",
        statements=(
            *names.registrations(name),
            "SET LOCAL check_function_bodies TO off",
            statement,
            f"CALL redshift.keep_private({identity})",
        ),
        name="CREATE PROCEDURE",
    )


def create_function(cursor: Cursor, *, replace: bool) -> Translated:
    """`CREATE [OR REPLACE] FUNCTION` in SQL, read up to and including the word FUNCTION."""
    name = cursor.qualified_name()
    arguments = [argument(item) for item in cursor.group().split()]
    cursor.expect("RETURNS")
    result = read_type(cursor, in_table=False).sql.partition("(")[0]
    attributes = _Attributes(cursor, "FUNCTION")
    if attributes.language != "sql":
        raise UnsupportedSqlError(f"a function in {attributes.language or 'no language'}")
    head = f"CREATE {'OR REPLACE ' if replace else ''}FUNCTION {names.dotted(name)}"
    signature = ", ".join(_written(item) for item in arguments)
    statement = (
        f"{head}({signature}) RETURNS {result} LANGUAGE sql{attributes.options}"
        f" AS {names.literal(queries.translate_query(attributes.body).sql)}"
    )
    return Translated(
        kind="procedure",
        statements=(*names.registrations(name), statement),
        name="CREATE FUNCTION",
    )


def _written(item: Argument) -> str:
    name = names.quoted(item.name) if item.name else ""
    return " ".join(part for part in (item.mode, name, item.sql) if part)


class _Attributes:
    """What stands around the body, in any order."""

    def __init__(self, cursor: Cursor, kind: str) -> None:
        self.language = ""
        self.options = ""
        self.body = ""
        while not cursor.done:
            self._read(cursor, kind)
        if not self.body:
            raise cursor.unexpected()

    def _read(self, cursor: Cursor, kind: str) -> None:
        word = cursor.next_word()
        if word == "AS":
            self.body = cursor.string()
        elif word == "LANGUAGE":
            self.language = cursor.name()
        elif word == "SECURITY":
            option = cursor.take_any("INVOKER", "DEFINER")
            if not option:
                raise cursor.unexpected()
            self.options += f" SECURITY {option}"
        elif word in ("STABLE", "VOLATILE", "IMMUTABLE") and kind == "FUNCTION":
            self.options += f" {word}"
        elif word == "NONATOMIC" and kind == "PROCEDURE":
            self.options += f" SET application_name TO '{NONATOMIC}'"
        else:
            raise UnsupportedSqlError(f"{word or 'this option'} of a {kind.lower()}")
