"""Programs and what stands around them: roles, slots, phases and gates, objectives, related programs."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.utils import timezone
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from people.models import Team, User
from people.services import today
from programs import services
from programs.models import GateAction, GateCriterion, Objective, Phase, Program, RelatedLink, Role, Slot
from tpm.nouns import (
    CHOICE,
    DAY,
    NUMBER,
    REFERENCE,
    TEXT,
    Creatable,
    Deletable,
    Editable,
    Filters,
    IdFilter,
    In,
    OfProgramOut,
    Out,
    ProgramFilters,
    ProgramKey,
    VisibleList,
)

PROGRAM_KEY = {"program_key": F("program__key")}


# -- programs --------------------------------------------------------------------------------------------------------


class ProgramOut(Out[Program]):
    partner_teams = serializers.SerializerMethodField()
    objectives = serializers.SerializerMethodField()

    class Meta:
        model = Program
        fields = [
            "id", "key", "external_key", "name", "summary", "area", "lead", "sponsor", "owning_team", "partner_teams",
            "objectives", "rank", "state", "target_on", "target_precision", "visibility", "version",
        ]  # fmt: skip

    def get_partner_teams(self, program: Program) -> list[int]:
        return sorted(row.team_id for row in program.partners.all())

    def get_objectives(self, program: Program) -> list[int]:
        return sorted(row.objective_id for row in program.alignments.all())


class ProgramIn(In[Program]):
    partner_teams = VisibleList(queryset=Team.objects.all(), required=False)
    objectives = VisibleList(queryset=Objective.objects.all(), required=False)

    class Meta:
        model = Program
        fields = [
            "key", "external_key", "name", "summary", "area", "lead", "sponsor", "owning_team", "partner_teams",
            "objectives", "rank", "state", "target_on", "target_precision", "visibility",
        ]  # fmt: skip


class ProgramsFilters(Filters):
    objective = IdFilter(field_name="alignments__objective", distinct=True)
    partner_team = IdFilter(field_name="partners__team", distinct=True)

    class Meta(Filters.Meta):
        model = Program
        fields = {
            "key": ["exact", "in"],
            "external_key": ["exact"],
            "name": TEXT,
            "area": TEXT,
            "lead": REFERENCE,
            "sponsor": REFERENCE,
            "owning_team": REFERENCE,
            "rank": NUMBER,
            "state": CHOICE,
            "target_on": DAY,
            "visibility": CHOICE,
        }


class Programs(Creatable[Program]):
    """Programs, by key. They are changed in milestones/api.py and deleted in changes/api.py: there is more to it."""

    queryset = Program.objects.prefetch_related("partners", "alignments")
    lookup_field, lookup_value_regex = "key", r"[A-Z0-9-]{1,16}"
    out, new = ProgramOut, ProgramIn
    shows_sets = True
    filterset_class = ProgramsFilters
    sorts = {name: name for name in ("id", "key", "name", "rank", "state", "target_on")}

    def add(self, user: User, fields: dict[str, Any]) -> Program:
        return services.create_program(by=user, **fields)


# -- people around a program -----------------------------------------------------------------------------------------


class RoleOut(OfProgramOut[Role]):
    class Meta:
        model = Role
        fields = ["id", "program", "user", "kind"]


class RoleIn(In[Role]):
    program = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = Role
        fields = ["program", "user", "kind"]


class RolesFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Role
        fields = {"user": REFERENCE, "kind": CHOICE}


class Roles(Creatable[Role], Deletable[Role]):
    """Who leads, contributes, views. Giving a person another role replaces the one they have."""

    queryset = Role.objects.annotate(**PROGRAM_KEY)
    out, new = RoleOut, RoleIn
    filterset_class = RolesFilters

    def add(self, user: User, fields: dict[str, Any]) -> Role:
        return services.give_role(by=user, **fields)

    def remove(self, user: User, row: Role) -> None:
        services.take_role(role=row, by=user)


class SlotOut(OfProgramOut[Slot]):
    class Meta:
        model = Slot
        fields = ["id", "program", "title", "team", "person", "agreed_on", "version"]


class SlotIn(In[Slot]):
    program = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = Slot
        fields = ["program", "title", "team", "person", "agreed_on"]


class SlotChange(In[Slot]):
    class Meta:
        model = Slot
        fields = ["title", "team", "person", "agreed_on"]


class SlotsFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Slot
        fields = {"team": REFERENCE, "person": REFERENCE, "agreed_on": DAY}


class Slots(Editable[Slot]):
    """Roles that a program needs filled; without a person a slot is open."""

    queryset = Slot.objects.annotate(**PROGRAM_KEY)
    out, new, change = SlotOut, SlotIn, SlotChange
    filterset_class = SlotsFilters

    def add(self, user: User, fields: dict[str, Any]) -> Slot:
        return services.create_slot(by=user, **fields)

    def alter(self, user: User, row: Slot, fields: dict[str, Any]) -> Slot:
        return services.change_slot(slot=row, by=user, **fields)

    def remove(self, user: User, row: Slot) -> None:
        services.delete_slot(slot=row, by=user)


# -- phases and gates ------------------------------------------------------------------------------------------------


class PhaseOut(OfProgramOut[Phase]):
    class Meta:
        model = Phase
        fields = [
            "id", "program", "kind", "starts_on", "gate_on", "approver", "evidence_url", "decision", "decided_on",
            "decided_by", "note", "target_met", "lessons", "version",
        ]  # fmt: skip


class PhaseIn(In[Phase]):
    program = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = Phase
        fields = ["program", "kind", "starts_on", "gate_on", "approver", "evidence_url", "note"]


class PhaseChange(In[Phase]):
    class Meta:
        model = Phase
        fields = ["starts_on", "gate_on", "approver", "evidence_url", "note", "target_met", "lessons"]


class GateDecision(In[Phase]):
    decision = serializers.ChoiceField(Phase.Decision.choices)

    class Meta:
        model = Phase
        fields = ["decision", "note", "target_met", "lessons"]


class PhasesFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Phase
        fields = {"kind": CHOICE, "gate_on": DAY, "decision": CHOICE, "decided_on": DAY, "approver": REFERENCE}


class Phases(Editable[Phase]):
    """Phases of a program, each with the gate that ends it."""

    queryset = Phase.objects.annotate(**PROGRAM_KEY)
    out, new, change = PhaseOut, PhaseIn, PhaseChange
    filterset_class = PhasesFilters
    sorts = {"id": "id", "gate_on": "gate_on"}

    def add(self, user: User, fields: dict[str, Any]) -> Phase:
        return services.create_phase(by=user, **fields)

    def alter(self, user: User, row: Phase, fields: dict[str, Any]) -> Phase:
        return services.change_phase(phase=row, by=user, **fields)

    def remove(self, user: User, row: Phase) -> None:
        services.delete_phase(phase=row, by=user)

    @action(detail=True, methods=["post"], serializer_class=GateDecision)
    def decide(self, request: Request, **kwargs: Any) -> Response:
        """Decide the gate: its approver, or whoever may decide for the program."""
        on = today(timezone.now())
        return self.act(request, lambda user, row, fields: services.decide_gate(phase=row, by=user, on=on, **fields))


class OfPhaseFilters(Filters):
    program = filters.CharFilter(field_name="phase__program__key", lookup_expr="iexact")


class CriterionOut(Out[GateCriterion]):
    class Meta:
        model = GateCriterion
        fields = ["id", "phase", "text", "met_on", "evidence_url", "version"]


class CriterionIn(In[GateCriterion]):
    class Meta:
        model = GateCriterion
        fields = ["phase", "text", "met_on", "evidence_url"]


class CriterionChange(In[GateCriterion]):
    class Meta:
        model = GateCriterion
        fields = ["text", "met_on", "evidence_url"]


class CriteriaFilters(OfPhaseFilters):
    class Meta(Filters.Meta):
        model = GateCriterion
        fields = {"phase": REFERENCE, "met_on": DAY}


class GateCriteria(Editable[GateCriterion]):
    """What must be true before a gate opens."""

    queryset = GateCriterion.objects.all()
    out, new, change = CriterionOut, CriterionIn, CriterionChange
    filterset_class = CriteriaFilters

    def add(self, user: User, fields: dict[str, Any]) -> GateCriterion:
        return services.create_criterion(by=user, **fields)

    def alter(self, user: User, row: GateCriterion, fields: dict[str, Any]) -> GateCriterion:
        return services.change_criterion(criterion=row, by=user, **fields)

    def remove(self, user: User, row: GateCriterion) -> None:
        services.delete_criterion(criterion=row, by=user)


class GateActionOut(Out[GateAction]):
    class Meta:
        model = GateAction
        fields = ["id", "phase", "text", "owner", "due_on", "done_on", "version"]


class GateActionIn(In[GateAction]):
    class Meta:
        model = GateAction
        fields = ["phase", "text", "owner", "due_on", "done_on"]


class GateActionChange(In[GateAction]):
    class Meta:
        model = GateAction
        fields = ["text", "owner", "due_on", "done_on"]


class GateActionsFilters(OfPhaseFilters):
    class Meta(Filters.Meta):
        model = GateAction
        fields = {"phase": REFERENCE, "owner": REFERENCE, "due_on": DAY, "done_on": DAY}


class GateActions(Editable[GateAction]):
    """What a gate's review asks somebody to do."""

    queryset = GateAction.objects.all()
    out, new, change = GateActionOut, GateActionIn, GateActionChange
    filterset_class = GateActionsFilters
    sorts = {"id": "id", "due_on": "due_on"}

    def add(self, user: User, fields: dict[str, Any]) -> GateAction:
        return services.create_gate_action(by=user, **fields)

    def alter(self, user: User, row: GateAction, fields: dict[str, Any]) -> GateAction:
        return services.change_gate_action(action=row, by=user, **fields)

    def remove(self, user: User, row: GateAction) -> None:
        services.delete_gate_action(action=row, by=user)


# -- objectives and related programs ---------------------------------------------------------------------------------


class ObjectiveOut(Out[Objective]):
    class Meta:
        model = Objective
        fields = [
            "id", "title", "parent", "owner", "measure", "start_value", "target_value", "current_value",
            "period_start_on", "period_end_on", "closed_on", "version",
        ]  # fmt: skip


class ObjectiveIn(In[Objective]):
    class Meta:
        model = Objective
        fields = [
            "title", "parent", "owner", "measure", "start_value", "target_value", "current_value", "period_start_on",
            "period_end_on", "closed_on",
        ]  # fmt: skip


class ObjectivesFilters(Filters):
    class Meta(Filters.Meta):
        model = Objective
        fields = {
            "title": TEXT,
            "parent": REFERENCE,
            "owner": REFERENCE,
            "period_start_on": DAY,
            "period_end_on": DAY,
            "closed_on": DAY,
        }


class Objectives(Editable[Objective]):
    """What the organisation wants, as a tree; everyone signed in sees it."""

    queryset = Objective.objects.all()
    out, new, change = ObjectiveOut, ObjectiveIn, ObjectiveIn
    filterset_class = ObjectivesFilters
    sorts = {"id": "id", "title": "title", "period_end_on": "period_end_on"}

    def add(self, user: User, fields: dict[str, Any]) -> Objective:
        return services.create_objective(by=user, **fields)

    def alter(self, user: User, row: Objective, fields: dict[str, Any]) -> Objective:
        return services.change_objective(objective=row, by=user, **fields)

    def remove(self, user: User, row: Objective) -> None:
        services.delete_objective(objective=row, by=user)


class RelatedOut(OfProgramOut[RelatedLink]):
    other = serializers.CharField(source="other_key", read_only=True)

    class Meta:
        model = RelatedLink
        fields = ["id", "program", "other", "kind"]


class RelatedIn(In[RelatedLink]):
    program = ProgramKey(queryset=Program.objects.all())
    other = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = RelatedLink
        fields = ["program", "other", "kind"]


class RelatedFilters(ProgramFilters):
    other = filters.CharFilter(field_name="other__key", lookup_expr="iexact")

    class Meta(Filters.Meta):
        model = RelatedLink
        fields = {"kind": CHOICE}


class RelatedLinks(Creatable[RelatedLink], Deletable[RelatedLink]):
    """Programs that have to do with each other without waiting for each other. Both ends must be visible."""

    queryset = RelatedLink.objects.annotate(**PROGRAM_KEY, other_key=F("other__key"))
    out, new = RelatedOut, RelatedIn
    filterset_class = RelatedFilters

    def add(self, user: User, fields: dict[str, Any]) -> RelatedLink:
        return services.relate(by=user, kind=fields.pop("kind", RelatedLink.Kind.SEE_ALSO), **fields)

    def remove(self, user: User, row: RelatedLink) -> None:
        services.unrelate(link=row, by=user)
