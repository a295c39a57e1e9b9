"""The place of versions whose event never came, among those the ledger knows."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from config.job import Job
from lambdas.shared.aws.ledger import Known
from lambdas.shared.aws.objects import Version
from lambdas.shared.domain.files import File, FileState, padded_sequence
from lambdas.shared.unseen import put_older, versions_of

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


_KEY = "data/in/a.csv"
_JOB = Job.model_validate(
    {
        "job_id": "J1",
        "job_name": "a",
        "source_file_name": "a.csv",
        "target_table": "a",
        "upsert_keys": ["id"],
        "is_active": True,
    }
)


@dataclass
class _Bucket:
    """The versions of one key, the oldest first: (version id, second it came); and raw copies."""

    listed: list[tuple[str, int]]
    copied: tuple[str, ...] = ()
    bucket: str = "data"

    def exists(self, key: str) -> bool:
        return key in [_file(name, 0).raw_key(_JOB.job_name) for name in self.copied]

    def versions(self, _key: str) -> list[Version]:
        return [
            Version(version_id=name, etag="e", size=1, modified_at=_NOON + timedelta(seconds=at))
            for name, at in reversed(self.listed)
        ]


@dataclass
class _Ledger:
    """What the ledger knows of the key: (version id, second it came, state).

    `events` come by themselves, one before each put.
    """

    known: list[tuple[str, int, FileState]]
    events: list[tuple[str, int]] = field(default_factory=list)
    pooled: dict[str, Known] = field(default_factory=dict)

    def pool_file(self, file: File, _job_id: str) -> None:
        if self.events:
            name, at = self.events.pop(0)
            self.pooled.setdefault(name, Known(file=_file(name, at), state=FileState.POOLED))
        self.pooled.setdefault(file.version_id, Known(file=file, state=FileState.POOLED))

    def versions_of(self, _bucket: str, _key: str) -> list[Known]:
        known = [Known(file=_file(name, at), state=state) for name, at, state in self.known]
        return [*self.pooled.values(), *known]


def _file(name: str, second: int) -> File:
    return File(
        bucket="data",
        key=_KEY,
        version_id=name,
        etag="e",
        size=1,
        sequence=sequencer(second),
        arrived_at=_NOON,
    )


def sequencer(second: int) -> str:
    return padded_sequence(f"0065A0{second:012X}")


def sequences(bucket: _Bucket, ledger: _Ledger) -> dict[str, str]:
    found = versions_of(_KEY, job=_JOB, objects=bucket, ledger=ledger)  # type: ignore[arg-type] # all of them that is used
    return {each.file.version_id: each.file.sequence for each in found}


def test_a_version_whose_event_was_lost_is_newer_than_the_loaded_one_it_replaced() -> None:
    found = sequences(_Bucket([("v2", 20)]), _Ledger([("v1", 10, FileState.LOADED)]))

    assert sequencer(10) < found["v2"] < sequencer(30)


def test_a_version_that_is_gone_and_was_never_copied_has_no_place() -> None:
    """It will be MISSING; what is older than it stays below the events of what is newer."""
    bucket = _Bucket([("v1", 10), ("v2", 20)])

    found = sequences(bucket, _Ledger([("v3", 30, FileState.POOLED)]))

    assert found["v1"] < found["v2"] < sequencer(10)


def test_what_nobody_knows_is_newer_than_a_version_that_was_deleted_once_it_was_copied() -> None:
    """All older ones were put before it was copied."""
    bucket = _Bucket([("v2", 20)], copied=("v1",))

    found = sequences(bucket, _Ledger([("v1", 10, FileState.POOLED)]))

    assert sequencer(10) < found["v2"] < sequencer(30)


def test_a_missing_version_has_no_place() -> None:
    found = sequences(_Bucket([("v1", 10)]), _Ledger([("v2", 20, FileState.MISSING)]))

    assert found["v1"] < sequencer(10)


def test_an_unknown_version_has_its_place_between_one_that_is_gone_and_one_that_is_there() -> None:
    ledger = _Ledger([("v1", 10, FileState.LOADED), ("v3", 30, FileState.POOLED)])

    found = sequences(_Bucket([("v2", 20), ("v3", 30)]), ledger)

    assert sequencer(10) < found["v2"] < found["v3"] == sequencer(30)


def test_what_nobody_knows_is_newer_than_what_was_loaded_whatever_the_clocks_say() -> None:
    """S3 dates a large upload when it began, and its event when it was complete."""
    found = sequences(_Bucket([("v2", 5)]), _Ledger([("v1", 60, FileState.LOADED)]))

    assert found["v2"] > sequencer(60)


def test_a_version_without_an_event_stands_above_an_older_one_whose_event_comes_late() -> None:
    bucket = _Bucket([("v1", 10), ("v2", 20)])
    ledger = _Ledger([], events=[("v1", 10)])

    found = put_older(
        _KEY,
        {"v2"},
        job=_JOB,
        objects=bucket,  # type: ignore[arg-type] # all of it that is used
        ledger=ledger,  # type: ignore[arg-type] # all of it that is used
    )

    assert found[0].file.sequence == sequencer(10)
    assert sequencer(10) < found[1].file.sequence < sequencer(30)


def test_an_older_version_stands_below_a_newer_one_whose_event_comes_meanwhile() -> None:
    bucket = _Bucket([("v1", 10), ("v2", 20), ("v3", 30)])
    ledger = _Ledger([("v3", 30, FileState.POOLED)], events=[("v2", 20)])

    put_older(
        _KEY,
        {"v3"},
        job=_JOB,
        objects=bucket,  # type: ignore[arg-type] # all of it that is used
        ledger=ledger,  # type: ignore[arg-type] # all of it that is used
    )

    found = {name: known.file.sequence for name, known in ledger.pooled.items()}
    assert found["v1"] < found["v2"] == sequencer(20)
