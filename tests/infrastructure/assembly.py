"""A synthesized environment, and how to ask it things."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import build
from stacks.constructs.app import SluiceApp

ENVIRONMENTS = ("dev", "staging", "prod", "local")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of a template."""

    stack: str
    logical_id: str
    kind: str
    properties: dict[str, Any]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The templates of an environment, by noun, and the folder they were written to."""

    environment: str
    folder: Path
    templates: Mapping[str, dict[str, Any]]

    def resources(self, *kinds: str) -> Iterator[Resource]:
        """The resources of these types, or all."""
        for stack, template in self.templates.items():
            for logical_id, body in template["Resources"].items():
                if not kinds or body["Type"] in kinds:
                    yield Resource(
                        stack=stack,
                        logical_id=logical_id,
                        kind=body["Type"],
                        properties=body.get("Properties", {}),
                        body=body,
                    )

    def one(self, kind: str, logical_id_prefix: str = "") -> Resource:
        """The only resource of this type whose id starts so."""
        (found,) = (r for r in self.resources(kind) if r.logical_id.startswith(logical_id_prefix))
        return found

    def function(self, step: str) -> Resource:
        """A step's function."""
        return self.one("AWS::Lambda::Function", step.title().replace("_", ""))

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every statement that gives an identity a permission, with its policy's id."""
        for policy in self.resources("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            for statement in policy.properties["PolicyDocument"]["Statement"]:
                yield policy.logical_id, statement
        for role in self.resources("AWS::IAM::Role"):
            for policy in role.properties.get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield role.logical_id, statement


def synthesize(environment: str, folder: Path) -> Assembly:
    """Synthesize in this process; layers stay unbuilt, which changes no template."""
    context = {"environment": environment, "aws:cdk:bundling-stacks": []}
    assembly = build(SluiceApp(outdir=folder, context=context)).synth()
    return Assembly(
        environment=environment,
        folder=folder,
        templates={
            stack.stack_name.removeprefix(f"sluice-{environment}-"): stack.template
            for stack in assembly.stacks
        },
    )


def as_list(value: Any) -> list[Any]:
    """IAM writes one thing without its list."""
    return value if isinstance(value, list) else [value]


def target(reference: Any) -> str:
    """The logical id that a Ref or GetAtt names."""
    (value,) = reference.values()
    return str(value[0] if isinstance(value, list) else value)
