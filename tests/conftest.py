"""What every test starts from."""

import sys
from collections.abc import Iterator

import pytest

_USUAL_LIMIT = 1000


@pytest.fixture(autouse=True)
def usual_recursion_limit() -> Iterator[None]:
    """Python's own limit: some libraries raise it for the whole process when imported."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(_USUAL_LIMIT)
    yield
    sys.setrecursionlimit(before)
