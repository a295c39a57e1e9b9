"""Files that arrive in S3 are in Redshift within seconds. Exit codes: docs/commands.md."""

from pathlib import Path
from typing import Annotated

import typer

from cli import local_account, procedures
from cli.files import LocalFile
from cli.options import AsJson
from cli.output import reported, show, show_json, show_text, table
from cli.redrive import redrive
from cli.replay import replay
from cli.status import status
from cli.sweep import sweep
from cli.upload import upload_files
from config.job import parse_jobs
from lambdas.shared.domain import upsert_sql
from lambdas.shared.domain.after_load import check_after_load
from lambdas.shared.domain.names import Identifier, TableName

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
app.command("upload", epilog="Example: sluice upload customers.csv --wait")(upload_files)
app.command(epilog="Example: sluice status --job JOB004 --state rejected")(status)
app.command(epilog="Example: sluice sweep -e dev")(sweep)
app.command(epilog="Example: sluice replay --job JOB004 --from 2026-11-01 --dry-run")(replay)
app.command(epilog="Example: sluice redrive --dry-run")(redrive)
app.add_typer(procedures.app, name="procedures")
app.add_typer(local_account.app, name="local")


@app.command(epilog="Example: sluice check config/config.json")
def check(
    jobs: Annotated[Path, typer.Argument(help="The list of jobs.")] = Path("config/config.json"),
    as_json: AsJson = False,
) -> None:
    """Check a list of jobs; name every fault by job and field."""
    with reported(as_json=as_json):
        found = parse_jobs(jobs.read_bytes())
        check_after_load(found)
    if as_json:
        show_json([job.to_input() for job in found])
        return
    shown = table("job", "files", "table", "keys", "active", title=str(jobs))
    for job in found:
        active = "yes" if job.is_active else "no"
        shown.add_row(job.job_id, job.pattern, job.target_table, ", ".join(job.upsert_keys), active)
    show(shown)


@app.command(epilog="Example: sluice infer customers.csv --json")
def infer(
    file: Annotated[Path, typer.Argument(help="A Parquet, CSV or JSON lines file.")],
    as_json: AsJson = False,
) -> None:
    """Show what Sluice makes of a file: format, columns and Redshift types, rows, DDL."""
    from lambdas.infer_schema.inspect import inspect  # loads Arrow, which no other command needs

    with reported(as_json=as_json):
        schema = inspect(LocalFile(file), file_format="auto", csv=None, overrides={})
        name = TableName(schema=Identifier("public"), table=Identifier.from_header(file.stem))
    ddl = upsert_sql.create_table(
        name, [(column.name, column.type) for column in schema.columns], set()
    )
    if as_json:
        show_json(schema.to_json() | {"ddl": ddl})
        return
    rows = "unknown before it is read" if schema.rows is None else f"{schema.rows:,}"
    shown = table("column", "type", title=f"{file.name}: {schema.format}, rows: {rows}")
    for column in schema.columns:
        shown.add_row(column.name.text, column.type.sql)
    show(shown)
    show_text(ddl)
