"""The questions to a real account, asked of the emulated one: so they can be asked at all."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.running import ROOT, Account, running_account

pytestmark = pytest.mark.emulated
NOT_ASKED = {"life of a token", "session user"}  # the one takes hours, the other a role's login
OTHER_ROLE = "arn:aws:iam::123456789012:role/sluice-local-upsert"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verify") / "home"


@pytest.fixture(scope="module")
def account(home: Path) -> Iterator[Account]:
    with running_account(home) as account:
        yield account


def verified(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.verify_on_aws", *arguments],
        cwd=ROOT,
        env=os.environ | {"SLUICE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def document(account: Account, home: Path) -> dict[str, Any]:
    options = ("--upload", "--other-role-arn", OTHER_ROLE, "--json")
    done = verified(home, "--environment", "local", "--yes", *options)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_question_has_the_answer_that_sluice_relies_on(document: dict[str, Any]) -> None:
    answers = {each["check"]: each for each in document["checks"]}

    assert {name for name, each in answers.items() if each["holds"] is None} == NOT_ASKED
    assert [each for each in answers.values() if each["holds"] is False] == []


def test_every_question_says_what_another_answer_means(document: dict[str, Any]) -> None:
    for each in document["checks"]:
        assert each["expected"]
        assert each["otherwise"]


def test_nothing_is_left_behind(account: Account, document: dict[str, Any]) -> None:
    schemas = account.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sluice_verify%'")

    assert document["checks"]
    assert schemas == []
    assert [key for key in account.keys("") if "sluice_verify" in key] == []


def test_a_token_of_an_earlier_run_is_asked_about(
    account: Account, document: dict[str, Any], home: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "verified.json"
    earlier.write_text(json.dumps(document))
    options = ("--only", "life of a token", "--earlier", str(earlier), "--json")

    done = verified(home, "--environment", "local", "--yes", *options)

    (answer,) = json.loads(done.stdout)["checks"]
    assert answer["holds"] is True, answer


def test_nothing_is_done_without_a_yes_or_without_an_environment(home: Path) -> None:
    without_yes = verified(home, "--environment", "local")
    without_environment = verified(home, "--yes")

    assert without_yes.returncode == without_environment.returncode == 2
    assert "Say --yes" in without_yes.stdout
    assert "--environment" in without_environment.stderr


def test_help_shows_an_example_and_says_what_it_costs(home: Path) -> None:
    told = " ".join(verified(home, "--help").stdout.split())

    assert "python -m tools.verify_on_aws --environment dev --yes --json" in told
    assert "bills by the second" in told
