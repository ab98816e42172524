"""Earned value, and earned schedule: how much of the plan is done, at what cost, and when the rest will be.

*Planned value* is a cumulative curve over whole periods of any length (weeks, months): 0 at the plan's start, the
budget at completion at its end. *Earned value* is the planned cost of what is done, *actual cost* what it took. Earned
schedule turns earned value into time: the moment by which the plan would have earned as much.

Arrays are float64; leading axes are projects, the last axis of a curve its periods. Where a ratio has nothing below and
nothing above it cannot be said, and is NaN; with something above it is infinite.

Sources: PMI, Practice Standard for Earned Value Management (2011); Lipke, "Schedule is different", The Measurable News
(2003), and "Connecting earned value to the schedule" (2004) for adherence.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.calendars import EngineError, IntArray
from engine.columns import FloatArray, UnequalShapes, finite

ROUNDING = 1e-9  # what is earned is a sum of parts: this near to its budget, as a share of it, it is complete


class NoBudget(EngineError):
    """A plan that plans nothing: its planned value ends at 0."""


class FallingPlan(EngineError):
    """A planned value that does not start at 0, or falls from one period to the next: it must be cumulative."""


class EarnedOutsidePlan(EngineError):
    """An earned value below 0 or above the budget, or a time before the plan's start or a negative cost."""


@dataclass(frozen=True, slots=True)
class EarnedValue:
    """Measures of projects at one time each, float64[...] each, without `_periods` in units of cost.

    `planned`, `earned`, `spent`, `budget`; variances, negative when behind or over; indices, below 1 when behind or
    over; `estimate_at_completion` = budget / cost index; `to_complete_index`: the cost index that what is left needs to
    keep the budget, infinite when that is spent. In periods: `planned_duration`; `earned_schedule`; its variance and
    index against the time; `finish` at the schedule index so far (infinite when nothing is earned) and
    `finish_as_planned` if what is left goes as planned; `to_complete_schedule_index`: the one that what is left needs
    to end in time, infinite when that is over. Of what is complete, finishes are the time, to-complete indices 0.
    """

    planned: FloatArray
    earned: FloatArray
    spent: FloatArray
    budget: FloatArray
    schedule_variance: FloatArray
    schedule_index: FloatArray
    cost_variance: FloatArray
    cost_index: FloatArray
    estimate_at_completion: FloatArray
    to_complete_index: FloatArray
    planned_duration_periods: FloatArray
    earned_schedule_periods: FloatArray
    time_variance_periods: FloatArray
    time_index: FloatArray
    finish_periods: FloatArray
    finish_as_planned_periods: FloatArray
    to_complete_time_index: FloatArray


def measure(planned: Any, earned: Any, spent: Any, at_period: Any) -> EarnedValue:
    """All measures of projects float[...] from their planned values float[..., T + 1], each at its own time.

    `planned` is cumulative at the ends of periods 0..T, 0 first; shorter plans repeat their budget to the end. `earned`
    and `spent` are cumulative at time `at_period`, in periods since the plan's start, part periods allowed, and beyond
    T for what is late. Raises NoBudget, FallingPlan, EarnedOutsidePlan, NotFinite, UnequalShapes.

    >>> found = measure([0, 10, 25, 45, 70, 100], 35, 40, 3)
    >>> float(found.earned_schedule_periods), float(found.finish_periods), float(found.finish_as_planned_periods)
    (2.5, 6.0, 5.5)
    >>> round(float(found.time_index), 4), round(float(found.schedule_index), 4), float(found.cost_index)
    (0.8333, 0.7778, 0.875)
    """
    planned, earned = _curves(planned, earned)
    spent, at = finite("A cost", spent), finite("A time", at_period)
    if np.any(spent < 0) or np.any(at < 0):
        raise EarnedOutsidePlan("Costs and times count from the plan's start, and are never negative.")
    earned, spent, at = _together(earned, spent, at)
    budget = np.broadcast_to(planned[..., -1], earned.shape)
    value = _value_at(planned, at)
    duration = np.broadcast_to(_duration(planned), earned.shape)
    schedule = earned_schedule(planned, earned)
    index = _ratio(schedule, at)
    return EarnedValue(
        planned=value,
        earned=earned,
        spent=spent,
        budget=budget,
        schedule_variance=earned - value,
        schedule_index=_ratio(earned, value),
        cost_variance=earned - spent,
        cost_index=_ratio(earned, spent),
        estimate_at_completion=_ratio(budget * spent, earned),
        to_complete_index=_needed(budget - earned, budget - spent),
        planned_duration_periods=duration,
        earned_schedule_periods=schedule,
        time_variance_periods=schedule - at,
        time_index=index,
        finish_periods=forecast_finish(duration, schedule, at, index),
        finish_as_planned_periods=forecast_finish(duration, schedule, at),
        to_complete_time_index=_needed(duration - schedule, duration - at),
    )


def earned_schedule(planned: Any, earned: Any) -> FloatArray:
    """Periods float64[...] by whose end planned values float[..., T + 1] would have reached what is earned, float[...].

    One curve takes any number of earned values, such as those of all periods so far. Between the ends of periods the
    plan is straight; where it rests, the end of the rest counts. Raises as `measure`.

    >>> earned_schedule([0, 10, 25, 45, 70, 100], [0, 8, 35, 100]).tolist()
    [0.0, 0.8, 2.5, 5.0]
    """
    planned, earned = _curves(planned, earned)
    last = planned.shape[-1] - 1
    reached = np.count_nonzero(planned <= earned[..., None], axis=-1) - 1
    period = np.minimum(reached, last - 1)
    below, above = _pick(planned, period), _pick(planned, period + 1)
    part = (earned - below) / np.where(above > below, above - below, 1)
    return np.where(reached >= last, _duration(planned), period + part)


def forecast_finish(duration_periods: Any, earned_schedule_periods: Any, at_period: Any, index: Any = 1) -> FloatArray:
    """Periods float64[...] since the plan's start at which it ends, if what is left goes at `index` times the plan.

    EAC(t) = AT + (PD - ES) / PF, broadcast; infinite at index 0. Raises NotFinite, but an `index` that cannot be said
    (NaN) gives one that cannot be said, and EarnedOutsidePlan for a negative one.

    >>> float(forecast_finish(5, 2.5, 3, 2.5 / 3)), float(forecast_finish(5, 2.5, 3))
    (6.0, 5.5)
    """
    duration, schedule = finite("A duration", duration_periods), finite("An earned schedule", earned_schedule_periods)
    at, pace = finite("A time", at_period), np.asarray(index, dtype=np.float64)
    if np.any(pace < 0):
        raise EarnedOutsidePlan("Work cannot go at a negative pace.")
    return np.where(schedule >= duration, at, at + _ratio(duration - schedule, pace))


def adherence(planned: Any, earned: Any) -> FloatArray:
    """Share float64[...] of what is earned that lies where the plan wanted it: the p-factor, 1 in the plan's order.

    `planned` float[..., j, T + 1] curves of j tasks, `earned` float[..., j] of each; NaN where nothing is earned. The
    rest was done ahead of its turn, and may have to be done again. Raises as `measure`.

    >>> float(adherence([[0, 10, 20, 20], [0, 0, 10, 30]], [15, 10]))
    0.9
    """
    planned, earned = finite("A planned value", planned), finite("An earned value", earned)
    if planned.ndim < 2 or planned.shape[:-1] != earned.shape:
        raise UnequalShapes(f"Each task needs a curve; the shapes are {planned.shape} and {earned.shape}.")
    if np.any(np.diff(planned, axis=-1) < 0) or np.any(planned[..., 0] != 0):
        raise FallingPlan("Planned values of tasks start at 0 and never fall.")
    if np.any((earned < 0) | (earned > planned[..., -1] * (1 + ROUNDING))):
        raise EarnedOutsidePlan("A task earns between 0 and its budget.")
    schedule = earned_schedule(planned.sum(axis=-2), earned.sum(axis=-1))
    wanted = _value_at(planned, np.broadcast_to(schedule[..., None], earned.shape))
    return _ratio(np.minimum(wanted, earned).sum(axis=-1), wanted.sum(axis=-1))


def _curves(planned: Any, earned: Any) -> tuple[FloatArray, FloatArray]:
    curve, value = finite("A planned value", planned), finite("An earned value", earned)
    if curve.ndim < 1 or curve.shape[-1] < 2:
        raise UnequalShapes("A planned value needs its start and the end of at least one period.")
    try:
        value = np.broadcast_to(value, np.broadcast_shapes(curve.shape[:-1], value.shape))
    except ValueError:
        raise UnequalShapes(
            f"Each earned value needs a curve; the shapes are {curve.shape} and {value.shape}."
        ) from None
    if np.any(curve[..., 0] != 0) or np.any(np.diff(curve, axis=-1) < 0):
        raise FallingPlan("Planned value is cumulative: it starts at 0 and never falls.")
    if np.any(curve[..., -1] == 0):
        raise NoBudget("A plan needs a budget above 0.")
    budget = curve[..., -1]
    value = np.where(np.abs(value - budget) <= budget * ROUNDING, budget, value)
    if np.any((value < 0) | (value > budget)):
        raise EarnedOutsidePlan("Earned value lies between 0 and the budget.")
    return curve, value


def _together(*columns: FloatArray) -> tuple[FloatArray, ...]:
    try:
        return tuple(np.array(column) for column in np.broadcast_arrays(*columns))
    except ValueError:
        raise UnequalShapes(
            f"Each project needs one entry in each array; the shapes are {[column.shape for column in columns]}."
        ) from None


def _duration(planned: FloatArray) -> FloatArray:
    """The periods by whose end the whole budget is planned."""
    return np.asarray(np.argmax(planned == planned[..., -1:], axis=-1), dtype=np.float64)


def _value_at(planned: FloatArray, time: FloatArray) -> FloatArray:
    last = planned.shape[-1] - 1
    time = np.minimum(time, last)
    period = np.minimum(time.astype(np.int64), last - 1)
    below, above = _pick(planned, period), _pick(planned, period + 1)
    return np.asarray(below + (time - period) * (above - below))


def _pick(planned: FloatArray, period: IntArray) -> FloatArray:
    curves = np.broadcast_to(planned, (*period.shape, planned.shape[-1]))
    return np.asarray(np.take_along_axis(curves, period[..., None], axis=-1)[..., 0])


def _ratio(above: Any, below: Any) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(above, below))


def _needed(left: FloatArray, means: FloatArray) -> FloatArray:
    """What is left over what there is left to do it with."""
    return np.where(left <= 0, 0.0, np.where(means > 0, _ratio(left, means), np.inf))
