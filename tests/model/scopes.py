"""What is explored: small accounts in which two or three things go wrong at any moment."""

from tests.model.state import File, Scope
from tests.model.variants import NO_SWEEP

_ONE = (File(),)
_BAD = (File(bad="named"),)
_TWO = (File(), File(key="b"))
_VERSIONS = (File(), File(version=2))
_TWO_JOBS = (File(), File(key="b", job=1))
_REPLAYED = (File(), File(replay_of=0))
_ALONE = frozenset({NO_SWEEP})

DEFAULT = (
    Scope(name="one file, two crashes", files=_ONE, faults={"crash": 2}),
    Scope(name="one file, a stop and a crash", files=_ONE, faults={"stop": 1, "crash": 1}),
    Scope(
        name="one file, a task that is tried again while its function goes on, a stop",
        files=_ONE,
        faults={"time_out": 1, "stop": 1},
        routes=1,
    ),
    Scope(
        name="one file, a failure, an event twice", files=_ONE, faults={"fail": 1, "duplicate": 1}
    ),
    Scope(name="one file, deleted, and a stop", files=_ONE, faults={"delete": 1, "stop": 1}),
    Scope(
        name="one file, two events lost, a stop, an early sweep",
        files=_ONE,
        faults={"lose": 2, "stop": 1, "sweep": 1},
    ),
    Scope(
        name="one file, a failed transaction, a task tried again",
        files=_ONE,
        faults={"transient": 1, "time_out": 1},
    ),
    Scope(
        name="one file, a statement forgotten, a crash",
        files=_ONE,
        faults={"forget": 1, "crash": 1},
    ),
    Scope(
        name="a bad file, a stop, an event twice", files=_BAD, faults={"stop": 1, "duplicate": 1}
    ),
    Scope(name="two files, a crash, and no sweep", files=_TWO, faults={"crash": 1}, broken=_ALONE),
    Scope(name="two jobs on one table, a stop", files=_TWO_JOBS, faults={"stop": 1}, routes=1),
    Scope(
        name="two versions, an event lost, an early sweep",
        files=_VERSIONS,
        faults={"lose": 1, "sweep": 1},
        routes=1,
    ),
    Scope(
        name="two versions appended, an event lost, a crash",
        files=_VERSIONS,
        faults={"lose": 1, "crash": 1},
        mode="append",
        routes=1,
    ),
    Scope(
        name="two versions, the newer bad, an event lost",
        files=(File(), File(version=2, bad="named")),
        faults={"lose": 1},
    ),
    Scope(name="a replay, and a crash", files=_REPLAYED, faults={"crash": 1}),
    Scope(
        name="a replay of the older of two versions",
        files=(File(), File(version=2), File(replay_of=0)),
        routes=1,
    ),
    Scope(
        name="two replays of a bad file",
        files=(*_BAD, File(replay_of=0, bad="named"), File(replay_of=0, bad="named")),
        mode="append",
        routes=1,
    ),
    Scope(
        name="a batch of two, one bad and not named, a crash",
        files=(File(), File(key="b", bad="nameless")),
        faults={"crash": 1},
        routes=1,
    ),
    Scope(
        name="a batch of three, one bad and not named, one known to be bad",
        files=(File(), File(key="b", bad="nameless"), File(key="c", bad="schema")),
        routes=1,
    ),
    Scope(
        name="two versions, an event lost, one deleted",
        files=_VERSIONS,
        faults={"lose": 1, "delete": 1},
        routes=1,
    ),
)

DEEP = (
    Scope(
        name="one file, a statement forgotten, a stop, an event twice",
        files=_ONE,
        faults={"forget": 1, "stop": 1, "duplicate": 1},
        routes=1,
    ),
    Scope(name="one file, two stops", files=_ONE, faults={"stop": 2}),
    Scope(
        name="one file, whatever may happen, once each",
        files=_ONE,
        faults={"crash": 1, "time_out": 1, "fail": 1, "transient": 1, "delete": 1},
        routes=1,
    ),
    Scope(name="two files, a stop", files=_TWO, faults={"stop": 1}),
    Scope(
        name="two files, a stop and a crash", files=_TWO, faults={"stop": 1, "crash": 1}, routes=1
    ),
    Scope(name="two versions, a stop", files=_VERSIONS, faults={"stop": 1}),
    Scope(
        name="two versions, a stop, an event lost",
        files=_VERSIONS,
        faults={"stop": 1, "lose": 1},
        routes=1,
    ),
    Scope(
        name="two versions appended, a stop",
        files=_VERSIONS,
        faults={"stop": 1},
        mode="append",
    ),
    Scope(
        name="two versions, a stop, one deleted",
        files=_VERSIONS,
        faults={"stop": 1, "delete": 1},
        routes=1,
    ),
    Scope(
        name="two jobs on one table, a stop, an event lost",
        files=_TWO_JOBS,
        faults={"stop": 1, "lose": 1},
        routes=1,
    ),
    Scope(
        name="three versions, an event lost, an early sweep",
        files=(File(), File(version=2), File(version=3)),
        faults={"lose": 1, "sweep": 1},
        routes=1,
    ),
    Scope(
        name="three versions, the newest bad, two events lost",
        files=(File(), File(version=2), File(version=3, bad="named")),
        faults={"lose": 2},
        routes=1,
    ),
    Scope(name="a replay, and a stop", files=_REPLAYED, faults={"stop": 1}),
    Scope(name="a replay appended, and a stop", files=_REPLAYED, faults={"stop": 1}, mode="append"),
    Scope(
        name="a batch of two, one bad and not named, a stop",
        files=(File(), File(key="b", bad="nameless")),
        faults={"stop": 1},
        routes=1,
    ),
)
