"""The arithmetic of the cost model."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from config.metrics import Metric
from tools.cost.__main__ import priced, size_of
from tools.cost.bill import (
    PRICES,
    Size,
    Usage,
    load_prices,
    plumbing,
    quantities,
    standing,
    warehouse,
)

SIZE = Size(memory_mb={"route": 512, "upsert": 1024}, architecture="arm64", base_rpu=8)
USAGE = Usage(
    files=10,
    requests={
        ("s3", "Put"): 10,
        ("s3", "Copy"): 10,
        ("s3", "Get"): 40,
        ("s3", "Delete"): 10,
        ("dynamodb", "PutItem"): 10,
        ("dynamodb", "TransactWriteItems"): 20,
        ("dynamodb", "GetItem"): 30,
        ("sns", "Publish"): 10,
    },
    invocations={"route": 10, "upsert": 20},
    seconds={"route": 2.0, "upsert": 3.0},
    transitions=120,
    log_bytes=20_000,
    busy_seconds=5.0,
)


def test_every_price_has_a_page_and_the_table_a_region_and_a_date() -> None:
    table = json.loads(PRICES.read_text())
    assert table["region"] == "us-east-1"
    assert table["noted"]
    for entry in table["usd"].values():
        assert entry["usd"] > 0
        assert entry["source"].startswith("https://aws.amazon.com/")


def test_quantities_are_what_is_billed() -> None:
    found = quantities(USAGE, SIZE)
    assert found["lambda_gb_second_arm64"] == pytest.approx(2.0 * 0.5 + 3.0 * 1.0)
    assert found["lambda_request"] == 30
    assert found["state_transition"] == 120
    assert found["sqs_request"] == 10 + 2 * 10  # sent by EventBridge; received and deleted
    assert found["s3_write"] == 20
    assert found["s3_read"] == 40
    assert found["s3_event"] == 10 + 30  # uploads, then what functions put, copy and delete
    assert found["dynamodb_write_unit"] == 10 * 2 + 20 * 3
    assert found["dynamodb_read_unit"] == 30
    assert found["sns_publish"] == 10


def test_everything_that_is_counted_has_a_price() -> None:
    assert set(quantities(USAGE, SIZE)) <= set(load_prices())
    x86 = replace(SIZE, architecture="x86_64")
    assert set(quantities(USAGE, x86)) <= set(load_prices())


def test_a_bill_is_for_a_thousand_files_however_many_were_counted() -> None:
    prices = load_prices()
    bill = plumbing(USAGE, SIZE, prices)
    assert bill["state_transition"] == pytest.approx(12 * 1000 * 0.000025)
    twice = replace(
        USAGE,
        files=20,
        requests={what: 2 * count for what, count in USAGE.requests.items()},
        invocations={step: 2 * count for step, count in USAGE.invocations.items()},
        seconds={step: 2 * count for step, count in USAGE.seconds.items()},
        transitions=240,
        log_bytes=40_000,
    )
    assert plumbing(twice, SIZE, prices) == pytest.approx(bill)


@pytest.mark.parametrize(
    ("seconds", "wakings", "usd"),
    [
        (3600.0, 1, 3.0),  # 8 RPU hours
        (5.0, 1, 3.0 / 60),  # woken once: a minute
        (5.0, 1000, 3.0 / 60 * 1000),  # woken by each file
        (0.0, 0, 0.0),
    ],
)
def test_each_waking_of_the_warehouse_costs_a_minute(
    seconds: float, wakings: int, usd: float
) -> None:
    assert warehouse(seconds, SIZE, load_prices(), wakings=wakings) == pytest.approx(usd)


def test_files_that_wake_the_warehouse_each_cost_what_was_worked_out_by_hand() -> None:
    """25 to 50 USD for 1,000 files, at 4 and 8 RPU; 3 in an hour at 8."""
    ways = priced({"one by one": USAGE, "burst": USAGE}, SIZE, load_prices())
    assert ways["one by one, each waking the warehouse"]["warehouse"] == pytest.approx(50.0)
    assert ways["one by one, within one hour"]["warehouse"] == pytest.approx(3.0)
    small = replace(SIZE, base_rpu=4)
    ways = priced({"one by one": USAGE, "burst": USAGE}, small, load_prices())
    assert ways["one by one, each waking the warehouse"]["warehouse"] == pytest.approx(25.0)
    for way in ways.values():
        assert way["total"] == pytest.approx(
            way["orchestration"] + way["plumbing"] + way["warehouse"]
        )


TEMPLATE: Mapping[str, Any] = {
    "Resources": {
        "Route": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "sluice-dev-route",
                "MemorySize": 512,
                "Architectures": ["arm64"],
            },
        },
        "W": {"Type": "AWS::RedshiftServerless::Workgroup", "Properties": {"BaseCapacity": 8}},
        "N": {
            "Type": "AWS::RedshiftServerless::Namespace",
            "Properties": {"ManageAdminPassword": True},
        },
        "A": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}},
        "C": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {}},
        "F": {"Type": "AWS::Logs::MetricFilter", "Properties": {}},
        "K": {"Type": "AWS::KMS::Key", "Properties": {}},
        "E": {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b", "c"]},
        },
        "G": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}},
    }
}


def test_sizes_are_the_templates() -> None:
    assert size_of("dev", [TEMPLATE]) == Size(
        memory_mb={"route": 512}, architecture="arm64", base_rpu=8
    )


def test_what_stands_costs_without_a_file() -> None:
    months = standing([TEMPLATE], load_prices())
    assert months["keys"] == 1.0
    assert months["alarms"] == pytest.approx(0.1 + 0.5)
    assert months["metrics"] == pytest.approx((len(Metric) + 1) * 0.3)
    assert months["secrets"] == 0.4
    assert months["interface endpoints"] == pytest.approx(3 * 730 * 0.01)
    assert months["polls of idle queues"] == 0
