"""CSV files as people send them."""

import bz2
import codecs
import gzip

import pyarrow as pa

from tests.integration.bad_input.case import loaded, rejected

LATE_LINE = 1_252


def late(odd: str, *, filler: str = "x" * 1000, line: int = LATE_LINE) -> str:
    """A file longer than what is looked at, with one odd row in a line where nobody looks."""
    rows = [f"{1_000_000 + n},{filler}" for n in range(2 * line + 500)]
    rows[line - 2] = odd
    return "\n".join(["id,name", *rows]) + "\n"


def _zstd(text: str) -> bytes:
    return bytes(pa.compress(text.encode(), codec="zstd", asbytes=True))


TEXT = [
    loaded("people_plain.csv", "id,name\n200,Ann\n201,Bob\n", (200, "Ann"), (201, "Bob")),
    loaded("people_bom.csv", codecs.BOM_UTF8 + b"id,name\n202,Ann\n", (202, "Ann")),
    loaded("people_utf16.csv", "id,name\n203,Zoë\n".encode("utf-16"), (203, "Zoë")),
    loaded("people_latin1.csv", "id,name\n204,José\n".encode("latin-1"), (204, "José")),
    loaded("people_zipped.csv.gz", gzip.compress(b"id,name\n205,Ann\n"), (205, "Ann")),
    loaded("people_zipped.csv", gzip.compress(b"id,name\n206,Ann\n"), (206, "Ann")),
    loaded("people_semicolon.csv", "id;name\n207;Ann\n", (207, "Ann")),
    loaded("people_windows.csv", "id,name\r\n208,Ann\r\n", (208, "Ann")),
    loaded("people_no_last_newline.csv", "id,name\n209,Ann", (209, "Ann")),
    loaded("people_lines.csv", 'id,name\n210,"An\nn, ""x"""\n', (210, 'An\nn, "x"')),
    loaded("people_zeros.csv", "id,name\n211,007\n", (211, "007")),
    loaded("people_nulls.csv", "id,name\n212,\n213,NULL\n214,x\n",
           (212, ""), (213, None), (214, "x")),
    loaded("people_header_only.csv", "id,name\n"),
    loaded("people_blanks.csv", "ID , Name\n215,Ann\n", (215, "Ann")),
    loaded("people_sql.csv", "id,name\n216,'; DROP TABLE people; --\n",
           (216, "'; DROP TABLE people; --")),
    loaded("people_wide.csv", f"id,name\n217,{'w' * 900}\n", (217, "w" * 900)),
    loaded("people_formula.csv", "id,name\n218,=1+1\n219,\\N\n", (218, "=1+1"), (219, None)),
    loaded("people_short.csv", "id\n220\n", (220, None)),
    loaded("people_turned.csv", "name,id\nAnn,221\n", (221, "Ann")),
    rejected("people_ragged.csv", "id,name\n230,Ann\n231\n", "FormatError", "line 3 has 1 fields"),
    rejected("people_nothing.csv", b"", "FormatError", "empty (0 bytes)"),
    rejected("people_blank.csv", "\n\n", "FormatError", "no rows and no header"),
    rejected("people_damaged.csv", "id,name\n232,éé\n".encode() + b"233,\xe2\x82\n",
             "EncodingError", "first in line 3"),
    rejected("people_nul.csv", b"id,name\n234,a\0b\n", "EncodingError", "NUL characters"),
    rejected("people_open_quote.csv", 'id,name\n235,"Ann\n', "FormatError", "never ends"),
    rejected("people_stray_quote.csv", 'id,name\n236,An"n\n', "FormatError", "line 2"),
    rejected("people_old_mac.csv", "id,name\r237,Ann\r", "FormatError", "carriage return"),
    rejected("people_zstd.csv", _zstd("id,name\n238,Ann\n"), "FormatError", "holds zstd"),
    rejected("people_bz2.csv", bz2.compress(b"id,name\n239,Ann\n"), "FormatError", "holds bzip2"),
    rejected("people_cut.csv.gz", gzip.compress(b"id,name\n240,Ann\n")[:-12],
             "FormatError", "cut short"),
    rejected("people_late_cut.csv.gz", gzip.compress(late("243,Ann", line=4_000).encode())[:-400],
             "FormatError", "failed to inflate with gzip"),
    rejected("people_not_zipped.csv.gz", "id,name\n241,Ann\n", "FormatError", "not packed"),
    rejected("people_is_html.csv", "<html><body>503</body></html>", "FormatError", "an HTML page"),
    rejected("people_null_key.csv", "id,name\n242,Ann\n,Bob\n", "KeyColumnError", "1 row(s)"),
    rejected("people_same_key.csv", "id,name\n243,Ann\n243,Bob\n", "KeyColumnError", "order_by"),
    rejected("people_no_key.csv", "nr,name\n244,Ann\n", "KeyColumnError", "columns are nr, name"),
    rejected("people_system.csv", "id,ctid\n248,1\n", "HeaderError", "called ctid"),
    rejected("people_key_twice.csv", "id,name,ID\n245,Ann,9\n", "KeyColumnError", "more than one"),
    rejected("people_key_unnamed.csv", ",name\n246,Ann\n", "KeyColumnError", "upsert key id"),
    rejected("people_key_too_long.csv", f"id,name\n{'9' * 20},Ann\n",
             "TypeChangeError", "column id was BIGINT"),
    rejected("people_late.csv", late("oops,Ann"), "RowError", f"line {LATE_LINE}, column id"),
    rejected("people_late_ragged.csv", late("247"), "RowError", f"line {LATE_LINE}"),
]  # fmt: skip

LONG = "n" * 200

HEADERS = [
    loaded(
        "odd_headers.csv",
        f'id,"a""b","x; DROP TABLE people; --",select,é 日本,v,v,Order,ORDER,{LONG},\n'
        "1,2,3,4,5,6,7,8,9,10,11\n",
        tuple(range(1, 12)),
    )
]

LABELS = [
    loaded("labels_long.csv", f"id,label\n1,{'9' * 20}\n", (1, "9" * 20)),
    loaded("labels_zeros.csv", "id,label\n2,0042\n", (2, "0042")),
]
