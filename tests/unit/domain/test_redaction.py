"""What an engine quotes may be a row's value, whatever the value holds; it is never told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.domain.redaction import redacted

CANARY = "cAnArY"
QUOTING = [
    # Redshift's, of COPY and of casts, and Postgres' as the old ones are Redshift's too
    "Invalid digit, Value '{}', Pos 0, Type: Integer",
    "Invalid digit, Value '{}', Pos 12, Type: Decimal",
    "ERROR: Overflow, Value '{}', Type: Short",
    'ERROR: invalid input syntax for integer: "{}"',
    'ERROR: invalid input syntax for type double precision: "{}"',
    'ERROR: value "{}" is out of range for type integer',
    'ERROR: "{}" is out of range for type real',
    'ERROR: date/time field value out of range: "{}"',
    'ERROR: column "amount" cannot hold "{}"',
    "ERROR: Load into table 'orders' failed: Value '{}' does not exist",
    "ERROR: a value for a column of type SUPER '{}' is not valid JSON",
    "ERROR: too long\n  Detail: Key (id)=({}) is there",
    "ERROR: Numeric data overflow (result precision)\nDETAIL:\n  context: {}",
    "Unknown word `{}`",
    "Unknown word “{}”",
]
VALUES = st.text("'\"`“”\\ ,.:;()\n\tPosTyeInagr0é", max_size=12)


@given(
    st.sampled_from(QUOTING),
    st.sampled_from(["", "s3://b/data/raw/", "https://b/", "column 's3://b/'", 'table "']),
    VALUES,
    VALUES,
    st.integers(0, 200),
)
def test_no_value_is_told_whatever_it_holds_and_wherever_it_is_cut(
    message: str, path: str, before: str, after: str, length: int
) -> None:
    value = (path + before + CANARY + after).replace("\n", " ")
    whole = message.format(value)
    assert CANARY not in redacted(whole)
    assert CANARY not in redacted(whole[:length])


@pytest.mark.parametrize("message", QUOTING)
def test_the_values_would_be_seen(message: str) -> None:
    assert CANARY in message.format(CANARY)


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("Invalid digit, Value 'x', Type: Integer", "Invalid digit, Value '...', Type: Integer"),
        ('invalid input syntax for bigint: "4711"', "invalid input syntax for bigint: '...'"),
        (
            'value "99" is out of range for type bigint',
            "value '...' is out of range for type bigint",
        ),
        ("ERROR: too long\nDETAIL: Key (id)=(4711) is there", "ERROR: too long"),
        ("", ""),
    ],
)
def test_what_an_engine_quotes_is_left_out(message: str, left: str) -> None:
    assert redacted(message) == left


@pytest.mark.parametrize(
    "message",
    [
        "File 's3://b/raw/a b/a.parquet' is damaged",
        'ERROR: relation "orders" already exists',
        'ERROR: column "day" of relation "orders" already exists',
        "ERROR: cannot drop table sales because other objects depend on it",
        "ERROR: permission denied for relation orders",
        "context: File 'https://s3/b/a.parquet' lacks column 's3://b/a.parquet.n'. Type: INT",
        "ERROR: Load into table 'x' failed.  Check 'sys_load_error_detail' system table for more.",
    ],
)
def test_names_and_paths_stay(message: str) -> None:
    assert redacted(message) == message
