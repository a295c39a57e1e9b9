"""Which AWS errors pass by themselves and which need a person: one table, one place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)

from lambdas.shared.domain.errors import (
    DeploymentError,
    SluiceError,
    StatementLostError,
    StorageBusyError,
    TransientError,
    WarehouseBusyError,
)

_TRANSIENT: dict[str, type[TransientError]] = {
    # the Data API
    "ActiveSessionsExceededException": WarehouseBusyError,
    "ActiveStatementsExceededException": WarehouseBusyError,
    "ActiveWaitingRequestsExceededException": WarehouseBusyError,
    "BatchExecuteStatementException": WarehouseBusyError,
    "DatabaseConnectionException": WarehouseBusyError,
    "ExecuteStatementException": WarehouseBusyError,
    "QueryTimeoutException": WarehouseBusyError,
    # Redshift Serverless
    "ConflictException": WarehouseBusyError,
    # S3
    "ConditionalRequestConflict": StorageBusyError,
    "OperationAborted": StorageBusyError,
    "RequestTimeout": StorageBusyError,
    "SlowDown": StorageBusyError,
    # DynamoDB
    "ProvisionedThroughputExceededException": StorageBusyError,
    "ReplicatedWriteConflictException": StorageBusyError,
    "RequestLimitExceeded": StorageBusyError,
    "TransactionCanceledException": StorageBusyError,
    "TransactionConflict": StorageBusyError,
    "TransactionConflictException": StorageBusyError,
    "TransactionInProgressException": StorageBusyError,
    # Step Functions
    "ExecutionLimitExceeded": StorageBusyError,
    "StateMachineDeleting": StorageBusyError,
    # SNS and SQS
    "KMSThrottling": StorageBusyError,
    "KmsThrottled": StorageBusyError,
    "OverLimit": StorageBusyError,
    "RequestThrottled": StorageBusyError,
    # all of them (common errors of each API reference)
    "ExpiredToken": StorageBusyError,
    "ExpiredTokenException": StorageBusyError,
    "InternalError": StorageBusyError,
    "InternalFailure": StorageBusyError,
    "InternalServerError": StorageBusyError,
    "InternalServerException": StorageBusyError,
    "KmsThrottlingException": StorageBusyError,
    "LimitExceededException": StorageBusyError,
    "RequestExpired": StorageBusyError,
    "RequestTimeoutException": StorageBusyError,
    "RequestTimeTooSkewed": StorageBusyError,
    "ServiceUnavailable": StorageBusyError,
    "ThrottledException": StorageBusyError,
    "Throttling": StorageBusyError,
    "ThrottlingException": StorageBusyError,
    "TooManyRequestsException": StorageBusyError,
}
"""What passes by itself. Credentials that ran out count: the next invocation has fresh ones."""

_ANSWERS = {
    "ConditionalCheckFailed",
    "ConditionalCheckFailedException",
    "ExecutionAlreadyExists",
    "ExecutionDoesNotExist",
    "MessageNotInflight",
    "NoSuchKey",
    "NoSuchVersion",
    "PreconditionFailed",
}
"""What is asked on purpose and handled where it is asked; elsewhere it needs a person."""

_TERMINAL = _ANSWERS | {
    # the Data API, Redshift Serverless
    "InvalidPaginationException",
    "ResourceNotFoundException",
    "ServiceQuotaExceededException",
    # S3
    "EncryptionTypeMismatch",
    "InvalidObjectState",
    "InvalidRequest",
    "InvalidWriteOffset",
    "NoSuchBucket",
    "NoSuchUpload",
    "ObjectNotInActiveTierError",
    "TooManyParts",
    # DynamoDB
    "IdempotentParameterMismatchException",
    "ItemCollectionSizeLimitExceeded",
    "ItemCollectionSizeLimitExceededException",
    # Step Functions
    "InvalidArn",
    "InvalidExecutionInput",
    "InvalidName",
    "KmsAccessDeniedException",
    "KmsInvalidStateException",
    "StateMachineDoesNotExist",
    # SNS
    "AuthorizationError",
    "EndpointDisabled",
    "InvalidParameter",
    "InvalidSecurity",
    "KMSAccessDenied",
    "KMSDisabled",
    "KMSInvalidState",
    "KMSNotFound",
    "KMSOptInRequired",
    "NotFound",
    "ParameterValueInvalid",
    "PlatformApplicationDisabled",
    # SQS
    "AWS.SimpleQueueService.NonExistentQueue",
    "BatchEntryIdsNotDistinct",
    "BatchRequestTooLong",
    "EmptyBatchRequest",
    "InvalidAddress",
    "InvalidAttributeName",
    "InvalidBatchEntryId",
    "InvalidIdFormat",
    "ReceiptHandleIsInvalid",
    "InvalidMessageContents",
    "KmsAccessDenied",
    "KmsDisabled",
    "KmsInvalidKeyUsage",
    "KmsInvalidState",
    "KmsNotFound",
    "KmsOptInRequired",
    "QueueDoesNotExist",
    "TooManyEntriesInBatchRequest",
    "UnsupportedOperation",
    "AWS.SimpleQueueService.UnsupportedOperation",
    # all of them (common errors of each API reference)
    "AccessDenied",
    "AccessDeniedException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "ValidationError",
    "ValidationException",
}
"""What needs a person; so does any code that is in no table, unless the answer was a 5xx."""


_CUT_OFF = (ConnectionError, HTTPClientError, IncompleteReadError, FlexibleChecksumError)
"""No answer, or not the whole of it."""


def code_of(error: ClientError) -> str:
    """The error code AWS gave."""
    return error.response.get("Error", {}).get("Code", "Unknown")


def classify(error: ClientError | BotoCoreError) -> SluiceError:
    """The error as Sluice sees it; unknown codes need a person, 5xx answers do not."""
    if isinstance(error, BotoCoreError):
        if isinstance(error, _CUT_OFF):
            return StorageBusyError(f"AWS did not answer: {error}")
        return DeploymentError(f"the call to AWS could not be made: {error}")
    code = code_of(error)
    message = error.response.get("Error", {}).get("Message", "")
    text = f"{error.operation_name}: {code}: {message}"
    kind = _transient(error, code)
    if kind is not None:
        return kind(text)
    if code == "ResourceNotFoundException" and "Statement" in error.operation_name:
        return StatementLostError(text)
    return DeploymentError(text, code=code)


def is_classified(code: str) -> bool:
    """Whether one of the tables names this code."""
    return code in _TRANSIENT or code in _TERMINAL


def _transient(error: ClientError, code: str) -> type[TransientError] | None:
    reasons: Any = error.response.get("CancellationReasons", [])
    if any(reason.get("Code") in _TERMINAL - _ANSWERS for reason in reasons):
        return None
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= 500 and code not in _TERMINAL:
        return _TRANSIENT.get(code, StorageBusyError)
    return _TRANSIENT.get(code)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what botocore raises into the two families of `errors.py`."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise classify(error) from error
