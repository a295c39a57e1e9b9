"""Bursts of small files: what is uploaded, which jobs load it, what the tables must hold then."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_ROWS = 20

Row = tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One file: its name, its target and its rows (id, at, tag)."""

    name: str
    table: str
    rows: tuple[Row, ...]

    @property
    def body(self) -> bytes:
        """The file, as Parquet."""
        columns = {
            "id": pa.array([row[0] for row in self.rows], pa.int64()),
            "at": pa.array([row[1] for row in self.rows], pa.int64()),
            "tag": pa.array([row[2] for row in self.rows], pa.string()),
        }
        out = io.BytesIO()
        pq.write_table(pa.table(columns), out)
        return out.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Files that arrive together.

    `throttled` is the share of the functions' calls to the ledger that are refused meanwhile.
    `aside` is a target that is not measured; `is_blocked`: another session has it locked until
    the others are loaded. `first` is loaded before that, and not measured either.
    """

    name: str
    jobs: tuple[dict[str, Any], ...]
    arrivals: tuple[Arrival, ...]
    throttled: float = 0.0
    aside: str | None = None
    is_blocked: bool = False
    first: tuple[Arrival, ...] = ()

    def expected(self, table: str, order: Mapping[str, int]) -> set[Row]:
        """A table's rows once all is loaded: of each key the newest.

        By `at` if the job says so, else by the place of the file in the order of loading.
        """
        is_ordered = any("order_by" in job for job in self.jobs)
        newest: dict[int, tuple[int, Row]] = {}
        for arrival in (*self.first, *self.arrivals):
            for row in arrival.rows if arrival.table == table else ():
                age = row[1] if is_ordered else order[arrival.name]
                if row[0] not in newest or newest[row[0]][0] < age:
                    newest[row[0]] = age, row
        return {row for _, row in newest.values()}

    @property
    def measured(self) -> tuple[Arrival, ...]:
        """The files whose way is timed."""
        return tuple(each for each in self.arrivals if each.table != self.aside)

    @property
    def tables(self) -> tuple[str, ...]:
        """The targets."""
        return tuple(dict.fromkeys(arrival.table for arrival in self.arrivals))


def distinct_keys(files: int) -> Burst:
    """No key is in two files."""
    return _one_table("distinct", files, throttled=0.05)


def overlapping_keys(files: int) -> Burst:
    """Each file shares half of its keys with the one before; `order_by` says what is newest."""
    return _one_table("overlapping", files, step=_ROWS // 2, throttled=0.05, order_by="at")


def without_order(files: int) -> Burst:
    """The same without `order_by`: file after file, in chunks."""
    return _one_table("unordered", files, step=_ROWS // 2)


def one_by_one(files: int) -> Burst:
    """Group commit switched off: one execution, a transaction for each file."""
    return _one_table("alone", files, batch={"max_files": 1})


def together(files: int) -> Burst:
    """As `execution_per_file`, under one job: what grouping them makes of so many files."""
    return _one_table("together", files)


def execution_per_file(files: int) -> Burst:
    """As if each event started an execution: a job for each file, all of one table."""
    table = "burst_each"
    first, *arrivals = (_arrival(table, number, _ROWS) for number in range(files + 1))
    jobs = (
        _job(table, job_id=f"{table}_{number}", source_file_name=arrival.name)
        for number, arrival in enumerate((first, *arrivals))
    )
    return Burst(name="each", jobs=tuple(jobs), arrivals=tuple(arrivals), first=(first,))


def many_tables(tables: int, files: int) -> Burst:
    """So many tables, each with so many files, all at once."""
    names = [f"burst_many_{number}" for number in range(tables)]
    return Burst(
        name="tables",
        jobs=tuple(_job(name) for name in names),
        # a file for each table, then the next for each
        arrivals=tuple(_arrival(name, number, _ROWS) for number in range(files) for name in names),
    )


def beside_another(files: int, *, blocked: bool) -> Burst:
    """A table's files among those of another table, which is locked or is not."""
    name = "blocked" if blocked else "free"
    quick, slow = f"burst_{name}_quick", f"burst_{name}_slow"
    return Burst(
        name=name,
        jobs=(_job(quick), _job(slow)),
        arrivals=tuple(
            _arrival(table, number, _ROWS) for number in range(files) for table in (slow, quick)
        ),
        aside=slow,
        is_blocked=blocked,
        first=tuple(_arrival(table, files, _ROWS) for table in (slow, quick)),
    )


def _one_table(
    name: str, files: int, *, step: int = _ROWS, throttled: float = 0.0, **fields: Any
) -> Burst:
    table = f"burst_{name}"
    return Burst(
        name=name,
        jobs=(_job(table, **fields),),
        arrivals=tuple(_arrival(table, number, step) for number in range(files)),
        throttled=throttled,
    )


def _job(table: str, **fields: Any) -> dict[str, Any]:
    return {
        "job_id": table.upper(),
        "job_name": table,
        "source_file_name": f"{table}-*",
        "target_table": table,
        "upsert_keys": ["id"],
        "is_active": True,
        "columns": {"id": "BIGINT", "at": "BIGINT", "tag": "VARCHAR(64)"},
        **fields,
    }


def _arrival(table: str, number: int, step: int) -> Arrival:
    return Arrival(
        name=f"{table}-{number:05}.parquet", table=table, rows=tuple(_rows(number, step))
    )


def _rows(number: int, step: int) -> Iterator[Row]:
    for identifier in range(number * step, number * step + _ROWS):
        yield identifier, number, f"file {number}"
