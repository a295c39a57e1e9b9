"""Whether a role may do what it asks for: its policies decide, and every call can be noted."""

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from moto.iam.models import Role, iam_backends

from local.account import keys
from local.account.identity import ACCOUNT_ID, PARTITION
from local.account.policies import Call, Delivery, admits, allows, as_list

RECORD_VARIABLE = "SLUICE_RECORD_CALLS"
"""Names a folder; each account then adds a file of what its roles may do and did."""


_DEPLOYING = "cdk-"
"""The roles that `cdk bootstrap` makes and its command line takes: people, deploying."""


class AccessDeniedError(Exception):
    """No policy of a role allows a call it made; the message is worded as IAM's."""

    def __init__(self, role: str, call: Call) -> None:
        super().__init__(
            f"User: arn:{PARTITION}:sts::{ACCOUNT_ID}:assumed-role/{role} is not authorized to"
            f" perform: {call.action} on resource: {call.resource} because no"
            f" {'resource' if call.action.startswith('kms:') else 'identity'}-based"
            f" policy allows the {call.action} action"
        )


class Permissions:
    """Decides about the calls of roles; people are administrators of their emulated account."""

    def __init__(self, notes: "Notes | None" = None) -> None:
        self._notes = notes

    def demand(self, principal: str, calls: Iterable[Call]) -> None:
        """Raise AccessDeniedError at the first call a role may not make."""
        for call in calls:
            if not self.allowed(principal, call):
                raise AccessDeniedError(_role_name(principal), call)

    def allowed(self, principal: str, call: Call) -> bool:
        """Whether a principal (`role/<name>`, a role's ARN, or `user/<name>`) may make a call."""
        if principal.startswith("user/") or _role_name(principal).startswith(_DEPLOYING):
            return True
        role = _role(_role_name(principal))
        if role is None:
            return False
        complete = Call(
            action=call.action,
            resource=call.resource,
            context=_context_of(role) | dict(call.context),
        )
        if complete.action.startswith("kms:"):  # no grant of the role's, so nothing to note
            return keys.lets(complete, _statements(role))
        allowed = allows(_statements(role), complete)
        if self._notes is not None:
            self._notes.call(role.name, complete, allowed=allowed)
        return allowed


def trusts(role_arn: str, service: str, *, source_arn: str) -> bool:
    """Whether a role's own policy lets a service take it on behalf of something of the account."""
    role = _role(_role_name(role_arn))
    taking = Delivery(
        service=service,
        action="sts:AssumeRole",
        resource=role_arn,
        source_arn=source_arn,
        source_account=ACCOUNT_ID,
    )
    return role is not None and admits(_parsed(role.assume_role_policy_document), taking)


class Notes:
    """A file of JSON lines: every statement roles have, and every different call they made."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = (folder / f"{os.getpid()}-{uuid4().hex[:8]}.jsonl").open("a")
        self._seen: set[tuple[str, str, str, bool]] = set()
        self._lock = threading.Lock()

    @classmethod
    def asked_for(cls, environ: Mapping[str, str]) -> "Notes | None":
        """Notes in the folder that SLUICE_RECORD_CALLS names; None if it is not set."""
        folder = environ.get(RECORD_VARIABLE)
        return cls(Path(folder)) if folder else None

    def grants(self) -> None:
        """Write what every role may do now."""
        for role in list(iam_backends[ACCOUNT_ID][PARTITION].roles.values()):
            for statement in _statements(role):
                self._write({"role": role.name, "statement": statement})

    def call(self, role: str, call: Call, *, allowed: bool) -> None:
        """Write a call, unless the same was written before."""
        with self._lock:
            what = (role, call.action, call.resource, allowed)
            if what in self._seen:
                return
            self._seen.add(what)
        self._write(
            {
                "role": role,
                "action": call.action,
                "resource": call.resource,
                "context": dict(call.context),
                "allowed": allowed,
            }
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        with self._lock:
            if not self._file.closed:  # a function may outlive its account by a moment
                self._file.write(json.dumps(line, sort_keys=True) + "\n")
                self._file.flush()  # accounts are killed, too


def _role_name(principal: str) -> str:
    return principal.rsplit("/", 1)[-1]


def _role(name: str) -> Role | None:
    roles = iam_backends[ACCOUNT_ID][PARTITION].roles
    return next((role for role in list(roles.values()) if role.name == name), None)


def _context_of(role: Role) -> dict[str, str]:
    """The condition keys every call of a role has; a statement's owner is who asks about it.

    The Data API itself answers that it knows no such statement to anybody but its owner.
    """
    return {
        "aws:userid": role.id,
        "aws:principalarn": role.arn,
        "aws:principalaccount": ACCOUNT_ID,
        "aws:securetransport": "true",
        "redshift-data:statement-owner-iam-userid": role.id,
    }


def _statements(role: Role) -> Iterator[dict[str, Any]]:
    for document in list(role.policies.values()):
        yield from _parsed(document if isinstance(document, str) else json.dumps(document))
    for policy in list(role.managed_policies.values()):
        current = next(v for v in policy.versions if v.version_id == policy.default_version_id)
        yield from _parsed(str(current.document))


@lru_cache(maxsize=256)
def _parsed(document: str) -> tuple[dict[str, Any], ...]:
    return tuple(as_list(json.loads(document).get("Statement")))
