"""Deadlines on the wall clocks people live by."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.job import Expectation
from lambdas.sweep.deadlines import last_deadlines


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expect", "now", "last", "before"),
    [
        ({"by": "06:00"}, "2026-05-02 06:00", "2026-05-02 06:00", "2026-05-01 06:00"),
        ({"by": "06:00"}, "2026-05-02 05:59", "2026-05-01 06:00", "2026-04-30 06:00"),
        (
            {"by": "06:00", "timezone": "Europe/Berlin"},
            "2026-05-02 04:30", "2026-05-02 04:00", "2026-05-01 04:00",
        ),
        (  # the clocks of Berlin went forward in the night to 29 March
            {"by": "06:00", "timezone": "Europe/Berlin"},
            "2026-03-29 12:00", "2026-03-29 04:00", "2026-03-28 05:00",
        ),
        (  # 02:30 was not on the clock that night
            {"by": "02:30", "timezone": "Europe/Berlin"},
            "2026-03-29 12:00", "2026-03-29 01:30", "2026-03-28 01:30",
        ),
        (
            {"by": "23:00", "timezone": "Pacific/Auckland"},
            "2026-05-02 12:00", "2026-05-02 11:00", "2026-05-01 11:00",
        ),
        (
            {"by": "00:15", "every": "hour"},
            "2026-05-02 00:10", "2026-05-01 23:15", "2026-05-01 22:15",
        ),
        (  # a quarter past in Kolkata is a quarter to in Greenwich
            {"by": "00:15", "every": "hour", "timezone": "Asia/Kolkata"},
            "2026-05-02 10:50", "2026-05-02 10:45", "2026-05-02 09:45",
        ),
    ],
)  # fmt: skip
def test_the_last_two_deadlines(expect: dict[str, str], now: str, last: str, before: str) -> None:
    found = last_deadlines(Expectation.model_validate(expect), utc(now))
    assert found == (utc(last), utc(before))


@given(
    now=st.integers(1_577_836_800, 2_051_222_400),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]),
    every=st.sampled_from(["day", "hour"]),
)
def test_a_deadline_has_passed_and_the_next_has_not(
    now: int, hour: int, minute: int, zone: str, every: str
) -> None:
    by = f"{hour if every == 'day' else 0:02}:{minute:02}"
    expect = Expectation.model_validate({"by": by, "timezone": zone, "every": every})
    period = timedelta(days=1) if every == "day" else timedelta(hours=1)
    moment = datetime.fromtimestamp(now, UTC)

    last, before = last_deadlines(expect, moment)

    shift = timedelta(hours=1) if every == "day" else timedelta()
    assert timedelta() <= moment - last <= period + shift
    assert period - shift <= last - before <= period + shift
