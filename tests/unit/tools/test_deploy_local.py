"""What `make deploy-local` takes for kept, and for gone."""

from dataclasses import replace

import pytest
from rich.console import Console

from tools.deploy_local import Claims, Data

HELD = Data(
    versions=frozenset({("data/raw/kept.csv", "v1")}),
    items=frozenset({"item"}),
    rows=frozenset({"1", "2"}),
    keys=frozenset({"key"}),
)


def test_data_that_grew_still_holds_what_was_there() -> None:
    grown = replace(HELD, versions=frozenset({*(HELD.versions or ()), ("another", "v1")}))
    assert grown.holds(HELD)
    assert HELD.holds(HELD)


@pytest.mark.parametrize("lost", ["versions", "items", "rows", "keys"])
def test_data_that_lost_anything_does_not(lost: str) -> None:
    assert not replace(HELD, **{lost: frozenset()}).holds(HELD)


@pytest.mark.parametrize("gone", ["versions", "items", "rows"])
def test_data_whose_store_is_gone_does_not(gone: str) -> None:
    assert not replace(HELD, **{gone: None}).holds(HELD)


def test_one_row_of_two_is_not_enough() -> None:
    assert not replace(HELD, rows=frozenset({"1"})).holds(HELD)


def test_a_claim_that_does_not_hold_is_noted_and_said() -> None:
    console = Console(record=True, width=120)
    claims = Claims(console=console)
    claims.check("dev", "keeps its rows", holds=False, detail="0 rows")
    assert claims.found == [
        {"environment": "dev", "claim": "keeps its rows", "holds": False, "detail": "0 rows"}
    ]
    assert "DOES NOT HOLD" in console.export_text()
