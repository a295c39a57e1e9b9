"""One running account a worker, deployed from a hand-written assembly."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.account import Account, clients
from local.account.deployer import Deployer
from tests.integration.account.template import ASSET_KEY, ASSETS, TEMPLATE

Aws = Callable[[str], Any]
HANDLERS = Path(__file__).parent / "asset"


def write_assembly(folder: Path, template: dict[str, Any]) -> Path:
    """A cloud assembly of one stack and one asset, as `cdk synth` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.template.json").write_text(json.dumps(template))
    assets = {
        "files": {
            "handlers": {
                "source": {"path": str(HANDLERS), "packaging": "zip"},
                "destinations": {"here": {"bucketName": ASSETS, "objectKey": ASSET_KEY}},
            }
        }
    }
    (folder / "main.assets.json").write_text(json.dumps(assets))
    artifacts = {
        "main": {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": "main.template.json", "stackName": "main"},
            "dependencies": ["main.assets"],
        },
        "main.assets": {
            "type": "cdk:asset-manifest",
            "properties": {"file": "main.assets.json"},
        },
    }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


def deploy(account: Account, folder: Path, stack: str, template: dict[str, Any]) -> None:
    """Deploy a further stack into the shared account."""
    assembly = write_assembly(folder / stack, template)
    manifest = json.loads((assembly / "manifest.json").read_text())
    manifest["artifacts"]["main"]["properties"]["stackName"] = stack
    (assembly / "manifest.json").write_text(json.dumps(manifest))
    aws = clients.for_user("cloudformation", account.endpoint_url)
    Deployer(aws, report=lambda _: None).deploy(assembly)


def client_of(endpoint_url: str) -> Aws:
    """boto3 clients as a person at the account would make them."""
    session = boto3.Session(
        aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
    )
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service, endpoint_url=endpoint_url)
        return clients[service]

    return client


def eventually(probe: Callable[[], Any], *, within: float = 10.0) -> Any:
    """The first truthy answer of a probe; fails after `within` seconds."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if found := probe():
            return found
        time.sleep(0.05)
    pytest.fail(f"still nothing after {within} s")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The account all tests of a worker share; each uses keys and names of its own."""
    folder = tmp_path_factory.mktemp("account")
    assembly = write_assembly(folder / "cdk.out", TEMPLATE)
    with Account(
        assembly=assembly, state_dir=folder / "home", runner="forked", wait_scale=0.01
    ) as running:
        yield running


@pytest.fixture(scope="module")
def aws(account: Account) -> Aws:
    """Clients of the shared account."""
    return client_of(account.endpoint_url)
