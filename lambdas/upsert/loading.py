"""One batch on its way through the warehouse: plan, prepare, submit, poll, decide."""

import csv
import io
import random
from typing import Any

from config.runtime import UpsertSettings
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.objects import Objects
from lambdas.shared.aws.warehouse import Statement, Warehouse
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.columns import FileSchema
from lambdas.shared.domain.errors import (
    FileError,
    FormatError,
    KeyColumnError,
    RowError,
    ShrinkError,
    WarehouseError,
)
from lambdas.shared.domain.files import File, FileState, Verdict
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.load_plan import Candidate, LoadPlan, plan_load
from lambdas.shared.domain.names import Identifier, short_hash
from lambdas.shared.domain.types import RedshiftType
from lambdas.shared.domain.upsert_sql import Transaction, Unit
from lambdas.upsert import refusals
from lambdas.upsert.refusals import Finding

_POLL_SECONDS = 20
_MOST_ATTEMPTS = 12
_CATALOG = (
    "SELECT table_schema, table_name, column_name, data_type, character_maximum_length,"
    " numeric_precision, numeric_scale FROM svv_columns"
    " WHERE (table_schema = :schema AND table_name = :table)"
    " OR (table_schema = 'sluice' AND table_name = :mutex) ORDER BY ordinal_position"
)
_ERROR_DETAIL = (
    "SELECT file_name, line_number, column_name, error_code, error_message"
    " FROM sys_load_error_detail WHERE query_id = :query ORDER BY line_number LIMIT 1"
)


class Loading:
    """A batch; its memory between invocations is `step.load`."""

    def __init__(self, step: Step, settings: UpsertSettings) -> None:
        self.step = step
        self.settings = settings
        self.objects = Objects(settings.bucket)
        self.warehouse = Warehouse(settings.workgroup, settings.database)

    @property
    def attempt(self) -> int:
        """Which attempt at this batch this is; each has a client token of its own."""
        return int(self.step.load["attempt"])

    def advance(self) -> dict[str, Any]:
        """Go on from where the last invocation stopped."""
        if self.attempt > _MOST_ATTEMPTS:
            raise WarehouseError(
                f"{_MOST_ATTEMPTS} attempts at batch {self.step.batch_id} failed, last:"
                f" {self.step.load.get('reason')}"
            )
        candidates = self._candidates()
        plan = self._plan(candidates)
        statement_id = self.step.load.get("statement_id") or self._submit(plan)
        statement = self.warehouse.poll(statement_id, seconds=_POLL_SECONDS)
        if not statement.is_closed:
            return {
                **self.step.load,
                "status": "RUNNING",
                "statement_id": statement_id,
                "wait_seconds": 2,
            }
        if statement.status == "FINISHED":
            return self._decided(list(plan.verdicts), _counts(statement))
        return self._after_failure(statement, plan, candidates)

    def _candidates(self) -> list[Candidate]:
        found = self.objects.get_json(self.step.load["schemas"])
        errors = found["rejected"] | self.step.load.get("errors", {})
        superseded = set(self.step.load.get("superseded", []))
        candidates = []
        for entry in self.objects.get_json(self.step.load["files"])["files"]:
            file = File.from_json(entry["file"])
            schema = found["schemas"].get(file.file_id)
            candidates.append(
                Candidate(
                    file=file,
                    raw_key=entry["raw_key"],
                    missing=entry["missing"],
                    schema=FileSchema.from_json(schema) if schema else None,
                    error=errors.get(file.file_id),
                    superseded=file.file_id in superseded,
                )
            )
        return candidates

    def _token(self, step: str) -> str:
        return short_hash(self.step.batch_id, step, str(self.attempt), length=64)

    def _plan(self, candidates: list[Candidate]) -> LoadPlan:
        if self.step.load.get("statement_id"):
            # the statement is on its way: its DDL is done, and the catalog may be read again
            target, has_mutex = self._catalog("again")
        else:
            target, has_mutex = self._catalog("catalog")
        return plan_load(
            self.step.job,
            candidates,
            target=target,
            has_mutex=has_mutex,
            one_by_one=self.step.load.get("one_by_one", False),
            widths=self.step.load.get("widths"),
        )

    def _catalog(self, step: str) -> tuple[dict[Identifier, RedshiftType] | None, bool]:
        table = self.step.table
        statement_id = self.warehouse.run(
            _CATALOG,
            token=short_hash(self._token(step), str(random.random()), length=64),  # noqa: S311 - a read may be new each time
            parameters={
                "schema": table.schema.text,
                "table": table.table.text,
                "mutex": table.mutex.table.text,
            },
        )
        rows = self.warehouse.rows(statement_id)
        columns = {
            Identifier(row["column_name"]): RedshiftType.from_catalog(
                row["data_type"],
                _whole(row["character_maximum_length"]),
                _whole(row["numeric_precision"]),
                _whole(row["numeric_scale"]),
            )
            for row in rows
            if row["table_name"] == table.table.text and row["table_schema"] == table.schema.text
        }
        return columns or None, any(row["table_schema"] == "sluice" for row in rows)

    def _submit(self, plan: LoadPlan) -> str:
        for number, ddl in enumerate(plan.ddl):
            self._prepare(ddl, number)
        transaction = self._transaction(plan)
        return self.warehouse.submit_batch(
            list(upsert_sql.statements(transaction)), token=self._token("load")
        )

    def _prepare(self, ddl: str, number: int) -> None:
        try:
            self.warehouse.run(ddl, token=self._token(f"ddl-{number}-{short_hash(ddl)}"))
        except WarehouseError as error:
            # another load of the table, or an earlier try of this one, was first
            if "already exists" not in error.message:
                raise

    def _transaction(self, plan: LoadPlan) -> Transaction:
        folder = f"work/{self.step.batch_id}/{self.attempt}"
        listing = f"{folder}/files.csv"
        body = _listing(plan.verdicts)
        self.objects.put(listing, body)
        units = tuple(
            Unit(
                number=number,
                file_ids=tuple(each.file.file_id for each in unit.files),
                manifest=self._manifest(
                    f"{folder}/rows-{number}.manifest",
                    [(each.raw_key, each.file.size) for each in unit.files],
                ),
                format=unit.schema.format,
                gzip=unit.schema.compression == "gzip",
                csv=unit.schema.csv,
                columns=unit.columns,
                expected_rows=unit.expected_rows,
            )
            for number, unit in enumerate(plan.units, 1)
        )
        job = self.step.job
        return Transaction(
            table=plan.table,
            mode=job.load_mode,
            keys=tuple(map(Identifier, job.upsert_keys)),
            order=tuple(map(Identifier, job.order_columns)),
            any_duplicate=job.on_duplicate_keys == "any",
            minimum_rows_kept=job.minimum_rows_kept,
            units=units,
            one_by_one=plan.one_by_one,
            batch_manifest=self._manifest(f"{folder}/files.manifest", [(listing, len(body))]),
            copy_role=self.settings.copy_role_arn,
            job_id=job.job_id,
            batch_id=self.step.batch_id,
            execution=self.step.execution_name,
            target_columns=tuple(plan.columns.items()),
        )

    def _manifest(self, key: str, entries: list[tuple[str, int]]) -> str:
        bucket = self.settings.bucket
        self.objects.put_json(
            key,
            {
                "entries": [
                    {
                        "url": f"s3://{bucket}/{name}",
                        "mandatory": True,
                        "meta": {"content_length": size},
                    }
                    for name, size in entries
                ]
            },
        )
        return f"s3://{bucket}/{key}"

    def _decided(self, verdicts: list[Verdict], counts: dict[str, Any]) -> dict[str, Any]:
        key = f"work/{self.step.batch_id}/verdicts.json"
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

    def _after_failure(
        self, statement: Statement, plan: LoadPlan, candidates: list[Candidate]
    ) -> dict[str, Any]:
        message = statement.error or statement.status
        logger().warning("attempt failed", batch_id=self.step.batch_id, attempt=self.attempt)
        found = refusals.findings(message)
        if found:
            return self._after_findings(found, plan, candidates)
        if refusals.is_transient(message) or statement.status == "ABORTED":
            return self._again(reason=message, wait=random.uniform(1, 2**self.attempt))  # noqa: S311 - jitter, no secret
        if refusals.is_about_data(message):
            return self._after_bad_data(statement, message, plan)
        raise WarehouseError(message)

    def _after_findings(
        self, found: tuple[Finding, ...], plan: LoadPlan, candidates: list[Candidate]
    ) -> dict[str, Any]:
        by_code = {finding.code: finding for finding in reversed(found)}
        if "VERDICT" in by_code:
            return self._decided(self._from_history(candidates), {"rows": 0})
        if "NEWER" in by_code:
            newer = [f.details[0] for f in found if f.code == "NEWER"]
            known = self.step.load.get("superseded", [])
            return self._again(reason="newer versions are loaded", superseded=[*known, *newer])
        if "WIDTH" in by_code and self.step.job.schema_contract.types == "widen":
            return self._again(reason="text is wider", widths=self._widths(found, plan))
        for code in ("DUPLICATE_KEY", "TIE"):
            if code in by_code and not plan.one_by_one and len(plan.units[0].files) > 1:
                return self._again(reason="keys repeat", one_by_one=True)
        finding = next(f for f in found if f.code in _REASONS)
        unit = plan.units[int(finding.details[0]) - 1]
        if len(unit.files) > 1:
            return self._narrowed(len(unit.files))
        return self._without(unit.files[0].file.file_id, _error_of(finding, self.step))

    def _widths(self, found: tuple[Finding, ...], plan: LoadPlan) -> dict[str, int]:
        widths: dict[str, int] = dict(self.step.load.get("widths") or {})
        for finding in found:
            if finding.code == "WIDTH":
                unit, position, size = (int(part) for part in finding.details)
                name = plan.units[unit - 1].columns[position].name.text
                widths[name] = max(size, widths.get(name, 0))
        return widths

    def _after_bad_data(self, statement: Statement, message: str, plan: LoadPlan) -> dict[str, Any]:
        detail = self._copy_detail(statement) if "Load into table" in message else None
        file_id = refusals.named_file(detail["file_name"] if detail else message)
        loading = {each.file.file_id for unit in plan.units for each in unit.files}
        if file_id not in loading and len(loading) == 1:
            file_id = next(iter(loading))
        if file_id is None or file_id not in loading:
            return self._narrowed(len(loading))
        return self._without(file_id, _row_error(detail) if detail else FormatError(_safe(message)))

    def _copy_detail(self, statement: Statement) -> dict[str, Any] | None:
        failed = [part for part in statement.parts if part.get("Status") == "FAILED"]
        if not failed:
            return None
        query = str(failed[0].get("RedshiftQueryId", 0))
        statement_id = self.warehouse.run(
            _ERROR_DETAIL.replace(":query", str(int(query))), token=self._token("detail")
        )
        rows = self.warehouse.rows(statement_id)
        return rows[0] if rows else None

    def _from_history(self, candidates: list[Candidate]) -> list[Verdict]:
        by_id = {each.file.file_id: each for each in candidates}
        statement_id = self.warehouse.run(
            upsert_sql.verdicts_of(by_id),
            token=self._token("history"),
        )
        return [
            Verdict(
                file=by_id[row["file_id"]].file,
                state=FileState(row["verdict"]),
                rows=_whole(row["rows"]),
                error={"type": row["error_type"], "message": row["error_message"]}
                if row["verdict"] == FileState.REJECTED.value
                else None,
            )
            for row in self.warehouse.rows(statement_id)
        ]

    def _narrowed(self, count: int) -> dict[str, Any]:
        """Nobody knows which file it was: the next round takes half as many."""
        return self._decided([], {"rows": 0, "limit": max(1, count // 2)})

    def _without(self, file_id: str, error: FileError) -> dict[str, Any]:
        errors = self.step.load.get("errors", {}) | {file_id: error.to_json()}
        return self._again(reason=type(error).__name__, errors=errors)

    def _again(self, *, reason: str, wait: float = 0, **changes: Any) -> dict[str, Any]:
        return {
            **self.step.load,
            "status": "RUNNING",
            "statement_id": None,
            "attempt": self.attempt + 1,
            "reason": _safe(reason),
            "wait_seconds": round(min(wait, 300)),
            **changes,
        }


_REASONS = {"ROWS", "NULL_KEY", "DUPLICATE_KEY", "WIDTH", "SHRINK"}


def _error_of(finding: Finding, step: Step) -> FileError:
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
    if finding.code == "WIDTH":
        return FileError(f"text of {count} bytes is wider than its column, whose type is frozen")
    return FormatError(f"the footer promised other than the {count} rows that were read")


def _row_error(detail: dict[str, Any]) -> RowError:
    return RowError(
        f"line {detail['line_number']}, column {str(detail['column_name']).strip()}:"
        f" {str(detail['error_message']).strip()} (code {detail['error_code']});"
        " mend the row and upload the file again",
        line=detail["line_number"],
        column=str(detail["column_name"]).strip(),
        code=detail["error_code"],
    )


def _safe(message: str) -> str:
    """An engine's message without what it quotes: that may be a row's value."""
    head = message.splitlines()[0] if message else ""
    return head[:500]


def _listing(verdicts: tuple[Verdict, ...]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for verdict in verdicts:
        file, error = verdict.file, verdict.error or {}
        writer.writerow(
            [
                file.file_id,
                file.file_id[:16],
                file.sequence,
                file.key,
                file.version_id,
                file.size,
                verdict.state.value,
                "" if verdict.rows is None else verdict.rows,
                error.get("type", ""),
                str(error.get("message", ""))[:2000],
                file.arrived_at.strftime("%Y-%m-%d %H:%M:%S"),
            ]
        )
    return text.getvalue().encode()


def _counts(statement: Statement) -> dict[str, Any]:
    """Rows from the target's own DELETE and INSERT, by the Data API's counts."""
    counted = {"inserted": 0, "deleted": 0}
    for part in statement.parts:
        effect = upsert_sql.effect_on_target(part.get("QueryString", ""))
        if effect is not None:
            counted[effect] += part.get("ResultRows", 0)
    rows, updated = counted["inserted"], counted["deleted"]
    return {"rows": rows, "inserted": max(0, rows - updated), "updated": updated}


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
