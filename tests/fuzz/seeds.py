"""Where the fuzzer starts: the files, events, jobs and messages of the other tests."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.integration.bad_input.case import Case
from tests.integration.bad_input.csv_files import HEADERS, TEXT
from tests.integration.bad_input.json_files import JSON
from tests.integration.bad_input.parquet_files import PARQUET
from tests.unit.domain.test_redaction import QUOTING
from tests.unit.infer_schema.test_fuzz import FOOTER
from tests.unit.infer_schema.test_fuzz import PARQUET as TYPED

_MOST_BYTES = 16 * 1024
_WAYS = (0, 1, 64, 128)
FOUND = Path(__file__).parent / "found"


def seeds(target: str) -> Iterator[bytes]:
    """The inputs a target begins with; what was found before is among them."""
    yield from _SEEDS[target]()
    for path in sorted(FOUND.glob(f"{target}-*")):
        yield path.read_bytes()


def _files(*groups: list[Case]) -> Iterator[bytes]:
    for case in (case for group in groups for case in group):
        if len(case.body) <= _MOST_BYTES:
            yield from (bytes([way]) + case.body for way in _WAYS)


def _parquet() -> Iterator[bytes]:
    yield from _files(PARQUET)
    yield b"\x00" + TYPED
    yield b"\x01" + TYPED[-FOOTER:-8]


def _config() -> Iterator[bytes]:
    yield Path("config/config.json").read_bytes()
    job = json.loads(Path("config/config.json").read_text())[0]
    yield json.dumps(
        [
            job
            | {
                "csv": {"delimiter": ";", "null_marker": "NULL", "encoding": "UTF16"},
                "columns": {"amount": "DECIMAL(18,2)", "b": "VARCHAR(MAX)"},
                "schema_contract": {"columns": "freeze"},
                "batch": {"max_files": 3},
                "order_by": ["a", "b"],
                "source_file_name": "*a?b*.csv",
            }
        ]
    ).encode()


def _events() -> Iterator[bytes]:
    for path in sorted(Path("tests/events").glob("*.json")):
        yield path.read_bytes()


def _releases() -> Iterator[bytes]:
    yield b"-- a release\nCALL sales.refresh(1, 'two', NULL, DATE '2025-01-01', 3.5, TRUE);\n\n"
    yield b"CALL a();\r\ncall \"B c\".\"d\"('it''s', -1)\n/* note */\n"
    yield b'{"stored_procedure_name": "a.b", "parameters": [1, "two", null, true, 1.5]}'


def _messages() -> Iterator[bytes]:
    for text in QUOTING:
        yield text.format('O\'Neil "x"').encode()
    yield b"ERROR: SLUICE_REFUSED ;NULL_KEY:1:12;WIDTH:2:3:412"
    yield b"ERROR: 1023 Detail: Serializable isolation violation on table"


_SEEDS = {
    "csv_sniffer": lambda: _files(TEXT, HEADERS),
    "parquet_footer": _parquet,
    "json_sampler": lambda: _files(JSON),
    "config_parser": _config,
    "event_parser": _events,
    "release_file": _releases,
    "engine_message": _messages,
    "planted": lambda: iter([b"no"]),
}
