"""The limits of what a workgroup may compute, as the Redshift Serverless API keeps them.

https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_CreateUsageLimit.html
"""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from lambdas.shared.aws import clients
from lambdas.shared.aws.failures import code_of, translated

_USAGE = "serverless-compute"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLimit:
    """A limit a workgroup has; `period` is daily, weekly or monthly."""

    limit_id: str
    period: str


class UsageLimits:
    """The compute limits of one workgroup, in RPU-hours."""

    def __init__(self, workgroup_arn: str) -> None:
        self._workgroup_arn = workgroup_arn

    def all(self) -> list[UsageLimit]:
        """Every limit, whoever made it; none if the workgroup is gone."""
        pages = clients.redshift_serverless().get_paginator("list_usage_limits")
        asked = {"resourceArn": self._workgroup_arn, "usageType": _USAGE}
        with translated():
            try:
                found = [
                    each
                    for page in pages.paginate(**asked)
                    for each in page.get("usageLimits", [])  # the model has no empty list
                ]
            except ClientError as error:
                _unless_gone(error)
                found = []
        return [UsageLimit(limit_id=each["usageLimitId"], period=each["period"]) for each in found]

    def create_daily(self, rpu_hours: int, breach_action: str) -> str:
        """Limit what a day may use; the limit's id."""
        with translated():
            answer = clients.redshift_serverless().create_usage_limit(
                resourceArn=self._workgroup_arn,
                usageType=_USAGE,
                period="daily",
                amount=rpu_hours,
                breachAction=breach_action,
            )
        return str(answer["usageLimit"]["usageLimitId"])

    def update(self, limit_id: str, rpu_hours: int, breach_action: str) -> None:
        """Change a limit; its period stays."""
        with translated():
            clients.redshift_serverless().update_usage_limit(
                usageLimitId=limit_id, amount=rpu_hours, breachAction=breach_action
            )

    def delete(self, limit_id: str) -> None:
        """Remove a limit; one that is gone already is what was wanted."""
        with translated():
            try:
                clients.redshift_serverless().delete_usage_limit(usageLimitId=limit_id)
            except ClientError as error:
                _unless_gone(error)


def _unless_gone(error: ClientError) -> None:
    if code_of(error) != "ResourceNotFoundException":
        raise error
