"""How forecasts moved from report to report: the trend of each milestone of a program, and what it says by rules.

A report is the forecast that the ledger keeps of a week; the forecast of now is the last one. What a rule finds is told
in numbers; the pages put it into words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from django.db.models import F

from engine.trend import Course, Trend, trend
from forecasts.calendars import EPOCH
from forecasts.models import IssuedForecast, MilestoneForecast
from milestones.models import Milestone
from programs.models import Program

RECENT_WEEKS = 4
# A line follows its driver when the days between the two vary by no more than this while both slip.
PARALLEL_DAYS = 3
# A slip comes in steps when its date stood still between at least half of the reports, and moved a week at a time.
STEP_DAYS = 7
# It speeds up when a week of the last ones costs half as much again as a week before them, and a day more.
SPEEDS_UP = 1.5


class Rule(StrEnum):
    """What a trend reads as; the first that holds counts."""

    DONE = "T-1"
    TOO_YOUNG = "T-2"
    NEVER = "T-3"
    UNSTABLE = "T-4"
    FOLLOWS = "T-5"
    SPEEDING_UP = "T-6"
    STEPS = "T-7"
    STEADY_SLIP = "T-8"
    EARLIER = "T-9"
    STABLE = "T-10"


@dataclass(frozen=True, slots=True)
class Report:
    """What was expected of a milestone on a day."""

    day: date
    p10_on: date
    p50_on: date
    p80_on: date
    p90_on: date


@dataclass(frozen=True, slots=True)
class Reading:
    """What the rules make of a trend.

    `week_days` is what a week costs in days, of late; `before_days` what it did before that; `meets_on` where the line
    meets the diagonal at its slope, None where it never does or is flat. `driver` is the milestone that this one
    follows, at `gap_days`, the fewest and the most days between the two.
    """

    rule: Rule
    week_days: float = 0.0
    before_days: float = 0.0
    meets_on: date | None = None
    driver: int | None = None
    gap_days: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """One milestone: its reports, oldest first, and their trend, None with fewer than two."""

    milestone: Milestone
    reports: Sequence[Report]
    driver: int | None
    trend: Trend | None
    reading: Reading = field(default_factory=lambda: Reading(Rule.TOO_YOUNG))

    @property
    def first_on(self) -> date:
        return self.reports[0].p50_on

    @property
    def current_on(self) -> date:
        """The day it was done, or its newest P50."""
        return self.milestone.done_on or self.reports[-1].p50_on

    @property
    def drift_days(self) -> int:
        """Days by which it is later now than in its first report here."""
        return (self.current_on - self.first_on).days

    @property
    def recent_days(self) -> int:
        """Days by which it moved in the last weeks; later is positive."""
        return round(self.trend.drift_days) if self.trend else 0

    @property
    def moved_later(self) -> int:
        return self.trend.moves_later if self.trend else 0

    @property
    def steps(self) -> int:
        return self.trend.steps if self.trend else 0


def lines_of(program: Program, *, today: date, weeks: int) -> list[Line]:
    """The trend of each milestone of a program over its reports of the last weeks, in two queries.

    The end milestone comes first, then the largest drift. What is cancelled, was done before or has no report is left
    out.
    """
    since = today - timedelta(weeks=weeks)
    reports = _reports(program, since, today)
    rows = Milestone.objects.filter(pk__in=reports, cancelled_on=None).exclude(done_on__lt=since)
    lines = {row.pk: _line(row, reports[row.pk], today) for row in rows.select_related("forecast")}
    read = [_read(line, lines) for line in lines.values()]
    return sorted(
        read, key=lambda line: (not line.milestone.is_end, -abs(line.drift_days), line.current_on, line.milestone.pk)
    )


def _reports(program: Program, since: date, today: date) -> dict[int, list[Report]]:
    issued = (
        IssuedForecast.objects.filter(program=program, day__gte=since, day__lte=today, quantiles__len=19)
        .order_by("milestone_id", "day")
        .annotate(p10=F("quantiles__1"), p50=F("quantiles__9"), p80=F("quantiles__15"), p90=F("quantiles__17"))
        .values_list("milestone_id", "day", "p10", "p50", "p80", "p90")
    )
    found: dict[int, list[Report]] = {}
    for milestone, *row in issued:
        found.setdefault(milestone, []).append(Report(*row))
    return found


def _line(row: Milestone, reports: list[Report], today: date) -> Line:
    now = getattr(row, "forecast", None)
    if row.done_on:
        # Nobody forecasts what is done: its last point is the day it was done, on the diagonal.
        last = Report(row.done_on, row.done_on, row.done_on, row.done_on, row.done_on)
        reports = [report for report in reports if report.day < row.done_on] + [last]
    elif now is not None and len(now.quantiles) == 19:
        q = now.quantiles
        reports = [report for report in reports if report.day < today] + [Report(today, q[1], q[9], q[15], q[17])]
    return Line(row, reports, _driver(now), _trend(reports))


def _driver(now: MilestoneForecast | None) -> int | None:
    return now.driven_by_id if now else None


def _trend(reports: Sequence[Report]) -> Trend | None:
    if len(reports) < 2:
        return None
    days = [(report.day - EPOCH).days for report in reports]
    return trend(days, [(report.p50_on - EPOCH).days for report in reports], weeks=RECENT_WEEKS)


def _read(line: Line, lines: Mapping[int, Line]) -> Line:
    return Line(line.milestone, line.reports, line.driver, line.trend, reading(line, lines))


def reading(line: Line, lines: Mapping[int, Line]) -> Reading:
    """What the rules make of a line; `lines` are all of the program, by milestone."""
    found = line.trend
    if line.milestone.done_on:
        return Reading(Rule.DONE)
    if found is None:
        return Reading(Rule.TOO_YOUNG)
    late, before = _pace(line.reports)
    meets = None
    if found.meets_day is not None and found.course is not Course.ON_PLAN:
        meets = _on(found.meets_day)
    plain = {
        Course.NEVER_CONVERGES: Rule.NEVER,
        Course.UNSTABLE: Rule.UNSTABLE,
        Course.EARLIER: Rule.EARLIER,
        Course.ON_PLAN: Rule.STABLE,
    }
    if found.course in plain:
        return Reading(plain[found.course], late, before, meets)
    gap = _gap(line, lines)
    if gap and line.driver:
        return Reading(Rule.FOLLOWS, late, before, meets, line.driver, gap)
    if late > max(SPEEDS_UP * before, before + 1):
        return Reading(Rule.SPEEDING_UP, late, before, meets)
    rests = found.steps - found.moves_later - found.moves_earlier
    if 2 * rests >= found.steps and found.moves_later and line.drift_days / found.moves_later >= STEP_DAYS:
        return Reading(Rule.STEPS, late, before, meets)
    return Reading(Rule.STEADY_SLIP, late, before, meets)


def _pace(reports: Sequence[Report]) -> tuple[float, float]:
    """Days that a week cost over the last weeks, and over those before."""
    edge = reports[-1].day - timedelta(weeks=RECENT_WEEKS)
    split = max((at for at, report in enumerate(reports) if report.day <= edge), default=0)
    return _a_week(reports[split:]), _a_week(reports[: split + 1])


def _a_week(reports: Sequence[Report]) -> float:
    span = (reports[-1].day - reports[0].day).days
    return 7 * (reports[-1].p50_on - reports[0].p50_on).days / span if span else 0.0


def _gap(line: Line, lines: Mapping[int, Line]) -> tuple[int, int] | None:
    """The fewest and most days between a line and the one that drives it, where they run in parallel."""
    driver = lines.get(line.driver or 0)
    if driver is None or driver.milestone.done_on or driver.trend is None or driver.trend.course is not Course.SLIPPING:
        return None
    ahead = {report.day: report.p50_on for report in driver.reports}
    gaps = [(report.p50_on - ahead[report.day]).days for report in line.reports if report.day in ahead]
    if len(gaps) < 3 or max(gaps) - min(gaps) > PARALLEL_DAYS:
        return None
    return min(gaps), max(gaps)


def _on(day: float) -> date | None:
    """A day since 1970-01-01 as a date; None beyond all calendars."""
    last = (date.max - EPOCH).days
    return EPOCH + timedelta(days=round(day)) if 0 <= day <= last else None
