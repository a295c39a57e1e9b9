"""Redshift's SQL as Postgres 18 SQL that means the same, or a refusal that names the construct."""

from pathlib import Path
from typing import Final

from local.warehouse.dialect.errors import SqlSyntaxError, UnsupportedSqlError
from local.warehouse.dialect.names import logical_name, logical_text, physical_name, remember
from local.warehouse.dialect.statement import COLUMNS_SQL, ColumnLookup, Translated
from local.warehouse.dialect.tokens import placeholders
from local.warehouse.dialect.translation import translate
from local.warehouse.dialect.types import BYTES_CONSTRAINT_PREFIX, too_long_message

SETUP_SQL: Final = Path(__file__).with_name("functions.sql").read_text(encoding="utf-8")
"""Creates the schema `redshift`, which belongs after `public` in the search path; run at will."""

__all__ = [
    "BYTES_CONSTRAINT_PREFIX",
    "COLUMNS_SQL",
    "SETUP_SQL",
    "ColumnLookup",
    "SqlSyntaxError",
    "Translated",
    "UnsupportedSqlError",
    "logical_name",
    "logical_text",
    "physical_name",
    "placeholders",
    "remember",
    "too_long_message",
    "translate",
]
