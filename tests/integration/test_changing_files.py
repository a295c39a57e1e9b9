"""Files that are not like the one before: columns, types and keys that change, in order."""

from collections.abc import Iterator

import pytest

from tests.integration.bad_input.batch import (
    Batch,
    assert_nothing_is_lost_or_half_loaded,
    assert_outcome,
    settle,
)
from tests.integration.bad_input.case import Case
from tests.integration.bad_input.changing_files import CHANGING, TARGETS
from tests.integration.running import running_account

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    with running_account(tmp_path_factory.mktemp("sluice")) as account:
        yield settle(account, TARGETS, CHANGING)


def test_nothing_is_lost_or_half_loaded(batch: Batch) -> None:
    assert_nothing_is_lost_or_half_loaded(batch)


@pytest.mark.parametrize("case", CHANGING, ids=str)
def test_each_file_is_loaded_or_says_what_is_wrong(batch: Batch, case: Case) -> None:
    assert_outcome(batch, case)
