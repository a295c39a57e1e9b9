"""Stored procedures, run statement by statement.

Postgres' own PL/pgSQL would do: its errors undo only their block, it cannot commit below one, it
reads no COPY from S3, and SQL that a procedure computes would reach it untranslated.
"""

from local.warehouse.procedures.interpreter import call
from local.warehouse.procedures.machine import Database

__all__ = ["Database", "call"]
