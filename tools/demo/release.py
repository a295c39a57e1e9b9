"""The demo's release: a summary made anew after the loads, by five procedure calls of a file."""

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from tools.demo.account import Account, wait_for
from tools.demo.claims import Claims

_SETUP = (Path(__file__).parent / "procedures.sql").read_text().strip().split("\n\n")
_KEY = "Redshift/Rel1.txt"
_TEXT = """\
-- the summary of the day
note('start', 'it''s the first release');
CALL refresh_sales(DATE '9999-12-31'); -- sluice: limit 120
check_totals
convert_currencies('EUR')              -- nobody has brought the rates
public.note('end', NULL)               # runs all the same
"""
_BAD_KEY = "Redshift/Rel2.txt"
_BAD_TEXT = "note('x', 'y')\nnote('x', 'y'); DROP TABLE order_summary\n"
_FIELDS = {"message", "total_procedures", "successful_procedures", "execution_results"}
_RESULT_FIELDS = {"procedure_number", "procedure_name", "query_id", "status", "sql_executed"}
_SUMMARY = (
    "SELECT day, status, orders, items, total FROM sales_by_status"
    " EXCEPT SELECT order_date, status, COUNT(*), SUM(item_count), SUM(total)"
    " FROM order_summary GROUP BY 1, 2"
)


def release(claims: Claims) -> None:
    """Upload a release, see what became of each call; a bad one and a second run change nothing."""
    account = claims.account
    account.console.rule("A release of five procedure calls")
    for statement in _SETUP:
        account.execute(statement)
    account.console.print(_TEXT, style="dim", highlight=False)
    account.put(_KEY, _TEXT.encode())
    body = _answer(account, _KEY)["body"]
    _show(account, body["execution_results"])
    account.console.print(body["message"], highlight=False)
    claims.figures["release_ms"] = body["duration_ms"]
    statuses = [each["status"] for each in body["execution_results"]]
    claims.claim(
        "four calls finished and one failed, and the release went on after it",
        statuses == ["FINISHED", "FINISHED", "FINISHED", "FAILED", "FINISHED"],
    )
    has_all = body.keys() >= {*_FIELDS, "s3_content"} and all(
        each.keys() >= _RESULT_FIELDS for each in body["execution_results"]
    )
    claims.claim("the response has every field of the contract", has_all)
    is_text = body["s3_content"] == _TEXT
    claims.claim("and the text of the release", is_text)
    counted = account.query("SELECT COUNT(*) FROM sales_by_status")
    is_filled = counted != [[0]] and account.query(_SUMMARY) == []
    claims.claim("the summary table is what the orders sum up to", is_filled)
    noted = account.query("SELECT step, said FROM release_log ORDER BY step DESC")
    exact = noted == [["start", "it's the first release"], ["end", None]]
    claims.claim("a quote and a NULL arrived as they were written", exact)
    told = wait_for(lambda: any("convert_currencies" in str(each) for each in account.notices()))
    claims.claim("people were told which call failed", told)
    _again(claims)
    _refused(claims)


def _again(claims: Claims) -> None:
    account = claims.account
    answer = account.run_release({"release": _KEY})
    account.console.print(answer["body"]["message"], highlight=False)
    counted = account.query("SELECT COUNT(*) FROM release_log")
    claims.claim("asked for again, the release runs nothing again", counted == [[2]])


def _refused(claims: Claims) -> None:
    account = claims.account
    account.put(_BAD_KEY, _BAD_TEXT.encode())
    answer = _answer(account, _BAD_KEY)
    account.console.print(answer["body"]["message"], highlight=False)
    names_place = "line 2, column" in answer["body"]["message"]
    ran = account.query("SELECT COUNT(*) FROM release_log")
    claims.claim(
        "a release with a DROP in it is refused by line and column before anything runs",
        names_place and answer["statusCode"] == 500 and ran == [[2]],
    )


def _answer(account: Account, key: str) -> dict[str, Any]:
    """The answer to an uploaded release, once it is there."""

    def answers() -> list[dict[str, Any]]:
        kept = [k for k in account.keys("work/releases/") if k.endswith("/response.json")]
        found = [json.loads(account.read(each)) for each in kept]
        return [each for each in found if each["body"]["release"]["file"] == key]

    wait_for(lambda: bool(answers()))
    (answer,) = answers()
    return answer


def _show(account: Account, results: list[dict[str, Any]]) -> None:
    table = Table("call", "statement", "status", "seconds", "error")
    for each in results:
        colour = "green" if each["status"] == "FINISHED" else "red"
        table.add_row(
            str(each["procedure_number"]),
            each["sql_executed"],
            f"[{colour}]{each['status']}[/]",
            "" if each["duration_ms"] is None else f"{each['duration_ms'] / 1000:.2f}",
            each["error"] or "",
        )
    account.console.print(table)
