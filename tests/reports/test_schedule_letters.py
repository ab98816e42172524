"""When a letter is due, whatever the clocks of the world do."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reports.schedule import Cadence, between, current, moment, upcoming, week_of

# Each with a weekday and an hour at which its clocks jump, where they do.
READERS = [
    ("Pacific/Kiritimati", 0, 7),  # +14
    ("Pacific/Auckland", 6, 2),
    ("Australia/Lord_Howe", 6, 2),  # summer time of half an hour
    ("Asia/Kathmandu", 6, 23),  # +5:45
    ("Asia/Kolkata", 0, 0),
    ("Africa/Cairo", 4, 0),  # a gap at midnight
    ("Europe/Berlin", 6, 2),
    ("UTC", 4, 7),
    ("America/St_Johns", 6, 2),  # -3:30
    ("America/New_York", 6, 1),
    ("America/Santiago", 6, 0),  # a gap at midnight, in the southern spring
    ("Pacific/Pago_Pago", 6, 23),  # -11
]
START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 2 * 365 * 24


@pytest.mark.parametrize(("zone", "weekday", "hour"), READERS)
def test_each_reader_gets_one_letter_a_week(zone: str, weekday: int, hour: int) -> None:
    there = ZoneInfo(zone)
    got: Counter[str] = Counter()
    for passed in range(HOURS):
        at = START + timedelta(hours=passed)
        period = current(at, Cadence(weekday, hour), there)
        if period.due_at >= START and not got[period.name]:
            got[period.name] += 1
            assert timedelta(0) <= at - period.due_at < timedelta(hours=1)
            local = period.due_at.astimezone(there)
            assert (local.weekday(), local.hour) in {(weekday, hour), (weekday, hour + 1)}
    days = [START.date() + timedelta(days=n) for n in range(-1, 732)]
    due = {week_of(day): moment(day, hour, there) for day in days if day.weekday() == weekday}
    assert got.keys() == {week for week, at in due.items() if START <= at <= START + timedelta(hours=HOURS - 1)}


def test_an_outage_of_three_weeks_leaves_one_letter() -> None:
    there = ZoneInfo("Europe/Berlin")
    before = current(datetime(2026, 11, 2, 12, tzinfo=UTC), Cadence(0, 7), there)
    after = current(datetime(2026, 11, 24, 12, tzinfo=UTC), Cadence(0, 7), there)
    assert (before.name, after.name) == ("2026-W45", "2026-W48")
    missed = between(before.due_at, after, Cadence(0, 7), there)
    assert [period.name for period in missed] == ["2026-W47", "2026-W46"]


@pytest.mark.parametrize(
    "cadence", [Cadence(2, 2, every_weeks=3, starts_on=date(2025, 12, 30)), Cadence(6, 2, monthly=True)]
)
@pytest.mark.parametrize("zone", [zone for zone, _, _ in READERS])
def test_each_longer_period_comes_once(cadence: Cadence, zone: str) -> None:
    there = ZoneInfo(zone)
    got: Counter[str] = Counter()
    last = current(START, cadence, there)
    for passed in range(0, HOURS):
        period = current(START + timedelta(hours=passed), cadence, there)
        if period != last:
            got[period.name] += 1
            weeks = (period.on - last.on).days / 7
            assert weeks in (4, 5) if cadence.monthly else weeks == 3
            assert next(upcoming(last.due_at, cadence, there)) == period
            last = period
    assert set(got.values()) == {1}
    assert len(got) in ({24, 23} if cadence.monthly else {34, 35})


@pytest.mark.parametrize(
    ("day", "hour", "zone", "expected"),
    [
        (date(2026, 3, 29), 2, "Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (date(2026, 10, 4), 2, "Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        # The whole day is missing: Samoa went over the date line.
        (date(2011, 12, 30), 7, "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
        # Twice the same hour: the first.
        (date(2026, 11, 1), 1, "America/New_York", datetime(2026, 11, 1, 5, tzinfo=UTC)),
    ],
)
def test_an_hour_that_is_missing_or_comes_twice(day: date, hour: int, zone: str, expected: datetime) -> None:
    assert moment(day, hour, ZoneInfo(zone)) == expected


def test_the_next_letter_is_a_week_after_the_last() -> None:
    there = ZoneInfo("Europe/Oslo")
    due = datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert next(upcoming(due, Cadence(4, 7), there)).due_at == due + timedelta(days=7)
    assert next(upcoming(due - timedelta(seconds=1), Cadence(4, 7), there)).due_at == due
