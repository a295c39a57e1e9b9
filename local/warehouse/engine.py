"""One embedded Postgres: made, started, stopped, and gone when its parent is gone.

Only a Unix socket leads to it. Its life hangs on a pipe: a watcher beside it reads from this
process and stops the server when the pipe closes, however this process ends. (Linux' parent death
signal would follow the thread that started it, and macOS has none.)
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from local.warehouse.reachable import Account, EngineError, cache_folder, programs

SUPERUSER = "postgres"
_PORT = 5432
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.01
_RUN_DIGITS = 12
_STALE_SECONDS = 3600.0

# Nothing has to survive a power cut, but what was committed survives a killed process: it is
# written, and not flushed. Two cores do all the work.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "shared_buffers": "512MB",
    "temp_buffers": "256MB",
    "work_mem": "128MB",
    "maintenance_work_mem": "256MB",
    "jit": "off",
    "max_connections": "120",
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",  # the log holds no statement, so no row's value
}
# The watcher is a grandchild, so that Postgres does not meet a child it never started.
# A line means that the server is stopped already; the end of the pipe, that nobody is there.
_WATCHED = """
exec 3<&0 </dev/null
( { read -r line <&3 || kill -INT $$; } & ) >/dev/null 2>&1
exec 3<&-
exec "$@"
"""


class Engine:
    """A Postgres server whose state belongs to one folder.

    The state lies in that folder if Postgres' user can go there, else in a cache folder, and the
    folder keeps only its name. One process at a time may have it open.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._account = Account.for_postgres()
        self._server: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._cache: Path | None = None
        self._data: Path | None = None
        self._sockets: Path | None = None

    @property
    def dsn(self) -> str:
        """How to connect, without a database or a user; raises EngineError before `start`."""
        if self._sockets is None:
            raise EngineError("the local warehouse is not started")
        return f"host={self._sockets} port={_PORT}"

    def start(self) -> bool:
        """Start the server, making its state first if there is none; True if it was made.

        Raises EngineError if another process has the folder open, or if Postgres does not start.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._cache = cache_folder(self._account)
            sweep(self._cache)
            self._data = self._place()
            bin_folder = programs(self._account)
            fresh = not (self._data / "PG_VERSION").exists()
            if fresh:
                self._initialise(bin_folder)
            else:
                self._end_predecessor()
            self._launch(bin_folder)
        except BaseException:
            self._release()
            raise
        return fresh

    def stop(self) -> None:
        """Stop the server, keeping its state; does nothing if it is not running."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # fast: open transactions are rolled back
            try:
                self._server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)
                self._server.wait(_STOP_SECONDS)
            pipe = self._server.stdin
            if pipe is not None:
                pipe.write(b"stopped\n")
                pipe.close()
            self._server = None
        self._release()

    def discard(self) -> None:
        """Stop the server and delete its state."""
        self.stop()
        if self._data is not None:
            shutil.rmtree(self._data, ignore_errors=True)
            _owner_note(self._data).unlink(missing_ok=True)

    # --- where things lie -------------------------------------------------------------------------

    def _take_lock(self) -> None:
        lock = (self._folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise EngineError(f"another process runs a warehouse in {self._folder}") from error
        self._lock = lock

    def _release(self) -> None:
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _place(self) -> Path:
        """The data directory: inside the folder, or in the cache with its name in the folder."""
        inside = self._folder / "data"
        if self._account.can_enter(self._folder):
            return inside
        marker = self._folder / "data-in-cache"
        name = marker.read_text() if marker.exists() else ""
        if not name:
            name = f"data-{secrets.token_hex(8)}"
            _write_whole(marker, name)
        data = self._cache_path / name
        if not data.exists():
            data.mkdir(mode=0o700)
            _write_whole(_owner_note(data), str(marker.resolve()))
        return data

    @property
    def _cache_path(self) -> Path:
        if self._cache is None:
            raise EngineError("the local warehouse is not started")
        return self._cache

    @property
    def _data_path(self) -> Path:
        if self._data is None:
            raise EngineError("the local warehouse is not started")
        return self._data

    # --- the server's life ------------------------------------------------------------------------

    def _initialise(self, bin_folder: Path) -> None:
        data = self._data_path
        shutil.rmtree(data, ignore_errors=True)  # what an interrupted start left behind
        self._account.make_private(data)
        command = [
            str(bin_folder / "initdb"),
            *("-D", str(data), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
            # sorts by bytes, as Redshift does, and still knows upper from lower case
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            *("--no-sync", "--no-instructions"),
        ]
        done = subprocess.run(  # noqa: S603 (our own program and arguments)
            command,
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._account.popen_options(),
        )
        if done.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise EngineError(f"initdb failed: {done.stderr.strip()[-500:]}")

    def _end_predecessor(self) -> None:
        """Make way: a server of a dead process may still be stopping, or left only its pid file.

        We hold the folder's lock, so whoever started that server is gone.
        """
        pid_file = self._data_path / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
        except FileNotFoundError:
            return  # it stopped in order, perhaps just now
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        until = time.monotonic() + _STOP_SECONDS
        while pid and _is_server(pid, self._data_path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
            if time.monotonic() > until:
                raise EngineError(f"process {pid} still runs Postgres in {self._data_path}")
            time.sleep(0.1)
        pid_file.unlink(missing_ok=True)

    def _launch(self, bin_folder: Path) -> None:
        data = self._data_path
        run = hashlib.sha256(str(data).encode()).hexdigest()[:_RUN_DIGITS]
        sockets = self._cache_path / run
        shutil.rmtree(sockets, ignore_errors=True)
        self._account.make_private(sockets)
        self._sockets = sockets
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        server = [str(bin_folder / "postgres"), "-D", str(data), "-k", str(sockets), *settings]
        with (self._folder / "postgres.log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 (our own program and arguments)
                ["/bin/sh", "-c", _WATCHED, "sh", *server],
                cwd="/",
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for this process, which then stops the server
                **self._account.popen_options(),
            )
        self._await_ready()

    def _await_ready(self) -> None:
        server = self._server
        if server is None:
            raise EngineError("the local warehouse is not started")
        until = time.monotonic() + _START_SECONDS
        while server.poll() is None and time.monotonic() < until:
            if _is_ready(self._data_path / "postmaster.pid", server.pid):
                return
            time.sleep(_POLL_SECONDS)
        if server.poll() is None:
            self.stop()
        self._server = None
        log = self._folder / "postgres.log"
        raise EngineError(f"Postgres did not start; {log} ends: {log.read_text()[-500:]}")


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/"}


def _is_ready(pid_file: Path, pid: int) -> bool:
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _is_server(pid: int, data: Path) -> bool:
    """Whether a process is Postgres in this data directory, and not one that got the number."""
    if not Path("/proc/self").exists():  # macOS
        listed = subprocess.run(  # noqa: S603 (a number)
            ["/bin/ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return f"-D {data}" in listed.stdout
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return str(data).encode() in arguments


def _owner_note(data: Path) -> Path:
    return data.with_name(f"{data.name}.owner")


def _write_whole(path: Path, text: str) -> None:
    """Write a file that others read at any moment: they find all of it or none."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fresh.write_text(text)
    fresh.rename(path)


def sweep(cache: Path) -> None:
    """Delete what no one will come back for: data of folders that are gone, and empty sockets.

    Several processes sweep at once, so each file may vanish between two looks at it.
    """
    for note in cache.glob("data-*.owner"):
        data = note.with_suffix("")
        if _is_abandoned(note, data.name):
            shutil.rmtree(data, ignore_errors=True)
            note.unlink(missing_ok=True)
    for sockets in cache.glob("[0-9a-f]" * _RUN_DIGITS):
        with contextlib.suppress(OSError):
            # a server that starts has made its folder and not yet its socket
            if time.time() - sockets.stat().st_mtime > _STALE_SECONDS:
                sockets.rmdir()  # fails for one with a socket in it


def _is_abandoned(note: Path, name: str) -> bool:
    """Whether the folder that a note names no longer points to the data of this name."""
    try:
        marker = Path(note.read_text())
    except OSError:
        return False  # swept by another process
    try:
        return marker.read_text() != name
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # we cannot see the folder, so we cannot know
