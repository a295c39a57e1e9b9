"""Versions of a key that the ledger does not know: the order they belong in.

No clock is asked. A version is copied only after all older ones of its key are known, so one that
was copied and is in the bucket no more is older than whatever nobody knows. One that is gone and
was never copied will not be loaded, and needs no place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from os.path import commonprefix

from config.job import Job
from lambdas.shared.aws.concurrently import for_each
from lambdas.shared.aws.ledger import Known, Ledger
from lambdas.shared.aws.objects import Objects, Version
from lambdas.shared.domain.files import File, FileState
from lambdas.shared.domain.sequences import filled

_SETTLED = (FileState.LOADED, FileState.REJECTED, FileState.SUPERSEDED)
_KEYS_PER_PAGE = 20
"""A page of a listing is worth the calls of so many keys; more of them than that are not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersion:
    """One version in the bucket, and the state the ledger gives it; None if it knows none."""

    file: File
    state: FileState | None


def versions_of(key: str, *, job: Job | None, objects: Objects, ledger: Ledger) -> list[KeyVersion]:
    """The versions a key has in the bucket, the oldest first, each with its sequence.

    Those the ledger knows keep theirs; the others get theirs from where they stand, also among
    versions that are in the bucket no more.
    """
    listed = list(reversed(objects.versions(key)))
    known = {
        each.file.version_id: each
        for each in ledger.versions_of(objects.bucket, key)
        if each.file.replay == 0
    }
    there = [known.pop(version.version_id, None) for version in listed]
    copied = [each.file.sequence for each in known.values() if _was_copied(each, job, objects)]
    sequences = _sequences([each.file.sequence if each else None for each in there], copied)
    return [
        KeyVersion(
            file=_file(objects.bucket, key, version, sequence), state=each.state if each else None
        )
        for version, each, sequence in zip(listed, there, sequences, strict=True)
    ]


def admitted(
    key: str, version_id: str | None, *, job: Job, objects: Objects, ledger: Ledger
) -> list[KeyVersion]:
    """The versions of a key, once those older than this one are all known; None is the newest.

    Each that nobody has seen is put, the oldest first, and then all are looked at anew: its own
    event may come meanwhile with a sequencer, and what is newer has to stand above that.
    """
    put = ledger.pool_file if job.is_active else ledger.let_wait
    while True:
        there = versions_of(key, job=job, objects=objects, ledger=ledger)
        until = version_id or (there[-1].file.version_id if there else None)
        older = takewhile(lambda each, until=until: each.file.version_id != until, there)  # type: ignore[misc] # bound early
        unseen = next((each for each in older if each.state is None), None)
        if unseen is None:
            return there
        put(unseen.file, job.job_id)


def admit_older(files: Sequence[File], *, job: Job, objects: Objects, ledger: Ledger) -> None:
    """Put all versions older than these that nobody has seen: before any of these is copied."""
    oldest = _oldest_versions([file.key for file in files], objects)
    behind = [file for file in files if oldest.get(file.key) != file.version_id]
    for_each(
        lambda file: admitted(file.key, file.version_id, job=job, objects=objects, ledger=ledger),
        behind,
        threads=16,
    )


def _oldest_versions(keys: Sequence[str], objects: Objects) -> dict[str, str]:
    """The oldest version of those keys that a few pages of one listing show.

    Nearly always a file is the oldest of its key, and nothing of that need be asked for.
    """
    found: dict[str, str] = {}
    position: dict[str, str] | None = None
    for _ in range(1 + len(keys) // _KEYS_PER_PAGE if keys else 0):
        prefix = commonprefix(keys)  # noqa: RUF071 - of keys, not of paths
        page = objects.page_of_versions(prefix, position)
        # of each key the newest is listed first
        found |= {key: version.version_id for key, version in page.versions}
        position = page.following
        if position is None or position["KeyMarker"] >= max(keys):
            break
    if position is not None and "VersionIdMarker" in position:
        found.pop(position["KeyMarker"], None)  # it has more versions than were listed
    return found


def _was_copied(gone: Known, job: Job | None, objects: Objects) -> bool:
    """Whether a version that is in the bucket no more has rows, or may get some."""
    if gone.state.is_final or job is None:
        return gone.state in _SETTLED
    return objects.exists(gone.file.raw_key(job.job_name))


def _sequences(there: Sequence[str | None], gone: Iterable[str]) -> list[str]:
    """The sequences of the versions that are there, the oldest first; None where nobody knows it.

    What is gone stood right above all that have a lower one: what nobody knows is newer.
    """
    line = [(sequence, True) for sequence in there]
    for sequence in sorted(gone):
        lower = (at for at, (each, _) in enumerate(line) if each is not None and each < sequence)
        line.insert(1 + max(lower, default=-1), (sequence, False))
    sequences = filled([each for each, _ in line])
    return [found for found, (_, is_there) in zip(sequences, line, strict=True) if is_there]


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
