"""Options that several commands share, spelled once."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

InEnvironment = Annotated[
    str | None,
    typer.Option(
        "--environment",
        "-e",
        envvar="SLUICE_ENVIRONMENT",
        help="local, or a deployed environment; local if an account runs here and nobody says.",
    ),
]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where nobody answers.")]
