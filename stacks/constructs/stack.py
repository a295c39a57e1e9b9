"""A stack of one environment, and the names and ARNs of what its neighbours own."""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from config.deployment import Deployment

_LOG_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
}


class SluiceStack(cdk.Stack):
    """A stack named after its noun; it refers to other stacks by name, never by export."""

    def __init__(self, scope: Construct, noun: str, deployment: Deployment) -> None:
        super().__init__(
            scope,
            deployment.name(noun),
            env=cdk.Environment(account=deployment.account, region=deployment.region),
            termination_protection=deployment.termination_protection,
            tags=deployment.tags,
        )
        self.deployment = deployment
        self.data_bucket = deployment.bucket(self.account)
        self.ledger_arn = self.arn("dynamodb", f"table/{deployment.ledger_table}")
        self.copy_role_arn = self.arn("iam", f"role/{deployment.copy_role}", region="")
        self.load_machine_arn = self.arn("states", f"stateMachine:{deployment.load_machine}")
        self.load_executions_arn = self.arn("states", f"execution:{deployment.load_machine}:*")

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """The ARN of a resource in this account, by its name."""
        region = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"

    def data(self, *keys: str) -> list[str]:
        """The ARNs of objects in the data bucket; of the bucket itself without keys."""
        bucket = f"arn:{self.partition}:s3:::{self.data_bucket}"
        return [f"{bucket}/{key}" for key in keys] or [bucket]

    @property
    def removal(self) -> cdk.RemovalPolicy:
        """What becomes of data when its stack goes; a first deployment that fails keeps nothing."""
        if self.deployment.removal_policy == "destroy":
            return cdk.RemovalPolicy.DESTROY
        return cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE

    def output(self, name: str, value: str) -> None:
        """An output under exactly this name: how people and the command line find things."""
        cdk.CfnOutput(self, name, value=value)

    def log(self, construct_id: str, name: str) -> logs.LogGroup:
        """A log group, kept as long as this environment keeps logs."""
        return logs.LogGroup(
            self,
            construct_id,
            log_group_name=name,
            retention=_LOG_RETENTION[self.deployment.retention.log_days],
            removal_policy=self.removal,
        )
