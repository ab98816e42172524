"""The editor: begins with the draft, saves by itself, previews, and keeps two editors from each other's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import risks.services
from people.models import User
from people.services import today
from reports.models import Update
from reports.updates import services
from tests.conftest import NOON, Cast
from tests.reports.conftest import judge

SignIn = Callable[[User], Client]
HTMX = {"HX-Request": "true"}
NEW = "/p/NA4/updates/new"


@pytest.fixture
def lead(cast: Cast, sign_in: SignIn) -> Client:
    now = timezone.now()
    judge(cast.na4, today(now), "on_track", 5, at=now)
    risks.services.create_risk(program=cast.na4, by=cast.lead, today=today(now), title="Canal *floods*")
    return sign_in(cast.lead)


def test_it_begins_with_the_draft(cast: Cast, lead: Client) -> None:
    said = services.begin_update(program=cast.na4, by=cast.lead, at=NOON, health="on_track", text="All well.")
    services.publish_update(update=said, by=cast.lead, at=NOON)
    with CaptureQueriesContext(connection) as queries:
        page = lead.get(NEW).text
    assert len(queries) <= 25, len(queries)
    assert "- New risk R-" in page
    assert "“Canal \\*floods\\*”" in page
    assert "All that changed since the last update stands in the text." in page
    assert Update.objects.get() == said


def test_it_saves_by_itself_and_goes_on_with_the_same_draft(cast: Cast, lead: Client) -> None:
    typed = {"health": "at_risk", "text": "We are 3 days late.\n\n**Now.**"}
    first = lead.post(NEW, typed, headers=HTMX)
    update = Update.objects.get()
    assert first.headers["HX-Replace-Url"] == f"/u/{update.pk}/edit"
    assert "Draft saved" in first.text
    assert "<strong>Now.</strong>" in first.text
    assert "“3 days late”: against what?" in first.text
    assert "Nobody brings it back." in first.text
    assert "New risk R-" in first.text  # said by the records, and not in the text any more
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', first.text))
    assert hidden == {"version": "1", "draft_id": str(update.pk)}
    lead.post(NEW, typed | hidden | {"ask": "Money"}, headers=HTMX)
    update.refresh_from_db()
    assert (update.ask, update.version) == ("Money", 2)
    assert lead.get(NEW).headers["Location"] == f"/u/{update.pk}/edit"
    assert lead.get(f"/u/{update.pk}/edit").status_code == 200


def test_two_editors_do_not_overwrite_each_other(cast: Cast, lead: Client) -> None:
    update = services.begin_update(program=cast.na4, by=cast.lead, at=NOON, text="First", ask="Old ask")
    services.change_update(update=update, by=cast.admin, text="Second", ask="New ask")
    here, typed = f"/u/{update.pk}/edit", {"text": "Third", "ask": "Old ask", "version": "1"}
    held = lead.post(here, typed, headers=HTMX)
    assert held.status_code == 412
    assert "Ada Admin changed this while you were editing" in held.text
    assert "Second" in held.text
    assert 'name="held"' in held.text
    # The field that was left alone shows what the other one wrote; the one that both changed stays as typed.
    assert "New ask" in held.text
    assert 'id="field-text"' not in held.text
    # Nothing overwrites by itself.
    assert lead.post(here, typed | {"version": "2", "held": "1"}, headers=HTMX).status_code == 204
    assert Update.objects.get().text == "Second"
    lead.post(here, {"text": "Third", "ask": "New ask", "version": "2", "draft": "1"})
    assert (Update.objects.get().text, Update.objects.get().ask) == ("Third", "New ask")


def test_what_cannot_be_read_is_told_and_keeps_nothing_else_from_being_saved(cast: Cast, lead: Client) -> None:
    typed = {"text": "Kept", "path_owner": str(cast.lead.pk), "path_on": "someday"}
    answer = lead.post(NEW, typed, headers=HTMX)
    assert answer.status_code == 422
    assert "Saved, but for what cannot be read." in answer.text
    update = Update.objects.get()
    assert (update.text, update.path_owner, update.path_on) == ("Kept", cast.lead, None)
    assert answer.headers["HX-Replace-Url"] == f"/u/{update.pk}/edit"
    typed |= dict(re.findall(r'type="hidden" name="(version|draft_id)" value="(\w+)"', answer.text))
    for shown in (answer, lead.post(NEW, typed | {"preview": "1"})):
        preview = shown.text[shown.text.index('id="update-preview"') :]
        assert "<p>Kept</p>" in preview
        assert "brings it back by" in preview
        assert "Back on track by</a>: <bdi>someday</bdi>." in preview
    assert "Not saved yet: look at what is marked." in shown.text
    again = lead.post(NEW, typed | {"text": "Kept, and more"}, headers=HTMX)
    update.refresh_from_db()
    assert (again.status_code, update.text, update.version) == (422, "Kept, and more", 2)
    # A version that cannot be read overwrites nothing.
    blind = lead.post(NEW, typed | {"text": "Blind", "version": "x"}, headers=HTMX)
    assert "Not saved yet." in blind.text
    update.refresh_from_db()
    assert update.text == "Kept, and more"
    lead.post(NEW, typed | {"text": "", "path_on": "4 Dec 2026", "version": "2"}, headers=HTMX)
    update.refresh_from_db()
    assert (update.text, str(update.path_on)) == ("", "2026-12-04")


def test_without_a_script_it_saves_previews_and_adds(cast: Cast, lead: Client) -> None:
    page = lead.post(NEW, {"text": "**Bold**", "health": "on_track", "preview": "1"})
    assert page.status_code == 200
    assert "<strong>Bold</strong>" in page.text
    assert not Update.objects.exists()
    added = re.search(r'name="add" value="(- New risk[^"]*)"', page.text)
    assert added
    to = lead.post(NEW, {"text": "**Bold**", "add": added[1]}).headers["Location"]
    assert Update.objects.get().text == f"**Bold**\n{added[1]}"
    assert "Canal" in lead.get(to).text
    # What said the same with other numbers makes room.
    older = re.sub(r"raised on \d+", "raised on 3", added[1])
    assert older != added[1]
    lead.post(to, {"text": f"{older}\nOur own words.", "add": added[1]})
    assert Update.objects.get().text == f"{added[1]}\nOur own words."


def test_it_asks_before_it_publishes_over_a_warning(cast: Cast, lead: Client) -> None:
    typed: dict[str, Any] = {"text": "We are 3 days late.", "health": "on_track", "publish": "1"}
    asked = lead.post(NEW, typed)
    assert asked.status_code == 422
    assert "Publish anyway" in asked.text
    assert not Update.objects.exists()
    assert lead.post(NEW, typed | {"anyway": "1"}).status_code == 302
    assert Update.objects.get().published_at


def test_a_draft_of_another_program_is_none_of_this_one(cast: Cast, lead: Client) -> None:
    other = services.begin_update(program=cast.dark, by=cast.lead, at=NOON, text="Theirs")
    for number in (str(other.pk), "x", "9" * 30):
        assert lead.post(NEW, {"text": "Mine", "draft_id": number}, headers=HTMX).status_code == 404
    assert Update.objects.get().text == "Theirs"
