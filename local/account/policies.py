"""Whether a resource policy admits an AWS service: what EventBridge asks before it delivers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One call an AWS service makes on the account's behalf."""

    service: str
    action: str
    resource: str
    source_arn: str
    source_account: str

    def context(self) -> dict[str, str]:
        """The condition keys of the call, in lower case; services call over TLS."""
        return {
            "aws:sourcearn": self.source_arn,
            "aws:sourceaccount": self.source_account,
            "aws:securetransport": "true",
        }


def admits(statements: Iterable[Mapping[str, Any]], delivery: Delivery) -> bool:
    """Whether a policy's statements allow the call; an explicit Deny wins, silence is a no."""
    effects = {s["Effect"] for s in statements if _applies(s, delivery)}
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Mapping[str, Any], delivery: Delivery) -> bool:
    return (
        _names(statement.get("Principal"), delivery.service)
        and _matches(statement.get("Action"), delivery.action, ignore_case=True)
        and _matches(statement.get("Resource", "*"), delivery.resource)
        and _holds(statement.get("Condition") or {}, delivery.context())
    )


def _names(principal: Any, service: str) -> bool:
    if isinstance(principal, Mapping):
        return _matches(principal.get("Service"), service) or "*" in _as_list(principal.get("AWS"))
    return bool(principal == "*")


def _matches(patterns: Any, value: str, *, ignore_case: bool = False) -> bool:
    if ignore_case:
        value = value.lower()
        patterns = [pattern.lower() for pattern in _as_list(patterns)]
    return any(fnmatchcase(value, _literal_brackets(p)) for p in _as_list(patterns))


def _literal_brackets(pattern: str) -> str:
    return pattern.replace("[", "[[]")  # IAM knows only * and ?


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _equal(expected: str, actual: str) -> bool:
    return expected == actual


def _like(expected: str, actual: str) -> bool:
    return _matches(expected, actual)


def _bool(expected: Any, actual: str) -> bool:
    return str(expected).lower() == actual


_OPERATORS: dict[str, Callable[[Any, str], bool]] = {
    "StringEquals": _equal,
    "StringLike": _like,
    "ArnEquals": _like,  # AWS: ArnEquals and ArnLike behave identically
    "ArnLike": _like,
    "Bool": _bool,
}


class UnknownConditionError(Exception):
    """A policy uses a condition operator the emulated account cannot judge."""


def _holds(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    for operator, keys in conditions.items():
        if operator not in _OPERATORS:
            raise UnknownConditionError(
                f"condition operator {operator}: use one of {', '.join(_OPERATORS)},"
                " or teach local/account/policies.py this one"
            )
        test = _OPERATORS[operator]
        for key, expected in keys.items():
            actual = context.get(key.lower())
            if actual is None or not any(test(e, actual) for e in _as_list(expected)):
                return False
    return True
