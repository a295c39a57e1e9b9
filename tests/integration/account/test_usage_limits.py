"""Usage limits of Redshift Serverless, as botocore's model has them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from tests.integration.account.conftest import Aws

pytestmark = pytest.mark.emulated


@pytest.fixture
def workgroup() -> str:
    """A workgroup of a test's own."""
    return f"arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/{uuid4()}"


@pytest.fixture
def api(aws: Aws) -> Iterator[Any]:
    """A client whose every answer is held to the shape the model gives it."""
    client = aws("redshift-serverless")
    model = botocore.session.get_session().get_service_model("redshift-serverless")

    def check(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if "Error" not in parsed:
            answer = {k: v for k, v in parsed.items() if k != "ResponseMetadata"}
            report = ParamValidator().validate(answer, model.output_shape)
            assert not report.has_errors(), report.generate_report()
        else:
            known = {shape.name for shape in model.error_shapes}
            assert parsed["Error"]["Code"] in known
            assert parsed["Error"]["Message"]

    assert "CreateUsageLimit" in model.operation_names
    client.meta.events.register("after-call", check)
    yield client
    client.meta.events.unregister("after-call", check)


def created(api: Any, workgroup: str, **more: Any) -> dict[str, Any]:
    given = {"usageType": "serverless-compute", "amount": 24, **more}
    made: dict[str, Any] = api.create_usage_limit(resourceArn=workgroup, **given)["usageLimit"]
    return made


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_a_limit_lives_from_its_creation_to_its_deletion(api: Any, workgroup: str) -> None:
    made = created(api, workgroup, period="daily", breachAction="deactivate")
    assert made["usageLimitArn"].endswith(made["usageLimitId"])
    known = {"usageLimitId": made["usageLimitId"]}
    assert api.get_usage_limit(**known)["usageLimit"] == made
    changed = api.update_usage_limit(**known, amount=30)["usageLimit"]
    assert changed == made | {"amount": 30}
    assert api.list_usage_limits(resourceArn=workgroup)["usageLimits"] == [changed]
    assert api.delete_usage_limit(**known)["usageLimit"] == changed
    assert "usageLimits" not in api.list_usage_limits(resourceArn=workgroup)
    with pytest.raises(ClientError) as refused:
        api.get_usage_limit(**known)
    assert code(refused) == "ResourceNotFoundException"


def test_a_limit_is_monthly_and_only_logs_unless_told_otherwise(api: Any, workgroup: str) -> None:
    made = created(api, workgroup)
    assert (made["period"], made["breachAction"]) == ("monthly", "log")


def test_a_listing_has_pages_and_filters(api: Any, workgroup: str) -> None:
    for period in ("daily", "weekly", "monthly"):
        created(api, workgroup, period=period)
    created(api, workgroup, usageType="cross-region-datasharing")
    pages = api.get_paginator("list_usage_limits").paginate(
        resourceArn=workgroup, usageType="serverless-compute", PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["usageLimits"]) for page in pages]
    assert sizes == [2, 1]


def test_a_second_limit_of_a_kind_is_refused(api: Any, workgroup: str) -> None:
    created(api, workgroup, period="daily")
    with pytest.raises(ClientError) as refused:
        created(api, workgroup, period="daily", amount=1)
    assert code(refused) == "ConflictException"


def test_only_workgroups_have_limits(api: Any) -> None:
    with pytest.raises(ClientError) as refused:
        created(api, "arn:aws:redshift-serverless:us-east-1:123456789012:namespace/one")
    assert code(refused) == "ResourceNotFoundException"


@pytest.mark.parametrize("fault", [{"amount": 0}, {"period": "yearly"}, {"breachAction": "stop"}])
def test_a_request_that_makes_no_sense_is_refused(
    api: Any, workgroup: str, fault: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        created(api, workgroup, **fault)
    assert code(refused) == "ValidationException"


def test_an_operation_the_account_lacks_says_so(aws: Aws) -> None:
    with pytest.raises(ClientError, match="GetWorkgroup of Redshift Serverless is not emulated"):
        aws("redshift-serverless").get_workgroup(workgroupName="one")
