"""Lambda and Step Functions."""

import base64
import io
import json
import re
import zipfile
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.cloudformation.exceptions import ValidationError

from local.account.clients import Aws
from local.account.identity import ACCOUNT_ID, REGION
from local.account.resources.resource import (
    Created,
    Properties,
    Request,
    lower_camel,
    refuse_unknown,
    resource_type,
)


class Function(LambdaFunction):
    """`AWS::Lambda::Function`; moto forgets its layers, log group and more."""

    aws: Aws

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any
    ) -> LambdaFunction:
        """Create it with every property."""
        spec = _function_spec(resource_name, cloudformation_json["Properties"])
        function = lambda_backends[ACCOUNT_ID][REGION].create_function(spec)
        return _place_log(function, spec)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        *args: Any,
        **kwargs: Any,
    ) -> LambdaFunction:
        """Change its code and configuration."""
        spec = _function_spec(original_resource.function_name, cloudformation_json["Properties"])
        original_resource.update_configuration(spec)
        original_resource.update_function_code(spec["Code"])
        return _place_log(original_resource, spec)


_FUNCTION_PROPERTIES = {
    "FunctionName", "Handler", "Role", "Runtime", "Code", "Description", "MemorySize", "Timeout",
    "Environment", "Layers", "Architectures", "EphemeralStorage", "ReservedConcurrentExecutions",
    "TracingConfig", "LoggingConfig", "KmsKeyArn", "VpcConfig", "Tags",
}  # fmt: skip


def _function_spec(name: str, properties: Properties) -> Properties:
    refuse_unknown(properties, _FUNCTION_PROPERTIES)
    runtime = str(properties.get("Runtime"))
    if not runtime.startswith("python"):
        raise ValidationError(message=f"runtime {runtime} cannot run here: Python functions only")
    spec = {**properties, "FunctionName": name}
    spec["Tags"] = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    if "ZipFile" in spec["Code"]:
        spec["Code"] = {"ZipFile": _inline_code(spec["Code"]["ZipFile"])}
    return spec


def _inline_code(source: str) -> str:
    """A template's source text as the archive CloudFormation makes of it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("index.py", source)
    return base64.b64encode(archive.getvalue()).decode()


def _place_log(function: LambdaFunction, spec: Properties) -> LambdaFunction:
    if group := (spec.get("LoggingConfig") or {}).get("LogGroup"):
        function.logs_group_name = group
    return function


@resource_type("AWS::Lambda::Version")
def _version(request: Request) -> Created:
    version = request.aws("lambda").publish_version(FunctionName=request.properties["FunctionName"])
    arn, number = version["FunctionArn"], version["Version"]
    return Created(ref=arn, attributes={"FunctionArn": arn, "Version": number})


@resource_type("AWS::Lambda::Alias")
def _alias(request: Request) -> Created:
    properties = request.properties
    arguments = {name: properties[name] for name in ("FunctionName", "FunctionVersion", "Name")}
    client = request.aws("lambda")
    alias = (
        client.update_alias(**arguments)
        if request.existing is not None
        else client.create_alias(**arguments)
    )
    return Created(ref=alias["AliasArn"], attributes={"AliasArn": alias["AliasArn"]})


@resource_type("AWS::Lambda::EventInvokeConfig")
def _event_invoke_config(request: Request) -> Created:
    properties = {k: v for k, v in request.properties.items() if k != "Qualifier"}
    request.aws("lambda").put_function_event_invoke_config(**properties)
    return Created(ref=request.name)


@resource_type("AWS::StepFunctions::StateMachine", name="StateMachineName")
def _state_machine(request: Request) -> Created:
    properties = request.properties
    arguments: Properties = {
        "definition": _definition(request),
        "roleArn": properties["RoleArn"],
        "loggingConfiguration": lower_camel(
            properties.get("LoggingConfiguration", {"Level": "OFF"})
        ),
        "tracingConfiguration": lower_camel(properties.get("TracingConfiguration", {})),
    }
    client = request.aws("stepfunctions")
    if request.existing is None:
        kind = properties.get("StateMachineType", "STANDARD")
        arn = client.create_state_machine(name=request.name, type=kind, **arguments)[
            "stateMachineArn"
        ]
    else:
        arn = request.existing.ref
        client.update_state_machine(stateMachineArn=arn, **arguments)
    return Created(ref=arn, attributes={"Arn": arn, "Name": request.name})


def _definition(request: Request) -> str:
    properties = request.properties
    if "DefinitionString" in properties:
        text: str = properties["DefinitionString"]
    elif location := properties.get("DefinitionS3Location"):
        text = (
            request.aws("s3")
            .get_object(Bucket=location["Bucket"], Key=location["Key"])["Body"]
            .read()
            .decode()
        )
    else:
        text = json.dumps(properties["Definition"])
    substitutions = properties.get("DefinitionSubstitutions", {})
    return re.sub(r"\$\{([^}]+)\}", lambda m: str(substitutions.get(m[1], m[0])), text)
