"""Files as people send them: each has a typed, readable outcome, and nothing is half there."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.integration.bad_input.batch import (
    Batch,
    Target,
    assert_nothing_is_lost_or_half_loaded,
    assert_outcome,
    settle,
)
from tests.integration.bad_input.case import Case
from tests.integration.bad_input.csv_files import HEADERS, LABELS, LONG, TEXT
from tests.integration.bad_input.json_files import JSON
from tests.integration.bad_input.key_names import KEYS
from tests.integration.bad_input.parquet_files import PARQUET
from tests.integration.running import running_account

pytestmark = pytest.mark.emulated

CASES = [*TEXT, *PARQUET, *KEYS, *HEADERS, *LABELS, *JSON]
_LONG_NAME = f"{LONG[:118]}_{hashlib.sha256(LONG.encode()).hexdigest()[:8]}"
TARGETS = {
    "people": Target(),
    "docs": Target(columns="id, name, JSON_SERIALIZE(tags)"),
    "labels": Target(columns="id, label"),
    "odd": Target(
        columns='id, "a""b", "x; drop table people; --", "select", "é 日本", v, v_2,'
        f' "order", order_2, "{_LONG_NAME}", column_11'
    ),
}


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    with running_account(tmp_path_factory.mktemp("sluice")) as account:
        yield settle(account, TARGETS, CASES)


def test_nothing_is_lost_or_half_loaded(batch: Batch) -> None:
    assert_nothing_is_lost_or_half_loaded(batch)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_file_is_loaded_or_says_what_is_wrong(batch: Batch, case: Case) -> None:
    assert_outcome(batch, case)
