"""The daily limit of a workgroup, asked of the emulated API through botocore itself."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from lambdas.limit_usage.handler import handler
from lambdas.limit_usage.limiting import DailyLimit
from lambdas.shared.aws import clients
from lambdas.shared.domain.errors import DeploymentError, WarehouseBusyError
from local.account.usage_limits import UsageLimitError, UsageLimits

WORKGROUP = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/one"
OTHER = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/two"


class Service:
    """The emulated service behind a real client; fails as often as it is told, per operation."""

    def __init__(self) -> None:
        self.limits = UsageLimits()
        self.fails: dict[str, list[str]] = {}
        self.asked: list[str] = []
        new_client: Any = boto3.client
        self.client = new_client(
            "redshift-serverless",
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        self.client.meta.events.register("before-send", self._send)

    def found(self, workgroup: str = WORKGROUP) -> list[tuple[str, int, str]]:
        """Period, amount and action of every limit of a workgroup."""
        listed = self.limits.answer("ListUsageLimits", {"resourceArn": workgroup})
        return sorted(
            (each["period"], each["amount"], each["breachAction"])
            for each in listed.get("usageLimits", [])
        )

    def made(self, period: str, amount: int, workgroup: str = WORKGROUP) -> str:
        """A limit that a person made; its id."""
        given = {"usageType": "serverless-compute", "period": period, "amount": amount}
        made = self.limits.answer("CreateUsageLimit", {"resourceArn": workgroup, **given})
        return str(made["usageLimit"]["usageLimitId"])

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        operation = str(request.headers["X-Amz-Target"].decode()).rpartition(".")[2]
        self.asked.append(operation)
        try:
            if self.fails.get(operation):
                raise UsageLimitError(self.fails[operation].pop(), "told to")
            status, body = 200, self.limits.answer(operation, json.loads(request.body))
        except UsageLimitError as error:
            status, body = 400, {"__type": error.code, "message": str(error)}
        return Answer(status, json.dumps(body).encode())


class Answer(AWSResponse):
    """What came over the wire."""

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__("https://redshift-serverless", status, {}, None)
        self._content = content


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    found = Service()
    monkeypatch.setattr(clients, "redshift_serverless", lambda: found.client)
    return found


def limit(rpu_hours: int = 24, *, limit_id: str | None = None, action: str = "deactivate") -> Any:
    return DailyLimit(
        workgroup_arn=WORKGROUP, rpu_hours=rpu_hours, breach_action=action, limit_id=limit_id
    )


def test_a_workgroup_without_a_limit_gets_it(service: Service) -> None:
    limit(24).keep()
    assert service.found() == [("daily", 24, "deactivate")]


def test_a_request_that_is_repeated_finds_the_limit_it_made(service: Service) -> None:
    assert limit(24).keep() == limit(24).keep()
    assert service.found() == [("daily", 24, "deactivate")]


def test_a_limit_that_a_person_made_is_changed_and_not_doubled(service: Service) -> None:
    by_hand = service.made("daily", 500)
    service.made("weekly", 600)
    assert limit(24).keep() == by_hand
    assert service.found() == [("daily", 24, "deactivate"), ("weekly", 600, "log")]


def test_an_update_changes_the_limit_and_keeps_its_id(service: Service) -> None:
    limit_id = limit(24).keep()
    assert limit(30, limit_id=limit_id, action="emit-metric").keep() == limit_id
    assert service.found() == [("daily", 30, "emit-metric")]


def test_a_limit_that_a_person_deleted_is_made_again(service: Service) -> None:
    limit_id = limit(24).keep()
    service.limits.answer("DeleteUsageLimit", {"usageLimitId": limit_id})
    assert limit(24, limit_id=limit_id).keep() != limit_id
    assert service.found() == [("daily", 24, "deactivate")]


def test_a_workgroup_that_was_replaced_gets_its_limit_before_the_old_one_goes(
    service: Service,
) -> None:
    old = service.made("daily", 24, OTHER)
    assert limit(24, limit_id=old).keep() != old
    assert service.found(OTHER) == [("daily", 24, "log")]


def test_a_deletion_takes_away_its_own_limit_and_no_other(service: Service) -> None:
    service.made("weekly", 600)
    limit_id = limit(24).keep()
    limit(24, limit_id=limit_id).remove()
    limit(24, limit_id=limit_id).remove()
    assert service.found() == [("weekly", 600, "log")]


@pytest.mark.parametrize("limit_id", ["sluice-dev-unlimited", "stack-UsageLimit-1A2B", None])
def test_a_deletion_after_a_creation_that_failed_takes_nothing_away(
    service: Service, limit_id: str | None
) -> None:
    service.made("daily", 500)
    limit(24, limit_id=limit_id).remove()
    assert service.found() == [("daily", 500, "log")]
    assert "DeleteUsageLimit" not in service.asked


def test_a_deletion_is_done_when_somebody_else_was_faster(service: Service) -> None:
    limit_id = limit(24).keep()
    service.fails["DeleteUsageLimit"] = ["ResourceNotFoundException"]
    limit(24, limit_id=limit_id).remove()
    service.fails["ListUsageLimits"] = ["ResourceNotFoundException"]
    limit(24, limit_id=limit_id).remove()


def test_a_workgroup_that_is_being_changed_is_waited_for(service: Service) -> None:
    service.fails["CreateUsageLimit"] = ["ConflictException"] * 2
    waited: list[float] = []
    limit(24).keep(sleep=waited.append)
    assert service.found() == [("daily", 24, "deactivate")]
    assert waited == [1, 2]


def test_somebody_who_makes_a_limit_in_the_same_moment_has_it_changed(service: Service) -> None:
    service.fails["CreateUsageLimit"] = ["ConflictException"]

    def meanwhile(_seconds: float) -> None:
        service.made("daily", 500)

    limit(24).keep(sleep=meanwhile)
    assert service.found() == [("daily", 24, "deactivate")]


def test_a_conflict_that_stays_is_told(service: Service) -> None:
    service.fails["CreateUsageLimit"] = ["ConflictException"] * 9
    with pytest.raises(WarehouseBusyError, match="CreateUsageLimit: ConflictException"):
        limit(24).keep(sleep=lambda _: None)
    assert service.asked.count("CreateUsageLimit") == 5


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("ListUsageLimits", "AccessDeniedException"),
        ("CreateUsageLimit", "ServiceQuotaExceededException"),
        ("CreateUsageLimit", "ResourceNotFoundException"),
    ],
)
def test_what_does_not_pass_by_itself_is_told_at_once(
    service: Service, operation: str, code: str
) -> None:
    service.fails[operation] = [code]
    with pytest.raises(DeploymentError, match=f"{operation}: {code}"):
        limit(24).keep(sleep=lambda _: pytest.fail("waited for nothing"))


# --- what CloudFormation is told


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A ResponseURL, and what was put there."""
    answers: list[dict[str, Any]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Requests are no news."""

    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/", answers
        server.shutdown()
        serving.join()


def request(kind: str, url: str, rpu_hours: str = "24", **more: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "UsageLimit",
        "ResourceProperties": {
            "ServiceToken": "arn:f",
            "workgroup": WORKGROUP,
            "daily_rpu_hours": rpu_hours,
            "breach_action": "deactivate",
        },
        **more,
    }


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_WORKGROUP", "sluice-dev")


def test_the_limit_s_id_is_what_cloudformation_knows_it_by(
    service: Service, told: tuple[str, list[dict[str, Any]]]
) -> None:
    url, answers = told
    handler(request("Create", url), None)
    made = answers[0]["PhysicalResourceId"]
    handler(request("Update", url, "48", PhysicalResourceId=made), None)
    assert service.found() == [("daily", 48, "deactivate")]
    handler(request("Delete", url, "48", PhysicalResourceId=made), None)
    assert service.found() == []
    assert [each["Status"] for each in answers] == ["SUCCESS"] * 3
    assert {each["PhysicalResourceId"] for each in answers} == {made}


def test_a_failure_is_told_with_its_class_and_keeps_the_id(
    service: Service, told: tuple[str, list[dict[str, Any]]]
) -> None:
    url, answers = told
    service.fails["CreateUsageLimit"] = ["ServiceQuotaExceededException"]
    handler(request("Create", url), None)
    made = limit(24).keep()
    service.fails["UpdateUsageLimit"] = ["ValidationException"]
    handler(request("Update", url, PhysicalResourceId=made), None)
    handler(request("Update", url, "many", PhysicalResourceId=made), None)
    assert [each["Status"] for each in answers] == ["FAILED"] * 3
    assert answers[0]["Reason"].startswith("DeploymentError: CreateUsageLimit: ServiceQuota")
    assert "daily_rpu_hours" in answers[2]["Reason"]
    kept = [each["PhysicalResourceId"] for each in answers]
    assert kept == ["sluice-dev-unlimited", made, made]
