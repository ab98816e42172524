"""Derived health with its evidence, and the calculation behind it."""

from __future__ import annotations

from datetime import date
from typing import Any, TypedDict

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http import Http404
from django.utils import timezone
from django.utils.functional import cached_property
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers

from forecasts.api.asking import only_known
from forecasts.grounds import frozen_by, grounds
from forecasts.masking import first_of_each, together
from forecasts.models import FrozenHealth, ProgramHealth
from forecasts.owners import Owners, owner_of, owners_of
from forecasts.watermelons import COMPARABLE, watermelons
from people.services import today
from programs.models import Program, ReportedHealth
from tpm.nouns import (
    CHOICE,
    DAY,
    NUMBER,
    Filters,
    M,
    Noun,
    OfProgramOut,
    ProgramFilters,
    TrueFalse,
)


class RecordShown(TypedDict, total=False):
    kind: str
    id: int
    program: str
    private: bool


class FindingShown(TypedDict):
    """One piece of evidence. What belongs to a program that the reader may not see has no record and no label, and all
    risks of such programs are one. `owner` answers for a part of the slip: who owns the milestone or risk, else who
    leads the program that it is about."""

    rule: str
    record: RecordShown
    label: str
    value: float | str | None
    limit: float | str | None
    unit: str
    since: str
    days: int | None
    health: str
    owner: int | None


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

    @cached_property
    def owners(self) -> Owners:
        """Those of all rows of an answer, which are read at once."""
        rows: Any = self.parent.instance if self.parent else [self.instance]
        return owners_of([item for row in rows for item in row.findings], self.context["view"].visible_keys)

    def get_findings(self, row: ProgramHealth | FrozenHealth) -> list[FindingShown]:
        keys: dict[int, str] = self.context["view"].visible_keys
        told = []
        for finding in together(row.findings, keys):
            owner = owner_of(finding, row.program_id, self.owners)
            told.append(shown(finding, keys) | {"owner": owner.pk if owner else None})
        return told

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
    lookup_value_regex = r"[A-Z0-9-]{1,16}"
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
    An `owner` is who answers today, whatever the run.
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
