"""The `sluice` command: what it says and how it exits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from cli.exits import Exit
from cli.main import app


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command there is, by its words."""
    if not isinstance(command, TyperGroup):
        yield path
        return
    for name, each in command.commands.items():
        yield from commands(each, (*path, name))


COMMANDS = list(commands(get_command(app)))


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_in_its_help(command: tuple[str, ...]) -> None:
    code, text = run(*command, "--help")
    assert code == 0
    assert f"Example: {'eval' if command[-1] == 'env' else 'sluice ' + ' '.join(command)}" in text


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_answers_scripts(command: tuple[str, ...]) -> None:
    assert "--json" in run(*command, "--help")[1]


def test_commands_are_more_than_a_few() -> None:
    assert {("upload",), ("redrive",), ("local", "logs"), ("procedures", "run")} < {*COMMANDS}


def test_an_account_that_runs_until_ctrl_c_has_no_json_to_print() -> None:
    code, text = run("local", "up", "--json")
    assert (code, json.loads(text)["error"]["type"]) == (Exit.BAD_INPUT, "UsageError")


def test_logs_that_are_not_there_are_said_not_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    code, text = run("local", "logs", "--json")
    assert (code, json.loads(text)["error"]["message"]) == (
        Exit.BAD_INPUT,
        "no log of any function; there are: none; `sluice local up` starts an account",
    )
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "upsert.log").write_text("a line")
    assert "there are: upsert" in run("local", "logs", "uspert", "--json")[1]
    assert json.loads(run("local", "logs", "ups", "--json")[1]) == {"upsert": ["a line"]}


def test_the_repositorys_jobs_are_valid() -> None:
    code, text = run("check", "config/config.json", "--json")
    assert code == 0
    assert [job["job_id"] for job in json.loads(text)][:2] == ["JOB001", "JOB002"]


def test_bad_jobs_are_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{}")
    code, text = run("check", str(path), "--json")
    assert code == 2
    assert json.loads(text)["error"] == {
        "type": "InvalidJobsError",
        "message": "config.json must be a list of job definitions",
    }


def test_an_after_load_that_calls_nothing_is_bad_input(tmp_path: Path) -> None:
    jobs = json.loads(Path("config/config.json").read_text())
    jobs[1]["after_load"] = ["CALL refresh(:rows)", "CALL refresh(:rws); DROP TABLE customers"]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(jobs))
    code, text = run("check", str(path), "--json")
    assert code == 2
    assert json.loads(text)["error"]["message"].startswith(
        "job 2 (JOB002): after_load.1: column 14: :rws is no parameter"
    )


def test_a_file_is_shown_with_its_columns_and_ddl(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,name\n1,a\n2,b\n")
    code, text = run("infer", str(path), "--json")
    found = json.loads(text)
    assert code == 0
    assert [column["name"] for column in found["columns"]] == ["id", "name"]
    assert found["ddl"].startswith('CREATE TABLE IF NOT EXISTS "public"."people" ("id" BIGINT')


@pytest.mark.parametrize("content", [b"", b"PAR1 not really PAR1"])
def test_a_bad_file_is_bad_input_with_its_type(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(content)
    code, text = run("infer", str(path), "--json")
    assert code == 2
    assert json.loads(text)["error"]["type"] == "FormatError"


def test_without_an_account_env_fails_and_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    code, text = run("local", "env", "--json")
    assert code == Exit.UNREACHABLE
    assert "sluice local up" in json.loads(text)["error"]["message"]
