"""The order of a claim: lease, then raise, then read; each is safe to do again.

Whoever puts a file before the raise is seen by the read; whoever puts after it starts the next
generation. The lease only saves work: two claims of one table would both be correct.
"""

from typing import Any

from config.job import BatchOptions
from lambdas.shared.aws.concurrently import for_each
from lambdas.shared.aws.ledger import Ledger, Pooled
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.objects import ObjectGoneError, Objects
from lambdas.shared.aws.workflow import is_closed
from lambdas.shared.domain.load import Step

_LONGEST_WAIT_SECONDS = 60


def claim(step: Step, *, ledger: Ledger, objects: Objects) -> dict[str, Any]:
    """Claim the next batch of a job; raises TransientError where AWS was busy."""
    table = str(step.table)
    if not _lease(step, table, ledger):
        tries = int(step.load.get("tries", 0))
        wait = min(2**tries, _LONGEST_WAIT_SECONDS)
        return {**step.load, "status": "WAITING", "tries": tries + 1, "wait_seconds": wait}
    ledger.raise_generation(step.job.job_id, step.generation)
    most = min(step.job.batch.max_files, step.load.get("limit") or step.job.batch.max_files)
    pooled = _within(step.job.batch, ledger.pool(step.job.job_id, most=most))
    kept = {"round": step.round, "limit": step.load.get("limit")}
    if not pooled:
        return {**kept, "status": "EMPTY"}
    entries = for_each(lambda each: _copy(each, step, objects), pooled, threads=16)
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


def _lease(step: Step, table: str, ledger: Ledger) -> bool:
    if ledger.take_lease(table, step.execution_id, instead_of=None):
        return True
    current = ledger.lease(table)
    if current is None:
        return ledger.take_lease(table, step.execution_id, instead_of=None)
    if not is_closed(current.holder):
        return False
    return ledger.take_lease(table, step.execution_id, instead_of=current)


def _within(batch: BatchOptions, pooled: list[Pooled]) -> list[Pooled]:
    """The first files that fit max_megabytes; at least one."""
    budget = batch.max_megabytes * 1024**2
    chosen: list[Pooled] = []
    for each in pooled:
        budget -= each.file.size
        if chosen and budget < 0:
            break
        chosen.append(each)
    return chosen


def _copy(pooled: Pooled, step: Step, objects: Objects) -> dict[str, Any]:
    """Keep this version as an immutable copy; it is missing only if the copy is absent too."""
    raw_key = pooled.file.raw_key(step.job.job_name)
    missing = False
    if not objects.exists(raw_key):
        try:
            objects.copy_version(pooled.file, raw_key)
        except ObjectGoneError:
            missing = not objects.exists(raw_key)
    return {"file": pooled.file.to_json(), "raw_key": raw_key, "missing": missing}
