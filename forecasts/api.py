"""Forecasts, derived health with its evidence, and baselines, which freeze a forecast."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, TypedDict

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import Http404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts import accuracy, quality
from forecasts.criticality import criticality_to
from forecasts.models import IssuedForecast, MilestoneForecast, ProgramHealth
from forecasts.trends import lines_of
from milestones import services
from milestones.models import Baseline, BaselineDate, Milestone, SlipCause
from people.models import User
from people.services import today
from programs.models import Program
from tpm.api import Endpoint, QueryRefused
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
    one_or_404,
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


# -- how good forecasts and plans are --------------------------------------------------------------------------------

MOST_WEEKS = 520


def one_program(request: Request) -> Program | None:
    """The program that the query names, if any."""
    key = request.query_params.get("program")
    if key is None:
        return None
    program = Program.objects.visible_to(request.user).filter(key__iexact=key).first()
    if program is None:
        raise Http404
    return program


def weeks_of(request: Request, usual: int) -> int:
    text = request.query_params.get("weeks", str(usual))
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_WEEKS:
        raise QueryRefused({"weeks": f"A whole number from 1 to {MOST_WEEKS}."})
    return int(text)


def only_known(request: Request, *names: str) -> None:
    """Refuse a parameter that is not one of these: a misspelt one must not answer with everything."""
    unknown = sorted(request.query_params.keys() - set(names))
    if unknown:
        known = f"Known here: {', '.join(names)}." if names else "There are none here."
        raise QueryRefused(dict.fromkeys(unknown, f"Unknown. {known}"))


PROGRAM_PARAMETER = OpenApiParameter("program", str, description="Key of one program; without it, all that you see.")
WEEKS_PARAMETER = OpenApiParameter("weeks", int, description="Forecasts issued in so many weeks up to today.")


class KeptOut(serializers.Serializer[Any]):
    level = serializers.FloatField()
    share = serializers.FloatField()
    low = serializers.FloatField(help_text="Of the 95 % band.")
    high = serializers.FloatField()
    milestones = serializers.IntegerField(help_text="Each has one vote.")
    due = serializers.IntegerField()
    least = serializers.FloatField(help_text="The share of all forecasts if none that can still come true does.")
    most = serializers.FloatField()


class BinOut(serializers.Serializer[Any]):
    chance = serializers.FloatField()
    share = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    forecasts = serializers.IntegerField()
    milestones = serializers.IntegerField()


class BiasOut(serializers.Serializer[Any]):
    least_days = serializers.FloatField(allow_null=True, help_text="Median days from P50 to the finish.")
    most_days = serializers.FloatField(allow_null=True, help_text="Null where open ones leave it open.")
    due = serializers.IntegerField()
    chance = serializers.FloatField(allow_null=True)
    foretold = serializers.IntegerField()


class BiasedOut(serializers.Serializer[Any]):
    program = serializers.CharField(required=False)
    team = serializers.IntegerField(required=False, allow_null=True)
    scored = serializers.IntegerField()
    milestones = serializers.IntegerField()
    kept = KeptOut(allow_null=True, help_text="Of P80.")
    bias = BiasOut()


class BrierOut(serializers.Serializer[Any]):
    score = serializers.FloatField()
    reliability = serializers.FloatField()
    resolution = serializers.FloatField()
    uncertainty = serializers.FloatField()
    within_bins = serializers.FloatField()
    bias = serializers.FloatField()
    n = serializers.IntegerField()


class ExpertOut(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    still_open = serializers.IntegerField()
    crps = serializers.FloatField(allow_null=True, help_text="In days.")
    plan_crps = serializers.FloatField(allow_null=True)
    skill = serializers.FloatField(allow_null=True)
    pit = serializers.ListField(child=serializers.FloatField())
    brier = BrierOut(allow_null=True)


class AccuracyOut(serializers.Serializer[Any]):
    issued = serializers.IntegerField()
    milestones = serializers.IntegerField()
    scored = serializers.IntegerField()
    finished = serializers.IntegerField()
    is_enough = serializers.BooleanField(help_text=f"Whether {accuracy.ENOUGH} forecasts or more are scored.")
    kept = KeptOut(many=True)
    reliability = BinOut(many=True, source="bins")
    bias = BiasOut()
    brier = serializers.FloatField(allow_null=True)
    programs = BiasedOut(many=True)
    teams = BiasedOut(many=True)
    scores = ExpertOut()


FOUND = ("issued", "milestones", "scored", "finished", "is_enough", "kept", "bins", "bias", "brier")


class Accuracy(Endpoint):
    @extend_schema(operation_id="accuracy", parameters=[PROGRAM_PARAMETER, WEEKS_PARAMETER], responses=AccuracyOut)
    def get(self, request: Request) -> Response:
        """How often kept forecasts came true, their bias by program and team, and their scores."""
        only_known(request, "program", "weeks")
        program = one_program(request)
        rows = IssuedForecast.objects.visible_to(request.user)
        if program:
            rows = rows.filter(program=program)
        day = today(timezone.now())
        ledger = accuracy.load(rows, today=day, weeks=weeks_of(request, 26), levels=accuracy.LEVELS)
        plain = ledger.at_levels(accuracy.P50, accuracy.P80)
        found, groups = accuracy.score(plain), accuracy.by_program(plain)
        keys = dict(Program.objects.filter(pk__in=[group.key for group in groups]).values_list("pk", "key"))
        shown = {
            **{name: getattr(found, name) for name in FOUND},
            "programs": [_group(group) | {"program": keys[group.key]} for group in groups],
            "teams": [_group(group) | {"team": group.key or None} for group in accuracy.by_team(plain)],
            "scores": accuracy.examine(ledger),
        }
        return Response(AccuracyOut(shown).data)


def _group(group: accuracy.Group) -> dict[str, Any]:
    return {name: getattr(group, name) for name in ("scored", "milestones", "kept", "bias")}


class CheckOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    name = serializers.CharField()
    threshold = serializers.FloatField(allow_null=True)
    at_least = serializers.BooleanField()
    count = serializers.IntegerField()
    of = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    passes = serializers.BooleanField(allow_null=True)
    milestones = serializers.ListField(child=serializers.IntegerField(), help_text="Ids to look at.")


class JudgedOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    checks = CheckOut(many=True)
    left_out = serializers.ListField(child=serializers.IntegerField(), help_text="Milestones that no check sees.")


class QualityOut(serializers.Serializer[Any]):
    together = CheckOut(many=True)
    programs = JudgedOut(many=True)


class Quality(Endpoint):
    @extend_schema(operation_id="quality", parameters=[PROGRAM_PARAMETER], responses=QualityOut)
    def get(self, request: Request) -> Response:
        """The fourteen checks of the DCMA over each open program that you see, or over one."""
        only_known(request, "program")
        program = one_program(request)
        visible = Program.objects.visible_to(request.user)
        keys = {program.pk: program.key} if program else dict(visible.open().values_list("pk", "key"))
        judged = quality.judge(keys, today=today(timezone.now()))
        rows = [{"program": keys[row.program], "checks": row.checks, "left_out": row.left_out} for row in judged]
        return Response(QualityOut({"together": quality.together(judged), "programs": rows}).data)


class ReportOut(serializers.Serializer[Any]):
    day = serializers.DateField()
    p10_on = serializers.DateField()
    p50_on = serializers.DateField()
    p80_on = serializers.DateField()
    p90_on = serializers.DateField()


class LineOut(serializers.Serializer[Any]):
    milestone = serializers.IntegerField(source="milestone.pk")
    rule = serializers.CharField(source="reading.rule.value", help_text="What it reads as, T-1 to T-10.")
    meets_on = serializers.DateField(source="reading.meets_on", allow_null=True)
    slope = serializers.FloatField(source="trend.slope", allow_null=True, default=None, help_text="Days a day.")
    drift_days = serializers.IntegerField()
    recent_days = serializers.IntegerField()
    moved_later = serializers.IntegerField()
    steps = serializers.IntegerField()
    reports = ReportOut(many=True)


class TrendsOut(serializers.Serializer[Any]):
    milestones = LineOut(many=True)


class Trends(Endpoint):
    @extend_schema(operation_id="trends", parameters=[WEEKS_PARAMETER], responses=TrendsOut)
    def get(self, request: Request, key: str) -> Response:
        """How the forecast of each milestone moved from report to report; the last report is that of today."""
        only_known(request, "weeks")
        program = Program.objects.visible_to(request.user).filter(key=key).first()
        if program is None:
            raise Http404
        lines = lines_of(program, today=today(timezone.now()), weeks=weeks_of(request, 14))
        return Response(TrendsOut({"milestones": lines}).data)


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
    def get(self, request: Request, pk: str) -> Response:
        """What drives a milestone, simulated now: criticality, SSI and cruciality of all that it waits for."""
        only_known(request)
        milestone = one_or_404(Milestone.objects.visible_to(request.user), {"pk": pk})
        found = criticality_to(milestone, viewer=request.user, today=today(timezone.now()))
        return Response(DriversOut(found).data)
