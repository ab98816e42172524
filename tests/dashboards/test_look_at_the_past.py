"""Pages as they were at the end of a day: values, links and counts of then, rights of today, and nothing to change."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import changes.services
import history
import metrics.services
import people.services
import programs.services
from forecasts.models import IssuedForecast, MilestoneForecast, ProgramHealth, Run
from history import past
from history.models import ChangeSet
from milestones.models import Dependency, Milestone
from milestones.services import (
    change_milestone,
    change_requirement,
    create_milestone,
    create_requirement,
    create_workstream,
    link,
)
from programs.models import Program
from risks.models import Risk
from risks.services import Impact, change_risk, create_decision, create_issue, create_risk, decide

if TYPE_CHECKING:
    from tests.conftest import Cast

MOST_QUERIES = 25
DAY = 480
NOT_OF_THEN = [
    *(f"New {noun}" for noun in ["step", "risk", "issue", "number", "aim", "team", "ask", "note", "slot", "proof"]),
    *("Who may see it", "data-edit", "/edit", "/decide", '<form method="post"'),
]


def today() -> date:
    return people.services.today(timezone.now())


@pytest.fixture
def turned(cast: Cast) -> dict[str, Any]:
    """A program whose every noun was written twenty days ago and changed two days ago; the day between."""
    now, by = timezone.now(), cast.lead
    begun, turn = now - timedelta(days=20), now - timedelta(days=2)
    on = begun.date()
    with history.replaying(begun):
        old = programs.services.create_program(by=cast.admin, key="OLD", name="Old name", lead=by)
        team = people.services.create_team(by=cast.admin, name="Old team")
        aim = programs.services.create_objective(by=cast.admin, title="Old aim")
        programs.services.change_program(program=old, by=by, objectives=[aim])
        of: dict[str, Any] = {"program": old, "by": by, "owner": by}
        stream = create_workstream(program=old, by=by, name="Old stream")
        step = create_milestone(**of, today=on, name="Old step", work_likely=DAY, team=team, workstream=stream,
                                is_end=True)  # fmt: skip
        gone = create_milestone(**of, today=on, name="Gone step")
        link(predecessor=gone, successor=step, by=by)
        risk = create_risk(
            **of, today=on, title="Old risk", probability=Decimal("0.5"), likelihood_score=2, impact_score=2,
            impacts=[Impact(step, DAY, DAY, DAY)],
        )  # fmt: skip
        create_issue(**of, today=on, title="Old issue", due_on=on)
        decision = create_decision(program=old, by=by, today=on, question="Old question?", decider=by)
        kpi = metrics.services.create_kpi(**of, name="Old number", direction="up", limit_value=Decimal(5))
        asks = create_requirement(program=old, by=by, today=on, text="Old ask", milestone=step)
        phase = programs.services.create_phase(program=old, by=by, kind="design", gate_on=on, approver=by)
        criterion = programs.services.create_criterion(phase=phase, by=by, text="Old proof")
        slot = programs.services.create_slot(program=old, by=by, title="Old slot", team=team)
        role = programs.services.give_role(program=old, by=by, user=cast.viewer, kind="viewer")
        metrics.services.measure(kpi=kpi, on=on, value=Decimal(3), by=by, today=on)
    with history.replaying(turn):
        programs.services.change_program(program=old, by=by, name="New name")
        people.services.change_team(team=team, by=cast.admin, name="New team")
        programs.services.change_objective(objective=aim, by=by, title="New aim")
        change_milestone(milestone=step, by=by, today=turn.date(), at=turn, name="New step", done_on=turn.date())
        gone.delete()
        change_risk(risk=risk, by=by, today=timezone.localdate(), title="New risk", probability=Decimal("0.9"))
        create_issue(**of, today=turn.date(), title="New issue")
        decide(decision=decision, by=by, on=turn.date(), answer="Yes", consequence="")
        metrics.services.change_kpi(kpi=kpi, by=by, name="New number")
        change_requirement(requirement=asks, by=by, today=turn.date(), text="New ask")
        programs.services.change_criterion(criterion=criterion, by=by, text="New proof", met_on=turn.date())
        programs.services.decide_gate(phase=phase, by=by, on=turn.date(), decision="passed", note="New note")
        programs.services.change_slot(slot=slot, by=by, title="New slot", person=cast.viewer)
        programs.services.take_role(role=role, by=by)
    run = Run.objects.create(day=on, engine_version="1", inputs_digest="0" * 64, revisions={}, computed_at=now)
    days = [on + timedelta(days=100 + n) for n in range(19)]
    issued = today() - timedelta(days=8)
    IssuedForecast.objects.create(
        milestone=step, program=old, week_on=issued - timedelta(days=issued.weekday()), day=issued, run=run,
        basis="points", finish_on=days[9], quantiles=days,
    )  # fmt: skip
    MilestoneForecast.objects.create(
        milestone=step, program=old, run=run, start_on=on, finish_on=turn.date(), p50_on=turn.date(), p80_on=turn.date()
    )
    for day, health in ((on, "on_track"), (today(), "off_track")):
        ProgramHealth.objects.create(
            program=old, day=day, health=health, policy_version=1, plan_revision=1, revision=1, computed_at=now
        )
    return {"old": old, "step": step, "risk": risk, "decision": decision, "kpi": kpi, "day": today() - timedelta(5),
            "p80": days[15]}  # fmt: skip


@pytest.fixture
def pages(cast: Cast, turned: dict[str, Any]) -> dict[str, list[str]]:
    """What each page says of then."""
    return {
        "/": ["Old name", "On track"],
        "/p/OLD": ["Old name", "Old step", "Gone step", "Old risk", "Old number", "On track"],
        "/p/OLD/milestones": ["Old step", "Gone step"],
        "/risks": ["Old risk", "0.5 d", "50%"],
        "/p/OLD/risks": ["Old risk"],
        "/issues": ["Old issue"],
        "/decisions": ["Old question?", "Waiting"],
        "/p/OLD/kpis": ["Old number", "Past limit"],
        "/roadmap": ["Old name", "Old step", "the critical path is not kept by day"],
        "/p/OLD/roadmap": ["Old stream", "Old step", "Gone step", f"{turned['p80']:%-d %b}"],
        "/p/OLD/requirements": ["Old ask", "Old step", "1 in, 0 out"],
        "/p/OLD/phases": ["Gate overdue", "Old proof", "Not met yet"],
        "/p/OLD/people": ["Old slot", "1 slot is open", cast.viewer.name, "Viewer", "who could see the program"],
        "/objectives": ["Old aim", "Old name"],
        "/teams": ["Old team"],
        f"/m/{turned['step'].pk}": ["Old step", "Gone step"],
        f"/r/{turned['risk'].reference}": ["Old risk", "Old step"],
        f"/d/{turned['decision'].reference}": ["Old question?", "Waiting"],
        f"/p/OLD/kpis/{turned['kpi'].pk}": ["Old number"],
        "/trends": ["Old name", "Old step", "P50 that day", "What a milestone follows is not kept by day."],
        "/accuracy": ["Forecast accuracy"],
        "/accuracy/expert": ["Forecast scores"],
        "/quality": ["Old name", "2 milestones"],
        "/watermelons": ["No watermelon"],
        "/changes": ["Old name", "Old step", "Gone step", "Old risk"],
        "/p/OLD/changes": ["Old step", "Gone step", "Old risk"],
    }


def test_pages_tell_of_then_and_change_nothing(
    cast: Cast, turned: dict[str, Any], pages: dict[str, list[str]], sign_in: Any
) -> None:
    client = sign_in(cast.lead)
    for path, words in pages.items():
        with CaptureQueriesContext(connection) as queries:
            page = client.get(path, {"as_of": turned["day"]})
        assert page.status_code == 200, path
        asked = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]  # in place of BEGIN, ROLLBACK
        assert len(asked) <= MOST_QUERIES, (path, len(asked))
        for word in [*words, "As it was on", "Back to today"]:
            assert word in page.text, (path, word)
        # The frame around it is of today.
        main = page.text[page.text.index('id="main"') : page.text.index("</main>")]
        for word in NOT_OF_THEN:
            assert word not in main, (path, word)
        assert "data-pulse" not in page.text
        assert "New name" in page.text
        now = client.get(path)
        assert "Back to today" not in now.text
        assert ("Gone step" in now.text) is path.endswith("changes"), path


def test_links_keep_the_day_where_it_can_be_shown(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    client, day = sign_in(cast.lead), f"?as_of={turned['day']}"
    page = client.get(f"/p/OLD/risks{day}&show=all").text
    kept = (
        "/",
        "/roadmap",
        "/trends",
        "/changes",
        "/quality",
        "/p/OLD",
        "/p/NA4",
        "/p/OLD/milestones",
        "/p/OLD/changes",
    )
    for path in (*kept, turned["risk"].get_absolute_url()):
        assert f'href="{path}{day}"' in page, path
        assert f'href="{path}"' not in page, path
    # What is of today only, what leads back to today and what names another day stays as it is.
    for address in ("/inbox", "/p/OLD/settings", "/account/logout"):
        assert f'href="{address}"' in page, address
    assert 'href="?show=all">Back to today' in page
    assert 'href="?as_of=last%20fri&amp;show=all"' in page or 'href="?as_of=last+fri&amp;show=all"' in page
    assert client.get(f"/{day}").context["exposure"] == client.get(f"/risks{day}").context["shown_minutes"] == DAY / 2
    assert f"{day}" not in client.get("/p/OLD/risks").text
    four_weeks = today() - timedelta(weeks=4)
    assert f"As it was on {four_weeks:%-d %b %Y}" in client.get("/risks", {"as_of": "-4w"}).text


def test_clearing_filters_stays_on_the_day(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    with history.replaying(timezone.now() - timedelta(days=20)):
        other = programs.services.create_program(by=cast.admin, key="OTHER", name="Other", lead=cast.admin)
        asks = create_milestone(program=other, by=cast.admin, today=today(), name="Asks")
        link(predecessor=turned["step"], successor=asks, by=cast.admin, need_by_on=today())
    client = sign_in(cast.lead)
    for path in ("/?q=none", "/risks?q=none&show=closed", "/p/OLD/requirements?show=out", "/dependencies?state=there"):
        page = client.get(f"{path}&as_of={turned['day']}")
        found = re.search(r'href="([^"]*)">Clear filters', page.text)
        assert found is not None, path
        assert found[1] == f"?as_of={turned['day']}", path
    matrix = client.get("/dependencies", {"layout": "matrix", "as_of": turned["day"]})
    assert f"giver=OLD&amp;receiver=OTHER&amp;as_of={turned['day']}" in matrix.text


def test_forecasts_are_those_that_were_issued(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    page = sign_in(cast.lead).get("/p/OLD/milestones", {"as_of": turned["day"], "format": "csv"})
    assert turned["p80"].isoformat() in page.text
    seen = sign_in(cast.lead).get("/p/OLD/milestones", {"as_of": turned["day"]})
    assert "those issued in that week" in seen.text
    week = (turned["day"]).isocalendar()
    same = sign_in(cast.lead).get("/p/OLD/milestones", {"week": f"{week.year}-W{week.week - 1:02}"})
    assert "As it was on" in same.text


def test_a_forecast_of_a_month_before_is_none(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    """A milestone that lost its forecast in September has none in October either."""
    long_ago = turned["day"] - timedelta(days=30)
    IssuedForecast.objects.update(day=long_ago, week_on=long_ago - timedelta(days=long_ago.weekday()))
    page = sign_in(cast.lead).get("/p/OLD/milestones", {"as_of": turned["day"], "format": "csv"})
    assert "Old step" in page.text
    assert turned["p80"].isoformat() not in page.text


def test_no_page_of_the_past_tells_of_the_forecast_of_now(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    then = turned["day"]
    ProgramHealth.objects.filter(day__lte=then).update(
        slip_days=9, target_on=then, p80_on=then + timedelta(days=9), explained=False,
        findings=[{"rule": "own_work", "record": {"kind": "milestone", "id": turned["step"].pk,
                   "program": turned["old"].pk}, "label": "Step", "value": None, "limit": None, "days": 9}],
    )  # fmt: skip
    client = sign_in(cast.outsider)
    page = client.get("/p/OLD", {"as_of": f"{then}"}).text
    assert "What each risk and range cost was not kept that day." in page
    assert "are being weighed" not in page
    for path in ("/", "/p/OLD", "/risks"):
        assert 'id="forecast-run"' in client.get(path).text
        assert 'id="forecast-run"' not in client.get(path, {"as_of": f"{then}"}).text


def test_what_was_not_there_is_said_alike(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    day = {"as_of": turned["day"]}
    there, hidden, missing = (client.get(f"/p/{key}/risks", day) for key in ("NA4", "DARK", "NOPE"))
    assert there.status_code == hidden.status_code == missing.status_code == 404
    for page in (there, hidden, missing):
        assert "Not there on that day" in page.text
        # From there one looks further on that day, or comes back.
        assert f'href="/risks?as_of={turned["day"]}"' in page.text
        assert re.findall(r'href="([^"]*)"[^>]*>Back to today', page.text) == ["?", "?", "?"]
    assert hidden.text.replace("DARK", "NOPE") == missing.text


def test_rights_are_those_of_today(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    """A program made private since is hidden in its past too; hand-offs with it tell of a private program."""
    day = {"as_of": turned["day"]}
    with history.replaying(timezone.now() - timedelta(days=20)):
        other = programs.services.create_program(by=cast.admin, key="OTHER", name="Other", lead=cast.admin)
        asks = create_milestone(program=other, by=cast.admin, today=today(), name="Asks")
        link(predecessor=turned["step"], successor=asks, by=cast.admin, need_by_on=today())
        programs.services.give_role(program=turned["old"], user=cast.outsider, kind="viewer", by=cast.lead)
    role = turned["old"].roles.get(user=cast.outsider)
    programs.services.change_program(program=turned["old"], by=cast.admin, visibility="private", lead=cast.admin)
    programs.services.take_role(role=role, by=cast.admin)
    programs.services.give_role(program=turned["old"], user=cast.viewer, kind="viewer", by=cast.admin)
    for who in (cast.outsider, cast.lead):
        client = sign_in(who)
        assert client.get("/p/OLD", day).status_code == 404
        for path in ("/risks", "/issues", "/decisions", "/objectives", "/dependencies?layout=table"):
            page = client.get(path, day)
            assert "Old name" not in page.text, path
            assert "Old step" not in page.text, path
        assert "a private program" in client.get("/dependencies?layout=table", day).text
    assert "Old step" in sign_in(cast.viewer).get("/dependencies?layout=table", day).text
    assert "Old name" in sign_in(cast.viewer).get("/p/OLD", day).text


def test_nothing_is_written_in_the_past(cast: Cast, turned: dict[str, Any]) -> None:
    with past.as_of(turned["day"], ZoneInfo("UTC"), Program.objects.filter(pk=turned["old"].pk).values("pk")):
        assert past.day() == turned["day"]
        assert Program.objects.get(key="OLD").name == "Old name"
        assert Milestone.objects.filter(program=turned["old"]).count() == 2
        assert Dependency.objects.count() == 1
        with pytest.raises(DatabaseError, match="read-only"):
            Risk.objects.update(title="Rewritten")
    assert past.day() is None
    assert Program.objects.get(key="OLD").name == "New name"
    assert Risk.objects.update(title="Written") == 1


def test_trends_end_on_the_day_and_keep_it(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    client, day = sign_in(cast.lead), turned["day"]
    later = today() - timedelta(days=1)
    week_on = later - timedelta(days=later.weekday())
    IssuedForecast.objects.filter(milestone=turned["step"], week_on=week_on).delete()
    IssuedForecast.objects.create(
        milestone=turned["step"], program=turned["old"], week_on=week_on, day=later, basis="points",
        finish_on=later, quantiles=[later + timedelta(days=n) for n in range(19)],
    )  # fmt: skip
    page = client.get("/trends", {"program": "OLD", "as_of": day})
    (told,) = page.context["told"]
    assert [report.day for report in told.line.reports] == [today() - timedelta(days=8), day]
    assert f'href="/trends?program=OLD&amp;weeks=14&amp;chart=range&amp;as_of={day}"' in page.text
    assert f'name="as_of" value="{day}"' in page.text


def test_changes_end_on_the_day(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    """What was taken back only afterwards stood then, and a week is a filter there, as it is today."""
    client, on = sign_in(cast.lead), today() - timedelta(days=2)
    page = client.get("/p/OLD/changes", {"as_of": on, "kind": "milestone"})
    acts = page.context["acts"]
    assert [row.title for row in acts[0].rows] == ["New step"], "the newest of that day"
    assert page.context["refused"] == []
    undone = ChangeSet.objects.get(pk=acts[0].pk)
    changes.services.undo(change_set=undone, by=cast.lead, at=timezone.now() - timedelta(days=1, hours=12))
    assert "Undone by" in client.get("/p/OLD/changes").text
    assert "Undone by" not in client.get("/p/OLD/changes", {"as_of": on}).text
    week = client.get("/changes", {"week": f"{on:%G-W%V}"})
    assert "Back to today" not in week.text
    assert week.context["acts"]


def test_days_are_told_from_the_day_looked_at(cast: Cast, turned: dict[str, Any], sign_in: Any) -> None:
    client, day = sign_in(cast.lead), turned["day"]
    with history.replaying(timezone.now() - timedelta(days=5)):
        programs.services.report(
            program=turned["old"], health="on_track", because="", by=cast.lead, at=timezone.now() - timedelta(days=5)
        )
    ProgramHealth.objects.create(
        program=turned["old"], day=day, health="off_track", policy_version=1, plan_revision=1, revision=1,
        computed_at=timezone.now(),
    )  # fmt: skip
    page = client.get("/", {"as_of": day}).text
    assert "Differs from derived as of that day" in page
    assert "Differs from derived as of that day" in client.get("/p/OLD", {"as_of": day}).text
    assert "0 d" not in client.get("/review", {"as_of": day}).text.split("Disagreements")[1].split("</ul>")[0]


def test_a_day_that_is_not_over_is_shown_as_now_and_says_so(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    for asked in ({"as_of": "today"}, {"as_of": f"{today()}"}, {"week": f"{today():%G-W%V}"}):
        page = client.get("/risks", asked).text
        assert "Shown as it is now: the day or week that you asked for is not over." in page
        assert "Back to today" not in page
    assert "Shown as it is now" not in client.get("/risks").text
    page = client.get("/problems", {"as_of": f"{today() - timedelta(days=3)}"}).text
    assert "Shown as it is now: this page is not kept by day." in page
