"""`make faults-account`: schedules through the whole emulated account, judged by the same oracle.

Here the template is deployed, the interpreter runs the state machine, functions are processes and
calls go over HTTP. What goes wrong is drawn from a seed; the moments are up to the machine, so
that a failing seed need not fail again.
"""

import json
import logging
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from lambdas.shared.aws.items import unmarshal
from lambdas.shared.aws.ledger_view import FileEntry
from lambdas.shared.domain import events
from lambdas.shared.domain.files import FileState
from local.account import Account
from local.account.faults import Faults
from tests.faults import oracle
from tests.faults.oracle import Row, Version
from tests.faults.schedule import JOBS, MENDED_JOBS, TABLES, Upload, drawn
from tests.faults.storage import Bucket, StoredVersion
from tools.bench.client import Client, running_account

_RESULT = Path("build/faults-account.json")
_PATIENCE_SECONDS = 120
_MOST_SWEEPS = 6
_CALM_CHECKS = 3
_SEEDS_OF_ONE_ACCOUNT = 20
_COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What became of one seed."""

    seed: int
    violations: tuple[str, ...]
    verdicts: dict[str, int]
    met: dict[str, int]
    told: tuple[str, ...]


class Records(oracle.Records):
    """The tables and the history as the Data API shows them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @contextmanager
    def moment(self) -> Iterator[None]:
        """As it is: they are read when nothing runs any more."""
        yield

    def rows(self, table: str) -> list[Row]:
        """See oracle.Records."""
        if not self.has(table):
            return []
        return [(r[0], r[1], r[2]) for r in self._client.rows(f'SELECT id, at, tag FROM "{table}"')]

    def verdicts(self) -> list[tuple[str, str]]:
        """See oracle.Records."""
        found = self._client.rows(
            "SELECT version_id, verdict FROM sluice.load_history WHERE replay = 0"
        )
        return [(version_id, verdict) for version_id, verdict in found]

    def replays(self) -> list[tuple[str, int, str]]:
        """See oracle.Records."""
        found = self._client.rows(
            "SELECT version_id, replay, verdict FROM sluice.load_history WHERE replay > 0"
        )
        return [(version_id, replay, verdict) for version_id, replay, verdict in found]

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        asked = f"SELECT COUNT(*) FROM svv_tables WHERE table_name = '{table}'"
        return self._client.rows(asked) != [[0]]


@dataclass
class Player:
    """Plays seeds in one account, one after the other."""

    account: Account
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.account)
        self._s3 = self.client.of("s3")
        self._sqs = self.client.of("sqs")
        self._states = self.client.of("stepfunctions")
        self._bucket = self.account.info.bucket
        self._dead = self.account.info.dead_letter_queue_url
        queues = self._sqs.list_queues()["QueueUrls"]
        (self._arrivals,) = [url for url in queues if url.endswith("arrivals")]
        functions = self.client.of("lambda").list_functions()["Functions"]
        (self._sweep,) = [f["FunctionName"] for f in functions if "sweep" in f["FunctionName"]]

    def play(self, seed: int) -> Played:
        """Upload, delete and stop while things go wrong; then let it come to rest, and judge."""
        self._empty()
        self._configure(JOBS)
        asked: list[tuple[str, int]] = []
        dice = random.Random(f"account {seed}")  # noqa: S311 - dice, replayed by seed
        faults = self.account.faults
        faults.met.clear()
        told = self._wish(dice, faults)
        uploads = drawn(seed).uploads
        versions: list[tuple[Upload, str]] = []
        deleted: set[str] = set()
        for upload in uploads:
            answer = self._s3.put_object(Bucket=self._bucket, Key=upload.key, Body=upload.body)
            versions.append((upload, answer["VersionId"]))
            time.sleep(dice.choice([0.0, 0.0, 0.1, 0.5]))
            told += self._meddle(dice, versions, deleted, asked)
        time.sleep(dice.uniform(0.0, 2.0))
        told += self._meddle(dice, versions, deleted, asked)
        faults.calm()
        violations = self._come_to_rest()
        records = Records(self.client)
        judged = [
            Version(
                upload=upload,
                version_id=version_id,
                was_deleted=version_id in deleted,
                was_unsaid=bool(faults.met.get("dropped")),
            )
            for upload, version_id in versions
        ]
        violations += oracle.table_violations(judged, records)
        violations += oracle.final_violations(
            judged, records, self._ledger_states(), self._snapshot()
        )
        violations += oracle.replay_violations(asked, [], records.replays())
        return Played(
            seed=seed,
            violations=tuple(violations),
            verdicts=dict(Counter(verdict for _, verdict in records.verdicts())),
            met=dict(faults.met),
            told=tuple(told),
        )

    @property
    def most_receives(self) -> int:
        """After so many receives a message of the arrivals is a dead letter, by the template."""
        found = self._sqs.get_queue_attributes(
            QueueUrl=self._arrivals, AttributeNames=["RedrivePolicy"]
        )
        return int(json.loads(found["Attributes"]["RedrivePolicy"])["maxReceiveCount"])

    def deliver(self, poison: Any, *, beside: int) -> dict[str, int]:
        """Send a message among others that are none; how often each was delivered to route."""
        self._empty()
        bodies = {
            "poison": poison,
            **{f"other {n}": events.wake_up("UPSERT") for n in range(beside)},
        }
        answer = self._sqs.send_message_batch(
            QueueUrl=self._arrivals,
            Entries=[
                {"Id": name.replace(" ", "-"), "MessageBody": json.dumps(body)}
                for name, body in bodies.items()
            ],
        )
        self._await_quiet()
        (log,) = self.account.home.logs.glob("*-route.log")
        text = log.read_text()
        return {
            sent["Id"]: sum(
                f'"{sent["MessageId"]}"' in line and '"message ' in line
                for line in text.splitlines()
            )
            for sent in answer["Successful"]
        }

    def _wish(self, dice: random.Random, faults: Faults) -> list[str]:
        """Ask for faults; what was asked for."""

        def chance(*options: float) -> float:
            return dice.choice((0.0, *options))

        services = ("s3", "dynamodb", "redshift-data", "states", "sqs", "sns")
        faults.throttled = {service: chance(0.02, 0.1) for service in services}
        faults.unanswered = {service: chance(0.02, 0.1) for service in services}
        faults.dropped, faults.duplicated = chance(0.3), chance(0.3)
        faults.killed, faults.longest_life = chance(0.1, 0.3), dice.choice([0.1, 0.5])
        faults.cancelled, faults.forgotten = chance(0.1, 0.5), chance(0.02, 0.1)
        return [
            f"throttled {faults.throttled}",
            f"unanswered {faults.unanswered}",
            f"dropped {faults.dropped}, duplicated {faults.duplicated}, killed {faults.killed}",
            f"cancelled {faults.cancelled}, forgotten {faults.forgotten}",
        ]

    def _meddle(
        self,
        dice: random.Random,
        versions: list[tuple[Upload, str]],
        deleted: set[str],
        asked: list[tuple[str, int]],
    ) -> Iterator[str]:
        """What people do: stop an execution, delete a version, hide a key, ask for a file again."""
        what = dice.choice(["stop", "stop", "delete", "hide", "replay", "replay", None, None, None])
        if what == "stop" and (running := self._running()):
            self._states.stop_execution(executionArn=dice.choice(running))
            yield "an execution is stopped"
        upload, version_id = dice.choice(versions)
        if what == "delete" and version_id in self._there(upload.key):
            deleted.add(version_id)
            self._s3.delete_object(Bucket=self._bucket, Key=upload.key, VersionId=version_id)
            yield f"{upload.key} {version_id} is deleted"
        if what == "hide" and self._there(upload.key):
            self._s3.delete_object(Bucket=self._bucket, Key=upload.key)
            yield f"{upload.key} is hidden"
        if what == "replay" and (message := self._replay(version_id)):
            asked.append((version_id, message["detail"]["file"]["replay"]))
            self._configure(MENDED_JOBS)
            self._sqs.send_message(QueueUrl=self._arrivals, MessageBody=json.dumps(message))
            yield f"{upload.key} {version_id} is asked for again"

    def _configure(self, jobs: list[dict[str, Any]]) -> None:
        body = json.dumps(jobs).encode()
        self._s3.put_object(Bucket=self._bucket, Key="config/config.json", Body=body)

    def _replay(self, version_id: str) -> dict[str, Any] | None:
        """What `sluice replay` sends for a version; None while it is not settled, or missing."""
        found = [each for each in self._files() if each["version_id"]["S"] == version_id]
        entries = [FileEntry.from_item(unmarshal(item)) for item in found]
        if not entries or {each.state for each in entries} - {FileState.LOADED, FileState.REJECTED}:
            return None
        last = max(entries, key=lambda each: each.file.replay)
        return events.replay(replace(last.file, replay=last.file.replay + 1), str(last.job_id))

    def _come_to_rest(self) -> list[str]:
        """Wait; send dead letters again and sweep until nothing is left to do."""
        for _ in range(_MOST_SWEEPS):
            if not self._await_quiet():
                return ["still busy"]
            left = self._left()
            if not left:
                return []
            self._redrive()
            event = json.dumps({"by_hand": True})
            self.client.of("lambda").invoke(FunctionName=self._sweep, Payload=event)
        return [f"left behind: {each}" for each in self._left()]

    def _left(self) -> list[str]:
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix="data/in/"
        )
        left = [f"{v['Key']} {v['VersionId']}" for page in pages for v in page.get("Versions", [])]
        left += [item["sk"]["S"] for item in self._items() if item["sk"]["S"].startswith("POOL#")]
        return left

    def _await_quiet(self) -> bool:
        """Until no execution runs and no message waits, at several looks in a row."""
        until, calm = time.monotonic() + _PATIENCE_SECONDS, 0
        while time.monotonic() < until:
            counts = self._sqs.get_queue_attributes(
                QueueUrl=self._arrivals, AttributeNames=_COUNTS
            )["Attributes"]
            is_calm = not self._running() and not any(int(count) for count in counts.values())
            calm = calm + 1 if is_calm else 0
            if calm == _CALM_CHECKS:
                return True
            time.sleep(0.15)
        return False

    def _redrive(self) -> None:
        """Send dead letters again, as an operator does."""
        for body in self.take_dead_letters():
            self._sqs.send_message(QueueUrl=self._arrivals, MessageBody=body)

    def take_dead_letters(self) -> list[str]:
        """The bodies of the dead letters, which are gone then."""
        bodies = []
        while messages := self._sqs.receive_message(
            QueueUrl=self._dead, MaxNumberOfMessages=10, WaitTimeSeconds=0
        ).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                self._sqs.delete_message(
                    QueueUrl=self._dead, ReceiptHandle=message["ReceiptHandle"]
                )

        return bodies

    def _running(self) -> list[str]:
        found = self._states.list_executions(
            stateMachineArn=self.account.info.state_machine_arn, statusFilter="RUNNING"
        )
        return [each["executionArn"] for each in found["executions"]]

    def _there(self, key: str) -> set[str]:
        listed = self._s3.list_object_versions(Bucket=self._bucket, Prefix=key)
        return {v["VersionId"] for v in listed.get("Versions", []) if v["Key"] == key}

    def _items(self) -> list[dict[str, Any]]:
        pages = self.client.of("dynamodb").get_paginator("scan")
        table = self.account.info.ledger_table
        return [item for page in pages.paginate(TableName=table) for item in page["Items"]]

    def _files(self) -> list[dict[str, Any]]:
        return [item for item in self._items() if item["pk"]["S"].startswith("FILE#")]

    def _ledger_states(self) -> dict[str, str]:
        originals = [item for item in self._files() if item["replay"]["N"] == "0"]
        return {item["version_id"]["S"]: item["state"]["S"] for item in originals}

    def _snapshot(self) -> Bucket:
        """The bucket's data/ as the oracle reads it."""
        copied = Bucket(self._bucket)
        pages = self._s3.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix="data/"):
            for each in page.get("Versions", []):
                body = self._s3.get_object(
                    Bucket=self._bucket, Key=each["Key"], VersionId=each["VersionId"]
                )["Body"].read()
                copied.versions.setdefault(each["Key"], []).insert(
                    0,
                    StoredVersion(
                        version_id=each["VersionId"], body=body, modified_at=each["LastModified"]
                    ),
                )
        return copied

    def _empty(self) -> None:
        """Forget what earlier seeds left, but for the generations, whose names are taken."""
        pages = self._s3.get_paginator("list_object_versions")
        for prefix in ("data/", "work/"):
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                    self._s3.delete_object(
                        Bucket=self._bucket, Key=each["Key"], VersionId=each["VersionId"]
                    )
        for item in self._items():
            if not item["sk"]["S"].startswith(("HEAD", "LEASE")):
                key = {"pk": item["pk"], "sk": item["sk"]}
                self.client.of("dynamodb").delete_item(
                    TableName=self.account.info.ledger_table, Key=key
                )
        self.take_dead_letters()
        self.client.run("DELETE FROM sluice.load_history")
        for table in TABLES:
            if Records(self.client).has(table):
                self.client.run(f'DELETE FROM "{table}"')


@contextmanager
def player(folder: Path, *, seed: int = 0) -> Iterator[Player]:
    """An account of this process to play in."""
    logging.disable(logging.CRITICAL)  # killed functions and refused calls are no news here
    try:
        with running_account(folder, seed=seed) as account:
            yield Player(account)
    finally:
        logging.disable(logging.NOTSET)


def _play_all(seeds: list[int]) -> list[Played]:
    with tempfile.TemporaryDirectory() as folder, player(Path(folder) / "home") as made:
        return [made.play(seed) for seed in seeds]


def main(
    schedules: Annotated[int, typer.Option(help="How many seeds.")] = 200,
    first: Annotated[int, typer.Option(help="The first seed.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes, each with an account.")] = 2,
) -> None:
    """Play fault schedules through the emulated account.

    Example: python -m tests.faults.account --schedules 20
    """
    started = time.monotonic()
    seeds = list(range(first, first + schedules))
    starts = range(0, schedules, _SEEDS_OF_ONE_ACCOUNT)
    parts = [seeds[at : at + _SEEDS_OF_ONE_ACCOUNT] for at in starts]
    played: list[Played] = []
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for part in pool.imap_unordered(_play_all, parts):
            played += part
            typer.echo(f"{len(played)} of {schedules} played", err=True)
    verdicts, met = Counter[str](), Counter[str]()
    for each in played:
        verdicts.update(each.verdicts)
        met.update(each.met)
        if each.violations:
            typer.echo(f"seed {each.seed}\n" + "\n".join([*each.told, *each.violations]), err=True)
    violations = sum(bool(each.violations) for each in played)
    result = {
        "schedules": len(played),
        "violations": violations,
        "versions": dict(verdicts),
        "faults": dict(met),
        "seconds": round(time.monotonic() - started, 1),
    }
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps(result, indent=2) + "\n")
    typer.echo(json.dumps(result))
    raise typer.Exit(1 if violations else 0)


if __name__ == "__main__":
    typer.run(main)
