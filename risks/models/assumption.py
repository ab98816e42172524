"""What is held true until its day or limit."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import User
from programs.models import OfProgramQuerySet, Program


@track()
class Assumption(Record):
    """Held true until its day; then somebody looks again."""

    class State(models.TextChoices):
        OPEN = "open", lazy("Open")
        CONFIRMED = "confirmed", lazy("Confirmed")
        BROKEN = "broken", lazy("Broken")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="assumptions")
    text = models.CharField(max_length=1_000)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="assumptions")
    expires_on = models.DateField(lazy("expires"), null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)

    objects = OfProgramQuerySet["Assumption"].as_manager()

    def get_absolute_url(self) -> str:
        return f"/assumptions/{self.pk}"

    def __str__(self) -> str:
        return self.text
