"""The words of a Redshift statement, and how they are written for Postgres.

All text that is not an expression goes through here: strings, comments and quoted names are
tokens, so no rewrite ever looks inside one.
"""

from collections.abc import Sequence
from itertools import pairwise
from threading import local
from typing import ClassVar, Final

from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from local.warehouse.dialect import names
from local.warehouse.dialect.errors import SqlSyntaxError, UnsupportedSqlError, syntax_error_near

# A parameter travels through the translation between these; neither can occur in SQL text.
PARAMETER_START: Final = "\x01"
PARAMETER_END: Final = "\x02"

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET}
_QUOTED = {TokenType.STRING, TokenType.IDENTIFIER, TokenType.HEREDOC_STRING}


class _Tokenizer(Redshift.Tokenizer):
    # sqlglot takes the rest of CALL, LOCK, SHOW ... as one string; here every word is a token
    COMMANDS: ClassVar[set[TokenType]] = set()


class _PerThread(local):
    """A tokenizer keeps its text while it reads, so threads must not share one."""

    def __init__(self) -> None:
        self.tokenizer = _Tokenizer(dialect=Redshift)


_per_thread = _PerThread()


def tokenize_all(sql: str) -> list[Token]:
    """The tokens of a text, semicolons and all; raises SqlSyntaxError for unterminated strings."""
    if "\0" in sql or PARAMETER_START in sql or PARAMETER_END in sql:
        raise SqlSyntaxError("invalid byte sequence: the statement holds a control character")
    try:
        tokens: list[Token] = _per_thread.tokenizer.tokenize(sql)
    except TokenError as error:
        raise SqlSyntaxError("unterminated quoted string or comment") from error
    return tokens


def tokenize(sql: str) -> list[Token]:
    """The tokens of one statement, without its closing semicolons.

    Raises SqlSyntaxError for an empty text, UnsupportedSqlError for a second statement.
    """
    tokens = tokenize_all(sql)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise SqlSyntaxError("the statement is empty")
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise UnsupportedSqlError("more than one statement in one text")
    return tokens


def single_words(text: str, tokens: Sequence[Token]) -> list[Token]:
    """The same tokens with "PRIMARY KEY" and its like as one token for each word."""
    found: list[Token] = []
    for token in tokens:
        if token.token_type in _QUOTED or not any(map(str.isspace, token.text)):
            found.append(token)
            continue
        position = token.start
        for part in text[token.start : token.end + 1].split():
            position = text.index(part, position)
            end = position + len(part)
            found.append(Token(TokenType.VAR, part, token.line, token.col, position, end - 1))
            position = end
    return found


def word(token: Token, text: str) -> str:
    """The token as a word in upper case; '' for strings and quoted names, which are no keywords."""
    if token.token_type in _QUOTED:
        return ""
    return text[token.start : token.end + 1].upper()


class Cursor:
    """Reads the tokens of a statement from left to right."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.index = 0

    @property
    def done(self) -> bool:
        """Whether all tokens are read."""
        return self.index >= len(self.tokens)

    @property
    def current(self) -> Token:
        """The token to be read next; raises SqlSyntaxError at the end."""
        if self.done:
            raise syntax_error_near("")
        return self.tokens[self.index]

    def source(self, token: Token) -> str:
        """The token as it was written."""
        return self.text[token.start : token.end + 1]

    def peek(self, ahead: int = 0) -> str:
        """The word at a distance, in upper case; '' at the end and for what is no word."""
        position = self.index + ahead
        return word(self.tokens[position], self.text) if position < len(self.tokens) else ""

    def at(self, *words: str) -> bool:
        """Whether these words come next."""
        return all(self.peek(ahead) == expected for ahead, expected in enumerate(words))

    def take(self, *words: str) -> bool:
        """Read these words if they come next."""
        found = self.at(*words)
        if found:
            self.index += len(words)
        return found

    def at_any(self, *alternatives: str) -> bool:
        """Whether one of these words comes next."""
        return bool(self.peek()) and self.peek() in alternatives

    def take_any(self, *alternatives: str) -> str:
        """Read one of these words and return it; '' if none comes next."""
        found = self.peek() if self.at_any(*alternatives) else ""
        self.index += bool(found)
        return found

    def expect(self, *words: str) -> None:
        """Read these words or raise SqlSyntaxError."""
        if not self.take(*words):
            raise self.unexpected()

    def unexpected(self) -> SqlSyntaxError:
        """The error about the token that comes next."""
        return syntax_error_near("" if self.done else self.source(self.current))

    def next(self) -> Token:
        """Read one token, whatever it is."""
        token = self.current
        self.index += 1
        return token

    def next_word(self) -> str:
        """Read one word, in upper case; '' for a string or a quoted name."""
        return word(self.next(), self.text)

    def name(self) -> str:
        """Read one name, folded; raises SqlSyntaxError for anything that cannot be one."""
        token = self.current
        if token.token_type is TokenType.IDENTIFIER:
            self.index += 1
            return names.fold(token.text)
        source = self.source(token)
        if token.token_type is TokenType.STRING or not (source[0].isalpha() or source[0] in "_#"):
            raise self.unexpected()
        self.index += 1
        return names.lowered(source)

    def qualified_name(self) -> tuple[str, ...]:
        """Read `name`, `schema.name` or `database.schema.name`."""
        parts = [self.name()]
        while self.take("."):
            parts.append(self.name())
        return tuple(parts)

    def string(self) -> str:
        """Read a string literal and return its value."""
        token = self.next()
        if token.token_type not in (TokenType.STRING, TokenType.HEREDOC_STRING):
            self.index -= 1
            raise self.unexpected()
        return token.text

    def number(self) -> int:
        """Read a whole number, with or without a sign."""
        sign = -1 if self.take("-") else 1
        token = self.next()
        if not (token.token_type is TokenType.NUMBER and token.text.isdigit()):
            self.index -= 1
            raise self.unexpected()
        return sign * int(token.text)

    def group(self) -> "Cursor":
        """Read a pair of parentheses and return a cursor over what is between them."""
        self.expect("(")
        start, depth = self.index, 1
        while depth:
            kind = self.next().token_type
            depth += (kind in _OPENING) - (kind in _CLOSING)
        return Cursor(self.text, self.tokens[start : self.index - 1])

    def names(self) -> tuple[str, ...]:
        """Read a list of names in parentheses."""
        return tuple(item.only_name() for item in self.group().split())

    def only_name(self) -> str:
        """Read a name that must be all there is."""
        name = self.name()
        self.end()
        return name

    def split(self) -> "list[Cursor]":
        """What is left, split at the commas outside of parentheses."""
        parts, start, depth = [], self.index, 0
        for position in range(self.index, len(self.tokens)):
            kind = self.tokens[position].token_type
            depth += (kind in _OPENING) - (kind in _CLOSING)
            if kind is TokenType.COMMA and depth == 0:
                parts.append(Cursor(self.text, self.tokens[start:position]))
                start = position + 1
        if start < len(self.tokens):
            parts.append(Cursor(self.text, self.tokens[start:]))
        self.index = len(self.tokens)
        return parts

    def until(self, *words: str) -> "Cursor":
        """Read up to one of these words outside of parentheses, or to the end."""
        start, depth = self.index, 0
        while not self.done and not (depth == 0 and self.peek() in words):
            kind = self.next().token_type
            depth += (kind in _OPENING) - (kind in _CLOSING)
        return Cursor(self.text, self.tokens[start : self.index])

    def rest(self) -> "Cursor":
        """All that is left."""
        return self.until()

    def end(self) -> None:
        """Raise SqlSyntaxError if anything is left."""
        if not self.done:
            raise self.unexpected()

    def source_text(self) -> str:
        """What is left, as it was written."""
        if self.done:
            return ""
        return self.text[self.current.start : self.tokens[-1].end + 1]

    def whole_text(self) -> str:
        """All of it, read or not, as it was written."""
        return self.text[self.tokens[0].start : self.tokens[-1].end + 1] if self.tokens else ""

    def render(self) -> str:
        """What is left, as Postgres SQL: names folded and mapped, strings without backslashes."""
        return render(self.text, self.tokens[self.index :])


def placeholders(sql: str, tokens: Sequence[Token] | None = None) -> frozenset[str]:
    """The `:name` parameters of a statement; raises as `tokenize` does."""
    tokens = tokenize(sql) if tokens is None else tokens
    return frozenset(
        token.text for colon, token in pairwise(tokens) if _is_parameter(colon, token, sql)
    )


def _is_parameter(colon: Token, token: Token, text: str) -> bool:
    return (
        colon.token_type is TokenType.COLON
        and colon.end + 1 == token.start
        and (text[token.start].isalpha() or text[token.start] == "_")
    )


def render(text: str, tokens: Sequence[Token]) -> str:
    """Tokens as Postgres SQL; comments are gone, and what touched before still touches."""
    out: list[str] = []
    previous: Token | None = None
    for token in tokens:
        if previous is not None and token.start > previous.end + 1:
            out.append(" ")
        if previous is not None and _is_parameter(previous, token, text):
            out[-1] = PARAMETER_START + token.text + PARAMETER_END
        else:
            out.append(_written(token, text[token.start : token.end + 1]))
        previous = token
    return "".join(out)


def _written(token: Token, source: str) -> str:
    if token.token_type is TokenType.IDENTIFIER:
        return names.quoted(token.text)
    if token.token_type in (TokenType.STRING, TokenType.HEREDOC_STRING):
        return names.literal(token.text)
    if source[0].isalpha() or source[0] in "_#":
        plain = source.isascii() and source[0] != "#" and not names.is_long(source)
        return source if plain else names.quoted(source)
    return source
