"""What each identity may do, who may reach what, and what is kept."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from config.deployment import Deployment
from tests.infrastructure.assembly import Assembly, Resource, as_list, target

_ANY_RESOURCE = {
    "redshift-serverless:ListUsageLimits": "IAM knows no resource type for usage limits",
    "redshift-serverless:CreateUsageLimit": "IAM knows no resource type for usage limits",
    "redshift-serverless:UpdateUsageLimit": "IAM knows no resource type for usage limits",
    "redshift-serverless:DeleteUsageLimit": "IAM knows no resource type for usage limits",
    "redshift-data:DescribeStatement": "statements have no ARN; the condition names their owner",
    "redshift-data:GetStatementResult": "statements have no ARN; the condition names their owner",
    "redshift-data:CancelStatement": "statements have no ARN; the condition names their owner",
    "logs:CreateLogDelivery": "log deliveries have no ARN",
    "logs:GetLogDelivery": "log deliveries have no ARN",
    "logs:UpdateLogDelivery": "log deliveries have no ARN",
    "logs:DeleteLogDelivery": "log deliveries have no ARN",
    "logs:ListLogDeliveries": "log deliveries have no ARN",
    "logs:PutResourcePolicy": "an account has one set of log resource policies",
    "logs:DescribeResourcePolicies": "an account has one set of log resource policies",
    "logs:DescribeLogGroups": "Step Functions looks for its log group among all",
}

# Lambda makes a function's network interfaces as its role, before they have an ARN.
_INTERFACES = {
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
}  # fmt: skip

# X-Ray knows no resources to write to.
_TRACES = {
    "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}  # fmt: skip

_RETAINED = (
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::RedshiftServerless::Namespace",
    "AWS::Logs::LogGroup",
    "AWS::KMS::Key",
)


# --- identities


def test_every_function_has_a_role_of_its_own_under_its_own_name(deployed: Assembly) -> None:
    functions = list(deployed.resources("AWS::Lambda::Function"))
    roles = {r.logical_id: r.properties for r in deployed.resources("AWS::IAM::Role")}
    used = [target(function.properties["Role"]) for function in functions]
    assert len(set(used)) == len(used)
    for function, role in zip(functions, used, strict=True):
        assert roles[role]["RoleName"] == function.properties["FunctionName"]


def test_no_action_is_a_wildcard(deployed: Assembly) -> None:
    actions = {a for _, s in deployed.statements() for a in as_list(s["Action"])}
    assert not [action for action in actions if "*" in action]


def test_no_resource_is_a_wildcard_without_a_reason(deployed: Assembly) -> None:
    anywhere = {
        action
        for _, statement in deployed.statements()
        if "*" in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    }
    deployment = Deployment.load(deployed.environment)
    inside = deployment.network and deployment.network.functions_inside
    expected = _ANY_RESOURCE.keys() | (_INTERFACES if inside else set())
    assert anywhere == expected | (_TRACES if deployment.tracing else set())


def test_a_statement_may_be_asked_about_only_by_who_submitted_it(deployed: Assembly) -> None:
    for _, statement in deployed.statements():
        if "redshift-data:DescribeStatement" in as_list(statement["Action"]):
            assert statement["Condition"] == {
                "StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}
            }


def test_statements_run_only_on_this_workgroup(deployed: Assembly) -> None:
    workgroup = deployed.one("AWS::RedshiftServerless::Workgroup").logical_id
    running = [
        statement
        for _, statement in deployed.statements()
        if {"redshift-data:ExecuteStatement", "redshift-serverless:GetCredentials"}
        & set(as_list(statement["Action"]))
    ]
    assert running
    assert {target(statement["Resource"]) for statement in running} == {workgroup}


def test_only_the_loader_the_caller_and_the_migration_reach_the_warehouse(
    deployed: Assembly,
) -> None:
    policies = {
        policy
        for policy, statement in deployed.statements()
        for action in as_list(statement["Action"])
        if action.startswith(("redshift", "secretsmanager")) and "UsageLimit" not in action
    }
    assert {policy.rstrip("0123456789ABCDEF") for policy in policies} == {
        "Loader",
        "ProcedureCaller",
        "MigrateRoleDefaultPolicy",
    }


def test_only_one_function_touches_usage_limits_and_it_touches_nothing_else(
    deployed: Assembly,
) -> None:
    limiting = {
        policy: set(as_list(statement["Action"]))
        for policy, statement in deployed.statements()
        if any("UsageLimit" in action for action in as_list(statement["Action"]))
    }
    (policy,) = limiting
    rest = {
        action
        for name, statement in deployed.statements()
        if name == policy
        for action in set(as_list(statement["Action"])) - limiting[policy]
    }
    assert policy.startswith("LimitUsageRole")
    assert rest - _TRACES == {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_object_permissions_name_a_prefix(local: Assembly) -> None:
    bucket = local.one("AWS::S3::Bucket", "Data").properties["BucketName"]
    arn = f"arn:aws:s3:::{bucket}"
    prefixes = {
        resource.removeprefix(f"{arn}/")
        for _, statement in local.statements()
        for resource in as_list(statement["Resource"])
        if isinstance(resource, str) and resource.startswith("arn:aws:s3") and resource != arn
    }
    assert prefixes == {
        "config/config.json", "data/in/*", "data/raw/*", "data/new_files/*", "data/rejected/*",
        "work/*", "Redshift/Rel*",
    }  # fmt: skip


def test_the_whole_bucket_is_only_listed(local: Assembly) -> None:
    arn = f"arn:aws:s3:::{local.one('AWS::S3::Bucket', 'Data').properties['BucketName']}"
    actions = {
        action
        for _, statement in local.statements()
        if arn in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    }
    assert actions == {"s3:ListBucket", "s3:ListBucketVersions"}


def test_redshift_reads_raw_copies_and_manifests_and_writes_nothing(local: Assembly) -> None:
    bucket = f"arn:aws:s3:::{local.one('AWS::S3::Bucket', 'Data').properties['BucketName']}"
    statements = [s for policy, s in local.statements() if policy.startswith("Copying")]
    assert [(s["Action"], s["Resource"], s.get("Condition")) for s in statements] == [
        ("s3:GetObject", [f"{bucket}/data/raw/*", f"{bucket}/work/*"], None),
        (
            "s3:ListBucket",
            bucket,
            {"StringLike": {"s3:prefix": ["data/raw/*", "work/*"]}},
        ),
    ]


@pytest.mark.parametrize("noun", ["Load", "Release"])
def test_a_state_machine_invokes_exactly_its_functions(deployed: Assembly, noun: str) -> None:
    (invoke,) = (
        s
        for policy, s in deployed.statements()
        if policy.startswith(f"{noun}Role") and s["Action"] == "lambda:InvokeFunction"
    )
    substitutions = deployed.one("AWS::StepFunctions::StateMachine", noun).properties[
        "DefinitionSubstitutions"
    ]
    invoked = sorted(target(arn) for arn in invoke["Resource"])
    assert invoked == sorted(target(arn) for arn in substitutions.values())


def test_a_function_writes_to_its_own_log_group_only(deployed: Assembly) -> None:
    for function in deployed.resources("AWS::Lambda::Function"):
        log = target(function.properties["LoggingConfig"]["LogGroup"])
        role = target(function.properties["Role"])
        (policy,) = (
            p
            for p in deployed.resources("AWS::IAM::Policy")
            if [target(r) for r in p.properties["Roles"]] == [role]
        )
        (statement,) = (
            s
            for s in policy.properties["PolicyDocument"]["Statement"]
            if "logs:PutLogEvents" in as_list(s["Action"])
        )
        assert target(statement["Resource"]) == log


# --- who may reach what


def _resource_statements(deployed: Assembly) -> Iterator[tuple[Resource, dict[str, Any]]]:
    for policy in deployed.resources(
        "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"
    ):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            yield policy, statement


def test_resource_policies_admit_only_services_and_only_for_a_named_source(
    deployed: Assembly,
) -> None:
    for _, statement in _resource_statements(deployed):
        if statement["Effect"] == "Allow":
            assert statement["Principal"].keys() == {"Service"}
            assert "aws:SourceArn" in json.dumps(statement["Condition"])


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic"])
def test_nothing_is_reached_without_tls(deployed: Assembly, kind: str) -> None:
    refusing = {
        target(name)
        for policy, statement in _resource_statements(deployed)
        if statement["Effect"] == "Deny"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for key in ("Bucket", "Queues", "Topics")
        for name in as_list(policy.properties.get(key, []))
    }
    assert {r.logical_id for r in deployed.resources(kind)} <= refusing


@pytest.mark.parametrize("noun", ["Load", "Release"])
def test_only_step_functions_on_behalf_of_a_machine_takes_its_role(
    local: Assembly, noun: str
) -> None:
    role = local.one("AWS::IAM::Role", f"{noun}Role").properties
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    machine = local.one("AWS::StepFunctions::StateMachine", noun).properties["StateMachineName"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {
            "aws:SourceArn": f"arn:aws:states:us-east-1:123456789012:stateMachine:{machine}"
        },
    }


def test_the_bucket_is_private_versioned_and_encrypted(deployed: Assembly) -> None:
    bucket = deployed.one("AWS::S3::Bucket", "Data").properties
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["BucketEncryption"]
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_the_warehouse_is_private_and_speaks_tls_only(deployed: Assembly) -> None:
    workgroup = deployed.one("AWS::RedshiftServerless::Workgroup").properties
    settings = {p["ParameterKey"]: p["ParameterValue"] for p in workgroup["ConfigParameters"]}
    assert workgroup["PubliclyAccessible"] is False
    assert settings["require_ssl"] == "true"
    assert settings["enable_case_sensitive_identifier"] == "false"
    assert workgroup["MaxCapacity"] >= workgroup["BaseCapacity"]


def test_the_warehouse_has_no_password_in_the_template_and_reports_who_did_what(
    deployed: Assembly,
) -> None:
    namespace = deployed.one("AWS::RedshiftServerless::Namespace").properties
    assert namespace["ManageAdminPassword"] is True
    assert "AdminUserPassword" not in namespace
    assert namespace["IamRoles"] == [namespace["DefaultIamRoleArn"]]
    assert set(namespace["LogExports"]) == {"userlog", "connectionlog", "useractivitylog"}


def test_the_admin_secret_is_named_as_redshift_names_it(local: Assembly) -> None:
    namespace = local.one("AWS::RedshiftServerless::Namespace").properties
    variables = local.function("migrate").properties["Environment"]["Variables"]
    secret = f"redshift!{namespace['NamespaceName']}-{namespace['AdminUsername']}"
    assert variables["SLUICE_ADMIN_SECRET_ARN"] == secret


# --- what is kept


def test_data_and_logs_outlive_their_stacks_where_the_environment_says_so(
    deployed: Assembly,
) -> None:
    deployment = Deployment.load(deployed.environment)
    kept = {
        "retain": ("RetainExceptOnCreate", "Retain"),
        "destroy": ("Delete", "Delete"),
    }[deployment.removal_policy]
    stateful = list(deployed.resources(*_RETAINED))
    assert {r.kind for r in stateful} == set(_RETAINED)
    for resource in stateful:
        assert (resource.body["DeletionPolicy"], resource.body["UpdateReplacePolicy"]) == kept


def test_a_first_deployment_that_fails_can_delete_its_namespace(deployed: Assembly) -> None:
    """Redshift makes no snapshot of a namespace whose workgroup is gone, as it then is."""
    workgroup = deployed.one("AWS::RedshiftServerless::Workgroup")
    namespace = deployed.one("AWS::RedshiftServerless::Namespace")
    assert namespace.logical_id in as_list(workgroup.body["DependsOn"])
    assert not [name for name in namespace.properties if name.startswith("FinalSnapshot")]


def test_every_log_group_expires(deployed: Assembly) -> None:
    days = Deployment.load(deployed.environment).retention.log_days
    groups = list(deployed.resources("AWS::Logs::LogGroup"))
    assert {g.properties["RetentionInDays"] for g in groups} == {days}


def test_the_ledger_can_be_restored_to_any_second_and_is_paid_by_request(
    deployed: Assembly,
) -> None:
    table = deployed.one("AWS::DynamoDB::Table").properties
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    deployment = Deployment.load(deployed.environment)
    assert table["DeletionProtectionEnabled"] is deployment.termination_protection


def test_an_upload_that_is_not_loaded_yet_never_expires(deployed: Assembly) -> None:
    rules = deployed.one("AWS::S3::Bucket", "Data").properties["LifecycleConfiguration"]["Rules"]
    expiring = {rule.get("Prefix", "") for rule in rules if "ExpirationInDays" in rule}
    assert "work/" in expiring
    assert expiring <= {"work/", "data/raw/"}
    overwritten = {
        rule.get("Prefix", ""): rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for rule in rules
        if "NoncurrentVersionExpiration" in rule
    }
    kept = ("data/in/x.csv", "data/new_files/x.csv")
    assert not [prefix for prefix in overwritten for key in kept if key.startswith(prefix)]
    retention = Deployment.load(deployed.environment).retention
    for prefix in ("config/", "data/rejected/", "Redshift/"):
        assert overwritten[prefix] == retention.noncurrent_days
    assert "data/raw/" in overwritten


def test_production_is_protected_from_deletion(deployed: Assembly) -> None:
    manifest = json.loads((deployed.folder / "manifest.json").read_text())
    protected = {
        artifact["properties"].get("terminationProtection", False)
        for artifact in manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert protected == {deployed.environment == "prod"}
