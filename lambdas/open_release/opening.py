"""Which release is meant, whether it may run, and what it will call; safe to do again.

A release is the version of a file: the same version runs once. It is opened under the lease of its
database, so that two releases never run at once against one.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from config.runtime import OpenReleaseSettings
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.objects import ObjectGoneError, Objects, Version
from lambdas.shared.aws.release_ledger import ReleaseHead, ReleaseLedger
from lambdas.shared.aws.workflow import KNOWN_AFTER_TRIES, is_closed
from lambdas.shared.domain.errors import EventError, ReleaseError
from lambdas.shared.domain.release_request import (
    REFUSALS,
    STARTED_BY_REQUEST,
    ReleaseRequest,
    Wanted,
)
from lambdas.shared.domain.release_run import (
    PlannedCall,
    ReleaseState,
    ReleaseStep,
    folder_of,
    id_of_calls,
    id_of_file,
    lease_of,
)
from lambdas.shared.domain.releases import parse_release, release_order

_FEW_TRIES = 1_000
"""An execution's history holds 25,000 events, 9 a try; after so many, waits become longer."""
_MOST_BYTES = 5 * 1024**2
_SUFFIX = ".txt"
_A_DAY = timedelta(days=1)
"""An execution that AWS does not know and that began before that is long forgotten."""
_MAY_RUN = (None, ReleaseState.REFUSED)
"""States of a release of which nothing has run: anybody may start it."""


class Opening:
    """One release of one execution."""

    def __init__(self, step: ReleaseStep, settings: OpenReleaseSettings) -> None:
        self.step = step
        self.settings = settings
        self.objects = Objects(settings.bucket)
        self.leases = Ledger(settings.ledger_table)
        self.ledger = ReleaseLedger(settings.ledger_table)

    def open(self) -> dict[str, Any]:
        """OPENED with a plan, WAITING, or a state that only needs an answer."""
        try:
            request = ReleaseRequest.from_event(self.step.request)
            head = self._head(request)
            if isinstance(head, dict):
                return self._kept | head
            return self._kept | self._opened(request, head)
        except REFUSALS as error:
            return self._kept | {"status": "REFUSED", "error": error.to_json()}

    @property
    def _kept(self) -> dict[str, Any]:
        """What every state of an execution carries on: which releases of all are behind it."""
        return {"done": self.step.release.get("done", [])}

    # --- which one ------------------------------------------------------------------------------

    def _head(self, request: ReleaseRequest) -> ReleaseHead | dict[str, Any]:
        """The release as it will be recorded, or a state if there is none to run."""
        if request.is_event and self._is_started_by_its_uploader(request):
            return {"status": "NOTHING", "reason": f"who uploaded {request.release} starts it"}
        target = self.settings.cluster_id or self.settings.workgroup
        if request.cluster not in (None, target):
            raise EventError(
                f"cluster_identifier is {request.cluster!r}; procedures are called on {target!r}"
                " only, by this environment's configuration"
            )
        place = {"target": target, "database": request.database or self.settings.database}
        if request.wanted is Wanted.CALLS:
            identity = request.identity or f"by hand {self.step.execution_id}"
            return self._new(id_of_calls(identity), place, batch_id=request.identity)
        if request.wanted is Wanted.NAMED:
            return self._named(request, place)
        return self._chosen(request, place)

    def _is_started_by_its_uploader(self, request: ReleaseRequest) -> bool:
        """Whether the upload's own metadata says so; one that is gone says nothing."""
        key, version_id = str(request.release), request.version_id
        if version_id is None or not self._is_release(key):
            return False
        try:
            return self.objects.notes(key, version_id) == STARTED_BY_REQUEST
        except ObjectGoneError:
            return False

    def _new(self, release_id: str, place: Mapping[str, str], **more: Any) -> ReleaseHead:
        return ReleaseHead(
            release_id=release_id,
            state=ReleaseState.OPEN,
            execution=self.step.execution_id,
            opened_at=_now(),
            target=place["target"],
            database=place["database"],
            **more,
        )

    def _of_file(self, key: str, version_id: str, place: Mapping[str, str]) -> ReleaseHead:
        return self._new(
            id_of_file(self.settings.bucket, key, version_id),
            place,
            file=key,
            bucket=self.settings.bucket,
            version_id=version_id,
        )

    def _named(
        self, request: ReleaseRequest, place: Mapping[str, str]
    ) -> ReleaseHead | dict[str, Any]:
        name = str(request.release)
        known = self.ledger.head(name) if re.fullmatch(r"[0-9a-f]{16}", name) else None
        if known is not None and known.file and known.version_id:
            return self._of_file(known.file, known.version_id, place)
        if known is not None:
            return self._new(known.release_id, place, batch_id=known.batch_id)
        if not self._is_release(name):
            return {"status": "NOTHING", "reason": f"{name} is no release: {self._pattern}"}
        if request.version_id:
            return self._of_file(name, request.version_id, place)
        current = self._releases().get(name)
        if current is None:
            raise ReleaseError(f"{name} is not in {self.settings.bucket}; upload it", file=name)
        return self._of_file(name, current.version_id, place)

    def _chosen(
        self, request: ReleaseRequest, place: Mapping[str, str]
    ) -> ReleaseHead | dict[str, Any]:
        """The newest that has not run, or the oldest of all that have not."""
        found = self._releases()
        if not found:
            raise ReleaseError(
                f"there is no release in {self.settings.bucket}: {self._pattern}; upload one"
            )
        known = self.ledger.releases()
        done = {each["id"] for each in self.step.release.get("done", [])}
        ordered = release_order(found)
        for key in ordered if request.wanted is Wanted.ALL else reversed(ordered):
            head = self._of_file(key, found[key].version_id, place)
            before = known.get(head.release_id)
            mine = before is not None and before.execution == self.step.execution_id
            if head.release_id in done:
                continue
            if (before.state if before else None) in _MAY_RUN or (
                mine and before is not None and before.state is ReleaseState.OPEN
            ):
                return head
        return {
            "status": "NOTHING",
            "reason": f"all of the {len(found)} release(s) at {self._pattern} have run",
        }

    def _releases(self) -> dict[str, Version]:
        found = self.objects.current_versions(self.settings.release_prefix)
        return {key: version for key, version in found.items() if self._is_release(key)}

    def _is_release(self, key: str) -> bool:
        rest = key.removeprefix(self.settings.release_prefix)
        return rest != key and key.endswith(_SUFFIX) and "/" not in rest

    @property
    def _pattern(self) -> str:
        return f"{self.settings.release_prefix}*{_SUFFIX}"

    # --- whether, and what ----------------------------------------------------------------------

    def _opened(self, request: ReleaseRequest, head: ReleaseHead) -> dict[str, Any]:
        before = self.ledger.head(head.release_id)
        place = {
            "release_id": head.release_id,
            "target": head.target,
            "database": head.database,
            "is_one_of_many": request.wanted is Wanted.ALL,
        }
        if reason := self._not_again(request, before):
            return place | {"status": reason}
        try:
            calls, text = self._calls(request, head)
        except REFUSALS as error:
            if (before.state if before else None) in _MAY_RUN:
                self.ledger.open(head, instead_of=before)
            return place | {"status": "REFUSED", "error": error.to_json()}
        tries = int(self.step.release.get("tries", 0))
        if not self._lease(lease_of(head.target, head.database), tries):
            wait = min(2**tries, 60 if tries < _FEW_TRIES else 600)
            return {"status": "WAITING", "tries": tries + 1, "wait_seconds": wait}
        if not self.ledger.open(head, instead_of=before):
            return place | {"status": "ALREADY_RUNNING"}
        folder = folder_of(head.release_id)
        self.objects.put_json(f"{folder}/plan.json", {"calls": [each.to_json() for each in calls]})
        if text is not None:
            self.objects.put(f"{folder}/release.txt", text)
        logger().info("release opened", release_id=head.release_id, calls=len(calls))
        again = {number: self._attempt(head.release_id, number) for number in request.run_unknown}
        return place | {
            "status": "OPENED",
            "opened_at": head.opened_at,
            "on_error": request.on_error or self.settings.on_error,
            "again": {str(number): attempt for number, attempt in again.items() if attempt},
            "next": 1,
            "round": 0,
        }

    def _attempt(self, release_id: str, number: int) -> int | None:
        record = self.ledger.call(release_id, number)
        return record.attempt if record and record.has_failed else None

    def _not_again(self, request: ReleaseRequest, before: ReleaseHead | None) -> str | None:
        """Why a release that has been begun is not begun again; None if it may be."""
        if before is None or before.state is ReleaseState.REFUSED:
            return None
        if before.execution == self.step.execution_id and before.state is ReleaseState.OPEN:
            return None
        is_old = datetime.now(UTC) - datetime.fromisoformat(before.opened_at) > _A_DAY
        if before.state is ReleaseState.OPEN and not is_closed(before.execution, if_unknown=is_old):
            return "ALREADY_RUNNING"
        has_begun = before.state is ReleaseState.DONE or self.ledger.calls(before.release_id)
        if request.resume or not has_begun:
            return None
        return "ALREADY_RAN" if before.state is ReleaseState.DONE else "INTERRUPTED"

    def _calls(
        self, request: ReleaseRequest, head: ReleaseHead
    ) -> tuple[tuple[PlannedCall, ...], bytes | None]:
        if head.file is None:
            return self._given(request, head)
        try:
            text = self.objects.get_version(head.file, str(head.version_id))
        except ObjectGoneError as error:
            raise ReleaseError(
                f"{head.file} was deleted before it ran; upload it again", file=head.file
            ) from error
        if len(text) > _MOST_BYTES:
            raise ReleaseError(f"{head.file} has {len(text)} bytes; a release has {_MOST_BYTES}")
        return self._planned(request, parse_release(text, head.file).calls), text

    def _given(
        self, request: ReleaseRequest, head: ReleaseHead
    ) -> tuple[tuple[PlannedCall, ...], bytes | None]:
        """Calls that are in no file; those of an earlier execution are in their plan."""
        if request.calls:
            source = request.source.encode() if request.source else None
            return self._planned(request, request.calls), source
        plan = self.objects.find_json(f"{folder_of(head.release_id)}/plan.json")
        if plan is None:
            raise ReleaseError(
                f"the plan of release {head.release_id} is no longer kept; ask for its calls anew"
            )
        return tuple(PlannedCall(**each) for each in plan["calls"]), None

    def _planned(self, request: ReleaseRequest, calls: Any) -> tuple[PlannedCall, ...]:
        limit = request.limit_seconds or self.settings.limit_seconds
        return tuple(PlannedCall.of(call, default_limit=limit) for call in calls)

    def _lease(self, lease: str, tries: int) -> bool:
        mine = self.step.execution_id
        if self.leases.take_lease(lease, mine, instead_of=None):
            return True
        current = self.leases.lease(lease)
        if current is None:
            return self.leases.take_lease(lease, mine, instead_of=None)
        if not is_closed(current.holder, if_unknown=tries >= KNOWN_AFTER_TRIES):
            return False
        return self.leases.take_lease(lease, mine, instead_of=current)


def _now() -> str:
    return datetime.now(UTC).isoformat()
