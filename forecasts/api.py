"""Forecasts, derived health with its evidence, the load of teams, and baselines, which freeze a forecast."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date
from typing import Any, TypedDict

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import exceptions, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts import accuracy, quality
from forecasts.criticality import criticality_to
from forecasts.grounds import frozen_by, grounds
from forecasts.loads import WEEKS, load_of
from forecasts.masking import first_of_each, together
from forecasts.models import FrozenHealth, HealthPolicy, IssuedForecast, MilestoneForecast, ProgramHealth
from forecasts.policy import LIMITS, newest_policy, preview, proposed
from forecasts.services import change_policy
from forecasts.trends import lines_of
from forecasts.watermelons import COMPARABLE, watermelons
from milestones import services
from milestones.models import Baseline, BaselineDate, Milestone, SlipCause
from people.models import Team, User
from people.permissions import OrgAct, require
from people.services import today
from programs.models import Health, Program, ReportedHealth
from risks.exposure import exposure_of
from risks.models import Risk
from tpm.api import Endpoint, QueryRefused
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
    Part,
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


class MoveShown(TypedDict):
    """Something to do, and the P80 days that it buys by itself; masked as findings are."""

    rule: str
    record: RecordShown
    label: str
    value: float | str | None
    days: int


class JudgedOut(OfProgramOut[M]):
    """A row of derived health: that of a day, or what a run left behind."""

    findings = serializers.SerializerMethodField()
    moves = serializers.SerializerMethodField()

    def get_findings(self, row: ProgramHealth | FrozenHealth) -> list[FindingShown]:
        keys: dict[int, str] = self.context["view"].visible_keys
        return [shown(finding, keys) for finding in together(row.findings, keys)]

    def get_moves(self, row: ProgramHealth | FrozenHealth) -> list[MoveShown]:
        keys: dict[int, str] = self.context["view"].visible_keys
        return [shown(move, keys) for move in first_of_each(row.moves, keys)]


class HealthOut(JudgedOut[ProgramHealth]):
    class Meta:
        model = ProgramHealth
        fields = [
            "id", "program", "day", "health", "finish_on", "p50_on", "p80_on", "target_on", "slip_days", "chance",
            "is_stale", "findings", "moves", "explained", "policy_version", "run", "plan_revision", "revision",
            "computed_at",
        ]  # fmt: skip


def shown(told: dict[str, Any], keys: dict[int, str]) -> Any:
    """A finding or a move as far as the reader may see what it speaks of."""
    record, key = told["record"], keys.get(told["record"]["program"])
    if key:
        return told | {"record": {"kind": record["kind"], "id": record["id"], "program": key}}
    # A day would tell when something hidden is due, and a chance how it stands; a number of days is what this program
    # bears.
    secret = [name for name in ("value", "limit") if record["kind"] == "risk" or isinstance(told.get(name), str)]
    return told | {"record": {"private": True}, "label": ""} | {name: None for name in secret if name in told}


class HealthsFilters(Filters):
    class Meta(Filters.Meta):
        model = ProgramHealth
        fields = {
            "day": DAY,
            "health": CHOICE,
            "is_stale": ["exact"],
            "slip_days": NUMBER,
            "chance": NUMBER,
            "p50_on": DAY,
            "p80_on": DAY,
        }


class SeesPrograms(Noun[M]):
    """Knows which programs the reader sees: ``visible_keys`` by id."""

    @cached_property
    def visible_keys(self) -> dict[int, str]:
        return dict(Program.objects.visible_to(self.request.user).order_by("pk").values_list("pk", "key"))


class OfProgramInPath(SeesPrograms[M]):
    """Rows of the program that the address names."""

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
    lookup_value_regex = r"[^/.]+"
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


class Healths(OfProgramInPath[ProgramHealth]):
    """Derived health of one program, a row a day, each with its evidence; the newest first.

    `slip_days` are those from target to P80, and the days of the findings add up to them where there is a slip. While
    `explained` is false, risks and ranges are not weighed yet: they stand as one `range`, and there are no `moves`.
    """

    queryset = ProgramHealth.objects.annotate(program_key=F("program__key"))
    out = HealthOut
    basename = "health"
    filterset_class = HealthsFilters
    sorts = {"day": "day"}
    default_sort = "-day"


class GroundShown(TypedDict):
    """What the forecast of a milestone rests on; `issued_on` where a later run says otherwise by now."""

    milestone: int
    basis: str
    p50_on: date | None
    p80_on: date | None
    issued_on: date | None


class WhyOut(JudgedOut[FrozenHealth]):
    status_day = serializers.DateField(read_only=True)
    seed = serializers.IntegerField(read_only=True)
    samples = serializers.IntegerField(read_only=True)
    engine_version = serializers.CharField(read_only=True)
    inputs_digest = serializers.CharField(read_only=True)
    calendars_digest = serializers.CharField(read_only=True)
    revisions = serializers.SerializerMethodField()
    private_programs = serializers.SerializerMethodField()
    grounds = serializers.SerializerMethodField()

    class Meta:
        model = FrozenHealth
        fields = [
            "program", "run", "day", "health", "finish_on", "p50_on", "p80_on", "target_on", "slip_days", "chance",
            "is_stale", "findings", "moves", "explained", "grounds", "policy_version", "status_day", "seed", "samples",
            "engine_version", "inputs_digest", "calendars_digest", "revisions", "private_programs", "computed_at",
        ]  # fmt: skip

    def get_revisions(self, row: FrozenHealth) -> dict[str, int]:
        keys: dict[int, str] = self.context["view"].visible_keys
        return {keys[int(pk)]: plan for pk, plan in row.run.revisions.items() if int(pk) in keys}

    def get_private_programs(self, row: FrozenHealth) -> int:
        keys: dict[int, str] = self.context["view"].visible_keys
        return sum(int(pk) not in keys for pk in row.run.revisions)

    def get_grounds(self, row: FrozenHealth) -> list[GroundShown]:
        return [
            GroundShown(
                milestone=ground.milestone.pk,
                basis=ground.basis,
                p50_on=ground.p50_on,
                p80_on=ground.p80_on,
                issued_on=ground.issued_on,
            )
            for ground in grounds(row, self.context["view"].user)
        ]


RUN = OpenApiParameter("run", int, description="The run; without it the newest that spoke of the program.")


@extend_schema_view(retrieve=extend_schema(parameters=[RUN]))
class Why(OfProgramInPath[FrozenHealth]):
    """The calculation behind derived health, frozen for a run: findings whose days add up to the slip, and its inputs.

    `revisions` are the plan revisions that were read, by program key; of `private_programs` only the number is told.
    """

    queryset = FrozenHealth.objects.annotate(
        program_key=F("program__key"),
        status_day=F("run__day"),
        seed=F("run__seed"),
        samples=F("run__samples"),
        engine_version=F("run__engine_version"),
        inputs_digest=F("run__inputs_digest"),
        calendars_digest=F("run__calendars_digest"),
    )
    out = WhyOut
    basename = "why"

    def find(self) -> FrozenHealth:
        only_known(self.request, "run")
        row = frozen_by(self.get_queryset(), self.request.query_params.get("run"))
        if row is None:
            raise Http404
        return row


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
        only_known(request)
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


# -- how good forecasts and plans are --------------------------------------------------------------------------------

MOST_WEEKS = 520


def one_program(request: Request) -> Program | None:
    """The program that the query names, if any."""
    key = request.query_params.get("program")
    if key is None:
        return None
    if "\0" in key:
        raise QueryRefused({"program": "Null characters are not allowed."})
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


class ChecksOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    checks = CheckOut(many=True)
    left_out = serializers.ListField(child=serializers.IntegerField(), help_text="Milestones that no check sees.")


class QualityOut(serializers.Serializer[Any]):
    together = CheckOut(many=True)
    programs = ChecksOut(many=True)


class Quality(Endpoint):
    @extend_schema(operation_id="quality", parameters=[PROGRAM_PARAMETER], responses=QualityOut)
    def get(self, request: Request) -> Response:
        """The fourteen checks of the DCMA over each open program that you see, or over one.

        Number 15 is ours: links that progress has broken.
        """
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
    def get(self, request: Request, pk: int) -> Response:
        """What drives a milestone, simulated now: criticality, SSI and cruciality of all that it waits for."""
        only_known(request)
        milestone = get_object_or_404(Milestone.objects.visible_to(request.user), pk=pk)
        found = criticality_to(milestone, viewer=request.user, today=today(timezone.now()))
        return Response(DriversOut(found).data)
