"""Forecasts, derived health with its evidence, and baselines, which freeze a forecast."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any, TypedDict

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404
from django.utils import timezone
from django.utils.functional import cached_property
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts.models import HealthPolicy, MilestoneForecast, ProgramHealth
from forecasts.policy import LIMITS, preview, proposed
from forecasts.services import change_policy, newest_policy
from forecasts.watermelons import COMPARABLE, watermelons
from milestones import services
from milestones.models import Baseline, BaselineDate, Milestone, SlipCause
from people.models import User
from people.permissions import OrgAct, require
from people.services import today
from programs.models import Health, Program, ReportedHealth
from risks.exposure import exposure_of
from risks.models import Risk
from tpm.nouns import (
    CHOICE,
    DAY,
    LARGEST_ID,
    NUMBER,
    REFERENCE,
    TEXT,
    Creatable,
    Filters,
    IdFilter,
    In,
    M,
    Noun,
    OfProgramOut,
    Out,
    ProgramFilters,
    ProgramKey,
    TrueFalse,
    Visible,
)

MINUTES_A_DAY = 480

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


# -- what risks cost -------------------------------------------------------------------------------------------------


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
    """What each open risk costs, by the risk's id, in days.

    Exposure is that of the open milestone hit hardest: probability × mean, and the days exceeded in one case of ten.
    ``p80_days`` is what closing it would save at P80 of its program's end, ``alone_days`` what it would cost there as
    the only risk, ``mitigated_days`` what its mitigation saves; null while not weighed.
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


class SeesPrograms(Noun[M]):
    """Knows which programs the reader sees: ``visible_keys`` by id."""

    @cached_property
    def visible_keys(self) -> dict[int, str]:
        return dict(Program.objects.visible_to(self.request.user).order_by("pk").values_list("pk", "key"))


class Healths(SeesPrograms[ProgramHealth]):
    """Derived health of one program, a row a day, each with its evidence; the newest first."""

    queryset = ProgramHealth.objects.annotate(program_key=F("program__key"))
    out = HealthOut
    basename = "health"
    filterset_class = HealthsFilters
    sorts = {"day": "day"}
    default_sort = "-day"

    def get_queryset(self) -> QuerySet[Any]:
        if self.kwargs["key"] not in self.visible_keys.values():
            raise Http404
        return super().get_queryset().filter(program__key=self.kwargs["key"])


class ProgramHealthOut(HealthOut):
    """The newest health of a program beside its lead's word."""

    reported = serializers.CharField(read_only=True, allow_null=True)
    reported_because = serializers.CharField(read_only=True, allow_null=True)
    reported_at = serializers.DateTimeField(read_only=True, allow_null=True)
    watermelon_days = serializers.SerializerMethodField()

    class Meta(HealthOut.Meta):
        fields = [*HealthOut.Meta.fields, "reported", "reported_because", "reported_at", "watermelon_days"]

    def get_watermelon_days(self, row: ProgramHealth) -> int | None:
        days: int | None = self.context["view"].watermelons.get(row.program_id)
        return days


class ProgramHealthsFilters(ProgramFilters):
    reported = filters.ChoiceFilter(choices=[(health.value, health.label) for health in COMPARABLE])
    watermelon = TrueFalse(method="only_watermelons")

    class Meta(Filters.Meta):
        model = ProgramHealth
        fields = {"health": CHOICE, "is_stale": ["exact"], "slip_days": NUMBER}

    def only_watermelons(self, rows: QuerySet[ProgramHealth], name: str, value: bool) -> QuerySet[ProgramHealth]:
        request: Any = self.request
        found = Q(program__in=request.parser_context["view"].watermelons)
        return rows.filter(found if value else ~found)


class ProgramHealths(SeesPrograms[ProgramHealth]):
    """The newest derived health of every program, by its key, beside what its lead reports.

    ``watermelon_days`` says for how long a watermelon is one: reported better than derived for two weeks or more;
    ``watermelon=true`` lists those alone.
    """

    queryset = ProgramHealth.objects.annotate(program_key=F("program__key"), key=F("program__key"))
    out = ProgramHealthOut
    lookup_field = "key"
    basename = "program-healths"
    filterset_class = ProgramHealthsFilters
    sorts = {"id": "id", "slip_days": "slip_days"}

    @cached_property
    def watermelons(self) -> dict[int, int]:
        return watermelons(self.visible_keys, today(timezone.now()))

    def get_queryset(self) -> QuerySet[Any]:
        newest = ProgramHealth.objects.filter(program=OuterRef("program")).order_by("-day").values("pk")[:1]
        words = ReportedHealth.objects.filter(program=OuterRef("program")).order_by("-at", "-id")
        rows: Any = super().get_queryset().filter(pk=Subquery(newest))
        found: QuerySet[Any] = rows.annotate(
            reported=Subquery(words.values("health")[:1]),
            reported_because=Subquery(words.values("because")[:1]),
            reported_at=Subquery(words.values("at")[:1]),
        )
        return found


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


# -- the health policy -----------------------------------------------------------------------------------------------


class PolicyOut(Out[HealthPolicy]):
    id = serializers.IntegerField(source="version", read_only=True)

    class Meta:
        model = HealthPolicy
        fields = ["id", *LIMITS, "version", "created_at", "created_by", "reason"]


class PolicyLimits(In[HealthPolicy]):
    class Meta:
        model = HealthPolicy
        fields = list(LIMITS)


class PolicyIn(PolicyLimits):
    reason = serializers.CharField(max_length=500)
    read_version = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)

    class Meta:
        model = HealthPolicy
        fields = [*LIMITS, "reason", "read_version"]


class TurnOut(serializers.Serializer[Any]):
    """A program that other limits would judge otherwise."""

    program = serializers.CharField()
    before = serializers.ChoiceField(choices=Health.choices)
    after = serializers.ChoiceField(choices=Health.choices)
    was_stale = serializers.BooleanField()
    is_stale = serializers.BooleanField()
    slip_days = serializers.IntegerField(allow_null=True)


class PreviewOut(serializers.Serializer[Any]):
    programs = TurnOut(many=True)


class PolicyFilters(Filters):
    class Meta(Filters.Meta):
        model = HealthPolicy
        fields = {"version": NUMBER, "created_by": REFERENCE}


class HealthPolicies(Creatable[HealthPolicy]):
    """The limits that derived health is judged by, a row a version; the newest counts.

    Creating one adds a version: limits that are left out stay, ``read_version`` is the version they were chosen
    against.
    """

    queryset = HealthPolicy.objects.all()
    out, new = PolicyOut, PolicyIn
    filterset_class = PolicyFilters
    sorts = {"version": "version"}
    default_sort = "-version"

    def add(self, user: User, fields: dict[str, Any]) -> HealthPolicy:
        reason, read = fields.pop("reason"), fields.pop("read_version")
        policy = proposed(newest_policy(), fields)
        limits = {name: getattr(policy, name) for name in LIMITS}
        return change_policy(by=user, at=timezone.now(), reason=reason, read_version=read, **limits)

    @extend_schema(responses=PreviewOut)
    @action(detail=False, methods=["post"], serializer_class=PolicyLimits)
    def preview(self, request: Request, **kwargs: Any) -> Response:
        """The programs that these limits would judge otherwise, on the facts of now. Nothing is saved."""
        require(self.user, OrgAct.CHANGE_POLICY)
        standing = newest_policy()
        policy = proposed(standing, self.taken(request))
        keys = dict(Program.objects.visible_to(self.user).order_by("pk").values_list("pk", "key"))
        turns = preview(standing, policy, keys, today(timezone.now()))
        return Response(
            PreviewOut({"programs": [asdict(turn) | {"program": keys[turn.program]} for turn in turns]}).data
        )
