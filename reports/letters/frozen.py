"""The facts that a published update was written on, as letters know them: the same for every reader of it.

A program's own letter tells them while the update is its news, whatever a later run or edit says: one approval, one set
of numbers, at whatever hour each reader reads (docs/adr/0018). Names, and what people wrote, are those of now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet

from forecasts.models import HealthPolicy, MilestoneForecast, ProgramHealth
from forecasts.policy import newest_policy
from milestones.models import Dependency, Milestone
from programs.models import Program, ReportedHealth
from reports.letters.facts import Facts, late_of
from reports.models import Update
from reports.since import Since
from reports.updates.drafting.sources import recent, was
from risks.models import Decision, Risk

M = TypeVar("M", bound=Model)
Row = Mapping[str, Any]

HEALTH = ("health", "chance", "slip_days", "is_stale", "findings", "policy_version", "plan_revision", "revision")
HEALTH_DAYS = ("day", "finish_on", "p50_on", "p80_on", "target_on")


# What letters read of a snapshot; those that drafting wrote in its early days hold less.
PARTS = frozenset(
    [
        "day",
        "at",
        "since",
        "target_on",
        "derived",
        "derived_before",
        "reported_before",
        "milestones",
        "decisions",
        "decided",
        "risks",
        "closed_risks",
        "hand_offs",
    ]
)


def is_whole(update: Update) -> bool:
    """Whether a snapshot holds all that letters tell of it."""
    told: Row = update.snapshot or {}
    judged = [row for row in (told.get("derived"), told.get("derived_before")) if row]
    return told.keys() >= PARTS and all({*HEALTH, *HEALTH_DAYS, "computed_at", "run"} <= row.keys() for row in judged)


def thaw(update: Update, zone: ZoneInfo) -> Facts:
    """Read a published update's snapshot: nine queries at most, for rows that letters name and link to."""
    told: Row = update.snapshot or {}
    program, pk = update.program, update.program_id
    milestones = [
        _expected(row, fact["forecast_on"])
        for row, fact in _rows(Milestone.objects.select_related("program", "owner", "forecast"), told["milestones"])
    ]
    for row in milestones:
        row.program.target_on = _day(told["target_on"])  # what its end was held against
    decisions = Decision.objects.select_related("program", "decider")
    risks = Risk.objects.select_related("program")
    hand_offs = [row for row in _hand_offs(told, pk) if row.need_by_on]
    said_at: Any = update.published_at
    said = ReportedHealth.objects.filter(program=pk, at=said_at).select_related("by").first()
    before, since_on = told["reported_before"], date.fromisoformat(told["since"]["day"])
    stood = {row.pk: row for row in milestones}
    done = [stood[fact["id"]] for fact in _new(told["milestones"], "done_on", told) if fact["id"] in stood]
    return Facts(
        today=date.fromisoformat(told["day"]),
        zone=zone,
        policy=_policy(told["derived"]),
        since=Since(since_on, since_on + timedelta(days=1), datetime.fromisoformat(told["since"]["at"])),
        programs=[program],
        health=_health(program, told["derived"]),
        health_before=_health(program, told["derived_before"]),
        reported={pk: said} if said else {},
        reported_before={pk: ReportedHealth(program=program, health=before["health"])} if before else {},
        waiting=[row for row, _ in _rows(decisions, told["decisions"])],
        taken=[row for row, _ in _rows(decisions, _new(told["decided"], "decided_on", told))],
        done=sorted(done, key=lambda row: not row.is_end),
        milestones=[
            row for row in milestones if not row.done_on and not row.cancelled_on and (row.is_end or row.target_on)
        ],
        open_by_program={pk: len(told["risks"])},
        new_risks=[row for row, _ in _rows(risks, _raised(told))],
        closed_risks=[row for row, _ in _rows(risks, _new(told["closed_risks"], "closed_on", told))],
        updates=[update],
        hand_offs=hand_offs,
        late_by_ends=late_of(hand_offs),
        at=datetime.fromisoformat(told["at"]),
    )


def _rows(found: QuerySet[M], facts: Iterable[Row]) -> list[tuple[M, Row]]:
    """Rows with their days as they were frozen; those that were deleted since have no page to lead to."""
    facts = list(facts)
    live = found.in_bulk([fact["id"] for fact in facts]) if facts else {}
    rows = [(live[fact["id"]], fact) for fact in facts if fact["id"] in live]
    for row, fact in rows:
        for name in fact.keys() & {field.name for field in row._meta.concrete_fields}:
            if name.endswith("_on"):
                setattr(row, name, _day(fact[name]))
    return rows


def _new(facts: Iterable[Row], day: str, told: Row) -> list[Row]:
    """What has a day that it had not at the update before, the newest first."""
    found = [fact for fact in facts if fact[day] and not was(fact, day) and recent(fact[day], told)]
    return sorted(found, key=lambda fact: (fact[day], fact["id"]), reverse=True)


def _raised(told: Row) -> list[Row]:
    """Risks that were not there at the update before, the newest first."""
    return [fact for fact in reversed(told["risks"]) if not fact["was"] and recent(fact["raised_on"], told)]


def _expected(milestone: Milestone, p80_on: str | None) -> Milestone:
    milestone.forecast = MilestoneForecast(milestone=milestone, p80_on=_day(p80_on))
    return milestone


def _hand_offs(told: Row, program_id: int) -> list[Dependency]:
    ends = Dependency.objects.select_related("predecessor__program", "predecessor__forecast", "successor__program")
    rows = _rows(ends, told["hand_offs"])
    for row, fact in rows:
        row.predecessor.done_on = None  # else it would not have been among them
        row.agreement = fact.get("agreement", row.agreement)
        if "expected_on" in fact:  # updates of before it was kept tell of the P80 of now
            _expected(row.predecessor, fact["expected_on"])
    return sorted([row for row, _ in rows], key=lambda row: (row.need_by_on or date.max, row.pk))


def _health(program: Program, derived: Row | None) -> dict[int, ProgramHealth]:
    if not derived:
        return {}
    fields = {name: derived[name] for name in HEALTH} | {name: _day(derived[name]) for name in HEALTH_DAYS}
    computed_at = datetime.fromisoformat(derived["computed_at"])
    return {program.pk: ProgramHealth(program=program, run_id=derived["run"], computed_at=computed_at, **fields)}


def _policy(derived: Row | None) -> HealthPolicy:
    judged_by = HealthPolicy.objects.filter(version=derived["policy_version"]).first() if derived else None
    return judged_by or newest_policy()


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None
