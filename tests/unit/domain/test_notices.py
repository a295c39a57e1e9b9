"""What people are told says what happened, where it can be seen, and what to do."""

import json
from datetime import UTC, datetime
from typing import Any

from config.job import Job
from lambdas.shared.domain import notices
from lambdas.shared.domain.errors import FormatError
from lambdas.shared.domain.files import File, FileState, Verdict
from lambdas.shared.domain.load import Step

JOB = Job.model_validate(
    {
        "job_id": "JOB001",
        "job_name": "orders",
        "source_file_name": "orders_*.csv",
        "target_table": "orders",
        "upsert_keys": ["id"],
        "is_active": True,
    }
)
STEP = Step(
    job=JOB,
    generation=3,
    execution_id="arn:aws:states:us-east-1:123456789012:execution:sluice-prod-load:run-3",
    execution_name="run-3",
    started_at="2025-11-13T12:00:00Z",
    load={"round": 1},
)
LOG_GROUP = "/aws/lambda/sluice-prod-upsert"
LOAD = {"table": "public.orders", "rows": 30, "inserted": 20, "updated": 10, "seconds": 1.5}


def file(number: int) -> File:
    return File(
        bucket="b",
        key=f"data/in/orders_{number}.csv",
        version_id="v",
        etag="e",
        size=1,
        sequence="1",
        arrived_at=datetime(2025, 11, 13, tzinfo=UTC),
    )


def verdict(number: int, state: FileState) -> Verdict:
    error = FormatError("line 3 has 1 fields and the first has 2; mend the row").to_json()
    return Verdict(
        file=file(number),
        state=state,
        error=error if state is FileState.REJECTED else None,
    )


def lines(notice: dict[str, str]) -> list[str]:
    return notice["message"].split("\n")


def test_a_success_names_table_rows_duration_and_files() -> None:
    notice = notices.loaded(STEP, LOAD, [verdict(n, FileState.LOADED) for n in (1, 2)])
    assert notice["subject"] == "Loaded: public.orders"
    assert lines(notice) == [
        "Table: public.orders",
        "Job: JOB001 (orders)",
        "Rows: 30 (20 inserted, 10 updated)",
        "Duration: 1.5 s",
        "Files: 2",
        "data/in/orders_1.csv",
        "data/in/orders_2.csv",
    ]


def test_a_success_says_which_files_did_not_count() -> None:
    states = [FileState.LOADED, FileState.SUPERSEDED, FileState.MISSING, FileState.REJECTED]
    notice = notices.loaded(STEP, LOAD, [verdict(n, state) for n, state in enumerate(states)])
    assert lines(notice)[4:] == [
        "Files: 1",
        "data/in/orders_0.csv",
        "Not loaded, as a newer version was: 1",
        "data/in/orders_1.csv",
        "Not loaded, as they were deleted before: 1",
        "data/in/orders_2.csv",
    ]


def test_a_verdict_found_in_the_history_has_no_counts_to_tell() -> None:
    load = LOAD | {"inserted": None, "updated": None, "rows": 0}
    assert "Rows: 0" in lines(notices.loaded(STEP, load, [verdict(1, FileState.LOADED)]))


def test_a_rejection_says_what_is_wrong_where_it_lies_and_what_to_do() -> None:
    bad = verdict(7, FileState.REJECTED)
    notice = notices.rejected(STEP, [bad], LOG_GROUP)
    assert notice["subject"] == "Rejected: 1 file(s) for public.orders"
    assert lines(notice) == [
        "Table: public.orders",
        "Job: JOB001 (orders)",
        "File: data/in/orders_7.csv",
        "  FormatError: line 3 has 1 fields and the first has 2; mend the row",
        f"  Put aside: {bad.file.rejected_key('orders')}",
        "What to do: mend each file as its error says and upload it again;"
        " the other files are loaded without it.",
        f"Execution: {STEP.execution_id}",
        f"Logs: {LOG_GROUP}",
    ]


def failure(cause: Any) -> list[str]:
    return lines(notices.failed(STEP, {"Error": "WarehouseError", "Cause": cause}, LOG_GROUP))


def test_a_failure_says_what_failed_where_and_what_to_do() -> None:
    cause = {"errorMessage": "permission denied", "errorType": "WarehouseError", "stackTrace": []}
    assert failure(json.dumps(cause)) == [
        "Table: public.orders",
        "Job: JOB001 (orders)",
        "Error: WarehouseError",
        "Cause: permission denied",
        "Nothing is lost: the files stay in data/in/ and are tried again.",
        "What to do: mend the cause; if it went on for long, redrive the dead letters.",
        f"Execution: {STEP.execution_id}",
        f"Logs: {LOG_GROUP}",
    ]


def test_a_cause_that_is_no_json_is_told_as_it_is() -> None:
    assert "Cause: The execution timed out" in failure("The execution timed out")
    assert "Cause: None" in failure(None)


def test_a_job_given_up_says_where_its_message_waits() -> None:
    notice = notices.given_up("JOB001", "job JOB001 failed 9 times in a row", "https://sqs/q")
    assert notice["subject"] == "Given Up: job JOB001"
    assert lines(notice)[0].startswith("job JOB001 failed 9 times in a row; ")
    assert lines(notice)[-1] == "Dead letters: https://sqs/q"


def test_long_lists_are_cut_and_say_so() -> None:
    keys = [file(number).key for number in range(1000)]
    told = lines(notices.uploaded(JOB, keys))
    assert told[:3] == ["Job: JOB001 (orders)", "Table: orders", "Files: 1000"]
    assert len(told) == 54
    assert told[-1] == "... and 950 more"
    many = notices.rejected(STEP, [verdict(n, FileState.REJECTED) for n in range(60)], LOG_GROUP)
    assert "... and 10 more, all in data/rejected/" in lines(many)
