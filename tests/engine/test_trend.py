"""Milestone trends: the worked example, every course, and what must not change them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.columns import NotFinite, UnequalShapes
from engine.trend import Course, ReportsOutOfOrder, TooFewReports, trend

histories = st.lists(st.tuples(st.integers(1, 40), st.integers(-30, 60)), min_size=2, max_size=25)


def test_the_slope_and_the_day_it_leads_to_as_worked_by_hand() -> None:
    found = trend([0, 30, 60, 90], [200, 206, 215, 227])
    assert found.slope == pytest.approx(0.3)
    assert found.meets_day == pytest.approx(283.571, abs=1e-3)
    assert found.course is Course.SLIPPING
    assert found.alarm
    assert (found.steps, found.moves_later, found.moves_earlier) == (3, 3, 0)


@pytest.mark.parametrize(
    ("dates", "course"),
    [
        ([200, 200, 200, 200], Course.ON_PLAN),
        ([200, 201, 202, 203], Course.ON_PLAN),  # a tenth of a day each day is no trend yet
        ([200, 202, 204, 206], Course.SLIPPING),
        ([200, 195, 190, 185], Course.EARLIER),
        ([200, 210, 220, 230], Course.NEVER_CONVERGES),
        ([200, 215, 235, 250], Course.NEVER_CONVERGES),
        ([200, 230, 200, 230], Course.UNSTABLE),
        ([200, 200, 210, 200], Course.ON_PLAN),  # one leap, taken back
        ([200, 210, 205, 215], Course.SLIPPING),  # one step back out of three
    ],
)
def test_the_course(dates: list[int], course: Course) -> None:
    assert trend([0, 10, 20, 30], dates).course is course


def test_a_forecast_that_flees_as_fast_as_time_meets_no_day() -> None:
    found = trend([20_000, 20_007, 20_014], [20_100, 20_107, 20_114])
    assert found.slope == 1
    assert found.meets_day is None
    assert found.robust_meets_day is None


def test_the_alarm_looks_at_the_last_three_reports() -> None:
    assert not trend([0, 10, 20, 30, 40], [100, 130, 130, 130, 130]).alarm
    assert trend([0, 10, 20, 30, 40], [130, 130, 130, 130, 135]).alarm
    assert not trend([0, 10], [100, 105]).alarm
    assert not trend([0, 10, 20], [100, 101, 102]).alarm  # exactly a tenth


def test_one_leap_moves_the_robust_slope_less() -> None:
    found = trend(range(0, 70, 7), [200] * 9 + [290])
    assert found.slope > 0.5
    assert found.robust_slope == 0
    assert found.robust_meets_day == 200


def test_moves_rests_and_drift() -> None:
    found = trend([0, 7, 14, 21, 28, 35, 42], [100, 100, 104, 104, 104, 103, 110])
    assert (found.moves_later, found.moves_earlier, found.steps) == (2, 1, 6)
    assert found.longest_rest_days == 14
    assert (found.drift_days, found.drift_window_days) == (6, 28)  # since the report of day 14
    assert trend([0, 7], [100, 103], weeks=9).drift_days == 3
    assert trend([0, 7], [100, 103]).longest_rest_days == 0


def history(steps: list[tuple[int, int]]) -> tuple[Any, Any]:
    gaps, moves = zip(*steps, strict=True)
    return np.cumsum(gaps), 300 + np.cumsum(moves)


@given(histories, st.integers(-20_000, 20_000))
def test_a_shift_of_the_calendar_shifts_the_day_alone(steps: list[tuple[int, int]], days: int) -> None:
    reports, dates = history(steps)
    here, there = trend(reports, dates), trend(reports + days, dates + days)
    for name in set(here.__slots__) - {"meets_day", "robust_meets_day"}:
        assert getattr(here, name) == pytest.approx(getattr(there, name), abs=1e-8), name
    for name in ("meets_day", "robust_meets_day"):
        before, after = getattr(here, name), getattr(there, name)
        assert (before is None) == (after is None)
        if before is not None and abs(before) < 1e6:
            assert after == pytest.approx(before + days, rel=1e-4, abs=1e-3)


@given(histories)
def test_the_line_meets_the_diagonal_where_it_says(steps: list[tuple[int, int]]) -> None:
    reports, dates = history(steps)
    found = trend(reports, dates)
    slope, intercept = np.polyfit(reports, dates, 1)
    assert found.slope == pytest.approx(slope, abs=1e-6)
    assume(found.meets_day is not None and slope < 0.99)
    assert found.meets_day == pytest.approx(intercept + slope * (found.meets_day or 0), abs=1e-2, rel=1e-4)


@given(histories)
def test_backwards_in_the_other_direction(steps: list[tuple[int, int]]) -> None:
    reports, dates = history(steps)
    here, mirrored = trend(reports, dates), trend(reports, -dates)
    assert mirrored.slope == pytest.approx(-here.slope)
    assert (mirrored.moves_later, mirrored.moves_earlier) == (here.moves_earlier, here.moves_later)
    assert mirrored.drift_days == -here.drift_days


@pytest.mark.parametrize(
    ("error", "reports", "dates"),
    [
        (TooFewReports, [], []),
        (TooFewReports, [1], [100]),
        (ReportsOutOfOrder, [1, 1], [100, 101]),
        (ReportsOutOfOrder, [2, 1], [100, 101]),
        (NotFinite, [1, 2], [100, np.nan]),
        (UnequalShapes, [1, 2, 3], [100, 101]),
    ],
)
def test_what_has_no_trend_is_refused_by_name(error: type[Exception], reports: list[int], dates: list[int]) -> None:
    with pytest.raises(error):
        trend(reports, dates)
