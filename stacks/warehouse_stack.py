"""The warehouse, who may reach it, and its schema `sluice`."""

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_redshiftserverless as redshift
from constructs import Construct

from config.deployment import Deployment
from config.runtime import LimitUsageSettings, MigrateSettings
from stacks.constructs.backups import Backups
from stacks.constructs.code import content_hash
from stacks.constructs.function import StepFunction
from stacks.constructs.policy import allow
from stacks.constructs.stack import SluiceStack

_AUDITED = ("userlog", "connectionlog", "useractivitylog")

_SETTINGS = {
    "require_ssl": "true",
    "enable_user_activity_logging": "true",
    # Quoted names fold to lower case: the SQL of a load counts on it.
    "enable_case_sensitive_identifier": "false",
}

_SUBMIT = ("redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement")
_ASK = ("redshift-data:DescribeStatement", "redshift-data:GetStatementResult")
# Only who submitted a statement may ask about it; statements have no ARN to name instead.
_OWN = {"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}}


class WarehouseStack(SluiceStack):
    """A Redshift Serverless workgroup; migrated before anything that loads is deployed."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(scope, "warehouse", deployment)
        namespace = self._namespace(self._copying())
        Backups(
            self,
            "warehouse-backups",
            key="warehouse",
            arns=[namespace.attr_namespace_namespace_arn],
        )
        workgroup = self._workgroup(namespace)
        compute = workgroup.attr_workgroup_workgroup_arn
        self._policies(compute)
        migration = self._migration(namespace, compute)
        migration.node.add_dependency(workgroup)
        limit = self._usage_limit(compute)
        if limit is not None:  # a limit that was raised lets the migrations of its deployment run
            migration.node.add_dependency(limit)
        self.output("Workgroup", deployment.workgroup)
        self.output("Database", deployment.database)

    def _copying(self) -> iam.Role:
        """The role that COPY reads the bucket with."""
        role = iam.Role(
            self,
            "Copying",
            role_name=self.deployment.copy_role,
            assumed_by=iam.CompositePrincipal(
                iam.ServicePrincipal("redshift-serverless.amazonaws.com"),
                iam.ServicePrincipal("redshift.amazonaws.com"),
            ),
        )
        readable = ["data/raw/*", "work/*"]
        role.add_to_policy(allow("s3:GetObject", on=self.data(*readable)))
        role.add_to_policy(  # COPY lists even what a manifest names
            allow("s3:ListBucket", on=self.data(), when={"StringLike": {"s3:prefix": readable}})
        )
        return role

    def _namespace(self, copying: iam.Role) -> redshift.CfnNamespace:
        """The data: its database and admin, its key, and what it writes of who did what."""
        deployment = self.deployment
        namespace = redshift.CfnNamespace(
            self,
            "Namespace",
            namespace_name=deployment.workgroup,
            db_name=deployment.database,
            admin_username=deployment.admin,
            manage_admin_password=True,
            admin_password_secret_kms_key_id=self.key("warehouse").key_arn,
            kms_key_id=self.key("warehouse").key_arn,
            default_iam_role_arn=copying.role_arn,
            iam_roles=[copying.role_arn],
            # No final snapshot: a namespace goes after its workgroup, without which Redshift makes
            # none, and one that is kept goes only when its first deployment rolls back.
            log_exports=[*_AUDITED],
        )
        for kind in _AUDITED:  # before Redshift makes them, which would set neither key nor end
            group = self.log(kind.title(), f"/aws/redshift/{deployment.workgroup}/{kind}")
            namespace.node.add_dependency(group)
        namespace.apply_removal_policy(self.removal)
        return namespace

    def _workgroup(self, namespace: redshift.CfnNamespace) -> redshift.CfnWorkgroup:
        """The compute: how much of it, where, and the settings that statements count on."""
        deployment, subnets = self.deployment, self.subnets()
        workgroup = redshift.CfnWorkgroup(
            self,
            "Compute",
            workgroup_name=deployment.workgroup,
            namespace_name=deployment.workgroup,
            base_capacity=deployment.warehouse.base_rpu,
            max_capacity=deployment.warehouse.max_rpu,
            publicly_accessible=False,
            enhanced_vpc_routing=subnets is not None,
            subnet_ids=subnets,
            security_group_ids=[self.told("network/warehouse")] if subnets else None,
            config_parameters=[
                redshift.CfnWorkgroup.ConfigParameterProperty(
                    parameter_key=key, parameter_value=value
                )
                for key, value in _SETTINGS.items()
            ],
        )
        workgroup.add_resource_dependency(namespace)
        return workgroup

    def _policies(self, compute: str) -> None:
        """What upsert and run_procedures may do; here, as only this stack knows the workgroup."""
        iam.ManagedPolicy(
            self,
            "Loader",
            managed_policy_name=self.deployment.loader_policy,
            statements=[
                allow("redshift-serverless:GetCredentials", on=compute),
                allow(*_SUBMIT, on=compute),
                allow(*_ASK, on="*", when=_OWN),
            ],
        )
        iam.ManagedPolicy(
            self,
            "ProcedureCaller",
            managed_policy_name=self.deployment.caller_policy,
            statements=[
                *self._calling(compute),
                allow(*_ASK, "redshift-data:CancelStatement", on="*", when=_OWN),
            ],
        )

    def _migration(self, namespace: redshift.CfnNamespace, compute: str) -> CustomResource:
        """The schema `sluice`, brought up to date by every deployment that changes it."""
        deployment = self.deployment
        migrate = StepFunction(
            self,
            "migrate",
            settings=MigrateSettings(
                workgroup=deployment.workgroup,
                database=deployment.database,
                admin_secret_arn=deployment.admin_secret,
                loader_role_name=deployment.function("upsert"),
                caller_role_name=deployment.function("run_procedures"),
                procedure_schemas=",".join(deployment.procedures.schemas),
            ),
        )
        migrate.allow(*_SUBMIT, on=compute)
        migrate.allow(*_ASK, on="*", when=_OWN)
        migrate.allow(
            "secretsmanager:GetSecretValue",
            on=self.arn("secretsmanager", f"secret:{deployment.admin_secret}-??????"),
        )
        return CustomResource(
            self,
            "Migration",
            resource_type="Custom::Migration",
            service_token=migrate.function_arn,
            service_timeout=Duration.seconds(960),
            properties={
                "migrations": content_hash("lambdas/sql", "lambdas/migrate"),
                "namespace": namespace.attr_namespace_namespace_id,
                "loader": deployment.function("upsert"),
                "caller": deployment.function("run_procedures"),
                "schemas": deployment.procedures.schemas,
            },
        )

    def _usage_limit(self, compute: str) -> CustomResource | None:
        """Hold the workgroup to what a day may use; CloudFormation has no type for such a limit."""
        size = self.deployment.warehouse
        limit_usage = StepFunction(
            self,
            "limit_usage",
            settings=LimitUsageSettings(workgroup=self.deployment.workgroup),
            # An endpoint of the service costs by the hour, for one call a deployment.
            inside=False,
        )
        limit_usage.allow(  # IAM knows no resource for these: a limit has an ARN no policy takes
            "redshift-serverless:ListUsageLimits",
            "redshift-serverless:CreateUsageLimit",
            "redshift-serverless:UpdateUsageLimit",
            "redshift-serverless:DeleteUsageLimit",
            on="*",
        )
        if size.daily_rpu_hours is None:
            return None
        return CustomResource(
            self,
            "UsageLimit",
            resource_type="Custom::UsageLimit",
            service_token=limit_usage.function_arn,
            service_timeout=Duration.seconds(180),
            properties={
                "workgroup": compute,
                "daily_rpu_hours": size.daily_rpu_hours,
                "breach_action": size.breach_action,
            },
        )

    def _calling(self, compute: str) -> list[iam.PolicyStatement]:
        """Submit statements: to the workgroup, or to the cluster if procedures live in one."""
        cluster = self.deployment.procedures.cluster
        if cluster is None:
            return [
                allow("redshift-serverless:GetCredentials", on=compute),
                allow("redshift-data:ExecuteStatement", on=compute),
            ]
        name = cluster.cluster_id
        return [
            allow(
                "redshift:GetClusterCredentials",
                on=[
                    self.arn("redshift", f"dbuser:{name}/{cluster.db_user}"),
                    self.arn("redshift", f"dbname:{name}/{cluster.database}"),
                ],
            ),
            allow("redshift-data:ExecuteStatement", on=self.arn("redshift", f"cluster:{name}")),
        ]
