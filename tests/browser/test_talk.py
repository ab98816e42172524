"""People talk without scripts: one finds a risk and asks, the other reads it in the inbox, answers and puts it away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from milestones.services import create_milestone
from risks.services import create_risk
from tests.browser.test_look_around import scrolls_sideways
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PLACES = ("/inbox", "/m/{m}", "/r/R-{r}", "/search?q=switchgear", "/p/NA4/comments?show=all")


class TestWithoutScripts:
    @pytest.fixture
    def browser_context_args(self, browser_context_args: dict[str, Any]) -> dict[str, Any]:
        return {**browser_context_args, "java_script_enabled": False}

    def test_a_question_is_asked_found_and_answered(self, cast: Cast, signed_in: Any, live_server: LiveServer) -> None:
        step = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Switchgear" * 12)
        risk = create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Chillers late")
        page: Page = signed_in(cast.viewer)
        page.get_by_role("link", name="Search").first.click()
        page.get_by_role("searchbox").fill("chill")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Chillers late").click()
        page.get_by_role("button", name="Watch").click()
        expect(page.get_by_role("button", name="Watch")).to_have_attribute("aria-pressed", "true")
        page.get_by_label("Your comment").fill("Who signs, @Lea Lead?\n\n<img src=x onerror=alert(1)>")
        page.get_by_role("button", name="Comment").click()
        expect(page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
        assert "#comment-" in page.url

        page.goto(f"{live_server.url}/m/{step.pk}")
        page.get_by_label("Your comment").fill("W" * 900)
        page.get_by_role("button", name="Comment").click()
        page.get_by_role("link", name="Sign out").click()
        page.get_by_role("button", name="Sign out").click()

        page = signed_in(cast.lead)
        page.get_by_role("link", name="Inbox").first.click()
        expect(page.locator("#main").get_by_text("2 unread", exact=True)).to_be_visible()
        for width in (1440, 320):
            page.set_viewport_size({"width": width, "height": 900})
            for path in (
                "/inbox",
                f"/m/{step.pk}",
                f"/r/R-{risk.pk}",
                "/search?q=switchgear",
                "/p/NA4/comments?show=all",
            ):
                page.goto(f"{live_server.url}{path}")
                assert not scrolls_sideways(page), (path, width)
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{live_server.url}/inbox")
        page.get_by_role("button", name="Vera Viewer mentioned you: Chillers late").click()
        page.get_by_label("Your comment").fill("I do.")
        page.get_by_role("button", name="Comment").click()
        page.get_by_role("link", name="Edit your comment").click()
        page.get_by_label("Comment").fill("I do, on Monday.")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("I do, on Monday.")).to_be_visible()
        page.get_by_role("link", name="Inbox").first.click()
        page.get_by_role("button", name=re.compile("Put away.*Chillers late")).click()
        expect(page.get_by_text("mentioned you: Chillers late")).to_have_count(0)
        page.get_by_role("button", name="Mark all read").click()
        expect(page.get_by_role("button", name="Mark all read")).to_have_count(0)


def test_a_name_is_chosen_while_it_is_typed(cast: Cast, signed_in: Any, live_server: LiveServer) -> None:
    step = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Switchgear")
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/m/{step.pk}")
    text, people = page.get_by_label("Your comment"), page.get_by_role("listbox", name="People")
    text.press_sequentially("Ask @ve")
    expect(people.get_by_role("option", name="Vera Viewer")).to_have_attribute("aria-selected", "true")
    expect(text).to_have_attribute("aria-activedescendant", "mention-1")
    page.keyboard.press("Escape")
    expect(people).to_have_count(0)
    expect(text).to_have_value("Ask @ve")
    text.press_sequentially("r")
    expect(people).to_be_visible()
    page.keyboard.press("Enter")
    expect(text).to_have_value("Ask @Vera Viewer ")
    text.press_sequentially("and @l")
    expect(people.get_by_role("option")).to_have_count(1)
    people.get_by_role("option", name="Lea Lead").click()
    expect(text).to_have_value("Ask @Vera Viewer and @Lea Lead ")
    expect(text).to_be_focused()
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_text("Posted your comment.")).to_be_visible()
    assert cast.viewer.notices.filter(reason="mention").count() == 1
