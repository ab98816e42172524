"""How much a program must deliver: its requirements, counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, Max, Q, Subquery
from django.utils.translation import gettext as _

from milestones.models import Baseline, Requirement
from programs.models import Program


@dataclass(frozen=True, slots=True)
class Scope:
    inside: int
    outside: int
    added: int
    loose: int
    baseline_on: date | None

    @classmethod
    def of(cls, program: Program) -> Scope:
        """One query: the counts, those since the newest baseline too."""
        newest = Baseline.objects.filter(program=program).order_by("-approved_on").values("approved_on")[:1]
        rows = Requirement.objects.filter(program=program).annotate(frozen_on=Subquery(newest))
        return cls(
            **rows.aggregate(
                inside=Count("pk", filter=Q(in_scope=True)),
                outside=Count("pk", filter=Q(in_scope=False)),
                added=Count("pk", filter=Q(in_scope=True, scope_since_on__gt=F("frozen_on"))),
                loose=Count("pk", filter=Q(in_scope=True, milestone=None)),
                baseline_on=Max("frozen_on"),
            )
        )

    @property
    def sentence(self) -> str:
        """“9 in, 2 out, 1 added since baseline, 3 without a milestone”."""
        sentence = _("%(inside)s in, %(outside)s out, %(loose)s without a milestone")
        if self.baseline_on:
            sentence = _(
                "%(inside)s in, %(outside)s out, %(added)s added since baseline, %(loose)s without a milestone"
            )
        counts = {"inside": self.inside, "outside": self.outside, "added": self.added, "loose": self.loose}
        return sentence % counts
