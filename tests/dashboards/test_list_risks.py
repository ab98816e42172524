"""The risk register beside the forecast: order, filters, sums, and a risk's own page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

import people.services
import programs.services
from forecasts.models import RiskForecast, Run
from milestones.models import Milestone
from milestones.services import create_milestone
from risks.models import Risk
from risks.services import Impact, close_risk, create_action, create_risk
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast

DAY = 480


@pytest.fixture
def energized(cast: Cast) -> Milestone:
    return create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Utility energization")


def raised(cast: Cast, milestone: Milestone, title: str, probability: str, *points: int, **fields: Any) -> Risk:
    impacts = [Impact(milestone, *(days * DAY for days in points))] if points else []
    return create_risk(
        program=cast.na4,
        by=cast.lead,
        today=FRIDAY,
        title=title,
        probability=Decimal(probability),
        impacts=impacts,
        **fields,
    )


@pytest.fixture
def three(cast: Cast, energized: Milestone) -> dict[str, Risk]:
    """Expected 9.8, 1.4 and no days; the second costs most at P80."""
    found = {
        "switchgear": raised(
            cast, energized, "Switchgear late", "0.6", 7, 14, 28, owner=cast.lead, likelihood_score=4, impact_score=4,
            residual_probability=Decimal("0.2"), response="mitigate",
        ),
        "optics": raised(
            cast, energized, "Optics fail", "0.2", 2, 7, 12, owner=cast.viewer, likelihood_score=2, impact_score=3,
        ),
        "permits": raised(cast, energized, "Permits refused", "0.3"),
    }  # fmt: skip
    today = people.services.today(timezone.now())
    Risk.objects.filter(pk=found["switchgear"].pk).update(review_on=date(2020, 1, 1))
    run = Run.objects.create(day=today, engine_version="1", inputs_digest="", revisions={}, computed_at=timezone.now())
    for name, days, mitigated in (("switchgear", 6, 4), ("optics", 8, None)):
        RiskForecast.objects.create(
            risk=found[name], program=cast.na4, run=run, p80_days=days, alone_days=days + 3, mitigated_days=mitigated
        )
    return found


def titles(page: Any) -> list[str]:
    return [line.risk.title for line in page.context["lines"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Switchgear late", "Optics fail", "Permits refused"]),
        ("?sort=exposure", ["Optics fail", "Switchgear late", "Permits refused"]),
        ("?sort=-p80", ["Optics fail", "Switchgear late", "Permits refused"]),
        ("?sort=p80", ["Switchgear late", "Optics fail", "Permits refused"]),
        ("?sort=-probability", ["Switchgear late", "Permits refused", "Optics fail"]),
        ("?sort=owner", ["Switchgear late", "Optics fail", "Permits refused"]),
        ("?sort=-title", ["Switchgear late", "Permits refused", "Optics fail"]),
        ("?sort=nonsense", ["Switchgear late", "Optics fail", "Permits refused"]),
        ("?score=10", ["Switchgear late"]),
        ("?score=1e9", ["Switchgear late", "Optics fail", "Permits refused"]),
        ("?response=mitigate", ["Switchgear late"]),
        ("?owner=me", ["Switchgear late"]),
        ("?owner=x", ["Switchgear late", "Optics fail", "Permits refused"]),
        ("?q=optics", ["Optics fail"]),
        ("?q=vera", ["Optics fail"]),
        ("?program=NA4&likelihood=2&impact=3", ["Optics fail"]),
        ("?program=DARK", ["Switchgear late", "Optics fail", "Permits refused"]),
    ],
)
def test_order_and_filters_stand_in_the_address(
    cast: Cast, three: dict[str, Risk], sign_in: Any, query: str, expected: list[str]
) -> None:
    page = sign_in(cast.lead).get(f"/risks{query}")
    assert titles(page) == expected
    assert page.context["shown_minutes"] == pytest.approx(
        sum({"Switchgear late": 9.8, "Optics fail": 1.4}.get(title, 0) for title in expected) * DAY
    )


def test_a_row_says_probability_days_exposure_and_cost(cast: Cast, three: dict[str, Risk], sign_in: Any) -> None:
    html = sign_in(cast.viewer).get("/p/NA4/risks").text
    assert 'aria-label="Expected 9.8 d, P90 21 d, in working days"' in html
    assert "60%<span" in html
    assert "→ 20%" in html
    assert "7 d · 14 d · 28 d" in html
    assert "+6 d" in html
    assert "3 risks in this list, 11.2 d expected together. Exposure and impact are working days." in html
    assert all(word in html for word in ("Probability, working days", "Exposure to P90, working days"))


def test_the_sums_name_what_is_late(cast: Cast, three: dict[str, Risk], sign_in: Any) -> None:
    create_action(risk=three["optics"], by=cast.lead, text="Retest", due_on=date(2020, 1, 2))
    create_action(risk=three["permits"], by=cast.lead, text="Ask", due_on=date(2020, 1, 1))
    Risk.objects.filter(pk=three["permits"].pk).update(raised_on=timezone.now().date() - timedelta(days=3))
    Risk.objects.exclude(pk=three["permits"].pk).update(raised_on=date(2020, 1, 1))
    sums = sign_in(cast.lead).get("/risks").context["sums"]
    assert (sums.overdue, sums.oldest.risk_id, sums.new, sums.review) == (2, three["permits"].pk, 1, 1)


def test_charts_have_table_twins(cast: Cast, three: dict[str, Risk], sign_in: Any) -> None:
    html = sign_in(cast.lead).get("/risks").text
    assert html.count("View as table") == 2
    assert "Most exposed: Region NA-4 capacity, 11.2 d expected, in working days" in html


def test_bars_say_how_much_they_leave_out(cast: Cast, sign_in: Any) -> None:
    for number in range(10):
        program = programs.services.create_program(key=f"P{number}", name=f"Program {number}", by=cast.admin)
        milestone = create_milestone(program=program, by=cast.admin, today=FRIDAY, name="Live")
        size = 20 - number
        create_risk(
            program=program, by=cast.admin, today=FRIDAY, title="Late", probability=Decimal("0.5"),
            impacts=[Impact(milestone, *[size * DAY] * 3)],
        )  # fmt: skip
    page = sign_in(cast.admin).get("/risks")
    assert [round(bar.minutes / DAY, 1) for bar in page.context["bars"]] == [10, 9.5, 9, 8.5, 8, 7.5, 7, 6.5]
    bar = page.context["bars"][0]
    assert replace(bar, name="Edge").label == "Edge"
    assert replace(bar, name="W" * 90).label == "W" * 14 + "…"  # 12.48 px each, and as much for the dots, in 190
    assert "And 11.5 d in programs with less." in page.text  # 6 and 5.5


def test_a_risk_says_what_its_numbers_mean(cast: Cast, three: dict[str, Risk], sign_in: Any) -> None:
    page = sign_in(cast.viewer).get(f"/r/R-{three['switchgear'].pk}")
    # 20 %: 0.2 * 49 / 3; 1 - 0.1 / 0.2 = 0.5: 28 - sqrt(0.5 * 21 * 14)
    assert page.context["mitigated"].mean == pytest.approx(3.267 * DAY, rel=1e-3)
    assert page.context["mitigated"].p90 == pytest.approx(15.876 * DAY, rel=1e-3)
    assert page.context["left_days"] == 2
    assert "P80 of the program’s end comes <b>4 d</b> earlier" in page.text
    plain = sign_in(cast.viewer).get(f"/r/R-{three['permits'].pk}").text
    assert "Not quantified" in plain


def test_a_closed_risk_costs_nothing_any_more(cast: Cast, three: dict[str, Risk], sign_in: Any) -> None:
    close_risk(risk=three["switchgear"], by=cast.lead, on=FRIDAY, because="Delivered")
    page = sign_in(cast.viewer).get(f"/r/R-{three['switchgear'].pk}")
    assert page.context["forecast"] is None
    assert "It is closed: it no longer counts in the forecast." in page.text
