"""The ways to get the same file into the same Postgres: by hand, by Sluice, by dlt."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql

from tools.bench.data import Dataset
from tools.bench.product import Product

_BATCH_ROWS = 65_536


Load = Callable[[], float]


class Contender(Protocol):
    """One way; a load is the first of its table or a delta into what is there."""

    name: str
    schema: str

    def ready(self, data: Dataset, path: Path) -> Load:
        """All that comes before the load; the call that brings the file in and says its seconds."""
        ...


class ByHand:
    """The least it could cost: encode, COPY BINARY into a temporary table, DELETE, INSERT.

    Its target is there before, as Sluice's is: for rows of a table that was made in the same
    transaction Postgres writes no log. With a product the target is the one Sluice would make,
    which knows the width of its columns; without, it takes any text and any number.
    """

    def __init__(self, dsn: str, *, name: str, like: Product | None = None) -> None:
        self.name = name
        self.schema = name
        self._dsn = dsn
        self._like = like

    def ready(self, data: Dataset, path: Path) -> Load:
        """See Contender."""
        encoder = ArrowToPostgresBinaryEncoder(pq.read_schema(path))
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(
                sql.Identifier(column.name), sql.SQL(str(column.data_type.ddl()))
            )
            for column in encoder.schema().columns
        )
        target = sql.Identifier(self.schema, data.name)
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            schema = sql.Identifier(self.schema)
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
            if self._like is None:
                connection.execute(
                    sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(target, columns)
                )
            else:
                self._like.create_table(data, self.schema)
        return lambda: _timed(lambda: self._load(data, path, target, columns))

    def _load(
        self, data: Dataset, path: Path, target: sql.Composable, columns: sql.Composable
    ) -> None:
        file = pq.ParquetFile(path)
        encoder = ArrowToPostgresBinaryEncoder(file.schema_arrow)
        same = sql.SQL(" AND ").join(
            sql.SQL("t.{0} = s.{0}").format(sql.Identifier(key)) for key in data.keys
        )
        with psycopg.connect(self._dsn) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE TEMP TABLE staged ({}) ON COMMIT DROP").format(columns))
            with cursor.copy("COPY staged FROM STDIN WITH (FORMAT BINARY)") as copy:
                copy.write(encoder.write_header())
                for batch in file.iter_batches(_BATCH_ROWS):
                    copy.write(encoder.write_batch(batch))
                copy.write(encoder.finish())
            cursor.execute(sql.SQL("DELETE FROM {} t USING staged s WHERE {}").format(target, same))
            cursor.execute(sql.SQL("INSERT INTO {} SELECT * FROM staged").format(target))


class BySluice:
    """The product's upsert step: catalog, plan, DDL, and its transaction through the Data API."""

    name = "sluice"
    schema = "public"

    def __init__(self, product: Product) -> None:
        self._product = product

    def ready(self, data: Dataset, path: Path) -> Load:
        """See Contender: the transaction alone; what comes before it is told apart."""
        event = self._product.claimed(data, path)
        return lambda: self._product.upsert(event)


class ByDlt:
    """dlt's merge, from Arrow batches, in the loader format that is its fastest here."""

    name = "dlt"
    schema = "by_dlt"

    def __init__(self, dsn: str, folder: Path) -> None:
        # dlt reads these when it is imported
        os.environ |= {
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "ERROR",
            "DLT_DATA_DIR": str(folder),
        }
        import dlt

        self._dlt: Any = dlt
        self._url = _url(dsn)
        self._folder = folder

    def ready(self, data: Dataset, path: Path) -> Load:
        """See Contender."""
        pipeline = self._dlt.pipeline(
            f"bench_{data.name}",
            destination=self._dlt.destinations.postgres(self._url),
            dataset_name=self.schema,
            pipelines_dir=str(self._folder),
        )
        resource = self._dlt.resource(
            lambda: pq.ParquetFile(path).iter_batches(_BATCH_ROWS),
            name=data.name,
            primary_key=list(data.keys),
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        )
        return lambda: _timed(
            lambda: pipeline.run(resource, loader_file_format="parquet").raise_on_failed_jobs()
        )


def _url(dsn: str) -> str:
    """The connection string as a URL, which is what dlt takes; it insists on a password."""
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    host = str(parts["host"]).replace("/", "%2F")
    return f"postgresql://{parts['user']}:none@{host}:{parts['port']}/{parts['dbname']}"


def _timed(load: Callable[[], None]) -> float:
    started = time.perf_counter()
    load()
    return time.perf_counter() - started
