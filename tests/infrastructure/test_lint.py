"""Every template under cfn-lint."""

import subprocess
import sys
from pathlib import Path

from tests.infrastructure.assembly import Assembly

_IGNORED = (
    "W3005",  # the CDK writes a role down as a dependency twice, which is harmless
    "W3010",  # zones are named: without an account the CDK would take two, Redshift needs three
)


def test_cfn_lint_finds_nothing(deployed: Assembly) -> None:
    templates = [
        str(deployed.folder / f"sluice-{deployed.environment}-{noun}.template.json")
        for noun in deployed.templates
    ]
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--ignore-checks", *_IGNORED]
    done = subprocess.run([*command, "--", *templates], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
