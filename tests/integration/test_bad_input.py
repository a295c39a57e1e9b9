"""Files as people send them: each has a typed, readable outcome, and nothing is half there."""

import codecs
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest

from tests.integration.running import Account, parquet, running_account, until

pytestmark = pytest.mark.emulated

_CSV = "id,name\n1,Ann\n2,Bob\n"
_TWO = [[1, "Ann"], [2, "Bob"]]
_PARQUET = parquet(id=[1, 2], name=["Ann", "Bob"])


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file, and what must become of it: an error (type and words of its message), or rows."""

    name: str
    body: bytes
    error: tuple[str, str] | None = None
    rows: list[list[Any]] | None = None
    columns: str = "id, name"
    job: dict[str, Any] = field(default_factory=dict)


def _torn(body: bytes) -> bytes:
    return body[:4] + b"\xff" * 40 + body[44:]


_LONG = "n" * 200
_HOSTILE = f'id,"a""b","x; DROP TABLE victim",select,é,{_LONG}\n1,2,3,4,5,6\n'

CASES = [
    Case(name="torn.parquet", body=_torn(_PARQUET), error=("FormatError", "could not read")),
    Case(name="truncated.parquet", body=_PARQUET[:-9], error=("FormatError", "Parquet")),
    Case(name="empty.parquet", body=b"", error=("FormatError", "empty")),
    Case(name="liar.parquet", body=_CSV.encode(), error=("FormatError", "Parquet")),
    Case(name="liar.csv", body=_PARQUET, error=("FormatError", "Parquet")),
    Case(name="packed.csv", body=b"\x28\xb5\x2f\xfd" + bytes(40), error=("FormatError", "zstd")),
    Case(name="ragged.csv", body=b"id,name\n1,Ann\n2\n", error=("FormatError", "line 3")),
    Case(name="nothing.csv", body=b"", error=("FormatError", "empty")),
    Case(name="damaged.csv", body="id,name\n1,éé\n".encode() + b"2,\xe2\x82\n",
         error=("EncodingError", "UTF-8")),
    Case(name="null_key.csv", body=b"id,name\n1,Ann\n,Bob\n", error=("KeyColumnError", "1 row")),
    Case(
        name="same_key.csv", body=b"id,name\n1,Ann\n1,Bob\n", error=("KeyColumnError", "order_by")
    ),
    Case(name="no_key.csv", body=b"nr,name\n1,Ann\n", error=("KeyColumnError", "nr, name")),
    Case(
        name="key_twice.csv", body=b"id,name,id\n1,Ann,2\n",
        error=("KeyColumnError", "more than one"),
    ),
    Case(
        name="folded.parquet", body=parquet(id=[1], name=["a"], NAME=["b"]),
        error=("HeaderError", "name"),
    ),
    Case(name="broken.jsonl", body=b'{"id": 1}\n{"id": \n', error=("FormatError", "line 2")),
    Case(name="array.json", body=b'[{"id": 1}]', error=("FormatError", "one object a line")),
    Case(name="zero_rows.parquet", body=parquet(id=pa.array([], pa.int64()),
         name=pa.array([], pa.string())), rows=[]),
    Case(name="header_only.csv", body=b"id,name\n", rows=[]),
    Case(name="mark.csv", body=codecs.BOM_UTF8 + _CSV.encode(), rows=_TWO),
    Case(name="utf16.csv", body=_CSV.encode("utf-16"), rows=_TWO),
    Case(
        name="latin.csv", body="id,name\n1,José\n".encode("latin-1"), rows=[[1, "José"]],
        job={"csv": {"encoding": "ISO88591"}},
    ),
    Case(name="zipped.csv", body=gzip.compress(_CSV.encode()), rows=_TWO),
    Case(name="zipped.csv.gz", body=gzip.compress(_CSV.encode()), rows=_TWO),
    Case(name="lines.csv", body=b'id,name\n1,"An\nn"\n', rows=[[1, "An\nn"]]),
    Case(name="zeros.csv", body=b"id,name\n1,007\n2,012\n", rows=[[1, "007"], [2, "012"]]),
    Case(
        name="long_integers.csv", body=b"id,name\n1,99999999999999999999\n",
        rows=[[1, "99999999999999999999"]],
    ),
    Case(name="nulls.csv", body=b"id,name\n1,\n2,NULL\n3,x\n",
         rows=[[1, ""], [2, None], [3, "x"]]),
    Case(name="repeated.csv", body=b"id,v,v\n1,2,3\n", rows=[[1, 2, 3]], columns="id, v, v_2"),
    Case(
        name="hostile.csv", body=_HOSTILE.encode(), rows=[[1, 2, 3, 4, 5]],
        columns='id, "a""b", "x; drop table victim", "select", "é"',
    ),
    Case(
        name="nested.jsonl", body=b'{"id": 1, "name": {"first": ["Ann"]}}\n{"id": 2}\n',
        rows=[[1, '{"first":["Ann"]}'], [2, None]], columns="id, JSON_SERIALIZE(name)",
    ),
    Case(name="a key + 100%25 %2F é.csv", body=_CSV.encode(), rows=_TWO),
    Case(name="k" * 880 + ".csv", body=_CSV.encode(), rows=_TWO),
]  # fmt: skip


def _job(number: int, case: Case) -> dict[str, Any]:
    return {
        "job_id": f"CASE{number:02}",
        "job_name": f"case {number}",
        "source_file_name": case.name if len(case.name) < 200 else "kkk*.csv",
        "target_table": f"case_{number:02}",
        "upsert_keys": ["id"],
        "is_active": True,
        **case.job,
    }


@dataclass
class Settled:
    """All cases uploaded at once, and settled."""

    account: Account
    history: dict[str, list[list[Any]]]
    errors: dict[str, Any]

    def table(self, case: Case) -> str:
        """The target of a case."""
        return str(_job(CASES.index(case), case)["target_table"])


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    with running_account(tmp_path_factory.mktemp("sluice")) as account:
        account.configure([_job(number, case) for number, case in enumerate(CASES)])
        account.query("SELECT 1")
        for case in CASES:
            account.upload(case.name, case.body)
        until(lambda: not account.keys("data/in/"))
        rows = account.query(
            "SELECT object_key, verdict, rows, error_type, error_message FROM sluice.load_history"
        )
        history: dict[str, list[list[Any]]] = {}
        for key, *verdict in rows:
            history.setdefault(key, []).append(verdict)
        errors = {
            document["file"]: document
            for key in account.keys("data/rejected/")
            if key.endswith(".error.json")
            for document in [json.loads(account.read(key))]
        }
        yield Settled(account, history, errors)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name[:40])
def test_each_file_has_one_verdict_and_its_copy(settled: Settled, case: Case) -> None:
    (verdict,) = settled.history[f"data/in/{case.name}"]

    assert verdict[0] == ("LOADED" if case.error is None else "REJECTED")
    raw = [key for key in settled.account.keys("data/raw/") if key.endswith(f"/{case.name}")]
    assert [settled.account.read(key) for key in raw] == [case.body]


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.error], ids=lambda case: case.name[:40]
)
def test_a_bad_file_says_what_is_wrong_and_loads_nothing(settled: Settled, case: Case) -> None:
    assert case.error is not None
    document = settled.errors[f"data/in/{case.name}"]

    assert document["error"]["type"] == case.error[0]
    assert case.error[1] in document["error"]["message"]
    there = settled.account.query(
        f"SELECT COUNT(*) FROM svv_tables WHERE table_name = '{settled.table(case)}'"
    )
    if there != [[0]]:
        assert settled.account.query(f"SELECT COUNT(*) FROM {settled.table(case)}") == [[0]]
    aside = [key for key in settled.account.keys("data/rejected/") if key.endswith(case.name)]
    assert [settled.account.read(key) for key in aside] == [case.body]


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.rows is not None], ids=lambda case: case.name[:40]
)
def test_an_odd_file_loads_as_it_is(settled: Settled, case: Case) -> None:
    table = settled.table(case)

    assert settled.account.query(f"SELECT {case.columns} FROM {table} ORDER BY id") == case.rows


def test_every_byte_of_every_file_is_accounted_for(settled: Settled) -> None:
    """Nothing is lost: the history, the raw copies and the rejected files name the same cases."""
    names = {f"data/in/{case.name}" for case in CASES}

    assert set(settled.history) == names
    assert set(settled.errors) == {f"data/in/{case.name}" for case in CASES if case.error}
    assert settled.account.keys("data/new_files/") == []


def _follow(account: Account, name: str, body: bytes) -> list[Any]:
    account.upload(name, body)
    verdict: list[Any] = until(lambda: account.verdict(name))
    return verdict


def test_columns_come_go_move_and_widen_and_never_change_their_kind(settled: Settled) -> None:
    account = settled.account
    job = _job(90, Case(name="moving_*", body=b"")) | {"job_id": "MOVING", "target_table": "moving"}
    account.configure([job])

    assert _follow(account, "moving_1.csv", b"id,name,n\n1,Ann,1\n")[0] == "LOADED"
    assert _follow(account, "moving_2.csv", b"n,id,name,extra\n2,2,Bob,x\n")[0] == "LOADED"
    assert _follow(account, "moving_3.csv", f"id,name\n3,{'w' * 900}\n".encode())[0] == "LOADED"
    retyped = _follow(account, "moving_4.csv", b"id,n\n4,four\n")

    assert retyped == ["REJECTED", None, "TypeChangeError"]
    rows = account.query("SELECT id, LEN(name), n, extra FROM moving ORDER BY id")
    assert rows == [[1, 3, 1, None], [2, 3, 2, "x"], [3, 900, None, None]]


BROKEN = {
    "gone": None,
    "no JSON": "[{",
    "no list": "{}",
    "short of a field": json.dumps([{"job_id": "J1"}]),
    "two jobs for one file": json.dumps(
        [_job(91, Case(name="held.csv", body=b"")) | {"job_id": each} for each in ("A", "B")]
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_without_valid_jobs_a_file_waits_and_loads_once_they_are_mended(
    settled: Settled, how: str
) -> None:
    account, text = settled.account, BROKEN[how]
    name = f"held_{list(BROKEN).index(how)}.csv"
    if text is None:
        account.client("s3").delete_object(Bucket=account.info.bucket, Key="config/config.json")
    else:
        account.configure(text)
    before = _refusals(account)
    account.upload(name, _CSV.encode())
    until(lambda: _refusals(account) > before)

    assert account.keys(f"data/in/{name}") == [f"data/in/{name}"]
    assert account.verdict(name) is None
    table = name.removesuffix(".csv")
    job = _job(92, Case(name=name, body=b"")) | {"job_id": table, "target_table": table}
    account.configure([job])
    assert until(lambda: account.verdict(name)) == ["LOADED", 2, None]
    assert account.query(f"SELECT id, name FROM {table} ORDER BY id") == _TWO


def _refusals(account: Account) -> int:
    """How often route has given a message back."""
    events = account.client("logs").filter_log_events(
        logGroupName="/aws/lambda/sluice-local-route", limit=10_000
    )["events"]
    said = [event["message"] for event in events]
    return sum("message not routed" in line for line in said)
