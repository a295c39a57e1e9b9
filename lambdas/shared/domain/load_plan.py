"""What one load will do, decided before anything is touched.

The same input gives the same plan, so that a load submitted again with its client token is the
same request.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from config.folding import folded
from config.job import Job
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.columns import MAX_COLUMNS, Column, FileSchema
from lambdas.shared.domain.conversion_sql import TEXTS, is_possible
from lambdas.shared.domain.errors import (
    ContractError,
    FileError,
    FormatError,
    KeyColumnError,
    TypeChangeError,
)
from lambdas.shared.domain.files import File, FileState, Verdict
from lambdas.shared.domain.names import PUBLIC, Identifier, TableName
from lambdas.shared.domain.types import (
    MAX_VARCHAR_BYTES,
    Kind,
    RedshiftType,
    finer,
    size_class,
    varchar,
)
from lambdas.shared.domain.upsert_sql import StagedColumn

Columns = dict[Identifier, RedshiftType]
Fixed = Mapping[str, str]
"""Columns of the target that the engine refused to add or to widen, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file of the batch: its schema, or the error or absence that settles it."""

    file: File
    raw_key: str
    missing: bool
    schema: FileSchema | None
    error: dict[str, Any] | None
    superseded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedUnit:
    """Files that one COPY stages together."""

    files: tuple[Candidate, ...]
    schema: FileSchema
    columns: tuple[StagedColumn, ...]

    @property
    def expected_rows(self) -> int | None:
        """Rows by the footers; None where only samples were read."""
        if self.schema.format != "parquet":
            return None
        return sum(each.schema.rows or 0 for each in self.files if each.schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What is loaded, what is only recorded, and the DDL that comes before.

    All files need what is `created`; a column is changed for those that bring it.
    """

    table: TableName
    units: tuple[PlannedUnit, ...]
    one_by_one: bool
    verdicts: tuple[Verdict, ...]
    created: tuple[str, ...]
    changes: Mapping[Identifier, str] = field(default_factory=dict)
    columns: Columns = field(default_factory=dict)

    @property
    def ddl(self) -> tuple[str, ...]:
        """All of it, in order."""
        return (*self.created, *self.changes.values())


def plan_load(
    job: Job,
    candidates: Sequence[Candidate],
    *,
    target: Mapping[Identifier, RedshiftType] | None,
    has_mutex: bool,
    one_by_one: bool = False,
    widths: Mapping[str, int] | None = None,
    fixed: Fixed | None = None,
) -> LoadPlan:
    """Decide what happens to each file of a batch, in the order of `_in_order`.

    `target` is the table as the catalog has it, None if there is none. `widths` are the bytes a
    refused attempt found in VARCHAR columns. Files that need a `fixed` column changed are rejected.
    """
    fixed = fixed or {}
    table = TableName.parse(job.target_table)
    candidates = _in_order(candidates)
    settled = [verdict for each in candidates if (verdict := _known(each))]
    known = {verdict.file.file_id for verdict in settled}
    columns: Columns = dict(target or {})
    accepted: list[Candidate] = []
    untyped: Set[Identifier] = frozenset()
    for each in candidates:
        if each.file.file_id in known or each.schema is None:
            continue
        try:
            evolved = _evolved(
                job, columns, each.schema, fixed, exists=target is not None, untyped=untyped
            )
            untyped = _still_untyped(untyped | (evolved.keys() - columns.keys()), each.schema)
            columns = evolved
            accepted.append(each)
        except FileError as error:
            settled.append(_rejected(each.file, error))
    loading, superseded = _newest_only(job, accepted)
    columns = _widened(columns, {n: size for n, size in (widths or {}).items() if n not in fixed})
    units, one_by_one = _units(job, loading, columns, one_by_one=one_by_one)
    chosen = [each for unit in units for each in unit.files]
    chosen_ids = {each.file.file_id for each in chosen}
    # an older version is superseded only by one that this very transaction loads
    settled += [
        Verdict(file=old.file, state=FileState.SUPERSEDED)
        for old, new in superseded
        if new.file.file_id in chosen_ids
    ]
    settled += [_loaded(each) for each in chosen]
    return LoadPlan(
        table=table,
        units=units,
        one_by_one=one_by_one,
        verdicts=tuple(settled),
        created=tuple(_created(job, table, None if target or not units else columns, has_mutex)),
        changes=_changes(table, target, columns) if target and units else {},
        columns=columns,
    )


def _in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Versions of one key by sequence, files of different keys by when S3 says they arrived.

    A version counts as arrived no earlier than those of its key before it, so no clock comes
    between them; sequences say nothing across keys, and break ties only.
    """
    latest: dict[str, datetime] = {}
    placed = []
    for each in sorted(candidates, key=lambda each: (each.file.sequence, each.file.file_id)):
        file = each.file
        latest[file.key] = max(file.arrived_at, latest.get(file.key, file.arrived_at))
        placed.append((latest[file.key], file.sequence, file.file_id, each))
    return [each for *_, each in sorted(placed, key=lambda place: place[:3])]


def _known(each: Candidate) -> Verdict | None:
    if each.missing:
        return Verdict(file=each.file, state=FileState.MISSING)
    if each.error is not None:
        error = each.error | {"file": each.file.key}
        return Verdict(file=each.file, state=FileState.REJECTED, error=error)
    if each.superseded:
        return Verdict(file=each.file, state=FileState.SUPERSEDED)
    return None


def _rejected(file: File, error: FileError) -> Verdict:
    return Verdict(file=file, state=FileState.REJECTED, error=error.to_json() | {"file": file.key})


def _loaded(each: Candidate) -> Verdict:
    rows = each.schema.rows if each.schema else None
    return Verdict(file=each.file, state=FileState.LOADED, rows=rows)


def _evolved(
    job: Job,
    columns: Columns,
    schema: FileSchema,
    fixed: Fixed,
    *,
    exists: bool,
    untyped: Set[Identifier],
) -> Columns:
    """The target's columns with what this file adds; raises FileError for what is forbidden.

    An `untyped` column takes its type from the first file that has a value in it.
    """
    _require(schema, job.upsert_keys if job.load_mode == "upsert" else [], "upsert key")
    _require(schema, job.order_columns, "order_by column")
    # where new columns are left out, one that only the job knows reaches no table either
    left_out = exists and job.schema_contract.columns == "ignore"
    _require_any(schema, {*columns, *(() if left_out else map(Identifier, job.columns))})
    evolved = dict(columns)
    for column in schema.columns:
        present = evolved.get(column.name)
        if present is None or (column.name in untyped and not column.empty):
            _add(job, evolved, column, fixed, exists=exists)
        elif not schema.fits(column, present):
            evolved[column.name] = _reconciled(job, column, present, fixed, exists=exists)
    needed = (*job.upsert_keys, *job.order_columns) if job.load_mode == "upsert" else ()
    absent = [name for name in needed if Identifier(name) not in evolved]
    if absent:
        raise KeyColumnError(
            f"{', '.join(absent)} is no column of {job.target_table}, and job {job.job_id} leaves"
            ' new columns out; add it to the table, or set "schema_contract": {"columns": "evolve"}'
        )
    if len(evolved) > MAX_COLUMNS:
        raise ContractError(
            f"the file brings {len(evolved) - len(columns)} columns that {job.target_table} lacks,"
            f" which would then have {len(evolved)}; a Redshift table has at most {MAX_COLUMNS}:"
            " leave some out, or write rows instead of columns"
        )
    _require_conversions(job, schema, evolved)
    return evolved


def _still_untyped(names: Set[Identifier], schema: FileSchema) -> Set[Identifier]:
    """The new columns in which no file has had a value; this one is the last of them."""
    return names - {column.name for column in schema.columns if not column.empty}


def _require_conversions(job: Job, schema: FileSchema, columns: Columns) -> None:
    """Parquet is staged as it is written; the job may ask for what cannot be made of it."""
    if schema.format != "parquet":
        return
    for column in schema.columns:
        target = columns.get(column.name)
        if target is None or column.empty or is_possible(column.staged, target):
            continue
        raise TypeChangeError(
            f"column {column.name} is written as {column.staged}, of which no {target} is made"
            f" without loss; cast it in the producer, or change what job {job.job_id} and the table"
            " say of it",
            column=column.name.text,
        )


def _require(schema: FileSchema, names: Iterable[str], role: str) -> None:
    absent = [name for name in names if schema.column(Identifier(name)) is None]
    if absent:
        raise KeyColumnError(
            f"{role} {', '.join(absent)} is not in the file; its columns are"
            f" {_some(column.name.text for column in schema.columns)}"
        )
    renamed = [(folded(old.strip()), new) for old, new in schema.renamed]
    # blanks around a header are no part of its name
    unclear = {name for pair in renamed for name in pair if pair[0] != pair[1]}
    taken = [name for name in names if folded(name) in unclear]
    if taken:
        raise KeyColumnError(
            f"{role} {', '.join(taken)} heads more than one column of the file, or none by that"
            " name: empty, repeated and overlong headers are renamed, and a renamed column cannot"
            " tell rows apart; give each column a name of its own"
        )


def _require_any(schema: FileSchema, known: Set[Identifier]) -> None:
    """A file that shares no column with its table and its job is not read as it was written."""
    if known and not any(column.name in known for column in schema.columns):
        own = _some(column.name.text for column in schema.columns)
        raise FormatError(
            f"none of its columns ({own}) is one of its table's or its job's"
            f" ({_some(sorted(each.text for each in known))}); see whether it is the right file,"
            ' and what "csv" of its job says of delimiter and header'
        )


def _some(names: Iterable[str]) -> str:
    return ", ".join(islice(names, 20))


def _add(job: Job, columns: Columns, column: Column, fixed: Fixed, *, exists: bool) -> None:
    contract = job.schema_contract.columns
    if exists and contract == "freeze":
        raise ContractError(
            f"column {column.name} is new and job {job.job_id} freezes its columns; leave it out,"
            ' or set "schema_contract": {"columns": "evolve"}'
        )
    if exists and contract == "evolve" and column.name.text in fixed:
        raise ContractError(
            f"column {column.name} is new and cannot be added ({fixed[column.name.text]}); leave it"
            " out, or add it to the table by hand and replay the file"
        )
    if not exists or contract == "evolve":
        columns[column.name] = column.type


def _reconciled(
    job: Job, column: Column, present: RedshiftType, fixed: Fixed, *, exists: bool
) -> RedshiftType:
    """A type that holds both: by widening, or because the table is still to be created."""
    if column.name.text in map(folded, job.columns):
        return present
    widened = present.widened(column.narrowest)
    if widened is not None and (not exists or job.schema_contract.types == "widen"):
        if column.name.text in fixed:
            raise too_wide(job, column.name.text, column.narrowest.length, fixed[column.name.text])
        return widened
    merged = None if exists else Column(name=column.name, type=present).merged(column)
    if merged is not None:
        return merged.type
    raise TypeChangeError(
        f"column {column.name} was {present} and arrived as {column.type}; cast it in the"
        f' producer, or add "columns": {{"{column.name}": "{present}"}} to job {job.job_id}'
    )


def too_wide(job: Job, column: str, found: object, reason: str | None) -> TypeChangeError:
    """The error of a file with text wider than its column; the reason is the engine's, if any."""
    if reason is None:
        return TypeChangeError(
            f"column {column} holds a text of {found} bytes, wider than the table's column, and job"
            f" {job.job_id} freezes its types; shorten the text, or set"
            ' "schema_contract": {"types": "widen"}',
            column=column,
        )
    return TypeChangeError(
        f"column {column} holds a text of {found} bytes, wider than the table's column, which"
        f" cannot be widened ({reason}); shorten the text, or widen the column by hand and replay"
        " the file",
        column=column,
    )


def _newest_only(
    job: Job, accepted: list[Candidate]
) -> tuple[list[Candidate], list[tuple[Candidate, Candidate]]]:
    """What loads, and which older file gives way to which newer one."""
    if job.load_mode == "append":
        return accepted, []
    if job.load_mode == "overwrite":
        return accepted[-1:], [(old, accepted[-1]) for old in accepted[:-1]]
    newest = {each.file.key: each for each in accepted}
    loading = [each for each in accepted if newest[each.file.key] is each]
    older = [each for each in accepted if newest[each.file.key] is not each]
    return loading, [(each, newest[each.file.key]) for each in older]


def _widened(columns: Columns, widths: Mapping[str, int]) -> Columns:
    wider = {
        Identifier(name): varchar(size_class(min(found * 2, MAX_VARCHAR_BYTES)))
        for name, found in widths.items()
    }
    return {name: wider.get(name, kind) for name, kind in columns.items()}


def _units(
    job: Job, loading: list[Candidate], columns: Columns, *, one_by_one: bool
) -> tuple[tuple[PlannedUnit, ...], bool]:
    """One unit where all files have one layout, else one a file, in order, as many as fit."""
    staged = [(each, _staged(each.schema, columns)) for each in loading if each.schema]
    layouts = {_layout(each.schema, staging) for each, staging in staged if each.schema}
    if len(layouts) == 1 and not one_by_one:
        each, staging = staged[0]
        if each.schema is not None:
            files = tuple(candidate for candidate, _ in staged)
            return (PlannedUnit(files=files, schema=each.schema, columns=staging),), False
    most = upsert_sql.most_units(one_by_one=True, ordered=bool(job.order_columns))
    return tuple(
        PlannedUnit(files=(each,), schema=each.schema, columns=staging)
        for each, staging in staged[:most]
        if each.schema
    ), True


def _staged(schema: FileSchema, columns: Columns) -> tuple[StagedColumn, ...]:
    return tuple(
        _staged_column(schema, column, columns.get(column.name)) for column in schema.columns
    )


def _staged_column(schema: FileSchema, column: Column, target: RedshiftType | None) -> StagedColumn:
    """COPY parses text into the target's type; a Parquet column is staged as it is.

    Words for NULL stand in a column of text, and are text where the target is one.
    """
    words = () if target is not None and target.kind in TEXTS else column.null_words
    kind = column.staged
    if schema.format != "parquet" and target is not None and not words:
        kind, words = _parsed_by_copy(target)
    if kind.kind is Kind.VARCHAR:
        kind = varchar(MAX_VARCHAR_BYTES)
    return StagedColumn(
        name=column.name,
        staged=kind,
        target=target,
        null_words=words,
        is_empty=schema.format == "parquet" and column.empty,
    )


def _parsed_by_copy(target: RedshiftType) -> tuple[RedshiftType, tuple[str, ...]]:
    """What COPY parses text into, and the words for NULL of it.

    It cuts off the decimals that a DECIMAL does not hold: one is staged with all it has, and as
    text where 38 digits leave too few of them to tell a longer value from a shorter.
    """
    if target.kind is not Kind.DECIMAL:
        return target, ()
    wide = finer(target)
    if (wide.scale or 0) - (target.scale or 0) >= _SPARE_DECIMALS:
        return wide, ()
    return varchar(MAX_VARCHAR_BYTES), ("",)


_SPARE_DECIMALS = 17
"""As many as a program prints to show a float exactly: 0.30000000000000004 for 0.3."""


def _layout(schema: FileSchema, staging: tuple[StagedColumn, ...]) -> Any:
    return schema.format, schema.compression, schema.csv, staging


def _created(job: Job, table: TableName, columns: Columns | None, has_mutex: bool) -> Iterable[str]:
    """What there is not yet: the mutex, and with `columns` the table."""
    if not has_mutex:
        yield upsert_sql.create_mutex(table)
    if columns is None:
        return
    if table.schema != PUBLIC:
        yield upsert_sql.create_schema(table.schema)
    required = set(map(Identifier, job.upsert_keys)) if job.load_mode == "upsert" else set()
    yield upsert_sql.create_table(table, list(columns.items()), required)


def _changes(
    table: TableName, target: Mapping[Identifier, RedshiftType], columns: Columns
) -> dict[Identifier, str]:
    """The columns to add and to widen, each by a statement of its own."""
    return {
        name: upsert_sql.widen_column(table, name, kind)
        if name in target
        else upsert_sql.add_column(table, name, kind)
        for name, kind in columns.items()
        if target.get(name) != kind
    }
