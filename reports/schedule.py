"""When a letter is due: a weekday and an hour in the reader's zone, once a period whatever the clocks do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
WEEK_DAYS = 7
WEEK = timedelta(days=WEEK_DAYS)
FIRST_WEEK = date(2024, 1, 1)
# Of a long outage the last half year is set down as missed.
MOST_MISSED = 26
# A pause that is longer has no end that anybody plans with.
MOST_AHEAD = 520


class Cadence(NamedTuple):
    """A weekday and an hour: every so many weeks, counted from the week of a day, or the first of each month."""

    weekday: int
    hour: int
    every_weeks: int = 1
    monthly: bool = False
    starts_on: date | None = None

    def falls_on(self, day: date) -> bool:
        """Whether a letter is due on a day that has the right weekday."""
        if self.monthly:
            return day.day <= WEEK_DAYS
        return (_monday(day) - _monday(self.starts_on or FIRST_WEEK)).days // WEEK_DAYS % self.every_weeks == 0

    def name(self, day: date) -> str:
        return f"{day:%Y-%m}" if self.monthly else week_of(day)


class Period(NamedTuple):
    """One period of one reader, a week named as ISO does or a month, and the moment its letter is due."""

    name: str
    due_at: datetime
    on: date


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


def current(at: datetime, cadence: Cadence, zone: ZoneInfo) -> Period:
    """The newest period whose letter is due at a moment. After an outage that is one letter, not one for each missed.

    >>> current(datetime(2026, 11, 20, 6, tzinfo=UTC), Cadence(4, 7), ZoneInfo("Europe/Oslo")).name
    '2026-W47'
    >>> current(datetime(2026, 11, 20, 6, tzinfo=UTC), Cadence(0, 7, monthly=True), ZoneInfo("Europe/Oslo")).due_at
    datetime.datetime(2026, 11, 2, 6, 0, tzinfo=datetime.timezone.utc)
    """
    today = at.astimezone(zone).date()
    return next(
        period
        for period in _periods(today + timedelta(days=cadence.weekday - today.weekday()), -WEEK, cadence, zone)
        if period.due_at <= at
    )


def upcoming(at: datetime, cadence: Cadence, zone: ZoneInfo) -> Iterator[Period]:
    """The periods whose letters are due after a moment, for ten years or more."""
    newest = current(at, cadence, zone)
    ahead = islice(_periods(newest.on + WEEK, WEEK, cadence, zone), MOST_AHEAD)
    return (period for period in ahead if period.due_at > at)


def between(after: datetime, newest: Period, cadence: Cadence, zone: ZoneInfo) -> list[Period]:
    """The periods that came due after a moment and before the newest, which an outage missed; the last of them."""
    missed = takewhile(lambda period: period.due_at > after, _periods(newest.on - WEEK, -WEEK, cadence, zone))
    return list(islice(missed, MOST_MISSED))


def _periods(day: date, step: timedelta, cadence: Cadence, zone: ZoneInfo) -> Iterator[Period]:
    """Periods from a day of the right weekday on, forward or back."""
    while True:
        if cadence.falls_on(day):
            yield Period(cadence.name(day), moment(day, cadence.hour, zone), day)
        day += step


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def week_of(day: date) -> str:
    """The ISO week of a day.

    >>> week_of(date(2027, 1, 1))
    '2026-W53'
    """
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"
