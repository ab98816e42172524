"""When milestones are expected, what drives them, and what risks cost."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db.models import BooleanField, ExpressionWrapper, F, IntegerField, Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts.api.asking import only_known
from forecasts.criticality import criticality_to
from forecasts.models import MilestoneForecast
from milestones.models import Milestone
from people.services import today
from programs.models import Program
from risks.exposure import exposure_of
from risks.models import Risk
from tpm.api import Endpoint
from tpm.nouns import (
    CHOICE,
    DAY,
    NUMBER,
    REFERENCE,
    Filters,
    IdFilter,
    Noun,
    OfProgramOut,
    ProgramFilters,
)

MINUTES_A_DAY = 480


class Driver(TypedDict, total=False):
    """The milestone that another waits for longest; of a program that the reader may not see, only ``private``."""

    id: int
    private: bool


class ForecastOut(OfProgramOut[MilestoneForecast]):
    driven_by = serializers.SerializerMethodField()
    computed_at = serializers.DateTimeField(read_only=True)

    class Meta:
        model = MilestoneForecast
        fields = [
            "milestone", "program", "start_on", "finish_on", "p50_on", "p80_on", "chance", "target_on", "quantiles",
            "basis", "total_float", "free_float", "on_longest_path", "driven_by", "run", "computed_at",
        ]  # fmt: skip

    def get_driven_by(self, row: Any) -> Driver | None:
        if row.driven_by_id is None:
            return None
        return {"id": row.driven_by_id} if row.driver_seen else {"private": True}


class ForecastsFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = MilestoneForecast
        fields = {
            "milestone": ["exact", "in"],
            "start_on": DAY,
            "finish_on": DAY,
            "p50_on": DAY,
            "p80_on": DAY,
            "target_on": DAY,
            "chance": NUMBER,
            "basis": CHOICE,
            "total_float": NUMBER,
            "on_longest_path": ["exact"],
        }


class Forecasts(Noun[MilestoneForecast]):
    """When each milestone is expected, by its id. Start, finish and float are those of the plan, without uncertainty.

    `p50_on` and `p80_on` are met with 50% and 80% probability, `quantiles` are P5, P10, … P95; `chance` is the
    probability of `target_on`, from 0 to 1; `basis` says what the forecast rests on. Float is in working minutes; null
    has none.
    """

    queryset = MilestoneForecast.objects.annotate(program_key=F("program__key"), computed_at=F("run__computed_at"))
    out = ForecastOut
    filterset_class = ForecastsFilters
    sorts = {
        "id": "milestone", "start_on": "start_on", "finish_on": "finish_on", "p50_on": "p50_on", "p80_on": "p80_on",
        "chance": "chance", "total_float": "total_float",
    }  # fmt: skip

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = super().get_queryset()
        seen = Q(driven_by__program__in=Program.objects.visible_to(self.request.user).values("pk"))
        found: QuerySet[Any] = rows.annotate(driver_seen=ExpressionWrapper(seen, output_field=BooleanField()))
        return found


class RiskForecastOut(OfProgramOut[Risk]):
    risk = serializers.IntegerField(source="pk", read_only=True)
    exposure_mean_days = serializers.SerializerMethodField()
    exposure_p90_days = serializers.SerializerMethodField()
    p80_days = serializers.IntegerField(source="p80", read_only=True, allow_null=True)
    alone_days = serializers.IntegerField(source="alone", read_only=True, allow_null=True)
    mitigated_days = serializers.IntegerField(source="mitigated", read_only=True, allow_null=True)
    run = serializers.IntegerField(read_only=True, allow_null=True)
    computed_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Risk
        fields = [
            "risk", "program", "exposure_mean_days", "exposure_p90_days", "p80_days", "alone_days", "mitigated_days",
            "run", "computed_at",
        ]  # fmt: skip

    def get_exposure_mean_days(self, row: Any) -> float | None:
        found = exposure_of(row.probability, row.points)
        return None if found is None else round(found.mean / MINUTES_A_DAY, 2)

    def get_exposure_p90_days(self, row: Any) -> float | None:
        found = exposure_of(row.probability, row.points)
        return None if found is None else round(found.p90 / MINUTES_A_DAY, 2)


class RiskForecastsFilters(ProgramFilters):
    p80_days__gte = IdFilter(field_name="p80", lookup_expr="gte")
    p80_days__lte = IdFilter(field_name="p80", lookup_expr="lte")

    class Meta(Filters.Meta):
        model = Risk
        fields = {"owner": REFERENCE, "probability": NUMBER}


class RiskForecasts(Noun[Risk]):
    """What each open risk costs, by the risk's id.

    Exposure is that of the open milestone hit hardest: probability × mean, and what is exceeded in one case of ten,
    both in working days. All else is in calendar days: ``p80_days`` is what closing it saves at P80 of its program's
    end, ``alone_days`` what it would cost there as the only risk, ``mitigated_days`` what its mitigation saves; null
    while not weighed.
    """

    queryset = (
        Risk.objects.open()
        .with_exposure()
        .with_range()
        .annotate(
            program_key=F("program__key"),
            # Known to be null where nothing is weighed yet: that is how the pages of a list find their nulls.
            p80=ExpressionWrapper(F("forecast__p80_days"), IntegerField(null=True)),
            alone=F("forecast__alone_days"),
            mitigated=F("forecast__mitigated_days"),
            run=F("forecast__run"),
            computed_at=F("forecast__run__computed_at"),
        )
    )
    out = RiskForecastOut
    basename = "risk-forecasts"
    filterset_class = RiskForecastsFilters
    sorts = {"id": "id", "exposure_mean_days": "exposure", "p80_days": "p80"}


class DriverOut(serializers.Serializer[Any]):
    milestone = serializers.IntegerField(source="milestone.pk")
    program = serializers.CharField(source="milestone.program.key")
    index = serializers.FloatField(help_text="Share of samples in which it drives the milestone.")
    significance = serializers.FloatField()
    sensitivity = serializers.FloatField(help_text="SSI.")
    cruciality = serializers.FloatField()
    spearman = serializers.FloatField()


class DriversOut(serializers.Serializer[Any]):
    tasks = DriverOut(many=True)
    reason = serializers.CharField(help_text="Why there are none: done, no_forecast or too_large.")
    has_hidden = serializers.BooleanField(help_text="Whether milestones that you may not see are left out.")


class Drivers(Endpoint):
    @extend_schema(operation_id="milestone_drivers", responses=DriversOut)
    def get(self, request: Request, pk: int) -> Response:
        """What drives a milestone, simulated now: criticality, SSI and cruciality of all that it waits for."""
        only_known(request)
        milestone = get_object_or_404(Milestone.objects.visible_to(request.user), pk=pk)
        found = criticality_to(milestone, viewer=request.user, today=today(timezone.now()))
        return Response(DriversOut(found).data)
