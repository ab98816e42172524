"""A person looks back: at trends, at how often forecasts came true, at how plans are built; on a desk and a phone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.test_look_around import scrolls_sideways
from tests.dashboards.test_look_back import ledger

if TYPE_CHECKING:
    from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = [
    "/trends?program=NA4",
    "/trends?program=NA4&chart=range",
    "/accuracy",
    "/accuracy/expert?program=NA4",
    "/quality",
    "/quality?program=NA4",
]


@pytest.fixture
def reports(cast: Cast) -> None:
    today = timezone.now().date()
    long = "A milestone with a name that goes on and on until there is hardly any room for it"
    ledger(cast.na4, "Open for traffic", today, is_end=True, work_likely=60 * 480)
    ledger(cast.na4, long, today, drift=1)
    ago = today - timedelta(days=30)
    ledger(cast.na4, "Power", today, drift=0, done_on=ago, target_on=ago)


def test_filters_stay_in_the_address(cast: Cast, reports: None, signed_in: Any, live_server: LiveServer) -> None:
    page: Page = signed_in(cast.viewer)
    page.get_by_role("link", name="Trends").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Milestone trends")
    expect(page.get_by_role("img", name="Milestone trend over 14 reports")).to_be_visible()
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Reports of the last").select_option("26 weeks")
    page.get_by_role("button", name="Show").click()
    assert page.url.endswith("/trends?program=NA4&weeks=26")
    page.get_by_role("link", name="Forecast range").click()
    expect(page.get_by_role("img", name="Forecast range of Open for traffic")).to_be_visible()
    assert "weeks=26" in page.url
    page.get_by_role("link", name="Accuracy", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Forecast accuracy")
    page.get_by_role("link", name="Remove the filter Program").click()
    page.get_by_role("link", name="By team").click()
    expect(page.get_by_role("table", name="Bias of forecasts by team")).to_be_visible()


def test_a_finding_leads_to_where_it_is_mended(
    cast: Cast, reports: None, signed_in: Any, live_server: LiveServer
) -> None:
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/quality")
    row = page.get_by_role("row").filter(has_text="8 Long work")
    row.get_by_text("1 program").click()
    row.get_by_role("link", name="Open for traffic").click()
    expect(page.get_by_label("Name")).to_have_value("Open for traffic")
    assert page.url.endswith("/edit")


def test_a_phone_looks_back_and_takes_a_file(cast: Cast, signed_in: Any, live_server: LiveServer) -> None:
    page: Page = signed_in(cast.viewer)
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto(f"{live_server.url}/risks")
    page.get_by_role("banner").locator("summary", has_text="Today").click()
    page.get_by_label("As it was on").fill("2026-01-09")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status").first).to_contain_text("As it was on 9 Jan 2026.")
    page.get_by_text("Export", exact=True).click()
    expect(page.get_by_role("link", name="Table as CSV")).to_be_in_viewport()
    assert not scrolls_sideways(page)


@pytest.mark.parametrize("width", [1440, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways(
    width: int, scheme: Any, cast: Cast, reports: None, signed_in: Any, live_server: LiveServer
) -> None:
    page: Page = signed_in(cast.viewer)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    for path in PAGES:
        page.goto(f"{live_server.url}{path}")
        page.evaluate("document.querySelectorAll('details.more').forEach(one => one.open = true)")
        assert not scrolls_sideways(page), path
