"""Where Postgres would do what Redshift does not: each function refuses one difference.

`docs/local-warehouse.md` lists them all, those that are closed elsewhere included.
"""

from local.warehouse.dialect import Translated
from local.warehouse.errors import RedshiftError

_NOT_IN_TRANSACTION = ("CREATE DATABASE", "DROP DATABASE", "VACUUM")


def refuse_truncate(translated: Translated) -> None:
    """TRUNCATE commits in Redshift what came before it; in Postgres it can be rolled back."""
    if translated.name == "TRUNCATE":
        raise RedshiftError(
            "TRUNCATE commits the transaction it runs in, and all that came before it in this"
            " batch with it; use DELETE, or run TRUNCATE alone"
        )


def refuse_column_change(translated: Translated) -> None:
    """ALTER COLUMN is allowed in a transaction in Postgres only."""
    if translated.name.startswith("ALTER COLUMN"):
        raise RedshiftError("ALTER TABLE ALTER COLUMN cannot run inside a transaction block")


def refuse_outside_commands(translated: Translated) -> None:
    """VACUUM and databases: neither system has them in a transaction, and the texts differ."""
    if translated.name in _NOT_IN_TRANSACTION:
        raise RedshiftError(f"{translated.name} cannot run inside a transaction block")


def refuse_transaction_control(translated: Translated) -> None:
    """A batch is one transaction: ending it in the middle would commit half of it."""
    if translated.kind == "control":
        raise RedshiftError(
            f"{translated.name} in a batch: all its statements are one transaction already; use"
            " ExecutionMode AUTO_COMMIT, or a session"
        )


def in_transaction(translated: Translated) -> None:
    """All that is refused between BEGIN and COMMIT, be it a batch or a session's own."""
    refuse_truncate(translated)
    refuse_column_change(translated)
    refuse_outside_commands(translated)


def in_batch(translated: Translated) -> None:
    """All that is refused in a batch that is one transaction."""
    refuse_transaction_control(translated)
    in_transaction(translated)
