"""Metrics by way of the log: embedded metric format, which costs no call."""

from collections.abc import Mapping

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from config.metrics import ERROR_CLASS, NAMESPACE, UNITS, Metric


def emit(values: Mapping[Metric, float]) -> None:
    """Write one line that CloudWatch turns into these metrics of the service."""
    _flush(values)


def emit_by_class(metric: Metric, counts: Mapping[str, int]) -> None:
    """Write a count as a whole, for alarms, and by class of error, for the dashboard."""
    if not counts:
        return
    _flush({metric: sum(counts.values())})
    for name, count in counts.items():
        _flush({metric: count}, error_class=name)


def _flush(values: Mapping[Metric, float], *, error_class: str | None = None) -> None:
    # the service is a dimension of its own: powertools reads it from its environment variable
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    if error_class is not None:
        metrics.add_dimension(ERROR_CLASS, error_class)
    for metric, value in values.items():
        metrics.add_metric(metric.value, unit=MetricUnit(UNITS.get(metric, "Count")), value=value)
    metrics.flush_metrics()
