"""The one way to make a function: its log, its role with nothing in it, and its settings."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from config.deployment import Step
from config.metrics import SERVICE_VARIABLE
from config.runtime import Settings
from stacks.constructs.code import architecture, dependency_layer, function_code
from stacks.constructs.policy import Conditions, allow
from stacks.constructs.stack import SluiceStack

_NETWORK_INTERFACES = (
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
)  # fmt: skip


class StepFunction(lambda_.Function):
    """The function of one step; it may write its own log, and do what `allow` adds.

    `layers` name what it depends on, `policies` what other stacks let it do. Without `inside` it
    is in no network, whatever the environment says.
    """

    def __init__(
        self,
        stack: SluiceStack,
        step: Step,
        *,
        settings: Settings,
        layers: tuple[str, ...] = ("dependencies",),
        policies: tuple[str, ...] = (),
        code: lambda_.Code | None = None,
        inside: bool = True,
    ) -> None:
        self.step: Step = step
        deployment = stack.deployment
        noun = step.title().replace("_", "")
        name = deployment.function(step)
        size = getattr(deployment.limits.functions, step)
        log = stack.log(f"{noun}Log", f"/aws/lambda/{name}")
        role = iam.Role(
            stack,
            f"{noun}Role",
            role_name=name,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_managed_policy_name(stack, policy, policy)
                for policy in policies
            ],
        )
        super().__init__(
            stack,
            noun,
            function_name=name,
            handler=f"lambdas.{step}.handler.handler",
            code=code or function_code(deployment),
            layers=[dependency_layer(stack, layer) for layer in layers]
            if deployment.dependencies == "layers"
            else [],
            runtime=lambda_.Runtime(deployment.runtime),
            architecture=architecture(deployment),
            memory_size=size.memory_mb,
            timeout=Duration.seconds(size.timeout_seconds),
            environment=settings.to_env() | {SERVICE_VARIABLE: f"sluice-{deployment.environment}"},
            environment_encryption=stack.key("operations"),
            log_group=log,
            role=role,
            tracing=lambda_.Tracing.ACTIVE if deployment.tracing else lambda_.Tracing.DISABLED,
        )
        if inside and deployment.network and deployment.network.functions_inside:
            self._enter_network(stack)
        self.allow("logs:CreateLogStream", "logs:PutLogEvents", on=log.log_group_arn)

    def allow(self, *actions: str, on: str | list[str], when: Conditions | None = None) -> None:
        """Let the function do exactly these actions on exactly these resources."""
        self.add_to_role_policy(allow(*actions, on=on, when=when))

    def _enter_network(self, stack: SluiceStack) -> None:
        resource: lambda_.CfnFunction = self.node.default_child  # type: ignore[assignment]  # it is
        resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=stack.subnets(), security_group_ids=[stack.told("network/functions")]
        )
        # Lambda makes network interfaces as the function's role; the function itself may not:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
        function = stack.arn("lambda", f"function:{stack.deployment.function(self.step)}")
        self.allow(*_NETWORK_INTERFACES, on="*")
        self.add_to_role_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=[*_NETWORK_INTERFACES],
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": function}},
            )
        )
