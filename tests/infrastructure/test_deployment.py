"""The environments' files, and what a wrong one is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.deployment import Deployment, InvalidDeploymentError
from tests.infrastructure.assembly import ENVIRONMENTS

_VALID: dict[str, Any] = {
    "environment": "dev",
    "region": "eu-west-1",
    "warehouse": {"base_rpu": 8, "max_rpu": 16},
}


def _load(folder: Path, **changes: Any) -> Deployment:
    (folder / "dev.json").write_text(json.dumps({**_VALID, **changes}))
    return Deployment.load("dev", folder=folder)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_loads_under_its_own_name(environment: str) -> None:
    assert Deployment.load(environment).environment == environment


def test_production_keeps_its_data_and_cannot_be_deleted_by_accident() -> None:
    prod = Deployment.load("prod")
    assert prod.removal_policy == "retain"
    assert prod.termination_protection
    assert prod.retention.raw_days is None


def test_an_unknown_environment_is_told_the_known_ones() -> None:
    with pytest.raises(InvalidDeploymentError, match="known: dev, local, prod, staging"):
        Deployment.load("production")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"removal": "retain"}, "removal: is not known; did you mean removal_policy?"),
        (
            {"retention": {"log_day": 7}},
            "retention.log_day: is not known; did you mean log_days?",
        ),
        (
            {"limits": {"functions": {"rout": {"memory_mb": 512, "timeout_seconds": 1}}}},
            "limits.functions.rout: is not known; did you mean route?",
        ),
        (
            {
                "limits": {
                    "functions": {"route": {"memory": 1, "memory_mb": 512, "timeout_seconds": 1}}
                }
            },
            "limits.functions.route.memory: is not known; did you mean memory_mb?",
        ),
        ({"zzz": 1}, "zzz: is not known; known: environment, account"),
        ({"account": "12345"}, "account: "),
        ({"retention": {"noncurrent_days": 1}}, "retention.noncurrent_days: "),
        (
            {"warehouse": {"base_rpu": 16, "max_rpu": 8}},
            "warehouse: max_rpu 8 is below base_rpu 16",
        ),
        (
            {"warehouse": {"base_rpu": 20, "max_rpu": 520}},
            "warehouse.base_rpu: 20 is no step of Redshift Serverless; next to it are 16 and 24;"
            " warehouse.max_rpu: 520 is no step of Redshift Serverless; next to it are 512 and 544",
        ),
        ({"warehouse": {"base_rpu": 6, "max_rpu": 8}}, "next to it are 4 and 8"),
        (
            {"warehouse": {"base_rpu": 512, "max_rpu": 512}, "network": {"cidr": "10.0.0.0/22"}},
            "network.cidr 10.0.0.0/22 is too small: 512 RPU take 133 addresses in each zone",
        ),
        (
            {"warehouse": {"base_rpu": 8, "max_rpu": 8, "breach_action": "stop"}},
            "warehouse.breach_action: ",
        ),
        ({"alerts": {"emails": ["nobody"]}}, "alerts.emails.0: "),
        ({"alerts": {"slack": {"channel": "C1"}}}, "alerts.slack.channel: is not known"),
        ({"network": {"zones": ["a", "b"]}}, "network.zones: "),
        ({"network": {"zones": ["a", "b", "b"]}}, "name one zone twice"),
        ({"network": {"nat_gateways": 4}}, "nat_gateways 4 are more than the zones"),
        ({"environment": "staging"}, "says environment 'staging'"),
    ],
)
def test_a_wrong_file_is_told_where_and_what(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidDeploymentError) as refused:
        _load(tmp_path, **changes)
    assert message in str(refused.value)


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeploymentError, match=r"account: .*; region: ") as refused:
        _load(tmp_path, account="1", region="here")
    assert "dev.json" in str(refused.value)


def test_a_file_that_is_not_json_says_so(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text("{")
    with pytest.raises(InvalidDeploymentError, match=r"dev\.json is not JSON"):
        Deployment.load("dev", folder=tmp_path)
