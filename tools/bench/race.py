"""The race: each way loads the same files in turn, and all must end with the same rows."""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pyarrow.parquet as pq
from psycopg import sql
from rich.console import Console

from tools.bench.contenders import Contender
from tools.bench.data import Dataset

STAGES = ("first", "delta")
_SETTINGS = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "max_wal_size",
    "shared_buffers",
    "temp_buffers",
    "work_mem",
    "jit",
]

Times = dict[tuple[str, str, str], list[float]]
"""Seconds of every repetition, by table, stage and contender."""


class UnequalTablesError(Exception):
    """Two ways, or one way and the files, disagree about the rows."""


def warm_up(data: Dataset, contenders: Sequence[Contender]) -> None:
    """Let everyone load a small file once: a fresh server's memory is nobody's to pay for."""
    small = replace(data, name="warm_up", first=data.delta)
    for contender in contenders:
        contender.ready(small, small.delta)()


def race(
    data: Dataset, contenders: Sequence[Contender], dsn: str, times: Times, console: Console
) -> None:
    """First load and delta by everyone, in turn; raises UnequalTablesError."""
    for stage in STAGES:
        took = []
        for contender in contenders:
            load = contender.ready(data, data.file(stage))
            settle(dsn)
            seconds = load()
            times.setdefault((data.name, stage, contender.name), []).append(seconds)
            took.append(f"{contender.name} {seconds:.2f}")
        rows = compare(data, stage, contenders, dsn)
        console.print(f"{data.name} {stage}: {', '.join(took)} s; {rows:,} equal rows in each")


def settle(dsn: str) -> None:
    """Write out what the last load left, so that the next one does not pay for it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def compare(data: Dataset, stage: str, contenders: Sequence[Contender], dsn: str) -> int:
    """The rows each table holds; raises UnequalTablesError if they are not all the same."""
    columns = pq.read_schema(data.first).names
    found = {each.name: _contents(dsn, each.schema, data.name, columns) for each in contenders}
    wanted = data.rows_after(stage)
    if len(set(found.values())) != 1 or {rows for rows, _ in found.values()} != {wanted}:
        raise UnequalTablesError(
            f"{data.name} {stage}: the tables differ; {wanted} rows are expected, and (rows,"
            f" checksum) are {found}"
        )
    return wanted


def _contents(dsn: str, schema: str, table: str, columns: Sequence[str]) -> tuple[int, str]:
    """The number of rows, and a checksum over every value of them, whatever their order."""
    values = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns)
    query = sql.SQL(
        "SELECT count(*), coalesce(sum(hashtextextended(ROW({})::text, 0)), 0)::text FROM {}"
    ).format(values, sql.Identifier(schema, table))
    with psycopg.connect(dsn) as connection:
        row: Any = connection.execute(query).fetchone()
    return int(row[0]), str(row[1])


def settings(dsn: str) -> dict[str, str]:
    """What the one Postgres of all contenders was set to."""
    query = "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)"
    with psycopg.connect(dsn) as connection:
        return dict(connection.execute(query, (_SETTINGS,)).fetchall())


def figures(tables: Sequence[Dataset], times: Times) -> dict[str, Any]:
    """Medians in seconds by table and stage, and the ratios of Sluice's to the others'."""
    result: dict[str, Any] = {}
    ratios: dict[str, Any] = {}
    for data in tables:
        for stage in STAGES:
            median = {
                name: statistics.median(seconds)
                for (table, at, name), seconds in times.items()
                if (table, at) == (data.name, stage)
            }
            result.setdefault(data.name, {})[stage] = {
                f"{name}_s": round(seconds, 3) for name, seconds in sorted(median.items())
            }
            ratios.setdefault(data.name, {})[stage] = {
                f"to_{name}": round(median["sluice"] / seconds, 2)
                for name, seconds in sorted(median.items())
                if name != "sluice"
            }
    return {**result, "ratios": ratios}
