"""One procedure call: its name, its literals, and the statement that binds their values."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any, Self

from lambdas.shared.domain.names import Identifier

MAX_STRING_BYTES = 65_535
"""Redshift's longest VARCHAR (Character types, Redshift developer guide)."""
MAX_DIGITS = 38
"""Redshift's widest DECIMAL (Numeric types, Redshift developer guide)."""

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x80-\U0010ffff]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_ESCAPES = {"\\": "\\\\", "'": "''", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Kind(StrEnum):
    """What a literal is; but for the first three, the type that its value is cast to."""

    NULL = "NULL"
    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    DECIMAL = "DECIMAL"
    FLOAT = "DOUBLE PRECISION"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A value of a call; `text` is how it is bound, the same for every spelling of one value.

    The class methods make one, and raise ValueError for what Redshift cannot hold.
    """

    kind: Kind
    text: str

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The literal for a value of a JSON document."""
        match value:
            case None:
                return cls(kind=Kind.NULL, text="NULL")
            case bool():
                return cls(kind=Kind.BOOLEAN, text=str(value).upper())
            case str():
                return cls.string(value)
            case int():
                return cls._integer(value)
            case float():
                return cls.number(repr(value))
        raise ValueError(f"is a {type(value).__name__}; give a string, a number, true, false, null")

    @classmethod
    def string(cls, text: str) -> Self:
        """A text, of at most 65,535 bytes and without control characters but tab and newline."""
        if _CONTROL.search(text):
            raise ValueError("the string holds a control character; take it out")
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise ValueError("the string is not valid unicode") from error
        if size > MAX_STRING_BYTES:
            raise ValueError(f"the string has {size} bytes; Redshift takes {MAX_STRING_BYTES}")
        return cls(kind=Kind.STRING, text=text)

    @classmethod
    def number(cls, text: str) -> Self:
        """A number as SQL writes it: whole, with a point, or with an exponent."""
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"{text} is no number of SQL")
        mantissa, _, exponent = text.lower().partition("e")
        if exponent:
            if not isfinite(float(text)):
                raise ValueError(f"{text} is more than DOUBLE PRECISION holds")
            return cls(kind=Kind.FLOAT, text=text.lower())
        digits = mantissa.lstrip("+-").replace(".", "").lstrip("0")
        if len(digits) > MAX_DIGITS:
            raise ValueError(f"a number has {len(digits)} digits; Redshift takes {MAX_DIGITS}")
        if "." not in mantissa:
            return cls._integer(int(digits or "0") * (-1 if mantissa[0] == "-" else 1))
        exact = Decimal(mantissa)
        if -int(exact.as_tuple().exponent) > MAX_DIGITS - 1:
            raise ValueError(f"a number has more decimals than Redshift takes ({MAX_DIGITS - 1})")
        return cls(kind=Kind.DECIMAL, text=f"{exact:f}")

    @classmethod
    def _integer(cls, value: int) -> Self:
        if abs(value) >= 10**MAX_DIGITS:
            raise ValueError(f"a number has more than {MAX_DIGITS} digits; Redshift takes no more")
        kind = Kind.DECIMAL
        if -(2**63) <= value < 2**63:
            kind = Kind.INTEGER if -(2**31) <= value < 2**31 else Kind.BIGINT
        return cls(kind=kind, text=str(value))

    @classmethod
    def date(cls, text: str) -> Self:
        """`2025-01-31`."""
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError("write the date as DATE '2025-01-31'")
        return cls(kind=Kind.DATE, text=date.fromisoformat(text).isoformat())

    @classmethod
    def timestamp(cls, text: str) -> Self:
        """`2025-01-31 23:59:59`, with up to six decimals, or the date alone for its midnight."""
        if not re.fullmatch(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?", text
        ):
            raise ValueError("write the timestamp as TIMESTAMP '2025-01-31 23:59:59.5'")
        head, point, decimals = text.partition(".")
        moment = datetime.fromisoformat(f"{head}{point}{decimals.ljust(6, '0') if point else ''}")
        return cls(kind=Kind.TIMESTAMP, text=moment.isoformat(sep=" "))

    @property
    def is_bound(self) -> bool:
        """Whether the value travels as a parameter; the Data API binds neither NULL nor ''."""
        return self.text != "" and self.kind not in (Kind.NULL, Kind.BOOLEAN)

    @property
    def type_sql(self) -> str:
        """The type that Redshift gives this literal where it stands in SQL."""
        if self.kind is not Kind.DECIMAL:
            return self.kind.value
        whole, _, decimals = self.text.lstrip("-").partition(".")
        return (
            f"DECIMAL({max(len((whole + decimals).lstrip('0')), len(decimals), 1)},{len(decimals)})"
        )

    def placeholder(self, name: str) -> str:
        """What stands for the value in a statement: a parameter, or a keyword of ours.

        A string is not cast: like a string in SQL it takes the type of the argument. A number is,
        because a parameter travels as text and would choose the wrong one of two procedures.
        """
        if not self.is_bound:
            return "''" if self.kind is Kind.STRING else self.text
        return f":{name}" if self.kind is Kind.STRING else f"CAST(:{name} AS {self.type_sql})"

    @property
    def sql(self) -> str:
        """The value as a person reads it, on one line."""
        if self.kind is Kind.STRING:
            return "'" + "".join(_ESCAPES.get(each, each) for each in self.text) + "'"
        if self.kind in (Kind.DATE, Kind.TIMESTAMP):
            return f"{self.kind} '{self.text}'"
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureName:
    """A procedure, in a schema or found by the search path."""

    schema: Identifier | None
    name: Identifier

    @property
    def sql(self) -> str:
        """The name quoted for SQL."""
        return ".".join(part.sql for part in (self.schema, self.name) if part)

    @property
    def readable(self) -> str:
        """The name with quotes only where it needs them."""
        parts = [part for part in (self.schema, self.name) if part]
        return ".".join(
            part.text if _PLAIN_NAME.fullmatch(part.text) else part.sql for part in parts
        )

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else str(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """SQL and the values of its `:name` parameters, as the Data API takes them."""

    sql: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a release: the `number`th, found in `line` of its file (0 without a file).

    `limit_seconds` is None where the line says nothing and the release's own limit counts;
    `retries` is how often the call is tried again after it failed.
    """

    number: int
    line: int
    procedure: ProcedureName
    arguments: tuple[Literal, ...]
    idempotent: bool = False
    limit_seconds: int | None = None
    retries: int = 0

    def statement(self) -> Statement:
        """The CALL with its values bound; no character of them is in the SQL."""
        named = {f"a{place}": each for place, each in enumerate(self.arguments, start=1)}
        placeholders = ", ".join(each.placeholder(name) for name, each in named.items())
        return Statement(
            sql=f"CALL {self.procedure.sql}({placeholders})",
            parameters={name: each.text for name, each in named.items() if each.is_bound},
        )

    def sql(self) -> str:
        """The CALL as a person reads it, on one line; for records and responses, not to be run."""
        return f"CALL {self.procedure.readable}({', '.join(each.sql for each in self.arguments)});"
