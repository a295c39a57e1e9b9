"""The command line on one emulated account, and the documented commands run as written.

The account is started and ended as the README says, in a copy of the checkout.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from tests.interruptible import interruptible

pytestmark = pytest.mark.emulated
ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "docs/commands.md",
    "docs/onboarding.md",
    "docs/procedures.md",
    "docs/tools.md",
)
_RUNBOOK = "docs/operations.md"
_LOCALLY = 'export ENVIRONMENT=local; eval "$(./sluice local env)"'
_PATIENCE_SECONDS = 60
_OUTSIDE = {"make up", "make down", "./sluice local up --detach", "./sluice local down"}
_LEFT_OUT = (
    ".git",
    ".venv",
    ".venv-scan",
    ".sluice",
    "build",
    "cdk.out",
    "node_modules",
    "__pycache__",
    ".*_cache",
)


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository in which an account runs."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """A shell's variables, without any that lead to another account."""
        ours = ("AWS_", "SLUICE_", "VIRTUAL_ENV")
        return {n: value for n, value in os.environ.items() if not n.startswith(ours)}

    def bash(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run lines of shell in the checkout; the first that fails ends it."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def sluice(self, *arguments: str, code: Exit = Exit.OK) -> Any:
        """Run a command with --json; what it printed."""
        result = subprocess.run(
            ["./sluice", *arguments, "--json"],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert result.returncode == code, result.stdout + result.stderr
        return json.loads(result.stdout)

    def write(self, name: str, body: str) -> str:
        """A file to upload, in a folder of its own."""
        folder = self.folder / "files"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(body)
        return f"files/{name}"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    folder = tmp_path_factory.mktemp("checkout") / "sluice"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    _borrow_environment(folder / ".venv")
    made = Checkout(folder)
    started = made.bash("make up")
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        yield made
    finally:
        ended = made.bash("make down")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def _borrow_environment(venv: Path) -> None:
    """The virtual environment of this very test run, so that make finds nothing to install."""
    venv.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".installed":
            (venv / part.name).symlink_to(part)
    (venv / ".installed").touch()


def blocks(document: str) -> list[tuple[str, str]]:
    """The fenced blocks of a document: language and text."""
    return re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / document).read_text(), re.S | re.M)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_documented_commands_run_as_written(checkout: Checkout, document: str) -> None:
    """JSON in onboarding.md is an entry to add to config.json; the account is already up."""
    ran = 0
    for language, text in blocks(document):
        if language == "json":
            _add_job(checkout.folder / "config" / "config.json", json.loads(text))
        if language == "sh":
            lines = [line for line in text.splitlines() if line not in _OUTSIDE]
            result = checkout.bash("\n".join(lines))
            assert result.returncode == 0, f"{text}\n{result.stdout}{result.stderr}"
            ran += len(lines)
    assert ran >= 4


def test_the_commands_of_the_runbook_run_as_written(checkout: Checkout) -> None:
    """In the environment `local`; in blocks of bash, not of sh, is what a real account is for."""
    scripts = [text for language, text in blocks(_RUNBOOK) if language == "sh"]
    assert len(scripts) >= 8
    for text in scripts:
        result = checkout.bash(f"{_LOCALLY}\n{text}")
        assert result.returncode == 0, f"{text}\n{result.stdout}{result.stderr}"


def until(probe: Callable[[], Any]) -> Any:
    """The first answer of a probe that holds; fails after a while."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if found := probe():
            return found
        time.sleep(0.2)
    pytest.fail("nothing came of it in time")


def look(checkout: Checkout) -> Any:
    """The status of the customers."""
    return checkout.sluice("status", "--table", "customers", "--limit", "1000")


def _add_job(path: Path, entry: dict[str, Any]) -> None:
    jobs = json.loads(path.read_text())
    path.write_text(json.dumps([*jobs, entry], indent=2))


def test_files_end_as_their_jobs_say_and_the_exit_code_is_the_worst(checkout: Checkout) -> None:
    answer = checkout.sluice(
        "upload",
        checkout.write("customers.csv", "customer_id,name\n1,Ann\n2,Bob\n3,Cleo\n"),
        checkout.write("order_items_bad.parquet", "PAR1 cut off"),
        checkout.write("products.csv", "product_id\n1\n"),
        checkout.write("nobodys.csv", "a\n1\n"),
        code=Exit.REJECTED,
    )
    good, bad, waiting, unknown = answer["files"]
    assert (good["state"], good["table"], good["rows"]) == ("LOADED", "customers", 3)
    assert good["seconds"] > 0
    assert (bad["state"], bad["error"]["type"]) == ("REJECTED", "FormatError")
    assert waiting["state"] == "WAITING"
    assert unknown["moved_to"] == "data/new_files/nobodys.csv"
    assert len(answer["warnings"]) == 2
    fetch = f'eval "$(./sluice local env)" && .venv/bin/aws s3 cp {bad["error_json"]} -'
    body = until(lambda: checkout.bash(fetch).stdout)  # written just after the verdict
    assert json.loads(body)["error"] == bad["error"]


def test_a_large_file_in_parts_is_followed_by_its_version(checkout: Checkout) -> None:
    text = "x" * 1_000
    rows = "".join(f"{number},{text}\n" for number in range(18_000))
    path = checkout.write("customers.csv", f"customer_id,name\n{rows}")
    (found,) = checkout.sluice("upload", path, "--prefix", "large")["files"]
    assert found["etag"].endswith("-2")
    assert found["state"] == "LOADED"
    # nobody counts the rows of a file this large before COPY does: its load knows them
    until(lambda: 18_000 in [load["rows"] for load in look(checkout)["loads"]])


def test_what_was_uploaded_is_in_the_status_with_its_history(checkout: Checkout) -> None:
    path = checkout.write("customers.csv", "customer_id,name\n71,Ann\n")
    (uploaded,) = checkout.sluice("upload", path, "--prefix", "status")["files"]
    # a load is written down just after the verdicts on its files
    answer = until(lambda: (seen := look(checkout))["jobs"][0]["last_load"] and seen)
    (job,) = answer["jobs"]
    (file,) = [each for each in answer["files"] if each["file_id"] == uploaded["file_id"]]
    assert (file["state"], file["rows"]) == ("LOADED", 1)
    assert file["version_id"] == uploaded["version_id"]
    assert [load["table"] for load in answer["loads"][:1]] == ["public.customers"]
    assert job["last_load"]["state"] == "LOADED"
    assert job["history"]["files"]["LOADED"] >= 1
    assert answer["dead_letters"] == {"arrivals": 0, "events": 0, "releases": 0}
    assert answer["notes"] == []


def test_a_release_ends_with_the_exit_code_of_its_worst_call(checkout: Checkout) -> None:
    sql = (
        "CREATE OR REPLACE PROCEDURE well(n INT) AS $$ BEGIN NULL; END $$ LANGUAGE plpgsql",
        "CREATE OR REPLACE PROCEDURE badly() AS $$ BEGIN RAISE EXCEPTION 'no'; END $$"
        " LANGUAGE plpgsql",
        'GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA public TO "IAMR:sluice-local-run-procedures"',
    )
    made = checkout.bash(
        'eval "$(./sluice local env)" && .venv/bin/aws redshift-data batch-execute-statement'
        " --workgroup-name sluice-local --database dev --wait-time-seconds 30 --sqls "
        + " ".join(map(shlex.quote, sql))
    )
    assert '"FINISHED"' in made.stdout, made.stdout + made.stderr
    release = checkout.write("Rel71.txt", "well(1)\nbadly -- sluice: retry 1\nwell(2)\n")
    checkout.sluice("procedures", "check", release, "--environment", "local")
    found = checkout.sluice("procedures", "run", release, code=Exit.FAILED)
    assert [call["status"] for call in found["calls"]] == ["FINISHED", "FAILED", "FINISHED"]
    assert found["response"]["body"]["successful_procedures"] == 2
    stopped = checkout.write("Rel72.txt", "badly\nwell(3)\n")
    found = checkout.sluice("procedures", "run", stopped, "--on-error", "stop", code=Exit.FAILED)
    assert [call["status"] for call in found["calls"]] == ["FAILED", "SKIPPED"]
    missing = checkout.write("Rel73.txt", "well(1)\nnowhere()\n")
    answer = checkout.sluice(
        "procedures", "check", missing, "--environment", "local", code=Exit.BAD_INPUT
    )
    assert "line 2: there is no procedure nowhere" in answer["error"]["message"]
    checkout.sluice("procedures", "run", missing, code=Exit.BAD_INPUT)
    by_hand = checkout.sluice("procedures", "run", "--name", "well", "--parameter", "7")
    assert by_hand["calls"][0]["sql_executed"] == "CALL well(7);"


def test_status_does_not_wait_for_anybody_while_it_watches(checkout: Checkout) -> None:
    with subprocess.Popen(
        interruptible("./sluice", "status", "--watch", "--interval", "0.5", "--json"),
        cwd=checkout.folder,
        env=checkout.environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        looks = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
    assert watching.returncode == Exit.OK
    assert looks[0]["at"] < looks[1]["at"]
    assert all(job["history"] is None for job in looks[0]["jobs"])


def test_a_deployed_environment_that_is_not_there_is_unreachable(checkout: Checkout) -> None:
    script = 'eval "$(./sluice local env)"; ./sluice status -e staging --json'
    result = checkout.bash(script)
    assert result.returncode == Exit.UNREACHABLE
    assert "no stack sluice-staging-*" in json.loads(result.stdout)["error"]["message"]


def test_a_second_account_of_one_folder_is_refused(checkout: Checkout) -> None:
    result = checkout.bash("./sluice local up --detach")
    assert result.returncode == Exit.FAILED
    assert "sluice local down" in result.stderr
