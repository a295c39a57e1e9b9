"""The grammar of one line of a release: a call, its comment and what the comment asks for."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from lambdas.shared.domain.calls import Literal, ProcedureName
from lambdas.shared.domain.errors import IdentifierError
from lambdas.shared.domain.names import Identifier

MAX_LIMIT_SECONDS = 86_400
"""The Data API ends every query after 24 hours (Amazon Redshift Data API, quotas)."""
MAX_RETRIES = 10

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\f\v]+)
    | (?P<comment>(?:--|\#).*)
    | (?P<string>'(?:[^'\\]|''|\\.)*+')
    | (?P<quoted>"(?:[^"]|"")*+")
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w$.]))
    | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
    | (?P<parameter>:[A-Za-z_][A-Za-z0-9_]*)
    | (?P<symbol>[(),;.+-])
    """,
    re.VERBOSE,
)
_ANNOTATION = re.compile(r"(?:--|#)\s*sluice\s*:(.*)", re.IGNORECASE)
_ESCAPE = re.compile(r"''|\\(.)", re.DOTALL)
_ESCAPED = {"\\": "\\", "'": "'", "n": "\n", "r": "\r", "t": "\t"}
_STATEMENTS = frozenset(
    re.findall(
        r"\w+",
        """
        abort alter analyze attach begin cancel close comment commit copy create deallocate
        declare delete desc detach drop end execute explain fetch grant insert lock merge
        prepare refresh reset revoke rollback select set show start table truncate unload
        update use vacuum values with
        """,
    )
)
"""The words that begin a statement of Redshift's (SQL commands, Redshift developer guide)."""
_ARGUMENTS = "a number, a string in '...', NULL, TRUE, FALSE, DATE '...' or TIMESTAMP '...'"


class RefusedError(Exception):
    """What is wrong with a line, and in which column (from 1, in characters)."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a line says: a call and how it may be run."""

    procedure: ProcedureName
    arguments: tuple[Literal, ...]
    idempotent: bool = False
    limit_seconds: int | None = None
    retries: int = 0


def parse_line(text: str, parameters: Mapping[str, Any] | None = None) -> Line | None:
    """The call of a line; None for a blank line or a comment. Raises RefusedError.

    `parameters` are the values of `:name`; without them a line may have none.
    """
    tokens = list(_tokens(text))
    comment = tokens.pop() if tokens and tokens[-1].kind == "comment" else None
    annotations = _annotations(comment) if comment else {}
    if not tokens:
        if comment and annotations:
            raise RefusedError(comment.column, "write this at the end of the line of its call")
        return None
    end = comment.column if comment else len(text) + 1
    parser = _Parser(tokens, end=end, parameters=parameters)
    procedure, arguments = parser.call()
    return Line(procedure=procedure, arguments=arguments, **annotations)


def parse_name(text: str) -> ProcedureName:
    """`name` or `schema.name`, with or without quotes, and nothing else. Raises RefusedError."""
    parser = _Parser(list(_tokens(text)), end=len(text) + 1, parameters=None)
    name = parser.name()
    parser.end()
    return name


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int

    @property
    def word(self) -> str:
        """A keyword, a bare name or a symbol in upper case; '' for all else."""
        return self.text.upper() if self.kind in ("word", "symbol") else ""


def _tokens(text: str) -> Iterator[_Token]:
    """The words of a line; what is none is the last one, of the kind `other`."""
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        word = found[0] if found else ""
        if found and found.lastgroup == "word":
            word = _name_in(word)
        if not word:
            yield _Token("other", text[position:], position + 1)
            return
        if found and found.lastgroup != "space":
            yield _Token(str(found.lastgroup), word, position + 1)
        position += len(word)


def _name_in(word: str) -> str:
    """What of it a bare name may have: beyond ASCII letters, marks and digits, as spaces and
    quotes only look like them."""
    if word.isascii():
        return word
    return "".join(
        takewhile(lambda each: each.isascii() or unicodedata.category(each)[0] in "LMN", word)
    )


def _unreadable(rest: str) -> str:
    """Why no word begins here."""
    if rest[0] == "'":
        return "the string that begins here has no end; close it with ', and write a ' in it as ''"
    if rest[0] == '"':
        return 'the name that begins here has no end; close it with ", and write a " in it as ""'
    if rest[:2] in ("/*", "//"):
        return "a comment begins with -- or #"
    if rest[0].isdigit() or rest[0] == ".":
        word = re.match(r"[\w.$+-]+", rest)
        return f"{_shown(word[0] if word else rest[0])} is no number"
    if not rest[0].isascii():
        return (
            f"{_character(rest[0])} cannot be here; quotes are ' and \", and a name with such a"
            ' character stands in "..."'
        )
    return f"{_character(rest[0])} has no meaning here; {_ONLY_CALLS}"


_ONLY_CALLS = "a line is one call: procedure, schema.procedure(1, 'x') or CALL procedure()"


def _character(each: str) -> str:
    """A character so that it can be found even if it is not seen."""
    if each.isascii() and each.isprintable():
        return each
    return f"{each} U+{ord(each):04X}" if each.isprintable() else f"U+{ord(each):04X}"


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."


def _annotations(comment: _Token) -> dict[str, Any]:
    """What `-- sluice: idempotent, limit 600, retry 3` asks for."""
    found = _ANNOTATION.fullmatch(comment.text)
    if found is None:
        return {}
    asked: dict[str, Any] = {}
    for each in (part.strip().lower() for part in found[1].split(",")):
        said = re.fullmatch(r"(limit|retry) ([0-9]{1,9})|(idempotent)", each)
        name = _ASKED.get(str(said[1] or said[3]), "") if said else ""
        if said is None or name in asked:
            raise RefusedError(
                comment.column,
                f"{_shown(each)!r} is nothing that can be asked for here; write -- sluice: and"
                " idempotent, limit 600, retry 3, or several of them with commas",
            )
        asked[name] = _within(said[1], int(said[2]), comment) if said[1] else True
    return asked


_ASKED = {"idempotent": "idempotent", "limit": "limit_seconds", "retry": "retries"}
_MOST = {"limit": MAX_LIMIT_SECONDS, "retry": MAX_RETRIES}
_OF_WHAT = {"limit": "seconds", "retry": "further tries"}


def _within(what: str, number: int, comment: _Token) -> int:
    if not 1 <= number <= _MOST[what]:
        raise RefusedError(comment.column, f"{what} is 1 to {_MOST[what]} {_OF_WHAT[what]}")
    return number


class _Parser:
    """Reads the tokens of one line from left to right; comments are gone."""

    def __init__(
        self, tokens: list[_Token], *, end: int, parameters: Mapping[str, Any] | None
    ) -> None:
        self.tokens = tokens
        self.index = 0
        self.end_column = end
        self.parameters = parameters

    def call(self) -> tuple[ProcedureName, tuple[Literal, ...]]:
        """The whole line."""
        first = self.tokens[0]
        is_said = self._take("CALL")
        if is_said and self._at_end():
            raise self._refused("CALL names no procedure; write CALL procedure()")
        if not is_said and self._begins_statement(first):
            raise RefusedError(
                1,
                f"{first.text.upper()} is SQL, and a release holds calls only; put it into a"
                f" procedure, or, if {first.text} is one, write CALL {first.text.lower()}()",
            )
        name = self.name()
        arguments = self._arguments() if self._take("(") else ()
        is_closed = self._take(";")
        if not self._at_end():
            raise self._refused(
                "one call a line; put this on a line of its own"
                if is_closed
                else f"{self._found()} follows the call; {_ONLY_CALLS}"
            )
        return name, arguments

    def _begins_statement(self, first: _Token) -> bool:
        """Whether a bare name is SQL's: `refresh('x')` and `drop.it` are calls, `(` or not."""
        word, following = first.word.lower(), self._peek(1)
        if following == "(":
            return word in ("select", "values", "explain")
        return word in _STATEMENTS and following != "."

    def name(self) -> ProcedureName:
        """`name` or `schema.name`."""
        parts = [self._part()]
        while self._take("."):
            if len(parts) == 2:
                raise self._refused("a procedure is named procedure or schema.procedure, no more")
            parts.append(self._part())
        return ProcedureName(schema=parts[0] if len(parts) == 2 else None, name=parts[-1])

    def end(self) -> None:
        """Raise RefusedError if anything is left."""
        if not self._at_end():
            raise self._refused(f"{self._found()} is no part of a procedure's name")

    def _part(self) -> Identifier:
        token = self._current()
        if token is None or token.kind not in ("word", "quoted"):
            raise self._refused(f"here a procedure is named, not {self._found()}; {_ONLY_CALLS}")
        is_quoted = token.kind == "quoted"
        try:
            name = Identifier(token.text[1:-1].replace('""', '"') if is_quoted else token.text)
        except IdentifierError as error:
            raise RefusedError(token.column, f"{error}; rename the procedure") from error
        self.index += 1
        return name

    def _arguments(self) -> tuple[Literal, ...]:
        """The literals up to the closing parenthesis; the opening one is read."""
        if self._take(")"):
            return ()
        found = [self._argument()]
        while self._take(","):
            found.append(self._argument())
        if not self._take(")"):
            raise self._refused(
                "the ( of the arguments is not closed; add )"
                if self._at_end()
                else f"between arguments stands a comma, and after them ), not {self._found()};"
                " an argument is a literal, no expression"
            )
        return tuple(found)

    def _argument(self) -> Literal:
        token = self._current()
        if token is None:
            raise self._refused("the ( of the arguments is not closed; add )")
        try:
            found = self._literal(token)
        except ValueError as error:
            raise self._refused(str(error)) from error
        self.index += 1
        return found

    def _literal(self, token: _Token) -> Literal:
        """The literal that ends with the current token; ValueError if it holds nonsense."""
        match token.kind, token.word:
            case "string", _:
                return Literal.string(self._string(token))
            case "number", _:
                return Literal.number(token.text)
            case "parameter", _:
                return self._parameter(token)
            case "symbol", "+" | "-" if self._kind(1) == "number":
                self.index += 1
                return Literal.number(token.text + self.tokens[self.index].text)
            case "word", "DATE" | "TIMESTAMP" as kind if self._kind(1) == "string":
                self.index += 1
                make = Literal.date if kind == "DATE" else Literal.timestamp
                return make(self._string(self.tokens[self.index]))
            case "word", "NULL":
                return Literal.from_json(None)
            case "word", "TRUE" | "FALSE" as truth:
                return Literal.from_json(truth == "TRUE")
        raise self._refused(f"an argument is {_ARGUMENTS}, not {self._found()}")

    def _parameter(self, token: _Token) -> Literal:
        name = token.text[1:]
        if self.parameters is None:
            raise ValueError(f"{token.text}: only the after_load of a job has parameters")
        if name not in self.parameters:
            known = ", ".join(f":{each}" for each in self.parameters) or "none"
            raise ValueError(f"{token.text} is no parameter; known: {known}")
        return Literal.from_json(self.parameters[name])

    @staticmethod
    def _string(token: _Token) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1] is not None and found[1] not in _ESCAPED:
                raise RefusedError(
                    token.column + 1 + found.start(),
                    "to Redshift a backslash begins an escape; write \\\\ for a backslash",
                )
            return "'" if found[1] is None else _ESCAPED[found[1]]

        return _ESCAPE.sub(value, token.text[1:-1])

    def _current(self) -> _Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def _at_end(self) -> bool:
        return self._current() is None

    def _peek(self, ahead: int) -> str:
        place = self.index + ahead
        return self.tokens[place].word if place < len(self.tokens) else ""

    def _kind(self, ahead: int) -> str:
        place = self.index + ahead
        return self.tokens[place].kind if place < len(self.tokens) else ""

    def _take(self, word: str) -> bool:
        found = self._peek(0) == word
        self.index += found
        return found

    def _found(self) -> str:
        token = self._current()
        return _shown(token.text) if token else "the end of the line"

    def _refused(self, message: str) -> RefusedError:
        """The error about what comes next."""
        token = self._current()
        if token and token.kind == "other":
            message = _unreadable(token.text)
        return RefusedError(token.column if token else self.end_column, message)
