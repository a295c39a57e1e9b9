"""What the local warehouse answers when it cannot do what was asked.

DataApiError        a call is refused: an AWS error code with its message
RedshiftError       a statement failed: the text that DescribeStatement shows as its Error
└── CopyError       a COPY failed, with the rows that sys_load_error_detail keeps of it
"""

from dataclasses import dataclass
from typing import Any


class DataApiError(Exception):
    """A Data API call that is answered with an error; `members` are what its shape has beside."""

    def __init__(self, code: str, message: str, http_status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.members = members


def validation_error(message: str) -> DataApiError:
    """A request that makes no sense, as AWS calls it."""
    return DataApiError("ValidationException", message)


def not_found(message: str, resource_id: str) -> DataApiError:
    """Something that does not exist, or not for this caller."""
    return DataApiError("ResourceNotFoundException", message, ResourceId=resource_id)


class RedshiftError(Exception):
    """A failed statement; the message is Redshift's, without the leading `ERROR: `."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadError:
    """One row that COPY did not take, as sys_load_error_detail describes it; never its values."""

    file_name: str
    line_number: int
    column_name: str
    column_type: str
    column_length: str
    position: int
    code: int
    message: str


class CopyError(RedshiftError):
    """A failed COPY, and what is to be remembered of it although its transaction is undone."""

    def __init__(self, message: str, errors: tuple[LoadError, ...] = ()) -> None:
        super().__init__(message)
        self.errors = errors
