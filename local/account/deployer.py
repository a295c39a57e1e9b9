"""Deploys a cloud assembly, as `cdk deploy` would: assets first, then stacks in their order."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.cloudformation.models import cloudformation_backends

from local.account.clients import Aws
from local.account.identity import ACCOUNT_ID, REGION

_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest a zip knows: equal files make equal archives


class DeploymentError(Exception):
    """A stack could not be deployed; says which resource, of which type, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One stack's outputs, and its resources by logical id as (type, physical id)."""

    stack: str
    outputs: Mapping[str, str]
    resources: Mapping[str, tuple[str, str]]


class Deployer:
    """Puts the stacks of cloud assemblies into the account."""

    def __init__(self, aws: Aws, *, report: Callable[[str], None]) -> None:
        self._aws = aws
        self._report = report

    def deploy(self, assembly: Path) -> list[Deployed]:
        """Create or update every stack; raises DeploymentError at the first that fails."""
        if json.loads((assembly / "manifest.json").read_text())["artifacts"]:
            self._bootstrap()  # an account without stacks is left to `cdk bootstrap`
        return self._deploy_all(assembly)

    def _deploy_all(self, assembly: Path) -> list[Deployed]:
        artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
        deployed: list[Deployed] = []
        for name in _in_order(artifacts):
            artifact = artifacts[name]
            if artifact["type"] == "cdk:asset-manifest":
                self._publish(assembly, artifact["properties"]["file"])
            elif artifact["type"] == "cdk:cloud-assembly":  # a stage
                directory = assembly / artifact["properties"]["directoryName"]
                deployed += self._deploy_all(directory)
            elif artifact["type"] == "aws:cloudformation:stack":
                properties = artifact["properties"]
                template = (assembly / properties["templateFile"]).read_text()
                deployed.append(self._deploy(properties.get("stackName", name), template))
        return deployed

    def _bootstrap(self) -> None:
        """What `cdk bootstrap` leaves behind: a bucket for assets, and its version."""
        self._aws("ssm").put_parameter(
            Name=_BOOTSTRAP_VERSION, Value="25", Type="String", Overwrite=True
        )
        self._aws("s3").create_bucket(Bucket=asset_bucket())

    def _publish(self, assembly: Path, manifest: str) -> None:
        for asset in json.loads((assembly / manifest).read_text()).get("files", {}).values():
            source = assembly / asset["source"]["path"]
            body = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
            for destination in asset["destinations"].values():
                self._aws("s3").put_object(
                    Bucket=_resolve(destination["bucketName"]),
                    Key=destination["objectKey"],
                    Body=body,
                )

    def _deploy(self, name: str, template: str) -> Deployed:
        backend = cloudformation_backends[ACCOUNT_ID][REGION]
        known = {stack.name for stack in backend.list_stacks()}
        try:
            if name in known:
                backend.update_stack(
                    name=name, role_arn="", template=template, parameters=[], tags={}
                )
            else:
                backend.create_stack(name=name, template=template, parameters={})
        except Exception as error:
            reason = getattr(error, "message", None) or str(error)
            raise DeploymentError(f"stack {name}: {reason}") from error
        deployed = self._describe(name)
        self._report(f"stack {name}: {len(deployed.resources)} resources")
        return deployed

    def _describe(self, name: str) -> Deployed:
        cloudformation = self._aws("cloudformation")
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        return Deployed(
            stack=name,
            outputs={o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
            resources={
                resource["LogicalResourceId"]: (
                    resource["ResourceType"],
                    resource["PhysicalResourceId"],
                )
                for page in pages
                for resource in page["StackResourceSummaries"]
            },
        )


def asset_bucket() -> str:
    """The bucket of the default synthesizer's bootstrap."""
    return f"cdk-hnb659fds-assets-{ACCOUNT_ID}-{REGION}"


def mentions(assembly: Path, resource_type: str) -> bool:
    """Whether any template of the assembly has a resource of a type."""
    return any(resource_type in path.read_text() for path in assembly.rglob("*.template.json"))


def _in_order(artifacts: Mapping[str, Any]) -> Iterator[str]:
    """Artifact names, each after what it depends on."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in done:
            return
        done.add(name)
        for dependency in artifacts[name].get("dependencies", []):
            yield from visit(dependency)
        yield name

    for name in artifacts:
        yield from visit(name)


def _resolve(text: str) -> str:
    for placeholder, value in (
        ("${AWS::AccountId}", ACCOUNT_ID),
        ("${AWS::Region}", REGION),
        ("${AWS::Partition}", "aws"),
    ):
        text = text.replace(placeholder, value)
    return text


def _zipped(folder: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as content:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), _EPOCH)
            entry.external_attr = 0o644 << 16
            content.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive.getvalue()
