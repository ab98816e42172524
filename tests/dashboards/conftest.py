"""A portfolio of any size, written as rows: pages are judged by what they show, not by how it came about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from forecasts.health import Finding, finding
from forecasts.models import FrozenHealth, MilestoneForecast, ProgramHealth, Run
from milestones.models import Dependency, Milestone, Workstream
from people.models import Team, User
from programs.models import Health, Program, ReportedHealth, Revision
from reports.models import Update
from risks.models import Decision, Risk, RiskImpact

WORDS = [
    "Cluster",
    "Fleet",
    "Region",
    "Storage",
    "Network",
    "Edge",
    "Identity",
    "Build",
    "Cost",
    "Trust",
    "Queue",
    "Mesh",
]
SLIPS = [49, 34, 21, 19, 14, 4, 3, 3, -2, -5, -1, None]
WEEKS = 13


def judged(slip: int | None) -> Health:
    if slip is None:
        return Health.NO_FORECAST
    return Health.ON_TRACK if slip <= 7 else Health.AT_RISK if slip <= 30 else Health.OFF_TRACK


def due(program: Program) -> date:
    assert program.target_on is not None
    return program.target_on


def evidence(slip: int, path: list[Milestone]) -> list[Finding]:
    """What forecasts leave behind: a verdict, and where on the path the days of a slip arose."""
    end = path[-1]
    health = judged(slip).value
    found = [
        finding(
            "p80",
            ("milestone", end.pk, end.program_id),
            end.name,
            value=slip,
            limit=30 if slip > 30 else 7,
            unit="days",
            health=health,
        )
    ]
    if slip > 0:
        for milestone, part in ((path[1], slip - slip // 3), (path[2], slip // 3)):
            record = ("milestone", milestone.pk, milestone.program_id)
            day = str(milestone.target_on)
            found.append(finding("own_work", record, milestone.name, value=day, limit=day, days=part))
    return found


def spread(p80: date) -> dict[str, Any]:
    """A forecast whose P50 lies ten days before its P80, and whose quantiles lie evenly between and around them."""
    days = [p80 + timedelta(days=round((step - 16) * 10 / 6)) for step in range(1, 20)]
    return {"p50_on": p80 - timedelta(days=10), "p80_on": p80, "quantiles": days, "basis": "points"}


def write_portfolio(count: int, people: list[User]) -> list[Program]:
    """Programs P0, P1, … with a quarter's history: the same every time, dated from today."""
    now = timezone.now()
    today = now.date()
    run = Run.objects.create(day=today, engine_version="1", inputs_digest="0" * 64, revisions={}, computed_at=now)
    teams = [Team.objects.get_or_create(name=f"{word} team")[0] for word in WORDS[:5]]
    programs = Program.objects.bulk_create(
        Program(
            key=f"P{n}",
            name=f"{WORDS[n % 12]} program {n}",
            area=WORDS[n % 3],
            lead=people[n % len(people)],
            owning_team=teams[n % 5],
            target_on=today + timedelta(days=30 + n * 17 % 300),
        )
        for n in range(count)
    )
    Revision.objects.bulk_create(Revision(program=p) for p in programs)
    streams = Workstream.objects.bulk_create(
        Workstream(program=p, name=name, position=i)
        for p in programs
        for i, name in enumerate(("Site and power", "Network"))
    )
    milestones = Milestone.objects.bulk_create(
        Milestone(
            program=p,
            workstream=streams[2 * n + i % 2] if i < 3 else None,
            name=f"{WORDS[(n + i) % 12]} step {i + 1}",
            is_end=i == 3,
            target_on=due(p) - timedelta(days=40 * (3 - i)),
            done_on=today - timedelta(days=3) if i == 0 else None,
        )
        for n, p in enumerate(programs)
        for i in range(4)
    )
    links = [
        Dependency(predecessor=milestones[4 * n + i], successor=milestones[4 * n + i + 1])
        for n in range(count)
        for i in range(3)
    ]
    links += [
        Dependency(
            predecessor=milestones[4 * n + 2],
            successor=milestones[4 * n + 6],
            need_by_on=today + timedelta(days=20),
            promised_on=today + timedelta(days=30),
            agreement="accepted",
        )
        for n in range(count - 1)
    ]
    Dependency.objects.bulk_create(links)
    MilestoneForecast.objects.bulk_create(
        MilestoneForecast(
            milestone=m,
            program_id=m.program_id,
            run=run,
            start_on=m.target_on,
            finish_on=m.target_on + timedelta(days=(SLIPS[i // 4 % 12] or 0) - 20),
            on_longest_path=i % 2 == 1,
            target_on=m.target_on,
            chance=0.11,
            **spread(m.target_on + timedelta(days=SLIPS[i // 4 % 12] or 0)),
        )
        for i, m in enumerate(milestones)
        if m.target_on
    )
    healths, words, updates = [], [], []
    for n, p in enumerate(programs):
        for week in range(WEEKS):
            final = SLIPS[n % 12]
            slip = None if final is None else final - week * (n % 5 - 1)
            day = today - timedelta(weeks=week)
            healths.append(
                ProgramHealth(
                    program=p,
                    day=day,
                    health=judged(slip),
                    target_on=p.target_on,
                    finish_on=None if slip is None else due(p) + timedelta(days=slip - 20),
                    p50_on=None if slip is None else due(p) + timedelta(days=slip - 10),
                    p80_on=None if slip is None else due(p) + timedelta(days=slip),
                    chance=None if slip is None else 0.11,
                    slip_days=slip,
                    is_stale=n % 9 == 7,
                    findings=[] if slip is None else evidence(slip, milestones[4 * n : 4 * n + 4]),
                    policy_version=1,
                    run=run,
                    plan_revision=1,
                    revision=1,
                    computed_at=now,
                )
            )
        at = datetime.combine(today - timedelta(days=n % 14), time(9), UTC)
        health = ("on_track", "at_risk", "off_track")[0 if n % 4 else n % 3]
        words.append(ReportedHealth(program=p, health=health, because="Said so.", by=people[0], at=at))
        updates.append(
            Update(
                program=p,
                author=people[0],
                health=health,
                text="All **well**.",
                begun_at=at,
                published_at=at,
                snapshot={},
            )
        )
    ProgramHealth.objects.bulk_create(healths)
    names = [field.attname for field in FrozenHealth._meta.concrete_fields if field.attname != "id"]
    FrozenHealth.objects.bulk_create(
        FrozenHealth(**{name: getattr(row, name) for name in names}) for row in healths if row.day == today
    )
    ReportedHealth.objects.bulk_create(words)
    Update.objects.bulk_create(updates)
    risks = Risk.objects.bulk_create(
        Risk(
            program=p,
            title=f"{WORDS[(n + 5) % 12]} supplier is late",
            probability="0.4",
            likelihood_score=n % 5 + 1,
            impact_score=(n + 2) % 5 + 1,
            raised_on=today - timedelta(days=n % 40),
        )
        for n, p in enumerate(programs)
    )
    RiskImpact.objects.bulk_create(
        RiskImpact(risk=r, milestone=milestones[4 * n + 3], low=480, likely=4800, high=9600)
        for n, r in enumerate(risks)
    )
    Decision.objects.bulk_create(
        Decision(
            program=p, question="Rent power?", raised_on=today - timedelta(days=9), decided_on=today, answer="Yes."
        )
        for p in programs[::6]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # rows of an open transaction are hidden from whoever else would count them
    return programs


@pytest.fixture
def portfolio_of() -> Callable[[int, list[User]], list[Program]]:
    return write_portfolio
