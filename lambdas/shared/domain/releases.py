"""Releases: files of procedure calls, read whole or refused before the first call runs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.shared.domain.call_grammar import Line, RefusedError, parse_line, parse_name
from lambdas.shared.domain.calls import Call, Kind, Literal, ProcedureName, Statement
from lambdas.shared.domain.errors import ReleaseError
from lambdas.shared.domain.names import file_name_of

__all__ = [
    "Call",
    "Fault",
    "Kind",
    "Literal",
    "ProcedureName",
    "Release",
    "Statement",
    "call_by_hand",
    "parse_calls",
    "parse_release",
    "read_calls",
    "read_release",
    "release_order",
]

_MOST_TOLD = 20
"""How many faults an error's message names; thousands would not fit where it travels."""
_BY_HAND = "the event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The calls of one file, in the order in which they run; there is at least one."""

    file: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong in a release: where (from 1, columns in characters), what, what to do."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


def parse_release(text: bytes, file: str) -> Release:
    """The calls of a release; raises ReleaseError, which names every fault."""
    release, faults = read_release(text, file)
    return _without(faults, release, file)


def read_release(text: bytes, file: str) -> tuple[Release, tuple[Fault, ...]]:
    """The calls that can be read, and every fault: a line has one at most."""
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Release(file=file, calls=()), (_not_text(text, error.start),)
    lines = decoded.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    release, faults = _read(enumerate(lines, start=1), file)
    if not release.calls and not faults:
        faults = (Fault(line=1, column=1, message=_nothing(decoded)),)
    return release, faults


def parse_calls(calls: Sequence[str], parameters: Mapping[str, Any], source: str) -> Release:
    """The calls of a job's after_load, each as a line of its own with its parameters' values.

    Raises ReleaseError; `source` says where the calls stand.
    """
    release, faults = read_calls(calls, parameters, source)
    return _without(faults, release, source)


def read_calls(
    calls: Sequence[str], parameters: Mapping[str, Any], source: str
) -> tuple[Release, tuple[Fault, ...]]:
    """The calls that can be read, and every fault; lines are places in the list, from 1."""
    release, faults = _read(enumerate(calls, start=1), source, parameters)
    told = {call.line for call in release.calls} | {fault.line for fault in faults}
    missing = [
        Fault(line=number, column=1, message="here is no call; write one, or leave it out")
        for number in range(1, max(len(calls), 1) + 1)
        if number not in told
    ]
    return release, (*faults, *missing)


def call_by_hand(event: Mapping[str, Any]) -> Call:
    """The call of `{"stored_procedure_name", "parameters"}`, whose values are JSON's.

    Raises ReleaseError; which database it is for is said by the rest of the event.
    """
    faults: list[Fault] = []
    name, parameters = event.get("stored_procedure_name"), event.get("parameters")
    procedure = _named(name, faults)
    if not isinstance(parameters, list | None):
        kind = type(parameters).__name__
        faults.append(Fault(line=1, column=1, message=f"parameters: is a {kind}; give a list"))
        parameters = []
    arguments = []
    for place, value in enumerate(parameters or [], start=1):
        try:
            arguments.append(Literal.from_json(value))
        except ValueError as error:
            faults.append(Fault(line=1, column=1, message=f"parameter {place}: {error}"))
    if procedure is None or faults:
        raise _error(faults, _BY_HAND)
    return Call(number=1, line=0, procedure=procedure, arguments=tuple(arguments))


def release_order(names: Iterable[str]) -> list[str]:
    """Names of releases, oldest first: numbers in them count as numbers (`Rel2`, `Rel10`)."""
    return sorted(names, key=_natural)


def _natural(name: str) -> tuple[list[str | int], str]:
    """What to compare names by; the ending is left out, so that `Rel2` is before `Rel2.1`."""
    stem = file_name_of(name).rpartition(".")[0] or file_name_of(name)
    parts = re.split(r"([0-9]+)", stem.lower())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def _read(
    lines: Iterable[tuple[int, str]], file: str, parameters: Mapping[str, Any] | None = None
) -> tuple[Release, tuple[Fault, ...]]:
    calls: list[Call] = []
    faults: list[Fault] = []
    for number, text in lines:
        try:
            line = parse_line(text, parameters)
        except RefusedError as error:
            faults.append(Fault(line=number, column=error.column, message=error.message))
            continue
        if line is not None:
            calls.append(_call(line, number=len(calls) + 1, at=number))
    return Release(file=file, calls=tuple(calls)), tuple(faults)


def _call(line: Line, *, number: int, at: int) -> Call:
    return Call(
        number=number,
        line=at,
        procedure=line.procedure,
        arguments=line.arguments,
        idempotent=line.idempotent,
        limit_seconds=line.limit_seconds,
        retries=line.retries,
    )


def _not_text(text: bytes, start: int) -> Fault:
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Fault(line=1, column=1, message="the file is UTF-16; save it as UTF-8")
    line = text[:start].replace(b"\r\n", b"\n").replace(b"\r", b"\n").rpartition(b"\n")
    return Fault(
        line=line[0].count(b"\n") + bool(line[1]) + 1,
        column=len(line[2].decode("utf-8-sig")) + 1,
        message=f"byte {text[start]:#04x} is not UTF-8 text; save the file as UTF-8",
    )


def _nothing(text: str) -> str:
    what = "holds only comments" if text.strip() else "is empty"
    return f"the file {what}; write one call a line, or delete the file"


def _named(name: Any, faults: list[Fault]) -> ProcedureName | None:
    if not isinstance(name, str):
        what = "is missing" if name is None else f"is a {type(name).__name__}"
        message = f"stored_procedure_name: {what}; give procedure or schema.procedure"
        faults.append(Fault(line=1, column=1, message=message))
        return None
    try:
        return parse_name(name)
    except RefusedError as error:
        message = f"stored_procedure_name: {error.message}"
        faults.append(Fault(line=1, column=error.column, message=message))
        return None


def _without(faults: Sequence[Fault], release: Release, file: str) -> Release:
    if faults:
        raise _error(faults, file)
    return release


def _error(faults: Sequence[Fault], file: str) -> ReleaseError:
    told = [f"{file}, {fault}" for fault in faults[:_MOST_TOLD]]
    if len(faults) > _MOST_TOLD:
        told.append(f"{file}: and {len(faults) - _MOST_TOLD} faults more")
    return ReleaseError(
        "\n".join(told), file=file, line=faults[0].line, column=faults[0].column, faults=len(faults)
    )
