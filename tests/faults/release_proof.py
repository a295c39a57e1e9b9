"""`make procedures`: a release crashes at every step; no call of it runs twice, none is forgotten.

Writes build/procedures.json: {"corpus": {"procedures", "run"}, "crash_points", "run_twice",
"forgotten"}, and how large the release was.
"""

import json
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from local.warehouse import Warehouse
from tests.faults.release_world import KEY, Real, Simulated, World
from tests.integration.warehouse.client import Bucket, Client
from tests.integration.warehouse.conftest import _EMPTY
from tests.integration.warehouse.procedures.corpus import corpus
from tests.integration.warehouse.procedures.test_procedures import take

_RESULT = Path("build/procedures.json")


@dataclass
class Verdict:
    """What became of the calls of releases that crashed."""

    crash_points: int = 0
    run_twice: int = 0
    forgotten: int = 0
    wrong: list[str] = field(default_factory=list)

    def judge(self, world: World, response: Any, *, calls: int, what: str) -> None:
        """Count what one world did with a release of so many calls."""
        ran = world.warehouse.counts()
        twice = [name for name, count in ran.items() if count > 1]
        never = [str(number) for number in range(1, calls + 1) if not ran[str(number)]]
        self.crash_points += world.crashes
        self.run_twice += len(twice)
        self.forgotten += len(never)
        told = (response or {}).get("body", {}).get("successful_procedures")
        if twice or never or told != calls or world.states() != {"FINISHED": calls}:
            self.wrong.append(f"{what}: twice {twice}, never {never}, told {told}")


class EachStepTwice:
    """A fault for every step: the process ends before its effect, then after it, then goes on."""

    def __init__(self) -> None:
        self._met: Counter[str] = Counter()

    def __call__(self, name: str, request: dict[str, Any]) -> str | None:
        """Given the step's name in the release, whatever process takes it."""
        step = f"{name} {step_of(request)}"
        self._met[step] += 1
        return {1: "before", 2: "after"}.get(self._met[step])


def step_of(request: dict[str, Any]) -> str:
    """What a call is about, without what differs from one try to the next."""
    if "TransactItems" in request:
        return str([step_of(next(iter(each.values()))) for each in request["TransactItems"]])
    if "Sql" in request:
        return f"{request['Sql']} {request.get('Parameters')}"
    if "Id" in request:
        return "of the last statement"
    item = request.get("Item") or request.get("Key")
    if isinstance(item, dict):
        return str([item.get(name) for name in ("pk", "sk", "state", "attempt")])
    return str(item or request.get("ExpressionAttributeValues") or request.get("Prefix"))


class LastStatement:
    """Gives questions about statements the name of what was submitted last."""

    def __init__(self, fault: EachStepTwice) -> None:
        self._fault = fault
        self._last = ""

    def __call__(self, name: str, request: dict[str, Any]) -> str | None:
        """As `EachStepTwice`; one call runs at a time, so the last one is meant."""
        if "Sql" in request:
            self._last = step_of(request)
        elif "Id" in request:
            return self._fault(f"{name} {self._last}", request)
        return self._fault(name, request)


class Once:
    """The process ends at the call of this number."""

    def __init__(self, at: int, kind: str) -> None:
        self._left = at
        self._kind = kind

    def __call__(self, _name: str, _request: dict[str, Any]) -> str | None:
        """Counts down."""
        self._left -= 1
        return self._kind if self._left == -1 else None


def at_every_step(verdict: Verdict, warehouse: Any, *, calls: int) -> None:
    """One release; each of its steps crashes before and after its effect, and is tried again."""
    world = World(warehouse=warehouse, fault=LastStatement(EachStepTwice()))
    world.upload(calls)
    with world.entered():
        response = world.execute("crashing", release=KEY)
    verdict.judge(world, response, calls=calls, what=f"{calls} calls, every step")


def at_each_step_alone(verdict: Verdict, *, calls: int) -> None:
    """A release for each step: it crashes there, and the machine or a person goes on."""
    calm = World(warehouse=Simulated())
    calm.upload(calls)
    with calm.entered():
        calm.execute("calm", release=KEY)
    for at in range(len(calm.calls)):
        for kind in ("before", "after"):
            for is_stopped in (False, True):
                _one_crash(verdict, at, kind, is_stopped=is_stopped, calls=calls)


def _one_crash(verdict: Verdict, at: int, kind: str, *, is_stopped: bool, calls: int) -> None:
    world = World(warehouse=Simulated(), fault=Once(at, kind))
    world.upload(calls)
    with world.entered():
        response = world.execute("first", most_crashes=0 if is_stopped else 3, release=KEY)
        if response is None:
            response = world.execute("second", release=KEY, resume=True)
    end = "stopped and resumed" if is_stopped else "tried again"
    verdict.judge(world, response, calls=calls, what=f"{kind} call {at}, {end}")


def of_the_corpus(folder: Path) -> dict[str, int]:
    """How many procedures people wrote for Redshift there are, and how many do what they say."""
    examples, run = corpus(), 0
    with _warehouse(folder, bucket := Bucket()) as warehouse:
        for example in examples:
            admin = Client(warehouse, "dev", bucket).as_principal("user/admin")
            admin.done("SELECT 1")
            for step in example.steps:
                take(step, admin)
            run += len(example.procedures)
            with psycopg.connect(warehouse.dsn, autocommit=True) as connection:
                connection.execute(_EMPTY)
    return {"procedures": sum(len(each.procedures) for each in examples), "run": run}


@contextmanager
def _warehouse(folder: Path, bucket: Bucket) -> Iterator[Warehouse]:
    warehouse = Warehouse(folder, object_store=bucket)
    warehouse.start()
    try:
        yield warehouse
    finally:
        warehouse.discard()


def main(
    calls: Annotated[int, typer.Option(help="How many calls the release has.")] = 1_000,
    alone: Annotated[int, typer.Option(help="Calls of the release with one crash.")] = 8,
) -> None:
    """Crash a release at every step, and each step of a small one alone; run the corpus.

    Example: python -m tests.faults.release_proof --calls 200
    """
    logging.disable(logging.CRITICAL)
    started, verdict = time.monotonic(), Verdict()
    with tempfile.TemporaryDirectory() as folder:
        with _warehouse(Path(folder) / "proof", Bucket()) as warehouse:
            at_every_step(verdict, Real(warehouse), calls=calls)
        every_step = verdict.crash_points
        at_each_step_alone(verdict, calls=alone)
        ran = of_the_corpus(Path(folder) / "corpus")
    result = {
        "corpus": ran,
        "crash_points": verdict.crash_points,
        "run_twice": verdict.run_twice,
        "forgotten": verdict.forgotten,
        "release": {"calls": calls, "crash_points": every_step},
        "wrong": verdict.wrong[:10],
        "seconds": round(time.monotonic() - started, 1),
    }
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps(result, indent=2) + "\n")
    typer.echo(json.dumps(result, indent=2))
    is_wrong = verdict.wrong or ran["run"] < ran["procedures"] or not every_step
    raise typer.Exit(1 if is_wrong else 0)


if __name__ == "__main__":
    typer.run(main)
