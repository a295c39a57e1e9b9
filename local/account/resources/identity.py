"""IAM, KMS and Secrets Manager."""

import json
import secrets
from typing import Any

from moto.iam import models as iam
from moto.kms import models as kms

from local.account.clients import Aws
from local.account.resources.resource import Created, Properties, Request, resource_type


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


@resource_type("AWS::IAM::OIDCProvider")
def _oidc_provider(request: Request) -> Created:
    properties, client = request.properties, request.aws("iam")
    if request.existing is not None:
        return Created(ref=request.existing.ref, attributes=request.existing.attributes)
    arn = client.create_open_id_connect_provider(
        Url=properties["Url"], ClientIDList=properties.get("ClientIdList", [])
    )["OpenIDConnectProviderArn"]
    return Created(ref=arn, attributes={"Arn": arn})


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


@resource_type("AWS::SecretsManager::Secret", name="Name")
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
