from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboards import evidence
from dashboards.program import MOST_MEASUREMENTS
from dashboards.templatetags import words
from dashboards.views import slip_words
from forecasts.health import finding
from forecasts.models import MilestoneForecast, ProgramHealth
from metrics.models import KPI, Measurement
from milestones.models import Dependency, Milestone, Requirement
from milestones.services import change_milestone, create_milestone
from people.models import User
from programs.models import Program, RelatedLink
from risks.models import Risk
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

Portfolio = Callable[[int, list[User]], list[Program]]


def page(client: Any, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return str(response.content.decode())


def test_it_says_why_and_the_days_add_up(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(2, [cast.lead])
    html = page(sign_in(cast.viewer), "/p/P1")
    assert "P80 is 34 days after target." in html
    assert "The limit for At risk is 30." in html
    shown = ProgramHealth.objects.filter(program__key="P1").latest("day")
    parts = evidence.why(shown, {shown.program_id: "/p/P1"}, [shown.program_id]).parts
    assert sum(part.days or 0 for part in parts) == shown.slip_days == 34
    for part in parts:
        assert f'<span class="t" dir="auto">{part.title}</span>' in html
        assert f'<a class="link" href="{part.url}">Milestone<span class="sr-only"> {part.label}</span></a>' in html
    assert "Show calculation" in html


def test_its_head_has_p50_p80_and_the_chance(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(2, [cast.lead])
    html = page(sign_in(cast.viewer), "/p/P1")
    row = ProgramHealth.objects.filter(program__key="P1").latest("day")
    for term, on, delta in (("P50", row.p50_on, "+24 d"), ("P80", row.p80_on, "+34 d")):
        day = words.short_date(on)
        assert re.search(f'<dt>{term}</dt><dd>{day} <span class="delta s-\\w+">{re.escape(delta)}</span></dd>', html)
    assert "<dt>Chance of target</dt><dd>11%</dd>" in html


def test_at_most_five_parts_stand_open_and_the_rest_is_folded() -> None:
    parts = [
        finding("own_work", ("milestone", n, 1), f"Step {n}", value="2026-12-09", limit="2026-12-01", days=days)
        for n, days in enumerate((9, 8, 7, 6, 4, 3, -5))
    ]
    told = evidence.why(ProgramHealth(day=FRIDAY, health="off_track", findings=parts), {1: "/p/NA4"}, [1])
    assert [part.days for part in told.shown] == [9, 8, 7, 6, -5]
    assert [part.days for part in told.folded] == [4, 3]
    assert (told.folded_days, told.total_days) == (7, 32)
    assert told.shown[0].text == "Planned for 1 Dec 2026, by the plan of today 9 Dec 2026; 9 days of delay arose here."
    assert told.shown[1].text == "Planned for 1 Dec 2026, by the plan of today 9 Dec 2026."
    assert told.shown[2].text.endswith("; 7 days of delay arose here, 1 day came from before.")
    assert (told.added_days, told.won_days) == (37, -5)
    assert told.shown[4].text.endswith("5 days of an earlier delay are absorbed here.")
    assert told.shown[4].tone == "ok"


@pytest.mark.parametrize(
    ("expected", "days", "told"),
    [
        # It was 2 days late before it and is 24 days early after: 2 absorbed, and 24 that were never lost.
        ("2026-11-07", -26, "; 24 days before its day; 2 days of an earlier delay are absorbed here."),
        ("2026-11-07", -10, "; 24 days before its day."),  # early already, and earlier still
        ("2026-12-02", -1, "; 1 day of an earlier delay is absorbed here."),
    ],
)
def test_only_days_that_were_lost_are_absorbed(expected: str, days: int, told: str) -> None:
    part = finding("own_work", ("milestone", 1, 1), "Audit", value=expected, limit="2026-12-01", days=days)
    why = evidence.why(ProgramHealth(day=date(2026, 11, 1), health="off_track", findings=[part]), {1: "/p/NA4"}, [1])
    assert why.parts[0].text.endswith(told)


def test_one_day_is_told_in_the_singular() -> None:
    part = finding("issue", ("issue", 1, 1), "Crane", value=1, health="at_risk")
    why = evidence.why(ProgramHealth(day=FRIDAY, health="at_risk", findings=[part]), {1: "/p/NA4"}, [1])
    assert why.lowering[0].title == "The issue Crane is open 1 day past its date."


def test_the_bar_of_a_slip_names_parts_that_add_up() -> None:
    parts = [
        finding("own_work", ("milestone", n, 1), f"Step {n}", value="2026-12-09", limit="2026-12-01", days=days)
        for n, days in enumerate((47, -13))
    ]
    why = evidence.why(ProgramHealth(day=FRIDAY, health="off_track", findings=parts), {1: "/p/NA4"}, [1])
    assert slip_words(why) == "34 days late: +47 d Work on Step 0, −13 d Work on Step 1"


def test_risks_and_ranges_are_told_in_words() -> None:
    parts = [
        finding("risk", ("risk", 104, 1), "Switchgear", value=0.6, days=4),
        finding("calendar", ("milestone", 1, 1), "Power", value="2026-12-28", limit="2026-12-23", days=1),
        finding("range", ("milestone", 2, 1), "End", value="2026-12-28", days=3),
        finding("upstream_range", ("milestone", 2, 1), "End", days=2),
    ]
    told = evidence.why(ProgramHealth(day=FRIDAY, health="off_track", findings=parts), {1: "/p/NA4"}, [1]).parts
    assert [(part.title, part.text, part.url, part.record) for part in told] == [
        ("Open risk: Switchgear", "60% likely. Its part of the slip is 4 days.", "/r/R-104", "Risk R-104"),
        ("Holidays before Power", "1 day off more than in the plan falls before it.", "/m/1", "Milestone"),
        (
            "Uncertain work and open risks",
            "By plan the end comes on 28 Dec 2026. What may take longer or happen is not weighed one by one yet.",
            "/m/2",
            "Milestone",
        ),
        (
            "How long the work of other programs may take",
            "What this program waits for is uncertain, too.",
            "/m/2",
            "Milestone",
        ),
    ]


def test_best_next_moves_lead_to_where_they_are_made(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    program = portfolio_of(2, [cast.lead])[1]
    risk = program.risks.get()
    hidden = {"kind": "dependency", "id": 7, "program": cast.dark.pk}
    moves = [
        {"rule": "close_risk", "record": record(risk), "label": risk.title, "value": None, "days": 9},
        {"rule": "mitigate", "record": record(risk), "label": risk.title, "value": 0.1, "days": 6},
        {"rule": "keep_hand_off", "record": hidden, "label": "Falcon", "value": "2027-01-15", "days": 4},
        {
            "rule": "relieve_team", "record": {"kind": "team", "id": 7, "program": program.pk}, "label": "Site",
            "value": 1.48, "days": 3,
        },
    ]  # fmt: skip
    ProgramHealth.objects.filter(program=program).update(moves=moves)
    outside = page(sign_in(cast.outsider), "/p/P1")
    assert f'<a class="t" href="/r/{risk.reference}" dir="auto">Close {risk.reference}: {risk.title}</a>' in outside
    assert "As planned, that leaves it 10% likely." in outside
    assert "−9 d" in outside
    assert "Get what a private program owes by the day it is needed" in outside
    assert '<a class="t" href="/teams/7#load" dir="auto">Relieve Site</a>' in outside
    assert "Overload makes its work take up to 1.5 times as long." in outside
    assert "Falcon" not in outside
    assert "15 Jan 2027" not in outside
    assert "Get Falcon by the day it is needed" in page(sign_in(cast.viewer), "/p/P1")


def test_the_log_gives_the_year_of_a_date_that_leaves_it(cast: Cast, sign_in: Any) -> None:
    step = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Power", target_on=date(2026, 12, 15))
    for target_on in (date(2026, 12, 18), date(2027, 12, 18)):
        change_milestone(
            milestone=step, by=cast.lead, today=FRIDAY, at=NOON, target_on=target_on, cause=cast.cause, note="Late"
        )
    html = page(sign_in(cast.viewer), "/p/NA4")
    assert "Power, target 15 Dec → 18 Dec" in html
    assert "18 Dec 2026 → 18 Dec 2027" in html


def record(risk: Risk) -> dict[str, Any]:
    return {"kind": "risk", "id": risk.pk, "program": risk.program_id}


def test_the_roadmap_draws_p50_to_p80_and_marks_the_critical_path(
    cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    portfolio_of(2, [cast.lead])
    second, end = Milestone.objects.filter(program__key="P1").order_by("id")[1:4:2]
    MilestoneForecast.objects.filter(milestone=end).update(driven_by=second)
    MilestoneForecast.objects.filter(milestone=second).update(on_longest_path=True)
    Dependency.objects.create(predecessor=second, successor=end)
    html = page(sign_in(cast.viewer), "/p/P1")
    p80 = MilestoneForecast.objects.get(milestone=end).p80_on
    assert p80 is not None
    assert f"{p80 - timedelta(days=10):%-d %b} to {p80:%-d %b}</text>" in html
    assert 'class="v-dep crit"' in html
    assert f"Critical path: {second.name}, {end.name}." in html
    assert f'data-label="P80">{words.short_date(p80)}</td>' in html


def test_its_roadmap_has_a_table_twin(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(2, [cast.lead])
    html = page(sign_in(cast.viewer), "/p/P1")
    assert html.count("<svg") > 5
    assert 'id="roadmap-title">Roadmap of Fleet program 1' in html
    for milestone in Milestone.objects.filter(program__key="P1"):
        assert f'<a href="/m/{milestone.pk}" dir="auto">{milestone.name}</a>' in html


def test_hidden_and_missing_programs_are_the_same(cast: Cast, sign_in: Any) -> None:
    outsider = sign_in(cast.outsider)
    hidden, missing = outsider.get("/p/DARK"), outsider.get("/p/NOPE")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.content.replace(b"DARK", b"NOPE") == missing.content
    assert "Canary merger" in page(sign_in(cast.viewer), "/p/DARK")


def test_what_a_private_program_gives_is_not_named(cast: Cast, sign_in: Any) -> None:
    giver = Milestone.objects.create(program=cast.dark, name="Codename Falcon", target_on=date(2027, 1, 4))
    taker = Milestone.objects.create(program=cast.na4, name="Bring-up", target_on=date(2027, 1, 15))
    Dependency.objects.create(predecessor=giver, successor=taker)
    outside = page(sign_in(cast.outsider), "/p/NA4")
    assert "Falcon" not in outside
    assert "DARK" not in outside
    assert "It also waits for what private programs give." in outside
    inside = page(sign_in(cast.viewer), "/p/NA4")
    assert "Codename Falcon" in inside
    assert '<span class="tag key">DARK</span>' in inside


def test_a_finding_about_a_hidden_program_tells_its_days_alone(cast: Cast) -> None:
    record = {"kind": "milestone", "id": 7, "program": cast.dark.pk}
    row = ProgramHealth(
        health="at_risk",
        findings=[
            {"rule": "upstream", "record": record, "label": "Falcon", "value": "2027-01-04", "limit": "", "days": 9},
            {"rule": "risk", "record": record | {"kind": "risk"}, "label": "Falcon falls", "value": 0.6, "days": 4},
            {"rule": "loop", "record": record, "label": "Falcon", "value": 3},
            {"rule": "risk", "record": record | {"kind": "risk", "id": 8}, "label": "Falcon is shot", "days": 2},
            {"rule": "from the future"},
            "not a finding",
        ],
    )
    told = evidence.why(row, {}, [cast.na4.pk])
    assert [(part.title, part.text, part.days, part.url, part.value) for part in told.parts] == [
        ("Waits on a private program", "", 9, "", ""),
        ("Open risks that you may not see", "", 6, "", ""),
    ]
    assert told.verdict == "3 milestones wait for each other in a loop, a private program among them."


def test_an_empty_program_offers_what_fills_it(cast: Cast, sign_in: Any) -> None:
    html = page(sign_in(cast.lead), "/p/NA4")
    assert "No milestones yet" in html
    assert "No forecast" in html
    assert "No update yet" in html


def test_kpis_show_where_they_stand(cast: Cast, sign_in: Any) -> None:
    kpi = KPI.objects.create(program=cast.na4, name="Latency", unit="ms", direction="down", limit_value=Decimal(35))
    for weeks in range(4):
        on = date.today() - timedelta(weeks=weeks)
        Measurement.objects.create(kpi=kpi, on=on, value=Decimal(41 - weeks))
    html = page(sign_in(cast.outsider), "/p/NA4")
    assert "past limit" in html
    assert 'aria-label="Latency: past limit"' in html


def test_it_reads_no_more_measurements_than_it_draws(cast: Cast, sign_in: Any) -> None:
    kpi = KPI.objects.create(program=cast.na4, name="Latency")
    days = [date.today() + timedelta(days=1 - n) for n in range(100)]
    Measurement.objects.bulk_create(Measurement(kpi=kpi, on=on, value=n) for n, on in enumerate(days))
    client, read = sign_in(cast.viewer), 0

    def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal read
        answer = execute(sql, params, many, context)
        read += context["cursor"].rowcount if "metrics_measurement" in sql else 0
        return answer

    with connection.execute_wrapper(counting):
        answer = client.get("/p/NA4")
    assert [on for on, _ in answer.context["page"].gauges[0].points] == days[26:0:-1], "and none of tomorrow"
    assert read == MOST_MEASUREMENTS


@pytest.mark.parametrize("size", [2, 60])
def test_it_takes_few_queries(size: int, cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(size, [cast.lead])
    client = sign_in(cast.contributor)
    with CaptureQueriesContext(connection) as queries:
        page(client, "/p/P1")
    assert len(queries) <= 25


def test_related_programs_are_named_as_far_as_they_are_visible(cast: Cast, sign_in: Any) -> None:
    open_one = Program.objects.create(key="EDGE", name="Edge refresh")
    for other in (cast.dark, open_one):
        RelatedLink.objects.create(program=other, other=cast.na4, kind="see_also")
        RelatedLink.objects.create(program=cast.na4, other=other, kind="replaces")
    outside = page(sign_in(cast.outsider), "/p/NA4")
    assert outside.count(">Edge refresh</a>") == 1
    assert "Canary merger" not in outside
    assert ">Canary merger</a>" in page(sign_in(cast.viewer), "/p/NA4")


def test_it_counts_its_scope(cast: Cast, sign_in: Any) -> None:
    for inside in (True, True, False):
        Requirement.objects.create(
            program=cast.na4, text="x", in_scope=inside, scope_since_on=date(2026, 1, 1), scope_reason="Too dear."
        )
    assert "2 in, 1 out, 2 without a milestone" in page(sign_in(cast.outsider), "/p/NA4")


def test_only_who_may_is_offered_to_write(cast: Cast, sign_in: Any) -> None:
    assert "Write update" in page(sign_in(cast.lead), "/p/NA4")
    assert "Write update" not in page(sign_in(cast.viewer), "/p/NA4")
