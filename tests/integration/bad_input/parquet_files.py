"""Parquet files as people send them."""

import decimal

import pyarrow as pa

from tests.integration.bad_input.case import loaded, rejected
from tests.integration.running import parquet

_GOOD = parquet(id=[100], name=["Ann"])


def _ids(*ids: int | None) -> pa.Array:
    return pa.array(ids, pa.int64())


def torn(body: bytes) -> bytes:
    """A data page overwritten, the footer whole."""
    return body[:4] + b"\xff" * 40 + body[44:]


def _long(digits: int) -> pa.Array:
    number = decimal.Decimal("9" * digits)
    return pa.array([number], pa.decimal256(digits, 0))


PARQUET = [
    loaded("people_good.parquet", _GOOD, (100, "Ann")),
    loaded("people_no_rows.parquet", parquet(id=_ids(), name=pa.array([], pa.string()))),
    loaded("people_all_null.parquet", parquet(id=_ids(101), name=pa.nulls(1)), (101, None)),
    loaded(
        "people_narrow.parquet",
        parquet(id=pa.array([102], pa.int8()), name=["Bo"]),
        (102, "Bo"),
    ),
    rejected("people_torn.parquet", torn(_GOOD), "FormatError", "could not read"),
    rejected("people_no_tail.parquet", _GOOD[:-9], "FormatError", "was cut short"),
    rejected("people_no_head.parquet", _GOOD[90:], "FormatError", "was cut or joined"),
    rejected("people_half.parquet", _GOOD[: len(_GOOD) // 2], "FormatError", "was cut short"),
    rejected("people_magic_only.parquet", b"PAR1PAR1", "FormatError", "damaged"),
    rejected("people_empty.parquet", b"", "FormatError", "empty (0 bytes)"),
    rejected("people_zeros.parquet", bytes(4096), "FormatError", "Parquet"),
    rejected(
        "people_is_csv.parquet",
        "id,name\n1,Ann\n",
        "FormatError",
        "is Parquet by its name and holds text",
    ),
    rejected("people_is_parquet.csv", _GOOD, "FormatError", "holds Parquet"),
    rejected(
        "people_null_key.parquet",
        parquet(id=_ids(110, None), name=["Ann", "Bob"]),
        "KeyColumnError",
        "1 row(s) have no value in upsert key id",
    ),
    rejected(
        "people_same_key.parquet",
        parquet(id=_ids(111, 111), name=["Ann", "Bob"]),
        "KeyColumnError",
        "order_by",
    ),
    rejected(
        "people_key_is_text.parquet",
        parquet(id=["112"], name=["Ann"]),
        "TypeChangeError",
        "column id was BIGINT and arrived as VARCHAR",
    ),
    rejected(
        "people_folded.parquet",
        parquet(id=_ids(113), name=["a"], NAME=["b"]),
        "HeaderError",
        "folds case",
    ),
    rejected("people_no_key.parquet", parquet(nr=_ids(114)), "KeyColumnError", "columns are nr"),
    rejected(
        "people_too_long.parquet",
        parquet(id=_ids(115), amount=_long(39)),
        "TypeChangeError",
        "Redshift has 38 digits",
    ),
    rejected(
        "people_nested_name.parquet",
        parquet(id=_ids(116), name=[["Ann"]]),
        "TypeChangeError",
        "column name",
    ),
]
