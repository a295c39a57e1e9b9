"""Dates and times as COPY reads them: a given format, or 'auto'.

Whatever the format, a value is first written as ISO 8601 by regular expressions over the whole
column, and then read by Arrow. Sources: DATEFORMAT and TIMEFORMAT strings; Automatic recognition
with DATEFORMAT and TIMEFORMAT, Redshift developer guide.
"""

import re
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from local.warehouse.errors import RedshiftError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_ISO_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?$"
_CLOCK = r"(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)"
_ZONE = r"(?P<zone> ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?))?"
_TAIL = rf"(?:[ T]{_CLOCK}(?: ?(?P<half>[aApP][mM]))?{_ZONE})?$"

# 'auto': what a date may look like; the names of months are numbers in brackets by then
_AUTOMATIC = (
    r"^(?P<y>[0-9]{4})[-/.](?P<m>[0-9]{1,2})[-/.](?P<d>[0-9]{1,2})",
    r"^(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})",
    r"^(?P<m>[0-9]{1,2})[/.](?P<d>[0-9]{1,2})[/.](?P<y>[0-9]{4})",
    r"^(?P<d>[0-9]{1,2})[- ]\[(?P<m>[0-9]{2})\][- ](?P<y>[0-9]{4})",
    r"^\[(?P<m>[0-9]{2})\][- ](?P<d>[0-9]{1,2}),?[- ](?P<y>[0-9]{4})",
    r"^(?P<y>[0-9]{4})[- ]\[(?P<m>[0-9]{2})\][- ](?P<d>[0-9]{1,2})",
)

_PARTS = {
    "YYYY": r"(?P<y>[0-9]{4})",
    "YY": r"(?P<yy>[0-9]{2})",
    "MM": r"(?P<m>[0-9]{1,2})",
    "MONTH": r"\[(?P<m>[0-9]{2})\]",
    "MON": r"\[(?P<m>[0-9]{2})\]",
    "DD": r"(?P<d>[0-9]{1,2})",
    "HH24": r"(?P<hh>[0-9]{1,2})",
    "HH12": r"(?P<hh>[0-9]{1,2})",
    "HH": r"(?P<hh>[0-9]{1,2})",
    "MI": r"(?P<mi>[0-9]{1,2})",
    "SS": r"(?P<ss>[0-9]{1,2}(?:\.[0-9]{1,6})?)",
    "AM": r"(?P<half>[aApP][mM])",
    "PM": r"(?P<half>[aApP][mM])",
    "OF": r"(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)",
    "TZ": r"(?P<zone>Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)",
}
_WORDS = re.compile("|".join(sorted(_PARTS, key=len, reverse=True)) + "|.", re.DOTALL)


def to_dates(text: pa.Array, date_format: str) -> tuple[pa.Array, pa.Array]:
    """A column of dates, and which values are none."""
    if date_format in ("auto", "YYYY-MM-DD") and _all_match(text, _ISO_DATE):
        try:
            return text.cast(pa.date32()), _nowhere(text)
        except pa.ArrowInvalid:
            pass  # a day that no month has: find out which
    moments, wrong = _to_microseconds(text, date_format, zoned=False)
    return moments.cast(pa.date32(), safe=False), wrong


def to_moments(text: pa.Array, time_format: str, *, zoned: bool) -> tuple[pa.Array, pa.Array]:
    """A column of timestamps in microseconds, in UTC if `zoned`, and which values are none.

    A TIMESTAMP ignores a time zone, as in Postgres; a TIMESTAMPTZ without one is in UTC.
    """
    kind = pa.timestamp("us", "UTC") if zoned else pa.timestamp("us")
    if time_format in ("epochsecs", "epochmillisecs"):
        return _from_epoch(text, 1_000_000 if time_format == "epochsecs" else 1_000, kind)
    values, wrong = _to_microseconds(text, time_format, zoned=zoned)
    return values.cast(pa.int64()).cast(kind), wrong


def to_times(text: pa.Array) -> tuple[pa.Array, pa.Array]:
    """A column of times of day, and which values are none."""
    dated = pc.binary_join_element_wise("1970-01-01 ", text, "")
    values, wrong = _to_microseconds(dated, "auto", zoned=False)
    return values.cast(pa.int64()).cast(pa.time64("us")), wrong


def _all_match(text: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(text, pattern)).as_py())


def _nowhere(text: pa.Array) -> pa.Array:
    return pa.repeat(False, len(text))


def _from_epoch(text: pa.Array, factor: int, kind: pa.DataType) -> tuple[pa.Array, pa.Array]:
    wrong = pc.fill_null(pc.invert(pc.match_substring_regex(text, r"^-?[0-9]{1,13}$")), False)
    numbers = pc.if_else(wrong, pa.scalar(None, pa.string()), text).cast(pa.int64())
    return pc.multiply(numbers, factor).cast(kind), wrong


def _to_microseconds(text: pa.Array, wanted: str, *, zoned: bool) -> tuple[pa.Array, pa.Array]:
    """Zone-less timestamps in microseconds, and which values are none of any pattern's."""
    if wanted in ("auto", "YYYY-MM-DD HH:MI:SS") and _all_match(text, _ISO_MOMENT):
        values = _parsed(text)
        return values, pc.and_(pc.is_null(values), pc.is_valid(text))
    numbered = _numbered_months(text)
    values = pa.nulls(len(text), pa.timestamp("us"))
    for pattern in _patterns(wanted):
        missing = pc.and_(pc.is_null(values), pc.is_valid(text))
        if not pc.any(missing).as_py():
            break
        found = pc.extract_regex(pc.if_else(missing, numbered, None), pattern)
        values = pc.coalesce(values, _assembled(found, zoned=zoned))
    return values, pc.and_(pc.is_null(values), pc.is_valid(text))


@lru_cache(maxsize=64)
def _patterns(wanted: str) -> tuple[str, ...]:
    if wanted == "auto":
        return tuple(pattern + _TAIL for pattern in _AUTOMATIC)
    parts = []
    for word in _WORDS.findall(wanted.upper()):
        part = _PARTS.get(word, "[ T]" if word in " T" else re.escape(word))
        if part in parts and word in _PARTS:
            raise RedshiftError(f"the format {wanted!r} names a part twice")
        parts.append(part)
    pattern = "".join(parts)
    if wanted.upper() == "YYYY-MM-DD HH:MI:SS":
        return (pattern + _ZONE + "$", "^" + pattern.partition("[ T]")[0] + "$")
    return ("^" + pattern + "$",)


def _numbered_months(text: pa.Array) -> pa.Array:
    """Month names as their numbers in brackets."""
    if not pc.any(pc.match_substring_regex(text, "[A-Za-z]{3}")).as_py():
        return text
    for number, month in enumerate(_MONTHS, start=1):
        text = pc.replace_substring_regex(text, rf"(?i)\b{month}[a-z]*\b", f"[{number:02}]")
    return text


def _assembled(found: pa.Array, *, zoned: bool) -> pa.Array:
    """Timestamps of the named groups of a pattern; NULL where there is no such moment."""
    groups = {field.name: found.field(field.name) for field in found.type}
    valid = found.is_valid()
    year = groups["y"] if "y" in groups else _century(groups["yy"])
    date = pc.binary_join_element_wise(
        year, _two_digits(groups["m"]), _two_digits(groups["d"]), "-"
    )
    clock = groups.get("clock")
    if clock is None:
        clock = _clock(groups)
    clock = pc.if_else(pc.equal(clock, ""), "00:00:00", clock)
    clock = pc.replace_substring_regex(clock, r"^([0-9]):", r"0\1:")
    clock = pc.replace_substring_regex(clock, r"^([0-9]{2}:[0-9]{2})$", r"\1:00")
    iso = pc.if_else(valid, pc.binary_join_element_wise(date, clock, " "), None)
    moments = _parsed(iso)
    if "half" in groups:
        moments = _afternoon(moments, clock, groups["half"])
    if zoned and "zone" in groups:
        moments = _in_utc(moments, groups["zone"])
    return moments


def _century(two_digits: pa.Array) -> pa.Array:
    century = pc.if_else(pc.less(two_digits, "70"), "20", "19")
    return pc.binary_join_element_wise(century, two_digits, "")


def _two_digits(text: pa.Array) -> pa.Array:
    return pc.utf8_lpad(text, 2, "0")


def _clock(groups: dict[str, pa.Array]) -> pa.Array:
    if "hh" not in groups:
        return pc.if_else(pc.is_valid(groups["d"]), "", None)
    seconds = groups.get("ss")
    return pc.binary_join_element_wise(
        _two_digits(groups["hh"]),
        _two_digits(groups["mi"]) if "mi" in groups else "00",
        pc.replace_substring_regex(seconds, r"^([0-9])(\.|$)", r"0\1\2")
        if seconds is not None
        else "00",
        ":",
    )


def _parsed(iso: pa.Array) -> pa.Array:
    try:
        return iso.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        pass  # a 30 February or a 25 o'clock somewhere
    whole = pc.replace_substring_regex(iso, r"\.[0-9]+$", "")
    seconds = pc.strptime(whole, format="%Y-%m-%d %H:%M:%S", unit="us", error_is_null=True)
    # strptime makes 1 March of 30 February
    same = pc.equal(pc.strftime(seconds, format="%Y-%m-%d"), pc.utf8_slice_codeunits(iso, 0, 10))
    return pc.if_else(same, iso, None).cast(pa.timestamp("us"))


def _afternoon(moments: pa.Array, clock: pa.Array, half: pa.Array) -> pa.Array:
    noon = pc.starts_with(clock, "12")
    lower = pc.utf8_lower(half)
    later = pc.and_(pc.equal(lower, "pm"), pc.invert(noon))
    earlier = pc.and_(pc.equal(lower, "am"), noon)
    hours = pc.if_else(later, 12, pc.if_else(earlier, -12, 0))
    return _shifted(moments, pc.multiply(hours, 3_600))


def _in_utc(moments: pa.Array, zone: pa.Array) -> pa.Array:
    offset = pc.extract_regex(zone, r"(?P<sign>[+-])(?P<h>[0-9]{2}):?(?P<m>[0-9]{2})?")
    hours, minutes = _number(offset.field("h")), _number(offset.field("m"))
    seconds = pc.add(pc.multiply(hours, 3_600), pc.multiply(minutes, 60))
    east = pc.fill_null(pc.equal(offset.field("sign"), "+"), False)
    return _shifted(moments, pc.if_else(east, pc.negate(seconds), seconds))


def _number(digits: pa.Array) -> pa.Array:
    """Digits as numbers; what a pattern did not find is ''."""
    return pc.replace_substring_regex(pc.fill_null(digits, ""), "^$", "0").cast(pa.int64())


def _shifted(moments: pa.Array, seconds: pa.Array) -> pa.Array:
    shift = pc.multiply(pc.fill_null(seconds, 0).cast(pa.int64()), 1_000_000)
    return pc.add(moments.cast(pa.int64()), shift).cast(pa.timestamp("us"))
