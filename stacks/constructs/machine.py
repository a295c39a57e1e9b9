"""The one way to make a state machine: its own role, its log without data, its functions."""

from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn

from stacks.constructs.function import StepFunction
from stacks.constructs.policy import allow
from stacks.constructs.stack import SluiceStack

_DEFINITIONS = Path(__file__).parents[1]


class Machine(sfn.StateMachine):
    """The machine of `<noun>.asl.json`; each of its placeholders is a function's ARN."""

    def __init__(
        self, stack: SluiceStack, noun: str, *, name: str, functions: list[StepFunction]
    ) -> None:
        arns = {
            f"{function.step.title().replace('_', '')}FunctionArn": function.function_arn
            for function in functions
        }
        role = iam.Role(
            stack,
            f"{noun.title()}Role",
            role_name=name,
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnEquals": {"aws:SourceArn": stack.arn("states", f"stateMachine:{name}")},
                },
            ),
        )
        role.add_to_policy(allow("lambda:InvokeFunction", on=list(arns.values())))
        definition = (_DEFINITIONS / f"{noun}.asl.json").read_text()
        super().__init__(
            stack,
            noun.title(),
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_string(definition),
            definition_substitutions=arns,
            role=role,
            tracing_enabled=stack.deployment.tracing,
            logs=sfn.LogOptions(
                destination=stack.log(f"{noun.title()}Log", f"/aws/vendedlogs/states/{name}"),
                level=sfn.LogLevel.ALL,  # outlives the 90 days of an execution's own history
                include_execution_data=False,  # no file name or value leaves by the log
            ),
        )
