"""AWS clients whose calls end in this process: each is checked against botocore's service model.

A client takes what a boto3 client takes and raises what it raises. Between a call and the service
that answers it stands the `Gate`, where a schedule may let the call fail, before or after its
effect.
"""

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import botocore.session
from botocore.exceptions import ClientError
from botocore.handlers import handle_copy_source_param
from botocore.model import OperationModel, ServiceModel
from botocore.validate import validate_parameters


class Service(Protocol):
    """One service: methods named after its operations, requests and answers as boto3 has them."""


class Gate(Protocol):
    """Decides what becomes of a call; `perform` is its effect, with what is changed of it."""

    def __call__(self, name: str, request: dict[str, Any], perform: Callable[..., Any]) -> Any:
        """The call's answer; raises what the caller sees."""
        ...


class Client:
    """A boto3 client of one simulated service."""

    def __init__(self, service_name: str, service: Service, gate: Gate) -> None:
        self._operations = operations_of(service_name)
        self._name = service_name
        self._service = service
        self._gate = gate

    def __getattr__(self, method: str) -> Callable[..., Any]:
        operation = self._operations[method]
        perform = getattr(self._service, method)

        def call(**request: Any) -> Any:
            if operation.input_shape is not None:
                validate_parameters(_as_sent(request), operation.input_shape)
            return self._gate(
                f"{self._name}.{operation.name}",
                request,
                lambda **changed: perform(**(request | changed)),
            )

        return call

    def get_paginator(self, method: str) -> "Pages":
        """All answers of a paged operation."""
        return Pages(getattr(self, method), self._operations[method])


class Pages:
    """A paginator: asks again with the token of the last answer."""

    def __init__(self, call: Callable[..., Any], operation: OperationModel) -> None:
        self._call = call
        self._has_token = "NextToken" in (
            operation.input_shape.members if operation.input_shape else {}
        )

    def paginate(self, **request: Any) -> Iterator[Any]:
        """The answers, page by page."""
        answer = self._call(**request)
        yield answer
        while self._has_token and answer.get("NextToken"):
            answer = self._call(**request, NextToken=answer["NextToken"])
            yield answer


@functools.cache
def operations_of(service_name: str) -> dict[str, OperationModel]:
    """A service's operations by the names of boto3's methods."""
    session = botocore.session.get_session()
    model: ServiceModel = session.get_service_model(service_name)
    return {_snake(name): model.operation_model(name) for name in model.operation_names}


def _as_sent(request: dict[str, Any]) -> dict[str, Any]:
    """The request after boto3's own changes to it."""
    sent = dict(request)
    if "CopySource" in sent:
        handle_copy_source_param(sent)
    return sent


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def client_error(code: str, operation: str, message: str = "", status: int = 400) -> ClientError:
    """The error a boto3 client raises for an answer of this code."""
    answer: Any = {
        "Error": {"Code": code, "Message": message or code},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)
