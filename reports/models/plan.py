"""The communication plan: who is promised to hear what, by which way, and when."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import SavedView, Team, User, Viewer, validate_zone
from programs.models import Program
from reports.schedule import Cadence

WEEKDAYS = [
    (0, lazy("Monday")),
    (1, lazy("Tuesday")),
    (2, lazy("Wednesday")),
    (3, lazy("Thursday")),
    (4, lazy("Friday")),
    (5, lazy("Saturday")),
    (6, lazy("Sunday")),
]
MOST_WEEKS = 12
# Of a letter: a plan may leave some out.
SECTIONS = {
    "numbers": "Four numbers",
    "decisions": "Decisions that wait",
    "asks": "What leads ask for",
    "update": "What the lead says",
    "programs": "Programs, or a program's milestones",
    "hand_offs": "Hand-offs",
    "news": "What happened",
}


class PlanQuerySet(models.QuerySet["Plan"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Plans of which a viewer sees every program that they name; a hidden program's plan would tell of it."""
        if not viewer.is_authenticated or not viewer.is_active:
            return self.none()
        if viewer.is_admin:
            return self
        seen = Program.objects.visible_to(viewer)
        hidden = PlanProgram.objects.filter(plan=OuterRef("pk")).exclude(program__in=seen)
        rows = self.filter(Q(program=None) | Q(program__in=seen)).exclude(Exists(hidden))
        return rows.filter(is_template=False) | rows.filter(is_template=True, owner_id=viewer.pk)

    def changeable_by(self, viewer: Viewer) -> Self:
        """Plans that a viewer may change; permissions.may_change says the same of one."""
        rows = self.visible_to(viewer)
        if not viewer.is_authenticated or viewer.is_admin:
            return rows
        return rows.filter(Q(owner_id=viewer.pk) | Q(program__in=Program.objects.led_by(viewer)))

    def running(self) -> Self:
        return self.filter(ended_at=None, is_template=False)


@track(final=True)
class Plan(Record):
    """A promise to tell people something regularly."""

    class Content(models.TextChoices):
        PORTFOLIO = "portfolio", lazy("All programs that the reader sees")
        PROGRAM = "program", lazy("One program")
        CHOSEN = "chosen", lazy("Chosen programs")
        VIEW = "view", lazy("Programs of a saved view")
        DAY = "day", lazy("What waits for the reader today")

    class Audience(models.TextChoices):
        EVERYONE = "everyone", lazy("Everyone")
        SPONSOR = "sponsor", lazy("Sponsor: headline, asks, exceptions")
        PARTNER = "partner", lazy("Partner team: the hand-offs it gives or gets")
        TEAM = "team", lazy("Program team: everything")

    class Length(models.TextChoices):
        HEADLINE = "headline", lazy("Headline")
        SUMMARY = "summary", lazy("Summary")
        FULL = "full", lazy("Full")

    class Channel(models.TextChoices):
        EMAIL = "email", lazy("E-mail")
        WEBHOOK = "webhook", lazy("Webhook")
        PAGE = "page", lazy("Page")

    class Rhythm(models.TextChoices):
        WEEKLY = "weekly", lazy("Every week or every few weeks")
        MONTHLY = "monthly", lazy("Every month, on its first such weekday")

    name = models.CharField(max_length=120)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="plans_owned")
    is_template = models.BooleanField(
        lazy("template"), default=False, help_text=lazy("Every active program gets a plan like it.")
    )
    template = models.ForeignKey(
        "self", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="made"
    )
    is_default = models.BooleanField(default=False, editable=False, help_text="The letter that anybody may get.")
    content = models.CharField(max_length=9, choices=Content.choices, default=Content.PORTFOLIO)
    # Not checked by the database: Django deletes what points here by a column that may be empty after the program.
    program = models.ForeignKey(
        Program, null=True, blank=True, on_delete=models.CASCADE, related_name="plans", db_constraint=False
    )
    view = models.ForeignKey(SavedView, null=True, blank=True, on_delete=models.PROTECT, related_name="plans")
    audience = models.CharField(max_length=8, choices=Audience.choices, default=Audience.EVERYONE)
    enrols = models.BooleanField(
        lazy("whoever belongs to the audience gets it"),
        default=False,
        help_text=lazy("Sponsor, partner teams or the program's people, as they change. Each may still unsubscribe."),
    )
    length = models.CharField(max_length=8, choices=Length.choices, default=Length.FULL)
    without = models.CharField(max_length=120, blank=True, help_text="Sections left out, space-separated.")
    channel = models.CharField(max_length=7, choices=Channel.choices, default=Channel.EMAIL)
    rhythm = models.CharField(max_length=7, choices=Rhythm.choices, default=Rhythm.WEEKLY)
    every_weeks = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_WEEKS)]
    )
    starts_on = models.DateField(null=True, blank=True, help_text="A day in the first week; weeks count from there.")
    weekday = models.PositiveSmallIntegerField(default=0, choices=WEEKDAYS)
    hour = models.PositiveSmallIntegerField(default=7, validators=[MaxValueValidator(23)])
    zone = models.CharField(
        max_length=64, blank=True, validators=[validate_zone], help_text="Empty: each reader's own zone."
    )
    paused_from = models.DateField(null=True, blank=True)
    paused_until = models.DateField(null=True, blank=True, help_text="The last day without a letter.")
    escalate_days = models.PositiveSmallIntegerField(
        default=7, help_text="An update this many days late is told to the sponsor, once."
    )
    begins_at = models.DateTimeField(default=timezone.now, help_text="Letters due from this moment on are promised.")
    ended_at = models.DateTimeField(null=True, blank=True)
    programs: models.ManyToManyField[Program, PlanProgram] = models.ManyToManyField(
        Program, through="PlanProgram", related_name="chosen_in"
    )
    teams: models.ManyToManyField[Team, PlanTeam] = models.ManyToManyField(
        Team, through="PlanTeam", related_name="plans"
    )

    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = lazy("communication plan")
        constraints = [
            models.CheckConstraint(
                condition=~Q(name=""),
                name="plan_has_name",
                violation_error_message=lazy("A plan needs a name."),
                violation_error_code="name",
            ),
            models.CheckConstraint(
                condition=Q(weekday__lte=6, hour__lte=23),
                name="plan_in_week",
                violation_error_message=lazy("An hour is from 0 to 23."),
                violation_error_code="hour",
            ),
            models.CheckConstraint(
                condition=Q(every_weeks__gte=1, every_weeks__lte=MOST_WEEKS),
                name="plan_every_weeks",
                violation_error_message=format_lazy(lazy("Every 1 to {most} weeks."), most=MOST_WEEKS),
                violation_error_code="every_weeks",
            ),
            models.CheckConstraint(
                condition=Q(is_template=True, content="program", program=None)
                | Q(is_template=False, content="program", program__isnull=False)
                | (~Q(content="program") & Q(is_template=False, program=None)),
                name="plan_names_its_program",
                violation_error_message=lazy("A program's plan names its program, and no other plan does."),
                violation_error_code="program",
            ),
            models.CheckConstraint(
                condition=Q(content="view", view__isnull=False) | (~Q(content="view") & Q(view=None)),
                name="plan_names_its_view",
                violation_error_message=lazy("Choose a saved view of the portfolio, or another content."),
                violation_error_code="view",
            ),
            models.CheckConstraint(
                condition=Q(paused_from=None) | Q(paused_until=None) | Q(paused_until__gte=F("paused_from")),
                name="plan_pause_ends_after_it_begins",
                violation_error_message=lazy("A pause ends on the day it begins, or later."),
                violation_error_code="paused_until",
            ),
            models.CheckConstraint(
                condition=Q(enrols=False) | (Q(content="program") & ~Q(audience="everyone")),
                name="plan_enrols_an_audience",
                violation_error_message=lazy("Only a program's plan has a sponsor, partners or a team to enrol."),
                violation_error_code="enrols",
            ),
            models.UniqueConstraint(
                fields=["template", "program"],
                condition=Q(template__isnull=False),
                name="plan_once_of_a_template",
                violation_error_message=lazy("The program has a plan of this template already."),
            ),
            models.UniqueConstraint(fields=["content"], condition=Q(content="day"), name="plan_one_a_day"),
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="plan_one_default"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/plans/{self.pk}"

    def is_paused_on(self, day: date) -> bool:
        return self.paused_until is not None and (self.paused_from or date.min) <= day <= self.paused_until

    def cadence(self, weekday: int | None = None, hour: int | None = None) -> Cadence:
        """When it is due, for a reader who chose another weekday or hour or did not."""
        return Cadence(
            self.weekday if weekday is None else weekday,
            self.hour if hour is None else hour,
            self.every_weeks,
            self.rhythm == self.Rhythm.MONTHLY,
            self.starts_on,
        )


@track(final=True)
class PlanProgram(models.Model):
    """A program that a plan of chosen programs tells of."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="chosen")
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "program"], name="plan_program_once")]

    def __str__(self) -> str:
        return f"{self.program_id} in plan {self.plan_id}"


@track(final=True)
class PlanTeam(models.Model):
    """A team whose members get a plan's letters, as they come and go."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="team_links")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "team"], name="plan_team_once")]

    def __str__(self) -> str:
        return f"team {self.team_id} in plan {self.plan_id}"
