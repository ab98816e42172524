"""Pages of lists, details and forms ask the database at most 25 questions, however many rows there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import history
from dashboards.milestones import MILESTONES
from metrics.models import KPI, Measurement
from milestones.models import (
    Baseline,
    BaselineDate,
    DateMove,
    Dependency,
    Milestone,
    Requirement,
    SlipCause,
    Workstream,
)
from people.models import Team, User
from programs.models import Program
from programs.pages import goes_back
from risks.models import Assumption, Decision, Issue, MitigationAction, Problem, ProblemCost, Risk, RiskImpact
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast

MOST_QUERIES = 25
MANY = 120
AGO = timedelta(days=20)


@pytest.fixture(autouse=True)
def twenty_days_ago(db: None) -> Iterator[None]:
    """All was written so long ago that pages of the past show it, too."""
    with history.replaying(timezone.now() - AGO):
        yield


@pytest.fixture
def crowd(cast: Cast) -> dict[str, int]:
    """Enough of everything to fill a page and begin another, each row with another owner, milestone and program."""
    users = User.objects.bulk_create(User(email=f"p{n}@example.com", name=f"Person {n}") for n in range(MANY))
    others = Program.objects.bulk_create(Program(key=f"X{n}", name=f"Other {n}") for n in range(MANY))
    teams = Team.objects.bulk_create(Team(name=f"Team {n}", capacity_days=5) for n in range(MANY))
    stream = Workstream.objects.create(program=cast.na4, name="Power")
    mine = Milestone.objects.bulk_create(
        Milestone(program=cast.na4, name=f"Step {n}", owner=users[n], workstream=stream, target_on=FRIDAY)
        for n in range(MANY)
    )
    theirs = Milestone.objects.bulk_create(
        Milestone(program=others[n], name=f"Part {n}", owner=users[n], team=teams[n // 2], demand_days=3)
        for n in range(MANY)
    )
    Dependency.objects.bulk_create(
        Dependency(
            predecessor=theirs[n],
            successor=mine[0 if n < 60 else n],
            need_by_on=FRIDAY,
            promised_on=FRIDAY,
            agreement="accepted",
        )
        for n in range(MANY)
    )
    Requirement.objects.bulk_create(
        Requirement(program=cast.na4, text=f"Need {n}", milestone=mine[n], scope_since_on=FRIDAY) for n in range(MANY)
    )
    baseline = Baseline.objects.create(program=cast.na4, name="Plan", approved_on=FRIDAY, approved_by=cast.lead)
    BaselineDate.objects.bulk_create(BaselineDate(baseline=baseline, milestone=m, finish_on=FRIDAY) for m in mine)
    risks = Risk.objects.bulk_create(
        Risk(
            program=cast.na4 if n % 2 else others[n],
            title=f"Risk {n}",
            owner=users[n],
            probability=Decimal("0.5"),
            likelihood_score=n % 5 + 1,
            impact_score=n % 3 + 1,
            raised_on=FRIDAY,
        )
        for n in range(MANY)
    )
    RiskImpact.objects.bulk_create(
        RiskImpact(risk=risks[1], milestone=mine[n], low=480, likely=480, high=960) for n in range(40)
    )
    MitigationAction.objects.bulk_create(
        MitigationAction(risk=risk, text="Act", owner=users[0], due_on=FRIDAY) for risk in risks for _ in range(2)
    )
    Issue.objects.bulk_create(
        Issue(program=cast.na4, title=f"Issue {n}", owner=users[n], milestone=mine[n], raised_on=FRIDAY)
        for n in range(MANY)
    )
    Assumption.objects.bulk_create(Assumption(program=cast.na4, text=f"Held {n}", owner=users[n]) for n in range(MANY))
    decisions = Decision.objects.bulk_create(
        Decision(program=cast.na4, question=f"Which {n}?", decider=users[n], raised_on=FRIDAY) for n in range(MANY)
    )
    causes = SlipCause.objects.bulk_create(SlipCause(name=f"Cause {n}") for n in range(MANY))
    DateMove.objects.bulk_create(
        DateMove(
            program=m.program, milestone=m, field="target", before_on=FRIDAY, after_on=FRIDAY + timedelta(days=n + 1),
            cause=causes[n], by=users[n], at=timezone.now(),
        )
        for n in range(MANY)
        for m in (theirs[n], mine[n])
    )  # fmt: skip
    problems = Problem.objects.bulk_create(
        Problem(title=f"Problem {n}", owner=users[n], cause=causes[n], program=others[n], opened_on=FRIDAY)
        for n in range(MANY)
    )
    ProblemCost.objects.bulk_create(
        ProblemCost(problem=problem, program=of, quarter_on=date(2026, 10, 1), days=3, slips=1)
        for problem in problems
        for of in others[:40]
    )
    kpis = KPI.objects.bulk_create(KPI(program=cast.na4, name=f"Number {n}", owner=users[n]) for n in range(MANY))
    Measurement.objects.bulk_create(
        Measurement(kpi=kpi, on=FRIDAY - timedelta(days=7 * n), value=n) for kpi in kpis[:60] for n in range(3)
    )
    return {
        "m": mine[0].pk,
        "risk": risks[1].pk,
        "issue": Issue.objects.latest("pk").pk,
        "decision": decisions[0].pk,
        "problem": problems[0].pk,
        "team": teams[0].pk,
        "kpi": kpis[0].pk,
        "link": Dependency.objects.latest("pk").pk,
        "baseline": baseline.pk,
    }


PAGES = [
    "/roadmap",
    "/roadmap?open=all&group=objective&zoom=quarter",
    "/p/NA4/roadmap?zoom=quarter",
    "/dependencies",
    "/dependencies?page=2",
    "/p/NA4/dependencies",
    "/p/NA4/milestones",
    "/p/NA4/milestones?state=all&page=2",
    "/p/NA4/milestones/new",
    "/p/NA4/workstreams",
    "/p/NA4/requirements",
    "/p/NA4/requirements/new",
    "/p/NA4/baselines",
    "/p/NA4/baselines/new",
    "/baselines/{baseline}",
    "/m/{m}",
    "/m/{m}/edit",
    "/m/{m}/links/new?program=X1",
    "/links/{link}/edit",
    "/risks",
    "/p/NA4/risks",
    "/p/NA4/risks/new",
    "/r/R-{risk}",
    "/r/R-{risk}/edit",
    "/changes",
    "/p/NA4/changes",
    "/p/NA4/settings",
    "/issues",
    "/issues/{issue}",
    "/issues/{issue}/edit",
    "/assumptions",
    "/decisions",
    "/decisions?by=decider",
    "/p/NA4/decisions",
    "/objectives",
    "/updates/mine",
    "/p/NA4/sync",
    "/p/NA4/phases",
    "/p/NA4/people",
    "/d/D-{decision}",
    "/d/D-{decision}/edit",
    "/problems",
    "/problems?page=2",
    "/problems/{problem}",
    "/teams",
    "/teams/{team}",
    "/kpis",
    "/p/NA4/kpis",
    "/p/NA4/kpis/{kpi}",
    "/p/NA4/kpis/{kpi}/edit",
    "/search?q=step",
    "/palette?q=step",
    "/inbox",
    "/p/NA4/comments?show=all",
]


def test_no_page_asks_more_for_more_rows(cast: Cast, crowd: dict[str, int], sign_in: Any) -> None:
    client = sign_in(cast.lead)
    asked = {}
    for path in PAGES:
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path.format(**crowd))
        assert answer.status_code == 200, path
        asked[path] = len(queries)
    assert {path: count for path, count in asked.items() if count > MOST_QUERIES} == {}


def test_no_page_of_the_past_asks_more(cast: Cast, crowd: dict[str, int], sign_in: Any) -> None:
    client = sign_in(cast.lead)
    day = timezone.now().date() - AGO / 2
    asked = {}
    for path in ["/", "/p/NA4", "/review", "/quality", "/trends?program=NA4", "/watermelons", *PAGES]:
        address = path.format(**crowd)
        if not goes_back(address.partition("?")[0]):
            continue
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(f"{address}{'&' if '?' in address else '?'}as_of={day}")
        assert answer.status_code == 200, path
        assert "As it was on" in answer.text, path
        # Beside BEGIN and ROLLBACK, in whose place are savepoints here.
        asked[path] = sum("SAVEPOINT" not in query["sql"] for query in queries)
    assert {path: count for path, count in asked.items() if count > MOST_QUERIES} == {}


def test_long_lists_come_in_pages_that_keep_their_filters(cast: Cast, crowd: dict[str, int], sign_in: Any) -> None:
    client = sign_in(cast.lead)
    first = client.get("/p/NA4/milestones", {"state": "all"})
    assert len(first.context["page"]) == MILESTONES.size
    assert "state=all&amp;page=2" in first.text
    last = client.get("/p/NA4/milestones", {"state": "all", "page": 3})
    assert len(last.context["page"]) == MANY - 2 * MILESTONES.size
    person = Milestone.objects.get(pk=crowd["m"]).owner_id
    assert len(client.get("/p/NA4/milestones", {"owner": person}).context["page"]) == 1
    assert len(client.get("/p/NA4/milestones", {"state": "late"}).context["page"]) == MILESTONES.size
    nothing = client.get("/p/NA4/milestones", {"state": "done"})
    assert "Clear filters" in nothing.text
