"""The agenda of a program's weekly sync: what changed, what waits for an answer or a decision, what was agreed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

import history
import milestones.services
import people.services
import programs.services
import risks.services
from milestones.models import Dependency
from people.models import User
from reports.models import ReviewAction
from reports.reviews import services as reviews
from tests.conftest import Cast
from tests.reports.conftest import judge

SignIn = Callable[[User], Client]


@pytest.fixture
def today() -> date:
    return people.services.today(timezone.now())


@pytest.fixture
def busy(cast: Cast, today: date) -> Cast:
    """NA4 waits for an answer of the private DARK and owes one itself; of everything in its log one is due, one not."""
    day, now = timedelta(days=1), timezone.now()
    na4: dict[str, Any] = {"program": cast.na4, "by": cast.lead}
    with history.replaying(now - 30 * day):
        review = reviews.hold_review(by=cast.admin, held_on=today - 8 * day)
        names = ((cast.na4, "Ours"), (cast.dark, "Canary part"), (cast.dark, "Canary whole"))
        ours, theirs, whole = (
            milestones.services.create_milestone(program=program, by=cast.lead, today=today, name=name)
            for program, name in names
        )
        milestones.services.link(predecessor=theirs, successor=ours, by=cast.lead, need_by_on=today + 9 * day)
        milestones.services.link(predecessor=ours, successor=whole, by=cast.lead, need_by_on=today + 5 * day)
        Dependency.objects.filter(predecessor=theirs).update(agreement="countered", promised_on=today + 20 * day)
        Dependency.objects.filter(predecessor=ours).update(agreement="proposed")
        for title, ahead in (("Fuel", -2), ("Distant", 60)):
            on = today + ahead * day
            risk = risks.services.create_risk(**na4, today=today - 30 * day, title=f"{title} risk", review_on=on)
            risks.services.create_issue(**na4, today=today - 30 * day, title=f"{title} issue", due_on=on)
            risks.services.create_assumption(**na4, text=f"{title} assumption", expires_on=on)
            risks.services.create_action(risk=risk, by=cast.lead, text=f"{title} action", due_on=on)
        risks.services.create_decision(
            **na4, today=today - 30 * day, question="Rent chillers?", decider=cast.viewer, decide_by_on=today - day
        )
    reviews.take_action(
        review=review, by=cast.lead, program=cast.na4, text="Call the harbour", owner=cast.lead, due_on=today - day
    )
    judge(cast.na4, today - 9 * day, "on_track", 5)
    judge(cast.na4, today, "at_risk", 12)
    return cast


def test_everything_to_talk_about_is_on_the_agenda(busy: Cast, sign_in: SignIn) -> None:
    page = sign_in(busy.lead).get("/p/NA4/sync").text
    for told in (
        "Derived health fell from On track to At risk.", "Call the harbour", "Rent chillers?", "Vera Viewer", ", late",
        "Fuel risk", "Fuel issue", "Fuel assumption", "Fuel action", ", overdue", "Canary part", "ours to answer",
    ):  # fmt: skip
        assert told in page, told
    assert page.count("ours to answer") == 2
    assert "Distant" not in page


def test_the_endpoint_says_the_same_and_nothing_of_what_is_hidden(busy: Cast, sign_in: SignIn, api: Any) -> None:
    found = api(busy.lead).get("programs/NA4/sync").json()
    assert [(one["giver"], one["receiver"], one["answer_of"]) for one in found["hand_offs"]] == [
        ("NA4", "DARK", "giver"), ("DARK", "NA4", "receiver"),
    ]  # fmt: skip
    assert [one["kind"] for one in found["due"]] == ["assumption", "issue", "mitigation", "risk"]
    assert [one["text"] for one in found["actions"]] == ["Call the harbour"]
    assert found["decisions"][0]["decider"] == busy.viewer.pk
    assert found["changes"][0]["days"] == 7
    hidden = api(busy.outsider).get("programs/NA4/sync").json()
    assert [(one["giver"], one["receiver"]) for one in hidden["hand_offs"]] == [("NA4", None), (None, "NA4")]
    outsider = sign_in(busy.outsider)
    assert "anary" not in outsider.get("/p/NA4/sync").text
    assert outsider.get("/p/DARK/sync").status_code == 404
    assert api(busy.outsider).get("programs/DARK/sync").status_code == 404


def test_what_is_agreed_but_late_is_talked_about(busy: Cast, today: date, sign_in: SignIn, api: Any) -> None:
    late = Dependency.objects.filter(pk=Dependency.objects.get(agreement="proposed").pk)
    late.update(agreement="accepted", promised_on=today + timedelta(days=36))
    page = sign_in(busy.lead).get("/p/NA4/sync").text
    assert page.count("later than needed</b>") == 2
    assert page.count("ours to answer") == 1
    found = api(busy.lead).get("programs/NA4/sync").json()["hand_offs"]
    assert [(one["state"], one["answer_of"]) for one in found] == [("late", None), ("late", "receiver")]
    late.update(promised_on=today)
    assert sign_in(busy.lead).get("/p/NA4/sync").text.count("later than needed</b>") == 1


def test_an_agenda_looks_back(cast: Cast, today: date, sign_in: SignIn) -> None:
    now = timezone.now()
    with history.replaying(now - timedelta(days=9)):
        program = programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.lead)
        asked: dict[str, Any] = {"program": program, "by": cast.lead, "today": today - timedelta(days=9)}
        decision = risks.services.create_decision(**asked, question="Rent chillers?")
        held: dict[str, Any] = {"program": program, "by": cast.lead, "text": "Power holds", "expires_on": today}
        assumption = risks.services.create_assumption(**held)
    risks.services.decide(decision=decision, by=cast.lead, on=today, answer="Yes, from Monday.")
    on = today - timedelta(days=3)
    page = sign_in(cast.lead).get(f"/p/GPU/sync?as_of={on}").text
    assert f'href="/d/{decision.reference}?as_of={on}"' in page
    assert f'href="/p/GPU/assumptions?as_of={on}#assumption-{assumption.pk}"' in page
    assert "As it was on" in page
    assert "Rent chillers?" in page
    assert "Yes, from Monday." not in page
    page = sign_in(cast.lead).get("/p/GPU/sync").text
    assert "No decision waits." in page
    assert "Decided: " in page


def test_an_action_of_a_sync_is_noted_done_and_stays_with_its_program(
    busy: Cast, today: date, sign_in: SignIn, api: Any
) -> None:
    contributor, new = sign_in(busy.contributor), "/p/NA4/sync/actions/new"
    assert "Note an action" in contributor.get("/p/NA4/sync").text
    assert contributor.post(new, {"text": "Order fuel"}).status_code == 422
    posted = {"text": "Order fuel", "owner": busy.viewer.pk, "due_on": "next fri"}
    assert contributor.post(new, posted).headers["Location"] == "/p/NA4/sync"
    agreed = ReviewAction.objects.get(text="Order fuel")
    assert (agreed.review, agreed.program, agreed.due_on.weekday()) == (None, busy.na4, 4)
    page = contributor.get("/p/NA4/sync").text
    assert "Order fuel" in page
    assert "Order fuel" not in contributor.get("/review").text
    edit = f"/review-actions/{agreed.pk}/edit"
    assert contributor.get(edit).status_code == 200
    change = api(busy.contributor).patch
    assert change(f"review-actions/{agreed.pk}", {"program": "DARK"}).status_code == 422
    finish = f"/review-actions/{agreed.pk}/finish"
    for reader, its_owner in ((busy.viewer, True), (busy.outsider, False)):
        assert sign_in(reader).post(new, posted).status_code == 403
        page = sign_in(reader).get("/p/NA4/sync").text
        assert "Note an action" not in page
        assert edit not in page
        assert (finish in page) is its_owner
        assert "/edit" in page, "Whoever holds reviews changes what one agreed"
    assert finish in contributor.get("/p/NA4/sync").text
    assert edit in contributor.get("/p/NA4/sync").text
    assert sign_in(busy.outsider).post(finish).status_code == 403
    # Its owner says that it is done or is not, and nothing else.
    own = api(busy.viewer).patch
    assert own(f"review-actions/{agreed.pk}", {"text": "Order less"}).status_code == 403
    assert own(f"review-actions/{agreed.pk}", {"done_on": str(today), "due_on": str(today)}).status_code == 403
    assert own(f"review-actions/{agreed.pk}", {"done_on": str(today)}).status_code == 200
    assert own(f"review-actions/{agreed.pk}", {"done_on": None}).status_code == 200
    assert sign_in(busy.viewer).post(finish, {"next": "//elsewhere.example"}).headers["Location"] == "/p/NA4/sync"
    agreed.refresh_from_db()
    assert agreed.done_on == today
    assert "Order fuel" not in contributor.get("/p/NA4/sync").text
    same = {"text": "Order more", "owner": busy.lead.pk, "due_on": str(today)}
    assert api(busy.contributor).post("review-actions", same).status_code == 422
    assert api(busy.contributor).post("review-actions", same | {"program": "NA4"}).status_code == 201
    assert api(busy.viewer).post("review-actions", same | {"program": "NA4"}).status_code == 403


def test_an_action_of_a_review_is_done_where_it_stands(busy: Cast, sign_in: SignIn) -> None:
    """Finishing it on the agenda of a sync leads back there, and not to the review."""
    client, action = sign_in(busy.lead), ReviewAction.objects.get(text="Call the harbour")
    page = client.get("/p/NA4/sync").text
    assert '<input type="hidden" name="next" value="/p/NA4/sync">' in page
    done = client.post(f"/review-actions/{action.pk}/finish", {"next": "/p/NA4/sync"})
    assert done.headers["Location"] == "/p/NA4/sync"


def test_an_owner_who_no_longer_sees_the_program_finishes_nothing(busy: Cast, today: date) -> None:
    action = reviews.take_action(by=busy.lead, program=busy.dark, text="Dig", owner=busy.outsider, due_on=today)
    with pytest.raises(PermissionDenied):
        reviews.change_action(action=action, by=busy.outsider, done_on=today)


def test_a_list_that_is_cut_says_so(
    busy: Cast, today: date, sign_in: SignIn, api: Any, django_assert_max_num_queries: Any
) -> None:
    assert api(busy.lead).get("programs/NA4/sync").json()["cut"] == []
    assert "the first" not in sign_in(busy.lead).get("/p/NA4/sync").text
    for nth in range(41):
        reviews.take_action(by=busy.lead, program=busy.na4, text=f"Call {nth}", owner=busy.viewer, due_on=today)
    for nth in range(25):
        risks.services.create_risk(program=busy.na4, by=busy.lead, today=today, title=f"Crane {nth}")
    client = sign_in(busy.viewer)
    with django_assert_max_num_queries(25):
        page = client.get("/p/NA4/sync").text
    for told in ("the first 40", "the first 24"):
        assert page.count(told) == 1, told
    found = api(busy.lead).get("programs/NA4/sync").json()
    assert (found["cut"], len(found["actions"]), len(found["changes"])) == (["changes", "actions"], 40, 24)
