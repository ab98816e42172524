"""Earned schedule of a program against its newest baseline, in days.

A milestone's planned value is its work in the baseline, planned on the day it ends there and earned on the day it is
done: all or nothing, so that nobody's guess at a percentage counts. Between two such days the plan rests: whoever has
earned what it wants by then is on plan, neither ahead nor behind, until the next one is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, inf

import numpy as np
from django.db.models import F
from django.db.models.functions import Coalesce

from engine.earned import ROUNDING, earned_schedule, forecast_finish
from milestones.models import Baseline, BaselineDate
from programs.models import Program

MOST_DAYS = 7_300  # twenty years: a curve of more is a slip of the finger


@dataclass(frozen=True, slots=True)
class Earned:
    """Where a program stands on its baseline's time line; days since the baseline's plan began, on `start_on`.

    `schedule_days` is when the plan would have earned as much as is done after `elapsed_days`; `variance_days` and
    `index` compare the two, below 0 and 1 when behind. `finish_on` is when all is done if the pace stays, None when
    nothing is earned; `planned_finish_on` the baseline's own end. Shares are of the work in the baseline.
    """

    baseline: Baseline
    start_on: date
    planned_finish_on: date
    elapsed_days: int
    schedule_days: float
    planned_share: float
    earned_share: float
    finish_on: date | None

    @property
    def elapsed_weeks(self) -> float:
        return self.elapsed_days / 7

    @property
    def schedule_weeks(self) -> float:
        return self.schedule_days / 7

    @property
    def variance_days(self) -> int:
        return round(self.schedule_days - self.elapsed_days)

    @property
    def reached_on(self) -> date:
        """The day by whose end the plan would have earned as much."""
        return self.start_on + timedelta(days=ceil(self.schedule_days) - 1)

    @property
    def index(self) -> float:
        return self.schedule_days / self.elapsed_days


def earned_of(program: Program, *, today: date) -> Earned | None:
    """The earned schedule of a program at the end of a day, in two queries; None without a baseline with work."""
    baseline = program.baselines.order_by("-approved_on", "-id").first()
    if baseline is None:
        return None
    rows = (
        BaselineDate.objects.filter(baseline=baseline, milestone__cancelled_on=None)
        .annotate(weight=Coalesce("work", F("milestone__work_likely")))
        .filter(weight__gt=0)
        .values_list("finish_on", "weight", "milestone__done_on", "milestone__started_on")
    )
    tasks = list(rows)
    if not tasks:
        return None
    begun = [started for *_, started in tasks if started]
    # Time counts from the evening before the first day on which anything was planned or begun.
    first = min([baseline.approved_on, *begun, *(finish for finish, *_ in tasks)])
    start = first - timedelta(days=1) if first > date.min else first
    last = max(finish for finish, *_ in tasks)
    days, elapsed = (last - start).days, (today - start).days
    if elapsed <= 0 or not 0 < days <= MOST_DAYS:
        return None
    finish_day = np.array([(finish - start).days for finish, *_ in tasks])
    weight = np.array([one for _, one, *_ in tasks], dtype=np.float64)
    planned = np.concatenate([[0.0], np.cumsum(np.bincount(finish_day, weight, minlength=days + 1)[1:])])
    done = np.array([done is not None and done <= today for _, _, done, _ in tasks])
    earned = float(weight[done].sum())
    # The plan rests from the first day on which it wants what is earned to the last: on plan is what lies between.
    first_day = int(np.searchsorted(planned, earned * (1 - ROUNDING)))
    schedule = min(max(elapsed, first_day), float(earned_schedule(planned, earned)))
    finish = float(forecast_finish(days, schedule, elapsed, schedule / elapsed)) if earned else inf
    return Earned(
        baseline=baseline,
        start_on=start + timedelta(days=1),
        planned_finish_on=last,
        elapsed_days=elapsed,
        schedule_days=schedule,
        planned_share=float(weight[[one <= today for one, *_ in tasks]].sum() / weight.sum()),
        earned_share=earned / float(weight.sum()),
        finish_on=_day(start, finish),
    )


def _day(start: date, days: float) -> date | None:
    """A day so many days after another; None beyond all calendars."""
    return start + timedelta(days=round(days)) if days < (date.max - start).days else None
