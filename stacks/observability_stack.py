"""What people see of an environment, and who is told when something is wrong."""

from typing import get_args

from aws_cdk import Duration, SecretValue
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct, IDependable

from config.deployment import Deployment, Slack, Step
from config.metrics import MEMORY_USED, memory_namespace
from stacks.alarms import incidents
from stacks.constructs.stack import SluiceStack
from stacks.dashboard import dashboard
from stacks.queries import function_log, save_queries

# Lambda's last line of an invocation, field by field; only the memory it used is taken from it.
_REPORT = (
    '[report="REPORT", a="RequestId:", id, b="Duration:", duration, c="ms", d="Billed",'
    ' e="Duration:", billed, f="ms", g="Memory", h="Size:", size, i="MB", j="Max", k="Memory",'
    ' l="Used:", used, m="MB", ...]'
)


class ObservabilityStack(SluiceStack):
    """It keeps nothing and refers to everything by name: it may go and come back at any time."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(scope, "observability", deployment)
        topic = self._topic()
        self._measure_memory()
        dashboard(self, incidents(self, topic))
        save_queries(self)
        if deployment.alerts.monthly_budget_usd is not None:
            self._budget(topic, deployment.alerts.monthly_budget_usd)
        self._subscribe(topic)

    def _topic(self) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Alarms",
            topic_name=self.deployment.alarm_topic,
            display_name=f"Sluice in {self.deployment.environment}",
            master_key=self.key("messages"),
            enforce_ssl=True,
        )
        self._admit(
            topic, "cloudwatch", self.arn("cloudwatch", f"alarm:{self.deployment.name('*')}")
        )
        return topic

    def _admit(self, topic: sns.Topic, service: str, source: str) -> IDependable | None:
        """Let a service publish on behalf of what is ours; what must wait until it may."""
        statement = iam.PolicyStatement(
            sid=service.title(),
            principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={
                "StringEquals": {"aws:SourceAccount": self.account},
                "ArnLike": {"aws:SourceArn": source},
            },
        )
        return topic.add_to_resource_policy(statement).policy_dependable

    def _subscribe(self, topic: sns.Topic) -> None:
        alerts = self.deployment.alerts
        for address in alerts.emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        if alerts.pagerduty_secret is not None:
            # Resolved by CloudFormation at deployment: the URL alone lets anybody page.
            url = SecretValue.secrets_manager(alerts.pagerduty_secret).unsafe_unwrap()
            sns.Subscription(
                self,
                "PagerDuty",
                topic=topic,
                protocol=sns.SubscriptionProtocol.HTTPS,
                endpoint=url,
                # SNS gives a page up after a minute unless told otherwise; this is most of an hour
                delivery_policy=sns.DeliveryPolicy(
                    healthy_retry_policy=sns.HealthyRetryPolicy(
                        min_delay_target=Duration.seconds(20),
                        max_delay_target=Duration.seconds(120),
                        num_retries=30,
                    )
                ),
            )
        if alerts.slack is not None:
            self._slack(topic, alerts.slack)

    def _slack(self, topic: sns.Topic, slack: Slack) -> None:
        role = iam.Role(
            self,
            "SlackRole",
            role_name=self.deployment.name("slack"),
            assumed_by=iam.ServicePrincipal(
                "chatbot.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            ),
            description="Shows alarms and may do nothing: nobody runs commands from a channel.",
        )
        deny = f"arn:{self.partition}:iam::aws:policy/AWSDenyAll"
        chatbot.CfnSlackChannelConfiguration(
            self,
            "Slack",
            configuration_name=self.deployment.name("alarms"),
            iam_role_arn=role.role_arn,
            slack_workspace_id=slack.workspace_id,
            slack_channel_id=slack.channel_id,
            sns_topic_arns=[topic.topic_arn],
            guardrail_policies=[deny],  # without one the channel is bounded by AdministratorAccess
            logging_level="ERROR",
        )

    def _budget(self, topic: sns.Topic, monthly_usd: int) -> None:
        """The whole account's bill: a filter by tag shows nothing until somebody activates it."""
        admitted = self._admit(topic, "budgets", self.arn("budgets", "*", region=""))
        subscriber = budgets.CfnBudget.SubscriberProperty(
            subscription_type="SNS", address=topic.topic_arn
        )
        budget = budgets.CfnBudget(
            self,
            "CostBudget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=self.deployment.name("cost-budget"),
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=monthly_usd, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[subscriber],
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )
        if admitted is not None:
            budget.node.add_dependency(admitted)  # Budgets asks at once whether it may publish

    def _measure_memory(self) -> None:
        for step in get_args(Step):
            logs.CfnMetricFilter(
                self,
                f"{step.title().replace('_', '')}Report",
                log_group_name=function_log(self, step),
                filter_pattern=_REPORT,
                metric_transformations=[
                    logs.CfnMetricFilter.MetricTransformationProperty(
                        metric_namespace=memory_namespace(self.deployment.function(step)),
                        metric_name=MEMORY_USED,
                        metric_value="$used",
                        unit="Megabytes",
                    )
                ],
            )
