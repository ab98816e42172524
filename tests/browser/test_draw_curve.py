"""The curve of a milestone is drawn where there are scripts, and is a table where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

import people.services
from forecasts.models import RiskForecast, Run
from milestones.models import Milestone
from risks.services import create_risk
from tests.conftest import FRIDAY, NOON, ROOT
from tests.dashboards.conftest import write_portfolio

if TYPE_CHECKING:
    from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_end(cast: Cast, signed_in: Any, live_server: LiveServer) -> Page:
    write_portfolio(2, [cast.lead])
    page: Page = signed_in(cast.viewer)
    page.goto(f"{live_server.url}/m/{Milestone.objects.get(program__key='P1', is_end=True).pk}")
    return page


@pytest.mark.parametrize(("scheme", "appearance"), [("light", "system"), ("dark", "system"), ("light", "dark")])
def test_it_is_drawn_in_the_colours_of_the_page(
    scheme: Any, appearance: str, cast: Cast, signed_in: Any, live_server: LiveServer
) -> None:
    people.services.change_user(user=cast.viewer, by=cast.viewer, appearance=appearance)
    cast.viewer.refresh_from_db()
    page = open_end(cast, signed_in, live_server)
    page.emulate_media(color_scheme=scheme)
    plot = page.get_by_role("img", name="has a chance of 11%")
    expect(plot.locator("path.js-line")).to_be_visible()
    expect(page.get_by_text("View as table")).to_be_visible()
    expect(page.get_by_role("table", name="by probability")).to_be_hidden()
    page.get_by_text("View as table").click()
    expect(page.get_by_role("table", name="by probability")).to_be_visible()
    accent = page.evaluate(
        "() => { const probe = document.body.appendChild(document.createElement('i'));"
        " probe.style.color = 'var(--accent)'; return getComputedStyle(probe).color }"
    )
    assert accent == ("rgb(143, 152, 255)" if "dark" in (scheme, appearance) else "rgb(70, 80, 208)")
    expect(plot.locator("path.js-line")).to_have_css("stroke", accent)
    # The page fetches itself anew, and the figure stays.
    Milestone.objects.filter(program__key="P1", is_end=True).update(name="Renamed")
    page.evaluate("htmx.trigger(document.body, 'refresh')")
    expect(page.get_by_role("heading", level=1)).to_have_text("Renamed")
    expect(plot.locator("path.js-line")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390, 320])
def test_it_never_makes_the_page_scroll_sideways(
    width: int, cast: Cast, signed_in: Any, live_server: LiveServer
) -> None:
    page = open_end(cast, signed_in, live_server)
    for place in (page.url, f"{live_server.url}/p/P1/why", f"{live_server.url}/p/P1", f"{live_server.url}/"):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), place


def test_its_style_sheet_has_the_rules_that_the_script_would_inject(page: Page) -> None:
    rules = "sheet => [...sheet.cssRules].map(rule => rule.cssText)"
    page.set_content("<div id='plot'></div>")
    page.add_script_tag(path=ROOT / "static" / "vendor" / "plotly" / "plotly-basic.min.js")
    page.evaluate("Plotly.newPlot('plot', [{x: [1, 2], y: [1, 2]}])")
    injected = page.evaluate(f"({rules})(document.getElementById('plotly.js-style-global').sheet)")
    page.set_content("<p></p>")
    page.add_style_tag(path=ROOT / "static" / "css" / "plotly.css")
    assert page.evaluate(f"({rules})(document.styleSheets[0])") == injected


class TestWithoutScripts:
    @pytest.fixture
    def browser_context_args(self, browser_context_args: dict[str, Any]) -> dict[str, Any]:
        return {**browser_context_args, "java_script_enabled": False}

    def test_the_table_says_the_same(self, cast: Cast, signed_in: Any, live_server: LiveServer) -> None:
        page = open_end(cast, signed_in, live_server)
        table = page.get_by_role("table", name="by probability")
        expect(table).to_be_visible()
        assert table.get_by_role("row").count() == 20
        expect(page.locator("plotted-figure")).to_be_hidden()

    def test_why_leads_from_the_program_to_its_calculation(
        self, cast: Cast, signed_in: Any, live_server: LiveServer
    ) -> None:
        page = open_end(cast, signed_in, live_server)
        page.get_by_role("link", name="Fleet program 1").first.click()
        expect(page.get_by_text("P80 is 34 days after target.", exact=True)).to_be_visible()
        page.get_by_role("link", name="Show calculation").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Why off track?")
        expect(page.get_by_role("row", name="Sum: P80 less target")).to_contain_text("+34 d")


def test_the_costs_of_risks_are_drawn_on_their_programs_page(
    cast: Cast, signed_in: Any, live_server: LiveServer
) -> None:
    """Two risks that hide behind each other: closing one saves 3 and 0 days, alone they would cost 5 and 4."""
    run = Run.objects.create(
        day=FRIDAY, engine_version="1", inputs_digest="", revisions={}, computed_at=NOON, seed=1, samples=10
    )
    for title, saved, alone in (("Switchgear late", 3, 5), ("Optics fail", 0, 4)):
        risk = create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title=title)
        RiskForecast.objects.create(risk=risk, program=cast.na4, run=run, p80_days=saved, alone_days=alone)
    page: Page = signed_in(cast.viewer)
    page.goto(f"{live_server.url}/p/NA4/risks")
    plot = page.get_by_role("img", name="Closing Switchgear late would bring P80 forward by 3 days")
    expect(plot.locator(".bars .point")).to_have_count(4)
    page.get_by_text("View as table").last.click()
    table = page.get_by_role("table", name="What each risk adds to P80")
    expect(table.get_by_role("row", name="Optics fail")).to_contain_text("4 d")
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 800})
        page.reload()
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.goto(f"{live_server.url}/risks")
    expect(page.get_by_role("heading", name="What each adds to P80")).to_have_count(0)
