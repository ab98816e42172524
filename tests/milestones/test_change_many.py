"""The same change in many rows: one request, one act, one undo; what refuses stays chosen and is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import changes.services
import history.services
import milestones.services
import programs.services
import risks.services
from history.models import ChangeSet
from milestones.models import DateMove, Milestone
from people.models import User
from tests.conftest import FRIDAY, Cast

SignIn = Callable[[User], Client]
JANUARY = date(2027, 1, 15)


@pytest.fixture
def three(cast: Cast) -> list[Milestone]:
    other = programs.services.create_program(by=cast.admin, key="OTHER", name="Other", lead=cast.admin)
    return [
        milestones.services.create_milestone(program=program, by=cast.admin, name=name, today=FRIDAY, target_on=JANUARY)
        for program, name in ((cast.na4, "Fibre"), (cast.na4, "Open"), (other, "Theirs"))
    ]


def test_targets_of_several_move_together_and_back(cast: Cast, three: list[Milestone], sign_in: SignIn) -> None:
    client = sign_in(cast.lead)
    ids = [three[0].pk, three[1].pk]
    sent = {"id": ids, "shift": "2w", "cause": cast.cause.pk, "set_owner": "on", "owner": cast.lead.pk}
    answer = client.post("/milestones/bulk", sent | {"next": "/p/NA4/milestones"}, follow=True)
    assert "Changed 2 milestones." in answer.content.decode()
    found = Milestone.objects.filter(pk__in=ids)
    assert {(row.target_on, row.owner) for row in found} == {(date(2027, 1, 29), cast.lead)}
    assert DateMove.objects.count() == 2
    act = ChangeSet.objects.filter(parent=None, by_id=cast.lead.pk).latest("id")
    changes.services.undo(change_set=act, by=cast.lead, at=timezone.now())
    assert {(row.target_on, row.owner) for row in found.all()} == {(JANUARY, None)}


def test_a_promise_for_a_quarter_moves_by_the_days_that_were_said(
    cast: Cast, three: list[Milestone], sign_in: SignIn
) -> None:
    """Not on to the end of the quarter after."""
    row, now = three[0], timezone.now()
    given: dict[str, Any] = {"milestone": row, "by": cast.lead, "today": FRIDAY, "at": now, "cause": cast.cause}
    milestones.services.change_milestone(**given, target_on=date(2027, 9, 30), target_precision="quarter")
    sent = {"id": [three[0].pk], "shift": "2w", "cause": cast.cause.pk}
    assert sign_in(cast.lead).post("/milestones/bulk", sent).status_code == 302
    moved = Milestone.objects.get(pk=three[0].pk)
    assert (moved.target_on, moved.target_precision) == (date(2027, 10, 14), "day")


def test_programs_are_taken_in_their_order_whatever_that_of_the_rows(cast: Cast, three: list[Milestone]) -> None:
    """Two such acts over the same programs then wait for each other's revisions once, and never in a ring."""
    later = milestones.services.create_milestone(program=cast.na4, by=cast.admin, name="Later", today=FRIDAY)
    chosen = Milestone.objects.filter(pk__in=[three[2].pk, later.pk])
    written: list[int] = []
    assert later.pk > three[2].pk
    history.services.each(chosen, lambda row: written.append(row.program_id), reason="Both", by_id=cast.admin.pk)
    assert written == [cast.na4.pk, three[2].program_id]


def test_what_refuses_is_told_and_stays_chosen(cast: Cast, three: list[Milestone], sign_in: SignIn) -> None:
    sent = {"id": [row.pk for row in three], "set_note": "on", "note": "Ask Ruth"}
    answer = sign_in(cast.lead).post("/milestones/bulk", sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "2 saved, 1 not" in page, "In the page, which stays, and not only in a message that leaves"
    assert "You cannot edit Other." in page
    assert f'value="{three[2].pk}" checked' in page
    assert f'value="{three[0].pk}" checked' not in page
    assert "Changed 2 of 3 milestones." in page
    assert list(Milestone.objects.order_by("pk").values_list("note", flat=True)) == ["Ask Ruth", "Ask Ruth", ""]


def test_what_is_not_ticked_stays_and_nothing_ticked_is_told(
    cast: Cast, three: list[Milestone], sign_in: SignIn
) -> None:
    client = sign_in(cast.lead)
    answer = client.post("/milestones/bulk", {"id": three[0].pk, "note": "Not meant", "target_on": "soon"})
    assert answer.status_code == 422
    assert "Tick what is to change." in answer.content.decode()
    assert Milestone.objects.get(pk=three[0].pk).note == ""


def test_hidden_rows_are_not_there(cast: Cast, sign_in: SignIn) -> None:
    dark = milestones.services.create_milestone(program=cast.dark, by=cast.lead, name="Secret", today=FRIDAY)
    answer = sign_in(cast.outsider).get("/milestones/bulk", {"id": dark.pk}, follow=True)
    assert "Choose some milestones first." in answer.content.decode()
    assert "Secret" not in answer.content.decode()


def test_risks_are_closed_together(cast: Cast, sign_in: SignIn) -> None:
    rows = [
        risks.services.create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title=title)
        for title in ("One", "Two")
    ]
    sent = {"id": [row.pk for row in rows], "closed_because": "The permit came."}
    sign_in(cast.contributor).post("/risks/bulk", sent)
    for row in rows:
        row.refresh_from_db()
        assert (row.closed_on is not None, row.closed_because) == (True, "The permit came.")


def test_what_is_not_ones_own_to_change_is_told_before_it_is_sent(
    cast: Cast, three: list[Milestone], sign_in: SignIn
) -> None:
    asked = "/milestones/bulk?" + "&".join(f"id={row.pk}" for row in three)
    page = sign_in(cast.lead).get(asked)
    assert "1 of those you chose is not yours to change" in page.text
    assert "Other, Ada Admin leads it" in page.text
    assert [row.name for row in page.context["rows"]] == ["Fibre", "Open"]
    assert f'name="id" value="{three[2].pk}"' not in page.text
    assert "not yours" not in sign_in(cast.admin).get(asked).text
    answer = sign_in(cast.outsider).get(asked, follow=True)
    assert "You cannot change any of these milestones" in answer.text
    risk = risks.services.create_risk(program=three[2].program, by=cast.admin, today=FRIDAY, title="Theirs too")
    answer = sign_in(cast.lead).get(f"/risks/bulk?id={risk.pk}", follow=True)
    assert "You cannot change any of these risks" in answer.text
