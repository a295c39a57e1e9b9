"""Every single fault, and pairs of crashes, at every call of a load."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

from tests.faults.schedule import Fault, Schedule, Upload

CALLS_PER_FILE = 60
"""More than a calm load makes; faults beyond its last call are never met."""


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


def single_faults(load: Schedule, calls: int) -> Iterator[Schedule]:
    """Each kind of fault at each of so many calls."""
    for kind, at in itertools.product(Fault.AT_CALLS, range(calls)):
        yield load.with_faults(Fault(kind=kind, at=at))


def pairs_of_crashes(load: Schedule, calls: int) -> Iterator[Schedule]:
    """A crash after a call, and another at any of the calls that follow."""
    for first in range(calls):
        for second in range(first + 1, calls + first + 1):
            yield load.with_faults(
                Fault(kind="crash_after", at=first), Fault(kind="crash_after", at=second)
            )


def stops(load: Schedule, steps: int) -> Iterator[Schedule]:
    """At each of so many steps: the execution is stopped and its function dies."""
    for at in range(steps):
        yield load.with_faults(
            Fault(kind="stop_execution", at=at), Fault(kind="kill_function", at=at + 1)
        )


def stops_and_deletions(load: Schedule, steps: int) -> Iterator[Schedule]:
    """The same, and then somebody deletes the file."""
    for schedule in stops(load, steps):
        yield schedule.with_faults(
            *schedule.faults, Fault(kind="delete_source", at=schedule.faults[0].at + 2)
        )


def zombies(load: Schedule, steps: int) -> Iterator[Schedule]:
    """At each of so many steps: the execution is stopped, its function and statement go on."""
    for at in range(steps):
        slow = replace(load, slowness=0.98, restlessness=0.5)
        yield slow.with_faults(Fault(kind="stop_execution", at=at))


def lost_ends(load: Schedule, steps: int) -> Iterator[Schedule]:
    """At each of so many steps: the execution is stopped, and nobody hears of it until a sweep."""
    for at in range(steps):
        yield replace(load, is_swept=True).with_faults(
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


def kinds() -> Iterator[Iterator[Schedule]]:
    """All of the above but the calm loads, kind by kind."""
    steps = 90
    for load in loads():
        for kind in (stops, stops_and_deletions, zombies):
            yield kind(load, steps * len(load.uploads))
        yield single_faults(load, CALLS_PER_FILE * len(load.uploads))
    yield pairs_of_crashes(loads()[0], CALLS_PER_FILE)
    yield lost_ends(loads()[0], steps)
    yield early_sweeps(steps)
    yield replays(steps)


def everything() -> Iterator[Schedule]:
    """All of the above, the calm loads first."""
    yield from loads()
    yield large()
    yield from itertools.chain.from_iterable(kinds())


def _upload(name: str, tag: str, identifiers: tuple[int, ...], at: int = 0) -> Upload:
    rows = tuple((identifier, at, tag) for identifier in identifiers)
    return Upload(key=f"data/in/{name}.csv", rows=rows)
