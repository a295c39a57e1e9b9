"""S3 and DynamoDB."""

import json
from typing import Any

from moto.s3.models import FakeBucket

from local.account.clients import Aws
from local.account.resources.resource import (
    Created,
    Properties,
    Request,
    refuse_unknown,
    resource_type,
)


class Bucket(FakeBucket):
    """`AWS::S3::Bucket`; moto creates it, and ignores most of its properties."""

    aws: Aws

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any
    ) -> FakeBucket:
        """Create the bucket and configure all of it."""
        bucket = super().create_from_cloudformation_json(
            resource_name, cloudformation_json, *args, **kwargs
        )
        _configure_bucket(cls.aws("s3"), bucket.name, cloudformation_json["Properties"])
        return bucket

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        *args: Any,
        **kwargs: Any,
    ) -> FakeBucket:
        """Configure it again."""
        _configure_bucket(cls.aws("s3"), original_resource.name, cloudformation_json["Properties"])
        return original_resource  # type: ignore[no-any-return]

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        """Delete it; S3 refuses if anything is in it, where moto forgets it."""
        cls.aws("s3").delete_bucket(Bucket=resource_name)


_BUCKET_PROPERTIES = {
    "BucketName", "BucketEncryption", "Tags",  # by moto
    "VersioningConfiguration", "NotificationConfiguration", "LifecycleConfiguration",
    "PublicAccessBlockConfiguration", "OwnershipControls", "LoggingConfiguration",
    "AccessControl",  # stored by moto
}  # fmt: skip


def _configure_bucket(s3: Any, bucket: str, properties: Properties) -> None:
    refuse_unknown(properties, _BUCKET_PROPERTIES)
    if versioning := properties.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
    if notification := properties.get("NotificationConfiguration"):
        refuse_unknown(notification, {"EventBridgeConfiguration"})
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    if lifecycle := properties.get("LifecycleConfiguration"):
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket,
            LifecycleConfiguration={"Rules": [_lifecycle_rule(r) for r in lifecycle["Rules"]]},
        )
    if block := properties.get("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    if ownership := properties.get("OwnershipControls"):
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=ownership)


def _lifecycle_rule(rule: Properties) -> Properties:
    """A rule of the template as the API spells it."""
    filters: Properties = {"Prefix": rule.get("Prefix", "")}
    converted: Properties = {"Status": rule["Status"], "Filter": filters}
    if "Id" in rule:
        converted["ID"] = rule["Id"]
    expiration = {
        api: rule[template]
        for template, api in (
            ("ExpirationInDays", "Days"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if template in rule
    }
    if expiration:
        converted["Expiration"] = expiration
    if noncurrent := rule.get("NoncurrentVersionExpiration"):
        converted["NoncurrentVersionExpiration"] = noncurrent
    elif "NoncurrentVersionExpirationInDays" in rule:
        days = rule["NoncurrentVersionExpirationInDays"]
        converted["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        converted["AbortIncompleteMultipartUpload"] = abort
    if transitions := rule.get("Transitions"):
        converted["Transitions"] = [
            {"Days": t["TransitionInDays"], "StorageClass": t["StorageClass"]} for t in transitions
        ]
    return converted


@resource_type("AWS::S3::BucketPolicy")
def _bucket_policy(request: Request) -> Created:
    bucket, policy = request.properties["Bucket"], request.properties["PolicyDocument"]
    request.aws("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    return Created(ref=bucket)


@resource_type("AWS::DynamoDB::GlobalTable", name="TableName")
def _global_table(request: Request) -> Created:
    dynamodb, properties = request.aws("dynamodb"), request.properties
    if request.existing is None:
        arguments: Properties = {
            name: properties[name]
            for name in (
                "KeySchema",
                "AttributeDefinitions",
                "GlobalSecondaryIndexes",
                "LocalSecondaryIndexes",
            )
            if name in properties
        }
        if stream := properties.get("StreamSpecification"):
            arguments["StreamSpecification"] = {"StreamEnabled": True, **stream}
        dynamodb.create_table(TableName=request.name, BillingMode="PAY_PER_REQUEST", **arguments)
        if ttl := properties.get("TimeToLiveSpecification"):
            dynamodb.update_time_to_live(TableName=request.name, TimeToLiveSpecification=ttl)
    table = dynamodb.describe_table(TableName=request.name)["Table"]
    return Created(
        ref=request.name,
        attributes={
            "Arn": table["TableArn"],
            "TableId": table.get("TableId", ""),
            "StreamArn": table.get("LatestStreamArn", ""),
        },
    )
