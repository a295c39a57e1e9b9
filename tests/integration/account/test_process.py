"""The account as a process: detached, ended, killed, beside another one; with its state kept."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.account.home import NOTIFICATIONS_PATH, AccountInfo, Home, NoAccountError, get
from local.account.process import StartError, start_detached
from local.account.server import PortInUseError, Server
from tests.integration.account.conftest import client_of, eventually, write_assembly
from tests.integration.account.template import TEMPLATE
from tests.interruptible import interruptible

pytestmark = pytest.mark.emulated


@contextmanager
def running(home: Home, assembly: Path, **options: Any) -> Iterator[AccountInfo]:
    info = start_detached(assembly=assembly, home=home, **options)
    try:
        yield info
    finally:
        try:
            home.stop()
        except NoAccountError:
            assert not home.info_file.exists() or not Path(f"/proc/{info.pid}").exists()


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids)


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    return write_assembly(tmp_path / "cdk.out", TEMPLATE)


def test_a_kept_account_comes_back_with_versions_items_and_dead_letters_and_announces_nothing(
    tmp_path: Path, assembly: Path
) -> None:
    home = Home(folder=tmp_path / "home")
    with running(home, assembly, keep=True) as info:
        aws = client_of(info.endpoint_url)
        s3 = aws("s3")
        old = s3.put_object(Bucket="data", Key="in/kept", Body=b"old", Metadata={"a": "b"})
        new = s3.put_object(Bucket="data", Key="in/kept", Body=b"new")
        s3.put_object(Bucket="data", Key="gone", Body=b"gone")
        marker = s3.delete_object(Bucket="data", Key="gone")["VersionId"]
        aws("sqs").send_message(QueueUrl=info.dead_letter_queue_url, MessageBody="a dead letter")
        aws("sns").publish(TopicArn=info.topic_arn, Message="hello", Subject="greeting")
        (notice,) = get(info, NOTIFICATIONS_PATH)
        assert (notice["subject"], notice["message"]) == ("greeting", "hello")
        key = {"id": {"S": "in/kept"}}
        seen = lambda: aws("dynamodb").get_item(TableName="seen", Key=key)  # noqa: E731
        eventually(lambda: seen().get("Item", {}).get("times") == {"N": "2"})
        functions = children_of(info.pid)
        assert functions
    assert gone([info.pid, *functions])
    with pytest.raises(NoAccountError):
        home.info()

    with running(home, assembly, keep=True) as info:
        aws = client_of(info.endpoint_url)
        s3 = aws("s3")
        found = s3.list_object_versions(Bucket="data")
        assert [(v["VersionId"], v["IsLatest"]) for v in found["Versions"][1:]] == [
            (new["VersionId"], True),
            (old["VersionId"], False),
        ]
        assert [m["VersionId"] for m in found["DeleteMarkers"]] == [marker]
        first = s3.get_object(Bucket="data", Key="in/kept", VersionId=old["VersionId"])
        assert (first["Body"].read(), first["Metadata"]) == (b"old", {"a": "b"})
        assert first["ETag"] == old["ETag"]
        letters = aws("sqs").receive_message(QueueUrl=info.dead_letter_queue_url)["Messages"]
        assert [letter["Body"] for letter in letters] == ["a dead letter"]
        s3.put_object(Bucket="data", Key="in/after", Body=b"")
        after = lambda: aws("dynamodb").get_item(  # noqa: E731
            TableName="seen", Key={"id": {"S": "in/after"}}
        )
        eventually(lambda: "Item" in after())
        assert aws("dynamodb").get_item(TableName="seen", Key=key)["Item"]["times"] == {"N": "2"}


def test_two_accounts_share_nothing_and_a_killed_one_leaves_no_function_behind(
    tmp_path: Path, assembly: Path
) -> None:
    with running(Home(folder=tmp_path / "one"), assembly) as one:
        home = Home(folder=tmp_path / "two")
        two = start_detached(assembly=assembly, home=home)
        client_of(one.endpoint_url)("s3").put_object(Bucket="data", Key="only-one", Body=b"")
        listed = client_of(two.endpoint_url)("s3").list_objects_v2(Bucket="data")
        assert listed["KeyCount"] == 0

        functions = eventually(lambda: children_of(two.pid))
        os.kill(two.pid, signal.SIGKILL)
        assert eventually(lambda: gone(functions))
        with pytest.raises(NoAccountError, match="ended without saying so"):
            home.info()


def test_a_taken_port_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port} is in use"):
            Server(port)


def test_an_account_that_does_not_start_shows_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"manifest\.json"):
        start_detached(assembly=tmp_path, home=Home(folder=tmp_path / "home"))


def test_whoever_is_interrupted_while_an_account_starts_leaves_nothing(
    tmp_path: Path, assembly: Path
) -> None:
    starts = (
        "import sys; from pathlib import Path; from local.account.home import Home;"
        "from local.account.process import start_detached;"
        "start_detached(assembly=Path(sys.argv[1]), home=Home(folder=Path(sys.argv[2])))"
    )
    person = subprocess.Popen(
        interruptible(sys.executable, "-c", starts, str(assembly), str(tmp_path / "home")),
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: children_of(person.pid))
    started = children_of(person.pid)
    person.send_signal(signal.SIGINT)
    assert person.wait(30) != 0
    assert gone(started)
