"""Whether every procedure of a release exists and takes what it is given: asked once, before."""

from collections.abc import Iterable, Sequence

from lambdas.shared.aws.warehouse import Warehouse
from lambdas.shared.domain.errors import ReleaseError
from lambdas.shared.domain.names import literal
from lambdas.shared.domain.release_run import PlannedCall

_MOST_TOLD = 20
_PROCEDURES = (
    "SELECT n.nspname AS schema_name, p.proname AS procedure_name, p.pronargs AS arity"
    " FROM pg_proc_info p JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE p.prokind = 'p' AND n.nspname IN ({schemas})"
)


def refuse_what_cannot_run(
    calls: Sequence[PlannedCall], *, schemas: Iterable[str], warehouse: Warehouse
) -> None:
    """Raise ReleaseError naming each call of a procedure that is not there, or not to be called."""
    allowed = sorted(schemas)
    faults = [
        f"line {call.line}: {call.name} is not in a schema that may be called"
        f" ({', '.join(allowed)}); add its schema to procedures.schemas of the environment"
        for call in calls
        if call.schema not in allowed
    ]
    known = _known(warehouse, allowed)
    for call in calls:
        if call.schema in allowed:
            faults += _missing(call, known.get((call.schema, call.procedure)))
    if faults:
        told = faults[:_MOST_TOLD]
        if len(faults) > _MOST_TOLD:
            told.append(f"and {len(faults) - _MOST_TOLD} more")
        raise ReleaseError("\n".join(told), faults=len(faults))


def _known(warehouse: Warehouse, schemas: Sequence[str]) -> dict[tuple[str, str], set[int]]:
    """How many arguments the procedures of each name take."""
    names = ", ".join(literal(schema) for schema in schemas)
    statement_id = warehouse.run(_PROCEDURES.format(schemas=names))
    known: dict[tuple[str, str], set[int]] = {}
    for row in warehouse.rows(statement_id):
        name = str(row["schema_name"]), str(row["procedure_name"])
        known.setdefault(name, set()).add(int(row["arity"]))
    return known


def _missing(call: PlannedCall, arities: set[int] | None) -> list[str]:
    if arities is None:
        return [
            f"line {call.line}: there is no procedure {call.name}; create it, or correct the name"
        ]
    if call.arity not in arities:
        takes = " or ".join(str(arity) for arity in sorted(arities))
        return [
            f"line {call.line}: {call.name} is called with {call.arity} argument(s) and takes"
            f" {takes}; OUT arguments are not given"
        ]
    return []
