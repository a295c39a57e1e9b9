"""What holds the architecture together, checked where nothing else would notice."""

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.job import json_schema
from lambdas.shared.domain import errors

MACHINES = [json.loads(path.read_text()) for path in Path("stacks").glob("*.asl.json")]


def test_the_committed_schema_of_the_jobs_is_the_models() -> None:
    assert json.loads(Path("config/job.schema.json").read_text()) == json_schema()


def test_who_may_import_whom() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([linter, "--no-cache"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("machine", MACHINES)
def test_every_error_a_state_machine_names_exists(machine: object) -> None:
    named = set(re.findall(r'"([A-Za-z.]+)"', " ".join(map(json.dumps, _retried(machine)))))
    ours = {name for name in named if "." not in name}
    assert ours
    known = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    assert ours <= known


@pytest.mark.parametrize("machine", MACHINES)
def test_a_state_machine_tries_every_transient_error_again(machine: object) -> None:
    transient = {kind.__name__ for kind in errors.TransientError.__subclasses__()}
    named = set(re.findall(r"\w+", " ".join(map(json.dumps, _retried(machine)))))
    assert transient <= named


@pytest.mark.parametrize("machine", MACHINES)
def test_all_that_try_again_wait_for_a_random_part_of_their_time(machine: object) -> None:
    retries = list(_retries(machine))
    assert retries
    assert {retry.get("JitterStrategy") for retry in retries} == {"FULL"}


def test_the_tree_of_errors_is_drawn_whole() -> None:
    drawn = set(re.findall(r"\w+Error\b", errors.__doc__ or ""))
    known = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.SluiceError)
    }
    assert drawn == known


def test_sql_is_written_where_it_belongs() -> None:
    statement = re.compile(r'"(INSERT INTO|DELETE FROM|CREATE TABLE|ALTER TABLE|LOCK) ')
    allowed = {"upsert_sql.py", "migrations.py"}
    strays = {
        path.name
        for path in Path("lambdas").rglob("*.py")
        if statement.search(path.read_text()) and path.name not in allowed
    }
    assert strays == set()


def _retried(machine: object) -> list[object]:
    return [retry["ErrorEquals"] for retry in _retries(machine)]


def _retries(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield from node.get("Retry", [])
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in inner:
        yield from _retries(each)
