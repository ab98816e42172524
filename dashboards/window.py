"""The stretch of time that a roadmap shows, cut into weeks, months, quarters or years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.utils.formats import date_format
from django.utils.translation import gettext as _

MOST_STEPS = 36  # more would leave no room for the number that stands in each
MOST_YEARS = 30
SHORTEST = timedelta(weeks=4)
FIRST_YEAR, LAST_YEAR = 1970, 2199


class Step(StrEnum):
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def months(self) -> int:
        return {Step.WEEK: 0, Step.MONTH: 1, Step.QUARTER: 3, Step.YEAR: 12}[self]

    def first(self, day: date) -> date:
        """The first day of the step that a day lies in.

        >>> Step.WEEK.first(date(2026, 11, 20)), Step.QUARTER.first(date(2026, 11, 20))
        (datetime.date(2026, 11, 16), datetime.date(2026, 10, 1))
        """
        if self is Step.WEEK:
            return day - timedelta(days=day.weekday())
        return date(day.year, (day.month - 1) // self.months * self.months + 1, 1)

    def later(self, first: date, count: int) -> date:
        """The first day of the step that is ``count`` after the one that begins on ``first``.

        >>> Step.MONTH.later(date(2026, 11, 1), 2), Step.QUARTER.later(date(2026, 10, 1), -4)
        (datetime.date(2027, 1, 1), datetime.date(2025, 10, 1))
        """
        if self is Step.WEEK:
            return first + timedelta(weeks=count)
        month = first.year * 12 + first.month - 1 + count * self.months
        return date(month // 12, month % 12 + 1, 1)

    def name_of(self, first: date) -> str:
        """“week 47”, “Nov 2026”, “Q4 2026”, “2026”."""
        if self is Step.WEEK:
            return _("week %(week)s") % {"week": first.isocalendar().week}
        if self is Step.MONTH:
            return date_format(first, "M Y")
        if self is Step.QUARTER:
            return _("Q%(quarter)s %(year)s") % {"quarter": first.month // 3 + 1, "year": first.year}
        return str(first.year)


# What each zoom shows unless told otherwise: steps before today's, and steps in all, of which a third is shown even
# where nothing is expected so far ahead.
ZOOMS = {Step.WEEK: (4, 26), Step.MONTH: (2, 15), Step.QUARTER: (2, 12)}
AIR = timedelta(days=14)  # after the last day, for its words


@dataclass(frozen=True)
class Window:
    """Days from ``start`` to before ``end``, both on the edge of a step."""

    start: date
    end: date
    step: Step

    @property
    def last(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def steps(self) -> list[date]:
        """The first day of each step."""
        found = [self.start]
        while (following := self.step.later(found[-1], 1)) < self.end:
            found.append(following)
        return found

    def has(self, day: date) -> bool:
        return self.start <= day < self.end

    def moved(self, way: int) -> Window:
        """Half a window earlier (-1) or later (1)."""
        count = way * max(1, len(self.steps) // 2)
        return Window(self.step.later(self.start, count), self.step.later(self.end, count), self.step)


def window(zoom: Step, today: date, first: date | None = None, last: date | None = None) -> Window:
    """What a zoom shows around today, or from a day on, up to a day, or between the two."""
    before, count = ZOOMS[zoom]
    start = zoom.first(first) if first else zoom.later(zoom.first(today), -before)
    end = zoom.later(zoom.first(last), 1) if last else zoom.later(start, count)
    if last and not first:
        start = zoom.later(end, -count)
    return _cut(zoom, start, end)


def fitted(zoom: Step, today: date, drawn: date) -> Window:
    """What a zoom shows around today, no further than something is drawn."""
    before, most = ZOOMS[zoom]
    start = zoom.later(zoom.first(today), -before)
    last = min(drawn, zoom.later(start, most)) + AIR
    count = next((count for count in range(most // 3, most) if zoom.later(start, count) > last), most)
    if zoom is Step.QUARTER:
        count += count % 2  # half of its months are whole quarters
    return _cut(zoom, start, zoom.later(start, count))


def _cut(zoom: Step, start: date, end: date) -> Window:
    """Days in the finest steps that leave room for their numbers; in weeks where weeks are asked for."""
    long = (end - start).days
    finest = (Step.WEEK, Step.MONTH, Step.QUARTER)[0 if zoom is Step.WEEK else 1 :]
    step = next((s for s in finest if long <= MOST_STEPS * DAYS[s]), Step.YEAR)
    start, end = step.first(start), step.first(end - timedelta(days=1))
    return Window(start, step.later(end, 1), step)


DAYS = {Step.WEEK: 7.0, Step.MONTH: 30.5, Step.QUARTER: 91.5}


def fits(first: date | None, last: date | None) -> bool:
    """Whether days that were asked for can be shown: in order, not too far, not too close."""
    if any(day and not FIRST_YEAR <= day.year <= LAST_YEAR for day in (first, last)):
        return False
    return not first or not last or SHORTEST <= last - first + timedelta(days=1) <= timedelta(days=366 * MOST_YEARS)
