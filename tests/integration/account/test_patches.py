"""Each patch of moto is still needed, and is taken back when the account goes down."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.account.patches import PATCHES

pytestmark = pytest.mark.emulated

PLACES = sorted({patch.place for patch in PATCHES} | {"boto_client.boto_client_for"})


@pytest.fixture(scope="module")
def misbehaviours() -> dict[str, Any]:
    """What moto without patches does wrong, shown in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("unpatched.py"))],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("place", PLACES)
def test_moto_still_needs_the_patch(place: str, misbehaviours: dict[str, Any]) -> None:
    assert misbehaviours[place] is True, "moto mended this: remove the patch"
