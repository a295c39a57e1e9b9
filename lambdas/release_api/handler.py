"""The way into releases over HTTPS; API Gateway has asked IAM who may come this way."""

import os
from typing import Any

from config.runtime import ReleaseApiSettings
from lambdas.release_api.requests import answered
from lambdas.shared.aws import clients
from lambdas.shared.aws.workflow import Workflow


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer `POST /releases` and `GET /releases/{execution}` (payload format 2.0)."""
    clients.be_brief()
    settings = ReleaseApiSettings.from_env(os.environ)
    return answered(event, Workflow(settings.state_machine_arn))
