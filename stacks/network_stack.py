"""The network: private subnets, nothing open, and AWS reached without the internet."""

from typing import Any

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from config.deployment import Deployment, Network
from stacks.constructs.policy import allow
from stacks.constructs.stack import SluiceStack

CALLED = ("redshift-data", "states", "sqs", "sns")
"""What functions call; S3 and DynamoDB come by gateway, and Lambda itself takes logs away."""

_HTTPS = ec2.Port.tcp(443)


class NetworkStack(SluiceStack):
    """A VPC over the zones that Redshift Serverless needs."""

    def __init__(self, scope: Construct, deployment: Deployment, network: Network) -> None:
        super().__init__(scope, "network", deployment)
        private = (
            ec2.SubnetType.PRIVATE_WITH_EGRESS
            if network.nat_gateways
            else ec2.SubnetType.PRIVATE_ISOLATED
        )
        subnets = [ec2.SubnetConfiguration(name="private", subnet_type=private)]
        if network.nat_gateways:
            subnets.append(
                ec2.SubnetConfiguration(
                    name="public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=28,
                    map_public_ip_on_launch=False,
                )
            )
        vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=deployment.name("network"),
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            availability_zones=[f"{self.region}{zone}" for zone in network.zones],
            nat_gateways=network.nat_gateways,
            subnet_configuration=subnets,
        )
        self._flow_log(vpc)
        self._gateways(vpc)

        warehouse = self._group(vpc, "Warehouse", "Nobody calls in: queries come by the Data API")
        warehouse.add_egress_rule(ec2.Peer.any_ipv4(), _HTTPS, "S3, as far as routes go")
        if network.functions_inside:
            functions = self._group(vpc, "Functions", "Functions call out, nobody calls in")
            functions.add_egress_rule(ec2.Peer.any_ipv4(), _HTTPS, "AWS, as far as routes go")
            self._endpoints(vpc, functions)
            self.share("FunctionsGroup", "network/functions", functions.security_group_id)
        self.share("WarehouseGroup", "network/warehouse", warehouse.security_group_id)
        chosen = vpc.select_subnets(subnet_group_name="private")
        for number, subnet_id in enumerate(chosen.subnet_ids, start=1):
            self.share(f"Subnet{number}", f"network/subnet-{number}", subnet_id)

    def _group(self, vpc: ec2.Vpc, noun: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self,
            noun,
            vpc=vpc,
            description=description,
            security_group_name=self.deployment.name(noun.lower()),
            allow_all_outbound=False,
        )

    def _flow_log(self, vpc: ec2.Vpc) -> None:
        log = self.log("FlowLog", self.deployment.shared("network/flows"))
        role = iam.Role(
            self,
            "FlowLogRole",
            role_name=self.deployment.name("flow-log"),
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": self.account},
                    "ArnLike": {"aws:SourceArn": self.arn("ec2", "vpc-flow-log/*")},
                },
            ),
        )
        role.add_to_policy(
            allow(
                "logs:CreateLogStream",
                "logs:PutLogEvents",
                "logs:DescribeLogStreams",
                on=log.log_group_arn,
            )
        )
        ec2.CfnFlowLog(
            self,
            "Flows",
            resource_id=vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=log.log_group_name,
            deliver_logs_permission_arn=role.role_arn,
            max_aggregation_interval=60,
        )

    def _gateways(self, vpc: ec2.Vpc) -> None:
        """S3 and DynamoDB cost nothing here; only what is Sluice's is reached through them."""
        s3 = vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        s3.add_to_policy(self._ours("s3:*", on=[*self.data(), *self.data("*")]))
        # A custom resource answers CloudFormation by a signed URL into one of AWS's own buckets.
        answers = f"cloudformation-custom-resource-response-{self.region.replace('-', '')}"
        s3.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject"],
                resources=[f"arn:{self.partition}:s3:::{answers}/*"],
            )
        )
        dynamodb = vpc.add_gateway_endpoint(
            "DynamoDB", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB
        )
        ledger = [self.ledger_arn, f"{self.ledger_arn}/index/*"]  # an index has an ARN of its own
        dynamodb.add_to_policy(self._ours("dynamodb:*", on=ledger))

    def _endpoints(self, vpc: ec2.Vpc, callers: ec2.SecurityGroup) -> None:
        group = self._group(vpc, "Endpoints", "Functions may call AWS")
        group.add_ingress_rule(callers, _HTTPS, "functions")
        for service in CALLED:
            endpoint = vpc.add_interface_endpoint(
                service.title().replace("-", ""),
                service=ec2.InterfaceVpcEndpointAwsService(service),
                subnets=ec2.SubnetSelection(subnet_group_name="private"),
                security_groups=[group],
                open=False,
            )
            endpoint.add_to_policy(self._ours("*", on=["*"]))

    def _ours(self, actions: str, *, on: list[str]) -> iam.PolicyStatement:
        """What an endpoint lets through: this account's callers; IAM decides what they may do."""
        whose: dict[str, Any] = {"StringEquals": {"aws:PrincipalAccount": self.account}}
        return iam.PolicyStatement(
            principals=[iam.AnyPrincipal()], actions=[actions], resources=on, conditions=whose
        )
