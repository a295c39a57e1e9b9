"""A few of the schedules that `make faults-account` plays through the whole emulated account."""

from collections.abc import Iterator

import pytest

from tests.faults.account import Player, player

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with player(tmp_path_factory.mktemp("faults") / "home") as made:
        yield made


@pytest.mark.parametrize("seed", [2, 3, 8])
def test_nothing_is_lost_doubled_stale_or_left_behind(played: Player, seed: int) -> None:
    outcome = played.play(seed)

    assert not outcome.violations, "\n".join([*outcome.told, *outcome.violations])
    assert outcome.verdicts
