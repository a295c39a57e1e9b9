"""`make fuzz`: each target for a while, what was found, and how to play it again."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import PROOF, TARGETS

_BUILD = Path("build/fuzz")
_SUMMARY = Path("build/fuzz.json")
_PYTHON = Path(".venv-fuzz/bin/python")
_HANG_SECONDS = 25
_MOST_MEGABYTES = 2048
_MOST_CRASHES = 10
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)|^#(\d+)\s", re.MULTILINE)


@dataclass(slots=True)
class Outcome:
    """What became of one target."""

    executions: int = 0
    crashes: dict[str, Path] = field(default_factory=dict)


def main() -> int:
    """0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="all without one")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--replay", type=Path, help="play one saved input of the one target named")
    arguments = parser.parse_args()
    if arguments.replay:
        (name,) = arguments.targets
        TARGETS[name](arguments.replay.read_bytes())
        _say(f"{name}: {arguments.replay} is no crash")
        return 0
    shutil.rmtree(_BUILD, ignore_errors=True)
    if not _fuzz("planted", seconds=20).crashes:
        _say("the fuzzer did not find a planted fault: it would find no other")
        return 2
    summary: dict[str, dict[str, int]] = {}
    for name in arguments.targets or TARGETS:
        found = _fuzz(name, seconds=arguments.seconds)
        summary[name] = {"executions": found.executions, "crashes": len(found.crashes)}
        _say(f"{name:16} {found.executions:>10,} executions, {len(found.crashes)} crashes")
        for why, path in found.crashes.items():
            _say(f"  {why}\n  replay: .venv/bin/python -m tests.fuzz {name} --replay {path}")
    _SUMMARY.write_text(json.dumps(summary, indent=2) + "\n")
    return int(any(each["crashes"] for each in summary.values()))


def _fuzz(name: str, *, seconds: int) -> Outcome:
    """One target until its time is over; after a crash it goes on."""
    corpus, crashes = _BUILD / name / "corpus", _BUILD / name / "crashes"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    outcome = Outcome()
    end = time.monotonic() + seconds
    while (left := round(end - time.monotonic())) > 0 and len(outcome.crashes) < _MOST_CRASHES:
        before = set(crashes.iterdir())
        output = _run(name, corpus, crashes, seconds=left)
        outcome.executions += _executions(output)
        fresh = sorted(set(crashes.iterdir()) - before)
        for path in fresh:
            outcome.crashes.setdefault(_reason(output), path)
        if not fresh and left == round(end - time.monotonic()):
            raise RuntimeError(f"{name} did not run:\n{output[-2000:]}")
        if name in PROOF and fresh:
            break
    return outcome


def _run(name: str, corpus: Path, crashes: Path, *, seconds: int) -> str:
    found = subprocess.run(
        [
            str(_PYTHON), "-m", "tests.fuzz.child", name, str(corpus),
            f"-max_total_time={seconds}", f"-timeout={_HANG_SECONDS}",
            f"-rss_limit_mb={_MOST_MEGABYTES}", f"-artifact_prefix={crashes}/",
            "-print_final_stats=1", "-max_len=16384", "-verbosity=1",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        timeout=seconds + 4 * _HANG_SECONDS,
    )  # fmt: skip
    return found.stdout


def _executions(output: str) -> int:
    counts = [int(final or line) for final, line in _EXECUTED.findall(output)]
    return max(counts, default=0)


def _reason(output: str) -> str:
    """The exception and the place it came from, or what the fuzzer itself says."""
    places = re.findall(r'File "([^"]+)", line (\d+), in (\w+)', output)
    ours = [f"{Path(file).name}:{line} {name}" for file, line, name in places if "fuzz" not in file]
    error = re.search(r"Uncaught Python exception: ===\n(.*)", output)
    fault = re.search(r"ERROR: libFuzzer: (.*)", output)
    what = error.group(1) if error else fault.group(1) if fault else "the process ended"
    return f"{what[:200]} at {ours[-1]}" if ours else what[:200]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
