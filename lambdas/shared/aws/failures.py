"""Which AWS errors pass by themselves and which need a person: one table, one place."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
)

from lambdas.shared.domain.errors import (
    DeploymentError,
    SluiceError,
    StatementLostError,
    StorageBusyError,
    TransientError,
    WarehouseBusyError,
)

_TRANSIENT = {
    "ActiveSessionsExceededException": WarehouseBusyError,
    "ActiveStatementsExceededException": WarehouseBusyError,
    "ActiveWaitingRequestsExceededException": WarehouseBusyError,
    "BatchExecuteStatementException": WarehouseBusyError,
    "ConditionalRequestConflict": StorageBusyError,
    "DatabaseConnectionException": WarehouseBusyError,
    "ExecuteStatementException": WarehouseBusyError,
    "InternalError": StorageBusyError,
    "InternalServerError": StorageBusyError,
    "InternalServerException": StorageBusyError,
    "KMSThrottling": StorageBusyError,
    "LimitExceededException": StorageBusyError,
    "OperationAborted": StorageBusyError,
    "ProvisionedThroughputExceededException": StorageBusyError,
    "RequestLimitExceeded": StorageBusyError,
    "RequestTimeout": StorageBusyError,
    "RequestTimeoutException": StorageBusyError,
    "ServiceUnavailable": StorageBusyError,
    "SlowDown": StorageBusyError,
    "ThrottledException": StorageBusyError,
    "Throttling": StorageBusyError,
    "ThrottlingException": StorageBusyError,
    "TooManyRequestsException": StorageBusyError,
    "TransactionCanceledException": StorageBusyError,
    "TransactionConflictException": StorageBusyError,
    "TransactionInProgressException": StorageBusyError,
}


def code_of(error: ClientError) -> str:
    """The error code AWS gave."""
    return error.response.get("Error", {}).get("Code", "Unknown")


def classify(error: ClientError | BotoCoreError) -> SluiceError:
    """The error as Sluice sees it; unknown codes need a person, 5xx answers do not."""
    if isinstance(error, BotoCoreError):
        if isinstance(error, (ConnectionError, HTTPClientError)):
            return StorageBusyError(f"AWS did not answer: {error}")
        return DeploymentError(f"the call to AWS could not be made: {error}")
    code = code_of(error)
    message = error.response.get("Error", {}).get("Message", "")
    text = f"{error.operation_name}: {code}: {message}"
    kind: type[TransientError] | None = _TRANSIENT.get(code)
    if kind is None and error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        kind = StorageBusyError
    if kind is not None:
        return kind(text)
    if code == "ResourceNotFoundException" and "Statement" in error.operation_name:
        return StatementLostError(text)
    return DeploymentError(text)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what botocore raises into the two families of `errors.py`."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise classify(error) from error
