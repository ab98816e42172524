"""A person's two ways of working at a page, by mouse and by keyboard alone, each counting its steps.

A step is a click, a field filled or chosen, or a key; the same key again and again (Tab, Tab, Tab) is one step, and so
is a word that is typed.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from datetime import date

import pytest
from playwright.sync_api import Locator, Page, expect

MOST_PRESSES = 60


EDITOR = re.compile(r"/updates/new$|/u/\d+/edit$")


class Hand(ABC):
    """What a task is written in. ``to`` is a pattern of the address that a step leads to; the next step waits."""

    name: str

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.steps = 0

    def begin(self) -> None:
        """Every task begins at the portfolio."""
        self.page.goto(self.url)
        self.steps = 0

    @property
    def main(self) -> Locator:
        return self.page.locator("#main")

    def tab(self, name: str, to: str) -> None:
        """One of the pages of a program."""
        self.press(self.page.get_by_role("navigation", name="Program").get_by_role("link", name=name, exact=True), to)

    def press(self, what: Locator, to: str = "") -> None:
        what.wait_for()
        self._press(what)
        if to:
            self.page.wait_for_url(to)

    @abstractmethod
    def _press(self, what: Locator) -> None: ...

    @abstractmethod
    def go(self, place: str, to: str) -> None:
        """To a page of the side navigation, or to one of one's own programs."""

    @abstractmethod
    def fill(self, field: Locator, text: str) -> None: ...

    @abstractmethod
    def fill_day(self, field: Locator, day: date) -> None:
        """The browser's own field for a day."""

    @abstractmethod
    def choose(self, field: Locator, option: str) -> None: ...

    @abstractmethod
    def tick(self, row: Locator) -> None:
        """Select a row of a table."""

    @abstractmethod
    def save(self, form: Locator) -> None:
        """Keep what was typed last in a form that stands in place of a value."""

    @abstractmethod
    def write_update(self, program: str, key: str) -> None:
        """Open the editor: a draft that is begun is gone on with."""

    @abstractmethod
    def send(self, to: str) -> None:
        """Publish what was written."""


class Mouse(Hand):
    name = "mouse"

    def _press(self, what: Locator) -> None:
        what.click()
        self.steps += 1

    def go(self, place: str, to: str) -> None:
        self.press(self.page.locator("#sidebar").get_by_role("link", name=re.compile(f"^{place}")), to)

    def fill(self, field: Locator, text: str) -> None:
        field.fill(text)
        self.steps += 1

    def fill_day(self, field: Locator, day: date) -> None:
        self.fill(field, day.isoformat())

    def choose(self, field: Locator, option: str) -> None:
        field.select_option(label=option)
        self.steps += 1

    def tick(self, row: Locator) -> None:
        self.press(row.get_by_role("checkbox"))

    def save(self, form: Locator) -> None:
        self.press(form.get_by_role("button", name="Save"))

    def write_update(self, program: str, key: str) -> None:
        self.go(program, f"**/p/{key}")
        self.press(self.page.get_by_role("link", name="Write update"))
        self.page.wait_for_url(EDITOR)

    def send(self, to: str) -> None:
        self.press(self.page.get_by_role("button", name="Publish"), to)


class Keys(Hand):
    name = "keyboard"

    def hit(self, keys: str) -> None:
        """Keys one after the other that belong together, such as “g d”."""
        for key in keys.split():
            self.page.keyboard.press(key)
        self.steps += 1

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.steps += 1

    def run(self, key: str, until: Locator, script: str) -> None:
        """Press a key until ``script`` is true of the focused element, ``here``, and the ``wanted`` one."""
        wanted = until.element_handle()
        for presses in range(MOST_PRESSES + 1):
            if self.page.evaluate(f"wanted => ((here, wanted) => {script})(document.activeElement, wanted)", wanted):
                self.steps += presses > 0
                return
            self.page.keyboard.press(key)
        pytest.fail(f"{MOST_PRESSES} times {key} do not reach {until}.")

    def reach(self, what: Locator) -> None:
        """Focus something: with j down the rows of a table, and with the tabulator; the headings lie above row one."""
        what.wait_for()
        if what.evaluate("it => it.closest('#main .table thead') !== null"):
            self.run("j", what, "here.closest('.table') === wanted.closest('.table')")
            self.run("Shift+Tab", what, "here === wanted")
            return
        if what.evaluate("it => !it.closest('tr.answer') && it.closest('#main .table tbody tr') !== null"):
            self.run("j", what, "here.closest('tr') === wanted.closest('tr')")
        self.run("Tab", what, "here === wanted")

    def _press(self, what: Locator) -> None:
        self.reach(what)
        self.hit("Space" if what.evaluate("it => it.type === 'checkbox'") else "Enter")

    def go(self, place: str, to: str) -> None:
        link = self.page.locator("#sidebar").get_by_role("link", name=re.compile(f"^{place}"))
        keys = link.get_attribute("data-key")
        if keys:
            self.hit(keys)
        else:
            self.jump(place if link.evaluate("it => it.pathname.startsWith('/p/')") else f"Go to {place.lower()}")
        self.page.wait_for_url(to)

    def jump(self, words: str) -> None:
        """By the palette: it is enough to type what a thing is called."""
        self.hit("Control+k")
        self.type(words)
        first = self.page.locator("#palette").get_by_role("option", selected=True)
        expect(first).to_contain_text(re.compile(re.escape(words), re.IGNORECASE))
        self.hit("Enter")

    def fill(self, field: Locator, text: str) -> None:
        self.reach(field)
        self.type(text)

    def fill_day(self, field: Locator, day: date) -> None:
        self.fill(field, f"{day:%m%d%Y}")

    def choose(self, field: Locator, option: str) -> None:
        self.reach(field)
        self.type(option)

    def tick(self, row: Locator) -> None:
        self.run("j", row, "here.closest('tr') === wanted")
        self.hit("x")

    def save(self, form: Locator) -> None:
        if self.page.locator("input:focus").count():
            self.hit("Enter")
        else:
            self.press(form.get_by_role("button", name="Save"))

    def write_update(self, program: str, key: str) -> None:
        self.jump(f"Write update: {program}")
        self.page.wait_for_url(EDITOR)

    def send(self, to: str) -> None:
        self.hit("Control+Enter")
        self.page.wait_for_url(to)
