"""The facts of a program that a published update was written on: frozen as JSON, read back for its page."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F

from forecasts.models import ProgramHealth
from metrics import kpis
from metrics.models import KPI, Measurement
from people.services import today
from programs.models import Program


def take(program: Program, at: datetime) -> dict[str, Any]:
    """The facts of a program at a moment, as JSON: what an update was written on."""
    day = today(at)
    derived = ProgramHealth.objects.filter(program=program, day__lte=day).order_by("-day").first()
    reported = program.reported_healths.select_related("by").order_by("-at", "-id").first()
    risks = program.risks.open().select_related("owner").order_by("id")
    milestones = program.milestones.select_related("owner", "forecast").order_by("target_on", "id")
    measured = {
        row.kpi_id: row
        for row in Measurement.objects.filter(kpi__program=program, on__lte=day).order_by("kpi", "-on").distinct("kpi")
    }
    kpis = KPI.objects.filter(program=program, retired_on=None).order_by("name", "id")
    decisions = program.decisions.waiting().select_related("decider")
    return {
        "at": at.isoformat(),
        "day": _iso(day),
        "target_on": _iso(program.target_on),
        "target_precision": program.target_precision,
        "state": program.state,
        "derived": derived
        and {
            "day": _iso(derived.day),
            "health": derived.health,
            "finish_on": _iso(derived.finish_on),
            "p50_on": _iso(derived.p50_on),
            "p80_on": _iso(derived.p80_on),
            "chance": derived.chance,
            "target_on": _iso(derived.target_on),
            "slip_days": derived.slip_days,
            "is_stale": derived.is_stale,
            "findings": derived.findings,
            "policy_version": derived.policy_version,
            "run": derived.run_id,
            "plan_revision": derived.plan_revision,
            "revision": derived.revision,
            "computed_at": derived.computed_at.isoformat(),
        },
        "reported_before": reported
        and {"health": reported.health, "because": reported.because, "at": reported.at.isoformat()},
        "risks": [
            {
                "id": row.pk,
                "version": row.version,
                "title": row.title,
                "owner": row.owner.name if row.owner else None,
                "probability": None if row.probability is None else str(row.probability),
                "likelihood": row.likelihood_score,
                "impact": row.impact_score,
                "review_on": _iso(row.review_on),
            }
            for row in risks
        ],
        "milestones": [
            {
                "id": row.pk,
                "version": row.version,
                "name": row.name,
                "is_end": row.is_end,
                "owner": row.owner.name if row.owner else None,
                "target_on": _iso(row.target_on),
                "forecast_on": _iso(row.forecast.p80_on) if hasattr(row, "forecast") else None,
                "done_on": _iso(row.done_on),
                "cancelled_on": _iso(row.cancelled_on),
            }
            for row in milestones
        ],
        "kpis": [
            {
                "id": row.pk,
                "version": row.version,
                "name": row.name,
                "unit": row.unit,
                "direction": row.direction,
                "target": _number(row.target_value),
                "limit": _number(row.limit_value),
                "value": _number(measured[row.pk].value) if row.pk in measured else None,
                "measured_on": _iso(measured[row.pk].on) if row.pk in measured else None,
                "standing": _standing(row, measured.get(row.pk), day),
            }
            for row in kpis
        ],
        "decisions": [
            {
                "id": row.pk,
                "version": row.version,
                "question": row.question,
                "decider": row.decider.name if row.decider else None,
                "decide_by_on": _iso(row.decide_by_on),
            }
            for row in decisions.order_by(F("decide_by_on").asc(nulls_last=True), "id")
        ],
    }


def read(facts: Any) -> Any:
    """The same facts with their days as dates, for a page."""
    if isinstance(facts, list):
        return [read(fact) for fact in facts]
    if isinstance(facts, dict):
        return {
            name: _day(value) if name == "day" or name.endswith("_on") else read(value) for name, value in facts.items()
        }
    return facts


def _day(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _number(value: Decimal | None) -> str | None:
    """A stored number without idle zeros: never 1E+3."""
    return None if value is None else f"{value.normalize():f}"


def _standing(kpi: KPI, measured: Measurement | None, day: date) -> str:
    value, on = (measured.value, measured.on) if measured else (None, None)
    return kpis.state(kpi, value=value, on=on, today=day).standing.value
