"""What a failed transaction says: findings of our own, a bad row, a passing fault, or neither."""

import re
from dataclasses import dataclass

_FINDING = re.compile(r"([A-Z_]+):([0-9A-Za-z:]+)")
_TRANSIENT = re.compile(
    r"\b1023\b|serializ|deadlock|connection|resum|timed? ?out|out of memory|restart|too many",
    re.IGNORECASE,
)
_DATA = re.compile(
    r"overflow|out of range|invalid|too long|cannot cast|incompatible|Load into table|Spectrum",
    re.IGNORECASE,
)
_FILE_ID = re.compile(r"/([0-9a-f]{32})/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One of the codes of docs/load.md, with its numbers."""

    code: str
    details: tuple[str, ...]


def findings(message: str) -> tuple[Finding, ...]:
    """What `sluice.refuse_findings` raised; empty for any other error."""
    _, marker, text = message.partition("SLUICE_REFUSED")
    if not marker:
        return ()
    return tuple(
        Finding(code=code, details=tuple(detail.split(":")))
        for code, detail in _FINDING.findall(text)
    )


def is_transient(message: str) -> bool:
    """Whether the same transaction may succeed later."""
    return bool(_TRANSIENT.search(message)) and not _DATA.search(message)


def is_about_data(message: str) -> bool:
    """Whether what the files hold is to blame."""
    return bool(_DATA.search(message))


def named_file(message: str) -> str | None:
    """The file id in a raw copy's path that an error names."""
    found = _FILE_ID.search(message)
    return found.group(1) if found else None
