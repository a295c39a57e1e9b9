"""The Data API and COPY: tokens, waiting, who may see what, and what errors tell."""

import io
import time
from datetime import UTC, datetime
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from cli.environment import LOCAL
from tools.verify_on_aws.checks import Check, Finding
from tools.verify_on_aws.scratch import NotAskedError, Scratch


def _token(scratch: Scratch) -> Finding:
    token = f"{scratch.name}-once"
    sql = f"CREATE TABLE {scratch.table('once')} (a INTEGER)"
    first = scratch.submit(sql, token=token)
    scratch.closed(first)
    again = scratch.submit(sql, token=token)
    return Finding(holds=again == first, observed=f"{first}, then {again}")


def _failed_token(scratch: Scratch) -> Finding:
    token = f"{scratch.name}-failed"
    sql = f"SELECT 1 FROM {scratch.table('is_not_there')}"
    first = scratch.submit(sql, token=token)
    status = scratch.closed(first)["Status"]
    again = scratch.submit(sql, token=token)
    return Finding(holds=(again, status) == (first, "FAILED"), observed=f"{first}, then {again}")


def _token_age(scratch: Scratch) -> Finding:
    """The token of an earlier run, submitted again as it was then."""
    earlier = scratch.choices.earlier.get("token")
    if not earlier:
        raise NotAskedError("give --earlier with the --json output of a run some hours ago")
    age = datetime.now(UTC) - datetime.fromisoformat(earlier["at"])
    again = scratch.submit(earlier["sql"], token=earlier["token"])
    hours = age.total_seconds() / 3600
    return Finding(
        holds=again == earlier["id"], observed=f"{hours:.1f} hours later {again}, {earlier['id']}"
    )


def remember_token(scratch: Scratch) -> dict[str, str]:
    """A token for a later run's question, how long tokens live."""
    token, sql = f"{scratch.name}-later", "SELECT 1"
    statement_id = scratch.submit(sql, token=token)
    return {"token": token, "sql": sql, "id": statement_id, "at": datetime.now(UTC).isoformat()}


def _waiting(scratch: Scratch) -> Finding:
    statement_id = scratch.submit(scratch.slow(), scratch.slow())
    first = scratch.described(statement_id)["Status"]
    waited = scratch.described(statement_id, wait=True)["Status"]
    return Finding(holds=waited == "FINISHED", observed=f"at once {first}, waiting {waited}")


def _own_statements(scratch: Scratch) -> Finding:
    role = scratch.choices.other_role_arn
    if role is None:
        raise NotAskedError("give --other-role-arn: a role you may assume, with redshift-data")
    statement_id = scratch.done("SELECT 1")
    sts: Any = boto3.client("sts")
    key = sts.assume_role(RoleArn=role, RoleSessionName="sluice-verify")["Credentials"]
    other: Any = boto3.client(
        "redshift-data",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )
    try:
        other.describe_statement(Id=statement_id)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "AccessDeniedException":
            raise NotAskedError(
                f"{role} may not describe any statement; name one that may"
            ) from error
        is_hidden = code in ("ResourceNotFoundException", "ValidationException")
        return Finding(holds=is_hidden, observed=f"another role is told {code}")
    return Finding(holds=False, observed="another role sees it")


def _session_user(scratch: Scratch) -> Finding:
    if scratch.choices.secret_arn or scratch.environment.name == LOCAL:
        raise NotAskedError("run it as a role, without --secret-arn, in a real account")
    user = str(scratch.rows("SELECT current_user")[0][0])
    kind, *names = scratch.identity.split(":")[5].split("/")
    expected = f"IAMR:{names[0]}" if kind == "assumed-role" else f"IAM:{names[-1]}"
    return Finding(holds=user == expected, observed=f"{scratch.identity} is {user}")


def _copy_detail(scratch: Scratch) -> Finding:
    table = scratch.table("copied")
    scratch.done(f"CREATE TABLE {table} (a INTEGER, b INTEGER)")
    url = scratch.put("bad.csv", b"a,b\n1,2\n3,x\n")
    manifest = scratch.manifest("bad.manifest", {"url": url, "mandatory": True})
    failed = scratch.closed(
        scratch.submit(
            f"CREATE TEMP TABLE sluice_verify_staging (LIKE {table})",
            f"COPY sluice_verify_staging FROM {manifest} {scratch.copy_role} MANIFEST"
            " FORMAT AS CSV IGNOREHEADER 1",
        )
    )
    parts = [part for part in failed.get("SubStatements", []) if part["Status"] == "FAILED"]
    if not parts or "RedshiftQueryId" not in parts[0]:
        return Finding(holds=False, observed=f"no query id: {failed.get('Error')}")
    found = scratch.rows(
        "SELECT file_name, line_number, column_name FROM sys_load_error_detail"
        f" WHERE query_id = {int(parts[0]['RedshiftQueryId'])}"
    )
    told = [(str(row[0]).strip(), row[1], str(row[2]).strip()) for row in found]
    return Finding(holds=told == [(url, 3, "b")], observed=f"{told}")


def _lengths(scratch: Scratch) -> Finding:
    """Parquet by manifest: with its length, without, and with a length that is not the file's."""
    table, body = scratch.table("measured"), _parquet()
    scratch.done(f"CREATE TABLE {table} (a INTEGER)")
    url = scratch.put("right.parquet", body)
    statuses = {}
    for name, meta in (
        ("right", {"meta": {"content_length": len(body)}}),
        ("missing", {}),
        ("wrong", {"meta": {"content_length": len(body) + 1}}),
    ):
        manifest = scratch.manifest(f"{name}.manifest", {"url": url, "mandatory": True, **meta})
        copy = f"COPY {table} FROM {manifest} {scratch.copy_role} MANIFEST FORMAT AS PARQUET"
        statuses[name] = scratch.closed(scratch.submit(copy))["Status"]
    return Finding(
        holds=(statuses["right"], statuses["missing"]) == ("FINISHED", "FAILED"),
        observed=", ".join(f"{name}: {status}" for name, status in statuses.items()),
    )


def _mandatory(scratch: Scratch) -> Finding:
    table = scratch.table("mandatory")
    scratch.done(f"CREATE TABLE {table} (a INTEGER)")
    there, bucket = scratch.put("there.csv", b"1\n"), scratch.environment.bucket
    absent = f"s3://{bucket}/{scratch.prefix}/absent.csv"
    statuses = []
    for is_mandatory in (True, False):
        manifest = scratch.manifest(
            f"mandatory-{is_mandatory}.manifest",
            {"url": there, "mandatory": True},
            {"url": absent, "mandatory": is_mandatory},
        )
        copy = f"COPY {table} FROM {manifest} {scratch.copy_role} MANIFEST FORMAT AS CSV"
        statuses.append(scratch.closed(scratch.submit(copy))["Status"])
    return Finding(
        holds=statuses == ["FAILED", "FINISHED"],
        observed=f"an absent file: mandatory {statuses[0]}, not mandatory {statuses[1]}",
    )


def _way_in(scratch: Scratch) -> Finding:
    """S3, EventBridge, the encrypted queue, route: a file that no job takes is moved aside."""
    if not scratch.choices.upload:
        raise NotAskedError("give --upload: one file goes through data/in/, and people are told")
    bucket, name = scratch.environment.bucket, f"{scratch.name}.none"
    scratch.s3.put_object(Bucket=bucket, Key=f"data/in/{name}", Body=b"a\n1\n")
    end = time.monotonic() + 180
    moved: list[str] = []
    while time.monotonic() < end and not moved:
        time.sleep(1)
        found = scratch.s3.list_objects_v2(Bucket=bucket, Prefix=f"data/new_files/{name}")
        moved = [each["Key"] for each in found.get("Contents", [])]
    for key in (*moved, f"data/in/{name}"):
        versions = scratch.s3.list_object_versions(Bucket=bucket, Prefix=key)
        for each in (*versions.get("Versions", []), *versions.get("DeleteMarkers", [])):
            scratch.s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
    return Finding(holds=bool(moved), observed=f"moved to {moved}" if moved else "never moved")


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array([1, 2], pa.int32())}), out)
    return out.getvalue()


CHECKS = (
    Check(
        name="token",
        expected="a client token submitted again is the same statement, not another",
        otherwise="a lost answer submits a batch twice; the history still refuses the second",
        ask=_token,
    ),
    Check(
        name="token of a failure",
        expected="a failed statement keeps its token",
        otherwise="nothing: a new attempt has a token of its own",
        ask=_failed_token,
    ),
    Check(
        name="life of a token",
        expected="a token lives longer than a state machine's retries, some eight hours",
        otherwise="a late retry submits a batch again; the history still refuses it",
        ask=_token_age,
    ),
    Check(
        name="waiting",
        expected="DescribeStatement with WaitTimeSeconds answers when the statement has ended",
        otherwise="loads poll more often; nothing is lost",
        ask=_waiting,
    ),
    Check(
        name="own statements",
        expected="a role cannot describe what another role submitted",
        otherwise="nothing breaks; only upsert describes its statements",
        ask=_own_statements,
    ),
    Check(
        name="session user",
        expected="a role is the database user IAMR:<role>, in the role's own case",
        otherwise="the migration grants to a user that does not exist: no function may do anything",
        ask=_session_user,
    ),
    Check(
        name="detail of a COPY error",
        expected="after the rollback SYS_LOAD_ERROR_DETAIL names file, line and column",
        otherwise="a bad row is found by halving the batch, and its error lacks line and column",
        ask=_copy_detail,
    ),
    Check(
        name="length in a manifest",
        expected="Parquet loads with meta.content_length, and is refused without",
        otherwise="refused with it: no Parquet file loads",
        ask=_lengths,
    ),
    Check(
        name="mandatory files",
        expected="COPY fails when a mandatory file of the manifest is absent, else it goes on",
        otherwise="a raw copy that vanished is loaded as nothing: rows are lost in silence",
        ask=_mandatory,
    ),
    Check(
        name="way in",
        expected="an upload reaches route through EventBridge and the encrypted queue",
        otherwise="no event arrives; see the key's policy for events.amazonaws.com and SourceArn",
        ask=_way_in,
    ),
)
