"""Promised dates that moved, and why."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as lazy

from history.tracker import track
from milestones.models.dependency import Dependency
from milestones.models.milestone import Milestone
from milestones.models.slip_cause import SlipCause
from people.models import User
from programs.models import OfProgramQuerySet, Program


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
