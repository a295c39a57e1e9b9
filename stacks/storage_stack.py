"""What must outlive every deployment: the data bucket and the ledger."""

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config.deployment import Deployment
from stacks.constructs.backups import Backups
from stacks.constructs.stack import SluiceStack


class StorageStack(SluiceStack):
    """The bucket people upload to, and the table of what became of each file."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(scope, "storage", deployment)
        bucket = self._data_bucket(self._access_log())
        ledger = self._ledger()
        Backups(self, "ledger-backups", key="data", arns=[ledger.table_arn])
        self.output("Bucket", bucket.bucket_name)
        self.output("LedgerTable", ledger.table_name)

    def _access_log(self) -> s3.Bucket:
        return self._bucket(
            "AccessLog",
            bucket_name=self.deployment.access_log_bucket(self.account),
            encryption=s3.BucketEncryption.S3_MANAGED,  # S3 delivers its log under no other key
            lifecycle_rules=[_expire("read", "", self.deployment.retention.access_log_days)],
        )

    def _data_bucket(self, access_log: s3.Bucket) -> s3.Bucket:
        retention = self.deployment.retention
        bucket = self._bucket(
            "Data",
            bucket_name=self.data_bucket,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key("data"),
            bucket_key_enabled=True,  # a KMS call for many objects, not for each
            server_access_logs_bucket=access_log,
            server_access_logs_prefix="data/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="leftovers",
                    expired_object_delete_marker=True,
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                ),
                # never below data/in/ and data/new_files/: there an overwritten version may be one
                # that nobody has loaded
                *(
                    s3.LifecycleRule(
                        id=f"overwritten-{prefix.strip('/')}",
                        prefix=prefix,
                        noncurrent_version_expiration=Duration.days(retention.noncurrent_days),
                    )
                    for prefix in self._replaceable()
                ),
                _expire("work", "work/", retention.work_days),
                *([_expire("raw", "data/raw/", retention.raw_days)] if retention.raw_days else []),
            ],
        )
        # The L2's event_bridge_enabled deploys a function of the CDK's to set this one property.
        bucket.node.default_child.add_property_override(  # type: ignore[union-attr]
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
        )
        return bucket

    def _replaceable(self) -> list[str]:
        """The folders in which only the newest version of a key counts."""
        releases = self.deployment.procedures.prefix.rpartition("/")[0]
        folders = ["config/", "data/rejected/", *([f"{releases}/"] if releases else [])]
        return folders if self.deployment.retention.raw_days else [*folders, "data/raw/"]

    def _bucket(self, construct_id: str, **properties: Any) -> s3.Bucket:
        """A bucket that keeps versions, reached over TLS only and by nobody else."""
        return s3.Bucket(
            self,
            construct_id,
            versioned=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=self.removal,
            **properties,
        )

    def _ledger(self) -> dynamodb.Table:
        ledger = dynamodb.Table(
            self,
            "Ledger",
            table_name=self.deployment.ledger_table,
            partition_key=_text("pk"),
            sort_key=_text("sk"),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key("data"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self.deployment.termination_protection,
            removal_policy=self.removal,
        )
        ledger.add_global_secondary_index(
            index_name="by_job", partition_key=_text("job_id"), sort_key=_text("arrived_at")
        )
        return ledger


def _expire(rule_id: str, prefix: str, days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=rule_id,
        prefix=prefix or None,
        expiration=Duration.days(days),
        noncurrent_version_expiration=Duration.days(1),
    )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
