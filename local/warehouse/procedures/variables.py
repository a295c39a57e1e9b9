"""The variables of a running procedure: typed texts, records of them, and cursors.

A value is what Postgres prints, None for NULL; it goes back as a literal cast to its type, so
nothing is lost on the way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from local.warehouse.dialect import names
from local.warehouse.dialect.bodies import Declaration
from local.warehouse.errors import RedshiftError

Value = str | None

# what a column of a query is called when a record keeps it
TYPES = {
    16: "boolean",
    17: "bytea",
    19: "name",
    20: "bigint",
    21: "smallint",
    23: "integer",
    26: "oid",
    700: "real",
    701: "double precision",
    1042: "bpchar",
    1043: "varchar",
    1082: "date",
    1083: "time",
    1114: "timestamp",
    1184: "timestamptz",
    1186: "interval",
    1266: "timetz",
    1700: "numeric",
    3802: "jsonb",
}


def literal_of(value: Value) -> str:
    """A value as SQL."""
    return "NULL" if value is None else names.literal(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a result: its name and its type as Postgres SQL."""

    name: str
    type: str


@dataclass(slots=True, kw_only=True)
class Variable:
    """One value with its type; `max_bytes` limits a text."""

    type: str
    value: Value = None
    max_bytes: int | None = None
    is_constant: bool = False
    is_required: bool = False

    def assign(self, name: str, value: Value) -> None:
        """Give it another value; raises RedshiftError for one it cannot take."""
        if self.is_constant:
            raise RedshiftError(f'variable "{name}" is declared CONSTANT')
        self.keep(name, value)

    def keep(self, name: str, value: Value) -> None:
        """The same for its first value."""
        if value is None and self.is_required:
            raise RedshiftError(
                f'null value cannot be assigned to variable "{name}" declared NOT NULL'
            )
        if (
            value is not None
            and self.max_bytes is not None
            and len(value.encode()) > self.max_bytes
        ):
            if len(value.rstrip(" ").encode()) > self.max_bytes:
                raise RedshiftError(f"value too long for type character varying({self.max_bytes})")
            value = value.encode()[: self.max_bytes].decode()
        self.value = value


@dataclass(slots=True, kw_only=True)
class Record:
    """A row: its fields in order; None before the first row."""

    fields: dict[str, Variable] | None = None

    def fill(self, columns: list[Column], row: list[Value] | None) -> None:
        """Take the shape and the values of a row; NULLs where there is none."""
        self.fields = {
            column.name: Variable(type=column.type, value=row[place] if row else None)
            for place, column in enumerate(columns)
        }


@dataclass(slots=True, kw_only=True)
class BoundCursor:
    """A cursor with the query it was declared for."""

    declaration: Declaration


Named = Variable | Record | BoundCursor


@dataclass(slots=True, kw_only=True)
class Scope:
    """The names of one block, over those of the blocks around it."""

    parent: "Scope | None" = None
    names: dict[str, Named] = field(default_factory=dict)

    def find(self, name: str) -> Named:
        """What a name stands for; raises RedshiftError if it is not declared."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        raise RedshiftError(f'"{name}" is not a known variable')

    def variable(self, name: str) -> Variable:
        """A variable, or a record's field; raises RedshiftError for anything else."""
        owner, dot, member = name.partition(".")
        found = self.find(owner)
        if dot and isinstance(found, Record):
            if found.fields is None:
                raise RedshiftError(f'record "{owner}" is not assigned yet')
            if member not in found.fields:
                raise RedshiftError(f'record "{owner}" has no field "{member}"')
            return found.fields[member]
        if dot or not isinstance(found, Variable):
            raise RedshiftError(f'"{name}" is not a scalar variable')
        return found

    def bindings(self) -> Mapping[str, str]:
        """All names that can stand in SQL, with their types."""
        return {name: variable.type for name, variable in self._visible()}

    def _visible(self) -> Iterator[tuple[str, Variable]]:
        if self.parent is not None:
            yield from self.parent._visible()
        for name, item in self.names.items():
            if isinstance(item, Variable):
                yield name, item
            elif isinstance(item, Record) and item.fields is not None:
                for member, variable in item.fields.items():
                    yield f"{name}.{member}", variable
