"""Who may use which key: all whom the templates let read or write what it protects, and no more."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infrastructure.assembly import Assembly, Resource, as_list
from tools.policy.templates import text

_KEYS = ("Data", "Messages", "Warehouse", "Operations")
_ENCRYPTED = {
    "AWS::SQS::Queue": ("messages", ("KmsMasterKeyId",)),
    "AWS::SNS::Topic": ("messages", ("KmsMasterKeyId",)),
    "AWS::DynamoDB::Table": ("data", ("SSESpecification", "KMSMasterKeyId")),
    "AWS::RedshiftServerless::Namespace": ("warehouse", ("KmsKeyId",)),
    "AWS::Logs::LogGroup": ("operations", ("KmsKeyId",)),
    "AWS::Lambda::Function": ("operations", ("KmsKeyArn",)),
}
# An action of a grant, and the service whose key its caller then needs.
_NEEDS_KEY = {
    "s3:GetObject": "s3", "s3:GetObjectVersion": "s3", "s3:PutObject": "s3",
    "dynamodb:GetItem": "dynamodb", "dynamodb:Query": "dynamodb", "dynamodb:PutItem": "dynamodb",
    "dynamodb:UpdateItem": "dynamodb", "dynamodb:DeleteItem": "dynamodb",
    "sqs:SendMessage": "sqs", "sqs:ReceiveMessage": "sqs", "sns:Publish": "sns",
    "secretsmanager:GetSecretValue": "secretsmanager",
    "redshift-data:ExecuteStatement": "redshift-data",
}  # fmt: skip


def _keys(deployed: Assembly) -> dict[str, Resource]:
    found = {key.logical_id: key for key in deployed.resources("AWS::KMS::Key")}
    return {noun: next(k for i, k in found.items() if i.startswith(noun)) for noun in _KEYS}


def _statements(deployed: Assembly) -> Iterator[dict[str, Any]]:
    for key in _keys(deployed).values():
        yield from key.properties["KeyPolicy"]["Statement"]


@pytest.mark.parametrize("kind", _ENCRYPTED)
def test_what_is_stored_is_encrypted_under_the_key_of_its_kind(
    deployed: Assembly, kind: str
) -> None:
    noun, path = _ENCRYPTED[kind]
    resources = list(deployed.resources(kind))
    assert resources
    for resource in resources:
        value: Any = resource.properties
        for part in path:
            value = value[part]
        assert _shared(deployed, resource.stack, value) == f"keys/{noun}"


def test_objects_are_encrypted_under_the_data_key_and_only_s3s_own_log_is_not(
    deployed: Assembly,
) -> None:
    default = {
        bucket.logical_id.rstrip("0123456789ABCDEF"): bucket.properties["BucketEncryption"][
            "ServerSideEncryptionConfiguration"
        ][0]
        for bucket in deployed.resources("AWS::S3::Bucket")
    }
    data = default["Data"]["ServerSideEncryptionByDefault"]
    assert _shared(deployed, "storage", data["KMSMasterKeyID"]) == "keys/data"
    assert default["Data"]["BucketKeyEnabled"]
    assert default["AccessLog"]["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_the_admins_secret_has_the_warehouses_key(deployed: Assembly) -> None:
    namespace = deployed.one("AWS::RedshiftServerless::Namespace").properties
    assert namespace["AdminPasswordSecretKmsKeyId"] == namespace["KmsKeyId"]


def _shared(deployed: Assembly, stack: str, reference: Any) -> str:
    """The noun of the parameter that a reference reads."""
    parameter = deployed.templates[stack]["Parameters"][reference["Ref"]]
    return str(parameter["Default"]).removeprefix(f"/sluice/{deployed.environment}/")


def test_every_key_rotates_and_has_a_name(deployed: Assembly) -> None:
    assert all(k.properties["EnableKeyRotation"] for k in _keys(deployed).values())
    aliases = {a.properties["AliasName"] for a in deployed.resources("AWS::KMS::Alias")}
    assert aliases == {f"alias/sluice-{deployed.environment}-{noun.lower()}" for noun in _KEYS}


def test_only_the_administrator_statement_is_unconditional_and_it_uses_no_key(
    deployed: Assembly,
) -> None:
    for statement in _statements(deployed):
        actions = set(as_list(statement["Action"]))
        assert not [action for action in actions if "*" in action]
        if "Condition" not in statement:
            assert statement["Sid"] == "Administer"
            assert not actions & {"kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"}


def test_whoever_is_not_named_is_held_to_this_account(deployed: Assembly) -> None:
    open_to_all = [s for s in _statements(deployed) if s["Principal"] == {"AWS": "*"}]
    assert open_to_all
    for statement in open_to_all:
        assert "kms:CallerAccount" in statement["Condition"]["StringEquals"]
        named = [
            tests["aws:PrincipalArn"]
            for tests in statement["Condition"].values()
            if "aws:PrincipalArn" in tests
        ]
        assert len(named) == 1


def test_a_service_uses_a_key_only_for_something_of_this_environment(local: Assembly) -> None:
    for statement in _statements(local):
        if "Service" in statement["Principal"]:
            tests = statement["Condition"]
            named = tests["ArnLike"].get("aws:SourceArn") or tests["ArnLike"].get(
                "kms:EncryptionContext:aws:logs:arn"
            )
            for arn in as_list(named):
                assert "123456789012" in arn
                assert "sluice" in arn or statement["Principal"]["Service"].startswith("budgets")


def test_a_role_may_use_a_key_if_and_only_if_it_may_reach_what_the_key_protects(
    local: Assembly,
) -> None:
    admitted = {
        (service.split(".")[0], role)
        for statement in _statements(local)
        if statement["Principal"] == {"AWS": "*"}
        for service in as_list(statement["Condition"]["StringEquals"].get("kms:ViaService", []))
        if service.split(".")[0] in _NEEDS_KEY.values()
        for role in _roles(statement)
    }
    granted = {
        (_NEEDS_KEY[action], role)
        for role, policy in _policies(local)
        for statement in policy.properties["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
        if action in _NEEDS_KEY
    }
    assert admitted == granted


def _roles(statement: dict[str, Any]) -> Iterator[str]:
    """The names of the roles that a key's statement is about."""
    for arn in as_list(statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]):
        yield arn.rpartition("/")[2]


def _policies(local: Assembly) -> Iterator[tuple[str, Resource]]:
    """Every policy with the name of each role that has it."""
    roles = {role.logical_id: role.properties for role in local.resources("AWS::IAM::Role")}
    for policy in local.resources("AWS::IAM::Policy"):
        for role in policy.properties["Roles"]:
            yield roles[role["Ref"]]["RoleName"], policy
    for policy in local.resources("AWS::IAM::ManagedPolicy"):
        name = policy.properties["ManagedPolicyName"]
        for role in roles.values():
            if any(text(each).endswith(f"/{name}") for each in role.get("ManagedPolicyArns", [])):
                yield role["RoleName"], policy


def test_who_submits_statements_may_let_the_data_api_use_the_warehouses_key(
    local: Assembly,
) -> None:
    """It keeps texts and results under that key, by a grant it makes as its caller."""
    submitters = {
        role
        for role, policy in _policies(local)
        if "redshift-data:ExecuteStatement" in json.dumps(policy.properties)
    }
    assert len(submitters) == 3
    made: dict[str, set[str]] = {}
    for statement in _keys(local)["Warehouse"].properties["KeyPolicy"]["Statement"]:
        if "ArnEquals" in statement.get("Condition", {}):
            for role in _roles(statement):
                made.setdefault(role, set()).update(as_list(statement["Action"]))
    for role in submitters:
        assert made[role] >= {
            "kms:CreateGrant", "kms:DescribeKey", "kms:Encrypt", "kms:Decrypt",
            "kms:GenerateDataKey",
        }  # fmt: skip


def test_a_grant_is_made_only_for_a_service(deployed: Assembly) -> None:
    for statement in _statements(deployed):
        if "kms:CreateGrant" in as_list(statement["Action"]):
            assert statement["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_events_of_our_rules_may_be_written_to_encrypted_queues(local: Assembly) -> None:
    rules = {r.properties["Name"] for r in local.resources("AWS::Events::Rule")}
    (events,) = (
        s for s in _statements(local) if s["Principal"] == {"Service": "events.amazonaws.com"}
    )
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= set(events["Action"])
    prefix = events["Condition"]["ArnLike"]["aws:SourceArn"].removesuffix("*")
    for rule in rules:
        assert f"arn:aws:events:us-east-1:123456789012:rule/{rule}".startswith(prefix)
