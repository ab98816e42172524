"""The frame around every page: where one may go, and where one is."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import programs.services
from dashboards.context import own_programs

if TYPE_CHECKING:
    from tests.conftest import Cast

PORTFOLIO = re.compile(r'<nav class="nav-group nav-primary".*?</nav>', re.DOTALL)
MENU = re.compile(r'<details class="menu places only-mobile">.*?</details>', re.DOTALL)
LABEL = re.compile(r'<span class="label">(.*?)</span>')


def part(form: re.Pattern[str], html: str) -> str:
    found = form.search(html)
    assert found
    return found[0]


def test_the_bar_of_a_phone_has_five_places_and_its_menu_all(cast: Cast, sign_in: Any) -> None:
    html = sign_in(cast.viewer).get("/risks").text
    places = part(PORTFOLIO, html).split("<li")[1:]
    shown = [LABEL.findall(place)[0] for place in places if not place.startswith(' class="hide-mobile"')]
    assert shown == ["Portfolio", "Dependencies", "Trends", "Risks", "Inbox"]
    menu = part(MENU, html)
    for label in ("Inbox", "Letters", "Settings", "Sign out", *(LABEL.findall(place)[0] for place in places)):
        assert (f">{label}</span></a>" in menu) == (f">{label}</" in html), label


@pytest.mark.parametrize("path", ["/trends", "/accuracy", "/accuracy?by=team", "/accuracy/expert"])
def test_accuracy_is_a_part_of_trends(cast: Cast, sign_in: Any, path: str) -> None:
    current = re.findall(r'href="([^"]*)"[^>]* aria-current', part(PORTFOLIO, sign_in(cast.viewer).get(path).text))
    assert current == ["/trends"]


def test_own_programs_are_listed_by_rank_and_those_without_one_last(cast: Cast) -> None:
    for key, rank in (("UNRANKED", 0), ("SECOND", 2), ("FIRST", 1)):
        programs.services.create_program(by=cast.admin, key=key, name=key.title(), lead=cast.outsider, rank=rank)
    assert [program.key for program in own_programs(cast.outsider)] == ["FIRST", "SECOND", "UNRANKED"]


@pytest.mark.parametrize(
    "path",
    ["/", "/watermelons", "/problems", "/teams", "/risks", "/trends", "/accuracy", "/quality", "/quality?program=NA4",
     "/p/NA4", "/p/NA4/why", "/p/NA4/risks", "/p/NA4/milestones", "/dependencies", "/objectives"],
)  # fmt: skip
def test_headings_of_a_page_with_nothing_on_it_leave_out_no_level(cast: Cast, sign_in: Any, path: str) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", sign_in(cast.lead).get(path).text.split("<main")[1])]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels)), levels
