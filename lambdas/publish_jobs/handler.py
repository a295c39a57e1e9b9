"""At deployment: put the repository's config.json into the bucket, if it is valid and new."""

import os
from pathlib import Path
from typing import Any

from config.job import parse_jobs
from config.runtime import PublishJobsSettings
from lambdas.shared.aws.custom_resource import answered
from lambdas.shared.aws.objects import ObjectGoneError, Objects
from lambdas.shared.domain.after_load import check_after_load

_JOBS = Path(__file__).parents[2] / "config" / "config.json"


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer CloudFormation's request for `Custom::Jobs`."""
    settings = PublishJobsSettings.from_env(os.environ)
    answered(
        event,
        lambda: publish(Objects(settings.bucket), settings.config_key, _JOBS.read_bytes()),
        name=f"{settings.bucket}/{settings.config_key}",
    )


def publish(objects: Objects, key: str, jobs: bytes) -> None:
    """Put valid jobs; raises InvalidJobsError, and then the bucket keeps the jobs it has."""
    check_after_load(parse_jobs(jobs))
    try:
        if objects.get(key) == jobs:
            return
    except ObjectGoneError:
        pass
    objects.put(key, jobs)
