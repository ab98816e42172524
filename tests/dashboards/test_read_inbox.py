"""The inbox: what waits for a person goes once it is done, and nothing in it outlives the right to see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

import milestones.services
import people.services
import programs.services
import reports.reviews.services
import reports.updates.services
import risks.services
from dashboards import inbox
from dashboards.context import own_programs
from forecasts.models import HealthPolicy
from milestones.models import Dependency, Milestone
from people.models import User
from programs import talk
from programs.models import Notice, Phase, Program, Role, Subject, Watch
from reports.updates.due import owed_by
from risks.models import Decision, Risk
from tests.conftest import Api
from tests.reports.conftest import judge

if TYPE_CHECKING:
    from tests.conftest import Cast

UTC_ZONE = ZoneInfo("UTC")


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def today(cast: Cast, now: datetime) -> date:
    return people.services.today(now)


def waiting(user: User, kind: str) -> list[str]:
    found = inbox.todos(user, at=timezone.now(), zone=UTC_ZONE)
    return [todo.title for todo in found if todo.kind == kind]


def unread(page: Any) -> int:
    found = re.search(r'href="/inbox"[^>]*>.*?<span class="count">(\d+)', page.text)
    return int(found[1]) if found else 0


def milestone(cast: Cast, program: Program, name: str, today: date) -> Milestone:
    return milestones.services.create_milestone(program=program, by=cast.lead, today=today, name=name)


def test_a_decision_waits_for_its_decider_until_it_is_taken(cast: Cast, today: date, sign_in: Any) -> None:
    decision = risks.services.create_decision(
        program=cast.dark, by=cast.lead, today=today, question="Which site?", decider=cast.viewer, decide_by_on=today
    )
    assert waiting(cast.viewer, "decision") == [f"{decision.reference} Which site?"]
    assert waiting(cast.lead, "decision") == []
    page = sign_in(cast.viewer).get("/inbox")
    assert "Which site?" in page.text
    assert unread(page) == 1, "What waits is counted with what is unread"
    Role.objects.filter(user=cast.viewer, program=cast.dark).delete()
    assert waiting(cast.viewer, "decision") == [], "Who may no longer see it is no longer asked"
    programs.services.give_role(program=cast.dark, user=cast.viewer, kind="viewer", by=cast.lead)
    risks.services.decide(decision=decision, by=cast.lead, on=today, answer="The first")
    assert waiting(cast.viewer, "decision") == []
    assert unread(sign_in(cast.viewer).get("/inbox")) == 0


def test_the_frame_counts_what_the_inbox_lists(cast: Cast, today: date, sign_in: Any) -> None:
    """Of each noun one, due today, beside the update that its lead owes; a gate counts before it is due."""
    vera, by = cast.lead, cast.lead
    of: dict[str, Any] = {"program": cast.na4, "by": by, "owner": vera}
    risk = risks.services.create_risk(**of, today=today, title="Late", review_on=today)
    risks.services.create_action(risk=risk, by=by, text="Ask", owner=vera, due_on=today)
    risks.services.create_issue(**of, today=today, title="Broken", due_on=today)
    risks.services.create_assumption(**of, text="Power holds", expires_on=today)
    risks.services.create_decision(program=cast.na4, by=by, today=today, question="Which?", decider=vera)
    programs.services.create_phase(program=cast.na4, by=by, kind="design", gate_on=today + timedelta(days=14))
    given, asked = milestone(cast, cast.na4, "Power", today), milestone(cast, cast.dark, "Asks", today)
    milestones.services.link(predecessor=given, successor=asked, by=cast.admin, need_by_on=today)
    judge(cast.na4, today - timedelta(days=10), "on_track", 5)  # and nothing was ever said of it
    page = sign_in(vera).get("/inbox")
    listed = sum(len(found) for _label, _icon, found, _more in page.context["groups"])
    assert unread(page) == listed == len(inbox.todos(vera, at=timezone.now(), zone=UTC_ZONE)) >= 8
    kinds = {todo.kind for todo in inbox.todos(vera, at=timezone.now(), zone=UTC_ZONE)}
    assert kinds >= {"decision", "hand_off", "gate", "update", "action", "issue", "review"}
    assert " more</p>" not in page.text
    for nth in range(32):
        risks.services.create_issue(**of, today=today, title=f"Broken {nth}", due_on=today)
    page = sign_in(vera).get("/inbox")
    assert unread(page) == listed + 32
    assert "the first 30" in page.text
    assert page.text.count(" more</p>") == page.text.count("and 3 more</p>") == 1


def test_a_hand_off_asked_waits_for_who_gives_and_the_answer_comes_back(
    cast: Cast, today: date, now: datetime, sign_in: Any
) -> None:
    giver, receiver = (
        programs.services.create_program(by=cast.admin, key=key, name=f"{key} program", lead=lead, visibility=seen)
        for key, lead, seen in (("GIVE", cast.outsider, "organisation"), ("TAKE", cast.lead, "private"))
    )
    gives, takes = (milestone_by(program, program.lead, today) for program in (giver, receiver))
    link = milestones.services.link(predecessor=gives, successor=takes, by=cast.lead, need_by_on=today)
    assert waiting(cast.outsider, "hand_off") == ["GIVE step, for a private program"]
    assert waiting(cast.lead, "hand_off") == waiting(cast.viewer, "hand_off") == []
    page = sign_in(cast.outsider).get("/inbox").text
    assert "TAKE" not in page
    assert f"/links/{link.pk}/answer" in page

    milestones.services.answer_hand_off(
        dependency=link, agreement=Dependency.Agreement.DECLINED, by=cast.outsider, on=today, at=now, note="No crane"
    )
    assert waiting(cast.outsider, "hand_off") == []
    [notice] = cast.lead.notices.all()
    assert (notice.reason, notice.text, notice.program) == ("answer", "Declined. No crane", receiver)
    told = sign_in(cast.lead).get("/inbox").text
    assert "answered a hand-off" in told
    assert "TAKE step" in told


def milestone_by(program: Program, by: User | None, today: date) -> Milestone:
    assert by is not None
    return milestones.services.create_milestone(program=program, by=by, today=today, name=f"{program.key} step")


def test_a_gate_waits_for_its_approver_or_else_for_who_decides(cast: Cast, today: date) -> None:
    def gate(kind: Phase.Kind, days: int, approver: User | None) -> Phase:
        on = today + timedelta(days=days)
        return programs.services.create_phase(program=cast.na4, by=cast.lead, kind=kind, gate_on=on, approver=approver)

    near = gate(Phase.Kind.DESIGN, 3, cast.viewer)
    gate(Phase.Kind.TESTING, 60, cast.viewer)
    gate(Phase.Kind.ANALYSIS, -3, None)
    assert waiting(cast.viewer, "gate") == ["Gate of design"]
    assert waiting(cast.lead, "gate") == ["Gate of analysis"]
    programs.services.decide_gate(phase=near, decision="passed", by=cast.viewer, on=today)
    assert waiting(cast.viewer, "gate") == []


def test_an_update_is_due_when_the_policy_says_so(cast: Cast, now: datetime, today: date) -> None:
    assert waiting(cast.lead, "update") == []
    for program in (cast.na4, cast.dark):
        judge(program, today - timedelta(days=30), "on_track", 5)
    assert waiting(cast.lead, "update") == ["Write the first update"] * 2
    assert waiting(cast.contributor, "update") == []
    HealthPolicy.objects.update(stale_days=20)
    for days, due in ((18, True), (15, False)):
        at = now - timedelta(days=days)
        update = reports.updates.services.begin_update(
            program=cast.na4, by=cast.lead, at=at, health="on_track", text="Well.", ask="", path_to_green=""
        )
        reports.updates.services.publish_update(update=update, by=cast.lead, at=at)
        assert ("Write this week's update" in waiting(cast.lead, "update")) is due
        owed = [one.program for one in owed_by(cast.lead, today) if one.is_due]
        found = inbox.todos(cast.lead, at=now, zone=UTC_ZONE)
        assert [todo.program for todo in found if todo.kind == "update"] == owed
    programs.services.change_program(program=cast.dark, by=cast.lead, state=Program.State.ON_HOLD)
    assert waiting(cast.lead, "update") == []
    # What was reported without an update counts as well.
    HealthPolicy.objects.update(stale_days=10)
    assert waiting(cast.lead, "update") == ["Write this week's update"]
    programs.services.report(program=cast.na4, health="on_track", because="All well", by=cast.lead, at=now)
    assert waiting(cast.lead, "update") == []


def test_risks_and_assumptions_come_back_on_their_day(cast: Cast, today: date) -> None:
    owned: dict[str, Any] = {"program": cast.na4, "by": cast.lead, "owner": cast.contributor}
    risk = risks.services.create_risk(**owned, today=today, title="Chillers late", review_on=today)
    risks.services.create_risk(**owned, today=today, title="Not yet", review_on=today + timedelta(days=1))
    risks.services.create_assumption(**owned, text="Grid stays up", expires_on=today)
    assert waiting(cast.contributor, "review") == [
        f"{risk.reference} Chillers late", "Does this still hold? Grid stays up",
    ]  # fmt: skip
    risks.services.close_risk(risk=risk, by=cast.lead, on=today, because="Gone")
    programs.services.change_program(program=cast.na4, by=cast.lead, state=Program.State.CANCELLED)
    assert waiting(cast.contributor, "review") == []


def test_own_actions_and_issues_wait_from_their_day_on(cast: Cast, today: date, sign_in: Any) -> None:
    ada, vera = cast.admin, cast.viewer
    past, ahead = today - timedelta(days=2), today + timedelta(days=1)
    held = reports.reviews.services.hold_review(by=ada, held_on=past)
    take = partial(reports.reviews.services.take_action, review=held, by=ada, owner=vera)
    agreed = take(text="Ask the utility", due_on=today)
    take(text="Not yet", due_on=ahead)
    take(text="Of DARK", due_on=past, program=cast.dark)
    risk = risks.services.create_risk(program=cast.na4, by=cast.lead, today=today, title="Chillers late")
    act = partial(risks.services.create_action, risk=risk, by=cast.lead, owner=vera)
    against = act(text="Rent chillers", due_on=past)
    act(text="Later", due_on=ahead)
    owned: dict[str, Any] = {"program": cast.na4, "by": cast.lead, "today": past, "owner": vera}
    issue = risks.services.create_issue(**owned, title="Meter broken", due_on=today)
    risks.services.create_issue(**owned, title="No day")
    assert waiting(vera, "action") == ["Of DARK", "Rent chillers", "Ask the utility"]
    assert waiting(vera, "issue") == ["Meter broken"]
    assert waiting(cast.lead, "action") == waiting(cast.lead, "issue") == []
    page = sign_in(vera).get("/inbox").text
    for row in (agreed, issue, risk):
        assert f'href="{row.get_absolute_url()}"' in page
    told = {todo["title"]: todo["program"] for todo in Api(vera).get("inbox").json()["todos"]}
    assert (told["Ask the utility"], told["Of DARK"], told["Rent chillers"]) == (None, "DARK", "NA4")

    programs.services.take_role(role=cast.dark.roles.get(user=vera), by=cast.lead)
    reports.reviews.services.change_action(action=agreed, by=cast.lead, done_on=today)
    risks.services.change_action(action=against, by=cast.lead, done_on=today)
    risks.services.close_issue(issue=issue, by=cast.lead, on=today)
    assert waiting(vera, "action") == waiting(vera, "issue") == []
    act(text="Of a program that is over", due_on=past)
    programs.services.change_program(program=cast.na4, by=cast.lead, state=Program.State.CANCELLED)
    assert waiting(vera, "action") == []


def test_notices_are_counted_read_and_put_away(cast: Cast, now: datetime, sign_in: Any) -> None:
    about: dict[str, Any] = {"program": cast.na4, "kind": Subject.PROGRAM, "subject_id": cast.na4.pk}
    for word in ("first", "second", "third"):
        talk.post_comment(**about, text=f"The {word}, @vera", by=cast.lead, at=now)
    client = sign_in(cast.viewer)
    first, second, third = cast.viewer.notices.order_by("pk")
    assert unread(client.get("/")) == 3
    opened = client.post(f"/inbox/{first.pk}/open")
    assert opened.headers["Location"] == f"/p/NA4/comments#comment-{first.comment_id}"
    assert unread(client.get("/inbox")) == 2
    client.post(f"/inbox/{second.pk}/done")
    page = client.get("/inbox")
    assert ("The first" in page.text, "The second" in page.text) == (True, False)
    assert unread(page) == 1
    assert "The second" in client.get("/inbox?show=done").text
    client.post("/inbox/read")
    assert unread(client.get("/inbox")) == 0
    assert not Notice.objects.unread().exists()
    for path in ("open", "done"):
        assert sign_in(cast.lead).post(f"/inbox/{third.pk}/{path}").status_code == 404


def test_what_one_may_no_longer_see_leaves_the_inbox(cast: Cast, now: datetime, today: date, sign_in: Any) -> None:
    risk = risks.services.create_risk(program=cast.dark, by=cast.lead, today=today, title="Canary leaks")
    for kind, pk in ((Subject.RISK, risk.pk), (Subject.PROGRAM, cast.dark.pk)):
        talk.watch(program=cast.dark, kind=kind, subject_id=pk, by=cast.viewer, at=now)
        talk.post_comment(program=cast.dark, kind=kind, subject_id=pk, text="Canary? @vera", by=cast.lead, at=now)
    client, caller = sign_in(cast.viewer), Api(cast.viewer)
    assert client.get("/inbox").text.count("Canary?") == 2
    assert unread(client.get("/inbox")) == 2
    programs.services.take_role(role=cast.dark.roles.get(user=cast.viewer), by=cast.lead)
    for path in ("/inbox", "/palette", "/", "/search?q=can"):
        assert "Canary" not in client.get(path).text
    assert unread(client.get("/inbox")) == 0
    shown = caller.get("inbox").json()
    assert (shown["unread"], shown["notices"]) == (0, [])
    for noun in ("notices", "watches", "comments"):
        assert caller.get(noun).json()["data"] == []
    talk.post_comment(program=cast.dark, kind=Subject.RISK, subject_id=risk.pk, text="More", by=cast.lead, at=now)
    assert cast.viewer.notices.count() == 2, "Nor are they told of more"


def test_the_endpoints_do_what_the_buttons_do(cast: Cast, now: datetime, today: date) -> None:
    risks.services.create_decision(
        program=cast.na4, by=cast.lead, today=today, question="Which site?", decider=cast.viewer
    )
    about: dict[str, Any] = {"program": cast.na4, "kind": Subject.PROGRAM, "subject_id": cast.na4.pk}
    for word in ("first", "second"):
        talk.post_comment(**about, text=f"The {word}, @vera", by=cast.lead, at=now)
    caller = Api(cast.viewer)
    shown = caller.get("inbox").json()
    assert (shown["unread"], [(todo["kind"], todo["program"]) for todo in shown["todos"]]) == (2, [("decision", "NA4")])
    second, first = (notice["id"] for notice in shown["notices"])
    assert caller.post(f"notices/{first}/read").json()["read_at"]
    assert caller.post(f"notices/{first}/done").json()["done_at"]
    assert [row["id"] for row in caller.get("notices", done_at__isnull="true").json()["data"]] == [second]
    assert caller.post("inbox/read").status_code == 204
    assert caller.get("inbox").json()["unread"] == 0
    assert Api(cast.lead).post(f"notices/{second}/done").status_code == 404


def test_what_is_left_out_of_a_page_of_the_inbox_is_on_the_next(cast: Cast, today: date) -> None:
    asked: dict[str, Any] = {"program": cast.na4, "by": cast.lead, "today": today, "decider": cast.viewer}
    for n in range(inbox.MOST_TODOS + 1):
        risks.services.create_decision(**asked, question=f"Which {n}?")
    caller = Api(cast.viewer)
    answer = caller.get("inbox")
    first = answer.json()
    assert answer.headers["Link"] == f'<{first["next"]}>; rel="next"'
    answer = caller.client.get(first["next"])
    second = answer.json()
    assert answer.headers["Link"].endswith('inbox?page=1>; rel="prev"')
    found = [todo["title"] for page in (first, second) for todo in page["todos"]]
    assert (len(found), len(set(found)), second["next"]) == (inbox.MOST_TODOS + 1, inbox.MOST_TODOS + 1, None)
    assert Api(cast.lead).get("inbox").json()["next"] is None
    Decision.objects.filter(question="Which 0?").delete()
    full = caller.get("inbox")
    assert (len(full.json()["todos"]), full.json()["next"]) == (inbox.MOST_TODOS, None)
    assert "Link" not in full.headers
    assert [caller.get("inbox", page=page).status_code for page in ("0", "x", "99999")] == [400] * 3


def test_a_star_is_set_and_taken_away_and_puts_a_program_first(cast: Cast, today: date, sign_in: Any) -> None:
    step = milestone(cast, cast.na4, "Power on", today)
    risk = risks.services.create_risk(program=cast.na4, by=cast.lead, today=today, title="Chillers late")
    client = sign_in(cast.outsider)
    assert [p.key for p in own_programs(cast.outsider)] == []
    for url in ("/p/NA4", f"/m/{step.pk}", f"/r/R-{risk.pk}"):
        assert 'aria-pressed="false"' in client.get(url).text
        for _ in range(2):
            assert client.post(f"{url}/watch", {"watch": "yes"}).headers["Location"] == url
        assert 'aria-pressed="true"' in client.get(url).text
    assert Watch.objects.count() == 3
    assert list(Program.objects.watched_by(cast.outsider)) == [cast.na4]
    assert list(Milestone.objects.watched_by(cast.outsider)) == [step]
    assert [p.key for p in own_programs(cast.outsider)] == ["NA4"]
    programs.services.create_program(by=cast.admin, key="MINE", name="A first", lead=cast.outsider, rank=1)
    assert [p.key for p in own_programs(cast.outsider)] == ["NA4", "MINE"]
    client.post("/p/NA4/watch", {"watch": "no"})
    client.post("/p/NA4/watch", {"watch": "no"})
    assert [p.key for p in own_programs(cast.outsider)] == ["MINE"]
    assert client.post("/p/DARK/watch", {"watch": "yes"}).status_code == 404


def test_the_inbox_asks_little_however_full_it_is(
    cast: Cast, portfolio_of: Callable[..., list[Program]], now: datetime, sign_in: Any,
    django_assert_max_num_queries: Any,
) -> None:  # fmt: skip
    today = now.date()
    found = portfolio_of(331, [cast.lead])
    Notice.objects.bulk_create(
        Notice(
            user=cast.lead, program=program, kind=Subject.PROGRAM, subject_id=program.pk, reason="answer",
            text="Accepted", by=cast.viewer, at=now,
        )
        for program in found
    )  # fmt: skip
    Risk.objects.update(owner=cast.lead, review_on=today)
    held = reports.reviews.services.hold_review(by=cast.admin, held_on=today)
    for program in found[:12]:
        reports.reviews.services.take_action(
            review=held, by=cast.admin, owner=cast.lead, text="Ask the utility", due_on=today, program=program
        )
    Dependency.objects.update(agreement=Dependency.Agreement.PROPOSED)
    with django_assert_max_num_queries(14):
        inbox.todos(cast.lead, at=now, zone=UTC_ZONE)
    client = sign_in(cast.lead)
    for path in ("/inbox", "/inbox?page=2", "/p/P1", "/p/P1/comments?show=all"):
        with django_assert_max_num_queries(25):
            assert client.get(path).status_code == 200
