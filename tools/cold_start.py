"""Cold starts of the functions as they are packaged: `python -m tools.cold_start`.

Each runs on the deployed Python under awslambdaric, with its archive and layers and nothing else,
against an emulated account. `import_ms` is from the start of the process until it asks for its
first event, `first_call_ms` from there to the answer; both are the fastest of several starts,
because what else the machine does only adds. Writes
build/cold-start.json, and prints the same for code that is neither pruned nor compiled.
"""

import argparse
import functools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.table import Table

from config.deployment import AT_DEPLOYMENT, RUNTIME, Step
from local.account.arns import arn
from local.account.assembly import synthesize
from local.account.clients import for_user
from local.account.home import AccountInfo, Home
from local.account.process import start_detached
from local.account.runtime_api import Invocation, RuntimeApi
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

PYTHON = RUNTIME.removeprefix("python")
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
GOALS_MS: Mapping[str, float] = {"route": 350, "infer_schema": 600}
_PATIENCE_SECONDS = 60.0
_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_START = (
    "import sys; standard = [p for p in sys.path if p and 'site-packages' not in p]"
    "; sys.path[:] = sys.argv[2:] + standard"
    "; from awslambdaric.__main__ import main; main(['awslambdaric', sys.argv[1]])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A function's archive and layers, unpacked, and the runtime's client beside them."""

    code: Path
    layers: tuple[Path, ...]
    client: Path

    @property
    def size_mb(self) -> float:
        """What Lambda counts against its 250 MB: archive and layers, unpacked."""
        files = (p for root in (self.code, *self.layers) for p in root.rglob("*") if p.is_file())
        return sum(path.stat().st_size for path in files) / 1024**2

    @property
    def archive_kb(self) -> float:
        """The archive alone, zipped."""
        with tempfile.TemporaryDirectory() as folder:
            return (
                Path(shutil.make_archive(f"{folder}/code", "zip", self.code)).stat().st_size / 1024
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One function's cold start, in milliseconds."""

    import_ms: float
    first_call_ms: float
    size_mb: float

    def to_json(self) -> dict[str, float]:
        """An entry of build/cold-start.json."""
        return {
            "import_ms": round(self.import_ms, 1),
            "first_call_ms": round(self.first_call_ms, 1),
            "size_mb": round(self.size_mb, 1),
        }


def packages(folder: Path, *, finish: bool) -> dict[str, Package]:
    """Every function's package for this machine; `finish` prunes and compiles it."""
    layers = {name: _layer(locked(names), finish=finish) for name, names in LAYERS.items()}
    client = _layer(locked(_CLIENT, ROOT / "requirements-dev.txt"), finish=True)
    code = folder / f"code-{finish}"
    for file in code_files("config/config.json"):
        target = code / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    if finish:
        compile_all(code, python=PYTHON, prefix="/var/task")
    return {
        step: Package(
            code=code,
            layers=tuple(
                layers[name] for name in LAYERS if name != "pyarrow" or step == "infer_schema"
            ),
            client=client,
        )
        for step in get_args(Step)
    }


def _layer(requirements: str, *, finish: bool) -> Path:
    build = functools.partial(
        build_layer,
        requirements=requirements,
        python=PYTHON,
        architecture=ARCHITECTURE,
        finish=finish,
    )
    return kept(recipe(requirements, PYTHON, ARCHITECTURE, str(finish)), build) / "python"


class Bench:
    """Starts functions anew against a running account."""

    def __init__(self, info: AccountInfo) -> None:
        self._info = info
        self._client = for_user("local", info.endpoint_url)

    def measure(self, step: str, package: Package, *, times: int) -> Measured:
        """The fastest of several cold starts."""
        starts = [self._start(step, package) for _ in range(times)]
        return Measured(
            import_ms=min(imported for imported, _ in starts) * 1000,
            first_call_ms=min(called for _, called in starts) * 1000,
            size_mb=package.size_mb,
        )

    def _start(self, step: str, package: Package) -> tuple[float, float]:
        configuration = self._client("lambda").get_function_configuration(
            FunctionName=f"sluice-local-{step.replace('_', '-')}"
        )
        payload = json.dumps(self._event(step)).encode()
        api = RuntimeApi()
        path = [package.code, *package.layers, package.client]
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 -- the deployed handler
            [interpreter(PYTHON), "-s", "-P", "-S", "-c", _START, configuration["Handler"]]
            + [str(folder) for folder in path],
            env=self._environment(configuration, api.address),
            cwd=package.code,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            if not api.ready.wait(_PATIENCE_SECONDS) or api.init_error:
                raise RuntimeError(f"{step} did not start: {api.init_error!r}")
            imported = time.perf_counter()
            invocation = Invocation(
                function_arn=configuration["FunctionArn"],
                payload=payload,
                deadline=time.time() + _PATIENCE_SECONDS,
            )
            api.submit(invocation)
            invocation.answered.wait(_PATIENCE_SECONDS)
            answered = time.perf_counter()
            if invocation.failed or not invocation.answer:
                raise RuntimeError(f"{step} failed: {invocation.answer.decode()[:500]}")
        finally:
            process.kill()
            process.communicate()
            api.close()
        return imported - began, answered - imported

    def _environment(self, configuration: dict[str, Any], address: str) -> dict[str, str]:
        role = self._client("sts").assume_role(
            RoleArn=configuration["Role"], RoleSessionName="cold-start"
        )["Credentials"]
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's folders are read-only
            "AWS_REGION": self._info.region,
            "AWS_DEFAULT_REGION": self._info.region,
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_ENDPOINT_URL": self._info.endpoint_url,
            "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["SessionToken"],
            **configuration["Environment"]["Variables"],
        }

    def _event(self, step: str) -> dict[str, Any]:
        """An event that takes each function through its clients, and changes nothing for long."""
        now = datetime.now(UTC).isoformat()
        if step in AT_DEPLOYMENT:
            return {
                "RequestType": "Delete",
                "ResponseURL": f"{self._info.endpoint_url}/_sluice/health",
                "StackId": "s",
                "RequestId": "r",
                "LogicalResourceId": "l",
                "ResourceProperties": {
                    "workgroup": arn("redshift-serverless", "workgroup/none"),
                    "daily_rpu_hours": "1",
                    "breach_action": "log",
                },
            }
        if step == "route":
            detail = {
                "bucket": {"name": self._info.bucket},
                "object": {"key": "data/in/customers.csv"},
            }
            event = {"detail-type": "Object Created", "time": now, "detail": detail}
            return {"Records": [{"messageId": "m", "body": json.dumps(event)}]}
        if step == "sweep":
            return {}
        if step == "release_api":
            return {"routeKey": "GET /releases/{execution}", "pathParameters": {"execution": "e"}}
        execution = {"id": "arn:e", "name": f"cold-{time.time_ns()}", "started_at": now}
        if step in ("open_release", "run_procedures", "close_release"):
            return {"request": {}, "execution": execution, "release": self._release()}
        load = {
            "claim": {"status": "NEW"},
            "infer_schema": {"status": "CLAIMED", "files": self._files()},
            "upsert": {"status": "INFERRED", "attempt": 1, **self._nothing()},
            "settle": {"status": "DECIDED"},
        }[step]
        (job, *_) = json.loads((ROOT / "config" / "config.json").read_text())
        return {
            "job": {"generation": 1, "config": job},
            "execution": execution,
            "load": load,
        }

    def _release(self) -> dict[str, Any]:
        """One of which nothing is left to run, and that nobody opened."""
        self._put("work/releases/cold/plan.json", b'{"calls": []}')
        return {
            "status": "DONE",
            "release_id": "cold",
            "target": self._info.workgroup,
            "database": self._info.database,
            "on_error": "continue",
            "opened_at": "2026-01-01T00:00:00+00:00",
            "again": {},
            "next": 1,
            "round": 0,
        }

    def _files(self) -> str:
        raw_key = "data/raw/cold/orders.csv"
        body = b"order_id,total\n1,10.50\n"
        self._put(raw_key, body)
        file = {"file_id": "f", "key": "data/in/orders.csv", "size": len(body)}
        return self._put(
            "work/cold/files.json",
            json.dumps({"files": [{"file": file, "raw_key": raw_key, "missing": False}]}).encode(),
        )

    def _nothing(self) -> dict[str, str]:
        return {
            "files": self._put("work/cold/none.json", b'{"files": []}'),
            "schemas": self._put("work/cold/schemas.json", b'{"schemas": {}, "rejected": {}}'),
        }

    def _put(self, key: str, body: bytes) -> str:
        self._client("s3").put_object(Bucket=self._info.bucket, Key=key, Body=body)
        return key


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print before and after, write build/cold-start.json; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="tools.cold_start", description=main.__doc__)
    parser.add_argument("--times", type=int, default=5, help="cold starts of each function")
    options = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="sluice-cold-") as temporary:
        home = Home(folder=Path(temporary) / "home")
        assembly = synthesize(ROOT, "local", cache_dir=Home.below(ROOT).cache)
        before, after = (packages(Path(temporary), finish=finish) for finish in (False, True))
        bench = Bench(start_detached(assembly=assembly, home=home))
        try:
            raw = {s: bench.measure(s, before[s], times=options.times) for s in before}
            finished = {s: bench.measure(s, after[s], times=options.times) for s in after}
        finally:
            home.stop()
        archive_kb = after["route"].archive_kb
    _show(console, raw, finished)
    console.print(f"archive of our code, shared by all functions: {archive_kb:.0f} KB zipped")
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    document = {step: measured.to_json() for step, measured in finished.items()}
    (build / "cold-start.json").write_text(json.dumps(document, indent=2) + "\n")
    missed = [
        f"{step}: {finished[step].import_ms:.0f} ms to import, goal {goal:.0f} ms"
        for step, goal in GOALS_MS.items()
        if finished[step].import_ms > goal
    ]
    for line in missed:
        console.print(line)
    return 1 if missed else 0


def _show(console: Console, before: Mapping[str, Measured], after: Mapping[str, Measured]) -> None:
    table = Table("function", "import ms", "first call ms", "sum ms", "MB unpacked")
    for step, now in after.items():
        then = before[step]
        table.add_row(
            step,
            f"{then.import_ms:.0f} -> {now.import_ms:.0f}",
            f"{then.first_call_ms:.0f} -> {now.first_call_ms:.0f}",
            f"{then.import_ms + then.first_call_ms:.0f} -> {now.import_ms + now.first_call_ms:.0f}",
            f"{then.size_mb:.0f} -> {now.size_mb:.0f}",
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
