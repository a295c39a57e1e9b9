"""Daily backups of what cannot be made again, by AWS Backup, under a key of ours."""

from aws_cdk import Duration
from aws_cdk import aws_backup as backup
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from config.deployment import Key
from stacks.constructs.stack import SluiceStack

_POLICY = "service-role/AWSBackupServiceRolePolicyForBackup"  # a person restores, by another role


class Backups(Construct):
    """A vault, a plan and the role AWS Backup takes; only where the environment keeps backups."""

    def __init__(self, stack: SluiceStack, noun: str, *, key: Key, arns: list[str]) -> None:
        super().__init__(stack, "Backups")
        days = stack.deployment.retention.backup_days
        if days is None:
            return
        name = stack.deployment.name(noun)
        vault = backup.BackupVault(
            self,
            "Vault",
            backup_vault_name=name,
            encryption_key=stack.key(key),
            removal_policy=stack.removal,
        )
        plan = backup.BackupPlan(
            self,
            "Plan",
            backup_plan_name=name,
            backup_vault=vault,
            backup_plan_rules=[
                backup.BackupPlanRule(
                    rule_name="daily",
                    delete_after=Duration.days(days),
                    schedule_expression=events.Schedule.cron(hour="3", minute="0"),
                )
            ],
        )
        role = iam.Role(
            self,
            "Role",
            role_name=name,
            assumed_by=iam.ServicePrincipal(
                "backup.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            ),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(_POLICY)],
        )
        backup.CfnBackupSelection(
            self,
            "Selection",
            backup_plan_id=plan.backup_plan_id,
            backup_selection=backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
                iam_role_arn=role.role_arn, selection_name=noun, resources=arns
            ),
        )
