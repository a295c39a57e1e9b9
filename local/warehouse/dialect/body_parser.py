"""PL/pgSQL read by its own grammar into a tree; the SQL in it stays text.

Whoever runs the tree translates that text with the variables' types at hand.
"""

from collections.abc import Callable

from sqlglot.tokenizer_core import TokenType

from local.warehouse.dialect.bodies import (
    Assign,
    Block,
    Branch,
    Call,
    Choice,
    Close,
    Command,
    Control,
    Declaration,
    Diagnostics,
    Execute,
    Fetch,
    ForQuery,
    ForRange,
    Leave,
    Loop,
    Node,
    Nothing,
    Open,
    Raise,
    Return,
    Select,
)
from local.warehouse.dialect.errors import SqlSyntaxError, UnsupportedSqlError, syntax_error_near
from local.warehouse.dialect.tokens import Cursor, single_words, tokenize_all
from local.warehouse.dialect.types import ColumnType, read_type

_LEVELS = ("DEBUG", "LOG", "INFO", "NOTICE", "WARNING", "EXCEPTION")


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
        level = part.take_any(*_LEVELS)
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
