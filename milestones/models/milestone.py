"""Dated promises and deliverables."""

from __future__ import annotations

from datetime import date
from typing import Self, TypeVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from milestones.models.workstream import Workstream
from people.models import Team, User
from people.search import search_index
from programs.models import OfProgramQuerySet, Precision, Program, Subject

# Ten working years of eight-hour days; more is a slip of the finger.
MOST_WORK_MINUTES = 10 * 260 * 480

# A day, or one as it stands in JSON.
Day = TypeVar("Day", date | None, str | None)


def due_of(is_end: bool, own: Day, of_program: Day) -> Day:
    """The day that a milestone is held against: its target; for a program's end, what the program promised outside."""
    return (of_program if is_end else None) or own


class MilestoneQuerySet(OfProgramQuerySet["Milestone"]):
    def open(self) -> Self:
        return self.filter(done_on=None, cancelled_on=None)

    def with_due(self) -> Self:
        """Adds ``due``, to filter and sort by: the day that ``due_of`` tells."""
        of_end = Coalesce("program__target_on", "target_on")
        return self.alias(due=Case(When(is_end=True, then=of_end), default="target_on"))

    def watched_by(self, person: User) -> Self:
        return self.filter(pk__in=person.watches.filter(kind=Subject.MILESTONE).values("subject_id"))


@track()
class Milestone(Record):
    """A dated promise or deliverable of a program; it may take work. Work is in working minutes."""

    class Kind(models.TextChoices):
        DELIVERABLE = "deliverable", lazy("Deliverable")
        EVENT = "event", lazy("Event")
        GATE = "gate", lazy("Gate")
        LAUNCH = "launch", lazy("Launch")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="milestones")
    workstream = models.ForeignKey(
        Workstream, null=True, blank=True, on_delete=models.SET_NULL, related_name="milestones"
    )
    external_key = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.DELIVERABLE)
    is_end = models.BooleanField(lazy("the program's end"), default=False)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="milestones")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="milestones")
    work_low = models.PositiveIntegerField(lazy("work, at best"), null=True, blank=True)
    work_likely = models.PositiveIntegerField(lazy("work"), null=True, blank=True)
    work_high = models.PositiveIntegerField(lazy("work, at worst"), null=True, blank=True)
    demand_days = models.DecimalField(
        lazy("demand, people-days"),
        max_digits=9,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    not_before_on = models.DateField(lazy("not before"), null=True, blank=True)
    target_on = models.DateField(lazy("target"), null=True, blank=True)
    target_precision = models.CharField(max_length=8, choices=Precision.choices, default=Precision.DAY)
    started_on = models.DateField(lazy("started"), null=True, blank=True)
    remaining = models.PositiveIntegerField(lazy("work remaining"), null=True, blank=True)
    done_on = models.DateField(lazy("done"), null=True, blank=True)
    cancelled_on = models.DateField(lazy("cancelled"), null=True, blank=True)
    note = models.TextField(blank=True, max_length=20_000)

    objects = MilestoneQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "external_key"],
                condition=~Q(external_key=""),
                name="milestone_external_key_once",
                violation_error_message=lazy("Another milestone of the program has this external key."),
                violation_error_code="external_key",
            ),
            models.UniqueConstraint(
                fields=["program"],
                condition=Q(is_end=True),
                name="milestone_one_end",
                violation_error_message=lazy("The program has an end milestone already; clear that one first."),
                violation_error_code="is_end",
            ),
            models.CheckConstraint(
                condition=Q(work_low=None, work_high=None)
                | Q(
                    work_low__isnull=False,
                    work_likely__isnull=False,
                    work_high__isnull=False,
                    work_low__lte=F("work_likely"),
                    work_likely__lte=F("work_high"),
                ),
                name="milestone_work_in_order",
                violation_error_message=lazy(
                    "Give all three of best, likely and worst, none lower than the one before."
                ),
                violation_error_code="work_likely",
            ),
            models.CheckConstraint(
                condition=(Q(work_high=None) | Q(work_high__lte=MOST_WORK_MINUTES))
                & (Q(work_likely=None) | Q(work_likely__lte=MOST_WORK_MINUTES))
                & (Q(remaining=None) | Q(remaining__lte=MOST_WORK_MINUTES)),
                name="milestone_work_bounded",
                violation_error_message=lazy("Work of more than 2600 days is not one milestone. Split it."),
                violation_error_code="work_likely",
            ),
            models.CheckConstraint(
                condition=Q(done_on=None) | Q(started_on=None) | Q(started_on__lte=F("done_on")),
                name="milestone_done_after_started",
                violation_error_message=lazy("It cannot be done before it started."),
                violation_error_code="done_on",
            ),
            models.CheckConstraint(
                condition=Q(done_on=None) | Q(cancelled_on=None),
                name="milestone_done_or_cancelled",
                violation_error_message=lazy("A milestone is done or cancelled, not both."),
                violation_error_code="cancelled_on",
            ),
            models.CheckConstraint(
                condition=Q(remaining=None) | Q(started_on__isnull=False),
                name="milestone_remaining_when_started",
                violation_error_message=lazy("Work remains of what has started: give the day it started."),
                violation_error_code="started_on",
            ),
        ]
        indexes = [
            models.Index(fields=["target_on"], condition=Q(done_on=None), name="milestone_open_target"),
            models.Index(fields=["done_on"], name="milestone_done"),
            search_index("milestone_search", "name", "note", "external_key"),
        ]

    def get_absolute_url(self) -> str:
        return f"/m/{self.pk}"

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        return self.done_on is None and self.cancelled_on is None

    @property
    def due_on(self) -> date | None:
        """The day that it is held against; load the program of an end with it."""
        return due_of(self.is_end, self.target_on, self.program.target_on if self.is_end else None)
