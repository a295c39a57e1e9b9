"""Permissions, written by hand: exactly these actions, exactly there."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_iam as iam

Conditions = Mapping[str, Mapping[str, Any]]


def allow(
    *actions: str, on: str | list[str], when: Conditions | None = None
) -> iam.PolicyStatement:
    """Let someone do these actions on these resources, under these conditions."""
    return iam.PolicyStatement(
        actions=list(actions), resources=[on] if isinstance(on, str) else on, conditions=when
    )
