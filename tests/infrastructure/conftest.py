"""Every environment, synthesized once for a test session and only if asked for."""

import functools
from collections.abc import Callable

import pytest

from tests.infrastructure.assembly import ENVIRONMENTS, Assembly, synthesize


@pytest.fixture(scope="session")
def assemble(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Assembly]:
    @functools.cache
    def once(environment: str) -> Assembly:
        return synthesize(environment, tmp_path_factory.mktemp(f"cdk-{environment}"))

    return once


@pytest.fixture(params=ENVIRONMENTS)
def deployed(request: pytest.FixtureRequest, assemble: Callable[[str], Assembly]) -> Assembly:
    """Each environment in turn."""
    return assemble(request.param)


@pytest.fixture
def local(assemble: Callable[[str], Assembly]) -> Assembly:
    """The environment whose account is known, so that its names are plain text."""
    return assemble("local")
