"""The one way to make an HTTP API: IAM asks who comes in, every request is noted."""

import json

from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_lambda as lambda_

from stacks.constructs.function import StepFunction
from stacks.constructs.stack import SluiceStack

_NOTED = {
    "requestId": "$context.requestId",
    "caller": "$context.identity.caller",
    "route": "$context.routeKey",
    "status": "$context.status",
    "error": "$context.error.message",
    "at": "$context.requestTime",
}
"""What is noted of a request: who, which route, how it ended; no path, query or body."""


class FunctionApi(gateway.CfnApi):
    """Routes to one function, each for whom IAM allows `execute-api:Invoke` on it."""

    def __init__(
        self, stack: SluiceStack, *, name: str, function: StepFunction, routes: list[str]
    ) -> None:
        super().__init__(
            stack,
            "Api",
            name=name,
            protocol_type="HTTP",
            description="Releases of stored procedures: ask for one, ask what became of it.",
        )
        integration = gateway.CfnIntegration(
            stack,
            "ApiIntegration",
            api_id=self.ref,
            integration_type="AWS_PROXY",
            integration_uri=function.function_arn,
            payload_format_version="2.0",
        )
        for route in routes:
            noun = "".join(part.title() for part in route.partition("/")[0].split())
            gateway.CfnRoute(
                stack,
                f"Api{noun}",
                api_id=self.ref,
                route_key=route,
                authorization_type="AWS_IAM",
                target=f"integrations/{integration.ref}",
            )
            method, _, path = route.partition(" ")
            lambda_.CfnPermission(
                stack,
                f"Api{noun}Permission",
                action="lambda:InvokeFunction",
                function_name=function.function_arn,
                principal="apigateway.amazonaws.com",
                source_arn=stack.arn("execute-api", f"{self.ref}/$default/{method}{path}"),
            )
        log = stack.log("ApiLog", stack.deployment.shared("release-api"))
        stage = gateway.CfnStage(
            stack,
            "ApiStage",
            api_id=self.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=gateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=json.dumps(_NOTED)
            ),
            default_route_settings=gateway.CfnStage.RouteSettingsProperty(
                throttling_burst_limit=20, throttling_rate_limit=10, detailed_metrics_enabled=True
            ),
        )
        stage.node.add_dependency(integration)
