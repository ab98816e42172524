"""What a program is divided into."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from programs.models import OfProgramQuerySet, Program


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
