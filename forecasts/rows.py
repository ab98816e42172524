"""What is read of milestones and links, how the engine is told of a milestone, and what it says of one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from engine.calendars import WorkCalendar
from engine.network import NO_WORK
from forecasts.calendars import day_number
from milestones.models import due_of

# A planned day off work moves on to one that is worked, no further than this.
DAYS_OFF_AT_MOST = 366


class Task(NamedTuple):
    """A milestone's row, as read."""

    id: int
    program: int
    team: int | None
    work: int | None
    not_before_on: date | None
    target_on: date | None
    started_on: date | None
    remaining: int | None
    done_on: date | None
    is_end: bool
    kind: str
    work_low: int | None
    work_high: int | None
    program_target_on: date | None
    demand_days: Decimal | None
    promised_on: date | None


class Link(NamedTuple):
    predecessor: int
    successor: int
    kind: str
    lag: int


class Forecast(NamedTuple):
    """What a MilestoneForecast row says, in the order of its fields."""

    milestone: int
    program: int
    start_on: date
    finish_on: date
    total_float: int | None
    free_float: int | None
    on_longest_path: bool
    driven_by: int | None
    basis: str
    p50_on: date | None
    p80_on: date | None
    chance: float | None
    quantiles: list[date]
    target_on: date | None


class Obstacle(NamedTuple):
    """Why a milestone cannot be computed: a rule of health, the milestone to mend, and the length of a loop."""

    rule: str
    milestone: int
    size: int | None = None


def target_of(task: Task) -> date | None:
    """The day that a forecast is held against: for a program's end, what the program promised to the outside."""
    return due_of(task.is_end, task.target_on, task.program_target_on)


def planned_day(task: Task) -> date | None:
    """The day of a task of which nothing else is known: what it is promised by, else its target."""
    return task.promised_on or task.target_on


def is_bare(task: Task) -> bool:
    """Neither work nor a day says when it will be."""
    return task.done_on is None and task.work is None and task.remaining is None and task.not_before_on is None


def stands_alone(task: Task) -> bool:
    return not is_bare(task) or task.started_on is not None or planned_day(task) is not None


def columns_of(task: Task, waits: bool, calendar: WorkCalendar, today: date) -> tuple[int, int, int, int, int]:
    """Duration, actual start, actual finish, remaining work, first day.

    Who gives neither work nor a day but a promise or a target is taken at their word, one day of work on that day (or
    on the last before it that is worked); a start that lies ahead is a day not to start before.
    """
    started_on, not_before_on = task.started_on, task.not_before_on
    if started_on and started_on > today and task.done_on is None:
        not_before_on, started_on = max(not_before_on or started_on, started_on), None
    duration, remaining = task.work or 0, task.remaining
    planned_on = planned_day(task)
    if is_bare(task) and not waits and planned_on:
        not_before_on = _working_day(calendar, planned_on, today)
        duration = _minutes(calendar, not_before_on)
        remaining = duration if started_on else None
    return (
        duration,
        day_number(started_on),
        day_number(task.done_on),
        NO_WORK if remaining is None or started_on is None else remaining,
        day_number(not_before_on),
    )


def lead_days_of(task: Task, waits: bool, today: date) -> int | None:
    """Days until the day of a task of which nothing else is known; None for others."""
    planned_on = planned_day(task)
    if not is_bare(task) or waits or not planned_on:
        return None
    return max((planned_on - today).days, 0)


def _working_day(calendar: WorkCalendar, on: date, today: date) -> date:
    """The last day up to one, and from today on, that is worked; where there is none, the first after."""
    first = max(on, today)
    for back in range((first - today).days + 1):
        if _minutes(calendar, first - timedelta(days=back)):
            return first - timedelta(days=back)
    return next((day for day in _following(first) if _minutes(calendar, day)), first)


def _following(on: date) -> Iterator[date]:
    """The days after one, for a year: no holidays are longer."""
    last = min(DAYS_OFF_AT_MOST, (date.max - on).days)
    return (on + timedelta(days=ahead) for ahead in range(1, last + 1))


def _minutes(calendar: WorkCalendar, on: date) -> int:
    """Working minutes of one day."""
    return (
        0 if day_number(on) in calendar.holidays else sum(stop - start for start, stop in calendar.week[on.weekday()])
    )
