"""The order of a claim: lease, raise, read, put what is older, copy; each is safe to do again.

Whoever puts a file before the raise is seen by the read; whoever puts after it starts the next
generation. A version is copied once all older ones of its key are known, which is what their order
rests on when it is gone. The lease only saves work: two claims of one table would both be correct.
"""

from typing import Any

from config.job import BatchOptions
from lambdas.shared.aws.concurrently import for_each
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.objects import ObjectGoneError, Objects
from lambdas.shared.aws.workflow import KNOWN_AFTER_TRIES, is_closed
from lambdas.shared.domain.errors import DeploymentError
from lambdas.shared.domain.files import File
from lambdas.shared.domain.load import Step
from lambdas.shared.unseen import put_all_older

_LONGEST_WAIT_SECONDS = 60
_OF_THE_OBJECT = {"InvalidObjectState", "InvalidRequest", "ObjectNotInActiveTierError"}
"""It is archived, or encrypted with a key that only its uploader has (S3 API reference)."""


def claim(step: Step, *, ledger: Ledger, objects: Objects) -> dict[str, Any]:
    """Claim the next batch of a job; raises TransientError where AWS was busy."""
    table = str(step.table)
    tries = int(step.load.get("tries", 0))
    if not _lease(step, table, ledger, tries):
        wait = min(2**tries, _LONGEST_WAIT_SECONDS)
        return {**step.load, "status": "WAITING", "tries": tries + 1, "wait_seconds": wait}
    ledger.raise_generation(step.job.job_id, step.generation)
    most = min(step.job.batch.max_files, step.load.get("limit") or step.job.batch.max_files)
    pooled = _within(step.job.batch, ledger.pool(step.job.job_id, most=most))
    kept = {
        "round": step.round,
        "limit": step.load.get("limit"),
        "idle": step.load.get("idle", 0),
    }
    if not pooled:
        return {**kept, "status": "EMPTY"}
    uploads = [each for each in pooled if not each.replay]
    put_all_older(uploads, job=step.job, objects=objects, ledger=ledger)
    copied = for_each(lambda each: _copy(each, step, objects), pooled, threads=16)
    entries = [each for each in copied if not isinstance(each, DeploymentError)]
    refused = {
        file: error
        for file, error in zip(pooled, copied, strict=True)
        if isinstance(error, DeploymentError)
    }
    _withdraw(refused, step, ledger, is_last=not entries and _are_last(pooled, step, ledger))
    if not entries:
        return {**kept, "idle": 0, "status": "EMPTY"}
    key = f"work/{step.batch_id}/files.json"
    objects.put_json(key, {"files": entries})
    logger().info("batch claimed", batch_id=step.batch_id, table=table, files=len(entries))
    return {
        **kept,
        "status": "CLAIMED",
        "batch_id": step.batch_id,
        "files": key,
        "count": len(entries),
    }


def _lease(step: Step, table: str, ledger: Ledger, tries: int) -> bool:
    if ledger.take_lease(table, step.execution_id, instead_of=None):
        return True
    current = ledger.lease(table)
    if current is None:
        return ledger.take_lease(table, step.execution_id, instead_of=None)
    if not is_closed(current.holder, if_unknown=tries >= KNOWN_AFTER_TRIES):
        return False
    return ledger.take_lease(table, step.execution_id, instead_of=current)


def _within(batch: BatchOptions, pooled: list[File]) -> list[File]:
    """The first files that fit max_megabytes; at least one."""
    budget = batch.max_megabytes * 1024**2
    chosen: list[File] = []
    for each in pooled:
        budget -= each.size
        if chosen and budget < 0:
            break
        chosen.append(each)
    return chosen


def _are_last(pooled: list[File], step: Step, ledger: Ledger) -> bool:
    """Whether no file is left of which nobody knows yet whether it can be copied."""
    return len(ledger.pool(step.job.job_id, most=len(pooled) + 1)) <= len(pooled)


def _withdraw(
    refused: dict[File, DeploymentError], step: Step, ledger: Ledger, *, is_last: bool
) -> None:
    """Let the files wait that S3 does not let us copy, so that the others of their job load.

    Where no other was copied either, and none is left, it may be the deployment: that fails the
    execution.
    """
    for file, error in refused.items():
        if is_last and error.where.get("code") not in _OF_THE_OBJECT:
            raise error
        logger().error("file cannot be copied", key=file.key, reason=error.message)
        advice = "restore it, let its key decrypt, or upload it again; the sweep tries it again"
        reason = {"message": f"it cannot be copied ({error.message}): {advice}"}
        ledger.withdraw(file, step.job.job_id, error.to_json() | reason)


def _copy(file: File, step: Step, objects: Objects) -> dict[str, Any] | DeploymentError:
    """Keep this version as an immutable copy; it is missing only if the copy is absent too."""
    raw_key = file.raw_key(step.job.job_name)
    missing = False
    if not objects.exists(raw_key):
        try:
            objects.copy_version(file, raw_key)
        except ObjectGoneError:
            missing = not objects.exists(raw_key)
        except DeploymentError as error:
            return error
    return {"file": file.to_json(), "raw_key": raw_key, "missing": missing}
