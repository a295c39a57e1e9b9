"""Every template under cfn-lint."""

import subprocess
import sys
from pathlib import Path

from tests.infrastructure.assembly import STACKS, Assembly

_IGNORED = "W3005"  # the CDK writes a role down as a dependency twice, which is harmless


def test_cfn_lint_finds_nothing(deployed: Assembly) -> None:
    templates = [
        str(deployed.folder / f"sluice-{deployed.environment}-{noun}.template.json")
        for noun in STACKS
    ]
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--ignore-checks", _IGNORED]
    done = subprocess.run([*command, "--", *templates], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
