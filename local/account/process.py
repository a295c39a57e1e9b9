"""The account as a process of its own: in the foreground, or detached."""

import argparse
import contextlib
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from local.account.home import WAIT_SCALE, AccountInfo, Home, NoAccountError

_START_SECONDS = 120.0
_END_SECONDS = 30.0
_INTERPRETER = "moto.stepfunctions.parser.asl.component.eval_component"
_SIGNAL_SECONDS = 0.5
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartError(Exception):
    """A detached account ended before it was up."""


def serve(
    *,
    assembly: Path,
    home: Home,
    port: int = 0,
    wait_scale: float = WAIT_SCALE,
    keep: bool = False,
    report: Callable[[str], None] | None = None,
) -> None:
    """Run an account until SIGINT or SIGTERM, then end it and all it started."""
    if not (assembly / "manifest.json").is_file():
        raise FileNotFoundError(f"{assembly} is no cloud assembly: it has no manifest.json")
    from local.account.account import Account  # loads the emulator, which takes seconds

    def end(_signal: int, _frame: FrameType | None) -> None:
        for number in _ENDINGS:
            signal.signal(number, _ignore)  # ending takes a moment: do not end the ending
        raise KeyboardInterrupt

    for number in _ENDINGS:
        signal.signal(number, end)
    account = Account(
        assembly=assembly,
        state_dir=home.folder,
        port=port,
        wait_scale=wait_scale,
        keep=keep,
        report=report,
    )
    with contextlib.suppress(KeyboardInterrupt), account:
        if report is not None:
            report(f"ready at {account.endpoint_url}; waits run at {wait_scale:g} of their time")
        never = threading.Event()
        while not never.wait(_SIGNAL_SECONDS):
            """The kernel may give a signal to another thread, and that does not wake this one."""


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    """A handler, not SIG_IGN: Python complains of a signal that came just before that."""


def start_detached(
    *,
    assembly: Path,
    home: Home,
    port: int = 0,
    wait_scale: float = WAIT_SCALE,
    keep: bool = False,
) -> AccountInfo:
    """Start an account that outlives this process; returns once it is up.

    Raises StartError with the end of its output if it does not come up.
    """
    home.folder.mkdir(parents=True, exist_ok=True)
    arguments = ["--assembly", str(assembly), "--home", str(home.folder), "--port", str(port)]
    arguments += ["--wait-scale", str(wait_scale), *(["--keep"] if keep else [])]
    with home.output.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 -- ourselves
            [sys.executable, "-m", "local.account", *arguments],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        info = _once_up(process, home)
    except BaseException:  # Ctrl-C too: an account that nobody knows of must not stay
        process.terminate()
        process.wait(_END_SECONDS)
        raise
    process.returncode = 0  # it is on its own now: no warning that it still runs
    return info


def _once_up(process: subprocess.Popen[bytes], home: Home) -> AccountInfo:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(NoAccountError):
            info = home.info()
            if info.pid == process.pid:
                return info
        time.sleep(0.05)
    raise StartError(f"the account did not start:\n{home.output.read_text()[-4000:]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m local.account`: serve an assembly in the foreground."""
    parser = argparse.ArgumentParser(prog="local.account", description=main.__doc__)
    parser.add_argument("--assembly", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--wait-scale", type=float, default=WAIT_SCALE)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    # Every IsPresent that finds nothing is an error to moto's interpreter, and none to anybody.
    logging.getLogger(_INTERPRETER).setLevel(logging.CRITICAL)
    try:
        serve(
            assembly=options.assembly,
            home=Home(folder=options.home),
            port=options.port,
            wait_scale=options.wait_scale,
            keep=options.keep,
            report=_say,
        )
    except Exception as error:
        logging.getLogger(__name__).debug("start failed", exc_info=True)
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
