"""A stack of one environment, and the names and ARNs of what its neighbours own."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from config.deployment import Deployment, Key

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
        self.release_machine_arn = self.arn("states", f"stateMachine:{deployment.release_machine}")
        self.release_executions_arn = self.arn(
            "states", f"execution:{deployment.release_machine}:*"
        )
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

    def share(self, construct_id: str, noun: str, value: str) -> None:
        """Tell other stacks what AWS named for this one: by parameter, which locks no update."""
        ssm.StringParameter(
            self, construct_id, parameter_name=self.deployment.shared(noun), string_value=value
        )

    def told(self, noun: str) -> str:
        """What another stack shared; read anew by each deployment."""
        return ssm.StringParameter.value_for_string_parameter(self, self.deployment.shared(noun))

    def key(self, noun: Key) -> kms.IKey:
        """One of the keys; its own policy says who may use it."""
        construct_id = f"{noun.title()}Key"
        if existing := self.node.try_find_child(construct_id):
            return existing  # type: ignore[return-value]  # the tree forgets the type it was given
        return kms.Key.from_key_arn(self, construct_id, self.told(f"keys/{noun}"))

    def subnets(self) -> list[str] | None:
        """The network's private subnets; None in an environment without a network."""
        network = self.deployment.network
        if network is None:
            return None
        return [self.told(f"network/subnet-{number + 1}") for number in range(len(network.zones))]

    def output(self, name: str, value: str) -> None:
        """An output under exactly this name: how people and the command line find things."""
        cdk.CfnOutput(self, name, value=value)

    def log(self, construct_id: str, name: str) -> logs.LogGroup:
        """A log group, kept as long as this environment keeps logs."""
        return logs.LogGroup(
            self,
            construct_id,
            log_group_name=name,
            encryption_key=self.key("operations"),
            retention=_LOG_RETENTION[self.deployment.retention.log_days],
            removal_policy=self.removal,
        )
