"""The keys, and exactly who may use each: functions by role, services by what they act for.

A key's policy alone says who uses it, so no identity needs a grant, and a role that is not named
here cannot read what it can reach. The account's root may administer keys, not use them; what
people and deployments need goes by way of one service each, and IAM decides for whom.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from config.deployment import Deployment, Key, Step
from stacks.constructs.policy import Conditions
from stacks.constructs.stack import SluiceStack

OBJECT_STEPS: tuple[Step, ...] = (
    "route",
    "claim",
    "infer_schema",
    "upsert",
    "settle",
    "sweep",
    "publish_jobs",
    "open_release",
    "run_procedures",
    "close_release",
)
LEDGER_STEPS: tuple[Step, ...] = (
    "route",
    "claim",
    "settle",
    "sweep",
    "open_release",
    "run_procedures",
    "close_release",
)
QUEUE_STEPS: tuple[Step, ...] = ("route", "sweep")
TOPIC_STEPS: tuple[Step, ...] = ("route", "settle", "sweep", "close_release")

_REDSHIFT = ("redshift-serverless", "redshift-data", "redshift", "redshift.amazonaws.com")
"""Redshift's names in `kms:ViaService`; its guide has the last, KMS's has names with a region."""

_ADMINISTER = (
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey",
    "kms:DisableKey", "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation",
    "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListAliases", "kms:ListGrants",
    "kms:ListKeyPolicies", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)  # fmt: skip
_READ_AND_WRITE = ("kms:Decrypt", "kms:GenerateDataKey")
# What the Data API asks of whoever submits a statement: it keeps texts and results under the
# warehouse's key, by a grant that it makes as the caller.
# https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-kms.html
_SUBMIT = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
_GRANT = ("kms:CreateGrant",)
_FOR_SERVICES = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
_ALL_USES = (
    "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
)  # fmt: skip


class KeysStack(SluiceStack):
    """One key for each kind of thing at rest; other stacks find them by parameter."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(scope, "keys", deployment)
        self._root = iam.ArnPrincipal(f"arn:{self.partition}:iam::{self.account}:root")
        self._key(
            "data",
            "Objects, the ledger and their backups",
            self._by_roles("Objects", ("s3",), _READ_AND_WRITE, OBJECT_STEPS, self.copy_role_arn),
            self._by_roles("Ledger", ("dynamodb",), _ALL_USES, LEDGER_STEPS),
            self._by_account("People", ("s3", "dynamodb", "backup"), _ALL_USES),
            self._grants("Services", ("dynamodb", "backup")),
        )
        self._key(
            "messages",
            "Queues and topics",
            self._by_roles("Queues", ("sqs",), _READ_AND_WRITE, QUEUE_STEPS, *self._clocks()),
            self._by_roles("Topics", ("sns",), _READ_AND_WRITE, TOPIC_STEPS),
            self._by_service("Events", "events", f"rule/{deployment.name('*')}"),
            self._by_service("Alarms", "cloudwatch", f"alarm:{deployment.name('*')}"),
            self._by_service("Budgets", "budgets", "*"),
            self._by_account("People", ("sqs", "sns"), _READ_AND_WRITE),
        )
        self._key(
            "warehouse",
            "The warehouse, its admin's secret and its backups",
            self._by_roles("Migrations", ("secretsmanager",), ("kms:Decrypt",), ("migrate",)),
            self._by_roles("Statements", _REDSHIFT, _SUBMIT, self._submitters()),
            self._by_roles(
                "StatementsGrants", _REDSHIFT, _GRANT, self._submitters(), when=_FOR_SERVICES
            ),
            self._by_account("Deployments", (*_REDSHIFT, "secretsmanager", "backup"), _ALL_USES),
            self._grants("Services", (*_REDSHIFT, "backup")),
        )
        self._key(
            "operations",
            "Logs, and the environments of functions",
            self._logs(),
            self._environments(),
            self._by_account("Deployments", ("lambda",), ("kms:Decrypt", "kms:Encrypt")),
            self._grants("Services", ("lambda",)),
        )

    def _key(self, noun: Key, description: str, *statements: iam.PolicyStatement) -> None:
        administer = iam.PolicyStatement(
            sid="Administer", principals=[self._root], actions=[*_ADMINISTER], resources=["*"]
        )
        kept = self.deployment.removal_policy == "retain"
        key = kms.Key(
            self,
            noun.title(),
            alias=f"alias/{self.deployment.name(noun)}",
            description=f"{description} of Sluice in {self.deployment.environment}",
            enable_key_rotation=True,
            pending_window=Duration.days(30 if kept else 7),
            policy=iam.PolicyDocument(statements=[administer, *statements]),
            removal_policy=self.removal,
        )
        self.share(f"{noun.title()}Arn", f"keys/{noun}", key.key_arn)

    def _by_roles(
        self,
        sid: str,
        services: Sequence[str],
        actions: Sequence[str],
        steps: Sequence[Step],
        *also: str,
        when: Conditions | None = None,
    ) -> iam.PolicyStatement:
        """Roles of functions, by way of a service.

        A principal that does not exist yet cannot be named in a key's policy; a condition can.
        """
        roles = [self.arn("iam", f"role/{self.deployment.function(s)}", region="") for s in steps]
        return _use(
            sid,
            iam.AnyPrincipal(),
            actions,
            {
                "StringEquals": self._via(*services),
                "ArnEquals": {"aws:PrincipalArn": [*roles, *also]},
                **(when or {}),
            },
        )

    def _submitters(self) -> tuple[Step, ...]:
        """Whose statements go to the workgroup; a cluster has a key of its own."""
        cluster = self.deployment.procedures.cluster
        return ("upsert", "migrate") if cluster else ("upsert", "migrate", "run_procedures")

    def _clocks(self) -> list[str]:
        """Roles that a schedule takes, which leave what they could not start in a queue."""
        if self.deployment.procedures.schedule is None:
            return []
        name = self.deployment.name("release-by-clock")  # procedures_stack makes it
        return [self.arn("iam", f"role/{name}", region="")]

    def _by_account(
        self, sid: str, services: Sequence[str], actions: Sequence[str]
    ) -> iam.PolicyStatement:
        """Whom this account's IAM lets, by way of a service."""
        return _use(sid, self._root, actions, {"StringEquals": self._via(*services)})

    def _grants(self, sid: str, services: Sequence[str]) -> iam.PolicyStatement:
        """Services that keep a grant of their own for what they store."""
        return _use(
            f"{sid}Grants",
            self._root,
            _GRANT,
            {"StringEquals": self._via(*services), **_FOR_SERVICES},
        )

    def _by_service(self, sid: str, service: str, resource: str) -> iam.PolicyStatement:
        """A service, on behalf of this environment's resources only."""
        region = "" if service == "budgets" else None  # budgets belong to no region
        return _use(
            sid,
            iam.ServicePrincipal(f"{service}.amazonaws.com"),
            _READ_AND_WRITE,
            {
                "StringEquals": {"aws:SourceAccount": self.account},
                "ArnLike": {"aws:SourceArn": self.arn(service, resource, region=region)},
            },
        )

    def _logs(self) -> iam.PolicyStatement:
        deployment = self.deployment
        groups = [
            f"/aws/lambda/{deployment.name('*')}",
            f"/aws/vendedlogs/states/{deployment.name('*')}",
            f"/aws/redshift/{deployment.workgroup}/*",
            deployment.shared("*"),
        ]
        return _use(
            "Logs",
            iam.ServicePrincipal(f"logs.{self.region}.amazonaws.com"),
            _ALL_USES,
            {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        self.arn("logs", f"log-group:{group}") for group in groups
                    ]
                }
            },
        )

    def _environments(self) -> iam.PolicyStatement:
        """Lambda decrypts a function's environment as the function's role."""
        pattern = self.deployment.name("*")
        return _use(
            "Environments",
            iam.AnyPrincipal(),
            ("kms:Decrypt",),
            {
                "StringEquals": {"kms:CallerAccount": self.account},
                "ArnLike": {
                    "aws:PrincipalArn": self.arn("iam", f"role/{pattern}", region=""),
                    "kms:EncryptionContext:aws:lambda:FunctionArn": self.arn(
                        "lambda", f"function:{pattern}"
                    ),
                },
            },
        )

    def _via(self, *services: str) -> dict[str, Any]:
        """The callers of this account that came by way of these services."""
        names = [
            service if "." in service else f"{service}.{self.region}.amazonaws.com"
            for service in services
        ]
        return {
            "kms:CallerAccount": self.account,
            "kms:ViaService": names[0] if len(names) == 1 else names,
        }


def _use(
    sid: str, principal: iam.IPrincipal, actions: Sequence[str], when: Mapping[str, Any]
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid, principals=[principal], actions=[*actions], resources=["*"], conditions=when
    )
