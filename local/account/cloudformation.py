"""CloudFormation: moto's, taught the types of `local/account/resources` and custom resources."""

from collections.abc import Callable, Mapping
from typing import Any

from moto.cloudformation import parsing

from local.account.clients import Aws
from local.account.custom_resources import CustomResources
from local.account.resources import functions, identity, messages, operations, storage, warehouse
from local.account.resources.resource import TYPES, Create, Created, Properties, Request, Resource

_REGISTERED = (messages, operations, warehouse)
"""Importing a module registers its types; the others are imported for their models too."""

Delete = Callable[[Aws, Resource], object]
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
    for kind, (name_property, create) in TYPES.items():
        models[kind] = _model(kind, name_property, create, aws)
    for kind, create in more.items():
        models[kind] = _model(kind, "", create, aws)
    for kind, delete in _MOTO_LACKS.items():
        models[kind] = _deletable(models[kind], delete, aws)
    for model in (storage.Bucket, functions.Function, identity.Key, identity.Role):
        models[model.cloudformation_type()] = type(model.__name__, (model,), {"aws": aws})
    moto.CustomModel = _custom_model(custom_resources)
    models["AWS::CloudFormation::CustomResource"] = moto.CustomModel

    def undo() -> None:
        models.clear()
        models.update(saved_models)
        moto.CustomModel = saved_custom

    return undo


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
