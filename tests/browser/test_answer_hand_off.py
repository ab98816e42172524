"""A person answers for a hand-off by keyboard alone, without a script; the other side takes what is offered."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from milestones.models import Dependency
from milestones.services import answer_hand_off, create_milestone, link, reply_to_giver
from programs.services import create_program
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "Switchgear" * 12


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "java_script_enabled": False}


@pytest.fixture
def hand_off(cast: Cast) -> Dependency:
    """NA-4 asks the outsider's program for what it needs in January."""
    fibre = create_program(by=cast.admin, key="FIB", name=LONG, lead=cast.outsider)
    giver = create_milestone(program=fibre, by=cast.outsider, today=FRIDAY, name="Fibre lit")
    taker = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=LONG)
    return link(predecessor=giver, successor=taker, by=cast.lead, need_by_on=date(2027, 1, 15))


def tab_to(page: Page, wanted: Any) -> None:
    """Press the tabulator until it is there: nobody has to press it more than sixty times."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.and_(page.locator(":focus")).count():
            return
    pytest.fail(f"The keyboard does not reach {wanted}.")


def test_the_first_that_is_owed_is_declined_by_keyboard(
    cast: Cast, hand_off: Dependency, signed_in: Any, live_server: LiveServer
) -> None:
    page: Page = signed_in(cast.outsider)
    page.goto(f"{live_server.url}/dependencies")
    tab_to(page, page.get_by_role("link", name="I owe"))
    page.keyboard.press("Enter")
    page.wait_for_url("**mine=owe**")
    tab_to(page, page.locator("summary", has_text="Answer: Fibre lit"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Words to the receiver"))
    page.keyboard.type("The trench is flooded until spring")
    tab_to(page, page.get_by_role("button", name="Decline"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Answered; the receiver sees it at once.")
    assert page.url.endswith(f"mine=owe#link-{hand_off.pk}")
    expect(page.get_by_role("rowheader", name="Declined")).to_be_visible()
    hand_off.refresh_from_db()
    assert (hand_off.agreement, hand_off.note) == ("declined", "The trench is flooded until spring")


def test_the_map_leads_to_the_hand_offs_of_a_pair(
    cast: Cast, hand_off: Dependency, signed_in: Any, live_server: LiveServer
) -> None:
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/dependencies")
    page.locator("svg a.edge .edge-chip").click()
    page.wait_for_url("**giver=FIB&receiver=NA4")
    expect(page.get_by_role("link", name="Fibre lit")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 320])
def test_no_layout_scrolls_sideways(
    width: int, cast: Cast, hand_off: Dependency, signed_in: Any, live_server: LiveServer
) -> None:
    page: Page = signed_in(cast.outsider)
    page.set_viewport_size({"width": width, "height": 800})
    wide = {}

    def measure(path: str) -> None:
        page.goto(live_server.url + path)
        for more in page.locator("details.more summary").all():
            more.click()
        size = page.locator("html").evaluate("page => [page.scrollWidth, page.clientWidth]")
        if size[0] > size[1]:
            wide[path] = size

    for path in ("/dependencies", "/dependencies?layout=matrix", "/dependencies?mine=owe", "/p/FIB/dependencies"):
        measure(path)
    answer_hand_off(
        dependency=hand_off, agreement="countered", by=cast.outsider, on=FRIDAY, at=NOON, promised_on=FRIDAY, note=LONG
    )
    measure("/dependencies?layout=table")
    reply_to_giver(dependency=hand_off, agreement="accepted", by=cast.lead, on=FRIDAY, at=NOON)
    measure(f"/links/{hand_off.pk}/answer")
    assert wide == {}
