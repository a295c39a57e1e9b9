"""An account of this process for benches and fault plays, and a person's way to it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.account import Account
from local.account.assembly import synthesize
from local.account.clients import for_user
from local.account.faults import Faults
from local.account.home import WAIT_SCALE

_ROOT = Path(__file__).parents[2]
_INTERPRETER = "moto.stepfunctions.parser.asl.component.eval_component"


class Client:
    """Clients of a running account, and its warehouse."""

    def __init__(self, account: Account) -> None:
        self._where = {"WorkgroupName": account.info.workgroup, "Database": account.info.database}
        self.of = for_user("local", account.endpoint_url)

    def run(self, sql: str, **session: Any) -> str:
        """Run a statement, in a session or alone; its id. Raises RuntimeError."""
        data = self.of("redshift-data")
        where = session if "SessionId" in session else self._where | session
        asked = data.execute_statement(Sql=sql, WaitTimeSeconds=10, **where)
        found = data.describe_statement(Id=asked["Id"], WaitTimeSeconds=30)
        if found["Status"] != "FINISHED":
            raise RuntimeError(f"{sql}: {found.get('Error', found['Status'])}")
        return str(asked["Id"])

    def rows(self, sql: str) -> list[list[Any]]:
        """The rows of a query."""
        pages = self.of("redshift-data").get_paginator("get_statement_result")
        return [
            [None if field.get("isNull") else next(iter(field.values())) for field in record]
            for page in pages.paginate(Id=self.run(sql))
            for record in page["Records"]
        ]


@contextmanager
def running_account(
    folder: Path, *, seed: int = 0, wait_scale: float = WAIT_SCALE
) -> Iterator[Account]:
    """An account in this process, its functions forked from one that has their libraries."""
    # every IsPresent that finds nothing is an error to moto's interpreter, and none to anybody
    logging.getLogger(_INTERPRETER).disabled = True
    assembly = synthesize(_ROOT, "local", cache_dir=folder.parent / "cache")
    faults = Faults(seed=seed)
    with Account(
        assembly=assembly,
        state_dir=folder,
        runner="forked",
        faults=faults,
        wait_scale=wait_scale,
    ) as account:
        yield account
