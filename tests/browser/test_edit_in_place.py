"""Values edited where they stand: by mouse and by keyboard, against others who edit the same, and back again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

import milestones.services
from milestones.models import Milestone
from tests.conftest import FRIDAY, Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DAY = 480


@pytest.fixture
def fibre(cast: Cast) -> Milestone:
    return milestones.services.create_milestone(
        program=cast.na4, by=cast.lead, name="Fibre", today=FRIDAY, work_likely=5 * DAY
    )


def test_by_keyboard_with_undo(cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer) -> None:
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/p/NA4/milestones")
    page.keyboard.press("j")
    page.keyboard.press("e")  # the first value of the row: its owner
    expect(page.get_by_role("table").get_by_label("Owner")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name=re.compile("nobody.*edit owner"))).to_be_focused()
    page.get_by_role("link", name=re.compile("^5 d.*edit")).click()
    expect(page.get_by_label("Work", exact=True)).to_be_focused()
    page.keyboard.type("2w")
    page.keyboard.press("Enter")
    cell = page.get_by_role("link", name=re.compile("^10 d.*edit"))
    expect(cell).to_be_focused()
    fibre.refresh_from_db()
    assert fibre.work_likely == 10 * DAY
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back. The forecast follows within seconds.")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^5 d.*edit"))).to_be_visible()


def test_a_bad_value_is_told_where_it_was_typed(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer, complaints: list[str]
) -> None:
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/m/{fibre.pk}")
    page.get_by_role("link", name=re.compile("^5 d.*edit")).click()
    page.get_by_label("Work", exact=True).fill("soon")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Write days, or a number with w, d, h or min")).to_be_visible()
    expect(page.get_by_label("Work", exact=True)).to_have_value("soon")
    # The browser itself notes every refusal; that is no fault of the page.
    assert all("422" in complaint for complaint in complaints)
    complaints.clear()


def test_somebody_elses_edit_appears_and_what_is_typed_stays(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer, complaints: list[str]
) -> None:
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/m/{fibre.pk}")
    page.get_by_role("link", name=re.compile("^5 d.*edit")).click()
    page.get_by_label("Work", exact=True).fill("7")
    milestones.services.change_milestone(
        milestone=fibre, by=cast.contributor, today=FRIDAY, at=timezone.now(), name="Fibre, west", work_likely=6 * DAY
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("Fibre, west", timeout=15_000)
    expect(page.get_by_label("Work", exact=True)).to_have_value("7")
    page.get_by_role("button", name="Save").click()
    conflict = page.get_by_role("alert")
    expect(conflict).to_contain_text("Cem Contributor changed this while you were editing")
    expect(conflict).to_contain_text(re.compile("now 6.*you entered 7", re.S))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name=re.compile("^7 d.*edit"))).to_be_visible()
    assert all("412" in complaint for complaint in complaints)
    complaints.clear()


def test_a_row_that_is_gone_leaves_what_was_typed(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer, complaints: list[str]
) -> None:
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/p/NA4/milestones")
    page.get_by_role("link", name=re.compile("^5 d.*edit")).click()
    page.get_by_label("Work", exact=True).fill("7")
    milestones.services.delete_milestone(milestone=fibre, by=cast.lead)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Not saved: deleted meanwhile")
    expect(page.get_by_label("Work", exact=True)).to_have_value("7")
    assert all("404" in complaint for complaint in complaints)
    complaints.clear()


def test_which_day_is_meant_is_told_below_the_field_while_one_types(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer
) -> None:
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/m/{fibre.pk}/edit")
    field = page.get_by_label("Target", exact=True)
    told = page.locator(".field").filter(has=field).get_by_role("status")
    for text, said in (
        ("Q3 2027", "Thu 30 Sep 2027, the last day of that quarter"),
        ("30.11.2026", "Mon 30 Nov 2026"),
        ("4/12/2026", "“4/12/2026” may be 12 Apr 2026 or 4 Dec 2026: write the month as a word."),
        ("", ""),
    ):
        field.fill(text)
        expect(told).to_have_text(said)
    page.goto(f"{live_server.url}/m/{fibre.pk}")
    page.get_by_role("link", name=re.compile("edit target")).click()
    expect(page.get_by_label("Target", exact=True)).to_be_focused()
    page.keyboard.type("31.12.2027")
    expect(page.get_by_text("Fri 31 Dec 2027")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=re.compile("31 Dec 2027.*edit target"))).to_be_visible()


def test_single_letters_never_fire_while_typing_and_can_be_turned_off(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer
) -> None:
    page: Page = signed_in(cast.lead)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.get_by_label("Single letters act as keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.evaluate("localStorage.clear()")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/dependencies")
    for place in ("/p/NA4", "/p/NA4/risks", f"/m/{fibre.pk}"):
        page.goto(f"{live_server.url}{place}")
        page.keyboard.press("u")
        page.wait_for_url("**/p/NA4/updates/new")


def test_nothing_moves_while_a_value_is_edited_and_recent_records_come_first(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer
) -> None:
    for number in range(3):
        milestones.services.create_milestone(program=cast.na4, by=cast.lead, name=f"Step {number}", today=FRIDAY)
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/m/{fibre.pk}")
    page.goto(f"{live_server.url}/p/NA4/milestones")
    tops = "() => [...document.querySelectorAll('tbody tr')].map((row) => row.getBoundingClientRect().top)"
    before = page.evaluate(tops)
    page.get_by_role("link", name=re.compile("^5 d.*edit")).click()
    expect(page.get_by_label("Work", exact=True)).to_be_focused()
    assert page.evaluate(tops) == before
    page.keyboard.press("Escape")
    assert page.evaluate(tops) == before
    page.get_by_role("link", name=re.compile("^5 d.*edit")).click()
    page.get_by_label("Work", exact=True).fill("9")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=re.compile("^9 d.*edit"))).to_be_focused()
    assert page.evaluate(tops) == before

    page.keyboard.press("Control+k")
    recent = page.get_by_role("group", name="Recent").get_by_role("option")
    expect(recent).to_have_text("Fibre")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/m/{fibre.pk}")
