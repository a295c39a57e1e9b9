"""The CDK's own command line takes every environment through its life in an emulated account.

`python -m tools.deploy_local` bootstraps, deploys the previous commit, fills it, upgrades it to
this one, deploys again, destroys it, and checks after each what must hold. Writes
build/deploy-local.json. Functions run on this machine's Python, so what is deployed has no layers.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from config.deployment import Deployment
from local.account.clients import for_user
from local.account.home import AccountInfo, Home
from local.account.identity import ACCOUNT_ID, REGION
from local.account.process import start_detached
from tools.cdk import ROOT, Cdk, CommandLineError, checkout

ENVIRONMENTS = ("dev", "staging", "prod", "local")
REPOSITORY = "example/sluice"
_WAREHOUSE = '{"Resources": {"W": {"Type": "AWS::RedshiftServerless::Workgroup"}}}'
_PATIENCE_SECONDS = 60


class StatementError(Exception):
    """A statement of the warehouse failed, or did not end."""


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
        self._cdk = Cdk(folder, info.to_env())

    def bootstrap(self, folder: Path) -> str:
        """`cdk bootstrap` of the account and region."""
        return self._run(folder, "local", "bootstrap", f"aws://{ACCOUNT_ID}/{REGION}")

    def deploy(self, folder: Path, environment: str) -> str:
        """`cdk deploy --all`; a change set is more than moto's can do."""
        options = ["--all", "--method=direct", "--require-approval=never"]
        return self._run(folder, environment, "deploy", *options)

    def destroy(self, folder: Path, environment: str) -> str:
        """`cdk destroy --all`; raises CommandLineError if a stack is not deleted."""
        return self._run(folder, environment, "destroy", "--all", "--force")

    def _run(self, folder: Path, environment: str, *arguments: str) -> str:
        app = ["--app", f"{sys.executable} app.py"]
        output = ["--output", str(folder / "cdk.out" / environment)]
        return self._cdk(*arguments, *app, *output, "-c", f"environment={environment}", cwd=folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What outlives deployments; None for what is gone."""

    versions: frozenset[tuple[str, str]] | None
    items: frozenset[str] | None
    rows: frozenset[str] | None
    keys: frozenset[str]

    def holds(self, other: "Data") -> bool:
        """Whether all that another has is still here."""
        return all(
            (theirs or frozenset()) <= (ours or frozenset())
            for ours, theirs in (
                (self.versions, other.versions),
                (self.items, other.items),
                (self.rows, other.rows),
                (self.keys, other.keys),
            )
        )

    def __str__(self) -> str:
        counts = {
            "versions": self.versions, "items": self.items, "rows": self.rows, "keys": self.keys
        }  # fmt: skip
        return ", ".join(f"{len(found or ())} {noun}" for noun, found in counts.items())


class Environment:
    """What one environment has in the account."""

    def __init__(self, info: AccountInfo, name: str) -> None:
        self.name = name
        self.deployment = Deployment.load(name)
        self.bucket = self.deployment.bucket(ACCOUNT_ID)
        self.client = for_user("local", info.endpoint_url)

    def fill(self) -> None:
        """A file nobody loads, an item and a row, all of which must outlive what follows."""
        body = b"kept through upgrade and destroy\n"
        self.client("s3").put_object(Bucket=self.bucket, Key="data/raw/kept.csv", Body=body)
        item = {"pk": {"S": "KEPT"}, "sk": {"S": "KEPT"}}
        self.client("dynamodb").put_item(TableName=self.deployment.ledger_table, Item=item)
        self._sql("CREATE TABLE public.kept (id INT)")
        self._sql("INSERT INTO public.kept VALUES (1), (2)")

    def data(self) -> Data:
        """Every version of every object, every item, the rows and the keys."""
        return Data(
            versions=self._versions(), items=self._items(), rows=self._rows(), keys=self._keys()
        )

    def empty(self) -> None:
        """Delete every version of every object, as docs/operations.md says to before a destroy."""
        client = self.client("s3")
        for key, version in self._versions() or ():
            client.delete_object(Bucket=self.bucket, Key=key, VersionId=version)

    def unprotect(self) -> None:
        """Take the termination protection off every stack."""
        client = self.client("cloudformation")
        for stack in self.stacks():
            client.update_termination_protection(StackName=stack, EnableTerminationProtection=False)

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

    def left(self) -> list[str]:
        """What acts or costs and must not outlive its stacks."""
        prefix = f"sluice-{self.name}-"
        machines = self.client("stepfunctions").list_state_machines()["stateMachines"]
        names = [
            *(f["FunctionName"] for f in self.client("lambda").list_functions()["Functions"]),
            *(r["RoleName"] for r in self.client("iam").list_roles()["Roles"]),
            *(r["Name"] for r in self.client("events").list_rules()["Rules"]),
            *(m["name"] for m in machines),
            *(u.split("/")[-1] for u in self.client("sqs").list_queues().get("QueueUrls", [])),
            *(t["TopicArn"].split(":")[-1] for t in self.client("sns").list_topics()["Topics"]),
            *(f"{prefix}{each['usageLimitId']}" for each in self._usage_limits()),
            *(a["AlarmName"] for a in self.client("cloudwatch").describe_alarms()["MetricAlarms"]),
        ]
        return sorted(name for name in names if name.startswith(prefix))

    def _usage_limits(self) -> list[dict[str, Any]]:
        """The account's: it has one environment."""
        client = self.client("redshift-serverless")
        return list(client.list_usage_limits().get("usageLimits", []))

    def _versions(self) -> frozenset[tuple[str, str]] | None:
        client = self.client("s3")
        try:
            pages = list(client.get_paginator("list_object_versions").paginate(Bucket=self.bucket))
        except client.exceptions.NoSuchBucket:
            return None
        return frozenset(
            (each["Key"], each["VersionId"])
            for page in pages
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        )

    def _items(self) -> frozenset[str] | None:
        client = self.client("dynamodb")
        try:
            items = client.scan(TableName=self.deployment.ledger_table)["Items"]
        except client.exceptions.ResourceNotFoundException:
            return None
        return frozenset(map(str, items))

    def _rows(self) -> frozenset[str] | None:
        """The rows, as long as the namespace is there: its secret tells."""
        client = self.client("secretsmanager")
        try:
            client.describe_secret(SecretId=self.deployment.admin_secret)
        except client.exceptions.ResourceNotFoundException:
            return None
        statement = self._sql("SELECT id FROM public.kept")
        records = self.client("redshift-data").get_statement_result(Id=statement)["Records"]
        return frozenset(map(str, records))

    def _keys(self) -> frozenset[str]:
        """The keys that can still decrypt; one that is deleted waits for it for days."""
        client = self.client("kms")
        told = [
            client.describe_key(KeyId=each["KeyId"])["KeyMetadata"]
            for each in client.list_keys(Limit=1000)["Keys"]
        ]
        ours = f"of Sluice in {self.name}"
        return frozenset(
            key["KeyId"] for key in told if key["Description"].endswith(ours) and key["Enabled"]
        )

    def _sql(self, text: str) -> str:
        """Run a statement as the admin; its id. Raises StatementError unless it finished."""
        client = self.client("redshift-data")
        statement = str(
            client.execute_statement(
                WorkgroupName=self.deployment.workgroup,
                Database=self.deployment.database,
                SecretArn=self.deployment.admin_secret,
                Sql=text,
            )["Id"]
        )
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            told = client.describe_statement(Id=statement)
            if told["Status"] == "FINISHED":
                return statement
            if told["Status"] in ("FAILED", "ABORTED"):
                raise StatementError(f"{text}: {told.get('Error', told['Status'])}")
            time.sleep(0.1)
        raise StatementError(f"{text}: no end after {_PATIENCE_SECONDS} s")


def prepared(revision: str, folder: Path) -> Path:
    """The project at a revision, as the emulated account can run it.

    Its functions have no layers: this machine's Python runs them. A repository may deploy.
    """
    checkout(revision, folder)
    for path in (folder / "config" / "environments").glob("*.json"):
        changed = json.loads(path.read_text()) | {"dependencies": "host"}
        if (folder / "stacks" / "delivery_stack.py").exists():
            changed["delivery"] = {"repository": REPOSITORY}
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
    claims.check(
        at.name, "an upgrade keeps every version, item, row and key", holds=after.holds(kept),
        detail=str(after),
    )  # fmt: skip
    stacks = at.stacks()
    printed = cli.deploy(now, at.name)
    unchanged = printed.count("(no changes)")
    claims.check(
        at.name,
        "a second deploy changes nothing",
        holds=unchanged == len(stacks) and at.stacks() == stacks,
        detail=f"{unchanged} of {len(stacks)} stacks without changes",
    )
    destroy(cli, at, now, claims)


def destroy(cli: CommandLine, at: Environment, now: Path, claims: Claims) -> None:
    """Destroy an environment, and look at what is left of it."""
    before, stacks = at.data(), at.stacks()
    if at.deployment.termination_protection:
        refusal = _refusal(cli, at, now)
        claims.check(
            at.name,
            "termination protection refuses a destroy, and nothing is touched",
            holds="TerminationProtection is enabled" in refusal
            and at.stacks() == stacks
            and at.data() == before,
        )
        at.unprotect()
    if at.deployment.removal_policy == "destroy":
        refusal = _refusal(cli, at, now)
        claims.check(
            at.name,
            "a bucket with files is refused, and keeps them",
            holds="not empty" in refusal and at.data().versions == before.versions,
        )
        at.empty()
    cli.destroy(now, at.name)
    after = at.data()
    claims.check(at.name, "a destroy leaves no stack", holds=not at.stacks())
    left = at.left()
    claims.check(
        at.name, "nothing that runs outlives its stack", holds=not left, detail=", ".join(left)
    )
    if at.deployment.removal_policy == "destroy":
        gone = Data(versions=None, items=None, rows=None, keys=frozenset())
        claims.check(at.name, "its data goes with it", holds=after == gone, detail=str(after))
    else:
        claims.check(
            at.name, "every version, item, row and key is still there", holds=after.holds(before),
            detail=str(after),
        )  # fmt: skip


def _refusal(cli: CommandLine, at: Environment, now: Path) -> str:
    """What a destroy that must fail printed; empty if it did not fail."""
    try:
        cli.destroy(now, at.name)
    except CommandLineError as error:
        return str(error)
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Take every environment through its life; 1 if a claim does not hold."""
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
            before = prepared(options.before, folder / "before")
            now = prepared("HEAD", folder / "now")
            info = start_detached(assembly=empty, home=home)
            try:
                cli = CommandLine(info, folder)
                cli.bootstrap(now)
                claims.check(name, "bootstraps", holds=True)
                run(cli, Environment(info, name), before, now, claims)
            except (CommandLineError, StatementError) as error:
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
