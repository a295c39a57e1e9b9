"""What a request asks of IAM: its actions, and the resources they are on.

After the Service Authorization Reference: a request may need several actions, as a copy needs the
source and the target, and a statement of the Data API needs credentials of the warehouse. An
operation nobody described here is asked for on `*`, which only a grant of `*` admits.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from local.account import arns, keys, storage
from local.account.identity import ACCOUNT_ID, REGION
from local.account.policies import Call

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A signed HTTP request, taken apart as far as all services agree."""

    service: str  # the name it is signed for
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @classmethod
    def of(cls, environ: Mapping[str, Any], *, service: str, body: bytes) -> "Request":
        """A WSGI request; `body` has been read from it."""
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return cls(
            service=service,
            method=str(environ["REQUEST_METHOD"]),
            # WSGI hands a path over as latin-1, whatever it is
            path=str(environ.get("PATH_INFO", "")).encode("latin-1").decode("utf-8", "replace"),
            query={name: values[0] for name, values in query.items()},
            headers=headers,
            body=body,
        )

    @property
    def operation(self) -> str:
        """The operation's name where the request carries one: all but REST services do."""
        if target := self.headers.get("x-amz-target"):
            return target.rsplit(".", 1)[-1]
        return self.form.get("Action", "")

    @property
    def form(self) -> Mapping[str, str]:
        """The parameters of a query service."""
        text = self.body.decode("utf-8", "replace")
        return {name: values[0] for name, values in parse_qs(text).items()}

    @property
    def parameters(self) -> Parameters:
        """The operation's parameters."""
        if "x-amz-target" not in self.headers:
            return self.form
        found: Parameters = json.loads(self.body or b"{}")
        return found


def calls_of(request: Request) -> list[Call]:
    """All that IAM is asked for one request; empty if nobody is refused it."""
    described = _SERVICES.get(request.service, _undescribed)
    return list(described(request))


def billed(request: Request) -> tuple[str, int]:
    """A request as AWS bills it: the operation, and how many units of it."""
    if request.service == "s3":
        if "x-amz-copy-source" in request.headers:
            return "Copy", 1
        if _sub_resource(request) == "delete":
            return "Delete", len(list(_deleted(request.body)))
        is_list = request.method == "GET" and not _bucket_and_key(request)[1]
        return "List" if is_list else request.method.title(), 1
    if request.operation in ("TransactWriteItems", "TransactGetItems"):
        return request.operation, len(request.parameters["TransactItems"])
    return request.operation or request.method.title(), 1


def is_object_read(request: Request) -> bool:
    """Whether a 404 tells of an object: S3 says 403 to whoever may not list the bucket."""
    reads = request.method in ("GET", "HEAD") or "x-amz-copy-source" in request.headers
    return request.service == "s3" and reads and bool(_bucket_and_key(request)[1])


def listing(request: Request) -> Call:
    """The permission with which S3 says that an object is not there."""
    source = request.headers.get("x-amz-copy-source")
    bucket = _copy_source(source)[0] if source else _bucket_and_key(request)[0]
    return Call(action="s3:ListBucket", resource=arns.bucket(bucket))


Describe = Callable[[Request], Iterator[Call]]
_SERVICES: dict[str, Describe] = {}


def _service(name: str) -> Callable[[Describe], Describe]:
    def register(describe: Describe) -> Describe:
        _SERVICES[name] = describe
        return describe

    return register


def _undescribed(request: Request) -> Iterator[Call]:
    operation = request.operation or f"{request.method}{request.path}"
    yield Call(action=f"{request.service}:{operation}", resource="*")


# --- S3


@_service("s3")
def _s3(request: Request) -> Iterator[Call]:
    bucket, key = _bucket_and_key(request)
    if not key:
        yield from _bucket_calls(request, bucket)
        return
    resource = f"{arns.bucket(bucket)}/{key}"
    if source := request.headers.get("x-amz-copy-source"):
        yield from _copied(source, resource)
    for action in _OBJECT.get((request.method, _sub_resource(request)), ("Undescribed",)):
        version = "Version" if "versionId" in request.query and action in _VERSIONED else ""
        name = action.replace("Object", "ObjectVersion") if version else action
        yield Call(action=f"s3:{name}", resource=resource)
    if request.method == "PUT" and "x-amz-tagging" in request.headers:
        yield Call(action="s3:PutObjectTagging", resource=resource)


_VERSIONED = {"GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging"}
_SUB_RESOURCES = ("uploads", "uploadId", "tagging", "acl", "retention", "delete", "versions")
_OBJECT: dict[tuple[str, str], tuple[str, ...]] = {
    ("GET", ""): ("GetObject",),
    ("HEAD", ""): ("GetObject",),
    ("PUT", ""): ("PutObject",),
    ("DELETE", ""): ("DeleteObject",),
    ("GET", "tagging"): ("GetObjectTagging",),
    ("PUT", "tagging"): ("PutObjectTagging",),
    ("POST", "uploads"): ("PutObject",),
    ("PUT", "uploadId"): ("PutObject",),
    ("POST", "uploadId"): ("PutObject",),
    ("GET", "uploadId"): ("ListMultipartUploadParts",),
    ("DELETE", "uploadId"): ("AbortMultipartUpload",),
}


def _bucket_calls(request: Request, bucket: str) -> Iterator[Call]:
    resource, kind = arns.bucket(bucket), _sub_resource(request)
    if request.method == "POST" and kind == "delete":
        for key, versioned in _deleted(request.body):
            action = "s3:DeleteObjectVersion" if versioned else "s3:DeleteObject"
            yield Call(action=action, resource=f"{resource}/{key}")
    elif request.method in ("GET", "HEAD") and kind in ("", "versions", "uploads"):
        action = {
            "": "s3:ListBucket",
            "versions": "s3:ListBucketVersions",
            "uploads": "s3:ListBucketMultipartUploads",
        }[kind]
        prefix = request.query.get("prefix")
        context = {} if prefix is None else {"s3:prefix": prefix}
        yield Call(action=action, resource=resource, context=context)
    else:
        yield Call(action="s3:Undescribed", resource=resource)


def _copied(source: str, resource: str) -> Iterator[Call]:
    """Reading the source; S3 copies its tags along, and wants the permissions for it."""
    bucket, key, version = _copy_source(source)
    read = f"{arns.bucket(bucket)}/{key}"
    noun = "ObjectVersion" if version else "Object"
    yield Call(action=f"s3:Get{noun}", resource=read)
    if storage.has_tags(bucket, key, version):
        yield Call(action=f"s3:Get{noun}Tagging", resource=read)
        yield Call(action="s3:PutObjectTagging", resource=resource)


def _copy_source(source: str) -> tuple[str, str, str | None]:
    parts = urlsplit(source)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    return bucket, key, parse_qs(parts.query).get("versionId", [None])[0]


def _bucket_and_key(request: Request) -> tuple[str, str]:
    """S3's paths are `/bucket/key`: clients of an endpoint of one's own write them so."""
    bucket, _, key = request.path.removeprefix("/").partition("/")
    return bucket, key


def _sub_resource(request: Request) -> str:
    return next((name for name in _SUB_RESOURCES if name in request.query), "")


def _deleted(body: bytes) -> Iterator[tuple[str, bool]]:
    for element in ElementTree.fromstring(body):  # noqa: S314 -- the account's own functions wrote it
        if element.tag.endswith("Object"):
            fields = {child.tag.rsplit("}", 1)[-1]: child.text or "" for child in element}
            yield fields["Key"], "VersionId" in fields


# --- DynamoDB


@_service("dynamodb")
def _dynamodb(request: Request) -> Iterator[Call]:
    operation, parameters = request.operation, request.parameters
    if operation in ("TransactWriteItems", "TransactGetItems"):
        for item in parameters["TransactItems"]:
            for kind, details in item.items():
                action = "ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item"
                yield _on_table(action, details)
    elif operation in ("BatchGetItem", "BatchWriteItem"):
        for table in parameters["RequestItems"]:
            yield _on_table(operation, {"TableName": table})
    elif "TableName" in parameters:
        yield _on_table(operation, parameters)
    else:
        yield from _undescribed(request)


def _on_table(action: str, parameters: Parameters) -> Call:
    table = arns.arn("dynamodb", _prefixed("table/", parameters["TableName"]))
    index = parameters.get("IndexName")
    return Call(action=f"dynamodb:{action}", resource=f"{table}/index/{index}" if index else table)


def _prefixed(prefix: str, name: str) -> str:
    return name if name.startswith("arn:") else f"{prefix}{name}"


# --- the other services functions and machines call


@_service("states")
def _states(request: Request) -> Iterator[Call]:
    parameters = request.parameters
    resource = parameters.get("stateMachineArn") or parameters.get("executionArn") or "*"
    yield Call(action=f"states:{request.operation}", resource=resource)


@_service("sqs")
def _sqs(request: Request) -> Iterator[Call]:
    parameters, operation = request.parameters, request.operation.removesuffix("Batch")
    place = parameters.get("QueueUrl") or parameters.get("QueueName")
    resource = arns.queue(place) if place else "*"
    yield Call(action=f"sqs:{operation}", resource=resource)


@_service("sns")
def _sns(request: Request) -> Iterator[Call]:
    operation = request.operation.removesuffix("Batch")
    yield Call(action=f"sns:{operation}", resource=request.parameters.get("TopicArn", "*"))


@_service("secretsmanager")
def _secretsmanager(request: Request) -> Iterator[Call]:
    name = request.parameters.get("SecretId")
    resource = arns.secret(name) if name else "*"
    yield Call(action=f"secretsmanager:{request.operation}", resource=resource)


@_service("lambda")
def _lambda(request: Request) -> Iterator[Call]:
    before, slash, _ = request.path.partition("/invocations")
    if not slash:
        yield from _undescribed(request)
        return
    name = unquote(before.rsplit("/functions/", 1)[-1])
    yield Call(
        action="lambda:InvokeFunction", resource=arns.arn("lambda", _prefixed("function:", name))
    )


@_service("sts")
def _sts(request: Request) -> Iterator[Call]:
    if request.operation == "GetCallerIdentity":
        return  # nobody needs a permission to ask who they are
    resource = request.parameters.get("RoleArn", "*")
    yield Call(action=f"sts:{request.operation}", resource=resource)


@_service("redshift-data")
def _redshift_data(request: Request) -> Iterator[Call]:
    """Who brings no secret logs in with temporary credentials of its own."""
    operation, parameters = request.operation, request.parameters
    workgroup = parameters.get("WorkgroupName")
    if workgroup is None:
        yield Call(action=f"redshift-data:{operation}", resource="*")
        return
    resource = arns.redshift("workgroup", workgroup)
    yield Call(action=f"redshift-data:{operation}", resource=resource)
    if secret := parameters.get("SecretArn"):
        yield Call(action="secretsmanager:GetSecretValue", resource=arns.secret(secret))
    else:
        yield Call(action="redshift-serverless:GetCredentials", resource=resource)
    if key := keys.of_warehouse(workgroup):
        yield from _kept_under(key)


def _kept_under(key: str) -> Iterator[Call]:
    """The Data API keeps statements under the warehouse's key, by a grant made as its caller.

    https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-kms.html
    """
    context = {
        "kms:viaservice": f"redshift-data.{REGION}.amazonaws.com",
        "kms:calleraccount": ACCOUNT_ID,
        "kms:grantisforawsresource": "true",
    }
    for action in ("DescribeKey", "CreateGrant", "GenerateDataKey", "Encrypt", "Decrypt"):
        yield Call(action=f"kms:{action}", resource=key, context=context)
