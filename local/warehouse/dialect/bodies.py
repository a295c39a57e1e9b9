"""The body of a procedure as a tree: PL/pgSQL read by its own grammar, the SQL in it as text.

Whoever runs the tree translates that text with the variables' types at hand; `check` does it once
without values, so that what no run could translate is refused when the procedure is created.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields

from sqlglot.tokenizer_core import TokenType

from local.warehouse.dialect import names, queries
from local.warehouse.dialect.errors import (
    SqlSyntaxError,
    UnknownColumnsError,
    UnsupportedSqlError,
    syntax_error_near,
)
from local.warehouse.dialect.statement import Context, Translated
from local.warehouse.dialect.tokens import Cursor, single_words, tokenize_all
from local.warehouse.dialect.types import ColumnType, read_type

TranslateIn = Callable[[str, Context], Translated]

LEVELS = ("DEBUG", "LOG", "INFO", "NOTICE", "WARNING", "EXCEPTION")
# what needs a transaction of its own, or has no place in a procedure (Limits, developer guide)
_BARRED = ("CREATE DATABASE", "DROP DATABASE", "VACUUM", "SET LOCAL", "CREATE PROCEDURE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One name of DECLARE: a variable, a record, a cursor with its query, or another's alias.

    `type` is None for records, cursors and what `copied` says (`t.column` or a variable).
    """

    name: str
    type: ColumnType | None = None
    copied: str = ""
    is_constant: bool = False
    is_required: bool = False
    default: str | None = None
    query: str | None = None
    parameters: tuple[tuple[str, ColumnType], ...] = ()
    alias_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Node):
    """BEGIN ... END; `handler` are the statements of EXCEPTION WHEN OTHERS."""

    label: str = ""
    declarations: tuple[Declaration, ...] = ()
    body: tuple[Node, ...] = ()
    handler: tuple[Node, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Node):
    """`target := value`; the target is a variable or `record.field`."""

    target: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Node):
    """One WHEN or IF of a choice."""

    conditions: tuple[str, ...]
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Node):
    """IF and CASE; with a `subject` the conditions are values to compare it with."""

    subject: str | None
    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...] | None
    must_match: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Node):
    """LOOP and WHILE."""

    label: str
    condition: str | None
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRange(Node):
    """FOR over whole numbers."""

    label: str
    name: str
    low: str
    high: str
    is_reverse: bool
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForQuery(Node):
    """FOR over the rows of a query, of the text of one, or of a declared cursor."""

    label: str
    targets: tuple[str, ...]
    query: str | None
    command: str | None
    cursor: str
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Node):
    """EXIT and CONTINUE."""

    is_exit: bool
    label: str
    condition: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise(Node):
    """RAISE; without a message it throws again what a handler caught."""

    level: str
    message: str | None
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute(Node):
    """EXECUTE of a computed text."""

    command: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Node):
    """SELECT ... INTO, or PERFORM, which has no targets."""

    query: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Node):
    """Any other SQL statement."""

    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """A call of another procedure."""

    name: tuple[str, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Node):
    """OPEN of a declared cursor, or of a refcursor for a query or the text of one."""

    cursor: str
    arguments: tuple[str, ...]
    query: str | None
    command: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch(Node):
    """FETCH into variables."""

    cursor: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Node):
    """CLOSE of a cursor."""

    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics(Node):
    """GET DIAGNOSTICS target := ROW_COUNT."""

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Node):
    """COMMIT, ROLLBACK, or BEGIN for the START TRANSACTION of a NONATOMIC procedure."""

    verb: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Node):
    """RETURN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing(Node):
    """NULL."""


# --- reading --------------------------------------------------------------------------------------


def parse_body(body: str) -> Block:
    """The tree of a body; raises SqlSyntaxError, or UnsupportedSqlError for what nothing runs."""
    text = f"{body}\n;"  # the last END may lack its semicolon
    cursor = Cursor(text, single_words(text, tokenize_all(text)))
    reader = _Reader(cursor)
    label = reader.label()
    if not cursor.at_any("DECLARE", "BEGIN"):
        raise cursor.unexpected()
    block = reader.block(label)
    while cursor.take(";"):
        pass
    cursor.end()
    return block


class _Reader:
    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor

    def until(self, *words: str) -> Cursor:
        """Up to one of these words outside of CASE ... END; the word is read too."""
        cursor = self.cursor
        start, cases = cursor.index, 0
        while cases or cursor.peek() not in words:
            word = cursor.peek()
            cases += (word == "CASE") - (word == "END" and cases > 0)
            cursor.next()
        part = Cursor(cursor.text, cursor.tokens[start : cursor.index])
        cursor.next()
        return part

    def expression(self, *words: str) -> str:
        part = self.until(*words)
        if part.done:
            raise syntax_error_near(words[0])
        return part.source_text()

    def label(self) -> str:
        cursor = self.cursor
        if not cursor.take("<", "<"):
            return ""
        name = cursor.name()
        cursor.expect(">", ">")
        return name

    def statements(self, *ends: str) -> tuple[Node, ...]:
        """Statements up to one of these words, which stays unread."""
        found: list[Node] = []
        while not self.cursor.at_any(*ends):
            if not self.cursor.take(";"):
                found.append(self.statement())
        return tuple(found)

    def statement(self) -> Node:
        cursor = self.cursor
        label = self.label()
        word = cursor.peek()
        if reader := _LABELLED.get(word):
            cursor.index += word != "DECLARE" and word != "BEGIN"
            return reader(self, label)
        if label:
            raise cursor.unexpected()
        if self.is_assignment():
            return self.assignment()
        if reader_of := _READERS.get(word):
            cursor.next()
            return reader_of(self)
        return self.command()

    def end(self, *words: str) -> None:
        """`END [LOOP] [label];`."""
        self.cursor.expect("END", *words)
        if not self.cursor.at(";"):
            self.cursor.name()
        self.cursor.expect(";")

    def is_assignment(self) -> bool:
        """`name :=`, `name =` or the same with `record.field`."""
        ahead = Cursor(self.cursor.text, self.cursor.tokens)
        ahead.index = self.cursor.index
        try:
            ahead.qualified_name()
        except UnsupportedSqlError:
            return False
        return ahead.at(":=") or ahead.at("=")

    # --- blocks -----------------------------------------------------------------------------------

    def block(self, label: str) -> Block:
        cursor = self.cursor
        declarations: list[Declaration] = []
        if cursor.take("DECLARE"):
            while not cursor.at("BEGIN"):
                if not cursor.take("DECLARE"):
                    declarations.append(_declaration(self.until(";")))
        cursor.expect("BEGIN")
        body = self.statements("EXCEPTION", "END")
        handler: tuple[Node, ...] | None = None
        if cursor.take("EXCEPTION"):
            cursor.expect("WHEN")
            condition = self.until("THEN").source_text()
            if condition.upper() != "OTHERS":
                raise UnsupportedSqlError(f"EXCEPTION WHEN {condition} (only OTHERS is)")
            handler = self.statements("WHEN", "END")
            if cursor.at("WHEN"):
                raise UnsupportedSqlError("a second WHEN of an EXCEPTION block")
        self.end()
        return Block(label=label, declarations=tuple(declarations), body=body, handler=handler)

    def if_(self) -> Node:
        branches = []
        while True:
            condition = self.expression("THEN")
            body = self.statements("ELSIF", "ELSEIF", "ELSE", "END")
            branches.append(Branch(conditions=(condition,), body=body))
            if not self.cursor.take_any("ELSIF", "ELSEIF"):
                break
        otherwise = self.statements("END") if self.cursor.take("ELSE") else None
        self.cursor.expect("END", "IF", ";")
        return Choice(subject=None, branches=tuple(branches), otherwise=otherwise, must_match=False)

    def case(self) -> Node:
        subject = self.until("WHEN").source_text() or None
        branches = []
        while True:
            condition = self.until("THEN")
            values = [part.source_text() for part in condition.split()]
            body = self.statements("WHEN", "ELSE", "END")
            branches.append(Branch(conditions=tuple(values), body=body))
            if not self.cursor.take("WHEN"):
                break
        otherwise = self.statements("END") if self.cursor.take("ELSE") else None
        self.cursor.expect("END", "CASE", ";")
        return Choice(
            subject=subject, branches=tuple(branches), otherwise=otherwise, must_match=True
        )

    def loop(self, label: str) -> Node:
        body = self.statements("END")
        self.end("LOOP")
        return Loop(label=label, condition=None, body=body)

    def while_(self, label: str) -> Node:
        condition = self.expression("LOOP")
        body = self.statements("END")
        self.end("LOOP")
        return Loop(label=label, condition=condition, body=body)

    def for_(self, label: str) -> Node:
        head = self.until("LOOP")
        body = self.statements("END")
        self.end("LOOP")
        targets = _targets(head.until("IN"))
        head.expect("IN")
        if head.at_any("SELECT", "WITH", "("):
            source: dict[str, str | None] = {"query": head.source_text(), "command": None}
        elif head.take("EXECUTE"):
            source = {"query": None, "command": head.source_text()}
        elif ".." in head.source_text():
            is_reverse = head.take("REVERSE")
            low, _, high = head.source_text().partition("..")
            return ForRange(
                label=label,
                name=targets[0],
                low=low.strip(),
                high=high.strip(),
                is_reverse=is_reverse,
                body=body,
            )
        else:
            cursor = head.only_name()
            return ForQuery(
                label=label, targets=targets, query=None, command=None, cursor=cursor, body=body
            )
        return ForQuery(label=label, targets=targets, cursor="", body=body, **source)

    # --- simple statements ------------------------------------------------------------------------

    def assignment(self) -> Node:
        target = ".".join(self.cursor.qualified_name())
        self.cursor.next()
        return Assign(target=target, value=self.expression(";"))

    def leave(self, *, is_exit: bool) -> Node:
        part = self.until(";")
        label = "" if part.done or part.at("WHEN") else part.name()
        condition = part.source_text() if part.take("WHEN") else None
        return Leave(is_exit=is_exit, label=label, condition=condition)

    def raise_(self) -> Node:
        part = self.until(";")
        level = part.take_any(*LEVELS)
        if part.done and not level:
            return Raise(level="EXCEPTION", message=None, values=())
        message = part.string()
        values: list[str] = []
        if part.take(","):
            values = [item.source_text() for item in part.split()]
        part.end()
        if message.replace("%%", "").count("%") != len(values):
            raise SqlSyntaxError(f"RAISE has {len(values)} values for the % of its message")
        return Raise(level=level or "EXCEPTION", message=message, values=tuple(values))

    def execute(self) -> Node:
        part = self.until(";")
        command = part.until("INTO", "USING")
        targets: tuple[str, ...] = ()
        if part.take("INTO"):
            targets = _targets(part.until("USING"))
        if part.at("USING"):
            raise UnsupportedSqlError("EXECUTE ... USING")
        return Execute(command=command.source_text(), targets=targets)

    def query(self) -> Node:
        """A SELECT into variables; the word SELECT or WITH is read again."""
        self.cursor.index -= 1
        part = self.until(";")
        whole = part.source_text()
        before = part.until("INTO").whole_text()
        if not part.take("INTO"):
            raise SqlSyntaxError("query has no destination for result data: use INTO or PERFORM")
        if part.take("STRICT"):
            raise UnsupportedSqlError("INTO STRICT")
        targets = [".".join(part.qualified_name())]
        while part.take(","):
            targets.append(".".join(part.qualified_name()))
        if not before:
            raise syntax_error_near(whole)
        return Select(query=f"{before} {part.source_text()}", targets=tuple(targets))

    def perform(self) -> Node:
        return Select(query=f"SELECT {self.expression(';')}", targets=())

    def call(self) -> Node:
        part = self.until(";")
        name = part.qualified_name()
        arguments = tuple(item.source_text() for item in part.group().split())
        part.end()
        return Call(name=name, arguments=arguments)

    def open(self) -> Node:
        part = self.until(";")
        cursor = part.name()
        arguments: tuple[str, ...] = ()
        if part.at("("):
            arguments = tuple(item.source_text() for item in part.group().split())
        query = command = None
        if part.take("FOR"):
            if part.take("EXECUTE"):
                command = part.source_text()
            else:
                query = part.source_text()
        else:
            part.end()
        return Open(cursor=cursor, arguments=arguments, query=query, command=command)

    def fetch(self) -> Node:
        part = self.until(";")
        part.take("NEXT")
        part.take_any("FROM", "IN")
        cursor = part.name()
        part.expect("INTO")
        return Fetch(cursor=cursor, targets=_targets(part))

    def close(self) -> Node:
        return Close(cursor=self.until(";").only_name())

    def diagnostics(self) -> Node:
        self.cursor.expect("DIAGNOSTICS")
        part = self.until(";")
        target = ".".join(part.qualified_name())
        if not (part.take(":=") or part.take("=")):
            raise part.unexpected()
        item = part.next_word()
        part.end()
        if item != "ROW_COUNT":
            raise UnsupportedSqlError(f"GET DIAGNOSTICS {item}")
        return Diagnostics(target=target)

    def control(self, verb: str) -> Node:
        self.until(";")
        return Control(verb=verb)

    def return_(self) -> Node:
        self.until(";").end()
        return Return()

    def nothing(self) -> Node:
        self.until(";").end()
        return Nothing()

    def command(self) -> Node:
        return Command(sql=self.expression(";"))


_LABELLED: dict[str, Callable[[_Reader, str], Node]] = {
    "BEGIN": _Reader.block,
    "DECLARE": _Reader.block,
    "FOR": _Reader.for_,
    "LOOP": _Reader.loop,
    "WHILE": _Reader.while_,
}
_READERS: dict[str, Callable[[_Reader], Node]] = {
    "ABORT": lambda reader: reader.control("ROLLBACK"),
    "CALL": _Reader.call,
    "CASE": _Reader.case,
    "CLOSE": _Reader.close,
    "COMMIT": lambda reader: reader.control("COMMIT"),
    "CONTINUE": lambda reader: reader.leave(is_exit=False),
    "EXECUTE": _Reader.execute,
    "EXIT": lambda reader: reader.leave(is_exit=True),
    "FETCH": _Reader.fetch,
    "GET": _Reader.diagnostics,
    "IF": _Reader.if_,
    "NULL": _Reader.nothing,
    "OPEN": _Reader.open,
    "PERFORM": _Reader.perform,
    "RAISE": _Reader.raise_,
    "RETURN": _Reader.return_,
    "ROLLBACK": lambda reader: reader.control("ROLLBACK"),
    "SELECT": _Reader.query,
    "START": lambda reader: reader.control("BEGIN"),
    "WITH": _Reader.query,
}


def _targets(part: Cursor) -> tuple[str, ...]:
    return tuple(".".join(item.qualified_name()) for item in part.split())


def _declaration(item: Cursor) -> Declaration:
    name = item.name()
    if item.take("ALIAS"):
        item.expect("FOR")
        return Declaration(name=name, alias_of=item.source_text().lower())
    if item.at("CURSOR"):
        return _cursor_declaration(name, item)
    is_constant = item.take("CONSTANT")
    kind, copied = None, ""
    if any(token.token_type is TokenType.MOD for token in item.until("DEFAULT", ":=", "=").tokens):
        item.index = 1 + is_constant
        copied = ".".join(item.qualified_name())
        item.expect("%")
        copied += "%" + item.next_word()
    else:
        item.index = 1 + is_constant
        if not item.take("RECORD"):
            kind = read_type(item, in_table=False)
    is_required = item.take("NOT", "NULL")
    default = None
    if item.take("DEFAULT") or item.take(":=") or item.take("="):
        default = item.source_text()
    else:
        item.end()
    return Declaration(
        name=name,
        type=kind,
        copied=copied,
        is_constant=is_constant,
        is_required=is_required,
        default=default,
    )


def _cursor_declaration(name: str, item: Cursor) -> Declaration:
    item.expect("CURSOR")
    parameters: tuple[tuple[str, ColumnType], ...] = ()
    if item.at("("):
        parameters = tuple(
            (part.name(), read_type(part, in_table=False)) for part in item.group().split()
        )
    item.expect("FOR")
    return Declaration(name=name, query=item.source_text(), parameters=parameters)


# --- checking -------------------------------------------------------------------------------------


def check(block: Block, arguments: Mapping[str, str], translate: TranslateIn) -> None:
    """Translate all that is written out; raises UnsupportedSqlError naming what nobody can run."""
    declarations = [
        item for node in _walk(block) if isinstance(node, Block) for item in node.declarations
    ]
    context = _written_context(block, declarations, arguments)
    for item in declarations:
        if item.default is not None:
            _check_expression(item.default, context)
        if item.query is not None:
            _check_query(item.query, context)
    for node in _walk(block):
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
    types |= {node.name: "integer" for node in _walk(block) if isinstance(node, ForRange)}
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


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            for item in value:
                if isinstance(item, Node):
                    yield from _walk(item)


def literal_of(value: str | None) -> str:
    """A variable's value as SQL."""
    return "NULL" if value is None else names.literal(value)
