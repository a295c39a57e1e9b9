"""Queries of the corpus return what Redshift returns."""

import pytest

from tests.unit.warehouse.dialect.conftest import Database
from tests.unit.warehouse.dialect.corpus import ALL, TABLES, Case


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.sql[:60])
def test_a_query_returns_the_rows_and_names_of_redshift(database: Database, case: Case) -> None:
    for statement in TABLES:
        database.run(statement)

    rows = database.run(case.sql)

    assert rows == case.rows
    if case.columns is not None:
        assert database.columns == case.columns
