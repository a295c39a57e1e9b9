"""Keys: which one a warehouse is kept under, and whom a key's own policy lets use it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from moto.cloudformation.models import cloudformation_backends
from moto.kms.models import kms_backends

from local.account.identity import ACCOUNT_ID, PARTITION, REGION
from local.account.policies import Call, allows, as_list

_ROOT = f"arn:{PARTITION}:iam::{ACCOUNT_ID}:root"


def of_warehouse(workgroup: str) -> str | None:
    """The ARN of the key that the data of a deployed workgroup is under; None if it is AWS's."""
    deployed = [
        resource.attributes
        for stack in list(cloudformation_backends[ACCOUNT_ID][REGION].stacks.values())
        for resource in list(stack.resource_map._parsed_resources.values())
        if hasattr(resource, "attributes")
    ]
    namespaces = [
        found["Workgroup.NamespaceName"]
        for found in deployed
        if found.get("Workgroup.WorkgroupName") == workgroup
    ]
    return next(
        (
            found["Namespace.KmsKeyId"]
            for found in deployed
            if found.get("Namespace.NamespaceName") in namespaces
        ),
        None,
    )


def lets(call: Call, identity: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a key's policy lets its caller use it; `identity` counts where it leaves it to IAM.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    """
    key = kms_backends[ACCOUNT_ID][REGION].keys.get(call.resource.rpartition("/")[2])
    if key is None:
        return False
    statements = as_list(json.loads(key.policy)["Statement"])
    left_to_iam = [each for each in statements if each["Principal"] == {"AWS": _ROOT}]
    named = [each for each in statements if each["Principal"] in ("*", {"AWS": "*"})]
    return allows(named, call) or (allows(left_to_iam, call) and allows(identity, call))
