"""The plan: milestones, what they wait for, requirements, and the causes of slips."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from milestones import services
from milestones.models import DateMove, Dependency, Milestone, Requirement, SlipCause, Workstream
from people.models import User
from people.services import today
from programs import api as programs
from programs.models import Program
from tpm.nouns import (
    CHOICE,
    DAY,
    NUMBER,
    REFERENCE,
    TEXT,
    Changeable,
    Creatable,
    Editable,
    Filters,
    IdFilter,
    In,
    Noun,
    OfProgramOut,
    Out,
    ProgramFilters,
    ProgramKey,
    TrueFalse,
    Visible,
)

PROGRAM_KEY = {"program_key": F("program__key")}


class WithCause(serializers.Serializer[Any]):
    """Why a promised date moves: needed when it does."""

    cause = Visible(queryset=SlipCause.objects.all(), required=False)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


# -- programs --------------------------------------------------------------------------------------------------------


class ProgramChange(programs.ProgramIn, WithCause):
    class Meta(programs.ProgramIn.Meta):
        fields = [*programs.ProgramIn.Meta.fields, "cause", "reason"]


class Programs(programs.Programs, Changeable[Program]):
    """Programs, by key. A target that moves needs a cause."""

    change = ProgramChange

    def alter(self, user: User, row: Program, fields: dict[str, Any]) -> Program:
        note = fields.pop("reason", "")
        return services.move_program_target(program=row, by=user, at=timezone.now(), note=note, **fields)


# -- milestones ------------------------------------------------------------------------------------------------------


class WorkstreamOut(OfProgramOut[Workstream]):
    class Meta:
        model = Workstream
        fields = ["id", "program", "name", "position", "version"]


class WorkstreamIn(In[Workstream]):
    program = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = Workstream
        fields = ["program", "name", "position"]


class WorkstreamChange(In[Workstream]):
    class Meta:
        model = Workstream
        fields = ["name", "position"]


class WorkstreamsFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Workstream
        fields = {"name": TEXT}


class Workstreams(Editable[Workstream]):
    """Parts of a program's plan."""

    queryset = Workstream.objects.annotate(**PROGRAM_KEY)
    out, new, change = WorkstreamOut, WorkstreamIn, WorkstreamChange
    filterset_class = WorkstreamsFilters
    sorts = {"id": "id", "name": "name", "position": "position"}

    def add(self, user: User, fields: dict[str, Any]) -> Workstream:
        return services.create_workstream(by=user, **fields)

    def alter(self, user: User, row: Workstream, fields: dict[str, Any]) -> Workstream:
        return services.change_workstream(workstream=row, by=user, **fields)

    def remove(self, user: User, row: Workstream) -> None:
        services.delete_workstream(workstream=row, by=user)


MILESTONE_FIELDS = [
    "workstream", "external_key", "name", "kind", "is_end", "owner", "team", "work_low", "work_likely", "work_high",
    "demand_days", "not_before_on", "target_on", "target_precision", "started_on", "remaining", "done_on",
    "cancelled_on", "note",
]  # fmt: skip


class MilestoneOut(OfProgramOut[Milestone]):
    class Meta:
        model = Milestone
        fields = ["id", "program", *MILESTONE_FIELDS, "version"]


class MilestoneIn(In[Milestone]):
    program = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = Milestone
        fields = ["program", *MILESTONE_FIELDS]


class MilestoneChange(In[Milestone], WithCause):
    class Meta:
        model = Milestone
        fields = [*MILESTONE_FIELDS, "cause", "reason"]


class MilestonesFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Milestone
        fields = {
            "id": ["in"],
            "external_key": ["exact"],
            "name": TEXT,
            "kind": CHOICE,
            "is_end": ["exact"],
            "workstream": REFERENCE,
            "owner": REFERENCE,
            "team": REFERENCE,
            "not_before_on": DAY,
            "target_on": DAY,
            "started_on": DAY,
            "done_on": DAY,
            "cancelled_on": DAY,
        }


class Milestones(Editable[Milestone]):
    """Dated promises and deliverables. Work is in working minutes: 480 are a day of eight hours."""

    queryset = Milestone.objects.annotate(**PROGRAM_KEY)
    out, new, change = MilestoneOut, MilestoneIn, MilestoneChange
    filterset_class = MilestonesFilters
    sorts = {name: name for name in ("id", "name", "target_on", "started_on", "done_on")}

    def add(self, user: User, fields: dict[str, Any]) -> Milestone:
        return services.create_milestone(by=user, today=today(timezone.now()), **fields)

    def alter(self, user: User, row: Milestone, fields: dict[str, Any]) -> Milestone:
        now = timezone.now()
        return services.change_milestone(milestone=row, by=user, today=today(now), at=now, **fields)

    def locked(self, request: Request, *, required: bool) -> Milestone:
        if self.action == "destroy":
            services.lock_graph()
        return super().locked(request, required=required)

    def remove(self, user: User, row: Milestone) -> None:
        services.delete_milestone(milestone=row, by=user)


# -- dependencies ----------------------------------------------------------------------------------------------------


class End(TypedDict, total=False):
    """One end of a dependency; of a program that the reader may not see it says only ``private``."""

    id: int
    name: str
    program: str
    private: bool


class DependencyOut(Out[Dependency]):
    predecessor = serializers.SerializerMethodField()
    successor = serializers.SerializerMethodField()
    external_key = serializers.SerializerMethodField()
    agreed_by = serializers.SerializerMethodField()
    is_hand_off = serializers.BooleanField(read_only=True)

    class Meta:
        model = Dependency
        fields = [
            "id", "predecessor", "successor", "is_hand_off", "external_key", "kind", "lag", "need_by_on",
            "promised_on", "agreement", "agreed_by", "agreed_on", "delivered_on",
            "note", "version",
        ]  # fmt: skip

    def get_predecessor(self, row: Any) -> End:
        if not row.giver_seen:
            return {"private": True}
        return {"id": row.predecessor_id, "name": row.predecessor_name, "program": row.giver_key}

    def get_successor(self, row: Any) -> End:
        if not row.receiver_seen:
            return {"private": True}
        return {"id": row.successor_id, "name": row.successor_name, "program": row.receiver_key}

    def get_external_key(self, row: Any) -> str:
        return row.external_key if row.giver_seen and row.receiver_seen else ""

    def get_agreed_by(self, row: Any) -> int | None:
        return row.agreed_by_id if row.giver_seen else None


class DependencyIn(In[Dependency]):
    class Meta:
        model = Dependency
        fields = ["predecessor", "successor", "external_key", "kind", "lag", "need_by_on", "note"]


class DependencyChange(In[Dependency], WithCause):
    class Meta:
        model = Dependency
        fields = [
            "predecessor", "successor", "external_key", "kind", "lag", "need_by_on", "promised_on", "note", "cause",
            "reason",
        ]  # fmt: skip


class Answer(In[Dependency]):
    agreement = serializers.ChoiceField(
        [choice for choice in Dependency.Agreement.choices if choice[0] != Dependency.Agreement.PROPOSED]
    )
    cause = Visible(queryset=SlipCause.objects.all(), required=False)

    class Meta:
        model = Dependency
        fields = ["agreement", "promised_on", "note", "cause"]


class Reply(In[Dependency]):
    agreement = serializers.ChoiceField(
        [choice for choice in Dependency.Agreement.choices if choice[0] in ("accepted", "proposed")]
    )

    class Meta:
        model = Dependency
        fields = ["agreement", "need_by_on", "note"]


class DependenciesFilters(Filters):
    """Only what the reader sees can be filtered by, or a filter would tell which milestone is at a hidden end."""

    program = filters.CharFilter(method="touching", label="Key of the program at either end.")
    milestone = IdFilter(method="of_milestone", label="Id of the milestone at either end.")
    predecessor = IdFilter(method="after")
    successor = IdFilter(method="before")
    is_hand_off = TrueFalse()

    class Meta(Filters.Meta):
        model = Dependency
        fields = {
            "kind": CHOICE,
            "agreement": CHOICE,
            "need_by_on": DAY,
            "promised_on": DAY,
        }

    def touching(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        giver = Q(giver_key__iexact=value, giver_seen=True)
        return rows.filter(giver | Q(receiver_key__iexact=value, receiver_seen=True))

    def of_milestone(self, rows: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        return rows.filter(Q(predecessor=value, giver_seen=True) | Q(successor=value, receiver_seen=True))

    def after(self, rows: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        return rows.filter(Q(predecessor=value, giver_seen=True))

    def before(self, rows: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        return rows.filter(Q(successor=value, receiver_seen=True))


class Dependencies(Editable[Dependency]):
    """What waits for what. Across programs a link is a hand-off; an end in a private program shows only that."""

    queryset = Dependency.objects.all()
    out, new, change = DependencyOut, DependencyIn, DependencyChange
    filterset_class = DependenciesFilters
    sorts = {"id": "id", "need_by_on": "need_by_on", "promised_on": "promised_on"}

    def get_queryset(self) -> QuerySet[Any]:
        seen = Program.objects.visible_to(self.request.user).values("pk")

        def true(condition: Q) -> Any:
            return ExpressionWrapper(condition, output_field=BooleanField())

        rows: Any = super().get_queryset()
        shown: QuerySet[Any] = rows.annotate(
            giver_key=F("predecessor__program__key"),
            receiver_key=F("successor__program__key"),
            predecessor_name=F("predecessor__name"),
            successor_name=F("successor__name"),
            giver_seen=true(Q(predecessor__program__in=seen)),
            receiver_seen=true(Q(successor__program__in=seen)),
            is_hand_off=true(~Q(predecessor__program=F("successor__program"))),
        )
        return shown

    def locked(self, request: Request, *, required: bool) -> Dependency:
        services.lock_graph()
        return super().locked(request, required=required)

    def add(self, user: User, fields: dict[str, Any]) -> Dependency:
        return services.link(by=user, **fields)

    def alter(self, user: User, row: Dependency, fields: dict[str, Any]) -> Dependency:
        return services.change_dependency(dependency=row, by=user, at=timezone.now(), **fields)

    def remove(self, user: User, row: Dependency) -> None:
        services.unlink(dependency=row, by=user)

    @action(detail=True, methods=["post"], serializer_class=Answer)
    def answer(self, request: Request, **kwargs: Any) -> Response:
        """The giver accepts, offers another day with words, declines with a reason, or says it is delivered.

        Of what is delivered it may only say that it is not after all: accepted, as it was, or declined.
        """
        now = timezone.now()
        return self.act(
            request,
            lambda user, row, fields: services.answer_hand_off(
                dependency=row, by=user, on=today(now), at=now, **fields
            ),
        )

    @action(detail=True, methods=["post"], serializer_class=Reply)
    def reply(self, request: Request, **kwargs: Any) -> Response:
        """The receiver takes the day that the giver offers, or asks again: by another day, or with other words."""
        day = today(timezone.now())
        return self.act(
            request,
            lambda user, row, fields: services.reply_to_giver(
                dependency=row, by=user, on=day, at=timezone.now(), **fields
            ),
        )


# -- requirements and causes -----------------------------------------------------------------------------------------


class RequirementOut(OfProgramOut[Requirement]):
    class Meta:
        model = Requirement
        fields = [
            "id", "program", "text", "priority", "in_scope", "scope_since_on", "scope_reason", "milestone", "version",
        ]  # fmt: skip


class RequirementIn(In[Requirement]):
    program = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = Requirement
        fields = ["program", "text", "priority", "in_scope", "scope_reason", "milestone"]


class RequirementChange(In[Requirement]):
    class Meta:
        model = Requirement
        fields = ["text", "priority", "in_scope", "scope_reason", "milestone"]


class RequirementsFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Requirement
        fields = {"priority": CHOICE, "in_scope": ["exact"], "scope_since_on": DAY, "milestone": REFERENCE}


class Requirements(Editable[Requirement]):
    """What a program must deliver; in scope or out, since when and why."""

    queryset = Requirement.objects.annotate(**PROGRAM_KEY)
    out, new, change = RequirementOut, RequirementIn, RequirementChange
    filterset_class = RequirementsFilters

    def add(self, user: User, fields: dict[str, Any]) -> Requirement:
        return services.create_requirement(by=user, today=today(timezone.now()), **fields)

    def alter(self, user: User, row: Requirement, fields: dict[str, Any]) -> Requirement:
        return services.change_requirement(requirement=row, by=user, today=today(timezone.now()), **fields)

    def remove(self, user: User, row: Requirement) -> None:
        services.delete_requirement(requirement=row, by=user)


class SlipCauseOut(Out[SlipCause]):
    class Meta:
        model = SlipCause
        fields = ["id", "name", "position", "retired_on", "version"]


class SlipCauseIn(In[SlipCause]):
    class Meta:
        model = SlipCause
        fields = ["name", "position", "retired_on"]


class SlipCausesFilters(Filters):
    class Meta(Filters.Meta):
        model = SlipCause
        fields = {"name": TEXT, "retired_on": DAY}


class SlipCauses(Creatable[SlipCause], Changeable[SlipCause]):
    """The organisation's short list of reasons why promised dates move; retired, never deleted."""

    queryset = SlipCause.objects.all()
    out, new, change = SlipCauseOut, SlipCauseIn, SlipCauseIn
    filterset_class = SlipCausesFilters
    sorts = {"id": "id", "position": "position", "name": "name"}

    def add(self, user: User, fields: dict[str, Any]) -> SlipCause:
        return services.create_slip_cause(by=user, **fields)

    def alter(self, user: User, row: SlipCause, fields: dict[str, Any]) -> SlipCause:
        return services.change_slip_cause(slip_cause=row, by=user, **fields)


class DateMoveOut(OfProgramOut[DateMove]):
    class Meta:
        model = DateMove
        fields = [
            "id", "program", "milestone", "dependency", "field", "before_on", "after_on", "cause", "note", "by", "at",
        ]  # fmt: skip


class DateMovesFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = DateMove
        fields = {
            "milestone": REFERENCE,
            "dependency": REFERENCE,
            "field": CHOICE,
            "cause": REFERENCE,
            "by": REFERENCE,
            "at": NUMBER,
        }


class DateMoves(Noun[DateMove]):
    """Promised dates that moved, and why. Rows are added by the changes themselves."""

    queryset = DateMove.objects.annotate(**PROGRAM_KEY)
    out = DateMoveOut
    filterset_class = DateMovesFilters
    sorts = {"id": "id", "at": "at"}
