"""Questions that somebody answers by a day."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import User, Viewer
from people.search import search_index
from programs.models import Objective, OfProgramQuerySet, Program


class DecisionQuerySet(OfProgramQuerySet["Decision"]):
    def waiting(self) -> Self:
        return self.filter(decided_on=None)

    def overdue(self, today: date) -> Self:
        return self.waiting().filter(decide_by_on__lt=today)

    def by_turn(self, viewer: Viewer, *, newest: bool = False, by_decider: bool = False) -> Self:
        """The viewer's own first, then by the day they are due; the newest answers first where they are taken."""
        if newest:
            return self.order_by(F("decided_on").desc(), "-id")
        own = models.Case(models.When(decider=viewer.pk, then=0), default=1)
        names: list[Any] = [F("decider__name").asc(nulls_last=True), "decider"] if by_decider else []
        return self.order_by(own, *names, F("decide_by_on").asc(nulls_last=True), "id")


@track()
class Decision(Record):
    """A question, who answers it by when, and what follows from the answer."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="decisions")
    question = models.CharField(max_length=500)
    options = models.TextField(blank=True, max_length=20_000)
    decider = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions")
    decide_by_on = models.DateField(lazy("decide by"), null=True, blank=True)
    raised_on = models.DateField(lazy("raised"))
    decided_on = models.DateField(lazy("decided"), null=True, blank=True)
    answer = models.TextField(blank=True, max_length=5_000)
    consequence = models.TextField(blank=True, max_length=5_000)
    objective = models.ForeignKey(Objective, null=True, blank=True, on_delete=models.SET_NULL, related_name="decisions")

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_on=None, answer="") | (Q(decided_on__isnull=False) & ~Q(answer="")),
                name="decision_decided_with_answer",
                violation_error_message=lazy("A decision that is taken has a day and an answer."),
                violation_error_code="answer",
            )
        ]
        indexes = [search_index("decision_search", "question", "options", "answer", "consequence")]

    def get_absolute_url(self) -> str:
        return f"/d/{self.reference}"

    def __str__(self) -> str:
        return self.question

    @property
    def reference(self) -> str:
        return f"D-{self.pk}"
