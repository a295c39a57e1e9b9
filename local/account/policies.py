"""What a policy's statements allow: actions, resources, conditions, as IAM matches them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any


class UnknownPolicyElementError(Exception):
    """A policy uses an element or operator the emulated account cannot judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One action on one resource; `context` holds the condition keys, in lower case."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One call an AWS service makes on the account's behalf."""

    service: str
    action: str
    resource: str
    source_arn: str
    source_account: str

    @property
    def call(self) -> Call:
        """The call with the condition keys of a service's; services call over TLS."""
        context = {
            "aws:sourcearn": self.source_arn,
            "aws:sourceaccount": self.source_account,
            "aws:securetransport": "true",
        }
        return Call(action=self.action, resource=self.resource, context=context)


def admits(statements: Iterable[Mapping[str, Any]], delivery: Delivery) -> bool:
    """Whether a resource's policy allows a service's call."""
    return _decide((s for s in statements if _names(s, delivery.service)), delivery.call)


def allows(statements: Iterable[Mapping[str, Any]], call: Call) -> bool:
    """Whether an identity's policies allow its call."""
    return _decide(statements, call)


def applies(statement: Mapping[str, Any], call: Call) -> bool:
    """Whether a statement, allowing or denying, is about this call."""
    if unknown := sorted({"NotAction", "NotResource", "NotPrincipal"} & statement.keys()):
        raise UnknownPolicyElementError(
            f"{unknown[0]}: name what is meant, or teach local/account/policies.py this element"
        )
    return (
        any(matches(p.lower(), call.action.lower()) for p in as_list(statement["Action"]))
        and any(
            matches(_filled(p, call.context), call.resource)
            for p in as_list(statement.get("Resource", "*"))
        )
        and _holds(statement.get("Condition") or {}, call.context)
    )


def matches(pattern: str, text: str) -> bool:
    """Whether text matches a pattern in which `*` stands for any characters, `?` for any one."""
    return _compiled(pattern).fullmatch(text) is not None


def as_list(value: Any) -> list[Any]:
    """A policy writes a list of one without its brackets."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _decide(statements: Iterable[Mapping[str, Any]], call: Call) -> bool:
    """An explicit Deny wins, silence is a no."""
    effects = {s["Effect"] for s in statements if applies(s, call)}
    return "Allow" in effects and "Deny" not in effects


def _names(statement: Mapping[str, Any], service: str) -> bool:
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        services = as_list(principal.get("Service"))
        return any(matches(p, service) for p in services) or "*" in as_list(principal.get("AWS"))
    return bool(principal == "*")


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def _filled(text: str, context: Mapping[str, str]) -> str:
    """Policy variables, as in `${aws:userid}`; one without a value matches nothing."""
    return re.sub(r"\$\{([^}]+)\}", lambda m: context.get(m[1].lower(), "\0"), text)


def _equal(expected: str, actual: str) -> bool:
    return expected == actual


def _equal_ignoring_case(expected: str, actual: str) -> bool:
    return expected.lower() == actual.lower()


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": _equal_ignoring_case,
    "StringLike": matches,
    "ArnEquals": matches,  # AWS: ArnEquals and ArnLike behave identically
    "ArnLike": matches,
    "Bool": _equal_ignoring_case,
}


def _holds(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    return all(
        _test(operator, [_filled(str(each), context) for each in as_list(expected)], actual)
        for operator, keys in conditions.items()
        for key, expected in keys.items()
        for actual in [context.get(key.lower())]
    )


def _test(operator: str, expected: list[str], actual: str | None) -> bool:
    """One key of a condition; a key that the call lacks fails, or passes with IfExists and Not."""
    base, lenient = operator.removesuffix("IfExists"), operator.endswith("IfExists")
    if base == "Null":
        return all((actual is None) == (each.lower() == "true") for each in expected)
    # the account's calls have one value for a key: for any and for all of it are the same
    base = base.removeprefix("ForAnyValue:").removeprefix("ForAllValues:")
    positive = base.replace("Not", "", 1)
    if positive not in _OPERATORS:
        raise UnknownPolicyElementError(
            f"condition operator {operator}: use one of {', '.join(_OPERATORS)},"
            " or teach local/account/policies.py this one"
        )
    negated = positive != base
    if actual is None:
        return lenient or negated or operator.startswith("ForAllValues:")
    return any(_OPERATORS[positive](each, actual) for each in expected) is not negated
