"""The column types of Redshift: how they are written, which holds which, and how one grows."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from lambdas.shared.domain.errors import ConfigInvalidError, PlanError

MAX_VARCHAR_BYTES = 65_535
MAX_VARBYTE_BYTES = 1_024_000
MAX_CHAR_BYTES = 4_096
MAX_PRECISION = 38
MAX_SCALE = 37
SIZE_CLASSES = (64, 256, 1_024, 4_096, 16_384, MAX_VARCHAR_BYTES)
"""The widths VARCHAR columns are given, in UTF-8 bytes: few, so that a column rarely grows."""


class Kind(StrEnum):
    """A type without its size. Tables may have those after SUPER; files are never given them."""

    SMALLINT = "SMALLINT"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    REAL = "REAL"
    DOUBLE = "DOUBLE PRECISION"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMPTZ = "TIMESTAMPTZ"
    TIME = "TIME"
    VARCHAR = "VARCHAR"
    VARBYTE = "VARBYTE"
    SUPER = "SUPER"
    CHAR = "CHAR"
    TIMETZ = "TIMETZ"
    GEOMETRY = "GEOMETRY"
    GEOGRAPHY = "GEOGRAPHY"
    HLLSKETCH = "HLLSKETCH"
    INTERVAL_MONTHS = "INTERVAL YEAR TO MONTH"
    INTERVAL_SECONDS = "INTERVAL DAY TO SECOND"


_LIMITS = {
    Kind.VARCHAR: MAX_VARCHAR_BYTES,
    Kind.VARBYTE: MAX_VARBYTE_BYTES,
    Kind.CHAR: MAX_CHAR_BYTES,
}
_INTEGER_DIGITS = {Kind.SMALLINT: 5, Kind.INTEGER: 10, Kind.BIGINT: 19}
MOST_INTEGERS = {Kind.SMALLINT: 2**15 - 1, Kind.INTEGER: 2**31 - 1, Kind.BIGINT: 2**63 - 1}
EXACT_DIGITS = {Kind.REAL: 6, Kind.DOUBLE: 15}
"""Decimal digits that survive a round trip."""
EXACT_INTEGERS = {Kind.REAL: 2**24, Kind.DOUBLE: 2**53}
MAX_REAL = (2 - 2**-23) * 2.0**127


@dataclass(frozen=True, slots=True, kw_only=True)
class RedshiftType:
    """One column type: a kind, with a length in bytes or a precision and scale where it has one.

    Raises ValueError for what Redshift cannot declare.
    """

    kind: Kind
    length: int | None = None
    precision: int | None = None
    scale: int | None = None

    def __post_init__(self) -> None:
        limit = _LIMITS.get(self.kind)
        if limit is None and self.length is not None:
            raise ValueError(f"{self.kind} has no length")
        if limit is not None and not 1 <= (self.length or 0) <= limit:
            raise ValueError(f"{self.kind}({self.length}): a length from 1 to {limit} bytes")
        if (self.kind is Kind.DECIMAL) != (self.precision is not None and self.scale is not None):
            raise ValueError(f"{self.kind}: precision and scale belong to DECIMAL, both of them")
        if not 0 <= (self.scale or 0) <= (self.precision or 1) <= MAX_PRECISION:
            raise ValueError(f"DECIMAL({self.precision},{self.scale}): at most 38 digits")
        if self.precision == 0:
            raise ValueError("DECIMAL(0,0): at least one digit")

    @property
    def sql(self) -> str:
        """The type as DDL spells it; `parse` reads it back."""
        if self.kind is Kind.DECIMAL:
            return f"DECIMAL({self.precision},{self.scale})"
        return f"{self.kind}({self.length})" if self.length is not None else str(self.kind)

    def __str__(self) -> str:
        return self.sql

    @classmethod
    def parse(cls, text: str) -> Self:
        """A type as people write it: `varchar(64)`, `numeric(10, 2)`, `int8`, `VARCHAR(MAX)`.

        Bare VARCHAR and DECIMAL mean what they mean in Redshift: VARCHAR(256), DECIMAL(18,0).
        Raises ConfigInvalidError.
        """
        words = " ".join(text.lower().split())
        match = re.fullmatch(r"([a-z0-9 ]+?) ?(?:\( ?(\d{1,7}|max) ?(?:, ?(\d{1,2}) ?)?\))?", words)
        kind = _SPELLINGS.get(match[1]) if match else None
        if match is None or kind is None:
            raise ConfigInvalidError(
                f"{text!r} is no column type of Redshift; for example BIGINT, DECIMAL(18,2),"
                " VARCHAR(64), TIMESTAMP, SUPER"
            )
        first, second = match[2], match[3]
        size = _LIMITS.get(kind) if first == "max" else int(first) if first else None
        try:
            if kind is Kind.DECIMAL:
                return cls(kind=kind, precision=size if first else 18, scale=int(second or 0))
            if second:
                raise ValueError(f"{kind} takes no scale")
            return cls(kind=kind, length=size if first else _DEFAULT_LENGTHS.get(kind))
        except ValueError as error:
            raise ConfigInvalidError(f"{text!r} is no column type of Redshift: {error}") from error

    @classmethod
    def from_catalog(
        cls,
        data_type: str,
        length: int | None = None,
        precision: int | None = None,
        scale: int | None = None,
    ) -> Self:
        """A type as SVV_COLUMNS reports it: `character varying` with its length, and so on.

        Raises PlanError for a type this version does not know.
        """
        kind = _SPELLINGS.get(" ".join(data_type.lower().split()))
        if kind is None:
            raise PlanError(f"the target has a column of type {data_type!r}, which is not known")
        if kind is Kind.DECIMAL:
            return cls(kind=kind, precision=precision or 18, scale=scale or 0)
        if kind in _LIMITS:
            return cls(kind=kind, length=length or _DEFAULT_LENGTHS[kind])
        return cls(kind=kind)

    def holds(self, other: "RedshiftType") -> bool:
        """Whether every value of `other` is a value of this type, without loss.

        Strict: BIGINT is not in DOUBLE PRECISION (2^53), no number is in VARCHAR, and nothing but
        a DATE, as its midnight, is in TIMESTAMP besides TIMESTAMP itself.
        """
        if self.kind is other.kind:
            return self._holds_size_of(other)
        if self.kind is Kind.VARCHAR and other.kind is Kind.CHAR:
            return _length(self) >= _length(other)
        if self.kind in _INTEGER_DIGITS:
            return self._integer_holds(other)
        if self.kind is Kind.DECIMAL:
            digits = _INTEGER_DIGITS.get(other.kind)
            return digits is not None and whole_digits(self) >= digits
        if self.kind in EXACT_DIGITS:
            return self._float_holds(other)
        return self.kind is Kind.TIMESTAMP and other.kind is Kind.DATE

    def _holds_size_of(self, other: "RedshiftType") -> bool:
        if self.kind is Kind.DECIMAL:
            return (self.scale or 0) >= (other.scale or 0) and (
                whole_digits(self) >= whole_digits(other)
            )
        return _length(self) >= _length(other)

    def _integer_holds(self, other: "RedshiftType") -> bool:
        digits = _INTEGER_DIGITS[self.kind]
        if other.kind in _INTEGER_DIGITS:
            return digits >= _INTEGER_DIGITS[other.kind]
        # one digit less: 99999 is no SMALLINT though 32767 has five digits as well
        return other.kind is Kind.DECIMAL and other.scale == 0 and (other.precision or 0) < digits

    def _float_holds(self, other: "RedshiftType") -> bool:
        exact = EXACT_DIGITS[self.kind]
        if other.kind is Kind.DECIMAL:
            return (other.precision or 0) <= exact
        if other.kind is Kind.REAL:
            return True  # DOUBLE PRECISION; REAL itself was answered by its kind
        return _INTEGER_DIGITS.get(other.kind, MAX_PRECISION) <= exact

    def widened(self, other: "RedshiftType") -> "RedshiftType | None":
        """This column's type after ALTER COLUMN TYPE has made room for `other`; None if it cannot.

        Redshift alters the length of VARCHAR and nothing else. The length grows by size classes.
        """
        if self.kind is not Kind.VARCHAR or other.kind not in (Kind.VARCHAR, Kind.CHAR):
            return None
        return self if self.holds(other) else varchar(size_class(_length(other)))


SMALLINT = RedshiftType(kind=Kind.SMALLINT)
INTEGER = RedshiftType(kind=Kind.INTEGER)
BIGINT = RedshiftType(kind=Kind.BIGINT)
REAL = RedshiftType(kind=Kind.REAL)
DOUBLE = RedshiftType(kind=Kind.DOUBLE)
BOOLEAN = RedshiftType(kind=Kind.BOOLEAN)
DATE = RedshiftType(kind=Kind.DATE)
TIMESTAMP = RedshiftType(kind=Kind.TIMESTAMP)
TIMESTAMPTZ = RedshiftType(kind=Kind.TIMESTAMPTZ)
TIME = RedshiftType(kind=Kind.TIME)
SUPER = RedshiftType(kind=Kind.SUPER)


def varchar(length: int) -> RedshiftType:
    """VARCHAR of `length` UTF-8 bytes."""
    return RedshiftType(kind=Kind.VARCHAR, length=length)


def varbyte(length: int) -> RedshiftType:
    """VARBYTE of `length` bytes."""
    return RedshiftType(kind=Kind.VARBYTE, length=length)


def decimal(precision: int, scale: int) -> RedshiftType:
    """DECIMAL of `precision` digits, `scale` of them after the point."""
    return RedshiftType(kind=Kind.DECIMAL, precision=precision, scale=scale)


def finer(kind: RedshiftType) -> RedshiftType:
    """A DECIMAL with as many digits before the point, and after it as many as there is room for."""
    scale = min(MAX_PRECISION - whole_digits(kind), MAX_SCALE)
    return decimal(MAX_PRECISION, max(scale, kind.scale or 0))


def size_class(length: int) -> int:
    """The smallest width of SIZE_CLASSES with room for `length` bytes; the largest beyond it."""
    return next((size for size in SIZE_CLASSES if size >= length), MAX_VARCHAR_BYTES)


def common(one: RedshiftType, other: RedshiftType) -> RedshiftType | None:
    """The narrowest type for a new column that two files bring with these types; None if none.

    It holds both, with one exception that is wanted: an integer of any width beside a float is
    DOUBLE PRECISION, which is exact up to 2^53. Text never absorbs numbers or dates.
    """
    for wide, narrow in ((one, other), (other, one)):
        if wide.holds(narrow):
            return wide
    kinds = {one.kind, other.kind}
    if kinds <= {Kind.DECIMAL, *_INTEGER_DIGITS}:
        return _common_decimal(one, other)
    if kinds & set(EXACT_DIGITS):
        return _common_float(one, other)
    return None


def _common_decimal(one: RedshiftType, other: RedshiftType) -> RedshiftType | None:
    scale = max(one.scale or 0, other.scale or 0)
    precision = max(whole_digits(one), whole_digits(other)) + scale
    return decimal(precision, scale) if precision <= MAX_PRECISION else None


def _common_float(one: RedshiftType, other: RedshiftType) -> RedshiftType | None:
    for each in (one, other):
        if each.kind not in _INTEGER_DIGITS and not DOUBLE.holds(each):
            return None
    return DOUBLE


def _length(of: RedshiftType) -> int:
    return of.length or 0


def whole_digits(of: RedshiftType) -> int:
    """Digits before the point that a number of this type may have."""
    if of.kind is Kind.DECIMAL:
        return (of.precision or 0) - (of.scale or 0)
    return _INTEGER_DIGITS[of.kind]


_DEFAULT_LENGTHS = {Kind.VARCHAR: 256, Kind.CHAR: 1, Kind.VARBYTE: 64_000}

_SPELLINGS = {kind.value.lower(): kind for kind in Kind} | {
    "int2": Kind.SMALLINT,
    "int": Kind.INTEGER,
    "int4": Kind.INTEGER,
    "int8": Kind.BIGINT,
    "float4": Kind.REAL,
    "float8": Kind.DOUBLE,
    "float": Kind.DOUBLE,
    "double": Kind.DOUBLE,
    "numeric": Kind.DECIMAL,
    "bool": Kind.BOOLEAN,
    "timestamp without time zone": Kind.TIMESTAMP,
    "timestamp with time zone": Kind.TIMESTAMPTZ,
    "time without time zone": Kind.TIME,
    "time with time zone": Kind.TIMETZ,
    "character varying": Kind.VARCHAR,
    "nvarchar": Kind.VARCHAR,
    "text": Kind.VARCHAR,
    "character": Kind.CHAR,
    "nchar": Kind.CHAR,
    "bpchar": Kind.CHAR,
    "binary varying": Kind.VARBYTE,
    "varbinary": Kind.VARBYTE,
}
