"""Usage limits of Redshift Serverless, which moto does not have: kept and listed, never reached.

Requests are held to botocore's model of the API. A second limit of one type and period for a
workgroup is refused; whether AWS would take it is not documented, so nobody should count on it.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import botocore.session
from botocore.model import ServiceModel, StringShape, StructureShape
from botocore.validate import ParamValidator

from local.account import arns

_WORKGROUPS = arns.arn("redshift-serverless", "workgroup/")
_DEFAULTS = {"period": "monthly", "breachAction": "log"}
_PAGE = 100

Limit = dict[str, Any]


class UsageLimitError(Exception):
    """An error the API answers with; `code` is the name of its shape."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UsageLimits:
    """The usage limits of all workgroups of the account."""

    def __init__(self) -> None:
        self._limits: dict[str, Limit] = {}
        self._lock = threading.Lock()
        self._operations = {
            "CreateUsageLimit": self._create,
            "UpdateUsageLimit": self._update,
            "DeleteUsageLimit": self._delete,
            "GetUsageLimit": self._get,
            "ListUsageLimits": self._list,
        }
        self._model: ServiceModel | None = None

    def answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one call; raises UsageLimitError."""
        serve = self._operations.get(operation)
        if serve is None:
            raise UsageLimitError(
                "UnknownOperationException",
                f"{operation} of Redshift Serverless is not emulated; add it to"
                " local/account/usage_limits.py",
            )
        with self._lock:
            self._validate(operation, request)
            return serve(dict(request))

    def _create(self, request: Limit) -> dict[str, Any]:
        limit = _DEFAULTS | request
        if not limit["resourceArn"].startswith(_WORKGROUPS):
            raise UsageLimitError(
                "ResourceNotFoundException", f"there is no workgroup {limit['resourceArn']}"
            )
        if any(_kind(each) == _kind(limit) for each in self._limits.values()):
            raise UsageLimitError(
                "ConflictException",
                f"the workgroup has a {limit['period']} limit of {limit['usageType']} already",
            )
        limit_id = str(uuid4())
        arn = arns.arn("redshift-serverless", f"usagelimit/{limit_id}")
        self._limits[limit_id] = limit | {"usageLimitId": limit_id, "usageLimitArn": arn}
        return self._get({"usageLimitId": limit_id})

    def _update(self, request: Limit) -> dict[str, Any]:
        self._known(request["usageLimitId"]).update(request)
        return self._get(request)

    def _delete(self, request: Limit) -> dict[str, Any]:
        answer = self._get(request)
        del self._limits[request["usageLimitId"]]
        return answer

    def _get(self, request: Limit) -> dict[str, Any]:
        return {"usageLimit": dict(self._known(request["usageLimitId"]))}

    def _list(self, request: Limit) -> dict[str, Any]:
        wanted = {name: request[name] for name in ("resourceArn", "usageType") if name in request}
        found = [each for each in self._limits.values() if wanted.items() <= each.items()]
        start, size = int(request.get("nextToken", 0)), request.get("maxResults", _PAGE)
        page: dict[str, Any] = {}
        if found[start:]:  # by the model a list has at least one, so an empty one is left out
            page["usageLimits"] = [dict(each) for each in found[start : start + size]]
        if found[start + size :]:
            page["nextToken"] = f"{start + size:08}"
        return page

    def _known(self, limit_id: str) -> Limit:
        if limit_id not in self._limits:
            raise UsageLimitError("ResourceNotFoundException", f"no usage limit {limit_id}")
        return self._limits[limit_id]

    def _validate(self, operation: str, request: Mapping[str, Any]) -> None:
        if self._model is None:
            self._model = botocore.session.get_session().get_service_model("redshift-serverless")
        shape = self._model.operation_model(operation).input_shape
        assert isinstance(shape, StructureShape)  # noqa: S101 -- as that of every operation here
        faults = ParamValidator().validate(dict(request), shape).generate_report()
        if not faults:  # what the validator leaves to the service
            faults = "; ".join(_unsound(request, shape))
        if faults:
            raise UsageLimitError("ValidationException", faults)


def _unsound(request: Mapping[str, Any], shape: StructureShape) -> Iterator[str]:
    for name, value in request.items():
        member = shape.members.get(name)
        if member is None:
            yield f"{name} is no parameter"
        elif isinstance(member, StringShape) and member.enum and value not in member.enum:
            yield f"{name} is {value!r}, not one of {', '.join(member.enum)}"
    if request.get("amount", 1) <= 0:
        yield "amount is not a positive number"


def _kind(limit: Limit) -> tuple[str, ...]:
    return limit["resourceArn"], limit["usageType"], limit["period"]
