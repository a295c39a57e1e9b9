"""Start an account, play the scenes, say whether every claim held."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.account.assembly import synthesize
from local.account.home import Home
from local.account.process import start_detached
from tools.demo.account import Account
from tools.demo.scenes import Claims, as_json, play

ROOT = Path(__file__).parents[2]
_RESULT = ROOT / "build" / "demo.json"
_GO_ON = """Go on:
  eval "$(./sluice local env)"
  .venv/bin/aws s3 cp FILE s3://{bucket}/data/in/
  ./sluice upload FILE        ./sluice status        ./sluice local down"""


def main(
    leave_running: Annotated[
        bool, typer.Option("--leave-running", help="Do not stop the account in the end.")
    ] = False,
    as_document: Annotated[bool, typer.Option("--json", help="Print the claims as JSON.")] = False,
) -> None:
    """Run the main job on an emulated account; exit status 1 if a claim fails.

    Example: python -m tools.demo --leave-running
    """
    console = Console(soft_wrap=True, stderr=as_document)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-demo-") as folder:
        # an account that stays is the one of this folder, where ./sluice looks for it
        here = Home.below(ROOT)
        home = here if leave_running else Home(folder=Path(folder) / "home")
        console.print("synthesizing and starting the emulated account ...")
        assembly = synthesize(ROOT, "local", cache_dir=here.cache)
        info = start_detached(assembly=assembly, home=home)
        scale = f"waits run at {info.wait_scale:g} of their time"
        console.print(f"ready at {info.endpoint_url} in {time.monotonic() - began:.1f} s; {scale}")
        claims = Claims(Account(info, console))
        try:
            play(claims, Path(folder))
        finally:
            if not leave_running:
                home.stop()
    seconds = round(time.monotonic() - began, 1)
    document = as_json(claims, seconds)
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(document + "\n")
    held = "all hold" if claims.all_hold else "NOT ALL HOLD"
    console.print(f"{len(claims.made)} claims, {held}; {seconds} s")
    if leave_running:
        console.print(_GO_ON.format(bucket=info.bucket), highlight=False)
    else:
        console.print("Nothing is left running. To keep it: make demo ARGS=--leave-running")
    if as_document:
        typer.echo(document)
    raise typer.Exit(0 if claims.all_hold else 1)


if __name__ == "__main__":
    typer.run(main)
