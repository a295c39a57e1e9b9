"""What config.json may say, the load can say: nothing valid fails later, as SQL or as a name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.job import InvalidJobsError, Job, parse_jobs
from lambdas.shared.domain.columns import CsvDialect
from lambdas.shared.domain.names import Identifier, TableName, literal
from lambdas.shared.domain.types import RedshiftType
from tests.unit.upsert.named_loads import hostile_text

JOB: dict[str, Any] = {
    "job_id": "JOB001",
    "job_name": "orders",
    "source_file_name": "orders.csv",
    "target_table": "orders",
    "upsert_keys": ["id"],
    "is_active": True,
}
_REFUSED = st.sampled_from(["a\0b", "\x01", "a\nb", "x" * 128, "İ" * 64, "#t", "sluice.t"])
TEXTS = hostile_text | _REFUSED
TYPES = st.from_regex(
    r"(?i)(small|big)?int[248]?|varchar\((\d{1,8}|max)\)|character varying\(\d{1,6}\)"
    r"|varbyte(\(\d{1,8}\))?|(decimal|numeric)(\(\d{1,3}(, ?\d{1,3})?\))?|float[48]?"
    r"|double precision|timestamp(tz)?|bool|super",
    fullmatch=True,
)


def _job(**fields: Any) -> Job | None:
    """The job, read from JSON as it comes; None where it is refused."""
    try:
        (job,) = parse_jobs(json.dumps([JOB | fields]))
    except InvalidJobsError:
        return None
    return job


@given(TEXTS, TEXTS)
def test_every_valid_name_is_one_that_the_load_can_write(table: str, key: str) -> None:
    job = _job(target_table=table, upsert_keys=[key], order_by=key, columns={key: "DATE"})
    if job is not None:
        assert TableName.parse(job.target_table).table.text == _lower(table.split(".")[-1])
        assert [Identifier(each).text for each in job.upsert_keys] == [_lower(key)]
        assert [Identifier(each).text for each in (*job.columns, *job.order_columns)]


def _lower(name: str) -> str:
    """Redshift folds the letters of ASCII, and no others."""
    return "".join(each.lower() if each.isascii() else each for each in name)


@given(TEXTS)
def test_every_valid_text_is_one_that_a_literal_can_hold(text: str) -> None:
    job = _job(job_id=text, job_name=text, source_file_name=text, csv={"null_marker": text})
    if job is not None and job.csv is not None:
        for each in (job.job_id, job.job_name, job.csv.null_marker):
            assert each == text
            assert literal(text)


@given(st.characters(codec="utf-8"))
def test_every_valid_delimiter_is_one_that_copy_takes(character: str) -> None:
    job = _job(csv={"delimiter": character})
    if job is None:
        assert character == '"' or not (character == "\t" or 32 <= ord(character) < 127)
        return
    assert CsvDialect(delimiter=character).delimiter.isascii()


@given(TYPES)
def test_every_valid_type_is_one_of_redshifts(text: str) -> None:
    job = _job(columns={"a": text})
    if job is not None:
        kind = RedshiftType.parse(job.columns["a"])
        assert RedshiftType.parse(kind.sql) == kind


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"target_table": "#orders"}, "target_table: a table whose name begins with # is temp"),
        ({"target_table": "a.sluice_batch"}, "target_table: names that begin with sluice_"),
        ({"upsert_keys": ["İ" * 64]}, "has 128 bytes"),
        ({"job_id": "a\0b"}, "job_id: holds a control character"),
        ({"csv": {"null_marker": "\x01"}}, "csv.null_marker: holds a control character"),
        ({"csv": {"delimiter": "\n"}}, "csv.delimiter: COPY takes one printable ASCII"),
        ({"columns": {"a": "DECIMAL(39,2)"}}, "precision is from 1 to 38"),
        ({"columns": {"a": "DECIMAL(38,38)"}}, "'DECIMAL(38,38)': scale is from 0 to 37"),
        ({"columns": {"a": "DECIMAL(3,5)"}}, "scale is at most the precision"),
        ({"columns": {"a": "VARCHAR(70000)"}}, "length is from 1 to 65535"),
        ({"columns": {"a": "ſMALLINT"}}, "is no column type"),
    ],
)
def test_what_no_load_could_write_is_refused_by_name(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidJobsError) as raised:
        parse_jobs(json.dumps([JOB | fields]))
    assert words in str(raised.value)
