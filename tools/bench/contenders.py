"""Three ways to get the same file into the same Postgres: by hand, by Sluice, by dlt."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import dlt
import psycopg
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder

from tools.bench.data import Dataset
from tools.bench.product import Product

_BATCH_ROWS = 65_536


Load = Callable[[], float]


class Contender(Protocol):
    """One way; a load is the first of its table or a delta into what is there."""

    name: str

    def ready(self, data: Dataset, path: Path) -> Load:
        """All that comes before the load; the call that brings the file in and says its seconds."""
        ...

    def table(self, data: Dataset) -> str:
        """The table it went to, as SQL."""
        ...


class ByHand:
    """The least it could cost: encode, COPY BINARY into a temporary table, DELETE, INSERT."""

    name = "raw"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def table(self, data: Dataset) -> str:
        """See Contender."""
        return f"raw.{data.name}"

    def ready(self, data: Dataset, path: Path) -> Load:
        """See Contender."""
        return lambda: _timed(lambda: self._load(data, path))

    def _load(self, data: Dataset, path: Path) -> None:
        file = pq.ParquetFile(path)
        encoder = ArrowToPostgresBinaryEncoder(file.schema_arrow)
        types = [column.data_type.ddl() for column in encoder.schema().columns]
        names = file.schema_arrow.names
        columns = ", ".join(f"{n} {t}" for n, t in zip(names, types, strict=True))
        same = " AND ".join(f"t.{key} = s.{key}" for key in data.keys)
        target = self.table(data)
        with psycopg.connect(self._dsn) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA IF NOT EXISTS raw")
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {target} ({columns})")
            cursor.execute(f"CREATE TEMP TABLE staged ({columns}) ON COMMIT DROP")
            with cursor.copy("COPY staged FROM STDIN WITH (FORMAT BINARY)") as copy:
                copy.write(encoder.write_header())
                for batch in file.iter_batches(_BATCH_ROWS):
                    copy.write(encoder.write_batch(batch))
                copy.write(encoder.finish())
            cursor.execute(f"DELETE FROM {target} t USING staged s WHERE {same}")  # noqa: S608 - names of ours
            cursor.execute(f"INSERT INTO {target} SELECT * FROM staged")  # noqa: S608 - names of ours


class BySluice:
    """The product's upsert step: catalog, plan, DDL, and its transaction through the Data API."""

    name = "sluice"

    def __init__(self, product: Product) -> None:
        self._product = product

    def table(self, data: Dataset) -> str:
        """See Contender."""
        return f"public.{data.name}"

    def ready(self, data: Dataset, path: Path) -> Load:
        """See Contender: the transaction alone; what comes before it is told apart."""
        event = self._product.claimed(data, path)
        return lambda: self._product.upsert(event)


class ByDlt:
    """dlt's merge, from Arrow batches, in the loader format that is its fastest here."""

    name = "dlt"

    def __init__(self, dsn: str, folder: Path) -> None:
        self._dsn = dsn
        self._folder = folder
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        os.environ["DLT_DATA_DIR"] = str(folder)

    def table(self, data: Dataset) -> str:
        """See Contender."""
        return f"by_dlt.{data.name}"

    def ready(self, data: Dataset, path: Path) -> Load:
        """See Contender."""
        pipeline = dlt.pipeline(
            f"bench_{data.name}",
            destination=dlt.destinations.postgres(self._dsn),
            dataset_name="by_dlt",
            pipelines_dir=str(self._folder),
        )
        resource = dlt.resource(
            lambda: pq.ParquetFile(path).iter_batches(_BATCH_ROWS),
            name=data.name,
            primary_key=list(data.keys),
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        )
        return lambda: _timed(
            lambda: pipeline.run(resource, loader_file_format="parquet").raise_on_failed_jobs()
        )


def _timed(load: Callable[[], None]) -> float:
    started = time.perf_counter()
    load()
    return time.perf_counter() - started
