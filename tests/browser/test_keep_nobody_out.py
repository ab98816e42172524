"""Every page, as axe-core sees it: light and dark, on a desk and on a phone, down to 320 px, with all parts open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from integrations.models import Upload
from tests.dashboards.conftest import write_portfolio
from tests.routes import PAGES, Guard
from tests.test_walk import Stage, at, set_stage

if TYPE_CHECKING:
    from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALL = {"runOnly": TAGS, "preload": False, "resultTypes": ["violations"], "selectors": False}
# What a second look, in the other colours at the other width, can find that the first cannot.
LOOKS = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
AGAIN = ALL | {"runOnly": LOOKS}
DESK, PHONE, NARROW = (ViewportSize(width=width, height=900) for width in (1440, 390, 320))
# No pages of ours to judge: text, a stamp, a part that a page fetches, Swagger's own page; and letters, see below.
NO_PAGES = {
    "/healthz",
    "/pulse",
    "/palette",
    "/day",
    "/p/<key>/mentions",
    "/letters/<pk>",
    "/letters/<pk>.txt",
    "/letters/shared/<token>",
    "/api/v1/docs",
}
RUN = """async ([within, options]) => (await axe.run(within, options)).violations.flatMap(
    rule => rule.nodes.map(node => `${rule.id}: ${node.html.slice(0, 160)}`))"""
# What a script drew follows a new width within a second.
FITS = """async () => {
    const fits = () => document.documentElement.scrollWidth <= document.documentElement.clientWidth;
    for (let frame = 0; frame < 60 && !fits(); frame++) await new Promise(requestAnimationFrame);
    return fits();
}"""
# All pages take minutes: their parts run beside each other.
PARTS = 4


class Judge:
    """Looks at whatever the page shows, in two ways; every other page begins with the other colours."""

    def __init__(self, page: Page) -> None:
        self.page, self.seen = page, 0
        self.found: list[str] = []
        page.add_init_script(AXE_SCRIPT)

    def look(self, what: str, within: str = "html") -> None:
        page = self.page
        ways: list[tuple[Any, Any]] = [("light", DESK), ("dark", PHONE)]
        if self.seen % 2:
            ways = [("dark", DESK), ("light", PHONE)]
        self.seen += 1
        for (scheme, size), options in zip(ways, (ALL, AGAIN), strict=True):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size(size)
            self.found += [
                f"{what} {scheme} {size['width']}: {finding}" for finding in page.evaluate(RUN, [within, options])
            ]
        page.set_viewport_size(NARROW)
        if not page.evaluate(FITS):
            self.found.append(f"{what}: scrolls sideways at {NARROW['width']} px")
        page.set_viewport_size(DESK)


def addresses(stage: Stage, *guards: Guard) -> Iterator[str]:
    for path, route in PAGES.items():
        if route.guard in guards and route.shows == 200 and path not in NO_PAGES:
            yield at(path, route, stage.hidden)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page(cast: Cast, page: Page, signed_in: Any, live_server: LiveServer, part: int) -> None:
    cast.lead.is_admin = True  # one person who opens every page
    cast.lead.save()
    stage = set_stage(cast)
    Upload.objects.update(by=cast.lead)
    write_portfolio(12, [cast.lead])
    judge = Judge(page)
    for path in islice(addresses(stage, Guard.DOOR), part, None, PARTS):
        page.goto(live_server.url + path)
        judge.look(path)
    signed_in(cast.lead)
    for path in islice(addresses(stage, *set(Guard) - {Guard.DOOR}), part, None, PARTS):
        answer = page.goto(live_server.url + path)
        assert answer is not None
        assert answer.status == 200, path
        judge.look(path)
    assert judge.found == [], "\n".join(judge.found)


def test_a_letter(cast: Cast, page: Page, signed_in: Any, live_server: LiveServer) -> None:
    """Its own policy lets no script run, axe-core neither: the same words are judged outside of it."""
    stage, judge = set_stage(cast), Judge(page)
    signed_in(cast.lead)
    letter = page.request.get(f"{live_server.url}/letters/{stage.hidden['letter']}").text()
    page.goto("about:blank")
    page.set_content(letter)
    judge.look("a letter")
    assert judge.found == [], "\n".join(judge.found)


def test_what_is_refused(
    cast: Cast, page: Page, signed_in: Any, live_server: LiveServer, complaints: list[str]
) -> None:
    judge = Judge(page)
    signed_in(cast.lead)
    page.goto(f"{live_server.url}/p/NOPE")
    judge.look("what is missing")
    page.goto(f"{live_server.url}/settings/people")
    judge.look("what one may not see")
    page.goto(f"{live_server.url}/p/NA4/risks/new")
    page.get_by_role("button", name="Raise risk").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    judge.look("a form to mend")
    assert judge.found == [], "\n".join(judge.found)
    # The browser itself notes every refusal; that is no fault of the page.
    assert [told for told in complaints if not re.search("status of (403|404|422)", told)] == []
    complaints.clear()


def test_what_opens_over_a_page(cast: Cast, page: Page, signed_in: Any, live_server: LiveServer) -> None:
    write_portfolio(2, [cast.lead])
    judge = Judge(page)
    signed_in(cast.lead)
    page.goto(f"{live_server.url}/risks")
    was = page.get_by_role("table", name="Risks").get_by_role("link").first
    was.focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_be_visible()
    judge.look("the palette")
    page.keyboard.press("Escape")
    expect(was).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    judge.look("the keys")
    page.get_by_role("button", name="Close").click()
    expect(was).to_be_focused()
    page.locator("[data-select]").first.check()
    expect(page.get_by_role("button", name="Change…")).to_be_visible()
    judge.look("the bulk bar")
    page.goto(f"{live_server.url}/p/P1/milestones")
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("form[data-editing] :focus")).to_be_visible()
    judge.look("an editor in its place", within="form[data-editing]")  # it covers targets, until Escape
    assert judge.found == [], "\n".join(judge.found)


def test_the_menu_of_a_phone(cast: Cast, page: Page, signed_in: Any, live_server: LiveServer) -> None:
    write_portfolio(2, [cast.lead])
    page.add_init_script(AXE_SCRIPT)
    signed_in(cast.lead)
    page.goto(f"{live_server.url}/trends")
    ways: list[tuple[Any, Any]] = [("light", PHONE), ("dark", NARROW)]
    for scheme, size in ways:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        opener = page.locator("summary", has_text="Menu")
        opener.focus()
        page.keyboard.press("Enter")
        menu = page.get_by_role("navigation", name="Menu")
        expect(menu.get_by_role("link", name="Inbox")).to_be_focused()
        assert page.evaluate(RUN, ["html", ALL]) == []
        assert page.evaluate(FITS)
        page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
        expect(opener).to_be_focused()
    opener.click()
    expect(menu.get_by_role("link", name="Trends")).to_have_attribute("aria-current", "page")
    # Whoever goes on with the keyboard leaves nothing lying over what they go to.
    menu.get_by_role("link", name="Sign out").focus()
    page.keyboard.press("Tab")
    expect(menu).to_be_hidden()
    opener.click()
    menu.get_by_role("link", name="Schedule quality").click()
    page.wait_for_url(f"{live_server.url}/quality")
