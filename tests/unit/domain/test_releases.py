"""Release files: what a line may say, what is refused and where, and what reaches SQL."""

import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot.dialects.redshift import Redshift

from lambdas.shared.domain.errors import ReleaseError
from lambdas.shared.domain.releases import (
    Call,
    call_by_hand,
    parse_calls,
    parse_release,
    read_release,
    release_order,
)


def only(line: str) -> Call:
    (call,) = parse_release(line.encode(), "Rel1.txt").calls
    return call


def refusal(text: str | bytes) -> ReleaseError:
    with pytest.raises(ReleaseError) as refused:
        parse_release(text.encode() if isinstance(text, str) else text, "Redshift/Rel1.txt")
    return refused.value


LINES: list[tuple[str, str, str, dict[str, str]]] = [
    # the line, as it is shown, its statement, what is bound
    ("refresh_sales", "CALL refresh_sales();", 'CALL "refresh_sales"()', {}),
    ("refresh_sales()", "CALL refresh_sales();", 'CALL "refresh_sales"()', {}),
    ("  CALL refresh_sales ( ) ;  ", "CALL refresh_sales();", 'CALL "refresh_sales"()', {}),
    ("call Sales.Refresh;", "CALL sales.refresh();", 'CALL "sales"."refresh"()', {}),
    ('"Month End"."p;--"', 'CALL "month end"."p;--"();', 'CALL "month end"."p;--"()', {}),
    ('"a""b"()', 'CALL "a""b"();', 'CALL "a""b"()', {}),
    ("mañana.café(1)", 'CALL "mañana"."café"(1);', 'CALL "mañana"."café"(CAST(:a1 AS INTEGER))',
     {"a1": "1"}),
    ("p(1, 'x', NULL, DATE '2025-01-01')", "CALL p(1, 'x', NULL, DATE '2025-01-01');",
     'CALL "p"(CAST(:a1 AS INTEGER), :a2, NULL, CAST(:a4 AS DATE))',
     {"a1": "1", "a2": "x", "a4": "2025-01-01"}),
    ("p(true, False, null, '')", "CALL p(TRUE, FALSE, NULL, '');",
     "CALL \"p\"(TRUE, FALSE, NULL, '')", {}),
    ("p('it''s; DROP TABLE t -- no', 2) -- yes", "CALL p('it''s; DROP TABLE t -- no', 2);",
     'CALL "p"(:a1, CAST(:a2 AS INTEGER))', {"a1": "it's; DROP TABLE t -- no", "a2": "2"}),
    (r"p('C:\\x\t\'\\')", r"CALL p('C:\\x\t''\\');", 'CALL "p"(:a1)', {"a1": "C:\\x\t'\\"}),
    ("p(-1, +2, - 3, 007, 3000000000)", "CALL p(-1, 2, -3, 7, 3000000000);",
     'CALL "p"(CAST(:a1 AS INTEGER), CAST(:a2 AS INTEGER), CAST(:a3 AS INTEGER),'
     " CAST(:a4 AS INTEGER), CAST(:a5 AS BIGINT))",
     {"a1": "-1", "a2": "2", "a3": "-3", "a4": "7", "a5": "3000000000"}),
    ("p(1.50, .5, 2., -0.001, 1E3, 9223372036854775808)",
     "CALL p(1.50, 0.5, 2, -0.001, 1e3, 9223372036854775808);",
     'CALL "p"(CAST(:a1 AS DECIMAL(3,2)), CAST(:a2 AS DECIMAL(1,1)), CAST(:a3 AS DECIMAL(1,0)),'
     " CAST(:a4 AS DECIMAL(3,3)), CAST(:a5 AS DOUBLE PRECISION), CAST(:a6 AS DECIMAL(19,0)))",
     {"a1": "1.50", "a2": "0.5", "a3": "2", "a4": "-0.001", "a5": "1e3",
      "a6": "9223372036854775808"}),
    ("p(timestamp '2025-01-31 23:59', TIMESTAMP '2025-01-31T01:02:03.5')",
     "CALL p(TIMESTAMP '2025-01-31 23:59:00', TIMESTAMP '2025-01-31 01:02:03.500000');",
     'CALL "p"(CAST(:a1 AS TIMESTAMP), CAST(:a2 AS TIMESTAMP))',
     {"a1": "2025-01-31 23:59:00", "a2": "2025-01-31 01:02:03.500000"}),
    ("CALL refresh('x') # by hand", "CALL refresh('x');", 'CALL "refresh"(:a1)', {"a1": "x"}),
    ("refresh('x')", "CALL refresh('x');", 'CALL "refresh"(:a1)', {"a1": "x"}),
    ("drop.it", "CALL drop.it();", 'CALL "drop"."it"()', {}),
    ('"call"()', 'CALL call();', 'CALL "call"()', {}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "shown", "sql", "bound"), LINES)
def test_a_line_is_one_call(line: str, shown: str, sql: str, bound: dict[str, str]) -> None:
    call = only(line)
    assert call.sql() == shown
    assert call.statement().sql == sql
    assert call.statement().parameters == bound


REFUSED: list[tuple[str, int, str]] = [
    # the line, the column, a part of what is said
    ("SELECT 1", 1, "SELECT is SQL, and a release holds calls only"),
    ("drop table sales", 1, "DROP is SQL"),
    ("select (1)", 1, "SELECT is SQL"),
    ("values(1)", 1, "VALUES is SQL"),
    ("COMMIT", 1, "if COMMIT is one, write CALL commit()"),
    ("p q", 3, "q follows the call"),
    ("p(); q()", 6, "one call a line"),
    ("p('x'); DROP TABLE sales; --')", 9, "one call a line"),
    ("p;;", 3, "one call a line"),
    ("CALL", 5, "CALL names no procedure"),
    ("CALL ('x')", 6, "here a procedure is named, not ("),
    ("'p'", 1, "here a procedure is named, not 'p'"),
    ("1", 1, "here a procedure is named, not 1"),
    ("p('x)", 3, "the string that begins here has no end"),
    ("p('''", 3, "the string that begins here has no end"),
    ('"p(1)', 1, "the name that begins here has no end"),
    ("p(1", 4, "the ( of the arguments is not closed"),
    ("p(", 3, "the ( of the arguments is not closed"),
    ("p(1, -- 2)", 6, "the ( of the arguments is not closed"),
    ("p)", 2, ") follows the call"),
    ("p(1,)", 5, "an argument is a number, a string in '...', NULL"),
    ("p(,1)", 3, "not ,"),
    ("p(1 2)", 5, "between arguments stands a comma"),
    ("p('a' 'b')", 7, "between arguments stands a comma"),
    ("p(1+1)", 4, "an argument is a literal, no expression"),
    ("p('x'::date)", 6, ": has no meaning here"),
    ("p(now())", 3, "not now"),
    ("p(current_date)", 3, "not current_date"),
    ("p(DATE)", 3, "not DATE"),
    ("p((SELECT 1))", 3, "not ("),
    ("p(x => 1)", 3, "not x"),
    ("SELECT a FROM b WHERE c = 1 AND d <> 'x'", 1, "SELECT is SQL"),
    ("p\u00e9(1)\u2003q()", 6, "U+2003 cannot be here"),
    ("p(-)", 3, "not -"),
    ("p(-NULL)", 3, "not -"),
    ("p(1abc)", 3, "1abc is no number"),
    ("p(1.2.3)", 3, "1.2.3 is no number"),
    ("p(1e999)", 3, "1e999 is more than DOUBLE PRECISION holds"),
    (f"p({'9' * 39})", 3, "a number has 39 digits; Redshift takes 38"),
    (f"p({'9' * 99_999})", 3, "a number has 99999 digits"),
    (f"p(0.{'0' * 37}1)", 3, "more decimals than Redshift takes (37)"),
    ("p(DATE '2025-02-30')", 8, "day is out of range"),
    ("p(DATE '1.2.2025')", 8, "write the date as DATE '2025-01-31'"),
    ("p(TIMESTAMP '2025-01-01 25:00')", 13, "hour must be in 0..23"),
    ("p(TIMESTAMP '2025-01-01 10:00+02')", 13, "write the timestamp as TIMESTAMP"),
    (r"p('C:\dir')", 6, r"write \\ for a backslash"),
    ("p('a\0b')", 3, "the string holds a control character"),
    (f"p('{'ä' * 40_000}')", 3, "the string has 80000 bytes; Redshift takes 65535"),
    ("a.b.c()", 5, "a procedure is named procedure or schema.procedure, no more"),
    ("a.()", 3, "here a procedure is named, not ("),
    ("a. b c", 6, "c follows the call"),
    ("p" * 128, 1, "has 128 bytes; Redshift allows 127; rename the procedure"),
    (f'"{"é" * 64}"', 1, "has 128 bytes"),
    ('""', 1, "is empty or has spaces around it; rename the procedure"),
    ("p(‘x’)", 3, "‘ U+2018 cannot be here; quotes are '"),
    ("p(\u00a01)", 3, "U+00A0 cannot be here"),
    ("p\u200b()", 2, "U+200B cannot be here"),
    ("p(1) /* note */", 6, "a comment begins with -- or #"),
    ("p($1)", 3, "$ has no meaning here; a line is one call"),
    ("p(:batch_id)", 3, "only the after_load of a job has parameters"),
    ("p() -- sluice: idempotnt", 5, "'idempotnt' is nothing that can be asked for"),
    ("p() -- sluice: limit 0", 5, "limit is 1 to 86400 seconds"),
    ("p() -- sluice: retry 11", 5, "retry is 1 to 10 further tries"),
    ("p() -- sluice: limit 1, limit 2", 5, "'limit 2' is nothing"),
    ("p() -- sluice:", 5, "'' is nothing"),
    ("-- sluice: idempotent", 1, "write this at the end of the line of its call"),
]


@pytest.mark.parametrize(("line", "column", "said"), REFUSED)
def test_anything_else_is_refused_with_its_place(line: str, column: int, said: str) -> None:
    error = refusal(f"p()\n\n{line}\nq()")
    assert (error.where["line"], error.where["column"]) == (3, column)
    assert str(error).startswith(f"Redshift/Rel1.txt, line 3, column {column}: ")
    assert said in str(error)


def test_comments_and_blank_lines_are_no_calls_and_lines_are_counted_with_them() -> None:
    text = "# nightly\r\n\r\n  -- sales\r\nrefresh_sales -- first\r\n\tCALL b(1); # second\r\n"
    calls = parse_release(b"\xef\xbb\xbf" + text.encode(), "Rel1.txt").calls
    assert [(each.number, each.line, each.sql()) for each in calls] == [
        (1, 4, "CALL refresh_sales();"),
        (2, 5, "CALL b(1);"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_editor_ends_them(end: str) -> None:
    assert [call.line for call in parse_release(f"a{end}{end}b".encode(), "Rel1.txt").calls] == [
        1,
        3,
    ]


@pytest.mark.parametrize(
    ("comment", "idempotent", "limit", "retries"),
    [
        ("-- as always", False, None, 0),
        ("-- sluice runs this at night", False, None, 0),
        ("-- sluice: idempotent", True, None, 0),
        ("# SLUICE : Limit 600", False, 600, 0),
        ("--sluice:idempotent, retry 3, limit 86400", True, 86_400, 3),
    ],
)
def test_a_comment_may_ask_for_something(
    comment: str, idempotent: bool, limit: int | None, retries: int
) -> None:
    call = only(f"p('-- sluice: limit 1') {comment}")
    assert (call.idempotent, call.limit_seconds, call.retries) == (idempotent, limit, retries)


def test_every_fault_of_a_file_is_named() -> None:
    error = refusal("p(\nok()\nSELECT 1\n'x'")
    assert error.where["faults"] == 3
    assert re.findall(r"line (\d), column (\d)", str(error)) == [("1", "3"), ("3", "1"), ("4", "1")]


def test_thousands_of_faults_are_counted_and_the_first_are_named() -> None:
    error = refusal("p(\n" * 10_000)
    assert error.where["faults"] == 10_000
    assert str(error).endswith("Redshift/Rel1.txt: and 9980 faults more")
    assert len(read_release(b"p(\n" * 10_000, "Rel1.txt")[1]) == 10_000


def test_ten_thousand_lines_are_ten_thousand_calls() -> None:
    text = "\n".join(f"CALL refresh({number}, 'x');" for number in range(10_000))
    calls = parse_release(text.encode(), "Rel1.txt").calls
    assert [call.number for call in calls] == list(range(1, 10_001))
    assert calls[-1].statement().parameters == {"a1": "9999", "a2": "x"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "the file is empty; write one call a line, or delete the file"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b" \n\t\r\n", "the file is empty"),
        (b"-- nothing\n# to do\n", "the file holds only comments"),
        ("p()".encode("utf-16"), "the file is UTF-16; save it as UTF-8"),
    ],
)
def test_a_file_without_calls_is_refused(text: bytes, said: str) -> None:
    assert said in str(refusal(text))


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (b"p()\r\nq('\xe4')", 2, 4),
        (b"\xef\xbb\xbf\xff", 1, 1),
        ("é".encode() + b"\xff", 1, 2),
        (b"a\n\n\xff", 3, 1),
    ],
)
def test_bytes_that_are_no_utf_8_have_a_place(text: bytes, line: int, column: int) -> None:
    error = refusal(text)
    assert (error.where["line"], error.where["column"]) == (line, column)
    assert "is not UTF-8 text; save the file as UTF-8" in str(error)


def test_releases_are_in_natural_order() -> None:
    names = ["Redshift/Rel10.txt", "Redshift/Rel2.1.txt", "Redshift/rel3.txt", "Redshift/Rel2.txt"]
    assert release_order(names) == [names[3], names[1], names[2], names[0]]
    assert release_order(["Rel.txt", "Rel01.txt", "Rel1.txt", "Rel1_b.txt"]) == [
        "Rel.txt",
        "Rel01.txt",
        "Rel1.txt",
        "Rel1_b.txt",
    ]


@given(st.lists(st.text(min_size=1)))
def test_any_names_have_an_order_of_their_own(names: list[str]) -> None:
    assert release_order(names) == release_order(reversed(names))


def test_an_event_by_hand_is_one_call() -> None:
    call = call_by_hand(
        {
            "stored_procedure_name": 'sales."Month End"',
            "parameters": [1, "it's", None, True, 1.5, "", "a\nb"],
            "cluster_identifier": "warehouse",
            "database": "dev",
        }
    )
    assert call.sql() == "CALL sales.\"month end\"(1, 'it''s', NULL, TRUE, 1.5, '', 'a\\nb');"
    assert call.statement().parameters == {"a1": "1", "a2": "it's", "a5": "1.5", "a7": "a\nb"}
    assert (call.number, call.line, call.idempotent) == (1, 0, False)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({}, "stored_procedure_name: is missing"),
        ({"stored_procedure_name": 7}, "stored_procedure_name: is a int"),
        ({"stored_procedure_name": ""}, "here a procedure is named, not the end of the line"),
        ({"stored_procedure_name": "p(); DROP TABLE t"}, "( is no part of a procedure's name"),
        ({"stored_procedure_name": "p", "parameters": "x"}, "parameters: is a str; give a list"),
        ({"stored_procedure_name": "p", "parameters": [1, [2]]}, "parameter 2: is a list; give"),
        (
            {"stored_procedure_name": "p", "parameters": [float("nan")]},
            "parameter 1: nan is no number",
        ),
        ({"stored_procedure_name": "p", "parameters": [10**40]}, "more than 38 digits"),
        ({"stored_procedure_name": "p", "parameters": ["\ud800"]}, "is not valid unicode"),
        ({"stored_procedure_name": "p", "parameters": ["a\0b"]}, "a control character"),
    ],
)
def test_an_event_that_is_no_call_is_refused(event: dict[str, Any], said: str) -> None:
    with pytest.raises(ReleaseError, match=r"^the event, line 1") as refused:
        call_by_hand(event)
    assert said in str(refused.value)


def test_calls_of_a_job_have_parameters_that_are_bound() -> None:
    release = parse_calls(
        ["CALL refresh(:batch_id, :rows, 'x');", "note(:nothing) -- sluice: idempotent"],
        {"batch_id": "run-1'; DROP TABLE t", "rows": 7, "nothing": None},
        "JOB001.after_load",
    )
    first, second = release.calls
    assert first.statement().sql == 'CALL "refresh"(:a1, CAST(:a2 AS INTEGER), :a3)'
    assert first.statement().parameters == {"a1": "run-1'; DROP TABLE t", "a2": "7", "a3": "x"}
    assert second.sql() == "CALL note(NULL);"
    assert second.idempotent


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("p(:rws)", "line 1, column 3: :rws is no parameter; known: :rows"),
        ("SELECT :rows", "line 1, column 1: SELECT is SQL"),
        ("-- p()", "line 1, column 1: here is no call"),
    ],
)
def test_a_call_of_a_job_that_is_none_is_refused(call: str, said: str) -> None:
    with pytest.raises(ReleaseError, match=re.escape(f"JOB001.after_load, {said}")):
        parse_calls([call], {"rows": 1}, "JOB001.after_load")


class Tokenizer(Redshift.Tokenizer):
    """Redshift's words as sqlglot reads them; the rest of a CALL is not one string."""

    COMMANDS = frozenset()


_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x7f").filter(
        lambda each: each >= " "
    )
)
_NAMES = _TEXT.map(str.lower).filter(
    lambda text: text == text.strip() != "" and len(text.encode()) < 128 and text == text.lower()
)
_NUMBERS = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    st.decimals(-(10**9), 10**9, allow_nan=False, places=6).map(lambda each: f"{each:f}"),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda each: f"{each:e}"),
)
_LITERALS = st.one_of(
    _TEXT.map(lambda text: ("STRING", text)),
    _NUMBERS.map(lambda text: ("NUMBER", text)),
    st.dates().map(lambda each: ("DATE", each.isoformat())),
    st.datetimes().map(lambda each: ("TIMESTAMP", each.isoformat(sep=" "))),
    st.sampled_from(["NULL", "TRUE", "FALSE"]).map(lambda word: ("WORD", word)),
)


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def written(literal: tuple[str, str]) -> str:
    kind, text = literal
    if kind == "STRING":
        return quoted(text)
    return f"{kind} {quoted(text)}" if kind in ("DATE", "TIMESTAMP") else text


@given(_NAMES, st.lists(_LITERALS, max_size=8))
def test_whatever_is_written_is_one_call_and_reads_back_the_same(
    name: str, literals: list[tuple[str, str]]
) -> None:
    line = f'"{name.replace(chr(34), chr(34) * 2)}"({", ".join(map(written, literals))});'
    call = only(line)
    assert call.procedure.name.text == name
    for argument, (kind, text) in zip(call.arguments, literals, strict=True):
        same = argument.text == text
        assert same or (kind == "NUMBER" and float(argument.text) == float(text))
    again = only(call.sql())
    assert (again.arguments, again.procedure.name) == (call.arguments, call.procedure.name)


@given(_NAMES, st.lists(_LITERALS, max_size=8))
def test_nothing_of_the_input_reaches_sql_but_a_quoted_name(
    name: str, literals: list[tuple[str, str]]
) -> None:
    line = f'"{name.replace(chr(34), chr(34) * 2)}"({", ".join(map(written, literals))})'
    statement = only(line).statement()
    head, identifier, rest = re.fullmatch(
        r'(CALL )("(?:[^"]|"")*+")(.*)', statement.sql, re.DOTALL
    ).groups()  # type: ignore[union-attr]  # it matches, or the test fails
    assert (head, identifier[1:-1].replace('""', '"')) == ("CALL ", name)
    ours = r"NULL|TRUE|FALSE|''|:a\d+|CAST\(:a\d+ AS [A-Z ]+(?:\(\d+,\d+\))?\)"
    assert re.fullmatch(rf"\((?:(?:{ours})(?:, (?:{ours}))*)?\)", rest)
    assert set(re.findall(r":(a\d+)", rest)) == set(statement.parameters)


@given(_NAMES, st.lists(_LITERALS, max_size=8))
def test_another_parser_of_redshifts_sql_reads_what_is_shown_the_same(
    name: str, literals: list[tuple[str, str]]
) -> None:
    line = f'"{name.replace(chr(34), chr(34) * 2)}"({", ".join(map(written, literals))})'
    call = only(line)
    tokens = Tokenizer(dialect=Redshift).tokenize(call.sql())
    assert tokens[0].text == "CALL"
    assert tokens[1].text == name
    strings = [each.text for each in tokens if each.token_type.name == "STRING"]
    texts = [each.text for each in call.arguments if each.kind in ("STRING", "DATE", "TIMESTAMP")]
    assert strings == texts
    assert [each.token_type.name for each in tokens].count("SEMICOLON") == 1


@given(st.text())
def test_any_text_is_a_release_or_is_refused(text: str) -> None:
    encoded = text.encode(errors="ignore")
    release, faults = read_release(encoded, "Rel1.txt")
    assert release.calls or faults
    for fault in faults:
        assert fault.line >= 1
        assert fault.column >= 1
        assert fault.message


@given(st.text(alphabet=string.printable), st.text(alphabet="();'\"-#\\ ,p1"))
def test_no_text_behind_a_call_is_run(one: str, other: str) -> None:
    for text in (one, other):
        try:
            call = only(f"p('x'){text}".replace("\n", " ").replace("\r", " "))
        except ReleaseError:
            continue
        assert call.statement().sql == 'CALL "p"(:a1)'
        assert re.fullmatch(r"\s*;?\s*((--|#).*)?", text, re.DOTALL)
