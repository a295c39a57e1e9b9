"""What a COPY statement asks for, read word by word; an option not known here is refused by name.

Source: COPY, its parameters and their conflicts, Redshift developer guide.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from local.warehouse.dialect import UnsupportedSqlError
from local.warehouse.dialect.tokens import Cursor, single_words, tokenize
from local.warehouse.errors import RedshiftError

Format = Literal["parquet", "csv", "json"]
JsonMode = Literal["auto", "auto ignorecase", "noshred"]
_JSON_MODES: tuple[JsonMode, ...] = ("auto", "auto ignorecase", "noshred")

ENCODINGS = {
    "UTF8": "utf-8",
    "UTF16": "utf-16",
    "UTF16LE": "utf-16-le",
    "UTF16BE": "utf-16-be",
    "ISO88591": "iso-8859-1",
}
MAX_ERRORS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyStatement:
    """One COPY; the defaults are Redshift's.

    `columns` is empty where the statement names none. `max_errors` is the number of rejected rows
    at which the load fails, 0 and 1 being the same. `region` is where the bucket is said to be.
    """

    table: tuple[str, ...]
    columns: tuple[str, ...]
    bucket: str
    key: str
    role_arn: str
    format: Format
    json_mode: JsonMode = "auto"
    delimiter: str = ","
    quote: str = '"'
    null_as: str = "\\N"
    ignore_header: int = 0
    ignore_blank_lines: bool = False
    gzip: bool = False
    encoding: str = "UTF8"
    date_format: str = "YYYY-MM-DD"
    time_format: str = "YYYY-MM-DD HH:MI:SS"
    empty_as_null: bool = False
    blanks_as_null: bool = False
    truncate_columns: bool = False
    replace_invalid: str | None = None
    fill_record: bool = False
    round_decimals: bool = False
    max_errors: int = 0
    manifest: bool = False
    region: str | None = None
    serialize_to_json: bool = False

    @property
    def source(self) -> str:
        """Where it reads from, as the statement says it."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(slots=True, kw_only=True)
class _Options:
    """What was read so far: the values, and the words they were written with."""

    role_arn: str = ""
    format: Format | None = None
    json_mode: JsonMode = "auto"
    values: dict[str, object] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


def parse_copy(sql: str) -> CopyStatement:
    """Read a COPY; raises SqlSyntaxError, UnsupportedSqlError or RedshiftError."""
    cursor = Cursor(sql, single_words(sql, tokenize(sql)))
    cursor.expect("COPY")
    table = cursor.qualified_name()
    columns = cursor.names() if cursor.at("(") else ()
    cursor.expect("FROM")
    bucket, key = _s3_location(cursor.string())
    options = _read_options(cursor)
    if not options.role_arn:
        raise UnsupportedSqlError("COPY without IAM_ROLE")
    if options.format is None:
        raise UnsupportedSqlError("COPY of delimited text (FORMAT AS CSV, JSON or PARQUET is)")
    _check_combination(options)
    statement = CopyStatement(
        table=table,
        columns=columns,
        bucket=bucket,
        key=key,
        role_arn=options.role_arn,
        format=options.format,
        json_mode=options.json_mode,
    )
    return replace(statement, **options.values)  # type: ignore[arg-type]  # the readers below name its fields


def _s3_location(url: str) -> tuple[str, str]:
    if not url.startswith("s3://"):
        raise UnsupportedSqlError(f"COPY from {url.partition(':')[0]}")
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _read_options(cursor: Cursor) -> _Options:
    options = _Options()
    while not cursor.done:
        word = cursor.next_word()
        reader = _READERS.get(word)
        if reader is None:
            cursor.index -= 1
            raise UnsupportedSqlError(f"COPY with {cursor.source(cursor.current)}")
        options.words.append(word)
        reader(options, cursor)
    return options


# --- one reader for each option -------------------------------------------------------------------

_Reader = Callable[[_Options, Cursor], None]


def _flag(name: str) -> _Reader:
    def read(options: _Options, _cursor: Cursor) -> None:
        options.values[name] = True

    return read


def _text(name: str) -> _Reader:
    def read(options: _Options, cursor: Cursor) -> None:
        cursor.take("AS")
        options.values[name] = cursor.string()

    return read


def _number(name: str) -> _Reader:
    def read(options: _Options, cursor: Cursor) -> None:
        cursor.take("AS")
        options.values[name] = cursor.number()

    return read


def _role(options: _Options, cursor: Cursor) -> None:
    options.role_arn = "default" if cursor.take("DEFAULT") else cursor.string()


def _format(options: _Options, cursor: Cursor) -> None:
    cursor.take("AS")
    word = cursor.next_word()
    if word not in ("CSV", "JSON", "PARQUET"):
        raise UnsupportedSqlError(f"COPY with FORMAT {word}")
    _READERS[word](options, cursor)


def _parquet(options: _Options, _cursor: Cursor) -> None:
    options.format = "parquet"


def _csv(options: _Options, cursor: Cursor) -> None:
    options.format = "csv"
    if cursor.take("QUOTE"):
        options.words.append("QUOTE")
        _quote(options, cursor)


def _json(options: _Options, cursor: Cursor) -> None:
    options.format = "json"
    cursor.take("AS")
    mode = cursor.string()
    if mode not in _JSON_MODES:
        raise UnsupportedSqlError("COPY with JSON paths")
    options.json_mode = mode


def _one_character(options: _Options, name: str, word: str, cursor: Cursor) -> None:
    cursor.take("AS")
    value = cursor.string()
    if len(value) != 1 or not value.isascii():
        raise RedshiftError(f"{word} must be a single ASCII character")
    options.values[name] = value


def _delimiter(options: _Options, cursor: Cursor) -> None:
    _one_character(options, "delimiter", "DELIMITER", cursor)


def _quote(options: _Options, cursor: Cursor) -> None:
    _one_character(options, "quote", "QUOTE", cursor)


def _encoding(options: _Options, cursor: Cursor) -> None:
    cursor.take("AS")
    name = cursor.next_word()
    if name not in ENCODINGS:
        raise UnsupportedSqlError(f"COPY with ENCODING {name}")
    options.values["encoding"] = name


def _replacement(options: _Options, cursor: Cursor) -> None:
    options.values["replace_invalid"] = "?"
    if cursor.take("AS"):
        options.values["replace_invalid"] = cursor.string()


def _max_error(options: _Options, cursor: Cursor) -> None:
    cursor.take("AS")
    count = cursor.number()
    if not 0 <= count <= MAX_ERRORS:
        raise RedshiftError(f"MAXERROR must be between 0 and {MAX_ERRORS}")
    options.values["max_errors"] = count


def _update(_options: _Options, cursor: Cursor) -> None:
    # statistics and encodings are Postgres' own business here
    cursor.take_any("ON", "OFF", "TRUE", "FALSE", "PRESET")


_READERS: dict[str, _Reader] = {
    "ACCEPTINVCHARS": _replacement,
    "BLANKSASNULL": _flag("blanks_as_null"),
    "COMPUPDATE": _update,
    "CSV": _csv,
    "DATEFORMAT": _text("date_format"),
    "DELIMITER": _delimiter,
    "EMPTYASNULL": _flag("empty_as_null"),
    "ENCODING": _encoding,
    "FILLRECORD": _flag("fill_record"),
    "FORMAT": _format,
    "GZIP": _flag("gzip"),
    "IAM_ROLE": _role,
    "IGNOREBLANKLINES": _flag("ignore_blank_lines"),
    "IGNOREHEADER": _number("ignore_header"),
    "JSON": _json,
    "MANIFEST": _flag("manifest"),
    "MAXERROR": _max_error,
    "NULL": _text("null_as"),
    "PARQUET": _parquet,
    "QUOTE": _quote,
    "REGION": _text("region"),
    "ROUNDEC": _flag("round_decimals"),
    "SERIALIZETOJSON": _flag("serialize_to_json"),
    "STATUPDATE": _update,
    "TIMEFORMAT": _text("time_format"),
    "TRUNCATECOLUMNS": _flag("truncate_columns"),
}

# --- what does not go together --------------------------------------------------------------------

_COLUMNAR = {
    "ACCEPTINVCHARS",
    "FILLRECORD",
    "FORMAT",
    "IAM_ROLE",
    "MANIFEST",
    "PARQUET",
    "SERIALIZETOJSON",
    "STATUPDATE",
}
_NOT_WITH_JSON = {
    "CSV",
    "DELIMITER",
    "FILLRECORD",
    "IGNOREBLANKLINES",
    "IGNOREHEADER",
    "NULL",
    "QUOTE",
}


def _check_combination(options: _Options) -> None:
    words = set(options.words)
    if repeated := sorted(word for word in words if options.words.count(word) > 1):
        raise RedshiftError(f"conflicting or redundant options: {', '.join(repeated)}")
    if options.format == "parquet" and (wrong := sorted(words - _COLUMNAR)):
        raise RedshiftError(f"{wrong[0]} argument is not supported for PARQUET based COPY")
    if options.format == "json" and (wrong := sorted(words & _NOT_WITH_JSON)):
        raise RedshiftError(f"{wrong[0]} cannot be used with JSON")
    if options.format != "parquet" and "SERIALIZETOJSON" in words:
        raise RedshiftError("SERIALIZETOJSON is for PARQUET and ORC")
