"""The environment a command works in: chosen, found by its stacks' outputs, and left again."""

import os
from pathlib import Path

import boto3
import pytest

from cli.environment import entered
from cli.exits import Exit, UnreachableError, exit_for_error
from config.deployment import InvalidDeploymentError
from lambdas.shared.domain.errors import DeploymentError, StorageBusyError
from local.account.home import AccountInfo, Home, NoAccountError
from tests.unit.cli.conftest import BUCKET, Deployed, deploy


def running(home: Path, endpoint_url: str) -> AccountInfo:
    """An account that says it runs: this very process."""
    info = AccountInfo(
        endpoint_url=endpoint_url,
        region="us-east-1",
        bucket="",
        database="",
        workgroup="",
        state_machine_arn="",
        topic_arn="",
        dead_letter_queue_url="",
        ledger_table="",
        pid=os.getpid(),
        wait_scale=1.0,
    )
    home.mkdir(parents=True, exist_ok=True)
    Home(folder=home).publish(info)
    return info


def test_a_deployed_environment_is_found_by_its_stacks_outputs(deployed: Deployed) -> None:
    with entered("dev") as environment:
        assert environment.bucket == BUCKET
        found = environment.to_json()
    assert {found[_field(name)] for name in deployed.outputs} == set(deployed.outputs.values())


def _field(output: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in output).lstrip("_")


def test_another_environments_stacks_are_not_mixed_in(deployed: Deployed) -> None:
    deploy("sluice-devother-storage", {"Bucket": "not-this-one"})
    deploy("sluice-staging-storage", {"Bucket": "nor-this-one"})
    with entered("dev") as environment:
        assert environment.bucket == BUCKET


def test_an_environment_that_is_not_deployed_is_said_to_be_so(aws: None) -> None:
    with pytest.raises(UnreachableError, match="no stack sluice-staging-"), entered("staging"):
        pass


def test_a_stack_that_is_not_deployed_yet_is_named_by_what_it_would_say(aws: None) -> None:
    deploy("sluice-dev-storage", {"Bucket": BUCKET, "LedgerTable": "ledger"})
    with pytest.raises(UnreachableError, match="no output Workgroup, Database"), entered("dev"):
        pass


def test_an_unknown_environment_is_bad_input_and_the_known_are_named(aws: None) -> None:
    known = "known: dev, local, prod, staging"
    with pytest.raises(InvalidDeploymentError, match=known) as caught, entered("production"):
        pass
    assert exit_for_error(caught.value) is Exit.BAD_INPUT


def test_without_a_name_and_without_an_account_both_ways_on_are_named(aws: None) -> None:
    with pytest.raises(UnreachableError) as caught, entered(None):
        pass
    assert "sluice local up" in str(caught.value)
    assert "--environment dev|prod|staging" in str(caught.value)


def test_local_without_an_account_is_unreachable(aws: None) -> None:
    with pytest.raises(NoAccountError) as caught, entered("local"):
        pass
    assert exit_for_error(caught.value) is Exit.UNREACHABLE


@pytest.mark.parametrize("name", [None, "local"])
def test_a_running_account_is_entered_whatever_the_user_has_set_up(
    deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    deploy("sluice-local-all", deployed.outputs)
    info = running(tmp_path / "no account", "http://s3.amazonaws.com")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example")
    monkeypatch.setattr(AccountInfo, "to_env", lambda _: {"AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"})  # fmt: skip
    before = dict(os.environ)
    with entered(name) as environment:
        assert "AWS_PROFILE" not in os.environ
        assert "AWS_ENDPOINT_URL_S3" not in os.environ
        assert environment.name == "local"
        assert environment.endpoint_url == info.endpoint_url
        assert environment.bucket == BUCKET
    assert dict(os.environ) == before


def test_each_environments_clients_are_its_own(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with entered("dev") as environment:
        assert boto3.client("s3").meta.region_name == environment.region == "us-east-1"
    assert boto3.client("s3").meta.region_name == "eu-west-1"


def test_a_profile_that_does_not_exist_is_said_to_be_so(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(DeploymentError, match="nobody"), entered("dev"):
        pass


def test_an_account_that_does_not_answer_is_unreachable(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:9")  # discard: nobody listens
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageBusyError, match="did not answer") as caught, entered("dev"):
        pass
    assert exit_for_error(caught.value) is Exit.UNREACHABLE
