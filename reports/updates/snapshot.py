"""The facts of a program that an update is written on: frozen as JSON with what is published, read back for its page.

Rows say how they stood when the last update was published (``was``), so that what changed can be told, and recomputed,
from the snapshot alone. Of a private program that this one gives to or takes from, nothing but its id is kept.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db.models import F, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from forecasts.models import ProgramHealth
from metrics import kpis
from metrics.models import KPI, Measurement
from milestones.models import DateMove, Dependency, Milestone, due_of
from people.services import organisation_zone
from programs.models import Program
from reports.models import Update
from reports.since import NEWS, Since

# Without an earlier update, what is news is of the last days.
FIRST_DAYS = 7


def take(program: Program, at: datetime) -> dict[str, Any]:
    """The facts of a program at a moment, as JSON: what an update was written on. Fourteen queries at most."""
    zone = organisation_zone()
    day = at.astimezone(zone).date()
    last = _last(program, at)
    # A correction is written on the facts of what it corrects: news counts from those, not from its own day.
    since = datetime.fromisoformat(last.snapshot["at"]) if last and last.snapshot else at - timedelta(days=FIRST_DAYS)
    since_day = since.astimezone(zone).date()
    derived = ProgramHealth.objects.filter(program=program, day__lte=day).order_by("-day").first()
    reported = program.reported_healths.order_by("-at", "-id").first()
    facts: dict[str, Any] = {
        "at": at.isoformat(),
        "day": _iso(day),
        "since": {"update": last.pk if last else None, "at": since.isoformat(), "day": _iso(since_day)},
        "program": program.pk,
        "target_on": _iso(program.target_on),
        "target_precision": program.target_precision,
        "state": program.state,
        "sponsored": program.sponsor_id is not None,
        "derived": derived and _derived(derived),
        "derived_before": _derived_before(program, last, since_day),
        "reported_before": reported
        and {"health": reported.health, "because": reported.because, "at": reported.at.isoformat()},
        "milestones": _milestones(program, since),
        "kpis": _kpis(program, day, since_day),
        "baselines": _baselines(program, Since.after(since, zone)),
        "moves": _moves(program, since, at),
        "hand_offs": _hand_offs(program, since),
    }
    facts |= _risks(program, since, since_day) | _issues(program, since, since_day)
    facts |= _decisions(program, since, since_day)
    facts["others"] = _others(facts)
    for derived in filter(None, (facts["derived"], facts["derived_before"])):
        derived["findings"] = [_veiled(item, facts) for item in derived["findings"]]
    return facts


def _last(program: Program, at: datetime) -> Update | None:
    rows = program.updates.published().filter(published_at__lt=at)
    return rows.defer("text", "ask").order_by("-published_at", "-id").first()


# -- the forecast ----------------------------------------------------------------------------------------------------


def _derived(row: ProgramHealth) -> dict[str, Any]:
    return {
        "day": _iso(row.day),
        "health": row.health,
        "finish_on": _iso(row.finish_on),
        "p50_on": _iso(row.p50_on),
        "p80_on": _iso(row.p80_on),
        "chance": row.chance,
        "target_on": _iso(row.target_on),
        "slip_days": row.slip_days,
        "is_stale": row.is_stale,
        "findings": row.findings,
        "policy_version": row.policy_version,
        "run": row.run_id,
        "plan_revision": row.plan_revision,
        "revision": row.revision,
        "computed_at": row.computed_at.isoformat(),
    }


def _derived_before(program: Program, last: Update | None, since_day: date) -> dict[str, Any] | None:
    """What the last update was written on; where there is none, what was derived on the day that news is counted from.

    A day has one row, which later runs replace: only the last update's own snapshot still knows what it said.
    """
    if last:
        found: dict[str, Any] | None = (last.snapshot or {}).get("derived")
        return found
    row = ProgramHealth.objects.filter(program=program, day__lte=since_day).order_by("-day").first()
    return _derived(row) if row else None


# -- records of the program ------------------------------------------------------------------------------------------


def _was(model: type[Model], since: datetime, *fields: str) -> Subquery:
    """Fields of a row as they stood at a moment; null where it did not exist then."""
    events: Any = apps.get_model(f"{model._meta.label}Event")._default_manager
    stood = events.at(since).filter(pgh_obj_id=OuterRef("pk")).order_by("-pgh_id")
    return Subquery(stood.values(was=JSONObject(**{name: name for name in fields}))[:1])


def _milestones(program: Program, since: datetime) -> list[dict[str, Any]]:
    rows: QuerySet[Any] = program.milestones.select_related("owner", "forecast").order_by("target_on", "id")
    return [
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
            "was": row.was,
        }
        for row in rows.annotate(was=_was(Milestone, since, "target_on", "done_on", "cancelled_on"))
    ]


def _kpis(program: Program, day: date, since_day: date) -> list[dict[str, Any]]:
    found = []
    newest = Measurement.objects.filter(kpi=OuterRef("pk")).order_by("-on")

    def measured(until: date) -> Subquery:
        return Subquery(newest.filter(on__lte=until).values("value")[:1])

    rows: QuerySet[Any] = KPI.objects.filter(program=program, retired_on=None).order_by("name", "id")
    for row in rows.annotate(
        value=measured(day), before=measured(since_day), on=Subquery(newest.filter(on__lte=day).values("on")[:1])
    ):
        state = kpis.state(row, value=row.value, on=row.on, today=day)
        found.append(
            {
                "id": row.pk,
                "version": row.version,
                "name": row.name,
                "unit": row.unit,
                "direction": row.direction,
                "cadence": row.cadence,
                "target": _number(row.target_value),
                "limit": _number(row.limit_value),
                "value": _number(row.value),
                "measured_on": _iso(row.on),
                "standing": state.standing.value,
                "expected": _number(state.expected),
                "was": {"value": _number(row.before)},
            }
        )
    return found


def _risks(program: Program, since: datetime, since_day: date) -> dict[str, Any]:
    recent = Q(closed_on=None) | Q(closed_on__gte=since_day - NEWS)
    rows: QuerySet[Any] = program.risks.filter(recent).select_related("owner").order_by("id")
    found = [
        {
            "id": row.pk,
            "version": row.version,
            "title": row.title,
            "owner": row.owner.name if row.owner else None,
            "probability": None if row.probability is None else str(row.probability),
            "likelihood": row.likelihood_score,
            "impact": row.impact_score,
            "review_on": _iso(row.review_on),
            "raised_on": _iso(row.raised_on),
            "closed_on": _iso(row.closed_on),
            "was": row.was,
        }
        for row in rows.annotate(was=_was(program.risks.model, since, "closed_on", "review_on"))
    ]
    return {
        "risks": [row for row in found if not row["closed_on"]],
        "closed_risks": [row for row in found if row["closed_on"]],
    }


def _issues(program: Program, since: datetime, since_day: date) -> dict[str, Any]:
    recent = Q(closed_on=None) | Q(closed_on__gte=since_day - NEWS)
    rows: QuerySet[Any] = program.issues.filter(recent).select_related("owner").order_by("id")
    return {
        "issues": [
            {
                "id": row.pk,
                "version": row.version,
                "title": row.title,
                "owner": row.owner.name if row.owner else None,
                "raised_on": _iso(row.raised_on),
                "due_on": _iso(row.due_on),
                "closed_on": _iso(row.closed_on),
                "was": row.was,
            }
            for row in rows.annotate(was=_was(program.issues.model, since, "closed_on", "due_on"))
        ]
    }


def _decisions(program: Program, since: datetime, since_day: date) -> dict[str, Any]:
    recent = Q(decided_on=None) | Q(decided_on__gte=since_day - NEWS)
    rows: QuerySet[Any] = program.decisions.filter(recent).select_related("decider")
    rows = rows.annotate(was=_was(program.decisions.model, since, "decided_on", "decide_by_on"))
    found = [
        {
            "id": row.pk,
            "version": row.version,
            "question": row.question,
            "answer": row.answer,
            "decider": row.decider.name if row.decider else None,
            "decide_by_on": _iso(row.decide_by_on),
            "decided_on": _iso(row.decided_on),
            "was": row.was,
        }
        for row in rows.order_by(F("decide_by_on").asc(nulls_last=True), "id")
    ]
    return {
        "decisions": [row for row in found if not row["decided_on"]],
        "decided": [row for row in found if row["decided_on"]],
    }


def _baselines(program: Program, since: Since) -> list[dict[str, Any]]:
    rows = since.approved(program.baselines.all()).select_related("approved_by").order_by("id")
    return [
        {"id": row.pk, "name": row.name, "approved_on": _iso(row.approved_on), "by": row.approved_by.name}
        for row in rows
    ]


# -- what crosses programs -------------------------------------------------------------------------------------------


def _moves(program: Program, since: datetime, at: datetime) -> list[dict[str, Any]]:
    """Promised dates that were moved, with their cause. Each is told by this program's own milestone."""
    rows = DateMove.objects.filter(program=program, at__gt=since, at__lte=at).order_by("at", "id")
    found = []
    for row in rows.select_related("cause", "milestone", "dependency__predecessor", "dependency__successor"):
        ends = (row.dependency.predecessor, row.dependency.successor) if row.dependency else ()
        own = row.milestone or next((end for end in ends if end.program_id == program.pk), None)
        found.append(
            {
                "id": row.pk,
                "field": row.field,
                "name": own.name if own else None,
                "before_on": _iso(row.before_on),
                "after_on": _iso(row.after_on),
                "cause": row.cause.name,
                "at": row.at.isoformat(),
            }
        )
    return found


def _hand_offs(program: Program, since: datetime) -> list[dict[str, Any]]:
    """Open hand-offs of both directions with their days; the other end is named in ``others``, if it may be."""
    rows: QuerySet[Any] = (
        Dependency.objects.pending()
        .filter(Q(predecessor__program=program) | Q(successor__program=program))
        .select_related("predecessor__program", "predecessor__forecast", "successor__program")
        .annotate(was=_was(Dependency, since, "need_by_on", "promised_on"))
        .order_by("id")
    )
    found = []
    for row in rows:
        takes = row.successor.program_id == program.pk
        own, other = (row.successor, row.predecessor) if takes else (row.predecessor, row.successor)
        is_open = other.program.visibility == Program.Visibility.ORGANISATION
        expected = row.predecessor.forecast if hasattr(row.predecessor, "forecast") else None
        found.append(
            {
                "id": row.pk,
                "version": row.version,
                "takes": takes,
                "name": own.name,
                "other": other.program_id,
                "other_name": other.name if is_open else None,
                "agreement": row.agreement,
                "need_by_on": _iso(row.need_by_on),
                "promised_on": _iso(row.promised_on),
                "expected_on": _iso(expected.p80_on) if expected and (is_open or not takes) else None,
                "was": row.was,
            }
        )
    return found


def _others(facts: dict[str, Any]) -> dict[str, str]:
    """Names of other programs that the facts speak of, by id, of those that everybody may see."""
    named = {row["other"] for row in facts["hand_offs"]}
    for derived in (facts["derived"], facts["derived_before"]):
        named |= {item["record"]["program"] for item in (derived or {}).get("findings", [])}
    named -= {facts["program"], None}
    if not named:
        return {}
    rows = Program.objects.filter(pk__in=named, visibility=Program.Visibility.ORGANISATION)
    return {str(pk): name for pk, name in rows.order_by("pk").values_list("pk", "name")}


def _veiled(item: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """A finding; of a private program no more than its rule and its days."""
    program = item["record"]["program"]
    if program == facts["program"] or str(program) in facts["others"]:
        return item
    return item | {"record": item["record"] | {"id": 0}, "label": "", "value": None, "limit": None}


# -- read back -------------------------------------------------------------------------------------------------------


def shown(facts: Any) -> Any:
    """What ``read`` says, with the day that each milestone is held against, for a page."""
    found = read(facts)
    for row in (found or {}).get("milestones", ()):
        row["due_on"] = due_of(row["is_end"], row["target_on"], found["target_on"])
    return found


def read(facts: Any) -> Any:
    """The same facts with their days as dates."""
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
