"""Which Redshift type a column of text has, by the values it shows and by what COPY can parse.

Each rule keeps a value as it is written: what COPY would change (leading zeros, thousands
separators, a day before its month, nanoseconds) stays text. A type found is for a new table and
therefore roomy: integers are BIGINT, because Redshift can only widen VARCHAR and the next file
may hold more.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lambdas.shared.domain import types
from lambdas.shared.domain.errors import TypeChangeError
from lambdas.shared.domain.types import Kind, RedshiftType

EMPTY_VARCHAR = 256
"""The width of a column in which nothing was seen."""

_INTEGER = r"-?(0|[1-9][0-9]*)"
_NUMBER = rf"({_INTEGER}(\.[0-9]+)?|-?\.[0-9]+)"
_FLOAT = rf"{_NUMBER}([eE][+-]?[0-9]{{1,3}})?"
_BOOLEAN = r"(?i:true|false)"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = r"(Z|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)"
_TIMESTAMP = rf"{_DATE}([ T]{_CLOCK})?"
_TIMESTAMPTZ = rf"{_DATE}[ T]{_CLOCK}{_ZONE}"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_TYPED = re.compile("|".join((_FLOAT, _BOOLEAN, _TIMESTAMP, _TIMESTAMPTZ, _TIME)))

_DOUBLE_DIGITS = 17  # as many as a program prints to show a double exactly
_ROOMY_PRECISION = 18  # the widest DECIMAL that Redshift keeps in 64 bits
_ROOM_DIGITS = 3
_FIXED_SCALES = range(2, 10)
_INTEGERS = ((types.SMALLINT, 5, 15), (types.INTEGER, 10, 31), (types.BIGINT, 19, 63))
"""Each with the digits of its largest number, and with its bits."""
_PROBE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The type of a column: for a new table, and the narrowest that holds what was seen."""

    type: RedshiftType
    seen: RedshiftType
    empty: bool = False

    @property
    def is_text(self) -> bool:
        """Whether a new table keeps the values as text."""
        return self.type.kind is Kind.VARCHAR


NOTHING = Found(type=types.varchar(EMPTY_VARCHAR), seen=types.varchar(EMPTY_VARCHAR), empty=True)


def looks_typed(text: str) -> bool:
    """Whether one value could be a number, a boolean, a date or a time: no likely column name."""
    return _TYPED.fullmatch(text) is not None


def type_of(values: Any, column: str) -> Found:
    """The type of these values: an Arrow array of distinct strings, none NULL or empty.

    Raises TypeChangeError for text that no VARCHAR can hold.
    """
    if len(values) == 0:
        return NOTHING
    for rule in (_as_number, _as_boolean, _as_date_or_time):
        if found := rule(values):
            return found
    return text_of(values, column)


def number_of(values: Any, column: str) -> Found:
    """The type of values that are known to be numbers, as JSON writes them: none is fixed point."""
    return _as_number(values, fixed_scales=range(0)) or text_of(values, column)


def date_or_text_of(values: Any, column: str) -> Found:
    """The type of values that are known to be strings, as JSON writes them: dates are strings."""
    return _as_date_or_time(values) or text_of(values, column)


def text_of(values: Any, column: str) -> Found:
    """VARCHAR with room for twice the longest of these values, in UTF-8 bytes."""
    longest = max(pc.max(pc.binary_length(values)).as_py() or 0, 1)
    if longest > types.MAX_VARCHAR_BYTES:
        raise TypeChangeError(
            f"column {column} holds a text of {longest} bytes and VARCHAR takes"
            f" {types.MAX_VARCHAR_BYTES}; shorten it in the producer",
            column=column,
        )
    return Found(type=types.varchar(types.size_class(2 * longest)), seen=types.varchar(longest))


def first_misfit(values: Any, wanted: RedshiftType) -> int | None:
    """The index of the first value that COPY could not load as `wanted`, or not whole; else None.

    Judges numbers, booleans and the length of text; of dates and the rest COPY is the judge.
    """
    check = _CHECKS.get(wanted.kind)
    if check is None or len(values) == 0:
        return None
    fits = pc.fill_null(check(values, wanted), True)
    index = pc.index(fits, False).as_py()
    return None if index < 0 else index


def _matches(values: Any, pattern: str) -> bool:
    """Whether all values match; a few first, since most columns fail at once."""
    anchored = f"^(?:{pattern})$"
    for part in (values.slice(0, _PROBE), values):
        if not pc.all(pc.match_substring_regex(part, anchored)).as_py():
            return False
    return True


def _as_number(values: Any, *, fixed_scales: range = _FIXED_SCALES) -> Found | None:
    if not _matches(values, _FLOAT):
        return None
    if _matches(values, _INTEGER):
        return _as_integer(values)
    if _matches(values, _NUMBER):
        return _as_fraction(values, fixed_scales)
    floats = pc.cast(values, pa.float64())
    if not pc.all(pc.is_finite(floats)).as_py():
        return None
    return Found(type=types.DOUBLE, seen=types.DOUBLE)


def _as_integer(values: Any) -> Found | None:
    try:
        bounds = pc.min_max(pc.cast(values, pa.int64())).as_py()
    except pa.ArrowInvalid:
        return _as_long_integer(values)
    return Found(type=types.BIGINT, seen=_seen_integer(bounds["min"], bounds["max"]))


def _seen_integer(least: int, most: int) -> RedshiftType:
    """As many digits as were seen; an integer type where its own bounds decide, not the digits."""
    digits = max(len(str(abs(least))), len(str(abs(most))))
    for kind, full, bits in _INTEGERS:
        if digits == full and -(1 << bits) <= least and most < 1 << bits:
            return kind
    return types.decimal(digits, 0)


def _as_long_integer(values: Any) -> Found | None:
    """Text: more than 64 bits is a label more often than a quantity; a DECIMAL could hold it."""
    longest = pc.max(pc.binary_length(values)).as_py()
    digits = pc.max(pc.binary_length(pc.utf8_ltrim(values, "-"))).as_py()
    if digits > types.MAX_PRECISION:
        return None
    return Found(type=types.varchar(types.size_class(2 * longest)), seen=types.decimal(digits, 0))


def _as_fraction(values: Any, fixed_scales: range) -> Found | None:
    """DECIMAL where every value has the same number of decimals, and that many can be fixed.

    Such numbers are exact ones, mostly money. Others are floats, as programs print them.
    """
    digits = pc.utf8_ltrim(values, "-")
    parts = pc.extract_regex(digits, r"^0*(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?$")
    wholes = pc.binary_length(pc.struct_field(parts, "whole"))
    scales = pc.binary_length(pc.struct_field(parts, "part"))
    whole, scale = pc.max(wholes).as_py(), pc.max(scales).as_py()
    precision = max(whole + scale, 1)
    fits = precision <= types.MAX_PRECISION
    significant = pc.max(pc.add(wholes, scales)).as_py()
    roomy = precision + _ROOM_DIGITS <= types.MAX_PRECISION
    if pc.min(scales).as_py() == scale and scale in fixed_scales and roomy:
        wide = precision + _ROOM_DIGITS > _ROOMY_PRECISION
        return Found(
            type=types.decimal(types.MAX_PRECISION if wide else _ROOMY_PRECISION, scale),
            seen=types.decimal(precision, scale),
        )
    if significant <= _DOUBLE_DIGITS:
        seen = types.decimal(precision, scale) if fits else types.DOUBLE
        return Found(type=types.DOUBLE, seen=seen)
    if not roomy:
        return None
    return Found(
        type=types.decimal(types.MAX_PRECISION, scale), seen=types.decimal(precision, scale)
    )


def _as_boolean(values: Any) -> Found | None:
    if not _matches(values, _BOOLEAN):
        return None
    return Found(type=types.BOOLEAN, seen=types.BOOLEAN)


def _as_date_or_time(values: Any) -> Found | None:
    for pattern, arrow, found in (
        (_DATE, pa.date32(), types.DATE),
        (_TIMESTAMP, pa.timestamp("us"), types.TIMESTAMP),
        (_TIMESTAMPTZ, pa.timestamp("us"), types.TIMESTAMPTZ),
    ):
        if _matches(values, pattern):
            clock = values
            if found is types.TIMESTAMPTZ:
                clock = pc.replace_substring_regex(values, _ZONE + "$", "")
            exists = _casts(clock, arrow) and pc.min(values).as_py() >= "0001"
            return Found(type=found, seen=found) if exists else None
    return Found(type=types.TIME, seen=types.TIME) if _matches(values, _TIME) else None


def _casts(values: Any, arrow: Any) -> bool:
    try:
        pc.cast(values, arrow)
    except pa.ArrowInvalid:
        return False
    return True


def _is_whole_number(values: Any, wanted: RedshiftType) -> Any:
    bound = {Kind.SMALLINT: 1 << 15, Kind.INTEGER: 1 << 31, Kind.BIGINT: 1 << 63}[wanted.kind]
    written = pc.match_substring_regex(values, r"^[+-]?[0-9]{1,38}$")
    numbers = pc.cast(pc.if_else(written, values, "0"), pa.decimal128(38, 0))
    least, most = pa.scalar(-bound, pa.decimal128(38, 0)), pa.scalar(bound, pa.decimal128(38, 0))
    within = pc.and_(pc.greater_equal(numbers, least), pc.less(numbers, most))
    return pc.and_(written, within)


def _is_decimal(values: Any, wanted: RedshiftType) -> Any:
    scale, whole = wanted.scale or 0, (wanted.precision or 0) - (wanted.scale or 0)
    fraction = rf"(\.[0-9]{{0,{scale}}}0*)?"
    some = pc.match_substring_regex(values, r"[0-9]")
    return pc.and_(
        some, pc.match_substring_regex(values, rf"^[+-]?0*[0-9]{{0,{whole}}}{fraction}$")
    )


def _is_float(values: Any, _wanted: RedshiftType) -> Any:
    return pc.match_substring_regex(
        values, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
    )


def _is_boolean(values: Any, _wanted: RedshiftType) -> Any:
    return pc.match_substring_regex(values, r"^(?i:t|true|y|yes|1|f|false|n|no|0)$")


def _is_short_enough(values: Any, wanted: RedshiftType) -> Any:
    return pc.less_equal(pc.binary_length(values), wanted.length or 0)


_CHECKS: dict[Kind, Callable[[Any, RedshiftType], Any]] = {
    Kind.SMALLINT: _is_whole_number,
    Kind.INTEGER: _is_whole_number,
    Kind.BIGINT: _is_whole_number,
    Kind.DECIMAL: _is_decimal,
    Kind.REAL: _is_float,
    Kind.DOUBLE: _is_float,
    Kind.BOOLEAN: _is_boolean,
    Kind.VARCHAR: _is_short_enough,
    Kind.CHAR: _is_short_enough,
}
