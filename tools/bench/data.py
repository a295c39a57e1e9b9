"""TPC-H tables and a delta of each: a tenth of the rows changed, and a tenth more."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_KEYS = {"orders": ("o_orderkey",), "lineitem": ("l_orderkey", "l_linenumber")}
_COMMENTS = {"orders": "o_comment", "lineitem": "l_comment"}
_BEYOND = 1_000_000_000
"""Added to a key to make it new; above every key up to scale 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One table: the file of its first load, and that of its delta."""

    name: str
    keys: tuple[str, ...]
    first: Path
    delta: Path

    def file(self, stage: str) -> Path:
        """The file of a stage."""
        return self.first if stage == "first" else self.delta

    def rows_after(self, stage: str) -> int:
        """How many rows the table has after a stage."""
        rows: int = pq.read_metadata(self.first).num_rows
        return rows if stage == "first" else rows + len(range(5, rows, 10))


def datasets(scale: float, folder: Path) -> list[Dataset]:
    """orders and lineitem at a scale, made once a folder."""
    made = []
    for name, keys in _KEYS.items():
        first, delta = folder / f"{name}-{scale}.parquet", folder / f"{name}-{scale}-delta.parquet"
        if not delta.exists():
            folder.mkdir(parents=True, exist_ok=True)
            table = _generated(name, scale, folder)
            pq.write_table(table, first)
            pq.write_table(_delta(table, keys[0], _COMMENTS[name]), delta)
        made.append(Dataset(name=name, keys=keys, first=first, delta=delta))
    return made


def _generated(name: str, scale: float, folder: Path) -> pa.Table:
    command = [str(Path(sys.executable).with_name("tpchgen-cli")), "parquet", "-s", str(scale)]
    subprocess.run(  # noqa: S603 - a pinned tool, with arguments of ours
        [*command, "--tables", name, "--output-dir", str(folder)], check=True, capture_output=True
    )
    path = folder / f"{name}.parquet"
    table = pq.read_table(path)
    path.unlink()
    # its strings are views, which few readers of Parquet know
    plain = [
        pa.field(field.name, pa.string() if pa.types.is_string_view(field.type) else field.type)
        for field in table.schema
    ]
    return table.cast(pa.schema(plain))


def _delta(table: pa.Table, key: str, comment: str) -> pa.Table:
    numbers = pa.array(range(table.num_rows))
    changed = table.take(numbers[::10])
    added = table.take(numbers[5::10])
    words = pc.binary_join_element_wise(changed[comment], "changed", " ")
    changed = changed.set_column(changed.schema.get_field_index(comment), comment, words)
    keys = pc.add(added[key], pa.scalar(_BEYOND, added.schema.field(key).type))
    added = added.set_column(added.schema.get_field_index(key), key, keys)
    return pa.concat_tables([changed, added])
