"""cdk-nag's packs over every environment: `python -m tools.policy.nag <folder> <environment>...`.

A program of its own because unacknowledged findings end a synthesis: they are read from its report.
"""

import contextlib
import sys
from pathlib import Path

import stacks  # noqa: F401 -- says where Node is, before aws_cdk starts it

import aws_cdk as cdk  # isort: skip
import cdk_nag  # isort: skip

from app import build
from config.deployment import ENVIRONMENTS, Deployment
from stacks.constructs.app import SluiceApp
from tools.policy.templates import COMPLETE, REPORT


def load(environment: str) -> Deployment:
    """An environment's file, of those that are deployed or of this folder."""
    here = Path(__file__).parent
    return Deployment.load(environment, folder=here if environment == COMPLETE else ENVIRONMENTS)


def main() -> None:
    """Synthesize each environment into `<folder>/<environment>`, with its report."""
    folder = Path(sys.argv[1])
    for environment in sys.argv[2:]:
        context = {"environment": environment, "aws:cdk:bundling-stacks": []}
        app = SluiceApp(outdir=folder / environment, context=context)
        cdk.Validations.of(app).add_plugins(
            cdk_nag.AwsSolutionsChecks(app),
            cdk_nag.ServerlessChecks(app),
            cdk_nag.NIST80053R5Checks(app),
            cdk_nag.HIPAASecurityChecks(app),
            cdk_nag.PCIDSS321Checks(app),
        )
        with contextlib.suppress(RuntimeError):
            build(app, load(environment)).synth()
        if not (folder / environment / REPORT).is_file():
            raise SystemExit(f"{environment} did not synthesize")


if __name__ == "__main__":
    main()
