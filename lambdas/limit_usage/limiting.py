"""A workgroup's daily limit: made once, changed from then on, and taken away by its own id."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from lambdas.shared.aws.usage_limits import UsageLimits
from lambdas.shared.domain.errors import DeploymentError, TransientError

_WAITS = (1, 2, 4, 8)
"""Seconds before each new attempt; CloudFormation makes none, and a workgroup may be changing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyLimit:
    """What the template wants; `limit_id` is what CloudFormation knows the limit by, if it does."""

    workgroup_arn: str
    rpu_hours: int
    breach_action: str
    limit_id: str | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """CloudFormation's request, in which numbers are text; raises DeploymentError."""
        properties = event["ResourceProperties"]
        try:
            return cls(
                workgroup_arn=properties["workgroup"],
                rpu_hours=int(properties["daily_rpu_hours"]),
                breach_action=properties["breach_action"],
                limit_id=event.get("PhysicalResourceId"),
            )
        except (KeyError, ValueError) as error:
            raise DeploymentError(
                f"Custom::UsageLimit wants workgroup, daily_rpu_hours and breach_action: {error!r}"
            ) from error

    def keep(self, *, sleep: Callable[[float], None] = time.sleep) -> str:
        """Make sure the workgroup has this limit; the limit's id.

        A daily limit that is there is changed, whoever made it: a request that is repeated finds
        the limit it made, and a person's would hold beside ours. Raises SluiceError.
        """
        for seconds in _WAITS:
            try:
                return self._keep()
            except TransientError:
                sleep(seconds)
        return self._keep()

    def remove(self) -> None:
        """Take the limit away, if it is still there; others of the workgroup stay."""
        limits = UsageLimits(self.workgroup_arn)
        if any(each.limit_id == self.limit_id for each in limits.all()):
            limits.delete(str(self.limit_id))

    def _keep(self) -> str:
        limits = UsageLimits(self.workgroup_arn)
        daily = [each.limit_id for each in limits.all() if each.period == "daily"]
        if not daily:
            return limits.create_daily(self.rpu_hours, self.breach_action)
        limit_id = self.limit_id if self.limit_id in daily else daily[0]
        limits.update(limit_id, self.rpu_hours, self.breach_action)
        return limit_id
