"""Parquet as COPY reads it: by position, and only into the types it is written in.

`_TAKES` is the whole table. Redshift's scanner compares physical types (error 15007) and the byte
length of decimals (15001), and converts nothing; its guides do not give the rules in full, so what
could not be established is decided by what is written: a value never changes its type here.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from local.warehouse.copy import rejects
from local.warehouse.copy.grammar import CopyStatement
from local.warehouse.copy.rejects import Rejects
from local.warehouse.copy.sources import Loaded
from local.warehouse.copy.target import TEXTS, Kind, Target, TargetColumn
from local.warehouse.errors import CopyError

_BATCH_ROWS = 64 * 1024

# (logical type or physical type, and its width where it has one) -> kinds it can be copied into
_TAKES: dict[str, tuple[Kind, ...]] = {
    "Int8": (Kind.SMALLINT, Kind.INTEGER),
    "Int16": (Kind.SMALLINT, Kind.INTEGER),
    "Int32": (Kind.INTEGER,),
    "Int64": (Kind.BIGINT,),
    "UInt8": (Kind.SMALLINT, Kind.INTEGER),
    "UInt16": (Kind.INTEGER,),
    "UInt32": (Kind.BIGINT,),
    "UInt64": (Kind.DECIMAL,),
    "INT32": (Kind.INTEGER,),
    "INT64": (Kind.BIGINT,),
    "Null": (Kind.INTEGER,),
    "Float16": (Kind.REAL,),
    "FLOAT": (Kind.REAL,),
    "DOUBLE": (Kind.DOUBLE,),
    "BOOLEAN": (Kind.BOOLEAN,),
    "Date": (Kind.DATE,),
    "Time": (Kind.TIME,),
    "Timestamp": (Kind.TIMESTAMP, Kind.TIMESTAMPTZ),
    "INT96": (Kind.TIMESTAMP,),
    "String": TEXTS,
    "Enum": TEXTS,
    "JSON": TEXTS,
    "BYTE_ARRAY": (*TEXTS, Kind.VARBYTE),
    "FIXED_LEN_BYTE_ARRAY": (Kind.VARBYTE,),
    "UUID": (Kind.VARBYTE,),
}


def read_parquet(
    file: Loaded, statement: CopyStatement, target: Target, bad: Rejects
) -> Iterator[pa.Table]:
    """The file as tables of `target.schema`, a piece at a time.

    Raises CopyError: at the first refused row, for Parquet knows no MAXERROR.
    """
    opened = _open(file)
    fields = _fields(opened, file, statement, target)
    first_row = 1
    for table in _pieces(opened, file):
        columns = [
            _column(table.column(index), column, file, first_row, bad)
            for index, column in zip(fields, target.columns, strict=False)
        ]
        columns += [
            pa.chunked_array([pa.nulls(table.num_rows, column.arrow)])
            for column in target.columns[len(fields) :]
        ]
        _check_required(columns, target, file, first_row, bad)
        first_row += table.num_rows
        yield pa.Table.from_arrays(columns, schema=target.schema)


def _pieces(opened: pq.ParquetFile, file: Loaded) -> Iterator[pa.Table]:
    try:
        for batch in opened.iter_batches(_BATCH_ROWS, use_threads=False):
            yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise _scan_error(15001, f"File '{file.url}' cannot be read: it is damaged") from error


def _scan_error(code: int, context: str) -> CopyError:
    return CopyError(
        f"Spectrum Scan Error\n  Detail: error: Spectrum Scan Error code: {code} context: {context}"
    )


def _open(file: Loaded) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(pa.BufferReader(file.body), coerce_int96_timestamp_unit="us")
    except (pa.ArrowException, OSError) as error:
        raise _scan_error(15041, f"File '{file.url}' is not a valid Parquet file") from error


def _fields(
    opened: pq.ParquetFile, file: Loaded, statement: CopyStatement, target: Target
) -> range:
    """The fields of the file that are copied, each into the column at its place."""
    found = len(opened.schema_arrow)
    wanted = len(target.columns)
    if found != wanted and not (statement.fill_record and found < wanted):
        raise _scan_error(
            15007,
            f"Unmatched number of columns between table and file. Table columns: {wanted},"
            f" Data columns: {found}, File name: {file.url}",
        )
    leaves = _leaves(opened)
    for index, column in zip(range(found), target.columns, strict=False):
        _check_type(leaves[index], opened.schema_arrow.field(index), column, file, statement)
    return range(found)


def _leaves(opened: pq.ParquetFile) -> list[Any]:
    """The Parquet column of each top-level field; None for a nested field, which has several."""
    schema = opened.metadata.schema
    leaves = [schema.column(index) for index in range(opened.metadata.num_columns)]
    flat = {leaf.path: leaf for leaf in leaves if leaf.max_repetition_level == 0}
    return [
        None if pa.types.is_nested(field.type) else flat.get(field.name)
        for field in opened.schema_arrow
    ]


def _check_type(
    leaf: Any, field: pa.Field, column: TargetColumn, file: Loaded, statement: CopyStatement
) -> None:
    if leaf is None or column.kind is Kind.SUPER:
        if column.kind is Kind.SUPER and statement.serialize_to_json:
            return
        raise _incompatible(column, file, f"optional group {field.name}")
    label = _label(leaf)
    if label == "Decimal":
        _check_decimal(leaf, column, file)
    elif column.kind not in _TAKES.get(label, ()):
        raise _incompatible(column, file, f"optional {leaf.physical_type.lower()} {field.name}")
    elif label == "UInt64" and (column.scale or column.precision < 20):
        raise _incompatible(column, file, f"optional int64 {field.name}")


def _label(leaf: Any) -> str:
    logical = json.loads(leaf.logical_type.to_json())
    name = str(logical["Type"])
    if name == "Int":
        return f"{'' if logical['isSigned'] else 'U'}Int{logical['bitWidth']}"
    return name if name in _TAKES or name == "Decimal" else str(leaf.physical_type)


def _check_decimal(leaf: Any, column: TargetColumn, file: Loaded) -> None:
    if column.kind is not Kind.DECIMAL or leaf.scale != column.scale:
        physical = f"optional {leaf.physical_type.lower()} {leaf.name}"
        schema = f"{physical} (DECIMAL({leaf.precision},{leaf.scale}))"
        raise _incompatible(column, file, schema)
    found, expected = _decimal_bytes(leaf.precision), _decimal_bytes(column.precision)
    if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY":
        found = leaf.length
    if found != expected or leaf.precision > column.precision:
        raise _scan_error(
            15001,
            f"File '{file.url}' column '{leaf.name}' has an invalid type length."
            f" Expecting: {expected} len in file: {found}",
        )


def _decimal_bytes(precision: int) -> int:
    """The bytes Parquet needs for so many digits and a sign."""
    return (int("9" * precision).bit_length() + 1 + 7) // 8


def _incompatible(column: TargetColumn, file: Loaded, schema: str) -> CopyError:
    return _scan_error(
        15007,
        f"File '{file.url}' has an incompatible Parquet schema for column"
        f" '{file.url}.{column.logical_name}'. Column type: {column.sql}, Parquet schema: {schema}",
    )


# --- values ---------------------------------------------------------------------------------------


def _column(
    values: pa.ChunkedArray, column: TargetColumn, file: Loaded, first_row: int, bad: Rejects
) -> pa.ChunkedArray:
    if column.kind is Kind.SUPER:
        return _json_text(values)
    if column.kind in TEXTS:
        return _text(values, column, file, first_row, bad)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    # unsafe only in that nanoseconds are cut: the types were compared before
    return values if values.type == column.arrow else values.cast(column.arrow, safe=False)


def _json_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    dumped = [
        None
        if value is None
        else json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
        for value in values.to_pylist(maps_as_pydicts="lossy")
    ]
    return pa.chunked_array([pa.array(dumped, pa.string())])


def _plain(value: Any) -> Any:
    """A nested value in JSON's own types."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _text(
    values: pa.ChunkedArray, column: TargetColumn, file: Loaded, first_row: int, bad: Rejects
) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    try:
        # through bytes: Arrow believes a file that says its bytes are text
        text = values.cast(pa.binary()).cast(pa.string()) if values.type != pa.string() else values
    except pa.ArrowInvalid:
        raw = values.cast(pa.binary()).to_pylist()
        row = next(index for index, value in enumerate(raw) if not _is_utf8(value))
        bad.add(rejects.BAD_UTF8, file_name=file.url, line_number=first_row + row, column=column)
        raise
    lengths = pc.binary_length(text)
    longest = pc.max(lengths).as_py() or 0
    if longest > column.width:
        row = pc.index(pc.greater(lengths, column.width), True).as_py()
        _too_long(lengths[row].as_py(), first_row + row, column, file, bad)
    return text


def _too_long(length: int, row: int, column: TargetColumn, file: Loaded, bad: Rejects) -> None:
    try:
        bad.add(rejects.TOO_LONG, file_name=file.url, line_number=row, column=column)
    except CopyError as error:
        scan = _scan_error(
            15001,
            f"The length of the data column {column.logical_name} is longer than the length defined"
            f" in the table. Table: {column.width}, Data: {length}, File name: {file.url}",
        )
        raise CopyError(scan.message, error.errors) from None


def _is_utf8(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_required(
    columns: list[pa.ChunkedArray],
    target: Target,
    file: Loaded,
    first_row: int,
    bad: Rejects,
) -> None:
    for values, column in zip(columns, target.columns, strict=True):
        if column.required and values.null_count:
            row = pc.index(values.is_null(), True).as_py()
            bad.add(
                rejects.NOT_NULL, file_name=file.url, line_number=first_row + row, column=column
            )


Reader = Callable[[Loaded, CopyStatement, Target, Rejects], Iterator[pa.Table]]
