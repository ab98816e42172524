"""Approved plans, frozen."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from milestones.models.milestone import Milestone
from milestones.models.slip_cause import SlipCause
from people.models import User
from programs.models import OfProgramQuerySet, Program


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
