"""The environment a command works in: which account it calls, and where things are in it.

Where things are is read from the outputs of the environment's stacks, in the emulated account
and in a deployed one alike.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import boto3

from cli.exits import UnreachableError
from config.deployment import ENVIRONMENTS, Deployment
from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import translated
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.objects import Objects
from lambdas.shared.aws.warehouse import Warehouse
from local.account.home import AccountInfo, Home, NoAccountError

ROOT = Path(__file__).parents[1]
LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A deployed environment; all but the first three fields are outputs of its stacks."""

    name: str
    region: str
    endpoint_url: str | None
    bucket: str
    ledger_table: str
    workgroup: str
    database: str
    state_machine_arn: str
    release_machine_arn: str
    topic_arn: str
    arrivals_queue_url: str
    dead_letter_queue_url: str
    events_dead_letter_queue_url: str
    releases_dead_letter_queue_url: str
    sweep_function_name: str

    @property
    def objects(self) -> Objects:
        """The data bucket."""
        return Objects(self.bucket)

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(self.ledger_table)

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse, as the database user of whoever calls."""
        return Warehouse(self.workgroup, self.database)

    def to_json(self) -> dict[str, Any]:
        """The environment as JSON."""
        return asdict(self)


@contextmanager
def entered(name: str | None) -> Iterator[Environment]:
    """Call AWS in an environment while the block lasts; `lambdas.shared.aws` follows.

    Without a name it is the emulated account that runs for this folder. Raises UnreachableError,
    NoAccountError or InvalidDeploymentError, and what AWS answers as in `errors.py`.
    """
    name, account = _choose(name)
    region = account.region if account else Deployment.load(name).region
    with _variables(_only(account) if account else _regional(region)):
        yield Environment(
            name=name,
            region=region,
            endpoint_url=account.endpoint_url if account else os.environ.get("AWS_ENDPOINT_URL"),
            **_outputs(name, region),
        )


def _choose(name: str | None) -> tuple[str, AccountInfo | None]:
    if name not in (None, LOCAL):
        return str(name), None
    try:
        return LOCAL, Home.below(ROOT).info()
    except NoAccountError as error:
        if name == LOCAL:
            raise
        known = sorted(path.stem for path in ENVIRONMENTS.glob("*.json") if path.stem != LOCAL)
        raise UnreachableError(
            f"which environment? {error}, or name a deployed one: --environment {'|'.join(known)}"
        ) from error


def _only(account: AccountInfo) -> dict[str, str]:
    """The process's variables, without anything of the user's that leads to another account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        **account.to_env(),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "*",
        "no_proxy": "*",
    }


def _regional(region: str) -> dict[str, str]:
    return {**os.environ, "AWS_DEFAULT_REGION": region, "AWS_REGION": region}


@contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    _replace(variables)
    try:
        yield
    finally:
        _replace(before)


def _replace(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    boto3.DEFAULT_SESSION = None  # it has read the variables of before; the next call makes one
    clients.forget()


def _outputs(name: str, region: str) -> dict[str, str]:
    """The fields of an Environment that stacks know."""
    found: dict[str, str] = {}
    with translated():
        pages = boto3.client("cloudformation").get_paginator("describe_stacks").paginate()
        stacks = [stack for page in pages for stack in page["Stacks"]]
    for stack in stacks:
        if stack["StackName"].startswith(f"sluice-{name}-"):
            found |= {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    if not found:
        raise UnreachableError(
            f"environment {name} is not deployed in this account in {region}: it has no stack"
            f" sluice-{name}-*; deploy it, or check AWS_PROFILE and AWS_ENDPOINT_URL"
        )
    wanted = {f.name: _output(f.name) for f in fields(Environment)[3:]}
    missing = [output for output in wanted.values() if output not in found]
    if missing:
        raise UnreachableError(
            f"the stacks of {name} have no output {', '.join(missing)}; deploy all of them as they"
            " are in this checkout"
        )
    return {field: found[output] for field, output in wanted.items()}


def _output(field: str) -> str:
    return field.title().replace("_", "")
