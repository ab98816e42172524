"""The default policy, case by case, with numbers worked out by hand."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from forecasts.health import SLIP_RULES, Derived, End, Facts, Finding, Step, derive, finding, slip_parts
from forecasts.models import HealthPolicy
from programs.models import Health, Program

TODAY = date(2026, 11, 20)
TARGET = date(2027, 1, 15)
POLICY = HealthPolicy(version=3)
KPI_PAST_LIMIT = finding("kpi", ("kpi", 5, 1), "Latency", value=36.0, limit=35.0, unit="ms", health="at_risk")


def judge(slip: int = 0, **facts: Any) -> Derived:
    end = ends_on(TARGET + timedelta(days=slip))
    known = Facts(program=1, name="Region", state=Program.State.ACTIVE, target_on=TARGET, end=end, updated_on=TODAY)
    return derive(replace(known, **facts), POLICY, TODAY)


def ends_on(day: date, target_on: date | None = None) -> End:
    return End(9, "Live", target_on, None, day, day, day)


def rules(derived: Derived) -> list[str]:
    return [item["rule"] for item in derived.findings]


@pytest.mark.parametrize(
    ("slip", "health", "limit"),
    [
        (-20, Health.ON_TRACK, 7),
        (7, Health.ON_TRACK, 7),
        (8, Health.AT_RISK, 7),
        (30, Health.AT_RISK, 7),
        (31, Health.OFF_TRACK, 30),
    ],
)
def test_the_forecast_against_its_target(slip: int, health: Health, limit: int) -> None:
    derived = judge(slip)
    verdict = derived.findings[0]
    assert derived.health == health
    assert derived.slip_days == slip
    assert (verdict["rule"], verdict["value"], verdict["limit"], verdict["unit"]) == ("p80", slip, limit, "days")
    assert verdict["record"] == {"kind": "milestone", "id": 9, "program": 1}


@pytest.mark.parametrize(("slip", "health"), [(0, Health.AT_RISK), (10, Health.AT_RISK), (31, Health.OFF_TRACK)])
def test_what_lowers_health_lowers_it_to_at_risk_at_most(slip: int, health: Health) -> None:
    assert judge(slip, lowering=[KPI_PAST_LIMIT, KPI_PAST_LIMIT]).health == health


@pytest.mark.parametrize(
    ("state", "health"),
    [
        (Program.State.DONE, Health.DONE),
        (Program.State.ON_HOLD, Health.ON_HOLD),
        (Program.State.NOT_STARTED, Health.NOT_STARTED),
        (Program.State.CANCELLED, Health.NO_FORECAST),
    ],
)
def test_a_state_comes_before_the_policy(state: str, health: Health) -> None:
    derived = judge(99, state=state, lowering=[KPI_PAST_LIMIT], updated_on=TODAY - timedelta(days=90))
    assert (derived.health, derived.is_stale, rules(derived)) == (health, False, ["state"])


def test_a_program_whose_end_is_done_is_done() -> None:
    end = End(9, "Live", None, date(2026, 11, 2), date(2026, 11, 2))
    derived = judge(end=end)
    assert (derived.health, derived.findings[0]["rule"]) == (Health.DONE, "end_done")
    assert derived.findings[0]["since"] == "2026-11-02"


def test_no_forecast_says_what_is_missing() -> None:
    unplanned = finding("unplanned", ("milestone", 4, 2), "Yard", since=TODAY)
    blind = End(9, "Live", TARGET, None, None)
    assert rules(judge(end=None)) == ["no_end"]
    assert rules(judge(target_on=None)) == ["no_target"]
    assert rules(judge(end=blind)) == ["unplanned"]
    stuck = judge(end=blind, obstacle=unplanned, lowering=[KPI_PAST_LIMIT])
    assert (stuck.health, stuck.slip_days) == (Health.NO_FORECAST, None)
    assert [item["record"]["id"] for item in stuck.findings] == [4, 5]


def test_the_end_milestones_target_stands_in_for_the_programs() -> None:
    derived = judge(target_on=None, end=ends_on(date(2027, 1, 11), date(2027, 1, 1)))
    assert (derived.health, derived.target_on, derived.slip_days) == (Health.AT_RISK, date(2027, 1, 1), 10)


@pytest.mark.parametrize(("days", "is_stale"), [(9, False), (10, True), (40, True)])
def test_no_update_makes_stale_and_never_a_colour(days: int, is_stale: bool) -> None:
    derived = judge(updated_on=TODAY - timedelta(days=days))
    assert (derived.health, derived.is_stale) == (Health.ON_TRACK, is_stale)
    if is_stale:
        stale = derived.findings[-1]
        assert (stale["rule"], stale["value"], stale["limit"], stale["health"]) == ("stale", days, 10, "")
        assert stale["since"] == (TODAY - timedelta(days=days - 10)).isoformat()


def test_a_program_nobody_ever_reported_on_is_stale_ten_days_after_it_was_first_seen() -> None:
    assert not judge(updated_on=None).is_stale
    assert judge(updated_on=None, known_since=TODAY - timedelta(days=10)).is_stale


def test_a_gate_overdue_makes_stale() -> None:
    gate = finding("gate", ("phase", 2, 1), "Design", value=3, limit=0, unit="days", since=TODAY)
    derived = judge(hygiene=[gate])
    assert (derived.health, derived.is_stale, rules(derived)) == (Health.ON_TRACK, True, ["p80", "gate"])


def step(pk: int, finish: tuple[int, int], reference: tuple[int, int] | None, program: int = 1) -> Step:
    def day(at: tuple[int, int]) -> date:
        return date(2027, *at)

    return Step(pk, program, f"M{pk}", day(finish), day(reference) if reference else None)


def test_the_days_of_why_add_up_to_the_slip() -> None:
    # Late by 9, (no reference), 12, then 8 at the end, which was planned 26 days after its target of 15 January.
    path = [
        step(3, (1, 10), (1, 1), program=2),
        step(4, (1, 20), None, program=2),
        step(6, (2, 1), (1, 20)),
        step(9, (2, 18), (2, 10)),
    ]
    derived = judge(34, path=path)
    parts = [item for item in derived.findings if item["rule"] in SLIP_RULES]
    assert [(part["rule"], part["record"]["id"], part["record"]["program"], part["days"]) for part in parts] == [
        ("reserve", 9, 1, 26),
        ("upstream", 3, 2, 9),
        ("own_work", 6, 1, 3),
        ("own_work", 9, 1, -4),
    ]
    assert sum(part["days"] or 0 for part in derived.findings) == derived.slip_days == 34


def test_time_won_back_on_the_way_is_a_negative_part() -> None:
    parts = slip_parts([step(3, (1, 10), (1, 1)), step(9, (1, 20), (1, 15))], date(2027, 1, 15), 1)
    assert [(part["record"]["id"], part["days"]) for part in parts] == [(3, 9), (9, -4)]


def test_days_between_the_plan_and_the_target_are_a_reserve() -> None:
    parts = slip_parts([step(9, (1, 20), (1, 12))], date(2027, 1, 15), 1)
    assert [(part["rule"], part["days"], part["value"], part["limit"]) for part in parts] == [
        ("own_work", 8, "2027-01-20", "2027-01-12"),
        ("reserve", -3, "2027-01-12", "2027-01-15"),
    ]


def test_what_is_uncertain_adds_the_days_from_the_plan_to_p80() -> None:
    end = replace(ends_on(date(2027, 2, 18)), p50_on=date(2027, 2, 20), p80_on=date(2027, 3, 1))
    derived = judge(end=end, path=[step(9, (2, 18), None)])
    assert [(item["rule"], item["days"]) for item in derived.findings[1:]] == [("own_work", 34), ("range", 11)]
    assert derived.slip_days == 45


def test_days_go_to_other_programs_to_holidays_and_to_what_was_added() -> None:
    """The first of another program; the second not in the baseline; before the end two days off, one in the plan."""
    off = [date(2027, 1, 14), date(2027, 1, 18)]
    path = [
        step(3, (1, 10), (1, 1), program=2),
        replace(step(4, (1, 12), None), is_added=True),
        step(6, (1, 13), (1, 2)),
        replace(step(9, (1, 20), None), holidays=off),
    ]
    parts = slip_parts(path, date(2027, 1, 15), 1)
    assert [(part["rule"], part["record"]["id"], part["days"]) for part in parts] == [
        ("upstream", 3, 9),
        ("scope", 6, 2),
        ("own_work", 9, -7),
        ("calendar", 9, 1),
    ]
    assert sum(part["days"] or 0 for part in parts) == 5


def test_nothing_is_explained_where_nothing_slips() -> None:
    assert rules(judge(0, path=[step(3, (1, 10), (1, 1)), step(9, (1, 15), None)])) == ["p80"]


def test_a_finding_keeps_the_day_it_became_true() -> None:
    yesterday = [earlier("p80", 9, "at_risk", "2026-11-13"), earlier("kpi", 5, "at_risk", "2026-11-19")]
    derived = judge(10, lowering=[KPI_PAST_LIMIT], earlier=yesterday)
    assert [item["since"] for item in derived.findings] == ["2026-11-13", "2026-11-19"]


def test_a_worse_colour_is_a_new_finding() -> None:
    derived = judge(31, earlier=[earlier("p80", 9, "at_risk", "2026-11-13")])
    assert derived.findings[0]["since"] == TODAY.isoformat()


def earlier(rule: str, pk: int, health: str, since: str) -> Finding:
    kind = "kpi" if rule == "kpi" else "milestone"
    return finding(rule, (kind, pk, 1), "", since=date.fromisoformat(since), health=health)
