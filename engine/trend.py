"""Milestone trend analysis: what the history of one forecast says about it.

Each report on a day gives a forecast day. On the diagonal both are equal, and there a milestone is reached; a forecast
that rises with the reports moves away from them. Slope 0.3: each ten days cost another three, and the line meets the
diagonal at a / (1 - b). With slope 1 or more it never does.

Sources: the milestone trend chart is common in project management; Theil (1950) and Sen, JASA 63 (1968), for the slope
that a few outliers cannot move.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from engine.calendars import EngineError
from engine.columns import FloatArray, finite, same_shape

STEADY_SLOPE = 0.1  # days a day: up to three days a month is no trend
ALARM_REPORTS = 3
_DIGITS = 9  # of slopes, so that whole days that lie on a limit give the limit itself


class TooFewReports(EngineError):
    """A trend needs two reports at least."""


class ReportsOutOfOrder(EngineError):
    """Report days that do not rise."""


class Course(StrEnum):
    """How a forecast has moved over its reports."""

    ON_PLAN = "on plan"
    SLIPPING = "slipping"
    EARLIER = "earlier"
    UNSTABLE = "unstable"
    NEVER_CONVERGES = "never converges"


@dataclass(frozen=True, slots=True)
class Trend:
    """The trend of one milestone's forecasts; days as they were given, lengths in days.

    `slope` in days a day by least squares, `meets_day` where its line meets the diagonal, None for a slope of 1 or
    more; `robust_slope`, `robust_meets_day` the same by Theil and Sen. `course` is how it has moved, `alarm` whether
    its last three reports slip by more than STEADY_SLOPE. Of `steps` from one report to the next, `moves_later` and
    `moves_earlier` moved the date; `longest_rest_days` between two reports is the longest that it stood still;
    `drift_days` by how much it is later than at the last report that is `drift_window_days` old or older (the first
    one, where none is).
    """

    slope: float
    meets_day: float | None
    robust_slope: float
    robust_meets_day: float | None
    course: Course
    alarm: bool
    steps: int
    moves_later: int
    moves_earlier: int
    longest_rest_days: float
    drift_days: float
    drift_window_days: float


def trend(report_day: Any, forecast_day: Any, *, weeks: int = 4) -> Trend:
    """Trend of forecasts float[k] made on rising days float[k], k >= 2, drift over the last `weeks`.

    The course *never converges* from a slope of 1, is *slipping* above STEADY_SLOPE and comes *earlier* below its
    negative; before that it is *unstable* if the date has moved three times or more and got no further than half the
    way it went; else *on plan*. Raises TooFewReports, ReportsOutOfOrder, NotFinite, UnequalShapes.

    >>> found = trend([0, 30, 60, 90], [200, 206, 215, 227])
    >>> round(found.slope, 2), round(found.meets_day, 1), found.course.value, found.alarm
    (0.3, 283.6, 'slipping', True)
    """
    reports, dates = finite("A report day", report_day), finite("A forecast day", forecast_day)
    same_shape("report", reports, dates)
    if reports.size < 2:
        raise TooFewReports(
            f"A trend needs two reports; there {'is' if reports.size else 'are'} {reports.size or 'none'}."
        )
    if np.any(np.diff(reports) <= 0):
        raise ReportsOutOfOrder("Each report must be made after the one before.")
    slope, robust = ols_slope(reports, dates), theil_sen_slope(reports, dates)
    moves = np.diff(dates)
    recent = slice(-ALARM_REPORTS, None)
    drift_from = max(int(np.searchsorted(reports, reports[-1] - 7 * weeks, side="right")) - 1, 0)
    return Trend(
        slope=slope,
        meets_day=_meets(slope, float(reports.mean()), float(dates.mean())),
        robust_slope=robust,
        robust_meets_day=_meets(robust, float(reports[0]), float(np.median(dates - robust * (reports - reports[0])))),
        course=_course(slope, moves),
        alarm=reports.size >= ALARM_REPORTS and ols_slope(reports[recent], dates[recent]) > STEADY_SLOPE,
        steps=moves.size,
        moves_later=int(np.count_nonzero(moves > 0)),
        moves_earlier=int(np.count_nonzero(moves < 0)),
        longest_rest_days=_longest_rest(reports, moves),
        drift_days=float(dates[-1] - dates[drift_from]),
        drift_window_days=7.0 * weeks,
    )


def ols_slope(report_day: FloatArray, forecast_day: FloatArray) -> float:
    """Least squares slope, in days a day, of dates float[k] over at least two different days float[k].

    >>> round(ols_slope(np.array([0, 30, 60, 90]), np.array([200, 206, 215, 227])), 2)
    0.3
    """
    apart = report_day - report_day.mean()
    return round(float(apart @ (forecast_day - forecast_day.mean()) / (apart @ apart)), _DIGITS)


def theil_sen_slope(report_day: FloatArray, forecast_day: FloatArray) -> float:
    """Median of the slopes between all pairs of reports, in days a day; float[k] over different days float[k].

    >>> theil_sen_slope(np.array([0, 10, 20, 30]), np.array([100, 100, 100, 190]))
    1.5
    """
    first, second = np.triu_indices(report_day.size, 1)
    slopes = (forecast_day[second] - forecast_day[first]) / (report_day[second] - report_day[first])
    return round(float(np.median(slopes)), _DIGITS)


def _meets(slope: float, report: float, date: float) -> float | None:
    """Where the line of a slope through (report, date) meets the diagonal."""
    return (date - slope * report) / (1 - slope) if slope < 1 else None


def _course(slope: float, moves: FloatArray) -> Course:
    if slope >= 1:
        return Course.NEVER_CONVERGES
    if _is_unstable(moves):
        return Course.UNSTABLE
    if slope > STEADY_SLOPE:
        return Course.SLIPPING
    return Course.EARLIER if slope < -STEADY_SLOPE else Course.ON_PLAN


def _is_unstable(moves: FloatArray) -> bool:
    return bool(np.count_nonzero(moves) >= 3 and 2 * abs(moves.sum()) <= np.abs(moves).sum())


def _longest_rest(reports: FloatArray, moves: FloatArray) -> float:
    moved = np.flatnonzero(moves)
    begins = np.concatenate([[0], moved + 1])
    ends = np.concatenate([moved, [reports.size - 1]])
    return float((reports[ends] - reports[begins]).max())
