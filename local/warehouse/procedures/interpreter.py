"""Runs a procedure's tree, statement by statement.

Source: Supported PL/pgSQL statements, Redshift developer guide.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

import psycopg
from psycopg.pq import TransactionStatus

from local.warehouse import guards
from local.warehouse.dialect import Translated, UnsupportedSqlError, bodies, names, queries
from local.warehouse.dialect.bodies import Declaration, Node
from local.warehouse.dialect.body_check import barred_name
from local.warehouse.dialect.errors import UnknownColumnsError
from local.warehouse.dialect.statement import Context
from local.warehouse.dialect.tokens import PARAMETER_END, PARAMETER_START
from local.warehouse.dialect.translation import translate_in
from local.warehouse.errors import RedshiftError
from local.warehouse.procedures.machine import Database, Machine, Rows
from local.warehouse.procedures.routines import Routine, find
from local.warehouse.procedures.variables import (
    BoundCursor,
    Record,
    Scope,
    Value,
    Variable,
    literal_of,
)
from local.warehouse.sql_errors import redshift_message

MAX_DEPTH = 16
_PARAMETER = re.compile(r"%%|%\((\w+)\)s")
_MARK = re.compile(f"{PARAMETER_START}([^{PARAMETER_END}]+){PARAMETER_END}")


class _Leaving(Exception):  # noqa: N818 (a jump, not an error)
    """EXIT or CONTINUE on its way to the loop or block it names."""

    def __init__(self, label: str, *, is_exit: bool) -> None:
        self.label, self.is_exit = label, is_exit


class _Returning(Exception):  # noqa: N818 (a jump, not an error)
    """RETURN on its way out of the procedure."""


class RaisedError(RedshiftError):
    """RAISE EXCEPTION."""


def call(
    connection: psycopg.Connection[Any],
    translated: Translated,
    parameters: dict[str, str],
    database: Database,
) -> str | None:
    """Run a CALL; returns the query that shows its output arguments, if it has any.

    Outside of a transaction the procedure has one of its own. Raises psycopg.Error, RedshiftError
    or UnsupportedSqlError; a transaction it began is then undone.
    """
    owns = connection.info.transaction_status is TransactionStatus.IDLE
    machine = Machine(connection, database, owns_transaction=owns)
    try:
        arguments = [_with_values(item, parameters) for item in translated.arguments]
        routine = find(connection, translated.procedure, arguments)
        machine.begin_unless(routine.is_nonatomic)
        values = machine.evaluate_plain(arguments)
        outputs = run_routine(machine, routine, values)
        machine.finish()
    except BaseException:
        machine.abandon()
        raise
    if not outputs:
        return None
    return "SELECT " + ", ".join(
        f"CAST({literal_of(item.value)} AS {item.type}) AS {names.quoted(name)}"
        for name, item in outputs
    )


def _with_values(text: str, parameters: dict[str, str]) -> str:
    """An argument with the Data API's parameters in it, as literals."""
    if not parameters:
        return text
    return _PARAMETER.sub(
        lambda found: names.literal(parameters[found.group(1)]) if found.group(1) else "%", text
    )


def run_routine(
    machine: Machine, routine: Routine, values: list[Value]
) -> list[tuple[str, Variable]]:
    """Run a procedure; returns its INOUT and OUT arguments."""
    machine.depth += 1
    if machine.depth > MAX_DEPTH:
        raise RedshiftError(f"procedures are nested more than {MAX_DEPTH} levels deep")
    given = iter(values)
    scope = Scope()
    outputs: list[tuple[str, Variable]] = []
    for place, item in enumerate(routine.parameters, start=1):
        variable = Variable(type=item.type)
        if item.mode != "o":
            value = next(given)
            if value is not None:
                literal = literal_of(value)
                value = machine.rows(f"SELECT CAST({literal} AS {item.type})").rows[0][0]
            variable.value = value
        scope.names[f"${place}"] = variable
        if item.name:
            scope.names[item.name] = variable
        if item.mode != "i":
            outputs.append((item.name or f"column{place}", variable))
    is_nonatomic = routine.is_nonatomic and machine.is_idle
    try:
        with machine.security_of(routine):
            _Frame(machine, scope, routine.name, is_nonatomic=is_nonatomic).run(routine.body)
    finally:
        machine.depth -= 1
    return outputs


@lru_cache(maxsize=1024)
def _expression(text: str, bindings: frozenset[tuple[str, str]]) -> str:
    return queries.translate_expression(text, context=Context(bindings=dict(bindings)))


@lru_cache(maxsize=1024)
def _query(text: str, bindings: frozenset[tuple[str, str]]) -> str:
    return queries.translate_query(text, context=Context(bindings=dict(bindings))).sql


@lru_cache(maxsize=1024)
def _statement(text: str, bindings: frozenset[tuple[str, str]]) -> Translated:
    return translate_in(text, Context(bindings=dict(bindings)))


class _Frame:
    """One running procedure."""

    def __init__(self, machine: Machine, scope: Scope, name: str, *, is_nonatomic: bool) -> None:
        self.machine = machine
        self.scope = scope
        self.name = name
        self.is_nonatomic = is_nonatomic
        self.caught: list[Exception] = []
        # a variable of this name hides it, and is not it
        self.was_found = Variable(type="boolean", value="f")
        scope.names.setdefault("found", self.was_found)

    def run(self, body: bodies.Block) -> None:
        try:
            self.block(body)
        except _Returning:
            pass
        except _Leaving as leaving:
            raise RedshiftError(f"EXIT or CONTINUE {leaving.label} outside of a loop") from None

    def statements(self, nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            self.machine.database.check()
            _RUNNERS[type(node)](self, node)

    # --- translating ------------------------------------------------------------------------------

    def filled(self, sql: str) -> str:
        """SQL with the variables' values where they were marked."""
        return _MARK.sub(lambda found: literal_of(self.scope.variable(found.group(1)).value), sql)

    def bindings(self) -> frozenset[tuple[str, str]]:
        return frozenset(self.scope.bindings().items())

    def context(self) -> Context:
        """For what depends on the columns of a table."""
        return Context(columns_of=self.machine.columns_of, bindings=self.scope.bindings())

    def query_sql(self, text: str) -> str:
        try:
            sql = _query(text, self.bindings())
        except UnknownColumnsError:
            sql = queries.translate_query(text, context=self.context()).sql
        return self.filled(sql)

    def value(self, text: str, variable: Variable | None = None) -> Value:
        """What an expression yields, in the type of a variable if one is given."""
        sql = self.filled(_expression(text, self.bindings()))
        if variable is not None:
            sql = f"CAST(({sql}) AS {variable.type})"
        return self.machine.rows(f"SELECT {sql}").rows[0][0]

    def is_true(self, text: str) -> bool:
        return self.value(text) == "t"

    # --- variables --------------------------------------------------------------------------------

    def set(self, name: str, value: Value) -> None:
        self.scope.variable(name).assign(name, value)

    def found(self, rows: int) -> None:
        self.machine.row_count = rows
        self.was_found.value = "t" if rows else "f"

    def fill(self, targets: tuple[str, ...], rows: Rows) -> None:
        """Assign the first row, or NULLs, to a record or to variables one by one."""
        row = rows.rows[0] if rows.rows else None
        target = self.scope.find(targets[0].partition(".")[0])
        if len(targets) == 1 and isinstance(target, Record) and "." not in targets[0]:
            target.fill(rows.columns, row)
            return
        if len(rows.columns) != len(targets):
            raise RedshiftError(
                f"the query returns {len(rows.columns)} columns for {len(targets)} variables"
            )
        for place, name in enumerate(targets):
            variable = self.scope.variable(name)
            value = row[place] if row else None
            if value is not None and rows.columns[place].type != variable.type:
                literal = literal_of(value)
                source = f"CAST({literal} AS {rows.columns[place].type})"
                value = self.machine.rows(f"SELECT CAST({source} AS {variable.type})").rows[0][0]
            variable.assign(name, value)

    def declare(self, item: Declaration) -> None:
        if item.alias_of:
            self.scope.names[item.name] = self.scope.find(item.alias_of)
        elif item.query is not None:
            self.scope.names[item.name] = BoundCursor(declaration=item)
        elif item.type is None and not item.copied:
            self.scope.names[item.name] = Record()
        elif item.copied.endswith("%ROWTYPE"):
            record = Record()
            table = names.dotted(item.copied.removesuffix("%ROWTYPE").split("."))
            record.fill(self.machine.rows(f"SELECT * FROM {table} LIMIT 0").columns, None)  # noqa: S608 (quoted names)
            self.scope.names[item.name] = record
        else:
            variable = self._typed(item)
            self.scope.names[item.name] = variable
            default = None if item.default is None else self.value(item.default, variable)
            variable.keep(item.name, default)

    def _typed(self, item: Declaration) -> Variable:
        kind, width = item.copied, None
        if item.type is not None:
            # a text is cut by a cast to its width, and refused by an assignment
            kind, width = item.type.sql, item.type.max_bytes if item.type.is_text else None
            kind = kind.partition("(")[0] if item.type.is_text else kind
        else:
            kind = self._copied_type(item.copied.removesuffix("%TYPE").split("."))
        return Variable(
            type=kind,
            max_bytes=width,
            is_constant=item.is_constant,
            is_required=item.is_required,
        )

    def _copied_type(self, parts: list[str]) -> str:
        if len(parts) == 1:
            return self.scope.variable(parts[0]).type
        found = self.machine.rows(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid ="  # noqa: S608 (literals)
            f" to_regclass({names.literal(names.dotted(parts[:-1]))})"
            f" AND attname = {names.literal(names.physical_name(parts[-1]))}"
        )
        if not found.rows or found.rows[0][0] is None:
            raise RedshiftError(f'column "{".".join(parts)}" does not exist')
        return found.rows[0][0]

    # --- blocks and loops -------------------------------------------------------------------------

    def block(self, node: bodies.Block) -> None:
        self.scope = Scope(parent=self.scope)
        try:
            if node.handler is None:
                self._body(node)
            else:
                self._guarded(node, node.handler)
        except _Leaving as leaving:
            if not (leaving.is_exit and node.label and leaving.label == node.label):
                raise
        finally:
            self.scope = self.scope.parent or self.scope

    def _body(self, node: bodies.Block) -> None:
        for item in node.declarations:
            self.declare(item)
        self.statements(node.body)

    def _guarded(self, node: bodies.Block, handler: tuple[Node, ...]) -> None:
        scope = self.scope
        try:
            self._body(node)
        except (psycopg.Error, RedshiftError, UnsupportedSqlError) as error:
            if isinstance(error, psycopg.errors.QueryCanceled) or self.machine.connection.closed:
                raise
            self.machine.database.check()
            self.scope = scope
            self.machine.undo(self.is_nonatomic)
            scope.names["sqlerrm"] = Variable(type="varchar", value=_message(error))
            scope.names["sqlstate"] = Variable(type="varchar", value=_state(error))
            self.caught.append(error)
            self.statements(handler)
            self.caught.pop()
            if not self.is_nonatomic:
                self.machine.connection.execute("COMMIT")
                raise

    def choice(self, node: bodies.Choice) -> None:
        subject = None if node.subject is None else f"({node.subject}) = "
        for branch in node.branches:
            for condition in branch.conditions:
                if self.is_true(condition if subject is None else f"{subject}({condition})"):
                    self.statements(branch.body)
                    return
        if node.otherwise is None and node.must_match:
            raise RedshiftError("case not found")
        self.statements(node.otherwise or ())

    def _goes_on(self, label: str, body: tuple[Node, ...]) -> bool:
        """Run the body of a loop once; False when the loop is to end."""
        try:
            self.statements(body)
        except _Leaving as leaving:
            if leaving.label not in ("", label):
                raise
            return not leaving.is_exit
        return True

    def loop(self, node: bodies.Loop) -> None:
        while node.condition is None or self.is_true(node.condition):
            if not self._goes_on(node.label, node.body):
                break

    def for_range(self, node: bodies.ForRange) -> None:
        counter = Variable(type="integer")
        low, high = (int(self.value(text, counter) or 0) for text in (node.low, node.high))
        numbers = range(low, high - 1, -1) if node.is_reverse else range(low, high + 1)
        self.scope = Scope(parent=self.scope, names={node.name: counter})
        scope = self.scope
        try:
            for number in numbers:
                self.scope = scope
                counter.value = str(number)
                if not self._goes_on(node.label, node.body):
                    break
        finally:
            self.scope = scope.parent or scope
        self.was_found.value = "t" if numbers else "f"

    def for_query(self, node: bodies.ForQuery) -> None:
        name = self.machine.unnamed()
        if node.query is not None:
            sql = self.query_sql(node.query)
        elif node.command is not None:
            sql = self._dynamic_query(node.command)
        else:
            bound = self.scope.find(node.cursor)
            if not isinstance(bound, BoundCursor):
                raise RedshiftError(f'"{node.cursor}" is not a cursor with a query')
            sql = self.query_sql(bound.declaration.query or "")
        self.machine.open(name)
        rows = self.machine.rows(sql)
        for row in rows.rows:
            if name not in self.machine.cursors:
                raise RedshiftError(f'cursor "{name}" does not exist')
            self.fill(node.targets, Rows(columns=rows.columns, rows=[row]))
            if not self._goes_on(node.label, node.body):
                break
        self.machine.cursors.discard(name)
        self.was_found.value = "t" if rows.rows else "f"

    def leave(self, node: bodies.Leave) -> None:
        if node.condition is None or self.is_true(node.condition):
            raise _Leaving(node.label, is_exit=node.is_exit)

    # --- statements -------------------------------------------------------------------------------

    def assign(self, node: bodies.Assign) -> None:
        variable = self.scope.variable(node.target)
        variable.assign(node.target, self.value(node.value, variable))

    def select(self, node: bodies.Select) -> None:
        rows = self.machine.rows(self.query_sql(node.query))
        if node.targets:
            self.fill(node.targets, rows)
        self.found(min(len(rows.rows), 1) if node.targets else len(rows.rows))

    def raise_(self, node: bodies.Raise) -> None:
        if node.message is None:
            if not self.caught:
                raise RedshiftError("RAISE without a message is for exception handlers")
            raise self.caught[-1]
        values = iter([self.value(text) for text in node.values])
        message = re.sub(
            "%%|%",
            lambda found: "%" if found.group() == "%%" else _shown(next(values)),
            node.message,
        )
        if node.level == "EXCEPTION":
            raise RaisedError(message)

    def execute(self, node: bodies.Execute) -> None:
        if node.targets:
            rows = self.machine.rows(self._dynamic_query(node.command))
            self.fill(node.targets, rows)
            self.found(min(len(rows.rows), 1))
            return
        text = self._text(node.command)
        translated = translate_in(text, Context(columns_of=self.machine.columns_of))
        if translated.kind == "control":
            raise RedshiftError(f"{translated.name} cannot be run by dynamic SQL")
        self._carry_out(translated, text)

    def command(self, node: bodies.Command) -> None:
        try:
            translated = _statement(node.sql, self.bindings())
        except UnknownColumnsError:
            translated = translate_in(node.sql, self.context())
        self._carry_out(translated, node.sql)

    def _text(self, expression: str) -> str:
        text = self.value(expression)
        if text is None:
            raise RedshiftError("cannot EXECUTE a null querystring")
        return text

    def _dynamic_query(self, expression: str) -> str:
        context = Context(columns_of=self.machine.columns_of)
        return queries.translate_query(self._text(expression), context=context).sql

    def _carry_out(self, translated: Translated, text: str) -> None:
        if barred := barred_name(translated):
            raise UnsupportedSqlError(f"{barred} in a procedure")
        connection = self.machine.connection
        if translated.kind == "call":
            self._call(translated.procedure, list(translated.arguments), ())
            return
        if translated.name == "TRUNCATE":
            self._truncate(translated)
            return
        if not self.machine.is_idle:
            guards.refuse_column_change(translated)
        if translated.kind == "copy":
            self.found(self.machine.database.copy(text))
            return
        statements = [self.filled(statement) for statement in translated.statements]
        if len(statements) > 1 and self.machine.is_idle:
            with connection.transaction():
                self._run(statements)
        else:
            self._run(statements)

    def _run(self, statements: list[str]) -> None:
        for statement in statements:
            cursor = self.machine.connection.execute(statement)
        self.found(max(cursor.rowcount, 0))

    def _truncate(self, translated: Translated) -> None:
        if not self.machine.owns_transaction:
            raise RedshiftError(
                "TRUNCATE cannot be invoked from a procedure that is executing in an atomic"
                " context: it commits; try calling the procedure as a top-level call"
            )
        self.machine.connection.execute(translated.statements[0])
        self.machine.control("COMMIT", self.is_nonatomic)

    def call(self, node: bodies.Call) -> None:
        arguments = [self.filled(_expression(text, self.bindings())) for text in node.arguments]
        self._call(node.name, arguments, node.arguments)

    def _call(self, name: tuple[str, ...], arguments: list[str], written: tuple[str, ...]) -> None:
        routine = find(self.machine.connection, name, arguments)
        if any(item.mode == "o" for item in routine.parameters):
            raise RedshiftError(
                f"procedure {routine.name} has OUT arguments: a nested call needs INOUT arguments"
            )
        values = self.machine.evaluate_plain(arguments)
        began = self.machine.is_idle and not routine.is_nonatomic
        self.machine.begin_unless(routine.is_nonatomic)
        outputs = [value for _, value in run_routine(self.machine, routine, values)]
        if began and not self.machine.is_idle:
            self.machine.connection.execute("COMMIT")
        results = iter(outputs)
        for item, text in zip(routine.parameters, written, strict=False):
            if item.mode == "b":
                self._return_to(text.strip().lower(), next(results))

    def _return_to(self, target: str, output: Variable) -> None:
        variable = self.scope.variable(target)
        value = output.value
        if value is not None and output.type != variable.type:
            source = f"CAST({literal_of(value)} AS {output.type})"
            value = self.machine.rows(f"SELECT CAST({source} AS {variable.type})").rows[0][0]
        variable.assign(target, value)

    # --- cursors ----------------------------------------------------------------------------------

    def open(self, node: bodies.Open) -> None:
        item = self.scope.find(node.cursor)
        if isinstance(item, BoundCursor):
            name, sql = node.cursor, self._bound_query(item, node.arguments)
        elif isinstance(item, Variable) and item.type == "refcursor":
            if node.query is None and node.command is None:
                raise RedshiftError(f'cursor "{node.cursor}" has no query')
            if item.value is None:
                item.value = self.machine.unnamed()
            name = item.value
            sql = (
                self.query_sql(node.query)
                if node.query is not None
                else self._dynamic_query(node.command or "")
            )
        else:
            raise RedshiftError(f'"{node.cursor}" is not a cursor')
        self.machine.open(name)
        hold = " WITH HOLD" if self.machine.is_idle else ""
        self.machine.connection.execute(
            f"DECLARE {names.quoted(name)} NO SCROLL CURSOR{hold} FOR {sql}"
        )

    def _bound_query(self, item: BoundCursor, arguments: tuple[str, ...]) -> str:
        declaration = item.declaration
        if len(arguments) != len(declaration.parameters):
            raise RedshiftError(f'cursor "{declaration.name}" takes other arguments')
        given: dict[str, Variable] = {}
        for (name, kind), text in zip(declaration.parameters, arguments, strict=True):
            given[name] = Variable(type=kind.sql)
            given[name].value = self.value(text, given[name])
        outer = self.scope
        self.scope = Scope(parent=outer, names={**given})
        try:
            return self.query_sql(declaration.query or "")
        finally:
            self.scope = outer

    def _cursor_name(self, written: str) -> str:
        item = self.scope.find(written)
        name = item.value if isinstance(item, Variable) else written
        if name is None or name not in self.machine.cursors:
            raise RedshiftError(f'cursor "{name or written}" does not exist')
        return name

    def fetch(self, node: bodies.Fetch) -> None:
        name = self._cursor_name(node.cursor)
        rows = self.machine.rows(f"FETCH NEXT FROM {names.quoted(name)}")
        self.fill(node.targets, rows)
        self.found(len(rows.rows))

    def close(self, node: bodies.Close) -> None:
        name = self._cursor_name(node.cursor)
        self.machine.connection.execute(f"CLOSE {names.quoted(name)}")
        self.machine.cursors.discard(name)

    # --- the rest ---------------------------------------------------------------------------------

    def diagnostics(self, node: bodies.Diagnostics) -> None:
        self.set(node.target, str(self.machine.row_count))

    def control(self, node: bodies.Control) -> None:
        self.machine.control(node.verb, self.is_nonatomic)

    def return_(self, _node: bodies.Return) -> NoReturn:
        raise _Returning

    def nothing(self, _node: bodies.Nothing) -> None:
        """NULL."""


def _message(error: Exception) -> str:
    return redshift_message(error) if isinstance(error, psycopg.Error) else str(error)


def _state(error: Exception) -> str:
    if isinstance(error, psycopg.Error):
        return error.sqlstate or "XX000"
    return "P0001" if isinstance(error, RaisedError) else "XX000"


def _shown(value: Value) -> str:
    return "<NULL>" if value is None else value


_RUNNERS: dict[type[Node], Callable[[_Frame, Any], None]] = {
    bodies.Assign: _Frame.assign,
    bodies.Block: _Frame.block,
    bodies.Call: _Frame.call,
    bodies.Choice: _Frame.choice,
    bodies.Close: _Frame.close,
    bodies.Command: _Frame.command,
    bodies.Control: _Frame.control,
    bodies.Diagnostics: _Frame.diagnostics,
    bodies.Execute: _Frame.execute,
    bodies.Fetch: _Frame.fetch,
    bodies.ForQuery: _Frame.for_query,
    bodies.ForRange: _Frame.for_range,
    bodies.Leave: _Frame.leave,
    bodies.Loop: _Frame.loop,
    bodies.Nothing: _Frame.nothing,
    bodies.Open: _Frame.open,
    bodies.Raise: _Frame.raise_,
    bodies.Return: _Frame.return_,
    bodies.Select: _Frame.select,
}
