"""The pipeline's functions: what each is told, and exactly what it may do.

`s3:ListBucket` is in most of them because S3 answers 403, not 404, to whoever lacks it, and a
missing object must not look like a missing permission. Tagging goes with every copy: S3 copies an
object's tags along, and refuses the copy of a tagged object without it.
"""

from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from config.runtime import (
    ClaimSettings,
    InferSchemaSettings,
    PublishJobsSettings,
    RouteSettings,
    SettleSettings,
    SweepSettings,
    UpsertSettings,
)
from stacks.constructs.code import function_code
from stacks.constructs.function import StepFunction
from stacks.constructs.stack import SluiceStack

JOBS = "config/config.json"


def publish_jobs(stack: SluiceStack) -> StepFunction:
    """Puts the repository's jobs into the bucket; its code alone carries them."""
    function = StepFunction(
        stack,
        "publish_jobs",
        settings=PublishJobsSettings(bucket=stack.data_bucket, config_key=JOBS),
        code=function_code(stack.deployment, JOBS),
    )
    function.allow("s3:GetObject", "s3:PutObject", on=stack.data(JOBS))
    function.allow("s3:ListBucket", on=stack.data())
    return function


def route(
    stack: SluiceStack, *, arrivals: sqs.Queue, dead_letters: sqs.Queue, notices: sns.Topic
) -> StepFunction:
    """Reads the arrivals; may send one again for later, or leave it to a person."""
    function = StepFunction(
        stack,
        "route",
        settings=RouteSettings(
            ledger_table=stack.deployment.ledger_table,
            topic_arn=notices.topic_arn,
            state_machine_arn=stack.load_machine_arn,
            arrivals_queue_url=arrivals.queue_url,
            dead_letter_queue_url=dead_letters.queue_url,
            config_key=JOBS,
        ),
    )
    function.allow(
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:SendMessage",
        on=arrivals.queue_arn,
    )
    function.allow("sqs:SendMessage", on=dead_letters.queue_arn)
    # whether a version that is gone was copied
    function.allow("s3:GetObject", on=stack.data(JOBS, "data/raw/*"))
    function.allow(
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
        "s3:DeleteObjectVersion",
        on=stack.data("data/in/*"),
    )
    function.allow("s3:PutObject", "s3:PutObjectTagging", on=stack.data("data/new_files/*"))
    # an event written by hand names no version, and is put in order among those there are
    function.allow("s3:ListBucket", "s3:ListBucketVersions", on=stack.data())
    function.allow(
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        on=stack.ledger_arn,
    )
    function.allow("states:StartExecution", on=stack.load_machine_arn)
    function.allow("sns:Publish", on=notices.topic_arn)
    return function


def claim(stack: SluiceStack) -> StepFunction:
    """Copies what it claims, and asks whether another lease's holder still runs."""
    function = StepFunction(
        stack,
        "claim",
        settings=ClaimSettings(
            bucket=stack.data_bucket, ledger_table=stack.deployment.ledger_table
        ),
    )
    function.allow(
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        on=stack.ledger_arn,
    )
    function.allow("states:DescribeExecution", on=stack.load_executions_arn)
    function.allow("s3:GetObjectVersion", "s3:GetObjectVersionTagging", on=stack.data("data/in/*"))
    function.allow(
        "s3:GetObject",
        "s3:PutObject",
        "s3:PutObjectTagging",
        on=stack.data("data/raw/*"),
    )
    function.allow("s3:PutObject", on=stack.data("work/*"))
    # older versions that nobody has seen are put before a file is copied
    function.allow("s3:ListBucket", "s3:ListBucketVersions", on=stack.data())
    return function


def infer_schema(stack: SluiceStack) -> StepFunction:
    """Reads files; talks to nothing but S3."""
    function = StepFunction(
        stack,
        "infer_schema",
        settings=InferSchemaSettings(bucket=stack.data_bucket),
        layers=("dependencies", "pyarrow"),
    )
    function.allow("s3:GetObject", on=stack.data("data/raw/*", "work/*"))
    function.allow("s3:PutObject", on=stack.data("work/*"))
    function.allow("s3:ListBucket", on=stack.data())
    return function


def upsert(stack: SluiceStack) -> StepFunction:
    """Talks to the warehouse, as the warehouse's own stack lets it."""
    function = StepFunction(
        stack,
        "upsert",
        settings=UpsertSettings(
            bucket=stack.data_bucket,
            workgroup=stack.deployment.workgroup,
            database=stack.deployment.database,
            copy_role_arn=stack.copy_role_arn,
        ),
        policies=(stack.deployment.loader_policy,),
    )
    function.allow("s3:GetObject", "s3:PutObject", on=stack.data("work/*"))
    function.allow("s3:ListBucket", on=stack.data())
    return function


def settle(stack: SluiceStack, *, notices: sns.Topic, log_group: str) -> StepFunction:
    """Records verdicts, puts rejected files aside, and deletes what is loaded."""
    function = StepFunction(
        stack,
        "settle",
        settings=SettleSettings(
            bucket=stack.data_bucket,
            ledger_table=stack.deployment.ledger_table,
            topic_arn=notices.topic_arn,
            state_machine_arn=stack.load_machine_arn,
            release_machine_arn=stack.release_machine_arn,
            log_group=log_group,
        ),
    )
    function.allow(
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        on=stack.ledger_arn,
    )
    function.allow("s3:GetObject", on=stack.data("work/*"))
    function.allow("s3:GetObject", "s3:GetObjectTagging", on=stack.data("data/raw/*"))
    function.allow("s3:PutObject", "s3:PutObjectTagging", on=stack.data("data/rejected/*"))
    function.allow("s3:DeleteObjectVersion", on=stack.data("data/in/*"))
    function.allow("s3:ListBucket", on=stack.data())
    function.allow("states:StartExecution", on=[stack.load_machine_arn, stack.release_machine_arn])
    function.allow("sns:Publish", on=notices.topic_arn)
    return function


def sweep(stack: SluiceStack, *, arrivals: sqs.Queue, notices: sns.Topic) -> StepFunction:
    """Sends what was overlooked the way everything goes, and clears what is settled."""
    sweeps = stack.deployment.limits.sweeps
    function = StepFunction(
        stack,
        "sweep",
        settings=SweepSettings(
            bucket=stack.data_bucket,
            ledger_table=stack.deployment.ledger_table,
            topic_arn=notices.topic_arn,
            state_machine_arn=stack.load_machine_arn,
            arrivals_queue_url=arrivals.queue_url,
            most_messages=sweeps.most_messages,
            patience_seconds=sweeps.patience_seconds,
            config_key=JOBS,
        ),
    )
    function.allow("sqs:SendMessage", on=arrivals.queue_arn)
    function.allow("s3:GetObject", on=stack.data(JOBS))
    function.allow("s3:DeleteObjectVersion", on=stack.data("data/in/*"))
    function.allow("s3:ListBucket", "s3:ListBucketVersions", on=stack.data())
    function.allow(
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        on=stack.ledger_arn,
    )
    function.allow("dynamodb:Query", on=f"{stack.ledger_arn}/index/by_job")
    function.allow("states:DescribeExecution", on=stack.load_executions_arn)
    function.allow("sns:Publish", on=notices.topic_arn)
    return function
