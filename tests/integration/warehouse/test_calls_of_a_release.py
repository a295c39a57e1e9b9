"""What a release says reaches a procedure of the warehouse as exactly that value."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.shared.domain.releases import Call, call_by_hand, parse_release
from tests.integration.warehouse.client import Client

_TYPES = {
    "s": "VARCHAR(65535)",
    "i": "INTEGER",
    "b": "BIGINT",
    "n": "DECIMAL(38,10)",
    "f": "DOUBLE PRECISION",
    "t": "BOOLEAN",
    "d": "DATE",
    "m": "TIMESTAMP",
}


@pytest.fixture
def echo(client: Client) -> Client:
    """A warehouse with a procedure of every type, which gives back what it was given."""
    for name, kind in _TYPES.items():
        client.done(
            f"CREATE PROCEDURE echo_{name}(INOUT v {kind}) AS $$ BEGIN NULL; END $$"
            " LANGUAGE plpgsql"
        )
    return client


def called(client: Client, call: Call) -> list[tuple[Any, ...]]:
    """What the call answers, its values bound as the Data API binds them."""
    statement = call.statement()
    bound = [{"name": name, "value": value} for name, value in statement.parameters.items()]
    return client.rows(statement.sql, **({"Parameters": bound} if bound else {}))


def only(line: str) -> Call:
    (call,) = parse_release(line.encode(), "Rel1.txt").calls
    return call


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("echo_s('it''s; DROP TABLE t -- %s :a1')", "it's; DROP TABLE t -- %s :a1"),
        (r"echo_s('C:\\new\n')", "C:\\new\n"),
        ("echo_s('')", ""),
        ("echo_s(NULL)", None),
        ("echo_s('5')", "5"),
        ("echo_i(-7)", -7),
        ("echo_i(NULL)", None),
        ("echo_b(7)", 7),
        ("echo_b(3000000000)", 3_000_000_000),
        ("echo_n(9223372036854775808)", "9223372036854775808"),
        ("echo_n(-.50)", "-0.50"),
        ("echo_n(12)", "12"),
        ("echo_f(1.5e300)", 1.5e300),
        ("echo_f(0.1)", 0.1),
        ("echo_t(TRUE)", True),
        ("echo_t(false)", False),
        ("echo_d(DATE '2024-02-29')", "2024-02-29"),
        ("echo_d('2024-02-29')", "2024-02-29"),
        ("echo_m(TIMESTAMP '2024-02-29 23:59:59.25')", "2024-02-29 23:59:59.25"),
        ("echo_m(DATE '2024-02-29')", "2024-02-29 00:00:00"),
    ],
)
def test_a_value_arrives_as_it_is_written(echo: Client, line: str, value: Any) -> None:
    assert called(echo, only(line)) == [(value,)]


def test_the_literal_chooses_among_procedures_of_one_name(client: Client) -> None:
    for kind in ("INTEGER", "BOOLEAN", "DATE"):
        client.done(
            f"CREATE PROCEDURE which(v {kind}, INOUT kind VARCHAR(20))"
            f" AS $$ BEGIN kind := '{kind}'; END $$ LANGUAGE plpgsql"
        )
    values = {"INTEGER": "1", "BOOLEAN": "TRUE", "DATE": "DATE '2025-01-01'"}
    for kind, value in values.items():
        assert called(client, only(f"which({value}, '')")) == [(kind,)]


_OF_SQL = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x7f").filter(
        lambda each: each >= " " or each in "\t\n"
    ),
    max_size=40,
)


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=_OF_SQL, number=st.decimals(-(10**20), 10**20, places=10), flag=st.booleans())
def test_any_value_comes_back_from_a_procedure(
    echo: Client, text: str, number: Decimal, flag: bool
) -> None:
    for name, value, back in [
        ("echo_s", text, text),
        ("echo_t", flag, flag),
        ("echo_i", None, None),
    ]:
        event = {"stored_procedure_name": name, "parameters": [value]}
        assert called(echo, call_by_hand(event)) == [(back,)]
    ((back,),) = called(echo, only(f"echo_n({number:f})"))
    assert Decimal(back) == number
