"""What teams are asked for against what they can do, by week, over the programs that a reader sees."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db.models import Q

from engine import capacity
from forecasts.calendars import EPOCH, day_number, load_calendars
from milestones.models import Milestone
from people.models import Team, Viewer

WEEKS = 26


@dataclass(frozen=True, slots=True)
class Week:
    """One ISO week of a team, in people-days; ``capacity`` is None where nobody has said it."""

    monday: date
    demand: float
    capacity: float | None

    @property
    def number(self) -> int:
        return self.monday.isocalendar().week

    @property
    def is_overloaded(self) -> bool:
        return self.overload > 0

    @property
    def overload(self) -> float:
        """People-days beyond capacity, to a hundredth: less is noise."""
        return 0.0 if self.capacity is None else max(round(self.demand - self.capacity, 2), 0.0)

    @property
    def load(self) -> float | None:
        """Demand over capacity; None where there is none to compare with."""
        return self.demand / self.capacity if self.capacity else None


@dataclass(frozen=True, slots=True)
class Asking:
    """An open milestone that asks for people in these weeks; without a forecast it lies in none of them."""

    milestone: int
    name: str
    program: str
    program_key: str
    demand: float
    start_on: date | None
    finish_on: date | None
    by_week: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class TeamLoad:
    """What one team is asked for in the coming weeks, and by which milestones, the first to start first."""

    weeks: tuple[Week, ...]
    asking: tuple[Asking, ...]
    undated: tuple[Asking, ...]

    @property
    def overloaded(self) -> list[Week]:
        return overloaded(self.weeks)

    def overloading(self, one: Asking) -> float:
        """People-days that a milestone asks for in overloaded weeks."""
        return sum(days for week, days in zip(self.weeks, one.by_week, strict=True) if week.is_overloaded)


def overloaded(weeks: Sequence[Week]) -> list[Week]:
    return [week for week in weeks if week.is_overloaded]


def worst(weeks: Sequence[Week]) -> Week | None:
    """The week that asks for most beyond capacity; None where none does."""
    return max(overloaded(weeks), key=lambda week: (week.overload, week.monday), default=None)


def loads_of(
    teams: Collection[Team], viewer: Viewer, *, today: date, weeks: int = WEEKS
) -> dict[int, tuple[Week, ...]]:
    """The coming weeks of each team, by its id, from the week of today: five queries, whatever the size.

    Demand of open milestones lies evenly over the working time of their forecast without uncertainty.
    """
    if not teams:
        return {}
    known, position = _teams(teams)
    asking = [(team, one) for team, one in _asking(teams, viewer, today, weeks) if one.finish_on]
    loads = capacity.compare(known, _demand(asking, position), day_number(today), weeks)
    return {team: _weeks(loads, at) for team, at in position.items()}


def load_of(team: Team, viewer: Viewer, *, today: date, weeks: int = WEEKS) -> TeamLoad:
    """The coming weeks of a team, with the milestones that ask for it: five queries."""
    known, position = _teams([team])
    found = _asking([team], viewer, today, weeks)
    dated = [(pk, one) for pk, one in found if one.finish_on]
    demand = _demand(dated, position)
    shares = capacity.by_task(known, demand, day_number(today), weeks).tolist()
    asking = [replace(one, by_week=tuple(share)) for (_, one), share in zip(dated, shares, strict=True) if any(share)]
    return TeamLoad(
        _weeks(capacity.compare(known, demand, day_number(today), weeks), 0),
        tuple(sorted(asking, key=lambda one: (one.start_on or date.max, one.milestone))),
        tuple(one for _, one in found if one.finish_on is None),
    )


def _teams(teams: Collection[Team]) -> tuple[capacity.Teams, dict[int, int]]:
    """Teams as the engine has them, and the position of each by id."""
    order = sorted(teams, key=lambda team: team.pk)
    calendars = load_calendars()
    used = sorted({calendars.of(team.pk) for team in order})
    index = {pk: at for at, pk in enumerate(used)}
    known = capacity.Teams.of(
        [calendars.by_id[pk] for pk in used],
        [index[calendars.of(team.pk)] for team in order],
        [capacity.NO_CAPACITY if team.capacity_days is None else float(team.capacity_days) for team in order],
    )
    return known, {team.pk: at for at, team in enumerate(order)}


def _asking(teams: Collection[Team], viewer: Viewer, today: date, weeks: int) -> list[tuple[int, Asking]]:
    """Open milestones that the viewer sees, by team; those of other weeks are left out."""
    monday = today - timedelta(days=today.weekday())
    inside = Q(forecast__finish_on__gte=monday, forecast__start_on__lt=monday + timedelta(weeks=weeks))
    rows = (
        Milestone.objects.visible_to(viewer)
        .open()
        .of_open_programs()
        .filter(team__in=teams, demand_days__gt=0)
        .filter(inside | Q(forecast=None))
        .order_by("pk")
    )
    columns = (
        "team_id", "pk", "name", "program__name", "program__key", "demand_days", "forecast__start_on",
        "forecast__finish_on",
    )  # fmt: skip
    return [
        (team, Asking(pk, name, program, key, float(days), start, finish))
        for team, pk, name, program, key, days, start, finish in rows.values_list(*columns)
    ]


def _demand(asking: Sequence[tuple[int, Asking]], position: Mapping[int, int]) -> capacity.Demand:
    return capacity.Demand.of(
        [position[team] for team, _ in asking],
        [one.demand for _, one in asking],
        [day_number(one.start_on) for _, one in asking],
        [day_number(one.finish_on) for _, one in asking],
    )


def _weeks(loads: capacity.Loads, at: int) -> tuple[Week, ...]:
    columns = (loads.monday.tolist(), loads.demand[at].tolist(), loads.capacity[at].tolist())
    return tuple(
        Week(EPOCH + timedelta(days=day), asked, None if math.isnan(able) else able)
        for day, asked, able in zip(*columns, strict=True)
    )
