"""Programs, the people and roles around them, their objectives, phases and what their leads report."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Self, TypeVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from history.models import Record
from history.tracker import track
from people.models import Team, User, Viewer


class Precision(models.TextChoices):
    """How exact a target is meant; the stored day is the last of its period."""

    DAY = "day", "day"
    WEEK = "week", "week"
    MONTH = "month", "month"
    QUARTER = "quarter", "quarter"
    HALF = "half", "half-year"
    YEAR = "year", "year"

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


class Health(models.TextChoices):
    """What derived and reported health can say."""

    ON_TRACK = "on_track", "On track"
    AT_RISK = "at_risk", "At risk"
    OFF_TRACK = "off_track", "Off track"
    DONE = "done", "Done"
    ON_HOLD = "on_hold", "On hold"
    NOT_STARTED = "not_started", "Not started"
    NO_FORECAST = "no_forecast", "No forecast"


@track()
class Objective(Record):
    """What the organisation wants, as a tree; a measure with a target where there is one."""

    title = models.CharField(max_length=200)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="objectives")
    measure = models.CharField(max_length=200, blank=True)
    target_value = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    current_value = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    period_start_on = models.DateField(null=True, blank=True)
    period_end_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(parent=F("id")),
                name="objective_not_its_own_parent",
                violation_error_message="An objective cannot be its own parent.",
                violation_error_code="parent",
            ),
            models.CheckConstraint(
                condition=Q(period_start_on=None) | Q(period_end_on=None) | Q(period_start_on__lte=F("period_end_on")),
                name="objective_period_in_order",
                violation_error_message="The period ends before it starts.",
                violation_error_code="period_end_on",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ProgramQuerySet(models.QuerySet["Program"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Programs that a viewer may see: all but private ones in which they have no part."""
        if not viewer.is_authenticated or not viewer.is_active:
            return self.none()
        if viewer.is_admin:
            return self
        mine = Role.objects.filter(user=viewer, program=models.OuterRef("pk"))
        return self.filter(
            Q(visibility=Program.Visibility.ORGANISATION) | Q(lead=viewer) | Q(sponsor=viewer) | models.Exists(mine)
        )

    def open(self) -> Self:
        return self.exclude(state__in=[Program.State.DONE, Program.State.CANCELLED])


@track()
class Program(Record):
    """A body of work with one lead, one end and one answer to “will it be there in time?”"""

    class State(models.TextChoices):
        NOT_STARTED = "not_started", "Not started"
        ACTIVE = "active", "Active"
        ON_HOLD = "on_hold", "On hold"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    class Visibility(models.TextChoices):
        ORGANISATION = "organisation", "Everyone in the organisation"
        PRIVATE = "private", "Only people with a role in it"

    key = models.CharField(
        max_length=16,
        unique=True,
        validators=[
            RegexValidator(
                r"^[A-Z][A-Z0-9-]*\Z", "A key is capital letters, digits and dashes, and begins with a letter."
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
    rank = models.PositiveIntegerField(default=0, help_text="1 is the most important; 0 is not ranked yet.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.ACTIVE)
    target_on = models.DateField("target", null=True, blank=True)
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
                violation_error_message="Another program has this external key.",
                violation_error_code="external_key",
            ),
            models.CheckConstraint(
                condition=~Q(name=""),
                name="program_has_name",
                violation_error_message="A program needs a name.",
                violation_error_code="name",
            ),
        ]
        indexes = [models.Index(fields=["name"], name="program_name")]

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


@track()
class Role(models.Model):
    """What a person may do in a program (programs/permissions.py)."""

    class Kind(models.TextChoices):
        LEAD = "lead", "Lead"
        CONTRIBUTOR = "contributor", "Contributor"
        VIEWER = "viewer", "Viewer"

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="roles")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="roles")
    kind = models.CharField("role", max_length=12, choices=Kind.choices)

    objects = OfProgramQuerySet["Role"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "user"],
                name="role_once",
                violation_error_message="This person has a role in the program already.",
                violation_error_code="user",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.kind}"


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


@track()
class Slot(Record):
    """A role that the program needs filled: by a person, or open."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="slots")
    title = models.CharField(max_length=120)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="slots")
    person = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="slots")
    agreed_on = models.DateField(null=True, blank=True)

    objects = OfProgramQuerySet["Slot"].as_manager()

    def __str__(self) -> str:
        return self.title


class RelatedLinkQuerySet(models.QuerySet["RelatedLink"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Links whose two programs the viewer may see."""
        programs = Program.objects.visible_to(viewer)
        return self.filter(program__in=programs, other__in=programs)


@track()
class RelatedLink(models.Model):
    """Two programs that have to do with each other without waiting for each other: never part of the network.

    An imported link may name its own program, where the source does.
    """

    class Kind(models.TextChoices):
        SEE_ALSO = "see_also", "see also"
        REPLACES = "replaces", "replaces"
        SUPERSEDED_BY = "superseded_by", "superseded by"

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="related_links")
    other = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="related_links_here")
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.SEE_ALSO)

    objects = RelatedLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "other", "kind"],
                name="related_once",
                violation_error_message="These programs are linked like this already.",
                violation_error_code="other",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.program_id} {self.kind} {self.other_id}"


@track()
class Phase(Record):
    """A stretch of the program's life; it ends at a gate that a named person decides."""

    class Kind(models.TextChoices):
        ANALYSIS = "analysis", "Analysis"
        DESIGN = "design", "Design"
        DEVELOPMENT = "development", "Development"
        TESTING = "testing", "Testing"
        IMPLEMENTATION = "implementation", "Implementation"
        POST_IMPLEMENTATION = "post_implementation", "Post-implementation"

    class Decision(models.TextChoices):
        PASSED = "passed", "Passed"
        CONDITIONAL = "conditional", "Passed with conditions"
        FAILED = "failed", "Not passed"

    OPEN_GATE = frozenset({Decision.PASSED, Decision.CONDITIONAL})

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="phases")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    starts_on = models.DateField(null=True, blank=True)
    gate_on = models.DateField("gate planned on", null=True, blank=True)
    approver = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="gates")
    evidence_url = models.URLField("evidence", blank=True, max_length=500)
    decision = models.CharField(max_length=12, choices=Decision.choices, blank=True)
    decided_on = models.DateField(null=True, blank=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True, max_length=20_000)
    target_met = models.BooleanField("target met?", null=True, blank=True, help_text="Asked at the last gate.")
    lessons = models.TextField(blank=True, max_length=20_000, help_text="Asked at the last gate.")

    objects = OfProgramQuerySet["Phase"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "kind"],
                name="phase_once",
                violation_error_message="The program has this phase already.",
                violation_error_code="kind",
            ),
            models.CheckConstraint(
                condition=Q(decision="", decided_on=None, decided_by=None)
                | (~Q(decision="") & Q(decided_on__isnull=False, decided_by__isnull=False)),
                name="gate_decided_whole",
                violation_error_message="A gate's decision has a day and a person.",
                violation_error_code="decision",
            ),
            models.CheckConstraint(
                condition=Q(starts_on=None) | Q(gate_on=None) | Q(starts_on__lte=F("gate_on")),
                name="phase_in_order",
                violation_error_message="The gate lies before the phase starts.",
                violation_error_code="gate_on",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def is_last(self) -> bool:
        """Whether its gate asks how the whole program went."""
        return self.kind == Phase.Kind.POST_IMPLEMENTATION


class OfPhaseQuerySet(models.QuerySet[P]):
    def visible_to(self, viewer: Viewer) -> Self:
        return self.filter(phase__program__in=Program.objects.visible_to(viewer))


PROGRAM_OF_PHASE = "(SELECT program_id FROM programs_phase WHERE id = NEW.phase_id)"


@track(program=PROGRAM_OF_PHASE)
class GateCriterion(Record):
    """What must be true before the gate opens."""

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="criteria")
    text = models.CharField(max_length=500)
    met_on = models.DateField(null=True, blank=True)
    evidence_url = models.URLField("evidence", blank=True, max_length=500)

    objects = OfPhaseQuerySet["GateCriterion"].as_manager()

    def __str__(self) -> str:
        return self.text


@track(program=PROGRAM_OF_PHASE)
class GateAction(Record):
    """What a gate's review asks somebody to do."""

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="actions")
    text = models.CharField(max_length=500)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="gate_actions")
    due_on = models.DateField(null=True, blank=True)
    done_on = models.DateField(null=True, blank=True)

    objects = OfPhaseQuerySet["GateAction"].as_manager()

    def __str__(self) -> str:
        return self.text


@track()
class ReportedHealth(models.Model):
    """A lead's word on the program; the newest counts. Rows are added, never changed."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="reported_healths")
    health = models.CharField(
        max_length=12, choices=[(h.value, h.label) for h in (Health.ON_TRACK, Health.AT_RISK, Health.OFF_TRACK)]
    )
    because = models.CharField("in a sentence", max_length=500, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = OfProgramQuerySet["ReportedHealth"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(health__in=["on_track", "at_risk", "off_track"]), name="reported_health_known"
            )
        ]
        indexes = [models.Index(fields=["program", "-at"], name="reported_health_newest")]

    def __str__(self) -> str:
        return f"{self.health} {self.at:%Y-%m-%d}"
