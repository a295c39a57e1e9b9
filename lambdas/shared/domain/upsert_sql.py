"""The statements of one load: what LoadPlan decided, as Redshift SQL; nothing is run here."""

import itertools
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lambdas.shared.domain import conversion_sql
from lambdas.shared.domain.columns import CsvDialect, Format
from lambdas.shared.domain.errors import PlanError
from lambdas.shared.domain.names import Identifier, TableName, literal
from lambdas.shared.domain.types import Kind, RedshiftType

MAX_STATEMENTS = 40
MAX_STATEMENT_BYTES = 100_000
"""What BatchExecuteStatement takes (Amazon Redshift Data API, quotas)."""

BATCH = Identifier("sluice_batch").sql
FINDINGS = Identifier("sluice_findings").sql
ROWS = Identifier("sluice_rows").sql
HISTORY = TableName.parse("sluice.load_history").sql

BATCH_COLUMNS = (
    ("file_id", "VARCHAR(32)"),
    ("replay", "INTEGER"),
    ("object_id", "VARCHAR(16)"),
    ("sequence", "VARCHAR(64)"),
    ("object_key", "VARCHAR(4096)"),
    ("version_id", "VARCHAR(1024)"),
    ("size", "BIGINT"),
    ("verdict", "VARCHAR(16)"),
    ("rows", "BIGINT"),
    ("error_type", "VARCHAR(64)"),
    ("error_message", "VARCHAR(8192)"),
    ("arrived_at", "TIMESTAMP"),
)
"""The columns of the batch's list, in the order of its CSV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedColumn:
    """A column of a staging table: as COPY takes it, and as the target holds it.

    `target` is None for a column that the job's contract leaves out. One that `is_empty` holds
    nothing but NULL, as a type of its own in Parquet, and is never cast.
    """

    name: Identifier
    staged: RedshiftType
    target: RedshiftType | None
    null_words: tuple[str, ...] = ()
    is_empty: bool = False

    @property
    def value(self) -> str:
        """The column's value in the target's type; words for NULL are NULL."""
        return self.value_in("")

    def value_in(self, table: str) -> str:
        """The same where other tables have a column of this name too: `table` is its own."""
        if self.target is None:
            raise PlanError(f"column {self.name} is left out of the target")
        column = f"{table}.{self.name.sql}" if table else self.name.sql
        if self.is_empty and self.staged != self.target:
            return conversion_sql.null(column, self.target)
        return conversion_sql.value(column, self.staged, self.target, self.null_words)

    @property
    def losses(self) -> tuple[str, ...]:
        """The conditions, in order, for a value that the target does not hold as it is."""
        if self.target is None or self.is_empty:
            return ()
        return conversion_sql.losses(self.name.sql, self.staged, self.target, self.null_words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Files of one layout that are staged together; file after file, it is one file."""

    number: int
    file_ids: tuple[str, ...]
    manifest: str
    format: Format
    gzip: bool
    csv: CsvDialect | None
    columns: tuple[StagedColumn, ...]
    expected_rows: int | None

    @property
    def table(self) -> str:
        """The staging table."""
        return Identifier(f"sluice_staging_{self.number}").sql

    @property
    def loaded(self) -> tuple[StagedColumn, ...]:
        """The columns that reach the target."""
        return tuple(column for column in self.columns if column.target is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """All that the statements of one load depend on."""

    table: TableName
    mode: str
    keys: tuple[Identifier, ...]
    order: tuple[Identifier, ...]
    any_duplicate: bool
    minimum_rows_kept: float
    units: tuple[Unit, ...]
    one_by_one: bool
    batch_manifest: str
    copy_role: str
    job_id: str
    batch_id: str
    execution: str


def statements(load: Transaction) -> tuple[str, ...]:
    """The transaction, in order; raises PlanError for what the Data API would not take."""
    written = tuple(_statements(load))
    if len(written) > MAX_STATEMENTS:
        raise PlanError(f"{len(written)} statements; a batch takes {MAX_STATEMENTS}")
    check_statements(written)
    return written


def check_statements(written: Iterable[str]) -> None:
    """Raise PlanError for a statement the Data API would not take."""
    longest = max(len(text.encode()) for text in written)
    if longest > MAX_STATEMENT_BYTES:
        raise PlanError(
            f"a statement has {longest} bytes and the Data API takes {MAX_STATEMENT_BYTES}: too"
            " many columns with too long names; shorten them, or leave some out"
        )


def most_units(*, one_by_one: bool, ordered: bool) -> int:
    """How many units fit one transaction."""
    per_unit = 4 + int(ordered) if one_by_one else 3
    return (MAX_STATEMENTS - 14) // per_unit


def _statements(load: Transaction) -> Iterator[str]:
    # nothing may come before the lock: it would take the snapshot early
    yield f"LOCK {load.table.mutex.sql}"
    columns = ", ".join(f"{Identifier(name).sql} {kind}" for name, kind in BATCH_COLUMNS)
    yield f"CREATE TEMP TABLE {BATCH} ({columns})"
    yield f"CREATE TEMP TABLE {FINDINGS} (code VARCHAR(32), detail VARCHAR(4096))"
    names = ", ".join(Identifier(name).sql for name, _ in BATCH_COLUMNS)
    yield (
        f"COPY {BATCH} ({names}) FROM {literal(load.batch_manifest)}"
        f" IAM_ROLE {literal(load.copy_role)} MANIFEST FORMAT AS CSV TIMEFORMAT 'auto'"
    )
    yield _admit(load)
    yield "CALL sluice.refuse_findings()"
    for unit in load.units:
        yield _create_staging(unit)
        yield _copy(unit, load.copy_role)
    if load.units:
        checks = tuple(_checks(load))
        yield from checks
        if checks:
            yield "CALL sluice.refuse_findings()"
        yield from _write(load)
    yield _record(load)


def _admit(load: Transaction) -> str:
    known = (
        f"INSERT INTO {FINDINGS} SELECT 'VERDICT', b.file_id FROM {BATCH} b"
        f" JOIN {HISTORY} h ON h.file_id = b.file_id"
    )
    # rows appended once stay: whoever replays their file finds them there
    superseding = (
        "h.version_id = b.version_id" if load.mode == "append" else "h.sequence > b.sequence"
    )
    return (
        f"{known} UNION ALL SELECT 'NEWER', b.file_id FROM {BATCH} b JOIN {HISTORY} h"
        f" ON h.object_id = b.object_id AND {superseding}"
        f" WHERE h.verdict = 'LOADED' AND b.verdict = 'LOADED'"
        f" AND h.target_table = {literal(str(load.table))}"
    )


def _create_staging(unit: Unit) -> str:
    columns = ", ".join(f"{column.name.sql} {column.staged.sql}" for column in unit.columns)
    return f"CREATE TEMP TABLE {unit.table} ({columns})"


def _copy(unit: Unit, role: str) -> str:
    source = f"FROM {literal(unit.manifest)} IAM_ROLE {literal(role)} MANIFEST"
    if unit.format == "parquet":
        nested = any(column.staged.kind is Kind.SUPER for column in unit.columns)
        to_json = " SERIALIZETOJSON" if nested else ""
        return f"COPY {unit.table} {source} FORMAT AS PARQUET{to_json}"
    names = ", ".join(column.name.sql for column in unit.columns)
    gzip = " GZIP" if unit.gzip else ""
    times = " DATEFORMAT 'auto' TIMEFORMAT 'auto'"
    if unit.csv is None:
        shape = "FORMAT AS JSON 'auto ignorecase'"
        return f"COPY {unit.table} ({names}) {source}{gzip} {shape}{times}"
    return f"COPY {unit.table} ({names}) {source}{gzip} {_csv_options(unit, unit.csv)}{times}"


_NULL_UNLESS_TOLD = "\\N"
"""What COPY takes for NULL by itself; how many backslashes its option wants, no page says."""


def _csv_options(unit: Unit, csv: CsvDialect) -> str:
    options = [f"FORMAT AS CSV DELIMITER {literal(csv.delimiter)} QUOTE {literal(csv.quote)}"]
    if csv.skip_lines:
        options.append(f"IGNOREHEADER {csv.skip_lines}")
    if len(unit.columns) > 1:
        options.append("IGNOREBLANKLINES")
    if csv.null_marker not in (None, _NULL_UNLESS_TOLD):
        options.append(f"NULL AS {literal(csv.null_marker)}")
    if csv.encoding != "UTF8":
        options.append(f"ENCODING {csv.encoding}")
    return " ".join(options)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """A finding about a unit's staged rows, and the measure it looks at; '' if it takes its own."""

    unit: Unit
    finding: str
    measure: str = ""

    @property
    def size(self) -> int:
        """About how many bytes it adds to a statement."""
        return len(f"{self.measure}, {self.finding} UNION ALL ".encode())


def _checks(load: Transaction) -> Iterator[str]:
    """The findings about the staged rows, in as few statements as take them.

    In each statement a unit's rows are read once, for all measures.
    """
    part: list[_Check] = []
    room = _CHECKS_BYTES
    for check in (each for unit in load.units for each in _unit_checks(load, unit)):
        room -= check.size
        if part and room < 0:
            yield _checking_statement(part)
            part, room = [], _CHECKS_BYTES - check.size
        part.append(check)
    if part:
        yield _checking_statement(part)


_CHECKS_BYTES = MAX_STATEMENT_BYTES - 5_000
"""The rest is for the names of what is measured, a few hundred bytes a unit."""


def _checking_statement(checks: Sequence[_Check]) -> str:
    units = {each.unit.number: each.unit for each in checks if each.measure}
    tables = ", ".join(
        f"{_measures(unit)} AS (SELECT {', '.join(_measured(unit, checks))} FROM {unit.table})"
        for unit in units.values()
    )
    found = " UNION ALL ".join(each.finding for each in checks)
    return f"INSERT INTO {FINDINGS} {f'WITH {tables} ' if tables else ''}{found}"


def _measured(unit: Unit, checks: Iterable[_Check]) -> Iterable[str]:
    """The measures of a unit, each once."""
    return dict.fromkeys(c.measure for c in checks if c.unit.number == unit.number and c.measure)


def _measures(unit: Unit) -> str:
    return Identifier(f"sluice_measures_{unit.number}").sql


def _texts(unit: Unit) -> Iterator[tuple[int, StagedColumn, RedshiftType]]:
    """The columns whose text may be wider than the target's, by their position."""
    for position, column in enumerate(unit.columns):
        target = column.target
        if target is not None and column.staged.kind is target.kind is Kind.VARCHAR:
            yield position, column, target


def _unit_checks(load: Transaction, unit: Unit) -> Iterator[_Check]:
    staged = "COUNT(*) AS staged"
    if unit.expected_rows is not None:
        yield _check(unit, "ROWS", staged, f"staged <> {unit.expected_rows}")
    if load.mode == "upsert":
        by_name = {column.name: column.value for column in unit.loaded}
        nulls = " OR ".join(f"{by_name[key]} IS NULL" for key in load.keys)
        yield _check(unit, "NULL_KEY", _count("without_key", nulls), "without_key > 0")
        yield from _duplicates(load, unit)
    for position, column, target in _texts(unit):
        name = f"width_{position}"
        measure = f"MAX(OCTET_LENGTH({column.name.sql})) AS {name}"
        yield _check(unit, "WIDTH", measure, f"{name} > {target.length}", position=position)
    for position, column in enumerate(unit.columns):
        if losses := column.losses:
            name = f"cut_{position}"
            yield _check(unit, "CUT", _count(name, *losses), f"{name} > 0", position=position)
    if load.mode == "overwrite":
        kept = f"(SELECT COUNT(*) FROM {load.table.sql}) * {load.minimum_rows_kept:.4f}"
        yield _check(unit, "SHRINK", staged, f"staged < {kept}")


def _count(name: str, *conditions: str) -> str:
    """How many rows meet a condition; one is looked at where those before it are not met."""
    cases = " ".join(f"WHEN {condition} THEN 1" for condition in conditions)
    return f"SUM(CASE {cases} ELSE 0 END) AS {name}"


def _check(
    unit: Unit, code: str, measure: str, where: str, *, position: int | None = None
) -> _Check:
    name = measure.rpartition(" AS ")[2]
    prefix = f"{unit.number}:" if position is None else f"{unit.number}:{position}:"
    finding = (
        f"SELECT '{code}', '{prefix}' || CAST({name} AS VARCHAR(20))"
        f" FROM {_measures(unit)} WHERE {where}"
    )
    return _Check(unit=unit, finding=finding, measure=measure)


def _duplicates(load: Transaction, unit: Unit) -> Iterator[_Check]:
    # what of one file stays is any row; no row tells its file, so between files the later one wins
    if len(unit.file_ids) == 1 and (load.any_duplicate or load.order):
        return
    by_name = {column.name: column.value for column in unit.loaded}
    code = "TIE" if load.order else "DUPLICATE_KEY"
    grouped = ", ".join((*_compared_keys(load, unit), *(by_name[name] for name in load.order)))
    finding = (
        f"SELECT '{code}', '{unit.number}:' || CAST(COUNT(*) AS VARCHAR(20)) FROM"
        f" (SELECT 1 AS one FROM {unit.table} GROUP BY {grouped} HAVING COUNT(*) > 1) repeated"
        " HAVING COUNT(*) > 0"
    )
    yield _Check(unit=unit, finding=finding)


def _compared_keys(load: Transaction, unit: Unit) -> Iterator[str]:
    """The keys' values as `=` compares them: blanks at the end of text say nothing there."""
    by_name = {column.name: column for column in unit.loaded}
    for key in load.keys:
        column = by_name[key]
        is_text = column.target is not None and column.target.kind in (Kind.VARCHAR, Kind.CHAR)
        yield f"RTRIM({column.value})" if is_text else column.value


def _write(load: Transaction) -> Iterator[str]:
    if load.mode == "overwrite":
        yield f"DELETE FROM {load.table.sql}"
    for unit in load.units:
        if load.mode == "upsert":
            yield from _make_room(load, unit)
        yield _insert(load, unit)


def _make_room(load: Transaction, unit: Unit) -> Iterator[str]:
    staged = {column.name: column.value_in(unit.table) for column in unit.loaded}
    target = load.table.sql
    same = " AND ".join(f"{target}.{key.sql} = {staged[key]}" for key in load.keys)
    if load.order:
        older = _older(load, staged)
        yield f"DELETE FROM {unit.table} USING {target} WHERE {same} AND ({older})"
    yield f"DELETE FROM {target} USING {unit.table} WHERE {same}"


def _older(load: Transaction, staged: dict[Identifier, str]) -> str:
    """The staged row is older: NULL counts as oldest, and only equal columns pass on."""
    cases, equal = [], ""
    for name in load.order:
        new, old = staged[name], f"{load.table.sql}.{name.sql}"
        cases.append(f"{equal}({new} < {old} OR ({new} IS NULL AND {old} IS NOT NULL))")
        equal += f"({new} = {old} OR ({new} IS NULL AND {old} IS NULL)) AND "
    return " OR ".join(cases)


def _insert(load: Transaction, unit: Unit) -> str:
    names = ", ".join(column.name.sql for column in unit.loaded)
    into = f"INSERT INTO {load.table.sql} ({names})"
    values = ", ".join(
        column.value if column.value == column.name.sql else f"{column.value} AS {column.name.sql}"
        for column in unit.loaded
    )
    if load.mode != "upsert" or not (load.order or load.any_duplicate):
        return f"{into} SELECT {values} FROM {unit.table}"
    by_name = {column.name: column.value for column in unit.loaded}
    keys = ", ".join(_compared_keys(load, unit))
    newest = ", ".join(f"{by_name[name]} DESC NULLS LAST" for name in load.order) or keys
    rank = _free_name("sluice_rank", by_name).sql
    return (
        f"{into} SELECT {names} FROM (SELECT {values}, ROW_NUMBER() OVER"
        f" (PARTITION BY {keys} ORDER BY {newest}) AS {rank} FROM {unit.table}) ranked"
        f" WHERE {rank} = 1"
    )


def _free_name(wanted: str, taken: Container[Identifier]) -> Identifier:
    """A name that no column of the file has."""
    numbers = itertools.count(2)
    name = Identifier(wanted)
    while name in taken:
        name = Identifier(f"{wanted}_{next(numbers)}")
    return name


def _record(load: Transaction) -> str:
    copied = "file_id, replay, object_id, sequence, object_key, version_id, size, verdict, rows"
    return (
        f"INSERT INTO {HISTORY} ({copied}, error_type, error_message,"
        " arrived_at, job_id, target_table, batch_id, execution, settled_at)"
        f" SELECT {copied}, NULLIF(error_type, ''), NULLIF(error_message, ''),"
        f" arrived_at, {literal(load.job_id)}, {literal(str(load.table))},"
        f" {literal(load.batch_id)}, {literal(load.execution)}, GETDATE() FROM {BATCH}"
    )


def create_schema(schema: Identifier) -> str:
    """DDL of the schema of a new target."""
    return f"CREATE SCHEMA IF NOT EXISTS {schema.sql}"


def create_table(
    table: TableName, columns: Sequence[tuple[Identifier, RedshiftType]], required: set[Identifier]
) -> str:
    """DDL of a new target; keys cannot be NULL."""
    listed = ", ".join(
        f"{name.sql} {kind.sql}" + (" NOT NULL" if name in required else "")
        for name, kind in columns
    )
    return f"CREATE TABLE IF NOT EXISTS {table.sql} ({listed}) DISTSTYLE AUTO SORTKEY AUTO"


def create_mutex(table: TableName) -> str:
    """DDL of the small table whose lock orders the loads of a target."""
    return f'CREATE TABLE IF NOT EXISTS {table.mutex.sql} ("locked" SMALLINT)'


def add_column(table: TableName, name: Identifier, kind: RedshiftType) -> str:
    """DDL of one more column."""
    return f"ALTER TABLE {table.sql} ADD COLUMN {name.sql} {kind.sql}"


def widen_column(table: TableName, name: Identifier, kind: RedshiftType) -> str:
    """DDL of a wider VARCHAR; barred in a transaction."""
    return f"ALTER TABLE {table.sql} ALTER COLUMN {name.sql} TYPE {kind.sql}"


def effect_on_target(sql: str) -> Literal["inserted", "deleted"] | None:
    """What a statement of a load does to its target; None if it touches another table."""
    ours = (FINDINGS, HISTORY, BATCH, '"sluice_staging_')
    for verb, effect in _EFFECTS:
        if sql.startswith(verb) and not sql.startswith(tuple(verb + name for name in ours)):
            return effect
    return None


_EFFECTS: tuple[tuple[str, Literal["inserted", "deleted"]], ...] = (
    ("INSERT INTO ", "inserted"),
    ("DELETE FROM ", "deleted"),
)


def verdicts_of(file_ids: Collection[str]) -> Iterator[str]:
    """Queries of the verdicts the history holds for these files, as many as it takes."""
    ids = list(file_ids)
    for start in range(0, len(ids), _MOST_IDS):
        listed = ", ".join(literal(file_id) for file_id in ids[start : start + _MOST_IDS])
        yield (
            "SELECT file_id, verdict, rows, error_type, error_message, batch_id"
            f" FROM {HISTORY} WHERE file_id IN ({listed})"
        )


_MOST_IDS = 2_000
"""So many ids of 32 characters are well below MAX_STATEMENT_BYTES."""
