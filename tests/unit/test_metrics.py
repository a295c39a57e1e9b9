"""Metrics as CloudWatch reads them from the log, and the keys that lead from step to step."""

import json
from typing import Any

import pytest

from config.metrics import NAMESPACE, SERVICE_VARIABLE, Metric
from lambdas.shared.aws.log import correlate, logger
from lambdas.shared.aws.metrics import emit, emit_by_class


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def _directive(line: dict[str, Any]) -> dict[str, Any]:
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    return dict(directive)


def test_a_line_holds_its_metrics_with_unit_and_service(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SERVICE_VARIABLE, "sluice-test")
    emit({Metric.ROWS: 12, Metric.LOAD_SECONDS: 1.5})
    (line,) = _lines(capsys)
    directive = _directive(line)
    assert directive["Namespace"] == NAMESPACE
    assert directive["Dimensions"] == [["service"]]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {"Rows": "Count", "LoadSeconds": "Seconds"}
    assert (line["service"], line["Rows"], line["LoadSeconds"]) == ("sluice-test", [12.0], [1.5])


def test_failures_count_as_a_whole_and_by_class(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SERVICE_VARIABLE, "sluice-test")
    emit_by_class(Metric.REJECTED, {"FormatError": 2, "RowError": 1})
    lines = _lines(capsys)
    found = [(line.get("error_class"), line["Rejected"]) for line in lines]
    assert found == [(None, [3.0]), ("FormatError", [2.0]), ("RowError", [1.0])]
    assert [set(_directive(line)["Dimensions"][0]) for line in lines] == [
        {"service"}, {"service", "error_class"}, {"service", "error_class"},
    ]  # fmt: skip


def test_nothing_is_written_where_nothing_failed(capsys: pytest.CaptureFixture[str]) -> None:
    emit_by_class(Metric.FAILURES, {})
    assert _lines(capsys) == []


def test_every_line_of_an_invocation_names_its_job_batch_and_execution() -> None:
    correlate(job_id="JOB001", batch_id="run-1-0", execution="run-1")
    correlate(job_id="JOB002", batch_id="run-2-0", execution="run-2")
    keys = logger().get_current_keys()
    assert (keys["job_id"], keys["batch_id"], keys["execution"]) == ("JOB002", "run-2-0", "run-2")
