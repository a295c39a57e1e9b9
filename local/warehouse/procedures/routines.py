"""The procedures a database has, and which of them a call means."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg

from local.warehouse import dialect
from local.warehouse.dialect.bodies import Block
from local.warehouse.dialect.body_parser import parse_body
from local.warehouse.dialect.procedures import NONATOMIC
from local.warehouse.errors import RedshiftError


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument as it was declared; `mode` is i, b (INOUT) or o."""

    name: str
    mode: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """A stored procedure."""

    name: str
    owner: str
    is_definer: bool
    is_nonatomic: bool
    body: Block
    parameters: tuple[Parameter, ...]

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """What a call gives."""
        return tuple(item for item in self.parameters if item.mode != "o")


_SQL = """
SELECT p.prosrc, p.prosecdef, pg_get_userbyid(p.proowner),
    coalesce(array_to_string(p.proconfig, ','), '') LIKE %s,
    coalesce(p.proargnames, '{}'), coalesce(p.proargmodes::text[], '{}'),
    ARRAY(SELECT format_type(t, NULL) FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
        WITH ORDINALITY AS u(t, place) ORDER BY place),
    has_function_privilege(p.oid, 'EXECUTE')
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind = 'p' AND p.proname = %s AND n.nspname <> 'redshift'
    AND CASE WHEN %s::text IS NULL THEN pg_function_is_visible(p.oid) ELSE n.nspname = %s END
"""


def find(
    connection: psycopg.Connection[Any], name: tuple[str, ...], arguments: list[str]
) -> Routine:
    """The procedure of a name that takes these arguments (Postgres SQL); raises RedshiftError."""
    schema = dialect.physical_name(name[-2]) if len(name) > 1 else None
    found = connection.execute(
        _SQL,
        (f"%application_name={NONATOMIC}%", dialect.physical_name(name[-1]), schema, schema),
        prepare=False,
    ).fetchall()
    candidates = [
        (routine, row[-1])
        for row in found
        if len((routine := _routine(name[-1], row)).inputs) == len(arguments)
    ]
    if len(candidates) > 1:
        candidates = _closest(connection, candidates, arguments)
    if not candidates:
        raise RedshiftError(
            f"procedure {'.'.join(name)} with {len(arguments)} arguments does not exist"
        )
    if len(candidates) > 1:
        raise RedshiftError(f"procedure {'.'.join(name)} is not unique: cast its arguments")
    ((routine, is_allowed),) = candidates
    if not is_allowed:
        raise RedshiftError(f"permission denied for procedure {name[-1]}")
    return routine


def _closest(
    connection: psycopg.Connection[Any], candidates: list[tuple[Routine, bool]], given: list[str]
) -> list[tuple[Routine, bool]]:
    """Those whose types are the arguments'; a literal without a type may be any."""
    query = "SELECT " + ", ".join(f"pg_typeof({item})::text" for item in given)
    types = connection.execute(query).fetchone() or ()
    return [
        (routine, allowed)
        for routine, allowed in candidates
        if all(
            actual in ("unknown", item.type)
            for actual, item in zip(types, routine.inputs, strict=True)
        )
    ]


def _routine(name: str, row: tuple[Any, ...]) -> Routine:
    source, is_definer, owner, is_nonatomic, argument_names, modes, types, _ = row
    parameters = tuple(
        Parameter(
            name=argument_names[place] if place < len(argument_names) else "",
            mode=modes[place] if modes else "i",
            type=kind,
        )
        for place, kind in enumerate(types)
    )
    return Routine(
        name=name,
        owner=owner,
        is_definer=is_definer,
        is_nonatomic=is_nonatomic,
        body=_parsed(source),
        parameters=parameters,
    )


_parsed = lru_cache(maxsize=256)(parse_body)
