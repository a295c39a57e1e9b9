"""From a staged column to its target's type: the value, and what of it would be lost on the way."""

import math
from collections.abc import Collection
from decimal import Decimal

from lambdas.shared.domain.names import literal
from lambdas.shared.domain.types import (
    EXACT_DIGITS,
    EXACT_INTEGERS,
    MAX_REAL,
    MOST_INTEGERS,
    Kind,
    RedshiftType,
    whole_digits,
)

TEXTS = frozenset((Kind.VARCHAR, Kind.CHAR))
TRUE_WORDS = ("t", "true", "y", "yes", "1")
FALSE_WORDS = ("f", "false", "n", "no", "0")
"""What COPY takes for a BOOLEAN, whatever its case (Boolean type, Redshift developer guide)."""

_FLOATS = frozenset(EXACT_DIGITS)
_WHOLE = frozenset(MOST_INTEGERS)
_NUMBERS = _WHOLE | _FLOATS | {Kind.DECIMAL}
_MOMENTS = frozenset((Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ))
_MADE_OF: dict[Kind, frozenset[Kind]] = {
    **dict.fromkeys(_WHOLE, _NUMBERS | TEXTS | {Kind.BOOLEAN, Kind.SUPER}),
    **dict.fromkeys(_FLOATS, _NUMBERS | {Kind.SUPER}),  # as text they lose digits
    Kind.DECIMAL: _NUMBERS | TEXTS | {Kind.SUPER},
    Kind.BOOLEAN: frozenset((Kind.INTEGER, Kind.SUPER)),
    **dict.fromkeys(_MOMENTS, _MOMENTS | TEXTS),
    Kind.TIME: TEXTS,
    **dict.fromkeys(
        TEXTS, _NUMBERS | _MOMENTS | TEXTS | {Kind.BOOLEAN, Kind.TIME, Kind.VARBYTE, Kind.SUPER}
    ),
}
_PRINTED_BYTES = 64  # more than any number or moment has as text


def is_possible(staged: RedshiftType, target: RedshiftType) -> bool:
    """Whether some values of one type can be had in the other, without loss and by one meaning."""
    return staged.kind is target.kind or target.kind in _MADE_OF.get(staged.kind, ())


def value(
    column: str, staged: RedshiftType, target: RedshiftType, null_words: Collection[str] = ()
) -> str:
    """The column's value in the target's type; words for NULL are NULL.

    A text is not cast to its target's width: that would cut it, and an insert refuses it.
    """
    if target.kind is Kind.BOOLEAN and staged.kind is not Kind.BOOLEAN:
        return _boolean(column, staged, null_words)
    text = _without(column, null_words)
    if staged == target or (staged.kind in TEXTS and target.kind in TEXTS):
        return text
    return f"CAST({text} AS {target.sql})"


def null(column: str, target: RedshiftType) -> str:
    """NULL of the target's type, for a column of nothing else; no constant to group or order by."""
    return f"CASE WHEN {column} IS NULL THEN CAST(NULL AS {target.sql}) END"


def losses(
    column: str, staged: RedshiftType, target: RedshiftType, null_words: Collection[str] = ()
) -> tuple[str, ...]:
    """Conditions for a value that the target would not hold as it is; none if it holds all.

    They are looked at in order: those after the first may cast what the first let pass. What a
    cast refuses by itself, a text that is no number, is not among them.
    """
    text = _without(column, null_words)
    if target.kind is Kind.BOOLEAN and staged.kind is not Kind.BOOLEAN:
        true, false = _boolean_words(staged)
        return (f"{_compared(text, staged)} NOT IN ({true}, {false})",)
    if target.kind is Kind.VARBYTE and not target.holds(staged):
        return (f"OCTET_LENGTH({column}) > {target.length}",)
    if staged.kind in TEXTS:
        return (f"{text} !~ {_decimals(target)}",) if target.kind is Kind.DECIMAL else ()
    if target.holds(staged):
        return ()
    if target.kind in TEXTS:
        printed = f"OCTET_LENGTH(CAST({column} AS VARCHAR({_PRINTED_BYTES})))"
        return (f"{printed} > {target.length}",) if _length(target) < _PRINTED_BYTES else ()
    if {staged.kind, target.kind} <= _NUMBERS:
        return _of_numbers(column, staged, target)
    return (_changed(column, staged, target),) if target.kind is Kind.DATE else ()


def _without(column: str, null_words: Collection[str]) -> str:
    if not null_words:
        return column
    return f"CASE WHEN {column} IN ({_listed(null_words)}) THEN NULL ELSE {column} END"


def _listed(words: Collection[str]) -> str:
    return ", ".join(literal(word) for word in dict.fromkeys(("", *words)))


def _boolean(column: str, staged: RedshiftType, null_words: Collection[str]) -> str:
    """A CASE: Redshift casts no text to BOOLEAN."""
    true, false = _boolean_words(staged)
    compared = _compared(column, staged)
    null = f"WHEN {column} IN ({_listed(null_words)}) THEN NULL " if null_words else ""
    return (
        f"CASE {null}WHEN {compared} IN ({true}) THEN TRUE WHEN {compared} IN ({false}) THEN FALSE"
        " END"
    )


def _boolean_words(staged: RedshiftType) -> tuple[str, str]:
    if staged.kind not in TEXTS:
        return "1", "0"
    return ", ".join(map(literal, TRUE_WORDS)), ", ".join(map(literal, FALSE_WORDS))


def _compared(text: str, staged: RedshiftType) -> str:
    return f"LOWER({text})" if staged.kind in TEXTS else text


def _decimals(target: RedshiftType) -> str:
    """The pattern of the numbers a DECIMAL holds whole; zeros at either end say nothing."""
    scale = target.scale or 0
    return literal(f"^[+-]?0*[0-9]{{0,{whole_digits(target)}}}([.][0-9]{{0,{scale}}}0*)?$")


def _of_numbers(column: str, staged: RedshiftType, target: RedshiftType) -> tuple[str, ...]:
    if target.kind in _FLOATS and staged.kind not in _FLOATS:
        return (_beyond_digits(column, staged, target),)
    outside = _outside(column, staged, target)
    may_change = staged.kind in _FLOATS or (staged.scale or 0) > (target.scale or 0)
    return (*outside, _changed(column, staged, target)) if may_change else outside


def _changed(column: str, staged: RedshiftType, target: RedshiftType) -> str:
    return f"{column} <> CAST(CAST({column} AS {target.sql}) AS {staged.sql})"


def _beyond_digits(column: str, staged: RedshiftType, target: RedshiftType) -> str:
    """More digits than a float keeps, by the number's size: casting back would round it again."""
    if staged.kind is Kind.DECIMAL:
        most = Decimal(10).scaleb(EXACT_DIGITS[target.kind] - (staged.scale or 0))
        return f"ABS({column}) >= {most:f}"
    most_exact = EXACT_INTEGERS[target.kind]
    return _not_between(column, str(-most_exact), str(most_exact))


def _outside(column: str, staged: RedshiftType, target: RedshiftType) -> tuple[str, ...]:
    """Beyond the target's range, where a cast would fail; NaN is outside, too."""
    if staged.kind in _FLOATS:
        most = MAX_REAL if target.kind is Kind.REAL else _largest_float(target)
        high = f"CAST('{most!r}' AS DOUBLE PRECISION)"
        return (_not_between(column, f"CAST('{-most!r}' AS DOUBLE PRECISION)", high),)
    if target.kind in _WHOLE:
        most_whole = MOST_INTEGERS[target.kind]
        return (_not_between(column, str(-most_whole - 1), str(most_whole)),)
    whole = whole_digits(target)
    if whole_digits(staged) <= whole:
        return ()
    if staged.kind is Kind.DECIMAL:
        return (f"ABS({column}) >= {10**whole}",)
    return (_not_between(column, str(1 - 10**whole), str(10**whole - 1)),)


def _not_between(column: str, low: str, high: str) -> str:
    return f"NOT ({column} BETWEEN {low} AND {high})"


def _largest_float(target: RedshiftType) -> float:
    """The largest float that an integer or a DECIMAL holds, rounded to what it holds."""
    if target.kind is Kind.DECIMAL:
        whole, scale = whole_digits(target), target.scale or 0
        limit, largest = float(10**whole), float(Decimal(10**whole) - Decimal(1).scaleb(-scale))
    else:
        most = MOST_INTEGERS[target.kind]
        limit, largest = float(most + 1), float(most)
    return math.nextafter(limit, 0) if largest >= limit else largest


def _length(of: RedshiftType) -> int:
    return of.length or 0
