"""`make mutants`: bugs put into the product on purpose; the schedules must catch each.

A mutant is a copy of the product with some of its text replaced. Where the text is no longer
there, the run says so: a mutant that changes nothing proves nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Annotated, Any

import typer
from rich.console import Console

_RESULT = Path("build/mutants.json")
_SQL = "shared/domain/upsert_sql.py"
_CLAIM = "claim/claiming.py"
_ROUTER = "route/router.py"
_SETTLE = "settle/settling.py"
_SWEEP = "sweep/sweeping.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A bug by name, what the judge must say of it, and its text: (file under lambdas/, old, new).

    `sign` is a regular expression: a mutant that breaks in another way is not the bug it names.
    """

    name: str
    sign: str
    changes: tuple[tuple[str, str, str], ...]


def _mutant(name: str, sign: str, *changes: tuple[str, str, str]) -> Mutant:
    return Mutant(name=name, sign=sign, changes=changes)


_TWICE = "has more than one verdict$"
_ROWS = r"^after a transaction: f_\w+: "
_STUCK = "verdict none, and may be one of"
_SUPERSEDED = "verdict SUPERSEDED, and may be one of"
_MISSING = "verdict MISSING, and may be one of"
_LEFT = "still in data/in/$"
_RESTLESS = "^not at rest: "
_CALLS = "loaded, and nobody started its calls$"
_AGAIN = "its rows were appended before$"
_UNHEARD = "was asked for again, and nothing came of it$"


MUTANTS = (
    _mutant(
        "the history is not asked",
        _TWICE,
        (_SQL, "ON h.file_id = b.file_id", "ON h.file_id = b.object_id"),
    ),
    _mutant(
        "a newer version is not asked for",
        _ROWS,
        (_SQL, '"h.sequence > b.sequence"', "\"h.sequence > 'g'\""),
    ),
    _mutant(
        "order is by the clock of events",
        _SUPERSEDED,
        (
            _ROUTER,
            "sequence=event.sequencer,",
            'sequence=f"{int(event.time.timestamp() * 1_000_000):016X}",',
        ),
    ),
    _mutant(
        "rows are copied by prefix",
        _ROWS,
        (_SQL, 'IAM_ROLE {literal(role)} MANIFEST"', 'IAM_ROLE {literal(role)}"'),
        (
            "upsert/preparing.py",
            "manifest=self.folder.rows_manifest(number)",
            'manifest="s3://data/" + unit.files[0].raw_key.partition("/year=")[0]',
        ),
    ),
    _mutant(
        "the batch truncates",
        _STUCK,
        (_SQL, 'yield f"DELETE FROM {load.table.sql}"', 'yield f"TRUNCATE {load.table.sql}"'),
    ),
    _mutant(
        "tables are created before the lock",
        _TWICE,
        (
            _SQL,
            '    yield f"LOCK {load.table.mutex.sql}"\n',
            '    yield f"CREATE TEMP TABLE sluice_early AS SELECT 1 AS n FROM {HISTORY}"\n'
            '    yield f"LOCK {load.table.mutex.sql}"\n',
        ),
    ),
    _mutant(
        "the mutex is skipped",
        _TWICE,
        (_SQL, 'yield f"LOCK {load.table.mutex.sql}"', 'yield "SELECT 1"'),
    ),
    _mutant(
        "rows are inserted before the old ones go",
        _ROWS,
        (
            _SQL,
            "            yield from _make_room(load, unit)\n        yield _insert(load, unit)\n",
            "            pass\n        yield _insert(load, unit)\n"
            '        if load.mode == "upsert":\n            yield from _make_room(load, unit)\n',
        ),
    ),
    _mutant(
        "old rows stay",
        _ROWS,
        (_SQL, '    yield f"DELETE FROM {target} USING {unit.table} WHERE {same}"\n', ""),
    ),
    _mutant(
        "older rows replace newer ones",
        _ROWS,
        (_SQL, "    if load.order:\n        older", "    if False:\n        older"),
    ),
    _mutant(
        "a NULL order counts as newest",
        _ROWS,
        (_SQL, "({new} IS NULL AND {old} IS NOT NULL)", "({new} IS NOT NULL AND {old} IS NULL)"),
    ),
    _mutant(
        "no key is checked",
        _ROWS,
        (_SQL, 'if load.mode == "upsert":\n        by_name', "if False:\n        by_name"),
    ),
    _mutant(
        "bad rows are skipped",
        _ROWS,
        (_SQL, "times = \" DATEFORMAT 'auto'", "times = \" MAXERROR 10 DATEFORMAT 'auto'"),
    ),
    _mutant(
        "the history is not written",
        _ROWS,
        (_SQL, "GETDATE() FROM {BATCH}", "GETDATE() FROM {BATCH} WHERE 1 = 0"),
    ),
    _mutant(
        "rows come from the live key",
        _ROWS,
        ("upsert/preparing.py", "raw_key=each.raw_key, size", "raw_key=each.file.key, size"),
    ),
    _mutant(
        "a raw copy is found by name, not by version",
        _ROWS,
        ("shared/domain/files.py", "/day={day:%d}/{self.file_id}", "/day={day:%d}/file"),
    ),
    _mutant(
        "the key is decoded twice",
        _STUCK,
        (
            "shared/domain/events.py",
            'key=_text(entry["key"])',
            'key=__import__("urllib.parse").parse.unquote_plus(entry["key"])',
        ),
    ),
    _mutant(
        "an execution is started before the file is in the pool",
        _RESTLESS,
        (
            _ROUTER,
            "        is_new = self.ledger.is_new(file)\n",
            "        self._start(job, file.name)\n        is_new = self.ledger.is_new(file)\n",
        ),
        (
            _ROUTER,
            "started[each.job.job_id] = self._start(each.job, each.file.name)",
            'started[each.job.job_id] = {"status": "triggered"}',
        ),
    ),
    _mutant(
        "a redelivery without a verdict does nothing",
        _STUCK,
        (
            _ROUTER,
            "        if state.is_final:\n"
            '            return {"status": "already_settled", "state": state.value}\n'
            "        return _Pooled(job, file, is_new)\n",
            "        if not is_new:\n"
            '            return {"status": "already_settled", "state": state.value}\n'
            "        return _Pooled(job, file, is_new)\n",
        ),
    ),
    _mutant(
        "the pool is read before the raise",
        _STUCK,
        (
            _CLAIM,
            "    ledger.raise_generation(step.job.job_id, step.generation)\n",
            "    early = ledger.pool(step.job.job_id, most=1000)\n"
            "    ledger.raise_generation(step.job.job_id, step.generation)\n",
        ),
        (_CLAIM, "ledger.pool(step.job.job_id, most=most))", "early[:most])"),
        (
            _SETTLE,
            "        if not waiting or self.step.round",
            "        waiting = []\n        if not waiting or self.step.round",
        ),
        (
            _SETTLE,
            "        if waiting:\n            workflow",
            "        if False:\n            workflow",
        ),
    ),
    _mutant(
        "pool entries go before the verdict",
        _STUCK,
        (
            _CLAIM,
            "    if not pooled:\n",
            "    for each in pooled:\n"
            "        from lambdas.shared.aws import clients\n"
            "        clients.dynamodb().delete_item(\n"
            '            TableName=ledger.table, Key={"pk": {"S": f"JOB#{step.job.job_id}"},'
            ' "sk": {"S": f"POOL#{each.sequence}#{each.file_id}"}})\n'
            "    if not pooled:\n",
        ),
    ),
    _mutant(
        "a failed execution's generation stays open",
        _STUCK,
        (_ROUTER, "        self.ledger.raise_generation(job_id, generation)\n", ""),
    ),
    _mutant(
        "a version is deleted without its id",
        _LEFT,
        (
            "shared/aws/objects.py",
            '{"Key": key, "VersionId": version_id} for key',
            '{"Key": key} for key',
        ),
    ),
    _mutant(
        "the ledger is told before data/in/ is cleared",
        _LEFT,
        (
            _SETTLE,
            "        self._clear(verdicts)\n",
            "        self.ledger.project(verdicts, self.step.job.job_id, self.step.batch_id)\n"
            "        self._clear(verdicts)\n",
        ),
    ),
    _mutant(
        "the calls of a batch are those of whoever settles it",
        _CALLS,
        (
            "shared/domain/after_load.py",
            "verdict.batch_id or step.batch_id",
            "step.batch_id",
        ),
    ),
    _mutant(
        "a file is missing though its copy is there",
        _MISSING,
        (_CLAIM, "    if not objects.exists(raw_key):\n", "    if True:\n"),
        (_CLAIM, "missing = not objects.exists(raw_key)", "missing = True"),
    ),
    _mutant(
        "a sweep goes on behind the key it cut",
        _STUCK,
        ("shared/aws/objects.py", '{"KeyMarker": whole[-1]}', '{"KeyMarker": cut}'),
    ),
    _mutant(
        "a sweep looks at one page",
        _STUCK,
        (
            _SWEEP,
            "            self.position = page.following\n",
            "            self.position = None\n",
        ),
    ),
    _mutant(
        "a sweep by hand goes on where the schedule stopped",
        _STUCK,
        (
            _SWEEP,
            "        if not self.by_hand:\n            self.position =",
            "        if True:\n            self.position =",
        ),
        (
            _SWEEP,
            "            if not self.by_hand:\n                self.ledger.keep",
            "            if True:\n                self.ledger.keep",
        ),
    ),
    _mutant(
        "a sweep does not look into the pools",
        _STUCK,
        (
            _SWEEP,
            "woken = [job.job_id for job in active if",
            "woken = [job.job_id for job in () if",
        ),
    ),
    _mutant(
        "a sweep leaves a dead execution's generation open",
        _STUCK,
        (_SWEEP, "            self.ledger.raise_generation(", "            (lambda *_: None)("),
    ),
    _mutant(
        "a sweep deletes what has no verdict",
        _MISSING,
        (_SWEEP, "if state is not None and state.is_final:", "if state is not None:"),
    ),
    _mutant(
        "older versions that nobody saw are not put before a copy is made",
        _ROWS,
        (_CLAIM, "    put_all_older(uploads,", "    put_all_older([],"),
    ),
    _mutant(
        "what nobody knows is older than what is gone",
        _SUPERSEDED,
        (
            "shared/unseen.py",
            "line.insert(1 + max(lower, default=-1), (sequence, False))",
            "line.append((sequence, False))",
        ),
    ),
    _mutant(
        "a version that is gone before its verdict has no place",
        _SUPERSEDED,
        (
            "shared/unseen.py",
            "    return objects.exists(gone.file.raw_key(job.job_name))\n",
            "    return False\n",
        ),
    ),
    _mutant(
        "a replay appends again",
        _AGAIN,
        (_SQL, '"h.version_id = b.version_id" if', '"h.version_id = b.object_id" if'),
    ),
    _mutant(
        "a file and its replay share a batch",
        _ROWS,
        (
            _ROUTER,
            "            if is_other and not each.state.is_final:\n",
            "            if False:\n",
        ),
    ),
    _mutant(
        "a replay is the file itself",
        _UNHEARD,
        ("shared/domain/files.py", "again = (str(replay),) if replay else ()", "again = ()"),
    ),
)


def main(
    most: Annotated[int, typer.Option(help="Schedules a mutant may survive.")] = 2000,
    only: Annotated[str, typer.Option(help="Only mutants whose name holds this.")] = "",
    workers: Annotated[int, typer.Option(help="Mutants tried side by side.")] = 2,
) -> None:
    """Try each mutant until the schedules catch it.

    Example: python -m tests.faults.mutants --only mutex
    """
    console = Console(stderr=True)
    chosen = [mutant for mutant in MUTANTS if only in mutant.name]
    if not chosen:
        names = "\n".join(mutant.name for mutant in MUTANTS)
        raise typer.BadParameter(f"no mutant's name holds {only!r}; there are:\n{names}")
    with ThreadPoolExecutor(workers) as pool:
        tried = list(pool.map(lambda mutant: _tried(mutant, most, console), chosen))
    found = {mutant.name: catch for mutant, catch in zip(chosen, tried, strict=True)}
    missed = [name for name, catch in found.items() if catch["caught_at"] is None]
    figures = {"seeded": len(chosen), "caught": len(chosen) - len(missed), "missed": missed}
    if not only:
        _RESULT.parent.mkdir(exist_ok=True)
        _RESULT.write_text(json.dumps(figures | {"mutants": found}, indent=2) + "\n")
    typer.echo(json.dumps(figures))
    raise typer.Exit(1 if missed else 0)


def _tried(mutant: Mutant, most: int, console: Console) -> dict[str, Any]:
    """`{"caught_at", "violation"}`: the schedule that showed its sign, None if none did."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plant(mutant, root)
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.until_caught", str(most), mutant.sign],
            cwd=root,
            env={**os.environ, "PYTHONPATH": folder},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode not in (0, 1) or not done.stdout.strip():
        raise RuntimeError(f"{mutant.name}: {done.stderr[-2000:]}")
    catch: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    at, took = catch["caught_at"], time.monotonic() - started
    console.print(
        f"{mutant.name}: {'MISSED' if at is None else f'caught at schedule {at}'}"
        f" ({took:.0f} s) {catch['violation']}",
        markup=False,
        highlight=False,
    )
    return catch


def plant(mutant: Mutant, root: Path) -> None:
    """The product in a folder, with the mutant's text; raises ValueError where it has no place."""
    here = Path.cwd()
    copytree(here / "lambdas", root / "lambdas")
    for name in ("config", "local", "stacks", "tests"):
        (root / name).symlink_to(here / name)
    for file, old, new in mutant.changes:
        path = root / "lambdas" / file
        text = path.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{mutant.name}: {file} holds {old!r} {text.count(old)} times")
        path.write_text(text.replace(old, new))


if __name__ == "__main__":
    typer.run(main)
