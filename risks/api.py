"""The RAID log (risks with their impacts and mitigations, issues, assumptions, decisions), and recurring problems."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db.models import BooleanField, ExpressionWrapper, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from milestones.models import MOST_WORK_MINUTES, Milestone, SlipCause
from people.models import Team, User
from people.services import organisation_zone, today
from programs.models import Program
from risks import recurring, services
from risks.models import Assumption, Decision, Issue, MitigationAction, Problem, ProblemCost, Risk, RiskImpact
from tpm.nouns import (
    CHOICE,
    DAY,
    NUMBER,
    REFERENCE,
    TEXT,
    Editable,
    Filters,
    In,
    NoFields,
    OfProgramOut,
    Out,
    Part,
    ProgramFilters,
    ProgramKey,
    Visible,
)

PROGRAM_KEY = {"program_key": F("program__key")}


# -- risks -----------------------------------------------------------------------------------------------------------


class ImpactShown(TypedDict, total=False):
    """Working minutes that a risk costs a milestone; of a program that the reader may not see, no id."""

    milestone: int
    private: bool
    low: int
    likely: int
    high: int


class ImpactIn(Part):
    milestone = Visible(queryset=Milestone.objects.all())
    low = serializers.IntegerField(min_value=0, max_value=MOST_WORK_MINUTES)
    likely = serializers.IntegerField(min_value=0, max_value=MOST_WORK_MINUTES)
    high = serializers.IntegerField(min_value=0, max_value=MOST_WORK_MINUTES)

    def validate(self, attrs: dict[str, Any]) -> services.Impact:
        return services.Impact(**attrs)


RISK_FIELDS = [
    "external_key", "title", "cause", "event", "effect", "probability", "residual_probability", "likelihood_score",
    "impact_score", "response", "mitigation", "owner", "review_on", "raised_on",
]  # fmt: skip


class RiskOut(OfProgramOut[Risk]):
    impacts = serializers.SerializerMethodField()

    class Meta:
        model = Risk
        fields = ["id", "program", *RISK_FIELDS, "impacts", "closed_on", "closed_because", "version"]

    def get_impacts(self, risk: Any) -> list[ImpactShown]:
        return [
            {
                **({"milestone": row.milestone_id} if row.is_seen else {"private": True}),
                "low": row.low,
                "likely": row.likely,
                "high": row.high,
            }
            for row in sorted(risk.impacts.all(), key=lambda row: row.pk)
        ]


class RiskIn(In[Risk]):
    program = ProgramKey(queryset=Program.objects.all())
    raised_on = serializers.DateField(required=False)
    impacts = serializers.ListField(child=ImpactIn(), required=False, max_length=200)

    class Meta:
        model = Risk
        fields = ["program", *RISK_FIELDS, "impacts"]


class RiskChange(RiskIn):
    class Meta:
        model = Risk
        fields = [*RISK_FIELDS, "impacts"]


class Closing(In[Risk]):
    because = serializers.CharField(max_length=500)

    class Meta:
        model = Risk
        fields = ["because"]


class RisksFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Risk
        fields = {
            "external_key": ["exact"],
            "title": TEXT,
            "probability": NUMBER,
            "residual_probability": NUMBER,
            "likelihood_score": NUMBER,
            "impact_score": NUMBER,
            "response": CHOICE,
            "owner": REFERENCE,
            "review_on": DAY,
            "raised_on": DAY,
            "closed_on": DAY,
        }


class Risks(Editable[Risk]):
    """What may happen, with its cost in working minutes on chosen milestones; impacts that are given replace all."""

    queryset = Risk.objects.annotate(**PROGRAM_KEY)
    out, new, change = RiskOut, RiskIn, RiskChange
    shows_sets = True
    filterset_class = RisksFilters
    sorts = {name: name for name in ("id", "title", "probability", "review_on", "raised_on", "closed_on")}

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = super().get_queryset()
        seen = Q(milestone__program__in=Program.objects.visible_to(self.request.user).values("pk"))
        impacts = RiskImpact.objects.annotate(is_seen=ExpressionWrapper(seen, output_field=BooleanField()))
        found: QuerySet[Any] = rows.prefetch_related(Prefetch("impacts", impacts))
        return found

    def add(self, user: User, fields: dict[str, Any]) -> Risk:
        return services.create_risk(by=user, today=today(timezone.now()), **fields)

    def alter(self, user: User, row: Risk, fields: dict[str, Any]) -> Risk:
        return services.change_risk(risk=row, by=user, today=today(timezone.now()), **fields)

    def remove(self, user: User, row: Risk) -> None:
        services.delete_risk(risk=row, by=user)

    @action(detail=True, methods=["post"], serializer_class=Closing)
    def close(self, request: Request, **kwargs: Any) -> Response:
        """Close a risk, saying why: it happened, it cannot happen any more, it was accepted."""
        on = today(timezone.now())
        return self.act(request, lambda user, row, fields: services.close_risk(risk=row, by=user, on=on, **fields))

    @action(detail=True, methods=["post"], serializer_class=NoFields)
    def reopen(self, request: Request, **kwargs: Any) -> Response:
        """Open a closed risk again."""
        return self.act(request, lambda user, row, fields: services.reopen_risk(risk=row, by=user))


class ActionOut(Out[MitigationAction]):
    class Meta:
        model = MitigationAction
        fields = ["id", "risk", "text", "owner", "due_on", "done_on", "version"]


class ActionIn(In[MitigationAction]):
    class Meta:
        model = MitigationAction
        fields = ["risk", "text", "owner", "due_on", "done_on"]


class ActionChange(In[MitigationAction]):
    class Meta:
        model = MitigationAction
        fields = ["text", "owner", "due_on", "done_on"]


class ActionsFilters(Filters):
    program = filters.CharFilter(field_name="risk__program__key", lookup_expr="iexact")

    class Meta(Filters.Meta):
        model = MitigationAction
        fields = {"risk": REFERENCE, "owner": REFERENCE, "due_on": DAY, "done_on": DAY}


class MitigationActions(Editable[MitigationAction]):
    """What somebody does about a risk, by a day."""

    queryset = MitigationAction.objects.all()
    out, new, change = ActionOut, ActionIn, ActionChange
    filterset_class = ActionsFilters
    sorts = {"id": "id", "due_on": "due_on"}

    def add(self, user: User, fields: dict[str, Any]) -> MitigationAction:
        return services.create_action(by=user, **fields)

    def alter(self, user: User, row: MitigationAction, fields: dict[str, Any]) -> MitigationAction:
        return services.change_action(action=row, by=user, **fields)

    def remove(self, user: User, row: MitigationAction) -> None:
        services.delete_action(action=row, by=user)


# -- issues and assumptions ------------------------------------------------------------------------------------------

ISSUE_FIELDS = ["external_key", "title", "note", "owner", "milestone", "raised_on", "due_on", "closed_on"]


class IssueOut(OfProgramOut[Issue]):
    class Meta:
        model = Issue
        fields = ["id", "program", *ISSUE_FIELDS, "version"]


class IssueIn(In[Issue]):
    program = ProgramKey(queryset=Program.objects.all())
    raised_on = serializers.DateField(required=False)

    class Meta:
        model = Issue
        fields = ["program", *ISSUE_FIELDS]


class IssueChange(In[Issue]):
    class Meta:
        model = Issue
        fields = ISSUE_FIELDS


class IssuesFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Issue
        fields = {
            "external_key": ["exact"],
            "title": TEXT,
            "owner": REFERENCE,
            "milestone": REFERENCE,
            "raised_on": DAY,
            "due_on": DAY,
            "closed_on": DAY,
        }


class Issues(Editable[Issue]):
    """What has happened and wants an answer by a day; a day in ``closed_on`` closes it."""

    queryset = Issue.objects.annotate(**PROGRAM_KEY)
    out, new, change = IssueOut, IssueIn, IssueChange
    filterset_class = IssuesFilters
    sorts = {name: name for name in ("id", "title", "raised_on", "due_on", "closed_on")}

    def add(self, user: User, fields: dict[str, Any]) -> Issue:
        return services.create_issue(by=user, today=today(timezone.now()), **fields)

    def alter(self, user: User, row: Issue, fields: dict[str, Any]) -> Issue:
        return services.change_issue(issue=row, by=user, **fields)

    def remove(self, user: User, row: Issue) -> None:
        services.delete_issue(issue=row, by=user)


class AssumptionOut(OfProgramOut[Assumption]):
    class Meta:
        model = Assumption
        fields = ["id", "program", "text", "owner", "expires_on", "state", "version"]


class AssumptionIn(In[Assumption]):
    program = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = Assumption
        fields = ["program", "text", "owner", "expires_on", "state"]


class AssumptionChange(In[Assumption]):
    class Meta:
        model = Assumption
        fields = ["text", "owner", "expires_on", "state"]


class AssumptionsFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Assumption
        fields = {"owner": REFERENCE, "expires_on": DAY, "state": CHOICE}


class Assumptions(Editable[Assumption]):
    """Held true until their day; then somebody looks again."""

    queryset = Assumption.objects.annotate(**PROGRAM_KEY)
    out, new, change = AssumptionOut, AssumptionIn, AssumptionChange
    filterset_class = AssumptionsFilters
    sorts = {"id": "id", "expires_on": "expires_on"}

    def add(self, user: User, fields: dict[str, Any]) -> Assumption:
        return services.create_assumption(by=user, **fields)

    def alter(self, user: User, row: Assumption, fields: dict[str, Any]) -> Assumption:
        return services.change_assumption(assumption=row, by=user, **fields)

    def remove(self, user: User, row: Assumption) -> None:
        services.delete_assumption(assumption=row, by=user)


# -- decisions -------------------------------------------------------------------------------------------------------

DECISION_FIELDS = ["question", "options", "decider", "decide_by_on", "raised_on", "consequence", "objective"]


class DecisionOut(OfProgramOut[Decision]):
    class Meta:
        model = Decision
        fields = ["id", "program", *DECISION_FIELDS, "decided_on", "answer", "version"]


class DecisionIn(In[Decision]):
    program = ProgramKey(queryset=Program.objects.all())
    raised_on = serializers.DateField(required=False)

    class Meta:
        model = Decision
        fields = ["program", *DECISION_FIELDS]


class DecisionChange(In[Decision]):
    class Meta:
        model = Decision
        fields = DECISION_FIELDS


class Deciding(In[Decision]):
    answer = serializers.CharField(max_length=5_000)

    class Meta:
        model = Decision
        fields = ["answer", "consequence"]


class DecisionsFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Decision
        fields = {
            "question": TEXT,
            "decider": REFERENCE,
            "decide_by_on": DAY,
            "raised_on": DAY,
            "decided_on": DAY,
            "objective": REFERENCE,
        }


class Decisions(Editable[Decision]):
    """A question, who answers it by when, and what follows from the answer."""

    queryset = Decision.objects.annotate(**PROGRAM_KEY)
    out, new, change = DecisionOut, DecisionIn, DecisionChange
    filterset_class = DecisionsFilters
    sorts = {name: name for name in ("id", "raised_on", "decide_by_on", "decided_on")}

    def add(self, user: User, fields: dict[str, Any]) -> Decision:
        return services.create_decision(by=user, today=today(timezone.now()), **fields)

    def alter(self, user: User, row: Decision, fields: dict[str, Any]) -> Decision:
        return services.change_decision(decision=row, by=user, **fields)

    def remove(self, user: User, row: Decision) -> None:
        services.delete_decision(decision=row, by=user)

    @action(detail=True, methods=["post"], serializer_class=Deciding)
    def decide(self, request: Request, **kwargs: Any) -> Response:
        """Answer the question: the named decider, or whoever may decide for the program."""
        on = today(timezone.now())
        return self.act(request, lambda user, row, fields: services.decide(decision=row, by=user, on=on, **fields))


# -- problems --------------------------------------------------------------------------------------------------------


class CostShown(TypedDict):
    """Days that a problem had cost one program in one quarter (its first day) when it was recorded."""

    program: str
    quarter_on: str
    days: int
    slips: int


class StartedShown(TypedDict, total=False):
    """The program started from a problem; one that the reader may not see is only ``private``."""

    key: str
    private: bool


class ProblemOut(Out[Problem]):
    costs = serializers.SerializerMethodField()
    program = serializers.SerializerMethodField()

    class Meta:
        model = Problem
        fields = [
            "id", "title", "description", "cause", "team", "owner", "opened_on", "closed_on", "closed_because", "costs",
            "program", "version",
        ]  # fmt: skip

    def get_costs(self, problem: Any) -> list[CostShown]:
        return [
            {
                "program": row.program_key,
                "quarter_on": row.quarter_on.isoformat(),
                "days": row.days,
                "slips": row.slips,
            }
            for row in problem.costs.all()
        ]

    def get_program(self, problem: Any) -> StartedShown | None:
        if problem.program_id is None:
            return None
        return {"key": problem.started_key} if problem.started_key else {"private": True}


class ProblemIn(In[Problem]):
    cause = Visible(queryset=SlipCause.objects.all(), required=False, allow_null=True)
    team = Visible(queryset=Team.objects.all(), required=False, allow_null=True)
    owner = Visible(queryset=User.objects.all(), required=False)

    class Meta:
        model = Problem
        fields = ["title", "description", "cause", "team", "owner"]


class ProblemChange(In[Problem]):
    class Meta:
        model = Problem
        fields = ["title", "description", "owner"]


class StartingProgram(In[Program]):
    class Meta:
        model = Program
        fields = ["key", "name", "summary", "area", "target_on", "target_precision", "visibility"]


class ProblemsFilters(Filters):
    class Meta(Filters.Meta):
        model = Problem
        fields = {
            "title": TEXT,
            "cause": REFERENCE,
            "team": REFERENCE,
            "owner": REFERENCE,
            "opened_on": DAY,
            "closed_on": DAY,
        }


class Problems(Editable[Problem]):
    """What keeps costing several programs days. With a cause or a giving team it is recorded with what that had cost.

    ``costs`` are those of programs that the reader sees.
    """

    queryset = Problem.objects.all()
    out, new, change = ProblemOut, ProblemIn, ProblemChange
    shows_sets = True
    filterset_class = ProblemsFilters
    sorts = {name: name for name in ("id", "title", "opened_on", "closed_on")}

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = super().get_queryset()
        seen = ProblemCost.objects.visible_to(self.request.user)
        costs = seen.annotate(program_key=F("program__key")).order_by("quarter_on", "program_key")
        started = Program.objects.visible_to(self.request.user).filter(pk=OuterRef("program"))
        found: QuerySet[Any] = rows.annotate(started_key=Subquery(started.values("key"))).prefetch_related(
            Prefetch("costs", costs)
        )
        return found

    def add(self, user: User, fields: dict[str, Any]) -> Problem:
        zone = organisation_zone()
        on = timezone.now().astimezone(zone).date()
        costs = recurring.costs_of(user, fields.get("cause"), fields.get("team"), today=on, zone=zone)
        return services.open_problem(by=user, today=on, costs=costs, **fields)

    def alter(self, user: User, row: Problem, fields: dict[str, Any]) -> Problem:
        return services.change_problem(problem=row, by=user, **fields)

    def remove(self, user: User, row: Problem) -> None:
        services.delete_problem(problem=row, by=user)

    @action(detail=True, methods=["post"], serializer_class=Closing)
    def close(self, request: Request, **kwargs: Any) -> Response:
        """Close a problem, saying why: it is solved, or nobody will solve it."""
        on = today(timezone.now())
        return self.act(
            request, lambda user, row, fields: services.close_problem(problem=row, by=user, on=on, **fields)
        )

    @action(detail=True, methods=["post"], serializer_class=NoFields)
    def reopen(self, request: Request, **kwargs: Any) -> Response:
        """Open a closed problem again."""
        return self.act(request, lambda user, row, fields: services.reopen_problem(problem=row, by=user))

    @action(detail=True, methods=["post"], serializer_class=StartingProgram)
    def start(self, request: Request, **kwargs: Any) -> Response:
        """Start the program that is to end a problem; whoever starts it leads it."""
        return self.act(request, lambda user, row, fields: services.start_program(problem=row, by=user, **fields))
