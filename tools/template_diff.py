"""What a change does to every template: `python -m tools.template_diff --base origin/main`.

Synthesizes both revisions and compares them with `cdk diff`, which asks no account. Writes
build/diff.md, and build/comment.md, which is the same unless that is too long for a comment.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tools.cdk import NODE, ROOT, Cdk, checkout, python_of, run

ENVIRONMENTS = ("dev", "staging", "prod")
LONGEST = 60_000
"""Characters of a comment; GitHub refuses more than 65,536."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One stack that is not the same; `text` is what `cdk diff` prints."""

    environment: str
    stack: str
    kind: str  # new, removed or changed
    text: str


def synthesize(source: Path, environment: str, output: Path) -> Path:
    """The templates of a checkout; layers stay unbuilt, which changes no template."""
    context = {"environment": environment, "aws:cdk:bundling-stacks": []}
    environ = os.environ | {
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "JSII_NODE": str(NODE / "bin" / "node"),
        "PYTHONPATH": str(source),
    }
    run([python_of(source), "app.py"], cwd=source, environ=environ)
    return output


def compare(cdk: Cdk, environment: str, base: Path, head: Path) -> Iterator[Difference]:
    """The stacks of one environment that differ between two synthesized folders."""
    before = {path.name: path for path in base.glob("*.template.json")}
    after = {path.name: path for path in head.glob("*.template.json")}
    for name in sorted(before | after):
        stack = name.removesuffix(".template.json")
        if name not in after:
            yield Difference(environment=environment, stack=stack, kind="removed", text="")
            continue
        if name in before and before[name].read_bytes() == after[name].read_bytes():
            continue
        known = before.get(name) or _empty(base)
        options = ("--app", str(head), "--template", str(known))
        text = cdk("diff", stack, "--exclusively", *options, cwd=head)
        kind = "changed" if name in before else "new"
        yield Difference(environment=environment, stack=stack, kind=kind, text=text.strip())


def report(differences: Sequence[Difference]) -> str:
    """The comment: a list of what differs, then each difference, folded."""
    if not differences:
        return "No template changes.\n"
    listed = "\n".join(f"- `{each.stack}`: {each.kind}" for each in differences)
    text = f"### Templates that change\n{listed}\n"
    for each in differences:
        if each.text:
            fence = "`" * 4  # what cdk prints may hold three
            text += (
                f"\n<details><summary>{each.stack}</summary>\n\n"
                f"{fence}\n{each.text}\n{fence}\n</details>\n"
            )
    return text


def comment(text: str) -> str:
    """The report, cut where GitHub would refuse it; the whole of it is in the job's artifact."""
    if len(text) <= LONGEST:
        return text
    return (
        f"{text[:LONGEST]}\n{'`' * 4}\n</details>\n\nCut here: the artifact `diff` has the rest.\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write and print the differences between a base and this checkout."""
    parser = argparse.ArgumentParser(prog="tools.template_diff", description=main.__doc__)
    parser.add_argument("--base", default="HEAD~1", help="a revision, or a folder: a checkout")
    parser.add_argument("--environment", action="append", choices=(*ENVIRONMENTS, "local"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sluice-diff-") as temporary:
        folder = Path(temporary)
        base = Path(options.base).resolve()
        if not base.is_dir():
            base = checkout(options.base, folder / "base")
        cdk = Cdk(folder)
        differences = [
            difference
            for name in options.environment or ENVIRONMENTS
            for difference in compare(
                cdk,
                name,
                synthesize(base, name, folder / "before" / name),
                synthesize(ROOT, name, folder / "after" / name),
            )
        ]
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    text = report(differences)
    (build / "diff.md").write_text(text)
    (build / "comment.md").write_text(comment(text))
    Console(soft_wrap=True).print(text, markup=False, highlight=False)
    return 0


def _empty(folder: Path) -> Path:
    empty = folder / "empty.json"
    empty.write_text("{}")
    return empty


if __name__ == "__main__":
    sys.exit(main())
