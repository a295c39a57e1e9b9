"""What people see of an environment: the widgets, alarms and queries that its template renders.

`python -m tools.observability --environment prod` prints them as tables, `--json` as data.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app import build
from stacks.constructs.alarm import RUNBOOK
from stacks.constructs.app import SluiceApp

Resources = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Widget:
    """A widget of the dashboard: what it shows is metrics' names, or what an expression says."""

    title: str
    kind: str
    shows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An incident: people are told once, whichever of its symptoms shows."""

    name: str
    means: str
    runbook: str
    unless: str | None
    symptoms: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observability:
    """All there is to see in one environment."""

    environment: str
    widgets: tuple[Widget, ...]
    alarms: tuple[Alarm, ...]
    queries: tuple[str, ...]


def synthesized(environment: str) -> Observability:
    """Render an environment; nothing is deployed, and layers are not built."""
    with tempfile.TemporaryDirectory() as folder:
        context = {"environment": environment, "aws:cdk:bundling-stacks": []}
        assembly = build(SluiceApp(outdir=Path(folder), context=context)).synth()
        name = f"sluice-{environment}-observability"
        return read(environment, assembly.get_stack_by_name(name).template["Resources"])


def read(environment: str, resources: Resources) -> Observability:
    """What the resources of an environment's observability stack render."""
    by_kind: dict[str, dict[str, Mapping[str, Any]]] = {}
    for logical_id, resource in resources.items():
        by_kind.setdefault(resource["Type"], {})[logical_id] = resource["Properties"]
    (dashboard,) = by_kind["AWS::CloudWatch::Dashboard"].values()
    prefix = f"sluice-{environment}-"
    names = {
        logical_id: str(properties["AlarmName"]).removeprefix(prefix)
        for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for logical_id, properties in by_kind[kind].items()
    }
    symptoms = {
        names[logical_id]: properties["AlarmDescription"]
        for logical_id, properties in by_kind["AWS::CloudWatch::Alarm"].items()
    }
    alarms = [
        _alarm(each, names, symptoms)
        for each in by_kind["AWS::CloudWatch::CompositeAlarm"].values()
    ]
    alarms += [_budget(each, prefix) for each in by_kind.get("AWS::Budgets::Budget", {}).values()]
    queries = by_kind["AWS::Logs::QueryDefinition"].values()
    return Observability(
        environment=environment,
        widgets=tuple(
            _widget(each) for each in json.loads(_text(dashboard["DashboardBody"]))["widgets"]
        ),
        alarms=tuple(alarms),
        queries=tuple(sorted(str(each["Name"]) for each in queries)),
    )


def _widget(widget: Mapping[str, Any]) -> Widget:
    properties = widget["properties"]
    shows: list[str] = []
    namespace = name = ""
    for line in properties.get("metrics", []):
        if isinstance(line[0], dict):
            shows += re.findall(r'MetricName="(\w+)"', line[0]["expression"].replace("\\", ""))
            continue
        namespace, name = (old if new == "." else new for old, new in zip(
            (namespace, name), line, strict=False
        ))  # fmt: skip
        shows.append(name)
    return Widget(
        title=properties.get("title") or properties["markdown"].splitlines()[0].lstrip("# "),
        kind=widget["type"],
        shows=tuple(dict.fromkeys(shows)),
    )


def _alarm(
    properties: Mapping[str, Any], names: Mapping[str, str], symptoms: Mapping[str, str]
) -> Alarm:
    means, _, runbook = str(properties["AlarmDescription"]).partition(" Runbook: ")
    of = [names[each] for each in re.findall(r"<(\w+)>", _text(properties["AlarmRule"]))]
    suppressor = properties.get("ActionsSuppressor")
    return Alarm(
        name=runbook.partition("#")[2],
        means=means,
        runbook=runbook,
        unless=names[_text(suppressor)[1:-1]] if suppressor else None,
        symptoms={name: symptoms[name] for name in of},
    )


def _budget(properties: Mapping[str, Any], prefix: str) -> Alarm:
    """AWS Budgets tells by itself; what it tells of are its symptoms."""
    limit = properties["Budget"]["BudgetLimit"]
    name = str(properties["Budget"]["BudgetName"]).removeprefix(prefix)
    told = [each["Notification"] for each in properties["NotificationsWithSubscribers"]]
    return Alarm(
        name=name,
        means=f"The account's bill of the month nears {limit['Amount']} {limit['Unit']}.",
        runbook=f"{RUNBOOK}#{name}",
        unless=None,
        symptoms={
            f"{each['NotificationType'].lower()}-cost": f"More than {each['Threshold']}% of it."
            for each in told
        },
    )


def _text(value: Any) -> str:
    """CloudFormation's text, with `<logical id>` for what only a deployment knows."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(_text(part) for part in parts)
    (reference,) = value.values()
    return f"<{reference if isinstance(reference, str) else reference[0]}>"


def _show(found: Observability, console: Console) -> None:
    widgets = Table("widget", "kind", "shows", title=f"Dashboard of {found.environment}")
    widgets.columns[2].overflow = "fold"
    for widget in found.widgets:
        widgets.add_row(widget.title, widget.kind, ", ".join(widget.shows))
    alarms = Table("alarm", "means", "symptoms", "unless", title="Alarms")
    for column in alarms.columns:
        column.overflow = "fold"
    for alarm in found.alarms:
        alarms.add_row(alarm.name, alarm.means, "\n".join(alarm.symptoms), alarm.unless or "")
    console.print(widgets, alarms, "Saved queries: " + ", ".join(found.queries), highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one environment."""
    parser = argparse.ArgumentParser(prog="python -m tools.observability", description=__doc__)
    parser.add_argument("--environment", default="dev")
    parser.add_argument("--json", action="store_true", dest="as_json")
    chosen = parser.parse_args(arguments)
    found = synthesized(chosen.environment)
    if chosen.as_json:
        sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")
    else:
        _show(found, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
