"""Versions of a key that the ledger does not know: the order they belong in."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from lambdas.shared.aws.ledger import Known, Ledger
from lambdas.shared.aws.objects import Objects, Version
from lambdas.shared.domain.files import File, FileState
from lambdas.shared.domain.sequences import filled

_CLEARED = (FileState.LOADED, FileState.REJECTED, FileState.SUPERSEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersion:
    """One version in the bucket, and the state the ledger gives it; None if it knows none."""

    file: File
    state: FileState | None


def versions_of(key: str, *, objects: Objects, ledger: Ledger) -> list[KeyVersion]:
    """The versions a key has in the bucket, the oldest first, each with its sequence.

    Those the ledger knows keep theirs; the others get theirs from where they stand, also among
    versions that are in the bucket no more.
    """
    listed = list(reversed(objects.versions(key)))
    there = ledger.versions_of(objects.bucket, key)
    known = {each.version_id: each for each in there if each.replay == 0}
    sequences = _sequences(listed, known.values())
    return [
        KeyVersion(
            file=_file(objects.bucket, key, version, sequence),
            state=known[version.version_id].state if version.version_id in known else None,
        )
        for version, sequence in zip(listed, sequences, strict=True)
    ]


def admitted(
    key: str,
    version_id: str | None,
    *,
    objects: Objects,
    ledger: Ledger,
    admit: Callable[[File], object],
) -> list[KeyVersion]:
    """The versions of a key, once those older than this one are all known; None is the newest.

    Each that nobody has seen is admitted, the oldest first, and then all are looked at anew: its
    own event may come meanwhile with a sequencer, and what is newer has to stand above that.
    """
    while True:
        there = versions_of(key, objects=objects, ledger=ledger)
        until = version_id or (there[-1].file.version_id if there else None)
        older = takewhile(lambda each, until=until: each.file.version_id != until, there)  # type: ignore[misc] # bound early
        unseen = next((each for each in older if each.state is None), None)
        if unseen is None:
            return there
        admit(unseen.file)


def _sequences(listed: Sequence[Version], known: Iterable[Known]) -> list[str]:
    by_id = {each.version_id: each for each in known}
    line: list[Version | Known] = [by_id.get(each.version_id, each) for each in listed]
    gone = set(by_id) - {each.version_id for each in listed}
    for each in sorted((by_id[version_id] for version_id in gone), key=lambda k: k.sequence):
        line.insert(_place(each, line), each)
    sequences = filled([each.sequence if isinstance(each, Known) else None for each in line])
    return [s for each, s in zip(line, sequences, strict=True) if each.version_id not in gone]


def _place(gone: Known, line: Sequence[Version | Known]) -> int:
    """Where a version stood that is in the bucket no more.

    It stood above all that have a lower sequence. What nobody knows is newer than what was settled
    and cleared away: before that, everything older was made known. Clocks are asked about the
    others alone, which somebody deleted; in the same second what is gone stood first.
    """
    at = 0
    for position, each in enumerate(line):
        if isinstance(each, Known) and each.sequence < gone.sequence:
            at = position + 1
    if gone.state in _CLEARED:
        return at
    while at < len(line):
        each = line[at]
        if isinstance(each, Known) or each.modified_at >= gone.arrived_at:
            break
        at += 1
    return at


def _file(bucket: str, key: str, version: Version, sequence: str) -> File:
    return File(
        bucket=bucket,
        key=key,
        version_id=version.version_id,
        etag=version.etag,
        size=version.size,
        sequence=sequence,
        arrived_at=version.modified_at,
    )
