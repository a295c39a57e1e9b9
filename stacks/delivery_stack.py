"""Who may deploy from outside the account: one repository's workflows, without a stored secret."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from config.deployment import Delivery, Deployment
from stacks.constructs.policy import allow
from stacks.constructs.stack import SluiceStack

_ISSUER = "token.actions.githubusercontent.com"
_QUALIFIER = "hnb659fds"  # of the roles that `cdk bootstrap` makes unless told otherwise


class DeliveryStack(SluiceStack):
    """Roles that GitHub's tokens take: one deploys, one only looks; each in one environment.

    A token names repository, branch and environment, and a role wants all three. The environment
    is who approves: GitHub hands out its token only after its reviewers said yes.
    https://docs.github.com/en/actions/reference/security/oidc
    """

    def __init__(self, scope: Construct, deployment: Deployment, delivery: Delivery) -> None:
        super().__init__(scope, "delivery", deployment)
        self._delivery = delivery
        self._issuer_arn = self.arn("iam", f"oidc-provider/{_ISSUER}", region="")
        if delivery.creates_provider:
            provider = iam.CfnOIDCProvider(
                self, "GitHub", url=f"https://{_ISSUER}", client_id_list=["sts.amazonaws.com"]
            )
            self._issuer_arn = provider.attr_arn
        self._role("Deploy", deployment.environment, "deploy", "file-publishing", "lookup")
        self._role("Plan", f"{deployment.environment}-plan", "lookup")

    def _role(self, noun: str, environment: str, *bootstrapped: str) -> None:
        """A role for jobs of one of GitHub's environments; it takes roles of the bootstrap."""
        subject = f"{self._delivery.subject_prefix}:environment:{environment}"
        role = iam.Role(
            self,
            noun,
            role_name=self.deployment.name(noun.lower()),
            description=f"{noun} by workflows of {self._delivery.repository}",
            assumed_by=iam.WebIdentityPrincipal(
                self._issuer_arn,
                {
                    "StringEquals": {
                        f"{_ISSUER}:aud": "sts.amazonaws.com",
                        f"{_ISSUER}:sub": subject,
                        f"{_ISSUER}:repository": self._delivery.repository,
                        f"{_ISSUER}:ref": f"refs/heads/{self._delivery.branch}",
                    }
                },
            ),
        )
        suffix = f"{self.account}-{self.region}"
        roles = [f"role/cdk-{_QUALIFIER}-{each}-role-{suffix}" for each in bootstrapped]
        role.add_to_policy(
            allow("sts:AssumeRole", on=[self.arn("iam", each, region="") for each in roles])
        )
        self.output(f"{noun}RoleArn", role.role_arn)
