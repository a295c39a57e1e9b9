"""The job model: what one entry of `config/config.json` may say, and which files it takes.

The six required fields are the router's contract; the optional ones shape the load.
`job.schema.json` beside this file is generated from here (`make schema`).
"""

import difflib
import functools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from config.folding import folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a list of jobs: which job, which field, what, and what to do."""

    job: str
    field: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.job, self.field, self.message) if part)


class InvalidJobsError(ValueError):
    """A list of jobs that cannot be used; `problems` names every fault found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def normalize(text: str | None) -> str:
    """Text as file names are compared: stripped and lower case; None is ''."""
    return text.strip().lower() if text else ""


def _printable(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("holds a control character")
    return text


def _identifier(text: str) -> str:
    if not text.strip() or text != text.strip():
        raise ValueError("is empty or has spaces around it")
    size = len(_printable(text).encode())
    if size > 127:
        raise ValueError(f"has {size} bytes; Redshift allows 127")
    return text


def _table(text: str) -> str:
    parts = text.split(".")
    if len(parts) > 2:
        raise ValueError("write it as table or schema.table")
    for part in parts:
        _identifier(part)
    if parts[0].lower() == "sluice" and len(parts) == 2:
        raise ValueError("the schema sluice holds the load history; choose another")
    if parts[-1].startswith("#"):
        raise ValueError("a table whose name begins with # is temporary and ends with its session")
    if parts[-1].lower().startswith("sluice_"):
        raise ValueError("names that begin with sluice_ are those of a load's own tables")
    return text


def _type(text: str) -> str:
    found = _TYPE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no column type; for example {', '.join(_EXAMPLE_TYPES)}")
    for group, least, most in _SIZES:
        if found[group] and not least <= int(found[group]) <= most:
            raise ValueError(f"{text!r}: {group} is from {least} to {most}")
    if int(found["scale"] or 0) > int(found["precision"] or 38):
        raise ValueError(f"{text!r}: scale is at most the precision")
    return text.strip()


_TYPE = re.compile(
    r"(SMALLINT|INT2|INTEGER|INT|INT4|BIGINT|INT8|REAL|FLOAT4|DOUBLE PRECISION|FLOAT8|FLOAT"
    r"|BOOLEAN|BOOL|DATE|TIMESTAMP|TIMESTAMPTZ|TIME|SUPER|VARBYTE(\((?P<bytes>\d{1,7})\))?"
    r"|(DECIMAL|NUMERIC)\((?P<precision>\d{1,2})(, ?(?P<scale>\d{1,2}))?\)"
    r"|(VARCHAR|CHARACTER VARYING)\(((?P<length>\d{1,7})|MAX)\))",
    re.IGNORECASE | re.ASCII,
)
_SIZES = (("bytes", 1, 1_024_000), ("precision", 1, 38), ("scale", 0, 37), ("length", 1, 65_535))
_EXAMPLE_TYPES = ("BIGINT", "DECIMAL(18,2)", "VARCHAR(64)", "TIMESTAMP", "SUPER")


def _call(text: str) -> str:
    if not re.fullmatch(r"(?i)\s*call\s+.+", text, re.DOTALL):
        raise ValueError("write a procedure call, for example CALL refresh_summary()")
    return text.strip().rstrip(";")


def _delimiter(text: str) -> str:
    if not text.isascii() or text == '"' or (text != "\t" and not text.isprintable()):
        raise ValueError("COPY takes one printable ASCII character or a tab, and no quotation mark")
    return text


def _strings(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


ColumnName = Annotated[str, AfterValidator(_identifier)]
Text = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_printable)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CsvOptions(_Model):
    """How to read a CSV where looking at it is not enough."""

    delimiter: (
        Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)] | None
    ) = Field(default=None, description="One character; found by looking when absent.")
    encoding: Literal["UTF8", "UTF16", "UTF16LE", "UTF16BE", "ISO88591"] | None = Field(
        default=None, description="An encoding COPY knows; found by looking when absent."
    )
    null_marker: Annotated[str, Field(max_length=64), AfterValidator(_printable)] | None = Field(
        default=None, description="The text that stands for NULL."
    )
    header: bool | None = Field(
        default=None, description="Whether the first line names the columns."
    )


class SchemaContract(_Model):
    """What a file may change about its target table."""

    columns: Literal["evolve", "freeze", "ignore"] = Field(
        default="evolve",
        description="A column the table lacks: add it, reject the file, or leave it out.",
    )
    types: Literal["widen", "freeze"] = Field(
        default="widen", description="Text longer than its column: widen it, or reject the file."
    )


class BatchOptions(_Model):
    """How many files one transaction takes, and how long the first waits for company."""

    max_files: int = Field(default=1000, ge=1, le=10_000)
    max_megabytes: int = Field(default=51_200, ge=1)
    max_wait_seconds: int = Field(
        default=0, ge=0, le=3600, description="Fewer wake-ups of the warehouse for more latency."
    )


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder's name
        raise ValueError(f"{text!r} is no time zone; for example Europe/Berlin") from error
    return text


class Expectation(_Model):
    """When a file should have come by; the sweep says once when none did."""

    by: str = Field(
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="HH:MM; with every hour, 00:MM is that many minutes past each hour.",
    )
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    every: Literal["day", "hour"] = "day"

    @model_validator(mode="after")
    def _minutes_of_an_hour(self) -> "Expectation":
        if self.every == "hour" and not self.by.startswith("00:"):
            raise ValueError(f"by: {self.by} is more than an hour; with every hour write 00:MM")
        return self


class Job(_Model):
    """One entry of config.json: which files, into which table, how."""

    job_id: Text = Field(description="Unique among the jobs.")
    job_name: Text = Field(description="For logs, executions and the folder under data/raw/.")
    source_file_name: Text = Field(
        description="The file name to match; `*` and `?` stand for any characters, any one."
    )
    target_table: Annotated[Text, AfterValidator(_table)] = Field(
        description="table or schema.table; created on first load."
    )
    upsert_keys: list[ColumnName] = Field(description="The columns that tell rows apart.")
    is_active: bool = Field(description="Files of an inactive job stay in data/in/ and wait.")

    load_mode: Literal["upsert", "append", "overwrite"] = "upsert"
    order_by: ColumnName | list[ColumnName] | None = Field(
        default=None, description="The newest row wins by these columns; NULL loses."
    )
    file_format: Literal["auto", "parquet", "csv", "json"] = "auto"
    csv: CsvOptions | None = None
    columns: dict[ColumnName, Annotated[str, AfterValidator(_type)]] = Field(
        default_factory=dict, description="Column types to use instead of the ones found."
    )
    schema_contract: SchemaContract = SchemaContract()
    batch: BatchOptions = BatchOptions()
    on_duplicate_keys: Literal["reject", "any"] = Field(
        default="reject",
        description="A key twice in one file without order_by: reject it, or keep any one row.",
    )
    minimum_rows_kept: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="overwrite is refused when it would leave less than this share of the rows.",
    )
    after_load: list[Annotated[str, AfterValidator(_call)]] = Field(
        default_factory=list, description="Procedure calls to run after each load."
    )

    expect: Expectation | None = Field(
        default=None, description="Say so when no file has come by then."
    )

    @model_validator(mode="after")
    def _keys_fit_the_mode(self) -> "Job":
        if self.load_mode == "upsert" and not self.upsert_keys:
            raise ValueError(
                "upsert_keys: name at least one column, or set load_mode to append or overwrite"
            )
        if len(set(map(folded, self.upsert_keys))) < len(self.upsert_keys):
            raise ValueError("upsert_keys: a column is named twice")
        return self

    @property
    def order_columns(self) -> tuple[str, ...]:
        """The columns of order_by, most significant first; empty without one."""
        return tuple(_strings(self.order_by)) if self.order_by else ()

    @property
    def pattern(self) -> str:
        """The file name to match as it is compared: last part of the path, stripped, folded."""
        return normalize(self.source_file_name.split("/")[-1])

    def takes(self, file_name: str) -> bool:
        """Whether a file of this name (without its folders) belongs to this job."""
        return _matcher(self.pattern).fullmatch(normalize(file_name)) is not None

    def to_input(self) -> dict[str, Any]:
        """The job as an execution carries it: what was set, defaults left out."""
        return self.model_dump(exclude_defaults=True)


@functools.lru_cache(maxsize=4096)
def _matcher(pattern: str) -> re.Pattern[str]:
    first, *others = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    if not others:
        return re.compile(first, re.DOTALL)
    # the first place where a part fits is the best, so nothing is tried twice: a name of many
    # places for many stars would be tried for ever
    between = "".join(f"(?>.*?{part})" for part in others[:-1])
    return re.compile(f"{first}{between}.*{others[-1]}", re.DOTALL)


def patterns_overlap(one: str, other: str) -> bool:
    """Whether some file name matches both patterns (`*` any characters, `?` any one)."""
    reached = {(0, 0)}
    frontier = [(0, 0)]
    while frontier:
        i, j = frontier.pop()
        if i == len(one) and j == len(other):
            return True
        a, b = one[i : i + 1], other[j : j + 1]
        steps: list[tuple[int, int]] = []
        if a == "*":
            steps += [(i + 1, j)] + ([(i, j + 1)] if b else [])
        if b == "*":
            steps += [(i, j + 1)] + ([(i + 1, j)] if a else [])
        if a and b and "*" not in (a, b) and (a == b or "?" in (a, b)):
            steps.append((i + 1, j + 1))
        fresh = [step for step in steps if step not in reached]
        reached.update(fresh)
        frontier.extend(fresh)
    return False


def parse_jobs(text: str | bytes) -> tuple[Job, ...]:
    """The jobs of a config.json; raises InvalidJobsError naming every fault.

    A UTF-8 byte order mark is allowed: editors add it unasked.
    """
    try:
        document = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except UnicodeDecodeError as error:
        raise _invalid(f"is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise _invalid(
            f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except RecursionError as error:
        raise _invalid("is nested too deeply to be a list of jobs") from error
    if not isinstance(document, list):
        raise _invalid("config.json must be a list of job definitions")
    jobs, problems = [], []
    for index, entry in enumerate(document):
        try:
            jobs.append(Job.model_validate(entry))
        except ValidationError as error:
            name = _name(entry, index)
            problems += [_problem(name, detail) for detail in error.errors()]
    problems += _repeated_ids(document)
    problems += _ambiguities(jobs)
    if problems:
        raise InvalidJobsError(problems)
    return tuple(jobs)


def find_matching_job(jobs: Iterable[Job], key: str) -> Job | None:
    """The job whose source_file_name matches the last part of this object key."""
    file_name = key.split("/")[-1]
    return next((job for job in jobs if job.takes(file_name)), None)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of config.json."""
    schema = TypeAdapter(list[Job]).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sluice jobs",
        **schema,
    }


def _invalid(message: str) -> InvalidJobsError:
    return InvalidJobsError([Problem(job="", field="", message=message)])


def _name(entry: Any, index: int) -> str:
    position = f"job {index + 1}"
    if isinstance(entry, dict) and isinstance(entry.get("job_id"), str) and entry["job_id"]:
        return f"{position} ({entry['job_id']})"
    return position


def _problem(job: str, detail: ErrorDetails) -> Problem:
    location = [str(part) for part in detail["loc"] if not _UNION_BRANCH.match(str(part))]
    field, message = ".".join(location), detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        message = "is required"
    elif detail["type"] == "extra_forbidden":
        message = "is no field of a job" + _nearest(location)
    elif detail["type"] in ("model_type", "model_attributes_type", "dict_type"):
        message = "must be a JSON object"
    return Problem(job=job, field=field, message=message)


_UNION_BRANCH = re.compile(r"(str|function-after\[.*|list\[.*)$")  # how pydantic names them


def _nearest(location: list[str]) -> str:
    model = _NESTED.get(location[0], Job) if len(location) > 1 else Job
    near = difflib.get_close_matches(location[-1].lower(), model.model_fields, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(model.model_fields)}"


_NESTED: dict[str, type[BaseModel]] = {
    "csv": CsvOptions,
    "schema_contract": SchemaContract,
    "batch": BatchOptions,
    "expect": Expectation,
}


def _repeated_ids(document: list[Any]) -> list[Problem]:
    seen: dict[str, int] = {}
    problems = []
    for index, entry in enumerate(document):
        job_id = entry.get("job_id") if isinstance(entry, dict) else None
        if not isinstance(job_id, str):
            continue
        if job_id in seen:
            problems.append(
                Problem(
                    job=_name(entry, index),
                    field="job_id",
                    message=f"is also the id of job {seen[job_id] + 1}; ids are unique",
                )
            )
        seen.setdefault(job_id, index)
    return problems


def _ambiguities(jobs: Sequence[Job]) -> list[Problem]:
    return [
        Problem(
            job=f"{other.job_id}",
            field="source_file_name",
            message=f"{other.source_file_name!r} and {one.source_file_name!r} of {one.job_id} can"
            " match the same file; make them exclude each other",
        )
        for position, other in enumerate(jobs)
        for one in jobs[:position]
        if patterns_overlap(one.pattern, other.pattern)
    ]
