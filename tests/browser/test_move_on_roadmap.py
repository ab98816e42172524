"""Milestones are moved on the roadmap, by mouse and by arrow keys; nothing is saved before its impact is seen."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

import forecasts.services
import milestones.services
import people.services
from forecasts.models import MilestoneForecast
from milestones.models import Milestone
from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DAY = 480


@pytest.fixture
def fibre(cast: Cast) -> Milestone:
    now = timezone.now()
    of: dict[str, Any] = {"program": cast.na4, "by": cast.lead, "today": people.services.today(now)}
    first = milestones.services.create_milestone(**of, name="Fibre", work_likely=20 * DAY)
    last = milestones.services.create_milestone(**of, name="Live", is_end=True)
    milestones.services.link(predecessor=first, successor=last, by=cast.lead)
    forecasts.services.catch_up(today=of["today"], at=now)
    return first


def drag(page: Page, mark: Locator, by: float) -> None:
    box = mark.bounding_box()
    assert box
    x, y = box["x"] + 12, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=4)


def kept(milestone: Milestone) -> date | None:
    return Milestone.objects.values_list("not_before_on", flat=True).get(pk=milestone.pk)


def test_by_mouse_and_by_keyboard_with_impact_and_undo(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer
) -> None:
    page: Page = signed_in(cast.lead)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/p/NA4/roadmap")
    row = page.locator(f'.road-rows > svg a[href="/m/{fibre.pk}"]')
    mark = row.locator("[data-moves=not_before_on]")
    first = date.fromisoformat(mark.get_attribute("data-from") or "")
    dialog, line = page.get_by_role("dialog", name="Move “Fibre”"), page.locator("#move .impact")

    # Escape gives up what is being dragged, and the click that ends it leads nowhere.
    drag(page, mark, 60)
    expect(row.locator("[data-says]")).to_contain_text("Start not before")
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(row.locator("[data-says]")).to_have_count(0)
    assert page.url.endswith("/p/NA4/roadmap")

    drag(page, mark, 60)
    page.mouse.up()
    expect(dialog).to_be_visible()
    expect(line).to_contain_text("Moves 2 milestones in 1 program at P80")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(row).to_be_focused()
    assert mark.get_attribute("transform") is None

    # What was let go follows the pointer no more, on its way to Save or beyond; saved once, it can be taken back.
    fallen: list[str] = []
    page.on("console", lambda line: fallen.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: fallen.append(str(error)))
    drag(page, mark, 60)
    says = row.locator("[data-says]").text_content()
    expect(row.locator(".v-when")).to_be_hidden()
    page.mouse.up()
    expect(line).to_contain_text("Moves 2 milestones")
    save = dialog.get_by_role("button", name="Save").bounding_box()
    assert save
    page.mouse.move(save["x"] + 8, save["y"] + 8, steps=4)
    expect(row.locator("[data-says]")).to_have_text(says or "")
    page.mouse.down()
    page.mouse.up()
    undo = page.locator("#toasts > .toast").get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    expect(dialog).to_be_hidden()
    assert f"Start not before {kept(fibre):%-d %b %Y}" == says
    undo.click()
    expect(page.get_by_text("Taken back. The forecast follows within seconds.")).to_be_visible()
    assert kept(fibre) is None
    assert not fallen

    row.focus()
    for key in ("Shift+ArrowRight", "Shift+ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    expect(page.locator("#move-says")).to_contain_text("Enter asks what that moves")
    page.keyboard.press("Enter")
    expect(line).to_contain_text("Moves 2 milestones in 1 program at P80")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved. The forecast follows")).to_be_visible()
    expect(dialog).to_be_hidden()
    assert kept(fibre) == first + timedelta(days=13)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back. The forecast follows within seconds.")).to_be_visible()
    assert kept(fibre) is None


def test_what_has_started_says_why_it_stays(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer
) -> None:
    Milestone.objects.filter(pk=fibre.pk).update(started_on=people.services.today(timezone.now()))
    page: Page = signed_in(cast.lead)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/p/NA4/roadmap")
    row = page.locator(f'.road-rows > svg a[href="/m/{fibre.pk}"]')
    drag(page, row.locator("[data-stays=started]"), 60)
    page.mouse.up()
    expect(row.locator("[data-says]")).to_have_text("It has started: its start stays, only its target moves")
    assert page.url.endswith("/p/NA4/roadmap")
    page.keyboard.press("Escape")
    expect(row.locator("[data-says]")).to_have_count(0)


def test_only_a_mark_is_held_and_a_flag_lies_over_the_bar(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer
) -> None:
    forecast = MilestoneForecast.objects.get(milestone=fibre)
    assert forecast.p50_on
    Milestone.objects.filter(pk=fibre.pk).update(target_on=forecast.p50_on + timedelta(days=5))
    page: Page = signed_in(cast.lead)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/p/NA4/roadmap")
    row = page.locator(f'.road-rows > svg a[href="/m/{fibre.pk}"]')
    bar, flag, says = row.locator("[data-milestone]"), row.locator("[data-moves=target_on]"), row.locator("[data-says]")

    drag(page, flag, 60)
    expect(says).to_contain_text("Target")
    page.keyboard.press("Escape")
    page.mouse.up()

    # A bar goes back to today and no further.
    drag(page, bar, -300)
    expect(says).to_have_text("Open work starts today at the earliest")
    page.mouse.up()
    expect(page.locator("#move")).to_be_hidden()

    box = bar.bounding_box()
    assert box
    page.mouse.move(box["x"] - 40, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 12, steps=4)
    expect(says).to_have_count(0)
    page.mouse.up()
    expect(page.locator("#move")).to_be_hidden()
    assert page.url.endswith("/p/NA4/roadmap")


def test_on_a_phone_names_stay_in_sight(cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer) -> None:
    page: Page = signed_in(cast.lead)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{live_server.url}/p/NA4/roadmap")
    names, box = page.locator(".road-names"), page.locator(".road-box")
    # It opens shortly before today, unless its address names a stretch of time.
    lead = """() => document.querySelector(".road-rows > svg .v-today").getBoundingClientRect().left
        - document.querySelector(".road-names").getBoundingClientRect().right"""
    page.wait_for_function(f"(({lead})() - 40) ** 2 < 4")
    for left in (0, 300):
        box.evaluate("(node, left) => { node.scrollLeft = left }", left)
        shown, within = names.bounding_box(), box.bounding_box()
        assert shown
        assert within
        assert shown["x"] == within["x"]
        assert shown["width"] < within["width"] / 2
    assert page.evaluate("document.documentElement.scrollWidth") == 390
