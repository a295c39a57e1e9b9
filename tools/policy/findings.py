"""What a tool found, and which findings somebody has looked at and found safe here."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACKNOWLEDGED = Path(__file__).with_name("acknowledged.json")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One complaint of one tool; `resource` is `<environment>/<stack's noun>/<logical id>`."""

    tool: str
    rule: str
    resource: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Findings that are safe here, and why; the patterns must match the whole text."""

    tools: tuple[str, ...]
    rules: str
    resources: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether this is about a finding."""
        return (
            finding.tool in self.tools
            and re.fullmatch(self.rules, finding.rule) is not None
            and re.fullmatch(self.resources, finding.resource) is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Findings apart: acknowledged or not; and acknowledgements of what nobody finds any more."""

    acknowledged: Mapping[str, int]
    unacknowledged: Sequence[Finding]
    unused: Sequence[Acknowledgement]

    @property
    def passed(self) -> bool:
        """Whether nothing is left to look at."""
        return not self.unacknowledged and not self.unused


def load_acknowledgements(path: Path = ACKNOWLEDGED) -> tuple[Acknowledgement, ...]:
    """The file of acknowledgements; `<name>` in a pattern of resources is a group of the file."""
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    groups: dict[str, str] = document["groups"]
    return tuple(
        Acknowledgement(
            tools=tuple(entry["tools"]),
            rules=entry["rules"],
            resources=re.sub(r"<(\w+)>", lambda m: f"({groups[m[1]]})", entry["resources"]),
            reason=entry["reason"],
        )
        for entry in document["acknowledged"]
    )


def judge(findings: Iterable[Finding], known: Sequence[Acknowledgement]) -> Verdict:
    """Hold findings against what is acknowledged."""
    acknowledged: dict[str, int] = {}
    left, used = [], set()
    for finding in sorted(findings):
        covering = [index for index, each in enumerate(known) if each.covers(finding)]
        if covering:
            used.update(covering)
            acknowledged[finding.tool] = acknowledged.get(finding.tool, 0) + 1
        else:
            left.append(finding)
    unused = [each for index, each in enumerate(known) if index not in used]
    return Verdict(acknowledged=acknowledged, unacknowledged=left, unused=unused)
