"""Loads of any shape whose every name is a placeholder, to be given names of any kind."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import strategies as st

from config.job import Job
from config.runtime import UpsertSettings
from lambdas.infer_schema.headers import column_names
from lambdas.shared.aws.objects import Objects
from lambdas.shared.aws.warehouse import Warehouse
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.columns import Column, CsvDialect, FileSchema
from lambdas.shared.domain.files import File
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.load_plan import Candidate, plan_load
from lambdas.shared.domain.names import Identifier, TableName
from lambdas.shared.domain.types import BIGINT, DATE, SUPER, RedshiftType, varchar
from lambdas.upsert.preparing import Preparation

PLACEHOLDER = re.compile(r"zq[a-z]+\d*z")
_HOSTILE = (
    '"', '""', "'", "''", "\\", "\\'", "--", "/*", "*/", ";", "$$", "$1", ":name", "::int", "%s",
    "{0}", "${x}", "#", "(", ")", ",", ".", "=", "\u2019", "\uff07", "\u0130", "\u017f", " ",
    "é日🙂", "%", "DROP TABLE t", "select", "NULL", "public", "sluice_staging_1", "E'", 'U&"',
)  # fmt: skip

hostile_text = st.lists(
    st.one_of(st.sampled_from(_HOSTILE), st.text(st.characters(codec="utf-8"), max_size=8)),
    min_size=1,
    max_size=8,
).map("".join)
"""Text made of what ends quotes, starts comments, separates and stands for something else."""

printable_text = hostile_text.map(lambda text: re.sub(r"[\x00-\x1f\x7f]", "", text) or '"')

_OURS = st.sampled_from(
    (
        "staged", "one", "b", "h", "ranked", "repeated", "without_key", "width_1", "code",
        "detail", "file_id", "verdict", "locked", "sluice_staging_1", "sluice_batch",
        "load_history", "rows", "size",
    )
)  # fmt: skip
"""What the statements call things themselves; not sluice_rank, which gives way to a column."""

# at most 80 bytes; what has a longer name is cut, and no other test
_names = printable_text.map(lambda text: text[:20].strip() or '"')
_schemas = _names.map(lambda name: name.replace(".", "-"))
_tables = _schemas.map(lambda name: name.lstrip("#").strip() or '"').filter(
    lambda name: not name.lower().startswith("sluice_")
)


@st.composite
def hostile_names(draw: st.DrawFn) -> dict[str, str]:
    """What each placeholder stands for: column names as a file's headers give them."""
    headers = draw(st.lists(printable_text | _OURS, min_size=COLUMNS, max_size=COLUMNS))
    columns, _ = column_names(headers, rename_repeated=True)
    return {
        **{f"zqcolumn{at}z": name.text for at, name in enumerate(columns)},
        "zqschemaz": draw(_schemas.filter(lambda name: name.lower() not in ("public", "sluice"))),
        "zqtablez": draw(_tables | st.sampled_from(["b", "h", "load_history", "select"])),
        "zqjobz": draw(printable_text),
        "zqexecutionz": draw(printable_text),
        "zqbucketz": draw(printable_text.map(lambda text: text.replace("/", "-"))),
        "zqrolez": draw(printable_text),
        "zqmarkerz": draw(printable_text),
        "zqwordz": draw(printable_text),
        _DELIMITER: draw(
            st.sampled_from([chr(n) for n in range(32, 127) if chr(n) != '"'] + ["\t"])
        ),
    }


COLUMNS = 5
_DELIMITER = "\u00a7"
"""Stands for the delimiter, which is one character."""

PLACEHOLDERS = [
    *(f"zqcolumn{at}z" for at in range(COLUMNS)),
    *("zqschemaz", "zqtablez", "zqjobz", "zqexecutionz", "zqbucketz", "zqrolez", "zqmarkerz"),
    *("zqwordz", _DELIMITER),
]
HARMLESS = {each: each for each in PLACEHOLDERS}
_TYPES = (BIGINT, varchar(64), DATE, varchar(256), SUPER)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A load but for its names: the job's fields, the layouts of its files, what the target has."""

    mode: str
    keys: int
    order: bool
    any_duplicate: bool
    contract: str
    layouts: tuple[str, ...]
    words: bool
    one_by_one: bool
    target: str
    has_schema: bool


shapes = st.builds(
    Shape,
    mode=st.sampled_from(["upsert", "append", "overwrite"]),
    keys=st.integers(1, 2),
    order=st.booleans(),
    any_duplicate=st.booleans(),
    contract=st.sampled_from(["evolve", "ignore"]),
    layouts=st.lists(
        st.sampled_from(["parquet", "csv", "csv.gz", "json"]), min_size=1, max_size=3
    ).map(tuple),
    words=st.booleans(),
    one_by_one=st.booleans(),
    target=st.sampled_from(["none", "same", "narrower", "fewer"]),
    has_schema=st.booleans(),
)


def statements(shape: Shape, names: Mapping[str, str]) -> tuple[str, ...]:
    """Every statement of the load with these names: its DDL, its transaction, its questions."""
    job = _job(shape, names)
    schemas = [_schema(layout, shape, names) for layout in shape.layouts]
    candidates = [_candidate(at, each) for at, each in enumerate(schemas)]
    plan = plan_load(
        job,
        candidates,
        target=_target(shape, schemas[0]),
        has_mutex=shape.target != "none",
        one_by_one=shape.one_by_one,
        widths={names["zqcolumn1z"]: 900} if shape.target == "narrower" else None,
    )
    transaction = preparation_of(job, names).transaction(plan)
    ids = [names["zqwordz"], *(each.file.file_id for each in candidates)]
    return (*plan.ddl, *upsert_sql.statements(transaction), *upsert_sql.verdicts_of(ids))


def _job(shape: Shape, names: Mapping[str, str]) -> Job:
    schema = names["zqschemaz"] + "." if shape.has_schema else ""
    return Job.model_validate(
        {
            "job_id": names["zqjobz"],
            "job_name": names["zqjobz"],
            "source_file_name": names["zqjobz"],
            "target_table": schema + names["zqtablez"],
            "upsert_keys": [names[f"zqcolumn{at}z"] for at in range(shape.keys)],
            "is_active": True,
            "load_mode": shape.mode,
            "order_by": names["zqcolumn2z"] if shape.order else None,
            "on_duplicate_keys": "any" if shape.any_duplicate else "reject",
            "schema_contract": {"columns": shape.contract},
        }
    )


def _schema(layout: str, shape: Shape, names: Mapping[str, str]) -> FileSchema:
    columns = tuple(
        Column(
            name=Identifier(names[f"zqcolumn{at}z"]),
            type=kind,
            null_words=(names["zqwordz"],) if shape.words and layout == "csv" and at == 0 else (),
        )
        for at, kind in enumerate(_TYPES)
    )
    csv = CsvDialect(delimiter=names[_DELIMITER], null_marker=names["zqmarkerz"])
    kind, _, packed = layout.partition(".")
    return FileSchema(
        format=kind,  # type: ignore[arg-type]  # one of the sampled
        compression="gzip" if packed else "none",
        columns=columns,
        rows=3 if kind == "parquet" else None,
        csv=csv if kind == "csv" else None,
    )


def _target(shape: Shape, schema: FileSchema) -> dict[Identifier, RedshiftType] | None:
    columns = {column.name: column.type for column in schema.columns}
    if shape.target == "none":
        return None
    if shape.target == "fewer":
        del columns[schema.columns[3].name]
    return columns


def _candidate(at: int, schema: FileSchema) -> Candidate:
    file = File(
        bucket="b",
        key=f"data/in/{at}",
        version_id=f"v{at}",
        etag="e",
        size=1,
        sequence=f"{at}",
        arrived_at=datetime(2025, 11, 13, tzinfo=UTC),
    )
    return Candidate(file=file, raw_key=f"raw/{at}", missing=False, schema=schema, error=None)


def preparation_of(job: Job, names: Mapping[str, str]) -> Preparation:
    """The preparation of a batch of this job."""
    execution = names["zqexecutionz"]
    step = Step(
        job=job,
        generation=1,
        execution_id=f"arn:aws:states:us-east-1:123456789012:execution:load:{execution}",
        execution_name=execution,
        started_at="2025-11-13T12:00:00Z",
        load={"attempt": 1},
    )
    settings = UpsertSettings(
        bucket=names["zqbucketz"],
        workgroup="sluice",
        database="dev",
        copy_role_arn=names["zqrolez"],
    )
    return Preparation(
        step,
        settings,
        objects=Objects(names["zqbucketz"]),
        warehouse=Warehouse("sluice", "dev"),
    )


def renamed(text: str, names: Mapping[str, str]) -> str:
    """What a quoted name or literal with placeholders is with these names."""
    mutexes = {
        _mutex(schema, "zqtablez"): _mutex(names.get(schema, schema), names["zqtablez"])
        for schema in ("public", "zqschemaz")
    }
    if text in mutexes:
        return mutexes[text]
    if text == _DELIMITER:
        return names[_DELIMITER]
    return PLACEHOLDER.sub(lambda found: names[found.group()], text)


def _mutex(schema: str, table: str) -> str:
    return TableName(schema=Identifier(schema), table=Identifier(table)).mutex.table.text
