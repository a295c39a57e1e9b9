"""CloudFormation: the resource types moto lacks, or deploys with half their properties.

A type is a function from its properties to what was created; most are one call of the API.
A type that neither moto nor this module knows fails the deployment (see `patches`).
"""

import base64
import io
import json
import re
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import (
    UnformattedGetAttTemplateException,
    ValidationError,
)
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.common_models import CloudFormationModel
from moto.iam import models as iam
from moto.kms import models as kms
from moto.s3.models import FakeBucket

from local.account import arns
from local.account.clients import Aws
from local.account.custom_resources import CustomResources
from local.account.identity import ACCOUNT_ID, REGION
from local.account.permissions import trusts

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One resource to create or update."""

    name: str  # the template's, or a generated one
    properties: Properties
    aws: Aws
    existing: "Resource | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What `Ref` and `Fn::GetAtt` return."""

    ref: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Resource(CloudFormationModel):
    """A resource as moto's CloudFormation keeps it."""

    def __init__(self, created: Created) -> None:
        self.ref = created.ref
        self.attributes = created.attributes

    @property
    def physical_resource_id(self) -> str:
        """What `Ref` returns."""
        return self.ref

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Outputs are validated before the resource exists: `get_cfn_attribute` decides."""
        return True

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        """What `Fn::GetAtt` returns; unknown attributes fail the deployment."""
        if attribute_name not in self.attributes:
            raise UnformattedGetAttTemplateException
        return self.attributes[attribute_name]

    def delete(self, account_id: str, region_name: str) -> None:
        """Leave it: nothing in the account acts on it once its stack is gone."""


Create = Callable[[Request], Created]
Delete = Callable[[Aws, Resource], object]
_TYPES: dict[str, tuple[str, Create]] = {}
_DELETIONS: dict[str, Delete] = {
    "AWS::SNS::Subscription": lambda aws, it: aws("sns").unsubscribe(SubscriptionArn=it.ref),
    "AWS::DynamoDB::GlobalTable": lambda aws, it: aws("dynamodb").delete_table(TableName=it.ref),
    "AWS::IAM::OIDCProvider": lambda aws, it: aws("iam").delete_open_id_connect_provider(
        OpenIDConnectProviderArn=it.ref
    ),
    "AWS::StepFunctions::StateMachine": lambda aws, it: aws("stepfunctions").delete_state_machine(
        stateMachineArn=it.ref
    ),
    "AWS::RedshiftServerless::Namespace": lambda aws, it: _delete_secret(
        aws, it.attributes.get("Namespace.AdminPasswordSecretArn")
    ),
    "AWS::SecretsManager::Secret": lambda aws, it: _delete_secret(aws, it.ref),
    "AWS::Scheduler::Schedule": lambda aws, it: aws("scheduler").delete_schedule(Name=it.ref),
    "AWS::CloudWatch::Alarm": lambda aws, it: aws("cloudwatch").delete_alarms(AlarmNames=[it.ref]),
}
"""What goes with its stack; the rest is known to its stack alone."""


_MOTO_LACKS: dict[str, Callable[[Aws, str], object]] = {
    "AWS::EC2::SubnetRouteTableAssociation": lambda aws, ref: _disassociate(aws("ec2"), ref),
    "AWS::EC2::RouteTable": lambda aws, ref: aws("ec2").delete_route_table(RouteTableId=ref),
    "AWS::EC2::VPCEndpoint": lambda aws, ref: aws("ec2").delete_vpc_endpoints(VpcEndpointIds=[ref]),
    "AWS::EC2::FlowLog": lambda aws, ref: aws("ec2").delete_flow_logs(FlowLogIds=[ref]),
}
"""How types are deleted that moto itself has, and leaves behind."""


def _disassociate(ec2: Any, route_table: str) -> None:
    """moto names an association after its table, so all of the table's go with the first."""
    for table in ec2.describe_route_tables(RouteTableIds=[route_table])["RouteTables"]:
        for association in table["Associations"]:
            ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])


def _deletable(model: Any, delete: Callable[[Aws, str], object], aws: Aws) -> Any:
    class Deletable(model):  # type: ignore[misc]  # one of moto's, chosen at run time
        @classmethod
        def delete_from_cloudformation_json(
            cls, resource_name: str, *args: Any, **kwargs: Any
        ) -> None:
            delete(aws, resource_name)

    return Deletable


def _delete_secret(aws: Aws, secret: str | None) -> None:
    if secret:
        aws("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


def install(
    aws: Aws, custom_resources: CustomResources, more: Mapping[str, Create]
) -> Callable[[], None]:
    """Teach moto the types here and `more`; returns what makes it forget them."""
    models: dict[str, Any] = parsing.get_model_map()
    moto: Any = parsing
    saved_models, saved_custom = dict(models), moto.CustomModel
    for kind, (name_property, create) in _TYPES.items():
        models[kind] = _model(kind, name_property, create, aws)
    for kind, create in more.items():
        models[kind] = _model(kind, "", create, aws)
    for kind, delete in _MOTO_LACKS.items():
        models[kind] = _deletable(models[kind], delete, aws)
    for model in (Bucket, Function, Key, Role):
        models[model.cloudformation_type()] = type(model.__name__, (model,), {"aws": aws})
    moto.CustomModel = _custom_model(custom_resources)
    models["AWS::CloudFormation::CustomResource"] = moto.CustomModel

    def undo() -> None:
        models.clear()
        models.update(saved_models)
        moto.CustomModel = saved_custom

    return undo


def _resource(kind: str, *, name: str = "") -> Callable[[Create], Create]:
    def register(create: Create) -> Create:
        _TYPES[kind] = (name, create)
        return create

    return register


def _model(kind: str, name_property: str, create: Create, aws: Aws) -> type[Resource]:
    def name_of(properties: Properties, generated: str) -> str:
        return str(properties.get(name_property) or generated)

    class Model(Resource):
        @staticmethod
        def cloudformation_type() -> str:
            return kind

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any
        ) -> Resource:
            properties = cloudformation_json["Properties"]
            name = name_of(properties, resource_name)
            return cls(create(Request(name=name, properties=properties, aws=aws)))

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Resource,
            new_resource_name: str,
            cloudformation_json: Any,
            *args: Any,
            **kwargs: Any,
        ) -> Resource:
            properties = cloudformation_json["Properties"]
            request = Request(
                name=name_of(properties, new_resource_name),
                properties=properties,
                aws=aws,
                existing=original_resource,
            )
            return cls(create(request))

        def delete(self, account_id: str, region_name: str) -> None:
            if kind in _DELETIONS:
                _DELETIONS[kind](aws, self)

    return Model


def _custom_model(custom_resources: CustomResources) -> Any:
    class CustomResource(Resource):
        """`Custom::*`; its attributes are the `Data` its function answers with."""

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any
        ) -> Resource:
            request = {
                "StackId": kwargs["StackId"],
                "LogicalResourceId": kwargs["LogicalId"],
                "ResourceType": kwargs["ResourceType"],
            }
            properties = cloudformation_json["Properties"]
            answer = custom_resources.request("Create", properties, **request)
            resource = cls(_answered(answer))
            resource.request, resource.properties = request, properties
            return resource

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Any,
            new_resource_name: str,
            cloudformation_json: Any,
            *args: Any,
            **kwargs: Any,
        ) -> Resource:
            properties = cloudformation_json["Properties"]
            answer = custom_resources.request(
                "Update",
                properties,
                PhysicalResourceId=original_resource.ref,
                OldResourceProperties=original_resource.properties,
                **original_resource.request,
            )
            resource = cls(_answered(answer))
            resource.request, resource.properties = original_resource.request, properties
            return resource

        def delete(self, account_id: str, region_name: str) -> None:
            custom_resources.request(
                "Delete", self.properties, PhysicalResourceId=self.ref, **self.request
            )

        request: dict[str, Any]
        properties: Properties

    return CustomResource


def _answered(answer: dict[str, Any]) -> Created:
    return Created(ref=answer["PhysicalResourceId"], attributes=answer.get("Data") or {})


# --- S3


class Bucket(FakeBucket):
    """`AWS::S3::Bucket`; moto creates it, and ignores most of its properties."""

    aws: Aws

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any
    ) -> FakeBucket:
        """Create the bucket and configure all of it."""
        bucket = super().create_from_cloudformation_json(
            resource_name, cloudformation_json, *args, **kwargs
        )
        _configure_bucket(cls.aws("s3"), bucket.name, cloudformation_json["Properties"])
        return bucket

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        *args: Any,
        **kwargs: Any,
    ) -> FakeBucket:
        """Configure it again."""
        _configure_bucket(cls.aws("s3"), original_resource.name, cloudformation_json["Properties"])
        return original_resource  # type: ignore[no-any-return]

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        """Delete it; S3 refuses if anything is in it, where moto forgets it."""
        cls.aws("s3").delete_bucket(Bucket=resource_name)


_BUCKET_PROPERTIES = {
    "BucketName", "BucketEncryption", "Tags",  # by moto
    "VersioningConfiguration", "NotificationConfiguration", "LifecycleConfiguration",
    "PublicAccessBlockConfiguration", "OwnershipControls", "LoggingConfiguration",
    "AccessControl",  # stored by moto
}  # fmt: skip


def _configure_bucket(s3: Any, bucket: str, properties: Properties) -> None:
    _refuse_unknown(properties, _BUCKET_PROPERTIES)
    if versioning := properties.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
    if notification := properties.get("NotificationConfiguration"):
        _refuse_unknown(notification, {"EventBridgeConfiguration"})
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    if lifecycle := properties.get("LifecycleConfiguration"):
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket,
            LifecycleConfiguration={"Rules": [_lifecycle_rule(r) for r in lifecycle["Rules"]]},
        )
    if block := properties.get("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    if ownership := properties.get("OwnershipControls"):
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=ownership)


def _lifecycle_rule(rule: Properties) -> Properties:
    """A rule of the template as the API spells it."""
    filters: Properties = {"Prefix": rule.get("Prefix", "")}
    converted: Properties = {"Status": rule["Status"], "Filter": filters}
    if "Id" in rule:
        converted["ID"] = rule["Id"]
    expiration = {
        api: rule[template]
        for template, api in (
            ("ExpirationInDays", "Days"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if template in rule
    }
    if expiration:
        converted["Expiration"] = expiration
    if noncurrent := rule.get("NoncurrentVersionExpiration"):
        converted["NoncurrentVersionExpiration"] = noncurrent
    elif "NoncurrentVersionExpirationInDays" in rule:
        days = rule["NoncurrentVersionExpirationInDays"]
        converted["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        converted["AbortIncompleteMultipartUpload"] = abort
    if transitions := rule.get("Transitions"):
        converted["Transitions"] = [
            {"Days": t["TransitionInDays"], "StorageClass": t["StorageClass"]} for t in transitions
        ]
    return converted


@_resource("AWS::S3::BucketPolicy")
def _bucket_policy(request: Request) -> Created:
    bucket, policy = request.properties["Bucket"], request.properties["PolicyDocument"]
    request.aws("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    return Created(ref=bucket)


# --- SQS and SNS


@_resource("AWS::SQS::QueuePolicy")
def _queue_policy(request: Request) -> Created:
    policy = json.dumps(request.properties["PolicyDocument"])
    for url in request.properties["Queues"]:
        request.aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Created(ref=request.name, attributes={"Id": request.name})


@_resource("AWS::SNS::TopicPolicy")
def _topic_policy(request: Request) -> Created:
    policy = json.dumps(request.properties["PolicyDocument"])
    for arn in request.properties["Topics"]:
        request.aws("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy
        )
    return Created(ref=request.name, attributes={"Id": request.name})


@_resource("AWS::SNS::Subscription")
def _subscription(request: Request) -> Created:
    properties = dict(request.properties)
    arguments = {name: properties.pop(name) for name in ("TopicArn", "Protocol", "Endpoint")}
    attributes = {
        name: json.dumps(value) if isinstance(value, dict) else str(value).lower()
        for name, value in properties.items()
        if name != "Region"
    }
    arn = request.aws("sns").subscribe(
        **arguments, Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    return Created(ref=arn, attributes={"Arn": arn})


# --- DynamoDB


@_resource("AWS::DynamoDB::GlobalTable", name="TableName")
def _global_table(request: Request) -> Created:
    dynamodb, properties = request.aws("dynamodb"), request.properties
    if request.existing is None:
        arguments: Properties = {
            name: properties[name]
            for name in (
                "KeySchema",
                "AttributeDefinitions",
                "GlobalSecondaryIndexes",
                "LocalSecondaryIndexes",
            )
            if name in properties
        }
        if stream := properties.get("StreamSpecification"):
            arguments["StreamSpecification"] = {"StreamEnabled": True, **stream}
        dynamodb.create_table(TableName=request.name, BillingMode="PAY_PER_REQUEST", **arguments)
        if ttl := properties.get("TimeToLiveSpecification"):
            dynamodb.update_time_to_live(TableName=request.name, TimeToLiveSpecification=ttl)
    table = dynamodb.describe_table(TableName=request.name)["Table"]
    return Created(
        ref=request.name,
        attributes={
            "Arn": table["TableArn"],
            "TableId": table.get("TableId", ""),
            "StreamArn": table.get("LatestStreamArn", ""),
        },
    )


# --- IAM


class Role(iam.Role):
    """`AWS::IAM::Role`; moto forgets its managed policies, and updates none of its policies."""

    aws: Aws

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any
    ) -> iam.Role:
        """Create it with its policies."""
        role = super().create_from_cloudformation_json(
            resource_name, cloudformation_json, *args, **kwargs
        )
        _attach(cls.aws("iam"), role, cloudformation_json["Properties"])
        return role

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: iam.Role,
        new_resource_name: str,
        cloudformation_json: Any,
        *args: Any,
        **kwargs: Any,
    ) -> iam.Role:
        """Change its policies and who may take it."""
        _attach(cls.aws("iam"), original_resource, cloudformation_json["Properties"])
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        """Delete it with its own policies, and detach the others; moto refuses instead."""
        client = cls.aws("iam")
        for policy in client.list_role_policies(RoleName=resource_name)["PolicyNames"]:
            client.delete_role_policy(RoleName=resource_name, PolicyName=policy)
        attached = client.list_attached_role_policies(RoleName=resource_name)["AttachedPolicies"]
        for policy in attached:
            client.detach_role_policy(RoleName=resource_name, PolicyArn=policy["PolicyArn"])
        client.delete_role(RoleName=resource_name)


def _attach(client: Any, role: iam.Role, properties: Properties) -> None:
    role.assume_role_policy_document = json.dumps(properties["AssumeRolePolicyDocument"])
    for policy in properties.get("Policies", []):
        role.policies[policy["PolicyName"]] = json.dumps(policy["PolicyDocument"])
    # moto has none of the policies that AWS itself keeps
    arns = properties.get("ManagedPolicyArns", [])
    wanted = {arn for arn in arns if not arn.startswith("arn:aws:iam::aws:")}
    attached = set(role.managed_policies)
    for arn in attached - wanted:
        client.detach_role_policy(RoleName=role.name, PolicyArn=arn)
    for arn in wanted - attached:
        client.attach_role_policy(RoleName=role.name, PolicyArn=arn)


@_resource("AWS::IAM::OIDCProvider")
def _oidc_provider(request: Request) -> Created:
    properties, client = request.properties, request.aws("iam")
    if request.existing is not None:
        return Created(ref=request.existing.ref, attributes=request.existing.attributes)
    arn = client.create_open_id_connect_provider(
        Url=properties["Url"], ClientIDList=properties.get("ClientIdList", [])
    )["OpenIDConnectProviderArn"]
    return Created(ref=arn, attributes={"Arn": arn})


# --- KMS


class Key(kms.Key):
    """`AWS::KMS::Key`; moto keeps its policy as no policy reader expects it, so none may ask."""

    aws: Aws

    @classmethod
    def create_from_cloudformation_json(cls, *args: Any, **kwargs: Any) -> kms.Key:
        """Create it, its policy as text."""
        return _with_policy_as_text(super().create_from_cloudformation_json(*args, **kwargs))

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: kms.Key,
        new_resource_name: str,
        cloudformation_json: Any,
        *args: Any,
        **kwargs: Any,
    ) -> kms.Key:
        """Change its policy; moto would forget the key."""
        original_resource.policy = cloudformation_json["Properties"]["KeyPolicy"]
        return _with_policy_as_text(original_resource)


def _with_policy_as_text(key: kms.Key) -> kms.Key:
    if not isinstance(key.policy, str):
        key.policy = json.dumps(key.policy)
    return key


# --- Lambda


class Function(LambdaFunction):
    """`AWS::Lambda::Function`; moto forgets its layers, log group and more."""

    aws: Aws

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any
    ) -> LambdaFunction:
        """Create it with every property."""
        spec = _function_spec(resource_name, cloudformation_json["Properties"])
        function = lambda_backends[ACCOUNT_ID][REGION].create_function(spec)
        return _place_log(function, spec)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        *args: Any,
        **kwargs: Any,
    ) -> LambdaFunction:
        """Change its code and configuration."""
        spec = _function_spec(original_resource.function_name, cloudformation_json["Properties"])
        original_resource.update_configuration(spec)
        original_resource.update_function_code(spec["Code"])
        return _place_log(original_resource, spec)


_FUNCTION_PROPERTIES = {
    "FunctionName", "Handler", "Role", "Runtime", "Code", "Description", "MemorySize", "Timeout",
    "Environment", "Layers", "Architectures", "EphemeralStorage", "ReservedConcurrentExecutions",
    "TracingConfig", "LoggingConfig", "KmsKeyArn", "VpcConfig", "Tags",
}  # fmt: skip


def _function_spec(name: str, properties: Properties) -> Properties:
    _refuse_unknown(properties, _FUNCTION_PROPERTIES)
    runtime = str(properties.get("Runtime"))
    if not runtime.startswith("python"):
        raise ValidationError(message=f"runtime {runtime} cannot run here: Python functions only")
    spec = {**properties, "FunctionName": name}
    spec["Tags"] = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    if "ZipFile" in spec["Code"]:
        spec["Code"] = {"ZipFile": _inline_code(spec["Code"]["ZipFile"])}
    return spec


def _inline_code(source: str) -> str:
    """A template's source text as the archive CloudFormation makes of it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("index.py", source)
    return base64.b64encode(archive.getvalue()).decode()


def _place_log(function: LambdaFunction, spec: Properties) -> LambdaFunction:
    if group := (spec.get("LoggingConfig") or {}).get("LogGroup"):
        function.logs_group_name = group
    return function


@_resource("AWS::Lambda::Version")
def _version(request: Request) -> Created:
    version = request.aws("lambda").publish_version(FunctionName=request.properties["FunctionName"])
    arn, number = version["FunctionArn"], version["Version"]
    return Created(ref=arn, attributes={"FunctionArn": arn, "Version": number})


@_resource("AWS::Lambda::Alias")
def _alias(request: Request) -> Created:
    properties = request.properties
    arguments = {name: properties[name] for name in ("FunctionName", "FunctionVersion", "Name")}
    client = request.aws("lambda")
    alias = (
        client.update_alias(**arguments)
        if request.existing is not None
        else client.create_alias(**arguments)
    )
    return Created(ref=alias["AliasArn"], attributes={"AliasArn": alias["AliasArn"]})


@_resource("AWS::Lambda::EventInvokeConfig")
def _event_invoke_config(request: Request) -> Created:
    properties = {k: v for k, v in request.properties.items() if k != "Qualifier"}
    request.aws("lambda").put_function_event_invoke_config(**properties)
    return Created(ref=request.name)


# --- Step Functions


@_resource("AWS::StepFunctions::StateMachine", name="StateMachineName")
def _state_machine(request: Request) -> Created:
    properties = request.properties
    arguments: Properties = {
        "definition": _definition(request),
        "roleArn": properties["RoleArn"],
        "loggingConfiguration": _lower_camel(
            properties.get("LoggingConfiguration", {"Level": "OFF"})
        ),
        "tracingConfiguration": _lower_camel(properties.get("TracingConfiguration", {})),
    }
    client = request.aws("stepfunctions")
    if request.existing is None:
        kind = properties.get("StateMachineType", "STANDARD")
        arn = client.create_state_machine(name=request.name, type=kind, **arguments)[
            "stateMachineArn"
        ]
    else:
        arn = request.existing.ref
        client.update_state_machine(stateMachineArn=arn, **arguments)
    return Created(ref=arn, attributes={"Arn": arn, "Name": request.name})


def _definition(request: Request) -> str:
    properties = request.properties
    if "DefinitionString" in properties:
        text: str = properties["DefinitionString"]
    elif location := properties.get("DefinitionS3Location"):
        text = (
            request.aws("s3")
            .get_object(Bucket=location["Bucket"], Key=location["Key"])["Body"]
            .read()
            .decode()
        )
    else:
        text = json.dumps(properties["Definition"])
    substitutions = properties.get("DefinitionSubstitutions", {})
    return re.sub(r"\$\{([^}]+)\}", lambda m: str(substitutions.get(m[1], m[0])), text)


def _lower_camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _lower_camel(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_lower_camel(item) for item in value]
    return value


# --- Redshift Serverless


@_resource("AWS::RedshiftServerless::Namespace", name="NamespaceName")
def _namespace(request: Request) -> Created:
    name, properties = request.name, request.properties
    if request.existing is not None:
        return Created(ref=name, attributes=request.existing.attributes)
    attributes = {
        "Namespace.NamespaceArn": arns.redshift("namespace", name),
        "Namespace.NamespaceId": str(uuid4()),
        "Namespace.NamespaceName": name,
        "Namespace.DbName": properties.get("DbName", "dev"),
        "Namespace.AdminUsername": properties.get("AdminUsername", "admin"),
        "Namespace.Status": "AVAILABLE",
    }
    if key := properties.get("KmsKeyId"):
        attributes["Namespace.KmsKeyId"] = key
    if properties.get("ManageAdminPassword"):
        secret = request.aws("secretsmanager").create_secret(
            Name=f"redshift!{name}-{attributes['Namespace.AdminUsername']}",
            SecretString=json.dumps(
                {
                    "username": attributes["Namespace.AdminUsername"],
                    "password": secrets.token_urlsafe(24),
                }
            ),
        )
        attributes["Namespace.AdminPasswordSecretArn"] = secret["ARN"]
    return Created(ref=name, attributes=attributes)


@_resource("AWS::RedshiftServerless::Workgroup", name="WorkgroupName")
def _workgroup(request: Request) -> Created:
    if request.existing is not None:
        return Created(ref=request.name, attributes=request.existing.attributes)
    host = f"{request.name}.{ACCOUNT_ID}.{REGION}.redshift-serverless.amazonaws.com"
    attributes = {
        "Workgroup.WorkgroupArn": arns.redshift("workgroup", request.name),
        "Workgroup.WorkgroupId": str(uuid4()),
        "Workgroup.WorkgroupName": request.name,
        "Workgroup.NamespaceName": request.properties["NamespaceName"],
        "Workgroup.Endpoint.Address": host,
        "Workgroup.Endpoint.Port": "5439",
        "Workgroup.Status": "AVAILABLE",
    }
    return Created(ref=request.name, attributes=attributes)


# --- everything else


@_resource("AWS::SecretsManager::Secret", name="Name")
def _secret(request: Request) -> Created:
    properties = request.properties
    if request.existing is not None:
        return Created(ref=request.existing.ref, attributes=request.existing.attributes)
    text = properties.get("SecretString")
    if generate := properties.get("GenerateSecretString"):
        password = secrets.token_urlsafe(int(generate.get("PasswordLength", 32)))
        fields = json.loads(generate.get("SecretStringTemplate", "{}"))
        key = generate.get("GenerateStringKey")
        text = json.dumps({**fields, key: password}) if key else password
    arn = request.aws("secretsmanager").create_secret(Name=request.name, SecretString=text or "{}")[
        "ARN"
    ]
    return Created(ref=arn, attributes={"Id": arn})


@_resource("AWS::Scheduler::Schedule", name="Name")
def _schedule(request: Request) -> Created:
    client, arguments = request.aws("scheduler"), {**request.properties, "Name": request.name}
    if arguments["Target"]["Arn"].startswith("arn:aws:scheduler:::"):
        raise ValidationError(message="universal targets of schedules are not emulated")
    group = arns.arn("scheduler", f"schedule-group/{arguments.get('GroupName', 'default')}")
    if not trusts(arguments["Target"]["RoleArn"], "scheduler.amazonaws.com", source_arn=group):
        raise ValidationError(
            message="The execution role you provide must allow AWS EventBridge Scheduler to assume"
            f" the role, on behalf of {group}"
        )
    put = client.create_schedule if request.existing is None else client.update_schedule
    return Created(ref=request.name, attributes={"Arn": put(**arguments)["ScheduleArn"]})


@_resource("AWS::CloudWatch::Alarm", name="AlarmName")
def _alarm(request: Request) -> Created:
    request.aws("cloudwatch").put_metric_alarm(**{**request.properties, "AlarmName": request.name})
    return Created(
        ref=request.name, attributes={"Arn": arns.arn("cloudwatch", f"alarm:{request.name}")}
    )


@_resource("AWS::CloudWatch::CompositeAlarm", name="AlarmName")
def _composite_alarm(request: Request) -> Created:
    properties = request.properties
    # moto keeps and describes composite alarms, and has no operation that makes one
    cloudwatch_backends[ACCOUNT_ID][REGION].put_metric_alarm(
        name=request.name,
        rule=properties["AlarmRule"],
        description=properties.get("AlarmDescription", ""),
        alarm_actions=properties.get("AlarmActions", []),
        ok_actions=properties.get("OKActions", []),
        namespace="",
        metric_name="",
        metric_data_queries=[],
        comparison_operator="",
        evaluation_periods=0,
        period=0,
        threshold=0,
        statistic="",
        dimensions=[],
        insufficient_data_actions=[],
    )
    return Created(
        ref=request.name, attributes={"Arn": arns.arn("cloudwatch", f"alarm:{request.name}")}
    )


@_resource("AWS::Logs::MetricFilter", name="FilterName")
def _metric_filter(request: Request) -> Created:
    properties = request.properties
    request.aws("logs").put_metric_filter(
        logGroupName=properties["LogGroupName"],
        filterName=request.name,
        filterPattern=properties["FilterPattern"],
        metricTransformations=_lower_camel(properties["MetricTransformations"]),
    )
    return Created(ref=request.name)


# Kept as they were asked for; nothing here backs up, bills or writes to a chat.


@_resource("AWS::Backup::BackupVault", name="BackupVaultName")
def _backup_vault(request: Request) -> Created:
    arn = f"arn:aws:backup:{REGION}:{ACCOUNT_ID}:backup-vault:{request.name}"
    return Created(ref=request.name, attributes={"BackupVaultArn": arn, "BackupVaultName": arn})


@_resource("AWS::Backup::BackupPlan")
def _backup_plan(request: Request) -> Created:
    plan_id = request.existing.ref if request.existing else str(uuid4())
    arn = f"arn:aws:backup:{REGION}:{ACCOUNT_ID}:backup-plan:{plan_id}"
    attributes = {"BackupPlanId": plan_id, "BackupPlanArn": arn, "VersionId": str(uuid4())}
    return Created(ref=plan_id, attributes=attributes)


@_resource("AWS::Backup::BackupSelection")
@_resource("AWS::Budgets::Budget")
@_resource("AWS::Chatbot::SlackChannelConfiguration")
@_resource("AWS::Logs::QueryDefinition")
@_resource("AWS::CDK::Metadata")
def _kept(request: Request) -> Created:
    return Created(ref=request.name)


def _refuse_unknown(properties: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(properties) - known):
        raise ValidationError(
            message=f"the emulated account does not act on {', '.join(unknown)}; add it to"
            " local/account/cloudformation.py"
        )
