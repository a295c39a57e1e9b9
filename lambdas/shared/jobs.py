"""The jobs as the bucket has them now; without valid jobs nothing is acknowledged."""

from config.job import InvalidJobsError, Job, parse_jobs
from lambdas.shared.aws.objects import ObjectGoneError, Objects
from lambdas.shared.domain.errors import ConfigInvalidError, ConfigMissingError


def load_job_configurations(bucket: str, key: str) -> tuple[Job, ...]:
    """Read and validate the jobs; raises ConfigMissingError or ConfigInvalidError."""
    try:
        return parse_jobs(Objects(bucket).get(key))
    except ObjectGoneError as error:
        raise ConfigMissingError(
            f"config file not found: s3://{bucket}/{key}; upload it, then redrive the queue"
        ) from error
    except InvalidJobsError as error:
        raise ConfigInvalidError(f"s3://{bucket}/{key}: {error}") from error
