"""Phases of a program, the gates that end them, and what a gate asks for."""

from __future__ import annotations

from datetime import date
from typing import Self, TypeVar

from django.db import models
from django.db.models import Case, F, Q, When
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import User, Viewer
from programs.models.program import OfProgramQuerySet, Program

P = TypeVar("P", bound=models.Model)


class PhaseQuerySet(OfProgramQuerySet["Phase"]):
    def ahead(self, today: date) -> Self:
        """Phases whose gate was not passed by a day, in order. A program is in the first: a failed one keeps it."""
        order = Case(*(When(kind=kind, then=step) for step, kind in enumerate(Phase.Kind.values)))
        return self.exclude(decision__in=Phase.OPEN_GATE, decided_on__lte=today).order_by(order, "id")


@track()
class Phase(Record):
    """A stretch of the program's life; it ends at a gate that a named person decides."""

    class Kind(models.TextChoices):
        ANALYSIS = "analysis", lazy("Analysis")
        DESIGN = "design", lazy("Design")
        DEVELOPMENT = "development", lazy("Development")
        TESTING = "testing", lazy("Testing")
        IMPLEMENTATION = "implementation", lazy("Implementation")
        POST_IMPLEMENTATION = "post_implementation", lazy("Post-implementation")

    class Decision(models.TextChoices):
        PASSED = "passed", lazy("Passed")
        CONDITIONAL = "conditional", lazy("Passed with conditions")
        FAILED = "failed", lazy("Not passed")

    OPEN_GATE = frozenset({Decision.PASSED, Decision.CONDITIONAL})

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="phases")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    starts_on = models.DateField(null=True, blank=True)
    gate_on = models.DateField(lazy("gate planned on"), null=True, blank=True)
    approver = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="gates")
    evidence_url = models.URLField(lazy("evidence"), blank=True, max_length=500)
    decision = models.CharField(max_length=12, choices=Decision.choices, blank=True)
    decided_on = models.DateField(null=True, blank=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True, max_length=20_000)
    target_met = models.BooleanField(
        lazy("target met?"), null=True, blank=True, help_text=lazy("Asked at the last gate.")
    )
    lessons = models.TextField(blank=True, max_length=20_000, help_text=lazy("Asked at the last gate."))

    objects = PhaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "kind"],
                name="phase_once",
                violation_error_message=lazy("The program has this phase already."),
                violation_error_code="kind",
            ),
            models.CheckConstraint(
                condition=Q(decision="", decided_on=None, decided_by=None)
                | (~Q(decision="") & Q(decided_on__isnull=False, decided_by__isnull=False)),
                name="gate_decided_whole",
                violation_error_message=lazy("A gate's decision has a day and a person."),
                violation_error_code="decision",
            ),
            models.CheckConstraint(
                condition=Q(starts_on=None) | Q(gate_on=None) | Q(starts_on__lte=F("gate_on")),
                name="phase_in_order",
                violation_error_message=lazy("The gate lies before the phase starts."),
                violation_error_code="gate_on",
            ),
        ]

    def get_absolute_url(self) -> str:
        return f"/phases/{self.pk}"

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def is_last(self) -> bool:
        """Whether its gate asks how the whole program went."""
        return self.kind == Phase.Kind.POST_IMPLEMENTATION


class OfPhaseQuerySet(models.QuerySet[P]):
    def visible_to(self, viewer: Viewer) -> Self:
        return self.filter(phase__program__in=Program.objects.visible_to(viewer))


PROGRAM_OF_PHASE = "(SELECT program_id FROM programs_phase WHERE id = NEW.phase_id)"


@track(program=PROGRAM_OF_PHASE)
class GateCriterion(Record):
    """What must be true before the gate opens."""

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="criteria")
    text = models.CharField(max_length=500)
    met_on = models.DateField(null=True, blank=True)
    evidence_url = models.URLField(lazy("evidence"), blank=True, max_length=500)

    objects = OfPhaseQuerySet["GateCriterion"].as_manager()

    def __str__(self) -> str:
        return self.text


@track(program=PROGRAM_OF_PHASE)
class GateAction(Record):
    """What a gate's review asks somebody to do."""

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="actions")
    text = models.CharField(max_length=500)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="gate_actions")
    due_on = models.DateField(null=True, blank=True)
    done_on = models.DateField(null=True, blank=True)

    objects = OfPhaseQuerySet["GateAction"].as_manager()

    def __str__(self) -> str:
        return self.text
