"""Files as the pipeline would leave them in the ledger, without running it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cli.uploading import Source, Upload
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.domain.files import File, FileState, Verdict
from tests.unit.cli.conftest import BUCKET

START = datetime(2026, 1, 31, 6, 0, tzinfo=UTC)


def a_file(name: str, *, minutes: int = 0, version_id: str = "v1") -> File:
    """A version of `data/in/<name>` that arrived some minutes after START."""
    return File(
        bucket=BUCKET,
        key=f"data/in/{name}",
        version_id=version_id,
        etag="e",
        size=10,
        sequence=f"{minutes:04X}",
        arrived_at=START + timedelta(minutes=minutes),
    )


def of_upload(upload: Upload) -> File:
    """The file that an upload's event would tell of."""
    return File(
        bucket=BUCKET,
        key=upload.source.key,
        version_id=upload.version_id,
        etag=upload.etag,
        size=upload.source.size,
        sequence="1",
        arrived_at=START,
    )


def settle(ledger: Ledger, *verdicts: Verdict, job_id: str, execution: str, at: datetime) -> None:
    """Settle files of one load as the settle function does."""
    for verdict in verdicts:  # one by one: moto's transactions are not for several threads
        ledger.pool_file(verdict.file, job_id)
        ledger.project([verdict], job_id, f"{execution}-0")
    states = [verdict.state.value for verdict in verdicts]
    ledger.record_load(
        job_id,
        f"{execution}-0",
        {
            "state": "LOADED" if "LOADED" in states else "SETTLED",
            "job_id": job_id,
            "table": "public.customers",
            "batch_id": f"{execution}-0",
            "execution": execution,
            "rows": sum(verdict.rows or 0 for verdict in verdicts),
            "inserted": 1,
            "updated": 2,
            "files": {state: states.count(state) for state in set(states)},
            "at": at.isoformat(),
            "seconds": 1.25,
        },
    )


def loaded(file: File, rows: int) -> Verdict:
    """The verdict on a file that loaded."""
    return Verdict(file=file, state=FileState.LOADED, rows=rows)


def rejected(file: File, kind: str = "RowError", message: str = "line 3, column a") -> Verdict:
    """The verdict on a file that was rejected."""
    error = {"type": kind, "message": message}
    return Verdict(file=file, state=FileState.REJECTED, error=error)


def an_upload(file: File) -> Upload:
    """The upload that made a file."""
    return Upload(
        source=Source(path=Path(file.name), key=file.key, size=file.size),
        version_id=file.version_id,
        etag=file.etag,
        file_id=file.file_id,
    )
