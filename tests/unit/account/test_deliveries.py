"""Deliveries of events to targets that are called with a role."""

from typing import cast

import pytest

from local.account.events import DeliveryError, Events
from local.account.faults import Faults
from local.account.functions import Functions
from local.account.permissions import Permissions

_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:release"


@pytest.mark.parametrize(
    "target",
    [{"Arn": _MACHINE}, {"Arn": _MACHINE, "RoleArn": "arn:aws:iam::123456789012:role/nobody"}],
)
def test_a_state_machine_is_started_only_by_a_role_that_may(target: dict[str, str]) -> None:
    events = Events(cast(Functions, None), cast(Faults, None), Permissions())
    try:
        with pytest.raises(DeliveryError) as error:
            events._send("arn:aws:events:us-east-1:123456789012:rule/r", target, "{}")
        assert error.value.code == "NO_PERMISSIONS"
    finally:
        events.close()
