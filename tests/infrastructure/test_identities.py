"""Grants that the emulated account cannot exercise, and names of actions that exist."""

import ast
import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from tests.infrastructure.assembly import Assembly, as_list, target
from tests.infrastructure.topology import plain
from tools import identities
from tools.identities import Comparison, Grant, grants_of, load_additions, load_exemptions

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
    for exemption in (*load_exemptions(), *load_additions()):
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


# --- what other environments grant beyond `local`, where alone grants are exercised

BEYOND = ("dev", "staging", "prod")


def granted(assembly: Assembly) -> set[Grant]:
    """What every role may do, and every policy of ours, named as in `local`.

    A policy of AWS's own is one action: nobody here says what is in it.
    """
    named = re.compile(rf"sluice([-/]){assembly.environment}\b")
    return {
        Grant(**{k: named.sub(r"sluice\1local", text) for k, text in asdict(each).items()})
        for each in _granted(assembly)
    }


def _granted(assembly: Assembly) -> Iterator[Grant]:
    names = {
        (role.stack, role.logical_id): plain(role.properties["RoleName"])
        for role in assembly.resources("AWS::IAM::Role")
    }
    for role in assembly.resources("AWS::IAM::Role"):
        assert "Policies" not in role.properties  # they would have to be read here
        name = names[role.stack, role.logical_id]
        for arn in map(_text, role.properties.get("ManagedPolicyArns", [])):
            yield Grant(role=name, action=f"policy {arn.partition(':policy/')[2]}", resource="*")
    for policy in assembly.resources("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        if policy.kind == "AWS::IAM::ManagedPolicy":
            holders = [plain(policy.properties["ManagedPolicyName"])]
        else:
            holders = [names[policy.stack, target(each)] for each in policy.properties["Roles"]]
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            for holder in holders:
                yield from grants_of(holder, _text(statement))


def _text(value: Any) -> Any:
    """A value with references as text: accounts and regions alike, the rest without hashes."""
    if isinstance(value, list):
        return [_text(each) for each in value]
    if isinstance(value, dict) and not value.keys() & {"Ref", "Fn::GetAtt", "Fn::Join"}:
        return {name: _text(each) for name, each in value.items()}
    return re.sub(r"<(\w+?)[0-9A-F]{8}>", r"<\1>", plain(value))


def listed(environment: str) -> set[Grant]:
    """What may be beyond `local`, each with a reason in tools/identity_exceptions.json."""
    return {
        grant
        for addition in load_additions()
        if environment in addition.environments
        for grant in addition.grants()
    }


@pytest.mark.parametrize("environment", BEYOND)
def test_what_an_environment_grants_beyond_local_is_what_is_listed(
    environment: str, assemble: Callable[[str], Assembly]
) -> None:
    beyond = granted(assemble(environment)) - granted(assemble("local"))
    assert sorted(map(str, beyond - listed(environment))) == []
    assert sorted(map(str, listed(environment) - beyond)) == []


@pytest.mark.parametrize("environment", BEYOND)
def test_no_environment_lacks_what_local_needs(
    environment: str, assemble: Callable[[str], Assembly]
) -> None:
    needed = granted(assemble("local"))
    assert len(needed) > 100
    assert sorted(map(str, needed - granted(assemble(environment)))) == []


@pytest.mark.parametrize("environment", BEYOND)
def test_a_role_is_taken_by_whom_it_is_taken_in_local(
    environment: str, assemble: Callable[[str], Assembly]
) -> None:
    def takers(assembly: Assembly) -> dict[str, Any]:
        return {
            role.logical_id: re.sub(
                rf"sluice-{assembly.environment}\b",
                "sluice-local",
                str(_text(role.properties["AssumeRolePolicyDocument"])),
            )
            for role in assembly.resources("AWS::IAM::Role")
        }

    local = takers(assemble("local"))
    assert takers(assemble(environment)).items() >= local.items()


def test_a_grant_that_is_not_listed_is_noticed(assemble: Callable[[str], Assembly]) -> None:
    prod = assemble("prod")
    templates = copy.deepcopy(dict(prod.templates))
    policies = (
        body["Properties"]["PolicyDocument"]
        for name, body in templates["pipeline"]["Resources"].items()
        if name.startswith("RouteRoleDefaultPolicy")
    )
    statement = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    next(policies)["Statement"].append(statement)
    changed = Assembly(environment="prod", folder=prod.folder, templates=templates)
    beyond = granted(changed) - granted(assemble("local"))
    assert {str(grant) for grant in beyond - listed("prod")} == {
        "sluice-local-route: kms:Decrypt on *"
    }


def test_backups_are_made_by_a_role_that_restores_nothing(deployed: Assembly) -> None:
    policies = {
        arn.rpartition("/")[2]
        for role in deployed.resources("AWS::IAM::Role")
        for arn in map(_text, role.properties.get("ManagedPolicyArns", []))
        if ":iam::aws:" in arn
    }
    backed_up = any(deployed.resources("AWS::Backup::BackupPlan"))
    assert policies == ({"AWSBackupServiceRolePolicyForBackup"} if backed_up else set())


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
