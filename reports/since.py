"""What changed since a day: the weekly letter and the overview mean the same by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import Case, DateField, DateTimeField, Exists, Model, OuterRef, Q, QuerySet, Value, When

from forecasts.models import ProgramHealth
from milestones.models import Baseline, Milestone
from programs.models import ReportedHealth
from reports.schedule import moment
from risks.models import Decision, Risk

M = TypeVar("M", bound=Model)

# What was recorded only now but happened long before, as an import records it, is no news.
NEWS = timedelta(days=35)


@dataclass(frozen=True)
class News:
    """Rows that changed since a moment: what was recorded since, whatever its own date.

    Otherwise a milestone ticked off an hour after one letter, or a day late, would be in none. The three are days and
    a moment, or expressions that say them for each row.
    """

    on: Any
    first: Any
    at: Any

    def before(self, healths: QuerySet[ProgramHealth]) -> QuerySet[ProgramHealth]:
        return healths.filter(day__lt=self.first)

    def said_before(self, words: QuerySet[ReportedHealth]) -> QuerySet[ReportedHealth]:
        return words.filter(at__lt=self.at)

    def taken(self, decisions: QuerySet[Decision]) -> QuerySet[Decision]:
        return self._new(decisions, "decided_on")

    def done(self, milestones: QuerySet[Milestone]) -> QuerySet[Milestone]:
        return self._new(milestones, "done_on")

    def closed(self, risks: QuerySet[Risk]) -> QuerySet[Risk]:
        return self._new(risks, "closed_on")

    def approved(self, baselines: QuerySet[Baseline]) -> QuerySet[Baseline]:
        return self._new(baselines, "approved_on")

    def raised(self, risks: QuerySet[Risk]) -> QuerySet[Risk]:
        return risks.filter(~self._known(risks), raised_on__gte=self.first - NEWS)

    def _new(self, rows: QuerySet[M], day: str) -> QuerySet[M]:
        """Rows that have a day now, and had none then."""
        return rows.filter(~self._known(rows, **{f"{day}__isnull": False}), **{f"{day}__gte": self.on - NEWS})

    def _known(self, rows: QuerySet[M], **state: bool) -> Exists:
        """Whether the row stood like this already."""
        events = apps.get_model(f"{rows.model._meta.label}Event")._default_manager.filter(pgh_obj_id=OuterRef("pk"))
        valid = Q(valid_to=None) | Q(valid_to__gte=self.at)
        return Exists(events.filter(valid, pgh_created_at__lt=self.at, **state))


@dataclass(frozen=True)
class Since(News):
    """From a moment on: what stood then is what went before.

    ``on`` is the day that it is named by, ``first`` the day after: the first whole day that counts. “Since Friday”
    means since the end of Friday in the organisation's zone, on pages, in letters and in the API: how it stood then is
    what the page as of that day shows. To an update alone it means since the moment of Friday's update.
    """

    on: date
    first: date
    at: datetime

    @classmethod
    def end_of(cls, on: date, zone: ZoneInfo) -> Self:
        """What came on the days after one: so no week counts a day of another."""
        first = on + timedelta(days=1)
        return cls(on, first, moment(first, 0, zone))

    @classmethod
    def after(cls, at: datetime, zone: ZoneInfo) -> Self:
        """An owed update's: what its author said at that moment, and what stood then, is no news to them."""
        on = at.astimezone(zone).date()
        return cls(on, on + timedelta(days=1), at + timedelta(microseconds=1))


def since_each(sinces: Mapping[int, Since]) -> News:
    """Of each program, by its id, since a day of its own: as many queries for all of them as for one."""
    alike: dict[Since, list[int]] = {}
    for program_id, since in sinces.items():
        alike.setdefault(since, []).append(program_id)

    def each(name: str, field: type[DateField[Any, Any]]) -> Case:
        found = [When(program__in=ids, then=Value(getattr(since, name))) for since, ids in alike.items()]
        return Case(*found, output_field=field())

    return News(each("on", DateField), each("first", DateField), each("at", DateTimeField))


def days_moved(now: ProgramHealth | None, before: ProgramHealth | None) -> int | None:
    """Days by which P80 moved; later is positive."""
    if not now or not before or not now.p80_on or not before.p80_on:
        return None
    return (now.p80_on - before.p80_on).days


def past_target(healths: Iterable[ProgramHealth | None]) -> int:
    """How many have their P80 after their target."""
    return sum(row is not None and row.slip_days is not None and row.slip_days > 0 for row in healths)
