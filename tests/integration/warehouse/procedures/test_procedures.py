"""Every procedure of the corpus does on the local warehouse what it would do on Redshift."""

import pytest

from tests.integration.warehouse.client import Client
from tests.integration.warehouse.procedures.corpus import Example, Step, corpus

EXAMPLES = corpus()


def test_the_corpus_is_large_enough() -> None:
    assert len(EXAMPLES) >= 40


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_procedure_of_the_corpus_does_what_it_says(client: Client, example: Example) -> None:
    admin = client.as_principal("user/admin")
    admin.done("SELECT 1")
    for step in example.steps:
        take(step, admin)


def take(step: Step, admin: Client) -> None:
    """Carry out one step as the administrator, or as the role that `run` names."""
    if step.kind == "setup":
        for statement in step.statements:
            admin.done(statement)
    elif step.kind == "procedure":
        admin.done(step.sql)
    elif step.kind == "run":
        (admin.as_principal(step.more) if step.more else admin).done(step.sql)
    elif step.kind == "rows":
        assert [list(row) for row in admin.rows(step.sql)] == step.rows, step.sql
    elif step.kind == "fails":
        assert step.more in admin.failure(step.sql)
    elif step.kind == "batch" and step.more:
        assert step.more in admin.failure(step.statements)
    elif step.kind == "batch":
        admin.done(step.statements)
    else:
        raise AssertionError(f"{step.kind} is no kind of step")
