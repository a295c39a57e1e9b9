"""The account in which a schedule plays: real handlers, real SQL, everything else in memory.

At every step one of what could happen next happens: a function makes its next call, a message is
delivered, an execution enters its next state, a transaction runs, somebody uploads. Which one is
drawn from the schedule's seed, so that a schedule replays exactly.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any
from unittest import mock

import psycopg

from config.runtime import (
    ClaimSettings,
    InferSchemaSettings,
    RouteSettings,
    SettleSettings,
    SweepSettings,
    UpsertSettings,
)
from lambdas.claim.handler import handler as claim
from lambdas.infer_schema.handler import handler as infer_schema
from lambdas.route.handler import handler as route
from lambdas.settle import settling
from lambdas.settle.handler import handler as settle
from lambdas.shared.aws import clients, concurrently
from lambdas.sweep import sweeping
from lambdas.sweep.handler import handler as sweep
from lambdas.upsert.handler import handler as upsert
from local.warehouse import Warehouse
from tests.faults import actors
from tests.faults.actors import Actor
from tests.faults.aws import Client
from tests.faults.failing import PARTLY, faulty
from tests.faults.machine import Execution
from tests.faults.schedule import MENDED_JOBS, TABLES, Fault, Schedule, Upload
from tests.faults.services import DataApi, Message, Pending, Queue, Topic, Workflows
from tests.faults.storage import Bucket, StoredVersion
from tests.faults.table import LedgerTable

BUCKET = "data"
_MOST_STEPS = 12_000
_MOST_SWEEPS = 20
_HANDLERS: dict[str, Callable[[dict[str, Any], object], Any]] = {
    "${ClaimFunctionArn}": claim,
    "${InferSchemaFunctionArn}": infer_schema,
    "${UpsertFunctionArn}": upsert,
    "${SettleFunctionArn}": settle,
}
_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:load"
_TOPIC = "arn:aws:sns:us-east-1:123456789012:notices"

ENVIRONMENT = {
    "POWERTOOLS_METRICS_DISABLED": "true",
    **RouteSettings(
        ledger_table="ledger",
        topic_arn=_TOPIC,
        state_machine_arn=_MACHINE,
        arrivals_queue_url="arrivals",
        dead_letter_queue_url="dead-letters",
    ).to_env(),
    **ClaimSettings(bucket=BUCKET, ledger_table="ledger").to_env(),
    **InferSchemaSettings(bucket=BUCKET).to_env(),
    **UpsertSettings(
        bucket=BUCKET,
        workgroup="sluice",
        database="dev",
        copy_role_arn="arn:aws:iam::123456789012:role/copy",
    ).to_env(),
    **SettleSettings(
        bucket=BUCKET,
        ledger_table="ledger",
        topic_arn=_TOPIC,
        state_machine_arn=_MACHINE,
        release_machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:release",
        log_group="/aws/lambda/settle",
    ).to_env(),
    **SweepSettings(
        bucket=BUCKET,
        ledger_table="ledger",
        topic_arn=_TOPIC,
        state_machine_arn=_MACHINE,
        arrivals_queue_url="arrivals",
        most_messages=2,
        patience_seconds=300,
    ).to_env(),
}


class StuckError(Exception):
    """The account does not come to rest."""


class World:
    """One account and one schedule."""

    def __init__(self, schedule: Schedule, warehouse: Warehouse, bucket: Bucket) -> None:
        self.schedule = schedule
        self.bucket = bucket
        self.table = LedgerTable()
        self.queue = Queue()
        self.topic = Topic()
        self.workflows = Workflows(invoke=self._invoke)
        self.data_api = DataApi(warehouse, is_nameless=schedule.is_nameless)
        self.uploaded: list[tuple[Upload, StoredVersion]] = []
        self.deleted: set[str] = set()
        self.unsaid: set[str] = set()
        self.asked: list[tuple[str, int]] = []
        self.unheard: list[tuple[str, int]] = []
        self._is_last_sweep = False
        self.trace: list[str] = []
        self._warehouse = warehouse
        self._random = random.Random(schedule.seed)  # noqa: S311 - a simulation's choices, replayed by seed
        self._uploads = list(schedule.uploads)
        self._faults_at_calls = _by_moment(schedule.faults, Fault.AT_CALLS)
        self._faults_at_steps = _by_moment(schedule.faults, Fault.AT_STEPS + Fault.SWEPT)
        self.calls = 0
        self.steps = 0
        self._actors: list[Actor] = []
        self._routes: dict[Actor, list[Message]] = {}
        self._last: Actor | None = None
        self._ended: set[str] = set()

    # --- clients --------------------------------------------------------------------------------

    def clients(self) -> dict[str, Client]:
        """What takes the place of the clients in `lambdas.shared.aws.clients`."""
        services: dict[str, tuple[str, Any]] = {
            "s3": ("s3", self.bucket),
            "dynamodb": ("dynamodb", self.table),
            "stepfunctions": ("stepfunctions", self.workflows),
            "redshift_data": ("redshift-data", self.data_api),
            "sns": ("sns", self.topic),
            "sqs": ("sqs", self.queue),
        }
        return {
            name: Client(service_name, service, self._gate)
            for name, (service_name, service) in services.items()
        }

    def _gate(self, name: str, request: dict[str, Any], perform: Callable[..., Any]) -> Any:
        """One call of one function: its turn comes, and then a fault may."""
        actor = actors.current()
        actor.pause()
        fault = self._fault_of(name)
        self._note(f"{actor.label}: {name}{_told(request)}{f'  << {fault.kind}' if fault else ''}")
        if fault is None:
            return perform()
        return faulty(fault.kind, name, request, perform)

    def _fault_of(self, name: str) -> Fault | None:
        """What goes wrong with this call: one thing; what else should waits for the next call."""
        due = self._faults_at_calls.pop(self.calls, [])
        self.calls += 1
        fault = next(
            (each for each in due if each.kind != "partly_refused" or name in PARTLY), None
        )
        if later := [each for each in due if each is not fault]:
            self._faults_at_calls.setdefault(self.calls, []).extend(later)
        return fault

    def _note(self, line: str) -> None:
        self.trace.append(line)

    def wrong(self, moment: datetime) -> datetime:
        """A moment as a clock tells it that is as wrong as the schedule lets clocks be."""
        skew = self.schedule.skew
        return moment + timedelta(seconds=self._random.randint(-skew, skew) if skew else 0)

    @property
    def now(self) -> datetime:
        """The clock of a function: late enough to find every upload an old one, were it right."""
        return self.wrong(self.bucket.now + timedelta(days=1))

    def after_transaction(self) -> None:
        """Called after each transaction; whoever judges listens here."""

    def sweep(self) -> bool:
        """Sweep by hand until a run comes to the end, then let things happen; False if none did."""
        self._is_last_sweep = True
        position = None
        for _ in range(_MOST_SWEEPS):
            actor = self._sweep({"by_hand": True, "position": position})
            self.run()
            if actor.error is None:
                position = actor.result["position"]
                if position is None:
                    return True
        return False

    def _sweep(self, event: dict[str, Any]) -> Actor:
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
        return self._start("Sweep", lambda: sweep(event, context))

    def redrive(self) -> bool:
        """Send the dead letters again, as an operator does; False if there are none."""
        dead, self.queue.dead = self.queue.dead, []
        for message in dead:
            self.queue.add(json.loads(message.body))
        return bool(dead)

    def end(self) -> None:
        """End what still runs."""
        for actor in self._actors:
            actor.kill()

    def ledger_states(self) -> dict[str, str]:
        """The state of each version id the ledger knows."""
        return {
            item["version_id"]["S"]: item["state"]["S"]
            for item in self._file_items()
            if item["replay"]["N"] == "0"
        }

    def _file_items(self) -> list[dict[str, Any]]:
        return [item for (pk, _), item in self.table.items.items() if pk.startswith("FILE#")]

    def unrest(self) -> list[str]:
        """What should not be there once nothing happens any more."""
        left = [sk for _, sk in self.table.items if sk.startswith("POOL#")]
        left += [each.name for each in self._open_executions()]
        left += [message.body for message in self.queue.dead]
        return left

    # --- what can happen ------------------------------------------------------------------------

    def run(self) -> None:
        """Play the schedule until nothing is left to happen; raises StuckError."""
        for step in range(_MOST_STEPS):
            self.steps = max(self.steps, step + 1)
            for event in self._faults_at_steps.pop(step, []):
                self._happen(event.kind)
            choices = list(self._choices())
            if not choices:
                return
            self._chosen(choices)()
        raise StuckError(f"still busy after {_MOST_STEPS} steps")

    def _chosen(self, choices: list[tuple[object, Callable[[], None]]]) -> Callable[[], None]:
        for subject, action in choices:
            if subject is self._last and self._random.random() > self.schedule.restlessness:
                return action
        subject, action = self._random.choice(choices)
        self._last = subject if isinstance(subject, Actor) else None
        return action

    def _choices(self) -> Iterator[tuple[object, Callable[[], None]]]:
        for actor in self._actors:
            yield actor, lambda actor=actor: self._resume(actor)  # type: ignore[misc] # bound early
        is_arriving = bool(self._uploads or self.queue.visible or self._routes)
        for execution in self.workflows.executions.values():
            if execution.can_go_on and not (self.schedule.together and is_arriving):
                yield execution, lambda execution=execution: self._go_on(execution)  # type: ignore[misc] # bound early
        if self.queue.visible:
            yield self.queue, self._deliver
        if self._uploads:
            yield self._uploads, self._upload
        if self.data_api.waiting and self._random.random() >= self.schedule.slowness:
            yield self.data_api, self._run_transactions

    def _resume(self, actor: Actor) -> None:
        actor.resume()
        if not actor.is_done:
            return
        self._actors.remove(actor)
        self._last = None
        if actor.error is not None:
            self._note(f"{actor.label}: ended by {type(actor.error).__name__}: {actor.error}")
        if actor in self._routes:
            self._acknowledge(actor, self._routes.pop(actor))

    def _invoke(self, resource: str, data: dict[str, Any]) -> Actor:
        handler = _HANDLERS[resource]
        event = json.loads(json.dumps(data))
        label = f"{resource.removesuffix('FunctionArn}')[2:]}({data['execution']['name']})"
        return self._start(label, lambda: handler(event, None))

    def _start(self, label: str, function: Callable[[], Any]) -> Actor:
        actor = Actor(label, function)
        self._actors.append(actor)
        return actor

    def _go_on(self, execution: Execution) -> None:
        execution.go_on()
        self._announce_end(execution)

    def _announce_end(self, execution: Execution) -> None:
        if execution.is_open or execution.arn in self._ended:
            return
        self._ended.add(execution.arn)
        self._note(f"execution {execution.name} {execution.status}")
        if execution.status != "SUCCEEDED":
            self.queue.add(
                {
                    "detail-type": "Step Functions Execution Status Change",
                    "detail": {"name": execution.name, "input": execution.input},
                }
            )

    def _deliver(self) -> None:
        count = self._random.randint(1, min(4, len(self.queue.visible)))
        batch = self._random.sample(self.queue.visible, count)
        for message in batch:
            self.queue.visible.remove(message)
        records = [{"messageId": each.message_id, "body": each.body} for each in batch]
        label = f"Route({','.join(each.message_id for each in batch)})"
        self._routes[self._start(label, lambda: route({"Records": records}, None))] = batch

    def _acknowledge(self, actor: Actor, batch: list[Message]) -> None:
        failed = {each.message_id for each in batch}
        if actor.error is None:
            failed = {each["itemIdentifier"] for each in actor.result["batchItemFailures"]}
        for message in batch:
            if message.message_id in failed:
                self.queue.give_back(message)

    def _upload(self) -> None:
        upload = self._uploads.pop(0)
        version = self.bucket.write(upload.key, upload.body)
        self.uploaded.append((upload, version))
        self._note(f"upload {upload.key} as {version.version_id}")
        if len(self.uploaded) - 1 in self.schedule.unsaid:
            self._note("<< its event is lost")
            self.unsaid.add(version.version_id)
            return
        said_at = self.wrong(version.modified_at)
        sequencer = f"{self.bucket.written:016X}"
        self.queue.add(object_created(upload.key, version, sequencer=sequencer, said_at=said_at))

    def _run_transactions(self) -> None:
        waiting = self.data_api.waiting
        first = self._random.choice(waiting)
        others = [each for each in waiting if _table(each) == _table(first) and each is not first]
        if others and self._random.random() < 0.5:
            self._overlap(first, self._random.choice(others))
        else:
            self.data_api.begin(first)
            self._close(first)

    def _overlap(self, first: Pending, second: Pending) -> None:
        """Two transactions of one table begin before either has its lock."""
        with psycopg.connect(self._warehouse.dsn) as holder:
            for lock in _locks(first):
                holder.execute(lock)
            for count, pending in enumerate((first, second), 1):
                self.data_api.begin(pending)
                if _locks(first):
                    _await_lock(self._warehouse.dsn, count)
        self._note("two transactions overlap")
        self._close(first)
        self._close(second)

    def _close(self, pending: Pending) -> None:
        if pending.real_id is not None:
            found = self.data_api.close(pending.real_id)
            self._note(
                f"transaction {pending.statement_id}: {found['Status']}"
                f" {found.get('Error', '')}".rstrip()
            )
            self.after_transaction()

    # --- what goes wrong by itself --------------------------------------------------------------

    def _happen(self, kind: str) -> None:
        happening = getattr(self, f"_{kind}")
        if happening():
            self._note(f"<< {kind}")

    def _pick(self, things: list[Any]) -> Any | None:
        return self._random.choice(things) if things else None

    def _open_executions(self) -> list[Execution]:
        return [each for each in self.workflows.executions.values() if each.is_open]

    def _stop_execution(self) -> bool:
        execution = self._pick(self._open_executions())
        if execution is None:
            return False
        execution.status, execution.task = "ABORTED", None  # its function goes on
        self._announce_end(execution)
        return True

    def _time_out_task(self) -> bool:
        execution = self._pick(
            [e for e in self._open_executions() if e.task and not e.task.is_done]
        )
        if execution is None:
            return False
        execution.time_out_task()
        self._announce_end(execution)
        return True

    def _kill_function(self) -> bool:
        actor = self._pick(self._actors)
        if actor is None:
            return False
        actor.kill()
        self._note(f"{actor.label}: killed")
        self._actors.remove(actor)
        if actor in self._routes:
            self._acknowledge(actor, self._routes.pop(actor))
        return True

    def _duplicate_message(self) -> bool:
        message = self._pick(self.queue.visible)
        if message is None:
            return False
        self.queue.add(json.loads(message.body))
        return True

    def _lose_message(self) -> bool:
        """EventBridge loses one; what comes with the last sweep is not its to lose."""
        message = self._pick(self.queue.visible)
        if message is None or self._is_last_sweep:
            return False
        self.queue.visible.remove(message)
        detail = json.loads(message.body)["detail"]
        if "object" in detail:
            self.unsaid.add(detail["object"]["version-id"])
        if "file" in detail:
            self.unheard.append((detail["file"]["version_id"], detail["file"]["replay"]))
        return True

    def _sweep_early(self) -> bool:
        """The schedule's sweep, while uploads and loads are under way."""
        self._sweep({"by_hand": bool(self._random.getrandbits(1))})
        return True

    def _replay_file(self) -> bool:
        """Somebody mends the jobs and asks for a settled version again, as `sluice replay` does."""
        settled = [i for i in self._file_items() if i["state"]["S"] in ("LOADED", "REJECTED")]
        item = self._pick(settled)
        if item is None:
            return False
        plain = {name: value.get("S") for name, value in item.items()}
        earlier = [
            int(each["replay"]["N"])
            for each in self._file_items()
            if each["version_id"]["S"] == plain["version_id"]
        ]
        file = {**plain, "size": int(item["size"]["N"]), "replay": max(earlier) + 1}
        detail = {"file": file, "job_id": plain["job_id"]}
        self.bucket.write("config/config.json", json.dumps(MENDED_JOBS).encode())
        self.queue.add({"detail-type": "Sluice Replay", "detail": detail})
        self.asked.append((file["version_id"], file["replay"]))
        return True

    def _delete_source(self) -> bool:
        """Somebody deletes a version by hand."""
        there = [
            (upload, version)
            for upload, version in self.uploaded
            if version in self.bucket.versions.get(upload.key, [])
        ]
        chosen = self._pick(there)
        if chosen is None:
            return False
        upload, version = chosen
        self.bucket.erase(upload.key, version.version_id)
        self.deleted.add(version.version_id)
        return True

    def _hide_source(self) -> bool:
        """Somebody deletes a key by hand, as people do: a delete marker covers its versions."""
        upload, _ = self._pick(self.uploaded) or (None, None)
        if upload is None or not self.bucket.current(upload.key):
            return False
        self.bucket.write(upload.key, None)
        return True

    def _fail_transaction(self) -> bool:
        pending = self._pick(self.data_api.waiting)
        if pending is None:
            return False
        pending.failure = (
            "ERROR: 1023 DETAIL: Serializable isolation violation on a table in Redshift"
        )
        return True

    def _abort_transaction(self) -> bool:
        pending = self._pick(self.data_api.waiting)
        if pending is None:
            return False
        pending.failure = "ABORTED"
        return True

    def _forget_statement(self) -> bool:
        """The Data API forgets a statement; its transaction runs all the same."""
        pending = self._pick(list(self.data_api.transactions.values()))
        if pending is None:
            return False
        pending.is_forgotten = True
        return True

    def _fail_statement(self) -> bool:
        """The next statement that stands alone, DDL or a read, fails of what passes."""
        self.data_api.next_failure = "ERROR: 1023 DETAIL: Serializable isolation violation"
        return True


def object_created(
    key: str, version: StoredVersion, *, sequencer: str, said_at: datetime | None = None
) -> dict[str, Any]:
    """The event S3 sends through EventBridge."""
    return {
        "detail-type": "Object Created",
        "time": (said_at or version.modified_at).isoformat(),
        "detail": {
            "bucket": {"name": BUCKET},
            "object": {
                "key": key,
                "size": len(version.body or b""),
                "etag": version.etag,
                "version-id": version.version_id,
                "sequencer": sequencer,
            },
        },
    }


def _by_moment(faults: Sequence[Fault], kinds: Sequence[str]) -> dict[int, list[Fault]]:
    found: dict[int, list[Fault]] = {}
    for fault in faults:
        if fault.kind in kinds:
            found.setdefault(fault.at, []).append(fault)
    return found


def _told(request: dict[str, Any]) -> str:
    shown = {
        key: value
        for key, value in request.items()
        if key in ("Key", "VersionId", "name", "Id", "CopySource", "UpdateExpression", "Sql")
    }
    return f" {shown}" if shown else ""


def _locks(pending: Pending) -> list[str]:
    return [sql for sql in pending.request["Sqls"] if sql.startswith("LOCK")]


def _table(pending: Pending) -> str:
    """The target, as the last statement records it."""
    found: str = next(t for t in TABLES if t in pending.request["Sqls"][-1])
    return found


def _await_lock(dsn: str, count: int) -> None:
    """Wait until so many sessions wait for a lock; a session that needs none is not waited for."""
    until = time.monotonic() + 2
    with psycopg.connect(dsn, autocommit=True) as connection:
        while time.monotonic() < until:
            row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            if row is not None and row[0] >= count:
                return
            time.sleep(0.001)


@contextmanager
def in_place_of_aws(world: World) -> Iterator[None]:
    """Handlers that are called here use this world's clients, one call after the other."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # no Clock
            return world.now

    with ExitStack() as replaced:
        for name, client in world.clients().items():
            replaced.enter_context(mock.patch.object(clients, name, lambda client=client: client))
        # one after the other, so that a schedule replays
        replaced.enter_context(mock.patch.object(concurrently, "ThreadPoolExecutor", _InTurn))
        for module in (settling, sweeping):
            replaced.enter_context(mock.patch.object(module, "datetime", Clock))
        yield


class _InTurn:
    """A pool of no threads."""

    def __init__(self, _threads: int) -> None:
        return

    def __enter__(self) -> "_InTurn":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def map(self, call: Callable[[Any], Any], items: Any) -> list[Any]:
        """Call after call."""
        return [call(item) for item in items]
