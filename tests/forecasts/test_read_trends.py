"""How forecasts moved, read by rules; numbers worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from forecasts.models import IssuedForecast, MilestoneForecast, Run
from forecasts.trends import Line, Rule, lines_of
from milestones.models import Milestone
from tests.conftest import FRIDAY, NOON, Cast

FIRST = date(2026, 8, 21)  # thirteen weeks before FRIDAY


def reports(milestone: Milestone, days: list[int], *, spread: int = 10) -> None:
    """A report each week from FIRST on, its P50 so many days after 1 January 2027."""
    for week, days_later in enumerate(days):
        day = FIRST + timedelta(weeks=week)
        p50 = date(2027, 1, 1) + timedelta(days=days_later)
        IssuedForecast.objects.create(
            milestone=milestone,
            program_id=milestone.program_id,
            week_on=day - timedelta(days=4),
            day=day,
            basis="points",
            finish_on=p50,
            quantiles=[p50 - timedelta(days=spread)] * 9 + [p50] * 5 + [p50 + timedelta(days=spread)] * 5,
        )


def milestone(cast: Cast, name: str, **fields: object) -> Milestone:
    return Milestone.objects.create(program=cast.na4, name=name, **fields)


def lines(cast: Cast) -> dict[str, Line]:
    return {line.milestone.name: line for line in lines_of(cast.na4, today=FRIDAY, weeks=26)}


@pytest.mark.parametrize(
    ("days", "rule"),
    [
        ([0] * 14, Rule.STABLE),
        ([3 * week for week in range(14)], Rule.STEADY_SLIP),
        ([-3 * week for week in range(14)], Rule.EARLIER),
        ([8 * week for week in range(14)], Rule.NEVER),
        ([0, 9, 0, 9, 0, 9, 0, 9, 0, 9, 0, 9, 0, 9], Rule.UNSTABLE),
        ([0, 0, 0, 10, 10, 10, 10, 20, 20, 20, 20, 30, 30, 30], Rule.STEPS),
        ([0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 9, 13, 17, 22], Rule.SPEEDING_UP),
        ([5], Rule.TOO_YOUNG),
    ],
)
def test_a_trend_reads_as_the_first_rule_that_holds(cast: Cast, days: list[int], rule: Rule) -> None:
    row = milestone(cast, "Power")
    reports(row, days)
    assert lines(cast)["Power"].reading.rule is rule


def test_drift_pace_and_where_the_line_meets_the_edge(cast: Cast) -> None:
    row = milestone(cast, "Power", is_end=True)
    reports(row, [3 * week for week in range(14)])
    found = lines(cast)["Power"]
    assert (found.first_on, found.current_on, found.drift_days) == (date(2027, 1, 1), date(2027, 2, 9), 39)
    assert (found.recent_days, found.moved_later, found.steps) == (12, 13, 13)
    assert (found.reading.week_days, found.reading.before_days) == (3, 3)
    # From 1 January (133 days after the first report) at 3 days in 7: 133 / (1 - 3/7) = 232.75 days after it.
    assert found.reading.meets_on == FIRST + timedelta(days=233)


def test_the_forecast_of_now_is_the_last_report(cast: Cast) -> None:
    row = milestone(cast, "Power")
    reports(row, [0] * 14)
    run = Run.objects.create(day=FRIDAY, engine_version="1", inputs_digest="0", revisions={}, computed_at=NOON)
    now = date(2027, 1, 15)
    MilestoneForecast.objects.create(
        milestone=row, program=cast.na4, run=run, start_on=now, finish_on=now, p50_on=now, quantiles=[now] * 19
    )
    found = lines(cast)["Power"]
    assert [report.day for report in found.reports[-2:]] == [FRIDAY - timedelta(weeks=1), FRIDAY]
    assert (found.current_on, found.drift_days, found.recent_days) == (now, 14, 14)


def test_a_line_that_runs_in_parallel_follows_what_it_waits_for(cast: Cast) -> None:
    power, live = milestone(cast, "Power"), milestone(cast, "Live", is_end=True)
    reports(power, [3 * week for week in range(14)])
    reports(live, [3 * week + 10 + week % 2 for week in range(14)])
    run = Run.objects.create(day=FRIDAY, engine_version="1", inputs_digest="0", revisions={}, computed_at=NOON)
    for row, driver in ((power, None), (live, power)):
        day = date(2027, 2, 9)
        MilestoneForecast.objects.create(
            milestone=row, program=cast.na4, run=run, start_on=day, finish_on=day, driven_by=driver
        )
    found = lines(cast)
    assert list(found) == ["Live", "Power"]  # the end first
    assert found["Live"].reading.rule is Rule.FOLLOWS
    assert (found["Live"].reading.driver, found["Live"].reading.gap_days) == (power.pk, (10, 11))
    assert found["Power"].reading.rule is Rule.STEADY_SLIP


def test_what_is_done_ends_on_the_edge_and_what_is_cancelled_is_left_out(cast: Cast) -> None:
    done, gone, old = (
        milestone(cast, "Backbone", done_on=date(2026, 10, 30)),
        milestone(cast, "Gone", cancelled_on=date(2026, 10, 30)),
        milestone(cast, "Old", done_on=date(2026, 1, 5)),
    )
    for row in (done, gone, old):
        reports(row, [-62] * 14)  # 31 October
    found = lines(cast)
    assert list(found) == ["Backbone"]
    last = found["Backbone"].reports[-1]
    assert (last.day, last.p50_on) == (date(2026, 10, 30), date(2026, 10, 30))
    assert (found["Backbone"].drift_days, found["Backbone"].reading.rule) == (-1, Rule.DONE)
    assert lines_of(cast.na4, today=FRIDAY, weeks=1) == []
