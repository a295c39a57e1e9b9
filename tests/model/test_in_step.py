"""The model and the product do the same things in the same order, under the same names."""

import importlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults import exhaustive
from tests.faults.schedule import Fault, Schedule, Upload, drawn
from tests.faults.simulate import simulator
from tests.model.in_step import Grammar, merged
from tests.model.recording import Invocation, recorded
from tests.model.state import File, Scope
from tests.model.transitions import LEFT_OUT, QUIET, TRANSITIONS

_VERSIONS = (File(), File(version=2))
_BAD = File(bad="named")
_SCOPES = [
    Scope(name="two jobs", files=(File(), File(key="b", job=1)), faults={"lose": 2}, routes=1),
    Scope(name="two versions", files=_VERSIONS, faults={"lose": 2}, routes=1),
    Scope(name="one file", files=(File(),), faults={"stop": 1, "lose": 1}, routes=1),
    Scope(name="one deleted", files=(File(),), faults={"delete": 1, "stop": 1}),
    Scope(name="one abandoned", files=(File(),), faults={"fail": 1, "transient": 1}),
    Scope(name="bad ones", files=(File(bad="named"), File(key="b", bad="schema")), routes=1),
    Scope(name="one crash", files=(File(),), faults={"crash": 1, "transient": 1}),
    Scope(name="a batch", files=(*_VERSIONS, File(key="b", version=3)), mode="append", routes=1),
    Scope(name="three versions", files=(*_VERSIONS, File(version=3)), mode="append", routes=1),
    Scope(name="a bad replay", files=(_BAD, replace(_BAD, replay_of=0)), routes=1),
    Scope(name="halving", files=(File(), File(key="b", bad="nameless")), routes=1),
    Scope(name="a replay", files=(File(), *[File(replay_of=0)] * 2), routes=1),
]
"""Small accounts, which between them take every turn."""
UNREACHED = {"sweep.clear"}
"""Settle clears a version before it tells the ledger, so a sweep finds none to clear; it would
clear what a person put back, and what the variant "the ledger is told first" leaves."""


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    """What may follow what, as small scopes tell."""
    return Grammar(_SCOPES)


@pytest.fixture(scope="module")
def invocations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Invocation]]:
    """What the handlers did in some schedules of `tests/faults`."""
    folder = tmp_path_factory.mktemp("model") / "warehouse"
    with simulator(folder) as made, recorded() as found:
        for schedule in _schedules():
            made.play(schedule)  # judged by tests/faults
        yield [each for each in found if each.is_single]


def _schedules() -> Iterator[Schedule]:
    """Calm loads, schedules that between them lead everywhere, and some that are drawn."""
    yield from exhaustive.loads()[1:]
    yield exhaustive.large()
    calm = replace(exhaustive.loads()[0], has_tables=True)
    # the seventh try is the last: the execution is abandoned
    yield calm.with_faults(*(Fault(kind="crash_before", at=at) for at in range(6, 13)))
    for at in (4, 5):
        yield calm.with_faults(Fault(kind="delete_source", at=at))
    for at in range(6, 13):
        yield replace(calm, is_swept=True).with_faults(
            Fault(kind="stop_execution", at=at), Fault(kind="lose_message", at=at + 1)
        )
    bad = Upload(key="data/in/upsert_1.csv", rows=((11, 0, "bad"),), fault="bad_row")
    for at in range(56, 80, 4):
        yield replace(calm, uploads=(bad,)).with_faults(
            Fault(kind="replay_file", at=at), Fault(kind="replay_file", at=at + 8)
        )
    versions = tuple(
        Upload(key="data/in/append_0.csv", rows=((number, 0, "version"),)) for number in range(2)
    )
    for seed in range(6):
        yield Schedule(seed=seed, uploads=versions, unsaid=(0, 1), is_swept=True)
    # a table that is not there yet is made first, which the model leaves out
    yield from (schedule for schedule in map(drawn, range(30)) if schedule.has_tables)


@pytest.mark.parametrize("name", sorted(TRANSITIONS))
def test_what_a_transition_names_is_in_the_product(name: str) -> None:
    assert callable(_found(TRANSITIONS[name].by))
    for effect in TRANSITIONS[name].effects:
        assert callable(_effect(effect))


def test_what_is_left_out_is_in_the_product() -> None:
    assert all(map(callable, map(_effect, QUIET)))
    assert all(map(callable, map(_found, LEFT_OUT)))


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
    assert grammar.transitions == set(TRANSITIONS) - UNREACHED


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
