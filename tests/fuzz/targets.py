"""What is fuzzed: each target takes any bytes, and does with them what the product does.

A target returns, or raises what the product says it raises. Anything else is a crash, and so is a
hang or much memory, which the fuzzer watches.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from config.job import CsvOptions, InvalidJobsError, Job, parse_jobs
from lambdas.infer_schema import sample
from lambdas.infer_schema.inspect import inspect
from lambdas.shared.domain.columns import FileSchema
from lambdas.shared.domain.engine_errors import Blame, blame, error_of
from lambdas.shared.domain.errors import EventError, FileError, ReleaseError, SluiceError
from lambdas.shared.domain.events import ExecutionEnded, ObjectCreated, parse_event
from lambdas.shared.domain.files import File
from lambdas.shared.domain.names import Identifier, TableName, literal
from lambdas.shared.domain.redaction import redacted
from lambdas.shared.domain.releases import call_by_hand, parse_release
from lambdas.shared.domain.sequences import filled
from lambdas.shared.domain.types import RedshiftType
from lambdas.upsert import refusals

_CSV_OPTIONS = (
    None,
    CsvOptions(header=True),
    CsvOptions(header=False),
    CsvOptions(delimiter=":", null_marker="x"),
    CsvOptions(delimiter="\t", encoding="ISO88591"),
    CsvOptions(encoding="UTF16LE"),
    CsvOptions(encoding="UTF16"),
    CsvOptions(null_marker=""),
)
_OVERRIDES = {"id": "BIGINT", "n": "DECIMAL(5,2)", "t": "VARCHAR(3)", "b": "BOOLEAN", "d": "DATE"}
_WANTED = {name: RedshiftType.parse(text) for name, text in _OVERRIDES.items()}


class _Bytes:
    """A file in memory."""

    def __init__(self, content: bytes, name: str) -> None:
        self.name, self.size, self._content = name, len(content), content

    def read(self, start: int, length: int) -> bytes:
        return self._content[start : start + length]


@contextmanager
def _small_sample(*, small: bool) -> Iterator[None]:
    """A sample of a few bytes, so that a short file is read in pieces as a long one is."""
    names = ("HEAD_BYTES", "PIECE_BYTES", "WHOLE_BYTES")
    before = [getattr(sample, name) for name in names]
    for name, size in zip(names, (64, 32, 128) if small else before, strict=True):
        setattr(sample, name, size)
    try:
        yield
    finally:
        for name, size in zip(names, before, strict=True):
            setattr(sample, name, size)


def _inspected(content: bytes, name: str, how: int, **options: Any) -> None:
    with suppress(FileError), _small_sample(small=bool(how & 128)):
        schema = inspect(_Bytes(content, name), overrides=_WANTED if how & 64 else None, **options)
        assert FileSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
        for column in schema.columns:
            assert RedshiftType.parse(column.type.sql) == column.type
            assert Identifier(column.name.text) == column.name


def csv_sniffer(data: bytes) -> None:
    """The first byte says how the file is read, the others are its content."""
    how, content = data[0] if data else 0, data[1:]
    name = ("a.csv", "a", "a.csv.gz", "a.tsv")[how >> 4 & 3]
    _inspected(content, name, how, csv=_CSV_OPTIONS[how & 7])


def json_sampler(data: bytes) -> None:
    """As csv_sniffer."""
    how, content = data[0] if data else 0, data[1:]
    name = ("a.json", "a.jsonl", "a.json.gz", "a")[how >> 4 & 3]
    _inspected(content, name, how, file_format="json" if how & 1 else "auto")


def parquet_footer(data: bytes) -> None:
    """As csv_sniffer; the content is a file, or the footer of one."""
    how, content = data[0] if data else 0, data[1:]
    if how & 1:
        content = b"PAR1" + bytes(64) + content + len(content).to_bytes(4, "little") + b"PAR1"
    _inspected(content, "a.parquet", how)


def config_parser(data: bytes) -> None:
    """What is valid can be written as SQL, and matches names in time."""
    try:
        jobs = parse_jobs(data)
    except InvalidJobsError:
        return
    for job in jobs:
        assert Job.model_validate(job.to_input()) == job
        assert TableName.parse(job.target_table).sql
        assert all(map(Identifier, (*job.upsert_keys, *job.order_columns, *job.columns)))
        assert all(map(RedshiftType.parse, job.columns.values()))
        assert literal(job.job_id)
        job.takes("a" * 300)
        job.takes(data[:300].decode(errors="replace"))


def event_parser(data: bytes) -> None:
    """An event that is read has a file that can be stored, or names jobs that can be woken."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        event = parse_event(document)
    except EventError:
        return
    if isinstance(event, ObjectCreated) and event.version_id and event.etag:
        with suppress(ValueError):  # "null" is no version
            file = File(
                bucket=event.bucket,
                key=event.key,
                version_id=event.version_id,
                etag=event.etag,
                size=event.size or 0,
                sequence=event.sequencer or "0",
                arrived_at=event.time,
            )
            assert File.from_json(json.loads(json.dumps(file.to_json()))) == file
            assert len(f"{file.rejected_key('j')}.error.json".encode()) <= 1024
            assert len(filled([None, file.sequence, None])) == 3
    elif isinstance(event, ExecutionEnded):
        assert all(job["job_id"] and job["generation"] >= 0 for job in event.jobs)


def release_file(data: bytes) -> None:
    """A release, and a call by hand where the bytes are JSON."""
    with suppress(ReleaseError):
        release = parse_release(data, "Rel1.txt")
        assert release.calls
        assert all(type(call.number) is int for call in release.calls)
    with suppress(ValueError, RecursionError, ReleaseError):
        document = json.loads(data)
        if isinstance(document, dict):
            assert call_by_hand(document).procedure


def engine_message(data: bytes) -> None:
    """What the warehouse says of a failed statement."""
    message = data.decode(errors="replace")
    assert len(redacted(message)) < 600
    assert isinstance(error_of(message), SluiceError)
    assert isinstance(blame(message), Blame)
    refusals.named_file(message)
    assert all(finding.code for finding in refusals.findings(message))


def planted(data: bytes) -> None:
    """A fault the fuzzer has to find, or it finds nothing: two comparisons deep."""
    if data[:1] == b"n" and len(data) > 2 and data[1:3] == b"ow":
        raise ZeroDivisionError


Target = Callable[[bytes], None]
TARGETS: dict[str, Target] = {
    each.__name__: each
    for each in (
        csv_sniffer,
        parquet_footer,
        json_sampler,
        config_parser,
        event_parser,
        release_file,
        engine_message,
    )
}
PROOF = {planted.__name__: planted}
