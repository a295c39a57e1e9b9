"""Synthesis: every environment, the same each time, and only what functions run in their code."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from config.deployment import Deployment, Step
from stacks.constructs import code
from stacks.constructs.packaging import LAYERS, ROOT, locked
from tests.infrastructure.assembly import Assembly


def test_every_environment_synthesizes(deployed: Assembly) -> None:
    assert all(template["Resources"] for template in deployed.templates.values())


def test_a_second_synthesis_in_another_process_is_byte_identical(
    local: Assembly, tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "CDK_OUTDIR": str(tmp_path), "SLUICE_ENVIRONMENT": "local"},
        check=True,
    )
    for noun in local.templates:
        name = f"sluice-local-{noun}.template.json"
        assert (tmp_path / name).read_bytes() == (local.folder / name).read_bytes()


def test_code_holds_only_what_functions_run(local: Assembly) -> None:
    assets = {
        str(function.properties["Code"]["S3Key"]).removesuffix(".zip"): function.logical_id
        for function in local.resources("AWS::Lambda::Function")
    }
    for asset, function in assets.items():
        files = [p for p in (local.folder / f"asset.{asset}").rglob("*") if p.is_file()]
        suffixes = {path.suffix for path in files}
        jobs = {".json"} if function.startswith("PublishJobs") else set()
        assert {".py"} <= suffixes <= {".py", ".sql"} | jobs


def test_the_steps_share_one_archive_and_only_publish_jobs_changes_with_the_jobs(
    local: Assembly,
) -> None:
    archives: dict[str, set[str]] = {}
    for function in local.resources("AWS::Lambda::Function"):
        key = str(function.properties["Code"]["S3Key"])
        archives.setdefault(key, set()).add(function.logical_id)
    alone, shared = sorted(archives.values(), key=len)
    assert len(shared) == len(get_args(Step)) - 1
    assert [name for name in alone if name.startswith("PublishJobs")] == list(alone)


def test_only_the_emulated_account_goes_without_layers(deployed: Assembly) -> None:
    layered = {
        function.logical_id: len(function.properties.get("Layers", []))
        for function in deployed.resources("AWS::Lambda::Function")
    }
    if deployed.environment == "local":
        assert not any(layered.values())
    else:
        infer_schema = deployed.function("infer_schema").logical_id
        assert layered.pop(infer_schema) == 2
        assert set(layered.values()) == {1}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_locked_and_needs_nothing_outside_it(layer: str) -> None:
    entries = locked(LAYERS[layer])
    assert entries.count("==") == len(LAYERS[layer])
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=\S+==)", entries))
    for name in LAYERS[layer]:
        needs = importlib.metadata.requires(name) or []
        required = {
            re.match(r"[\w.-]+", need)[0].lower().replace("_", "-")  # type: ignore[index]
            for need in needs
            if "extra ==" not in need
        }
        assert required <= set(LAYERS[layer]), name


def test_a_layer_comes_from_the_cache_when_its_content_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "ROOT", tmp_path)
    wheels = code.Wheels(("six",), Deployment.load("dev"))
    kept = tmp_path / ".sluice" / "cache" / "layers" / wheels.hash / "python"
    kept.mkdir(parents=True)
    (kept / "six.py").write_text("# kept\n")
    output = tmp_path / "layer"
    assert wheels.try_bundle(str(output))
    assert (output / "python" / "six.py").read_text() == "# kept\n"


def test_a_layer_of_another_runtime_or_architecture_is_another_layer() -> None:
    dev = Deployment.load("dev")
    deployments = [
        dev,
        dev.model_copy(update={"runtime": "python3.13"}),
        dev.model_copy(update={"architecture": "x86_64"}),
    ]
    assert len({code.Wheels(("six",), deployment).hash for deployment in deployments}) == 3


def test_flags_live_in_the_app_so_that_every_way_to_synthesize_agrees() -> None:
    assert "context" not in json.loads((ROOT / "cdk.json").read_text())


def test_what_npm_installs_is_pinned_by_hash_and_by_no_registry() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    locked_packages = {n.removeprefix("node_modules/"): p for n, p in packages.items() if n}
    assert {name: locked_packages[name]["version"] for name in wanted} == wanted
    assert all(p["integrity"].startswith("sha512-") for p in locked_packages.values())
    assert not any("resolved" in p for p in locked_packages.values())
