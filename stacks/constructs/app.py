"""The CDK app as Sluice uses it: one environment, the same templates from every entry point."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

# Here and not in cdk.json: `python app.py`, the tests and the CDK CLI must agree on them.
_FLAGS = {
    "@aws-cdk/core:enablePartitionLiterals": True,
    "@aws-cdk/aws-iam:standardizedServicePrincipals": True,
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
}


class SluiceApp(cdk.App):
    """An app whose environment is chosen by `-c environment=<name>`; dev if nobody says."""

    def __init__(
        self, *, outdir: Path | None = None, context: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(
            analytics_reporting=False,
            context={**_FLAGS, **(context or {})},
            outdir=str(outdir) if outdir else None,
        )

    @property
    def environment(self) -> str:
        """The chosen environment's name."""
        chosen = self.node.try_get_context("environment")
        return str(chosen or os.environ.get("SLUICE_ENVIRONMENT") or "dev")
