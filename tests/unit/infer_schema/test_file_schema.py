"""What one file holds, as a value: its JSON, and columns that several files bring."""

import json

import pytest

from lambdas.shared.domain import types
from lambdas.shared.domain.columns import Column, CsvDialect, FileSchema
from lambdas.shared.domain.names import Identifier
from lambdas.shared.domain.types import RedshiftType, decimal, varchar
from tests.unit.infer_schema.sources import inspected, parquet


def _column(kind: str, seen: str | None = None, **more: object) -> Column:
    return Column(
        name=Identifier("v"),
        type=RedshiftType.parse(kind),
        seen=RedshiftType.parse(seen) if seen else None,
        **more,  # type: ignore[arg-type]  # only tests pass columns' fields so
    )


@pytest.mark.parametrize(
    "schema",
    [
        inspected('# x\nid,V,v,note\nNA,,1.50,"é"\n1,NULL,2.25,NA\n'),
        inspected(parquet({"id": [1], "nothing": [None], "tags": [[1]]}), "a.parquet"),
        inspected('{"id": 1, "tags": [1]}\n', "a.jsonl"),
        inspected(b"id;v\n1;2\n", overrides={"v": "varchar(9)"}),
    ],
    ids=["csv", "parquet", "json", "override"],
)
def test_a_schema_survives_json(schema: FileSchema) -> None:
    assert FileSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_a_column_is_found_by_its_name() -> None:
    schema = inspected("id,v\n1,2\n")
    assert schema.column(Identifier("V")) == schema.columns[1]
    assert schema.column(Identifier("x")) is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (_column("BIGINT", "SMALLINT"), _column("BIGINT"), "BIGINT"),
        (_column("BIGINT", "DECIMAL(1,0)"), _column("BIGINT", "SMALLINT"), "BIGINT"),
        (_column("BIGINT", "DECIMAL(18,0)"), _column("DOUBLE PRECISION"), "DOUBLE PRECISION"),
        (
            _column("BIGINT", "DECIMAL(9,0)"),
            _column("DECIMAL(38,20)", "DECIMAL(21,20)"),
            "DECIMAL(38,20)",
        ),
        (_column("BIGINT", "SMALLINT"), _column("DOUBLE PRECISION"), "DOUBLE PRECISION"),
        (
            _column("DECIMAL(18,2)", "DECIMAL(4,2)"),
            _column("DOUBLE PRECISION", "DECIMAL(3,1)"),
            "DOUBLE PRECISION",
        ),
        (_column("VARCHAR(64)", "VARCHAR(9)"), _column("VARCHAR(256)"), "VARCHAR(256)"),
        (_column("VARCHAR(256)", empty=True), _column("DATE"), "DATE"),
        (_column("DATE"), _column("TIMESTAMP"), "TIMESTAMP"),
    ],
)
def test_columns_of_several_new_files_become_one(one: Column, other: Column, expected: str) -> None:
    for first, second in ((one, other), (other, one)):
        merged = first.merged(second)
        assert merged is not None
        assert merged.type.sql == expected


def test_words_for_null_add_up() -> None:
    one, other = _column("BIGINT", null_words=("NA",)), _column("BIGINT", null_words=("nan", "NA"))
    merged = one.merged(other)
    assert merged is not None
    assert merged.null_words == ("NA", "nan")


def test_columns_with_nothing_in_common_do_not_merge() -> None:
    assert _column("BIGINT").merged(_column("VARCHAR(64)")) is None


@pytest.mark.parametrize("value", ['"x"', '""', "5", "1.5", "true", '"2024-01-31"', "null", "[1]"])
def test_super_takes_every_value_of_json_and_none_of_a_csv(value: str) -> None:
    schema = inspected(f'{{"id": 1, "p": {value}}}\n', "a.jsonl")
    assert schema.fits(schema.columns[1], types.SUPER)
    text = inspected("id,p\n1,x\n2,y\n")
    assert not text.fits(text.columns[1], types.SUPER)
    assert not text.fits(text.columns[0], types.SUPER)


def test_parquet_fits_only_what_holds_its_type() -> None:
    schema = inspected(parquet({"id": [1], "name": ["abc"]}), "a.parquet")
    number, name = schema.columns
    assert schema.fits(number, types.BIGINT)
    assert schema.fits(number, decimal(19, 0))
    assert not schema.fits(number, types.INTEGER)
    assert not schema.fits(number, varchar(64))
    assert schema.fits(name, varchar(3)), "what was seen of text counts, not the guess"
    assert not schema.fits(name, varchar(2))


@pytest.mark.parametrize(
    "nonsense",
    [
        {"delimiter": ""},
        {"delimiter": ",,"},
        {"delimiter": '"'},
        {"header": True, "skip_lines": 0},
    ],
)
def test_a_dialect_that_copy_could_not_follow_cannot_be_made(nonsense: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        CsvDialect(**nonsense)  # type: ignore[arg-type]  # nonsense is the point


def test_a_schema_refuses_nonsense() -> None:
    column = _column("DATE")
    for columns, dialect in (((), None), ((column, column), None), ((column,), CsvDialect())):
        with pytest.raises(ValueError, match=r"\w"):
            FileSchema(format="parquet", columns=columns, csv=dialect)
