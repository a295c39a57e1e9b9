"""A resource type: a function from its properties to what was created.

Most are one call of the API. A type that neither moto nor this folder knows fails the deployment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.cloudformation.exceptions import UnformattedGetAttTemplateException, ValidationError
from moto.core.common_models import CloudFormationModel

from local.account.clients import Aws

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One resource to create or update."""

    name: str  # the template's, or a generated one
    properties: Properties
    aws: Aws
    existing: "Resource | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What `Ref` and `Fn::GetAtt` return."""

    ref: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Resource(CloudFormationModel):
    """A resource as moto's CloudFormation keeps it."""

    def __init__(self, created: Created) -> None:
        self.ref = created.ref
        self.attributes = created.attributes

    @property
    def physical_resource_id(self) -> str:
        """What `Ref` returns."""
        return self.ref

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Outputs are validated before the resource exists: `get_cfn_attribute` decides."""
        return True

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        """What `Fn::GetAtt` returns; unknown attributes fail the deployment."""
        if attribute_name not in self.attributes:
            raise UnformattedGetAttTemplateException
        return self.attributes[attribute_name]

    def delete(self, account_id: str, region_name: str) -> None:
        """Leave it: nothing in the account acts on it once its stack is gone."""


Create = Callable[[Request], Created]

TYPES: dict[str, tuple[str, Create]] = {}
"""By its name: the property that names a resource, and how one is created or updated."""


def resource_type(kind: str, *, name: str = "") -> Callable[[Create], Create]:
    """What the decorated function creates; `name` is the property that names it."""

    def register(create: Create) -> Create:
        TYPES[kind] = (name, create)
        return create

    return register


def refuse_unknown(properties: Mapping[str, Any], known: set[str]) -> None:
    """Fail the deployment of a property that nothing here acts on."""
    if unknown := sorted(set(properties) - known):
        raise ValidationError(
            message=f"the emulated account does not act on {', '.join(unknown)}; add it to"
            " local/account/resources"
        )


def lower_camel(value: Any) -> Any:
    """A template's property as the API spells it."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: lower_camel(item) for name, item in value.items()}
    if isinstance(value, list):
        return [lower_camel(item) for item in value]
    return value
