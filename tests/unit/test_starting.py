"""What an execution is given when it starts, and keeps whatever config.json says later."""

from config.job import Job
from lambdas.shared.domain.load import Step
from lambdas.shared.starting import execution_input

_JOB = {
    "job_id": "JOB001",
    "job_name": "orders",
    "source_file_name": "orders.csv",
    "target_table": "orders",
    "upsert_keys": ["id"],
    "is_active": True,
}


def test_a_load_runs_by_the_job_as_it_was_when_its_execution_started() -> None:
    job = Job.model_validate(_JOB | {"order_by": "at", "minimum_rows_kept": 0.25})

    (started,) = execution_input(job, "orders.csv", 3)["glue_jobs"]

    execution = {"id": "arn", "name": "run-orders-3", "started_at": "2026-01-01T00:00:00Z"}
    step = Step.from_event({"job": started, "execution": execution, "load": {}})
    assert step.job == job
    assert step.generation == 3
