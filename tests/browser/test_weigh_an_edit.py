"""What an edit would move stands in its form before it is saved: as one types, and without a script by a button."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

import milestones.services
from milestones.models import Milestone
from tests.browser.conftest import PASSWORD
from tests.conftest import FRIDAY, Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DAY = 480


@pytest.fixture
def fibre(cast: Cast) -> Milestone:
    of: dict[str, Any] = {"program": cast.na4, "by": cast.lead, "today": FRIDAY}
    first = milestones.services.create_milestone(**of, name="Fibre", work_likely=5 * DAY)
    last = milestones.services.create_milestone(**of, name="Live", is_end=True)
    milestones.services.link(predecessor=first, successor=last, by=cast.lead)
    return first


def test_the_line_follows_what_is_typed(
    cast: Cast, fibre: Milestone, signed_in: Any, live_server: LiveServer, browser: Browser
) -> None:
    page: Page = signed_in(cast.lead)
    page.goto(f"{live_server.url}/m/{fibre.pk}")
    page.get_by_role("link", name=re.compile("edit not before")).click()
    page.get_by_label("Not before").fill("+3w")
    line = page.locator(".impact")
    expect(line).to_contain_text(
        re.compile(r"Moves 2 milestones in 1 program at P80: Live NA4 \+\d+ d, Fibre NA4 \+\d+ d\.")
    )
    page.get_by_label("Not before").fill("")
    expect(line).to_be_empty()
    page.get_by_label("Not before").fill("+3w")
    expect(line).to_contain_text("Moves 2 milestones")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved. The forecast follows")).to_be_visible()
    fibre.refresh_from_db()
    assert fibre.not_before_on == timezone.localdate() + timedelta(weeks=3)

    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto(f"{live_server.url}/m/{fibre.pk}/edit?only=work_likely")
    plain.get_by_label("E-mail").fill(cast.lead.email)
    plain.get_by_label("Password").fill(PASSWORD)
    plain.get_by_role("button", name="Sign in").click()
    plain.get_by_label("Work", exact=True).fill("6w")
    plain.get_by_role("button", name="Show impact").click()
    expect(plain.locator(".impact")).to_contain_text("Moves 2 milestones")
    expect(plain.get_by_label("Work", exact=True)).to_have_value("6w")
    plain.get_by_role("button", name="Save").click()
    expect(plain.get_by_text("Saved. The forecast follows")).to_be_visible()
    plain.context.close()
