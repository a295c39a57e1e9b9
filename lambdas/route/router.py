"""What happens to each arrival: loaded by its job, kept waiting, or moved aside."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from config.job import Job, find_matching_job
from config.metrics import Metric
from config.runtime import RouteSettings
from lambdas.shared.aws.alerts import Alerts
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.metrics import emit
from lambdas.shared.aws.objects import ObjectGoneError, Objects
from lambdas.shared.aws.queue import send
from lambdas.shared.aws.workflow import Workflow
from lambdas.shared.domain import notices
from lambdas.shared.domain.errors import EventError, SluiceError
from lambdas.shared.domain.events import (
    ExecutionEnded,
    ObjectCreated,
    Replay,
    WakeUp,
    parse_event,
    wake_up,
)
from lambdas.shared.domain.files import File, FileState
from lambdas.shared.jobs import load_job_configurations
from lambdas.shared.starting import FAILURES_ALLOWED, start_open_generation
from lambdas.shared.unseen import put_older, versions_of

Outcome = dict[str, Any] | SluiceError
Admitted: TypeAlias = "Outcome | _Pooled | _Unconfigured"


@dataclass(frozen=True, slots=True)
class _Pooled:
    """A file that is in its job's pool; its job is still to be started."""

    job: Job
    file: File
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Unconfigured:
    """A file that no job takes; it is still to be moved, which may take as long as it is large."""

    file: File


class Router:
    """Routes the events of one invocation: all are put first, then each job is started once.

    What no job takes is moved last, so that nobody waits for it.
    """

    def __init__(self, settings: RouteSettings) -> None:
        self.settings = settings
        self.ledger = Ledger(settings.ledger_table)
        self.workflow = Workflow(settings.state_machine_arn)
        self.alerts = Alerts(settings.topic_arn)
        self._jobs: dict[str, tuple[Job, ...]] = {}

    def route(self, documents: list[Any]) -> list[Outcome]:
        """One outcome for each event, in order; an error is the outcome of its event alone."""
        admitted = [self._guarded(document) for document in documents]
        started: dict[str, Outcome] = {}
        for each in admitted:
            if isinstance(each, _Pooled) and each.job.job_id not in started:
                started[each.job.job_id] = self._start(each.job, each.file.name)
        arrived = [each for each in admitted if isinstance(each, _Pooled) and each.is_new]
        if arrived:
            emit({Metric.ARRIVALS: len(arrived)})
        self._announce(arrived)
        return [self._outcome(each, started) for each in admitted]

    def _outcome(self, admitted: Admitted, started: dict[str, Outcome]) -> Outcome:
        if isinstance(admitted, _Pooled):
            return started[admitted.job.job_id]
        if not isinstance(admitted, _Unconfigured):
            return admitted
        try:
            return self._move_aside(admitted.file)
        except SluiceError as error:
            return error

    def _guarded(self, document: Any) -> Admitted:
        try:
            event = parse_event(document)
            if isinstance(event, ObjectCreated):
                return self._admit(event)
            if isinstance(event, ExecutionEnded):
                return self._after_failure(event)
            if isinstance(event, Replay):
                return self._replay(event)
            return self._wake(event)
        except SluiceError as error:
            return error

    def _jobs_in(self, bucket: str) -> tuple[Job, ...]:
        if bucket not in self._jobs:
            self._jobs[bucket] = load_job_configurations(bucket, self.settings.config_key)
        return self._jobs[bucket]

    def _admit(self, event: ObjectCreated) -> Admitted:
        job = find_matching_job(self._jobs_in(event.bucket), event.key)
        file = self._file(event, job)
        if file is None:
            return {"status": "missing", "key": event.key}
        if job is None:
            return _Unconfigured(file)
        if not job.is_active:
            return self._keep_waiting(job, file)
        is_new = self.ledger.is_new(file)
        state = self.ledger.pool_file(file, job.job_id)
        if state.is_final:
            return {"status": "already_settled", "state": state.value}
        return _Pooled(job, file, is_new)

    def _replay(self, event: Replay) -> Outcome | _Pooled:
        """Pool a settled version again; one at a time, so that no batch has its rows twice."""
        file = event.file
        jobs = self._jobs_in(file.bucket)
        job = next((job for job in jobs if job.job_id == event.job_id), None)
        if job is None or not job.is_active:
            raise EventError(f"job {event.job_id} is not active; activate it and redrive this")
        for each in self.ledger.versions_of(file.bucket, file.key):
            other = each.file
            is_other = other.version_id == file.version_id and other.replay != file.replay
            if is_other and not each.state.is_final:
                return {"status": "not_settled", "key": file.key}
        state = self.ledger.pool_file(file, job.job_id)
        if state.is_final:
            return {"status": "already_settled", "state": state.value}
        return _Pooled(job, file, is_new=False)

    def _file(self, event: ObjectCreated, job: Job | None) -> File | None:
        version_id, etag, size = event.version_id, event.etag, event.size
        if event.sequencer is None or version_id is None or etag is None or size is None:
            return self._in_order(event, job)
        try:
            return File(
                bucket=event.bucket,
                key=event.key,
                version_id=version_id,
                etag=etag,
                size=size,
                sequence=event.sequencer,
                arrived_at=event.time,
            )
        except ValueError as error:
            raise EventError(str(error)) from error

    def _in_order(self, event: ObjectCreated, job: Job | None) -> File | None:
        """The version of an event that does not say all, in its place above all older ones."""
        objects = Objects(event.bucket)
        if job is None:
            there = versions_of(event.key, job=None, objects=objects, ledger=self.ledger)
        else:
            asked = {event.version_id} if event.version_id else None
            there = put_older(event.key, asked, job=job, objects=objects, ledger=self.ledger)
        files = [each.file for each in there]
        if event.version_id is None:
            return files[-1] if files else None
        return next((file for file in files if file.version_id == event.version_id), None)

    def _move_aside(self, file: File) -> Outcome:
        """Move a file that no job takes; one that a job had in its pool keeps its place there."""
        objects = Objects(file.bucket)
        state = self.ledger.file_state(file)
        if state not in (None, FileState.WAITING, FileState.NOT_CONFIGURED):
            return {"status": "already_known", "state": state.value}
        if state is not FileState.NOT_CONFIGURED:
            try:
                objects.copy_version(file, file.new_files_key)
            except ObjectGoneError:
                return {"status": "missing", "key": file.key}
            if not self.ledger.record_move(file, file.new_files_key):
                return self._move_aside(file)  # a job took it meanwhile, or another event moved it
            self.alerts.publish(**notices.not_configured(file, file.new_files_key))
        objects.delete_version(file.key, file.version_id)
        return {"status": "not_configured", "moved_to": file.new_files_key}

    def _keep_waiting(self, job: Job, file: File) -> Outcome:
        if self.ledger.is_new(file):
            self.ledger.let_wait(file, job.job_id)
            self.alerts.publish(**notices.inactive(file, job))
        return {"status": "inactive", "job_id": job.job_id}

    def _start(self, job: Job, file_name: str) -> Outcome:
        try:
            return start_open_generation(job, file_name, ledger=self.ledger, workflow=self.workflow)
        except SluiceError as error:
            return error

    def _announce(self, arrived: list[_Pooled]) -> None:
        for job in {each.job.job_id: each.job for each in arrived}.values():
            keys = [each.file.key for each in arrived if each.job.job_id == job.job_id]
            self.alerts.publish(**notices.uploaded(job, keys))

    def _after_failure(self, event: ExecutionEnded) -> Outcome:
        for item in event.jobs:
            self._raise_after_failure(item, event.name)
        return {"status": "woken", "execution": event.name}

    def _raise_after_failure(self, item: dict[str, Any], execution: str) -> None:
        job_id, generation = item["job_id"], int(item["generation"])
        self.ledger.raise_generation(job_id, generation)
        if not self.ledger.pool(job_id, most=1):
            return
        failures = self.ledger.count_failure(job_id, execution)
        if failures <= FAILURES_ALLOWED:
            wait = 15 * 2 ** (failures - 1)
            send(self.settings.arrivals_queue_url, wake_up(job_id), after_seconds=wait)
            return
        reason = f"job {job_id} failed {failures} times in a row, last in {execution}"
        # what is sent again from there wakes the job, whatever it failed of
        send(self.settings.dead_letter_queue_url, wake_up(job_id, reason=reason))
        queue = self.settings.dead_letter_queue_url
        self.alerts.publish(**notices.given_up(job_id, reason, queue))

    def _wake(self, event: WakeUp) -> Outcome:
        waiting = self.ledger.pool(event.job_id, most=1)
        if not waiting:
            return {"status": "nothing_to_do", "job_id": event.job_id}
        file = waiting[0]
        jobs = self._jobs_in(file.bucket)
        job = next((job for job in jobs if job.job_id == event.job_id), None)
        if job is None or not job.is_active:
            return {"status": "inactive", "job_id": event.job_id}
        return self._start(job, file.name)
