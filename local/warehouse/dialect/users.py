"""Users, groups, roles and what they may do.

Postgres knows only roles: a user is one that may log in, a group or role one that may not. Names
of users, groups and roles therefore share one space here.
"""

from local.warehouse.dialect import names
from local.warehouse.dialect.ddl import argument, ddl
from local.warehouse.dialect.errors import UnsupportedSqlError
from local.warehouse.dialect.statement import Translated
from local.warehouse.dialect.tokens import Cursor

_PRIVILEGES = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "REFERENCES",
    "TRUNCATE",
    "USAGE",
    "CREATE",
    "EXECUTE",
    "TEMPORARY",
    "TEMP",
)
_OBJECTS = ("TABLE", "SCHEMA", "DATABASE", "FUNCTION", "PROCEDURE", "LANGUAGE")
_FLAGS = {
    "CREATEDB": "CREATEDB",
    "NOCREATEDB": "NOCREATEDB",
    "CREATEUSER": "SUPERUSER",
    "NOCREATEUSER": "NOSUPERUSER",
}


def create_user(cursor: Cursor) -> Translated:
    """`CREATE USER`, read up to and including the word USER."""
    name = cursor.name()
    head = f"CREATE ROLE {names.quoted(name)} LOGIN"
    options, groups = _user_options(cursor)
    statements = [head + options]
    statements += [f"GRANT {names.quoted(group)} TO {names.quoted(name)}" for group in groups]
    return ddl("CREATE USER", (*names.registrations([name]), *statements))


def alter_user(cursor: Cursor) -> Translated:
    """`ALTER USER`, read up to and including the word USER."""
    name = names.quoted(cursor.name())
    if cursor.take("RENAME", "TO"):
        target = cursor.only_name()
        statement = f"ALTER ROLE {name} RENAME TO {names.quoted(target)}"
        return ddl("ALTER USER", (*names.registrations([target]), statement))
    if cursor.at_any("SET", "RESET"):
        if cursor.peek(1) in ("ROLE", "SESSION_AUTHORIZATION"):
            raise UnsupportedSqlError(f"the setting {cursor.peek(1).lower()}")
        return ddl("ALTER USER", f"ALTER ROLE {name} {cursor.render()}")
    options, groups = _user_options(cursor)
    if groups or not options:
        raise cursor.unexpected()
    return ddl("ALTER USER", f"ALTER ROLE {name}{options}")


def _user_options(cursor: Cursor) -> tuple[str, list[str]]:
    cursor.take("WITH")
    options, groups = "", list[str]()
    while not cursor.done:
        option = cursor.next_word()
        if option in _FLAGS:
            options += f" {_FLAGS[option]}"
        elif option == "PASSWORD":
            disabled = cursor.take("DISABLE")
            options += f" PASSWORD {'NULL' if disabled else names.literal(cursor.string())}"
        elif option == "IN":
            cursor.expect("GROUP")
            groups.append(cursor.name())
            while cursor.take(","):
                groups.append(cursor.name())
        elif option == "VALID":
            cursor.expect("UNTIL")
            options += f" VALID UNTIL {names.literal(cursor.string())}"
        elif option == "CONNECTION":
            cursor.expect("LIMIT")
            limit = -1 if cursor.take("UNLIMITED") else cursor.number()
            options += f" CONNECTION LIMIT {limit}"
        else:
            raise UnsupportedSqlError(f"{option} of a user")
    return options, groups


def create_group(cursor: Cursor) -> Translated:
    """`CREATE GROUP`, read up to and including the word GROUP."""
    name = cursor.name()
    statement = f"CREATE ROLE {names.quoted(name)} NOLOGIN"
    cursor.take("WITH")
    if cursor.take("USER"):
        statement += f" ROLE {_name_list(cursor)}"
    cursor.end()
    return ddl("CREATE GROUP", (*names.registrations([name]), statement))


def alter_group(cursor: Cursor) -> Translated:
    """`ALTER GROUP`, read up to and including the word GROUP."""
    group = names.quoted(cursor.name())
    if cursor.take("RENAME", "TO"):
        target = cursor.only_name()
        statement = f"ALTER ROLE {group} RENAME TO {names.quoted(target)}"
        return ddl("ALTER GROUP", (*names.registrations([target]), statement))
    action = cursor.take_any("ADD", "DROP")
    cursor.expect("USER")
    users = _name_list(cursor)
    cursor.end()
    if action == "ADD":
        return ddl("ALTER GROUP", f"GRANT {group} TO {users}")
    return ddl("ALTER GROUP", f"REVOKE {group} FROM {users}")


def create_role(cursor: Cursor) -> Translated:
    """`CREATE ROLE`, read up to and including the word ROLE."""
    name = cursor.name()
    if cursor.take("EXTERNALID"):
        raise UnsupportedSqlError("EXTERNALID of a role")
    cursor.end()
    statement = f"CREATE ROLE {names.quoted(name)} NOLOGIN"
    return ddl("CREATE ROLE", (*names.registrations([name]), statement))


def drop_role(cursor: Cursor, kind: str) -> Translated:
    """`DROP USER`, `DROP GROUP` or `DROP ROLE`, read up to and including that word."""
    exists = "IF EXISTS " if cursor.take("IF", "EXISTS") else ""
    targets = _name_list(cursor)
    cursor.take_any("FORCE", "RESTRICT")
    cursor.end()
    return ddl(f"DROP {kind}", f"DROP ROLE {exists}{targets}")


def _name_list(cursor: Cursor) -> str:
    found = [names.quoted(cursor.name())]
    while cursor.take(","):
        found.append(names.quoted(cursor.name()))
    return ", ".join(found)


# --- GRANT and REVOKE -----------------------------------------------------------------------------


def grant(cursor: Cursor, verb: str) -> Translated:
    """`GRANT` or `REVOKE`, read up to and including that word."""
    direction = "TO" if verb == "GRANT" else "FROM"
    statement = f"{verb} "
    if verb == "REVOKE" and cursor.take("GRANT", "OPTION", "FOR"):
        statement += "GRANT OPTION FOR "
    if cursor.take("ROLE"):
        statement += _name_list(cursor)
        touched: tuple[tuple[str, ...], ...] = ()
    else:
        statement += _privileges(cursor)
        objects, touched = _objects(cursor)
        statement += f" ON {objects}"
    cursor.expect(direction)
    statement += f" {direction} {_grantees(cursor)}"
    if cursor.take("WITH", "GRANT", "OPTION"):
        statement += " WITH GRANT OPTION"
    elif cursor.take("WITH", "ADMIN", "OPTION"):
        statement += " WITH ADMIN OPTION"
    cursor.take_any("RESTRICT", "CASCADE")
    cursor.end()
    return ddl(verb, statement, touched)


def _privileges(cursor: Cursor) -> str:
    if cursor.take("ALL"):
        cursor.take("PRIVILEGES")
        return "ALL"
    found = []
    for item in cursor.until("ON", "TO", "FROM").split():
        privilege = item.next_word()
        if privilege not in _PRIVILEGES:
            raise UnsupportedSqlError(f"the privilege {item.whole_text().upper()}")
        columns = ""
        if item.at("("):
            columns = " (" + ", ".join(names.quoted(name) for name in item.names()) + ")"
        if not item.done:
            raise UnsupportedSqlError(f"the privilege {item.whole_text().upper()}")
        found.append(privilege + columns)
    return ", ".join(found)


def _objects(cursor: Cursor) -> tuple[str, tuple[tuple[str, ...], ...]]:
    cursor.expect("ON")
    if cursor.take("ALL"):
        kind = cursor.take_any("TABLES", "FUNCTIONS", "PROCEDURES")
        cursor.expect("IN", "SCHEMA")
        if not kind:
            raise cursor.unexpected()
        return f"ALL {kind} IN SCHEMA {_name_list(cursor)}", ()
    if cursor.at_any("DATASHARE", "MODEL", "EXTERNAL", "COPY", "TEMPLATE"):
        raise UnsupportedSqlError(f"a privilege on {cursor.peek()}")
    kind = cursor.take_any(*_OBJECTS) or "TABLE"
    written, found = [], []
    for item in cursor.until("TO", "FROM").split():
        name = item.qualified_name()
        found.append(name)
        text = names.dotted(name)
        if item.at("("):
            text += "(" + ", ".join(argument(part).sql for part in item.group().split()) + ")"
        item.end()
        written.append(text)
    return f"{kind} {', '.join(written)}", tuple(found) if kind == "TABLE" else ()


def _grantees(cursor: Cursor) -> str:
    found = [_grantee(cursor)]
    while cursor.take(","):
        found.append(_grantee(cursor))
    return ", ".join(found)


def _grantee(cursor: Cursor) -> str:
    if cursor.take("PUBLIC"):
        return "PUBLIC"
    cursor.take_any("GROUP", "ROLE", "USER")
    return names.quoted(cursor.name())


def alter_default_privileges(cursor: Cursor) -> Translated:
    """`ALTER DEFAULT PRIVILEGES`, read up to and including these words."""
    statement = "ALTER DEFAULT PRIVILEGES"
    if cursor.take("FOR", "USER"):
        statement += f" FOR ROLE {_name_list(cursor)}"
    if cursor.take("IN", "SCHEMA"):
        statement += f" IN SCHEMA {_name_list(cursor)}"
    verb = cursor.take_any("GRANT", "REVOKE")
    if not verb:
        raise cursor.unexpected()
    privileges = _privileges(cursor)
    cursor.expect("ON")
    kind = cursor.take_any("TABLES", "FUNCTIONS", "PROCEDURES")
    direction = cursor.take_any("TO", "FROM")
    if not kind or not direction:
        raise cursor.unexpected()
    kind = "ROUTINES" if kind == "PROCEDURES" else kind
    statement += f" {verb} {privileges} ON {kind} {direction} {_grantees(cursor)}"
    if cursor.take("WITH", "GRANT", "OPTION"):
        statement += " WITH GRANT OPTION"
    cursor.end()
    return ddl("ALTER DEFAULT PRIVILEGES", statement)
