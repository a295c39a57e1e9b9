"""An account on moto, and what the stacks keep in it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto import mock_aws

from lambdas.shared.aws import clients


@contextmanager
def empty_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with nothing in it, in which nothing of this machine's settings counts."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    clients.forget()
    with mock_aws():
        yield
    clients.forget()


def make_bucket(name: str) -> None:
    """The data bucket, which keeps versions."""
    clients.s3().create_bucket(Bucket=name)
    clients.s3().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def make_ledger(name: str = "ledger") -> None:
    """The ledger and its index."""
    clients.dynamodb().create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("pk", "sk", "job_id", "arrived_at")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_job",
                "KeySchema": [
                    {"AttributeName": "job_id", "KeyType": "HASH"},
                    {"AttributeName": "arrived_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
