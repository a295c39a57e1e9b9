"""Another value in a JSON document: bytes changed at random are seldom JSON any more."""

import json
import random
from collections.abc import Callable
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**40, 0.5, 1e300,
    "", " ", "*", "*a" * 20 + "*b", "?", "\0", "\ud800", "İ" * 60, "é日🙂", "a" * 130, "null",
    '"', "'", "\\", ";", "--", "sluice.t", "#t", "a.b.c", "0001-01-01T00:00:00+14:00", "[]", "{",
    "DECIMAL(50,2)", "VARCHAR(0)", "CALL x()",
    [], {}, [[]], [None], {"": None}, ["a", "a"],
)  # fmt: skip
Mutate = Callable[[bytes, int], bytes]


def changed(data: bytes, most: int, seed: int, anyhow: Mutate) -> bytes:
    """The document with one value replaced, dropped or doubled; every third time, other bytes."""
    chance = random.Random(seed)  # noqa: S311 - a fuzzer's choice, no secret
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return anyhow(data, most)
    if chance.random() < 1 / 3:
        return anyhow(data, most)
    for _ in range(chance.randint(1, 3)):
        document = _elsewhere(document, chance)
    found = json.dumps(document, ensure_ascii=chance.random() < 1 / 2)
    encoded = found.encode(errors="replace")
    return encoded if len(encoded) <= most else anyhow(data, most)


def _elsewhere(value: Any, chance: random.Random) -> Any:
    """A copy that differs in one place, near the root or far from it."""
    if isinstance(value, str) and value[:1] in ("{", "[") and chance.random() < 1 / 2:
        try:
            return json.dumps(_elsewhere(json.loads(value), chance))
        except (ValueError, RecursionError):
            return chance.choice(ODD)
    if not isinstance(value, dict | list) or not value or chance.random() < 1 / 8:
        return chance.choice(ODD)
    places: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    place = chance.choice(places)
    copy = value.copy()
    match chance.randint(0, 7):
        case 0:
            del copy[place]
        case 1 if isinstance(copy, list):
            copy.append(copy[place])
        case _:
            copy[place] = _elsewhere(copy[place], chance)
    return copy
