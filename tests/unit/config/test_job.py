"""What config.json may say, and how clearly it is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.job import (
    InvalidJobsError,
    Job,
    find_matching_job,
    normalize,
    parse_jobs,
    patterns_overlap,
)

CUSTOMERS: dict[str, Any] = {
    "job_id": "JOB001",
    "job_name": "customers_etl",
    "source_file_name": "customers.csv",
    "target_table": "customers",
    "upsert_keys": ["customer_id"],
    "is_active": True,
}


def problems(document: Any) -> str:
    with pytest.raises(InvalidJobsError) as raised:
        parse_jobs(document if isinstance(document, bytes) else json.dumps(document))
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Customers.CSV", "customers.csv"),
        ("  data.csv  ", "data.csv"),
        ("  Customers.CSV  ", "customers.csv"),
        ("", ""),
        (None, ""),
    ],
)
def test_normalize_answers_as_the_contract_says(text: str | None, normal: str) -> None:
    assert normalize(text) == normal


@pytest.mark.parametrize(
    ("key", "source_file_name", "matches"),
    [
        ("customers.csv", "customers.csv", True),
        ("Customers.CSV", "customers.csv", True),
        ("data/in/customers.csv", "customers.csv", True),
        ("data/in/Customers.CSV", "  customers.csv  ", True),
        ("data/in/customers.csv", "some/folder/customers.csv", True),
        ("orders.csv", "customers.csv", False),
        ("customer.csv", "customers.csv", False),
        ("new_file.csv", "customers.csv", False),
        ("data/in/order_summary_1.parquet", "order_summary_*.parquet", True),
        ("data/in/order_items_1.parquet", "order_summary_*.parquet", False),
    ],
)
def test_a_file_matches_its_job_by_the_last_part_of_its_key(
    key: str, source_file_name: str, matches: bool
) -> None:
    job = Job.model_validate(CUSTOMERS | {"source_file_name": source_file_name})
    assert (find_matching_job([job], key) is job) is matches


@given(st.text("ab*?", max_size=8), st.text("ab?*", max_size=10))
def test_a_pattern_takes_what_its_wildcards_allow(pattern: str, name: str) -> None:
    job = Job.model_validate(CUSTOMERS | {"source_file_name": pattern or "a"})
    assert job.takes(name) is _allows(pattern or "a", name)


def _allows(pattern: str, name: str) -> bool:
    """The same by definition, trying everything."""
    if not pattern or not name:
        return not name and not pattern.strip("*")
    if pattern[0] == "*":
        return _allows(pattern[1:], name) or _allows(pattern, name[1:])
    return pattern[0] in ("?", name[0]) and _allows(pattern[1:], name[1:])


def test_a_pattern_of_many_stars_is_matched_in_time() -> None:
    job = Job.model_validate(CUSTOMERS | {"source_file_name": "*a" * 100 + "*b"})
    assert not job.takes("a" * 1000)


@pytest.mark.parametrize("field", sorted(CUSTOMERS))
def test_every_required_field_is_named_when_it_is_missing(field: str) -> None:
    job = {name: value for name, value in CUSTOMERS.items() if name != field}
    assert f"{field}: is required" in problems([job])


def test_an_unknown_field_is_refused_with_the_nearest_known_name() -> None:
    text = problems([CUSTOMERS | {"upsert_key": ["id"]}])
    assert text == "job 1 (JOB001): upsert_key: is no field of a job; did you mean upsert_keys?"


def test_an_unknown_field_of_a_part_is_refused_too() -> None:
    text = problems([CUSTOMERS | {"batch": {"max_file": 3}}])
    assert "batch.max_file" in text
    assert "did you mean max_files?" in text


def test_a_document_that_is_no_list_is_refused_in_the_words_of_the_contract() -> None:
    assert problems({"jobs": []}) == "config.json must be a list of job definitions"


def test_what_is_not_json_is_refused_with_its_line() -> None:
    assert "line 2, column" in problems(b'[\n{"job_id": }]')


def test_two_jobs_for_one_file_are_refused() -> None:
    other = CUSTOMERS | {"job_id": "JOB002", "source_file_name": "cust*.csv"}
    assert "can match the same file" in problems([CUSTOMERS, other])


def test_two_jobs_of_one_id_are_refused() -> None:
    other = CUSTOMERS | {"source_file_name": "other.csv"}
    assert "is also the id of job 1" in problems([CUSTOMERS, other])


def test_a_column_type_that_is_none_is_refused() -> None:
    assert "no column type" in problems([CUSTOMERS | {"columns": {"a": "VARCHR(5)"}}])


def test_the_schema_of_the_load_history_is_no_target() -> None:
    assert "load history" in problems([CUSTOMERS | {"target_table": "sluice.load_history"}])


def test_a_byte_order_mark_is_no_fault() -> None:
    text = b"\xef\xbb\xbf" + json.dumps([CUSTOMERS]).encode()
    assert parse_jobs(text)[0].job_id == "JOB001"


patterns = st.text(alphabet="ab*?", max_size=6)
names = st.text(alphabet="ab", max_size=6)


@given(one=patterns, other=patterns, name=names)
def test_patterns_that_both_take_a_name_are_found_to_overlap(
    one: str, other: str, name: str
) -> None:
    def takes(pattern: str) -> bool:
        job = Job.model_validate(CUSTOMERS | {"source_file_name": "x" + pattern})
        return job.takes("x" + name)

    if takes(one) and takes(other):
        assert patterns_overlap(one, other)


@given(one=st.text(alphabet="ab?", max_size=5), other=st.text(alphabet="ab?", max_size=5))
def test_patterns_without_stars_overlap_only_when_they_agree_everywhere(
    one: str, other: str
) -> None:
    agree = len(one) == len(other) and all(
        a == b or "?" in (a, b) for a, b in zip(one, other, strict=False)
    )
    assert patterns_overlap(one, other) == agree
