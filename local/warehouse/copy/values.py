"""Text as values of a column's type, a column at a time, and which of them are none.

Each converter returns the values and, where there are any, the places that failed with the reason.
A place that failed is NULL among the values.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from local.warehouse.copy import rejects
from local.warehouse.copy.grammar import CopyStatement
from local.warehouse.copy.moments import to_dates, to_moments, to_times
from local.warehouse.copy.rejects import Reason
from local.warehouse.copy.target import INTEGERS, TEXTS, Kind, TargetColumn

_LIMITS = {
    Kind.SMALLINT: (-(2**15), 2**15 - 1),
    Kind.INTEGER: (-(2**31), 2**31 - 1),
    Kind.BIGINT: (-(2**63), 2**63 - 1),
}
_TRUE = pa.array(["t", "true", "y", "yes", "1"])
_FALSE = pa.array(["f", "false", "n", "no", "0"])
_WIDE = pa.decimal256(76, 0)

_INTEGER = r"^[+-]?[0-9]+$"
_FLOAT = r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:inf|infinity|nan))$"
_DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$"
_BLANK = r"^[ \t]*$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A column's values, and the failures among them: which places, and why."""

    values: pa.Array
    failures: tuple[tuple[pa.Array, Reason], ...] = ()

    def first_failure(self, row: int) -> Reason | None:
        """Why the value of a row failed, if it did."""
        return next((reason for mask, reason in self.failures if mask[row].as_py()), None)


def convert(text: pa.Array, column: TargetColumn, statement: CopyStatement) -> Converted:
    """A column of strings as the target's type; NULLs stay NULL.

    '' is NULL for every type but text (Data conversion parameters, Redshift developer guide).
    """
    prepared = _nulled(text, column, statement)
    converted = _CONVERTERS[column.kind](prepared, column, statement)
    if not column.required:
        return converted
    missing = pc.is_null(prepared)
    if not _any(missing):
        return converted
    return Converted(
        values=converted.values, failures=((missing, rejects.NOT_NULL), *converted.failures)
    )


def _nulled(text: pa.Array, column: TargetColumn, statement: CopyStatement) -> pa.Array:
    if column.kind not in TEXTS or statement.empty_as_null:
        text = _null_where(text, pc.equal(text, ""))
    if column.kind in TEXTS and statement.blanks_as_null:
        blank = pc.and_(pc.match_substring_regex(text, _BLANK), pc.not_equal(text, ""))
        text = _null_where(text, blank)
    return text


def _any(mask: pa.Array) -> bool:
    return bool(pc.any(mask).as_py())


def _null_where(values: pa.Array, mask: pa.Array) -> pa.Array:
    if not _any(mask):
        return values
    return pc.if_else(pc.fill_null(mask, False), pa.scalar(None, values.type), values)


def _matching(
    text: pa.Array, pattern: str, reason: Reason
) -> tuple[pa.Array, tuple[tuple[pa.Array, Reason], ...]]:
    """The text with what does not match the pattern as NULL, and where that was."""
    wrong = pc.fill_null(pc.invert(pc.match_substring_regex(text, pattern)), False)
    if not _any(wrong):
        return text, ()
    return _null_where(text, wrong), ((wrong, reason),)


def _integer(text: pa.Array, column: TargetColumn, _statement: CopyStatement) -> Converted:
    label = column.kind.value.capitalize()
    text, failures = _matching(text, _INTEGER, (rejects.BAD_DIGIT, f"Invalid digit, Type: {label}"))
    unsigned = pc.replace_substring_regex(text, r"^\+", "")
    try:
        return Converted(values=unsigned.cast(column.arrow), failures=failures)
    except pa.ArrowInvalid:
        pass  # some value is out of range: find out which
    low, high = _LIMITS[column.kind]
    # 40 digits are out of every range, and within Arrow's widest decimal
    shortened = pc.replace_substring_regex(unsigned, r"^(-?[0-9]{40})[0-9]+$", r"\1")
    exact = shortened.cast(_WIDE)
    outside = pc.or_(
        pc.less(exact, pa.scalar(low, _WIDE)), pc.greater(exact, pa.scalar(high, _WIDE))
    )
    outside = pc.fill_null(outside, False)
    reason = (rejects.OUT_OF_RANGE, f"Overflow, Column type: {label}")
    values = _null_where(unsigned, outside).cast(column.arrow)
    return Converted(values=values, failures=(*failures, (outside, reason)))


def _float(text: pa.Array, column: TargetColumn, _statement: CopyStatement) -> Converted:
    text, failures = _matching(text, _FLOAT, rejects.BAD_FLOAT)
    # Arrow reads no plus sign
    return Converted(
        values=pc.replace_substring_regex(text, r"^\+", "").cast(column.arrow), failures=failures
    )


def _decimal(text: pa.Array, column: TargetColumn, statement: CopyStatement) -> Converted:
    text, failures = _matching(text, _DECIMAL, rejects.BAD_DECIMAL)
    plain = pc.replace_substring_regex(text, r"^\+", "")
    if not statement.round_decimals:  # COPY cuts what it has no room for
        cut = rf"^(-?[0-9]*\.[0-9]{{{column.scale}}})[0-9]+$"
        plain = pc.replace_substring_regex(plain, cut, r"\1")
    try:
        values = plain.cast(column.arrow)
    except pa.ArrowInvalid:
        return _unusual_decimal(plain, column, failures)
    return Converted(values=values, failures=failures)


def _unusual_decimal(
    text: pa.Array, column: TargetColumn, failures: tuple[tuple[pa.Array, Reason], ...]
) -> Converted:
    """Numbers to be rounded, or too large, or longer than Arrow takes."""
    text = pc.replace_substring_regex(text, r"^(-?)0+([0-9])", r"\1\2")
    # no more than 36 digits on either side: more before the point is out of range all the same,
    # and more behind it changes no rounding
    text = pc.replace_substring_regex(text, r"^(-?[0-9]{39})[0-9]+", r"\1")
    text = pc.replace_substring_regex(text, r"\.([0-9]{36})[0-9]+$", r".\1")
    exact = text.cast(pa.decimal256(76, 36))
    rounded = pc.round(exact, ndigits=column.scale, round_mode="half_towards_infinity")
    limit = pa.scalar(10 ** (column.precision - column.scale), pa.decimal256(76, 36))
    outside = pc.fill_null(pc.greater_equal(pc.abs(rounded), limit), False)
    reason = (rejects.OUT_OF_RANGE, f"Overflow for NUMERIC({column.precision},{column.scale})")
    values = _null_where(rounded, outside).cast(column.arrow)
    return Converted(
        values=values, failures=(*failures, (outside, reason)) if _any(outside) else failures
    )


def _boolean(text: pa.Array, _column: TargetColumn, _statement: CopyStatement) -> Converted:
    lower = pc.utf8_lower(text)
    true, false = pc.is_in(lower, _TRUE), pc.is_in(lower, _FALSE)
    wrong = pc.and_(pc.is_valid(text), pc.invert(pc.or_(true, false)))
    values = pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))
    failures = ((wrong, rejects.BAD_BOOLEAN),) if _any(wrong) else ()
    return Converted(values=values, failures=failures)


def _date(text: pa.Array, _column: TargetColumn, statement: CopyStatement) -> Converted:
    values, wrong = to_dates(text, statement.date_format)
    return Converted(values=values, failures=((wrong, rejects.BAD_DATE),) if _any(wrong) else ())


def _moment(text: pa.Array, column: TargetColumn, statement: CopyStatement) -> Converted:
    zoned = column.kind is Kind.TIMESTAMPTZ
    values, wrong = to_moments(text, statement.time_format, zoned=zoned)
    return Converted(
        values=values, failures=((wrong, rejects.BAD_TIMESTAMP),) if _any(wrong) else ()
    )


def _time(text: pa.Array, _column: TargetColumn, _statement: CopyStatement) -> Converted:
    values, wrong = to_times(text)
    return Converted(
        values=values, failures=((wrong, rejects.BAD_TIMESTAMP),) if _any(wrong) else ()
    )


def _text(text: pa.Array, column: TargetColumn, statement: CopyStatement) -> Converted:
    long = pc.fill_null(pc.greater(pc.binary_length(text), column.width), False)
    failures: tuple[tuple[pa.Array, Reason], ...] = ()
    if _any(long) and statement.truncate_columns:
        text = _cut(text, column.width)
    elif _any(long):
        failures = ((long, rejects.TOO_LONG),)
    if column.kind is Kind.CHAR:
        wide = pc.fill_null(pc.invert(pc.string_is_ascii(text)), False)
        failures += ((wide, rejects.BAD_CHAR),) if _any(wide) else ()
    for mask, _ in failures:
        text = _null_where(text, mask)
    return Converted(values=text, failures=failures)


def _cut(text: pa.Array, width: int) -> pa.Array:
    """Every value shortened to the whole characters that fit."""
    return pa.array(
        [
            None if value is None else value.encode()[:width].decode(errors="ignore")
            for value in text.to_pylist()
        ],
        pa.string(),
    )


def _super(text: pa.Array, _column: TargetColumn, _statement: CopyStatement) -> Converted:
    return Converted(values=text)  # JSON already; Postgres parses it


def _binary(text: pa.Array, column: TargetColumn, _statement: CopyStatement) -> Converted:
    reason = (rejects.BAD_LINE, "Invalid hexadecimal digits for VARBYTE")
    text, failures = _matching(text, r"^([0-9a-fA-F]{2})*$", reason)
    values = pa.array(
        [None if value is None else bytes.fromhex(value) for value in text.to_pylist()], pa.binary()
    )
    return Converted(values=values, failures=failures)


Converter = Callable[[pa.Array, TargetColumn, CopyStatement], Converted]
_CONVERTERS: dict[Kind, Converter] = {
    **dict.fromkeys(INTEGERS, _integer),
    Kind.REAL: _float,
    Kind.DOUBLE: _float,
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.TIMESTAMP: _moment,
    Kind.TIMESTAMPTZ: _moment,
    Kind.TIME: _time,
    **dict.fromkeys(TEXTS, _text),
    Kind.SUPER: _super,
    Kind.VARBYTE: _binary,
}
