"""Many files uploaded at once, and what must be true of all of them once they have settled."""

import functools
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.integration.bad_input.case import Case
from tests.integration.running import Account, until

_HISTORY = (
    "SELECT object_key, version_id, verdict, rows, error_type, error_message"
    " FROM sluice.load_history WHERE job_id IN ({jobs})"
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A table of a batch: what of it is compared with the rows of the cases, and its job."""

    columns: str = "id, name"
    job: dict[str, Any] = field(default_factory=dict)


def job_of(table: str, **fields: Any) -> dict[str, Any]:
    """A job that takes every file whose name begins with its table's."""
    return {
        "job_id": f"job-{table}",
        "job_name": table,
        "source_file_name": f"{table}_*",
        "target_table": table,
        "upsert_keys": ["id"],
        "is_active": True,
        # the files of a batch are uploaded within this, scaled, and so are claimed together
        "batch": {"max_wait_seconds": 120},
        **fields,
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Cases, their versions as uploaded, and the account they went to."""

    account: Account
    targets: dict[str, Target]
    versions: dict[Case, str]
    history: dict[tuple[str, str], list[list[Any]]]
    errors: dict[str, dict[str, Any]]

    @property
    def cases(self) -> tuple[Case, ...]:
        """All that was uploaded."""
        return tuple(self.versions)

    def verdicts(self, case: Case) -> list[list[Any]]:
        """Verdict, rows, error type and message, for each time the history names the version."""
        return self.history.get((case.key, self.versions[case]), [])

    @functools.cache  # noqa: B019 - nothing is uploaded any more, and a batch ends with its module
    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """What the table holds; none if there is no table."""
        there = f"SELECT COUNT(*) FROM svv_tables WHERE table_name = '{table}'"
        if self.account.query(there) == [[0]]:
            return []
        columns, job = self.targets[table].columns, self.targets[table].job
        named = ".".join(f'"{part}"' for part in job.get("target_table", table).split("."))
        return [tuple(row) for row in self.account.query(f"SELECT {columns} FROM {named}")]


def settle(account: Account, targets: dict[str, Target], cases: Iterable[Case]) -> Batch:
    """Upload the cases and wait until data/in/ is empty, as it is when each has its verdict.

    The first case of each table goes first, alone: it makes the table the others are judged by.
    """
    account.configure([job_of(table, **target.job) for table, target in targets.items()])
    cases = list(cases)
    first = list({case.table: case for case in reversed(cases)}.values())
    versions: dict[Case, str] = {}
    for part in (first, [case for case in cases if case not in first]):
        versions |= {case: account.upload(case.name, case.body) for case in part}
        until(lambda: not account.keys("data/in/"))
    jobs = ", ".join(f"'{job_of(table)['job_id']}'" for table in targets)
    history: dict[tuple[str, str], list[list[Any]]] = {}
    for key, version, *verdict in account.query(_HISTORY.format(jobs=jobs)):
        history.setdefault((key, version), []).append(verdict)
    documents = [
        json.loads(account.read(key))
        for table in targets
        for key in account.keys(f"data/rejected/{table}/")
        if key.endswith(".error.json")
    ]
    errors = {document["file"]: document for document in documents}
    return Batch(
        account=account, targets=targets, versions=versions, history=history, errors=errors
    )


def assert_nothing_is_lost_or_half_loaded(batch: Batch) -> None:
    """Each version has one verdict; tables, raw copies and rejected files agree with them."""
    expected = {(case.key, version) for case, version in batch.versions.items()}
    assert set(batch.history) == expected
    assert all(len(verdicts) == 1 for verdicts in batch.history.values())
    assert _versions_below(batch.account, "data/in/") == []
    for table in batch.targets:
        of_table = [case for case in batch.cases if case.table == table]
        good = [case for case in of_table if batch.verdicts(case)[0][0] == "LOADED"]
        bad = [case for case in of_table if case not in good]
        assert Counter(batch.rows(table)) == Counter(row for case in good for row in case.rows)
        copies = _bodies(batch.account, f"data/raw/{table}/")
        assert copies == Counter(case.body for case in of_table)
        aside = _bodies(batch.account, f"data/rejected/{table}/")
        assert aside == Counter(case.body for case in bad)
        assert {case.key for case in bad} == {
            key for key, document in batch.errors.items() if document["job_id"] == f"job-{table}"
        }


def _versions_below(account: Account, prefix: str) -> list[Any]:
    listed = account.client("s3").list_object_versions(Bucket=account.info.bucket, Prefix=prefix)
    return [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]


def _bodies(account: Account, prefix: str) -> Counter[bytes]:
    """The content of every object below a prefix, errors left out."""
    keys = [key for key in account.keys(prefix) if not key.endswith(".error.json")]
    return Counter(account.read(key) for key in keys)


def assert_outcome(batch: Batch, case: Case) -> None:
    """A good file's rows are in its table; a bad one's error says in which way it is bad."""
    verdict, _rows, error_type, error_message = batch.verdicts(case)[0]
    if case.error is None:
        assert verdict == "LOADED", batch.errors.get(case.key)
        assert not Counter(case.rows) - Counter(batch.rows(case.table))
        return
    wanted, words = case.error
    told = batch.errors[case.key]["error"]
    assert (verdict, error_type, told["type"]) == ("REJECTED", wanted, wanted)
    assert words in told["message"]
    assert words in error_message
    assert told["file"] == case.key
    if wanted == "RowError":
        assert f"line {told['line']}, column {told['column']}:" in told["message"]
        assert f"(code {told['code']})" in told["message"]
