"""The templates of one environment as one: resources of all stacks, references across them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPLETE = "complete"
"""An environment that is never deployed: `complete.json` says all that a deployment may say."""

REPORT = "validation-report.json"  # what plugins of a synthesis found, beside the templates

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of one stack."""

    stack: str
    logical_id: str
    kind: str
    properties: Properties

    @property
    def name(self) -> str:
        """`<stack>/<logical id>`."""
        return f"{self.stack}/{self.logical_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """All stacks of an environment, by name."""

    stacks: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, assembly: Path) -> "Templates":
        """The templates of a cloud assembly."""
        suffix = ".template.json"
        return cls(
            stacks={
                path.name.removesuffix(suffix): json.loads(path.read_text("utf-8"))
                for path in sorted(assembly.glob(f"*{suffix}"))
            }
        )

    def resources(self, *kinds: str) -> Iterator[Resource]:
        """The resources of these types."""
        for stack, template in self.stacks.items():
            for logical_id, body in template["Resources"].items():
                if body["Type"] in kinds:
                    yield Resource(
                        stack=stack,
                        logical_id=logical_id,
                        kind=body["Type"],
                        properties=body.get("Properties", {}),
                    )

    def named(self, stack: str, reference: Any) -> Resource | None:
        """The resource a value refers to: in its stack, or by a parameter another stack wrote."""
        if not isinstance(reference, dict):
            return None
        ((_, value),) = reference.items()
        logical_id = value[0] if isinstance(value, list) else value
        template = self.stacks[stack]
        if body := template["Resources"].get(logical_id):
            return Resource(
                stack=stack,
                logical_id=logical_id,
                kind=body["Type"],
                properties=body.get("Properties", {}),
            )
        shared = template.get("Parameters", {}).get(logical_id, {}).get("Default")
        for parameter in self.resources("AWS::SSM::Parameter"):
            if shared and parameter.properties["Name"] == shared:
                return self.named(parameter.stack, parameter.properties["Value"])
        return None


def statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy."""
    found: list[dict[str, Any]] = as_list(document["Statement"])
    return found


def as_list(value: Any) -> list[Any]:
    """IAM writes one thing without its list."""
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A value as text, with what only AWS knows as `${...}`."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(text(part) for part in argument[1])
    if function == "Fn::GetAtt":
        return "${" + ".".join(argument) + "}"
    return "${" + str(argument) + "}"


def condition_keys(statement: Mapping[str, Any]) -> set[str]:
    """The keys a statement's conditions are about."""
    return {key for tests in statement.get("Condition", {}).values() for key in tests}


def services(statement: Mapping[str, Any]) -> list[str]:
    """The services a statement is about."""
    principal = statement.get("Principal")
    return (
        as_list(principal["Service"])
        if isinstance(principal, dict) and "Service" in principal
        else []
    )
