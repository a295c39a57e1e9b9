"""A mutant whose text is no longer in the product would prove nothing; `make mutants` runs them."""

from pathlib import Path

import pytest

from tests.faults.mutants import MUTANTS, Mutant, plant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_has_its_place_and_is_python(mutant: Mutant, tmp_path: Path) -> None:
    plant(mutant, tmp_path)

    for file, _, new in mutant.changes:
        text = (tmp_path / "lambdas" / file).read_text()
        compile(text, file, "exec")
        assert new in text
