"""Play schedules and judge them; a failing one is shortened to what matters."""

import json
import logging
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from local.warehouse import Caller, Warehouse
from tests.faults import oracle
from tests.faults.schedule import CALLING_JOB, JOBS, TABLES, Schedule, Upload, to_json
from tests.faults.storage import Bucket
from tests.faults.world import BUCKET, ENVIRONMENT, StuckError, World, in_place_of_aws

_MIGRATIONS = Path("lambdas/sql/migrations")
_MOST_REDRIVES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one schedule."""

    schedule: Schedule
    violations: tuple[str, ...]
    verdicts: dict[str, int]
    trace: tuple[str, ...]
    calls: int
    steps: int
    executions: int
    transactions: int
    faults_met: int

    def told(self) -> str:
        """The schedule and how it went, for whoever has to mend it."""
        schedule = self.schedule
        lines = [f"seed {schedule.seed}; as JSON, for --schedule:", to_json(schedule)]
        lines += [f"  {each.key} {each.rows} {each.fault or ''}" for each in schedule.uploads]
        lines += [f"  {fault.kind} at {fault.at}" for fault in schedule.faults]
        lines += [f"  the event of upload {number} is lost" for number in schedule.unsaid]
        lines += ["  swept at the end"] * schedule.is_swept
        lines += [f"  clocks are wrong by up to {schedule.skew} s"] * bool(schedule.skew)
        found = ["VIOLATIONS", *self.violations] if self.violations else ["holds"]
        return "\n".join([*lines, *self.trace, *found])


@dataclass
class Forwarding:
    """The warehouse outlives the worlds: it reads whichever bucket is now the world's."""

    bucket: Bucket = field(default_factory=lambda: Bucket(BUCKET))

    def get(self, bucket: str, key: str, *, role_arn: str) -> bytes:
        """See Bucket."""
        return self.bucket.get(bucket, key, role_arn=role_arn)

    def put(self, bucket: str, key: str, body: bytes, *, role_arn: str) -> None:
        """See Bucket."""
        self.bucket.put(bucket, key, body, role_arn=role_arn)

    def list(self, bucket: str, prefix: str, *, role_arn: str) -> list[tuple[str, int]]:
        """See Bucket."""
        return self.bucket.list(bucket, prefix, role_arn=role_arn)


class Simulator:
    """One warehouse, and one world after the other."""

    def __init__(self, folder: Path) -> None:
        self._store = Forwarding()
        # the clients check requests, and answers of these kinds are checked in every other test
        self._warehouse = Warehouse(folder, object_store=self._store, checks_shapes=False)
        self._warehouse.start()
        self._migrate()
        self._connection = psycopg.connect(self._warehouse.dsn, autocommit=True)
        # a first load makes more than its table; from here on every schedule finds the same
        self.play(_EACH_TABLE)

    def close(self) -> None:
        """Stop the warehouse and delete its data."""
        self._connection.close()
        self._warehouse.discard()

    def play(self, schedule: Schedule) -> Outcome:
        """Run a schedule to its rest and judge it."""
        self._empty(schedule)
        bucket = self._store.bucket = Bucket(BUCKET)
        bucket.write("config/config.json", json.dumps(JOBS).encode())
        world = World(schedule, self._warehouse, bucket)
        records = oracle.Records(self._connection)
        violations: list[str] = []
        world.after_transaction = lambda: violations.extend(  # type: ignore[method-assign] # the judge listens
            f"after a transaction: {each}"
            for each in oracle.table_violations(_versions(world), records)
        )
        try:
            with in_place_of_aws(world):
                world.run()
                _redriven(world)
                if schedule.is_swept:
                    if not world.sweep():
                        violations.append("no sweep came to its end")
                    _redriven(world)
        except StuckError as error:
            violations.append(str(error))
        finally:
            world.end()
        violations += oracle.table_violations(_versions(world), records)
        violations += oracle.final_violations(
            _versions(world), records, world.ledger_states(), bucket
        )
        violations += oracle.replay_violations(world.asked, world.unheard, records.replays())
        asked = [each["identity"] for each in world.workflows.releases.values()]
        violations += oracle.call_violations(records.batches(CALLING_JOB), asked)
        violations += [f"not at rest: {each}" for each in world.unrest()]
        return Outcome(
            schedule=schedule,
            violations=tuple(dict.fromkeys(violations)),
            verdicts=dict(Counter(verdict for _, verdict in records.verdicts())),
            trace=tuple(world.trace),
            calls=world.calls,
            steps=world.steps,
            executions=len(world.workflows.executions),
            transactions=world.data_api.begun,
            faults_met=sum("<<" in line for line in world.trace),
        )

    def shortened(self, outcome: Outcome) -> Outcome:
        """The same failure with as few uploads and faults, and as calm, as it takes."""
        return shortest(outcome, self.play)

    def _migrate(self) -> None:
        admin = Caller(principal="user/admin")
        sqls = ['CREATE USER "IAMR:loader" PASSWORD DISABLE']
        for path in sorted(_MIGRATIONS.glob("*.sql")):
            text = path.read_text().replace("${LOADER}", '"IAMR:loader"')
            sqls.append(text.replace("${DATABASE}", '"dev"'))
        for sql in sqls:
            request: dict[str, Any] = {"Sql": sql, "Database": "dev", "WorkgroupName": "sluice"}
            answer = self._warehouse.handle("ExecuteStatement", request, admin)
            found = self._warehouse.handle(
                "DescribeStatement", {"Id": answer["Id"], "WaitTimeSeconds": 30}, admin
            )
            if found["Status"] != "FINISHED":
                raise RuntimeError(f"{sql}: {found.get('Error')}")

    def _empty(self, schedule: Schedule) -> None:
        """The tables this schedule loads are there and empty, or are not there, as it says."""
        tables = sorted({upload.table for upload in schedule.uploads})
        if schedule.has_tables and not all(map(self._is_there, tables)):
            self.play(_EACH_TABLE)
        self._connection.execute("DELETE FROM sluice.load_history")
        for table in TABLES:
            if table in tables and not schedule.has_tables:
                self._connection.execute(f'DROP TABLE IF EXISTS public."{table}"')
            elif self._is_there(table):
                self._connection.execute(f'DELETE FROM public."{table}"')

    def _is_there(self, table: str) -> bool:
        found = self._connection.execute(
            "SELECT to_regclass(%s)", (f'public."{table}"',)
        ).fetchone()
        return found is not None and found[0] is not None


def _redriven(world: World) -> None:
    for _ in range(_MOST_REDRIVES):
        if not world.redrive():
            return
        world.run()


_EACH_TABLE = Schedule(
    seed=0,
    uploads=tuple(
        Upload(key=f"data/in/{name}.csv", rows=((1, 1, "first"),))
        for name in ("append_0", "upsert_0", "newest_0", "whole")
    ),
    restlessness=0.0,
    has_tables=False,
)


def _versions(world: World) -> list[oracle.Version]:
    return [
        oracle.Version(
            upload=upload,
            version_id=version.version_id,
            was_deleted=version.version_id in world.deleted,
            was_unsaid=version.version_id in world.unsaid,
        )
        for upload, version in world.uploaded
    ]


def shortest(outcome: Outcome, play: Callable[[Schedule], Outcome], *, most: int = 80) -> Outcome:
    """What is left of a failure that is played, at most so often, with ever less."""
    best, candidates, wrong = outcome, _simpler(outcome.schedule), _kinds(outcome)
    for _ in range(most):
        candidate = next(candidates, None)
        if candidate is None:
            return best
        tried = play(candidate)
        if wrong & _kinds(tried):
            best, candidates = tried, _simpler(candidate)
    return best


def _kinds(outcome: Outcome) -> set[str]:
    """The violations in general: without rows, keys and versions."""
    return {re.sub(r"\[.*?\]|\S*[\d/]\S*", "", each) for each in outcome.violations}


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    if schedule.slowness:
        yield replace(schedule, slowness=0.0)
    if schedule.restlessness:
        yield replace(schedule, restlessness=0.0)
    if schedule.skew:
        yield replace(schedule, skew=0)
    if schedule.is_nameless:
        yield replace(schedule, is_nameless=False)
    if schedule.is_swept and not schedule.unsaid:
        yield replace(schedule, is_swept=False)
    for unsaid in schedule.unsaid:
        yield replace(schedule, unsaid=tuple(n for n in schedule.unsaid if n != unsaid))
    for upload in schedule.uploads:
        yield schedule.without(upload)
    for fault in schedule.faults:
        yield schedule.without(fault)


@contextmanager
def simulator(folder: Path) -> Iterator[Simulator]:
    """A simulator in this process, with the functions' environment; quiet."""
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT)
    logging.disable(logging.CRITICAL)
    made = Simulator(folder)
    try:
        yield made
    finally:
        made.close()
        logging.disable(logging.NOTSET)
        os.environ.clear()
        os.environ.update(before)


def figures_of(chunk: list[Schedule]) -> dict[str, Any]:
    """Play some schedules in a simulator of their own: `{"totals", "verdicts", "failed"}`."""
    totals: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder, simulator(Path(folder) / "warehouse") as made:
        for schedule in chunk:
            outcome: Outcome = made.play(schedule)
            totals.update(
                schedules=1,
                faults=outcome.faults_met,
                calls=outcome.calls,
                executions=outcome.executions,
                transactions=outcome.transactions,
            )
            verdicts.update(outcome.verdicts)
            if outcome.violations:
                failed.append(made.shortened(outcome).told())
    return {"totals": dict(totals), "verdicts": dict(verdicts), "failed": failed}
