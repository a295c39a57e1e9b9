"""Every correction of moto, a module a service: what it does wrong, and what takes its place.

`tests/integration/account/test_patches.py` shows each misbehaviour on unpatched moto; when moto
mends one, its test fails and the correction goes.
"""

import sys
from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.asl.utils import boto_client

from local.account import machine
from local.account.patches import cloudformation, delivery, dynamodb, s3, stepfunctions
from local.account.patches.patch import PATCHES, Parts

__all__ = ["PATCHES", "Parts", "install"]

_SERVICES = (s3, dynamodb, delivery, stepfunctions, cloudformation)
"""Importing a module registers its patches."""


def install(account: Parts) -> Callable[[], None]:
    """Apply every patch; returns what undoes them. One account a process: moto is global."""
    originals = [(patch, patch.original()) for patch in PATCHES]
    for patch, original in originals:
        patch.put(patch.make(original, account))
    undo_clients = _replace_imported(
        boto_client.boto_client_for, machine.client_factory(account.endpoint_url)
    )

    def undo() -> None:
        undo_clients()
        for patch, original in reversed(originals):
            patch.restore(original)

    return undo


def _replace_imported(function: Any, replacement: Any) -> Callable[[], None]:
    """Replace a function in every module of moto's interpreter that imported it by name.

    moto's own makes a client for each call, with credentials that name nobody.
    """
    modules = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("moto.stepfunctions")
        and getattr(module, function.__name__, None) is function
    ]
    for module in modules:
        setattr(module, function.__name__, replacement)

    def undo() -> None:
        for module in modules:
            setattr(module, function.__name__, function)

    return undo
