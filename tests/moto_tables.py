"""Tables on moto, shaped as the stacks deploy them."""

from lambdas.shared.aws import clients


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
