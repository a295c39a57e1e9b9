"""The body of a procedure as a tree: a node a statement, the SQL in it as text."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from local.warehouse.dialect.types import ColumnType


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One name of DECLARE: a variable, a record, a cursor with its query, or another's alias.

    `type` is None for records, cursors and what `copied` says (`t.column` or a variable).
    """

    name: str
    type: ColumnType | None = None
    copied: str = ""
    is_constant: bool = False
    is_required: bool = False
    default: str | None = None
    query: str | None = None
    parameters: tuple[tuple[str, ColumnType], ...] = ()
    alias_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Node):
    """BEGIN ... END; `handler` are the statements of EXCEPTION WHEN OTHERS."""

    label: str = ""
    declarations: tuple[Declaration, ...] = ()
    body: tuple[Node, ...] = ()
    handler: tuple[Node, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Node):
    """`target := value`; the target is a variable or `record.field`."""

    target: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Node):
    """One WHEN or IF of a choice."""

    conditions: tuple[str, ...]
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Node):
    """IF and CASE; with a `subject` the conditions are values to compare it with."""

    subject: str | None
    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...] | None
    must_match: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Node):
    """LOOP and WHILE."""

    label: str
    condition: str | None
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRange(Node):
    """FOR over whole numbers."""

    label: str
    name: str
    low: str
    high: str
    is_reverse: bool
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForQuery(Node):
    """FOR over the rows of a query, of the text of one, or of a declared cursor."""

    label: str
    targets: tuple[str, ...]
    query: str | None
    command: str | None
    cursor: str
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Node):
    """EXIT and CONTINUE."""

    is_exit: bool
    label: str
    condition: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise(Node):
    """RAISE; without a message it throws again what a handler caught."""

    level: str
    message: str | None
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute(Node):
    """EXECUTE of a computed text."""

    command: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Node):
    """SELECT ... INTO, or PERFORM, which has no targets."""

    query: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Node):
    """Any other SQL statement."""

    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """A call of another procedure."""

    name: tuple[str, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Node):
    """OPEN of a declared cursor, or of a refcursor for a query or the text of one."""

    cursor: str
    arguments: tuple[str, ...]
    query: str | None
    command: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch(Node):
    """FETCH into variables."""

    cursor: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Node):
    """CLOSE of a cursor."""

    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics(Node):
    """GET DIAGNOSTICS target := ROW_COUNT."""

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Node):
    """COMMIT, ROLLBACK, or BEGIN for the START TRANSACTION of a NONATOMIC procedure."""

    verb: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Node):
    """RETURN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing(Node):
    """NULL."""


def walk(node: Node) -> Iterator[Node]:
    """A node and all that are below it."""
    yield node
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            for item in value:
                if isinstance(item, Node):
                    yield from walk(item)
