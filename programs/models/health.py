"""What can be said of a program's health, and what its lead says."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as lazy

from history.tracker import track
from people.models import User
from programs.models.program import OfProgramQuerySet, Program


class Health(models.TextChoices):
    """What derived and reported health can say."""

    ON_TRACK = "on_track", lazy("On track")
    AT_RISK = "at_risk", lazy("At risk")
    OFF_TRACK = "off_track", lazy("Off track")
    DONE = "done", lazy("Done")
    ON_HOLD = "on_hold", lazy("On hold")
    NOT_STARTED = "not_started", lazy("Not started")
    NO_FORECAST = "no_forecast", lazy("No forecast")


@track(final=True)
class ReportedHealth(models.Model):
    """A lead's word on the program; the newest counts. Rows are added, never changed."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="reported_healths")
    health = models.CharField(
        max_length=12, choices=[(h.value, h.label) for h in (Health.ON_TRACK, Health.AT_RISK, Health.OFF_TRACK)]
    )
    because = models.CharField(lazy("in a sentence"), max_length=500, blank=True)
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
