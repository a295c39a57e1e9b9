"""One batch on its way through the warehouse: prepare, submit, poll, decide."""

import random
from collections.abc import Mapping
from typing import Any

from config.runtime import UpsertSettings
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.objects import Objects
from lambdas.shared.aws.warehouse import Statement, Warehouse
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.engine_errors import Blame, blame
from lambdas.shared.domain.errors import (
    FileError,
    FormatError,
    KeyColumnError,
    PlanError,
    RowError,
    ShrinkError,
    SluiceError,
    StatementLostError,
    TypeChangeError,
    WarehouseError,
)
from lambdas.shared.domain.files import FileState, Verdict
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.load_plan import too_wide
from lambdas.shared.domain.names import short_hash
from lambdas.shared.domain.redaction import redacted
from lambdas.upsert import refusals
from lambdas.upsert.attempt import Attempt, AttemptUnit
from lambdas.upsert.preparing import MOST_ATTEMPTS, Preparation
from lambdas.upsert.refusals import Finding

_POLL_SECONDS = 20
_ERROR_DETAIL = (
    "SELECT file_name, line_number, column_name, error_code, error_message"
    " FROM sys_load_error_detail WHERE query_id = {query} ORDER BY line_number LIMIT 1"
)


class Loading:
    """A batch; its memory between invocations is `step.load`."""

    def __init__(self, step: Step, settings: UpsertSettings) -> None:
        self.step = step
        self.objects = Objects(settings.bucket)
        self.warehouse = Warehouse(settings.workgroup, settings.database)
        self.preparation = Preparation(
            step, settings, objects=self.objects, warehouse=self.warehouse
        )

    @property
    def attempt(self) -> int:
        """Which attempt at this batch this is; each has a client token of its own."""
        return int(self.step.load["attempt"])

    def advance(self) -> dict[str, Any]:
        """Go on from where the last invocation stopped."""
        try:
            return self._advanced()
        except StatementLostError as error:
            # it may yet commit, and asking again would not tell: the next attempt's own look at the
            # history, under the mutex, does
            return self._later(error.message)

    def _advanced(self) -> dict[str, Any]:
        found_out = MOST_ATTEMPTS if self.step.load.get("errors") else 0
        if self.attempt > MOST_ATTEMPTS + found_out:
            raise WarehouseError(
                f"{self.attempt - 1} attempts at batch {self.step.batch_id} failed, last:"
                f" {self.step.load.get('reason')}"
            )
        try:
            attempt = self.preparation.attempt()
        except PlanError as error:
            return self._after_no_plan(error)
        statement_id = self.step.load.get("statement_id") or self._submit(attempt)
        statement = self.warehouse.wait(statement_id, seconds=_POLL_SECONDS)
        if not statement.is_closed:
            return {
                **self.step.load,
                "status": "RUNNING",
                "statement_id": statement_id,
                "wait_seconds": 2,
            }
        if statement.status == "FINISHED":
            counts = _counts(statement)
            if (
                attempt.one_by_one and attempt.files
            ):  # what follows is no larger than what this transaction held
                counts["limit"] = len(attempt.files)
            return self._decided(list(attempt.verdicts), counts)
        return self._after_failure(statement, attempt)

    def _submit(self, attempt: Attempt) -> str:
        self.preparation.folder.write_lists(attempt)
        token = short_hash(self.step.batch_id, "load", str(self.attempt), length=64)
        return self.warehouse.submit_batch(list(attempt.statements), token=token)

    def _decided(self, verdicts: list[Verdict], counts: dict[str, Any]) -> dict[str, Any]:
        key = f"{self.preparation.folder.prefix}/verdicts.json"
        self.objects.put_json(key, {"verdicts": [each.to_json() for each in verdicts]})
        logger().info("batch decided", batch_id=self.step.batch_id, files=len(verdicts), **counts)
        return {
            "status": "DECIDED",
            "round": self.step.round,
            "limit": self.step.load.get("limit"),
            "idle": self.step.load.get("idle", 0),
            "verdicts": key,
            **counts,
        }

    def _after_no_plan(self, error: PlanError) -> dict[str, Any]:
        """The files together, or the one file, make statements the Data API does not take.

        Where none is left to blame it is the table itself, and a person has to look.
        """
        open_files = [
            each.file.file_id
            for each in self.preparation.candidates()
            if not (each.missing or each.error or each.superseded)
        ]
        if len(open_files) > 1:
            return self._narrowed(len(open_files))
        if not open_files:
            raise error
        return self._without({open_files[0]: error})

    def _after_failure(self, statement: Statement, attempt: Attempt) -> dict[str, Any]:
        message = statement.error or statement.status
        logger().warning("attempt failed", batch_id=self.step.batch_id, attempt=self.attempt)
        found = refusals.findings(message)
        if found:
            return self._after_findings(found, attempt)
        to_blame = Blame.TIME if statement.status == "ABORTED" else blame(message)
        if to_blame is Blame.TIME:
            return self._later(message)
        if to_blame is Blame.FILES:
            return self._after_bad_data(statement, message, attempt)
        raise WarehouseError(redacted(message))

    def _after_findings(self, found: tuple[Finding, ...], attempt: Attempt) -> dict[str, Any]:
        by_code = {finding.code: finding for finding in reversed(found)}
        if "VERDICT" in by_code:
            return self._known()
        if "NEWER" in by_code:
            newer = [f.details[0] for f in found if f.code == "NEWER"]
            known = self.step.load.get("superseded", [])
            return self._again(reason="newer versions are loaded", superseded=[*known, *newer])
        if self.step.job.schema_contract.types == "widen":
            widths = self._widths(found, attempt)
            if widths:
                known = self.step.load.get("widths") or {}
                return self._again(reason="text is wider", widths=known | widths)
        for code in ("DUPLICATE_KEY", "TIE"):
            if code in by_code and not attempt.one_by_one and len(attempt.files) > 1:
                return self._in_order(attempt)
        errors: dict[str, SluiceError] = {}
        for finding in (each for each in found if each.code in _REASONS):
            unit = attempt.units[int(finding.details[0]) - 1]
            if len(unit.files) > 1:
                return self._narrowed(len(unit.files))
            errors.setdefault(unit.files[0].file_id, _error_of(finding, unit, attempt, self.step))
        return self._without(errors)

    def _in_order(self, attempt: Attempt) -> dict[str, Any]:
        """Keys repeat: a batch that fits one transaction goes file after file, a larger is halved.

        So each round copies about as much as it loads, and those files that share no key with
        their neighbours still load together.
        """
        most = upsert_sql.most_units(one_by_one=True, ordered=bool(self.step.job.order_columns))
        if len(attempt.files) > 2 * most:
            return self._narrowed(len(attempt.files))
        return self._again(reason="keys repeat", one_by_one=True)

    def _widths(self, found: tuple[Finding, ...], attempt: Attempt) -> dict[str, int]:
        """How wide the text of the columns is that can still be widened."""
        widths: dict[str, int] = {}
        for finding in found:
            if finding.code == "WIDTH":
                unit, position, size = (int(part) for part in finding.details)
                name = attempt.units[unit - 1].columns[position]
                if name not in attempt.fixed:
                    widths[name] = max(size, widths.get(name, 0))
        return widths

    def _after_bad_data(
        self, statement: Statement, message: str, attempt: Attempt
    ) -> dict[str, Any]:
        detail = self._copy_detail(statement) if "Load into table" in message else None
        file_id = refusals.named_file(detail["file_name"] if detail else message)
        loading = {file.file_id for file in attempt.files}
        if file_id not in loading and len(loading) == 1:
            file_id = next(iter(loading))
        if not loading:  # it was the batch's own list, or more findings than a message takes
            if len(attempt.verdicts) > 1:
                return self._narrowed(len(attempt.verdicts))
            raise WarehouseError(redacted(message))
        if file_id is None or file_id not in loading:
            return self._narrowed(len(loading))
        return self._without({file_id: _row_error(detail) if detail else _unreadable(message)})

    def _copy_detail(self, statement: Statement) -> dict[str, Any] | None:
        failed = [part for part in statement.parts if part.get("Status") == "FAILED"]
        if not failed:
            return None
        query = int(failed[0].get("RedshiftQueryId", 0))
        statement_id = self.warehouse.run(_ERROR_DETAIL.format(query=query))
        rows = self.warehouse.rows(statement_id)
        return rows[0] if rows else None

    def _known(self) -> dict[str, Any]:
        """Settle what has a verdict; rows count if an earlier attempt at this batch loaded them."""
        by_id = {each.file.file_id: each for each in self.preparation.candidates()}
        found = [
            row
            for sql in upsert_sql.verdicts_of(by_id)
            for row in self.warehouse.rows(self.warehouse.run(sql))
        ]
        verdicts = [
            Verdict(
                file=by_id[row["file_id"]].file,
                state=FileState(row["verdict"]),
                rows=_whole(row["rows"]),
                error={"type": row["error_type"], "message": row["error_message"]}
                if row["verdict"] == FileState.REJECTED.value
                else None,
                batch_id=str(row["batch_id"]),
            )
            for row in found
        ]
        ours = [row for row in found if row["batch_id"] == self.step.batch_id]
        return self._decided(verdicts, {"rows": sum(_whole(row["rows"]) or 0 for row in ours)})

    def _narrowed(self, count: int) -> dict[str, Any]:
        """Nobody knows which file it was: the next round takes half as many."""
        return self._decided([], {"rows": 0, "limit": max(1, count // 2)})

    def _without(self, bad: Mapping[str, SluiceError]) -> dict[str, Any]:
        errors = {file_id: error.to_json() for file_id, error in bad.items()}
        reason = ", ".join(sorted({type(error).__name__ for error in bad.values()}))
        return self._again(reason=reason, errors=self.step.load.get("errors", {}) | errors)

    def _later(self, reason: str) -> dict[str, Any]:
        """A new attempt, with a token of its own, after a pause of any length up to a limit."""
        return self._again(reason=reason, wait=random.uniform(1, min(2**self.attempt, 300)))  # noqa: S311 - jitter, no secret

    def _again(self, *, reason: str, wait: float = 0, **changes: Any) -> dict[str, Any]:
        return {
            **self.step.load,
            "status": "RUNNING",
            "statement_id": None,
            "attempt": self.attempt + 1,
            "reason": redacted(reason),
            "wait_seconds": round(wait),
            **changes,
        }


_REASONS = {"ROWS", "NULL_KEY", "DUPLICATE_KEY", "WIDTH", "CUT", "SHRINK"}


def _error_of(finding: Finding, unit: AttemptUnit, attempt: Attempt, step: Step) -> FileError:
    keys, count = ", ".join(step.job.upsert_keys), finding.details[-1]
    if finding.code == "NULL_KEY":
        return KeyColumnError(f"{count} row(s) have no value in upsert key {keys}; fill it in")
    if finding.code == "DUPLICATE_KEY":
        return KeyColumnError(
            f"{count} value(s) of upsert key {keys} are in the file more than once; name an"
            ' order_by column, or set "on_duplicate_keys": "any"'
        )
    if finding.code == "SHRINK":
        return ShrinkError(
            f"the file has {count} rows, less than {step.job.minimum_rows_kept:.0%} of the table;"
            " lower minimum_rows_kept if that is meant"
        )
    if finding.code == "CUT":
        column = unit.columns[int(finding.details[1])]
        return TypeChangeError(
            f"{count} value(s) of column {column} do not fit its type whole: they have more"
            " decimals or digits, or are none of its words; mend them in the producer, or give the"
            f' column a wider type in "columns" of job {step.job.job_id} and in the table',
            column=column,
        )
    if finding.code == "WIDTH":
        column = unit.columns[int(finding.details[1])]
        return too_wide(step.job, column, count, attempt.fixed.get(column))
    return FormatError(
        f"the footer promises another number of rows than the {count} that were read; the file is"
        " damaged: write it again"
    )


def _unreadable(message: str) -> FormatError:
    return FormatError(
        f"the warehouse could not read the file ({redacted(message)}); see that it opens, and"
        " that its columns hold what they say and what its table asks for, then upload it again"
    )


def _row_error(detail: dict[str, Any]) -> RowError:
    return RowError(
        f"line {detail['line_number']}, column {str(detail['column_name']).strip()}:"
        f" {redacted(str(detail['error_message']).strip())} (code {detail['error_code']});"
        " mend the row and upload the file again",
        line=detail["line_number"],
        column=str(detail["column_name"]).strip(),
        code=detail["error_code"],
    )


def _counts(statement: Statement) -> dict[str, Any]:
    """Rows from the target's own DELETE and INSERT, by the Data API's counts."""
    counted = {"inserted": 0, "deleted": 0}
    for part in statement.parts:
        effect = upsert_sql.effect_on_target(part.get("QueryString", ""))
        if effect is not None:
            counted[effect] += max(0, part.get("ResultRows", 0))  # -1 is none (its API reference)
    rows, updated = counted["inserted"], counted["deleted"]
    return {"rows": rows, "inserted": max(0, rows - updated), "updated": updated}


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
