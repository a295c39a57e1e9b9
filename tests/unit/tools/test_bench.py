"""The bench at a tiny scale: its figures have their shape, and all ways give the same tables."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from tests.unit.warehouse.dialect.postgres import running_postgres
from tools.bench import __main__ as bench
from tools.bench.contenders import ByHand
from tools.bench.data import Dataset, datasets
from tools.bench.race import UnequalTablesError, compare, figures, race

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with running_postgres() as dsn:
        yield dsn


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return datasets(0.001, tmp_path_factory.mktemp("data"))[0]


def test_every_way_is_timed_and_holds_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "_DATA", tmp_path)

    result = bench.run(0.001, 1, QUIET)

    for name in ("orders", "lineitem"):
        for stage in ("first", "delta"):
            assert set(result[name][stage]) == {"raw_s", "sluice_s", "dlt_s", "bare_s"}
            assert all(seconds > 0 for seconds in result[name][stage].values())
            assert result["ratios"][name][stage]["to_raw"] > 0
    assert result["inference"]["gets"] == 1
    assert 0 < result["inference"]["bytes"] <= 64 * 1024
    assert result["run"]["postgres"]["synchronous_commit"] == "on"


def test_the_ratios_are_those_of_the_medians(orders: Dataset) -> None:
    seconds = {"raw": [1.0, 9.0, 2.0], "sluice": [3.0, 3.0, 8.0], "dlt": [6.0, 5.0, 6.0]}
    times = {
        (orders.name, stage, name): values
        for stage in ("first", "delta")
        for name, values in seconds.items()
    }

    result = figures([orders], times)

    assert result["orders"]["delta"] == {"raw_s": 2.0, "sluice_s": 3.0, "dlt_s": 6.0}
    assert result["ratios"]["orders"]["delta"] == {"to_raw": 1.5, "to_dlt": 0.5}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE b.orders SET o_clerk = o_clerk || '!' WHERE o_orderkey = 1",
        "DELETE FROM b.orders WHERE o_orderkey = 1",
    ],
)
def test_tables_that_differ_in_any_value_are_no_figures(
    dsn: str, orders: Dataset, damage: str
) -> None:
    both = [ByHand(dsn, name="a"), ByHand(dsn, name="b")]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS a CASCADE; DROP SCHEMA IF EXISTS b CASCADE")
    race(orders, both, dsn, {}, QUIET)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(damage)  # type: ignore[arg-type] # the two texts above

    with pytest.raises(UnequalTablesError, match="the tables differ"):
        compare(orders, "delta", both, dsn)


def test_a_delta_changes_a_tenth_and_adds_a_tenth(dsn: str, orders: Dataset) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS c CASCADE")
    race(orders, [ByHand(dsn, name="c")], dsn, {}, QUIET)

    with psycopg.connect(dsn) as connection:
        changed = connection.execute(
            "SELECT count(*) FILTER (WHERE o_comment LIKE '% changed' AND o_orderkey < 1000000000),"
            " count(*) FILTER (WHERE o_orderkey >= 1000000000) FROM c.orders"
        ).fetchone()
    assert changed == (150, 150)
