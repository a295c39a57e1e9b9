"""`python -m tools.verify_on_aws`: ask a real account what cannot be proven without one."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.environment import entered
from cli.exits import REPORTED
from tools.verify_on_aws import (
    conversion_checks,
    data_api_checks,
    deployment_checks,
    file_checks,
    warehouse_checks,
)
from tools.verify_on_aws.checks import Answer, answered
from tools.verify_on_aws.scratch import Choices, Scratch

CHECKS = (
    *warehouse_checks.CHECKS,
    *data_api_checks.CHECKS,
    *file_checks.CHECKS,
    *conversion_checks.CHECKS,
    *deployment_checks.CHECKS,
)
_COST = (
    "It runs a few dozen short statements: some minutes of the workgroup's capacity, which"
    " Redshift Serverless bills by the second (60 seconds at least), and some tens of S3 requests."
)


def main(
    environment: Annotated[
        str, typer.Option(help="Which environment to ask; there is no default.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Yes, create and drop things there.")] = False,
    only: Annotated[str, typer.Option(help="Only checks whose name holds this.")] = "",
    secret_arn: Annotated[
        str | None, typer.Option(help="Log in with this secret; else as yourself.")
    ] = None,
    other_role_arn: Annotated[
        str | None, typer.Option(help="A role you may assume: may it see your statements?")
    ] = None,
    upload: Annotated[
        bool, typer.Option("--upload", help="Also send one file through data/in/; people are told.")
    ] = False,
    earlier: Annotated[
        Path | None, typer.Option(help="What --json printed some hours ago: do its tokens live?")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
) -> None:
    """Ask an account what Sluice relies on and no emulator can prove.

    All happens in a schema sluice_verify_<random> and below work/sluice_verify_<random>/, which are
    removed in the end. You need CREATE on the database (or --secret-arn of the admin), and to
    write the data bucket.

    It runs a few dozen short statements: some minutes of the workgroup's capacity, which Redshift
    Serverless bills by the second (60 seconds at least), and some tens of S3 requests.

    Example: python -m tools.verify_on_aws --environment dev --yes --json > verified.json
    """
    console = Console(stderr=as_json)
    if not yes:
        console.print(
            f"This creates and drops things in {environment}. {_COST} Say --yes to go on."
        )
        raise typer.Exit(2)
    before: dict[str, Any] = json.loads(earlier.read_text()) if earlier else {}
    choices = Choices(
        secret_arn=secret_arn, other_role_arn=other_role_arn, upload=upload, earlier=before
    )
    try:
        with entered(environment) as found:
            scratch = Scratch(found, choices)
            console.print(f"{environment}: schema {scratch.name}, as {scratch.identity}")
            answers, token = _asked(scratch, only, console)
    except REPORTED as error:
        console.print(f"{type(error).__name__}: {error}", markup=False)
        raise typer.Exit(5) from error
    document = {
        "environment": environment,
        "region": found.region,
        "checks": [answer.to_json() for answer in answers],
        "token": token,
    }
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        _show(answers, console)
    raise typer.Exit(1 if any(answer.holds is False for answer in answers) else 0)


def _asked(scratch: Scratch, only: str, console: Console) -> tuple[list[Answer], dict[str, str]]:
    """The answers, and a token for a later run; whatever happens, the scratch is removed."""
    try:
        scratch.make()
        answers = []
        for check in [check for check in CHECKS if only in check.name]:
            answer = answered(check, scratch)
            console.print(f"{_word(answer):>10}  {check.name}", highlight=False)
            answers.append(answer)
        return answers, data_api_checks.remember_token(scratch)
    finally:
        scratch.remove()


def _word(answer: Answer) -> str:
    return {True: "holds", False: "DOES NOT", None: "not asked"}[answer.holds]


def _show(answers: list[Answer], console: Console) -> None:
    table = Table("check", "", "expected", "observed", "what it means", show_lines=True)
    for answer in answers:
        meaning = answer.check.otherwise if answer.holds is False else ""
        table.add_row(
            answer.check.name, _word(answer), answer.check.expected, answer.observed, meaning
        )
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
