"""Grants that the emulated account cannot exercise, and names of actions that exist."""

import ast
from pathlib import Path

import pytest
from botocore.session import Session

from tests.infrastructure.assembly import Assembly, as_list
from tools import identities
from tools.identities import Comparison, load_exemptions

ROOT = Path(__file__).parents[2]
_DELIVERY = {
    "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
}  # fmt: skip
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
# Actions that are no operation of an API: from the Service Authorization Reference.
_PERMISSION_ONLY = {
    "lambda:InvokeFunction", "s3:ListBucket", "s3:ListBucketVersions", "s3:GetObjectVersion",
    "s3:DeleteObjectVersion", "s3:GetObjectVersionTagging", "redshift-serverless:GetCredentials",
    "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "dynamodb:ConditionCheckItem",
}  # fmt: skip
_CLIENTS = {"states": "stepfunctions"}


@pytest.mark.parametrize("noun", ["Load", "Release"])
def test_step_functions_sets_up_its_log_and_does_nothing_else_with_logs(
    deployed: Assembly, noun: str
) -> None:
    granted = {
        action
        for policy, statement in deployed.statements()
        if policy.startswith(f"{noun}Role")
        for action in as_list(statement["Action"])
        if action.startswith("logs:")
    }
    assert granted == _DELIVERY


def test_every_exemption_has_a_reason_and_a_test_that_exists() -> None:
    for exemption in load_exemptions():
        assert len(exemption.reason.split()) > 5
        path, _, name = exemption.test.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_granted_action_exists(deployed: Assembly) -> None:
    session = Session()
    granted = {a for _, s in deployed.statements() for a in as_list(s["Action"])}
    operations = {
        f"{service}:{name}"
        for service in {action.partition(":")[0] for action in granted}
        for name in session.get_service_model(_CLIENTS.get(service, service)).operation_names
    }
    assert granted - operations <= _PERMISSION_ONLY


def test_a_recorded_comparison_holds_until_something_that_was_compared_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Comparison(
        granted=2,
        exercised=1,
        granted_not_exercised=("a: b on c",),
        exercised_not_granted=(),
        exempt=0,
        stale_exemptions=(),
    )
    record = tmp_path / "iam.json"
    assert identities.recorded(record) is None
    identities.write(found, record)
    assert identities.recorded(record) == found
    monkeypatch.setattr(identities, "SCENARIOS", ("Makefile",))
    assert identities.recorded(record) is None
