"""A schedule: what is uploaded, what goes wrong and when, and how restless the order is."""

import functools
import io
import random
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

_COLUMNS = {"id": "BIGINT", "at": "BIGINT", "tag": "VARCHAR(64)"}
JOBS: list[dict[str, Any]] = [
    {
        "job_id": "APPEND",
        "job_name": "append",
        "source_file_name": "append_*",
        "target_table": "public.f_append",
        "upsert_keys": ["id"],
        "is_active": True,
        "columns": _COLUMNS,
        "load_mode": "append",
    },
    {
        "job_id": "ALSO",
        "job_name": "also append",
        "source_file_name": "also_*",
        "target_table": "public.f_append",
        "upsert_keys": ["id"],
        "is_active": True,
        "columns": _COLUMNS,
        "load_mode": "append",
    },
    {
        "job_id": "LATER",
        "job_name": "later",
        "source_file_name": "later_*",
        "target_table": "public.f_append",
        "upsert_keys": ["id"],
        "is_active": True,
        "columns": _COLUMNS,
        "load_mode": "append",
        "csv": {"delimiter": ";"},
    },
    {
        "job_id": "UPSERT",
        "job_name": "upsert",
        "source_file_name": "upsert_*",
        "target_table": "public.f_upsert",
        "upsert_keys": ["id"],
        "is_active": True,
        "columns": _COLUMNS,
        "after_load": ["CALL refresh(:batch_id)"],
    },
    {
        "job_id": "NEWEST",
        "job_name": "newest",
        "source_file_name": "newest_*",
        "target_table": "public.f_newest",
        "upsert_keys": ["id"],
        "is_active": True,
        "columns": _COLUMNS,
        "order_by": "at",
    },
    {
        "job_id": "WHOLE",
        "job_name": "whole",
        "source_file_name": "whole.*",
        "target_table": "public.f_whole",
        "upsert_keys": ["id"],
        "is_active": True,
        "columns": _COLUMNS,
        "load_mode": "overwrite",
        "minimum_rows_kept": 0,
    },
]
MENDED_JOBS = [{name: each[name] for name in each if name != "csv"} for each in JOBS]
"""The same, once somebody has seen that the files of LATER are not what its job says."""
CALLING_JOB = "UPSERT"
"""The job that calls a procedure after each batch."""
TABLES = ("f_append", "f_upsert", "f_newest", "f_whole")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One version of one key; `rows` are (id, at, tag), `fault` is what is wrong with the file.

    A file is "misread" until its job is mended, which is when somebody asks for it again.
    """

    key: str
    rows: tuple[tuple[int, int | None, str], ...]
    fault: str | None = None

    @property
    def table(self) -> str:
        """The target of the job that takes it."""
        name = self.key.rpartition("/")[2]
        for prefix, table in (
            ("append", 0),
            ("also", 0),
            ("later", 0),
            ("upsert", 1),
            ("newest", 2),
        ):
            if name.startswith(prefix):
                return TABLES[table]
        return TABLES[3]

    @property
    def body(self) -> bytes:
        """The file, as its name says."""
        return _parquet(self) if self.key.endswith(".parquet") else self._csv()

    def _csv(self) -> bytes:
        lines = ["id,at,tag"]
        for number, (identifier, at, tag) in enumerate(self.rows):
            is_spoiled = number == len(self.rows) - 1
            shown: object = identifier
            if is_spoiled and self.fault == "null_key":
                shown = ""
            if is_spoiled and self.fault == "bad_row":
                shown = "x" * 3
            lines.append(f"{shown},{'' if at is None else at},{tag}")
        if self.fault == "ragged":
            lines.append("1,2")
        if self.fault == "late":  # beyond what is read of a large file before it is loaded
            lines[1:1] = [*["1000,1000,a row among many"] * 60_000, "no number,0,"]
            lines += ["1000,1000,a row among many"] * 10_000
        return ("\n".join(lines) + "\n").encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, at the n-th call to AWS or at the n-th step."""

    kind: str
    at: int

    AT_CALLS: ClassVar[tuple[str, ...]] = (
        "crash_before",
        "crash_after",
        "throttle",
        "partly_refused",
        "timeout",
        "lost_answer",
        "sent_twice",
    )
    AT_STEPS: ClassVar[tuple[str, ...]] = (
        "stop_execution",
        "time_out_task",
        "kill_function",
        "duplicate_message",
        "delete_source",
        "hide_source",
        "fail_transaction",
        "abort_transaction",
        "forget_statement",
        "fail_statement",
        "replay_file",
    )
    SWEPT: ClassVar[tuple[str, ...]] = ("lose_message", "sweep_early")
    """What happens only where a sweep comes at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """All that a run depends on.

    `restlessness` is how often another function goes on, `slowness` how often a transaction that
    could run does not yet. `is_nameless`: no error of a COPY names its file. `unsaid` are the
    uploads, by number, whose event is lost. Only where `is_swept` may a message be lost, and only
    there a sweep at the end finds it; everything else comes to rest by itself. `together`: no
    execution goes on before all is uploaded and routed. `skew`: the seconds by which the clocks of
    functions and of events may be wrong, each time they are read.
    """

    seed: int
    uploads: tuple[Upload, ...]
    faults: tuple[Fault, ...] = ()
    restlessness: float = 0.15
    slowness: float = 0.0
    is_nameless: bool = False
    has_tables: bool = True
    is_swept: bool = False
    unsaid: tuple[int, ...] = ()
    together: bool = False
    skew: int = 0

    def with_faults(self, *faults: Fault) -> "Schedule":
        """The same with exactly these faults."""
        return replace(self, faults=faults)

    def without(self, thing: Upload | Fault) -> "Schedule":
        """The same with one thing less."""
        return replace(
            self,
            uploads=tuple(each for each in self.uploads if each is not thing),
            unsaid=self._unsaid_without(thing),
            faults=tuple(each for each in self.faults if each is not thing),
        )

    def _unsaid_without(self, thing: Upload | Fault) -> tuple[int, ...]:
        gone = next((n for n, each in enumerate(self.uploads) if each is thing), None)
        if gone is None:
            return self.unsaid
        return tuple(n - (n > gone) for n in self.unsaid if n != gone)


def to_json(schedule: Schedule) -> str:
    """The schedule as one line, which `from_json` reads."""
    return _SCHEDULES.dump_json(schedule).decode()


def from_json(text: str) -> Schedule:
    """A schedule that was printed; raises pydantic's ValidationError."""
    return _SCHEDULES.validate_json(text)


_SCHEDULES = TypeAdapter(Schedule)


def drawn(seed: int) -> Schedule:
    """The schedule of a seed."""
    dice = random.Random(f"schedule {seed}")  # noqa: S311 - a simulation's dice, replayed by seed
    uploads = _uploads(dice)
    faults = [
        Fault(kind=dice.choice(Fault.AT_CALLS), at=dice.randrange(20 + 40 * len(uploads)))
        for _ in range(dice.choice([0, 1, 1, 2, 2, 3, 5]))
    ]
    faults += [
        Fault(kind=dice.choice(Fault.AT_STEPS), at=dice.randrange(30 + 60 * len(uploads)))
        for _ in range(dice.choice([0, 0, 1, 1, 2, 3]))
    ]
    is_swept = dice.random() < 0.4
    if is_swept:
        faults += [
            Fault(kind=dice.choice(Fault.SWEPT), at=dice.randrange(30 + 60 * len(uploads)))
            for _ in range(dice.choice([0, 1, 2, 3]))
        ]
    schedule = Schedule(
        seed=seed,
        uploads=tuple(uploads),
        faults=tuple(faults),
        restlessness=dice.choice([0.02, 0.1, 0.3, 0.7]),
        slowness=dice.choice([0.0, 0.0, 0.9, 0.99]),
        is_nameless=dice.random() < 0.3,
        has_tables=dice.random() < 0.7,
        is_swept=is_swept,
        unsaid=tuple(n for n in range(len(uploads)) if is_swept and dice.random() < 0.3),
        skew=dice.choice([0, 0, 2, 3_600, 172_800]),
    )
    return _misread(schedule, dice) if dice.random() < 0.5 else schedule


def _misread(schedule: Schedule, dice: random.Random) -> Schedule:
    """The same where good files that are appended are misread at first, and asked for again."""
    if not any(each.table == "f_append" for each in schedule.uploads):
        return schedule
    uploads = tuple(
        replace(each, key=f"data/in/later_{number}.csv", fault="misread")
        if each.table == "f_append" and each.fault is None and each.key.endswith(".csv")
        else each
        for number, each in enumerate(schedule.uploads)
    )
    first = dice.randrange(40, 60)
    asked = [Fault(kind="replay_file", at=at) for at in range(first, 60 + 40 * len(uploads), 15)]
    return replace(schedule, uploads=uploads, faults=(*schedule.faults, *asked))


def _uploads(dice: random.Random) -> list[Upload]:
    kinds = dice.sample(["append", "upsert", "newest", "whole"], dice.choice([1, 1, 1, 2]))
    uploads = []
    for number in range(dice.choice([1, 2, 2, 3, 3, 4, 5])):
        kind = dice.choice(kinds)
        uploads.append(_upload(kind, number, dice))
    return uploads


def _upload(kind: str, number: int, dice: random.Random) -> Upload:
    key_number = dice.randrange(3)
    name = "also" if kind == "append" and dice.random() < 0.3 else kind
    # S3 takes any name, and no step may read one as if it were encoded
    odd = " a+b %2B é" if key_number == 2 else ""
    kept = "parquet" if key_number == 1 and kind != "whole" else "csv"
    key = "data/in/whole.csv" if kind == "whole" else f"data/in/{name}_{key_number}{odd}.{kept}"
    if kind == "newest":  # rows of all files meet; what is newest says the column
        identifiers = dice.sample(range(1, 6), dice.randint(1, 3))
        times = [dice.choice([None, *range(1, 9)]) for _ in identifiers]
    else:  # each key has rows of its own: versions of one file meet, files do not
        identifiers = sorted(dice.sample(range(10 * key_number, 10 * key_number + 4), 2))
        times = [number for _ in identifiers]
    rows = tuple(
        (identifier, at, f"{key.rpartition('/')[2]} #{number}")
        for identifier, at in zip(identifiers, times, strict=True)
    )
    bad = ["torn"] if kept == "parquet" and kind != "whole" else ["bad_row", "ragged"]
    bad += ["null_key"] if kind in ("upsert", "newest") else []
    fault = dice.choice(bad) if dice.random() < 0.12 else None
    return Upload(key=key, rows=rows, fault=fault)


@functools.cache
def _parquet(upload: Upload) -> bytes:
    """The file as Parquet; torn, its footer reads and its pages do not."""
    spoiled = len(upload.rows) - 1 if upload.fault == "null_key" else None
    columns = {
        "id": pa.array(
            [None if at == spoiled else row[0] for at, row in enumerate(upload.rows)], pa.int64()
        ),
        "at": pa.array([row[1] for row in upload.rows], pa.int64()),
        "tag": pa.array([row[2] for row in upload.rows], pa.string()),
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    body = bytearray(buffer.getvalue())
    if upload.fault == "torn":
        body[4:60] = b"\xff" * 56
    return bytes(body)
