"""Start an account, play the scenes, say whether every claim held."""

import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.account.assembly import synthesize
from local.account.clients import for_user
from local.account.home import Home
from local.account.process import start_detached
from tools.demo.account import Account
from tools.demo.claims import Claims
from tools.demo.scenes import play

ROOT = Path(__file__).parents[2]
_RESULT = ROOT / "build" / "demo.json"
_WIDTH = 120
_GO_ON = """Go on:{start}
  eval "$(./sluice local env)"
  .venv/bin/aws s3 cp FILE s3://{bucket}/data/in/
  .venv/bin/aws redshift-data execute-statement --workgroup-name {workgroup} \\
    --database {database} --sql "SELECT * FROM sluice.load_history"
  ./sluice upload FILE        ./sluice status        ./sluice local down"""
_START = """
  ./sluice local up --detach      (nothing is left running; --leave-running keeps the account)"""


def main(
    leave_running: Annotated[
        bool, typer.Option("--leave-running", help="Do not stop the account in the end.")
    ] = False,
    as_document: Annotated[bool, typer.Option("--json", help="Print the claims as JSON.")] = False,
) -> None:
    """Run the main job on an emulated account; exit status 1 if a claim fails.

    Example: python -m tools.demo --leave-running
    """
    # who is told to end cleans up as after Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(soft_wrap=True, stderr=as_document)
    if not console.is_terminal:
        console.width = _WIDTH  # nobody's window: room for names
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-demo-") as folder:
        # an account that stays is the one of this folder, where ./sluice looks for it
        here = Home.below(ROOT)
        home = here if leave_running else Home(folder=Path(folder) / "home")
        console.print("synthesizing and starting the emulated account ...")
        assembly = synthesize(ROOT, "local", cache_dir=here.cache)
        info = start_detached(assembly=assembly, home=home)
        try:
            claims = Claims(Account(info, for_user("local", info.endpoint_url), console))
            claims.figures["start_s"] = round(time.monotonic() - began, 1)
            scale = f"waits run at {info.wait_scale:g} of their time"
            console.print(f"ready at {info.endpoint_url} in {claims.figures['start_s']} s; {scale}")
            play(claims, Path(folder))
        finally:
            if not leave_running:
                home.stop()
    claims.figures["all_s"] = round(time.monotonic() - began, 1)
    document = claims.to_json()
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(document + "\n")
    held = "all hold" if claims.all_hold else "NOT ALL HOLD"
    console.print(f"{len(claims.made)} claims, {held}; {claims.figures['all_s']} s")
    where = {"bucket": info.bucket, "workgroup": info.workgroup, "database": info.database}
    console.print(_GO_ON.format(start="" if leave_running else _START, **where), highlight=False)
    if as_document:
        typer.echo(document)
    raise typer.Exit(0 if claims.all_hold else 1)


if __name__ == "__main__":
    typer.run(main)
