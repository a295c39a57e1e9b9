"""The body of a procedure: plpgsql in both, its SQL statements and expressions translated.

A body is read statement by statement, as plpgsql's own grammar has them. What it computes as text
and then executes cannot be translated before it runs and is refused.
"""

from collections.abc import Callable, Sequence

from sqlglot.tokenizer_core import Token, TokenType

from local.warehouse.dialect import names, queries
from local.warehouse.dialect.errors import UnsupportedSqlError
from local.warehouse.dialect.statement import Context, Translated
from local.warehouse.dialect.tokens import Cursor, single_words, tokenize_all
from local.warehouse.dialect.types import read_type

TranslateIn = Callable[[str, Context], Translated]

_VERBATIM = ("CLOSE", "COMMIT", "CONTINUE", "EXIT", "FETCH", "GET", "NULL", "RETURN", "ROLLBACK")
_REFUSED_KINDS = ("copy", "unload", "utility", "control", "procedure")


def translate_body(body: str, variables: frozenset[str], translate: TranslateIn) -> str:
    """The body as Postgres' plpgsql; raises UnsupportedSqlError naming what it cannot hold.

    `variables` are the names of the arguments. A name that is a variable and a column is the
    variable, as in Redshift.
    """
    cursor = _cursor(f"{body}\n;")  # the last END may lack its semicolon
    reader = _Body(cursor, set(variables), translate)
    while not cursor.done:
        reader.statement()
    return "\n".join(("#variable_conflict use_variable", *reader.out))


class _Body:
    def __init__(self, cursor: Cursor, variables: set[str], translate: TranslateIn) -> None:
        self.cursor = cursor
        self.variables = variables
        self.translate = translate
        self.out: list[str] = []

    @property
    def context(self) -> Context:
        return Context(variables=frozenset(self.variables))

    # --- reading ----------------------------------------------------------------------------------

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

    def statement(self) -> None:
        """Read one statement, or the opening or closing part of one that holds others."""
        cursor = self.cursor
        word = cursor.peek()
        if cursor.at("<", "<"):
            label = self.until(">").render()
            cursor.expect(">")
            self.out.append(f"{label}>>")
        elif word in _OPENING:
            cursor.next()
            _OPENING[word](self)
        elif word in _VERBATIM:
            self.verbatim(";")
        elif word in ("SELECT", "WITH"):
            self.query(self.until(";"))
        elif self.is_assignment():
            self.assignment()
        else:
            self.command(self.until(";"))

    def is_assignment(self) -> bool:
        ahead = self.cursor.index
        tokens = self.cursor.tokens
        while ahead < len(tokens) and tokens[ahead].token_type is not TokenType.SEMICOLON:
            if tokens[ahead].token_type is TokenType.COLON_EQ:
                return True
            ahead += 1
        return False

    # --- parts ------------------------------------------------------------------------------------

    def expression(self, part: Cursor) -> str:
        return queries.translate_expression(part.source_text(), context=self.context)

    def verbatim(self, end: str) -> None:
        part = self.until(end)
        self.out.append(f"{part.render()}{end}")

    def query(self, part: Cursor) -> None:
        """A SELECT into variables; without INTO Postgres rejects it as Redshift does."""
        tokens, target = _without_into(part)
        text = _text(part.text, tokens)
        query = queries.translate_query(text, context=self.context)
        self.out.append(f"{query.sql}{f' INTO {target}' if target else ''};")

    def command(self, part: Cursor) -> None:
        text = part.source_text()
        if not text:
            return
        translated = self.translate(text, self.context)
        if translated.kind in _REFUSED_KINDS:
            raise UnsupportedSqlError(f"{translated.name} in a procedure")
        self.out += [f"{statement};" for statement in translated.statements]

    def assignment(self) -> None:
        target = self.until(":=").render()
        self.out.append(f"{target} := {self.expression(self.until(';'))};")

    def declarations(self) -> None:
        self.out.append("DECLARE")
        while not self.cursor.at("BEGIN"):
            self.declaration()

    def declaration(self) -> None:
        item = self.until(";")
        name = item.name()
        self.variables.add(name)
        constant = "CONSTANT " if item.take("CONSTANT") else ""
        kind, text = self.declared_type(item), ""
        if item.take("NOT", "NULL"):
            text += " NOT NULL"
        if item.take("DEFAULT") or item.take(":=") or item.take("="):
            text += f" := {self.expression(item.rest())}"
        item.end()
        self.out.append(f"{names.quoted(name)} {constant}{kind}{text};")

    def declared_type(self, item: Cursor) -> str:
        if item.take("CURSOR"):
            arguments = ""
            if item.at("("):
                arguments = f" ({item.group().render()})"
            item.expect("FOR")
            query = queries.translate_query(item.rest().source_text(), context=self.context)
            return f"CURSOR{arguments} FOR {query.sql}"
        if item.take("ALIAS"):
            item.expect("FOR")
            return f"ALIAS FOR {item.rest().render()}"
        if any(token.token_type is TokenType.MOD for token in item.tokens):
            return item.until("NOT", "DEFAULT", ":=", "=").render()  # t.column%TYPE, t%ROWTYPE
        return read_type(item, in_table=False).sql

    def condition(self, opening: str, closing: str) -> None:
        self.out.append(f"{opening} {self.expression(self.until(closing))} {closing}")

    def case(self) -> None:
        subject = self.until("WHEN")
        self.out.append(f"CASE {self.expression(subject) if not subject.done else ''}")
        self.condition("WHEN", "THEN")

    def loop(self) -> None:
        """FOR over numbers, over a query or over the text of one."""
        head = self.until("LOOP")
        targets = head.until("IN").render()
        self.variables.update(part.strip('" ').lower() for part in targets.split(","))
        head.expect("IN")
        if head.at("EXECUTE"):
            raise UnsupportedSqlError("FOR ... IN EXECUTE in a procedure")
        if head.at_any("SELECT", "WITH", "("):
            source = queries.translate_query(head.source_text(), context=self.context).sql
        else:
            source = head.render()  # bounds, or the name of a cursor
        self.out.append(f"FOR {targets} IN {source} LOOP")

    def raise_(self) -> None:
        level = self.cursor.take_any("DEBUG", "LOG", "INFO", "NOTICE", "WARNING", "EXCEPTION")
        parts = self.until(";").split()
        message = "".join(part.render() for part in parts[:1])
        values = "".join(f", {self.expression(part)}" for part in parts[1:])
        self.out.append(f"RAISE {level} {message}{values};")

    def perform(self) -> None:
        text = self.until(";").source_text()
        query = queries.translate_query(f"SELECT {text}", context=self.context)
        self.out.append(f"PERFORM {query.sql.removeprefix('SELECT ')};")

    def open(self) -> None:
        part = self.until(";")
        cursor = part.until("FOR").render()
        if part.take("FOR"):
            if part.at("EXECUTE"):
                raise UnsupportedSqlError("OPEN ... FOR EXECUTE in a procedure")
            query = queries.translate_query(part.source_text(), context=self.context)
            cursor += f" FOR {query.sql}"
        self.out.append(f"OPEN {cursor};")

    def execute(self) -> None:
        part = self.until(";")
        if len(part.tokens) != 1 or part.tokens[0].token_type is not TokenType.STRING:
            raise UnsupportedSqlError("EXECUTE of a computed statement in a procedure")
        self.command(_cursor(part.string()))

    def exception(self) -> None:
        self.out.append("EXCEPTION")
        while self.cursor.take("WHEN"):
            self.out.append(f"WHEN {self.until('THEN').render()} THEN")
            while not (self.cursor.at("WHEN") or self.cursor.at("END")):
                self.statement()


def _cursor(text: str) -> Cursor:
    return Cursor(text, single_words(text, tokenize_all(text)))


def _without_into(part: Cursor) -> tuple[Sequence[Token], str]:
    """The tokens of a SELECT without its INTO, and the variables INTO names."""
    start = part.index
    part.until("INTO")
    if part.done:
        return part.tokens[start:], ""
    before = part.tokens[start : part.index]
    part.expect("INTO")
    strict = "STRICT " if part.take("STRICT") else ""
    target = [names.dotted(part.qualified_name())]
    while part.take(","):
        target.append(names.dotted(part.qualified_name()))
    return [*before, *part.tokens[part.index :]], strict + ", ".join(target)


def _text(text: str, tokens: Sequence[Token]) -> str:
    """Tokens as they were written, each apart from the next."""
    return " ".join(text[token.start : token.end + 1] for token in tokens)


def _opening(text: str) -> Callable[[_Body], None]:
    return lambda body: body.out.append(text)


_OPENING: dict[str, Callable[[_Body], None]] = {
    "BEGIN": _opening("BEGIN"),
    "CASE": _Body.case,
    "DECLARE": _Body.declarations,
    "ELSE": _opening("ELSE"),
    "ELSEIF": lambda body: body.condition("ELSIF", "THEN"),
    "ELSIF": lambda body: body.condition("ELSIF", "THEN"),
    "END": lambda body: body.out.append(f"END {body.until(';').render()}".rstrip() + ";"),
    "EXCEPTION": _Body.exception,
    "EXECUTE": _Body.execute,
    "FOR": _Body.loop,
    "IF": lambda body: body.condition("IF", "THEN"),
    "LOOP": _opening("LOOP"),
    "OPEN": _Body.open,
    "PERFORM": _Body.perform,
    "RAISE": _Body.raise_,
    "WHEN": lambda body: body.condition("WHEN", "THEN"),
    "WHILE": lambda body: body.condition("WHILE", "LOOP"),
}
