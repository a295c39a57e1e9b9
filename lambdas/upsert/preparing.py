"""From a claimed batch to an attempt: read the catalog, plan, prepare the target, write it down."""

from collections.abc import Mapping
from typing import Any

from config.runtime import UpsertSettings
from lambdas.shared.aws.objects import Objects
from lambdas.shared.aws.warehouse import Warehouse
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.columns import FileSchema
from lambdas.shared.domain.engine_errors import needs_permission
from lambdas.shared.domain.errors import WarehouseError
from lambdas.shared.domain.files import File
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.load_plan import Candidate, LoadPlan, plan_load
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import RedshiftType
from lambdas.shared.domain.upsert_sql import Transaction, Unit
from lambdas.upsert.attempt import Attempt, AttemptFolder, AttemptUnit, RawFile

_CATALOG = (
    "SELECT table_schema, table_name, column_name, data_type, character_maximum_length,"
    " numeric_precision, numeric_scale FROM svv_columns"
    " WHERE (table_schema = :schema AND table_name = :table)"
    " OR (table_schema = 'sluice' AND table_name = :mutex) ORDER BY ordinal_position"
)
MOST_ATTEMPTS = 12
"""After so many attempts at a batch what they found out is recorded, if anything."""
_MOST_PLANS = 5
"""So often may other loads change the target while this one prepares it."""


class Preparation:
    """A batch that is about to be attempted."""

    def __init__(
        self, step: Step, settings: UpsertSettings, *, objects: Objects, warehouse: Warehouse
    ) -> None:
        self.step = step
        self.settings = settings
        self.objects = objects
        self.warehouse = warehouse
        self.folder = AttemptFolder(
            objects=objects, prefix=f"work/{step.batch_id}/{step.load['attempt']}"
        )

    def attempt(self) -> Attempt:
        """The attempt as written down, now or before; raises PlanError for what cannot be."""
        known = self.folder.read()
        return known if known is not None else self.folder.write(self._planned())

    def _planned(self) -> Attempt:
        """Plan against a target that needs no more DDL; each DDL is alone and idempotent."""
        candidates = self.candidates()
        fixed: dict[str, str] = {}
        for _ in range(_MOST_PLANS):
            plan = self._plan(candidates, fixed)
            attempt = self._written(plan, fixed)
            if not plan.ddl:
                return attempt
            upsert_sql.check_statements(plan.ddl)
            for ddl in plan.created:
                self._prepare(ddl)
            for name, ddl in plan.changes.items():
                try:
                    self._prepare(ddl)
                except WarehouseError as error:
                    if needs_permission(error.message):
                        raise
                    # a view on the column, its encoding, ...: only files that need it wait for it
                    fixed[name.text] = error.message
        raise WarehouseError(
            f"{plan.table} still needs {plan.ddl[0]!r} after {_MOST_PLANS} tries; see whether"
            " something else changes its columns"
        )

    def candidates(self) -> list[Candidate]:
        """The batch's files with what earlier steps and attempts found out about them."""
        load = self.step.load
        found = self.objects.get_json(load["schemas"])
        errors = found["rejected"] | load.get("errors", {})
        superseded = set(load.get("superseded", []))
        candidates = []
        for entry in self.objects.get_json(load["files"])["files"]:
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
        if load["attempt"] > MOST_ATTEMPTS:
            # each attempt finds one bad file: record those, and the rest goes round again
            return [each for each in candidates if each.error or each.missing]
        return candidates

    def _plan(self, candidates: list[Candidate], fixed: Mapping[str, str]) -> LoadPlan:
        target, has_mutex = self._catalog()
        return plan_load(
            self.step.job,
            candidates,
            target=target,
            has_mutex=has_mutex,
            one_by_one=self.step.load.get("one_by_one", False),
            widths=self.step.load.get("widths"),
            fixed=fixed,
        )

    def _catalog(self) -> tuple[dict[Identifier, RedshiftType] | None, bool]:
        table = self.step.table
        statement_id = self.warehouse.run(
            _CATALOG,
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

    def _prepare(self, ddl: str) -> None:
        try:
            self.warehouse.run(ddl)
        except WarehouseError as error:
            # another load of the table, or an earlier try of this one, was first: plan again
            if "already exists" not in error.message:
                raise

    def _written(self, plan: LoadPlan, fixed: Mapping[str, str]) -> Attempt:
        transaction = self.transaction(plan)
        return Attempt(
            verdicts=plan.verdicts,
            units=tuple(
                AttemptUnit(
                    files=tuple(
                        RawFile(
                            file_id=each.file.file_id, raw_key=each.raw_key, size=each.file.size
                        )
                        for each in unit.files
                    ),
                    columns=tuple(column.name.text for column in unit.columns),
                )
                for unit in plan.units
            ),
            one_by_one=plan.one_by_one,
            statements=upsert_sql.statements(transaction),
            fixed=dict(fixed),
        )

    def transaction(self, plan: LoadPlan) -> Transaction:
        """All that the statements of the attempt depend on."""
        units = tuple(
            Unit(
                number=number,
                file_ids=tuple(each.file.file_id for each in unit.files),
                manifest=self.folder.rows_manifest(number),
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
            batch_manifest=self.folder.batch_manifest,
            copy_role=self.settings.copy_role_arn,
            job_id=job.job_id,
            batch_id=self.step.batch_id,
            execution=self.step.execution_name,
        )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
