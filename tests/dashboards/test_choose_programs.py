"""Filters, order, groups and days of the portfolio, all of them in its address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import history
import people.services
import programs.services
from dashboards import choosing, overview
from dashboards.choosing import FILTERS, GROUPS, SORTS, VIEWS, Asked
from dashboards.overview import GRAVITY, Line
from forecasts.models import ProgramHealth
from people.models import User
from people.services import organisation_and_zone
from programs import talk
from programs.models import Alignment, Phase, Program
from reports.since import Since
from risks.services import create_decision
from tests.conftest import Cast

Portfolio = Callable[[int, list[User]], list[Program]]
SIZE = 30
MOST_QUERIES = 25


@pytest.fixture
def many(cast: Cast, portfolio_of: Portfolio) -> list[Program]:
    """Programs that differ in everything that can be asked for, some without any of it."""
    found = portfolio_of(SIZE, [cast.lead, cast.viewer, cast.contributor])
    aims = [programs.services.create_objective(by=cast.admin, title=title) for title in ("Capacity", "Trust", "Cost")]
    kinds = list(Phase.Kind)
    for n, program in enumerate(found):
        for aim in aims[: n % 3]:
            Alignment.objects.create(program=program, objective=aim)
        program.risks.update(probability=Decimal(n % 9 + 1) / 10)
        program.healths.update(chance=(n * 7 % 10) / 10)
        if n % 4:
            Phase.objects.create(program=program, kind=kinds[n % 6])
    Program.objects.filter(pk__in=[p.pk for p in found[::5]]).update(area="", lead=None, sponsor=cast.viewer)
    Program.objects.filter(pk=found[1].pk).update(area="none")
    return found


def today() -> date:
    return people.services.today(timezone.now())


def read_lines(viewer: User) -> list[Line]:
    _, zone = organisation_and_zone()
    found = overview.lines(viewer, today=today(), since=Since.end_of(overview.last_friday(today()), zone), zone=zone)
    for fill in (overview.fill_history, overview.fill_risks, overview.fill_milestones):
        fill(found)
    return found


def shown(page: Any) -> list[str]:
    return [line.program.key for _, some in page.context["sections"] for line, *_ in some]


def test_no_order_and_no_group_loses_or_repeats_a_program(cast: Cast, many: list[Program]) -> None:
    found = read_lines(cast.lead)
    offered = choosing.choices(found)
    filters: list[dict[str, str]] = [{}, {"q": "program 1"}, {"mine": "yes"}]
    filters += [{name: value} for name in offered for value, _ in offered[name]]
    sorts = [*SORTS, *(f"-{name}" for name in SORTS)]
    for view, some in product(VIEWS, filters):
        asked = choosing.checked(Asked(view, some), offered)
        assert not asked.refused
        wanted = choosing.chosen(found, asked, cast.lead)
        assert {line.program.pk for line in wanted} <= {line.program.pk for line in found}
        for sort, group in product(sorts, ["", *GROUPS]):
            lines, groups = choosing.grouped(choosing.arrange(wanted, sort), group)
            assert Counter(line.program.pk for line in lines) == Counter(line.program.pk for line in wanted)
            if not group:
                continue
            runs = choosing.sections(lines, group, groups)
            heads = [head for head, _ in runs if head]
            assert len({head.value for head in heads}) == len(heads) == len(groups)
            assert sum(head.count for head in heads) == len(wanted)
            for head, run in runs:
                assert head
                assert head.count == len(run)
                assert head.worst == max((line.derived for line in run), key=lambda health: GRAVITY[health])
                # Inside a group the order is the one that was asked for.
                assert [line.program.pk for line in run] == [line.program.pk for line in choosing.arrange(run, sort)]
            assert [head.value for head in heads].index("none") == len(heads) - 1 if "none" in groups else True


def test_the_values_of_a_filter_share_all_programs_out(cast: Cast, many: list[Program]) -> None:
    found = read_lines(cast.admin)
    for name, options in choosing.choices(found).items():
        counts = [len(choosing.chosen(found, Asked("", {name: value}), cast.admin)) for value, _ in options]
        # A program may serve several objectives, and has one of everything else.
        assert sum(counts) >= len(found) if name == "objective" else sum(counts) == len(found), name


def test_heads_count_all_pages(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(60, [cast.lead])
    client = sign_in(cast.outsider)
    first, second = (client.get(f"/?group=area&q=program&page={page}") for page in (1, 2))
    heads = {head for page in (first, second) for head, _ in page.context["sections"]}
    assert sum(head.count for head in heads) == first.context["page"].paginator.count == 60
    assert len(shown(first)) + len(shown(second)) == len(set(shown(first) + shown(second))) == 60
    assert 'scope="rowgroup"' in first.text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("health=purple", "derived health “purple”"),
        ("lead=99999999999999999999", "lead “99999999999999999999”"),
        ("objective=x&phase=y", "phase “y”"),
        ("helth=off_track", "no filter “helth”"),
        ("sort=colour", "no sort “colour”"),
        ("group=team", "no group “team”"),
        ("view=nobody-7", "no view “nobody-7”"),
        ("week=2026-W60", "no day “2026-W60”"),
        ("as_of=soon", "no day “soon”"),
        ("as_of=2999-01-01", "1 Jan 2999 is still to come"),
        ("as_of=0001-01-01", "before all programs"),
        ("format=pdf", "no format “pdf”"),
    ],
)
def test_what_is_not_understood_is_said_and_the_rest_applied(
    query: str, words: str, cast: Cast, many: list[Program], sign_in: Any
) -> None:
    page = sign_in(cast.lead).get(f"/?{query}&q=program+1")
    assert page.status_code == 200
    assert words in page.text
    assert len(shown(page)) == 12
    assert [name for name, _, _ in page.context["chips"]] == ["Search"]


def test_a_chip_is_taken_away_by_a_link_that_keeps_the_rest(cast: Cast, many: list[Program], sign_in: Any) -> None:
    client = sign_in(cast.lead)
    page = client.get("/?owner=me&health=off_track&sort=-slip&group=phase&page=9")
    links = {name: url for name, _, url in page.context["chips"]}
    assert links == {
        "Lead": "?health=off_track&sort=-slip&group=phase",
        "Derived health": "?owner=me&sort=-slip&group=phase",
    }
    assert set(shown(page)) < set(shown(client.get(f"/{links['Lead']}")))
    assert all(line.program.lead == cast.lead for _, some in page.context["sections"] for line, *_ in some)


def test_every_column_sorts_both_ways_and_says_so(cast: Cast, many: list[Program], sign_in: Any) -> None:
    client = sign_in(cast.lead)
    for sort in ("name", "attention", "forecast", "slip", "chance", "drift", "risk", "milestone", "updated"):
        up, down = client.get(f"/?sort={sort}"), client.get(f"/?sort=-{sort}")
        assert up.text.count("aria-sort=") == down.text.count("aria-sort=") == 1
        assert f"sort=-{sort}" in up.text
        assert f'sort={sort}"' in down.text
        assert set(shown(up)) == set(shown(down))
        assert shown(up) != shown(down), sort


def test_private_programs_add_to_no_choice_and_no_count(cast: Cast, sign_in: Any) -> None:
    Program.objects.filter(pk=cast.dark.pk).update(area="Canary", sponsor=cast.admin)
    seen, unseen = sign_in(cast.viewer).get("/?group=area"), sign_in(cast.outsider).get("/?group=area")
    assert "Canary" in seen.text
    assert "Canary" not in unseen.text
    assert sum(head.count for head, _ in unseen.context["sections"]) == 1
    refused = sign_in(cast.outsider).get("/?area=Canary").context["asked"]
    assert (refused.filters, len(refused.refused)) == ({}, 1)


# -- as it was -------------------------------------------------------------------------------------------------------


@pytest.fixture
def moved(cast: Cast) -> date:
    """NA4 was renamed, handed over and judged anew two days ago; the day before that."""
    now = timezone.now()
    turn = now - timedelta(days=2)
    with history.replaying(now - timedelta(days=20)):
        old = programs.services.create_program(by=cast.admin, key="OLD", name="Old name", lead=cast.lead, area="West")
        programs.services.report(program=old, health="on_track", because="", by=cast.lead, at=now - timedelta(days=20))
    with history.replaying(turn):
        programs.services.change_program(program=old, by=cast.admin, name="New name", lead=cast.viewer, area="East")
        programs.services.report(program=old, health="off_track", because="Stuck.", by=cast.viewer, at=turn)
    for days, health, slip in ((10, "on_track", 3), (1, "off_track", 40)):
        ProgramHealth.objects.create(
            program=old, day=today() - timedelta(days=days), health=health, slip_days=slip, policy_version=1,
            plan_revision=1, revision=1, computed_at=now,
        )  # fmt: skip
    return today() - timedelta(days=4)


def test_the_past_is_shown_as_it_was(cast: Cast, moved: date, sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    then = client.get(f"/?as_of={moved}&sort=risk&area=West")
    assert shown(then) == ["OLD"]
    for words in ("As it was on", "Old name", "+3 d", "lead agrees", "Back to today", "by attention", "left out"):
        assert words in then.text
    for words in ("New name", "+40 d", "New program", 'data-label="Top risk', "Best next moves"):
        assert words not in then.text
    now = client.get("/")
    assert "New name" in now.text
    assert "+40 d" in now.text
    # NA4 is new: then it was not there yet.
    assert shown(client.get(f"/?as_of={moved}")) == ["OLD"]
    assert shown(client.get(f"/?as_of={moved}&view=closed")) == []
    year, week, _ = (moved - timedelta(days=7)).isocalendar()
    assert "Old name" in client.get(f"/?week={year}-W{week:02}").text


def test_the_past_has_no_more_programs_than_may_be_seen_today(cast: Cast, sign_in: Any) -> None:
    with history.replaying(timezone.now() - timedelta(days=20)):
        programs.services.create_program(
            by=cast.admin, key="SECRET", name="Was always so", lead=cast.lead, visibility="private"
        )
    query = f"/?as_of={today() - timedelta(days=3)}"
    assert shown(sign_in(cast.lead).get(query)) == ["SECRET"]
    page = sign_in(cast.outsider).get(query)
    assert shown(page) == []
    assert "No programs on that day" in page.text


@pytest.mark.parametrize(
    "query", ["group=objective&sort=-drift", "sort=risk&mine=yes", "as_of=2026-11-01", "format=csv"]
)
def test_whatever_is_asked_takes_few_queries(query: str, cast: Cast, many: list[Program], sign_in: Any) -> None:
    for n in range(8):
        people.services.save_view(by=cast.lead, name=f"View {n}", path="/", query="health=off_track", is_shared=True)
    client = sign_in(cast.lead)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"/?{query}").status_code == 200
    assert len(queries) <= MOST_QUERIES


def test_saved_views_stand_beside_the_tabs_with_their_counts(cast: Cast, many: list[Program], sign_in: Any) -> None:
    people.services.save_view(by=cast.viewer, name="Late", path="/", query="health=off_track", is_shared=True)
    people.services.save_view(by=cast.viewer, name="As it was", path="/", query="week=2026-W40", is_shared=True)
    client = sign_in(cast.lead)
    tabs = {tab["label"]: tab for tab in client.get("/").context["tabs"]}
    assert tabs["Late"]["count"] == len(shown(client.get(tabs["Late"]["url"])))
    assert tabs["As it was"]["count"] is None


def test_what_the_address_says_is_read_once(cast: Cast) -> None:
    asked = choosing.read(QueryDict("owner=me&health=&sort=-slip&group=area&week=2026-W47"))
    assert asked == Asked("", {"lead": "me"}, "-slip", "area")
    assert FILTERS.keys() >= asked.filters.keys()


def test_watched_programs_and_the_next_decisions_stand_on_the_start_page(cast: Cast, sign_in: Any) -> None:
    talk.watch(program=cast.na4, kind="program", subject_id=cast.na4.pk, by=cast.viewer, at=timezone.now())
    day = today()
    for program, question, days in ((cast.na4, "Rent power?", 3), (cast.dark, "Canary?", 1), (cast.na4, "Later?", 9)):
        create_decision(
            program=program, by=cast.lead, today=day, question=question, decider=cast.lead,
            decide_by_on=day + timedelta(days=days),
        )  # fmt: skip
    assert shown(sign_in(cast.viewer).get("/?watched=yes")) == ["NA4"]
    assert shown(sign_in(cast.outsider).get("/?watched=yes")) == []
    asked = [decision.question for decision in sign_in(cast.viewer).get("/").context["decisions"]]
    assert asked == ["Canary?", "Rent power?", "Later?"]
    page = sign_in(cast.outsider).get("/")
    assert [decision.question for decision in page.context["decisions"]] == ["Rent power?", "Later?"]
    assert "all 2 that wait" in page.text
    assert "in 3 d" in page.text
    assert '<b dir="auto">Lea Lead</b> decides' in page.text
    assert "<b>You decide</b>" in sign_in(cast.lead).get("/").text
