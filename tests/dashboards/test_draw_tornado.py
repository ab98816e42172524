"""What the tornado of risks says it shows."""

from __future__ import annotations

import pytest

from dashboards.tornado import tornado
from forecasts.models import RiskForecast, Run
from risks.services import create_risk
from tests.conftest import FRIDAY, Cast


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ([(9, 11), (4, 20)], "Beta would cost 20 days of P80 alone."),
        ([(9, 11), (4, 8)], "Closing Alpha would bring P80 forward by 9 days."),
        ([(1, 1)], "Closing Alpha would bring P80 forward by 1 day."),
        ([(0, 6), (0, 6)], "Alpha would cost 6 days of P80 alone."),
        ([(0, 1)], "Alpha would cost 1 day of P80 alone."),
    ],
)
def test_it_names_the_largest_in_words(cast: Cast, days: list[tuple[int, int]], says: str) -> None:
    run = Run.objects.create(
        day=FRIDAY, engine_version="1", inputs_digest="", revisions={}, computed_at=f"{FRIDAY}T06:00Z"
    )
    for name, (p80_days, alone_days) in zip(("Alpha", "Beta"), days, strict=False):
        risk = create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title=name)
        RiskForecast.objects.create(risk=risk, program=cast.na4, run=run, p80_days=p80_days, alone_days=alone_days)
    drawn = tornado(cast.na4)
    assert drawn is not None
    assert drawn.finding == says
