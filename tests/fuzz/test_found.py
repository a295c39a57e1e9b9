"""What the fuzzer found stays found, and every input it starts from is no crash."""

from pathlib import Path

import pytest

from tests.fuzz.seeds import FOUND, seeds
from tests.fuzz.targets import TARGETS, planted


@pytest.mark.parametrize("path", sorted(FOUND.iterdir()), ids=lambda path: path.name)
def test_what_the_fuzzer_found_is_mended(path: Path) -> None:
    TARGETS[path.name.rsplit("-", 1)[0]](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_the_inputs_a_target_starts_from_are_no_crashes(name: str) -> None:
    inputs = list(seeds(name))
    assert len(inputs) > 1
    for each in inputs:
        TARGETS[name](each)


def test_the_planted_fault_is_one() -> None:
    with pytest.raises(ZeroDivisionError):
        planted(b"now")
