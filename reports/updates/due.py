"""Which updates a person owes, of the programs they lead, by when; and which are late that they may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import DateField, DateTimeField, Exists, Func, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Now, TruncDate

from forecasts.models import HealthPolicy, ProgramHealth
from forecasts.policy import newest_policy
from people.models import Organisation, User
from people.services import organisation_zone
from programs.models import Program, ReportedHealth
from reports.models import Update

SOON_DAYS = 3


@dataclass(frozen=True, slots=True)
class Owed:
    """The next update of one program. ``due_on`` is the day it turns stale."""

    program: Any
    last: Update | None
    draft: Update | None
    due_on: date
    today: date

    @property
    def tone(self) -> str:
        days = (self.due_on - self.today).days
        return "bad" if days <= 0 else "warn" if days <= SOON_DAYS else "ok"

    @property
    def is_due(self) -> bool:
        return self.tone != "ok"


def due_of(user: User) -> QuerySet[Program]:
    """Active programs that a person leads and whose next update is due today, as ``owed_by`` says: no query."""
    newest = Subquery(HealthPolicy.objects.order_by("-version").values("stale_days")[:1])
    patience = Coalesce(newest, HealthPolicy._meta.get_field("stale_days").default) - SOON_DAYS
    ago = day_of(Now()) - patience
    said = ReportedHealth.objects.filter(program=OuterRef("pk"))
    known = ProgramHealth.objects.filter(program=OuterRef("pk"), day__lte=ago)
    led: QuerySet[Program] = _active(user).led_by(user).order_by()
    return led.filter(~Exists(said.annotate(on=day_of("at")).filter(on__gt=ago)), Exists(said) | Exists(known))


def day_of(moment: Any) -> Any:
    """The organisation's day, in a query that need not read its zone beforehand."""
    zone = Coalesce(Subquery(Organisation.objects.values("time_zone")[:1]), Value("UTC"))
    return Cast(Func(zone, moment, function="timezone", output_field=DateTimeField()), DateField())


def owed_by(user: User, today: date) -> list[Owed]:
    """Of active programs that a person leads, by their own field or a role, the first due first: five queries."""
    return _owed(_due(_active(user).led_by(user), today), today)


def owed_and_late(user: User, today: date) -> tuple[list[Owed], list[tuple[Program, date]]]:
    """What a person owes; and all late updates that they may ask for, theirs among them, the latest first: six queries.

    Whoever leads a program asks for its update, administrators for each.
    """
    own = set(_active(user).led_by(user).values_list("pk", flat=True))
    due = _due(_active(user) if user.is_admin else _active(user).led_by(user), today)
    late = [(program, due_on) for program, due_on in due if due_on <= today]
    owed = _owed([one for one in due if one[0].pk in own], today)
    return owed, sorted(late, key=lambda one: (one[1], one[0].name, one[0].pk))


def _active(user: User) -> Any:
    return Program.objects.visible_to(user).filter(state=Program.State.ACTIVE)


def _due(rows: Any, today: date) -> list[tuple[Any, date]]:
    """Each program with the day that it turns stale: without a word yet counted from its first health, as there."""
    judged = ProgramHealth.objects.filter(program=OuterRef("pk"))
    said = ReportedHealth.objects.filter(program=OuterRef("pk")).order_by("-at", "-id")
    programs = rows.select_related("lead").annotate(
        derived=Subquery(judged.order_by("-day").values("health")[:1]),
        known_on=Subquery(judged.order_by("day").values("day")[:1]),
        said_on=Subquery(said.values(on=TruncDate("at", tzinfo=organisation_zone()))[:1]),
    )
    patience = timedelta(days=newest_policy().stale_days)
    return [(program, (program.said_on or program.known_on or today) + patience) for program in programs]


def _owed(due: list[tuple[Any, date]], today: date) -> list[Owed]:
    """The next update of each of these programs, with the one before it and what is begun of it."""
    rows = Update.objects.filter(program__in=[program for program, _due_on in due])
    rows = rows.select_related("author").defer("snapshot", "sentences")
    newest = rows.published().order_by("program_id", "-published_at", "-id").distinct("program_id")
    last = {row.program_id: row for row in newest}
    drafts = {row.program_id: row for row in rows.filter(published_at=None).order_by("begun_at", "id")}
    found = [Owed(program, last.get(program.pk), drafts.get(program.pk), due_on, today) for program, due_on in due]
    return sorted(found, key=lambda one: (one.due_on, one.program.name, one.program.pk))
