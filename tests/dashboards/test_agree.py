"""One notion, one answer: pages, letters, drafts and counts say the same of a target, a baseline, a hand-off, a limit.

NA4 is promised for 13 Feb 2027. Its end, “Open for traffic”, has no day of its own; its plan ends on 1 Mar, P50 is
8 Mar and P80 19 Mar: 34 days after the target.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import F
from django.utils import timezone

import forecasts.facts
import history
import people.services
import programs.services
from dashboards import inbox, lanes, news, overview
from dashboards.hand_offs import hand_offs
from dashboards.plan import Line
from dashboards.program import Step
from dashboards.promises import record_of
from forecasts import network
from forecasts.calendars import load_calendars
from forecasts.health import finding
from forecasts.loads import load_of
from forecasts.models import HealthPolicy, MilestoneForecast, ProgramHealth, Run
from forecasts.watermelons import watermelons
from milestones.models import Baseline, BaselineDate, Dependency, Milestone
from people.models import Organisation, Team, User
from programs.models import Program, ReportedHealth
from reports.letters.composing.cut import Cut
from reports.letters.composing.cutting import Cutting
from reports.letters.facts import load
from reports.letters.parts.tiles import tiles
from reports.models import Plan, Update
from reports.since import Since
from reports.updates import snapshot
from reports.updates.drafting import draft
from risks import recurring
from risks.models import Decision, Risk, RiskImpact
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

TARGET, FINISH, P50, P80 = date(2027, 2, 13), date(2027, 3, 1), date(2027, 3, 8), date(2027, 3, 19)
DAY, UTC = timedelta(days=1), ZoneInfo("UTC")
WEIGHED = (60, 5, -8, -40, -11, 4, -1)


def expect(milestone: Milestone, *, finish: date = FINISH, p50: date = P50, p80: date = P80) -> MilestoneForecast:
    run, _ = Run.objects.get_or_create(
        day=FRIDAY, engine_version="1", inputs_digest="0" * 64, revisions={}, defaults={"computed_at": NOON}
    )
    return MilestoneForecast.objects.create(
        milestone=milestone, program_id=milestone.program_id, run=run, start_on=FRIDAY, finish_on=finish, p50_on=p50,
        p80_on=p80, basis="points",
    )  # fmt: skip


@pytest.fixture
def end(cast: Cast) -> Milestone:
    with history.replaying(NOON - 9 * DAY):
        Program.objects.filter(pk=cast.na4.pk).update(target_on=TARGET)
        row = Milestone.objects.create(program=cast.na4, name="Open for traffic", is_end=True)
    expect(row)
    return row


def fresh(milestone: Milestone) -> Milestone:
    return Milestone.objects.select_related("program", "forecast").get(pk=milestone.pk)


def line_of(milestone: Milestone) -> Line:
    row = fresh(milestone)
    return Line(row, row.forecast, HealthPolicy())


def facts_of(program: Program, today: date = FRIDAY, **more: Any) -> Any:
    ids = frozenset({program.pk})
    return load(ids, today=today, zone=UTC, since=Since.end_of(today - 8 * DAY, UTC), whole=ids, **more)


def rows_of(program: Program, audience: str = Plan.Audience.EVERYONE, today: date = FRIDAY) -> list[Any]:
    return Cutting(facts_of(program, today), Cut(audience=audience, program=program), "").rows


def told(program: Program, rule: str, at: datetime = NOON) -> list[str]:
    program.refresh_from_db()
    return [sentence.text for sentence in draft(snapshot.take(program, at)) if sentence.rule == rule]


# -- the target of an end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [None, date(2027, 1, 31)])
def test_an_end_is_held_against_the_target_of_its_program(cast: Cast, end: Milestone, sign_in: Any, own: Any) -> None:
    Milestone.objects.filter(pk=end.pk).update(target_on=own)
    row = fresh(end)
    assert row.due_on == TARGET
    dated: Any = Milestone.objects.with_due()
    assert dated.filter(due=TARGET).get() == row
    assert line_of(end).slip_days == 34
    rows = lanes.of_program(row.program, cast.viewer).annotate(expected=lanes.EXPECTED)
    [mark] = lanes.read(rows, {}, HealthPolicy())
    assert (mark.target_on, mark.slip, mark.tone) == (TARGET, 34, "bad")
    assert Step(row, row.forecast, None, "", policy=HealthPolicy()).tone == "bad"
    for audience in (Plan.Audience.EVERYONE, Plan.Audience.SPONSOR):
        [told] = rows_of(cast.na4, audience)
        assert (told.word, told.forecast, told.tone) == ("13 Feb", "+34 d", "bad")
    assert "13 Feb 2027" in sign_in(cast.viewer).get(f"/m/{end.pk}").text


def test_without_a_target_of_its_program_an_end_has_its_own_and_others_always_do(cast: Cast, end: Milestone) -> None:
    Milestone.objects.filter(pk=end.pk).update(target_on=TARGET - DAY)
    other = Milestone.objects.create(program=cast.na4, name="Racks", target_on=FRIDAY)
    assert fresh(other).due_on == FRIDAY
    Program.objects.filter(pk=cast.na4.pk).update(target_on=None)
    assert fresh(end).due_on == TARGET - DAY
    dated: Any = Milestone.objects.with_due()
    held = dated.order_by("pk").values_list("name", F("due"))
    assert dict(held) == {"Open for traffic": TARGET - DAY, "Racks": FRIDAY}


def test_an_end_past_the_target_of_its_program_is_missed_and_late(cast: Cast, end: Milestone, sign_in: Any) -> None:
    Program.objects.filter(pk=cast.na4.pk).update(target_on=FRIDAY - 2 * DAY)
    assert told(cast.na4, "missed") == [
        "Target of 18 Nov 2026 missed: “Open for traffic”, P80 is 19 Mar 2027, 121 days later."
    ]
    assert "Open for traffic" in sign_in(cast.viewer).get("/p/NA4/milestones?show=late").text
    [row] = rows_of(cast.na4)
    assert row.word == "18 Nov, overdue"


def test_an_end_that_is_done_is_told_against_the_target_of_its_program(cast: Cast, end: Milestone) -> None:
    Program.objects.filter(pk=cast.na4.pk).update(target_on=FRIDAY - 2 * DAY)
    with history.replaying(NOON - timedelta(hours=1)):
        Milestone.objects.filter(pk=end.pk).update(done_on=FRIDAY)
    done = "Done on 20 Nov 2026, 2 days later than its target of 18 Nov 2026"
    assert told(cast.na4, "met") == [f"{done}: “Open for traffic”."]
    since = Since.end_of(FRIDAY - 8 * DAY, UTC)
    lines = overview.lines(cast.viewer, today=FRIDAY, since=since, zone=UTC)
    found = news.changes([line for line in lines if line.program == cast.na4], today=FRIDAY, since=since, zone=UTC)
    assert "Open for traffic is done, 2 d after its target." in [change.text for change in found]
    [note] = [one.text for one in Cutting(facts_of(cast.na4), Cut(), "").notes if "done on" in one.text]
    assert "2 d" in note


# -- the baseline ----------------------------------------------------------------------------------------------------


def test_a_plan_on_its_baseline_has_no_slip(cast: Cast, end: Milestone, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    client.post("/p/NA4/baselines/new", {"name": "Plan A", "note": ""})
    frozen = Baseline.objects.get()
    assert BaselineDate.objects.get().finish_on == FINISH
    [(_, line, slip)] = client.get(f"/baselines/{frozen.pk}").context["lines"]
    assert (line.finish_on, slip) == (FINISH, 0)
    assert client.get(f"/m/{end.pk}").context["since_baseline"] == 0
    row = fresh(end)
    assert Step(row, row.forecast, FINISH, "", policy=HealthPolicy()).slip == 0
    Program.objects.filter(pk=cast.na4.pk).update(target_on=None)
    assert [step.tone for step in client.get("/p/NA4").context["page"].steps] == ["ok"]
    assert [mark.tone for _, mark in client.get("/p/NA4/roadmap").context["page"]] == ["ok"]
    MilestoneForecast.objects.update(finish_on=FINISH + 3 * DAY)
    assert client.get(f"/m/{end.pk}").context["since_baseline"] == 3


# -- the limits ------------------------------------------------------------------------------------------------------


def test_pages_and_letters_colour_by_the_limits_of_the_policy(cast: Cast, end: Milestone, sign_in: Any) -> None:
    """34 days late: off track by the limits that ship, at risk by 20 and 40, on track by 34 and 60."""
    client = sign_in(cast.viewer)
    for limits, tone in (((7, 30), "bad"), ((20, 40), "warn"), ((34, 60), "ok")):
        HealthPolicy.objects.all().delete()
        HealthPolicy.objects.create(version=1, at_risk_days=limits[0], off_track_days=limits[1])
        [row] = rows_of(cast.na4)
        [line] = client.get("/p/NA4/milestones").context["lines"]
        [step] = client.get("/p/NA4").context["page"].steps
        roadmap = client.get("/p/NA4/roadmap").context
        [(lane, mark)] = roadmap["page"]
        assert {row.tone, line.tone, step.tone, mark.tone} == {tone}
        assert lane.late == (tone != "ok")


# -- hand-offs -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Web:
    """A team's hand-offs to NA4 and GPU, all needed on Friday and promised ten days later: those that are still awaited
    and those that are not, for one reason each."""

    team: Team
    awaited: list[Dependency]
    over: dict[str, Dependency]


@pytest.fixture
def web(cast: Cast) -> Web:
    team = people.services.create_team(name="Fibre", by=cast.admin)

    def made(key: str) -> Program:
        return programs.services.create_program(by=cast.admin, key=key, name=f"Program {key}", lead=cast.lead)

    fib, gpu, done, dropped = (made(key) for key in ("FIB", "GPU", "OVER", "OFF"))

    def give(giver: Program, receiver: Program, **more: Any) -> Dependency:
        name = f"Step {Milestone.objects.count()}"
        agreement, taken = more.pop("agreement", "accepted"), more.pop("taken", {})
        return Dependency.objects.create(
            predecessor=Milestone.objects.create(program=giver, team=team, name=name, **more),
            successor=Milestone.objects.create(program=receiver, name=f"{name} taken", **taken),
            need_by_on=FRIDAY, promised_on=FRIDAY + 10 * DAY, agreement=agreement, agreed_on=FRIDAY,
        )  # fmt: skip

    web = Web(
        team,
        [give(fib, cast.na4), give(fib, gpu)],
        {
            "delivered": give(fib, cast.na4, agreement="delivered"),
            "given": give(fib, cast.na4, done_on=FRIDAY),
            "taken without": give(fib, cast.na4, taken={"done_on": FRIDAY}),
            "giver cancelled": give(fib, cast.na4, cancelled_on=FRIDAY),
            "receiver cancelled": give(fib, cast.na4, taken={"cancelled_on": FRIDAY}),
            "giver's program over": give(done, cast.na4),
            "giver's program dropped": give(dropped, cast.na4),
            "receiver's program over": give(fib, done),
            "receiver's program dropped": give(fib, dropped),
        },
    )
    Program.objects.filter(pk=done.pk).update(state=Program.State.DONE)
    Program.objects.filter(pk=dropped.pk).update(state=Program.State.CANCELLED)
    return web


def test_a_hand_off_is_open_and_late_while_somebody_waits_for_it(cast: Cast, web: Web) -> None:
    awaited, first = [row.pk for row in web.awaited], web.awaited[0]
    assert sorted(Dependency.objects.pending().values_list("pk", flat=True)) == awaited
    seen = hand_offs(cast.admin)
    assert sorted(seen.filter(state__in=["late", "open"]).values_list("pk", flat=True)) == awaited
    there = {web.over["delivered"].pk, web.over["given"].pk}
    assert set(seen.filter(state="there").values_list("pk", flat=True)) == there
    [health] = forecasts.facts.load([cast.na4.pk], load_calendars(), FRIDAY, {})
    assert [(one["record"]["id"], one["value"]) for one in health.lowering] == [(first.pk, 10)]
    letter = facts_of(cast.na4)
    assert ([row.pk for row in letter.hand_offs], [one.pk for one in letter.late_by_ends]) == ([first.pk], [first.pk])
    assert [row["id"] for row in snapshot.take(cast.na4, NOON)["hand_offs"]] == [first.pk]


def test_a_letter_names_the_hand_offs_that_it_counts_as_late(cast: Cast, web: Web) -> None:
    """As far as the reader sees both ends; where there are more, it leads to all of them."""
    letter, first = facts_of(cast.na4), web.awaited[0].predecessor
    [named] = tiles(letter, "")[-1].named
    assert (named.name, named.url) == (f"“{first.name}”", f"/m/{first.pk}?as_of={FRIDAY}")
    own = frozenset({cast.na4.pk})
    [hidden] = tiles(letter.only(own, own), "")[-1].named
    assert hidden.url == f"/dependencies?as_of={FRIDAY}&layout=table&state=late"
    [of_one] = tiles(letter.only(own, own), "", cast.na4)[-1].named
    assert of_one.url == f"{hidden.url}&program=NA4"


def test_a_letter_counts_as_late_what_the_page_it_leads_to_lists(cast: Cast, web: Web, sign_in: Any) -> None:
    """Without a promise a hand-off is held against P80 of what is given, as far as its giver is seen."""
    first = web.awaited[0]
    Dependency.objects.filter(pk=first.pk).update(promised_on=None)
    expect(first.predecessor, p80=FRIDAY + 3 * DAY)
    letter, own = facts_of(cast.na4), frozenset({cast.na4.pk})
    tile = tiles(letter, "", cast.na4)[-1]
    assert (tile.number, tile.source["records"], tile.source["more"]) == ("1", [first.pk], 0)
    listed = sign_in(cast.admin).get("/dependencies?layout=table&state=late&program=NA4").context["page"]
    assert [one.pk for one in listed] == [first.pk]
    assert tiles(letter.only(own, own), "", cast.na4)[-1].number == "0"
    Dependency.objects.filter(pk=first.pk).update(promised_on=FRIDAY)
    assert facts_of(cast.na4).late_by_ends == []


def test_a_team_is_late_with_what_is_awaited_alone(cast: Cast, web: Web) -> None:
    """After the day promised two are overdue; the two that are there came ten days before it."""
    kept = record_of(web.team, cast.admin, FRIDAY + 11 * DAY)
    assert (kept.kept, kept.late, kept.ahead, kept.overdue) == (2, 0, 0, 2)
    assert [link.row.pk for link in kept.open] == [row.pk for row in web.awaited]
    [recurs] = recurring.find(cast.admin, today=FRIDAY, zone=UTC)
    assert (recurs.name, recurs.days, recurs.slips) == ("Fibre", 20, 2)


def test_an_answer_is_asked_for_what_is_awaited_alone(cast: Cast, web: Web) -> None:
    Dependency.objects.exclude(agreement="delivered").update(agreement="proposed")
    found = inbox.todos(cast.lead, at=NOON, zone=UTC)
    urls = [todo.url for todo in found if todo.kind == "hand_off"]
    assert urls == [f"/links/{row.pk}/answer" for row in web.awaited]


# -- what is left over of a finished program -------------------------------------------------------------------------


@pytest.mark.parametrize("state", [Program.State.DONE, Program.State.CANCELLED])
def test_what_is_left_over_of_a_program_counts_nowhere(cast: Cast, sign_in: Any, state: str) -> None:
    """NA4 has a risk of 0.5 × 10 days and a question, as the program that is over has."""
    over = programs.services.create_program(by=cast.admin, key="OVER", name="Old region", lead=cast.lead)
    team = people.services.create_team(name="Site", by=cast.admin, limits_work=True, capacity_days=5)
    for program in (cast.na4, over):
        step = Milestone.objects.create(program=program, name="Dig", team=team, demand_days=3, target_on=FRIDAY + DAY)
        risk = Risk.objects.create(program=program, title="Flood", probability="0.5", raised_on=FRIDAY)
        RiskImpact.objects.create(risk=risk, milestone=step, low=4800, likely=4800, high=4800)
        Decision.objects.create(program=program, question="Rent?", raised_on=FRIDAY, decider=cast.lead)
    Program.objects.filter(pk=over.pk).update(state=state)
    ids = frozenset({cast.na4.pk, over.pk})
    letter = load(ids, today=FRIDAY, zone=UTC, since=Since.end_of(FRIDAY - 8 * DAY, UTC))
    assert (letter.open_risks, len(letter.waiting), len(letter.new_risks)) == (1, 1, 1)
    page = sign_in(cast.lead).get("/risks").context
    assert (page["sums"].count, page["sums"].minutes, page["shown_minutes"]) == (1, 2400, 2400)
    assert [tab["count"] for tab in page["tabs"]][:1] == [1]
    assert [line.risk.program for line in page["lines"]] == [cast.na4]
    assert [one.program_key for one in load_of(team, cast.admin, today=FRIDAY).undated] == ["NA4"]
    assert network.components([cast.na4.pk]) == [(cast.na4.pk,)]
    tasks = network.read_rows([(cast.na4.pk, over.pk)]).tasks
    assert {task.program: task.demand_days for task in tasks} == (
        {cast.na4.pk: 3, over.pk: None} if state == Program.State.DONE else {cast.na4.pk: 3}
    )


# -- for how long ----------------------------------------------------------------------------------------------------


def test_a_lead_differs_for_as_long_on_every_page(cast: Cast, sign_in: Any) -> None:
    """At risk by the data for 150 days, on track by the lead's word for 130, said again every day since."""
    today = people.services.today(timezone.now())
    for ago in range(150, -1, -10):
        ProgramHealth.objects.create(
            program=cast.na4, day=today - ago * DAY, health="at_risk", slip_days=9, policy_version=1, plan_revision=1,
            revision=1, computed_at=NOON,
        )  # fmt: skip
    noon = datetime.combine(today, time(12), tzinfo=UTC)
    ReportedHealth.objects.bulk_create(
        ReportedHealth(program=cast.na4, health="on_track", by=cast.lead, at=noon - ago * DAY)
        for ago in range(130, 0, -1)
    )
    client = sign_in(cast.viewer)
    assert client.get("/p/NA4").context["page"].differs_days == 130
    since = Since.end_of(today - 8 * DAY, UTC)
    lines = overview.lines(cast.viewer, today=today, since=since, zone=UTC)
    overview.fill_disagreements(lines)
    [line] = [line for line in lines if line.program == cast.na4]
    assert (line.differs_days, line.better_days) == (130, 130)
    assert watermelons([cast.na4.pk], today) == {cast.na4.pk: 130}
    record = {"kind": "program", "id": cast.na4.pk, "program": cast.na4.pk}
    parts = [{"rule": "own_work", "days": days, "label": f"Work {days}", "record": record} for days in WEIGHED]
    ProgramHealth.objects.filter(day=today).update(findings=parts)
    page = client.get("/watermelons")
    assert page.context["watermelons"][0].days == 130
    # What won days back is among the heaviest parts, the light ones stand in a line of their own, and all add up.
    assert page.context["watermelons"][0].why.total_days == sum(WEIGHED) == 9
    assert '<span class="d">−40 d</span>' in page.text
    assert re.search(r'2 more parts, together</span></div><span class="d">\+3 d<', page.text)
    assert re.search(r'class="sum">.*<b>\+9 d</b>', page.text)
    assert "for 130 d" in client.get("/review").text


# -- the day ---------------------------------------------------------------------------------------------------------


def test_a_letter_has_the_days_of_the_organisation(cast: Cast, end: Milestone) -> None:
    """Half past eleven in the evening of 10 November in Los Angeles is the 11th in UTC; the 20th is ten days later."""
    zone = ZoneInfo("America/Los_Angeles")
    at = datetime(2026, 11, 10, 23, 30, tzinfo=zone)
    ReportedHealth.objects.create(program=cast.na4, health="on_track", by=cast.lead, at=at)
    Update.objects.create(
        program=cast.na4, author=cast.lead, health="on_track", text="Well.", ask="Rent power?", begun_at=at,
        published_at=at, snapshot={},
    )  # fmt: skip
    record = ("program", cast.na4.pk, cast.na4.pk)
    ProgramHealth.objects.create(
        program=cast.na4, day=FRIDAY, health="at_risk", policy_version=1, plan_revision=1, revision=1, computed_at=NOON,
        findings=[finding("stale", record, "NA4", value=10)],
    )  # fmt: skip
    since = Since.end_of(FRIDAY - 11 * DAY, zone)
    cutting = Cutting(load(frozenset({cast.na4.pk}), today=FRIDAY, zone=zone, since=since), Cut(), "")
    assert "no update for 10 days." in [note.text for note in cutting.notes]
    [ask] = cutting.asks
    assert (ask.note, ask.source["published_on"]) == ("Lea Lead on 10 Nov", "2026-11-10")


def test_pages_date_what_a_lead_says_as_letters_do(cast: Cast, sign_in: Any) -> None:
    """Whoever reads it in Tokyo reads the day that everybody reads; an hour stands in the reader's own zone."""
    Organisation.objects.update(time_zone="America/Los_Angeles")
    zone = ZoneInfo("America/Los_Angeles")
    evening = datetime.combine(timezone.now().astimezone(zone).date() - DAY, time(23, 30), zone)
    update = Update.objects.create(
        program=cast.na4, author=cast.lead, health="on_track", text="Well.", ask="Rent power?", begun_at=evening,
        published_at=evening, snapshot={},
    )  # fmt: skip
    User.objects.filter(pk=cast.viewer.pk).update(time_zone="Asia/Tokyo")
    client, said = sign_in(cast.viewer), f"{evening:%-d %b %Y}"
    assert f"{cast.lead.name}, {said}" in client.get("/review").text
    assert f">{said}</a>" in client.get("/p/NA4/updates").text
    assert f"Update of {evening:%-d %b}" in client.get(f"/u/{update.pk}/comments").text
