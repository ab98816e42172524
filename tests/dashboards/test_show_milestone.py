"""The forecast of a milestone on its page: P50, P80, chance, the curve with its table twin, and the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from plotly.offline import get_plotlyjs_version

from dashboards.curve import ticks
from dashboards.templatetags import words
from forecasts.models import IssuedForecast, MilestoneForecast
from milestones.models import Dependency, Milestone
from people.models import User
from programs.models import Program
from tests.conftest import FRIDAY, ROOT, Api

if TYPE_CHECKING:
    from tests.conftest import Cast

Portfolio = Callable[[int, list[User]], list[Program]]
VENDOR = ROOT / "static" / "vendor"


@pytest.fixture
def end(cast: Cast, portfolio_of: Portfolio) -> Milestone:
    """An end that is expected 34 days after its target."""
    portfolio_of(2, [cast.lead])
    return Milestone.objects.get(program__key="P1", is_end=True)


def page(client: Any, milestone: Milestone) -> str:
    response = client.get(f"/m/{milestone.pk}")
    assert response.status_code == 200
    return str(response.content.decode())


def test_it_shows_p50_p80_chance_and_what_they_rest_on(cast: Cast, end: Milestone, sign_in: Any) -> None:
    html = page(sign_in(cast.viewer), end)
    for term, days in (("P50", 24), ("P80", 34)):
        on = words.long_date(end.target_on + timedelta(days=days) if end.target_on else None)
        assert re.search(f'<dt>{term}</dt><dd>{on} <span class="delta s-\\w+">\\+{days} d</span>', html)
    assert "<dt>Chance of target</dt><dd>11%" in html
    assert "The forecast rests on work at best, likely and at worst." in html


def test_the_curve_has_a_table_twin_and_says_its_finding(cast: Cast, end: Milestone, sign_in: Any) -> None:
    forecast = MilestoneForecast.objects.get(milestone=end)
    html = page(sign_in(cast.viewer), end)
    found = re.search('<script type="application/json">(.*?)</script>', html)
    assert found
    line, named = json.loads(found[1])["data"]
    assert line["x"] == [day.isoformat() for day in forecast.quantiles]
    assert line["y"] == list(range(5, 100, 5))
    assert named["x"] == [str(forecast.p50_on), str(forecast.p80_on)]
    assert json.loads(found[1])["layout"]["shapes"][0]["x0"] == str(end.target_on)
    for level, day in zip(range(5, 100, 5), forecast.quantiles, strict=True):
        row = f'<th scope="row" role="rowheader">{level}%</th><td role="cell" class="num" data-label="Done by">'
        assert f"{row}{words.long_date(day)}</td>" in html
    finding = (
        f"Done by {words.long_date(forecast.p50_on)} with 50% probability, by {words.long_date(forecast.p80_on)} "
        f"with 80%. The target, {words.long_date(end.target_on)}, has a chance of 11%."
    )
    assert f'role="img" aria-label="{finding}"' in html


def test_a_curve_of_a_few_days_names_each_once(cast: Cast, end: Milestone, sign_in: Any) -> None:
    forecast = MilestoneForecast.objects.get(milestone=end)
    assert ticks(forecast) is None
    few = [FRIDAY + timedelta(days=level // 30) for level in range(5, 100, 5)]
    MilestoneForecast.objects.filter(pk=end.pk).update(quantiles=few, target_on=FRIDAY)
    found = re.search('<script type="application/json">(.*?)</script>', page(sign_in(cast.viewer), end))
    assert found
    assert json.loads(found[1])["layout"]["xaxis"]["dtick"] == 24 * 60 * 60 * 1000


def test_a_promise_stands_beside_what_its_giver_is_expected_to_keep(cast: Cast, end: Milestone, sign_in: Any) -> None:
    start = Milestone.objects.filter(program=cast.na4).first() or Milestone.objects.create(program=cast.na4, name="Go")
    p80_on = MilestoneForecast.objects.get(milestone=end).p80_on
    assert p80_on
    link = Dependency.objects.create(predecessor=end, successor=start, agreement=Dependency.Agreement.ACCEPTED)
    client = sign_in(cast.lead)
    for days, said in ((15, "P80 is 15 d before it"), (0, "P80 is that day"), (-8, "P80 is 8 d after it")):
        Dependency.objects.filter(pk=link.pk).update(promised_on=p80_on + timedelta(days=days))
        for side in (end, start):
            assert said in page(client, side)


def test_what_is_certain_or_done_has_no_curve(cast: Cast, end: Milestone, sign_in: Any) -> None:
    forecast = MilestoneForecast.objects.get(milestone=end)
    client = sign_in(cast.viewer)
    MilestoneForecast.objects.filter(milestone=end).update(quantiles=[forecast.p80_on] * 19)
    assert "plotly" not in page(client, end)
    MilestoneForecast.objects.filter(milestone=end).update(quantiles=forecast.quantiles)
    Milestone.objects.filter(pk=end.pk).update(done_on=FRIDAY)
    assert "plotly" not in page(client, end)


def test_a_forecast_that_was_not_simulated_says_so(cast: Cast, end: Milestone, sign_in: Any) -> None:
    bare: dict[str, Any] = {"p50_on": None, "p80_on": None, "chance": None, "quantiles": []}
    MilestoneForecast.objects.filter(milestone=end).update(**bare)
    assert page(sign_in(cast.viewer), end).count("not simulated yet") == 2


def test_without_a_forecast_it_says_what_would_give_one(cast: Cast, sign_in: Any) -> None:
    bare = Milestone.objects.create(program=cast.na4, name="Bare")
    assert "It rests on work or a date" in page(sign_in(cast.viewer), bare)


def test_issued_forecasts_stand_as_they_were_issued(cast: Cast, end: Milestone, sign_in: Any) -> None:
    forecast = MilestoneForecast.objects.get(milestone=end)
    for weeks in range(20):
        day = FRIDAY - timedelta(weeks=weeks)
        IssuedForecast.objects.create(
            milestone=end,
            program_id=end.program_id,
            week_on=day - timedelta(days=4),
            day=day,
            basis="class",
            target_on=end.target_on,
            chance=0.3,
            finish_on=forecast.finish_on,
            quantiles=[quantile - timedelta(days=weeks) for quantile in forecast.quantiles],
        )
    html = page(sign_in(cast.viewer), end)
    rows = re.findall(
        '<th scope="row" role="rowheader">([^<]*)</th>\\s*<td role="cell" class="num" data-label="Target t', html
    )
    assert rows == [words.long_date(FRIDAY - timedelta(weeks=weeks)) for weeks in range(13)]
    assert words.long_date(forecast.quantiles[15] - timedelta(days=12)) in html


def test_the_list_and_the_api_say_the_same_p80(cast: Cast, end: Milestone, sign_in: Any) -> None:
    html = str(sign_in(cast.viewer).get("/p/P1/milestones").content.decode())
    p80 = Api(cast.viewer).get(f"forecasts/{end.pk}").json()["p80_on"]
    assert f'data-label="P80"><time datetime="{p80}">' in html
    assert '<span class="delta s-bad">+34 d</span>' in html


@pytest.mark.parametrize("links", [1, 60])
def test_it_takes_few_queries(links: int, cast: Cast, end: Milestone, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    with CaptureQueriesContext(connection) as queries:
        page(client, end)
    assert len(queries) <= 25


def test_the_script_is_of_the_version_that_figures_are_made_for() -> None:
    lock = json.loads((VENDOR / "vendor.lock.json").read_text())
    assert lock["packages"]["plotly"]["version"] == get_plotlyjs_version()
    head = (VENDOR / "plotly" / "plotly-basic.min.js").read_text()[:200]
    assert f"v{get_plotlyjs_version()}" in head
    assert f"plotly.js {get_plotlyjs_version()}" in Path(ROOT / "static/css/plotly.css").read_text()[:100]
