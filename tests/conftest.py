"""What every test starts from."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

_USUAL_LIMIT = 1000

# the machine may be busy: no example has a deadline
settings.register_profile("pinned", derandomize=True, max_examples=100, deadline=None)
settings.register_profile("thorough", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "pinned"))


@pytest.fixture(autouse=True)
def usual_recursion_limit() -> Iterator[None]:
    """Python's own limit: some libraries raise it for the whole process when imported."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(_USUAL_LIMIT)
    yield
    sys.setrecursionlimit(before)
