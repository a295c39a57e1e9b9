"""The network: private, nothing open, and every service that functions call within reach."""

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from config.deployment import Deployment
from stacks.constructs.app import SluiceApp
from stacks.network_stack import CALLED, NetworkStack
from tests.infrastructure.assembly import Assembly, as_list
from tools.policy.templates import text

_BY_GATEWAY = {"s3", "dynamodb"}
_WITHOUT_A_CALL = {
    "logs": "Lambda takes a function's log away itself",
    "redshift-serverless": "the Data API asks for credentials on the caller's behalf",
    "secretsmanager": "the Data API reads the secret on the caller's behalf",
    "ec2": "Lambda makes the network interfaces",
    "xray": "Lambda takes the traces away itself",
}
_OUTSIDE = ("LoadRole", "ReleaseRole", "Copying", "FlowLog", "Backups", "LimitUsage")


@pytest.fixture(params=("dev", "staging", "prod"))
def networked(request: pytest.FixtureRequest, assemble: Callable[[str], Assembly]) -> Assembly:
    return assemble(request.param)


def test_the_warehouse_is_in_three_private_subnets(networked: Assembly) -> None:
    workgroup = networked.one("AWS::RedshiftServerless::Workgroup").properties
    assert len(workgroup["SubnetIds"]) == 3
    assert workgroup["EnhancedVpcRouting"] is True
    zones = {s.properties["AvailabilityZone"] for s in networked.resources("AWS::EC2::Subnet")}
    assert len(zones) == 3
    for subnet in networked.resources("AWS::EC2::Subnet"):
        assert not subnet.properties.get("MapPublicIpOnLaunch")


# Redshift's own table of what a workgroup takes in each subnet when it is created.
_ADDRESSES = {4: 9, 8: 9, 16: 13, 32: 13, 64: 21, 128: 37, 256: 69, 512: 133, 1024: 261}


@pytest.mark.parametrize("nat_gateways", [0, 1])
@pytest.mark.parametrize(("cidr", "most_rpu"), [("10.0.0.0/22", 256), ("10.0.0.0/20", 1024)])
def test_the_smallest_network_of_six_zones_has_room_for_the_warehouse(
    tmp_path: Path, cidr: str, most_rpu: int, nat_gateways: int
) -> None:
    deployment = Deployment.model_validate(
        {
            "environment": "small",
            "region": "us-east-1",
            "warehouse": {"base_rpu": most_rpu, "max_rpu": most_rpu},
            "network": {"cidr": cidr, "zones": [*"abcdef"], "nat_gateways": nat_gateways},
        }
    )
    context = {"environment": "small", "aws:cdk:bundling-stacks": []}
    app = SluiceApp(outdir=tmp_path, context=context)
    NetworkStack(app, deployment, deployment.network)  # type: ignore[arg-type]  # it has one
    (template,) = (stack.template for stack in app.synth().stacks)
    sizes = [
        ip_network(each["Properties"]["CidrBlock"]).num_addresses
        for each in template["Resources"].values()
        if each["Type"] == "AWS::EC2::Subnet"
        and not any(tag["Value"] == "Public" for tag in each["Properties"]["Tags"])
    ]
    assert len(sizes) == 6
    kept_by_aws, endpoints_and_functions = 5, 10
    assert min(sizes) - kept_by_aws - endpoints_and_functions >= _ADDRESSES[most_rpu]


def test_nothing_reaches_the_internet_unless_configured(networked: Assembly) -> None:
    gateways = {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP"}
    assert Deployment.load(networked.environment).network.nat_gateways == 0  # type: ignore[union-attr]
    assert not list(networked.resources(*gateways))
    assert not list(networked.resources("AWS::EC2::Route"))


def test_only_functions_come_in_and_only_to_the_endpoints_of_aws(networked: Assembly) -> None:
    for group in networked.resources("AWS::EC2::SecurityGroup"):
        assert "SecurityGroupIngress" not in group.properties
        for rule in group.properties["SecurityGroupEgress"]:
            nothing = rule["CidrIp"] == "255.255.255.255/32"
            assert nothing or (rule["FromPort"], rule["ToPort"]) == (443, 443)
    rules = list(networked.resources("AWS::EC2::SecurityGroupIngress"))
    inside = Deployment.load(networked.environment).network.functions_inside  # type: ignore[union-attr]
    assert len(rules) == int(inside)
    for rule in rules:
        assert (rule.properties["FromPort"], rule.properties["ToPort"]) == (443, 443)
        assert "Functions" in json.dumps(rule.properties["SourceSecurityGroupId"])
        assert "Endpoints" in json.dumps(rule.properties["GroupId"])


def test_functions_are_in_the_network_where_the_environment_says_so(deployed: Assembly) -> None:
    network = Deployment.load(deployed.environment).network
    inside = bool(network and network.functions_inside)
    for function in deployed.resources("AWS::Lambda::Function"):
        expected = inside and function.logical_id != deployed.function("limit_usage").logical_id
        assert ("VpcConfig" in function.properties) is expected


def test_a_function_may_not_make_network_interfaces_itself(networked: Assembly) -> None:
    making: list[dict[str, Any]] = [
        s for _, s in networked.statements() if "ec2:CreateNetworkInterface" in as_list(s["Action"])
    ]
    allowed = [s for s in making if s["Effect"] == "Allow"]
    denied = [s for s in making if s["Effect"] == "Deny"]
    assert len(allowed) == len(denied)
    for statement in denied:
        assert "lambda:SourceFunctionArn" in statement["Condition"]["ArnEquals"]


def test_every_service_a_function_may_call_has_an_endpoint(assemble: Any) -> None:
    staging = assemble("staging")
    called = {
        action.partition(":")[0]
        for policy, statement in staging.statements()
        if not policy.startswith(_OUTSIDE)
        for action in as_list(statement["Action"])
    }
    assert called - _WITHOUT_A_CALL.keys() == {*CALLED, *_BY_GATEWAY}
    endpoints = {
        json.dumps(e.properties["ServiceName"]) for e in staging.resources("AWS::EC2::VPCEndpoint")
    }
    assert all(any(f"{name}" in e for e in endpoints) for name in (*CALLED, *_BY_GATEWAY))


def test_a_gateway_lets_through_all_that_a_function_may_do_there(networked: Assembly) -> None:
    """IAM asks both policies; a table's index and a bucket's objects have ARNs of their own."""
    through: dict[str, list[str]] = {}
    for endpoint in networked.resources("AWS::EC2::VPCEndpoint"):
        for statement in endpoint.properties["PolicyDocument"]["Statement"]:
            for action in as_list(statement["Action"]):
                patterns = [text(each) for each in as_list(statement["Resource"])]
                through.setdefault(action.partition(":")[0], []).extend(patterns)
    asked = {
        (action.partition(":")[0], text(resource))
        for policy, statement in networked.statements()
        if not policy.startswith("Backups")
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if action.partition(":")[0] in _BY_GATEWAY
    }
    assert {service for service, _ in asked} == _BY_GATEWAY
    refused = {each for each in asked if not any(fnmatchcase(each[1], p) for p in through[each[0]])}
    assert not refused


def test_every_endpoint_admits_this_account_only(networked: Assembly) -> None:
    for endpoint in networked.resources("AWS::EC2::VPCEndpoint"):
        for statement in endpoint.properties["PolicyDocument"]["Statement"]:
            if "Condition" not in statement:
                # a signed URL of CloudFormation's is not this account's
                assert statement["Action"] == "s3:PutObject"
                assert "custom-resource-response" in json.dumps(statement["Resource"])
            else:
                assert "aws:PrincipalAccount" in statement["Condition"]["StringEquals"]


def test_all_traffic_is_logged_for_as_long_as_other_logs(networked: Assembly) -> None:
    flows = networked.one("AWS::EC2::FlowLog").properties
    assert flows["TrafficType"] == "ALL"
    role = networked.one("AWS::IAM::Role", "FlowLogRole").properties
    (taking,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert "aws:SourceArn" in taking["Condition"]["ArnLike"]
