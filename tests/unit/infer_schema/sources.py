"""A source in memory that remembers what was asked of it, and files to put into it."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from config.job import CsvOptions
from lambdas.infer_schema.inspect import inspect
from lambdas.shared.domain.columns import FileSchema
from lambdas.shared.domain.types import RedshiftType


class MemorySource:
    """Bytes that are read by ranges."""

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        self.size = len(content)
        self.reads: list[tuple[int, int]] = []
        self._content = content

    def read(self, start: int, length: int) -> bytes:
        assert start >= 0
        assert 0 < length <= self.size - start
        self.reads.append((start, length))
        return self._content[start : start + length]


def inspected(
    content: bytes | str,
    name: str = "orders.csv",
    *,
    file_format: Any = "auto",
    overrides: dict[str, str] | None = None,
    **options: Any,
) -> FileSchema:
    """The schema of this content; options are those of `csv` in a job."""
    return inspect(
        MemorySource(content if isinstance(content, bytes) else content.encode(), name),
        file_format=file_format,
        csv=CsvOptions(**options) if options else None,
        overrides={key: RedshiftType.parse(text) for key, text in (overrides or {}).items()},
    )


def types_of(schema: FileSchema) -> dict[str, str]:
    """The columns' types as DDL spells them."""
    return {column.name.text: column.type.sql for column in schema.columns}


def parquet(table: Any, **options: Any) -> bytes:
    """The table, or a dictionary of columns, as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), sink, **options)
    return sink.getvalue()
