"""What a sample order is: its model, its tables, and reading orders from JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lambdas.shared.domain.errors import (
    EncodingError,
    FileError,
    FormatError,
    SluiceError,
    TerminalError,
)

Money = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Count = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]

MONEY = pa.decimal128(18, 2)
_KEY = [("order_id", pa.string())]
_ORDER = [
    ("customer_id", pa.string()),
    ("customer_name", pa.string()),
    ("order_date", pa.date32()),
    ("status", pa.string()),
    ("updated_at", pa.timestamp("us")),
    ("currency", pa.string()),
    ("item_count", pa.int32()),
    ("total", MONEY),
]
_ITEM = [
    ("line_number", pa.int32()),
    ("sku", pa.string()),
    ("product_name", pa.string()),
    ("quantity", pa.int32()),
    ("price", MONEY),
]
SUMMARY_SCHEMA = pa.schema(_KEY + _ORDER)
ITEMS_SCHEMA = pa.schema(_KEY + _ITEM)
FLATTENED_SCHEMA = pa.schema(_KEY + _ORDER + _ITEM)


class RequestError(TerminalError):
    """The command or call cannot run as given: a missing file, an impossible argument."""


class RecordError(FileError):
    """One order is not valid; the message names record, line and field, never values."""


class Item(BaseModel):
    """One line of an order; `price` is for one piece, in whole cents."""

    model_config = ConfigDict(frozen=True)

    line_number: Count
    sku: Text
    product_name: Text
    quantity: Count
    price: Money


class Order(BaseModel):
    """An order whose total is the sum of its lines; `updated_at` is UTC, without a zone."""

    model_config = ConfigDict(frozen=True)

    order_id: Text
    customer_id: Text
    customer_name: Text
    order_date: date
    status: Text
    updated_at: datetime
    currency: Annotated[str, Field(strict=True, pattern=r"^[A-Z]{3}$")]
    items: list[Item]
    total: Money

    @field_validator("order_date", "updated_at", mode="before")
    @classmethod
    def _no_epochs(cls, value: Any) -> Any:
        # A number could be seconds, milliseconds or yyyymmdd; guessing would load wrong dates.
        if isinstance(value, date):
            return value
        if isinstance(value, str) and not value.strip().lstrip("+-").replace(".", "").isdigit():
            return value
        raise ValueError("must be an ISO 8601 string such as 2024-01-31 or 2024-01-31T12:00:00")

    @field_validator("updated_at")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        try:
            return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("is outside the years 1 to 9999 in UTC") from None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        lines = [item.line_number for item in self.items]
        if len(set(lines)) != len(lines):
            raise ValueError("items: a line_number is repeated; number the lines of an order")
        if sum((item.quantity * item.price for item in self.items), Decimal(0)) != self.total:
            raise ValueError("total is not the sum of quantity * price over the items")
        return self

    def summary_row(self) -> dict[str, Any]:
        """The order as one row of `SUMMARY_SCHEMA`."""
        return {
            "order_id": self.order_id,
            "customer_id": self.customer_id,
            "customer_name": self.customer_name,
            "order_date": self.order_date,
            "status": self.status,
            "updated_at": self.updated_at,
            "currency": self.currency,
            "item_count": len(self.items),
            "total": self.total,
        }

    def item_rows(self) -> list[dict[str, Any]]:
        """The order's lines as rows of `ITEMS_SCHEMA`."""
        return [{"order_id": self.order_id, **dict(item)} for item in self.items]

    def flattened_rows(self) -> list[dict[str, Any]]:
        """The order's lines as rows of `FLATTENED_SCHEMA`, each with the order's columns."""
        summary = self.summary_row()
        return [{**summary, **dict(item)} for item in self.items]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a file: its place (from 1), how much of the file is read (0 to 1), its value.

    `problem` is set instead of `value` where a line is no JSON.
    """

    number: int
    line: int | None
    share: float
    value: Any = None
    problem: RecordError | None = None


def parse_order(value: Any, *, record: int, line: int | None = None) -> Order:
    """The record as an order; RecordError says which field is wrong and why."""
    place = _place(record, line)
    if not isinstance(value, dict):
        raise RecordError(
            f"{place}: not a JSON object; write one object for each order",
            record=record,
            line=line,
        )
    try:
        return Order.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        named = f"field {field}: " if field else ""
        raise RecordError(
            f"{place}: {named}{what}; correct the record, or skip bad records",
            record=record,
            line=line,
            field=field or None,
        ) from None


def read_records(path: Path) -> Iterator[Record]:
    """The records of a JSON array or of JSON lines (UTF-8); FileError if it is neither."""
    if not path.is_file():
        raise RequestError(f"{path}: no such file; give a JSON file of orders", source=str(path))
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    return _array(path) if head.startswith(b"[") else _lines(path)


def fields_of(error: SluiceError) -> dict[str, Any]:
    """The error as the JSON a command prints."""
    return {"ok": False, "error": error.to_json()}


def _place(record: int, line: int | None) -> str:
    return f"record {record}" if line is None else f"line {line} (record {record})"


def _loads(text: str) -> Any:
    # Decimal, for money must not pass through binary floating point.
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _array(path: Path) -> Iterator[Record]:
    try:
        values = _loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise EncodingError(
            f"{path.name}: byte {error.start} is not UTF-8; save the file as UTF-8",
            source=path.name,
        ) from None
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{path.name}: line {error.lineno}, column {error.colno}: {error.msg};"
            " the file starts as a JSON array: correct or complete it",
            source=path.name,
            line=error.lineno,
            column=error.colno,
        ) from None
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise FormatError(f"{path.name}: {what}; write plain JSON", source=path.name) from None
    for number, value in enumerate(values, 1):
        yield Record(number=number, line=None, share=number / len(values), value=value)


def _lines(path: Path) -> Iterator[Record]:
    size = max(path.stat().st_size, 1)
    done = number = 0
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            done += len(raw)
            content = raw.removeprefix(b"\xef\xbb\xbf") if line == 1 else raw
            if not content.strip():
                continue
            number += 1
            yield _line_record(content, number=number, line=line, share=done / size)


def _line_record(raw: bytes, *, number: int, line: int, share: float) -> Record:
    try:
        return Record(number=number, line=line, share=share, value=_loads(raw.decode("utf-8")))
    except UnicodeDecodeError:
        what = "not UTF-8; save the file as UTF-8"
    except json.JSONDecodeError as error:
        what = (
            f"column {error.colno}: {error.msg};"
            " write one whole JSON object a line, or one JSON array"
        )
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        what = f"{reason}; write plain JSON"
    problem = RecordError(f"{_place(number, line)}: {what}", record=number, line=line)
    return Record(number=number, line=line, share=share, problem=problem)
