"""Stacks are deleted as by CloudFormation: in order, but for what they keep, unless protected."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import Account
from tests.integration.account.conftest import Aws
from tests.integration.account.template import queue
from tests.integration.account.test_deployment import deploy

pytestmark = pytest.mark.emulated


def bucket(name: str, **more: Any) -> dict[str, Any]:
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **versioned}, **more}


def stacks(aws: Aws) -> set[str]:
    return {stack["StackName"] for stack in aws("cloudformation").describe_stacks()["Stacks"]}


def delete(aws: Aws, stack: str) -> None:
    aws("cloudformation").delete_stack(StackName=stack)


def test_what_a_template_keeps_stays_and_the_rest_goes(
    account: Account, aws: Aws, tmp_path: Path
) -> None:
    resources = {
        "Kept": bucket("goes-kept", DeletionPolicy="RetainExceptOnCreate"),
        "Gone": bucket("goes-gone"),
        "Queue": queue(QueueName="goes-queue"),
    }
    deploy(account, tmp_path, "goes", {"Resources": resources})
    aws("s3").put_object(Bucket="goes-kept", Key="a", Body=b"1")
    delete(aws, "goes")
    buckets = {each["Name"] for each in aws("s3").list_buckets()["Buckets"]}
    assert "goes" not in stacks(aws)
    assert "goes-kept" in buckets
    assert "goes-gone" not in buckets
    assert not aws("sqs").list_queues(QueueNamePrefix="goes-").get("QueueUrls")
    assert aws("s3").get_object(Bucket="goes-kept", Key="a")["Body"].read() == b"1"


def test_a_bucket_with_files_is_refused_and_its_stack_is_still_there(
    account: Account, aws: Aws, tmp_path: Path
) -> None:
    deploy(account, tmp_path, "full", {"Resources": {"Data": bucket("full-data")}})
    version = aws("s3").put_object(Bucket="full-data", Key="a", Body=b"1")["VersionId"]
    with pytest.raises(ClientError, match=r"Data \(AWS::S3::Bucket\): .*not empty"):
        delete(aws, "full")
    (stack,) = aws("cloudformation").describe_stacks(StackName="full")["Stacks"]
    assert stack["StackStatus"] == "DELETE_FAILED"
    aws("s3").delete_object(Bucket="full-data", Key="a", VersionId=version)
    delete(aws, "full")
    assert "full" not in stacks(aws)


def test_a_protected_stack_is_deleted_only_after_its_protection_is_taken_off(
    account: Account, aws: Aws, tmp_path: Path
) -> None:
    deploy(account, tmp_path, "safe", {"Resources": {"Queue": queue(QueueName="safe-queue")}})
    protect = aws("cloudformation").update_termination_protection
    protect(StackName="safe", EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        delete(aws, "safe")
    assert aws("sqs").list_queues(QueueNamePrefix="safe-")["QueueUrls"]
    protect(StackName="safe", EnableTerminationProtection=False)
    delete(aws, "safe")
    assert "safe" not in stacks(aws)


def test_what_others_use_goes_after_them(account: Account, aws: Aws, tmp_path: Path) -> None:
    """A role cannot be deleted while a policy is attached to it."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ],
    }
    may = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
    resources = {
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "p",
                "PolicyDocument": may,
                "Roles": [{"Ref": "Reader"}],
            },
        },
        "Reader": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "used-reader", "AssumeRolePolicyDocument": trust},
        },
    }
    deploy(account, tmp_path, "used", {"Resources": resources})
    delete(aws, "used")
    roles = {role["RoleName"] for role in aws("iam").list_roles()["Roles"]}
    assert "used-reader" not in roles
