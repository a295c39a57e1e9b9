"""The model and the product do the same things in the same order, under the same names."""

import importlib
from collections.abc import Iterator

import pytest

from tests.faults import exhaustive
from tests.faults.schedule import Schedule, drawn
from tests.faults.simulate import simulator
from tests.model.in_step import Grammar, merged
from tests.model.recording import Invocation, recorded
from tests.model.scopes import DEFAULT
from tests.model.state import File, Scope
from tests.model.transitions import QUIET, TRANSITIONS

_LARGE = ("two versions, an event lost, an early sweep", "two jobs on one table, a stop")


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    """As far as small scopes tell; of two jobs, what a sweep does with them."""
    jobs = Scope(
        name="two jobs, two events lost",
        files=(File(), File(key="b", job=1)),
        faults={"lose": 2},
        routes=1,
    )
    return Grammar([*(scope for scope in DEFAULT if scope.name not in _LARGE), jobs])


@pytest.fixture(scope="module")
def invocations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Invocation]]:
    """What the handlers did in some schedules of `tests/faults`."""
    folder = tmp_path_factory.mktemp("model") / "warehouse"
    with simulator(folder) as made, recorded() as found:
        for schedule in _schedules():
            assert not made.play(schedule).violations
        yield [each for each in found if each.is_single]


def _schedules() -> list[Schedule]:
    return [*exhaustive.loads()[1:], *(s for s in map(drawn, range(60)) if s.has_tables)]


@pytest.mark.parametrize("name", sorted(TRANSITIONS))
def test_what_a_transition_names_is_in_the_product(name: str) -> None:
    assert callable(_found(TRANSITIONS[name].by))
    for effect in TRANSITIONS[name].effects:
        assert callable(_effect(effect))


@pytest.mark.parametrize("name", sorted(QUIET))
def test_what_is_left_out_is_in_the_product(name: str) -> None:
    assert callable(_effect(name))


def test_the_model_can_do_all_that_the_handlers_did_in_the_order_in_which_they_did_it(
    grammar: Grammar, invocations: list[Invocation]
) -> None:
    strange = [each for each in invocations if grammar.transitions_of(each) is None]

    assert not strange, [
        (each.actor.label, [effect.name for effect in merged(each.effects)]) for each in strange[:5]
    ]


def test_the_handlers_do_all_that_the_model_can_do(
    grammar: Grammar, invocations: list[Invocation]
) -> None:
    taken = {name for each in invocations for name in grammar.transitions_of(each) or ()}

    assert sorted(grammar.transitions - taken) == []
    assert grammar.transitions == set(TRANSITIONS)


def _found(dotted: str) -> object:
    """The object of a dotted name: a module, then attributes."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for name in parts[end:]:
            found = getattr(found, name)
        return found
    raise ModuleNotFoundError(dotted)


_AWS_MODULES = ("objects", "ledger", "ledger_view", "warehouse", "workflow", "queue", "alerts")


def _effect(name: str) -> object:
    for module in _AWS_MODULES:
        try:
            return _found(f"lambdas.shared.aws.{module}.{name}")
        except AttributeError:
            continue
    raise AttributeError(name)
