"""Every single fault, and pairs of crashes, at every call of a load."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from tests.faults.schedule import Fault, Schedule, Upload

_SEEDS = 90


class Reach(Protocol):
    """How far a schedule goes: what comes later is never met."""

    @property
    def calls(self) -> int: ...
    @property
    def steps(self) -> int: ...


Play = Callable[[Schedule], Reach]
"""Plays a schedule. One that differs by a fault at some call or step is the same up to there."""


def loads() -> list[Schedule]:
    """Calm schedules that between them take every turn of a load."""
    good = _upload("upsert_0", "good", (1, 2))
    newer = _upload("upsert_0", "newer", (2, 3))
    bad = Upload(key="data/in/upsert_1.csv", rows=((11, 0, "bad"),), fault="bad_row")
    null = Upload(key="data/in/upsert_2.csv", rows=((21, 0, "null"),), fault="null_key")
    torn = Upload(key="data/in/upsert_3.parquet", rows=((31, 0, "torn"),), fault="torn")
    twice = Upload(
        key="data/in/upsert_4.csv", rows=((41, 0, "one"), (41, 0, "other")), fault="key_twice"
    )
    return [
        Schedule(seed=1, uploads=(good,), restlessness=0.0, has_tables=False),
        Schedule(seed=2, uploads=(good, newer), restlessness=0.3),
        Schedule(seed=3, uploads=(good, bad, null, torn, twice), restlessness=0.3),
        Schedule(
            seed=4,
            uploads=(_upload("append_0", "one", (1,)), _upload("also_1", "two", (11,))),
            restlessness=0.5,
        ),
        Schedule(
            seed=6,
            uploads=(_upload("newest_0", "older", (1, 2)), _upload("newest_1", "newer", (2, 3), 1)),
            restlessness=0.3,
        ),
        Schedule(
            seed=7,
            uploads=(_upload("whole", "first", (1, 2)), _upload("whole", "whole", (2, 3))),
            restlessness=0.3,
        ),
    ]


def single_faults(load: Schedule, play: Play) -> Iterator[Schedule]:
    """Each kind of fault at each call."""
    for kind, at in itertools.product(Fault.AT_CALLS, range(play(load).calls)):
        yield load.with_faults(Fault(kind=kind, at=at))


def pairs_of_crashes(load: Schedule, play: Play) -> Iterator[Schedule]:
    """A crash after a call, and another after any of the calls that follow."""
    for first in range(play(load).calls):
        crash = Fault(kind="crash_after", at=first)
        for second in range(first + 1, play(load.with_faults(crash)).calls):
            yield load.with_faults(crash, Fault(kind="crash_after", at=second))


def stops(load: Schedule, play: Play) -> Iterator[Schedule]:
    """At each step: the execution is stopped and its function dies."""
    for at in range(play(load).steps):
        yield load.with_faults(
            Fault(kind="stop_execution", at=at), Fault(kind="kill_function", at=at + 1)
        )


def stops_and_deletions(load: Schedule, play: Play) -> Iterator[Schedule]:
    """The same, and then somebody deletes the file."""
    for schedule in stops(load, play):
        yield schedule.with_faults(
            *schedule.faults, Fault(kind="delete_source", at=schedule.faults[0].at + 2)
        )


def zombies(load: Schedule, play: Play) -> Iterator[Schedule]:
    """At each step: the execution is stopped, its function and statement go on."""
    slow = replace(load, slowness=0.98, restlessness=0.5)
    for at in range(play(slow).steps):
        yield slow.with_faults(Fault(kind="stop_execution", at=at))


def lost_ends(load: Schedule, play: Play) -> Iterator[Schedule]:
    """At each step: the execution is stopped, and nobody hears of it until a sweep."""
    swept = replace(load, is_swept=True)
    for at in range(play(swept).steps):
        yield swept.with_faults(
            Fault(kind="stop_execution", at=at),
            Fault(kind="lose_message", at=at + 1),
            Fault(kind="kill_function", at=at + 2),
        )


def early_sweeps(count: int) -> Iterator[Schedule]:
    """A sweep stops in the middle; then comes a version it has passed, and its event is lost."""
    uploads = tuple(_upload(f"newest_{key}", f"file {key}", (key,)) for key in range(4))
    later = _upload("newest_0", "later", (0, 9))
    for seed in range(count):
        yield Schedule(
            seed=seed,
            uploads=(*uploads, later),
            faults=(Fault(kind="sweep_early", at=5),),
            restlessness=0.02,
            is_swept=True,
            unsaid=(4,),
        )


def deletions(play: Play) -> Iterator[Schedule]:
    """At each step: a version is deleted by hand; then a sweep finds a newer one, unannounced."""
    uploads = (_upload("upsert_0", "first", (1, 2)), _upload("upsert_0", "second", (2, 3)))
    slow = Schedule(
        seed=8, uploads=uploads, restlessness=0.5, slowness=0.9, is_swept=True, unsaid=(1,)
    )
    for at in range(play(slow).steps):
        yield slow.with_faults(
            Fault(kind="delete_source", at=at), Fault(kind="sweep_early", at=at + 1)
        )


def replays(count: int) -> Iterator[Schedule]:
    """A settled file is asked for twice: in turn one whose job is mended, and one that was good."""
    rows = ((1, 0, "again"),)
    misread = Upload(key="data/in/later_0.csv", rows=rows, fault="misread")
    good = Upload(key="data/in/append_0.csv", rows=rows)
    for seed in range(count):
        at = 53 + seed % 13  # it is settled by then, and not everything is at rest
        asked = (Fault(kind="replay_file", at=each) for each in (at, at + 1 + seed % 3))
        upload = good if seed % 2 else misread
        yield Schedule(seed=seed, uploads=(upload,), faults=tuple(asked))


def large() -> Schedule:
    """A bad row that only COPY finds."""
    bad = Upload(key="data/in/append_0.csv", rows=((1, 0, "large"),), fault="late")
    return Schedule(seed=5, uploads=(bad, _upload("append_1", "good", (11,))), restlessness=0.1)


def kinds(play: Play) -> Iterator[Iterator[Schedule]]:
    """All of the above but the calm loads, kind by kind."""
    for load in loads():
        for kind in (stops, stops_and_deletions, zombies, single_faults):
            yield kind(load, play)
    yield pairs_of_crashes(loads()[0], play)
    yield lost_ends(loads()[0], play)
    yield deletions(play)
    yield early_sweeps(_SEEDS)
    yield replays(_SEEDS)


def everything(play: Play) -> Iterator[Schedule]:
    """All of the above, the calm loads first."""
    yield from loads()
    yield large()
    yield from itertools.chain.from_iterable(kinds(play))


def _upload(name: str, tag: str, identifiers: tuple[int, ...], at: int = 0) -> Upload:
    rows = tuple((identifier, at, tag) for identifier in identifiers)
    return Upload(key=f"data/in/{name}.csv", rows=rows)
