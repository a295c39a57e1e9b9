"""Whose tokens may deploy: the trust policies, judged as IAM judges them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.deployment import Delivery, Deployment
from local.account.policies import Call, allows
from stacks.constructs.app import SluiceApp
from stacks.delivery_stack import DeliveryStack

ACCOUNT = "123456789012"
ISSUER = "token.actions.githubusercontent.com"
REPOSITORY = "example/sluice"
TAKE = "sts:AssumeRoleWithWebIdentity"


def template(tmp_path: Path, **fields: Any) -> dict[str, Any]:
    delivery = Delivery(repository=REPOSITORY, **fields)
    staging = Deployment.load("staging").model_copy(
        update={"account": ACCOUNT, "delivery": delivery}
    )
    app = SluiceApp(outdir=tmp_path)
    DeliveryStack(app, staging, delivery)
    return dict(app.synth().get_stack_by_name("sluice-staging-delivery").template)


def role(tmp_path: Path, noun: str, **fields: Any) -> list[dict[str, Any]]:
    """The statements of a role's trust policy."""
    (found,) = (
        body["Properties"]
        for body in template(tmp_path, **fields)["Resources"].values()
        if body["Properties"].get("RoleName") == f"sluice-staging-{noun}"
    )
    return list(found["AssumeRolePolicyDocument"]["Statement"])


def claims(**changed: str) -> dict[str, str]:
    """A token of the workflow that deploys to staging, as conditions see it."""
    usual = {
        "aud": "sts.amazonaws.com",
        "sub": f"repo:{REPOSITORY}:environment:staging",
        "repository": REPOSITORY,
        "ref": "refs/heads/main",
    }
    return {f"{ISSUER}:{name}": value for name, value in (usual | changed).items()}


def admitted(statements: list[dict[str, Any]], token: dict[str, str]) -> bool:
    return allows(statements, Call(action=TAKE, resource="*", context=token))


def test_the_workflow_in_its_environment_may_deploy(tmp_path: Path) -> None:
    assert admitted(role(tmp_path, "deploy"), claims())


@pytest.mark.parametrize(
    "changed",
    [
        {"repository": "another/sluice", "sub": "repo:another/sluice:environment:staging"},
        {"sub": "repo:another/sluice:environment:staging"},
        {"sub": f"repo:{REPOSITORY}-fork:environment:staging"},
        {"ref": "refs/heads/feature"},
        {"ref": "refs/tags/main"},
        {"ref": "refs/pull/7/merge"},
        {"sub": f"repo:{REPOSITORY}:environment:prod"},
        {"sub": f"repo:{REPOSITORY}:environment:staging-plan"},
        {"sub": f"repo:{REPOSITORY}:ref:refs/heads/main"},
        {"sub": f"repo:{REPOSITORY}:pull_request"},
        {"aud": f"https://github.com/{REPOSITORY}"},
    ],
    ids=lambda changed: " ".join(f"{k}={v}" for k, v in changed.items()),
)
def test_any_other_token_is_refused(tmp_path: Path, changed: dict[str, str]) -> None:
    assert not admitted(role(tmp_path, "deploy"), claims(**changed))


@pytest.mark.parametrize("claim", ["aud", "sub", "repository", "ref"])
def test_a_token_without_a_claim_is_refused(tmp_path: Path, claim: str) -> None:
    token = claims()
    del token[f"{ISSUER}:{claim}"]
    assert not admitted(role(tmp_path, "deploy"), token)


def test_the_role_that_looks_is_taken_in_its_own_environment_only(tmp_path: Path) -> None:
    trust = role(tmp_path, "plan")
    assert admitted(trust, claims(sub=f"repo:{REPOSITORY}:environment:staging-plan"))
    assert not admitted(trust, claims())


def test_a_subject_with_numbers_in_it_is_taken_as_the_repository_shows_it(tmp_path: Path) -> None:
    trust = role(tmp_path, "deploy", subject="repo:example@123/sluice@456")
    assert admitted(trust, claims(sub="repo:example@123/sluice@456:environment:staging"))
    assert not admitted(trust, claims())
    assert not admitted(trust, claims(sub="repo:example@123/sluice@457:environment:staging"))


def test_the_provider_is_githubs_and_the_only_principal(tmp_path: Path) -> None:
    resources = template(tmp_path)["Resources"]
    (provider,) = (b for b in resources.values() if b["Type"] == "AWS::IAM::OIDCProvider")
    assert provider["Properties"] == {
        "Url": f"https://{ISSUER}",
        "ClientIdList": ["sts.amazonaws.com"],
    }
    for body in resources.values():
        if body["Type"] == "AWS::IAM::Role":
            (statement,) = body["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            assert statement["Action"] == TAKE
            assert statement["Principal"] == {"Federated": {"Fn::GetAtt": ["GitHub", "Arn"]}}


def test_a_provider_the_account_has_already_is_named_not_made(tmp_path: Path) -> None:
    made = template(tmp_path, creates_provider=False)
    assert "AWS::IAM::OIDCProvider" not in {b["Type"] for b in made["Resources"].values()}
    assert f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}" in json.dumps(made)


def test_the_roles_only_take_roles_of_the_bootstrap_and_the_one_that_looks_only_one(
    tmp_path: Path,
) -> None:
    taken: dict[str, list[str]] = {}
    for body in template(tmp_path)["Resources"].values():
        if body["Type"] == "AWS::IAM::Policy":
            (statement,) = body["Properties"]["PolicyDocument"]["Statement"]
            assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
            on = statement["Resource"]
            (holder,) = body["Properties"]["Roles"]
            taken[holder["Ref"]] = [on] if isinstance(on, str) else on
    prefix = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds"
    names = {
        holder.rstrip("0123456789ABCDEF")[:4]: [arn.removeprefix(prefix) for arn in arns]
        for holder, arns in taken.items()
    }
    suffix = f"role-{ACCOUNT}-us-east-1"
    assert names == {
        "Depl": [f"-deploy-{suffix}", f"-file-publishing-{suffix}", f"-lookup-{suffix}"],
        "Plan": [f"-lookup-{suffix}"],
    }


def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    template(tmp_path)
    linter = Path(sys.executable).parent / "cfn-lint"
    made = tmp_path / "sluice-staging-delivery.template.json"
    done = subprocess.run([linter, "--", made], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"repository": "sluice"},
        {"repository": "example/*"},
        {"repository": "*/sluice"},
        {"repository": "example/sluice:environment:dev"},
        {"repository": REPOSITORY, "subject": "repo:*"},
        {"repository": REPOSITORY, "subject": "example/sluice"},
        {"repository": REPOSITORY, "branch": "*"},
    ],
)
def test_a_repository_is_one_repository_and_a_branch_one_branch(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Delivery(**wrong)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod", "local"])
def test_no_environment_trusts_a_repository_until_somebody_names_it(environment: str) -> None:
    assert Deployment.load(environment).delivery is None
