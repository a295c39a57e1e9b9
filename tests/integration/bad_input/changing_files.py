"""Files whose columns, types and keys change from one to the next, in the order they arrive."""

import decimal
from typing import Any

import pyarrow as pa

from tests.integration.bad_input.batch import Target
from tests.integration.bad_input.case import Case, loaded, rejected
from tests.integration.bad_input.csv_files import late
from tests.integration.bad_input.parquet_files import torn
from tests.integration.running import parquet


def _money(number: str, precision: int, scale: int) -> bytes:
    price = pa.array([decimal.Decimal(number)], pa.decimal128(precision, scale))
    return parquet(id=pa.array([9], pa.int64()), price=price)


MOVING = [
    loaded("moving_1.csv", "id,name,n\n1,Ann,1\n", (1, "Ann", 1, None, None)),
    loaded("moving_turned.csv", "n,id,name\n2,2,Bob\n", (2, "Bob", 2, None, None)),
    loaded("moving_more.csv", "extra,n,id,name\nx,3,3,Cy\n", (3, "Cy", 3, "x", None)),
    loaded("moving_fewer.csv", "id,name\n4,Dee\n", (4, "Dee", None, None, None)),
    loaded("moving_wider.csv", f"id,name\n5,{'w' * 900}\n", (5, "w" * 900, None, None, None)),
    loaded("moving_renamed.csv", "id,full_name\n6,Eve\n", (6, None, None, None, "Eve")),
    rejected("moving_text.csv", "id,n\n7,four\n", "TypeChangeError", "column n was BIGINT"),
    rejected("moving_fraction.csv", "id,n\n8,4.5\n", "TypeChangeError", "column n was BIGINT"),
    rejected(
        "moving_float.parquet", parquet(id=[9], n=[4.5]), "TypeChangeError", '"columns": {"n"'
    ),
]

MONEY = [
    loaded("money_1.parquet", _money("12.34", 10, 2), (9, "12.34")),
    loaded("money_same.csv", "id,price\n1,1234567.89\n", (1, "1234567.89")),
    loaded("money_whole.csv", "id,price\n2,5\n", (2, "5.00")),
    loaded(
        "money_whole_large.csv",
        "id,price\n10,40000\n11,-12345678\n",
        (10, "40000.00"),
        (11, "-12345678.00"),
    ),
    loaded("money_whole.json", '{"id": 12, "price": 3000000}\n', (12, "3000000.00")),
    rejected("money_whole_more.csv", "id,price\n13,123456789\n", "TypeChangeError", "price was"),
    rejected("money_finer.csv", "id,price\n3,5.678\n", "TypeChangeError", "DECIMAL(10,2)"),
    rejected("money_finer.parquet", _money("1.2345", 10, 4), "TypeChangeError", "DECIMAL(10,4)"),
    rejected("money_more.csv", "id,price\n4,123456789012.00\n", "TypeChangeError", "price was"),
    rejected("money_float.csv", "id,price\n5,1e5\n", "TypeChangeError", "price was"),
    # COPY would cut the last digit off
    rejected(
        "money_finer_late.csv",
        late("6,5.678", filler="1.25", line=110_000).replace("name", "price"),
        "TypeChangeError",
        "1 value(s) of column price do not fit its type whole",
    ),
    rejected(
        "money_finer_late_words.csv",
        late("6,5.678", filler="1.25", line=110_000).replace("name", "price") + "7,NA\n",
        "TypeChangeError",
        "1 value(s) of column price do not fit its type whole",
    ),
]

# rows of which nothing is checked: no key, no text, no footer
COUNTED = [
    loaded("counted_1.csv", "id,n\n1,10\n", (1, 10)),
    loaded("counted_2.json", '{"id": 1, "n": 20}\n{"id": 2, "n": null}\n', (1, 20), (2, None)),
]

LETTERS = [
    loaded("letters_1.csv", "ID,Имя\n1,Ann\n", (1, "Ann", None)),
    loaded("letters_2.json", '{"Id": 2, "Имя": "Bob", "имя": "x"}\n', (2, "Bob", "x")),
]

# words for NULL and rows that begin with #: text, as the job says
CODES = [
    loaded("codes_1.csv", "id,code\n1,12\n2,NA\n3,77\n", (1, "12"), (2, "NA"), (3, "77")),
    loaded("codes_null.csv", "id,code\n4,5\n6,NULL\n", (4, "5"), (6, None)),
    loaded("hashed_1.csv", "#ff0000,5\n#00ff00,NA\nblue,7\n",
           ("#ff0000", 5), ("#00ff00", None), ("blue", 7)),
    loaded("commented_1.csv", "# by hand\n#code,name\nA1,Bob\nB2,Alice\n",
           ("A1", "Bob"), ("B2", "Alice")),
]  # fmt: skip

_BROAD = [f"text_{number}" for number in range(1_200)]
BROAD = [
    loaded(f"broad_{n}.csv", f"id,{','.join(_BROAD)}\n{n}{',x' * len(_BROAD)}\n", (n, "x"))
    for n in (1, 2)
]

FROZEN = [
    loaded("frozen_1.csv", "id,name\n1,Ann\n", (1, "Ann")),
    rejected("frozen_more.csv", "id,name,extra\n2,Bob,x\n", "ContractError", "column extra is new"),
    rejected("frozen_wider.csv", f"id,name\n3,{'w' * 900}\n", "TypeChangeError", "column name was"),
    rejected(
        "frozen_wider_late.csv",
        late("4," + "w" * 300, filler="Ann", line=110_000),
        "TypeChangeError",
        "column name",
    ),
]

IGNORED = [
    loaded("ignored_1.csv", "id,name\n1,Ann\n", (1, "Ann")),
    loaded("ignored_more.csv", "extra,id,name\nx,2,Bob\n", (2, "Bob")),
]

KEYS_AGAIN = [
    loaded("same_1.csv", "id,name\n1,Ann\n2,Bob\n", (2, "Bob")),
    loaded("same_again.csv", "id,name\n1,Cy\n3,Dee\n", (3, "Dee")),
    loaded("same_third.csv", "id,name\n1,Eve\n", (1, "Eve")),
    loaded("any_1.csv", "id,name\n1,Ann\n1,Ann\n2,Bob\n", (1, "Ann"), (2, "Bob")),
    loaded("newest_1.csv", "id,name,at\n1,new,5\n2,late,9\n2,early,1\n", (1, "new"), (2, "late")),
    loaded("newest_older.csv", "id,name,at\n1,old,3\n3,only,\n", (3, "only")),
    loaded("newest_rank.csv", "id,name,at,sluice_rank\n4,own,1,7\n", (4, "own")),
    loaded("newest_null.csv", "id,name,at\n1,none,\n2,none,\n"),
    rejected("newest_lost.csv", "id,name\n4,x\n", "KeyColumnError", "order_by column at"),
]

WHOLE = [
    loaded("whole_1.csv", "id,name\n1,Ann\n2,Bob\n3,Cy\n", (1, "Ann"), (2, "Bob"), (3, "Cy")),
    rejected("whole_shrunk.csv", "id,name\n1,Ann\n", "ShrinkError", "minimum_rows_kept"),
]


def _nameless(number: int) -> Case:
    text = "id,name\n,Ann\n" if number % 2 else "name,id\nAnn,\n"
    return rejected(f"crowd_nameless_{number}.csv", text, "KeyColumnError", "1 row(s)")


def _torn(number: int) -> Case:
    body = torn(parquet(id=[10 + number], name=["Ann"]))
    return rejected(f"crowd_torn_{number}.parquet", body, "FormatError", "could not read")


# more bad files than a batch has attempts, and each attempt shows one
CROWD = [
    loaded("crowd_1.csv", "id,name\n1,Ann\n", (1, "Ann")),
    *map(_nameless, range(8)),
    *map(_torn, range(13)),
    loaded("crowd_last.csv", "id,name\n2,Bob\n", (2, "Bob")),
]

# the schema of its table is not there
ELSEWHERE = [loaded("elsewhere_1.csv", "id,name\n1,Ann\n", (1, "Ann"))]

CHANGING = [
    *MOVING,
    *MONEY,
    *COUNTED,
    *LETTERS,
    *CODES,
    *BROAD,
    *FROZEN,
    *IGNORED,
    *KEYS_AGAIN,
    *WHOLE,
    *CROWD,
    *ELSEWHERE,
]


def _with(**job: Any) -> Target:
    return Target(job=job)


TARGETS = {
    "moving": Target(columns="id, name, n, extra, full_name"),
    "money": Target(columns="id, price"),
    "counted": Target(columns="id, n", job={"load_mode": "append"}),
    "letters": Target(columns='id, "Имя", "имя"'),
    "codes": Target(columns="id, code", job={"columns": {"code": "VARCHAR(8)"}}),
    "hashed": Target(
        columns="column_1, column_2", job={"upsert_keys": ["column_1"], "csv": {"header": False}}
    ),
    "commented": Target(columns="code, name", job={"upsert_keys": ["code"]}),
    "broad": Target(columns="id, text_1199"),
    "frozen": _with(schema_contract={"columns": "freeze", "types": "freeze"}),
    "ignored": _with(schema_contract={"columns": "ignore"}),
    "same": Target(),
    "any": _with(on_duplicate_keys="any"),
    "newest": _with(order_by="at"),
    "whole": _with(load_mode="overwrite"),
    "crowd": Target(),
    "elsewhere": _with(target_table="Sales Area.elsewhere"),
}
