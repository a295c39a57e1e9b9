"""How Redshift's names of up to 127 bytes live in a Postgres that cuts them at 63.

A longer name has a physical one: as many of its first bytes as fit, then `~` and 12 hex digits of
the hash of the whole. The way back is a registry: every name translated in this process is in
memory, and the names of tables, views and columns are also rows of `redshift.long_names`, written
by the very statements that create them. Whoever opens an existing database calls `remember` with
those rows.
"""

import hashlib
import string
from collections.abc import Iterable

from local.warehouse.dialect.errors import UnsupportedSqlError

MAX_BYTES = 127
"""Redshift: Names and identifiers, database developer guide."""
POSTGRES_BYTES = 63
_HASH_DIGITS = 12

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

_logical_names: dict[str, str] = {}


def lowered(text: str) -> str:
    """ASCII letters in lower case, others as they are: all that Redshift does to names and keys."""
    return text.translate(_LOWER)


def fold(identifier: str) -> str:
    """The name as Redshift stores it: ASCII letters in lower case, quoted or not.

    IAM users keep their case: `"IAMR:Loader"` is the role Loader, and roles differ by case.
    """
    prefix, colon, user = identifier.partition(":")
    if colon and prefix.lower() in ("iam", "iamr"):
        return f"{prefix.upper()}:{user}"
    return lowered(identifier)


def physical_name(identifier: str) -> str:
    """The folded name if Postgres can hold it, else its short form.

    Raises UnsupportedSqlError for names Redshift cannot hold either.
    """
    folded = fold(identifier)
    encoded = folded.encode()
    if len(encoded) <= POSTGRES_BYTES:
        return folded
    if len(encoded) > MAX_BYTES:
        raise UnsupportedSqlError(
            f'a name of {len(encoded)} bytes ("{folded[:40]}...", at most {MAX_BYTES} are allowed)'
        )
    suffix = "~" + hashlib.sha256(encoded).hexdigest()[:_HASH_DIGITS]
    short = encoded[: POSTGRES_BYTES - len(suffix)].decode(errors="ignore") + suffix
    _logical_names[short] = folded
    return short


def logical_name(physical: str) -> str:
    """The name Redshift would show for a name Postgres shows."""
    return _logical_names.get(physical, physical)


def logical_text(text: str) -> str:
    """A message of the server with every short form in it replaced by the name it stands for."""
    if "~" in text:
        for physical, logical in list(_logical_names.items()):
            text = text.replace(physical, logical)
    return text


def remember(pairs: Iterable[tuple[str, str]]) -> None:
    """Fill the registry from `SELECT physical, logical FROM redshift.long_names`."""
    _logical_names.update(pairs)


def is_long(identifier: str) -> bool:
    """Whether the name needs a physical one of its own."""
    return len(identifier.encode()) > POSTGRES_BYTES


def quoted(identifier: str) -> str:
    """The name as Postgres SQL, always in quotes."""
    return '"' + physical_name(identifier).replace('"', '""') + '"'


def dotted(parts: Iterable[str]) -> str:
    """A qualified name as Postgres SQL."""
    return ".".join(quoted(part) for part in parts)


def literal(text: str) -> str:
    """A string literal of Postgres' (standard_conforming_strings is on)."""
    return "'" + text.replace("'", "''") + "'"


def registrations(identifiers: Iterable[str]) -> tuple[str, ...]:
    """The statement that makes long names of permanent objects survive the process, if any."""
    rows = sorted({(physical_name(name), fold(name)) for name in identifiers if is_long(name)})
    if not rows:
        return ()
    values = ", ".join(f"({literal(physical)}, {literal(logical)})" for physical, logical in rows)
    return (
        "INSERT INTO redshift.long_names (physical, logical)"  # noqa: S608 (literals)
        f" VALUES {values} ON CONFLICT DO NOTHING",
    )
