"""The place of versions whose event never came, among those the ledger knows."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lambdas.shared.aws.ledger import Known
from lambdas.shared.aws.objects import Version
from lambdas.shared.domain.files import File, FileState, padded_sequence
from lambdas.shared.unseen import admitted, versions_of

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class _Bucket:
    """The versions of one key, the oldest first: (version id, second it came)."""

    listed: list[tuple[str, int]]
    bucket: str = "data"

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

    def pool_file(self, file: File) -> None:
        if self.events:
            name, at = self.events.pop(0)
            self.put(name, sequencer(at), at)
        self.put(file.version_id, file.sequence, (file.arrived_at - _NOON).seconds)

    def put(self, name: str, sequence: str, at: int) -> None:
        self.pooled.setdefault(
            name,
            Known(
                version_id=name,
                replay=0,
                sequence=sequence,
                state=FileState.POOLED,
                arrived_at=_NOON + timedelta(seconds=at),
            ),
        )

    def versions_of(self, _bucket: str, _key: str) -> list[Known]:
        return list(self.pooled.values()) + [
            Known(
                version_id=name,
                replay=0,
                sequence=sequencer(at),
                state=state,
                arrived_at=_NOON + timedelta(seconds=at),
            )
            for name, at, state in self.known
        ]


def sequencer(second: int) -> str:
    return padded_sequence(f"0065A0{second:012X}")


def sequences(bucket: _Bucket, ledger: _Ledger) -> dict[str, str]:
    found = versions_of("data/in/a.csv", objects=bucket, ledger=ledger)  # type: ignore[arg-type] # all of them that is used
    return {each.file.version_id: each.file.sequence for each in found}


def test_a_version_whose_event_was_lost_is_newer_than_the_loaded_one_it_replaced() -> None:
    found = sequences(_Bucket([("v2", 20)]), _Ledger([("v1", 10, FileState.LOADED)]))

    assert sequencer(10) < found["v2"] < sequencer(30)


def test_a_version_older_than_one_that_is_gone_stays_older() -> None:
    found = sequences(_Bucket([("v1", 10)]), _Ledger([("v2", 20, FileState.MISSING)]))

    assert found["v1"] < sequencer(20)


def test_an_unknown_version_has_its_place_between_one_that_is_gone_and_one_that_is_there() -> None:
    ledger = _Ledger([("v1", 10, FileState.LOADED), ("v3", 30, FileState.POOLED)])

    found = sequences(_Bucket([("v2", 20), ("v3", 30)]), ledger)

    assert sequencer(10) < found["v2"] < found["v3"] == sequencer(30)


def test_of_one_second_what_is_gone_is_the_older() -> None:
    found = sequences(_Bucket([("v2", 10)]), _Ledger([("v1", 10, FileState.MISSING)]))

    assert found["v2"] > sequencer(10)


def test_what_nobody_knows_is_newer_than_what_was_loaded_whatever_the_clocks_say() -> None:
    """S3 dates a large upload when it began, and its event when it was complete."""
    found = sequences(_Bucket([("v2", 5)]), _Ledger([("v1", 60, FileState.LOADED)]))

    assert found["v2"] > sequencer(60)


def test_a_version_without_an_event_stands_above_an_older_one_whose_event_comes_late() -> None:
    bucket = _Bucket([("v1", 10), ("v2", 20)])
    ledger = _Ledger([], events=[("v1", 10)])

    found = admitted(
        "data/in/a.csv",
        "v2",
        objects=bucket,  # type: ignore[arg-type] # all of it that is used
        ledger=ledger,  # type: ignore[arg-type] # all of it that is used
        admit=ledger.pool_file,
    )

    assert found[0].file.sequence == sequencer(10)
    assert sequencer(10) < found[1].file.sequence < sequencer(30)


def test_an_older_version_stands_below_a_newer_one_whose_event_comes_meanwhile() -> None:
    bucket = _Bucket([("v1", 10), ("v2", 20), ("v3", 30)])
    ledger = _Ledger([("v3", 30, FileState.POOLED)], events=[("v2", 20)])

    admitted(
        "data/in/a.csv",
        "v3",
        objects=bucket,  # type: ignore[arg-type] # all of it that is used
        ledger=ledger,  # type: ignore[arg-type] # all of it that is used
        admit=ledger.pool_file,
    )

    assert ledger.pooled["v1"].sequence < ledger.pooled["v2"].sequence == sequencer(20)
