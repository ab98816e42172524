"""Programs: who may see them, how often they changed, and the teams and objectives they are tied to."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Self, TypeVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import NullIf
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.past import VISIBLE
from history.tracker import track
from people.models import Team, User, Viewer
from people.search import search_index
from programs.models.objective import Objective


class Precision(models.TextChoices):
    """How exact a target is meant; the stored day is the last of its period."""

    DAY = "day", lazy("day")
    WEEK = "week", lazy("week")
    MONTH = "month", lazy("month")
    QUARTER = "quarter", lazy("quarter")
    HALF = "half", lazy("half-year")
    YEAR = "year", lazy("year")

    def last_day(self, day: date) -> date:
        """The last day of the period that a day lies in.

        >>> Precision.QUARTER.last_day(date(2026, 2, 3))
        datetime.date(2026, 3, 31)
        """
        if self is Precision.DAY:
            return day
        if self is Precision.WEEK:
            return day + min(timedelta(days=6 - day.weekday()), date.max - day)
        months = {Precision.MONTH: 1, Precision.QUARTER: 3, Precision.HALF: 6, Precision.YEAR: 12}[self]
        month = (day.month + months - 1) // months * months
        return date(day.year, month, calendar.monthrange(day.year, month)[1])


# Most important first, and those without a rank (0) last.
BY_RANK = (NullIf("rank", 0).asc(nulls_last=True), "name", "id")


class ProgramQuerySet(models.QuerySet["Program"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Programs that a viewer may see: all but private ones in which they have no part."""
        if not viewer.is_authenticated or not viewer.is_active:
            return self.none()
        if viewer.is_admin:
            return self
        return self.filter(Q(visibility=Program.Visibility.ORGANISATION) | _part_of(viewer))

    def with_part(self, person: User) -> Self:
        """Programs in which a person has a part: as lead, as sponsor or by a role."""
        return self.filter(_part_of(person))

    def led_by(self, person: User) -> Self:
        """Programs that a person answers for: named as their lead, or with that role."""
        return self.filter(Q(lead=person) | _with_role(person, "lead"))

    def worked_on_by(self, person: User) -> Self:
        """Programs that a person leads or contributes to, and so agrees hand-offs of."""
        return self.filter(Q(lead=person) | _with_role(person, "lead", "contributor"))

    def watched_by(self, person: User) -> Self:
        return self.filter(pk__in=person.watches.filter(kind="program").values("subject_id"))

    def open(self) -> Self:
        return self.exclude(state__in=[Program.State.DONE, Program.State.CANCELLED])

    def by_rank(self) -> Self:
        """Most important first, and those without a rank (0) last."""
        return self.order_by(*BY_RANK)


def _part_of(person: User) -> Q:
    roles = person.roles.filter(program=models.OuterRef("pk"))
    return Q(lead=person) | Q(sponsor=person) | Q(models.Exists(roles))


def _with_role(person: User, *kinds: str) -> Q:
    return Q(models.Exists(person.roles.filter(program=models.OuterRef("pk"), kind__in=kinds)))


# In the past a program keeps today's key, and is seen by who sees it today; one that they do not see stays private.
SEEN_TODAY = f"now.id = ANY({VISIBLE})"


@track(
    past={
        "key": "now.key",
        "visibility": f"CASE WHEN {SEEN_TODAY} THEN 'organisation' ELSE 'private' END",
        "lead_id": f"CASE WHEN {SEEN_TODAY} THEN e.lead_id END",
        "sponsor_id": f"CASE WHEN {SEEN_TODAY} THEN e.sponsor_id END",
    }
)
class Program(Record):
    """A body of work with one lead, one end and one answer to “will it be there in time?”"""

    class State(models.TextChoices):
        NOT_STARTED = "not_started", lazy("Not started")
        ACTIVE = "active", lazy("Active")
        ON_HOLD = "on_hold", lazy("On hold")
        DONE = "done", lazy("Done")
        CANCELLED = "cancelled", lazy("Cancelled")

    class Visibility(models.TextChoices):
        ORGANISATION = "organisation", lazy("Everyone in the organisation")
        PRIVATE = "private", lazy("Only people with a role in it")

    key = models.CharField(
        max_length=16,
        unique=True,
        validators=[
            RegexValidator(
                r"^[A-Z][A-Z0-9-]*\Z", lazy("A key is capital letters, digits and dashes, and begins with a letter.")
            )
        ],
    )
    external_key = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=200)
    summary = models.TextField(blank=True, max_length=20_000)
    area = models.CharField(max_length=120, blank=True)
    lead = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="programs_led")
    sponsor = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="programs_sponsored"
    )
    owning_team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="programs_owned"
    )
    rank = models.PositiveIntegerField(default=0, help_text=lazy("1 is the most important; 0 is not ranked yet."))
    state = models.CharField(max_length=12, choices=State.choices, default=State.ACTIVE)
    target_on = models.DateField(lazy("target"), null=True, blank=True)
    target_precision = models.CharField(max_length=8, choices=Precision.choices, default=Precision.DAY)
    visibility = models.CharField(max_length=12, choices=Visibility.choices, default=Visibility.ORGANISATION)
    partner_teams: models.ManyToManyField[Team, PartnerTeam] = models.ManyToManyField(
        Team, through="PartnerTeam", related_name="programs_partnered"
    )
    objectives: models.ManyToManyField[Objective, Alignment] = models.ManyToManyField(
        Objective, through="Alignment", related_name="programs"
    )

    objects = ProgramQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["external_key"],
                condition=~Q(external_key=""),
                name="program_external_key_once",
                violation_error_message=lazy("Another program has this external key."),
                violation_error_code="external_key",
            ),
            models.CheckConstraint(
                condition=~Q(name=""),
                name="program_has_name",
                violation_error_message=lazy("A program needs a name."),
                violation_error_code="name",
            ),
        ]
        indexes = [
            models.Index(fields=["name"], name="program_name"),
            search_index("program_search", "name", "summary", "area"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/p/{self.key}"


class Revision(models.Model):
    """How often a program's plan, and anything of it, has changed. Untracked: every edit below raises it."""

    program = models.OneToOneField(Program, primary_key=True, on_delete=models.CASCADE, related_name="revisions")
    plan_revision = models.PositiveIntegerField(default=1, help_text="Dates, work, links, risks: forecast again.")
    revision = models.PositiveIntegerField(default=1, help_text="Anything: derive health again.")

    def __str__(self) -> str:
        return f"{self.plan_revision}.{self.revision}"


P = TypeVar("P", bound=models.Model)


class OfProgramQuerySet(models.QuerySet[P]):
    """For rows that are seen by whoever sees their program."""

    def visible_to(self, viewer: Viewer) -> Self:
        return self.filter(program__in=Program.objects.visible_to(viewer))

    def of_open_programs(self) -> Self:
        """Rows that still count: what is left over of a finished or a cancelled program asks nothing of anybody."""
        return self.filter(program__in=Program.objects.open())


@track()
class PartnerTeam(models.Model):
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="partners")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="partnerships")

    objects = OfProgramQuerySet["PartnerTeam"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "team"], name="partner_once")]

    def __str__(self) -> str:
        return f"{self.team_id} in {self.program_id}"


@track()
class Alignment(models.Model):
    """A program serves an objective."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="alignments")
    objective = models.ForeignKey(Objective, on_delete=models.CASCADE, related_name="alignments")

    objects = OfProgramQuerySet["Alignment"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "objective"], name="alignment_once")]

    def __str__(self) -> str:
        return f"{self.program_id} serves {self.objective_id}"
