"""Forecasts, derived health with its evidence, the load of teams, and baselines, which freeze a forecast."""

from __future__ import annotations

from datetime import date
from typing import Any, TypedDict

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import Http404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts.loads import WEEKS, load_of
from forecasts.models import MilestoneForecast, ProgramHealth
from milestones import services
from milestones.models import Baseline, BaselineDate, Milestone, SlipCause
from people.models import Team, User
from people.services import today
from programs.models import Program
from tpm.api import Endpoint
from tpm.nouns import (
    CHOICE,
    DAY,
    NUMBER,
    REFERENCE,
    TEXT,
    Creatable,
    Filters,
    In,
    Noun,
    OfProgramOut,
    Out,
    ProgramFilters,
    ProgramKey,
    Visible,
)

# -- forecasts -------------------------------------------------------------------------------------------------------


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
            "milestone", "program", "start_on", "finish_on", "total_float", "free_float", "on_longest_path",
            "driven_by", "run", "computed_at",
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
            "total_float": NUMBER,
            "on_longest_path": ["exact"],
        }


class Forecasts(Noun[MilestoneForecast]):
    """When each milestone is expected, by its id. Float is in working minutes; null has none."""

    queryset = MilestoneForecast.objects.annotate(program_key=F("program__key"), computed_at=F("run__computed_at"))
    out = ForecastOut
    filterset_class = ForecastsFilters
    sorts = {"id": "milestone", "start_on": "start_on", "finish_on": "finish_on", "total_float": "total_float"}

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = super().get_queryset()
        seen = Q(driven_by__program__in=Program.objects.visible_to(self.request.user).values("pk"))
        found: QuerySet[Any] = rows.annotate(driver_seen=ExpressionWrapper(seen, output_field=BooleanField()))
        return found


# -- derived health --------------------------------------------------------------------------------------------------


class RecordShown(TypedDict, total=False):
    kind: str
    id: int
    program: str
    private: bool


class FindingShown(TypedDict):
    """One piece of evidence. What belongs to a program that the reader may not see has no record and no label."""

    rule: str
    record: RecordShown
    label: str
    value: float | str | None
    limit: float | str | None
    unit: str
    since: str
    days: int | None
    health: str


class HealthOut(OfProgramOut[ProgramHealth]):
    findings = serializers.SerializerMethodField()

    class Meta:
        model = ProgramHealth
        fields = [
            "id", "program", "day", "health", "finish_on", "target_on", "slip_days", "is_stale", "findings",
            "policy_version", "run", "plan_revision", "revision", "computed_at",
        ]  # fmt: skip

    def get_findings(self, row: ProgramHealth) -> list[FindingShown]:
        keys: dict[int, str] = self.context["view"].visible_keys
        return [shown(finding, keys) for finding in row.findings]


def shown(finding: dict[str, Any], keys: dict[int, str]) -> FindingShown:
    record, key = finding["record"], keys.get(finding["record"]["program"])
    hidden: dict[str, Any] = {"record": {"private": True}, "label": ""}
    # A day would tell when something hidden is due; a number of days is what this program bears.
    hidden |= {name: None for name in ("value", "limit") if isinstance(finding[name], str)}
    seen = {"record": {"kind": record["kind"], "id": record["id"], "program": key}}
    found: FindingShown = {**finding, **(seen if key else hidden)}  # type: ignore[typeddict-item]
    return found


class HealthsFilters(Filters):
    class Meta(Filters.Meta):
        model = ProgramHealth
        fields = {"day": DAY, "health": CHOICE, "is_stale": ["exact"], "slip_days": NUMBER}


class Healths(Noun[ProgramHealth]):
    """Derived health of one program, a row a day, each with its evidence; the newest first."""

    queryset = ProgramHealth.objects.annotate(program_key=F("program__key"))
    out = HealthOut
    basename = "health"
    filterset_class = HealthsFilters
    sorts = {"day": "day"}
    default_sort = "-day"

    @property
    def visible_keys(self) -> dict[int, str]:
        if not hasattr(self, "_keys"):
            self._keys = dict(Program.objects.visible_to(self.request.user).values_list("pk", "key"))
        return self._keys

    def get_queryset(self) -> QuerySet[Any]:
        if self.kwargs["key"] not in self.visible_keys.values():
            raise Http404
        return super().get_queryset().filter(program__key=self.kwargs["key"])


# -- the load of teams -----------------------------------------------------------------------------------------------


class WeekOut(serializers.Serializer[Any]):
    """One ISO week, in people-days; without a capacity there is no load, and nothing is overloaded."""

    monday = serializers.DateField()
    demand_days = serializers.FloatField()
    capacity_days = serializers.FloatField(allow_null=True)
    load = serializers.FloatField(allow_null=True)
    overload_days = serializers.FloatField()


class LoadOut(serializers.Serializer[Any]):
    team = serializers.IntegerField()
    limits_work = serializers.BooleanField()
    undated_days = serializers.FloatField(help_text="People-days of milestones without a forecast: in no week.")
    weeks = WeekOut(many=True)


class Load(Endpoint):
    @extend_schema(operation_id="teams_load", responses=LoadOut)
    def get(self, request: Request, pk: int) -> Response:
        """What a team is asked for against what it can do in the next 26 weeks, by the programs that you see."""
        team, viewer = Team.objects.filter(pk=pk).first(), request.user
        if team is None:
            raise exceptions.NotFound("There is nothing here, or nothing that you may see.")
        found = load_of(team, viewer, today=today(timezone.now()), weeks=WEEKS)
        return Response(
            {
                "team": team.pk,
                "limits_work": team.limits_work,
                "undated_days": round(sum(one.demand for one in found.undated), 2),
                "weeks": [
                    {
                        "monday": week.monday.isoformat(),
                        "demand_days": round(week.demand, 2),
                        "capacity_days": None if week.capacity is None else round(week.capacity, 2),
                        "load": None if week.load is None else round(week.load, 4),
                        "overload_days": week.overload,
                    }
                    for week in found.weeks
                ],
            }
        )


# -- baselines -------------------------------------------------------------------------------------------------------


class BaselineOut(OfProgramOut[Baseline]):
    class Meta:
        model = Baseline
        fields = ["id", "program", "name", "approved_on", "approved_by", "cause", "note", "version"]


class FrozenIn(serializers.Serializer[Any]):
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
