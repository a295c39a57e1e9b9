"""What people use is documented: every command, exit code, error and field of a job."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from cli import advice, exits
from cli import releases as release_states
from cli.main import app
from config.job import BatchOptions, CsvOptions, Expectation, Job, SchemaContract
from lambdas.shared.domain import after_load, errors
from lambdas.shared.domain.release_run import CallState, ReleaseState
from lambdas.shared.domain.releases import parse_release

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = (DOCS / "commands.md").read_text()
ERRORS = (DOCS / "errors.md").read_text()
PROCEDURES = (DOCS / "procedures.md").read_text()
ONBOARDING = (DOCS / "onboarding.md").read_text()
DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in DOCS.glob("*.md"))]
REQUIRED = {
    "job_id": "JOB006",
    "job_name": "suppliers",
    "source_file_name": "suppliers.csv",
    "target_table": "suppliers",
    "upsert_keys": ["supplier_id"],
    "is_active": True,
}


def commands(command: Any, path: str = "sluice") -> Iterator[tuple[str, Any]]:
    """Every command below this one, by the words that call it."""
    below = getattr(command, "commands", None)  # a group has them
    if below is None:
        yield path, command
        return
    for name, each in below.items():
        yield from commands(each, f"{path} {name}")


def rows(text: str, heading: str) -> dict[str, list[str]]:
    """The table below a heading: the cells of each row, by the name in its first."""
    section = re.split(r"^#+ ", text.split(f"\n{heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}


ALL_COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_a_command_has_a_section_with_an_example_and_a_help_with_another(name: str) -> None:
    section = COMMANDS.split(f"## {name}\n", 1)[1].split("\n## ")[0]
    examples = "\n".join(re.findall(r"^```sh\n(.*?)^```", section, re.S | re.M))
    assert f"./{name}" in examples
    assert f"Example: {name}" in (ALL_COMMANDS[name].epilog or "").replace('eval "$(', "")


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_a_command_prints_json_if_asked_to(name: str) -> None:
    options = {option for each in ALL_COMMANDS[name].params for option in each.opts}
    assert "--json" in options


def test_the_exit_codes_are_documented_in_the_words_of_the_code() -> None:
    for code, meaning in exits.MEANINGS.items():
        assert f"| {code.value} | {code.name} | {meaning} |" in COMMANDS
    assert set(exits.MEANINGS) == set(exits.Exit)


@pytest.mark.parametrize("document", sorted({*DOCUMENTS} - {"docs/state.md"}))
def test_every_make_target_a_document_names_exists(document: str) -> None:
    root = DOCS.parent  # docs/state.md also names what is still missing
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.M))
    code = re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", (root / document).read_text(), re.M)
    assert {one or other for one, other in code} <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_leads_somewhere(document: str) -> None:
    path = DOCS.parent / document
    links = re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def error_names() -> set[str]:
    """Every error that people may see by name."""
    ours = {
        name
        for module in (errors, exits)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, errors.SluiceError)
    }
    reported = {kind.__name__ for kind in exits.REPORTED if kind.__module__ != "builtins"}
    return ours | reported


@pytest.mark.parametrize("name", sorted(error_names()))
def test_an_error_says_what_it_means_and_what_to_do(name: str) -> None:
    (row,) = [line for line in ERRORS.splitlines() if line.startswith(f"| `{name}` |")]
    means, to_do = (cell.strip() for cell in row.strip("|").split("|")[1:])
    assert means
    assert to_do
    if name in advice.FOR_ERRORS:
        assert to_do == advice.FOR_ERRORS[name]


def test_no_error_is_documented_that_is_gone() -> None:
    documented = set(re.findall(r"^\| `(\w+)`", ERRORS, re.M))
    assert documented - error_names() == {"FileNotFoundError"}


NESTED_REQUIRED: dict[str, dict[str, Any]] = {"expect": {"by": "00:30"}}


def test_what_a_call_after_a_load_may_name_is_documented_in_the_words_of_the_code() -> None:
    documented = rows(PROCEDURES, "## After a load")
    assert {name: cells[0] for name, cells in documented.items()} == {
        f":{name}": meaning for name, meaning in after_load.PARAMETERS.items()
    }


def test_every_state_of_a_call_and_of_a_release_is_documented() -> None:
    section = PROCEDURES.split("## What becomes of a call\n", 1)[1].split("\n## ")[0]
    states = re.findall(r"^\| ([A-Z_]+) \|", section, re.M)
    assert {*states} == {*CallState, release_states.WAITING}
    assert {state for state in ReleaseState if state not in section} == set()


def test_every_line_that_the_documentation_shows_is_read_as_one_call() -> None:
    section = PROCEDURES.split("## What a line may say\n", 1)[1].split("\n## ")[0]
    calls = re.findall(r"^\| `([^`]+)` \|", section, re.M)
    assert len(calls) >= 12
    for line in calls:
        (call,) = parse_release(line.encode(), "docs/procedures.md").calls
        assert call.sql().startswith("CALL ")


FIELDS: list[tuple[str, str | None, type[BaseModel]]] = [
    ("## The fields of a job", None, Job),
    ("### csv", "csv", CsvOptions),
    ("### schema_contract", "schema_contract", SchemaContract),
    ("### batch", "batch", BatchOptions),
    ("### expect", "expect", Expectation),
]


@pytest.mark.parametrize(("heading", "parent", "model"), FIELDS)
def test_the_documented_fields_are_the_models_with_their_defaults(
    heading: str, parent: str | None, model: type[BaseModel]
) -> None:
    documented = rows(ONBOARDING, heading)
    assert list(documented) == list(model.model_fields)
    for name, (meaning, default, _example) in documented.items():
        field = model.model_fields[name]
        assert meaning
        if field.is_required():
            assert default == "required"
        else:
            assert json.loads(default.strip("`")) == plain(
                field.get_default(call_default_factory=True)
            )


def plain(value: Any) -> Any:
    """A default as JSON has it."""
    return value.model_dump() if isinstance(value, BaseModel) else value


@pytest.mark.parametrize(("heading", "parent", "model"), FIELDS)
def test_the_example_of_each_field_is_a_valid_job(
    heading: str, parent: str | None, model: type[BaseModel]
) -> None:
    for name, (_meaning, default, example) in rows(ONBOARDING, heading).items():
        value = json.loads(example.strip("`").replace("\\|", "|"))
        given = {name: value}
        if parent is not None:
            given = {parent: NESTED_REQUIRED.get(parent, {}) | given}
        job = Job.model_validate(REQUIRED | given)
        holder = job if parent is None else getattr(job, parent)
        assert plain(getattr(holder, name)) is not None
        if default != "required":
            assert json.loads(default.strip("`")) != value
