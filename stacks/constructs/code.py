"""What a function is made of: one archive of our code, and layers of what it depends on."""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, IgnoreMode, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from config.deployment import Deployment
from stacks.constructs.stack import SluiceStack

ROOT = Path(__file__).parents[2]

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

LAYERS = {
    "dependencies": (
        "annotated-types", "aws-lambda-powertools", "boto3", "botocore", "jmespath", "pydantic",
        "pydantic-core", "python-dateutil", "s3transfer", "six", "typing-extensions",
        "typing-inspection", "urllib3",
    ),
    "pyarrow": ("pyarrow",),
}  # fmt: skip
"""The distributions of each layer, all they need included; versions are the lock file's."""

_PLATFORMS = {
    "arm64": ("manylinux2014_aarch64", "manylinux_2_28_aarch64"),
    "x86_64": ("manylinux2014_x86_64", "manylinux_2_28_x86_64"),
}


def function_code(*also: str) -> lambda_.Code:
    """The archive that functions share; `also` are further paths from the root of the project."""
    return lambda_.Code.from_asset(
        str(ROOT), exclude=[*_CODE, *(f"!/{path}" for path in also)], ignore_mode=IgnoreMode.GIT
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
        bundling=BundlingOptions(image=DockerImage.from_registry("unused"), local=wheels),
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


@jsii.implements(ILocalBundling)
class Wheels:
    """Wheels of the deployed runtime and architecture, unpacked by pip and kept by content."""

    def __init__(self, names: tuple[str, ...], deployment: Deployment) -> None:
        self._requirements = locked(names)
        self._python = deployment.runtime.removeprefix("python")
        self._platforms = _PLATFORMS[deployment.architecture]
        recipe = "\n".join((self._requirements, self._python, *self._platforms))
        self.hash = hashlib.sha256(recipe.encode()).hexdigest()

    def try_bundle(self, output_dir: str, *_args: Any, **_options: Any) -> bool:
        """Fill the layer's folder; the CDK asks only for layers that its output lacks."""
        cached = ROOT / ".sluice" / "cache" / "layers" / self.hash
        if not cached.is_dir():
            cached.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cached.parent) as partial:
                self._install(Path(partial))
                (Path(partial) / "layer").rename(cached)
        shutil.copytree(cached, output_dir, dirs_exist_ok=True)
        return True

    def _install(self, folder: Path) -> None:
        requirements = folder / "requirements.txt"
        requirements.write_text(self._requirements)
        platforms = [f"--platform={platform}" for platform in self._platforms]
        subprocess.run(  # noqa: S603 -- pip, with arguments that are all ours
            [
                sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes",
                "--only-binary=:all:", "--no-compile", "--implementation=cp", *platforms,
                f"--python-version={self._python}", f"--target={folder / 'layer' / 'python'}",
                f"--requirement={requirements}",
            ],
            check=True,
        )  # fmt: skip


def locked(names: tuple[str, ...]) -> str:
    """The entries of requirements.txt for these distributions, hashes and all."""
    lock = (ROOT / "requirements.txt").read_text()
    entries = {
        match["name"]: match[0]
        for match in re.finditer(r"^(?P<name>[\w.-]+)==(.*\\\n)+.*", lock, re.MULTILINE)
    }
    return "\n".join(entries[name] for name in names) + "\n"
