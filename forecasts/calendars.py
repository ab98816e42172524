"""Working calendars as the engine wants them, and days as it counts them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef
from numpy.typing import NDArray

from engine.calendars import MINUTES_PER_DAY, CalendarTable, WorkCalendar
from engine.network import NO_DAY
from people.models import Holiday, Organisation, Team, WorkingCalendar

EPOCH = date(1970, 1, 1)


def day_number(on: date | None) -> int:
    """Days since 1970-01-01; NO_DAY for none."""
    return NO_DAY if on is None else on.toordinal() - EPOCH.toordinal()


@dataclass(frozen=True, slots=True)
class Calendars:
    """All working calendars by id, which team works by which, and the organisation's own.

    ``limits`` are people-days a week of the teams whose capacity delays their work.
    """

    by_id: dict[int, WorkCalendar]
    of_team: dict[int, int]
    default: int
    limits: dict[int, float]
    digest: str

    def of(self, team: int | None) -> int:
        return self.default if team is None else self.of_team.get(team, self.default)

    def holidays(self, team: int | None) -> list[date]:
        """Days off of a team that would be working days, in order."""
        calendar = self.by_id[self.of(team)]
        days = [EPOCH + timedelta(days=day) for day in sorted(calendar.holidays)]
        return [day for day in days if calendar.week[day.weekday()]]

    def worked_between(
        self, teams: Sequence[int | None], first: Sequence[date], last: Sequence[date]
    ) -> NDArray[np.float64]:
        """Working minutes float64[n] of each team from the morning of one day to the evening of another."""
        used = sorted(self.by_id)
        place = {pk: at for at, pk in enumerate(used)}
        table = CalendarTable.of([self.by_id[pk] for pk in used])
        calendar = np.array([place[self.of(team)] for team in teams], dtype=np.int64)
        start = np.array([day_number(on) for on in first], dtype=np.int64) * MINUTES_PER_DAY
        end = (np.array([day_number(on) for on in last], dtype=np.int64) + 1) * MINUTES_PER_DAY
        return (table.worked(calendar, end) - table.worked(calendar, start)).astype(np.float64)


def load_calendars() -> Calendars:
    """Read all calendars in two queries. Without an organisation, eight hours from Monday to Friday."""
    teams = Team.objects.exclude(calendar=None, limits_work=False).order_by("pk")
    rows = list(teams.values_list("pk", "calendar_id", "limits_work", "capacity_days"))
    of_team = {pk: calendar for pk, calendar, *_ in rows if calendar}
    limits = {pk: float(days) for pk, _, is_limit, days in rows if is_limit and days is not None}
    free = Holiday.objects.filter(calendar=OuterRef("pk")).order_by("on").values("on")
    of_organisation = Organisation.objects.filter(calendar=OuterRef("pk"))
    # Any: type checkers do not see what annotate adds.
    found: list[Any] = list(
        WorkingCalendar.objects.annotate(free=ArraySubquery(free), is_default=Exists(of_organisation)).order_by("pk")
    )
    default = next((row.pk for row in found if row.is_default), 0)
    holidays = {row.pk: [day_number(on) for on in row.free] for row in found}
    weeks = {row.pk: row.minutes for row in found}
    by_id = {pk: WorkCalendar.of_minutes(minutes, frozenset(holidays[pk])) for pk, minutes in weeks.items()}
    by_id.setdefault(0, WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0)))
    read = repr((default, of_team, weeks, sorted((pk, days) for pk, days in holidays.items() if days), limits))
    digest = hashlib.sha256(read.encode()).hexdigest()
    return Calendars(by_id, of_team, default, limits, digest)
