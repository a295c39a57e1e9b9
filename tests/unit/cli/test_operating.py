"""`sluice sweep`, `replay` and `redrive`: what is shown, what is sent, what is left."""

import functools
import io
import json
from datetime import timedelta
from typing import Any

import boto3
import pytest

from cli import replay as replay_command
from cli import sweep as sweep_command
from cli.exits import Exit
from lambdas.shared.aws.queue import give_back
from lambdas.shared.aws.workflow import Workflow
from lambdas.shared.domain.events import Replay, WakeUp, parse_event, wake_up
from lambdas.shared.domain.files import File, Verdict
from tests.unit.cli import files
from tests.unit.cli.conftest import BUCKET, JOBS, Deployed


def sent(deployed: Deployed) -> list[Any]:
    """The events in the arrivals queue."""
    return [parse_event(json.loads(body)) for body in bodies(deployed.outputs["ArrivalsQueueUrl"])]


def bodies(url: str) -> list[str]:
    found: list[str] = []
    while (
        messages := boto3.client("sqs")
        .receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0 if len(found) > 99 else 30
        )
        .get("Messages")
    ):
        found += [each["Body"] for each in messages]
    return found


def settled(deployed: Deployed, *verdicts: Verdict, job_id: str = "J1") -> None:
    """Files with verdicts, and their raw copies."""
    files.settle(deployed.ledger, *verdicts, job_id=job_id, execution="run", at=files.START)
    for verdict in verdicts:
        key = verdict.file.raw_key("customers")
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"id\n1\n")


# --- replay


def test_a_job_s_files_are_sent_in_the_order_of_arrival(deployed: Deployed) -> None:
    arrived = [files.a_file(f"customers_{n}.csv", minutes=n) for n in (3, 1, 2)]
    settled(deployed, *(files.loaded(file, 1) for file in arrived))

    answer = deployed.run_json("replay", "--job", "customers", "--yes")

    assert answer["sent"] == 3
    replays = sent(deployed)
    assert all(isinstance(each, Replay) and each.job_id == "J1" for each in replays)
    assert [(each.file.name, each.file.replay) for each in replays] == [
        ("customers_1.csv", 1), ("customers_2.csv", 1), ("customers_3.csv", 1),
    ]  # fmt: skip
    assert replays[0].file.original == arrived[1]


def test_a_dry_run_sends_nothing(deployed: Deployed) -> None:
    settled(deployed, files.loaded(files.a_file("customers.csv"), 7))

    answer = deployed.run_json("replay", "--file", "customers.csv", "--dry-run")

    assert (answer["sent"], sent(deployed)) == (0, [])
    (found,) = answer["files"]
    assert (found["key"], found["replay"], found["rows"]) == ("data/in/customers.csv", 1, 7)


def test_from_and_to_are_inclusive(deployed: Deployed) -> None:
    arrived = [files.a_file(f"customers_{n}.csv", minutes=n) for n in range(5)]
    settled(deployed, *(files.loaded(file, 1) for file in arrived))
    first, last = (f"{files.START + timedelta(minutes=n):%Y-%m-%dT%H:%M:%S}" for n in (1, 3))

    answer = deployed.run_json("replay", "--job", "J1", "--from", first, "--to", last, "--dry-run")

    assert [each["key"][-5] for each in answer["files"]] == ["1", "2", "3"]


def test_a_replay_that_waits_is_left_out_and_one_that_ended_is_counted_on(
    deployed: Deployed,
) -> None:
    file = files.a_file("customers.csv")
    settled(deployed, files.loaded(file, 1))
    again = File.from_json(file.to_json() | {"replay": 1})
    deployed.ledger.pool_file(again, "J1")

    answer = deployed.run_json("replay", "--job", "J1", "--yes")
    assert (answer["sent"], answer["files"][0]["left_out"]) == (0, "is already waiting")

    deployed.ledger.project([files.loaded(again, 1)], "J1", "batch")
    assert deployed.run_json("replay", "--job", "J1", "--yes")["sent"] == 1
    assert [each.file.replay for each in sent(deployed)] == [2]


def test_the_newest_version_of_a_key_is_chosen(deployed: Deployed) -> None:
    older = files.a_file("customers.csv", minutes=1, version_id="old")
    newer = files.a_file("customers.csv", minutes=2, version_id="new")
    settled(deployed, files.loaded(newer, 1), files.loaded(older, 1))

    deployed.run_json("replay", "--file", "data/in/customers.csv", "--yes")

    assert [each.file.version_id for each in sent(deployed)] == ["new"]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [("active", "job J1 is not active"), ("copy", "has no raw copy any more")],
)
def test_what_cannot_be_replayed_says_why(deployed: Deployed, spoil: str, reason: str) -> None:
    file = files.a_file("customers.csv")
    settled(deployed, files.loaded(file, 1))
    if spoil == "active":
        deployed.configure([{**JOBS[0], "is_active": False}])
    else:
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=file.raw_key("customers"))

    answer = deployed.run_json("replay", "--job", "J1", "--yes")

    assert (answer["sent"], answer["files"][0]["left_out"]) == (0, reason)


def test_rejected_files_are_replayed_when_asked_for(deployed: Deployed) -> None:
    settled(deployed, files.rejected(files.a_file("customers_1.csv")))

    assert deployed.run_json("replay", "--job", "J1", "--yes")["sent"] == 0
    assert deployed.run_json("replay", "--job", "J1", "--state", "rejected", "--yes")["sent"] == 1


def test_the_most_files_are_the_newest_and_a_cut_is_said(deployed: Deployed) -> None:
    arrived = [files.a_file(f"customers_{n}.csv", minutes=n) for n in range(3)]
    settled(deployed, *(files.loaded(file, 1) for file in arrived))
    asked = ("replay", "--job", "J1", "--dry-run", "--most")

    cut = deployed.run_json(*asked, "2")
    assert cut["cut"] is True
    assert [each["key"][-5] for each in cut["files"]] == ["1", "2"]
    assert deployed.run_json(*asked, "3")["cut"] is False

    said = (
        "more than 2 such files, and these are the newest; narrow --from and --to, or raise --most"
    )
    assert said in deployed.run(*asked, "2", "-e", "dev").stderr
    assert "--most" not in deployed.run(*asked, "3", "-e", "dev").stderr


def test_replays_and_files_that_ended_otherwise_do_not_count_towards_the_most(
    deployed: Deployed,
) -> None:
    older, newer = (files.a_file(f"customers_{n}.csv", minutes=n) for n in (1, 2))
    again = [File.from_json(newer.to_json() | {"replay": n}) for n in (1, 2)]
    bad = files.a_file("customers_bad.csv", minutes=3)
    settled(deployed, *(files.loaded(file, 1) for file in (older, newer, *again)))
    settled(deployed, files.rejected(bad))

    answer = deployed.run_json("replay", "--job", "J1", "--most", "2", "--yes")

    assert (answer["sent"], answer["cut"]) == (2, False)
    assert [each.file.name for each in sent(deployed)] == ["customers_1.csv", "customers_2.csv"]


@pytest.mark.parametrize(("most_read", "is_cut"), [(3, False), (2, True)])
def test_older_files_that_were_not_looked_at_are_said(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, most_read: int, is_cut: bool
) -> None:
    monkeypatch.setattr(replay_command, "_MOST_READ", most_read)
    arrived = [files.a_file(f"customers_{n}.csv", minutes=n) for n in range(3)]
    settled(deployed, files.rejected(arrived[0]), *(files.loaded(file, 1) for file in arrived[1:]))
    asked = ("replay", "--job", "J1", "--state", "rejected", "--dry-run")

    answer = deployed.run_json(*asked)

    assert (answer["cut"], len(answer["files"])) == (is_cut, 0 if is_cut else 1)
    assert ("newest 2 files and replays" in deployed.run(*asked, "-e", "dev").stderr) is is_cut


@pytest.mark.parametrize(
    ("mode", "warning"),
    [
        ({}, "has no order_by"),
        ({"load_mode": "append"}, "ends SUPERSEDED"),
        ({"load_mode": "overwrite"}, "the last of these files"),
        ({"load_mode": "overwrite", "order_by": "at"}, "the last of these files"),
        ({"order_by": "at"}, ""),
    ],
)
def test_what_a_replay_may_do_to_the_table_is_said(
    deployed: Deployed, mode: dict[str, Any], warning: str
) -> None:
    deployed.configure([{**JOBS[0], **mode}])
    settled(deployed, files.loaded(files.a_file("customers.csv"), 1))

    result = deployed.run("replay", "--job", "J1", "--dry-run", "-e", "dev")

    assert warning in result.stderr
    assert bool(result.stderr) == bool(warning)


def test_replays_are_sent_no_faster_than_the_rate(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(deployed, *(files.loaded(files.a_file(f"customers_{n}.csv"), 1) for n in range(25)))
    now, pauses = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    in_turn = functools.partial(replay_command._send, clock=lambda: now[0], sleep=sleep)
    monkeypatch.setattr(replay_command, "_send", in_turn)

    assert deployed.run_json("replay", "--job", "J1", "--rate", "4", "--yes")["sent"] == 25
    assert pauses == [2.5, 2.5]


def test_nobody_to_ask_is_wrong_usage(deployed: Deployed) -> None:
    answer = deployed.run_json("replay", "--job", "J1", code=Exit.BAD_INPUT)
    assert answer["error"]["type"] == "UsageError"


@pytest.mark.parametrize("wrong", [[], ["--job", "J1", "--file", "x"], ["--job", "nobody"]])
def test_a_replay_of_nothing_in_particular_is_wrong_usage(
    deployed: Deployed, wrong: list[str]
) -> None:
    assert deployed.run("replay", *wrong, "--yes", "-e", "dev").exit_code == Exit.BAD_INPUT


def test_an_unknown_key_is_wrong_usage(deployed: Deployed) -> None:
    answer = deployed.run_json("replay", "--file", "nobody.csv", "--yes", code=Exit.BAD_INPUT)
    assert "data/in/nobody.csv" in answer["error"]["message"]


# --- redrive


def a_letter(deployed: Deployed, queue: str, body: str) -> None:
    boto3.client("sqs").send_message(QueueUrl=deployed.outputs[queue], MessageBody=body)


def test_dead_letters_of_both_queues_are_sent_again_and_the_rest_is_left(
    deployed: Deployed,
) -> None:
    a_letter(deployed, "DeadLetterQueueUrl", json.dumps(wake_up("J1", reason="tired")))
    a_letter(deployed, "EventsDeadLetterQueueUrl", json.dumps(wake_up("J2")))
    a_letter(deployed, "DeadLetterQueueUrl", "no event at all")

    answer = deployed.run_json("redrive", "--yes")

    assert {name: answer[name] for name in ("sent", "discarded", "left")} == {
        "sent": 2, "discarded": 0, "left": 1,
    }  # fmt: skip
    assert sorted(each.job_id for each in sent(deployed)) == ["J1", "J2"]
    assert bodies(deployed.outputs["DeadLetterQueueUrl"]) == ["no event at all"]
    assert bodies(deployed.outputs["EventsDeadLetterQueueUrl"]) == []


def test_a_dry_run_leaves_every_letter_where_it_is(deployed: Deployed) -> None:
    a_letter(deployed, "DeadLetterQueueUrl", json.dumps(wake_up("J1")))

    answer = deployed.run_json("redrive", "--dry-run")

    assert [each["about"] for each in answer["letters"]] == ["wakes job J1"]
    assert sent(deployed) == []
    assert len(bodies(deployed.outputs["DeadLetterQueueUrl"])) == 1


def test_one_queue_alone_and_what_can_be_sent_nowhere_discarded(deployed: Deployed) -> None:
    a_letter(deployed, "DeadLetterQueueUrl", json.dumps(wake_up("J1")))
    a_letter(deployed, "EventsDeadLetterQueueUrl", "{}")

    answer = deployed.run_json("redrive", "--queue", "events", "--discard", "--yes")

    assert (answer["sent"], answer["discarded"], answer["left"]) == (0, 1, 0)
    assert bodies(deployed.outputs["EventsDeadLetterQueueUrl"]) == []
    assert len(bodies(deployed.outputs["DeadLetterQueueUrl"])) == 1


def test_many_letters_are_all_sent_once(deployed: Deployed) -> None:
    for number in range(25):
        a_letter(deployed, "DeadLetterQueueUrl", json.dumps(wake_up(f"J{number}")))

    assert deployed.run_json("redrive", "--yes")["sent"] == 25
    woken = sent(deployed)
    assert len({each.job_id for each in woken if isinstance(each, WakeUp)}) == len(woken) == 25


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The executions of releases by name; a name is taken for good, as in Step Functions."""
    executions: dict[str, Any] = {}

    def start(_workflow: Workflow, name: str, payload: Any) -> bool:
        is_new = name not in executions
        executions.setdefault(name, payload)
        return is_new

    monkeypatch.setattr("cli.redrive.Workflow.start", start)
    return executions


def test_a_release_that_could_not_start_is_started(
    deployed: Deployed, started: dict[str, Any]
) -> None:
    a_letter(deployed, "ReleasesDeadLetterQueueUrl", json.dumps({"release": "Redshift/Rel3.txt"}))
    a_letter(deployed, "ReleasesDeadLetterQueueUrl", json.dumps({"relaese": "Redshift/Rel4.txt"}))

    answer = deployed.run_json("redrive", "--queue", "releases", "--yes")

    assert (answer["sent"], answer["left"]) == (1, 1)
    assert [*started.values()] == [{"release": "Redshift/Rel3.txt"}]


def test_each_letter_of_the_schedule_is_a_release_though_all_ask_for_the_same(
    deployed: Deployed, started: dict[str, Any]
) -> None:
    for _ in range(2):
        a_letter(deployed, "ReleasesDeadLetterQueueUrl", "{}")
    assert deployed.run_json("redrive", "--queue", "releases", "--yes")["sent"] == 2

    a_letter(deployed, "ReleasesDeadLetterQueueUrl", "{}")
    assert deployed.run_json("redrive", "--queue", "releases", "--yes")["sent"] == 1
    assert [*started.values()] == [{}, {}, {}]


def test_a_letter_that_was_started_and_not_deleted_is_started_once(
    deployed: Deployed, started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_letter(deployed, "ReleasesDeadLetterQueueUrl", "{}")
    with monkeypatch.context() as cut_off:
        cut_off.setattr("cli.redrive.delete", give_back)
        deployed.run_json("redrive", "--queue", "releases", "--yes")

    assert deployed.run_json("redrive", "--queue", "releases", "--yes")["sent"] == 1
    assert len(started) == 1
    assert bodies(deployed.outputs["ReleasesDeadLetterQueueUrl"]) == []


def test_empty_queues_are_said_to_be(deployed: Deployed) -> None:
    result = deployed.run("redrive", "--yes", "-e", "dev")
    assert (result.exit_code, result.stdout) == (Exit.OK, "the dead-letter queues are empty\n")


# --- sweep


class SweepFunction:
    """The deployed function, as the Lambda API answers for it."""

    def __init__(self, *answers: dict[str, Any], failed: bool = False) -> None:
        self.answers = list(answers)
        self.failed = failed
        self.payloads: list[Any] = []

    def invoke(self, **request: Any) -> Any:
        assert request["FunctionName"] == "sluice-dev-sweep"
        self.payloads.append(json.loads(request["Payload"]))
        more = {"FunctionError": "Unhandled"} if self.failed else {}
        return {"Payload": io.BytesIO(json.dumps(self.answers.pop(0)).encode())} | more


def a_run(listed: int, position: dict[str, str] | None) -> dict[str, Any]:
    numbers = {"listed": listed, "sent": 1, "cleared": 2, "woken": 0, "overdue": 0}
    return {**numbers, "position": position}


def use(function: SweepFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = boto3.client
    monkeypatch.setattr(
        sweep_command.boto3,
        "client",
        lambda name, **more: function if name == "lambda" else plain(name, **more),
    )


def test_a_sweep_goes_on_to_the_end_and_adds_up(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    position = {"KeyMarker": "data/in/m.csv"}
    function = SweepFunction(a_run(1000, position), a_run(5, None))
    use(function, monkeypatch)

    assert deployed.run_json("sweep") == {
        "listed": 1005, "sent": 2, "cleared": 4, "woken": 0, "overdue": 0,
    }  # fmt: skip
    assert function.payloads == [
        {"by_hand": True, "position": None},
        {"by_hand": True, "position": position},
    ]


def test_a_sweep_that_fails_says_what_the_function_said(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(
        SweepFunction({"errorType": "ConfigMissingError", "errorMessage": "none"}, failed=True),
        monkeypatch,
    )
    answer = deployed.run_json("sweep", code=Exit.FAILED)
    assert answer["error"] == {
        "type": "SweepError",
        "message": "ConfigMissingError: none; mend that and sweep again, the log of"
        " sluice-dev-sweep says more",
    }
