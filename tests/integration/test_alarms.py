"""What happens in a running account raises exactly the alarm that tells of it."""

import re
from collections.abc import Iterator

import pytest

from config.metrics import ERROR_CLASS, NAMESPACE, SERVICE, Metric
from tests.integration.alarms import Datapoint, Evaluation, datapoints
from tests.integration.running import Account, closed, parquet, running_account, until

pytestmark = pytest.mark.emulated

_VIEW = "CREATE VIEW order_flattened AS SELECT 1 AS order_id, 1 AS line_number"
"""A view where a job's table should be: no load can mend that."""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running_account(tmp_path_factory.mktemp("sluice")) as running:
        yield running


@pytest.fixture(scope="module")
def raised(account: Account) -> dict[str, set[str]]:
    """A load, a bad file, a load that fails and a dead letter, each with the alarms then raised."""
    raised = {}
    account.upload("customers.csv", b"customer_id,name\n1,Ann\n")
    until(lambda: _has_emitted(account, Metric.LOADS))
    raised["a load"] = Evaluation(account).raised

    account.upload("order_items_bad.parquet", b"PAR1 truncated")
    until(lambda: _has_emitted(account, Metric.REJECTED))
    raised["a bad file"] = Evaluation(account).raised

    _run(account, _VIEW)
    account.upload("order_flattened_1.parquet", parquet(order_id=["1"], line_number=[1]))
    until(lambda: "loads-failing" in Evaluation(account).raised)
    raised["a load that fails"] = Evaluation(account).raised

    sqs = account.client("sqs")
    arrivals = sqs.get_queue_url(QueueName="sluice-local-arrivals")["QueueUrl"]
    sqs.send_message(QueueUrl=arrivals, MessageBody="no event at all")
    until(lambda: _dead_letters(account))
    raised["a dead letter"] = Evaluation(account).raised
    return raised


def test_a_failure_raises_one_alarm_and_its_consequences_raise_no_other(
    raised: dict[str, set[str]],
) -> None:
    assert raised == {
        "a load": set(),
        "a bad file": {"files-rejected"},
        "a load that fails": {"files-rejected", "loads-failing"},
        "a dead letter": {"files-rejected", "loads-failing"},
    }


@pytest.mark.usefixtures("raised")
def test_every_metric_of_ours_that_is_read_is_emitted(account: Account) -> None:
    cloudwatch = account.client("cloudwatch")
    shown = cloudwatch.get_dashboard(DashboardName="sluice-local-dashboard")["DashboardBody"]
    read = {
        alarm["MetricName"]
        for alarm in cloudwatch.describe_alarms()["MetricAlarms"]
        if alarm.get("Namespace") == NAMESPACE
    } | {metric.value for metric in Metric if re.search(rf"\b{metric.value}\b", shown)}
    emitted = until(lambda: _emitted_if_all(account, read))
    assert {each.namespace for each in emitted} == {NAMESPACE}
    assert {dict(each.dimensions)[SERVICE] for each in emitted} == {"sluice-local"}
    by_class = {each.name for each in emitted if ERROR_CLASS in dict(each.dimensions)}
    assert by_class == {Metric.FAILURES, Metric.REJECTED}


def _run(account: Account, sql: str) -> None:
    data = account.client("redshift-data")
    statement = data.execute_statement(
        WorkgroupName=account.info.workgroup, Database=account.info.database, Sql=sql
    )["Id"]
    assert until(lambda: closed(data.describe_statement(Id=statement)))["Status"] == "FINISHED"


def _has_emitted(account: Account, metric: Metric) -> bool:
    return any(each.name == metric for each in datapoints(account))


def _emitted_if_all(account: Account, read: set[str]) -> list[Datapoint]:
    emitted = list(datapoints(account))
    return emitted if read <= {each.name for each in emitted} else []


def _dead_letters(account: Account) -> int:
    answer = account.client("sqs").get_queue_attributes(
        QueueUrl=account.info.dead_letter_queue_url,
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])
