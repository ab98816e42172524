"""The nouns whose changes are told: by which names they are asked for, where they stand, and whose their events are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import connection, models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from history.changes import Shown, percent
from metrics.models import KPI, Measurement
from milestones.models import Baseline, DateMove, Dependency, Milestone, Requirement, Workstream
from people.models import Team
from programs.models import (
    Alignment,
    GateAction,
    GateCriterion,
    Objective,
    PartnerTeam,
    Phase,
    Program,
    RelatedLink,
    ReportedHealth,
    Role,
    Slot,
)
from risks.models import Assumption, Decision, Issue, MitigationAction, Risk, RiskImpact

Model = type[models.Model]

MINUTES_A_DAY = 480

# What can be asked for, and the rows that it is about.
KINDS: dict[str, tuple[str | Promise, tuple[Model, ...]]] = {
    "program": (lazy("Program"), (Program, PartnerTeam, Alignment, RelatedLink)),
    "health": (lazy("Reported health"), (ReportedHealth,)),
    "milestone": (lazy("Milestones"), (Milestone, DateMove, Workstream)),
    "dependency": (lazy("Dependencies"), (Dependency,)),
    "baseline": (lazy("Baselines"), (Baseline,)),
    "requirement": (lazy("Requirements"), (Requirement,)),
    "risk": (lazy("Risks"), (Risk, RiskImpact, MitigationAction)),
    "issue": (lazy("Issues"), (Issue,)),
    "assumption": (lazy("Assumptions"), (Assumption,)),
    "decision": (lazy("Decisions"), (Decision,)),
    "kpi": (lazy("KPIs"), (KPI, Measurement)),
    "phase": (lazy("Phases and gates"), (Phase, GateCriterion, GateAction)),
    "people": (lazy("Roles and slots"), (Role, Slot)),
    "objective": (lazy("Objectives"), (Objective,)),
    "team": (lazy("Teams"), (Team,)),
}
# Seen by everybody: they belong to the organisation.
SHARED = frozenset({Objective, Team})
# What a row is called by; of rows without a name, what they stand between.
TITLES: dict[Model, tuple[str, ...]] = {
    Dependency: ("predecessor", "successor"),
    PartnerTeam: ("team",),
    Alignment: ("objective",),
    RelatedLink: ("other",),
    RiskImpact: ("risk", "milestone"),
    Measurement: ("kpi", "on", "value"),
    DateMove: ("cause", "note"),
    ReportedHealth: ("health", "because"),
    Role: ("user", "kind"),
    Phase: ("kind",),
}
# Working minutes, as days.
MINUTES: Shown = dict.fromkeys(
    ("work_low", "work_likely", "work_high", "remaining", "lag", "low", "likely", "high"),
    lambda minutes: f"{minutes / MINUTES_A_DAY:.1f}".removesuffix(".0") + " d",
)
# What of a hand-off names people or records of the program at its other end.
NAMING = {"external_key", "agreed_by"}
SHARES: Shown = dict.fromkeys(("probability", "residual_probability"), percent)
UNITS: dict[Model, Shown] = {Milestone: MINUTES, Dependency: MINUTES, RiskImpact: MINUTES, Risk: SHARES}
# Pages of rows that have one.
ADDRESSES: dict[Model, Callable[[Any], str]] = {
    Program: lambda event: f"/p/{event.key}",
    Milestone: lambda event: f"/m/{event.id}",
    Risk: lambda event: f"/r/R-{event.id}",
    Issue: lambda event: f"/issues/{event.id}",
    Decision: lambda event: f"/d/D-{event.id}",
    Baseline: lambda event: f"/baselines/{event.id}",
    Team: lambda event: f"/teams/{event.id}",
}


def event_of(model: Model) -> Any:
    return model.events.rel.related_model  # type: ignore[attr-defined]  # named by history.track


def models_of(kind: str) -> list[Model]:
    return list(KINDS[kind][1]) if kind else [model for _label, some in KINDS.values() for model in some]


def columns_of(model: Model) -> list[str]:
    """The columns of its events that name the programs it belongs to."""
    if model is Program:
        return ["pgh_obj_id"]
    had = {column.column for column in event_of(model)._meta.concrete_fields}
    return [name for name in ("program_id", "other_program_id") if name in had]


def seen(model: Model) -> str:
    """Whether an event ``e`` is of a program that was asked for, as SQL; both ends of related ones must be visible."""
    found = " OR ".join(f"e.{name} = ANY(%(programs)s)" for name in columns_of(model)) or "true"
    return f"({found}) AND {whole(model)}" if model is RelatedLink else found


def whole(model: Model) -> str:
    """Whether all programs that an event ``e`` is of are visible, as SQL."""
    columns = [*columns_of(model), *(["other_id"] if model is RelatedLink else [])]
    return " AND ".join(f"coalesce(e.{name} = ANY(%(visible)s), true)" for name in columns) or "true"


def rows_of(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
