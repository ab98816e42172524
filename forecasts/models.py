"""Forecast runs, the forecast of each milestone, and derived health a day with its evidence. All of it computed."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as lazy

from history.past import read_as
from milestones.models import Milestone
from people.models import User
from programs.models import Health, OfProgramQuerySet, Program
from risks.models import Risk


class Run(models.Model):
    """One computation over one connected part of the network, and all that it was computed from."""

    day = models.DateField(help_text="The status day, in the organisation's zone.")
    engine_version = models.CharField(max_length=20)
    calendars_digest = models.CharField(max_length=64, default="", help_text="SHA-256 of all working calendars.")
    inputs_digest = models.CharField(max_length=64, help_text="SHA-256 of the engine's input arrays.")
    revisions = models.JSONField(help_text="Program id → plan revision that was read.")
    seed = models.PositiveBigIntegerField(default=0)
    samples = models.PositiveIntegerField(default=0)
    computed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["-computed_at"], name="run_newest")]

    def __str__(self) -> str:
        return f"run {self.pk}"


# The newest is the one without a newer: so a join looks up its milestones instead of reading all of them each time.
@read_as(
    """
    SELECT milestone_id, program_id, run_id, finish_on AS start_on, finish_on,
        NULL::integer AS total_float, NULL::integer AS free_float, false AS on_longest_path,
        NULL::bigint AS driven_by_id, basis, quantiles[10] AS p50_on, quantiles[16] AS p80_on, chance, quantiles,
        target_on
    FROM forecasts_issuedforecast one WHERE day <= {day} AND week_on > {day} - 14 AND NOT EXISTS (
        SELECT FROM forecasts_issuedforecast newer
        WHERE newer.milestone_id = one.milestone_id AND newer.week_on > one.week_on AND newer.day <= {day}
    )
    """
)
class MilestoneForecast(models.Model):
    """When a milestone is expected. Float is in working minutes before the end of a program moves.

    Start, finish, float and path are those of the plan as it stands, without uncertainty; P50, P80, all quantiles and
    the chance of target come from the simulation. The run is the one that first said so: a later run that finds the
    same leaves the row alone. Pages of the past read what was issued in that week, or in the one before, instead.
    """

    class Basis(models.TextChoices):
        DONE = "done", lazy("it is done")
        POINTS = "points", lazy("work at best, likely and at worst")
        CLASS = "class", lazy("work, widened by how the likes of it went")
        PLANNED = "planned", lazy("a planned day, and how planned days have held")
        CERTAIN = "certain", lazy("what it waits for")

    milestone = models.OneToOneField(Milestone, primary_key=True, on_delete=models.CASCADE, related_name="forecast")
    # Not checked row by row: its milestone, which is, holds the program, and the run is of the same transaction. Nobody
    # asks for the rows of a run, which is what most updates change: an index would be written each time.
    program = models.ForeignKey(
        Program, on_delete=models.CASCADE, related_name="milestone_forecasts", db_constraint=False
    )
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="milestones", db_constraint=False, db_index=False
    )
    start_on = models.DateField()
    finish_on = models.DateField()
    total_float = models.IntegerField(null=True)
    free_float = models.IntegerField(null=True)
    on_longest_path = models.BooleanField(default=False)
    driven_by = models.ForeignKey(Milestone, null=True, on_delete=models.SET_NULL, related_name="+")
    basis = models.CharField(max_length=8, choices=Basis.choices, default=Basis.CERTAIN)
    p50_on = models.DateField(null=True)
    p80_on = models.DateField(null=True)
    chance = models.FloatField(null=True, help_text="Probability, 0 to 1, of being done by its target.")
    quantiles = ArrayField(models.DateField(), default=list, help_text="P5, P10, … P95.")
    target_on = models.DateField(null=True, help_text="The day that the chance is for.")

    objects = OfProgramQuerySet["MilestoneForecast"].as_manager()

    def __str__(self) -> str:
        return f"{self.milestone_id}: {self.finish_on}"


@read_as("SELECT * FROM {table} WHERE day <= {day}")
class ProgramHealth(models.Model):
    """Derived health of a program on a day, with the evidence that it was derived from."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="healths")
    day = models.DateField()
    health = models.CharField(max_length=12, choices=Health.choices)
    finish_on = models.DateField(null=True, help_text="Finish of the end milestone as planned, without uncertainty.")
    p50_on = models.DateField(null=True)
    p80_on = models.DateField(null=True)
    target_on = models.DateField(null=True)
    slip_days = models.IntegerField(null=True, help_text="Days from target to P80; later is positive.")
    chance = models.FloatField(null=True, help_text="Probability, 0 to 1, of meeting the target.")
    is_stale = models.BooleanField(default=False)
    findings = models.JSONField(default=list, help_text="Rule, record, value, limit, since, days; in order of weight.")
    moves = models.JSONField(default=list, help_text="Best next moves: rule, record, P80 days bought; largest first.")
    explained = models.BooleanField(default=False, help_text="Whether risks, ranges and moves are weighed yet.")
    policy_version = models.PositiveIntegerField()
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="healths")
    plan_revision = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    computed_at = models.DateTimeField()

    objects = OfProgramQuerySet["ProgramHealth"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "day"], name="health_once_a_day")]
        indexes = [models.Index(fields=["program", "-day"], name="health_newest")]

    def __str__(self) -> str:
        return f"{self.program_id} {self.day}: {self.health}"


@read_as("SELECT * FROM {table} WHERE day <= {day}")
class IssuedForecast(models.Model):
    """The ledger: a milestone's forecast as it was issued in a week. Rows are added, never changed; scored when done.

    Issued is what the first run of an ISO week says; ``week_on`` is its Monday.
    """

    milestone = models.ForeignKey(Milestone, on_delete=models.CASCADE, related_name="issued_forecasts")
    program = models.ForeignKey(  # not checked, nor is the run: as in MilestoneForecast
        Program, on_delete=models.CASCADE, related_name="issued_forecasts", db_constraint=False
    )
    week_on = models.DateField()
    day = models.DateField(help_text="The status day.")
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="issued", db_constraint=False)
    basis = models.CharField(max_length=8, choices=MilestoneForecast.Basis.choices)
    target_on = models.DateField(null=True)
    chance = models.FloatField(null=True)
    finish_on = models.DateField()
    quantiles = ArrayField(models.DateField(), help_text="P5, P10, … P95.")

    objects = OfProgramQuerySet["IssuedForecast"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["milestone", "week_on"], name="issued_once_a_week")]
        indexes = [models.Index(fields=["program", "week_on"], name="issued_program")]

    def __str__(self) -> str:
        return f"{self.milestone_id} as of {self.day}"


@read_as("SELECT * FROM {table} WHERE false")
class RiskForecast(models.Model):
    """What an open risk costs the end of its program, in days: by itself, and at P80 among all others."""

    risk = models.OneToOneField(Risk, primary_key=True, on_delete=models.CASCADE, related_name="forecast")
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="risk_forecasts")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="risks")
    p80_days = models.IntegerField(help_text="P80 days that closing it would save at the program's end.")
    alone_days = models.IntegerField(help_text="P80 days that it would cost if it were the only risk.")
    mitigated_days = models.IntegerField(null=True, help_text="P80 days saved if its mitigation works as planned.")

    objects = OfProgramQuerySet["RiskForecast"].as_manager()

    def __str__(self) -> str:
        return f"{self.risk_id}: {self.p80_days} d"


class FrozenHealth(models.Model):
    """Derived health as a run left it, kept when later runs of the day replace the row of the day: what “why” links to.

    The newest row of a run and policy counts: weighing what is uncertain adds to it.
    """

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="frozen_healths")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="frozen_healths")
    day = models.DateField()
    health = models.CharField(max_length=12, choices=Health.choices)
    finish_on = models.DateField(null=True)
    p50_on = models.DateField(null=True)
    p80_on = models.DateField(null=True)
    target_on = models.DateField(null=True)
    slip_days = models.IntegerField(null=True)
    chance = models.FloatField(null=True)
    is_stale = models.BooleanField(default=False)
    findings = models.JSONField(default=list)
    moves = models.JSONField(default=list)
    explained = models.BooleanField(default=False)
    policy_version = models.PositiveIntegerField()
    computed_at = models.DateTimeField()

    objects = OfProgramQuerySet["FrozenHealth"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "run"], name="frozen_once_a_run")]

    def __str__(self) -> str:
        return f"{self.program_id} by run {self.run_id}: {self.health}"


MOST_POLICY_DAYS = 3_650
POLICY_DAYS = MaxValueValidator(MOST_POLICY_DAYS)


class HealthPolicy(models.Model):
    """The limits that derived health is judged by. Rows are added, never changed: the newest counts."""

    version = models.PositiveIntegerField(primary_key=True)
    at_risk_days = models.PositiveIntegerField(
        default=7, validators=[POLICY_DAYS], help_text="At risk when later than this many days."
    )
    off_track_days = models.PositiveIntegerField(
        default=30, validators=[POLICY_DAYS], help_text="Off track when later than this many days."
    )
    stale_days = models.PositiveIntegerField(
        default=10,
        validators=[MinValueValidator(1), POLICY_DAYS],
        help_text="Stale without an update for this many days.",
    )
    created_at = models.DateTimeField(null=True, blank=True, help_text="Empty for the version that ships.")
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="health_policies"
    )
    reason = models.CharField(lazy("why"), max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(created_at=None, created_by=None, reason="")
                | (models.Q(created_at__isnull=False, created_by__isnull=False) & ~models.Q(reason="")),
                name="policy_with_reason",
                violation_error_message=lazy("A new policy says who made it, when and why."),
                violation_error_code="reason",
            ),
            models.CheckConstraint(
                condition=models.Q(at_risk_days__lt=models.F("off_track_days")),
                name="policy_in_order",
                violation_error_message=lazy("At risk begins before off track."),
                violation_error_code="off_track_days",
            ),
        ]

    def __str__(self) -> str:
        return f"policy v{self.version}"

    def judge(self, slip_days: int) -> Health:
        """What so many days after a target are: of a program, and of a milestone wherever one is coloured."""
        if slip_days > self.off_track_days:
            return Health.OFF_TRACK
        return Health.AT_RISK if slip_days > self.at_risk_days else Health.ON_TRACK
