"""Column names of every kind of file: each becomes a name that SQL can hold, or is refused."""

import csv
import io
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.infer_schema.headers import SYSTEM_COLUMNS, column_names
from lambdas.shared.domain.columns import FileSchema
from lambdas.shared.domain.errors import FileError, HeaderError
from lambdas.shared.domain.names import Identifier
from tests.unit.infer_schema.sources import inspected, parquet
from tests.unit.upsert.named_loads import hostile_text

HEADERS = st.lists(hostile_text, min_size=1, max_size=4)


def _assert_named_as_written(schema: FileSchema, headers: list[str], *, renames: bool) -> None:
    names, _ = column_names(headers, rename_repeated=renames)
    assert tuple(column.name for column in schema.columns) == names
    for name in names:
        assert Identifier(name.text) == name


@given(HEADERS)
def test_a_csv_names_its_columns_or_is_refused(headers: list[str]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(headers)
    writer.writerow(range(1, len(headers) + 1))
    try:
        schema = inspected(text.getvalue(), delimiter=",", header=True)
    except FileError:
        return
    _assert_named_as_written(schema, headers, renames=True)


@given(HEADERS)
def test_json_lines_name_their_columns_or_are_refused(headers: list[str]) -> None:
    try:
        schema = inspected(json.dumps(dict.fromkeys(headers, 1)) + "\n", "a.json")
    except FileError:
        return
    _assert_named_as_written(schema, list(dict.fromkeys(headers)), renames=False)


@given(HEADERS)
def test_parquet_names_its_columns_or_is_refused(headers: list[str]) -> None:
    columns = [pa.array([1]) for _ in headers]
    try:
        schema = inspected(parquet(pa.Table.from_arrays(columns, names=headers)), "a.parquet")
    except FileError:
        return
    _assert_named_as_written(schema, headers, renames=False)


@pytest.mark.parametrize("name", sorted(SYSTEM_COLUMNS))
@pytest.mark.parametrize(
    ("body", "file"), [("id,{}\n1,2\n", "a.csv"), ('{{"id": 1, "{}": 2}}\n', "a.json")]
)
def test_a_column_called_like_one_of_redshifts_own_is_refused(
    name: str, body: str, file: str
) -> None:
    with pytest.raises(HeaderError, match=f"called {name}"):
        inspected(body.format(name.upper()), file)
