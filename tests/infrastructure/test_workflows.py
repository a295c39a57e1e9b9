"""The workflows: linted, pinned, and their commands run, but for what needs GitHub or AWS."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.constructs.packaging import ROOT
from tools.cdk import NODE

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.yml"))

NOT_HERE = {
    "make install": "takes minutes; this suite runs in what it installs",
    "make -C base install": "the same, for the target branch",
    "make check": "a minute of type checks, and a check of its own",
    "make test": "is this suite",
    "make check-infra": "a check of its own, of up to two minutes",
    'gh pr comment "$NUMBER" --edit-last --create-if-none --body-file comment.md': "needs GitHub",
    "npx cdk deploy --app staging --all --require-approval never --no-notices --ci": (
        "needs AWS; `make deploy-local` deploys with the same command line"
    ),
    "npx cdk diff --app prod --method=template --no-notices --ci 2>&1"
    ' | tee -a "$GITHUB_STEP_SUMMARY"': (
        "needs AWS; `make diff` compares with the same command line"
    ),
    "npx cdk deploy --app prod --all --require-approval never --no-notices --ci": "needs AWS",
}
"""Commands that cannot run here, or should not, and why."""


def load(name: str) -> dict[str, Any]:
    """A workflow; YAML 1.1 takes the key `on` for true."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(name)["jobs"]
    return found


def steps(name: str, job: str | None = None) -> Iterator[dict[str, Any]]:
    for noun, each in jobs(name).items():
        if job in (None, noun):
            yield from each.get("steps", [])


def commands() -> set[str]:
    """Every `run:` of every workflow."""
    return {step["run"].strip() for name in WORKFLOWS for step in steps(name) if "run" in step}


def command(start: str) -> str:
    (found,) = (each for each in commands() if each.startswith(start))
    return found


# --- as they are written


def test_there_is_a_workflow_that_builds_and_one_that_deploys() -> None:
    assert WORKFLOWS == ["build.yml", "deploy.yml"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_by_its_commit_and_says_which_release_that_is(name: str) -> None:
    used = re.findall(r"^ +(?:- )?uses: (.*)$", (FOLDER / name).read_text(), re.M)
    assert used
    for each in used:
        if not each.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


@pytest.mark.parametrize("name", WORKFLOWS)
def test_an_action_is_the_same_commit_wherever_it_is_used(name: str) -> None:
    everywhere = {
        tuple(step["uses"].split("@")) for w in WORKFLOWS for step in steps(w) if "uses" in step
    }
    assert len(everywhere) == len({action for action, _ in everywhere})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_job_has_the_permissions_it_names_and_no_others(name: str) -> None:
    assert load(name)["permissions"] == {}
    for job in jobs(name).values():
        writes = {k for k, v in job["permissions"].items() if v == "write"}
        assert writes <= {"id-token", "pull-requests"}


def test_only_jobs_of_a_protected_environment_may_ask_for_credentials() -> None:
    asking = {
        name: job["environment"]
        for workflow in WORKFLOWS
        for name, job in jobs(workflow).items()
        if "id-token" in job["permissions"]
    }
    assert asking == {"staging": "staging", "plan": "prod-plan", "prod": "prod"}


def test_nothing_of_a_pull_request_runs_where_a_token_writes() -> None:
    for name in WORKFLOWS:
        for job in jobs(name).values():
            if "write" in job["permissions"].values():
                used = " ".join(step.get("uses", "") for step in job["steps"])
                assert "actions/checkout" not in used


def test_prod_comes_after_staging_and_after_somebody_could_read_what_changes() -> None:
    needs = {name: job.get("needs") for name, job in jobs("deploy.yml").items()}
    assert needs == {
        "build": None,
        "package": "build",
        "staging": "package",
        "plan": "staging",
        "prod": "plan",
    }


def test_no_expression_is_pasted_into_a_script() -> None:
    assert [each for each in commands() if "${{" in each] == []


# --- their commands


def test_every_command_runs_here_or_has_a_reason() -> None:
    starts = [start for start, _, _ in RUN_HERE]
    run = {each for each in commands() if any(each.startswith(start) for start in starts)}
    assert commands() - run == set(NOT_HERE)


RUN_HERE: list[tuple[str, str, Mapping[str, str]]] = [
    ("make secrets", "", {}),
    ("make workflows", "", {}),
    ("make sbom", "build/sbom.json", {}),
    ("for each in $ENVIRONMENTS; do make synth", "build/cdk.out/manifest.json", {}),
    ("git worktree add base", "base/app.py", {"BASE": "HEAD~1"}),
    ("make diff BASE=base", "build/comment.md", {"ENVIRONMENT": "local"}),
    ("for each in $ENVIRONMENTS; do\n", "build/local/manifest.json", {}),
    ("cp package.json", "build/package-lock.json", {}),
    ("npm ci", "build/node_modules/.bin/cdk", {}),
]
"""How a command starts, the file it leaves, and what it is told; in their order."""


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script as the workflow does, for the environment that needs no layers."""
    ours = ("AWS_", "SLUICE_", "VIRTUAL_ENV", "MAKE")
    environ = {n: value for n, value in os.environ.items() if not n.startswith(ours)}
    environ["PATH"] = os.pathsep.join([str(_tools(folder)), environ["PATH"]])
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**environ, "ENVIRONMENTS": "local", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def _tools(folder: Path) -> Path:
    """A folder of node and npm, which a runner of GitHub has installed."""
    tools = folder / ".git" / "tools"
    tools.mkdir(exist_ok=True, parents=True)
    node, npm = NODE / "bin" / "node", NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for name, line in (("node", f'"{node}"'), ("npm", f'"{node}" "{npm}"')):
        (tools / name).write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        (tools / name).chmod(0o755)
    return tools


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git knows of the project, with a commit before it, and this run's environment."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    limits = folder / "config" / "environments" / "local.json"
    now = limits.read_text()
    limits.write_text(now.replace('"timeout_seconds": 20', '"timeout_seconds": 19'))
    assert limits.read_text() != now
    _commit(folder, "init -q", "before")
    limits.write_text(now)
    _commit(folder, "add -A", "now")
    venv = folder / ".venv"
    venv.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".installed":
            (venv / part.name).symlink_to(part)
    (venv / ".installed").touch()
    return folder


def _commit(folder: Path, first: str, message: str) -> None:
    who = "-c user.name=test -c user.email=test@example.com -c commit.gpgsign=false"
    done = shell(f"git {first} && git add -A && git {who} commit -qm {message}", folder)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and whether it left its file."""

    code: int
    printed: str
    left: bool


@pytest.fixture(scope="module")
def outcomes(checkout: Path) -> dict[str, Outcome]:
    """Every command that runs here, run once, in the order of the workflows."""
    outcomes = {}
    for start, leaves, variables in RUN_HERE:
        folder = checkout / "build" if start == "npm ci" else checkout
        done = shell(command(start), folder, **variables)
        left = (checkout / leaves).exists()
        outcomes[start] = Outcome(done.returncode, done.stdout + done.stderr, left)
    return outcomes


def reached(outcome: Outcome) -> Outcome:
    """The outcome, unless it is that nothing can be downloaded."""
    if re.search(r"ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN", outcome.printed):
        pytest.skip("npm's registry cannot be reached from here")
    return outcome


@pytest.mark.parametrize("start", [start for start, _, _ in RUN_HERE])
def test_the_command_runs(outcomes: dict[str, Outcome], start: str) -> None:
    outcome = reached(outcomes[start])
    assert outcome.code == 0, outcome.printed
    assert outcome.left


@pytest.mark.parametrize("target", sorted(c for c in NOT_HERE if re.fullmatch(r"make [\w-]+", c)))
def test_the_target_of_a_command_that_is_not_run_exists(checkout: Path, target: str) -> None:
    done = shell(f"{target} --dry-run", checkout)
    assert done.returncode == 0, done.stderr


def test_the_comment_shows_what_the_change_does(
    checkout: Path, outcomes: dict[str, Outcome]
) -> None:
    reached(outcomes["make diff BASE=base"])
    text = (checkout / "build" / "comment.md").read_text()
    assert "- `sluice-local-pipeline`: changed" in text
    assert re.search(r"\[-\] 19\s.*\[\+\] 20", text, re.S)
    assert "sluice-local-storage" not in text


def test_a_secret_is_found(checkout: Path) -> None:
    key = "AKIA" + "QYLPMN5HFIQR7XYZ"  # in two parts, so that this file is not found
    (checkout / "leaked.py").write_text(f'KEY = "{key}"\n')
    try:
        assert shell("git add leaked.py", checkout).returncode == 0
        done = shell(command("make secrets"), checkout)
    finally:
        shell("git rm -qf leaked.py", checkout)
    assert done.returncode != 0
    assert "AWS Access Key" in done.stdout + done.stderr


def test_an_action_that_is_not_pinned_is_found(checkout: Path) -> None:
    workflow = checkout / ".github" / "workflows" / "build.yml"
    pinned = workflow.read_text()
    workflow.write_text(re.sub(r"actions/checkout@\S+ # v\S+", "actions/checkout@v7", pinned))
    try:
        done = shell(command("make workflows"), checkout)
    finally:
        workflow.write_text(pinned)
    assert done.returncode != 0
    assert "unpinned-uses" in done.stdout + done.stderr


def test_the_bill_of_materials_has_everything_that_is_deployed_with_its_hashes(
    checkout: Path, outcomes: dict[str, Outcome]
) -> None:
    assert outcomes["make sbom"].code == 0
    bill = yaml.safe_load((checkout / "build" / "sbom.json").read_text())  # JSON is YAML
    lock = (ROOT / "requirements.txt").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.M))
    assert bill["bomFormat"] == "CycloneDX"
    assert {c["name"]: c["version"] for c in bill["components"]} == locked
    for component in bill["components"]:
        assert component["externalReferences"][0]["hashes"]
