"""Earned value and earned schedule: the worked example, curves that rest, late and complete projects, refusals."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import earned
from engine.columns import NotFinite, UnequalShapes
from engine.earned import EarnedOutsidePlan, FallingPlan, NoBudget

PLANNED = [0, 10, 25, 45, 70, 100]
curves = st.lists(st.integers(0, 50), min_size=2, max_size=8).filter(lambda steps: sum(steps) > 0)


def values(found: earned.EarnedValue, *names: str) -> list[float]:
    return [float(getattr(found, name)) for name in names]


def test_all_measures_as_worked_by_hand() -> None:
    found = earned.measure(PLANNED, 35, 40, 3)
    expected = {
        "planned": 45,
        "budget": 100,
        "schedule_variance": -10,
        "schedule_index": 0.7778,
        "cost_variance": -5,
        "cost_index": 0.875,
        "estimate_at_completion": 114.29,
        "to_complete_index": 1.0833,
        "planned_duration_periods": 5,
        "earned_schedule_periods": 2.5,
        "time_variance_periods": -0.5,
        "time_index": 0.8333,
        "finish_periods": 6,
        "finish_as_planned_periods": 5.5,
        "to_complete_time_index": 1.25,
    }
    assert values(found, *expected) == pytest.approx(list(expected.values()), rel=1e-4)


def test_projects_side_by_side_are_each_their_own() -> None:
    planned = np.array([PLANNED, [0, 20, 40, 40, 40, 40], [0, 0, 0, 30, 30, 60]])
    value, spent, at = [35, 40, 0], [40, 50, 5], [3, 4, 2]
    together = earned.measure(planned, value, spent, at)
    for one in range(3):
        alone = earned.measure(planned[one], value[one], spent[one], at[one])
        for name in earned.EarnedValue.__slots__:
            assert getattr(together, name)[one] == pytest.approx(float(getattr(alone, name)), nan_ok=True), name


def test_one_plan_takes_the_earned_values_of_all_its_periods() -> None:
    found = earned.measure(PLANNED, [0, 8, 20, 35], [0, 9, 25, 40], [0, 1, 2, 3])
    assert found.earned_schedule_periods.tolist() == pytest.approx([0, 0.8, 1 + 10 / 15, 2.5])
    assert found.finish_periods[3] == pytest.approx(6)


def test_where_the_plan_rests_the_end_of_the_rest_counts() -> None:
    assert earned.earned_schedule([0, 10, 10, 10, 20], [9, 10, 11]).tolist() == pytest.approx([0.9, 3, 3.1])


def test_a_shorter_plan_ends_where_its_budget_is_reached() -> None:
    found = earned.measure([0, 5, 10, 10, 10], 10, 12, 3)
    assert values(found, "planned_duration_periods", "earned_schedule_periods") == [2, 2]
    assert values(found, "finish_periods", "finish_as_planned_periods") == [3, 3]
    assert values(found, "to_complete_index", "to_complete_time_index") == [0, 0]
    assert found.estimate_at_completion == 12


def test_late_and_over_budget_nothing_that_is_left_can_make_it() -> None:
    found = earned.measure(PLANNED, 90, 100, 7)
    assert found.planned == 100
    assert values(found, "to_complete_index", "to_complete_time_index") == [np.inf, np.inf]
    assert found.finish_periods > 7


def test_where_nothing_is_earned_the_end_is_never_and_at_the_start_nothing_can_be_said() -> None:
    found = earned.measure(PLANNED, 0, 10, 2)
    assert values(found, "finish_periods", "estimate_at_completion") == [np.inf, np.inf]
    start = earned.measure(PLANNED, 0, 0, 0)
    for name in ("schedule_index", "cost_index", "time_index", "finish_periods", "estimate_at_completion"):
        assert np.isnan(getattr(start, name)), name
    assert start.finish_as_planned_periods == 5


def test_what_is_complete_has_its_finish_at_any_pace() -> None:
    assert earned.forecast_finish([5, 5], [5, 4], 7, 0).tolist() == [7, np.inf]
    assert np.isnan(earned.forecast_finish(5, 4, 0, np.nan))


def test_a_sum_of_parts_that_misses_the_budget_by_its_rounding_is_complete() -> None:
    assert earned.measure([0, 0.3], sum([0.1] * 3), 1, 1).to_complete_index == 0  # 0.30000000000000004
    assert earned.measure([0, 0.8], sum([0.1] * 8), 1, 1).to_complete_index == 0  # 0.7999999999999999


@given(curves, st.floats(0, 1))
def test_earned_schedule_is_the_inverse_of_the_plan(steps: list[int], share: float) -> None:
    planned = np.cumsum([0, *steps])
    value = share * planned[-1]
    schedule = float(earned.earned_schedule(planned, value))
    assert np.interp(schedule, np.arange(planned.size), planned) == pytest.approx(value, abs=1e-6)
    assert 0 <= schedule <= len(steps)


@given(curves, st.floats(0.1, 1), st.floats(0.1, 9))
def test_the_finish_does_not_depend_on_the_unit_of_cost(steps: list[int], share: float, unit: float) -> None:
    planned = np.cumsum([0, *steps])
    one = earned.measure(planned, share * planned[-1], 10, 2)
    other = earned.measure(planned * unit, share * planned[-1] * unit, 10 * unit, 2)
    assert other.finish_periods == pytest.approx(float(one.finish_periods), rel=1e-6)
    assert other.cost_index == pytest.approx(float(one.cost_index), rel=1e-6)


def test_adherence_as_worked_by_hand() -> None:
    """Both together plan 0, 10, 30, 50 and have earned 25: 1.75 periods. Planned then: 17.5, 7.5; counted: 15, 7.5."""
    assert earned.adherence([[0, 10, 20, 20], [0, 0, 10, 30]], [15, 10]) == pytest.approx(22.5 / 25)


@given(st.lists(curves, min_size=1, max_size=4), st.floats(0.05, 1))
def test_work_in_the_order_of_the_plan_adheres_to_it(tasks: list[list[int]], share: float) -> None:
    periods = max(map(len, tasks))
    planned = np.array([np.cumsum([0, *steps, *[0] * (periods - len(steps))]) for steps in tasks])
    time = share * periods
    value = np.array([np.interp(time, np.arange(periods + 1), curve) for curve in planned])
    found = earned.adherence(planned, value)
    assert np.isnan(found) if value.sum() == 0 else found == pytest.approx(1)
    if planned[:, -1].sum():
        assert earned.adherence(planned, planned[:, -1]) == pytest.approx(1)


def test_adherence_of_projects_side_by_side() -> None:
    planned = np.array([[[0, 10, 20], [0, 0, 10]], [[0, 4, 4], [0, 0, 4]]])
    found = earned.adherence(planned, [[10, 0], [0, 0]])
    assert found[0] == 1
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    ("error", "ask"),
    [
        (NoBudget, lambda: earned.measure([0, 0, 0], 0, 0, 1)),
        (FallingPlan, lambda: earned.measure([0, 20, 10], 5, 5, 1)),
        (FallingPlan, lambda: earned.measure([5, 20], 5, 5, 1)),
        (EarnedOutsidePlan, lambda: earned.measure([0, 20], 21, 5, 1)),
        (EarnedOutsidePlan, lambda: earned.measure([0, 20], -1, 5, 1)),
        (EarnedOutsidePlan, lambda: earned.measure([0, 20], 1, -5, 1)),
        (EarnedOutsidePlan, lambda: earned.measure([0, 20], 1, 5, -1)),
        (EarnedOutsidePlan, lambda: earned.forecast_finish(5, 2, 3, -1)),
        (NotFinite, lambda: earned.measure([0, np.nan], 1, 5, 1)),
        (NotFinite, lambda: earned.measure([0, 20], np.nan, 5, 1)),
        (UnequalShapes, lambda: earned.measure([], 1, 5, 1)),
        (UnequalShapes, lambda: earned.measure([0], 1, 5, 1)),
        (UnequalShapes, lambda: earned.measure([[0, 9], [0, 9]], [1, 2, 3], 5, 1)),
        (UnequalShapes, lambda: earned.measure([[0, 9], [0, 9]], [1, 2], [1, 2, 3], 1)),
        (UnequalShapes, lambda: earned.adherence([0, 1], 1)),
        (UnequalShapes, lambda: earned.adherence([[0, 1], [0, 1]], [1])),
        (FallingPlan, lambda: earned.adherence([[0, 5, 4], [0, 5, 9]], [1, 1])),
        (EarnedOutsidePlan, lambda: earned.adherence([[0, 5], [0, 5]], [6, 1])),
    ],
)
def test_what_cannot_be_measured_is_refused_by_name(error: type[Exception], ask: Any) -> None:
    with pytest.raises(error):
        ask()
