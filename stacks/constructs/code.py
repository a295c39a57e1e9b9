"""What a function is made of: one archive of our code, and layers of what it depends on."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, IgnoreMode, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from config.deployment import Deployment
from stacks.constructs.packaging import (
    LAYERS,
    ROOT,
    build_layer,
    code_files,
    compile_all,
    kept,
    locked,
    recipe,
)
from stacks.constructs.stack import SluiceStack

_CODE = (
    "*",
    "!/lambdas/",
    "!/lambdas/**/",
    "!/lambdas/**/*.py",
    "!/lambdas/**/*.sql",
    "!/config/",
    "!/config/*.py",
    "/config/deployment.py",
    "__pycache__/",
)
"""A git-ignore that lets in what functions run, so that nothing else changes the hash."""


def function_code(deployment: Deployment, *also: str) -> lambda_.Code:
    """The archive that functions share; `also` are further paths from the root of the project.

    It carries byte code of the deployed runtime, unless the emulated account runs it as it is.
    """
    if deployment.dependencies == "host":
        return lambda_.Code.from_asset(
            str(ROOT), exclude=[*_CODE, *(f"!/{path}" for path in also)], ignore_mode=IgnoreMode.GIT
        )
    archive = Archive(deployment, also)
    return lambda_.Code.from_asset(
        str(ROOT / "lambdas"),  # an asset needs a folder; what counts is the hash
        asset_hash=archive.hash,
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=_locally(archive),
    )


def content_hash(*folders: str) -> str:
    """A hash of the files below some paths of the project: changes when, and only when, they do."""
    digest = hashlib.sha256()
    for path in (ROOT / folder for folder in folders):
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def dependency_layer(stack: SluiceStack, name: str) -> lambda_.ILayerVersion:
    """A layer of the stack, made when first asked for."""
    construct_id = f"{name.title()}Layer"
    if existing := stack.node.try_find_child(construct_id):
        return existing  # type: ignore[return-value]  # the tree forgets the type it was given
    wheels = Wheels(LAYERS[name], stack.deployment)
    code = lambda_.Code.from_asset(
        str(ROOT / "stacks"),  # an asset needs a folder; what counts is the hash
        asset_hash=wheels.hash,
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=_locally(wheels),
    )
    return lambda_.LayerVersion(
        stack,
        construct_id,
        code=code,
        compatible_runtimes=[lambda_.Runtime(stack.deployment.runtime)],
        compatible_architectures=[architecture(stack.deployment)],
    )


def architecture(deployment: Deployment) -> lambda_.Architecture:
    """The deployment's architecture as the CDK has it."""
    return lambda_.Architecture.custom(deployment.architecture)


def _locally(bundling: Any) -> BundlingOptions:
    return BundlingOptions(image=DockerImage.from_registry("unused"), local=bundling)


class _Kept:
    """Builds a folder once for each hash; the CDK asks only for what its output lacks."""

    def __init__(self, digest: str, build: Callable[[Path], None]) -> None:
        self.hash = digest
        self._build = build

    def try_bundle(self, output_dir: str, *_args: Any, **_options: Any) -> bool:
        """Fill the asset's folder, which needs no Docker."""
        cache = ROOT / ".sluice" / "cache" / "layers"
        built = kept(self.hash, self._build, cache=cache)
        shutil.copytree(built, output_dir, dirs_exist_ok=True)
        return True


@jsii.implements(ILocalBundling)
class Wheels(_Kept):
    """Wheels of the deployed runtime and architecture, pruned and compiled."""

    def __init__(self, names: tuple[str, ...], deployment: Deployment) -> None:
        requirements, python = locked(names), _python(deployment)
        super().__init__(
            recipe(requirements, python, deployment.architecture),
            lambda folder: build_layer(
                folder, requirements, python=python, architecture=deployment.architecture
            ),
        )


@jsii.implements(ILocalBundling)
class Archive(_Kept):
    """The functions' own code, with its byte code."""

    def __init__(self, deployment: Deployment, also: tuple[str, ...]) -> None:
        files, python = list(code_files(*also)), _python(deployment)
        paths = [file.relative_to(ROOT).as_posix() for file in files]

        def build(folder: Path) -> None:
            for path in paths:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / path, folder / path)
            compile_all(folder, python=python, prefix="/var/task")

        super().__init__(recipe(content_hash(*paths), python), build)


def _python(deployment: Deployment) -> str:
    return deployment.runtime.removeprefix("python")
