"""What a failed statement's message says: it passes, the files are to blame, or a person must act.

The one table for what Redshift itself raises, COPY included; `lambdas/shared/aws/failures.py` is
the one for what calls to AWS raise.
"""

import re
from enum import Enum, auto

from lambdas.shared.domain.errors import (
    SerializationError,
    SluiceError,
    WarehouseBusyError,
    WarehouseError,
)
from lambdas.shared.domain.redaction import redacted


class Blame(Enum):
    """Who can do something about it."""

    TIME = auto()
    """Nobody need: the same transaction may succeed later."""
    FILES = auto()
    """A file is bad; it is rejected."""
    PERSON = auto()
    """It fails again, with any files: a permission, a view in the way, a statement of ours."""


_READING = re.compile(r"S3ServiceException|S3 ?Query Exception|Spectrum|reading manifest", re.I)
# the details of a reading error name files, never rows
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|(?:s3|https?)://\S+")
_PERMISSION = re.compile(r"permission denied|must be owner|not authorized|privilege", re.I)
_CONFLICT = re.compile(r"\b1023\b|serializ|deadlock|concurrent", re.I)
_TABLE: tuple[tuple[re.Pattern[str], Blame], ...] = (
    # without s3:GetObject or kms:Decrypt COPY says of its manifest that it wants a "full path"
    (
        re.compile(
            r"access ?denied|Status 403|not authorized|permission denied|credential|requires full"
            r" path|IAM role|InvalidAccessKeyId|NoSuchBucket",
            re.I,
        ),
        Blame.PERSON,
    ),
    (
        re.compile(
            r"SlowDown|reduce your request rate|Status 50\d|retries exceeded|temporarily"
            r" unavailable|ExpiredToken|RequestTimeout|S3 ?Query Exception",
            re.I,
        ),
        Blame.TIME,
    ),
    (
        re.compile(
            r"overflow|out of range|invalid|too long|cannot cast|error converting|incompatible"
            r"|cannot insert a null value|Load into table|Spectrum"
            # what is packed and damaged: the words of COPY's scanner and of zlib
            r"|inflate|zlib|\bg(?:un)?zip\b|unexpected end of file|header check"
            r"|compression method",
            re.I,
        ),
        Blame.FILES,
    ),
    (_CONFLICT, Blame.TIME),
    (
        re.compile(
            r"connection|resum|timed? ?out|out of memory|restart|too many|usage limit"
            r"|cancell?ed on user|internal error",
            re.I,
        ),
        Blame.TIME,
    ),
)
"""The first that fits decides. Whatever fits nothing needs a person."""


def blame(message: str) -> Blame:
    """Who is to blame for a statement's failure; values that the message quotes do not count."""
    text = redacted(message)
    if _READING.search(text):
        text = _QUOTED.sub("''", message)
    # some clients put this before every message
    text = text.replace("Invalid operation: ", "")
    return next((kind for pattern, kind in _TABLE if pattern.search(text)), Blame.PERSON)


def needs_permission(message: str) -> bool:
    """Whether an engine refused because of who asked, not of what."""
    return _PERMISSION.search(message) is not None


def error_of(message: str) -> SluiceError:
    """The error of a statement that stands alone: DDL, or a read."""
    text = redacted(message)
    if blame(message) is not Blame.TIME:
        return WarehouseError(text)
    return SerializationError(text) if _CONFLICT.search(text) else WarehouseBusyError(text)
