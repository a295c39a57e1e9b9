"""Eighteen kinds of messy CSV, each with the kinds of type that are right for its columns."""

import itertools
import random
from collections.abc import Callable

import pytest

from lambdas.shared.domain.errors import FormatError
from lambdas.shared.domain.types import Kind
from tests.unit.infer_schema.sources import inspected

ROWS = 20_000
KINDS = {
    Kind.BIGINT: "integer",
    Kind.DOUBLE: "float",
    Kind.DECIMAL: "decimal",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp",
    Kind.TIMESTAMPTZ: "timestamp",
    Kind.VARCHAR: "text",
}
RAGGED = "some rows are too short"


def _file(header: str, row: Callable[[int], str]) -> str:
    return "\n".join(itertools.chain([header], map(row, range(ROWS)))) + "\n"


def _words(number: int) -> str:
    return random.Random(number).choice(["NULL", "", "NA", str(number)])  # noqa: S311 # test data


CASES: dict[str, tuple[bytes, dict[str, str]]] = {
    "clean": (
        _file(
            "id,name,amt,d,ts,flag",
            lambda i: (
                f"{i},n{i},{i * 1.5},2024-03-{i % 28 + 1:02},2024-03-01 09:30:{i % 60:02},"
                + ("true" if i % 2 else "false")
            ),
        ).encode(),
        {
            "id": "integer",
            "name": "text",
            "amt": "float",
            "d": "date",
            "ts": "timestamp",
            "flag": "boolean",
        },
    ),
    "text late in a column of integers": (
        _file("id,v", lambda i: f"{i},{'see note' if i == ROWS - 2 else i}").encode(),
        {"id": "integer", "v": "text"},
    ),
    "fractions late in a column of integers": (
        _file("id,v", lambda i: f"{i},{i + 0.5 if i >= ROWS - 5 else i}").encode(),
        {"id": "integer", "v": "float"},
    ),
    "leading zeros": (
        _file("id,zip", lambda i: f"{i},{i:05}").encode(),
        {"id": "integer", "zip": "text"},
    ),
    "several words for NULL": (
        _file("id,v", lambda i: f"{i},{_words(i)}").encode(),
        {"id": "integer", "v": "integer"},
    ),
    "line breaks in quoted fields": (
        _file("id,txt,v", lambda i: f'{i},"first, {i}\nsecond ""quoted""",{i}').encode(),
        {"id": "integer", "txt": "text", "v": "integer"},
    ),
    "semicolons and decimal commas": (
        _file("id;amt;d", lambda i: f"{i};{i},5;2024-03-01").encode(),
        {"id": "integer", "amt": "float or text", "d": "date"},
    ),
    "days before months": (
        _file("id,d", lambda i: f"{i},{i % 28 + 1:02}/{i % 12 + 1:02}/2024").encode(),
        {"id": "integer", "d": "date or text"},
    ),
    "byte order mark and CRLF": (
        _file("id,name", lambda i: f"{i},a{i}").replace("\n", "\r\n").encode("utf-8-sig"),
        {"id": "integer", "name": "text"},
    ),
    "pipes": (
        _file("id|name|v", lambda i: f"{i}|a,{i}|{2 * i}").encode(),
        {"id": "integer", "name": "text", "v": "integer"},
    ),
    "integers over 64 bits": (
        _file("id,big", lambda i: f"{i},{2**63 + i}").encode(),
        {"id": "integer", "big": "text or decimal"},
    ),
    "a row too short": (
        _file("id,a,b", lambda i: f"{i},x" if i == ROWS // 2 else f"{i},x,{i}").encode(),
        {RAGGED: "line 10002"},
    ),
    "comments above the header": (
        ("# exported\n# by hand\n" + _file("id,v", lambda i: f"{i},{i}")).encode(),
        {"id": "integer", "v": "integer"},
    ),
    "latin-1": (
        _file("id,name", lambda i: f"{i},Zoë").encode("latin-1"),
        {"id": "integer", "name": "text"},
    ),
    "instants": (
        _file("id,ts", lambda i: f"{i},2024-03-{i % 28 + 1:02}T09:30:00Z").encode(),
        {"id": "integer", "ts": "timestamp"},
    ),
    "a name twice": (
        _file("id,v,v", lambda i: f"{i},{i},{i}").encode(),
        {"id": "integer"},
    ),
    "exact decimals": (
        _file("id,amt", lambda i: f"{i},{i}.10").encode(),
        {"id": "integer", "amt": "decimal or float"},
    ),
    "dates that begin late": (
        _file("id,d", lambda i: f"{i},{'' if i < 15_000 else '2024-03-01'}").encode(),
        {"id": "integer", "d": "date"},
    ),
}


def _is_right(content: bytes, expected: dict[str, str]) -> bool:
    try:
        schema = inspected(content)
    except FormatError as error:
        return RAGGED in expected and expected[RAGGED] in error.message
    kinds = {column.name.text: KINDS[column.type.kind] for column in schema.columns}
    return schema.rows == ROWS and all(
        kinds.get(name) in right.split(" or ") for name, right in expected.items()
    )


@pytest.mark.parametrize("case", CASES)
def test_a_messy_csv_is_read_right(case: str) -> None:
    assert _is_right(*CASES[case])


def test_all_eighteen_cases_are_right() -> None:
    right = [name for name, case in CASES.items() if _is_right(*case)]
    print(f"{len(right)} of {len(CASES)} messy CSV files are right")  # noqa: T201 # the figure
    assert len(right) == len(CASES) == 18
