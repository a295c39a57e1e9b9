"""How code becomes what Lambda runs: wheels of the deployed platform, pruned and compiled.

Nothing here needs Docker, the CDK, or the deployed architecture; compiling needs the deployed
Python. The same inputs give the same bytes, so results are kept by a hash of the inputs.
"""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".sluice" / "cache" / "layers"

LAYERS = {
    "dependencies": (
        "annotated-types", "aws-lambda-powertools", "boto3", "botocore", "jmespath", "pydantic",
        "pydantic-core", "python-dateutil", "s3transfer", "six", "typing-extensions",
        "typing-inspection", "tzdata", "urllib3",
    ),
    "pyarrow": ("pyarrow",),
}  # fmt: skip
"""The distributions of each layer, all they need included; versions are the lock file's."""

# Runtimes from python3.12 on have the C library of Amazon Linux 2023, 2.34; pyarrow needs 2.28.
_LIBRARY = "manylinux_2_28"
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}

# botocore describes 420 services in 20 MB; these are the ones our functions have clients of.
_SERVICES = (
    "dynamodb",
    "redshift-data",
    "redshift-serverless",
    "s3",
    "sns",
    "sqs",
    "stepfunctions",
)

_PRUNED = (
    "*.dist-info/RECORD", "*.dist-info/direct_url.json", "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED", "*.dist-info/uv_cache.json", ".lock", "bin",
    "boto3/examples", "boto3/data/[!s]*",
    # pyarrow: read Parquet, CSV and JSON, compute; no network, no writing of other formats
    "pyarrow/include", "pyarrow/src", "pyarrow/tests", "pyarrow/includes",
    "pyarrow/*.pxi", "pyarrow/*.pyx", "pyarrow/*.pxd", "pyarrow/*.cpp", "pyarrow/*.h",
    "pyarrow/*flight*", "pyarrow/*s3fs*", "pyarrow/*gcsfs*", "pyarrow/*hdfs*", "pyarrow/*azurefs*",
    "pyarrow/*orc*", "pyarrow/*feather*", "pyarrow/*encryption*", "pyarrow/_pyarrow_cpp_tests*",
    "pyarrow/interchange", "pyarrow/libarrow_python.so", "pyarrow/libarrow_python.so.*.*.*",
)  # fmt: skip
"""What no function needs, as globs; `tests/infrastructure/test_packaging.py` runs what is left."""


class PackagingError(Exception):
    """A layer or an archive cannot be built here; says what to install."""


def code_files(*also: str) -> Iterator[Path]:
    """The files of the functions' archive, in order; `also` are further paths of the project."""
    sources = [p for p in (ROOT / "lambdas").rglob("*") if p.suffix in (".py", ".sql")]
    sources += [p for p in (ROOT / "config").glob("*.py") if p.name != "deployment.py"]
    yield from sorted({*sources, *(ROOT / path for path in also)})


def locked(names: Iterable[str], lock: Path = ROOT / "requirements.txt") -> str:
    """The entries of the lock file for these distributions, hashes and all."""
    entries = {
        match["name"]: match[0]
        for match in re.finditer(r"^(?P<name>[\w.-]+)==(.*\\\n)+.*", lock.read_text(), re.MULTILINE)
    }
    return "\n".join(entries[name] for name in names) + "\n"


def recipe(*parts: str) -> str:
    """A hash of inputs, and of this module: another way to build is another result."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for part in parts:
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()


def kept(key: str, build: Callable[[Path], None], *, cache: Path = CACHE) -> Path:
    """The folder that `build` fills, built once for each key."""
    folder = cache / key
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as partial:
            built = Path(partial) / "built"
            built.mkdir()
            build(built)
            try:
                built.rename(folder)
            except OSError:  # another process was first, with the same content
                if not folder.is_dir():
                    raise
    return folder


def build_layer(
    folder: Path, requirements: str, *, python: str, architecture: str, finish: bool = True
) -> None:
    """Fill a layer's folder: wheels under `python/`, pruned and compiled if `finish`."""
    target = folder / "python"
    install(requirements, target, python=python, architecture=architecture)
    if finish:
        prune(target)
        compile_all(target, python=python, prefix="/opt/python")


def install(requirements: str, target: Path, *, python: str, architecture: str) -> None:
    """Unpack wheels of another platform, each checked against its hash."""
    uv = Path(sys.executable).parent / "uv"
    if not uv.exists():
        raise PackagingError(f"{uv} is missing; run make install")
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "requirements.txt"
        file.write_text(requirements)
        platform = f"{_MACHINES[architecture]}-{_LIBRARY}"
        _run(
            [
                str(uv), "pip", "install", "--quiet", "--no-deps", "--require-hashes",
                "--only-binary=:all:", "--link-mode=copy", f"--python-platform={platform}",
                f"--python-version={python}", f"--target={target}", f"--requirements={file}",
            ]
        )  # fmt: skip


def prune(target: Path) -> None:
    """Remove what no function needs."""
    for pattern in _PRUNED:
        for path in list(target.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    described = target / "botocore" / "data"
    for path in list(described.glob("*/")):
        if path.name not in _SERVICES:
            shutil.rmtree(path)


def compile_all(folder: Path, *, python: str, prefix: str) -> None:
    """Add byte code that is loaded without a look at its source; tracebacks name `prefix`.

    Lambda's folders are read-only: without it, every cold start compiles every module.
    """
    _run(
        [
            interpreter(python), "-m", "compileall", "-q", "-f", "-j1",
            "--invalidation-mode=unchecked-hash", "-s", str(folder), "-p", prefix, str(folder),
        ],
        PYTHONHASHSEED="0",  # the order of sets is written into the byte code
    )  # fmt: skip


@functools.cache
def interpreter(python: str) -> str:
    """A Python of the deployed minor version: byte code fits no other."""
    if python == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [*sorted(map(str, pyenv.glob(f"{python}.*/bin/python"))), f"python{python}"]
    for candidate in candidates:
        if (found := shutil.which(candidate)) and _version(found) == python:
            return found
    uv = Path(sys.executable).parent / "uv"
    done = subprocess.run(  # noqa: S603 -- uv, with arguments that are all ours
        [str(uv), "python", "find", "--no-project", python],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0 and _version(done.stdout.strip()) == python:
        return done.stdout.strip()
    raise PackagingError(
        f"functions run on Python {python}, and there is none here to compile them with; install"
        f" it (.venv/bin/uv python install {python}), or name another runtime in the environment"
    )


def _version(python: str) -> str:
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run(  # noqa: S603 -- asks an interpreter for its version
        [python, "-I", "-c", program], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _run(command: Sequence[str], **variables: str) -> None:
    done = subprocess.run(  # noqa: S603 -- commands of this module
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise PackagingError(f"{' '.join(command[:4])} failed:\n{done.stdout}{done.stderr}")
