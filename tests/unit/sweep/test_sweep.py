"""A sweep, on moto's S3, DynamoDB, SQS and SNS: what it sends, clears, wakes and says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from config.metrics import Metric
from config.runtime import SweepSettings
from lambdas.shared.aws import clients
from lambdas.shared.aws.alerts import Alerts
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.objects import Objects, Version, VersionPage
from lambdas.shared.aws.workflow import Workflow
from lambdas.shared.domain.errors import ConfigInvalidError
from lambdas.shared.domain.events import ObjectCreated, WakeUp, parse_event
from lambdas.shared.domain.files import File, FileState, Verdict
from lambdas.shared.starting import FAILURES_ALLOWED
from lambdas.sweep.handler import handler
from tests.moto_account import empty_account, make_bucket, make_ledger

BUCKET = "my-data-bucket"
JOBS: list[dict[str, Any]] = [
    {
        "job_id": name.upper(),
        "job_name": name,
        "source_file_name": f"{name}*.csv",
        "target_table": name,
        "upsert_keys": ["id"],
        "is_active": name != "sleeping",
    }
    for name in ("orders", "customers", "sleeping")
]
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:load"


@dataclass
class Account:
    """What a sweep meets."""

    monkeypatch: pytest.MonkeyPatch
    arrivals: str
    notices: str
    settings: SweepSettings

    def configure(self, *jobs: dict[str, Any]) -> None:
        body = json.dumps(jobs).encode()
        clients.s3().put_object(Bucket=BUCKET, Key="config/config.json", Body=body)

    def upload(self, name: str) -> File:
        key = f"data/in/{name}"
        put = clients.s3().put_object(Bucket=BUCKET, Key=key, Body=b"id\n1\n")
        return File(
            bucket=BUCKET, key=key, version_id=put["VersionId"], etag=put["ETag"].strip('"'),
            size=5, sequence="0A", arrived_at=datetime.now(UTC),
        )  # fmt: skip

    @property
    def ledger(self) -> Ledger:
        return Ledger("ledger")

    def sweep(
        self, *, by_hand: bool = True, position: Any = None, remaining_ms: int = 900_000
    ) -> dict[str, Any]:
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: remaining_ms)
        return handler({"by_hand": by_hand, "position": position}, context)

    def use(self, **changes: Any) -> None:
        for name, value in replace(self.settings, **changes).to_env().items():
            self.monkeypatch.setenv(name, value)

    def sent(self) -> list[Any]:
        return [parse_event(each) for each in self._received(self.arrivals)]

    def said(self) -> list[str]:
        return [each["Subject"] for each in self._received(self.notices)]

    def _received(self, url: str) -> list[Any]:
        found: list[Any] = []
        while (
            messages := clients.sqs()
            .receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            .get("Messages")
        ):
            found += [json.loads(message["Body"]) for message in messages]
        return found


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with empty_account(monkeypatch):
        yield _account(monkeypatch)


def _account(monkeypatch: pytest.MonkeyPatch) -> Account:
    make_bucket(BUCKET)
    make_ledger()
    topic = clients.sns().create_topic(Name="notices")["TopicArn"]
    notices = clients.sqs().create_queue(QueueName="notices")["QueueUrl"]
    clients.sns().subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:notices"
    )
    settings = SweepSettings(
        bucket=BUCKET,
        ledger_table="ledger",
        topic_arn=topic,
        state_machine_arn=MACHINE,
        arrivals_queue_url=clients.sqs().create_queue(QueueName="arrivals")["QueueUrl"],
        most_messages=1000,
        patience_seconds=300,
    )
    made = Account(monkeypatch, settings.arrivals_queue_url, notices, settings)
    made.use()
    made.configure(*JOBS)
    return made


def settled(file: File, state: FileState = FileState.LOADED) -> Verdict:
    return Verdict(file=file, state=state, rows=1)


def test_a_version_without_a_verdict_is_sent_as_itself_and_without_an_order(
    account: Account,
) -> None:
    older, newer = account.upload("orders 100%+1.csv"), account.upload("orders 100%+1.csv")

    assert account.sweep()["sent"] == 2

    sent = account.sent()
    assert {each.version_id for each in sent} == {older.version_id, newer.version_id}
    for event in sent:
        assert isinstance(event, ObjectCreated)
        assert (event.bucket, event.key, event.etag) == (BUCKET, older.key, older.etag)
        assert event.sequencer is None


def test_what_is_pooled_is_not_sent_and_its_job_is_woken(account: Account) -> None:
    account.ledger.pool_file(account.upload("orders.csv"), "ORDERS")

    swept = account.sweep()

    assert (swept["sent"], swept["woken"]) == (0, 1)
    assert account.sent() == [WakeUp(job_id="ORDERS")]


def test_a_settled_version_is_cleared_and_one_that_was_missing_is_not(account: Account) -> None:
    loaded, missing = account.upload("orders.csv"), account.upload("customers.csv")
    for file, state in ((loaded, FileState.LOADED), (missing, FileState.MISSING)):
        account.ledger.pool_file(file, "ORDERS")
        account.ledger.project([settled(file, state)], "ORDERS", "batch")

    swept = account.sweep()

    assert (swept["cleared"], swept["sent"], swept["woken"]) == (1, 0, 0)
    assert [v.version_id for v in Objects(BUCKET).versions(missing.key)] == [missing.version_id]
    assert Objects(BUCKET).versions(loaded.key) == []


def test_a_file_of_an_inactive_job_is_made_known_once_and_sent_when_the_job_is_active(
    account: Account,
) -> None:
    file = account.upload("sleeping.csv")
    assert account.sweep()["sent"] == 1  # route keeps it waiting
    account.ledger.let_wait(file, "SLEEPING")
    assert account.sweep()["sent"] == 0

    account.configure(*({**job, "is_active": True} for job in JOBS))

    assert account.sweep()["sent"] == 1


def test_a_young_upload_has_an_event_of_its_own_unless_somebody_asks(account: Account) -> None:
    account.upload("orders.csv")

    assert account.sweep(by_hand=False)["sent"] == 0
    account.use(patience_seconds=0)
    assert account.sweep(by_hand=False)["sent"] == 1
    account.use(patience_seconds=300)
    assert account.sweep(by_hand=True)["sent"] == 1


def test_a_ledger_restored_from_long_ago_finds_the_open_generation_at_once(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of all generations since are taken: one more a sweep would take weeks."""
    account.ledger.pool_file(account.upload("orders_1.csv"), "ORDERS")
    monkeypatch.setattr(
        Workflow, "has_closed", lambda _self, name: int(name.rsplit("-", 1)[1]) < 400
    )

    assert account.sweep()["woken"] == 1
    assert account.ledger.generation("ORDERS") == 400


def test_a_job_that_was_given_up_is_woken_by_hand_alone(account: Account) -> None:
    account.ledger.pool_file(account.upload("orders.csv"), "ORDERS")
    for number in range(FAILURES_ALLOWED + 1):
        account.ledger.count_failure("ORDERS", f"run-{number}")

    assert account.sweep(by_hand=False)["woken"] == 0
    assert account.sweep(by_hand=True)["woken"] == 1


def paged(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Pages as S3 makes them; moto's begin at another place behind a key alone."""
    plain = clients.s3().list_object_versions

    def listed(**request: Any) -> Any:
        if "MaxKeys" not in request:
            return plain(**request)
        everything = plain(Bucket=request["Bucket"], Prefix=request["Prefix"])
        kinds = ("Versions", "DeleteMarkers")
        entries = [(kind, each) for kind in kinds for each in everything.get(kind, [])]
        entries.sort(key=lambda entry: entry[1]["Key"])
        left = entries[_start(entries, request.get("KeyMarker"), request.get("VersionIdMarker")) :]
        page: Any = {kind: [each for found, each in left[:size] if found == kind] for kind in kinds}
        if len(left) > size:
            last = left[size - 1][1]
            page |= {
                "IsTruncated": True,
                "NextKeyMarker": last["Key"],
                "NextVersionIdMarker": last["VersionId"],
            }
        return page

    monkeypatch.setattr(clients.s3(), "list_object_versions", listed)


def _start(entries: list[Any], key: str | None, version_id: str | None) -> int:
    for position, (_, each) in enumerate(entries):
        if each["Key"] == key and each["VersionId"] == version_id:
            return position + 1
    return sum(key is not None and each["Key"] <= key for _, each in entries)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
def test_pages_hold_every_version_once(
    account: Account, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    names = ("a", "b", "b", "b", "c", "d", "d", "e")
    uploaded = {account.upload(f"orders_{name}.csv").version_id for name in names}
    clients.s3().delete_object(Bucket=BUCKET, Key="data/in/orders_c.csv")  # a marker, no version
    paged(monkeypatch, size)

    pages = list(_pages())

    versions = [version.version_id for page in pages for _, version in page.versions]
    assert sorted(versions) == sorted(uploaded)
    assert size > len(names) or len(pages) > 1


def _pages() -> Iterator[VersionPage]:
    position = None
    while True:
        page = Objects(BUCKET).page_of_versions("data/in/", position)
        yield page
        if page.following is None:
            return
        position = page.following


def test_a_run_that_sent_enough_is_gone_on_with_by_the_next(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        account.upload(f"orders_{number}.csv")
    paged(monkeypatch, 3)
    account.use(most_messages=2, patience_seconds=0)

    runs = [account.sweep(by_hand=False) for _ in range(3)]

    assert [run["position"] is None for run in runs] == [False, False, True]
    assert [run["sent"] for run in runs] == [2, 2, 2]
    assert len({event.version_id for event in account.sent()}) == 6
    assert account.sweep(by_hand=False)["listed"] == 2, "the next begins anew"


def test_a_run_without_time_stops_after_a_page(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        account.upload(f"orders_{number}.csv")
    paged(monkeypatch, 2)

    assert account.sweep(remaining_ms=1000)["position"] is not None


def test_a_sweep_by_hand_looks_at_everything_wherever_the_schedule_stopped(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        account.upload(f"orders_{number}.csv")
    paged(monkeypatch, 3)
    account.use(most_messages=2, patience_seconds=0)
    scheduled = account.sweep(by_hand=False)
    assert scheduled["position"] is not None

    first = account.sweep(by_hand=True)
    second = account.sweep(by_hand=True, position=first["position"])

    assert first["listed"] + second["listed"] == 4
    assert second["position"] is None
    assert account.sweep(by_hand=False)["listed"] == 2, "the schedule goes on where it stopped"


def expecting(**expect: str) -> dict[str, Any]:
    return JOBS[0] | {"expect": {"by": "00:00", "every": "hour", **expect}}


def expected_since(account: Account, hours_ago: float) -> None:
    since = datetime.now(UTC) - timedelta(hours=hours_ago)
    account.ledger.expected("ORDERS", since.isoformat())


def arrived(account: Account, at: datetime) -> None:
    file = replace(account.upload("orders.csv"), arrived_at=at)
    account.ledger.pool_file(file, "ORDERS")


def deadline(hours_ago: int = 0) -> datetime:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return now - timedelta(hours=hours_ago)


def test_a_file_that_did_not_come_is_said_once(account: Account) -> None:
    account.configure(expecting())
    expected_since(account, 5)

    assert [account.sweep()["overdue"] for _ in range(3)] == [1, 0, 0]
    assert account.said() == ["Overdue: orders"]


@pytest.mark.parametrize(("dies", "said"), [((Alerts, "publish"), 1), ((Ledger, "note_missed"), 2)])
def test_a_sweep_that_dies_over_a_missed_file_leaves_it_to_the_next(
    account: Account, capsys: pytest.CaptureFixture[str], dies: tuple[type, str], said: int
) -> None:
    """Said and counted twice is better than never."""
    account.configure(expecting())
    expected_since(account, 5)
    with account.monkeypatch.context() as patched:
        patched.setattr(*dies, died)
        with pytest.raises(RuntimeError):
            account.sweep()
    capsys.readouterr()

    counted = []
    for _ in range(2):
        account.sweep()
        counted.append(overdue_in(capsys.readouterr().out))
    assert counted == [1, 0]
    assert account.said() == ["Overdue: orders"] * said


def died(*_arguments: Any, **_fields: Any) -> None:
    raise RuntimeError("died")


def overdue_in(log: str) -> float:
    """The metric's sum."""
    lines = [json.loads(line) for line in log.splitlines()]
    return sum(sum(line.get(Metric.OVERDUE.value, [])) for line in lines)


def test_a_notice_of_a_missed_file_that_the_topic_refuses_is_tried_again(account: Account) -> None:
    account.configure(expecting())
    expected_since(account, 5)
    topic = account.settings.topic_arn
    account.use(topic_arn=f"{topic}-gone")
    assert [account.sweep()["overdue"] for _ in range(2)] == [1, 1]

    account.use(topic_arn=topic)
    assert [account.sweep()["overdue"] for _ in range(2)] == [1, 0]
    assert account.said() == ["Overdue: orders"]


def test_nobody_is_told_of_a_deadline_before_the_first_sweep(account: Account) -> None:
    account.configure(expecting())

    assert account.sweep()["overdue"] == 0


@pytest.mark.parametrize(("minutes", "overdue"), [(-1, 0), (-59, 0), (-60, 1), (1, 1)])
def test_a_file_counts_that_came_since_the_deadline_before(
    account: Account, minutes: int, overdue: int
) -> None:
    account.configure(expecting())
    expected_since(account, 5)
    arrived(account, deadline() + timedelta(minutes=minutes))

    assert account.sweep()["overdue"] == overdue


@pytest.mark.parametrize(("files", "overdue"), [(1, 1), (2, 0)])
def test_a_late_file_counts_for_the_deadline_it_missed(
    account: Account, files: int, overdue: int
) -> None:
    account.configure(expecting())
    expected_since(account, 5)
    account.ledger.note_missed("ORDERS", deadline(1).isoformat())
    for number in range(files):
        arrived(account, deadline(1) + timedelta(minutes=5 + number))

    assert account.sweep()["overdue"] == overdue


def test_without_valid_jobs_nothing_is_swept(account: Account) -> None:
    file = account.upload("orders.csv")
    clients.s3().put_object(Bucket=BUCKET, Key="config/config.json", Body=b"{}")

    with pytest.raises(ConfigInvalidError):
        account.sweep()

    assert account.sent() == []
    assert [v.version_id for v in Objects(BUCKET).versions(file.key)] == [file.version_id]


def test_a_version_is_listed_with_what_names_it(account: Account) -> None:
    file = account.upload("orders.csv")

    ((key, version),) = Objects(BUCKET).page_of_versions("data/in/", None).versions

    assert key == file.key
    assert isinstance(version, Version)
    assert (version.version_id, version.etag, version.size) == (file.version_id, file.etag, 5)
