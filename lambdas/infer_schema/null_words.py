"""Which words of a CSV stand for NULL: one for the whole file, others column by column.

COPY's NULL AS is one text and counts in every column, those too that are text only by the job or
by the table. So a word that people also mean as text (NA may be Namibia) is never told to COPY: it
stays with its column.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from lambdas.infer_schema.values import Found, text_of, type_of

DEFAULT_MARKER = "\\N"
"""What COPY takes for NULL unless told otherwise."""

MARKERS = ("NULL", "null", DEFAULT_MARKER)
"""Words that are NULL wherever they stand; if a file has several, the first one."""

WORDS = (*MARKERS, "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "None")
"""Words that are NULL among values that are numbers, dates or booleans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one column shows: its distinct values without '', the words among them, the type of
    the rest; and whether the job asks for text, whatever the values look like."""

    column: str
    distinct: Any
    words: tuple[str, ...]
    found: Found
    asked_as_text: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the words may be meant as text: beside other text, or with nothing else."""
        if self.found.empty:
            return any(word not in MARKERS for word in self.words)
        return self.asked_as_text or self.found.is_text

    def type_given(self, marker: str | None) -> Found:
        """The type once the file's marker is known."""
        if self.is_text or self.found.empty:
            kept = without(self.distinct, (marker or DEFAULT_MARKER,))
            return text_of(kept, self.column) if self.words_beside(marker) else self.found
        return self.found

    def null_words(self, marker: str | None) -> tuple[str, ...]:
        """The words that are NULL here and that COPY is not told."""
        return () if self.is_text or self.found.empty else self.words_beside(marker)

    def words_beside(self, marker: str | None) -> tuple[str, ...]:
        """The words of this column that COPY does not know as NULL."""
        known = marker if marker is not None else DEFAULT_MARKER
        return tuple(word for word in self.words if word != known)


def evidence_of(
    values: Any, column: str, marker: str | None, *, asked_as_text: bool = False
) -> Evidence:
    """What a column of text shows; `marker` is the job's word for NULL."""
    distinct = without(pc.unique(values), ("",) if marker is None else ("", marker))
    present = distinct.filter(are(distinct, WORDS)).to_pylist()
    rest = without(distinct, WORDS) if present else distinct
    return Evidence(
        column=column,
        distinct=distinct,
        words=tuple(word for word in WORDS if word in present),
        found=type_of(rest, column),
        asked_as_text=asked_as_text,
    )


def marker_of(columns: Sequence[Evidence]) -> str | None:
    """The one word that COPY is told; None for its own, or for none.

    Text columns come first: the others can have words of their own.
    """
    for is_text in (True, False):
        words = {word for each in columns if each.is_text is is_text for word in each.words}
        if marker := next((word for word in MARKERS if word in words), None):
            return marker
    return None


def without(values: Any, words: Iterable[str]) -> Any:
    """The values that are none of these words."""
    return values.filter(pc.invert(are(values, words)))


def are(values: Any, words: Iterable[str]) -> Any:
    """For each value whether it is one of these words.

    A regular expression, because an Arrow array of the words would import pandas where it is
    installed, which takes longer than all the rest.
    """
    return pc.match_substring_regex(values, f"^(?:{'|'.join(map(re.escape, words))})$")
