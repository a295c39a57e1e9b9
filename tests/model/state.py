"""What the model keeps of an account: files, ledger, history, messages and functions under way.

Everything is small, hashable and compared by value: two schedules that lead to the same state are
explored once. Times, rows and SQL are left out; so is the lease's epoch, which only forbids.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

UNKNOWN = "-"
POOLED, TAKEN = "POOLED", "TAKEN"  # TAKEN: POOLED without its pool entry, in broken variants only
LOADED, REJECTED, SUPERSEDED, MISSING = "LOADED", "REJECTED", "SUPERSEDED", "MISSING"

ABSENT, THERE, CLEARED, DELETED = "absent", "there", "cleared", "deleted"
"""A version in data/in/: not uploaded yet, there, cleared by the product, deleted by a person."""

RUNNING, SUCCEEDED, FAILED, ABORTED = "RUNNING", "SUCCEEDED", "FAILED", "ABORTED"
FREE = -1

FAULTS = (
    "crash",  # a function ends before or after any of its effects
    "stop",  # a person stops an execution; its function dies, or goes on
    "time_out",  # a task is tried again while its function goes on
    "fail",  # a task fails for good
    "duplicate",  # a message comes twice
    "lose",  # an event is lost
    "transient",  # a transaction fails and might succeed later
    "forget",  # the Data API forgets a statement, which goes on
    "delete",  # a person deletes a version from data/in/
    "sweep",  # a sweep runs although things are under way
)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One version of one key, or one replay of it.

    `version` orders the versions of a key as they were uploaded. `bad`: "schema" is seen before
    COPY, "named" by COPY, which names the file, "nameless" by COPY, which does not.
    """

    job: int = 0
    key: str = "a"
    version: int = 1
    bad: str = ""
    replay_of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is explored: the files, how often which fault may happen, and what is broken.

    All jobs load one table. `routes` bounds how many messages are routed side by side; `executions`
    how many executions count at a time: one more is a violation. There are no clocks.
    """

    name: str
    files: tuple[File, ...]
    faults: dict[str, int] = field(default_factory=dict)
    mode: str = "upsert"
    routes: int = 2
    executions: int = 5
    broken: frozenset[str] = frozenset()

    @property
    def jobs(self) -> int:
        """How many jobs there are."""
        return max(file.job for file in self.files) + 1


Verdicts = tuple[tuple[int, str], ...]
"""(file, verdict), each."""


class Function(NamedTuple):
    """One invocation of a task: the load's state it was given, and how far it is.

    `local` is what it has read so far; what it holds depends on `at`, the next transition.
    """

    run: int
    at: str
    round: int = 0
    attempt: int = 1
    limit: int = 0
    is_submitted: bool = False
    rejected: tuple[int, ...] = ()
    superseded: tuple[int, ...] = ()
    verdicts: Verdicts = ()
    local: tuple = ()  # type: ignore[type-arg] # what it holds depends on `at`


class Run(NamedTuple):
    """One execution, and the work files of its present round."""

    job: int
    generation: int
    status: str
    function: Function | None
    round: int = 0
    attempt: int = 1
    files: tuple[tuple[int, bool], ...] = ()
    schemas: tuple[int, ...] = ()
    plan: Verdicts | None = None


class Route(NamedTuple):
    """One invocation of route with one message: its kind, what it is about, the next transition.

    `read` is what it has read: a generation, a sequence; `older` a version to be put first.
    """

    kind: str
    about: int
    at: str
    read: int = 0
    older: int = -1


class Transaction(NamedTuple):
    """A submitted batch; run, round and attempt are its client token.

    `seen` is the history as a snapshot has it that was taken too early.
    """

    run: int
    round: int
    attempt: int
    plan: Verdicts
    status: str = "open"
    found: tuple[int, ...] = ()
    seen: tuple[str, ...] = ()
    is_forgotten: bool = False


class Sweep(NamedTuple):
    """A sweep under way: keys to list, one a page; jobs to look at; and what it found to do.

    `generation` is what it read of the first of `jobs`; 0 before that.
    """

    jobs: tuple[int, ...]
    keys: tuple[str, ...] = ()
    to_clear: tuple[int, ...] = ()
    to_send: tuple[int, ...] = ()
    generation: int = 0
    is_closed: bool = False
    to_wake: tuple[int, ...] = ()


class State(NamedTuple):
    """The account at one moment."""

    source: tuple[str, ...]
    raw: tuple[bool, ...]
    ledger: tuple[str, ...]
    sequence: tuple[int, ...]
    history: tuple[str, ...]
    generation: tuple[int, ...]
    lease: int
    events: tuple[int, ...]
    swept: tuple[int, ...]
    ended: tuple[int, ...]
    wakes: tuple[int, ...]
    routes: tuple[Route, ...]
    runs: tuple[Run, ...]
    zombies: tuple[Function, ...]
    transactions: tuple[Transaction, ...]
    sweep: Sweep | None
    budget: tuple[int, ...]
    violation: str = ""


class Move(NamedTuple):
    """One thing that may happen next: who, which transition, and what it comes to."""

    who: str
    transition: str
    told: str
    state: State
    is_fault: bool = False


def initial(scope: Scope) -> State:
    """Nothing has been uploaded."""
    count, jobs = len(scope.files), scope.jobs
    return State(
        source=(ABSENT,) * count,
        raw=(False,) * count,
        ledger=(UNKNOWN,) * count,
        sequence=(0,) * count,
        history=(UNKNOWN,) * count,
        generation=(1,) * jobs,
        lease=FREE,
        events=(0,) * count,
        swept=(0,) * count,
        ended=(),
        wakes=(0,) * jobs,
        routes=(),
        runs=(),
        zombies=(),
        transactions=(),
        sweep=None,
        budget=tuple(scope.faults.get(fault, 0) for fault in FAULTS),
    )


def put(values: tuple, at: int, value: object) -> tuple:  # type: ignore[type-arg] # any of the tuples above
    """A tuple with one place changed."""
    return (*values[:at], value, *values[at + 1 :])


def spend(state: State, fault: str) -> State | None:
    """The state with one fault less to come; None if there is none left."""
    at = FAULTS.index(fault)
    if not state.budget[at]:
        return None
    return state._replace(budget=put(state.budget, at, state.budget[at] - 1))
