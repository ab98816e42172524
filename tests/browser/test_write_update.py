"""From the reminder to the published update by keyboard alone; the rules speak up and fall silent while one types."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

import history
import people.services
import risks.services
from reports.models import Update
from reports.updates import services
from tests.conftest import Cast
from tests.reports.conftest import judge

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST_KEYS = 5
MOST_SECONDS = 60


class Keys:
    """A keyboard that counts."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.count += 1


@pytest.fixture
def due(cast: Cast) -> Cast:
    """The open program was last told of eleven days ago; since then a risk is new and P80 moved."""
    now = timezone.now()
    day = people.services.today(now)
    before = now - timedelta(days=11)
    judge(cast.na4, day - timedelta(days=11), "on_track", 1)
    with history.replaying(before):
        update = services.begin_update(program=cast.na4, by=cast.lead, at=before, health="on_track", text="All well.")
        services.publish_update(update=update, by=cast.lead, at=before)
    judge(cast.na4, day, "on_track", 4, at=now)
    risks.services.create_risk(program=cast.na4, by=cast.lead, today=day, title="Canal floods")
    return cast


def test_from_the_reminder_to_published_by_keyboard(due: Cast, signed_in: Any, live_server: LiveServer) -> None:
    page: Page = signed_in(due.lead)
    keys, began = Keys(page), time.monotonic()
    page.goto(f"{live_server.url}/updates/mine")
    page.get_by_role("link", name="Write update of Region NA-4 capacity").focus()
    keys.press("Enter")
    page.wait_for_url("**/updates/new")
    expect(page.get_by_label("Health")).to_be_focused()
    expect(page.get_by_label("What happened")).to_have_value(
        "- P80 is 19 Jan 2027, 4 days later than its target of 15 Jan 2027; 3 days later than on "
        + f"{(people.services.today(timezone.now()) - timedelta(days=11)):%-d %b %Y}.\n"
        + f"- New risk R-{due.na4.risks.get().pk}, raised on {people.services.today(timezone.now()):%-d %b %Y}: "
        + "“Canal floods”."
    )
    keys.press("Control+Enter")
    page.wait_for_url("**/u/*")
    expect(page.get_by_text("Sources of 2 sentences")).to_be_visible()
    published = Update.objects.published().latest("published_at")
    assert len(published.sentences) == 2
    assert keys.count <= MOST_KEYS
    assert time.monotonic() - began < MOST_SECONDS


def test_publishing_while_it_saves_itself_leaves_no_second_draft(
    due: Cast, signed_in: Any, live_server: LiveServer
) -> None:
    page: Page = signed_in(due.lead)
    page.goto(f"{live_server.url}/p/NA4/updates/new")
    page.get_by_label("Ask").fill("Nothing this week.")
    with page.expect_request(lambda request: request.method == "POST"):
        pass
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/u/\d+$"))
    [first, second] = Update.objects.filter(program=due.na4).order_by("pk")
    assert first.published_at
    assert second.published_at
    assert second.ask == "Nothing this week."


def test_rules_speak_up_and_fall_silent_while_one_types(
    due: Cast, signed_in: Any, live_server: LiveServer, complaints: list[str]
) -> None:
    page: Page = signed_in(due.lead)
    page.goto(f"{live_server.url}/p/NA4/updates/new")
    lint = page.locator("#update-lint")
    expect(lint).to_contain_text("Nothing is missing")
    text = page.get_by_label("What happened")
    text.fill("**Fibre** slipped 5 days.")
    expect(lint).to_contain_text("against what?")
    expect(page.locator("#update-preview strong")).to_have_text("Fibre")
    expect(page.get_by_role("status").filter(has_text="Draft saved")).to_be_visible()
    draft = Update.objects.get(published_at=None)
    page.wait_for_url(f"**/u/{draft.pk}/edit")
    text.fill("**Fibre** slipped 5 days against its target.")
    expect(lint).to_contain_text("Nothing is missing")
    # Somebody else writes meanwhile: nothing is overwritten by itself, and nothing is lost.
    services.change_update(update=draft, by=due.admin, text="Theirs", ask="A crane")
    text.fill("Mine")
    expect(page.get_by_role("alert")).to_contain_text("Ada Admin changed this while you were editing")
    expect(page.get_by_label("Ask")).to_have_value("A crane")
    expect(text).to_have_value("Mine")
    draft.refresh_from_db()
    assert draft.text == "Theirs"
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Draft saved.")).to_be_visible()
    draft.refresh_from_db()
    assert (draft.text, draft.ask) == ("Mine", "A crane")
    assert all("412" in complaint for complaint in complaints)
    complaints.clear()
