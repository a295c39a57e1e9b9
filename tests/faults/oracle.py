"""What must hold, said without a line of the product: from what was uploaded and what was recorded.

The load history is only believed about *which* versions are in; what the tables then hold, and
which verdicts a version may have at all, is worked out here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.faults.schedule import TABLES, Upload
from tests.faults.storage import Bucket

Row = tuple[int | None, int | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One uploaded version, in the order of upload."""

    upload: Upload
    version_id: str
    was_deleted: bool
    was_unsaid: bool


class Records:
    """The tables and the history as they are now."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    @contextmanager
    def moment(self) -> Iterator[None]:
        """What is read inside is of one moment, whatever commits meanwhile."""
        with self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield

    def rows(self, table: str) -> list[Row]:
        """A target's rows; none where there is no table yet."""
        if not self._exists(table):
            return []
        return self._connection.execute(f'SELECT id, at, tag FROM public."{table}"').fetchall()

    def verdicts(self) -> list[tuple[str, str]]:
        """(version id, verdict), one for each row of the history."""
        return self._connection.execute(
            "SELECT version_id, verdict FROM sluice.load_history WHERE replay = 0"
        ).fetchall()

    def replays(self) -> list[tuple[str, int, str]]:
        """(version id, replay, verdict), one for each replay the history knows."""
        return self._connection.execute(
            "SELECT version_id, replay, verdict FROM sluice.load_history WHERE replay > 0"
        ).fetchall()

    def batches(self, job_id: str) -> set[str]:
        """The batches of a job that loaded something."""
        found = self._connection.execute(
            "SELECT batch_id FROM sluice.load_history WHERE verdict = 'LOADED' AND job_id = %s",
            (job_id,),
        )
        return {batch_id for (batch_id,) in found}

    def _exists(self, table: str) -> bool:
        found = self._connection.execute(
            "SELECT to_regclass(%s)", (f'public."{table}"',)
        ).fetchone()
        return found is not None and found[0] is not None


def table_violations(versions: Sequence[Version], records: Records) -> list[str]:
    """Rows lost, doubled, stale or half loaded: none after every transaction."""
    with records.moment():
        return list(_table_violations(versions, records))


def _table_violations(versions: Sequence[Version], records: Records) -> Iterator[str]:
    verdicts, replays = records.verdicts(), records.replays()
    loaded = {version_id for version_id, verdict in verdicts if verdict == "LOADED"}
    loaded |= {version_id for version_id, _, verdict in replays if verdict == "LOADED"}
    twice = {
        version_id for version_id, _ in verdicts if [v for v, _ in verdicts].count(version_id) > 1
    }
    for version_id in sorted(twice):
        yield f"{version_id} has more than one verdict"
    yield from _replayed(versions, dict(verdicts), replays)
    for table in TABLES:
        into = [v for v in versions if v.upload.table == table and v.version_id in loaded]
        yield from _compared(table, into, records.rows(table))


def _replayed(
    versions: Sequence[Version], verdicts: dict[str, str], replays: list[tuple[str, int, str]]
) -> Iterator[str]:
    """Each replay once; a version whose rows were appended is not appended again."""
    appended = {v.version_id for v in versions if v.upload.table == "f_append"}
    misread = {v.version_id for v in versions if v.upload.fault == "misread"}
    for version_id, replay, verdict in replays:
        label = f"{version_id}, replay {replay}"
        if [each[:2] for each in replays].count((version_id, replay)) > 1:
            yield f"{label} has more than one verdict"
        loaded = verdicts.get(version_id) == "LOADED"
        if version_id in appended and loaded and verdict != "SUPERSEDED":
            yield f"{label}: {verdict}, and its rows were appended before"
        if not loaded and verdict == "LOADED" and version_id not in misread:
            yield f"{label}: loaded, and the file itself was {verdicts.get(version_id)}"


def _compared(table: str, loaded: list[Version], found: list[Row]) -> Iterator[str]:
    uploads = [version.upload for version in loaded]
    if table == "f_newest":
        yield from _newest(uploads, found)
        return
    if table == "f_append":
        expected = [row for upload in uploads for row in upload.rows]
    elif table == "f_whole":
        expected = list(uploads[-1].rows) if uploads else []
    else:
        expected = list({row[0]: row for upload in uploads for row in upload.rows}.values())
    held, due = Counter(found), Counter(expected)
    if held != due:
        lost, surplus = list(due - held)[:5], list(held - due)[:5]
        yield f"{table}: lost {lost}, not expected or too often {surplus}"


def _newest(uploads: list[Upload], found: list[Row]) -> Iterator[str]:
    candidates: dict[int, list[Row]] = {}
    for upload in uploads:
        for row in upload.rows:
            candidates.setdefault(row[0], []).append(row)
    for identifier, rows in candidates.items():
        best = max(-1 if row[1] is None else row[1] for row in rows)
        allowed = [row for row in rows if (-1 if row[1] is None else row[1]) == best]
        held = [row for row in found if row[0] == identifier]
        if len(held) != 1 or held[0] not in allowed:
            yield f"f_newest: id {identifier} is {held}, and may be one of {allowed}"
    for row in found:
        if row[0] not in candidates:
            yield f"f_newest: nobody loaded {row}"


def final_violations(
    versions: Sequence[Version], records: Records, ledger: dict[str, str], bucket: Bucket
) -> Iterator[str]:
    """Each version has the verdict it deserves, everywhere the same, and is out of data/in/.

    `ledger` is the state of each version id.
    """
    verdicts = dict(records.verdicts())
    for position, version in enumerate(versions):
        verdict = verdicts.get(version.version_id, "none")
        allowed = _allowed(version, versions[position + 1 :], verdicts)
        if version.was_deleted and not _has_copy(version, bucket):
            # whose event was lost, and is gone before a sweep: of that nobody ever knew
            allowed |= {"MISSING", "none"} if version.was_unsaid else {"MISSING"}
        label = f"{version.upload.key} {version.version_id}"
        if verdict not in allowed:
            yield f"{label}: verdict {verdict}, and may be one of {sorted(allowed)}"
        if ledger.get(version.version_id, "none") != verdict:
            yield f"{label}: the ledger says {ledger.get(version.version_id)}, history {verdict}"
        there = [each.version_id for each in bucket.versions.get(version.upload.key, [])]
        if version.version_id in there and verdict != "MISSING":
            yield f"{label}: still in data/in/"
        if verdict == "LOADED" and not _has_copy(version, bucket):
            yield f"{label}: no raw copy"


def replay_violations(
    asked: Sequence[tuple[str, int]],
    unheard: Sequence[tuple[str, int]],
    replays: Sequence[tuple[str, int, str]],
) -> Iterator[str]:
    """Of the replays of a version that were asked for, and heard, one has its verdict.

    Further ones are refused while it has none.
    """
    known = {(version_id, replay) for version_id, replay, _ in replays}
    heard = Counter(asked) - Counter(unheard)  # one may be asked for again as its event was lost
    for version_id in sorted({version_id for version_id, _ in heard}):
        if not any(each in known for each in heard if each[0] == version_id):
            yield f"{version_id} was asked for again, and nothing came of it"
    for version_id, replay in sorted(known - {*asked}):
        yield f"nobody asked for replay {replay} of {version_id}"


def call_violations(batches: set[str], asked: Sequence[str]) -> Iterator[str]:
    """Every batch that loaded something had its calls asked for, once; no other had.

    `asked` are the batches of the executions that were started, each as often as it was.
    """
    for batch_id in sorted(batches - {*asked}):
        yield f"{batch_id} loaded, and nobody started its calls"
    for batch_id in sorted({*asked} - batches):
        yield f"{batch_id} loaded nothing, and its calls were started"
    for batch_id, count in sorted(Counter(asked).items()):
        if count > 1:
            yield f"the calls of {batch_id} were started {count} times"


def _allowed(version: Version, later: Sequence[Version], verdicts: dict[str, str]) -> set[str]:
    allowed = {"REJECTED" if version.upload.fault else "LOADED"}
    if version.upload.fault == "misread":  # LOADED if its job was mended before
        allowed.add("LOADED")
    newer = [v for v in later if v.upload.key == version.upload.key]
    has_newer = any(verdicts.get(each.version_id) == "LOADED" for each in newer)
    if version.upload.table != "f_append" and has_newer:
        allowed.add("SUPERSEDED")
    return allowed


def _has_copy(version: Version, bucket: Bucket) -> bool:
    name = version.upload.key.rpartition("/")[2]
    return any(
        (copy := bucket.current(key)) is not None and copy.body == version.upload.body
        for key in bucket.keys("data/raw/")
        if key.endswith(f"/{name}")
    )
