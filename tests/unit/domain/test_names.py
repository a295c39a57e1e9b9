"""Names: the router's tables to the letter, and nothing that slips into SQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.domain.errors import IdentifierError
from lambdas.shared.domain.names import Identifier, TableName, literal, sanitize


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("customers.csv", "customers-csv"),
        ("data/in/file.csv", "data-in-file-csv"),
        ("File (1).csv", "File-1-csv"),
        ("Customer Data (2024).csv", "Customer-Data-2024-csv"),
        ("file@#$%.csv", "file-csv"),
    ],
)
def test_sanitize_answers_as_the_contract_says(text: str, safe: str) -> None:
    assert sanitize(text) == safe


def test_sanitize_cuts_at_fifty_characters() -> None:
    text = "very_long_file_name_that_exceeds_fifty_characters_limit.csv"
    assert sanitize(text) == text.replace(".", "-")[:50]


@pytest.mark.parametrize("text", ["", " a", "a ", "a\0b", "a\nb", "x" * 128, "\ud800"])
def test_a_name_redshift_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(IdentifierError):
        Identifier(text)


def test_names_fold_as_redshift_folds_them() -> None:
    assert Identifier("Order_ID") == Identifier("order_id")
    assert Identifier("ÄhrE").text == "Ähre"
    assert Identifier.from_header(" Имя ").text == "Имя"


@given(st.text(min_size=1))
def test_a_header_becomes_a_name_or_is_refused(header: str) -> None:
    try:
        name = Identifier.from_header(header)
    except IdentifierError:
        return
    assert len(name.text.encode()) <= 127
    assert name.sql[1:-1].replace('""', "").count('"') == 0


@given(st.text())
def test_no_text_leaves_its_literal(text: str) -> None:
    if "\0" in text:
        with pytest.raises(IdentifierError):
            literal(text)
        return
    inner = literal(text)[1:-1].replace("\\\\", "").replace("''", "")
    assert "'" not in inner
    assert "\\" not in inner


def test_a_table_has_a_schema_of_its_own_or_public() -> None:
    assert TableName.parse("orders").sql == '"public"."orders"'
    assert TableName.parse("Sales.Orders").sql == '"sales"."orders"'
    with pytest.raises(IdentifierError):
        TableName.parse("a.b.c")
