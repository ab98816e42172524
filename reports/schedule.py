"""When a weekly letter is due: a weekday and an hour in the reader's own zone, once a week whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)


class Period(NamedTuple):
    """One week of one reader, named as ISO does, and the moment its letter is due."""

    week: str
    due_at: datetime


def moment(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """The UTC moment of an hour on a day: the first of two where clocks go back, the next valid one in a gap.

    >>> moment(date(2026, 3, 29), 2, ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29T01:00:00+00:00'
    >>> moment(date(2026, 10, 25), 2, ZoneInfo("Europe/Berlin")).isoformat()
    '2026-10-25T00:00:00+00:00'
    """
    local = datetime.combine(day, time(hour), tzinfo=zone)
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return at
    # In a gap fold=1 reads the hour with the offset after it: a moment before the clocks move.
    before, after = local.replace(fold=1).astimezone(UTC), at
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def current(at: datetime, weekday: int, hour: int, zone: ZoneInfo) -> Period:
    """The newest period whose letter is due at a moment. After an outage that is one letter, not one a week missed.

    >>> current(datetime(2026, 11, 20, 6, tzinfo=UTC), 4, 7, ZoneInfo("Europe/Oslo"))
    Period(week='2026-W47', due_at=datetime.datetime(2026, 11, 20, 6, 0, tzinfo=datetime.timezone.utc))
    """
    today = at.astimezone(zone).date()
    day = today + timedelta(days=weekday - today.weekday())
    due_at = moment(day, hour, zone)
    if due_at > at:
        day -= timedelta(days=7)
        due_at = moment(day, hour, zone)
    return Period(week_of(day), due_at)


def upcoming(at: datetime, weekday: int, hour: int, zone: ZoneInfo) -> Period:
    """The first period whose letter is due after a moment."""
    return current(current(at, weekday, hour, zone).due_at + timedelta(days=8), weekday, hour, zone)


def week_of(day: date) -> str:
    """The ISO week of a day.

    >>> week_of(date(2027, 1, 1))
    '2026-W53'
    """
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"
