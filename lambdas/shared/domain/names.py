"""Names that enter SQL, file names and AWS: each a type, so that no text slips through."""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from config.folding import folded
from lambdas.shared.domain.errors import IdentifierError

MAX_IDENTIFIER_BYTES = 127
"""Redshift allows 127 bytes for a name (Names and identifiers, Redshift developer guide)."""

MAX_KEY_BYTES = 1024
"""S3 allows 1,024 bytes of UTF-8 for a key (Naming objects, S3 user guide)."""
_KEPT_ENDING_BYTES = 32


def sanitize(text: str) -> str:
    """Text as a part of an execution's name: `[a-zA-Z0-9_-]`, at most 50 characters."""
    hyphenated = text.replace(" ", "-").replace("/", "-").replace(".", "-")
    return re.sub(r"[^a-zA-Z0-9_-]", "", hyphenated)[:50]


def file_name_of(key: str) -> str:
    """The last part of an object key or of a configured path."""
    return key.split("/")[-1]


def shortened(name: str, room: int) -> str:
    """A file name within `room` bytes of UTF-8: its beginning, a hash of it all, and its ending."""
    encoded = name.encode()
    if len(encoded) <= room:
        return name
    ending = encoded[-_KEPT_ENDING_BYTES:].decode(errors="ignore")
    suffix = f"~{short_hash(name, length=8)}~{ending}"
    return encoded[: room - len(suffix.encode())].decode(errors="ignore") + suffix


def short_hash(*parts: str, length: int = 16) -> str:
    """Hex digest of the parts; which part ends where counts."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()[:length]


@dataclass(frozen=True, slots=True)
class Identifier:
    """One name of a column, table or schema, folded as Redshift folds it.

    Redshift folds the ASCII letters of quoted names unless told otherwise, so `Id` and `ID` are
    one name here too. Raises IdentifierError for what Redshift cannot hold.
    """

    text: str

    def __post_init__(self) -> None:
        name = folded(self.text)
        if not name or name != name.strip():
            raise IdentifierError(f"name {self.text!r} is empty or has spaces around it")
        if any(ord(character) < 32 or ord(character) == 127 for character in name):
            raise IdentifierError(f"name {self.text!r} holds a control character")
        try:
            size = len(name.encode())
        except UnicodeEncodeError as error:
            raise IdentifierError(f"name {self.text!r} is not valid unicode") from error
        if size > MAX_IDENTIFIER_BYTES:
            raise IdentifierError(
                f"name {self.text[:40]!r}... has {size} bytes; Redshift allows"
                f" {MAX_IDENTIFIER_BYTES}"
            )
        object.__setattr__(self, "text", name)

    @classmethod
    def from_header(cls, header: str) -> Self:
        """The column name for a header as a file writes it: stripped, folded, cut by bytes.

        A header over 127 bytes keeps its beginning and ends in a hash of the whole, so that two
        long headers which begin alike stay two columns.
        """
        name = folded(header.strip())
        encoded = name.encode(errors="surrogatepass")
        if len(encoded) <= MAX_IDENTIFIER_BYTES:
            return cls(name)
        suffix = "_" + hashlib.sha256(encoded).hexdigest()[:8]
        kept = encoded[: MAX_IDENTIFIER_BYTES - len(suffix)].decode(errors="ignore")
        return cls(kept.rstrip() + suffix)

    @property
    def sql(self) -> str:
        """The name quoted for SQL."""
        return '"' + self.text.replace('"', '""') + '"'

    def __str__(self) -> str:
        return self.text


PUBLIC = Identifier("public")
"""The schema of a table that names none; every database has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableName:
    """A table in a schema."""

    schema: Identifier
    table: Identifier

    @classmethod
    def parse(cls, text: str) -> Self:
        """`orders` or `sales.orders`; a name that itself holds a dot is not supported."""
        parts = text.strip().split(".")
        if len(parts) > 2:
            raise IdentifierError(
                f"table {text!r} has {len(parts)} parts; write it as table or schema.table"
            )
        schema = Identifier(parts[0]) if len(parts) == 2 else PUBLIC
        return cls(schema=schema, table=Identifier(parts[-1]))

    @property
    def sql(self) -> str:
        """The qualified name quoted for SQL."""
        return f"{self.schema.sql}.{self.table.sql}"

    @property
    def mutex(self) -> "TableName":
        """The small table whose lock orders all loads of this one."""
        return TableName(
            schema=Identifier("sluice"),
            table=Identifier("mutex_" + short_hash(self.schema.text, self.table.text)),
        )

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


def literal(text: str) -> str:
    """A string literal of Redshift's SQL; backslashes are escapes there, so both are doubled.

    Raises IdentifierError for NUL, which no SQL text may hold.
    """
    if "\0" in text:
        raise IdentifierError("a NUL character cannot be part of a SQL literal")
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
