"""A few of the schedules that `make faults-account` plays through the whole emulated account."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import clients
from local.account.identity import assume
from tests.faults.account import Player, player

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with player(tmp_path_factory.mktemp("faults") / "home") as made:
        yield made


@pytest.mark.parametrize("seed", [2, 3, 8])
def test_nothing_is_lost_doubled_stale_or_left_behind(played: Player, seed: int) -> None:
    outcome = played.play(seed)

    assert not outcome.violations, "\n".join([*outcome.told, *outcome.violations])
    assert outcome.verdicts


def test_a_poison_message_comes_back_alone_and_dies_after_as_many_receives_as_the_template_says(
    played: Player,
) -> None:
    deliveries = played.deliver(
        {"detail-type": "Object Created", "detail": "nothing Sluice knows"}, beside=5
    )

    poison = deliveries.pop("poison")
    assert poison == played.most_receives > 1
    assert len(deliveries) == 5
    assert set(deliveries.values()) == {1}
    (dead,) = played.take_dead_letters()
    assert json.loads(dead)["detail"] == "nothing Sluice knows"


@pytest.fixture
def held(played: Player) -> Iterator[str]:
    """A table that upsert's role made, and that a person has locked."""
    made = of_upsert(played).execute_statement(Sql="CREATE TABLE public.held (n INT)", **at(played))
    assert ended(of_upsert(played), made["Id"]) == "FINISHED"
    opened = played.client.run("BEGIN", SessionKeepAliveSeconds=60)
    session = played.client.of("redshift-data").describe_statement(Id=opened)["SessionId"]
    played.client.run("LOCK public.held", SessionId=session)
    yield "public.held"
    played.account.faults.calm()
    played.client.run("ROLLBACK", SessionId=session)
    played.client.run("DROP TABLE public.held")


def at(played: Player) -> dict[str, str]:
    info = played.account.info
    return {"WorkgroupName": info.workgroup, "Database": info.database}


def of_upsert(played: Player) -> Any:
    """The Data API as the function calls it."""
    upsert = played.client.of("lambda").get_function(FunctionName="sluice-local-upsert")
    role = clients.session(assume(upsert["Configuration"]["Role"], session="upsert"))
    return role.client("redshift-data", endpoint_url=played.account.info.endpoint_url)


def ended(data: Any, statement_id: str) -> str:
    return str(data.describe_statement(Id=statement_id, WaitTimeSeconds=20)["Status"])


def test_a_batch_of_a_function_is_cancelled_where_that_is_asked_for(
    played: Player, held: str
) -> None:
    played.account.faults.cancelled = 1.0
    data = of_upsert(played)

    batch = data.batch_execute_statement(Sqls=[f"LOCK {held}"], **at(played))

    assert ended(data, batch["Id"]) == "ABORTED"


def test_a_statement_is_forgotten_for_functions_and_for_nobody_else(played: Player) -> None:
    data = of_upsert(played)
    theirs = data.execute_statement(Sql="SELECT 1", **at(played))["Id"]
    ours = played.client.run("SELECT 1")
    played.account.faults.forgotten = 1.0

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        ended(data, theirs)
    assert ended(played.client.of("redshift-data"), ours) == "FINISHED"

    played.account.faults.calm()
    assert ended(data, theirs) == "FINISHED"
