"""Versions of a key that the ledger does not know: the order they belong in."""

from dataclasses import dataclass

from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.objects import Objects, Version
from lambdas.shared.domain.files import File, FileState
from lambdas.shared.domain.sequences import filled


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersion:
    """One version in the bucket, and the state the ledger gives it; None if it knows none."""

    file: File
    state: FileState | None


def versions_of(key: str, *, objects: Objects, ledger: Ledger) -> list[KeyVersion]:
    """The versions a key has in the bucket, the oldest first, each with its sequence.

    Those the ledger knows keep theirs; the others get theirs from where they stand.
    """
    listed = list(reversed(objects.versions(key)))
    known = {each.version_id: each for each in ledger.files_of(objects.bucket, key)}
    sequences = filled(
        [known[v.version_id].sequence if v.version_id in known else None for v in listed]
    )
    return [
        KeyVersion(
            file=_file(objects.bucket, key, version, sequence),
            state=known[version.version_id].state if version.version_id in known else None,
        )
        for version, sequence in zip(listed, sequences, strict=True)
    ]


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
