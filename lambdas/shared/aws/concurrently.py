"""Calls side by side: what one batch asks of AWS for each of its files."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def for_each(call: Callable[[T], R], items: Iterable[T], *, threads: int = 8) -> list[R]:
    """The answers in the items' order; the first error is raised once all calls have ended."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, items))
