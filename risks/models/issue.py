"""What has happened and wants an answer."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from milestones.models import Milestone
from people.models import User
from people.search import search_index
from programs.models import OfProgramQuerySet, Program


class IssueQuerySet(OfProgramQuerySet["Issue"]):
    def open(self) -> Self:
        return self.filter(closed_on=None)

    def overdue(self, today: date) -> Self:
        return self.open().filter(due_on__lt=today)


@track()
class Issue(Record):
    """Something that has happened and wants an answer by a day."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="issues")
    external_key = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200)
    note = models.TextField(blank=True, max_length=20_000)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="issues")
    milestone = models.ForeignKey(Milestone, null=True, blank=True, on_delete=models.SET_NULL, related_name="issues")
    raised_on = models.DateField(lazy("raised"))
    due_on = models.DateField(lazy("due"), null=True, blank=True)
    closed_on = models.DateField(lazy("closed"), null=True, blank=True)

    objects = IssueQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_on=None) | Q(closed_on__gte=F("raised_on")),
                name="issue_closed_after_raised",
                violation_error_message=lazy("It cannot be closed before it was raised."),
                violation_error_code="closed_on",
            )
        ]
        indexes = [search_index("issue_search", "title", "note", "external_key")]

    def get_absolute_url(self) -> str:
        return f"/issues/{self.pk}"

    def __str__(self) -> str:
        return self.title
