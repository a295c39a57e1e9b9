"""What a job calls after a load: once for each batch, with the batch's own figures."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.job import InvalidJobsError, Job, parse_jobs
from lambdas.shared.domain.after_load import PARAMETERS, after_load, check_after_load
from lambdas.shared.domain.files import File, FileState, Verdict
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.releases import parse_calls

JOB = {
    "job_id": "JOB001",
    "job_name": "Order summary",
    "source_file_name": "orders*.csv",
    "target_table": "Sales.Orders",
    "upsert_keys": ["id"],
    "is_active": True,
    "after_load": ["CALL refresh(:batch_id, :target_table, :rows_inserted) -- sluice: retry 2"],
}


def step(**load: Any) -> Step:
    return Step(
        job=Job.model_validate(JOB),
        generation=7,
        execution_id="arn:run-7",
        execution_name="run-Order-summary-0a1b2c3d-7",
        started_at="2026-01-01T00:00:00Z",
        load={"round": 2, "rows": 30, "inserted": 20, "updated": 10} | load,
    )


def verdict(
    name: str, *, state: FileState = FileState.LOADED, rows: int | None = 5, **more: Any
) -> Verdict:
    return Verdict(
        file=File(
            bucket="b",
            key=f"data/in/{name}",
            version_id=f"v-{name}",
            etag="e",
            size=1,
            sequence="01",
            arrived_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
        state=state,
        rows=rows,
        error={"type": "RowError"} if state is FileState.REJECTED else None,
        **more,
    )


def test_a_batch_that_loaded_asks_for_the_jobs_calls_once_with_its_figures() -> None:
    (asked,) = after_load(step(), [verdict("a"), verdict("b")])
    assert asked.request == {
        "calls": JOB["after_load"],
        "identity": "run-Order-summary-0a1b2c3d-7-2",
        "parameters": {
            "batch_id": "run-Order-summary-0a1b2c3d-7-2",
            "job_id": "JOB001",
            "target_table": "sales.orders",
            "files": 2,
            "rows": 30,
            "rows_inserted": 20,
            "rows_updated": 10,
        },
    }
    assert list(asked.request["parameters"]) == list(PARAMETERS)
    assert asked == after_load(step(), [verdict("a"), verdict("b")])[0]


def test_the_figures_travel_as_bound_parameters() -> None:
    (asked,) = after_load(step(), [verdict("a")])
    (call,) = parse_calls(asked.request["calls"], asked.request["parameters"], "JOB001").calls
    assert call.statement().sql == 'CALL "refresh"(:a1, :a2, CAST(:a3 AS INTEGER))'
    assert call.statement().parameters == {
        "a1": "run-Order-summary-0a1b2c3d-7-2",
        "a2": "sales.orders",
        "a3": "20",
    }
    assert call.retries == 2


def test_a_batch_of_which_nothing_was_loaded_calls_nothing() -> None:
    states = (FileState.REJECTED, FileState.SUPERSEDED, FileState.MISSING)
    assert after_load(step(), [verdict(state, state=state) for state in states]) == []


def test_a_job_without_calls_asks_for_none() -> None:
    plain = step()
    job = Job.model_validate(JOB | {"after_load": []})
    changed = Step(**{name: getattr(plain, name) for name in Step.__slots__} | {"job": job})
    assert after_load(changed, [verdict("a")]) == []


def test_files_found_in_the_history_are_of_the_batch_that_loaded_them() -> None:
    """Whose execution may have ended before it asked: the name is the batch's, whoever asks."""
    earlier = step(round=1)
    (first,) = after_load(earlier, [verdict("a", rows=3), verdict("b", rows=None)])
    found = [
        verdict("a", rows=3, batch_id=earlier.batch_id),
        verdict("b", rows=None, batch_id=earlier.batch_id),
        verdict("c", rows=4, batch_id="run-other-1-0"),
    ]
    again, other = after_load(step(rows=0, inserted=None, updated=None), found)
    assert again.execution_name == first.execution_name
    assert again.request["identity"] == first.request["identity"]
    assert again.request["parameters"]["rows"] is None  # nobody counted b's
    assert (other.request["parameters"]["files"], other.request["parameters"]["rows"]) == (1, 4)
    assert other.request["parameters"]["rows_inserted"] is None


def test_the_same_batch_found_in_the_history_claims_no_counts_it_does_not_have() -> None:
    mine = verdict("a", rows=3, batch_id=step().batch_id)
    (asked,) = after_load(step(rows=0), [mine])
    assert asked.request["parameters"]["rows"] == 3
    assert asked.request["parameters"]["rows_inserted"] is None


def test_the_name_of_its_execution_is_one_that_step_functions_takes() -> None:
    long = Job.model_validate(JOB | {"job_name": "é/" * 100})
    changed = Step(**{name: getattr(step(), name) for name in Step.__slots__} | {"job": long})
    (asked,) = after_load(changed, [verdict("a")])
    assert len(asked.execution_name) <= 80
    assert asked.execution_name.replace("-", "").isalnum()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("CALL p(:rws)", "column 8: :rws is no parameter; known: :batch_id, :job_id"),
        ("CALL p(); DROP TABLE t", "column 11: one call a line"),
        ("CALL -- nothing", "column 6: CALL names no procedure"),
    ],
)
def test_an_after_load_that_is_no_call_is_named_by_job_and_place(call: str, said: str) -> None:
    good = Job.model_validate(JOB | {"job_id": "JOB000", "source_file_name": "a.csv"})
    bad = Job.model_validate(JOB | {"after_load": ["CALL good()", call]})
    with pytest.raises(InvalidJobsError) as refused:
        check_after_load([good, bad])
    assert str(refused.value).startswith(f"job 2 (JOB001): after_load.1: {said}")


def test_the_repositorys_jobs_call_what_can_be_called() -> None:
    check_after_load(parse_jobs(Path("config/config.json").read_bytes()))
