"""Arrow tables into Postgres, shuffled on the way, by COPY BINARY."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb
from psycopg import sql
from psycopg.copy import QueuedLibpqWriter

from local.warehouse.copy.target import Kind, Target

_WINDOW_ROWS = 64 * 1024
_MIXED_ROWS = 16 * 1024
# the encoder holds the interpreter's lock: a short piece at a time lets the other threads live
_WRITE_ROWS = 8 * 1024
_PIECE_ROWS = 2 * 1024


def shuffled(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in no order: rows of a table have none in Redshift, however they arrived.

    A few rows are mixed one by one, with those of the files around them; many in pieces, which
    costs nothing.
    """
    random = np.random.default_rng()
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += table.num_rows
        if rows >= _WINDOW_ROWS:
            yield _in_pieces(pa.concat_tables(waiting), random)
            waiting, rows = [], 0
    if waiting:
        whole = pa.concat_tables(waiting)
        yield _mixed(whole, random) if rows <= _MIXED_ROWS else _in_pieces(whole, random)


def _mixed(whole: pa.Table, random: np.random.Generator) -> pa.Table:
    return whole.combine_chunks().take(pa.array(random.permutation(whole.num_rows)))


def _in_pieces(whole: pa.Table, random: np.random.Generator) -> pa.Table:
    pieces = [whole.slice(offset, _PIECE_ROWS) for offset in range(0, whole.num_rows, _PIECE_ROWS)]
    return pa.concat_tables([pieces[at] for at in random.permutation(len(pieces))])


def write(connection: psycopg.Connection[Any], target: Target, tables: Iterator[pa.Table]) -> int:
    """Append tables of `target.schema` to the target; returns the number of rows."""
    encoders = {
        column.name: ArrowToPostgresBinaryEncoder.infer_encoder(field)
        if column.kind is not Kind.SUPER
        else StringEncoderBuilder.new_with_output(field, Jsonb())
        for field, column in zip(target.schema, target.columns, strict=True)
    }
    encoder = ArrowToPostgresBinaryEncoder.new_with_encoders(target.schema, encoders)
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in target.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.SQL(target.identifier),
        columns,
    )
    rows = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(statement, writer=QueuedLibpqWriter(cursor)) as copy,
    ):
        copy.write(encoder.write_header())
        for table in tables:
            rows += table.num_rows
            for batch in table.to_batches(max_chunksize=_WRITE_ROWS):
                copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())
    return rows
