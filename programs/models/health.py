"""What can be said of a program's health, and what its lead says."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from history.tracker import track
from people.models import User
from programs.models.program import OfProgramQuerySet, Program


class Health(models.TextChoices):
    """What derived and reported health can say."""

    ON_TRACK = "on_track", "On track"
    AT_RISK = "at_risk", "At risk"
    OFF_TRACK = "off_track", "Off track"
    DONE = "done", "Done"
    ON_HOLD = "on_hold", "On hold"
    NOT_STARTED = "not_started", "Not started"
    NO_FORECAST = "no_forecast", "No forecast"


@track(final=True)
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
