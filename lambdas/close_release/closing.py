"""From what became of the calls to one answer, kept and told once; safe to do again."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from config.runtime import CloseReleaseSettings
from lambdas.shared.aws.alerts import Alerts
from lambdas.shared.aws.ledger import Ledger
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.objects import ObjectGoneError, Objects
from lambdas.shared.aws.release_ledger import ReleaseHead, ReleaseLedger
from lambdas.shared.domain import release_notices
from lambdas.shared.domain.release_run import (
    CallRecord,
    CallState,
    PlannedCall,
    ReleaseState,
    ReleaseStep,
    answer,
    execution_results,
    folder_of,
    message_of,
)

MOST_BYTES = 180_000
"""An execution's output has 262,144 bytes, and the state around it needs some of them."""
_MOST_RELEASES = 200
"""An execution's history holds 25,000 events; the next one goes on from here."""

Response = dict[str, Any]


class Closing:
    """One release of one execution."""

    def __init__(self, step: ReleaseStep, settings: CloseReleaseSettings) -> None:
        self.step = step
        self.settings = settings
        self.ledger = ReleaseLedger(settings.ledger_table)
        self.leases = Ledger(settings.ledger_table)
        self.objects = Objects(settings.bucket)
        self.alerts = Alerts(settings.topic_arn)
        self.release_id: str | None = step.release.get("release_id")
        self.head: ReleaseHead | None = (
            self.ledger.head(self.release_id) if self.release_id else None
        )

    def close(self) -> dict[str, Any]:
        """Answer, record, notify, release; AGAIN where more releases are asked for."""
        status = self.step.release["status"]
        response = self._response(status)
        if status in ("DONE", "REFUSED"):
            state = ReleaseState.DONE if status == "DONE" else ReleaseState.REFUSED
            response = self._settle(state, response)
        self._give_back()
        return self._next(response)

    def abandon(self, failure: Mapping[str, Any]) -> dict[str, Any]:
        """The execution failed for good: keep what is known, say so once, give all back."""
        calls, records = self._plan(), self._records()
        began = any(records)
        response = self._answer(
            500,
            "The release was interrupted; resume it" if began else "Nothing was run",
            results=execution_results(calls, records) if began else [],
            error={"type": failure.get("Error"), "message": release_notices.cause(failure)},
        )
        state = ReleaseState.INTERRUPTED if began else ReleaseState.REFUSED
        response = self._settle(state, response)
        self._give_back()
        return {"status": "CLOSED", "response": response}

    # --- the answer -----------------------------------------------------------------------------

    def _response(self, status: str) -> Response:
        release = self.step.release
        if status == "DONE":
            results = execution_results(self._plan(), self._records())
            return self._answer(200, message_of(results), results=results)
        if status == "REFUSED":
            error = release["error"]
            return self._answer(500, f"Nothing was run: {error['message']}", error=error)
        if status == "NOTHING":
            return self._answer(200, f"Nothing was run: {release['reason']}")
        if status == "ALREADY_RUNNING":
            return self._answer(200, "Nothing was run: another execution runs this release")
        if status == "INTERRUPTED":
            return self._answer(
                500, "Nothing was run: the release was interrupted before; resume it"
            )
        return self._before()

    def _before(self) -> Response:
        """What was answered when the release ran."""
        try:
            kept: Response = self.objects.get_json(self._key)
        except ObjectGoneError:
            return self._answer(200, "Nothing was run: the release has run before")
        body = kept["body"]
        body["message"] = f"Nothing was run: the release ran before. {body['message']}"
        return self._fitted(kept)

    def _answer(
        self,
        status_code: int,
        message: str,
        *,
        results: list[dict[str, Any]] | None = None,
        error: Any = None,
    ) -> Response:
        return answer(
            status_code=status_code,
            message=message,
            results=results or [],
            s3_content=self._text(),
            release=self.head.identity if self.head else None,
            duration_ms=self._duration(),
            error=error,
        )

    def _plan(self) -> tuple[PlannedCall, ...]:
        found = self.objects.find_json(f"{self._folder}/plan.json") if self.release_id else None
        return tuple(PlannedCall(**each) for each in (found or {"calls": []})["calls"])

    def _records(self) -> dict[int, CallRecord]:
        return self.ledger.calls(self.release_id) if self.release_id else {}

    def _text(self) -> str | None:
        if self.head is None or self.head.file is None or self.step.release["status"] == "NEW":
            return None
        try:
            return self.objects.get(f"{self._folder}/release.txt").decode("utf-8-sig")
        except ObjectGoneError:
            return None

    def _duration(self) -> int | None:
        if self.head is None or self.head.execution != self.step.execution_id:
            return None
        end = datetime.fromisoformat(self.head.closed_at or _now())
        return round((end - datetime.fromisoformat(self.head.opened_at)).total_seconds() * 1000)

    @property
    def _folder(self) -> str:
        return folder_of(str(self.release_id))

    @property
    def _key(self) -> str:
        return f"{self._folder}/response.json"

    def _fitted(self, response: Response) -> Response:
        """The answer as an execution can carry it; what is too long becomes a pointer."""
        body = dict(response["body"])
        if _size(body) > MOST_BYTES and body["s3_content"]:
            body["s3_content"] = self._pointer("release.txt")
        if _size(body) > MOST_BYTES:
            bad = [e for e in body["execution_results"] if e["status"] != CallState.FINISHED]
            body["execution_results"] = _within(bad, MOST_BYTES // 2)
            body["execution_results_location"] = self._pointer("response.json")
        return response | {"body": body}

    def _pointer(self, name: str) -> str:
        return f"s3://{self.settings.bucket}/{self._folder}/{name}"

    # --- what is kept and told ------------------------------------------------------------------

    def _settle(self, state: ReleaseState, response: Response) -> Response:
        head = self.head
        if self.release_id is None or head is None or head.execution != self.step.execution_id:
            self.alerts.publish(**release_notices.refused(response, self.settings.log_group))
            return self._fitted(response)
        self.objects.put_json(self._key, response)
        fitted, body = self._fitted(response), response["body"]
        summary = {
            "status_code": response["statusCode"],
            "message": body["message"][:1000],
            "total_procedures": body["total_procedures"],
            "successful_procedures": body["successful_procedures"],
            "duration_ms": body["duration_ms"],
        }
        if self.ledger.close(
            self.release_id, self.step.execution_id, state, at=_now(), summary=summary
        ):
            logger().info("release closed", release_id=self.release_id, state=state.value)
            self._tell(head, response)
        return fitted

    def _tell(self, head: ReleaseHead, response: Response) -> None:
        """Not of calls after a load that went well: of that load people are told already."""
        body = response["body"]
        is_well = (
            response["statusCode"] == 200
            and body["total_procedures"] == body["successful_procedures"]
        )
        if head.batch_id is None or not is_well:
            self.alerts.publish(
                **release_notices.closed(response, self._pointer(""), self.settings.log_group)
            )

    def _give_back(self) -> None:
        """Let the next release of this database begin, if it is still ours."""
        if self.release_id is None or "target" not in self.step.release:
            return
        if not any(each.state is CallState.STARTED for each in self._records().values()):
            self.ledger.clear_current(self.step.lease, self.release_id)
        self.leases.release_lease(self.step.lease, self.step.execution_id)

    def _next(self, response: Response) -> dict[str, Any]:
        release, body = self.step.release, response["body"]
        done = list(release.get("done", []))
        if release.get("is_one_of_many"):
            done.append(
                {
                    "id": self.release_id,
                    "file": self.head.file if self.head else None,
                    "statusCode": response["statusCode"],
                    "total_procedures": body["total_procedures"],
                    "successful_procedures": body["successful_procedures"],
                }
            )
            if len(done) < _MOST_RELEASES:
                return {"status": "AGAIN", "done": done}
        if done:
            response = self._of_all(done, response)
        return {"status": "CLOSED", "response": response}

    def _of_all(self, done: list[dict[str, Any]], last: Response) -> Response:
        """The answer for several releases: their calls together, and each with its own counts."""
        results = [
            result | {"release": each["file"]}
            for each in done
            for result in self._results_of(each["id"])
        ]
        good = sum(each["successful_procedures"] for each in done)
        body = last["body"] | {
            "message": f"{message_of(results)}, of {len(done)} releases",
            "total_procedures": len(results),
            "successful_procedures": good,
            "execution_results": results,
            "releases": done,
        }
        return self._fitted({"statusCode": max(each["statusCode"] for each in done), "body": body})

    def _results_of(self, release_id: str) -> list[dict[str, Any]]:
        kept = self.objects.find_json(f"{folder_of(release_id)}/response.json")
        return list(kept["body"]["execution_results"]) if kept else []


def _size(document: Any) -> int:
    return len(json.dumps(document, ensure_ascii=True))


def _within(entries: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for entry in entries:
        most -= _size(entry)
        if most < 0:
            break
        kept.append(entry)
    return kept


def _now() -> str:
    return datetime.now(UTC).isoformat()
