"""A team's weeks: capacity against demand on its page, in the list of teams and in the API."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import milestones.services
import people.services
from dashboards.promises import record_of
from forecasts.loads import Week, load_of, loads_of
from forecasts.models import MilestoneForecast, Run
from milestones.models import Dependency, Milestone
from people.models import Team
from programs.models import Program
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast

MONDAY = FRIDAY - timedelta(days=4)


@pytest.fixture
def team(cast: Cast) -> Team:
    return people.services.create_team(name="Site", by=cast.admin, capacity_days=Decimal(10))


def run() -> Run:
    return Run.objects.get_or_create(
        day=FRIDAY, engine_version="1", inputs_digest="0" * 64, revisions={}, defaults={"computed_at": timezone.now()}
    )[0]


def ask(program: Program, team: Team, name: str, days: float, start: int | None, finish: int = 0) -> Milestone:
    """A milestone that asks for people-days from one day to another, counted from the week's Monday; None: some day."""
    row = Milestone.objects.create(program=program, name=name, team=team, demand_days=Decimal(days))
    if start is not None:
        MilestoneForecast.objects.create(
            milestone=row, program=program, run=run(), start_on=MONDAY + timedelta(days=start),
            finish_on=MONDAY + timedelta(days=finish), on_longest_path=False,
        )  # fmt: skip
    return row


def weeks_of(team: Team, user: Any) -> list[tuple[float, float | None]]:
    return [(week.demand, week.capacity) for week in load_of(team, user, today=FRIDAY, weeks=3).weeks]


# -- reading ---------------------------------------------------------------------------------------------------------


def test_open_milestones_ask_by_the_days_of_their_forecast(cast: Cast, team: Team) -> None:
    """12 over this week's Thursday and Friday and next week's first two days; 9 next week; one done, one cancelled."""
    ask(cast.na4, team, "Power", 12, 3, 8)
    ask(cast.na4, team, "Racks", 9, 7, 11)
    Milestone.objects.filter(pk=ask(cast.na4, team, "Done", 50, 0, 4).pk).update(done_on=FRIDAY)
    Milestone.objects.filter(pk=ask(cast.na4, team, "Off", 50, 0, 4).pk).update(cancelled_on=FRIDAY)
    ask(cast.na4, team, "Past", 50, -7, -3)
    ask(cast.na4, team, "Far", 50, 21, 25)
    ask(cast.na4, team, "Some day", 4, None)
    found = load_of(team, cast.lead, today=FRIDAY, weeks=3)
    assert weeks_of(team, cast.lead) == [(6, 10), (15, 10), (0, 10)]
    assert [(week.number, week.overload) for week in found.overloaded] == [(48, 5)]
    assert [(one.name, found.overloading(one)) for one in found.asking] == [("Power", 6), ("Racks", 9)]
    assert [(one.name, one.demand) for one in found.undated] == [("Some day", 4)]
    assert loads_of([team], cast.lead, today=FRIDAY, weeks=3) == {team.pk: found.weeks}


def test_holidays_of_the_teams_calendar_take_from_its_capacity(cast: Cast, team: Team) -> None:
    closed = people.services.create_calendar(
        name="Dublin", by=cast.admin, holidays=[(MONDAY, "Feast"), (MONDAY + timedelta(days=7), "Feast")]
    )
    people.services.change_team(team=team, by=cast.admin, calendar=closed)
    ask(cast.na4, team, "Power", 9, 0, 4)
    assert weeks_of(team, cast.lead) == [(9, 8), (0, 8), (0, 10)]


def test_only_programs_that_the_reader_sees_ask(cast: Cast, team: Team) -> None:
    ask(cast.na4, team, "Power", 8, 0, 4)
    ask(cast.dark, team, "Secret", 8, 0, 4)
    ask(cast.dark, team, "Secret some day", 8, None)
    assert weeks_of(team, cast.lead)[0] == (16, 10)
    assert weeks_of(team, cast.outsider)[0] == (8, 10)
    assert load_of(team, cast.outsider, today=FRIDAY).undated == ()


def test_a_hundredth_of_a_day_too_many_is_none() -> None:
    assert not Week(MONDAY, 10.004, 10.0).is_overloaded
    assert Week(MONDAY, 10.006, 10.0).is_overloaded
    assert Week(MONDAY, 3, 0.0).load is None


def test_as_many_queries_for_many_teams_and_milestones(cast: Cast, team: Team) -> None:
    teams = [team, *Team.objects.bulk_create(Team(name=f"T{n}", capacity_days=5) for n in range(30))]
    for n, one in enumerate(teams * 3):
        ask(cast.na4, one, f"Part {n}", 5, 0, 4)
    for read in (lambda: loads_of(teams, cast.lead, today=FRIDAY), lambda: load_of(team, cast.lead, today=FRIDAY)):
        with CaptureQueriesContext(connection) as queries:
            read()
        assert len(queries) == 3


# -- pages and the API -----------------------------------------------------------------------------------------------


@pytest.fixture
def busy(cast: Cast, team: Team) -> Team:
    """Asked for 15 of 10 people-days in the week of today, whatever day it is."""
    today = people.services.today(timezone.now())
    start = (today - timedelta(days=today.weekday()) - MONDAY).days
    ask(cast.na4, team, "Power", 15, start, start + 4)
    ask(cast.na4, team, "Some day", 4, None)
    return team


def test_the_page_names_overloaded_weeks_and_what_makes_them(cast: Cast, busy: Team, sign_in: Any) -> None:
    page = sign_in(cast.outsider).get(f"/teams/{busy.pk}").text
    week = people.services.today(timezone.now()).isocalendar().week
    finding = f"Asked for more than it can do in one of the next 26 weeks, most in week {week}, 15 of 10 people-days."
    assert f'aria-label="{finding}"' in page
    assert f"<b>week {week}</b>" in page
    assert "5.0 people-days too many" in page
    assert "1 milestone with 4 people-days has no forecast yet" in page
    power = Milestone.objects.get(name="Power")
    assert f'href="/m/{power.pk}"' in page
    assert "View as table" in page


def test_the_list_says_who_is_overloaded(cast: Cast, busy: Team, sign_in: Any) -> None:
    people.services.create_team(name="Silent", by=cast.admin)
    people.services.create_team(name="Idle", by=cast.admin, capacity_days=Decimal(5))
    page = sign_in(cast.outsider).get("/teams").text
    for words in ("1 week, most in week", "capacity not said", "not asked for"):
        assert words in page


def test_without_a_capacity_there_is_nothing_to_compare(cast: Cast, busy: Team, sign_in: Any, api: Any) -> None:
    people.services.change_team(team=busy, by=cast.admin, capacity_days=None)
    page = sign_in(cast.lead).get(f"/teams/{busy.pk}").text
    assert "Nothing to compare</span> Nobody has said what the team can do a week." in page
    assert "too many" not in page
    [first, *_] = api(cast.lead).get(f"teams/{busy.pk}/load").json()["weeks"]
    assert (first["demand_days"], first["capacity_days"], first["load"], first["overload_days"]) == (15, None, None, 0)


def test_capacity_delays_work_only_where_it_is_said(cast: Cast, busy: Team, sign_in: Any) -> None:
    client = sign_in(cast.admin)
    form = {"name": "Site", "area": "", "capacity_days": "", "limits_work": "on", "version": busy.version}
    answer = client.post(f"/teams/{busy.pk}/edit", form)
    assert answer.status_code == 422
    assert "Say what the team can do a week" in answer.text
    assert client.post(f"/teams/{busy.pk}/edit", form | {"capacity_days": "10"}).status_code == 302
    busy.refresh_from_db()
    assert busy.limits_work
    assert "delays the team’s work" in client.get(f"/teams/{busy.pk}").text


def test_the_api_gives_the_weeks(cast: Cast, busy: Team, api: Any) -> None:
    answer = api(cast.outsider).get(f"teams/{busy.pk}/load").json()
    assert (answer["team"], answer["limits_work"], answer["undated_days"]) == (busy.pk, False, 4)
    assert len(answer["weeks"]) == 26
    first = answer["weeks"][0]
    assert (first["demand_days"], first["capacity_days"], first["load"], first["overload_days"]) == (15, 10, 1.5, 5)
    assert api(cast.outsider).get("teams/987654321/load").status_code == 404
    assert api(cast.outsider).get(f"teams/{busy.pk}/load", weeks=4).status_code == 400


def test_a_milestone_that_asks_for_more_is_forecast_anew(cast: Cast, team: Team) -> None:
    row = milestones.services.create_milestone(
        program=cast.na4, by=cast.lead, today=FRIDAY, name="Power", team=team, work_likely=480
    )
    before = cast.na4.revisions.plan_revision
    milestones.services.change_milestone(
        milestone=row, by=cast.lead, today=FRIDAY, at=timezone.now(), demand_days=Decimal(3)
    )
    cast.na4.revisions.refresh_from_db()
    assert cast.na4.revisions.plan_revision == before + 2  # made, then changed


def promise(cast: Cast, team: Team, name: str, promised: date, done: date | None = None) -> Dependency:
    """A hand-off of NA4 to the private DARK that the team stands by."""
    giver = Milestone.objects.create(program=cast.na4, name=name, team=team, done_on=done)
    receiver = Milestone.objects.create(program=cast.dark, name=f"{name} taken")
    return Dependency.objects.create(
        predecessor=giver, successor=receiver, promised_on=promised, need_by_on=promised, agreement="accepted"
    )


def test_promises_are_kept_late_ahead_or_overdue(cast: Cast, team: Team, sign_in: Any) -> None:
    assert record_of(team, cast.lead, FRIDAY).in_words == "No promise to another program yet."
    promise(cast, team, "Soon", FRIDAY)
    assert record_of(team, cast.lead, FRIDAY).in_words == "No promise is due yet; 1 ahead."
    promise(cast, team, "Kept", FRIDAY - timedelta(days=9), FRIDAY - timedelta(days=9))
    for days in (2, 5):
        promise(cast, team, f"Late {days}", FRIDAY - timedelta(days=9), FRIDAY - timedelta(days=9 - days))
    promise(cast, team, "Overdue", FRIDAY - timedelta(days=1))
    offered = promise(cast, team, "Offered", FRIDAY)
    Dependency.objects.filter(pk=offered.pk).update(agreement="countered")
    found = record_of(team, cast.outsider, FRIDAY)
    assert found.in_words == "Kept 1 of 3 promises, the others 4 days late on average; 1 ahead, 1 overdue."
    assert [link.row.predecessor.name for link in found.open] == ["Overdue", "Soon"]
    page = sign_in(cast.outsider).get(f"/teams/{team.pk}").text
    assert "Kept 1 of 3 promises" in page
    assert "NA4 to a private program" in page
    assert "Canary" not in page


def test_a_team_has_programs_and_members_with_their_hours(cast: Cast, team: Team, sign_in: Any) -> None:
    people.services.set_members(team=team, members=[cast.lead, cast.viewer], by=cast.admin)
    ask(cast.dark, team, "Secret", 5, None)
    Program.objects.filter(pk=cast.na4.pk).update(owning_team=team)
    found = sign_in(cast.lead).get(f"/teams/{team.pk}")
    assert [(row.key, row.derived) for row in found.context["programs"]] == [("DARK", None), ("NA4", None)]
    assert "Both share 09:00 to 17:00 UTC." in found.text
    assert "?only=" not in found.text
    client = sign_in(cast.admin)
    with CaptureQueriesContext(connection) as queries:
        page = client.get(f"/teams/{team.pk}").text
    assert len(queries) <= 25, len(queries)
    assert f"/teams/{team.pk}/edit?only=capacity_days" in page
    assert "Canary merger" not in sign_in(cast.outsider).get(f"/teams/{team.pk}").text
