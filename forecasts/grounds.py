"""What the forecasts behind a program's health rest on, and which frozen row a run left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from forecasts.models import FrozenHealth, IssuedForecast, MilestoneForecast
from milestones.models import Milestone
from people.models import User

P50, P80 = 9, 15  # places in the quantiles P5, P10, … P95


@dataclass(frozen=True, slots=True)
class Ground:
    """A milestone's forecast as a run said it, or as it was issued last before a later run said otherwise.

    ``issued_on`` is the day of the latter; without ``basis`` nothing is left of what the run said.
    """

    milestone: Milestone
    basis: str = ""
    p50_on: date | None = None
    p80_on: date | None = None
    issued_on: date | None = None


def frozen_by(of_program: QuerySet[FrozenHealth], run: str | None) -> FrozenHealth | None:
    """What a run said of a program; without a run the newest. None where it said nothing, or is no number."""
    rows = of_program.select_related("run").order_by("-run_id")
    if run is None:
        return rows.first()
    return rows.filter(run=int(run)).first() if run.isascii() and run.isdigit() and len(run) < 19 else None


def grounds(frozen: FrozenHealth, viewer: User) -> list[Ground]:
    """On what the forecasts of the visible milestones named in the findings rest, in the order of the findings."""
    ids = [item["record"]["id"] for item in frozen.findings if item["record"]["kind"] == "milestone"]
    order = {pk: at for at, pk in enumerate(dict.fromkeys(ids))}
    # Any: type checkers do not know that a milestone may have no forecast.
    visible: list[Any] = list(
        Milestone.objects.visible_to(viewer).filter(pk__in=order).select_related("program", "forecast")
    )
    issued = {
        row.milestone_id: row
        for row in IssuedForecast.objects.filter(milestone__in=order, day__lte=frozen.day)
        .order_by("milestone", "-week_on")
        .distinct("milestone")
    }
    found = [_ground(row, getattr(row, "forecast", None), frozen, issued.get(row.pk)) for row in visible]
    return sorted(found, key=lambda ground: order[ground.milestone.pk])


def _ground(
    milestone: Milestone, now: MilestoneForecast | None, frozen: FrozenHealth, issued: IssuedForecast | None
) -> Ground:
    # A run that finds the same as an earlier one leaves the row alone: the row of an earlier run is what it said, too.
    if now and now.run_id <= frozen.run_id:
        return Ground(milestone, now.basis, now.p50_on, now.p80_on)
    if issued:
        return Ground(milestone, issued.basis, issued.quantiles[P50], issued.quantiles[P80], issued.day)
    return Ground(milestone)
