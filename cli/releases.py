"""Releases of an environment as the command line sees them: which there are, and how each fares."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cli.environment import Environment
from cli.exits import UsageError
from config.deployment import Deployment, Procedures
from lambdas.shared.aws.objects import Version
from lambdas.shared.aws.release_ledger import ReleaseHead, ReleaseLedger
from lambdas.shared.aws.workflow import Outcome, Workflow, outcome
from lambdas.shared.domain.errors import DeploymentError, TransientError
from lambdas.shared.domain.names import file_name_of, sanitize
from lambdas.shared.domain.release_request import STARTED_BY_REQUEST
from lambdas.shared.domain.release_run import (
    CallState,
    PlannedCall,
    ReleaseState,
    execution_results,
    folder_of,
    id_of_file,
)
from lambdas.shared.domain.releases import release_order

SUFFIX = ".txt"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0

WAITING = "WAITING"
"""The status of a call whose turn has not come."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A release as it stands; `calls` are entries of the contract's execution_results."""

    head: ReleaseHead | None
    calls: tuple[Json, ...]

    @property
    def is_open(self) -> bool:
        """Whether it runs."""
        return self.head is not None and self.head.state is ReleaseState.OPEN

    def in_state(self, state: CallState) -> list[Json]:
        """The calls in one state."""
        return [call for call in self.calls if call["status"] == state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of a request: the answer, and the release's last look; None if time was over."""

    response: Json | None
    progress: Progress


class Releases:
    """The releases of one environment."""

    def __init__(self, place: Environment) -> None:
        self.place = place
        self.settings: Procedures = Deployment.load(place.name).procedures
        self.ledger = ReleaseLedger(place.ledger_table)
        self.objects = place.objects

    def files(self) -> dict[str, Version]:
        """The releases in the bucket, oldest first."""
        found = self.objects.current_versions(self.settings.prefix)
        return {key: found[key] for key in release_order(found) if self._is_release(key)}

    @property
    def where(self) -> str:
        """Where releases lie, as a pattern."""
        return f"s3://{self.place.bucket}/{self.settings.prefix}*{SUFFIX}"

    def release_id(self, key: str, version_id: str) -> str:
        """The identity of one version of a release."""
        return id_of_file(self.place.bucket, key, version_id)

    def key_of(self, name: str) -> str:
        """Where a release of this name lies; raises UsageError if it would be no release."""
        folder = self.settings.prefix.rpartition("/")[0]
        key = name if name.startswith(self.settings.prefix) else f"{folder}/{name}".lstrip("/")
        if not self._is_release(key):
            raise UsageError(
                f"{name}: a release of {self.place.name} is named {file_name_of(self.where)};"
                " rename the file"
            )
        return key

    def upload(self, name: str, text: bytes) -> tuple[str, str]:
        """Put a release into the bucket for `start`; its key and the version S3 made of it.

        Its upload alone starts nothing: an event knows no options.
        """
        key = self.key_of(name)
        return key, self.objects.put_version(key, text, notes=STARTED_BY_REQUEST)

    def find(self, name: str) -> ReleaseHead:
        """The release of this id, or the last that ran of this file. Raises UsageError."""
        heads = self.ledger.releases()
        if name in heads:
            return heads[name]
        of_file = [h for h in heads.values() if h.file and name in (h.file, file_name_of(h.file))]
        if not of_file:
            known = ", ".join(sorted({file_name_of(h.file) for h in heads.values() if h.file}))
            raise UsageError(
                f"no release {name} has run in {self.place.name}; ran: {known or 'none'}"
            )
        return max(of_file, key=lambda head: head.opened_at)

    def progress(self, release_id: str) -> Progress:
        """A release as it stands now."""
        head = self.ledger.head(release_id)
        plan = self._kept(head, "plan.json")
        calls = [PlannedCall(**each) for each in (plan or {"calls": []})["calls"]]
        results = execution_results(calls, self.ledger.calls(release_id) if calls else {})
        if head is not None and head.state in (ReleaseState.OPEN, ReleaseState.INTERRUPTED):
            results = [each | _not_yet(each) for each in results]
        return Progress(head=head, calls=tuple(results))

    def start(self, request: Mapping[str, Any], *, about: str) -> str:
        """Start an execution of the release machine; its ARN."""
        name = f"cli-{sanitize(about)}-{uuid.uuid4().hex[:12]}"
        Workflow(self.place.release_machine_arn).start(name, dict(request))
        arn = self.place.release_machine_arn.replace(":stateMachine:", ":execution:")
        return f"{arn}:{name}"

    def follow(
        self,
        execution: str,
        *,
        release_id: str | None,
        timeout: float,
        tell: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Ended:
        """Look until the release has ended or `timeout` seconds are over.

        `release_id` is given where it is known: another execution may have been quicker to run
        it, and then that one's answer counts.
        """
        began, pause = clock(), _FIRST_PAUSE
        progress = Progress(head=None, calls=())
        while True:
            try:
                ended = outcome(execution)
                progress = self._look(execution, release_id)
                if ended is not None and not self._is_elsewhere(progress, execution):
                    response = self._response(execution, ended, progress)
                    return Ended(response=response, progress=progress)
            except TransientError:
                pass  # busy: the next question may get through
            tell(progress)
            left = timeout - (clock() - began)
            if left <= 0:
                return Ended(response=None, progress=progress)
            sleep(min(pause, left))
            pause = min(pause * 1.3, _LONGEST_PAUSE)

    def _look(self, execution: str, release_id: str | None) -> Progress:
        if release_id is not None:
            return self.progress(release_id)
        mine = [h for h in self.ledger.releases().values() if h.execution == execution]
        if not mine:
            return Progress(head=None, calls=())
        return self.progress(max(mine, key=lambda head: head.opened_at).release_id)

    @staticmethod
    def _is_elsewhere(progress: Progress, execution: str) -> bool:
        """Whether another execution runs the release, and is not done."""
        head = progress.head
        return head is not None and progress.is_open and head.execution != execution

    def _response(self, execution: str, ended: Outcome, progress: Progress) -> Json:
        """The execution's own answer, or the one of another that ran the release."""
        head = progress.head
        is_ours = head is None or head.execution == execution
        if is_ours and ended.output is not None:
            return dict(ended.output)
        found = self._kept(head, "response.json")
        if not found:
            raise DeploymentError(
                f"the release's execution ended {ended.status}: {ended.error}; look at the logs of"
                " its functions, then resume the release"
            )
        return dict(found)

    def _kept(self, head: ReleaseHead | None, name: str) -> Any:
        """A document that is kept of a release; None if it is not, or no longer."""
        return self.objects.find_json(f"{folder_of(head.release_id)}/{name}") if head else None

    def _is_release(self, key: str) -> bool:
        rest = key.removeprefix(self.settings.prefix)
        return rest != key and key.endswith(SUFFIX) and "/" not in rest


def _not_yet(call: Json) -> Json:
    """A call that was never started waits, while its release has not ended."""
    return {"status": WAITING} if call["status"] == CallState.SKIPPED else {}
