"""Policy as code: every own rule can fail, and every acknowledgement says why it is safe here."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import build
from stacks.constructs.app import SluiceApp
from tests.infrastructure.assembly import Assembly
from tools.policy.__main__ import ENVIRONMENTS, FIXTURES, failing_fixtures, left
from tools.policy.findings import Acknowledgement, Finding, judge, load_acknowledgements
from tools.policy.nag import load
from tools.policy.rules import RULES
from tools.policy.scanners import SCANS, own_findings
from tools.policy.templates import COMPLETE, Templates

ROOT = Path(__file__).parents[2]
_FIELDS = {"tools", "reason"}  # of an acknowledgement, in a table of the same page


@pytest.mark.parametrize("rule", RULES)
def test_a_template_made_to_break_a_rule_breaks_that_rule_alone(rule: str) -> None:
    template = json.loads((FIXTURES / f"{rule}.json").read_text())
    found = own_findings("fixture", Templates(stacks={"fixture": template}))
    assert {finding.rule for finding in found} == {rule}


def test_every_rule_has_its_fixture_and_every_fixture_its_rule() -> None:
    assert failing_fixtures() == {path.stem for path in FIXTURES.glob("*.json")} == RULES.keys()


def test_every_rule_is_explained() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) - _FIELDS == RULES.keys()


def test_the_complete_environment_says_all_that_one_may_say() -> None:
    def unsaid(fields: dict[str, Any]) -> list[str]:
        return [
            name
            for name, value in fields.items()
            if value in (None, [], {}) or (isinstance(value, dict) and unsaid(value))
        ]

    assert unsaid(load(COMPLETE).model_dump()) == []


def test_what_is_deployed_breaks_no_rule_of_ours(deployed: Assembly) -> None:
    found = own_findings(deployed.environment, Templates(stacks=deployed.templates))
    left = {(f.rule, f.resource) for f in found}
    # The emulated account has no network.
    allowed = {("warehouse-routing", "local/warehouse/Compute")}
    assert left <= (allowed if deployed.environment not in ENVIRONMENTS else set())


def test_what_could_be_deployed_breaks_no_rule_of_ours(tmp_path: Path) -> None:
    context = {"environment": COMPLETE, "aws:cdk:bundling-stacks": []}
    build(SluiceApp(outdir=tmp_path, context=context), load(COMPLETE)).synth()
    assert list(own_findings(COMPLETE, Templates.read(tmp_path))) == []


def test_every_acknowledgement_gives_a_reason_and_names_its_tools() -> None:
    tools = {tool for names in SCANS for tool in names}
    for each in load_acknowledgements():
        assert len(each.reason.split()) > 8
        assert set(each.tools) <= tools
        re.compile(each.rules)
        re.compile(each.resources)
        assert each.rules not in (".*", ".+")


def test_acknowledgements_name_their_resources() -> None:
    for each in load_acknowledgements():
        _, stack, logical_id = each.resources.split("/", 2)
        assert not {".*", ".+", "\\w+", "\\w*"} & {stack, logical_id}
        assert ".*" not in logical_id


def test_our_own_rules_are_never_acknowledged() -> None:
    assert not [each for each in load_acknowledgements() if "own-rules" in each.tools]


def test_a_finding_is_left_unless_its_rule_and_resource_are_acknowledged() -> None:
    known = Acknowledgement(tools=("t",), rules="R1", resources=".*/a", reason="because")
    found = [
        Finding(tool="t", rule="R1", resource="dev/a"),
        Finding(tool="t", rule="R1", resource="dev/ab"),
        Finding(tool="t", rule="R2", resource="dev/a"),
        Finding(tool="u", rule="R1", resource="dev/a"),
    ]
    verdict = judge(found, [known])
    assert verdict.acknowledged == {"t": 1}
    assert len(verdict.unacknowledged) == 3
    assert not verdict.passed


def test_an_acknowledgement_of_nothing_fails_the_check() -> None:
    known = Acknowledgement(tools=("t",), rules="R1", resources=".*", reason="because")
    assert not judge([], [known]).passed


def test_what_is_left_says_where_what_and_how_to_acknowledge_exactly_that() -> None:
    found = [
        Finding(tool="t", rule="R[a:B]", resource=f"{environment}/queues/Arrivals", message="bad")
        for environment in ("dev", "prod")
    ]
    headline, message, _, entry = left(judge(found, []))
    assert headline == "t R[a:B]: dev/queues/Arrivals, prod/queues/Arrivals"
    assert message.strip() == "bad"
    known = Acknowledgement(**json.loads(entry))
    assert judge(found, [known]).passed
    assert not known.covers(replace(found[0], resource="dev/queues/Arrivals2"))


def test_what_our_own_rules_find_can_only_be_mended() -> None:
    found = Finding(tool="own-rules", rule="anybody", resource="dev/a/B", message="bad")
    assert "never acknowledged" in "\n".join(left(judge([found], [])))


def test_the_scanners_are_pinned_with_hashes() -> None:
    lock = (ROOT / "requirements-scan.txt").read_text()
    entries = re.split(r"\n(?=\S+==)", lock.strip())
    assert {"checkov", "cloudsplaining", "parliament"} <= {e.split("==")[0] for e in entries}
    assert all("--hash=sha256:" in entry for entry in entries)
