"""What of an engine's message may be told: its words and the names in it, never a row's value."""

import re

_LONGEST = 500
_QUOTE = re.compile("[\"'`“”‘’]")
# in quotes stand names and values alike; what follows one of these words is a name, or a path
_FILE = r"\b(?:file|object|manifest|path|column) '(?:s3|https)://[^\"']*'"
_NAME = re.compile(
    r"\b(?:column|relation|table|view|schema|database|constraint|function|procedure|index|role|user"
    r"|group) (?:\"[^\"']*\"|'(?!s3://)[^\"']*')"
    rf"|{_FILE}|(?<=Check )'sys_load_error_detail'",
    re.IGNORECASE,
)
_TYPE = r"[A-Za-z]+(?: [a-z]+){0,3}(?:\(\d+(?:,\d+)?\))?"
# what may follow a value: nothing but our own list, as a value can hold quotation marks itself
_TAIL = re.compile(
    rf"(?:, Pos \d+|, Type: {_TYPE}| is out of range for type {_TYPE}| already exists"
    r"| does not exist| is not valid JSON)*$"
)


def redacted(message: str) -> str:
    """The first line of an engine's message, without what it quotes: that may be a row's value.

    Names and paths stay where the words before them say that they are such. All else from the
    first quotation mark to the end becomes `'...'`, but for known endings: where a value ends
    cannot be told, as it may hold quotation marks or be cut.
    """
    head = message.splitlines()[0] if message else ""
    kept = before_values(head)
    return kept[:_LONGEST] + ("" if kept == head else "'...'" + _ending(head))


def before_values(message: str) -> str:
    """The message up to the first quotation mark that may begin a value: so far, it is the
    engine's own."""
    at = 0
    while quote := _QUOTE.search(message, at):
        name = _NAME.search(message, at)
        if name is None or name.start() > quote.start():
            return message[: quote.start()]
        at = name.end()
    return message


def _ending(head: str) -> str:
    """What is known to follow a value."""
    last = [match.end() for match in _QUOTE.finditer(head)][-1]
    found = _TAIL.match(head, last)
    return found.group() if found else ""
