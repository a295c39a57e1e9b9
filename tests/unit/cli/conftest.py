"""A deployed environment on moto: its stacks' outputs, its bucket, its ledger."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.ledger_view import LedgerView
from tests.moto_account import empty_account, make_bucket, make_ledger

BUCKET = "sluice-dev-data-123456789012-us-east-1"
JOBS = [
    {
        "job_id": job_id,
        "job_name": name,
        "source_file_name": f"{name}*.csv",
        "target_table": name,
        "upsert_keys": ["id"],
        "is_active": active,
    }
    for job_id, name, active in [("J1", "customers", True), ("J2", "products", False)]
]


@dataclass(frozen=True)
class Deployed:
    """The environment `dev`, and the command that works in it."""

    outputs: dict[str, str]
    ledger: Ledger
    view: LedgerView

    def run(self, *arguments: str) -> Result:
        """Run the `sluice` command."""
        return CliRunner().invoke(app, list(arguments))

    def run_json(self, *arguments: str, code: int = 0) -> Any:
        """Run it with --json; what it printed, once the exit code is the one expected."""
        result = self.run(*arguments, "--environment", "dev", "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def configure(self, jobs: Any) -> None:
        """Put config.json."""
        boto3.client("s3").put_object(
            Bucket=BUCKET, Key="config/config.json", Body=json.dumps(jobs).encode()
        )


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An empty account, in which nothing of this machine's settings counts."""
    monkeypatch.delenv("SLUICE_ENVIRONMENT", raising=False)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "no account"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with empty_account(monkeypatch):
        yield


def deploy(name: str, outputs: dict[str, str]) -> None:
    """A stack of which only the outputs matter."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


@pytest.fixture
def deployed(aws: None) -> Deployed:
    """What an environment's stacks leave behind, as far as the command sees it."""
    make_bucket(BUCKET)
    make_ledger()
    queue = {
        name: boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        for name in ("arrivals", "dead", "events-dead", "releases-dead")
    }
    storage = {"Bucket": BUCKET, "LedgerTable": "ledger"}
    pipeline = {
        "Workgroup": "sluice-dev",
        "Database": "dev",
        "StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:sluice-dev-load",
        "ReleaseMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:"
        "sluice-dev-release",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:sluice-dev-notices",
        "ArrivalsQueueUrl": queue["arrivals"],
        "DeadLetterQueueUrl": queue["dead"],
        "EventsDeadLetterQueueUrl": queue["events-dead"],
        "ReleasesDeadLetterQueueUrl": queue["releases-dead"],
        "SweepFunctionName": "sluice-dev-sweep",
    }
    deploy("sluice-dev-storage", storage)
    deploy("sluice-dev-pipeline", pipeline)
    made = Deployed(outputs=storage | pipeline, ledger=Ledger("ledger"), view=LedgerView("ledger"))
    made.configure(JOBS)
    return made
