"""Scripts, one word of 200 letters, Arabic and Japanese in every text: nothing runs, nothing breaks out of the page."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, ViewportSize
from pytest_django.live_server_helper import LiveServer

from forecasts.models import HealthPolicy
from tests.test_hostile import fill_everything, hostile, quiet, spread, stage
from tests.test_walk import Stage

__all__ = ["hostile", "quiet", "stage"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "W" * 200
FOREIGN = "مركز بيانات الشمال الجديد " + "データセンター移行計画の第二段階" * 8  # from the right, then without spaces
PHONES: list[ViewportSize] = [{"width": width, "height": 844} for width in (320, 390)]

# Where text of people stands without its own direction; what only a screen reader hears and what a control shows is not
# drawn in a line with other text.
UNDIRECTED = """() => {
  const found = new Set(), walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const here = walker.currentNode.parentElement;
    if (!/[\\u0600-\\u06ff]/.test(walker.currentNode.data)) continue;
    if (here.closest("svg, option, textarea, .sr-only, template")) continue;
    if (here.closest("[dir=auto]") || getComputedStyle(here).unicodeBidi === "plaintext") continue;
    found.add(here.outerHTML.slice(0, 120));
  }
  return [...found];
}"""


@pytest.fixture(autouse=True)
def first_policy(transactional_db: None) -> None:
    """What the migrations write, and a test with transactions of its own wipes away."""
    HealthPolicy.objects.get_or_create(version=1)


# What reaches beyond the window, with its box or with text alone, outside of boxes that scroll by themselves.
TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const { left, right } = element.getBoundingClientRect();
  if (Math.max(right, left + element.scrollWidth) <= innerWidth + 1 || element.children.length) return false;
  for (let box = element.parentElement; box; box = box.parentElement) {
    if (box.matches("html, body")) break;
    if (getComputedStyle(box).overflowX !== "visible") return false;
  }
  return true;
}).slice(0, 5).map((element) => element.parentElement.outerHTML.replace(/W{9,}/g, "W…").slice(0, 160))"""


def pages(stage: Stage) -> list[str]:
    row = stage.seen
    return [
        "/", "/risks", "/risks?view=matrix", "/issues", "/assumptions", "/decisions", "/kpis", "/problems",
        "/objectives", "/teams", f"/teams/{row['team']}", "/trends?program=NA4", "/dependencies",
        "/dependencies?layout=matrix", "/dependencies?layout=table", "/quality", "/programs/new",
        "/p/NA4", "/p/NA4/milestones", "/p/NA4/risks",
        "/p/NA4/decisions", "/p/NA4/kpis", f"/p/NA4/kpis/{row['kpi']}", "/p/NA4/people", "/p/NA4/phases",
        "/p/NA4/requirements", "/p/NA4/workstreams", "/p/NA4/baselines", "/p/NA4/related", "/p/NA4/updates",
        "/p/NA4/edit", "/p/NA4/copy", f"/m/{row['milestone']}", f"/m/{row['milestone']}/edit", f"/r/R-{row['risk']}",
        f"/d/D-{row['decision']}", f"/issues/{row['issue']}", f"/problems/{row['problem']}",
    ]  # fmt: skip


def test_nothing_runs(
    stage: Stage, hostile: list[str], signed_in: Any, live_server: LiveServer, complaints: list[str]
) -> None:
    opened: list[str] = []

    def note(dialog: Dialog) -> None:
        opened.append(page.url)
        dialog.dismiss()

    texts = spread(hostile)
    page: Page = signed_in(stage.cast.lead)
    page.on("dialog", note)
    for _ in range(2):
        fill_everything(stage, texts)
        for path in pages(stage):
            page.goto(f"{live_server.url}{path}")
            assert page.url == f"{live_server.url}{path}"
    assert opened == []
    assert complaints == []


@pytest.mark.parametrize("text", [LONG, FOREIGN], ids=["long", "foreign"])
def test_nothing_breaks_out(stage: Stage, text: str, signed_in: Any, live_server: LiveServer) -> None:
    fill_everything(stage, cycle([text]))
    page: Page = signed_in(stage.cast.lead)
    wide, undirected = [], []
    for path in pages(stage):
        page.set_viewport_size(PHONES[0])  # a chart that was drawn wider takes a moment to shrink
        page.goto(f"{live_server.url}{path}")
        for phone in PHONES:
            page.set_viewport_size(phone)
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > phone["width"]:
                wide += [f"{path} {width} of {phone['width']}", *page.evaluate(TOO_WIDE)]
        undirected += [f"{path}: {element}" for element in page.evaluate(UNDIRECTED)]
    assert wide == [], "\n".join(wide[:60])
    assert undirected == [], "\n".join(undirected[:60])
