"""`make faults`: schedules by the thousand; `make crashes`: every fault at every call of a load."""

import json
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from tests.faults import exhaustive
from tests.faults.schedule import Schedule, drawn, from_json
from tests.faults.simulate import Simulator, figures_of, simulator

_BUILD = Path("build")
_MOST_SHOWN = 3
_CHUNK = 400


def main(
    schedules: Annotated[int, typer.Option(help="How many random schedules.")] = 10_000,
    first: Annotated[int, typer.Option(help="The first seed.")] = 0,
    seed: Annotated[int | None, typer.Option(help="Replay one seed and show how it went.")] = None,
    schedule: Annotated[str, typer.Option(help="Replay one schedule: JSON, as printed.")] = "",
    crashes: Annotated[
        bool, typer.Option("--crashes", help="Not these: every single fault, and pairs of crashes.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes, each with a warehouse.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Play fault schedules against the real handlers and the real SQL.

    Example: python -m tests.faults --schedules 500
    """
    console = Console(stderr=True)
    if seed is not None or schedule:
        raise typer.Exit(_replay(_read(schedule) if schedule else drawn(seed or 0), console))
    started = time.monotonic()
    totals: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    failed: list[str] = []
    planned = (
        _systematic() if crashes else [drawn(each) for each in range(first, first + schedules)]
    )
    chunks = [planned[at : at + _CHUNK] for at in range(0, len(planned), _CHUNK)]
    with (
        multiprocessing.get_context("spawn").Pool(workers, maxtasksperchild=None) as pool,
        Progress(console=console) as progress,
    ):
        task = progress.add_task("schedules", total=len(planned))
        for figures in pool.imap_unordered(figures_of, chunks):
            totals.update(figures["totals"])
            verdicts.update(figures["verdicts"])
            failed += figures["failed"]
            progress.advance(task, figures["totals"]["schedules"])
            if not console.is_terminal:  # a bar shows nothing before its end there
                console.print(
                    f"{totals['schedules']} of {len(planned)} schedules, {len(failed)} failed"
                )
    name = "crashes" if crashes else "faults"
    _BUILD.mkdir(exist_ok=True)
    told_whole = _BUILD / f"{name}-failed.txt"
    told_whole.write_text("\n\n".join(failed))
    for told in failed[:_MOST_SHOWN]:
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    if len(failed) > _MOST_SHOWN:
        console.print(f"all {len(failed)}: {told_whole}", markup=False, highlight=False)
    result = {
        **totals,
        "violations": len(failed),
        "versions": dict(verdicts),
        "seconds": round(time.monotonic() - started, 1),
    }
    (_BUILD / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    typer.echo(json.dumps(result) if as_json else "\n".join(f"{k}: {v}" for k, v in result.items()))
    raise typer.Exit(1 if failed else 0)


@contextmanager
def _playing() -> Iterator[Simulator]:
    with tempfile.TemporaryDirectory() as folder, simulator(Path(folder) / "warehouse") as made:
        yield made


def _read(text: str) -> Schedule:
    try:
        return from_json(text)
    except ValueError as error:
        raise typer.BadParameter(f"paste the JSON that a failing run printed: {error}") from error


def _replay(schedule: Schedule, console: Console) -> int:
    with _playing() as made:
        outcome = made.play(schedule)
        if outcome.violations:
            outcome = made.shortened(outcome)
    console.print(outcome.told(), markup=False, highlight=False, soft_wrap=True)
    return 1 if outcome.violations else 0


def _systematic() -> list[Schedule]:
    with _playing() as made:
        return list(exhaustive.everything(made.play))


if __name__ == "__main__":
    typer.run(main)
