"""`python -m cli`: the `sluice` command."""

from cli.main import app

app(prog_name="sluice")
