"""Problems that recur over programs."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import F, OuterRef, Q
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from milestones.models import SlipCause
from people.models import Team, User, Viewer
from people.search import search_index
from programs.models import OfProgramQuerySet, Program


class ProblemQuerySet(models.QuerySet["Problem"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Problems of any program that the viewer sees, their own, and those that nobody found in programs."""
        if not viewer.is_authenticated or not viewer.is_active:
            return self.none()
        if viewer.is_admin:
            return self
        seen = ProblemCost.objects.visible_to(viewer).filter(problem=OuterRef("pk"))
        return self.filter(Q(owner=viewer) | Q(cause=None, team=None) | models.Exists(seen))

    def open(self) -> Self:
        return self.filter(closed_on=None)


@track(final=True)
class Problem(Record):
    """What keeps costing several programs days: owned by a person, until it is closed or a program ends it."""

    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=20_000)
    cause = models.ForeignKey(SlipCause, null=True, blank=True, on_delete=models.PROTECT, related_name="problems")
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="problems", verbose_name=lazy("giving team")
    )
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="problems")
    opened_on = models.DateField(lazy("opened"))
    closed_on = models.DateField(lazy("closed"), null=True, blank=True)
    closed_because = models.CharField(lazy("why it was closed"), max_length=500, blank=True)
    program = models.ForeignKey(
        Program,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="problems",
        verbose_name=lazy("program started from it"),
    )

    objects = ProblemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cause=None) | Q(team=None),
                name="problem_of_one_source",
                violation_error_message=lazy("A problem is found by its cause or by the team that gives, not both."),
                violation_error_code="team",
            ),
            models.CheckConstraint(
                condition=Q(closed_on=None, closed_because="") | (Q(closed_on__isnull=False) & ~Q(closed_because="")),
                name="problem_closed_with_reason",
                violation_error_message=lazy("A closed problem has a day and a reason."),
                violation_error_code="closed_because",
            ),
            models.CheckConstraint(
                condition=Q(closed_on=None) | Q(closed_on__gte=F("opened_on")),
                name="problem_closed_after_opened",
                violation_error_message=lazy("It cannot be closed before it was opened."),
                violation_error_code="closed_on",
            ),
        ]
        indexes = [search_index("problem_search", "title", "description")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"/problems/{self.pk}"


@track(final=True)
class ProblemCost(models.Model):
    """The evidence of a problem as it was found: days that it cost one program in one quarter. Never changed."""

    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="costs")
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="problem_costs")
    quarter_on = models.DateField(help_text="The first day of the quarter.")
    days = models.PositiveIntegerField()
    slips = models.PositiveIntegerField(help_text="How many promises slipped.")

    objects = OfProgramQuerySet["ProblemCost"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["problem", "program", "quarter_on"], name="problem_cost_once")]

    def __str__(self) -> str:
        return f"{self.days} d in {self.program_id} from {self.quarter_on}"
