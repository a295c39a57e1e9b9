"""The runbook has a section for each alarm, and the deployment's steps are those that exist."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from config.deployment import Alerts, Delivery, Deployment, Limits
from tests.infrastructure.assembly import Assembly

PAGE = Path("docs/operations.md").read_text()
WORKFLOWS = sorted(Path(".github/workflows").glob("*.yml"))


def sections() -> dict[str, str]:
    """Each section of the third level, by its heading: what GitHub makes an anchor of."""
    found = re.split(r"^### (.+)$", PAGE, flags=re.M)[1:]
    texts = [re.split(r"^#{1,2} ", text, maxsplit=1, flags=re.M)[0] for text in found[1::2]]
    return dict(zip(found[::2], texts, strict=True))


def alarms(assembly: Assembly) -> set[str]:
    """The alarms that tell people, without the environment: composite alarms, and the budget."""
    prefix = f"sluice-{assembly.environment}-"
    names = [
        *(a.properties["AlarmName"] for a in assembly.resources("AWS::CloudWatch::CompositeAlarm")),
        *(b.properties["Budget"]["BudgetName"] for b in assembly.resources("AWS::Budgets::Budget")),
    ]
    return {name.removeprefix(prefix) for name in names}


def test_every_alarm_has_its_section_and_no_section_is_of_an_alarm_that_is_gone(
    assemble: Callable[[str], Assembly],
) -> None:
    found = alarms(assemble("prod"))  # prod has a budget and a limit: one of everything
    assert len(found) >= 8
    assert found == set(sections())


def test_every_environment_s_alarms_lead_into_the_page(deployed: Assembly) -> None:
    assert alarms(deployed) <= set(sections())
    for alarm in deployed.resources("AWS::CloudWatch::CompositeAlarm"):
        anchor = alarm.properties["AlarmDescription"].rsplit("docs/operations.md#", 1)[1]
        assert anchor in sections()


@pytest.mark.parametrize("name", sections())
def test_a_section_says_what_it_means_what_to_look_at_and_what_to_do(name: str) -> None:
    text = sections()[name]
    means, look, do = (text.index(part) for part in ("**Means:**", "**Look at**", "**Do:**"))
    assert means < look < do


def test_every_environment_and_variable_a_workflow_uses_is_explained() -> None:
    used: set[str] = set()
    for path in WORKFLOWS:
        text = path.read_text()
        used |= set(re.findall(r"vars\.(\w+)", text))
        used |= {
            job["environment"]
            for job in yaml.safe_load(text)["jobs"].values()
            if "environment" in job
        }
        assert "secrets." not in text
        assert f"`{path}`" in PAGE
    assert used == {
        "DEPLOY_ROLE_ARN",
        "PLAN_ROLE_ARN",
        "AWS_REGION",
        "staging",
        "prod-plan",
        "prod",
    }
    table = PAGE.split("**5. Tell GitHub.**")[1].split("**6.")[0]
    for each in used:
        assert f"`{each}`" in table


def test_every_field_the_page_names_is_one_of_an_environment() -> None:
    """Those written as `alerts.emails`, `delivery.subject`, `limits.route_concurrency`."""
    models = {"alerts": Alerts, "delivery": Delivery, "limits": Limits}
    named = re.findall(r"`(alerts|delivery|limits)\.(\w+)", PAGE)
    assert len(named) >= 6
    for model, field in named:
        assert field in models[model].model_fields, f"{model}.{field}"
    for field in ("account", "region", "removal_policy"):
        assert f"`{field}`" in PAGE
        assert field in Deployment.model_fields


def test_the_command_line_s_steps_are_the_ones_that_are_played_in_an_emulated_account() -> None:
    """`make deploy-local` bootstraps, deploys and destroys; `make diff` compares."""
    said = set(re.findall(r"^cdk (\w+)", PAGE, re.M))
    assert said == {"bootstrap", "diff", "deploy", "destroy"}
    played = Path("tools/deploy_local.py").read_text() + Path("tools/template_diff.py").read_text()
    for each in said:
        assert f'"{each}"' in played
    assert json.loads(Path("cdk.json").read_text())["app"] == ".venv/bin/python app.py"
