"""A person reads the roadmap: by keyboard, by what a screen reader is told, and without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from milestones.models import Milestone
from tests.dashboards.conftest import write_portfolio

if TYPE_CHECKING:
    from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class TestWithoutScripts:
    @pytest.fixture
    def browser_context_args(self, browser_context_args: dict[str, Any]) -> dict[str, Any]:
        return {**browser_context_args, "java_script_enabled": False}

    def test_a_program_closes_opens_and_leads_to_its_milestones(
        self, cast: Cast, signed_in: Any, live_server: LiveServer
    ) -> None:
        write_portfolio(3, [cast.lead])
        page: Page = signed_in(cast.viewer)
        page.get_by_role("navigation", name="Portfolio").get_by_role("link", name="Roadmap").click()
        finding = "3 of 3 programs with P80 and target end after it; the latest is Cluster program 0, 49 days."
        drawing = page.get_by_role("group", name=finding)
        expect(drawing).to_be_visible()

        # Closed and opened by keyboard alone; what the link says is what it will do.
        drawing.get_by_role("link", name="Close Fleet program 1").focus()
        page.keyboard.press("Enter")
        closed = drawing.get_by_role("link", name="Open Fleet program 1: ")
        expect(closed).to_be_visible()
        assert "closed=P1" in page.url
        end = Milestone.objects.get(program__key="P1", is_end=True)
        row = drawing.get_by_role("link", name=f"{end.name}: expected ")
        expect(row).to_have_count(0)
        closed.focus()
        page.keyboard.press("Enter")
        expect(row).to_be_visible()
        assert "closed" not in page.url

        page.get_by_role("link", name="Weeks").click()
        page.get_by_role("link", name="Later", exact=True).click()
        page.get_by_role("link", name="Today", exact=True).click()
        assert page.url == f"{live_server.url}/roadmap?zoom=week"
        page.get_by_role("link", name="Quarters").click()
        page.get_by_text("View as table").last.click()
        expect(page.get_by_role("table", name="Milestones of all programs above")).to_be_visible()

        row.click()
        page.wait_for_url(f"{live_server.url}/m/{end.pk}")
        page.get_by_role("link", name="Roadmap").last.click()
        expect(page.get_by_role("group", name="P80 is 34 days after the target.")).to_be_visible()


def test_its_targets_are_large_enough_and_its_axis_stays_in_sight(
    cast: Cast, signed_in: Any, live_server: LiveServer
) -> None:
    write_portfolio(12, [cast.lead])
    page: Page = signed_in(cast.viewer)
    page.set_viewport_size({"width": 1440, "height": 700})
    page.goto(f"{live_server.url}/roadmap?zoom=quarter")
    links = page.locator(".road-box svg a")
    assert links.count() > 60
    assert links.evaluate_all("found => Math.min(...found.map(one => one.getBoundingClientRect().height))") >= 24
    links.last.focus()
    page.keyboard.press("Tab")
    page.mouse.wheel(0, 2000)
    expect(page.locator(".v-slips")).to_be_in_viewport()


def test_on_a_phone_the_roadmap_of_a_program_begins_at_today_beside_its_names(
    cast: Cast, signed_in: Any, live_server: LiveServer
) -> None:
    write_portfolio(2, [cast.lead])
    page: Page = signed_in(cast.viewer)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{live_server.url}/p/P1")
    box = page.get_by_role("group", name="Roadmap, scrollable")
    names, today = box.locator(".road-names"), box.locator(".road-rows > svg .v-today")
    box.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.road-box').scrollLeft > 0")
    right = "node => node.getBoundingClientRect().right"
    assert 0 < today.evaluate(right) - names.evaluate(right) < 100
    box.evaluate("node => { node.scrollLeft = node.scrollWidth }")
    expect(names).to_be_in_viewport(ratio=0.2)
    assert names.evaluate("node => node.getBoundingClientRect().left") < 30
    assert page.evaluate("document.documentElement.scrollWidth") == 390
