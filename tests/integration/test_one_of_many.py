"""A file that cannot be loaded for a reason of its own keeps none of its job's others waiting."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.bad_input.batch import job_of
from tests.integration.running import Account, closed, running_account, until

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running_account(tmp_path_factory.mktemp("sluice")) as running:
        running.configure([job_of(name) for name in ("seen", "wide", "strict")])
        yield running


def run(account: Account, sql: str) -> None:
    data = account.client("redshift-data")
    where = {"WorkgroupName": account.info.workgroup, "Database": account.info.database}
    statement = data.execute_statement(Sql=sql, **where)["Id"]
    ended = until(lambda: closed(data.describe_statement(Id=statement)))
    assert ended["Status"] == "FINISHED", ended.get("Error")


def settled(account: Account, **files: str) -> dict[str, Any]:
    """The verdicts of these files, uploaded together."""
    for name, text in files.items():
        account.upload(f"{name}.csv", text.encode())
    return {name: until(lambda name=name: account.verdict(f"{name}.csv")) for name in files}


def test_text_too_wide_for_a_column_that_a_view_holds_rejects_its_file_alone(
    account: Account,
) -> None:
    settled(account, seen_1="id,name\n1,Ann\n")
    run(account, "CREATE VIEW seen_names AS SELECT name FROM seen")

    late = "".join(f"{n},Cy\n" for n in range(10, 200_000)) + f"9,{'w' * 300}\n"
    verdicts = settled(
        account,
        seen_wide=f"id,name\n2,{'w' * 900}\n",
        seen_good="id,name\n3,Cy\n",
        seen_late="id,name\n" + late,
    )

    assert verdicts["seen_good"] == ["LOADED", 1, None]
    assert verdicts["seen_wide"] == ["REJECTED", None, "TypeChangeError"]
    assert verdicts["seen_late"] == ["REJECTED", None, "TypeChangeError"]
    assert account.query("SELECT id FROM seen ORDER BY id") == [[1], [3]]


def test_a_value_that_is_missing_where_the_table_asks_for_one_rejects_its_file_alone(
    account: Account,
) -> None:
    run(account, "CREATE TABLE strict (id BIGINT, born DATE NOT NULL)")
    run(account, 'GRANT SELECT, INSERT, DELETE ON strict TO "IAMR:sluice-local-upsert"')

    verdicts = settled(
        account,
        strict_1="id,born\n1,2001-01-31\n",
        strict_2="id,born\n2,\n",
        strict_3="id,born\n3,2003-01-31\n",
    )

    assert verdicts["strict_2"] == ["REJECTED", None, "FormatError"]
    assert verdicts["strict_1"] == verdicts["strict_3"] == ["LOADED", 1, None]
    assert account.query("SELECT id FROM strict ORDER BY id") == [[1], [3]]


def test_a_file_with_more_columns_than_its_table_can_take_is_rejected_alone(
    account: Account,
) -> None:
    first, more = ([f"{letter}{n}" for n in range(900)] for letter in "ab")
    settled(account, wide_1=",".join(["id", *first]) + "\n" + ",".join(["1"] * 901) + "\n")

    verdicts = settled(
        account,
        wide_2=",".join(["id", *more]) + "\n" + ",".join(["2"] * 901) + "\n",
        wide_3="id,a0\n3,3\n",
    )

    assert verdicts["wide_2"] == ["REJECTED", None, "ContractError"]
    assert verdicts["wide_3"] == ["LOADED", 1, None]
    assert account.query("SELECT id FROM wide ORDER BY id") == [[1], [3]]
