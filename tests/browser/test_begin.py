"""From an empty database to a program with milestones and its forecast, step by step."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

import people.services
from forecasts.services import catch_up
from milestones.models import Milestone
from tests.browser.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Each click, and each field that is filled, is a step.
STEPS = 11


class Counted:
    """A page whose steps are counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.steps = page, 0

    def fill(self, label: str, text: str) -> None:
        self.steps += 1
        self.page.get_by_label(re.compile(rf"^{label}\W*\(required")).fill(text)

    def click(self, role: Any, name: str | re.Pattern[str]) -> None:
        self.steps += 1
        self.page.get_by_role(role, name=name).click()


def test_from_nothing_to_a_program_with_a_forecast(page: Page, live_server: LiveServer, complaints: list[str]) -> None:
    user = Counted(page)
    page.goto(live_server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up your portfolio")
    user.fill("Organisation", "Infrastructure")
    user.fill("Your name", "Ada Admin")
    user.fill("Your e-mail address", "ada@example.com")
    user.fill("Password", PASSWORD)
    user.fill("Password again", PASSWORD)
    user.click("button", "Set up")
    for way in ("Start from a template", "Import a table", "By hand"):
        expect(page.get_by_role("heading", name=way)).to_be_visible()
    user.click("link", "Choose a template")
    user.click("link", "Service migration")
    milestones = page.get_by_role("table", name="Milestones that will be created")
    expect(milestones.get_by_label(re.compile("^Name of"))).to_have_count(13)
    user.fill("Name", "Leave the old queue")
    user.fill("Key", "QUEUE")
    user.click("button", "Create program")
    expect(page.get_by_role("heading", level=1)).to_have_text("Leave the old queue")
    assert Milestone.objects.filter(program__key="QUEUE").count() == 13
    expect(page.get_by_role("heading", name="Still missing")).to_be_visible()
    now = timezone.now()
    catch_up(today=people.services.today(now), at=now)  # what the worker does every two seconds
    expect(page.locator(".program-head .pill").first).to_have_text(re.compile("On track"), timeout=15_000)
    assert user.steps == STEPS
