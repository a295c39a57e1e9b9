"""Versions of a key that the ledger does not know: the order they belong in.

No clock is asked. A version is copied only after all older ones of its key are known, so one that
was copied and is in the bucket no more is older than whatever nobody knows. One that is gone and
was never copied will not be loaded, and needs no place.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
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
    found = [known.get(version.version_id) for version in listed]
    gone = known.keys() - {version.version_id for version in listed}
    sequences = _sequences(
        [each.file.sequence if each else None for each in found],
        [known[each].file.sequence for each in gone if _has_place(known[each], job, objects)],
    )
    return [
        KeyVersion(
            file=_file(objects.bucket, key, version, sequence), state=each.state if each else None
        )
        for version, each, sequence in zip(listed, found, sequences, strict=True)
    ]


def put_older(
    key: str, version_ids: Set[str] | None, *, job: Job, objects: Objects, ledger: Ledger
) -> list[KeyVersion]:
    """The versions of a key, once all older than one of these are known; None is the newest.

    Each that nobody has seen is put, the oldest first, and then all are looked at anew: its own
    event may come meanwhile with a sequencer, and what is newer has to stand above that. Before
    what is gone nothing is put.
    """
    put = ledger.pool_file if job.is_active else ledger.let_wait
    while True:
        versions = versions_of(key, job=job, objects=objects, ledger=ledger)
        wanted = version_ids or {each.file.version_id for each in versions}
        last = max((n for n, v in enumerate(versions) if v.file.version_id in wanted), default=0)
        unseen = next((each.file for each in versions[:last] if each.state is None), None)
        if unseen is None:
            return versions
        put(unseen, job.job_id)


def put_all_older(files: Sequence[File], *, job: Job, objects: Objects, ledger: Ledger) -> None:
    """Put all versions older than these that nobody has seen: before any of these is copied."""
    ids: dict[str, set[str]] = defaultdict(set)
    for file in files:
        ids[file.key].add(file.version_id)
    oldest = _oldest_versions(list(ids), objects)
    for_each(
        lambda key: put_older(key, ids[key], job=job, objects=objects, ledger=ledger),
        [key for key in ids if ids[key] != {oldest.get(key)}],
        threads=16,
    )


def _oldest_versions(keys: Sequence[str], objects: Objects) -> dict[str, str]:
    """The oldest version of those keys that a few pages of one listing show.

    Nearly always a file is the oldest of its key, and nothing of that need be asked for.
    """
    found: dict[str, str] = {}
    position: dict[str, str] | None = None
    for _ in range(-(-len(keys) // _KEYS_PER_PAGE)):
        page = objects.page_of_versions(commonprefix(keys), position)  # noqa: RUF071 - of keys, not of paths
        # of each key the newest is listed first
        found |= {key: version.version_id for key, version in page.versions}
        position = page.following
        if position is None or position["KeyMarker"] >= max(keys):
            break
    if position is not None and "VersionIdMarker" in position:
        found.pop(position["KeyMarker"], None)  # it has more versions than were listed
    return found


def _has_place(gone: Known, job: Job | None, objects: Objects) -> bool:
    """Whether a version that is in the bucket no more was copied, and so has rows or may get some.

    What no job takes is never copied.
    """
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
