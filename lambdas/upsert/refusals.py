"""What a failed transaction says of its files: findings of our own, and names in COPY's errors."""

import re
from dataclasses import dataclass

from lambdas.shared.domain.redaction import before_values

_FINDING = re.compile(r"([A-Z_]+):([0-9A-Za-z:]+)")
_FILE_ID = re.compile(r"/([0-9a-f]{32})/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One of the codes of docs/load.md, with its numbers."""

    code: str
    details: tuple[str, ...]


def findings(message: str) -> tuple[Finding, ...]:
    """What `sluice.refuse_findings` raised; empty for any other error."""
    # a value that the engine quotes may say the same
    _, marker, text = before_values(message).partition("SLUICE_REFUSED")
    if not marker:
        return ()
    return tuple(
        Finding(code=code, details=tuple(detail.split(":")))
        for code, detail in _FINDING.findall(text)
    )


def named_file(message: str) -> str | None:
    """The file id in a raw copy's path that an error names."""
    found = _FILE_ID.search(before_values(message))
    return found.group(1) if found else None
