"""What was published stays, with its sources and beside the one before; a mistake is put right by a new version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import history
import risks.services
from milestones.models import Dependency, Milestone
from people.models import User
from reports.letters.frozen import thaw
from reports.models import Update
from reports.updates import services, snapshot
from reports.updates.drafting import draft
from reports.updates.drafting.lines import prefilled
from tests.conftest import FRIDAY, NOON, Api, Cast
from tests.reports.conftest import judge

SignIn = Callable[[User], Client]
WEEK = timedelta(days=7)
UTC = ZoneInfo("UTC")


@pytest.fixture
def said(cast: Cast) -> Update:
    """Two weeks of updates; the newest one as it was drafted."""
    judge(cast.na4, FRIDAY - WEEK, "on_track", 3)
    publish(cast, NOON - WEEK, "All **well**.")
    judge(cast.na4, FRIDAY, "on_track", 5)
    with history.replaying(NOON - timedelta(hours=1)):
        risks.services.create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Canal floods")
    return publish(cast, NOON, prefilled(draft(snapshot.take(cast.na4, NOON))))


def publish(cast: Cast, at: Any, text: str, **written: Any) -> Update:
    update = services.begin_update(
        program=cast.na4, by=cast.lead, at=at, **{"health": "on_track", "text": text} | written
    )
    return services.publish_update(update=update, by=cast.lead, at=at)


def correct(said: Update, cast: Cast, **written: Any) -> Update:
    later = NOON + timedelta(days=1)
    update = services.begin_correction(update=said, by=cast.lead, at=later)
    update = services.change_update(update=update, by=cast.lead, **written)
    return services.publish_update(update=update, by=cast.lead, at=later)


def test_its_letter_counts_from_the_day_after_the_update_before(said: Update) -> None:
    since = thaw(said, UTC).since
    assert (since.on, since.first) == (FRIDAY - WEEK, FRIDAY - WEEK + timedelta(days=1))


def test_a_letter_reads_hand_offs_of_before_their_agreement_was_kept(cast: Cast, said: Update) -> None:
    given, taken = (Milestone.objects.create(program=program, name="Racks") for program in (cast.dark, cast.na4))
    Dependency.objects.create(
        predecessor=given, successor=taken, need_by_on=FRIDAY, promised_on=FRIDAY, agreement="accepted"
    )
    said.snapshot = snapshot.take(cast.na4, NOON)
    del said.snapshot["hand_offs"][0]["agreement"]
    assert [row.agreement for row in thaw(said, UTC).hand_offs] == ["accepted"]


def test_a_correction_is_a_new_version_on_the_same_facts(cast: Cast, said: Update) -> None:
    before = Update.objects.filter(pk=said.pk).values().get()
    judge(cast.na4, FRIDAY + timedelta(days=1), "off_track", 50)
    newer = correct(said, cast, correction="The risk was named twice.", text=f"{said.text}\nOnce.")
    assert Update.objects.filter(pk=said.pk).values().get() == before
    assert newer.corrects == said
    assert newer.snapshot == said.snapshot
    assert newer.sentences == said.sentences
    assert newer.author == cast.lead
    # The next update counts its news from the facts, not from the day of the correction.
    assert snapshot.take(cast.na4, NOON + WEEK)["since"]["day"] == "2026-11-20"


def test_a_correction_says_what_it_corrects_and_is_one(cast: Cast, said: Update) -> None:
    with pytest.raises(ValidationError, match="Say what it corrects"):
        correct(said, cast)
    begun = Update.objects.get(published_at=None)
    assert services.begin_correction(update=said, by=cast.lead, at=NOON) == begun
    with pytest.raises(ValidationError, match="A draft is changed"):
        services.begin_correction(update=begun, by=cast.lead, at=NOON)
    with pytest.raises(PermissionDenied):
        services.begin_correction(update=said, by=cast.viewer, at=NOON)
    services.change_update(update=begun, by=cast.lead, correction="A name.")
    services.publish_update(update=begun, by=cast.lead, at=NOON)
    with pytest.raises(ValidationError, match="correction of this update already"):
        services.begin_correction(update=said, by=cast.lead, at=NOON)


def test_an_owner_comes_with_a_day(cast: Cast) -> None:
    with pytest.raises(ValidationError, match="both, or neither"):
        publish(cast, NOON, "Well.", path_owner=cast.lead)


def test_the_page_shows_sources_the_difference_and_the_correction(cast: Cast, said: Update, sign_in: SignIn) -> None:
    viewer = sign_in(cast.viewer)
    with CaptureQueriesContext(connection) as queries:
        page = viewer.get(f"/u/{said.pk}").text
    assert len(queries) <= 25, len(queries)
    assert "Sources of 2 sentences" in page
    assert "18 Jan 2027 →" in page
    assert '<del dir="auto"><span class="sr-only">Gone: </span>All **well**.</del>' in page
    assert "Canal floods" in page
    assert "Correct it" not in page
    lead = sign_in(cast.lead)
    assert "Correct it" in lead.get(f"/u/{said.pk}").text
    to = lead.post(f"/u/{said.pk}/correct").headers["Location"]
    form = lead.get(to).text
    assert "What it corrects" in form
    posted = {"correction": "Dry now.", "health": "on_track", "text": "Dry.", "version": "1", "publish": "1"}
    answer = lead.post(to, posted | {"anyway": "1"})
    assert answer.headers["Location"] == to.removesuffix("/edit")
    page = viewer.get(f"/u/{said.pk}").text
    assert "Corrected on" in page
    assert "Dry now." in page
    page = viewer.get(to.removesuffix("/edit")).text
    assert "A correction of" in page
    assert "corrected since" in viewer.get("/p/NA4/updates").text


def test_corrections_and_sources_by_the_api(cast: Cast, said: Update, api: type[Api]) -> None:
    lead = api(cast.lead)
    row = lead.get(f"updates/{said.pk}").json()
    assert [one["rule"] for one in row["sentences"]] == ["slip", "risk_new"]
    assert "sentences" not in lead.get("updates").json()["data"][0]
    made = lead.post(f"updates/{said.pk}/correct")
    assert made.status_code == 201
    path = f"updates/{made.json()['id']}"
    assert made.headers["Location"].endswith(f"/api/v1/{path}")
    assert lead.post(f"{path}/publish", {"accept_warnings": True}).status_code == 422
    assert lead.patch(path, {"correction": "A name."}).json()["corrects"] == said.pk
    assert lead.post(f"{path}/publish", {"accept_warnings": True}).json()["correction"] == "A name."
    assert api(cast.viewer).post(f"updates/{said.pk}/correct").status_code == 403
