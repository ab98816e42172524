"""Reported better than derived for two weeks or more: the rule, the rows, the page and the endpoint."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import forecasts.watermelons
import people.services
import programs.services
from forecasts.health import finding
from forecasts.models import ProgramHealth
from forecasts.watermelons import days_of_disagreement, is_better, is_watermelon, watermelons
from programs.models import Health, Program

if TYPE_CHECKING:
    from tests.conftest import Cast

TODAY = date(2026, 11, 20)
OK, WARN, BAD = "on_track", "at_risk", "off_track"
Write = Callable[..., None]


def ago(*pairs: tuple[int, str]) -> list[tuple[date, str]]:
    return [(TODAY - timedelta(days=days), state) for days, state in pairs]


def test_examples_hold() -> None:
    assert doctest.testmod(forecasts.watermelons).failed == 0


@pytest.mark.parametrize(
    ("healths", "words", "expected"),
    [
        (ago((14, WARN), (7, BAD), (0, BAD)), ago((20, OK)), True),
        (ago((14, WARN), (7, BAD), (0, BAD)), ago((20, WARN)), False),  # better since a week
        (ago((13, BAD), (0, BAD)), ago((20, OK)), False),  # a day too young
        (ago((20, BAD), (0, BAD)), ago((13, OK)), False),  # the word is a day too young
        (ago((20, OK), (0, OK)), ago((30, BAD)), False),  # reported worse: a cautious lead is none
        (ago((20, OK), (10, BAD), (0, BAD)), ago((30, WARN)), False),  # worse first, then better
        (ago((30, BAD), (10, WARN), (0, BAD)), ago((30, OK), (10, WARN), (9, OK)), False),  # they agreed for a day
        (ago((30, BAD), (0, "no_forecast")), ago((30, OK)), False),
        (ago((30, BAD), (0, BAD)), [], False),
        ([], ago((30, OK)), False),
    ],
)
def test_the_rule(healths: list[tuple[date, str]], words: list[tuple[date, str]], expected: bool) -> None:
    assert is_watermelon(TODAY, healths, words) is expected


def test_better_is_a_matter_of_three_states() -> None:
    assert is_better(OK, WARN)
    assert is_better(WARN, BAD)
    assert not is_better(WARN, WARN)
    assert not is_better(BAD, OK)
    assert not is_better(OK, Health.NO_FORECAST)


def test_any_difference_counts_for_the_days_of_disagreement() -> None:
    assert days_of_disagreement(TODAY, ago((20, OK), (0, OK)), ago((30, BAD))) == 20


@pytest.fixture
def write() -> Write:
    """Two sides of a program: what was derived and what was said, so many days ago."""

    def rows(program: Program, derived: list[tuple[int, str]], said: list[tuple[int, str]], because: str = "") -> None:
        today = people.services.today(timezone.now())
        assert program.lead
        for days, health in derived:
            end = ("milestone", 7, program.pk)
            late = finding("p80", end, "Open for traffic", value=40, limit=30, unit="days", health=health)
            part = finding("own_work", end, "Rack burn-in", value="2026-12-01", limit="2026-11-01", days=40)
            ProgramHealth.objects.create(
                program=program, day=today - timedelta(days=days), health=health, slip_days=40, policy_version=1,
                findings=[late, part], plan_revision=1, revision=1, computed_at=timezone.now(),
            )  # fmt: skip
        for days, word in said:
            at = datetime.combine(today - timedelta(days=days), time(9), UTC)
            programs.services.report(program=program, health=word, because=because, by=program.lead, at=at)

    return rows


def test_it_is_found_among_visible_open_programs(cast: Cast, write: Write) -> None:
    today = people.services.today(timezone.now())
    write(cast.na4, [(30, BAD), (0, BAD)], [(40, OK)])
    write(cast.dark, [(5, BAD), (0, BAD)], [(40, OK)])
    ids = [cast.na4.pk, cast.dark.pk]
    assert watermelons(ids, today) == {cast.na4.pk: 30}
    assert watermelons([cast.dark.pk], today) == {}
    programs.services.change_program(program=cast.na4, by=cast.lead, state=Program.State.DONE)
    assert watermelons(ids, today) == {}


def test_the_page_explains_both_sides(cast: Cast, write: Write, sign_in: Any) -> None:
    write(cast.na4, [(30, BAD), (0, BAD)], [(40, OK)], because="Burn-in can run in parallel.")
    write(cast.dark, [(30, BAD), (0, BAD)], [(40, OK)], because="Canary says so.")
    seen = sign_in(cast.outsider).get("/watermelons")
    assert [one.line.program.key for one in seen.context["watermelons"]] == ["NA4"]
    assert "Canary" not in seen.text
    assert "for 30 days, since" in seen.text
    assert "Burn-in can run in parallel." in seen.text
    assert "P80 is 40 days after target." in seen.text
    assert "Rack burn-in" in seen.text
    assert len(sign_in(cast.viewer).get("/watermelons").context["watermelons"]) == 2


def test_the_portfolio_counts_the_days_of_a_better_word_alone(cast: Cast, write: Write, sign_in: Any) -> None:
    write(cast.na4, [(40, OK), (20, BAD), (0, BAD)], [(40, WARN)])
    client = sign_in(cast.viewer)
    assert "for 20 days, since" in client.get("/watermelons").text
    assert 'title="Reported better than derived for 20 days"' in client.get("/").text


def test_younger_ones_are_counted_and_none_is_said(cast: Cast, write: Write, sign_in: Any) -> None:
    assert "No watermelon" in sign_in(cast.viewer).get("/watermelons").text
    write(cast.na4, [(5, BAD), (0, BAD)], [(40, OK)])
    page = sign_in(cast.viewer).get("/watermelons").text
    assert "No watermelon" in page
    assert "1 more program</a> is reported better" in page
    assert 'href="/watermelons"' in sign_in(cast.viewer).get("/").text


def test_the_endpoint_lists_them(cast: Cast, write: Write, api: Any) -> None:
    write(cast.na4, [(30, WARN), (0, BAD)], [(40, OK)], because="It will be fine.")
    write(cast.dark, [(30, WARN), (0, WARN)], [(40, WARN)])
    caller = api(cast.viewer)
    rows = {row["program"]: row for row in caller.get("program-healths").json()["data"]}
    assert set(rows) == {"NA4", "DARK"}
    assert (rows["NA4"]["health"], rows["NA4"]["reported"], rows["NA4"]["watermelon_days"]) == (BAD, OK, 30)
    assert rows["NA4"]["reported_because"] == "It will be fine."
    assert rows["DARK"]["watermelon_days"] is None
    (only,) = caller.get("program-healths", watermelon="true").json()["data"]
    assert only == rows["NA4"] == caller.get("program-healths/NA4").json()
    (other,) = caller.get("program-healths", watermelon="false").json()["data"]
    assert other["program"] == "DARK"
    assert len(caller.get("program-healths", reported=OK).json()["data"]) == 1
    assert caller.get("program-healths", reported="done").status_code == 400
    outsider = api(cast.outsider)
    assert [row["program"] for row in outsider.get("program-healths").json()["data"]] == ["NA4"]
    assert outsider.get("program-healths/DARK").status_code == 404


def test_any_number_of_programs_takes_the_same_few_queries(cast: Cast, write: Write, sign_in: Any, api: Any) -> None:
    for n in range(40):
        program = programs.services.create_program(by=cast.admin, key=f"X{n}", name=f"Other {n}", lead=cast.lead)
        write(program, [(30, BAD), (0, BAD)], [(40, OK)])
    client, caller = sign_in(cast.viewer), api(cast.viewer)
    with CaptureQueriesContext(connection) as queries:
        assert len(client.get("/watermelons").context["watermelons"]) == 25
    assert len(queries) <= 25
    assert len(client.get("/watermelons", {"page": 2}).context["watermelons"]) == 15
    caller.get("me")
    with CaptureQueriesContext(connection) as queries:
        assert len(caller.get("program-healths", watermelon="true").json()["data"]) == 40
    assert len(queries) <= 10
