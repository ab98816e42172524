"""Photographs of every page of a running demo, for eyes: light, dark and on a phone, one of each address.

``python -m tests.browser.shots URL DIR``; ``./run shots DIR`` starts the demo too.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.routes import PAGES
from tpm.demo.portfolio import PASSWORD

LOOKS: dict[str, Any] = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "device_scale_factor": 2},
}
READER = "noor.haddad@example.com"
# What a click on a link would do, rather than show.
NOT_PAGES = re.compile(r"/account/logout|\.txt$|/letters/\d+$|format=|^/api/v1/")


def pattern(path: str) -> str | None:
    """The route of an address, in the words of tests/routes.py."""
    for route in PAGES:
        if re.fullmatch(re.sub(r"<\w+>", "[^/]+", re.escape(route)), path):
            return route
    return None


def enter(browser: Browser, url: str, look: str) -> tuple[BrowserContext, Page]:
    context = browser.new_context(**LOOKS[look], reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{url}/account/login")
    page.get_by_label("E-mail").fill(READER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")
    return context, page


def find(page: Page, url: str) -> dict[str, str]:
    """One address for each route that links lead to, from the portfolio on."""
    found, waiting = {"/": "/"}, ["/"]
    while waiting:
        page.goto(url + waiting.pop(0))
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))"):
            address = urldefrag(urljoin(page.url, link)).url
            parts = urlsplit(address)
            if not address.startswith(url) or NOT_PAGES.search(parts.path + "?" + parts.query):
                continue
            route = pattern(parts.path)
            if route and route not in found:
                found[route] = parts.path
                waiting.append(parts.path)
    return found


def take(playwright: Playwright, url: str, folder: Path) -> int:
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    chromium = next(path for path in ("/usr/bin/chromium", "/usr/bin/google-chrome") if Path(path).exists())
    browser = playwright.chromium.launch(executable_path=chromium, args=["--disable-gpu", *root])
    context, page = enter(browser, url, "light")
    found = find(page, url)
    context.close()
    for look in LOOKS:
        context, page = enter(browser, url, look)
        for route, path in found.items():
            page.goto(url + path)
            page.wait_for_load_state("networkidle")
            name = re.sub(r"[^a-z0-9]+", "-", route.replace("<", "").replace(">", "").lower()).strip("-") or "portfolio"
            page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
        context.close()
    return len(found)


def main() -> None:
    url, folder = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        count = take(playwright, url, folder)
    sys.stdout.write(f"{count} pages, each light, dark and on a phone, in {folder}\n")


if __name__ == "__main__":
    main()
