"""Where statements go: a workgroup as the caller's role, or a cluster as a database user."""

from typing import Any
from unittest import mock

import pytest

from lambdas.shared.aws import clients
from lambdas.shared.aws.warehouse import Cluster, Warehouse
from tests.faults.aws import Client


class Noting:
    """The Data API; what it is asked has passed botocore's model."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def execute_statement(self, **request: Any) -> Any:
        self.asked = request
        return {"Id": "1"}


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("sluice-dev", {"WorkgroupName": "sluice-dev"}),
        (
            Cluster(cluster_id="daab", db_user="awsuser"),
            {"ClusterIdentifier": "daab", "DbUser": "awsuser"},
        ),
    ],
)
def test_a_statement_names_its_target(place: str | Cluster, target: dict[str, str]) -> None:
    service = Noting()
    client = Client("redshift-data", service, lambda _name, _request, perform: perform())
    with mock.patch.object(clients, "redshift_data", return_value=client):
        Warehouse(place, "dev").submit("CALL p(:a1)", token="t", parameters={"a1": "x"}, name="n")
    assert service.asked == {
        "Sql": "CALL p(:a1)",
        "Database": "dev",
        "ClientToken": "t",
        "StatementName": "n",
        "Parameters": [{"name": "a1", "value": "x"}],
        **target,
    }


def test_clients_of_releases_have_the_timeouts_of_the_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.be_brief()
    try:
        config = clients.redshift_data().meta.config
        assert (config.connect_timeout, config.read_timeout) == (10, 10)
        assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    finally:
        clients._configs[0] = clients._CONFIG
        clients.forget()
