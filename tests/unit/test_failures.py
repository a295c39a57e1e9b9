"""Every error that AWS documents for a call Sluice makes is in the table, as passing or not."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
)

from lambdas.shared.aws.failures import classify, is_classified
from lambdas.shared.domain.errors import (
    DeploymentError,
    StatementLostError,
    StorageBusyError,
    TerminalError,
    TransientError,
    WarehouseBusyError,
)

LAMBDAS = Path(__file__).parents[2] / "lambdas"
SERVICES = {"redshift_data": "redshift-data", "redshift_serverless": "redshift-serverless"}
BEHIND_COPY = (
    "head_object",
    "copy_object",
    "create_multipart_upload",
    "upload_part_copy",
    "complete_multipart_upload",
    "abort_multipart_upload",
)
"""The calls of boto3's managed copy."""


def _calls() -> Iterator[tuple[str, str]]:
    """(service, method) of every `clients.<service>().<method>(...)` in the functions' code."""
    for path in LAMBDAS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Call(
                            func=ast.Attribute(value=ast.Name(id="clients"), attr=service)
                        ),
                        attr=method,
                    ),
                    args=arguments,
                ):
                    yield from ((service, each) for each in _behind(method, arguments))


def _behind(method: str, arguments: list[ast.expr]) -> tuple[str, ...]:
    if method == "copy":
        return BEHIND_COPY
    if method == "get_paginator":
        (name,) = arguments
        assert isinstance(name, ast.Constant)
        return (str(name.value),)
    return (method,)


CALLS = sorted(set(_calls()))


def _modelled(service: str, method: str) -> list[str]:
    """The codes botocore's model gives the errors of an operation."""
    session = botocore.session.get_session()
    model = session.get_service_model(SERVICES.get(service, service))
    operation = next(name for name in model.operation_names if botocore.xform_name(name) == method)
    return [
        str(shape.metadata.get("error", {}).get("code", shape.name))
        for shape in model.operation_model(operation).error_shapes
    ]


def _error(code: str, operation: str = "PutItem", status: int = 400, **more: Any) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, operation)


def test_the_calls_are_found_in_the_code() -> None:
    assert {service for service, _ in CALLS} >= {
        "s3",
        "dynamodb",
        "stepfunctions",
        "redshift_data",
        "sns",
        "sqs",
    }
    assert ("redshift_data", "get_statement_result") in CALLS
    assert ("s3", "upload_part_copy") in CALLS


@pytest.mark.parametrize(("service", "method"), CALLS)
def test_every_error_of_a_call_that_is_made_is_transient_or_terminal(
    service: str, method: str
) -> None:
    unknown = [code for code in _modelled(service, method) if not is_classified(code)]
    assert not unknown, f"classify them in lambdas/shared/aws/failures.py: {unknown}"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_error("ThrottlingException"), StorageBusyError),
        (_error("ExecutionLimitExceeded", "StartExecution"), StorageBusyError),
        (_error("ActiveStatementsExceededException", "ExecuteStatement"), WarehouseBusyError),
        (_error("AccessDenied", "GetObject", 403), DeploymentError),
        (_error("KMSAccessDenied", "Publish"), DeploymentError),
        (_error("SomethingNew", status=503), StorageBusyError),
        (_error("SomethingNew", status=400), DeploymentError),
        (_error("ResourceNotFoundException", "DescribeStatement"), StatementLostError),
        (_error("ResourceNotFoundException", "GetItem"), DeploymentError),
        (ConnectTimeoutError(endpoint_url="https://s3"), StorageBusyError),
        (ReadTimeoutError(endpoint_url="https://s3"), StorageBusyError),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), StorageBusyError),
        (NoCredentialsError(), DeploymentError),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:60],
)
def test_an_error_becomes_one_of_ours(error: Any, kind: type[Exception]) -> None:
    assert type(classify(error)) is kind
    assert issubclass(kind, TransientError | TerminalError)


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        (["TransactionConflict", "None"], StorageBusyError),
        (["ConditionalCheckFailed", "ThrottlingError"], StorageBusyError),
        (["None", "ValidationError"], DeploymentError),
        (["ItemCollectionSizeLimitExceeded", "TransactionConflict"], DeploymentError),
    ],
)
def test_a_cancelled_transaction_is_tried_again_only_if_none_of_its_reasons_lasts(
    reasons: list[str], kind: type[Exception]
) -> None:
    error = _error(
        "TransactionCanceledException",
        "TransactWriteItems",
        CancellationReasons=[{"Code": reason} for reason in reasons],
    )
    assert type(classify(error)) is kind
