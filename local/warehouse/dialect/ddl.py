"""CREATE, ALTER and DROP of tables, views and schemas.

Redshift's physical design (encodings, keys for distribution and sorting) means nothing to Postgres
and is checked and dropped; keys and references, which Redshift does not enforce, are dropped too.
"""

from dataclasses import dataclass, field

from local.warehouse.dialect import names, queries
from local.warehouse.dialect.errors import UnsupportedSqlError
from local.warehouse.dialect.statement import Context, Translated
from local.warehouse.dialect.tokens import Cursor
from local.warehouse.dialect.types import ColumnType, read_type

_COLUMN_ATTRIBUTES = (
    "DEFAULT",
    "IDENTITY",
    "GENERATED",
    "ENCODE",
    "DISTKEY",
    "SORTKEY",
    "NOT",
    "NULL",
    "UNIQUE",
    "PRIMARY",
    "REFERENCES",
    "COLLATE",
    "CONSTRAINT",
    "CHECK",
)
_TABLE_ATTRIBUTES = (
    "BACKUP",
    "DISTSTYLE",
    "DISTKEY",
    "SORTKEY",
    "COMPOUND",
    "INTERLEAVED",
    "ENCODE",
)
_DROPPABLE = ("TABLE", "VIEW", "SCHEMA", "PROCEDURE", "FUNCTION")

QualifiedName = tuple[str, ...]


def ddl(
    name: str, statements: tuple[str, ...] | str, tables: tuple[QualifiedName, ...] = ()
) -> Translated:
    """A translation of kind "ddl"."""
    return Translated(
        kind="ddl",
        statements=(statements,) if isinstance(statements, str) else statements,
        name=name,
        touches=frozenset(".".join(table[-2:]) for table in tables),
    )


def require_table(table: QualifiedName) -> str:
    """A statement that does nothing except fail where there is no such table."""
    return f"CALL redshift.require_table({names.literal(names.dotted(table))})"


# --- tables ---------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Table:
    name: QualifiedName
    temporary: bool
    items: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    primary_key: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        return "CREATE TEMPORARY TABLE" if self.temporary else "CREATE TABLE"

    def long_names(self) -> tuple[str, ...]:
        # a temporary table lives no longer than this process remembers
        if self.temporary:
            return ()
        return names.registrations([*self.name, *self.columns])


def create_table(cursor: Cursor, *, temporary: bool, context: Context) -> Translated:
    """`CREATE [TEMP] TABLE`, read up to and including the word TABLE."""
    exists = "IF NOT EXISTS " if cursor.take("IF", "NOT", "EXISTS") else ""
    name = cursor.qualified_name()
    table = _Table(name=name, temporary=temporary or name[-1].startswith("#"))
    columns = ""
    if cursor.at("(") and not _is_column_list(cursor):
        _read_items(cursor.group(), table)
    elif cursor.at("("):
        table.columns = list(cursor.names())
        columns = " (" + ", ".join(names.quoted(column) for column in table.columns) + ")"
    _skip_table_attributes(cursor)
    if cursor.take("AS"):
        if exists:
            raise UnsupportedSqlError("CREATE TABLE IF NOT EXISTS ... AS")
        return _create_table_as(cursor, table, columns, context)
    cursor.end()
    if columns:
        raise UnsupportedSqlError("CREATE TABLE with columns that have no type")
    body = f"{table.head} {exists}{names.dotted(name)} ({', '.join(table.items)})"
    return ddl("CREATE TABLE", (*table.long_names(), body), (name,))


def _create_table_as(cursor: Cursor, table: _Table, columns: str, context: Context) -> Translated:
    if table.items:
        raise UnsupportedSqlError("CREATE TABLE AS with typed columns")
    query = queries.translate_query(cursor.source_text(), context=context)
    identifier = names.dotted(table.name)
    return Translated(
        kind="ddl",
        statements=(
            *names.registrations(() if table.temporary else (*table.columns, *query.long_names)),
            f"{table.head} {identifier}{columns} AS {query.sql}",
            f"CALL redshift.limit_bytes({names.literal(identifier)})",
        ),
        name="CREATE TABLE AS",
        touches=query.touches | {".".join(table.name[-2:])},
    )


def _is_column_list(cursor: Cursor) -> bool:
    """Whether the parentheses hold names only, as in `CREATE TABLE t (a, b) AS SELECT ...`."""
    ahead = Cursor(cursor.text, cursor.tokens[cursor.index :])
    items = ahead.group().split()
    return all(len(item.tokens) == 1 for item in items)


def _read_items(items: Cursor, table: _Table) -> None:
    definitions: list[tuple[str, Cursor]] = []
    for item in items.split():
        if item.take("LIKE"):
            table.items.append(_like(item))
        elif not _skip_table_constraint(item, table):
            column = item.name()
            definitions.append((column, item))
            if _declares_primary_key(item):
                table.primary_key = (*table.primary_key, column)
    for column, item in definitions:
        table.columns.append(column)
        table.items.append(column_definition(column, item, not_null=column in table.primary_key))


def _declares_primary_key(item: Cursor) -> bool:
    ahead = Cursor(item.text, item.tokens[item.index :])
    ahead.until("PRIMARY")
    return ahead.take("PRIMARY", "KEY")


def _like(item: Cursor) -> str:
    parent = item.qualified_name()
    defaults = ""
    if item.take("INCLUDING", "DEFAULTS"):
        defaults = " INCLUDING DEFAULTS"
    else:
        item.take("EXCLUDING", "DEFAULTS")
    item.end()
    # the byte limits are constraints, and Redshift copies identity columns too
    return f"LIKE {names.dotted(parent)} INCLUDING CONSTRAINTS INCLUDING IDENTITY{defaults}"


def _skip_table_constraint(item: Cursor, table: _Table) -> bool:
    """Read a key or reference of the whole table, which Redshift does not enforce."""
    if item.take("CONSTRAINT"):
        item.name()
    if item.take("PRIMARY", "KEY"):
        table.primary_key = (*table.primary_key, *item.names())
    elif item.at("UNIQUE", "("):
        item.take("UNIQUE")
        item.names()
    elif item.take("FOREIGN", "KEY"):
        item.names()
        _skip_reference(item)
    elif item.at("CHECK", "("):
        raise UnsupportedSqlError("CHECK")
    else:
        return False
    item.end()
    return True


def _skip_reference(item: Cursor) -> None:
    item.expect("REFERENCES")
    item.qualified_name()
    if item.at("("):
        item.names()
    if item.take("ON"):
        raise UnsupportedSqlError("ON DELETE and ON UPDATE of a reference")


def column_definition(column: str, item: Cursor, *, not_null: bool = False) -> str:
    """One column after its name: type and attributes, with the limit on its bytes."""
    kind = read_type(item, in_table=True)
    attributes = ""
    while not item.done:
        attribute = item.take_any(*_COLUMN_ATTRIBUTES)
        if attribute == "NOT":
            item.expect("NULL")
            not_null = True
        elif attribute == "DEFAULT":
            attributes += " DEFAULT " + _default(item)
        elif attribute in ("IDENTITY", "GENERATED"):
            attributes += _identity(item, kind, always=attribute == "IDENTITY")
        else:
            _skip_column_attribute(attribute, item)
    required = " NOT NULL" if not_null else ""
    return f"{names.quoted(column)} {kind.sql}{attributes}{required}{kind.check(column)}"


def _skip_column_attribute(attribute: str, item: Cursor) -> None:
    if attribute == "ENCODE":
        item.name()
    elif attribute == "PRIMARY":
        item.expect("KEY")
    elif attribute == "REFERENCES":
        item.index -= 1
        _skip_reference(item)
    elif attribute == "COLLATE":
        collation = item.name()
        if collation != "case_sensitive":
            raise UnsupportedSqlError(f"COLLATE {collation.upper()}")
    elif attribute in ("CHECK", "CONSTRAINT"):
        raise UnsupportedSqlError(f"{attribute} of a column")
    elif attribute not in ("NULL", "UNIQUE", "DISTKEY", "SORTKEY"):
        raise item.unexpected()


def _default(item: Cursor) -> str:
    expression = item.until(*(word for word in _COLUMN_ATTRIBUTES if word != "NULL"))
    tokens = expression.tokens
    # DEFAULT NULL NULL is no one's intention, DEFAULT 0 NULL is a default and an attribute
    if len(tokens) > 1 and Cursor(item.text, tokens[-1:]).at("NULL"):
        expression = Cursor(item.text, tokens[:-1])
    if expression.done:
        raise item.unexpected()
    return queries.translate_expression(expression.source_text())


def _identity(item: Cursor, kind: ColumnType, *, always: bool) -> str:
    if not always:
        item.expect("BY", "DEFAULT", "AS", "IDENTITY")
    seed, step = (part.number() for part in item.group().split())
    if kind.sql not in ("integer", "bigint"):
        raise UnsupportedSqlError("IDENTITY of a column that is neither INT nor BIGINT")
    generated = "ALWAYS" if always else "BY DEFAULT"
    bound = f"MINVALUE {seed}" if step > 0 else f"MAXVALUE {seed}"
    return f" GENERATED {generated} AS IDENTITY (START WITH {seed} INCREMENT BY {step} {bound})"


def _skip_table_attributes(cursor: Cursor) -> None:
    while attribute := cursor.take_any(*_TABLE_ATTRIBUTES):
        if attribute == "BACKUP":
            if not cursor.take_any("YES", "NO"):
                raise cursor.unexpected()
        elif attribute == "DISTSTYLE":
            if not cursor.take_any("AUTO", "EVEN", "KEY", "ALL"):
                raise cursor.unexpected()
        elif attribute == "ENCODE":
            cursor.expect("AUTO")
        elif attribute == "DISTKEY":
            cursor.names()
        else:
            _skip_sort_key(cursor, attribute)


def _skip_sort_key(cursor: Cursor, attribute: str) -> None:
    if attribute in ("COMPOUND", "INTERLEAVED"):
        cursor.expect("SORTKEY")
    if not cursor.take_any("AUTO", "NONE"):
        cursor.names()


# --- views ----------------------------------------------------------------------------------------


def create_view(
    cursor: Cursor, *, replace: bool, materialized: bool, context: Context
) -> Translated:
    """`CREATE [OR REPLACE] [MATERIALIZED] VIEW`, read up to and including the word VIEW."""
    name = cursor.qualified_name()
    columns: tuple[str, ...] = cursor.names() if cursor.at("(") else ()
    if materialized:
        _skip_refresh_attributes(cursor)
    cursor.expect("AS")
    body, late = _without_schema_binding(cursor)
    query = queries.translate_query(body.source_text(), context=context)
    if late and materialized:
        raise UnsupportedSqlError("a materialized view WITH NO SCHEMA BINDING")
    kind = "MATERIALIZED VIEW" if materialized else "VIEW"
    head = f"CREATE {'OR REPLACE ' if replace else ''}{kind} {names.dotted(name)}"
    if columns:
        head += " (" + ", ".join(names.quoted(column) for column in columns) + ")"
    return Translated(
        kind="ddl",
        statements=(
            *names.registrations((*name, *columns, *query.long_names)),
            f"{head} AS {query.sql}",
        ),
        name=f"CREATE {kind}",
        touches=query.touches | {".".join(name[-2:])},
    )


def _skip_refresh_attributes(cursor: Cursor) -> None:
    while not cursor.at("AS"):
        if cursor.take("AUTO", "REFRESH", "YES"):
            raise UnsupportedSqlError("AUTO REFRESH YES of a materialized view")
        if not cursor.take("AUTO", "REFRESH", "NO"):
            before = cursor.index
            _skip_table_attributes(cursor)
            if cursor.index == before:
                raise cursor.unexpected()


def _without_schema_binding(cursor: Cursor) -> tuple[Cursor, bool]:
    # a late-binding view is an ordinary one here: Postgres refuses to drop what it reads from
    words = ("WITH", "NO", "SCHEMA", "BINDING")
    tail = Cursor(cursor.text, cursor.tokens[-len(words) :])
    late = tail.at(*words)
    end = len(cursor.tokens) - (len(words) if late else 0)
    return Cursor(cursor.text, cursor.tokens[cursor.index : end]), late


# --- schemas --------------------------------------------------------------------------------------


def create_schema(cursor: Cursor) -> Translated:
    """`CREATE SCHEMA`, read up to and including the word SCHEMA."""
    exists = "IF NOT EXISTS " if cursor.take("IF", "NOT", "EXISTS") else ""
    statement = f"CREATE SCHEMA {exists}"
    name: QualifiedName = ()
    if not cursor.at("AUTHORIZATION"):
        name = cursor.qualified_name()
        statement += names.quoted(name[-1])
    if cursor.take("AUTHORIZATION"):
        statement += f" AUTHORIZATION {names.quoted(cursor.name())}"
    if cursor.take("QUOTA") and not cursor.take("UNLIMITED"):
        raise UnsupportedSqlError("QUOTA of a schema")
    cursor.end()
    return ddl("CREATE SCHEMA", (*names.registrations(name[-1:]), statement))


# --- ALTER TABLE ----------------------------------------------------------------------------------


def alter_table(cursor: Cursor) -> Translated:
    """`ALTER TABLE`, read up to and including the word TABLE."""
    table = cursor.qualified_name()
    if cursor.take("ADD"):
        return _add(cursor, table)
    if cursor.take("DROP"):
        return _drop_column(cursor, table)
    if cursor.take("RENAME"):
        return _rename(cursor, table)
    if cursor.take("OWNER", "TO"):
        owner = cursor.only_name()
        statement = f"ALTER TABLE {names.dotted(table)} OWNER TO {names.quoted(owner)}"
        return ddl("ALTER TABLE OWNER", statement, (table,))
    if cursor.take("ALTER"):
        return _alter(cursor, table)
    action = " ".join(filter(None, (cursor.peek(), cursor.peek(1))))
    raise UnsupportedSqlError(f"ALTER TABLE {action}".rstrip())


def _add(cursor: Cursor, table: QualifiedName) -> Translated:
    keys = _Table(name=table, temporary=False)
    if not cursor.at("COLUMN") and _skip_table_constraint(cursor, keys):
        return ddl("ALTER TABLE ADD CONSTRAINT", require_table(table), (table,))
    cursor.take("COLUMN")
    column = cursor.name()
    if len(parts := Cursor(cursor.text, cursor.tokens[cursor.index :]).split()) > 1:
        raise UnsupportedSqlError(f"ALTER TABLE ADD COLUMN of {len(parts)} columns at once")
    definition = column_definition(column, cursor)
    statement = f"ALTER TABLE {names.dotted(table)} ADD COLUMN {definition}"
    return ddl("ADD COLUMN", (*names.registrations([column]), statement), (table,))


def _drop_column(cursor: Cursor, table: QualifiedName) -> Translated:
    if cursor.take("CONSTRAINT"):
        cursor.name()
        cursor.take_any("CASCADE", "RESTRICT")
        cursor.end()
        return ddl("DROP CONSTRAINT", require_table(table), (table,))
    cursor.take("COLUMN")
    column = cursor.name()
    cascade = " CASCADE" if cursor.take("CASCADE") else ""
    cursor.take("RESTRICT")
    cursor.end()
    statement = f"ALTER TABLE {names.dotted(table)} DROP COLUMN {names.quoted(column)}{cascade}"
    return ddl("DROP COLUMN", statement, (table,))


def _rename(cursor: Cursor, table: QualifiedName) -> Translated:
    identifier = names.dotted(table)
    if cursor.take("TO"):
        target = cursor.only_name()
        statement = f"ALTER TABLE {identifier} RENAME TO {names.quoted(target)}"
        return ddl("ALTER TABLE RENAME", (*names.registrations([target]), statement), (table,))
    cursor.take("COLUMN")
    column = cursor.name()
    cursor.expect("TO")
    target = cursor.only_name()
    statements = (
        *names.registrations([target]),
        f"ALTER TABLE {identifier} RENAME COLUMN {names.quoted(column)} TO {names.quoted(target)}",
        # the name of a byte limit follows the name of its column
        f"CALL redshift.limit_bytes({names.literal(identifier)})",
    )
    return ddl("RENAME COLUMN", statements, (table,))


def _alter(cursor: Cursor, table: QualifiedName) -> Translated:
    if cursor.at("COLUMN") or not cursor.at_any(
        "DISTSTYLE", "DISTKEY", "SORTKEY", "COMPOUND", "INTERLEAVED", "ENCODE"
    ):
        return _alter_column(cursor, table)
    while not cursor.done:
        before = cursor.index
        _skip_table_attributes(cursor)
        if cursor.at("DISTKEY") or cursor.index == before:
            raise cursor.unexpected()
    return ddl("ALTER TABLE ATTRIBUTES", require_table(table), (table,))


def _alter_column(cursor: Cursor, table: QualifiedName) -> Translated:
    cursor.take("COLUMN")
    column = cursor.name()
    if cursor.take("ENCODE"):
        cursor.only_name()
        return ddl("ALTER COLUMN ENCODE", require_table(table), (table,))
    cursor.expect("TYPE")
    written = cursor.source_text().upper()
    kind = read_type(cursor, in_table=True)
    cursor.end()
    if not kind.sql.startswith("varchar"):
        raise UnsupportedSqlError(f"ALTER COLUMN TYPE {written} (only VARCHAR can be resized)")
    arguments = ", ".join(
        (
            names.literal(names.dotted(table)),
            names.literal(names.physical_name(column)),
            str(kind.max_bytes),
        )
    )
    return ddl("ALTER COLUMN TYPE", f"CALL redshift.resize_column({arguments})", (table,))


# --- DROP -----------------------------------------------------------------------------------------


def drop(cursor: Cursor) -> Translated:
    """`DROP` of what lives in a schema, read up to and including the word DROP."""
    if cursor.take("MATERIALIZED", "VIEW"):
        kind = "MATERIALIZED VIEW"
    else:
        kind = cursor.take_any(*_DROPPABLE)
    if not kind:
        raise UnsupportedSqlError(f"DROP {cursor.peek()}")
    exists = "IF EXISTS " if cursor.take("IF", "EXISTS") else ""
    targets, tables = [], []
    for item in cursor.until("CASCADE", "RESTRICT").split():
        name = item.qualified_name()
        tables.append(name)
        targets.append(names.dotted(name) + (_signature(item) if item.at("(") else ""))
        item.end()
    cascade = " CASCADE" if cursor.take("CASCADE") else ""
    cursor.take("RESTRICT")
    cursor.end()
    if not targets:
        raise cursor.unexpected()
    statement = f"DROP {kind} {exists}{', '.join(targets)}{cascade}"
    return ddl(f"DROP {kind}", statement, tuple(tables))


def _signature(item: Cursor) -> str:
    """The argument types of a routine, in parentheses."""
    return "(" + ", ".join(argument(part).sql for part in item.group().split()) + ")"


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a routine."""

    name: str
    mode: str
    sql: str


def argument(item: Cursor) -> Argument:
    """`[mode] [name] [mode] type`; the width of a type does not count, as in Redshift."""
    mode = item.take_any("IN", "OUT", "INOUT")
    name = ""
    if len(item.tokens) - item.index > 1 and not _is_type(item):
        name = item.name()
        mode = mode or item.take_any("IN", "OUT", "INOUT")
    kind = read_type(item, in_table=False).sql.partition("(")[0]
    item.end()
    return Argument(name=name, mode=mode, sql=kind)


def _is_type(item: Cursor) -> bool:
    ahead = Cursor(item.text, item.tokens[item.index :])
    try:
        read_type(ahead, in_table=False)
    except UnsupportedSqlError:
        return False
    return ahead.done


def alter_schema(cursor: Cursor) -> Translated:
    """`ALTER SCHEMA`, read up to and including the word SCHEMA."""
    name = names.quoted(cursor.name())
    if cursor.take("RENAME", "TO"):
        target = cursor.only_name()
        statement = f"ALTER SCHEMA {name} RENAME TO {names.quoted(target)}"
        return ddl("ALTER SCHEMA", (*names.registrations([target]), statement))
    if cursor.take("OWNER", "TO"):
        owner = cursor.only_name()
        return ddl("ALTER SCHEMA", f"ALTER SCHEMA {name} OWNER TO {names.quoted(owner)}")
    raise UnsupportedSqlError(f"ALTER SCHEMA {cursor.peek()}".rstrip())
