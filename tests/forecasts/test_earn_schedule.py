"""Earned schedule against a baseline: the worked example of the engine, as rows.

Planned value at the ends of five weeks: 10, 25, 45, 70, 100 days of work. After three weeks 35 are done.
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


def test_the_golden_example(cast: Cast, steps: list[Milestone]) -> None:
    finish(steps[0], steps[3])
    found = earned_of(cast.na4, today=TODAY)
    assert found is not None
    assert (found.elapsed_weeks, found.schedule_weeks, found.variance_weeks) == (3, 2.5, -0.5)
    assert found.reached_on == START + timedelta(days=17)  # 17.5 days count as 18
    assert found.index == pytest.approx(0.8333, abs=1e-4)
    assert (found.planned_share, found.earned_share) == (0.45, 0.35)
    # Six weeks from the start: the Sunday of the sixth.
    assert (found.finish_on, found.planned_finish_on) == (START + timedelta(days=41), START + timedelta(days=34))


def test_nothing_done_has_no_pace_and_all_done_is_done(cast: Cast, steps: list[Milestone]) -> None:
    nothing = earned_of(cast.na4, today=TODAY)
    assert nothing is not None
    assert (nothing.earned_share, nothing.schedule_weeks, nothing.finish_on) == (0, 0, None)
    finish(*steps)
    everything = earned_of(cast.na4, today=TODAY)
    assert everything is not None
    assert (everything.earned_share, everything.schedule_weeks, everything.finish_on) == (1, 5, TODAY)


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
