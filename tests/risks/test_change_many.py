"""The same change in many issues, assumptions or decisions, of several programs: one act, one undo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import changes.services
import programs.services
from history.models import ChangeSet
from people.models import User
from programs.models import Program
from risks.models import Assumption, Decision, Issue
from risks.services import create_assumption, create_decision, create_issue, decide
from tests.conftest import FRIDAY, Cast

SignIn = Callable[[User], Client]
JANUARY = date(2027, 1, 15)


@pytest.fixture
def both(cast: Cast) -> list[Program]:
    """Two programs of the same lead."""
    other = programs.services.create_program(by=cast.admin, key="OTHER", name="Other", lead=cast.lead)
    return [cast.na4, other]


def undo_last(by: User) -> None:
    act = ChangeSet.objects.filter(parent=None, by_id=by.pk).latest("id")
    changes.services.undo(change_set=act, by=by, at=timezone.now())


def test_what_all_have_now_is_told(cast: Cast, both: list[Program], sign_in: SignIn) -> None:
    rows = [create_issue(program=program, by=cast.lead, today=FRIDAY, title="Stuck") for program in both]
    client, ids = sign_in(cast.lead), [row.pk for row in rows]

    def told(name: str) -> str:
        field = client.get("/issues/bulk", {"id": ids}).context["form"].fields[name]
        return str(field.help_text).partition("Now: ")[2]

    assert (told("owner"), told("due_on")) == ("none", "none")
    Issue.objects.filter(pk=ids[0]).update(owner=cast.viewer, due_on=JANUARY)
    assert (told("owner"), told("due_on")) == ("not the same in all", "not the same in all")
    Issue.objects.filter(pk__in=ids).update(owner=cast.viewer, due_on=JANUARY)
    assert (told("owner"), told("due_on")) == ("Vera Viewer", "15 Jan 2027")
    # Who has left is no choice any more, and is the owner still.
    User.objects.filter(pk=cast.viewer.pk).update(is_active=False)
    assert told("owner") == "Vera Viewer"


def test_issues_change_and_close_together_and_come_back(cast: Cast, both: list[Program], sign_in: SignIn) -> None:
    rows = [create_issue(program=program, by=cast.lead, today=FRIDAY, title="Stuck") for program in both]
    client, ids = sign_in(cast.lead), [row.pk for row in rows]
    page = client.get("/issues/bulk", {"id": ids}).text
    assert "Change: Owner" in page
    assert "Change: Milestone" not in page, "one milestone cannot be that of two programs"
    sent = {"id": ids, "set_owner": "on", "owner": cast.viewer.pk, "close": "on", "next": "/issues"}
    assert "Changed 2 issues." in client.post("/issues/bulk", sent, follow=True).text
    found = Issue.objects.filter(pk__in=ids)
    assert [(row.owner, row.closed_on is not None) for row in found] == [(cast.viewer, True)] * 2
    undo_last(cast.lead)
    assert [(row.owner, row.closed_on) for row in found.all()] == [(None, None)] * 2


def test_an_issue_that_is_closed_already_stays_and_is_told(cast: Cast, both: list[Program], sign_in: SignIn) -> None:
    done, waits = (create_issue(program=program, by=cast.lead, today=FRIDAY, title="Stuck") for program in both)
    client = sign_in(cast.lead)
    client.post("/issues/bulk", {"id": done.pk, "close": "on"})
    answer = client.post("/issues/bulk", {"id": [done.pk, waits.pk], "close": "on"})
    assert (answer.status_code, "Changed 1 of 2 issues." in answer.text) == (422, True)
    assert Issue.objects.get(pk=waits.pk).closed_on is not None


def test_assumptions_are_confirmed_together(cast: Cast, both: list[Program], sign_in: SignIn) -> None:
    rows = [create_assumption(program=program, by=cast.lead, text="Power comes in May") for program in both]
    ids = [row.pk for row in rows]
    sent: dict[str, Any] = {"id": ids, "set_state": "on", "state": "confirmed", "set_expires_on": "on"}
    sent["expires_on"] = "2027-01-15"
    assert sign_in(cast.lead).post("/assumptions/bulk", sent).status_code == 302
    found = Assumption.objects.filter(pk__in=ids)
    assert [(row.state, row.expires_on) for row in found] == [("confirmed", JANUARY)] * 2
    undo_last(cast.lead)
    assert [(row.state, row.expires_on) for row in found.all()] == [("open", None)] * 2


def test_decisions_get_a_decider_together_except_those_that_stand(
    cast: Cast, both: list[Program], sign_in: SignIn
) -> None:
    asked: dict[str, Any] = {"by": cast.lead, "today": FRIDAY, "question": "Rent power?"}
    rows = [create_decision(program=program, **asked) for program in both]
    decide(decision=rows[0], by=cast.lead, on=FRIDAY, answer="Yes.")
    ids = [row.pk for row in rows]
    sent = {"id": ids, "set_decider": "on", "decider": cast.viewer.pk, "set_decide_by_on": "on"}
    answer = sign_in(cast.contributor).post("/decisions/bulk", sent | {"decide_by_on": "2027-01-15"})
    assert answer.status_code == 422
    assert Decision.objects.filter(decider=cast.viewer).count() == 0, "not theirs to edit, or answered"
    sign_in(cast.lead).post("/decisions/bulk", sent | {"decide_by_on": "2027-01-15"})
    assert Decision.objects.get(pk=rows[1].pk).decide_by_on == JANUARY


def test_what_is_hidden_is_not_there_to_choose(cast: Cast, sign_in: SignIn) -> None:
    row = create_issue(program=cast.dark, by=cast.lead, today=FRIDAY, title="Secret")
    for noun in ("issues", "assumptions", "decisions"):
        page = sign_in(cast.outsider).get(f"/{noun}/bulk", {"id": row.pk}, follow=True).text
        assert f"Choose some {noun} first." in page
        assert "Secret" not in page
    page = sign_in(cast.lead).get("/issues/bulk", {"id": row.pk}).text
    assert "Change 1 issue<" in page
    assert "<summary>1 issue<" in page


def test_the_address_of_an_assumption_leads_to_its_place(cast: Cast, sign_in: SignIn) -> None:
    row = create_assumption(program=cast.na4, by=cast.lead, text="It holds", expires_on=FRIDAY + timedelta(days=9))
    client = sign_in(cast.viewer)
    assert client.get(f"/assumptions/{row.pk}")["Location"] == f"/p/NA4/assumptions#assumption-{row.pk}"
    Assumption.objects.filter(pk=row.pk).update(state="confirmed")
    place = f"/p/NA4/assumptions?show=settled#assumption-{row.pk}"
    assert client.get(f"/assumptions/{row.pk}")["Location"] == place
