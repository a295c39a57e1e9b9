"""Granted and exercised permissions, compared both ways: `python -m tools.identities`.

Accounts started with SLUICE_RECORD_CALLS note what their roles may do and did. This runs the tests
of identities, the main job and the demo so, merges the notes, and writes build/iam.json.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rich.console import Console

from local.account.permissions import RECORD_VARIABLE
from local.account.policies import Call, applies, as_list

ROOT = Path(__file__).parents[1]
EXCEPTIONS = Path(__file__).with_name("identity_exceptions.json")
SCENARIOS = ("tests/integration/test_identities.py",)
EVERYTHING = ("tests/integration",)
RECORD = ROOT / "build" / "iam.json"
_OURS = "sluice-"
_COMPARED = ("app.py", "config", "lambdas", "local", "stacks", "tools/identity_exceptions.json")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Grant:
    """One action a role may do on one pattern of resources."""

    role: str
    action: str
    resource: str
    condition: str = "{}"  # as JSON, so that grants can be counted

    @property
    def statement(self) -> dict[str, Any]:
        """The grant as a policy would say it."""
        return {
            "Effect": "Allow",
            "Action": self.action,
            "Resource": self.resource,
            "Condition": json.loads(self.condition),
        }

    def admits(self, role: str, call: Call) -> bool:
        """Whether this grant lets the role make the call."""
        return role == self.role and applies(self.statement, call)

    def __str__(self) -> str:
        return f"{self.role}: {self.action} on {self.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One call a role made."""

    role: str
    call: Call

    def __str__(self) -> str:
        return f"{self.role}: {self.call.action} on {self.call.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """Grants nothing exercises here, why they are needed, and the test that says so."""

    role: str
    actions: tuple[str, ...]
    reason: str
    test: str

    def covers(self, grant: Grant) -> bool:
        """Whether a grant is one of these; roles are named as in the environment `local`."""
        return grant.role == self.role and grant.action in self.actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Grants that some environments have beyond `local`, where no account can exercise them."""

    environments: tuple[str, ...]
    roles: tuple[str, ...]  # without the environment, as in `sluice-<environment>-<role>`
    actions: tuple[str, ...]
    resource: str
    reason: str
    test: str

    def grants(self) -> Iterator[Grant]:
        """Each of them; roles are named as in the environment `local`."""
        for role in self.roles:
            for action in self.actions:
                yield Grant(role=f"sluice-local-{role}", action=action, resource=self.resource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is granted and what was exercised; equal sets leave both lists empty."""

    granted: int
    exercised: int
    granted_not_exercised: tuple[str, ...]
    exercised_not_granted: tuple[str, ...]
    exempt: int
    stale_exemptions: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether neither set has what the other lacks, and every exemption is needed."""
        return not (
            self.granted_not_exercised or self.exercised_not_granted or self.stale_exemptions
        )

    def summary(self) -> str:
        """The counts, and whether the sets are equal."""
        equal = "the sets are equal" if self.is_equal else "THE SETS DIFFER"
        return (
            f"{self.granted} grants, {self.exercised} exercised, {self.exempt} exempt"
            f" (tools/{EXCEPTIONS.name}); {equal}"
        )

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(
            granted=document["granted"],
            exercised=document["exercised"],
            granted_not_exercised=tuple(document["granted_not_exercised"]),
            exercised_not_granted=tuple(document["exercised_not_granted"]),
            exempt=document["exempt"],
            stale_exemptions=tuple(document["stale_exemptions"]),
        )

    def to_json(self) -> dict[str, Any]:
        """The document build/iam.json holds, but for its fingerprint."""
        return {
            "granted": self.granted,
            "exercised": self.exercised,
            "granted_not_exercised": list(self.granted_not_exercised),
            "exercised_not_granted": list(self.exercised_not_granted),
            "exempt": self.exempt,
            "stale_exemptions": list(self.stale_exemptions),
        }


def read_notes(folder: Path) -> tuple[set[Grant], list[Made]]:
    """The grants and calls of Sluice's roles in every file of notes."""
    grants: set[Grant] = set()
    made: list[Made] = []
    for path in sorted(folder.glob("*.jsonl")):
        for text in path.read_text().splitlines():
            line = json.loads(text)
            if not line["role"].startswith(_OURS):
                continue
            if "statement" in line:
                grants.update(grants_of(line["role"], line["statement"]))
            else:
                call = Call(
                    action=line["action"], resource=line["resource"], context=line["context"]
                )
                made.append(Made(role=line["role"], call=call))
    return grants, made


def grants_of(role: str, statement: Mapping[str, Any]) -> Iterator[Grant]:
    """Every pair of action and resource that a statement allows."""
    if statement["Effect"] != "Allow":
        return
    condition = json.dumps(statement.get("Condition") or {}, sort_keys=True)
    for action in as_list(statement["Action"]):
        for resource in as_list(statement["Resource"]):
            yield Grant(role=role, action=action, resource=resource, condition=condition)


def compare(
    grants: Iterable[Grant], made: Sequence[Made], exemptions: Sequence[Exemption] = ()
) -> Comparison:
    """Match every grant with the calls, and every call with the grants."""
    ordered = sorted(grants)
    by_action: dict[tuple[str, str], list[Grant]] = {}
    for grant in ordered:
        by_action.setdefault((grant.role, grant.action.lower()), []).append(grant)
    wildcards = [grant for grant in ordered if "*" in grant.action]
    used: set[Grant] = set()
    refused: set[str] = set()
    for each in made:
        candidates = by_action.get((each.role, each.call.action.lower()), []) + wildcards
        admitting = {grant for grant in candidates if grant.admits(each.role, each.call)}
        used |= admitting
        if not admitting:
            refused.add(str(each))
    unused = [grant for grant in ordered if grant not in used]
    exempt = [grant for grant in unused if any(e.covers(grant) for e in exemptions)]
    stale = [
        f"{exemption.role}: {action}"
        for exemption in exemptions
        for action in exemption.actions
        if not any(g.role == exemption.role and g.action == action for g in exempt)
    ]
    return Comparison(
        granted=len(ordered),
        exercised=len(used),
        granted_not_exercised=tuple(str(grant) for grant in unused if grant not in exempt),
        exercised_not_granted=tuple(sorted(refused)),
        exempt=len(exempt),
        stale_exemptions=tuple(stale),
    )


def load_exemptions(path: Path = EXCEPTIONS) -> tuple[Exemption, ...]:
    """The grants that nothing exercises on an emulated account, each with its reason."""
    return tuple(
        Exemption(**{**entry, "actions": tuple(entry["actions"])})
        for entry in json.loads(path.read_text())["unexercised"]
    )


def load_additions(path: Path = EXCEPTIONS) -> tuple[Addition, ...]:
    """The grants that dev, staging or prod have and `local` has not, each with its reason."""
    lists = ("environments", "roles", "actions")
    return tuple(
        Addition(**{**entry, **{name: tuple(entry[name]) for name in lists}})
        for entry in json.loads(path.read_text())["beyond_local"]
    )


def check_notes(folder: Path) -> Comparison:
    """Compare what a folder of notes holds, as check-infra does."""
    grants, made = read_notes(folder)
    if not grants or not made:
        raise FileNotFoundError(f"{folder} holds no notes of an account; was {RECORD_VARIABLE} set")
    return compare(grants, made, load_exemptions())


def record(folder: Path, tests: Sequence[str], *, demo: bool) -> None:
    """Run tests, and the demo if wanted, on accounts that note their calls into a folder."""
    env = {**os.environ, RECORD_VARIABLE: str(folder)}
    commands = [["-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]]
    if demo:
        commands.append(["-m", "tools.demo"])
    for command in commands:
        subprocess.run([sys.executable, *command], cwd=ROOT, env=env, check=True)  # noqa: S603 -- ourselves


def fingerprint() -> str:
    """A hash of what grants, what asks, and the scenarios: a comparison holds until it changes."""
    digest = hashlib.sha256()
    for path in (ROOT / each for each in (*_COMPARED, *SCENARIOS)):
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def write(comparison: Comparison, path: Path = RECORD) -> None:
    """Write the figures as data, and what they were taken of."""
    path.parent.mkdir(exist_ok=True)
    document = comparison.to_json() | {"fingerprint": fingerprint()}
    path.write_text(json.dumps(document, indent=2) + "\n")


def recorded(path: Path = RECORD) -> Comparison | None:
    """The last comparison, if all that was compared is as it was then."""
    if not path.is_file():
        return None
    document = json.loads(path.read_text())
    return Comparison.from_json(document) if document["fingerprint"] == fingerprint() else None


def run(*, everything: bool = False) -> Comparison:
    """Record, compare and write build/iam.json; the scenarios alone take half a minute."""
    with tempfile.TemporaryDirectory(prefix="sluice-calls-") as folder:
        record(Path(folder), EVERYTHING if everything else SCENARIOS, demo=everything)
        comparison = check_notes(Path(folder))
    write(comparison)
    return comparison


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the differences; 1 if there are any."""
    parser = argparse.ArgumentParser(prog="tools.identities", description=main.__doc__)
    parser.add_argument("--all", action="store_true", help="all integration tests and the demo")
    parser.add_argument("--notes", type=Path, help="compare these notes, run nothing")
    options = parser.parse_args(arguments)
    if options.notes:
        comparison = check_notes(options.notes)
        write(comparison)
    else:
        comparison = run(everything=options.all)
    console = Console(soft_wrap=True)
    for name, lines in comparison.to_json().items():
        if isinstance(lines, list):
            for line in lines:
                console.print(f"{name}: {line}", highlight=False)
    console.print(comparison.summary())
    return 0 if comparison.is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
