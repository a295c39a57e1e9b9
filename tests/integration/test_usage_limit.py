"""The daily limit of the warehouse, from the first deployment to the last, by CloudFormation."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.running import Account, running_account

pytestmark = pytest.mark.emulated
STACK = "sluice-local-warehouse"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running_account(tmp_path_factory.mktemp("sluice")) as running:
        yield running


def limits(account: Account) -> list[dict[str, Any]]:
    """Every limit of the account."""
    listed: dict[str, Any] = account.client("redshift-serverless").list_usage_limits()
    return list(listed.get("usageLimits", []))


def test_a_limit_follows_its_environment_s_file_from_deployment_to_destroy(
    account: Account,
) -> None:
    cloudformation = account.client("cloudformation")
    template = cloudformation.get_template(StackName=STACK)["TemplateBody"]
    ((logical_id, wanted),) = (
        (name, each["Properties"])
        for name, each in template["Resources"].items()
        if each["Type"] == "Custom::UsageLimit"
    )

    (made,) = limits(account)
    assert (made["period"], made["usageType"]) == ("daily", "serverless-compute")
    assert (made["amount"], made["breachAction"]) == (24, "deactivate")

    wanted |= {"daily_rpu_hours": 30, "breach_action": "emit-metric"}
    cloudformation.update_stack(StackName=STACK, TemplateBody=json.dumps(template))
    assert limits(account) == [made | {"amount": 30, "breachAction": "emit-metric"}]
    known = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=logical_id)
    assert known["StackResourceDetail"]["PhysicalResourceId"] == made["usageLimitId"]

    of_a_person = account.client("redshift-serverless").create_usage_limit(
        resourceArn=made["resourceArn"],
        usageType="serverless-compute",
        period="weekly",
        amount=100,
    )["usageLimit"]
    cloudformation.delete_stack(StackName=STACK)
    assert limits(account) == [of_a_person]
