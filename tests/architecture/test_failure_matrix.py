"""Each line of the failure matrix in docs/reliability.md is held by something that exists."""

import re
from pathlib import Path

import pytest

from tests.faults.schedule import Fault

_PAGE = Path("docs/reliability.md").read_text()
_MATRIX = _PAGE.partition("## The failure matrix")[2].partition("\n## ")[0]
_ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in _MATRIX.splitlines()
    if line.startswith("| ")
][2:]
_CASES = "".join(path.read_text() for path in Path("tests/integration/bad_input").glob("*.py"))
_TESTS = {
    name
    for path in Path("tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
}
_FAULTS = {*Fault.AT_CALLS, *Fault.AT_STEPS, *Fault.SWEPT}


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row[0])
def test_a_failure_is_held_by_what_the_page_names(row: list[str]) -> None:
    _, naive, _, held_by = row
    names = re.findall(r"`([^`]+)`", held_by)

    assert re.fullmatch(r"[LDCS](, [LDCS])*", naive)
    assert names
    for name in names:
        assert _is_there(name), f"{name} is no test, no case and no fault"


def test_every_fault_of_the_schedules_is_in_the_matrix() -> None:
    named = set(re.findall(r"`--(\w+)`", _MATRIX))

    assert named <= _FAULTS
    assert _FAULTS - named == _OTHERS


_OTHERS = {
    "timeout",  # as throttling: the call is made again
    "sent_twice",  # as a lost answer
    "abort_transaction",  # as error 1023
    "sweep_early",
    "replay_file",
}
"""Faults that no line of the matrix is about."""


def _is_there(name: str) -> bool:
    if name.startswith("test_"):
        return name in _TESTS
    if name.startswith("--"):
        return name[2:] in _FAULTS
    return f'{name}"' in _CASES
