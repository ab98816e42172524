from __future__ import annotations

import csv
import re
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import milestones.services
from dashboards import portfolio
from dashboards.charts import day_name
from dashboards.templatetags import words
from forecasts.models import ProgramHealth
from milestones.models import Milestone
from people.models import User
from programs.models import Program
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast

Portfolio = Callable[[int, list[User]], list[Program]]
MOST_QUERIES = 25
MOST_BYTES = 150_000


def page(client: Any, path: str = "/") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return str(response.content.decode())


def names(html: str) -> list[str]:
    return re.findall(r'<a class="name" href="[^"]*" title="[^"]*" dir="auto">([^<]*)</a>', html)


def test_an_empty_portfolio_says_what_would_fill_it(cast: Cast, sign_in: Any) -> None:
    Program.objects.all().delete()
    html = page(sign_in(cast.outsider))
    assert "three ways to the first" in html


def test_a_target_at_the_end_of_all_days_breaks_no_page(cast: Cast, sign_in: Any) -> None:
    end = milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="End", is_end=True)
    # Services refuse such a day: only rows written past them can hold one.
    for rows in (Milestone.objects.filter(pk=end.pk), Program.objects.filter(pk=cast.na4.pk)):
        rows.update(target_on=date.max)
    client = sign_in(cast.lead)
    for path in ("/", "/p/NA4", "/p/NA4/milestones", f"/m/{end.pk}"):
        assert "9999" in page(client, path), path


def test_it_shows_programs_worst_first(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(6, [cast.lead])
    html = page(sign_in(cast.outsider))
    shown = names(html)
    assert shown[:2] == ["Cluster program 0", "Fleet program 1"]
    assert "Region NA-4 capacity" in shown
    assert "+49 d" in html
    assert 'aria-label="Target ' in html


def test_a_tenth_day_without_an_update_is_stale_with_and_without_derived_health(
    cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    portfolio_of(11, [cast.lead])
    client = sign_in(cast.outsider)
    html = page(client)
    assert "No update for 10 days or more" in html
    # The number of those overdue leads to them: P7 by its gate, and NA4, of which nobody ever said anything.
    assert re.search(r'<a class="link" href="\?stale=yes">2 overdue: update or gate</a>', html)
    listed = client.get("/?stale=yes")
    assert {line.program.key for line in listed.context["page"]} == {"P7", "NA4"}
    assert "Update or gate overdue" in listed.text
    ProgramHealth.objects.all().delete()
    lines = {line.program.key: line for line in client.get("/").context["page"]}
    assert [(lines[key].days_since_update, lines[key].is_stale) for key in ("P9", "P10")] == [(9, False), (10, True)]


def test_a_mark_beside_a_fresh_update_says_that_a_gate_is_overdue(
    cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    program = portfolio_of(1, [cast.lead])[0]
    client = sign_in(cast.outsider)
    assert "gate overdue" not in page(client)
    program.healths.update(is_stale=True)
    assert "gate overdue" in page(client)


def test_it_is_judged_by_p80_and_shows_the_chance(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    program = portfolio_of(2, [cast.lead])[1]
    row: Any = program.healths.latest("day")
    html = page(sign_in(cast.outsider))
    assert (
        f'aria-label="Target {day_name(row.target_on)}, P50 {day_name(row.p50_on)}, P80 {day_name(row.p80_on)}"' in html
    )
    assert '<td role="cell" class="num hide-mobile">11%</td>' in html
    assert "2 of 2" in html
    assert f'<span class="xsmall muted">{words.short_date(row.p80_on)}</span>' in html


def test_a_file_claims_no_certainty(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    for program, chance in zip(portfolio_of(3, [cast.lead]), (0.0, 0.115, 1.0), strict=True):
        program.healths.update(chance=chance)
    lines = list(csv.DictReader(sign_in(cast.outsider).get("/?format=csv&sort=chance").text.splitlines()))
    assert sorted(int(line["Chance of target, %"]) for line in lines if line["Chance of target, %"]) == [1, 12, 99]


def test_what_changed_is_told_by_p80(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    program = portfolio_of(2, [cast.lead])[1]
    newest: Any = program.healths.latest("day")
    program.healths.exclude(pk=newest.pk).update(p80_on=newest.p80_on - timedelta(days=9), finish_on=newest.finish_on)
    html = page(sign_in(cast.outsider))
    assert f"P80 moved 9 d later, to {day_name(newest.p80_on)}." in html
    assert "One forecast slipped by a week or more." in html


def test_moves_are_summed_over_late_programs_and_hide_what_is_hidden(
    cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    first, second, *_, early = portfolio_of(10, [cast.lead])
    risk = first.risks.get()

    def move(rule: str, pk: int, program: Program, days: int) -> dict[str, Any]:
        record = {"kind": "risk", "id": pk, "program": program.pk}
        return {"rule": rule, "record": record, "label": f"Risk {pk}", "value": None, "days": days}

    shared = [move("close_risk", risk.pk, first, days) for days in (9, 4)]
    first.healths.update(moves=[shared[0], *(move("close_risk", 900 + n, first, 1) for n in range(12))])
    hidden = [move("close_risk", 777, cast.dark, 6), move("close_risk", 778, cast.dark, 5)]
    second.healths.update(moves=[shared[1], *hidden])
    early.healths.update(moves=[move("close_risk", 888, early, 50)])
    html = page(sign_in(cast.outsider))
    assert f"Close {risk.reference}: Risk {risk.pk}</a>" in html
    assert "−13 d" in html
    assert '<a class="link" href="/p/P0">P0</a> by 9 d, <a class="link" href="/p/P1">P1</a> by 4 d.' in html
    assert html.count("Have a risk of a private program closed") == 1
    assert "Risk 777" not in html
    assert "R-888" not in html
    assert html.count('title="P80 comes this much earlier"') == 10
    assert "Close R-777: Risk 777" in page(sign_in(cast.viewer))


def test_a_private_program_is_shown_to_nobody_outside(cast: Cast, sign_in: Any) -> None:
    assert "Canary merger" in page(sign_in(cast.viewer))
    assert "Canary merger" not in page(sign_in(cast.outsider))
    assert "1 open program," in page(sign_in(cast.outsider))


@pytest.mark.parametrize("size", [3, 331])
def test_any_number_of_programs_takes_the_same_few_queries(
    size: int, cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    portfolio_of(size, [cast.lead, cast.viewer])
    client = sign_in(cast.lead)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page(client)
    assert len(queries) <= MOST_QUERIES


def test_331_programs_answer_in_half_a_second(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    programs = portfolio_of(331, [cast.lead, cast.viewer])
    moves = [
        {"rule": "close_risk", "record": {"kind": "risk", "id": n, "program": programs[n].pk}, "label": f"Risk {n}"}
        | {"value": None, "days": n}
        for n in range(10)
    ]
    ProgramHealth.objects.update(moves=moves)
    client = sign_in(cast.lead)
    page(client)
    started = time.process_time()
    html = page(client)
    assert time.process_time() - started < 0.5
    assert len(names(html)) == portfolio.PAGE_SIZE
    assert "page 1 of 10" in html
    assert len(html.encode()) <= MOST_BYTES


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("?sort=name", "Build program 7"),
        ("?sort=-slip", "Cluster program 0"),
        ("?sort=chance", "Build program 7"),
        ("?sort=slip", "Trust program 9"),
        ("?health=no_forecast&q=mesh", "Mesh program 11"),
        ("?q=p5", "Edge program 5"),
        ("?view=attention", "Cluster program 0"),
        ("?view=mismatch", "Cluster program 0"),
        ("?sort=nonsense&page=99", "Cluster program 0"),
    ],
)
def test_filters_and_order_stand_in_the_address(
    query: str, first: str, cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    portfolio_of(12, [cast.lead])
    assert names(page(sign_in(cast.lead), f"/{query}"))[0] == first


def test_a_filter_without_result_offers_to_clear_it(cast: Cast, sign_in: Any) -> None:
    assert "Clear filters" in page(sign_in(cast.lead), "/?q=zeppelin")


def test_nobody_is_sent_to_sign_in(db: None, client: Any) -> None:
    response = client.get("/")
    assert response.status_code == 302
    assert response["Location"].startswith("/account/login")


def test_only_reading_is_possible(cast: Cast, sign_in: Any) -> None:
    assert sign_in(cast.lead).post("/").status_code == 405
