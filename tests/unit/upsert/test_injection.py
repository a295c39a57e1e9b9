"""Whatever files, columns, jobs and tables are called: the statements are those of harmless names.

Every statement is read by Redshift's grammar in sqlglot and by the local warehouse's. The words of
a load with hostile names are compared with those of the same load with placeholders for names: they
are the same, one by one, but for what is quoted, and that says exactly the hostile name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import sqlglot
from hypothesis import given, settings
from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.tokens import TokenType

from config.folding import folded
from lambdas.run_procedures.signatures import refuse_what_cannot_run
from lambdas.shared.domain.errors import IdentifierError
from lambdas.shared.domain.names import Identifier, literal
from local.warehouse.copy.grammar import parse_copy
from local.warehouse.dialect import UnsupportedSqlError, translate
from local.warehouse.dialect.errors import SqlSyntaxError
from local.warehouse.dialect.tokens import tokenize
from tests.unit.upsert.named_loads import (
    COLUMNS,
    HARMLESS,
    PLACEHOLDERS,
    Shape,
    hostile_names,
    hostile_text,
    renamed,
    shapes,
    statements,
)

QUOTED = {TokenType.IDENTIFIER, TokenType.STRING}
LOAD = Shape(
    mode="upsert",
    keys=2,
    order=True,
    any_duplicate=False,
    contract="evolve",
    layouts=("csv", "json"),
    words=True,
    one_by_one=False,
    target="fewer",
    has_schema=True,
)


def _words(sql: str) -> list[tuple[Any, str]]:
    return [(token.token_type, token.text) for token in tokenize(sql)]


def assert_same_but_for_quoted(
    hostile: Iterable[str], harmless: Iterable[str], names: Mapping[str, str]
) -> None:
    """The same statements, word by word; what is quoted says the names in place of placeholders."""
    for found, wanted in zip(hostile, harmless, strict=True):
        for (kind, text), (wanted_kind, placeholder) in zip(
            _words(found), _words(wanted), strict=True
        ):
            assert kind is wanted_kind
            is_name = kind is TokenType.IDENTIFIER
            said = _said(placeholder, names, is_name=is_name) if kind in QUOTED else placeholder
            assert text == said


def _said(placeholder: str, names: Mapping[str, str], *, is_name: bool) -> str:
    text = renamed(placeholder, names)
    # the only literal that holds folded names is the target's own: schema.table
    is_table = placeholder in ("zqschemaz.zqtablez", "public.zqtablez")
    return folded(text) if is_name or is_table else text


@settings(max_examples=max(settings().max_examples // 2, 1))
@given(shapes, hostile_names())
def test_no_name_changes_a_statement(shape: Shape, names: dict[str, str]) -> None:
    hostile, harmless = statements(shape, names), statements(shape, HARMLESS)
    assert_same_but_for_quoted(hostile, harmless, names)
    for found, wanted in zip(hostile, harmless, strict=True):
        local = translate(found, columns_of=lambda _table: _columns(names))
        expected = translate(wanted, columns_of=lambda _table: _columns(HARMLESS))
        assert (local.kind, local.name) == (expected.kind, expected.name)
        if local.name == "COPY":
            _assert_copies_what_it_says(found, wanted, names)


def _columns(names: Mapping[str, str]) -> list[str]:
    """The columns of every table of the load, as the warehouse knows them."""
    return [names[f"zqcolumn{at}z"] for at in range(COLUMNS)]


def _assert_copies_what_it_says(hostile: str, harmless: str, names: Mapping[str, str]) -> None:
    found, wanted = parse_copy(hostile), parse_copy(harmless.replace("'§'", "'|'"))
    assert found.columns == tuple(renamed(each, names) for each in wanted.columns)
    assert found.source == renamed(wanted.source, names)
    assert found.role_arn == renamed(wanted.role_arn, names)
    assert found.null_as == renamed(wanted.null_as, names)
    if found.format == "csv" and found.table != ("sluice_batch",):
        assert found.delimiter == names["§"]
    same = ("format", "json_mode", "gzip", "ignore_header", "manifest", "max_errors", "encoding")
    assert [getattr(found, each) for each in same] == [getattr(wanted, each) for each in same]


@settings(max_examples=max(settings().max_examples // 4, 1))
@given(shapes, hostile_names())
def test_redshifts_grammar_reads_the_same_tree(shape: Shape, names: dict[str, str]) -> None:
    for found, wanted in zip(statements(shape, names), statements(shape, HARMLESS), strict=True):
        assert _tree(found) == _tree(wanted)


def _tree(sql: str) -> str:
    """The one statement of a text, its quoted names and literals all alike."""
    if sql.startswith(("LOCK", "CALL")):  # sqlglot takes the rest of these as one text
        return sql.split()[0]
    # AUTO is younger than sqlglot's grammar
    (tree,) = sqlglot.parse(sql.removesuffix(" DISTSTYLE AUTO SORTKEY AUTO"), read="redshift")
    assert tree is not None
    for node in tree.find_all(exp.Identifier, exp.Literal):
        if node.args.get("quoted") or node.args.get("is_string"):
            node.set("this", "x")
    return repr(tree)


class Asked:
    """Notes what it is asked, and finds nothing."""

    sql = ""

    def run(self, sql: str) -> str:
        self.sql = sql
        return "id"

    def rows(self, _statement_id: str) -> list[dict[str, Any]]:
        return []


@given(hostile_text.filter(lambda text: "\0" not in text))
def test_no_schema_changes_the_question_for_procedures(text: str) -> None:
    found, wanted = Asked(), Asked()
    for warehouse, schema in ((found, text), (wanted, "zqschemaz")):
        asked: Any = warehouse
        refuse_what_cannot_run([], schemas=[schema], warehouse=asked)
    if not set(text) & {"\x01", "\x02"}:  # the local warehouse takes neither
        said = [(kind, text if word == "zqschemaz" else word) for kind, word in _words(wanted.sql)]
        assert _words(found.sql) == said


@given(hostile_text)
def test_a_name_is_one_word_that_says_it(text: str) -> None:
    try:
        name = Identifier.from_header(text)
    except IdentifierError:
        return
    (token,) = Redshift.Tokenizer(dialect=Redshift).tokenize(name.sql)
    assert (token.token_type, token.text) == (TokenType.IDENTIFIER, name.text)


@given(hostile_text.filter(lambda text: "\0" not in text))
def test_a_literal_is_one_word_that_says_it(text: str) -> None:
    (token,) = Redshift.Tokenizer(dialect=Redshift).tokenize(literal(text))
    assert (token.token_type, token.text) == (TokenType.STRING, text)


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_name_that_is_not_quoted_would_be_seen(
    placeholder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways into SQL forget to quote; each placeholder in turn gets a name that breaks out."""
    monkeypatch.setattr(Identifier, "sql", property(lambda name: f'"{name.text}"'))
    monkeypatch.setattr("lambdas.shared.domain.upsert_sql.literal", lambda text: f"'{text}'")
    breaking = "'" if placeholder == "§" else """a"' ; drop table t"""
    names = HARMLESS | {placeholder: breaking}
    with pytest.raises((AssertionError, ValueError, SqlSyntaxError, UnsupportedSqlError)):
        assert_same_but_for_quoted(statements(LOAD, names), statements(LOAD, HARMLESS), names)
