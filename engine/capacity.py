"""A team's weekly capacity against its demand: load, overload, and how far overload stretches work.

Demand is the people-days of a task, spread evenly over the working time from its start to its finish. Capacity is
people-days a week, less in a week of which holidays leave less working time. Weeks begin on Monday, as in ISO 8601.
Nothing is optimised: no task is moved out of an overloaded week.

The rule by which overload delays: in a week in which a team is asked for f times what it can give, its tasks take
f times as long, at most MOST_STRETCH; a task's factor is the mean over the working time that it has in each week. A
task that meets no overload has the factor 1, exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.calendars import (
    LAST_DAY,
    CalendarTable,
    EngineError,
    HorizonError,
    IntArray,
    NoWorkingTime,
    WorkCalendar,
)
from engine.columns import BoolArray, FloatArray, finite, same_shape

NO_CAPACITY = float("nan")
MOST_STRETCH = 10.0  # past that the plan is at fault, not the pace
_NOISE = 1e-9  # relative: a week that is full to the last digit is not overloaded
_DAYS = 7
_MONDAY = 3  # 1970-01-01 was a Thursday, three days after the Monday of its week


@dataclass(frozen=True, slots=True)
class Teams:
    """Who can do how much: arrays of length t follow the teams.

    `calendar` int64[t] is the position of each team's calendar in `calendars`; `capacity_days` float64[t] people-days a
    week, NO_CAPACITY (NaN) where nobody has said. Raises EngineError for a capacity below 0 or without end,
    NoWorkingTime for a calendar whose plain week has no working hours.

    >>> Teams.of([WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0))], [0], [20]).capacity_days.tolist()
    [20.0]
    """

    calendars: tuple[WorkCalendar, ...]
    calendar: IntArray
    capacity_days: FloatArray

    @classmethod
    def of(cls, calendars: Sequence[WorkCalendar], calendar: Any, capacity_days: Any) -> "Teams":
        capacity = np.asarray(capacity_days, dtype=np.float64)
        index = np.asarray(calendar, dtype=np.int64)
        same_shape("team", index, capacity)
        if np.any(capacity < 0) or np.any(np.isinf(capacity)):
            raise EngineError("A capacity is 0 or more people-days a week.")
        if not all(one.minutes_per_week for one in calendars):
            raise NoWorkingTime("A capacity a week needs a week with working hours.")
        return cls(tuple(calendars), index, capacity)


@dataclass(frozen=True, slots=True)
class Demand:
    """Tasks that ask for people: arrays of length n follow the tasks.

    `team` int64[n] is the position of the team; `demand_days` float64[n] people-days of the whole task; `start_day` and
    `finish_day` int64[n] its first and last day, both included, since 1970-01-01. A task without any working time in
    between asks for everything in the week in which it ends. Raises EngineError for a demand below 0 or a finish before
    the start, HorizonError for days outside 1970-2099.

    >>> Demand.of([0], [12], [20_419], [20_426]).demand_days.tolist()
    [12.0]
    """

    team: IntArray
    demand_days: FloatArray
    start_day: IntArray
    finish_day: IntArray

    @classmethod
    def of(cls, team: Any, demand_days: Any, start_day: Any, finish_day: Any) -> "Demand":
        days = finite("A demand", demand_days)
        columns = [np.asarray(column, dtype=np.int64) for column in (team, start_day, finish_day)]
        same_shape("task", days, *columns)
        _, start, finish = columns
        if np.any(days < 0):
            raise EngineError("A demand is 0 or more people-days.")
        if np.any(finish < start):
            raise EngineError("A task ends on the day it starts, or later.")
        if np.any(start < 0) or np.any(finish >= LAST_DAY):
            raise HorizonError("Demand is spread over days of 1970-2099.")
        return cls(columns[0], days, start, finish)


@dataclass(frozen=True, slots=True)
class Loads:
    """Demand against capacity, in people-days: rows follow the teams, columns the weeks.

    `monday` int64[w] is the first day of each week; `demand` float64[t, w]; `capacity` float64[t, w], NaN where nobody
    has said what the team can do.
    """

    monday: IntArray
    demand: FloatArray
    capacity: FloatArray

    @property
    def load(self) -> FloatArray:
        """Demand over capacity; infinite where nobody works and something is asked for, NaN without a capacity.

        >>> Loads(np.array([4]), np.array([[30.0, 0, 1]]), np.array([[20.0, 0, 0]])).load.tolist()
        [[1.5, 0.0, inf]]
        """
        nothing = np.where(self.demand > 0, np.inf, np.where(np.isnan(self.capacity), np.nan, 0.0))
        with np.errstate(over="ignore"):  # next to no capacity is none
            return np.divide(self.demand, self.capacity, out=nothing, where=~(self.capacity == 0))

    @property
    def overload(self) -> FloatArray:
        """People-days asked for beyond what the team can do; 0 without a capacity, for then nothing is known.

        >>> Loads(np.array([4]), np.array([[30.0, 5]]), np.array([[20.0, 20]])).overload.tolist()
        [[10.0, 0.0]]
        """
        return np.where(self.is_overloaded, self.demand - self.capacity, 0.0)

    @property
    def is_overloaded(self) -> BoolArray:
        """Weeks in which more is asked for than the team can do."""
        return np.asarray(self.demand > self.capacity * (1 + _NOISE), dtype=np.bool_)

    @property
    def pace(self) -> FloatArray:
        """By how much work takes longer in each week: 1 where there is no overload, at most MOST_STRETCH.

        >>> Loads(np.array([4]), np.array([[30.0, 5, 1]]), np.array([[20.0, 20, 0]])).pace.tolist()
        [[1.5, 1.0, 10.0]]
        """
        return np.where(self.is_overloaded, np.minimum(self.load, MOST_STRETCH), 1.0)


def monday_of(day: Any) -> IntArray:
    """The Monday of the week in which a day lies; int64, of any shape.

    >>> monday_of([3, 4, 10, 11]).tolist()  # Sunday 4 January 1970, Monday, Sunday, Monday
    [-3, 4, 4, 11]
    """
    day = np.asarray(day, dtype=np.int64)
    return np.asarray(day - (day + _MONDAY) % _DAYS)


def compare(teams: Teams, demand: Demand, first_day: int, weeks: int) -> Loads:
    """Demand and capacity of each team in each of `weeks` weeks, the first of which holds `first_day`.

    What is asked for in other weeks counts to its tasks' share there, and is not shown.

    >>> office = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0))
    >>> teams = Teams.of([office], [0], [5])
    >>> nine_days = Demand.of([0], [18], [20_419], [20_431])  # Thursday 27 November 2025 to Tuesday 9 December
    >>> compare(teams, nine_days, 20_419, 3).demand.tolist()
    [[4.0, 10.0, 4.0]]
    """
    monday = int(monday_of(first_day)) + _DAYS * np.arange(weeks, dtype=np.int64)
    task, week, days = _spread(teams, demand, int(monday[0]), weeks)
    cells = teams.calendar.size * weeks
    asked = np.bincount(demand.team[task] * weeks + week, weights=days, minlength=cells).astype(np.float64)
    return Loads(monday, asked.reshape(teams.calendar.size, weeks), _capacity(teams, monday))


def by_task(teams: Teams, demand: Demand, first_day: int, weeks: int) -> FloatArray:
    """People-days float64[n, w] that each task asks for in `weeks` weeks, the first of which holds `first_day`.

    >>> office = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0))
    >>> nine_days = Demand.of([0], [18], [20_419], [20_431])
    >>> by_task(Teams.of([office], [0], [5]), nine_days, 20_426, 2).tolist()
    [[10.0, 4.0]]
    """
    task, week, days = _spread(teams, demand, int(monday_of(first_day)), weeks)
    found = np.zeros((demand.team.size, weeks))
    found[task, week] = days
    return found


def stretch(teams: Teams, demand: Demand, from_day: int) -> FloatArray:
    """By how much each task takes longer because its team is overloaded: factors float64[n], from 1 to MOST_STRETCH.

    The mean of `Loads.pace` over the task's working time from `from_day` on; 1 for a task of a team without a capacity
    and for one that is over by then.

    >>> office = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0))
    >>> monday = 20_423
    >>> twice = Demand.of([0, 0], [10, 10], [monday, monday], [monday + 4, monday + 11])  # one week, and two
    >>> stretch(Teams.of([office], [0], [10]), twice, monday).tolist()  # 15 of 10 people-days, then 5 of 10
    [1.5, 1.25]
    """
    if not demand.team.size:
        return np.ones(0)
    first, last = int(demand.start_day.min()), int(demand.finish_day.max())
    weeks = (int(monday_of(last)) - int(monday_of(first))) // _DAYS + 1
    loads = compare(teams, demand, first, weeks)
    table = CalendarTable.of(teams.calendars)
    start = np.minimum(np.maximum(demand.start_day, from_day), demand.finish_day)
    parts = _parts(table, teams.calendar[demand.team], start, demand.finish_day)
    week = parts.week - (int(loads.monday[0]) + _MONDAY) // _DAYS
    # The excess over 1 is averaged, so that no overload is 1 to the last digit.
    excess = (loads.pace[demand.team[parts.task], week] - 1.0) * parts.share
    factor = 1.0 + np.bincount(parts.task, weights=excess, minlength=demand.team.size)
    return np.where(demand.finish_day < from_day, 1.0, np.minimum(factor, MOST_STRETCH))


def _spread(teams: Teams, demand: Demand, monday: int, weeks: int) -> tuple[IntArray, IntArray, FloatArray]:
    """People-days of tasks by week, counted from that Monday, as far as they lie in the weeks."""
    calendar = teams.calendar[demand.team]
    parts = _parts(CalendarTable.of(teams.calendars), calendar, demand.start_day, demand.finish_day)
    week = parts.week - (monday + _MONDAY) // _DAYS
    inside = (week >= 0) & (week < weeks)
    days = demand.demand_days[parts.task] * parts.share
    return parts.task[inside], week[inside], days[inside]


@dataclass(frozen=True, slots=True)
class _Parts:
    """Tasks cut at Mondays: which task, in which week (counted from the one of 1970-01-01), and its share there."""

    task: IntArray
    week: IntArray
    share: FloatArray


def _parts(table: CalendarTable, calendar: IntArray, start: IntArray, finish: IntArray) -> _Parts:
    first, last = (start + _MONDAY) // _DAYS, (finish + _MONDAY) // _DAYS
    count = last - first + 1
    task = np.repeat(np.arange(start.size), count)
    place = np.arange(task.size) - np.repeat(np.cumsum(count) - count, count)
    week = first[task] + place
    since = np.maximum(start[task], week * _DAYS - _MONDAY)
    until = np.minimum(finish[task] + 1, (week + 1) * _DAYS - _MONDAY)
    minutes = table.before[calendar[task], until] - table.before[calendar[task], since]
    total = (table.before[calendar, finish + 1] - table.before[calendar, start])[task]
    idle = (week == last[task]).astype(np.float64)
    return _Parts(task, week, np.divide(minutes, total, out=idle, where=total > 0))


def _capacity(teams: Teams, monday: IntArray) -> FloatArray:
    """People-days that each team can do in each week: its capacity, by the share of the week that is worked."""
    table = CalendarTable.of(teams.calendars)
    since, until = np.clip(monday, 0, LAST_DAY), np.clip(monday + _DAYS, 0, LAST_DAY)
    worked = (table.before[:, until] - table.before[:, since])[teams.calendar]
    whole = np.array([calendar.minutes_per_week for calendar in teams.calendars], dtype=np.float64)[teams.calendar]
    return np.asarray(teams.capacity_days[:, None] * worked / whole[:, None])
