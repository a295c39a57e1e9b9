"""S3 keeps the rules that lost data hides in: versions, conditions, locks."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.account.conftest import Aws

pytestmark = pytest.mark.emulated


def body(aws: Aws, key: str, **more: Any) -> bytes:
    content: bytes = aws("s3").get_object(Bucket="data", Key=key, **more)["Body"].read()
    return content


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_policy_that_demands_tls_does_not_lock_the_account_out(aws: Aws) -> None:
    policy = aws("s3").get_bucket_policy(Bucket="data")["Policy"]
    assert "aws:SecureTransport" in policy
    aws("s3").put_object(Bucket="data", Key="over-http", Body=b"fine")
    assert body(aws, "over-http") == b"fine"


def test_deleting_a_version_makes_the_older_one_current(aws: Aws) -> None:
    s3 = aws("s3")
    old = s3.put_object(Bucket="data", Key="v", Body=b"old")["VersionId"]
    new = s3.put_object(Bucket="data", Key="v", Body=b"new")["VersionId"]
    assert body(aws, "v", VersionId=old) == b"old"
    s3.delete_object(Bucket="data", Key="v", VersionId=new)
    assert body(aws, "v") == b"old"


def test_a_copy_holds_to_the_source_s_etag(aws: Aws) -> None:
    s3 = aws("s3")
    etag = s3.put_object(Bucket="data", Key="source", Body=b"1")["ETag"]
    s3.copy_object(Bucket="data", Key="t", CopySource="data/source", CopySourceIfMatch=etag)
    s3.put_object(Bucket="data", Key="source", Body=b"2")
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket="data", Key="t", CopySource="data/source", CopySourceIfMatch=etag)
    assert refused(error) == "PreconditionFailed"
    assert body(aws, "t") == b"1"


def test_a_key_has_at_most_1024_bytes(aws: Aws) -> None:
    s3 = aws("s3")
    s3.put_object(Bucket="data", Key="é" * 512, Body=b"fits")
    for ask in (
        lambda: s3.put_object(Bucket="data", Key="é" * 512 + "k", Body=b""),
        lambda: s3.copy_object(
            Bucket="data", Key="k" * 1025, CopySource={"Bucket": "data", "Key": "é" * 512}
        ),
    ):
        with pytest.raises(ClientError) as error:
            ask()
        assert refused(error) == "KeyTooLongError"


def test_one_of_many_writers_creates_an_object(aws: Aws) -> None:
    def create(number: int) -> bool:
        try:
            aws("s3").put_object(
                Bucket="data", Key="first-wins", Body=str(number).encode(), IfNoneMatch="*"
            )
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"  # noqa: PT017 -- either outcome is right
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(16))) == 1


def test_one_of_many_writers_passes_a_condition_on_an_item(aws: Aws) -> None:
    def claim(number: int) -> bool:
        try:
            aws("dynamodb").put_item(
                TableName="seen",
                Item={"id": {"S": "lease"}, "holder": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(id)",
            )
        except aws("dynamodb").exceptions.ConditionalCheckFailedException:
            return False
        return True

    aws("dynamodb")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(16))) == 1


def test_the_lifecycle_of_the_template_is_there(aws: Aws) -> None:
    rules = aws("s3").get_bucket_lifecycle_configuration(Bucket="data")["Rules"]
    assert [(rule["ID"], rule["Expiration"]["Days"]) for rule in rules] == [("work", 7)]
