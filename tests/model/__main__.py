"""`make model`: every state of the protocol in a few small accounts, and what breaks it."""

import time
from typing import Annotated

import typer
from rich.console import Console

from tests.model.explore import Report, explore
from tests.model.scopes import DEEP, DEFAULT
from tests.model.variants import DEEP_VARIANTS, VARIANTS

_MOST_STATES = 4_000_000


def main(
    deep: Annotated[bool, typer.Option(help="Also the large scopes: minutes, gigabytes.")] = False,
    only: Annotated[str, typer.Option(help="Only scopes and variants whose name holds this.")] = "",
    variants: Annotated[bool, typer.Option(help="Also break the protocol, thing by thing.")] = True,
    traces: Annotated[bool, typer.Option(help="Print the way to each violation.")] = True,
) -> None:
    """Explore the load protocol state by state.

    Example: python -m tests.model --deep --only versions
    """
    console = Console()
    started = time.monotonic()
    scopes = [s for s in (*DEFAULT, *(DEEP if deep else ())) if only in s.name]
    reports = [_explored(console, explore(s, most_states=_MOST_STATES)) for s in scopes]
    failed = [report for report in reports if report.violation]
    for report in failed:
        console.print(report.told(), markup=False, highlight=False)
    cut = sum(not report.is_whole and not report.violation for report in reports)
    missed = 0
    chosen = (*VARIANTS, *(DEEP_VARIANTS if deep else ())) if variants else ()
    for variant in [v for v in chosen if only in v.broken]:
        report = explore(variant.scope, most_states=_MOST_STATES)
        is_caught = variant.violation in report.violation
        missed += not is_caught
        verdict = "caught" if is_caught else "MISSED"
        told = report.told() if traces and report.violation else report.violation
        console.print(f"\n{verdict}: {told}", markup=False, highlight=False)
    states, seconds = sum(r.states for r in reports), time.monotonic() - started
    console.print(
        f"\n{states:,} states, {len(failed)} violations, {missed} variants missed, {cut} scopes"
        f" not seen whole, {seconds:.0f} seconds"
    )
    raise typer.Exit(1 if failed or missed else 0)


def _explored(console: Console, report: Report) -> Report:
    seen = "" if report.is_whole or report.violation else " (not all)"
    console.print(
        f"{report.states:>10,} states{seen} {report.seconds:>7.1f} s  {report.scope.name}:"
        f" {report.violation or 'holds'}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return report


if __name__ == "__main__":
    typer.run(main)
