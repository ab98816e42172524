"""What a person is reminded of in their mail of a day."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as lazy

from people.models import User
from programs.models import OfProgramQuerySet, Program
from reports.models.letter import Letter


class Reminder(models.Model):
    """An owed update that somebody is told of: its owner, by the rules or a nudge; once, late, its sponsor."""

    class Kind(models.TextChoices):
        OWED = "owed", lazy("is due")
        NUDGE = "nudge", lazy("asked for")
        ESCALATION = "escalation", lazy("is late")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="reminders")
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="reminders")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    owed_on = models.DateField(help_text="The day by which the update is owed; of a nudge, its own day.")
    by = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    letter = models.ForeignKey(Letter, null=True, on_delete=models.SET_NULL, related_name="reminders")

    objects = OfProgramQuerySet["Reminder"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "program", "kind", "owed_on"],
                name="reminder_once",
                violation_error_message=lazy("This person was reminded today already."),
            ),
            models.CheckConstraint(condition=~Q(kind="nudge") | Q(by__isnull=False), name="reminder_nudge_by"),
        ]
        indexes = [models.Index(fields=["user"], condition=Q(letter=None), name="reminder_waiting")]

    def __str__(self) -> str:
        return f"{self.kind} {self.program_id} to {self.user_id}"
