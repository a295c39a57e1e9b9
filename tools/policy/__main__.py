"""`make check-infra`: every scanner and our own rules; writes build/check-infra.json."""

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tools import identities
from tools.policy.findings import ACKNOWLEDGED, Finding, Verdict, judge, load_acknowledgements
from tools.policy.rules import RULES
from tools.policy.scanners import ROOT, SCANS, Assemblies, Scan, own_findings, synthesize
from tools.policy.templates import COMPLETE, Templates

ENVIRONMENTS = ("dev", "staging", "prod", COMPLETE)
"""What is deployed for real, and could be; `local` never leaves the emulated account."""

FIXTURES = ROOT / "tests" / "infrastructure" / "rules"
OUTPUT = ROOT / "build" / "check-infra.json"
_OF_IAM = ("granted", "exercised", "granted_not_exercised", "exercised_not_granted")


def main() -> int:
    """Scan, print what is left to look at, and write the counts; 1 if anything is left."""
    argparse.ArgumentParser(prog="tools.policy", description=__doc__).parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-policy-") as folder:
        findings = scan(synthesize(Path(folder), ENVIRONMENTS))
    verdict = judge(findings, load_acknowledgements())
    unfailing = RULES.keys() - failing_fixtures()
    permissions = identities.recorded() or identities.run()
    document: dict[str, Any] = {
        "tools": _counts(findings, verdict),
        "own_rules": {"rules": len(RULES), "with_failing_fixture": len(RULES) - len(unfailing)},
        "iam": {name: permissions.to_json()[name] for name in _OF_IAM},
    }
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for line in (*left(verdict), *(f"{rule}: no fixture fails it alone" for rule in unfailing)):
        console.print(line)
    console.print(_table(document["tools"]))
    console.print(
        f"own rules: {len(RULES)}, failed by a fixture: {len(RULES) - len(unfailing)}\n"
        f"permissions: {permissions.summary()}\n"
        f"{time.monotonic() - started:.0f} s"
    )
    return 0 if verdict.passed and not unfailing and permissions.is_equal else 1


def scan(assemblies: Assemblies) -> list[Finding]:
    """Every scan's findings; two scans at a time, each mostly a program of its own."""

    def findings_of(one: Scan) -> list[Finding]:
        return list(one(assemblies))

    with ThreadPoolExecutor(max_workers=2) as pool:
        return [finding for found in pool.map(findings_of, SCANS.values()) for finding in found]


def failing_fixtures() -> set[str]:
    """The own rules that complain about the template made to break them, and no other rule does."""
    failing = set()
    for path in sorted(FIXTURES.glob("*.json")):
        template = json.loads(path.read_text("utf-8"))
        found = {f.rule for f in own_findings("fixture", Templates(stacks={"fixture": template}))}
        if found == {path.stem}:
            failing.add(path.stem)
    return failing & RULES.keys()


def left(verdict: Verdict) -> Iterator[str]:
    """What nobody acknowledged: each rule once, with its resources, and how to go on."""
    by_rule: dict[tuple[str, str], list[Finding]] = {}
    for finding in verdict.unacknowledged:
        by_rule.setdefault((finding.tool, finding.rule), []).append(finding)
    for (tool, rule), findings in by_rule.items():
        places = sorted({finding.resource for finding in findings})
        yield f"{tool} {rule}: {', '.join(places)}"
        for message in sorted({finding.message for finding in findings}):
            yield f"    {message}"
        if tool == "own-rules":
            yield "    mend it: rules of our own are never acknowledged (docs/security.md)"
            continue
        entry = {
            "tools": [tool],
            "rules": re.escape(rule),
            "resources": "|".join(map(re.escape, places)),
            "reason": "",
        }
        yield f"    mend it, or say why it is safe in tools/policy/{ACKNOWLEDGED.name}:"
        yield f"    {json.dumps(entry)}"
    for each in verdict.unused:
        yield f"acknowledged, but no longer found: {each.rules} of {each.resources}"
        yield f"    delete the entry from tools/policy/{ACKNOWLEDGED.name}"


def _counts(findings: list[Finding], verdict: Verdict) -> dict[str, dict[str, int]]:
    found = Counter(finding.tool for finding in findings)
    left = Counter(finding.tool for finding in verdict.unacknowledged)
    return {
        tool: {
            "findings": found[tool],
            "acknowledged": verdict.acknowledged.get(tool, 0),
            "unacknowledged": left[tool],
        }
        for tools in SCANS
        for tool in tools
    }


def _table(counts: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table("tool", "findings", "acknowledged", "unacknowledged")
    for tool, of_tool in counts.items():
        table.add_row(tool, *(str(count) for count in of_tool.values()))
    return table


if __name__ == "__main__":
    sys.exit(main())
