"""Bursts of small files: few loads, each file once, each table as it must be.

`Bench.play` compares the tables with what was uploaded, and the history with what was named.
"""

from collections.abc import Iterator

import pytest

from tools.bench import bursts
from tools.bench.burst import Bench, running

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("burst") / "home") as made:
        yield made


@pytest.mark.parametrize("burst", [bursts.distinct_keys(60), bursts.overlapping_keys(60)])
def test_a_burst_is_loaded_in_a_few_transactions_though_the_ledger_throttles(
    bench: Bench, burst: bursts.Burst
) -> None:
    figures = bench.play(burst)
    assert figures["executions"] <= 6
    assert figures["committed"] <= figures["transactions"] <= 8


def test_keys_that_repeat_without_an_order_load_in_chunks(bench: Bench) -> None:
    """Six at a time, once the load has found that keys repeat; files may come meanwhile."""
    figures = bench.play(bursts.without_order(18))
    assert 3 <= figures["committed"] <= 9


def test_a_batch_of_one_file_is_a_transaction_a_file(bench: Bench) -> None:
    assert bench.play(bursts.one_by_one(5))["committed"] == 5


def test_the_baseline_is_an_execution_and_a_transaction_a_file(bench: Bench) -> None:
    figures = bench.play(bursts.execution_per_file(5))
    assert figures["executions"] == figures["committed"] == 5


def test_tables_at_once_have_executions_of_their_own(bench: Bench) -> None:
    figures = bench.play(bursts.many_tables(6, 3))
    assert 6 <= figures["executions"] <= 2 * 6


def test_a_table_that_is_locked_keeps_no_other_from_loading(bench: Bench) -> None:
    """The other's files are waited for while the lock is held."""
    assert bench.play(bursts.beside_another(4, blocked=True))["tables"] == 2
