"""Working calendars as tables: from an instant to worked minutes, and back, for whole arrays at once.

An *instant* is a whole minute of wall-clock time since 1970-01-01 00:00; a *day* is a whole day since then. A *worked
minute* counts a calendar's own working time since then. One count names two instants where work pauses: Friday
evening, when the week's last minute ends, and Monday morning, when the next begins. Work finishes at the former and
starts at the latter. A *mark* tells them apart in one integer that orders like time: 2 x worked minutes for the
evening, + 1 for the morning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Interval = tuple[int, int]

MINUTES_PER_DAY = 1440
FIRST_DAY = 0
LAST_DAY = 47_482  # 2100-01-01; tables end before it
_ONE_CALENDAR = 1 << 40  # larger than any count of minutes: keeps calendars apart in one sorted array


class EngineError(ValueError):
    """The engine cannot compute with what it was given; the message says why."""


class NoWorkingTime(EngineError):
    """A calendar in which nothing can ever be done."""


class HorizonError(EngineError):
    """A date or a finish outside 1970-2099; `uids` names the tasks where they are known."""

    def __init__(self, message: str, uids: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.uids = tuple(uids)


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Working hours of a week, with days that differ.

    `week` holds, Monday first, the working intervals of each weekday in minutes of the day. `holidays` are days without
    work; `extra` maps a day to intervals of its own and wins over both. Days count from 1970-01-01.

    Raises NoWorkingTime when no day has work, EngineError when intervals overlap, run backwards or leave the day.

    >>> WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0)).minutes_per_week
    2400
    >>> WorkCalendar(week=((),) * 7)
    Traceback (most recent call last):
        ...
    engine.calendars.NoWorkingTime: A calendar needs at least one working day.
    """

    week: tuple[tuple[Interval, ...], ...]
    holidays: frozenset[int] = frozenset()
    extra: tuple[tuple[int, tuple[Interval, ...]], ...] = ()

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise EngineError(f"A week has seven days, not {len(self.week)}.")
        for intervals in (*self.week, *(intervals for _, intervals in self.extra)):
            end = 0
            for start, stop in intervals:
                if not end <= start < stop <= MINUTES_PER_DAY:
                    raise EngineError(f"Working hours must follow one another within a day: {intervals}.")
                end = stop
        if not any(self.week) and not any(intervals for _, intervals in self.extra):
            raise NoWorkingTime("A calendar needs at least one working day.")

    @classmethod
    def of_minutes(
        cls,
        minutes: Sequence[int],
        holidays: frozenset[int] = frozenset(),
        extra: tuple[tuple[int, int], ...] = (),
    ) -> "WorkCalendar":
        """A calendar of which only the minutes per weekday (Monday first) and per extra day are known.

        >>> WorkCalendar.of_minutes([1440] * 7).week[6]
        ((0, 1440),)
        """
        return cls(
            week=tuple(_of_length(length) for length in minutes),
            holidays=holidays,
            extra=tuple((day, _of_length(length)) for day, length in sorted(extra)),
        )

    @property
    def minutes_per_week(self) -> int:
        """Working minutes of a week without holidays."""
        return sum(stop - start for intervals in self.week for start, stop in intervals)


def _of_length(minutes: int) -> tuple[Interval, ...]:
    return ((0, int(minutes)),) if minutes else ()


ALL_HOURS = WorkCalendar.of_minutes([MINUTES_PER_DAY] * 7)
OFFICE_HOURS = WorkCalendar(week=(((540, 720), (780, 1080)),) * 5 + ((),) * 2)


@dataclass(frozen=True, slots=True)
class _DayTable:
    """One calendar, day by day: `before[d]` minutes worked before day d, and the pattern that day d follows."""

    before: IntArray
    pattern: NDArray[np.int32]
    patterns: tuple[tuple[Interval, ...], ...]


@lru_cache(maxsize=512)
def _day_table(calendar: WorkCalendar) -> _DayTable:
    patterns: dict[tuple[Interval, ...], int] = {(): 0}
    for intervals in (*calendar.week, *(intervals for _, intervals in calendar.extra)):
        patterns.setdefault(intervals, len(patterns))
    days = np.arange(FIRST_DAY, LAST_DAY)
    weekday_pattern = np.array([patterns[intervals] for intervals in calendar.week], dtype=np.int32)
    pattern = weekday_pattern[(days + 3) % 7]  # 1970-01-01 was a Thursday
    for day in calendar.holidays:
        if FIRST_DAY <= day < LAST_DAY:
            pattern[day] = 0
    for day, intervals in calendar.extra:
        if FIRST_DAY <= day < LAST_DAY:
            pattern[day] = patterns[intervals]
    length = np.array([sum(stop - start for start, stop in intervals) for intervals in patterns], dtype=np.int64)
    before = np.zeros(days.size + 1, dtype=np.int64)
    np.cumsum(length[pattern], out=before[1:])
    return _DayTable(before, pattern, tuple(patterns))


@dataclass(frozen=True, slots=True)
class CalendarTable:
    """Several calendars laid side by side, so that one call converts a mixed array.

    Arrays: `before` int64[c, days + 1] minutes worked before each day, `pattern` int32[c, days] row of the day's
    pattern; per pattern and minute `worked_by` int32[p, 1441], `starts` and `ends` int32[p, 1441]: minute of the day
    at which the q-th worked minute starts, at which q minutes are worked.

    >>> table = CalendarTable.of([OFFICE_HOURS])
    >>> friday_evening = table.worked(0, instant_of("2026-01-09T18:00"))
    >>> as_text(table.finish(0, friday_evening)), as_text(table.start(0, friday_evening))
    ('2026-01-09T18:00', '2026-01-12T09:00')
    """

    calendars: tuple[WorkCalendar, ...]
    before: IntArray = field(repr=False)
    pattern: NDArray[np.int32] = field(repr=False)
    worked_by: NDArray[np.int32] = field(repr=False)
    starts: NDArray[np.int32] = field(repr=False)
    ends: NDArray[np.int32] = field(repr=False)
    _keys: IntArray = field(repr=False)

    @classmethod
    def of(cls, calendars: Sequence[WorkCalendar]) -> "CalendarTable":
        """Lay out calendars; the position in the sequence is the calendar's index from then on.

        >>> CalendarTable.of([OFFICE_HOURS, ALL_HOURS]).before.shape
        (2, 47483)
        """
        if not calendars:
            raise EngineError("A network needs at least one calendar.")
        tables = [_day_table(calendar) for calendar in calendars]
        rows: dict[tuple[Interval, ...], int] = {}
        for table in tables:
            for intervals in table.patterns:
                rows.setdefault(intervals, len(rows))
        worked_by = np.zeros((len(rows), MINUTES_PER_DAY + 1), dtype=np.int32)
        starts = np.zeros_like(worked_by)
        ends = np.zeros_like(worked_by)
        for row, intervals in enumerate(rows):
            open_minute = np.zeros(MINUTES_PER_DAY, dtype=bool)
            for start, stop in intervals:
                open_minute[start:stop] = True
            np.cumsum(open_minute, out=worked_by[row, 1:])
            minutes = np.flatnonzero(open_minute)
            starts[row, : minutes.size] = minutes
            ends[row, 1 : minutes.size + 1] = minutes + 1
        before = np.stack([table.before for table in tables])
        pattern = np.stack(
            [np.array([rows[p] for p in table.patterns], dtype=np.int32)[table.pattern] for table in tables]
        )
        keys = (before + np.arange(len(tables), dtype=np.int64)[:, None] * _ONE_CALENDAR).ravel()
        return cls(tuple(calendars), before, pattern, worked_by, starts, ends, keys)

    def worked(self, calendar: Any, instant: Any) -> IntArray:
        """Minutes that `calendar` has worked before `instant` (int64, broadcast); outside 1970-2099 the nearest end.

        >>> int(CalendarTable.of([ALL_HOURS]).worked(0, 90))
        90
        """
        calendar = np.asarray(calendar)
        instant = np.clip(np.asarray(instant, dtype=np.int64), 0, LAST_DAY * MINUTES_PER_DAY - 1)
        day, minute = np.divmod(instant, MINUTES_PER_DAY)
        return np.asarray(self.before[calendar, day] + self.worked_by[self.pattern[calendar, day], minute])

    def start(self, calendar: Any, worked: Any) -> IntArray:
        """Instant at which the minute after `worked` minutes begins: the earliest moment for the next work.

        >>> int(CalendarTable.of([ALL_HOURS]).start(0, 90))
        90
        """
        calendar, worked = np.asarray(calendar), np.asarray(worked, dtype=np.int64)
        worked = np.clip(worked, 0, self.before[calendar, -1] - 1)
        day = self._day(calendar, worked, "right")
        quota = worked - self.before[calendar, day]
        return np.asarray(day * MINUTES_PER_DAY + self.starts[self.pattern[calendar, day], quota])

    def finish(self, calendar: Any, worked: Any) -> IntArray:
        """Instant at which `worked` minutes have just been worked: the last moment of the work before.

        >>> int(CalendarTable.of([ALL_HOURS]).finish(0, 1440))
        1440
        """
        calendar, worked = np.asarray(calendar), np.asarray(worked, dtype=np.int64)
        worked = np.clip(worked, 1, self.before[calendar, -1])
        day = self._day(calendar, worked, "left")
        quota = worked - self.before[calendar, day]
        return np.asarray(day * MINUTES_PER_DAY + self.ends[self.pattern[calendar, day], quota])

    def instant(self, calendar: Any, mark: Any) -> IntArray:
        """Instant of a mark: 2 x worked minutes, + 1 where it means the start of the next minute.

        >>> table = CalendarTable.of([OFFICE_HOURS])
        >>> evening, morning = table.instant(0, [2 * 480, 2 * 480 + 1])
        >>> as_text(evening), as_text(morning)
        ('1970-01-01T18:00', '1970-01-02T09:00')
        """
        mark = np.asarray(mark, dtype=np.int64)
        return np.where(mark & 1, self.start(calendar, mark >> 1), self.finish(calendar, mark >> 1))

    def mark_from(self, calendar: Any, instant: Any) -> IntArray:
        """The first mark at or after an instant.

        >>> CalendarTable.of([OFFICE_HOURS]).mark_from(0, [1080, 1081]).tolist()  # 18:00, 18:01 on the first day
        [960, 961]
        """
        worked = self.worked(calendar, instant)
        return np.asarray(2 * worked + (self.finish(calendar, worked) < instant))

    def mark_until(self, calendar: Any, instant: Any) -> IntArray:
        """The last mark at or before an instant.

        >>> CalendarTable.of([OFFICE_HOURS]).mark_until(0, [1979, 1980]).tolist()  # 08:59, 09:00 on the second day
        [960, 961]
        """
        worked = self.worked(calendar, instant)
        return np.asarray(2 * worked + (self.start(calendar, worked) <= instant))

    def _day(self, calendar: NDArray[Any], worked: IntArray, side: Any) -> IntArray:
        offset = calendar.astype(np.int64)
        found = np.searchsorted(self._keys, worked + offset * _ONE_CALENDAR, side=side) - 1
        return np.asarray(found - offset * self.before.shape[1], dtype=np.int64)


def instant_of(text: str) -> int:
    """Minutes since 1970-01-01 of an ISO date and time.

    >>> instant_of("1970-01-02T00:30")
    1470
    """
    return int(np.datetime64(text, "m").astype(np.int64))


def as_text(instant: Any) -> str:
    """ISO date and time of an instant.

    >>> as_text(1470)
    '1970-01-02T00:30'
    """
    return str(np.datetime64(int(instant), "m"))


def day_of(text: str) -> int:
    """Days since 1970-01-01 of an ISO date.

    >>> day_of("1970-01-31")
    30
    """
    return int(np.datetime64(text, "D").astype(np.int64))
