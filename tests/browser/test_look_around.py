"""A person looks around: signs in, reads the portfolio, opens a program; on a desk, on a phone, without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.dashboards.conftest import write_portfolio

if TYPE_CHECKING:
    from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def programs(page: Page) -> Locator:
    return page.get_by_role("table", name="Programs with derived")


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_from_sign_in_to_a_program(cast: Cast, signed_in: Any) -> None:
    write_portfolio(12, [cast.lead])
    page: Page = signed_in(cast.viewer)
    expect(page.get_by_role("heading", level=1)).to_have_text("Infrastructure portfolio")
    rows = programs(page).get_by_role("row")
    assert rows.count() == 15  # the heading, twelve, and the two of the cast
    page.get_by_role("link", name="Needs attention").click()
    assert rows.count() == 6
    programs(page).get_by_role("link", name="Fleet program 1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Fleet program 1")
    expect(page.get_by_text("P80 is 34 days after target.", exact=True)).to_be_visible()
    page.get_by_text("View as table").click()
    expect(page.get_by_role("table", name="Milestones of Fleet program 1")).to_be_visible()


def test_a_filter_is_set_and_taken_away(cast: Cast, signed_in: Any) -> None:
    write_portfolio(12, [cast.lead])
    page: Page = signed_in(cast.viewer)
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Words in key, name, lead, team or area").fill("mesh")
    page.get_by_role("button", name="Show").click()
    expect(programs(page).get_by_role("link", name="Mesh program 11")).to_be_visible()
    assert "q=mesh" in page.url
    page.get_by_role("link", name="Remove the filter Search").click()
    expect(programs(page).get_by_role("link", name="Cluster program 0", exact=True)).to_be_visible()


def test_a_view_is_saved_and_found_again_by_somebody_else(cast: Cast, signed_in: Any) -> None:
    write_portfolio(12, [cast.lead])
    page: Page = signed_in(cast.viewer)
    page.get_by_role("link", name="P80 slip").click()
    page.get_by_text("Group", exact=True).click()
    page.get_by_role("link", name="By area").click()
    groups = programs(page).get_by_role("rowheader", name="at worst")
    expect(groups.first).to_contain_text("4 Off track at worst")
    expect(programs(page).locator("th[aria-sort=descending]")).to_have_text("P80 slip")
    page.get_by_text("Views", exact=True).click()
    page.get_by_label("Name of the view").fill("By area, worst first")
    page.get_by_label("For everyone").check()
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_role("status")).to_contain_text("Saved the view")
    assert "group=area&sort=-slip" in page.url
    expect(page.locator(".tab[aria-current]")).to_have_text("By area, worst first 14")
    assert not scrolls_sideways(page)
    page.get_by_text("Export", exact=True).first.click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Table as CSV").click()
    assert len(started.value.path().read_text("utf-8-sig").splitlines()) == 15
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/login")
    page = signed_in(cast.outsider)
    page.get_by_role("link", name="By area, worst first").click()
    # One of the cast's programs is private.
    expect(page.locator(".tab[aria-current]")).to_have_text("By area, worst first 13")


def test_the_keyboard_skips_to_the_content(cast: Cast, signed_in: Any) -> None:
    page: Page = signed_in(cast.viewer)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [1440, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways(width: int, scheme: Any, cast: Cast, signed_in: Any, live_server: LiveServer) -> None:
    write_portfolio(3, [cast.lead])
    page: Page = signed_in(cast.lead)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    places = page.locator("nav.nav-primary a, .me a").evaluate_all("links => links.map(link => link.href)")
    for place in [*places, f"{live_server.url}/p/P1", f"{live_server.url}/p/NA4"]:
        page.goto(place)
        assert not scrolls_sideways(page), place


class TestWithoutScripts:
    @pytest.fixture
    def browser_context_args(self, browser_context_args: dict[str, Any]) -> dict[str, Any]:
        return {**browser_context_args, "java_script_enabled": False}

    def test_reading_and_leaving_work(self, cast: Cast, signed_in: Any, live_server: LiveServer) -> None:
        write_portfolio(2, [cast.lead])
        page: Page = signed_in(cast.viewer)
        programs(page).get_by_role("link", name="Fleet program 1", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Fleet program 1")
        page.get_by_role("link", name="Sign out").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{live_server.url}/account/login")


def test_a_missing_page_keeps_the_frame(
    cast: Cast, signed_in: Any, live_server: LiveServer, complaints: list[str]
) -> None:
    page: Page = signed_in(cast.viewer)
    page.goto(f"{live_server.url}/p/NOPE")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    expect(page.get_by_role("navigation", name="Portfolio")).to_be_visible()
    assert all("404" in complaint for complaint in complaints)
    complaints.clear()
