"""Redshift types: spelling, holding, widening, and what two files have in common."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.shared.domain import types
from lambdas.shared.domain.errors import ConfigInvalidError, PlanError
from lambdas.shared.domain.types import Kind, RedshiftType, common, decimal, varbyte, varchar

UNHURRIED = settings(deadline=None)  # the machine may be busy
SIZED = (Kind.VARCHAR, Kind.VARBYTE, Kind.CHAR, Kind.DECIMAL)
ANY_TYPE = st.one_of(
    st.sampled_from([kind for kind in Kind if kind not in SIZED]).map(
        lambda kind: RedshiftType(kind=kind)
    ),
    st.integers(1, types.MAX_VARCHAR_BYTES).map(varchar),
    st.integers(1, types.MAX_VARBYTE_BYTES).map(varbyte),
    st.integers(1, 38).flatmap(
        lambda precision: st.integers(0, precision).map(lambda scale: decimal(precision, scale))
    ),
)


@pytest.mark.parametrize(
    ("written", "sql"),
    [
        ("varchar(64)", "VARCHAR(64)"),
        ("VARCHAR( 64 )", "VARCHAR(64)"),
        ("varchar(max)", "VARCHAR(65535)"),
        ("character varying(12)", "VARCHAR(12)"),
        ("varchar", "VARCHAR(256)"),
        ("numeric(10, 2)", "DECIMAL(10,2)"),
        ("decimal(5)", "DECIMAL(5,0)"),
        ("DECIMAL", "DECIMAL(18,0)"),
        ("int", "INTEGER"),
        ("Int8", "BIGINT"),
        ("float", "DOUBLE PRECISION"),
        ("double  precision", "DOUBLE PRECISION"),
        ("float4", "REAL"),
        ("bool", "BOOLEAN"),
        ("timestamp with time zone", "TIMESTAMPTZ"),
        ("varbyte", "VARBYTE(64000)"),
        ("super", "SUPER"),
    ],
)
def test_a_type_is_read_as_people_write_it(written: str, sql: str) -> None:
    assert RedshiftType.parse(written).sql == sql


@pytest.mark.parametrize(
    "written",
    [
        "",
        "string",
        "varchar(0)",
        "varchar(65536)",
        "varchar(10, 2)",
        "decimal(39)",
        "decimal(0)",
        "decimal(5,6)",
        "decimal(max)",
        "bigint(8)",
        "varchar(64); drop table orders",
        'varchar(64)"',
    ],
)
def test_what_is_no_type_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ConfigInvalidError, match="is no column type of Redshift"):
        RedshiftType.parse(written)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        (("character varying", 64, None, None), varchar(64)),
        (("numeric", None, 12, 4), decimal(12, 4)),
        (("timestamp without time zone", None, None, None), types.TIMESTAMP),
        (("integer", None, 32, 0), types.INTEGER),
        (("double precision", None, 53, None), types.DOUBLE),
        (("binary varying", 100, None, None), varbyte(100)),
        (("character", 2, None, None), RedshiftType(kind=Kind.CHAR, length=2)),
        (("time with time zone", None, None, None), RedshiftType(kind=Kind.TIMETZ)),
        (("geometry", None, None, None), RedshiftType(kind=Kind.GEOMETRY)),
    ],
)
def test_a_type_is_read_as_the_catalog_reports_it(
    reported: tuple[str, int | None, int | None, int | None], expected: RedshiftType
) -> None:
    assert RedshiftType.from_catalog(*reported) == expected


def test_an_unknown_type_in_the_catalog_is_named() -> None:
    with pytest.raises(PlanError, match="'money'"):
        RedshiftType.from_catalog("money")


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("BIGINT", "INTEGER"),
        ("INTEGER", "SMALLINT"),
        ("SMALLINT", "DECIMAL(4,0)"),
        ("BIGINT", "DECIMAL(18,0)"),
        ("DECIMAL(12,2)", "DECIMAL(10,2)"),
        ("DECIMAL(12,4)", "DECIMAL(10,2)"),
        ("DECIMAL(19,0)", "BIGINT"),
        ("DECIMAL(20,0)", "BIGINT"),
        ("DOUBLE PRECISION", "REAL"),
        ("DOUBLE PRECISION", "INTEGER"),
        ("DOUBLE PRECISION", "DECIMAL(15,6)"),
        ("REAL", "SMALLINT"),
        ("TIMESTAMP", "DATE"),
        ("VARCHAR(64)", "VARCHAR(64)"),
        ("VARCHAR(64)", "CHAR(64)"),
        ("VARBYTE(20)", "VARBYTE(10)"),
    ],
)
def test_a_wider_type_holds_a_narrower_one(wide: str, narrow: str) -> None:
    assert RedshiftType.parse(wide).holds(_type(narrow))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("INTEGER", "BIGINT"),
        ("SMALLINT", "DECIMAL(5,0)"),
        ("BIGINT", "DECIMAL(18,1)"),
        ("DECIMAL(12,4)", "DECIMAL(10,1)"),
        ("DECIMAL(18,2)", "BIGINT"),
        ("DOUBLE PRECISION", "BIGINT"),
        ("DOUBLE PRECISION", "DECIMAL(16,2)"),
        ("REAL", "DOUBLE PRECISION"),
        ("REAL", "INTEGER"),
        ("VARCHAR(65535)", "BIGINT"),
        ("VARCHAR(64)", "VARCHAR(65)"),
        ("VARCHAR(65535)", "DATE"),
        ("TIMESTAMPTZ", "DATE"),
        ("TIMESTAMPTZ", "TIMESTAMP"),
        ("DATE", "TIMESTAMP"),
        ("SUPER", "VARCHAR(64)"),
        ("BOOLEAN", "SMALLINT"),
    ],
)
def test_nothing_that_could_lose_a_value_is_held(one: str, other: str) -> None:
    assert not _type(one).holds(_type(other))


@UNHURRIED
@given(ANY_TYPE)
def test_every_type_holds_itself_and_survives_its_spelling(one: RedshiftType) -> None:
    assert one.holds(one)
    assert RedshiftType.parse(one.sql) == one


@UNHURRIED
@given(ANY_TYPE, ANY_TYPE, ANY_TYPE)
def test_holding_is_transitive(one: RedshiftType, two: RedshiftType, three: RedshiftType) -> None:
    for wide, middle, narrow in itertools.permutations((one, two, three)):
        if wide.holds(middle) and middle.holds(narrow):
            assert wide.holds(narrow)


@UNHURRIED
@given(ANY_TYPE, ANY_TYPE)
def test_what_two_types_have_in_common_holds_both(one: RedshiftType, other: RedshiftType) -> None:
    found = common(one, other)
    assert found == common(other, one)
    if found is None:
        return
    for each in (one, other):
        # the one lossy step that is wanted: a wide integer beside a float
        assert found.holds(each) or (found is types.DOUBLE and each.kind is Kind.BIGINT)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("INTEGER", "BIGINT", "BIGINT"),
        ("BIGINT", "DOUBLE PRECISION", "DOUBLE PRECISION"),
        ("INTEGER", "REAL", "DOUBLE PRECISION"),
        ("BIGINT", "DECIMAL(10,2)", "DECIMAL(21,2)"),
        ("DECIMAL(10,2)", "DECIMAL(8,4)", "DECIMAL(12,4)"),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("VARCHAR(64)", "VARCHAR(256)", "VARCHAR(256)"),
        ("DECIMAL(12,2)", "REAL", "DOUBLE PRECISION"),
    ],
)
def test_two_files_agree_on_the_narrowest_type(one: str, other: str, expected: str) -> None:
    assert common(_type(one), _type(other)) == _type(expected)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BIGINT", "VARCHAR(64)"),
        ("BOOLEAN", "SMALLINT"),
        ("TIMESTAMP", "TIMESTAMPTZ"),
        ("DECIMAL(38,0)", "DECIMAL(38,10)"),
        ("DECIMAL(18,2)", "DOUBLE PRECISION"),
        ("DATE", "VARCHAR(64)"),
        ("SUPER", "VARCHAR(64)"),
        ("DATE", "REAL"),
    ],
)
def test_types_without_a_lossless_meeting_have_nothing_in_common(one: str, other: str) -> None:
    assert common(_type(one), _type(other)) is None


def test_text_widens_in_size_classes() -> None:
    assert varchar(64).widened(varchar(65)) == varchar(256)
    assert varchar(64).widened(varchar(1_000)) == varchar(1_024)
    assert varchar(64).widened(varchar(64)) == varchar(64)
    assert varchar(100).widened(varchar(20_000)) == varchar(65_535)


@pytest.mark.parametrize(
    ("one", "other"), [("INTEGER", "BIGINT"), ("VARCHAR(64)", "BIGINT"), ("REAL", "BIGINT")]
)
def test_redshift_widens_nothing_but_text(one: str, other: str) -> None:
    assert _type(one).widened(_type(other)) is None


@UNHURRIED
@given(st.integers(1, types.MAX_VARCHAR_BYTES))
def test_a_size_class_has_room_and_wastes_at_most_three_quarters(length: int) -> None:
    size = types.size_class(length)
    assert size in types.SIZE_CLASSES
    assert size >= length
    assert size <= max(64, 4 * length)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"kind": Kind.BIGINT, "length": 8},
        {"kind": Kind.VARCHAR},
        {"kind": Kind.VARCHAR, "length": 65_536},
        {"kind": Kind.DECIMAL, "precision": 10},
        {"kind": Kind.DECIMAL, "precision": 39, "scale": 0},
        {"kind": Kind.DATE, "precision": 3, "scale": 0},
    ],
)
def test_a_type_redshift_cannot_declare_cannot_be_made(nonsense: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        RedshiftType(**nonsense)  # type: ignore[arg-type]  # nonsense is the point


def _type(text: str) -> RedshiftType:
    return RedshiftType.parse(text)
