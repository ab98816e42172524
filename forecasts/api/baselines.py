"""Baselines, which freeze a forecast."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django_filters import rest_framework as filters
from rest_framework import serializers

from milestones import services
from milestones.models import Baseline, BaselineDate, Milestone, SlipCause
from people.models import User
from people.services import today
from programs.models import Program
from tpm.nouns import (
    DAY,
    REFERENCE,
    TEXT,
    Creatable,
    Filters,
    In,
    Noun,
    OfProgramOut,
    Out,
    Part,
    ProgramFilters,
    ProgramKey,
    Visible,
)


class BaselineOut(OfProgramOut[Baseline]):
    class Meta:
        model = Baseline
        fields = ["id", "program", "name", "approved_on", "approved_by", "cause", "note", "version"]


class FrozenIn(Part):
    milestone = Visible(queryset=Milestone.objects.all())
    finish_on = serializers.DateField()


class BaselineIn(In[Baseline]):
    program = ProgramKey(queryset=Program.objects.all())
    cause = Visible(queryset=SlipCause.objects.all(), required=False)
    dates = serializers.ListField(child=FrozenIn(), required=False, max_length=2_000)

    class Meta:
        model = Baseline
        fields = ["program", "name", "cause", "note", "dates"]


class BaselinesFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Baseline
        fields = {"name": TEXT, "approved_on": DAY, "approved_by": REFERENCE, "cause": REFERENCE}


class Baselines(Creatable[Baseline]):
    """Approved plans. Creating one approves it: with the days given, else the day each milestone is done or expected.

    The frozen days are at /baseline-dates.
    """

    queryset = Baseline.objects.annotate(program_key=F("program__key"))
    out, new = BaselineOut, BaselineIn
    filterset_class = BaselinesFilters
    sorts = {"id": "id", "approved_on": "approved_on"}

    @transaction.atomic
    def add(self, user: User, fields: dict[str, Any]) -> Baseline:
        given: list[dict[str, Any]] | None = fields.pop("dates", None)
        if given is None:
            dates = expected(fields["program"])
        else:
            dates = {row["milestone"].pk: row["finish_on"] for row in given}
        return services.approve_baseline(by=user, on=today(timezone.now()), dates=dates, **fields)


def expected(program: Program) -> dict[int, date]:
    """The day on which each milestone was done or is expected, or else its target."""
    finish = Coalesce("done_on", "forecast__finish_on", "target_on")
    rows: Any = program.milestones.filter(cancelled_on=None).annotate(finish=finish).filter(finish__isnull=False)
    return dict(rows.values_list("pk", "finish"))


class BaselineDateOut(Out[BaselineDate]):
    class Meta:
        model = BaselineDate
        fields = ["id", "baseline", "milestone", "finish_on", "work"]


class BaselineDatesFilters(Filters):
    program = filters.CharFilter(field_name="baseline__program__key", lookup_expr="iexact")

    class Meta(Filters.Meta):
        model = BaselineDate
        fields = {"baseline": REFERENCE, "milestone": REFERENCE, "finish_on": DAY}


class BaselineDates(Noun[BaselineDate]):
    """Where milestones lay in baselines; work in working minutes."""

    queryset = BaselineDate.objects.all()
    out = BaselineDateOut
    filterset_class = BaselineDatesFilters
    sorts = {"id": "id", "finish_on": "finish_on"}

    def get_queryset(self) -> QuerySet[Any]:
        programs = Program.objects.visible_to(self.request.user)
        return super().get_queryset().filter(baseline__program__in=programs)
