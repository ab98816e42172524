"""What leads say each week."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

from history.models import Record
from history.tracker import track
from people.models import User
from people.search import search_index
from programs.models import OfProgramQuerySet, Program, ReportedHealth


class UpdateQuerySet(OfProgramQuerySet["Update"]):
    def published(self) -> Self:
        return self.exclude(published_at=None)


@track(final=True)
class Update(Record):
    """What a lead says this week; publishing freezes the facts it was written on."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="updates")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="updates")
    health = models.CharField(max_length=12, choices=ReportedHealth._meta.get_field("health").choices, blank=True)
    text = models.TextField(blank=True, max_length=20_000)
    ask = models.TextField(blank=True, max_length=5_000)
    path_to_green = models.TextField(blank=True, max_length=5_000)
    begun_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    snapshot = models.JSONField(null=True, blank=True, editable=False)

    objects = UpdateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(published_at=None) | (~Q(health="") & ~Q(text="") & Q(snapshot__isnull=False)),
                name="update_published_whole",
                violation_error_message="A published update has a health and a text.",
                violation_error_code="text",
            )
        ]
        indexes = [
            models.Index(fields=["program", "-published_at"], name="update_newest"),
            search_index("update_search", "text", "ask", "path_to_green"),
        ]

    def __str__(self) -> str:
        return f"Update {self.pk}"
