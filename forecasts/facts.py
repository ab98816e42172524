"""What derived health is judged by, read for any number of programs in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, timedelta

from django.db import connection
from django.db.models import F, Max, Min
from django.db.models.functions import TruncDate

from forecasts.calendars import Calendars
from forecasts.health import NETWORK_RULES, End, Facts, Finding, Step, finding
from forecasts.models import ProgramHealth
from forecasts.rows import Obstacle
from metrics import kpis
from metrics.models import KPI, Measurement
from milestones.models import Dependency, Milestone
from people.services import organisation_zone
from programs.models import Health, Phase, Program, ReportedHealth
from risks.models import Issue

# From each end backwards. What no link holds, since it is done or waits for today alone, followed the predecessor that
# was done last, unless it was not to begin before a later day: that one's lateness did not arise here.
DRIVING_PATHS = """
    WITH RECURSIVE path (program_id, milestone_id, finish_on, driven_by_id, back) AS (
        SELECT m.program_id, f.milestone_id, f.finish_on, f.driven_by_id, 0
        FROM milestones_milestone m JOIN forecasts_milestoneforecast f ON f.milestone_id = m.id
        WHERE m.is_end AND m.cancelled_on IS NULL AND m.program_id = ANY(%(programs)s)
        UNION ALL
        SELECT path.program_id, f.milestone_id, f.finish_on, f.driven_by_id, path.back + 1
        FROM path JOIN LATERAL (
            SELECT COALESCE(path.driven_by_id, (
                SELECT giver.milestone_id FROM milestones_dependency link
                JOIN milestones_milestone receiver ON receiver.id = link.successor_id
                JOIN forecasts_milestoneforecast giver ON giver.milestone_id = link.predecessor_id
                WHERE receiver.id = path.milestone_id AND link.kind IN ('FS', 'FF') AND giver.basis = 'done'
                    AND giver.finish_on <= path.finish_on
                    AND COALESCE(receiver.not_before_on, giver.finish_on) <= giver.finish_on
                ORDER BY giver.finish_on DESC, giver.milestone_id LIMIT 1
            )) AS milestone_id
        ) before ON true JOIN forecasts_milestoneforecast f ON f.milestone_id = before.milestone_id
        WHERE path.back < %(longest)s
    )
    SELECT path.program_id, m.id, m.program_id, m.name, path.finish_on,
        COALESCE(newest.finish_on, CASE WHEN m.is_end THEN p.target_on END, m.target_on),
        newest.finish_on IS NULL AND EXISTS (SELECT 1 FROM milestones_baseline b WHERE b.program_id = m.program_id),
        m.team_id
    FROM path JOIN milestones_milestone m ON m.id = path.milestone_id JOIN programs_program p ON p.id = m.program_id
    LEFT JOIN LATERAL (
        SELECT d.finish_on FROM milestones_baselinedate d JOIN milestones_baseline b ON b.id = d.baseline_id
        WHERE d.milestone_id = m.id ORDER BY b.approved_on DESC, b.id DESC LIMIT 1
    ) newest ON true
    ORDER BY path.program_id, path.back DESC
"""
# No sound network is deeper; rows that a failed run left in a ring must not turn for ever.
LONGEST_PATH = 100_000

ByProgram = dict[int, list[Finding]]


def load(
    program_ids: Collection[int], calendars: Calendars, today: date, obstacles: Mapping[int, Obstacle] | None
) -> list[Facts]:
    """Facts of each program as the rows stand now, in the order of their ids.

    ``obstacles`` are those of the run just made; without a run the ones that the programs' rows of today name still
    hold.
    """
    ids = sorted(program_ids)
    ends = _ends(ids)
    paths = _paths(ids, calendars)
    earlier = _earlier(ids, today)
    known_since = dict(
        ProgramHealth.objects.filter(program__in=ids).order_by().values_list("program").annotate(first=Min("day"))
    )
    lowering, hygiene = _lowering(ids, today), _gates(ids, today)
    updated = _updated(ids)
    stuck = _obstacles(ends, obstacles or {})
    return [
        Facts(
            program=pk,
            name=name,
            state=state,
            target_on=target_on,
            end=ends.get(pk),
            path=paths[pk],
            obstacle=stuck.get(pk) if obstacles is not None else _carried(earlier[pk]),
            lowering=lowering[pk],
            hygiene=hygiene[pk],
            updated_on=updated.get(pk),
            known_since=known_since.get(pk),
            earlier=earlier[pk],
        )
        for pk, name, state, target_on in Program.objects.filter(pk__in=ids)
        .order_by("pk")
        .values_list("pk", "name", "state", "target_on")
    ]


def _ends(ids: Collection[int]) -> dict[int, End]:
    rows = Milestone.objects.filter(program__in=ids, is_end=True, cancelled_on=None).order_by("pk")
    columns = (
        "program_id", "pk", "name", "target_on", "done_on", "forecast__finish_on", "forecast__p50_on",
        "forecast__p80_on", "forecast__chance",
    )  # fmt: skip
    return {
        program: End(pk, name, target_on, done_on, finish_on or done_on, p50 or done_on, p80 or done_on, chance)
        for program, pk, name, target_on, done_on, finish_on, p50, p80, chance in rows.values_list(*columns)
    }


def _paths(ids: list[int], calendars: Calendars) -> dict[int, list[Step]]:
    found: dict[int, list[Step]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(DRIVING_PATHS, {"programs": ids, "longest": LONGEST_PATH})
        for program, pk, owner, name, finish_on, reference_on, is_added, team in cursor.fetchall():
            holidays = calendars.holidays(team)
            found[program].append(Step(pk, owner, name, finish_on, reference_on, is_added, holidays))
    return found


def _earlier(ids: Collection[int], today: date) -> dict[int, list[Finding]]:
    """The findings of each program's newest row: who finds the same again finds it since then."""
    rows = ProgramHealth.objects.filter(program__in=ids, day__lte=today).order_by("program_id", "-day")
    found: dict[int, list[Finding]] = defaultdict(list)
    found.update(rows.distinct("program_id").values_list("program_id", "findings"))
    return found


def _carried(earlier: Collection[Finding]) -> Finding | None:
    return next((item for item in earlier if item["rule"] in NETWORK_RULES), None)


def _obstacles(ends: Mapping[int, End], obstacles: Mapping[int, Obstacle]) -> dict[int, Finding]:
    """Why the end milestones that a run could not compute have no forecast."""
    found = {program: obstacles[end.milestone] for program, end in ends.items() if end.milestone in obstacles}
    if not found:
        return {}
    to_mend = Milestone.objects.filter(pk__in={obstacle.milestone for obstacle in found.values()})
    named = {pk: (program, name) for pk, program, name in to_mend.values_list("pk", "program_id", "name")}
    return {
        program: finding(
            obstacle.rule,
            ("milestone", obstacle.milestone, named[obstacle.milestone][0]),
            named[obstacle.milestone][1],
            value=obstacle.size,
            unit="milestones" if obstacle.size else "",
        )
        for program, obstacle in found.items()
    }


def _lowering(ids: Collection[int], today: date) -> ByProgram:
    """What asks for at risk by itself: KPIs past their limit, hand-offs promised too late, issues past their day."""
    found: ByProgram = defaultdict(list)
    at_risk = Health.AT_RISK.value
    newest = {row.kpi_id: row for row in Measurement.objects.filter(kpi__program__in=ids).newest(today)}
    for kpi in KPI.objects.filter(program__in=ids, retired_on=None).exclude(limit_value=None).order_by("pk"):
        row = newest.get(kpi.pk)
        state = kpis.state(kpi, value=row.value if row else None, on=row.on if row else None, today=today)
        if state.is_past_limit and state.value is not None and kpi.limit_value is not None:
            found[kpi.program_id].append(
                finding(
                    "kpi",
                    ("kpi", kpi.pk, kpi.program_id),
                    kpi.name,
                    value=float(state.value),
                    limit=float(kpi.limit_value),
                    unit=kpi.unit,
                    health=at_risk,
                )
            )
    late = (
        Dependency.objects.pending().filter(successor__program__in=ids, promised_on__gt=F("need_by_on")).order_by("pk")
    )
    late = late.annotate(days=F("promised_on") - F("need_by_on"))
    columns = ("pk", "successor__program_id", "predecessor__program_id", "predecessor__name", "days")
    for pk, receiver, giver, name, days in late.values_list(*columns):
        record = ("dependency", pk, giver)
        found[receiver].append(finding("hand_off", record, name, value=days.days, limit=0, unit="days", health=at_risk))
    for issue in Issue.objects.filter(program__in=ids).overdue(today).order_by("pk"):
        if issue.due_on:
            found[issue.program_id].append(
                finding(
                    "issue",
                    ("issue", issue.pk, issue.program_id),
                    issue.title,
                    value=(today - issue.due_on).days,
                    limit=0,
                    unit="days",
                    since=issue.due_on + timedelta(days=1),
                    health=at_risk,
                )
            )
    return found


def _gates(ids: Collection[int], today: date) -> ByProgram:
    """Gates that nobody decided by their day."""
    found: ByProgram = defaultdict(list)
    for phase in Phase.objects.filter(program__in=ids, decision="", gate_on__lt=today).order_by("gate_on", "pk"):
        if phase.gate_on:
            found[phase.program_id].append(
                finding(
                    "gate",
                    ("phase", phase.pk, phase.program_id),
                    phase.get_kind_display(),
                    value=(today - phase.gate_on).days,
                    limit=0,
                    unit="days",
                    since=phase.gate_on + timedelta(days=1),
                )
            )
    return found


def _updated(ids: Collection[int]) -> dict[int, date]:
    """The organisation's day of each program's last report."""
    zone = organisation_zone()
    rows = ReportedHealth.objects.filter(program__in=ids).order_by().values("program_id")
    latest = rows.annotate(on=TruncDate(Max("at"), tzinfo=zone)).values_list("program_id", "on")
    return dict(latest)
