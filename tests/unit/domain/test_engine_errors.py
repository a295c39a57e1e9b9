"""Redshift's messages: which pass, which are about the files, which need a person."""

import pytest

from lambdas.shared.domain.engine_errors import Blame, blame, error_of
from lambdas.shared.domain.errors import SerializationError, WarehouseBusyError, WarehouseError

_DETAIL = """
  Detail:
  -----------------------------------------------
  error:  {error}
  code:      {code}
  context:   {context}
  query:     4711
  location:  dory_util.cpp:944
  -----------------------------------------------"""


def _with_detail(head: str, *, code: int, context: str) -> str:
    return f"ERROR: {head}" + _DETAIL.format(error=head, code=code, context=context)


PASSING = [
    "ERROR: 1023 DETAIL: Serializable isolation violation on a table in Redshift",
    "ERROR: Serializable isolation violation on table - 100, transactions forming the cycle are: 1",
    "ERROR: deadlock detected",
    "ERROR: could not complete because of conflict with concurrent transaction",
    "ERROR: Query (12) cancelled on user's request",
    "ERROR: Connection or an prior query failed.",
    "ERROR: connection refused",
    "ERROR: Query reached usage limit for Redshift Serverless",
    "ERROR: S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown,Rid 1",
    "ERROR: S3ServiceException:We encountered an internal error.,Status 500,Error InternalError",
    "ERROR: Problem reading manifest file - S3ServiceException:x,Status 503,Error SlowDown",
    _with_detail("S3Query Exception Connection failed, retries exceeded.", code=15005, context=""),
    _with_detail(
        "S3 Query Exception (Fetch)",
        code=15001,
        context="boost::thread_resource_error: Resource temporarily unavailable",
    ),
]
FILES = [
    "ERROR: Load into table 'connection_timeouts' failed. Check 'sys_load_error_detail' for it",
    "ERROR: Numeric data overflow (result precision)",
    _with_detail(
        "failed to inflate with lzop: unexpected end of file.",
        code=9001,
        context="S3 key being read : s3://b/a.csv.lzo",
    ),
    "ERROR: unexpected end of file. zlib error code: 3",
    "ERROR: incorrect header check",
    "ERROR: unknown compression method",
    "ERROR: Cannot insert a NULL value into column name",
    "Invalid operation: Error converting text to date",
    'ERROR: invalid input syntax for type bigint: "connection reset"',
    "Invalid operation: Invalid digit, Value 'S', Pos 0, Type: Long",
    _with_detail(
        "Spectrum Scan Error",
        code=15001,
        context="File 'https://s3.amazonaws.com/b/resumed/a.parquet' has an incompatible Parquet"
        " schema for column 's3://b/t.connection'",
    ),
]
PERSON = [
    "ERROR: permission denied for relation orders",
    "Invalid operation: S3ServiceException:Access Denied,Status 403,Error AccessDenied,CanRetry 1",
    "ERROR: Not authorized to get credentials of role arn:aws:iam::123456789012:role/invalid",
    "ERROR: COPY with MANIFEST parameter requires full path of an S3 object.",
    _with_detail("Spectrum Scan Error", code=15007, context="Access denied: connection closed"),
    "ERROR: Problem reading manifest file - S3ServiceException:x,Status 404,Error NoSuchKey",
    'ERROR: relation "orders" does not exist',
    "ERROR: Disk Full",
    "FAILED",
]


@pytest.mark.parametrize(
    ("message", "to_blame"),
    [(message, Blame.TIME) for message in PASSING]
    + [(message, Blame.FILES) for message in FILES]
    + [(message, Blame.PERSON) for message in PERSON],
)
def test_a_message_says_who_can_do_something(message: str, to_blame: Blame) -> None:
    assert blame(message) is to_blame


@pytest.mark.parametrize("word", ["connection", "1023", "timeout", "access denied"])
@pytest.mark.parametrize("quotes", ["''", '""'])
def test_a_row_s_value_says_nothing(word: str, quotes: str) -> None:
    first, last = quotes
    assert blame(f"ERROR: Invalid digit, Value {first}{word}{last}, Type: Long") is Blame.FILES


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("ERROR: 1023 DETAIL: Serializable isolation violation on a table", SerializationError),
        ("ERROR: connection reset", WarehouseBusyError),
        ("ERROR: permission denied for schema sluice", WarehouseError),
        ("ERROR: Numeric data overflow", WarehouseError),
    ],
)
def test_a_statement_that_stands_alone_is_tried_again_only_if_time_mends_it(
    message: str, kind: type[Exception]
) -> None:
    assert type(error_of(message)) is kind
