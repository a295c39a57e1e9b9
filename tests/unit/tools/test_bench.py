"""The bench at a tiny scale: its figures have their shape, and all ways give the same tables."""

from pathlib import Path

import pytest
from rich.console import Console

from tools.bench import __main__ as bench


def test_all_three_ways_are_timed_and_hold_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "_DATA", tmp_path)

    result = bench.run(0.001, 1, Console(quiet=True))

    for name in ("orders", "lineitem"):
        for stage in ("first", "delta"):
            assert set(result[name][stage]) == {"raw_s", "sluice_s", "dlt_s"}
            assert all(seconds > 0 for seconds in result[name][stage].values())
            assert result["ratios"][name][stage]["to_raw"] > 0
    assert result["inference"]["gets"] == 1
    assert 0 < result["inference"]["bytes"] <= 64 * 1024


def test_ways_that_differ_are_no_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "_DATA", tmp_path)
    monkeypatch.setattr(bench, "_checksum", lambda _dsn, table, _data: (table,))

    with pytest.raises(RuntimeError, match="the tables differ"):
        bench.run(0.001, 1, Console(quiet=True))
