"""Redshift Serverless."""

import json
import secrets
from uuid import uuid4

from local.account import arns
from local.account.identity import ACCOUNT_ID, REGION
from local.account.resources.resource import Created, Request, resource_type


@resource_type("AWS::RedshiftServerless::Namespace", name="NamespaceName")
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


@resource_type("AWS::RedshiftServerless::Workgroup", name="WorkgroupName")
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
