"""The `.sluice/` folder: where a running account says how to reach it.

Light on purpose: the command line reads it without loading the emulator.
"""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

HEALTH_PATH = "/_sluice/health"
NOTIFICATIONS_PATH = "/_sluice/notifications"
WAIT_SCALE = 0.02
"""How much of AWS's waits an account waits, unless it is told otherwise."""
_STOP_SECONDS = 30.0
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NoAccountError(Exception):
    """No emulated account is running for this folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInfo:
    """How to reach a running account; `account.json` holds exactly this."""

    endpoint_url: str
    region: str
    bucket: str
    database: str
    workgroup: str
    state_machine_arn: str
    topic_arn: str
    dead_letter_queue_url: str
    ledger_table: str
    pid: int
    wait_scale: float

    def to_env(self) -> dict[str, str]:
        """The variables that point any AWS client at the account."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "SLUICE_ENVIRONMENT": "local",
        }

    def shell(self) -> str:
        """The same as lines for `eval "$(sluice local env)"`."""
        exports = [f"export {name}={value}" for name, value in self.to_env().items()]
        return "\n".join([*exports, "unset AWS_PROFILE AWS_SESSION_TOKEN"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folder of one account."""

    folder: Path

    @classmethod
    def below(cls, project_root: Path) -> "Home":
        """`$SLUICE_HOME`, or `.sluice` below the project."""
        chosen = os.environ.get("SLUICE_HOME")
        return cls(folder=Path(chosen) if chosen else project_root / ".sluice")

    @property
    def info_file(self) -> Path:
        """Present while the account runs."""
        return self.folder / "account.json"

    @property
    def logs(self) -> Path:
        """One file a function."""
        return self.folder / "logs"

    @property
    def state(self) -> Path:
        """What `--keep` keeps."""
        return self.folder / "state"

    @property
    def warehouse(self) -> Path:
        """The warehouse's data."""
        return self.folder / "warehouse"

    @property
    def cache(self) -> Path:
        """What can be made again: synthesized templates, unzipped code."""
        return self.folder / "cache"

    @property
    def output(self) -> Path:
        """What a detached account prints."""
        return self.folder / "account.log"

    def info(self) -> AccountInfo:
        """The running account; raises NoAccountError if there is none."""
        try:
            found: dict[str, Any] = json.loads(self.info_file.read_text())
        except FileNotFoundError:
            raise NoAccountError(
                f"no account is running in {self.folder}; start one with `sluice local up`"
            ) from None
        known = {field.name for field in fields(AccountInfo)}
        info = AccountInfo(**{name: value for name, value in found.items() if name in known})
        if not _alive(info.pid):
            raise NoAccountError(
                f"the account in {self.folder} ended without saying so; start it again"
            )
        return info

    def publish(self, info: AccountInfo) -> None:
        """Announce a running account, in one step: readers never see half a file."""
        partial = self.info_file.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(info), indent=2) + "\n")
        partial.replace(self.info_file)

    def withdraw(self) -> None:
        """Take the announcement back."""
        self.info_file.unlink(missing_ok=True)

    def stop(self) -> None:
        """End the running account and wait for it; raises NoAccountError if there is none."""
        info = self.info()
        if get(info, HEALTH_PATH).get("pid") != info.pid:
            raise NoAccountError(f"{info.endpoint_url} is not the account of {self.folder}")
        os.kill(info.pid, signal.SIGTERM)
        until = time.monotonic() + _STOP_SECONDS
        while _alive(info.pid):
            if time.monotonic() > until:
                raise TimeoutError(
                    f"account {info.pid} did not end in {_STOP_SECONDS:.0f} s; see {self.output}"
                )
            time.sleep(0.05)

    def tail(self, function: str | None = None) -> dict[str, list[str]]:
        """The log lines of every function, or of one (by any part of its name)."""
        return {
            path.stem: path.read_text(encoding="utf-8").splitlines()
            for path in sorted(self.logs.glob("*.log"))
            if function is None or function in path.stem
        }


def get(info: AccountInfo, path: str) -> Any:
    """Ask the running account itself."""
    url = f"{info.endpoint_url}{path}"
    try:
        with _NO_PROXY.open(url, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.URLError as error:
        raise NoAccountError(f"{url} does not answer: {error.reason}") from error


def _alive(pid: int) -> bool:
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False  # our own child, which ended and waited for us to notice
    except ChildProcessError:
        pass  # started by another command, as usual
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
