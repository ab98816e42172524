"""The review: its pack on one page, now or as it stood, and the meeting with what people took home from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import history
import people.services
import programs.services
import risks.services
from people.models import User
from programs.models import Program
from reports.models import Review, ReviewAction
from reports.reviews import services as reviews
from reports.updates import services
from tests.conftest import Cast
from tests.reports.conftest import judge

SignIn = Callable[[User], Client]


@pytest.fixture
def today() -> date:
    return people.services.today(timezone.now())


@pytest.fixture
def busy(cast: Cast, today: date) -> Cast:
    """Both programs late, reported better than derived, asking, with a decision that waits and an action agreed."""
    at = timezone.now()
    with history.replaying(at - timedelta(days=30)):
        review = reviews.hold_review(by=cast.admin, held_on=today - timedelta(days=7))
    for program, word in ((cast.na4, "Power"), (cast.dark, "Canary")):
        judge(program, today - timedelta(days=8), "at_risk", 26)
        judge(program, today, "off_track", 34)
        asked: dict[str, Any] = {"health": "on_track", "text": f"{word} is fine.", "ask": f"{word} money"}
        update = services.begin_update(program=program, by=cast.lead, at=at, **asked)
        services.publish_update(update=update, by=cast.lead, at=at)
        risks.services.create_decision(
            program=program, by=cast.lead, today=today, question=f"{word}: rent?", decider=cast.lead,
            decide_by_on=today - timedelta(days=1),
        )  # fmt: skip
        agreed: dict[str, Any] = {"program": program, "owner": cast.lead, "due_on": today - timedelta(days=2)}
        reviews.take_action(review=review, by=cast.lead, text=f"{word}: call them", **agreed)
    return cast


def test_everything_to_talk_about_is_on_one_page(busy: Cast, sign_in: SignIn) -> None:
    page = sign_in(busy.viewer).get("/review").text
    for word in ("Power", "Canary"):
        assert f"{word} money" in page
        assert f"{word}: rent?" in page
        assert f"{word}: call them" in page
    for told in ("+34 d", "Off track", "On track", "+8 d", ", late", ", overdue", "2 of 2, 2 a week before"):
        assert told in page, told


def test_the_last_review_is_one_that_was_held(busy: Cast, today: date, sign_in: SignIn) -> None:
    reviews.hold_review(by=busy.admin, held_on=today + timedelta(days=7))
    page = sign_in(busy.viewer).get("/review")
    assert page.context["last"].held_on == today - timedelta(days=7)


def test_nothing_of_a_private_program_is_in_an_outsiders_pack(busy: Cast, sign_in: SignIn) -> None:
    outsider = sign_in(busy.outsider)
    review = Review.objects.get()
    for path in ("/review", "/reviews", review.get_absolute_url(), f"{review.get_absolute_url()}/edit"):
        page = outsider.get(path).text
        assert "anary" not in page
        assert "DARK" not in page
    page = outsider.get("/review").text
    assert "Power money" in page
    assert "1 of 1, 1 a week before" in page
    hidden = ReviewAction.objects.get(program=busy.dark)
    for end in ("edit", "drop"):
        assert outsider.get(f"/review-actions/{hidden.pk}/{end}").status_code == 404
    with pytest.raises(PermissionDenied):
        reviews.take_action(
            review=review, by=busy.outsider, program=busy.dark, text="x", owner=busy.lead, due_on=review.held_on
        )


def test_the_pack_of_a_day_gone_by(busy: Cast, today: date, sign_in: SignIn) -> None:
    Program.objects.update(name="Renamed")
    page = sign_in(busy.admin).get(f"/review?as_of={today - timedelta(days=3)}").text
    assert "As it was on" in page
    assert "Power money" not in page
    assert "Renamed" not in page
    assert "Hold a review" not in page


@pytest.mark.parametrize("size", [1, 30])
def test_the_pack_asks_little(busy: Cast, today: date, sign_in: SignIn, size: int) -> None:
    for n in range(size):
        program = programs.services.create_program(by=busy.admin, key=f"P{n}", name=f"P{n}", lead=busy.lead)
        judge(program, today, "at_risk", 20)
    client = sign_in(busy.admin)
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/review").status_code == 200
    assert len(queries) <= 25, len(queries)


def test_a_meeting_notes_actions_and_follows_up_the_last(busy: Cast, today: date, sign_in: SignIn) -> None:
    lead = sign_in(busy.lead)
    assert "Exceptions" in lead.get("/reviews/new").text
    held = {"held_on": today.isoformat(), "chair": busy.lead.pk, "agenda": "Asks\nMoves"}
    to = lead.post("/reviews/new", held).headers["Location"]
    page = lead.get(to).text
    assert "Open from earlier reviews" in page
    assert "Power: call them" in page
    assert "<li>Moves</li>" in page
    refused = lead.post(f"{to}/actions/new", {"text": "Ask finance"})
    assert refused.status_code == 422
    assert (
        lead.post(f"{to}/actions/new", {"text": "Ask finance", "owner": busy.viewer.pk, "due_on": "next fri"}).headers[
            "Location"
        ]
        == to
    )
    agreed = ReviewAction.objects.get(text="Ask finance")
    assert agreed.due_on.weekday() == 4
    lead.post(f"/review-actions/{agreed.pk}/finish")
    agreed.refresh_from_db()
    assert agreed.done_on == today
    carried = ReviewAction.objects.get(program=busy.na4)
    lead.post(f"/review-actions/{carried.pk}/edit", {
        "text": carried.text, "owner": busy.lead.pk, "due_on": carried.due_on.isoformat(), "program": busy.na4.pk,
        "done_on": (today - timedelta(days=1)).isoformat(), "version": carried.version,
    })  # fmt: skip
    assert "Power: call them" not in lead.get(to).text
    with pytest.raises(ValidationError, match="This day is taken"):
        reviews.hold_review(by=busy.lead, held_on=today)
    viewer = sign_in(busy.viewer)
    assert viewer.post(f"{to}/edit", held | {"chair": busy.viewer.pk}).status_code == 403
    assert viewer.post(f"{to}/delete").status_code == 403
    assert lead.post(f"{to}/delete").status_code == 302
