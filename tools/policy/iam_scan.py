"""cloudsplaining and parliament: policies by name as JSON in, findings as JSON out.

Runs on the scanners' own virtual environment, so it imports nothing of this project.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import parliament
from cloudsplaining.scan.policy_document import PolicyDocument

_ASKED = (
    "allows_privilege_escalation",
    "allows_data_exfiltration_actions",
    "credentials_exposure",
    "infrastructure_modification",
    "permissions_management_without_constraints",
    "service_wildcard",
    "write_actions_without_constraints",
)


def main() -> None:
    """Read {name: policy}, print [[tool, rule, name, message], ...]."""
    policies: dict[str, dict[str, Any]] = json.load(sys.stdin)
    found = [
        finding
        for name, policy in policies.items()
        for finding in (*_cloudsplaining(name, policy), *_parliament(name, policy))
    ]
    json.dump(found, sys.stdout)


def _cloudsplaining(name: str, policy: dict[str, Any]) -> Iterator[list[str]]:
    document = PolicyDocument(policy)
    for question in _ASKED:
        for each in getattr(document, question):
            yield ["cloudsplaining", _rule(question, each), name, json.dumps(each)]


def _parliament(name: str, policy: dict[str, Any]) -> Iterator[list[str]]:
    analyzed = parliament.analyze_policy_string(json.dumps(policy), include_community_auditors=True)
    for found in analyzed.findings:
        for each in found.detail if isinstance(found.detail, list) else [found.detail]:
            about = each or found.location
            yield ["parliament", _rule(found.issue, about), name, str(about)]


def _rule(rule: str, detail: Any) -> str:
    """The rule with the action it is about, so that nobody acknowledges a policy as a whole."""
    actions = re.findall(r"\b[a-z0-9-]+:[A-Za-z]\w+", json.dumps(detail))
    return f"{rule}[{actions[-1]}]" if actions else rule


if __name__ == "__main__":
    main()
