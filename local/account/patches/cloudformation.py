"""CloudFormation: templates read, ordered, updated, refused and deleted as by AWS."""

import json
import re
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult
from moto.logs.models import LogGroup

from local.account import deletion
from local.account.patches.patch import Parts, Replacement, replaces


@replaces(
    Stack,
    "parse_template",
    because="JSON is read as YAML, which takes 1e3 for a text and hundreds of times as long",
)
def _parse_template(original: Any, _account: Parts) -> Replacement:
    def parse_template(template: str) -> Any:
        try:
            return json.loads(template)
        except ValueError:
            return original.__func__(template)

    return staticmethod(parse_template)


@replaces(
    LogGroup,
    "get_cfn_attribute",
    because="the ARN of a log group lacks the :* it ends in, so no grant on it covers its streams",
)
def _log_group_arn(original: Any, _account: Parts) -> Replacement:
    def get_cfn_attribute(group: LogGroup, attribute_name: str) -> str:
        value = str(original(group, attribute_name))
        return f"{value}:*" if attribute_name == "Arn" else value

    return get_cfn_attribute


@replaces(
    parsing,
    "parse_resource",
    because="a resource type moto lacks is skipped with a warning",
)
def _refuse_unknown(original: Any, _account: Parts) -> Replacement:
    def parse_resource(resource_json: dict[str, Any], resources_map: Any) -> Any:
        kind = resource_json["Type"]
        if not kind.startswith("Custom::") and kind not in parsing.get_model_map():
            raise ValidationError(
                message=f"resource type {kind} is not emulated; add it to local/account/resources"
            )
        return original(resource_json, resources_map)

    return parse_resource


@replaces(
    parsing.ResourceMap,
    "__getitem__",
    because="DependsOn is ignored when another resource refers to the dependent one",
)
def _in_order(original: Any, _account: Parts) -> Replacement:
    def getitem(resources: parsing.ResourceMap, name: str) -> Any:
        template = resources._resource_json_map.get(name)
        if template is not None and name not in resources._parsed_resources:
            wanted = template.get("DependsOn", [])
            for dependency in [wanted] if isinstance(wanted, str) else wanted:
                resources[dependency]
        return original(resources, name)

    return getitem


@replaces(
    CloudFormationBackend,
    "_resolve_update_parameters",
    because="an update cannot keep the value of a parameter that had its default",
)
def _keep_defaults(original: Any, _account: Parts) -> Replacement:
    def resolve(backend: Any, instance: Any, incoming_params: list[dict[str, Any]]) -> Any:
        given = [
            parameter
            for parameter in incoming_params
            if "ParameterValue" in parameter or parameter["ParameterKey"] in instance.parameters
        ]
        return original(backend, instance, given)

    return resolve


@replaces(
    parsing.ResourceMap,
    "delete",
    because="it deletes what is kept except on creation, and what is used before its user",
)
def _delete_in_order(_original: Any, _account: Parts) -> Replacement:
    return deletion.delete_resources


@replaces(
    CloudFormationBackend,
    "delete_stack",
    because="termination protection does not hold, and a stack that cannot be deleted is forgotten",
)
def _delete_stack(original: Any, _account: Parts) -> Replacement:
    def delete_stack(backend: CloudFormationBackend, name_or_stack_id: str) -> None:
        deletion.delete_stack(backend, name_or_stack_id, original)

    return delete_stack


@replaces(
    CloudFormationResponse,
    "update_termination_protection",
    because="the operation is missing",
)
def _protect(_original: Any, _account: Parts) -> Replacement:
    def update_termination_protection(response: CloudFormationResponse) -> ActionResult:
        name = response._get_param("StackName")
        stack = deletion.find(response.cloudformation_backend.stacks, name)
        if stack is None:
            raise ValidationError(message=f"Stack [{name}] does not exist")
        stack.enable_termination_protection = response._get_param("EnableTerminationProtection")
        return ActionResult({"StackId": stack.stack_id})

    return update_termination_protection


@replaces(
    parsing,
    "parse_and_create_resource",
    because="a failure names neither the resource nor its type",
)
def _name_failures(original: Any, _account: Parts) -> Replacement:
    def create(logical_id: str, resource_json: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return original(logical_id, resource_json, *args, **kwargs)
        except Exception as error:
            reason = getattr(error, "message", None) or str(error) or type(error).__name__
            if re.match(r"\w+ \(\w+::", reason):
                raise  # a dependency failed, and is named already
            raise ValidationError(
                message=f"{logical_id} ({resource_json['Type']}): {reason}"
            ) from error

    return create
