"""The API's own page in a real browser: made here, under the policy of every page but for inline pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from milestones.models import SlipCause
from people.models import User
from tests.browser.test_keep_nobody_out import ALL, RUN

if TYPE_CHECKING:
    from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Whether the page has a light ground.
LIT = "getComputedStyle(document.documentElement).backgroundColor === 'rgb(255, 255, 255)'"


def test_read_and_try_as_oneself(cast: Cast, signed_in: Any, live_server: LiveServer) -> None:
    page: Page = signed_in(cast.admin)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto(f"{live_server.url}/api/v1/docs")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    expect(page.get_by_role("heading", name="Program portfolio tracker")).to_be_visible()
    page.locator("#operations-tag-slip-causes").click()
    page.locator("#operations-slip-causes-slip_causes_create .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.locator(".body-param textarea").fill('{"name": "Strike"}')
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("201")
    assert SlipCause.objects.filter(name="Strike").exists()
    assert all(url.startswith((live_server.url, "data:", "blob:")) for url in asked)


def test_it_has_the_colours_of_the_reader(cast: Cast, signed_in: Any, live_server: LiveServer) -> None:
    page: Page = signed_in(cast.lead)
    page.add_init_script(AXE_SCRIPT)
    ways: list[tuple[Any, str, bool]] = [("dark", "system", True), ("light", "system", False), ("light", "dark", True)]
    for scheme, appearance, dark in ways:
        User.objects.filter(pk=cast.lead.pk).update(appearance=appearance)
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{live_server.url}/api/v1/docs")
        expect(page.locator("#operations-tag-slip-causes")).to_be_visible()
        assert page.evaluate(LIT) is not dark
        assert page.evaluate(RUN, ["html", ALL]) == []
    # Who has not chosen is followed while they read.
    User.objects.filter(pk=cast.lead.pk).update(appearance="system")
    page.reload()
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html.dark-mode")).to_be_attached()
