"""Files of every kind, good and bad, whose rows hold values that nobody must be told."""

import codecs
import gzip

import pyarrow as pa

from tests.integration.bad_input.batch import Target
from tests.integration.bad_input.case import loaded, rejected
from tests.integration.bad_input.csv_files import late
from tests.integration.bad_input.parquet_files import torn
from tests.integration.running import parquet

CANARY = "Kanarienvogel"
NUMBER = 731_091_544_207
"""The same among numbers."""
MARK = "zeichen"
"""In keys, tables, columns and jobs; it may be told, and shows that what is told was looked at."""


def _nulls_then(odd: str) -> str:
    """Numbers and one NA, so that COPY takes them as text; the odd one is where nobody looks."""
    text = late(odd, filler="7", line=150_000).replace("id,name", "id,number", 1)
    return text.replace("\n1000000,7\n", "\n1000000,NA\n", 1)


GOOD = [
    loaded(f"{MARK}_1.csv", f"id,name\n{NUMBER},{CANARY}\n", (NUMBER, CANARY)),
    loaded(f"{MARK}_2.jsonl", f'{{"id": 2, "name": "{CANARY}"}}\n', (2, CANARY)),
    loaded(f"{MARK}_3.parquet", parquet(id=[3], name=[CANARY]), (3, CANARY)),
    loaded(f"{MARK}_4.csv.gz", gzip.compress(f"id,name\n4,{CANARY}\n".encode()), (4, CANARY)),
    loaded(f"{MARK}_5.csv", f"id,name\n5,{CANARY * 60}\n", (5, CANARY * 60)),
]

_TYPE, _ROW, _FORMAT, _KEY = "TypeChangeError", "RowError", "FormatError", "KeyColumnError"
BAD = [
    rejected(f"{MARK}_null.csv", f"id,name\n,{CANARY}\n", _KEY, "1 row(s)"),
    rejected(f"{MARK}_typed.csv", f"id,name\n{CANARY},x\n", _TYPE, "column id"),
    rejected(f"{MARK}_big.csv", f"id,name\n{NUMBER}{NUMBER},x\n", _TYPE, "column id"),
    rejected(f"{MARK}_late.csv", late(f"{CANARY},Ann"), _ROW, "column id"),
    rejected(f"{MARK}_quoting.csv", late(f"\"'{CANARY}'\",Ann"), _ROW, "column id"),
    rejected(f"{MARK}_overflow.csv", late(f"{NUMBER}{NUMBER},Ann"), _ROW, "column id"),
    rejected(f"{MARK}_lateragged.csv", late(CANARY), _ROW, "line"),
    rejected(f"{MARK}_latequote.csv", late(f'8,"{CANARY}'), _FORMAT, ""),
    rejected(f"{MARK}_ragged.csv", f"id,name\n6,{CANARY},{CANARY}\n", _FORMAT, "line 2"),
    rejected(f"{MARK}_stray.csv", f'id,name\n6,x"{CANARY}"x\n', _FORMAT, "line 2"),
    rejected(f"{MARK}_open.csv", f'id,name\n6,"{CANARY}\n', _FORMAT, "never ends"),
    rejected(
        f"{MARK}_damaged.csv",
        f"id,name\n6,Zoë {CANARY}\n".encode() + b"7,\xff\xfe\n",
        "EncodingError",
        "",
    ),
    rejected(f"{MARK}_nul.csv", f"id,name\n6,\0{CANARY}\n", "EncodingError", "NUL"),
    rejected(f"{MARK}_mark.csv", codecs.BOM_UTF8 + f"6,{CANARY}\n".encode(),
             "EncodingError", "no header"),
    rejected(
        f"{MARK}_cut.csv.gz", gzip.compress(f"id,name\n6,{CANARY}".encode())[:-12], _FORMAT, "gzip"
    ),
    rejected(f"{MARK}_twice.csv", f"id,name\n6,{CANARY}\n6,{CANARY}\n", _KEY, "more than once"),
    rejected(f"{MARK}_broken.jsonl", f'{{"id": 6, "name": "{CANARY}\n', _FORMAT, "line 1"),
    rejected(f"{MARK}_scalar.jsonl", f'{{"id": 6}}\n"{CANARY}"\n', _FORMAT, "line 2"),
    rejected(f"{MARK}_array.json", f'[{{"id": 6, "name": "{CANARY}"}}]', _FORMAT, "array"),
    rejected(
        f"{MARK}_again.jsonl", f'{{"id": 6, "id": "{CANARY}"}}\n', "HeaderError", "same key twice"
    ),
    rejected(
        f"{MARK}_half.jsonl", f'{{"id": 6, "name": "\\ud800{CANARY}"}}\n', "EncodingError", "half"
    ),
    rejected(f"{MARK}_null.jsonl", f'{{"id": null, "name": "{CANARY}"}}\n', _KEY, ""),
    rejected(f"{MARK}_typed.jsonl", f'{{"id": "{CANARY}"}}\n', _TYPE, "column id"),
    rejected(
        f"{MARK}_null.parquet",
        parquet(id=pa.array([6, None], pa.int64()), name=[CANARY, CANARY]),
        _KEY,
        "1 row(s)",
    ),
    rejected(
        f"{MARK}_twice.parquet", parquet(id=[6, 6], name=[CANARY, CANARY]), _KEY, "more than once"
    ),
    rejected(f"{MARK}_typed.parquet", parquet(id=[CANARY], name=["x"]), _TYPE, "column id"),
    rejected(f"{MARK}_torn.parquet", torn(parquet(id=[6], name=[CANARY])), _FORMAT, ""),
    rejected(f"{MARK}_half.parquet", parquet(id=[6], name=[CANARY])[:-9], _FORMAT, ""),
]  # fmt: skip

OTHERS = [
    loaded(f"{MARK}key_1.csv", f"id,name\n{CANARY},x\n", (CANARY, "x")),
    rejected(f"{MARK}key_twice.csv", f"id,name\n{CANARY},x\n{CANARY},y\n", _KEY, "once"),
    loaded(f"{MARK}frozen_1.csv", f"id,name\n1,{CANARY}\n", (1, CANARY)),
    rejected(f"{MARK}frozen_wide.csv", f"id,name\n2,{CANARY * 60}\n", _TYPE, "column name"),
    rejected(
        f"{MARK}frozen_late.csv",
        late(f"3,{CANARY * 60}", filler="Ann", line=110_000),
        _TYPE,
        "column name",
    ),
    rejected(f"{MARK}frozen_more.csv", f"id,extra\n4,{CANARY}\n", "ContractError", "extra"),
    loaded(f"{MARK}whole_1.csv", f"id,name\n1,{CANARY}\n2,x\n3,x\n", (1, CANARY), (2, "x"),
           (3, "x")),
    rejected(f"{MARK}whole_less.csv", f"id,name\n1,{CANARY}\n", "ShrinkError", "1 rows"),
    loaded(f"{MARK}wanted_1.csv", "id,number\n1,5\n", (1, 5)),
    rejected(f"{MARK}wanted_text.csv", f"id,number\n2,{CANARY}\n", _TYPE, "row 1"),
    rejected(f"{MARK}wanted_text.jsonl", f'{{"id": 3, "number": "{CANARY}"}}\n', _TYPE, "number"),
    loaded(f"{MARK}cast_1.csv", "id,number\n1,5\n2,NA\n", (1, 5),
           (2, None)),
    rejected(f"{MARK}cast_text.csv", _nulls_then(f"4,{CANARY}"), _FORMAT, "could not read"),
    rejected(f"{MARK}cast_quoting.csv", _nulls_then(f'5,"a""{CANARY}""b"'), _FORMAT, "could not"),
    rejected(f"{MARK}cast_large.csv", _nulls_then(f"6,{NUMBER}{NUMBER}"), _FORMAT, "could not"),
]  # fmt: skip

CASES = [*GOOD, *BAD, *OTHERS]
TARGETS = {
    MARK: Target(),
    f"{MARK}key": Target(),
    f"{MARK}frozen": Target(job={"schema_contract": {"columns": "freeze", "types": "freeze"}}),
    f"{MARK}whole": Target(job={"load_mode": "overwrite"}),
    f"{MARK}wanted": Target(columns="id, number", job={"columns": {"number": "BIGINT"}}),
    f"{MARK}cast": Target(columns="id, number"),
}

PROCEDURE = (
    f"CREATE PROCEDURE {MARK}_words() AS $$ DECLARE n BIGINT; BEGIN"
    f" SELECT CAST(name AS BIGINT) INTO n FROM {MARK} WHERE id = 2; END; $$"
    " LANGUAGE plpgsql SECURITY DEFINER"
)
"""Reads rows and stumbles on one."""
