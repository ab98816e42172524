"""Dated promises and what they wait for: milestones, requirements, dependencies, baselines."""

from __future__ import annotations

from datetime import date
from typing import Self, TypeVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import Team, User, Viewer
from people.search import search_index
from programs.models import OfProgramQuerySet, Precision, Program, Subject

# Ten working years of eight-hour days; more is a slip of the finger.
MOST_WORK_MINUTES = 10 * 260 * 480

# A day, or one as it stands in JSON.
Day = TypeVar("Day", date | None, str | None)


@track()
class Workstream(Record):
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="workstreams")
    name = models.CharField(max_length=120)
    position = models.PositiveIntegerField(default=0)

    objects = OfProgramQuerySet["Workstream"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "name"],
                name="workstream_once",
                violation_error_message=lazy("The program has a workstream of this name already."),
                violation_error_code="name",
            )
        ]

    def __str__(self) -> str:
        return self.name


@track(final=True)
class SlipCause(Record):
    """Why a promised date moves: a short list that the organisation edits."""

    name = models.CharField(max_length=80, unique=True)
    position = models.PositiveIntegerField(default=0)
    retired_on = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


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


def is_given() -> Q:
    """Of a hand-off: its giver's milestone is done, or it is said to be delivered."""
    return Q(agreement=Dependency.Agreement.DELIVERED) | Q(predecessor__done_on__isnull=False)


def is_awaited() -> Q:
    """Of a live hand-off: its receiver is not done without it, and neither program is over."""
    programs = Program.objects.open().values("pk")
    return Q(successor__done_on=None, predecessor__program__in=programs, successor__program__in=programs)


class DependencyQuerySet(models.QuerySet["Dependency"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Links that touch a program the viewer sees. The other end may be hidden: show it as a private program."""
        programs = Program.objects.visible_to(viewer)
        return self.filter(Q(predecessor__program__in=programs) | Q(successor__program__in=programs))

    def hand_offs(self) -> Self:
        return self.exclude(predecessor__program=F("successor__program"))

    def live(self) -> Self:
        """Links between milestones that are neither cancelled themselves nor in a cancelled program."""
        gone = Q()
        for end in ("predecessor", "successor"):
            gone |= Q(**{f"{end}__cancelled_on__isnull": False})
            gone |= Q(**{f"{end}__program__state": Program.State.CANCELLED})
        return self.exclude(gone)

    def pending(self) -> Self:
        """Hand-offs that somebody still waits for: what is open, and may be late."""
        return self.hand_offs().live().filter(is_awaited()).exclude(is_given())

    def with_given_on(self) -> Self:
        """Adds ``given_on`` to hand-offs: the day that the milestone was done, or was said to be delivered."""
        said_on = Coalesce("agreed_on", "promised_on", "need_by_on")
        said = Case(When(agreement=Dependency.Agreement.DELIVERED, then=said_on))
        return self.annotate(given_on=Coalesce("predecessor__done_on", said))

    def agreed(self) -> Self:
        """Hand-offs that the giver stands by: the receiver plans with them."""
        return self.hand_offs().filter(agreement__in=[Dependency.Agreement.ACCEPTED, Dependency.Agreement.DELIVERED])


@track(
    program="(SELECT program_id FROM milestones_milestone WHERE id = NEW.successor_id)",
    other_program="(SELECT program_id FROM milestones_milestone WHERE id = NEW.predecessor_id)",
)
class Dependency(Record):
    """The successor waits for the predecessor. Across programs it is a hand-off: giver, receiver, two dates."""

    class Kind(models.TextChoices):
        FS = "FS", lazy("finish to start")
        SS = "SS", lazy("start to start")
        FF = "FF", lazy("finish to finish")
        SF = "SF", lazy("start to finish")

    class Agreement(models.TextChoices):
        PROPOSED = "proposed", lazy("Proposed")
        ACCEPTED = "accepted", lazy("Accepted")
        COUNTERED = "countered", lazy("Countered")
        DECLINED = "declined", lazy("Declined")
        DELIVERED = "delivered", lazy("Delivered")

    predecessor = models.ForeignKey(Milestone, on_delete=models.CASCADE, related_name="links_out")
    successor = models.ForeignKey(Milestone, on_delete=models.CASCADE, related_name="links_in")
    external_key = models.CharField(max_length=200, blank=True)
    kind = models.CharField(lazy("type"), max_length=2, choices=Kind.choices, default=Kind.FS)
    lag = models.IntegerField(
        default=0,
        validators=[MinValueValidator(-MOST_WORK_MINUTES), MaxValueValidator(MOST_WORK_MINUTES)],
        help_text="Working minutes in the predecessor's calendar; negative is a lead.",
    )
    need_by_on = models.DateField(lazy("needed by"), null=True, blank=True)
    promised_on = models.DateField(lazy("promised by"), null=True, blank=True)
    agreement = models.CharField(max_length=10, choices=Agreement.choices, blank=True)
    agreed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    agreed_on = models.DateField(null=True, blank=True)
    note = models.TextField(blank=True, max_length=5_000)

    objects = DependencyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["predecessor", "successor", "kind"],
                name="dependency_once",
                violation_error_message=lazy("These milestones are linked like this already."),
                violation_error_code="predecessor",
            ),
            models.CheckConstraint(
                condition=~Q(predecessor=F("successor")),
                name="dependency_between_two",
                violation_error_message=lazy("A milestone cannot wait for itself."),
                violation_error_code="predecessor",
            ),
        ]
        verbose_name_plural = "dependencies"

    def __str__(self) -> str:
        return f"{self.predecessor_id} → {self.successor_id}"


class RequirementQuerySet(OfProgramQuerySet["Requirement"]):
    def added_since(self, day: date | None) -> Self:
        """In scope now, and not yet on that day; none where there is no day to count from."""
        return self.filter(in_scope=True, scope_since_on__gt=day) if day else self.none()

    def without_milestone(self) -> Self:
        return self.filter(in_scope=True, milestone=None)

    def by_priority(self) -> Self:
        """In scope before out, must before should before could."""
        ranks = [models.When(priority=name, then=rank) for rank, name in enumerate(Requirement.Priority.values)]
        return self.order_by("-in_scope", models.Case(*ranks), "id")


@track()
class Requirement(Record):
    """What the program must deliver; in scope or out, since when and why."""

    class Priority(models.TextChoices):
        MUST = "must", lazy("Must")
        SHOULD = "should", lazy("Should")
        COULD = "could", lazy("Could")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="requirements")
    text = models.CharField(max_length=1_000)
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.MUST)
    in_scope = models.BooleanField(default=True)
    scope_since_on = models.DateField(lazy("in or out since"))
    scope_reason = models.CharField(max_length=500, blank=True)
    milestone = models.ForeignKey(
        Milestone, null=True, blank=True, on_delete=models.SET_NULL, related_name="requirements"
    )

    objects = RequirementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(in_scope=True) | ~Q(scope_reason=""),
                name="requirement_out_with_reason",
                violation_error_message=lazy("Say why it is out of scope."),
                violation_error_code="scope_reason",
            )
        ]
        indexes = [search_index("requirement_search", "text")]

    def get_absolute_url(self) -> str:
        return f"/requirements/{self.pk}"

    def __str__(self) -> str:
        return self.text


@track(final=True)
class Baseline(Record):
    """An approved plan, frozen."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="baselines")
    name = models.CharField(max_length=120)
    approved_on = models.DateField()
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    cause = models.ForeignKey(SlipCause, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True, max_length=5_000)

    objects = OfProgramQuerySet["Baseline"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "name"],
                name="baseline_once",
                violation_error_message=lazy("The program has a baseline of this name already."),
                violation_error_code="name",
            )
        ]

    def __str__(self) -> str:
        return self.name


@track(program="(SELECT program_id FROM milestones_baseline WHERE id = NEW.baseline_id)", final=True)
class BaselineDate(models.Model):
    """Where a milestone lay in a baseline."""

    baseline = models.ForeignKey(Baseline, on_delete=models.CASCADE, related_name="dates")
    milestone = models.ForeignKey(Milestone, on_delete=models.CASCADE, related_name="baseline_dates")
    finish_on = models.DateField()
    work = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["baseline", "milestone"], name="baseline_date_once")]

    def __str__(self) -> str:
        return f"{self.milestone_id}: {self.finish_on}"


@track()
class DateMove(models.Model):
    """A promised date that moved, and its cause. Rows are added, never changed: slips are explained from them."""

    class Field(models.TextChoices):
        PROGRAM_TARGET = "program_target", lazy("program's target")
        TARGET = "target", lazy("target")
        PROMISED = "promised", lazy("promised by")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="date_moves")
    milestone = models.ForeignKey(Milestone, null=True, blank=True, on_delete=models.CASCADE, related_name="date_moves")
    dependency = models.ForeignKey(
        Dependency, null=True, blank=True, on_delete=models.CASCADE, related_name="date_moves"
    )
    field = models.CharField(max_length=16, choices=Field.choices)
    before_on = models.DateField()
    after_on = models.DateField(null=True, blank=True)
    cause = models.ForeignKey(SlipCause, on_delete=models.PROTECT, related_name="date_moves")
    note = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = OfProgramQuerySet["DateMove"].as_manager()

    class Meta:
        indexes = [models.Index(fields=["program", "-at"], name="date_move_newest")]

    def __str__(self) -> str:
        return f"{self.field}: {self.before_on} → {self.after_on}"
