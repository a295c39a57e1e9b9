"""What is deployed runs: layers pruned and compiled, alone on the path, small enough for Lambda."""

import functools
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from config.deployment import Deployment, Step
from stacks.constructs.code import Archive
from stacks.constructs.packaging import (
    LAYERS,
    ROOT,
    build_layer,
    code_files,
    compile_all,
    interpreter,
    kept,
    locked,
    recipe,
)

_LAMBDA_LIMIT_MB = 250
_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"  # byte code of the tests' own Python
_NOTHING_ELSE = """
import sys
standard = [p for p in sys.path if "site-packages" not in p and p]
sys.path[:] = sys.argv[2:] + standard
import importlib
importlib.import_module(sys.argv[1])
ours = [m for m in sys.modules.values() if getattr(m, "__file__", None)]
outside = [m.__name__ for m in ours if "site-packages" in m.__file__]
assert not outside, outside
stale = [m.__name__ for m in ours
         if m.__file__.startswith(tuple(sys.argv[2:])) and m.__file__.endswith(".py")
         and not __import__("os").path.exists(m.__cached__)]
assert not stale, stale
"""
_READS = """
import sys
sys.path[:] = sys.argv[1:] + [p for p in sys.path if "site-packages" not in p and p]
import io
import boto3
import pyarrow as pa, pyarrow.csv, pyarrow.parquet as pq
from lambdas.infer_schema.inspect import inspect
class Source:
    def __init__(self, name, body):
        self.name, self.body, self.size = name, body, len(body)
    def read(self, start, length):
        return self.body[start:start + length]
out = io.BytesIO()
pq.write_table(pa.table({"a": [1], "b": ["x"]}), out, compression="zstd")
for name, body in (("f.parquet", out.getvalue()), ("f.csv", b"a,b\\n1,x\\n"),
                   ("f.json", b'{"a":1,"b":"x"}\\n')):
    schema = inspect(Source(name, body), file_format="auto", csv=None, overrides={})
    assert [str(c.name.text) for c in schema.columns] == ["a", "b"], schema
for service in ("dynamodb", "redshift-data", "redshift-serverless", "s3", "sns", "sqs",
                "stepfunctions"):
    boto3.client(service, region_name="us-east-1")
"""


_ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


@pytest.fixture(scope="session")
def layers() -> dict[str, Path]:
    """Each layer for this machine, built as the deployed ones are."""
    built = {}
    for name, distributions in LAYERS.items():
        requirements = locked(distributions)
        build = functools.partial(
            build_layer, requirements=requirements, python=_PYTHON, architecture=_ARCHITECTURE
        )
        built[name] = kept(recipe(requirements, _PYTHON, _ARCHITECTURE), build) / "python"
    return built


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions' archive, compiled by the tests' own Python."""
    folder = tmp_path_factory.mktemp("code")
    deployment = Deployment.load("dev").model_copy(update={"runtime": f"python{_PYTHON}"})
    Archive(deployment, ("config/config.json",)).try_bundle(str(folder))
    return folder


def _megabytes(*folders: Path) -> float:
    files: Iterator[Path] = (p for f in folders for p in f.rglob("*") if p.is_file())
    return sum(path.stat().st_size for path in files) / 1024**2


def _layers_of(step: str, layers: dict[str, Path]) -> list[Path]:
    names = ("dependencies", "pyarrow") if step == "infer_schema" else ("dependencies",)
    return [layers[name] for name in names]


def _run(program: str, *arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("step", get_args(Step))
def test_a_handler_imports_from_its_archive_and_its_layers_alone(
    step: str, code: Path, layers: dict[str, Path]
) -> None:
    _run(_NOTHING_ELSE, f"lambdas.{step}.handler", code, *_layers_of(step, layers))


def test_what_pruning_left_reads_every_format_and_calls_every_service(
    code: Path, layers: dict[str, Path]
) -> None:
    _run(_READS, code, *_layers_of("infer_schema", layers))


@pytest.mark.parametrize("step", get_args(Step))
def test_a_function_fits_into_lambda_with_its_layers(
    step: str, code: Path, layers: dict[str, Path]
) -> None:
    assert _megabytes(code, *_layers_of(step, layers)) < _LAMBDA_LIMIT_MB


def test_the_archive_holds_what_the_emulated_account_runs(code: Path) -> None:
    files = {p.relative_to(ROOT).as_posix() for p in code_files("config/config.json")}
    shipped = {p.relative_to(code).as_posix() for p in code.rglob("*") if p.suffix != ".pyc"}
    assert {path for path in shipped if (code / path).is_file()} == files
    assert _megabytes(code) < 2


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    def build(name: str) -> dict[str, bytes]:
        folder = tmp_path / name
        build_layer(folder, locked(["six"]), python=_PYTHON, architecture=_ARCHITECTURE)
        return {
            str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()
        }

    first = build("first")
    assert any(name.endswith(".pyc") for name in first)
    assert first == build("second")


def test_byte_code_is_not_checked_against_its_source(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("ANSWER = 42\n")
    compile_all(tmp_path, python=_PYTHON, prefix="/var/task")
    (compiled,) = (tmp_path / "__pycache__").iterdir()
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == 0b01  # hash-based, unchecked (PEP 552)
    assert b"/var/task/module.py" in compiled.read_bytes()


def test_a_python_of_the_deployed_version_compiles() -> None:
    assert interpreter(_PYTHON) == sys.executable
