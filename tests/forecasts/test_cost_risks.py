"""What risks cost, read through the API: with a run over the real engine, and before one."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from forecasts.models import RiskForecast, Run
from forecasts.services import bring_up_to_date, explain
from risks.services import Impact, change_risk, close_risk, create_risk
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.forecasts.conftest import Plan

DAY = 480


def test_exposure_stands_at_once_and_cost_when_it_is_weighed(plan: Plan, api: Any) -> None:
    risk = create_risk(
        program=plan.na4,
        by=plan.cast.lead,
        today=FRIDAY,
        title="Switchgear late",
        probability=Decimal("0.6"),
        residual_probability=Decimal("0.1"),
        impacts=[Impact(plan.power, 7 * DAY, 14 * DAY, 28 * DAY)],
    )
    caller = api(plan.cast.viewer)
    empty = {"p80_days": None, "alone_days": None, "mitigated_days": None, "run": None, "computed_at": None}
    sized = {"risk": risk.pk, "program": "NA4", "exposure_mean_days": 9.8, "exposure_p90_days": 21.0}
    assert caller.get(f"risk-forecasts/{risk.pk}").json() == sized | empty
    bring_up_to_date(program_ids=[plan.na4.pk], today=FRIDAY, at=NOON)
    assert explain(program_ids=[plan.na4.pk], today=FRIDAY) == [plan.na4.pk]
    (row,) = caller.get("risk-forecasts", program="NA4", sort="-p80_days").json()["data"]
    assert {name: row[name] for name in sized} == sized
    assert row["p80_days"] == row["alone_days"] > 0
    # One case of ten costs nothing at P80: mitigation saves all of it.
    assert row["mitigated_days"] == row["p80_days"]
    assert row["run"]
    assert caller.get("risk-forecasts", p80_days__gte=row["p80_days"] + 1).json()["data"] == []
    change_risk(risk=risk, by=plan.cast.lead, today=FRIDAY, impacts=[])
    assert caller.get(f"risk-forecasts/{risk.pk}").json()["exposure_mean_days"] is None
    close_risk(risk=risk, by=plan.cast.lead, on=FRIDAY, because="Delivered")
    assert caller.get("risk-forecasts").json()["data"] == []


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("exposure_mean_days", ["One", "Two", "Three"]),
        ("-exposure_mean_days", ["Two", "One", "Three"]),
        ("p80_days", ["Three", "One", "Two"]),
        ("-p80_days", ["One", "Three", "Two"]),
    ],
)
def test_what_is_not_known_comes_last_page_by_page(plan: Plan, api: Any, sort: str, expected: list[str]) -> None:
    run = Run.objects.create(day=FRIDAY, engine_version="1", inputs_digest="", revisions={}, computed_at=NOON)
    titles = {}
    for title, probability, days in (("One", "0.1", 9), ("Two", "0.9", None), ("Three", None, 2)):
        risk = create_risk(
            program=plan.na4,
            by=plan.cast.lead,
            today=FRIDAY,
            title=title,
            probability=None if probability is None else Decimal(probability),
            impacts=[Impact(plan.racks, DAY, DAY, DAY)],
        )
        titles[risk.pk] = title
        if days is not None:
            RiskForecast.objects.create(risk=risk, program=plan.na4, run=run, p80_days=days, alone_days=days)
    caller = api(plan.cast.viewer)
    found = []
    answer = caller.get("risk-forecasts", sort=sort, limit=1)
    for _ in titles:
        found += [titles[row["risk"]] for row in answer.json()["data"]]
        if following := answer.json()["next"]:
            answer = caller.client.get(following)
    assert found == expected
