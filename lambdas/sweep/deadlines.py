"""When a file is expected: deadlines in the time zone that people wrote them in."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.job import Expectation


def last_deadlines(expect: Expectation, now: datetime) -> tuple[datetime, datetime]:
    """The last deadline that has passed and the one before it, in UTC.

    A deadline is a time on the wall: days of 23 and 25 hours have one like any other.
    """
    found = [at for at in _around(expect, now) if at <= now]
    return found[-1], found[-2]


def _around(expect: Expectation, now: datetime) -> list[datetime]:
    by, zone = time.fromisoformat(expect.by), ZoneInfo(expect.timezone)
    if expect.every == "hour":
        hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        # zones are off UTC by quarters of hours, so minutes past the hour are theirs, not UTC's
        offset = timedelta(seconds=now.astimezone(zone).utcoffset().total_seconds() % 3600)  # type: ignore[union-attr]  # a zone has one
        past = timedelta(minutes=by.minute) - offset
        return [hour + past + timedelta(hours=step) for step in range(-3, 2)]
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=step) for step in range(-3, 2))
    return [datetime.combine(day, by, zone).astimezone(UTC) for day in days]
