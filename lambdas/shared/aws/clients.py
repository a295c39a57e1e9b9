"""The AWS clients, each made once and only when first used."""

import functools
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_redshift_data import RedshiftDataAPIServiceClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=32,
)

_BRIEF = _CONFIG.merge(
    Config(
        connect_timeout=10,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
)
"""Ten seconds to connect, ten to read, two retries: what the release contract asks for."""
_configs = [_CONFIG]


def be_brief() -> None:
    """From now on clients have the timeouts of the release contract."""
    if _configs[0] is not _BRIEF:
        _configs[0] = _BRIEF
        forget()


@functools.cache
def s3() -> "S3Client":
    """Amazon S3."""
    return boto3.client("s3", config=_configs[0])


@functools.cache
def dynamodb() -> "DynamoDBClient":
    """Amazon DynamoDB."""
    return boto3.client("dynamodb", config=_configs[0])


@functools.cache
def stepfunctions() -> "SFNClient":
    """AWS Step Functions."""
    return boto3.client("stepfunctions", config=_configs[0])


@functools.cache
def redshift_data() -> "RedshiftDataAPIServiceClient":
    """The Amazon Redshift Data API."""
    return boto3.client("redshift-data", config=_configs[0])


@functools.cache
def redshift_serverless() -> Any:  # for one function, not worth a package of stubs
    """Amazon Redshift Serverless itself: workgroups and their limits."""
    return boto3.client("redshift-serverless", config=_configs[0])


@functools.cache
def sns() -> "SNSClient":
    """Amazon SNS."""
    return boto3.client("sns", config=_configs[0])


@functools.cache
def sqs() -> "SQSClient":
    """Amazon SQS."""
    return boto3.client("sqs", config=_configs[0])


def forget() -> None:
    """Make each client anew when it is next used: the command line chooses its account first."""
    for made in (s3, dynamodb, stepfunctions, redshift_data, redshift_serverless, sns, sqs):
        made.cache_clear()
