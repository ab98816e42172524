"""What a program must deliver."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from milestones.models.milestone import Milestone
from people.search import search_index
from programs.models import OfProgramQuerySet, Program


class RequirementQuerySet(OfProgramQuerySet["Requirement"]):
    def added_since(self, day: date | None) -> Self:
        """In scope now, and not yet on that day; none where there is no day to count from."""
        return self.filter(in_scope=True, scope_since_on__gt=day) if day else self.none()

    def without_milestone(self) -> Self:
        return self.filter(in_scope=True, milestone=None)

    def by_priority(self) -> Self:
        """In scope before out, must before should before could."""
        ranks = [models.When(priority=name, then=rank) for rank, name in enumerate(Requirement.Priority.values)]
        return self.order_by("-in_scope", models.Case(*ranks), "id")


@track()
class Requirement(Record):
    """What the program must deliver; in scope or out, since when and why."""

    class Priority(models.TextChoices):
        MUST = "must", lazy("Must")
        SHOULD = "should", lazy("Should")
        COULD = "could", lazy("Could")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="requirements")
    text = models.CharField(max_length=1_000)
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.MUST)
    in_scope = models.BooleanField(default=True)
    scope_since_on = models.DateField(lazy("in or out since"))
    scope_reason = models.CharField(max_length=500, blank=True)
    milestone = models.ForeignKey(
        Milestone, null=True, blank=True, on_delete=models.SET_NULL, related_name="requirements"
    )

    objects = RequirementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(in_scope=True) | ~Q(scope_reason=""),
                name="requirement_out_with_reason",
                violation_error_message=lazy("Say why it is out of scope."),
                violation_error_code="scope_reason",
            )
        ]
        indexes = [search_index("requirement_search", "text")]

    def get_absolute_url(self) -> str:
        return f"/requirements/{self.pk}"

    def __str__(self) -> str:
        return self.text
