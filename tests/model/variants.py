"""The protocol with one thing broken, and where that shows: each must be found out."""

from typing import NamedTuple

from tests.model.state import File, Scope

_ONE = (File(),)
_TWO = (File(), File(key="b"))
_VERSIONS = (File(), File(version=2))


NO_SWEEP = "no sweep comes"
"""Not broken, but without the net: what may not wait for a sweep has to hold without one."""


class Variant(NamedTuple):
    """What is broken, a scope in which it shows, and words of the violation it must lead to."""

    broken: str
    scope: Scope
    violation: str


def _variant(
    broken: str,
    files: tuple[File, ...],
    faults: dict[str, int],
    violation: str,
    *,
    mode: str = "upsert",
    sweeps: bool = True,
) -> Variant:
    scope = Scope(
        name=broken,
        files=files,
        faults=faults,
        mode=mode,
        routes=1 if len(files) > 1 else 2,
        broken=frozenset({broken} if sweeps else {broken, NO_SWEEP}),
    )
    return Variant(broken, scope, violation)


VARIANTS = (
    # those that earlier wordings of the protocol had
    _variant("redelivery does nothing", _ONE, {"crash": 1}, "has no verdict", sweeps=False),
    _variant("the sweep looks at no pool", _ONE, {"stop": 1, "lose": 1}, "has no verdict"),
    _variant("claim takes pool entries", _ONE, {"stop": 1}, "has no verdict"),
    _variant("the history is not asked", _ONE, {"stop": 1}, "two verdicts", mode="append"),
    _variant(
        "the snapshot comes before the lock", _ONE, {"stop": 1}, "two verdicts", mode="append"
    ),
    _variant("a newer version is not asked for", _VERSIONS, {"lose": 1}, "is stale"),
    _variant("what is gone has no place", _VERSIONS, {"lose": 1}, "is lost: SUPERSEDED"),
    _variant("what nobody knows is older", _VERSIONS, {"lose": 1}, "is lost: SUPERSEDED"),
    _variant("only what is settled has a place", _VERSIONS, {"lose": 1, "sweep": 1}, "is lost"),
    _variant(
        "route supersedes by what it has seen",
        (File(), File(version=2, bad="named")),
        {},
        "the ledger says SUPERSEDED",
    ),
    _variant("rejected without history", (File(bad="named"),), {}, "the ledger says REJECTED"),
    _variant("a refused batch fails", _ONE, {"stop": 1}, "never comes to rest"),
    # what else this code relies on
    _variant("start before put", _ONE, {}, "has no verdict", sweeps=False),
    _variant("the pool is read before the raise", _TWO, {}, "has no verdict", sweeps=False),
    _variant("the ledger is told first", _ONE, {"stop": 1}, "stays in data/in/", sweeps=False),
    _variant("a failed generation stays open", _ONE, {"fail": 1}, "no verdict", sweeps=False),
    _variant("a copy is not looked for twice", _ONE, {"stop": 1, "delete": 1}, "is lost: MISSING"),
    _variant(
        "batches are not halved", (File(), File(key="b", bad="nameless")), {}, "never comes to rest"
    ),
    _variant("a replay has no key", (File(), File(replay_of=0)), {}, "never comes to rest"),
    _variant("older versions are not put", _VERSIONS, {"sweep": 1}, "is lost: SUPERSEDED"),
)

DEEP_VARIANTS = (
    _variant(
        "what was never copied has a place",
        (*_VERSIONS, File(version=3)),
        {"delete": 1, "sweep": 1},
        "is lost: SUPERSEDED",
    ),
)
"""Those that show only after hundreds of thousands of states."""
