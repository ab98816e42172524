"""Every text of a page can be translated: what a template says stands in a translation tag."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.base import Lexer, TokenType

from tests.conftest import ROOT

PAGES = sorted(path for path in (ROOT / "templates").rglob("*.html") if "email" not in str(path))
SPOKEN = {"alt", "aria-description", "aria-label", "aria-roledescription", "data-label", "placeholder", "title"}
# The same in every language: keys, units, formats, and this field's own abbreviations.
NAMES = re.compile(
    r"\b(?:API|CSV|CPI|Ctrl|D-|\d{4}-W\d\d|DCMA|d|Esc|F-|h|KPIs?|MW|OK|P\d\d|R-|SPI|T-|URL|UTC|W|XLSX)\b"
)
# Stands for what a tag of Django writes.
WRITTEN = " "


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in {"kbd", "code", "style", "script"}
        for name, value in attrs:
            if name in SPOKEN and tag != "meta":
                self.say(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"kbd", "code", "style", "script"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.say(data)

    def say(self, text: str) -> None:
        if re.search(r"[A-Za-z]", NAMES.sub("", text)):
            self.found.append(" ".join(text.split()))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_template_says_can_be_translated(page: Path) -> None:
    said, inside = [], ""
    for token in Lexer(page.read_text(encoding="utf-8")).tokenize():
        name = token.contents.split()[0] if token.token_type == TokenType.BLOCK else ""
        if name in ("blocktranslate", "comment", "verbatim"):
            inside = f"end{name}"
        elif name and name == inside:
            inside = ""
        elif not inside:
            said.append(token.contents if token.token_type == TokenType.TEXT else WRITTEN)
    reader = Reader()
    reader.feed("".join(said))
    reader.close()
    assert reader.found == []
