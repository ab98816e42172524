"""Earned schedule against a baseline, worked by hand.

Planned value at the ends of days 7, 14, 21, 28 and 35: 10, 25, 45, 70, 100 days of work. After 21 days 35 are done.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from forecasts.earned import earned_of
from milestones.models import Baseline, BaselineDate, Milestone
from tests.conftest import Cast

START = date(2026, 11, 2)  # a Monday
TODAY = date(2026, 11, 22)  # the Sunday that ends the third week
DAY = 480


@pytest.fixture
def steps(cast: Cast) -> list[Milestone]:
    baseline = Baseline.objects.create(program=cast.na4, name="Plan", approved_on=START, approved_by=cast.lead)
    rows = []
    for week, days in enumerate((10, 15, 20, 25, 30), start=1):
        row = Milestone.objects.create(program=cast.na4, name=f"Step {week}", work_likely=1)
        finish_on = START + timedelta(days=7 * week - 1)
        BaselineDate.objects.create(baseline=baseline, milestone=row, finish_on=finish_on, work=days * DAY)
        rows.append(row)
    return rows


def finish(*rows: Milestone) -> None:
    Milestone.objects.filter(pk__in=[row.pk for row in rows]).update(done_on=TODAY)


def test_what_is_done_in_another_order_than_planned(cast: Cast, steps: list[Milestone]) -> None:
    finish(steps[0], steps[3])
    found = earned_of(cast.na4, today=TODAY)
    assert found is not None
    # The plan has 25 until the evening of day 20 and 45 on that of day 21: half of that day's 20 is 35.
    assert (found.elapsed_days, found.schedule_days) == (21, 20.5)
    assert found.reached_on == TODAY
    assert found.index == pytest.approx(20.5 / 21)
    assert (found.planned_share, found.earned_share) == (0.45, 0.35)
    # 21 + (35 - 20.5) / (20.5 / 21) = 35.85: on the 36th day.
    assert (found.finish_on, found.planned_finish_on) == (START + timedelta(days=35), START + timedelta(days=34))


@pytest.mark.parametrize(
    ("day", "done", "schedule"),
    [
        (6, 0, 6),  # on the evening before the first is due nothing is late
        (7, 0, 6),  # a day late
        (21, 3, 21),  # on the day itself
        (24, 3, 24),  # on plan, in the middle of the fourth week
        (27, 3, 27),
        (28, 3, 27),  # the fourth was due today
        (30, 3, 27),
        (18, 3, 21),  # the third came three days early
    ],
)
def test_a_plan_that_is_kept_is_neither_ahead_nor_behind(
    cast: Cast, steps: list[Milestone], day: int, done: int, schedule: float
) -> None:
    today = START + timedelta(days=day - 1)
    Milestone.objects.filter(pk__in=[row.pk for row in steps[:done]]).update(done_on=today)
    found = earned_of(cast.na4, today=today)
    assert found is not None
    assert (found.elapsed_days, found.schedule_days) == (day, schedule)
    assert found.variance_days == schedule - day


def test_nothing_done_has_no_pace_and_all_done_is_done(cast: Cast, steps: list[Milestone]) -> None:
    nothing = earned_of(cast.na4, today=TODAY)
    assert nothing is not None
    assert (nothing.earned_share, nothing.schedule_days, nothing.finish_on) == (0, 6, None)
    finish(*steps)
    everything = earned_of(cast.na4, today=TODAY)
    assert everything is not None
    assert (everything.earned_share, everything.schedule_days, everything.finish_on) == (1, 35, TODAY)


def test_without_a_baseline_or_work_in_it_there_is_none(cast: Cast) -> None:
    assert earned_of(cast.na4, today=TODAY) is None
    baseline = Baseline.objects.create(program=cast.na4, name="Plan", approved_on=START, approved_by=cast.lead)
    assert earned_of(cast.na4, today=TODAY) is None
    row = Milestone.objects.create(program=cast.na4, name="Event")
    BaselineDate.objects.create(baseline=baseline, milestone=row, finish_on=TODAY)
    assert earned_of(cast.na4, today=TODAY) is None
    Milestone.objects.filter(pk=row.pk).update(work_likely=DAY)
    for day in (date.min, date.max):
        BaselineDate.objects.filter(milestone=row).update(finish_on=day)
        assert earned_of(cast.na4, today=TODAY) is None
    assert earned_of(cast.na4, today=START - timedelta(days=2)) is None
