"""A few of the schedules that `make faults-account` plays through the whole emulated account."""

import json
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


def test_a_poison_message_comes_back_alone_and_dies_after_as_many_receives_as_the_template_says(
    played: Player,
) -> None:
    deliveries = played.deliver(
        {"detail-type": "Object Created", "detail": "nothing Sluice knows"}, beside=5
    )

    poison = deliveries.pop("poison")
    assert poison == played.most_receives > 1
    assert len(deliveries) == 5
    assert set(deliveries.values()) == {1}
    (dead,) = played.take_dead_letters()
    assert json.loads(dead)["detail"] == "nothing Sluice knows"
