"""Transactions and DDL as Redshift has them: the mutex, snapshots, batches, columns."""

from tools.verify_on_aws.checks import Check, Finding
from tools.verify_on_aws.scratch import NotAskedError, Scratch

_PAIRS = 5
_MOST_MISSES = 20


def _isolation(scratch: Scratch) -> Finding:
    database = scratch.environment.database
    found = scratch.rows(
        "SELECT database_isolation_level FROM svv_redshift_databases"
        f" WHERE database_name = '{database}'"
    )
    level = str(found[0][0]).strip() if found else "nothing"
    return Finding(holds="snapshot" in level.lower(), observed=level)


def _mutex(scratch: Scratch) -> Finding:
    """Pairs of transactions that would each insert, unless they see what the other committed."""
    mutex, history = scratch.table("mutex"), scratch.table("seen")
    scratch.done(f"CREATE TABLE {mutex} (locked SMALLINT)")
    scratch.done(f"CREATE TABLE {history} (pair INTEGER, writer VARCHAR(1))")
    overlapped = 0
    for pair in range(_MOST_MISSES):
        first, second = (
            scratch.submit(
                f"LOCK {mutex}",
                scratch.slow(),
                f"INSERT INTO {history} SELECT {pair}, '{writer}' WHERE NOT EXISTS"
                f" (SELECT 1 FROM {history} WHERE pair = {pair})",
            )
            for writer in "ab"
        )
        both_open = _is_open(scratch, first) and _is_open(scratch, second)
        statuses = {scratch.closed(each)["Status"] for each in (first, second)}
        if statuses != {"FINISHED"}:
            errors = [scratch.closed(each).get("Error") for each in (first, second)]
            return Finding(holds=False, observed=f"pair {pair}: {errors}")
        overlapped += both_open
        if overlapped == _PAIRS:
            break
    if overlapped < _PAIRS:
        raise NotAskedError(f"only {overlapped} pairs ran side by side; run it again")
    counts = scratch.rows(f"SELECT pair, COUNT(*) FROM {history} GROUP BY pair ORDER BY pair")
    wrong = [row for row in counts if int(row[1]) != 1]
    return Finding(
        holds=not wrong,
        observed=f"{overlapped} overlapping pairs, pairs with other than one row: {wrong}",
    )


def _is_open(scratch: Scratch, statement_id: str) -> bool:
    return scratch.described(statement_id)["Status"] not in ("FINISHED", "FAILED", "ABORTED")


def _readers(scratch: Scratch) -> Finding:
    """A reader of a target, while a load holds the mutex and has replaced its rows."""
    mutex, target = scratch.table("held"), scratch.table("target")
    scratch.done(f"CREATE TABLE {mutex} (locked SMALLINT)")
    scratch.done(f"CREATE TABLE {target} (a INTEGER)")
    scratch.done(f"INSERT INTO {target} VALUES (1)")
    for _ in range(_MOST_MISSES):
        load = scratch.submit(
            f"LOCK {mutex}",
            f"DELETE FROM {target}",
            f"INSERT INTO {target} VALUES (1)",
            *(scratch.slow() for _ in range(5)),
        )
        seen = scratch.rows(f"SELECT COUNT(*) FROM {target}")[0][0]
        was_open = _is_open(scratch, load)
        scratch.closed(load)
        if int(seen) != 1:
            return Finding(holds=False, observed=f"a reader saw {seen} rows instead of 1")
        if was_open:
            return Finding(holds=True, observed="a reader was answered before the load ended")
    return Finding(holds=False, observed=f"no reader of {_MOST_MISSES} was answered before")


def _temp_tables(scratch: Scratch) -> Finding:
    batch = scratch.done(
        "CREATE TEMP TABLE sluice_verify_temp (a INTEGER)",
        "INSERT INTO sluice_verify_temp VALUES (7)",
        "SELECT a FROM sluice_verify_temp",
    )
    seen = scratch.result(f"{batch}:3")
    after = scratch.closed(scratch.submit("SELECT a FROM sluice_verify_temp"))["Status"]
    return Finding(
        holds=seen == [[7]] and after == "FAILED",
        observed=f"in the batch {seen}, afterwards {after}",
    )


def _one_transaction(scratch: Scratch) -> Finding:
    table = scratch.table("all_or_none")
    scratch.done(f"CREATE TABLE {table} (a INTEGER)")
    failed = scratch.closed(
        scratch.submit(
            f"INSERT INTO {table} VALUES (1)",
            f"INSERT INTO {table} SELECT 1 / (a - a) FROM {table}",
        )
    )
    left = scratch.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
    return Finding(
        holds=failed["Status"] == "FAILED" and int(left) == 0,
        observed=f"{failed['Status']}, {left} rows left",
    )


def _parts(scratch: Scratch) -> Finding:
    table = scratch.table("counted")
    scratch.done(f"CREATE TABLE {table} (a INTEGER)")
    batch = scratch.done(
        f"INSERT INTO {table} VALUES (1), (2), (3)", f"DELETE FROM {table} WHERE a > 1"
    )
    parts = scratch.described(batch).get("SubStatements", [])
    told = [(part["Id"].removeprefix(batch), part.get("ResultRows")) for part in parts]
    has_queries = all("RedshiftQueryId" in part for part in parts)
    return Finding(
        holds=told == [(":1", 3), (":2", 2)] and has_queries,
        observed=f"parts and rows {told}, query ids {'there' if has_queries else 'missing'}",
    )


def _widening(scratch: Scratch) -> Finding:
    table = scratch.table("widened")
    scratch.done(f"CREATE TABLE {table} (a VARCHAR(4))")
    widen = f"ALTER TABLE {table} ALTER COLUMN a TYPE VARCHAR(8)"
    within = scratch.closed(scratch.submit(widen, "SELECT 1"))["Status"]
    alone = scratch.closed(scratch.submit(widen))["Status"]
    return Finding(
        holds=(within, alone) == ("FAILED", "FINISHED"),
        observed=f"in a batch {within}, alone {alone}",
    )


def _adding(scratch: Scratch) -> Finding:
    table = scratch.table("extended")
    scratch.done(f"CREATE TABLE {table} (a INTEGER)")
    undone = scratch.closed(
        scratch.submit(f"ALTER TABLE {table} ADD COLUMN b INTEGER", "SELECT 1 / (1 - 1)")
    )["Status"]
    after_failure = scratch.closed(scratch.submit(f"SELECT b FROM {table}"))["Status"]
    scratch.done(
        f"ALTER TABLE {table} ADD COLUMN b INTEGER", f"INSERT INTO {table} (a, b) VALUES (1, 2)"
    )
    kept = scratch.rows(f"SELECT b FROM {table}")
    return Finding(
        holds=(undone, after_failure, kept) == ("FAILED", "FAILED", [[2]]),
        observed=f"a failed batch leaves the column {after_failure}, a good one {kept}",
    )


CHECKS = (
    Check(
        name="isolation",
        expected="the database has SNAPSHOT isolation",
        otherwise="loads of different tables conflict in the history with error 1023;"
        " run ALTER DATABASE ... ISOLATION LEVEL SNAPSHOT",
        ask=_isolation,
    ),
    Check(
        name="mutex",
        expected="of two transactions that LOCK one table first, the second sees what the first"
        " committed: its snapshot follows the lock",
        otherwise="a file may be loaded twice by two loads at a time; do not use this account",
        ask=_mutex,
    ),
    Check(
        name="readers",
        expected="readers of a target see the old rows while a load replaces them, and do not wait",
        otherwise="queries wait for loads; loads lose nothing",
        ask=_readers,
    ),
    Check(
        name="temporary tables",
        expected="a temporary table lives through a batch, and not longer",
        otherwise="no batch finds its staging table, or a retry finds an old one: nothing loads",
        ask=_temp_tables,
    ),
    Check(
        name="one transaction",
        expected="a batch with a failing statement leaves nothing",
        otherwise="files are half loaded; do not use this account",
        ask=_one_transaction,
    ),
    Check(
        name="parts of a batch",
        expected="parts have ids <id>:<n>, the rows they changed, and a query id",
        otherwise="notices and metrics count rows wrongly, COPY errors lack line and column",
        ask=_parts,
    ),
    Check(
        name="widening",
        expected="ALTER COLUMN TYPE is refused in a batch, and works alone",
        otherwise="refused alone too: wider text rejects its file instead of widening the column",
        ask=_widening,
    ),
    Check(
        name="adding a column",
        expected="ADD COLUMN works in a transaction, and is undone with it",
        otherwise="nothing today, as columns are added alone; never move them into the transaction",
        ask=_adding,
    ),
)
