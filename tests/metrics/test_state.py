"""Where a KPI stands, worked out by hand."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from metrics.kpis import Standing, pace, state
from metrics.models import KPI

TODAY = date(2026, 11, 20)


def racks(**terms: object) -> KPI:
    """From 0 racks on 1 November to 300 on 1 December: 10 a day."""
    line = {
        "start_value": Decimal(0),
        "start_on": date(2026, 11, 1),
        "target_value": Decimal(300),
        "target_on": date(2026, 12, 1),
    }
    return KPI(name="Racks burned in", **{**line, **terms})


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2026, 10, 1), 0), (date(2026, 11, 1), 0), (date(2026, 11, 16), 150), (date(2027, 1, 1), 300)],
)
def test_the_pace_is_a_straight_line_and_level_outside_it(day: date, expected: int) -> None:
    assert pace(racks(), day) == expected


@pytest.mark.parametrize(
    ("start", "target", "expected"),
    [
        ("0", "728", "330.9"),
        ("34", "30", "32.2"),
        ("2.4", "0.5", "1.54"),
        ("0.1", "0.5", "0.282"),
        ("0", "0.05", "0.0227"),
    ],
)
def test_a_pace_is_said_as_exactly_as_anybody_would(start: str, target: str, expected: str) -> None:
    """Five of eleven weeks of the way, worked by hand; its ends are as they were typed."""
    began, due = TODAY - timedelta(weeks=5), TODAY + timedelta(weeks=6)
    line = racks(start_value=Decimal(start), target_value=Decimal(target), start_on=began, target_on=due)
    assert [pace(line, day) for day in (began, TODAY, due)] == [Decimal(start), Decimal(expected), Decimal(target)]


def test_there_is_no_pace_without_both_ends_of_the_line() -> None:
    assert pace(racks(start_value=None), TODAY) is None
    assert pace(racks(target_on=None), TODAY) is None


@pytest.mark.parametrize(
    ("terms", "value", "on", "standing"),
    [
        ({}, 160, date(2026, 11, 16), Standing.ON_PACE),
        ({}, 149, date(2026, 11, 16), Standing.BEHIND),
        ({}, 300, date(2026, 11, 16), Standing.REACHED),
        ({"limit_value": Decimal(150)}, 149, date(2026, 11, 16), Standing.PAST_LIMIT),
        ({"limit_value": Decimal(149)}, 149, date(2026, 11, 14), Standing.ON_PACE),
        ({"target_value": None, "limit_value": Decimal(10)}, 10, TODAY, Standing.IN_LIMIT),
        ({"target_value": None}, 10, TODAY, Standing.NO_LIMIT),
        ({"target_on": TODAY, "start_value": None}, 299, TODAY, Standing.NO_LIMIT),
        ({"target_on": date(2026, 11, 19), "start_value": None}, 299, date(2026, 11, 16), Standing.BEHIND),
    ],
)
def test_more_is_better(terms: dict[str, object], value: int, on: date, standing: Standing) -> None:
    assert state(racks(**terms), value=Decimal(value), on=on, today=TODAY).standing == standing


@pytest.mark.parametrize(
    ("value", "standing"),
    [(31, Standing.IN_LIMIT), (35, Standing.IN_LIMIT), (36, Standing.PAST_LIMIT), (20, Standing.REACHED)],
)
def test_less_is_better(value: int, standing: Standing) -> None:
    latency = KPI(
        name="Latency", direction=KPI.Direction.DOWN, limit_value=Decimal(35), target_value=Decimal(20), unit="ms"
    )
    assert state(latency, value=Decimal(value), on=TODAY, today=TODAY).standing == standing


def test_what_nobody_measured_has_no_state() -> None:
    assert state(racks(), value=None, on=None, today=TODAY).standing == Standing.UNMEASURED


def test_a_measurement_is_held_against_the_pace_of_its_own_day() -> None:
    measured = state(racks(), value=Decimal(150), on=date(2026, 11, 16), today=TODAY)
    assert (measured.expected, measured.is_behind) == (Decimal(150), False)
