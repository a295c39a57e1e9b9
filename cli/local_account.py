"""`sluice local`: the emulated account on this machine."""

from dataclasses import asdict
from typing import Annotated

import typer

from cli.environment import ROOT
from cli.exits import Exit, UsageError
from cli.options import AsJson
from cli.output import reported, show_json, show_text
from local.account.assembly import synthesize
from local.account.home import Home, NoAccountError
from local.account.process import serve, start_detached

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.command(epilog="Example: sluice local up --detach --keep")
def up(
    port: Annotated[int, typer.Option(help="The port; 0 picks a free one.")] = 0,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it is up.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep and restore the state.")] = False,
    as_json: AsJson = False,
) -> None:
    """Synthesize the app, deploy it into an emulated account, and run it."""
    home = Home.below(ROOT)
    with reported(as_json=as_json):
        if as_json and not detach:
            raise UsageError("--json tells of an account that runs on: give --detach too")
    with reported(as_json=as_json, code=Exit.FAILED):
        _refuse_a_second(home)
        assembly = synthesize(ROOT, "local", cache_dir=home.cache)
        if not detach:
            serve(assembly=assembly, home=home, port=port, keep=keep, report=show_text)
            return
        info = start_detached(assembly=assembly, home=home, port=port, keep=keep)
    if as_json:
        show_json(asdict(info))
        return
    show_text(f"ready at {info.endpoint_url}; waits run at {info.wait_scale:g} of their time")
    show_text('next: eval "$(sluice local env)"')


def _refuse_a_second(home: Home) -> None:
    try:
        running = home.info()
    except NoAccountError:
        return
    raise UsageError(
        f"an account runs for {home.folder} already, at {running.endpoint_url}; end it with"
        " `sluice local down`, or set SLUICE_HOME to another folder"
    )


@app.command(epilog="Example: sluice local down")
def down(as_json: AsJson = False) -> None:
    """End the account that runs for this folder."""
    with reported(as_json=as_json):
        Home.below(ROOT).stop()
    if as_json:
        show_json({"status": "down"})


@app.command(epilog='Example: eval "$(sluice local env)"')
def env(as_json: AsJson = False) -> None:
    """Print the variables that point any AWS client at the account."""
    with reported(as_json=as_json):
        info = Home.below(ROOT).info()
    if as_json:
        show_json(info.to_env())
    else:
        show_text(info.shell())


@app.command(epilog="Example: sluice local logs upsert")
def logs(
    function: Annotated[str | None, typer.Argument(help="Part of a function's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what the functions logged."""
    with reported(as_json=as_json):
        home = Home.below(ROOT)
        found = home.tail(function)
        if not found:
            known = ", ".join(home.tail()) or "none; `sluice local up` starts an account"
            raise UsageError(f"no log of {function or 'any function'}; there are: {known}")
    if as_json:
        show_json(found)
        return
    for name, lines in found.items():
        show_text(f"== {name}")
        show_text("\n".join(lines))
