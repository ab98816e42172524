"""A communication plan: who makes it, who reads it, what each audience is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import milestones.services
import people.services
import programs.services
import reports.updates.services
import risks.services
from forecasts.models import ProgramHealth
from milestones.models import Dependency
from people.models import SavedView, Team, User
from programs.models import Program, Role
from programs.permissions import seen_by_each, shared_by_each
from reports.letters import daily, outbox
from reports.letters.checker import check
from reports.letters.links import unsubscribe_token
from reports.letters.mail import Mail, Shelf
from reports.models import Letter, Plan, Subscription
from reports.plans import enrolment, kept, promises
from reports.plans import services as plans
from reports.plans.invitations import invitation_token
from risks.models import Decision
from tests.conftest import FRIDAY, NOON, Api, Cast
from tests.reports.conftest import PostOffice, judge, part

SignIn = Callable[[User], Client]
EARLIER = NOON - timedelta(hours=1)


def program_plan(cast: Cast, audience: str = "team", **more: Any) -> Plan:
    """A plan of the open program, due at noon on Friday."""
    written: dict[str, Any] = {
        "name": f"NA-4 for the {audience}",
        "content": "program",
        "program": cast.na4,
        "weekday": 4,
        "hour": 12,
    }
    return plans.create_plan(by=cast.lead, at=EARLIER, **(written | {"audience": audience} | more))


def read_by(plan: Plan, *users: User, by: User) -> None:
    for user in users:
        plans.subscribe(user=user, by=by, plan=plan, at=EARLIER)


def run(at: Any = NOON) -> int:
    promises.promise(at=at)
    promises.settle(at=at)
    return outbox.deliver(clock=lambda: at, way=Mail())


def hand_off(cast: Cast, giver: Program, receiver: Program, team: Team | None, word: str) -> None:
    """A hand-off that is promised 21 days later than it is needed."""
    ends = [
        milestones.services.create_milestone(
            program=program, by=cast.admin, today=FRIDAY, name=f"{word} {side}", team=team
        )
        for program, side in ((giver, "given"), (receiver, "got"))
    ]
    link = milestones.services.link(
        predecessor=ends[0], successor=ends[1], by=cast.admin, need_by_on=FRIDAY + timedelta(days=10)
    )
    milestones.services.answer_hand_off(
        dependency=link,
        agreement="accepted",
        by=cast.admin,
        on=FRIDAY,
        at=NOON,
        promised_on=FRIDAY + timedelta(days=31),
        note="",
    )


@pytest.fixture
def other(cast: Cast) -> Program:
    return programs.services.create_program(by=cast.admin, key="GPU", name="GPU scheduler", lead=cast.admin)


@pytest.fixture
def team(cast: Cast) -> Team:
    team = people.services.create_team(name="Compute", by=cast.admin)
    people.services.set_members(team=team, members=[cast.outsider, cast.viewer], by=cast.admin)
    return team


# -- whose it is -----------------------------------------------------------------------------------------------------


def test_a_lead_plans_for_their_program_and_administrators_for_all(cast: Cast) -> None:
    program_plan(cast)
    for by, written in (
        (cast.viewer, {"content": "program", "program": cast.na4}),
        (cast.lead, {"content": "portfolio"}),
        (cast.outsider, {"content": "program", "program": cast.dark}),
    ):
        with pytest.raises(PermissionDenied):
            plans.create_plan(by=by, at=NOON, name="Mine", **written)
    plans.create_plan(by=cast.admin, at=NOON, name="All", content="portfolio")


def test_what_a_plan_tells_of_stays_where_its_keeper_does_not_see_it(cast: Cast, other: Program) -> None:
    plan = plans.create_plan(
        by=cast.admin, at=EARLIER, name="Both", content="chosen", programs=[cast.na4, cast.dark], owner=cast.outsider
    )
    plans.change_plan(plan=plan, by=cast.outsider, at=NOON, programs=[other])
    assert {row.program_id for row in plan.chosen.all()} == {other.pk, cast.dark.pk}


def test_a_hidden_programs_plan_is_hidden(cast: Cast) -> None:
    plans.create_plan(by=cast.admin, at=NOON, name="Both", content="chosen", programs=[cast.na4, cast.dark])
    plans.create_plan(by=cast.lead, at=NOON, name="Dark", content="program", program=cast.dark)
    shown = program_plan(cast)
    assert list(Plan.objects.visible_to(cast.outsider)) == [shown]
    assert Plan.objects.visible_to(cast.viewer).count() == 3
    with pytest.raises(ValidationError, match="no such plan"):
        plans.subscribe(user=cast.outsider, by=cast.outsider, plan=Plan.objects.get(name="Dark"), at=NOON)


def test_the_bulk_of_rights_says_what_each_right_says(cast: Cast, other: Program) -> None:
    programs.services.change_program(program=cast.dark, by=cast.lead, sponsor=cast.contributor)
    everyone = list(User.objects.all())
    seen, shared = seen_by_each(everyone), shared_by_each(everyone)
    for user in everyone:
        assert seen[user.pk] == set(Program.objects.visible_to(user).values_list("pk", flat=True))
        led = Program.objects.all() if user.is_admin else Program.objects.led_by(user)
        assert shared[user.pk] == set(led.values_list("pk", flat=True))


def test_a_plan_is_changed_ended_and_read_over_the_api(cast: Cast, api: type[Api]) -> None:
    lead, viewer = api(cast.lead), api(cast.viewer)
    made = lead.post("plans", {"name": "Weekly", "content": "program", "program": "NA4", "without": "news", "hour": 9})
    assert made.status_code == 201, made.content
    one = f"plans/{made.json()['id']}"
    assert viewer.patch(one, {"hour": 8}).status_code == 403
    assert lead.patch(one, {"hour": 8, "without": "sugar"}).status_code == 422
    assert lead.patch(one, {"hour": 8}).json()["hour"] == 8
    assert viewer.post(f"{one}/readers", {"user": cast.viewer.pk}).status_code == 200
    assert viewer.post(f"{one}/readers", {"user": cast.outsider.pk}).status_code == 403
    assert lead.post(f"{one}/readers", {"user": cast.outsider.pk}).status_code == 200
    assert len(lead.get("subscriptions", plan=made.json()["id"]).json()["data"]) == 2
    assert [row["user"] for row in viewer.get("subscriptions").json()["data"]] == [cast.viewer.pk]
    assert lead.post(f"{one}/nudge").status_code == 422  # nobody else leads it
    assert api(cast.admin).post(f"{one}/nudge").status_code == 200
    assert lead.delete(one).status_code == 204
    assert lead.get(one).json()["ended_at"]


def test_a_plan_is_made_and_changed_on_its_pages(cast: Cast, sign_in: SignIn) -> None:
    lead = sign_in(cast.lead)
    form = {"name": "For sponsors", "content": "program", "program": cast.na4.pk, "audience": "sponsor", "hour": 7}
    form |= {"length": "summary", "channel": "email", "rhythm": "weekly", "every_weeks": 2, "weekday": 1, "zone": ""}
    assert lead.post("/plans/new", form | {"weekday": "9"}).status_code == 422
    assert lead.post("/plans/new", form).status_code == 302
    plan = Plan.objects.get()
    assert (plan.owner, plan.weekday, plan.every_weeks) == (None, 1, 2)
    page = lead.get(f"/plans/{plan.pk}").content.decode()
    assert "every 2 weeks on Tuesday at 07:00" in page
    saved = form | {"every_weeks": 1, "without": ["numbers", "news"], "version": plan.version}
    assert lead.post(f"/plans/{plan.pk}/edit", saved).status_code == 302
    plan.refresh_from_db()
    assert (plan.every_weeks, plan.without) == (1, "numbers news")
    # Somebody else saved meanwhile: what this page did not change is left as they made it.
    stale = form | {"every_weeks": 2, "hour": 9, "without": [], "version": 1}
    assert lead.post(f"/plans/{plan.pk}/edit", stale).status_code == 302
    plan.refresh_from_db()
    assert (plan.hour, plan.every_weeks, plan.without) == (9, 1, "numbers news")
    clash = lead.post(f"/plans/{plan.pk}/edit", stale | {"without": ["decisions"]})
    assert (clash.status_code, "numbers news" in clash.text) == (412, True)
    lead.post(f"/plans/{plan.pk}/readers/new", {"user": cast.outsider.pk})
    assert "Otto Outsider" in lead.get(f"/plans/{plan.pk}").content.decode()
    assert "Otto Outsider" not in sign_in(cast.viewer).get(f"/plans/{plan.pk}").content.decode()
    lead.post(f"/readers/{plan.readers.get().pk}/end")
    assert not Subscription.objects.active().exists()
    lead.post(f"/plans/{plan.pk}/end")
    assert Plan.objects.get().ended_at


# -- what audiences are told -----------------------------------------------------------------------------------------


def test_one_approval_tells_all_its_readers_the_same_numbers(
    portfolio: Cast, post_office: PostOffice, other: Program, team: Team
) -> None:
    """Oslo reads at its noon; until Los Angeles does, a run replaced the day's forecast and records changed."""
    na4, later = portfolio.na4, NOON + timedelta(hours=9)
    hand_off(portfolio, na4, other, team, "Racks")
    launch = milestones.services.create_milestone(
        program=na4, by=portfolio.lead, today=FRIDAY, name="Launch", target_on=FRIDAY
    )
    written: dict[str, Any] = {"program": na4, "by": portfolio.lead, "at": EARLIER, "cause": "A strike"}
    written |= {"path_to_green": "Fly it in", "path_owner": portfolio.lead, "path_on": FRIDAY}
    update = reports.updates.services.begin_update(**written, health="off_track", text="Steel is late.")
    reports.updates.services.publish_update(update=update, by=portfolio.lead, at=EARLIER)
    for user, zone in ((portfolio.viewer, "Europe/Oslo"), (portfolio.contributor, "America/Los_Angeles")):
        User.objects.filter(pk=user.pk).update(time_zone=zone)
        for audience in ("team", "sponsor", "partner"):
            plan = Plan.objects.filter(audience=audience).first()
            read_by(plan or program_plan(portfolio, audience, teams=[team]), user, by=portfolio.lead)
    assert run() == 3
    ProgramHealth.objects.filter(program=na4, day=FRIDAY).update(
        p80_on=FRIDAY, slip_days=-56, health="on_track", computed_at=later
    )
    milestones.services.change_milestone(
        milestone=launch, by=portfolio.lead, today=FRIDAY, at=NOON, done_on=FRIDAY, name="Launched"
    )
    risks.services.create_risk(program=na4, by=portfolio.lead, today=FRIDAY, title="Flood")
    risks.services.close_risk(risk=na4.risks.order_by("pk")[0], by=portfolio.lead, on=FRIDAY, because="Over")
    Dependency.objects.update(promised_on=FRIDAY)
    Decision.objects.update(decide_by_on=FRIDAY)
    assert run(later) == 3
    letters = {(one.subscription.plan.audience, one.subscription.zone_name): one for one in Letter.objects.all()}
    for audience in ("team", "sponsor", "partner"):
        first, second = letters[audience, "Europe/Oslo"], letters[audience, "America/Los_Angeles"]
        assert first.facts == second.facts
        assert "CET" in first.text
        assert "PST" in second.text
        assert not check(first).differences + check(second).differences
    assert "34 d" in letters["team", "America/Los_Angeles"].text
    # Without a new update the numbers are those of the reader's hour.
    assert run(NOON + timedelta(days=7)) == 3
    fresh: Any = Letter.objects.filter(period="2026-W48", subscription__plan__audience="team").get().facts
    assert fresh["tiles"][1]["slip_days"] == -56


def test_audiences_are_told_less_and_never_another_number(
    portfolio: Cast, post_office: PostOffice, other: Program, team: Team
) -> None:
    hand_off(portfolio, portfolio.na4, other, team, "Racks")
    hand_off(portfolio, other, portfolio.na4, None, "Licences")
    update = reports.updates.services.begin_update(
        program=portfolio.na4,
        by=portfolio.lead,
        at=NOON,
        health="off_track",
        cause="A strike",
        text="Steel is **late**.",
        path_to_green="Fly it in",
        path_owner=portfolio.contributor,
        path_on=FRIDAY,
        ask="Ada: pay the flight by Monday.",
    )
    reports.updates.services.publish_update(update=update, by=portfolio.lead, at=NOON)
    for audience in ("team", "sponsor", "partner"):
        read_by(program_plan(portfolio, audience), portfolio.viewer, by=portfolio.lead)
    assert run() == 3
    texts = {
        letter.subscription.plan.audience: letter.text for letter in Letter.objects.select_related("subscription__plan")
    }
    facts: dict[str, Any] = {row.subscription.plan.audience: row.facts for row in Letter.objects.all()}
    for words in ("NEEDS YOUR DECISION", "DECISIONS WAITING"):
        assert (words in texts["team"]) == (words in texts["sponsor"])
    assert "Power supplier folds" in texts["team"]
    assert "Power supplier folds" not in texts["sponsor"]
    assert "Racks given" in texts["team"]
    assert "Licences given" in texts["team"]
    assert "Racks given" in texts["partner"]
    assert "Licences given" not in texts["partner"]
    assert "21 d too late" in texts["partner"]
    assert "against target" not in texts["partner"]
    assert texts["team"].count("Ada: pay the flight by Monday.") == texts["sponsor"].count("Ada: pay the flight") == 1
    assert "pay the flight" not in texts["partner"]
    for words in ("A strike", "Steel is late.", "Path to green (Cem Contributor, by 20 Nov): Fly it in."):
        assert words in texts["team"]
    letters = list(Letter.objects.order_by("pk"))
    assert [check(letter).differences for letter in letters] == [[], [], []]
    ProgramHealth.objects.filter(program=portfolio.na4, day=FRIDAY).update(slip_days=35)
    assert [bool(check(letter).differences) for letter in letters] == [True, True, False]
    assert [tile["said"] for tile in facts["sponsor"]["tiles"]] == [tile["said"] for tile in facts["team"]["tiles"]]
    of_team = {row["id"]: row for row in facts["team"]["hand_offs"]}
    assert all(of_team[row["id"]] == row for row in facts["partner"]["hand_offs"])


def test_a_hand_off_to_a_hidden_program_is_in_no_outsiders_letter(
    portfolio: Cast, post_office: PostOffice, team: Team
) -> None:
    hand_off(portfolio, portfolio.na4, portfolio.dark, team, "Canary racks")
    for audience in ("team", "partner"):
        read_by(program_plan(portfolio, audience), portfolio.outsider, portfolio.viewer, by=portfolio.lead)
    assert run() == 4
    for mail in post_office.mails:
        whole = mail["Subject"] + part(mail, "plain") + part(mail, "html")
        assert bool(re.search("Canary|DARK", whole)) == ("Vera" in mail["To"])
    stored = Letter.objects.filter(subscription__user=portfolio.outsider)
    assert not any(re.search("Canary|DARK", f"{row.text}{row.html}{row.facts}") for row in stored)


def test_lengths_leave_things_out(portfolio: Cast, post_office: PostOffice) -> None:
    for length in ("headline", "full"):
        read_by(program_plan(portfolio, length=length), portfolio.viewer, by=portfolio.lead)
    run()
    short, full = (Letter.objects.get(subscription__plan__length=length).text for length in ("headline", "full"))
    assert "Power supplier folds" in full
    assert "Power supplier folds" not in short
    assert full.splitlines()[3] == short.splitlines()[3]  # the headline


def test_a_saved_view_chooses_the_programs(portfolio: Cast, post_office: PostOffice, other: Program) -> None:
    Program.objects.filter(pk=other.pk).update(area="Silicon")
    view = people.services.save_view(by=portfolio.admin, name="Silicon", path="/", query="area=Silicon&sort=slip")
    plan = plans.create_plan(by=portfolio.admin, at=EARLIER, name="S", content="view", view=view, weekday=4, hour=12)
    read_by(plan, portfolio.viewer, by=portfolio.admin)
    run()
    text = Letter.objects.get().text
    assert "GPU scheduler" in text
    assert "Region NA-4" not in text
    bad = people.services.save_view(by=portfolio.admin, name="Red", path="/", query="health=off_track")
    with pytest.raises(ValidationError, match="health"):
        plans.create_plan(by=portfolio.admin, at=EARLIER, name="R", content="view", view=bad)
    SavedView.objects.filter(pk=view.pk).update(query="health=off_track")
    run(NOON + timedelta(days=7))
    late = Letter.objects.get(period="2026-W48")
    assert (late.state, "cannot choose" in late.error) == ("skipped", True)


# -- who reads it ----------------------------------------------------------------------------------------------------


def test_members_of_a_team_come_and_go(cast: Cast, team: Team) -> None:
    plan = program_plan(cast, teams=[team])
    enrolment.enrol(at=EARLIER)
    names = {row.reader_name for row in plan.readers.select_related("user")}
    assert names == {"Otto Outsider", "Vera Viewer"}
    plans.end_subscription(subscription=plan.readers.get(user=cast.viewer), by=cast.viewer, at=NOON)
    people.services.set_members(team=team, members=[cast.viewer, cast.contributor], by=cast.admin)
    enrolment.enrol(at=NOON)
    reading = Subscription.objects.active().values_list("user__name", flat=True)
    assert list(reading) == ["Cem Contributor"]  # who unsubscribed stays out, who left the team is out
    before = Subscription.objects.count()
    enrolment.enrol(at=NOON)
    assert Subscription.objects.count() == before
    # Who was taken off by the plan's keeper stays off, though they belong to the team.
    plans.end_subscription(subscription=plan.readers.get(user=cast.contributor), by=cast.lead, at=NOON)
    enrolment.enrol(at=NOON)
    assert not Subscription.objects.active().exists()


def test_a_template_gives_each_program_a_plan_that_its_lead_may_change(cast: Cast, other: Program) -> None:
    programs.services.change_program(program=cast.na4, by=cast.lead, sponsor=cast.contributor)
    template = plans.create_plan(
        by=cast.admin, at=EARLIER, name="Sponsors", content="program", is_template=True, audience="sponsor", enrols=True
    )
    assert enrolment.adopt(at=EARLIER) == 3
    assert enrolment.adopt(at=EARLIER) == 0
    made = Plan.objects.get(template=template, program=cast.na4)
    plans.change_plan(plan=made, by=cast.lead, at=NOON, hour=15)
    plans.change_plan(plan=template, by=cast.admin, at=NOON, hour=9, length="summary")
    assert {(plan.program_id, plan.hour, plan.length) for plan in Plan.objects.filter(template=template)} == {
        (cast.na4.pk, 15, "summary"),
        (cast.dark.pk, 9, "summary"),
        (other.pk, 9, "summary"),
    }
    enrolment.enrol(at=NOON)
    assert list(Subscription.objects.values_list("user", "plan__program")) == [(cast.contributor.pk, cast.na4.pk)]


def test_an_outside_address_says_yes_first_and_gets_what_the_lead_may_share(
    portfolio: Cast, post_office: PostOffice
) -> None:
    plan = plans.create_plan(
        by=portfolio.admin, at=EARLIER, name="Partners", content="portfolio", weekday=4, hour=12, owner=portfolio.lead
    )
    Role.objects.filter(user=portfolio.lead).delete()
    Program.objects.filter(pk=portfolio.dark.pk).update(lead=portfolio.admin)
    address = {"email": "Pia@Partner.example", "name": "Pia\r\nBcc: x@evil.example", "time_zone": "Asia/Kolkata"}
    with pytest.raises(PermissionDenied):
        plans.invite(plan=plan, by=portfolio.viewer, at=EARLIER, **address)
    reader = plans.invite(plan=plan, by=portfolio.lead, at=EARLIER, **address)
    assert run() == 1  # the question alone
    question = post_office.mails[0]
    assert question["Bcc"] is None
    assert question["List-Unsubscribe"] is None
    (path,) = re.findall(r"https://tracker\.example(/opt-in/\S+)", part(question, "plain"))
    nobody = Client(enforce_csrf_checks=True)
    assert nobody.get(path).status_code == 200
    assert not Subscription.objects.active().exists()
    assert nobody.post("/opt-in/1:2:3").status_code == 404
    assert nobody.post(path).status_code == 200
    Subscription.objects.filter(pk=reader.pk).update(begins_at=EARLIER)
    Plan.objects.filter(pk=plan.pk).update(weekday=4, hour=17)
    at = NOON + timedelta(minutes=5)  # 17:35 in Kolkata
    assert run(at) == 1
    mail = post_office.mails[1]
    text = part(mail, "plain")
    assert "Region NA-4 capacity" in text
    assert not re.search("Canary|DARK", text + part(mail, "html"))
    assert "17:00, Asia/Kolkata" in text
    (shared,) = re.findall(r"https://tracker\.example(/letters/shared/\S+)", text)
    assert nobody.get(shared).content.decode() == Letter.objects.get(period="2026-W47").html
    one_click = mail["List-Unsubscribe"].strip(" <>").removeprefix("https://tracker.example")
    assert nobody.post(one_click).status_code == 200
    assert nobody.get(shared).status_code == 404
    assert run(NOON + timedelta(days=7)) == 0
    with pytest.raises(ValidationError, match="unsubscribed"):
        plans.invite(plan=plan, by=portfolio.lead, at=NOON, **address)
    assert invitation_token(reader.pk) != unsubscribe_token(reader.pk)


def test_who_was_taken_off_cannot_say_yes_any_more(cast: Cast) -> None:
    plan = program_plan(cast)
    asked = {"email": "pia@partner.example", "name": "Pia", "time_zone": "Asia/Kolkata"}
    reader = plans.invite(plan=plan, by=cast.lead, at=EARLIER, **asked)
    plans.end_subscription(subscription=reader, by=cast.lead, at=EARLIER)
    Client().post(f"/opt-in/{invitation_token(reader.pk)}")
    assert not Subscription.objects.active().exists()
    plans.invite(plan=plan, by=cast.lead, at=NOON, **asked)
    Client().post(f"/opt-in/{invitation_token(reader.pk)}")
    assert Subscription.objects.active().get() == reader


def test_a_page_plan_is_written_and_sent_nowhere(portfolio: Cast, post_office: PostOffice, sign_in: SignIn) -> None:
    read_by(program_plan(portfolio, channel="page"), portfolio.viewer, by=portfolio.lead)
    promises.promise(at=NOON)
    assert outbox.deliver(clock=lambda: NOON, way=Mail()) == 0
    assert outbox.deliver(clock=lambda: NOON, way=Shelf()) == 1
    letter = Letter.objects.get()
    assert letter.subject in sign_in(portfolio.viewer).get("/letters").content.decode().replace("&#x27;", "'")
    assert post_office.taken == []


def test_a_pause_makes_no_promise(cast: Cast) -> None:
    plan = program_plan(cast)
    read_by(plan, cast.viewer, cast.contributor, by=cast.lead)
    own = plan.readers.get(user=cast.viewer)
    plans.change_subscription(subscription=own, by=cast.viewer, at=EARLIER, paused_until=FRIDAY)
    assert promises.promise(at=NOON) == 1
    plans.change_plan(plan=plan, by=cast.lead, at=NOON, paused_from=FRIDAY, paused_until=FRIDAY + timedelta(days=7))
    assert promises.promise(at=NOON + timedelta(days=7)) == 0
    assert promises.promise(at=NOON + timedelta(days=14)) == 2


# -- whether it was kept ---------------------------------------------------------------------------------------------


def test_the_page_says_what_is_late_and_what_nobody_knows(
    portfolio: Cast, post_office: PostOffice, sign_in: SignIn
) -> None:
    plan = program_plan(portfolio)
    read_by(plan, portfolio.viewer, portfolio.contributor, portfolio.outsider, by=portfolio.lead)
    promises.promise(at=NOON)
    first, second, third = Letter.objects.order_by("pk")
    Letter.objects.filter(pk=first.pk).update(state="sent", sent_at=NOON)
    Letter.objects.filter(pk=second.pk).update(state="unknown", error="Sending was interrupted.")
    later = NOON + timedelta(hours=2)
    told = kept.kept(Plan.objects.visible_to(portfolio.lead), later)
    assert (told.promised, told.sent, told.late, told.unknown) == (3, 1, 1, 1)
    assert told.words == "1 of 3 promised messages is late."
    found = {letter.pk for letter in kept.troubles(Plan.objects.changeable_by(portfolio.lead), later)}
    assert found == {second.pk, third.pk}
    assert not kept.troubles(Plan.objects.changeable_by(portfolio.viewer), later)
    promises.promise(at=NOON + timedelta(days=21))
    missed = Letter.objects.filter(state="missed")
    assert sorted(missed.filter(subscription=first.subscription).values_list("period", flat=True)) == [
        "2026-W48",
        "2026-W49",
    ]


def test_the_plan_page_names_nothing_hidden(portfolio: Cast, sign_in: SignIn) -> None:
    dark = plans.create_plan(
        by=portfolio.lead, at=EARLIER, name="Canary letter", content="program", program=portfolio.dark
    )
    read_by(dark, portfolio.viewer, by=portfolio.lead)
    judge(portfolio.dark, FRIDAY + timedelta(days=1), "off_track", 3)
    promises.promise(at=NOON + timedelta(days=7))
    outsider, viewer = sign_in(portfolio.outsider), sign_in(portfolio.viewer)
    for path in ("/plan", "/plan?show=mine", "/plan?show=ended", "/settings/letters", "/letters"):
        assert not re.search("Canary|DARK", outsider.get(path).content.decode())
    assert outsider.get(f"/plans/{dark.pk}").status_code == 404
    assert "Canary letter" in viewer.get("/plan").content.decode()


def test_the_sweep_reads_no_letters_of_long_ago(cast: Cast) -> None:
    """Asked without scans of whole tables, the database finds an index for all that it reads of letters."""
    read_by(program_plan(cast), cast.viewer, by=cast.lead)
    for each in (promises.promise, daily.promise):
        each(at=NOON)
        with CaptureQueriesContext(connection) as asked:
            each(at=NOON)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            for query in (one["sql"] for one in asked if 'FROM "reports_letter"' in one["sql"]):
                cursor.execute(f"EXPLAIN {query}")
                told = "\n".join(row for (row,) in cursor.fetchall())
                assert "Seq Scan on reports_letter" not in told, query
                assert "due_at" in told or "state" in told, query


# -- what comes next -------------------------------------------------------------------------------------------------


def test_next_is_the_first_moment_at_which_a_reader_hears(cast: Cast) -> None:
    """Mondays at eight, in each reader's own zone: in Oslo that is 07:00 UTC, in Kolkata 02:30."""
    plan = program_plan(cast, weekday=0, hour=8)
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    assert kept.next_of_each([plan], NOON) == {plan.pk: monday + timedelta(hours=8)}
    for person, zone in ((cast.viewer, "Europe/Oslo"), (cast.contributor, "Asia/Kolkata")):
        User.objects.filter(pk=person.pk).update(time_zone=zone)
    read_by(plan, cast.viewer, by=cast.lead)
    assert kept.next_of_each([plan], NOON) == {plan.pk: monday + timedelta(hours=7)}
    read_by(plan, cast.contributor, by=cast.lead)
    assert kept.next_of_each([plan], NOON) == {plan.pk: monday + timedelta(hours=2, minutes=30)}
    told = [(one.due_at, one.letters, one.plan, one.plans) for one in kept.next_due(Plan.objects.all(), NOON)]
    assert told == [
        (monday + timedelta(hours=2, minutes=30), 1, plan.name, 1),
        (monday + timedelta(hours=7), 1, plan.name, 1),
    ]


def test_next_skips_the_days_of_a_pause_alone(cast: Cast) -> None:
    """Paused until Saturday the 28th a reader hears on Monday the 30th; the plan pauses from then to 6 December."""
    plan, at = program_plan(cast, weekday=0, hour=8), NOON + timedelta(days=4)
    read_by(plan, cast.viewer, by=cast.lead)
    Subscription.objects.update(paused_until=date(2026, 11, 28))
    monday = datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert [one.due_at for one in kept.next_due(Plan.objects.all(), at)] == [monday]
    assert kept.next_of_each([plan], at) == {plan.pk: monday}
    plan.paused_from, plan.paused_until = date(2026, 11, 30), date(2026, 12, 6)
    plan.save()
    assert [one.due_at for one in kept.next_due(Plan.objects.all(), at)] == [monday + timedelta(days=7)]
    assert kept.next_of_each([plan], at) == {plan.pk: monday + timedelta(days=7)}
    Subscription.objects.update(paused_until=date.max)
    assert kept.next_due(Plan.objects.all(), at) == []


def test_a_pause_that_lies_ahead_is_not_told_as_one(cast: Cast, sign_in: SignIn) -> None:
    plan, today = program_plan(cast), people.services.today(timezone.now())
    Plan.objects.filter(pk=plan.pk).update(
        paused_from=today + timedelta(days=30), paused_until=today + timedelta(days=40)
    )
    for path in ("/plan", f"/plans/{plan.pk}"):
        assert not re.search("paused until|<dt>Paused", sign_in(cast.lead).get(path).text), path


def test_a_letter_that_a_newer_one_overtook_is_missed(cast: Cast) -> None:
    """Made on Friday and never sent, while the worker stood still: the next one's row sets it aside."""
    read_by(program_plan(cast), cast.viewer, by=cast.lead)
    promises.promise(at=NOON)
    week = NOON + timedelta(days=7)
    promises.promise(at=week)
    told = kept.kept(Plan.objects.all(), week - timedelta(minutes=1))
    assert (told.promised, told.sent, told.late, told.missed) == (1, 0, 1, 1)
    assert [letter.period for letter in kept.troubles(Plan.objects.all(), week)] == ["2026-W47"]
