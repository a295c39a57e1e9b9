"""Following exactly the versions that were uploaded, until each has its verdict."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cli.uploading import Upload
from lambdas.shared.aws.ledger_view import FileEntry, LedgerView
from lambdas.shared.domain.errors import TransientError
from lambdas.shared.domain.files import FileState

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where one uploaded version stands; `seconds` since the upload, once that is settled."""

    upload: Upload
    entry: FileEntry | None = None
    seconds: float | None = None

    @property
    def state(self) -> FileState | None:
        """Its state; None while its event is on the way."""
        return self.entry.state if self.entry else None

    @property
    def is_settled(self) -> bool:
        """Whether waiting longer changes nothing: a verdict, no job, or an inactive one."""
        return self.state is not None and self.state is not FileState.POOLED


def follow(
    uploads: Sequence[Upload],
    view: LedgerView,
    *,
    timeout: float,
    tell: Callable[[Sequence[Outcome]], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Outcome]:
    """Ask the ledger until all are settled or `timeout` seconds are over.

    `tell` is called with every outcome each time something changed.
    """
    began, pause = clock(), _FIRST_PAUSE
    outcomes = {each.file_id: Outcome(upload=each) for each in uploads}
    tell(list(outcomes.values()))
    while True:
        changed = _ask(outcomes, view, clock() - began)
        outcomes |= changed
        if changed:
            pause = _FIRST_PAUSE
            tell(list(outcomes.values()))
        left = timeout - (clock() - began)
        if left <= 0 or all(each.is_settled for each in outcomes.values()):
            return list(outcomes.values())
        sleep(min(pause, left))
        pause = min(pause * 1.3, _LONGEST_PAUSE)


def _ask(outcomes: dict[str, Outcome], view: LedgerView, seconds: float) -> dict[str, Outcome]:
    """The outcomes that changed."""
    open_ids = [file_id for file_id, each in outcomes.items() if not each.is_settled]
    try:
        entries = view.entries(open_ids)
    except TransientError:
        return {}  # the ledger is busy: the next question may get through
    changed = {}
    for file_id, entry in entries.items():
        if entry.state is not outcomes[file_id].state:
            now = Outcome(upload=outcomes[file_id].upload, entry=entry)
            changed[file_id] = (
                Outcome(upload=now.upload, entry=entry, seconds=round(seconds, 2))
                if now.is_settled
                else now
            )
    return changed
