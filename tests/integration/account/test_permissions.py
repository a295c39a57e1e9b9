"""A role does what its policies say and is refused the rest, in each service's own words."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.account import Account
from tests.integration.account.conftest import Aws, deploy

pytestmark = pytest.mark.emulated
STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"


def ask(aws: Aws, service: str, method: str, **arguments: Any) -> str:
    """What a call by the role `worker` comes to."""
    event = {"it": {"service": service, "method": method, "with": arguments}}
    answer = aws("lambda").invoke(FunctionName="ask", Payload=json.dumps(event))
    outcome = json.loads(answer["Payload"].read())
    assert "it" in outcome, outcome
    return str(outcome["it"])


def test_a_person_may_do_everything(aws: Aws) -> None:
    aws("s3").put_object(Bucket="data", Key="allowed/mine", Body=b"1")
    assert aws("s3").get_object(Bucket="data", Key="allowed/mine")["Body"].read() == b"1"


def test_a_role_reads_what_its_policy_names_and_nothing_beside_it(aws: Aws) -> None:
    for key in ("allowed/a", "private/a"):
        aws("s3").put_object(Bucket="data", Key=key, Body=b"1")
    assert ask(aws, "s3", "get_object", Bucket="data", Key="allowed/a") == "done"
    assert ask(aws, "s3", "get_object", Bucket="data", Key="private/a") == "AccessDenied"
    assert ask(aws, "s3", "put_object", Bucket="data", Key="allowed/b") == "AccessDenied"
    assert ask(aws, "s3", "list_objects_v2", Bucket="data") == "AccessDenied"


def test_a_version_needs_a_permission_of_its_own(aws: Aws) -> None:
    version = aws("s3").put_object(Bucket="data", Key="allowed/v", Body=b"1")["VersionId"]
    read = ask(aws, "s3", "get_object", Bucket="data", Key="allowed/v", VersionId=version)
    assert read == "AccessDenied"


def test_who_may_not_list_is_not_told_that_an_object_is_missing(aws: Aws) -> None:
    assert ask(aws, "s3", "get_object", Bucket="data", Key="allowed/none") == "AccessDenied"
    assert ask(aws, "s3", "head_object", Bucket="data", Key="allowed/none") == "403"


def test_a_copy_needs_its_source_and_its_target(aws: Aws) -> None:
    aws("s3").put_object(Bucket="data", Key="allowed/source", Body=b"1")
    copy = {"Bucket": "data", "Key": "allowed/copy", "CopySource": "data/allowed/source"}
    assert ask(aws, "s3", "copy_object", **copy) == "AccessDenied"


@pytest.mark.parametrize(
    ("service", "method", "arguments", "code"),
    [
        ("dynamodb", "get_item", {"TableName": "seen", "Key": {"id": {"S": "a"}}}, None),
        ("stepfunctions", "start_execution", {"stateMachineArn": STATE_MACHINE}, None),
        ("secretsmanager", "get_secret_value", {"SecretId": "s"}, None),
        ("lambda", "list_functions", {}, None),
        (
            "sns",
            "publish",
            {"TopicArn": "arn:aws:sns:us-east-1:123456789012:notices", "Message": "m"},
            "AuthorizationError",
        ),
        (
            "redshift-data",
            "execute_statement",
            {"WorkgroupName": "none", "Database": "dev", "Sql": "SELECT 1"},
            None,
        ),
    ],
)
def test_a_refusal_has_the_service_s_own_code(
    aws: Aws, service: str, method: str, arguments: dict[str, Any], code: str | None
) -> None:
    assert ask(aws, service, method, **arguments) == (code or "AccessDeniedException")


def test_a_transaction_needs_the_permission_of_each_of_its_writes(aws: Aws) -> None:
    update = {
        "TableName": "seen",
        "Key": {"id": {"S": "t"}},
        "UpdateExpression": "ADD times :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    put = {"TableName": "seen", "Item": {"id": {"S": "p"}}}
    allowed = ask(aws, "dynamodb", "transact_write_items", TransactItems=[{"Update": update}])
    refused = ask(
        aws, "dynamodb", "transact_write_items", TransactItems=[{"Update": update}, {"Put": put}]
    )
    assert (allowed, refused) == ("done", "AccessDeniedException")


def test_anybody_may_ask_who_they_are(aws: Aws) -> None:
    assert ask(aws, "sts", "get_caller_identity") == "done"


_ADMINISTER = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": ["kms:DescribeKey", "kms:PutKeyPolicy"],
    "Resource": "*",
}
_STATEMENTS = {
    "Effect": "Allow",
    "Principal": {"AWS": "*"},
    "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"],
    "Resource": "*",
    "Condition": {
        "StringEquals": {"kms:ViaService": "redshift-data.us-east-1.amazonaws.com"},
        "ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/worker"},
    },
}
_COMPLETE = {**_STATEMENTS, "Action": [*_STATEMENTS["Action"], "kms:GenerateDataKey"]}
_OF_ANOTHER = {
    **_COMPLETE,
    "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/other"}},
}


@pytest.mark.parametrize(
    ("name", "statements", "allowed"),
    [
        ("unnamed", [_ADMINISTER], False),
        ("partial", [_ADMINISTER, _STATEMENTS], False),
        ("other", [_ADMINISTER, _OF_ANOTHER], False),
        ("named", [_ADMINISTER, _COMPLETE], True),
    ],
)
def test_a_statement_needs_the_key_of_its_warehouse(
    account: Account,
    aws: Aws,
    tmp_path: Path,
    name: str,
    statements: list[dict[str, Any]],
    *,
    allowed: bool,
) -> None:
    submit = {
        "Effect": "Allow",
        "Action": ["redshift-data:ExecuteStatement", "redshift-serverless:GetCredentials"],
        "Resource": {"Fn::GetAtt": ["Compute", "Workgroup.WorkgroupArn"]},
    }
    template = {
        "Resources": {
            "Key": {
                "Type": "AWS::KMS::Key",
                "Properties": {"KeyPolicy": {"Statement": statements}},
            },
            "Namespace": {
                "Type": "AWS::RedshiftServerless::Namespace",
                "Properties": {
                    "NamespaceName": f"n-{name}",
                    "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
                },
            },
            "Compute": {
                "Type": "AWS::RedshiftServerless::Workgroup",
                "Properties": {"WorkgroupName": name, "NamespaceName": {"Ref": "Namespace"}},
            },
            "Submit": {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "PolicyName": name,
                    "Roles": ["worker"],
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [submit]},
                },
            },
        }
    }
    deploy(account, tmp_path, f"warehouse-{name}", template)
    outcome = ask(
        aws, "redshift-data", "execute_statement", WorkgroupName=name, Database="dev", Sql="SELECT"
    )
    assert (outcome != "AccessDeniedException") is allowed
