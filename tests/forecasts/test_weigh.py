"""What is uncertain about a program, weighed: the days of why add up, risks cost days elsewhere too, moves win some."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

import milestones.services
import programs.services
import risks.services
from forecasts.health import SLIP_RULES, WEIGHED_RULES
from forecasts.models import FrozenHealth, IssuedForecast, MilestoneForecast, ProgramHealth, RiskForecast, Run
from forecasts.services import bring_up_to_date, catch_up, explain, explain_some
from forecasts.weighing import whole_days
from milestones.models import Dependency, Milestone
from programs.models import Program
from risks.models import Risk, RiskImpact
from tests.conftest import FRIDAY, NOON
from tests.forecasts.conftest import DAY, Plan


def bring(today: date = FRIDAY) -> None:
    bring_up_to_date(program_ids=Program.objects.values_list("pk", flat=True), today=today, at=NOON)


def health_of(program: Program) -> ProgramHealth:
    return ProgramHealth.objects.get(program=program, day=FRIDAY)


def slip_days(row: ProgramHealth) -> int:
    return sum(item["days"] or 0 for item in row.findings if item["rule"] in SLIP_RULES)


@pytest.fixture
def risk(plan: Plan) -> Risk:
    """Half the time Power takes 10 to 30 days longer; mitigation would make that one time in ten."""
    plan.change(plan.power, work_low=4 * DAY, work_likely=5 * DAY, work_high=12 * DAY)
    plan.change(plan.scheduler, work_low=2 * DAY, work_likely=3 * DAY, work_high=9 * DAY)
    return risks.services.create_risk(
        program=plan.na4,
        by=plan.cast.admin,
        today=FRIDAY,
        title="Switchgear late",
        probability=Decimal("0.5"),
        residual_probability=Decimal("0.1"),
        impacts=[risks.services.Impact(plan.power, 10 * DAY, 15 * DAY, 30 * DAY)],
    )


def test_the_days_of_why_add_up_to_p80_before_and_after_weighing(plan: Plan, risk: Risk) -> None:
    bring()
    for program in (plan.na4, plan.gpu):
        row = health_of(program)
        assert row.p80_on is not None
        assert row.slip_days == slip_days(row) > 7
        assert {item["rule"] for item in row.findings} & WEIGHED_RULES == set()
    assert explain(program_ids=[plan.na4.pk, plan.gpu.pk], today=FRIDAY) == [plan.na4.pk, plan.gpu.pk]
    for program in (plan.na4, plan.gpu):
        row = health_of(program)
        assert row.explained
        assert row.slip_days == slip_days(row)
        assert "range" not in {item["rule"] for item in row.findings}
    na4 = {item["rule"]: item for item in health_of(plan.na4).findings}
    assert (na4["risk"]["record"]["id"], na4["risk"]["value"]) == (risk.pk, 0.5)
    assert "upstream_range" not in na4
    gpu = {item["rule"] for item in health_of(plan.gpu).findings}
    assert gpu >= {"risk", "own_range", "upstream_range"}


def test_closing_a_risk_in_one_program_moves_p80_of_another(plan: Plan, risk: Risk) -> None:
    bring()
    before = health_of(plan.gpu)
    risks.services.close_risk(risk=risk, by=plan.cast.admin, on=FRIDAY, because="Delivered.")
    assert catch_up(today=FRIDAY, at=NOON) == sorted([plan.na4.pk, plan.gpu.pk])
    after = health_of(plan.gpu)
    assert before.p80_on is not None
    assert after.p80_on is not None
    assert after.p80_on <= before.p80_on - timedelta(days=10)
    assert after.slip_days == slip_days(after)


def test_moves_are_ranked_by_the_days_they_buy(plan: Plan, risk: Risk) -> None:
    bring()
    explain(program_ids=[plan.na4.pk], today=FRIDAY)
    moves = health_of(plan.na4).moves
    days = {move["rule"]: move["days"] for move in moves}
    assert [move["days"] for move in moves] == sorted((move["days"] for move in moves), reverse=True)
    assert days["close_risk"] >= days["mitigate"] > 0
    assert all(move["days"] > 0 for move in moves)
    cost = RiskForecast.objects.get(risk=risk)
    assert (cost.p80_days, cost.mitigated_days) == (days["close_risk"], days["mitigate"])
    assert cost.alone_days > 0


def test_a_hand_off_that_comes_too_late_is_a_move(plan: Plan, risk: Risk) -> None:
    milestones.services.change_dependency(
        dependency=plan.hand_off, by=plan.cast.admin, at=NOON, need_by_on=date(2026, 11, 30)
    )
    bring()
    explain(program_ids=[plan.gpu.pk], today=FRIDAY)
    kept = next(move for move in health_of(plan.gpu).moves if move["rule"] == "keep_hand_off")
    assert (kept["record"]["id"], kept["value"]) == (plan.hand_off.pk, "2026-11-30")
    assert kept["days"] > 0


def test_weighing_is_kept_while_it_holds_and_done_again_when_it_does_not(plan: Plan, risk: Risk) -> None:
    bring()
    assert sorted(explain_some(today=FRIDAY, seconds=60)) == sorted([plan.gpu.pk, plan.na4.pk])
    assert explain_some(today=FRIDAY, seconds=60) == []
    weighed = list(ProgramHealth.objects.order_by("pk").values())
    bring()
    assert list(ProgramHealth.objects.order_by("pk").values()) == weighed
    plan.change(plan.racks, work_low=DAY, work_likely=3 * DAY, work_high=9 * DAY)
    catch_up(today=FRIDAY, at=NOON)
    row = health_of(plan.na4)
    assert (row.explained, row.moves) == (False, [])
    assert row.slip_days == slip_days(row)


def test_the_record_is_read_once_for_all_programs(plan: Plan, risk: Risk) -> None:
    bring()
    with CaptureQueriesContext(connection) as asked:
        assert len(explain_some(today=FRIDAY, seconds=60)) == 2
    assert sum("COALESCE" in query["sql"] and "work_likely" in query["sql"] for query in asked) == 1


def test_without_time_nothing_is_weighed(plan: Plan, risk: Risk) -> None:
    bring()
    assert explain_some(today=FRIDAY, seconds=0) == []
    assert not health_of(plan.na4).explained


def test_the_first_forecast_of_a_week_is_kept_as_issued(plan: Plan, risk: Risk) -> None:
    bring()
    first = list(IssuedForecast.objects.order_by("pk").values())
    assert {row["milestone_id"] for row in first} == set(MilestoneForecast.objects.values_list("pk", flat=True))
    assert {row["week_on"] for row in first} == {date(2026, 11, 16)}
    plan.change(plan.power, work_low=4 * DAY, work_likely=9 * DAY, work_high=12 * DAY)
    bring()
    assert list(IssuedForecast.objects.order_by("pk").values()) == first
    bring(FRIDAY + timedelta(days=7))
    assert IssuedForecast.objects.count() == 2 * len(first)
    row = IssuedForecast.objects.get(milestone=plan.live, week_on=date(2026, 11, 16))
    assert (row.target_on, len(row.quantiles)) == (date(2026, 11, 27), 19)
    assert row.chance is not None


def test_quantiles_rise_and_p50_is_not_after_p80(plan: Plan, risk: Risk) -> None:
    bring()
    for row in MilestoneForecast.objects.all():
        assert row.quantiles == sorted(row.quantiles)
        assert row.p50_on is not None
        assert row.p80_on is not None
        assert row.p50_on <= row.p80_on


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=7), st.integers(-200, 200))
def test_whole_days_add_up(shares: list[float], total: int) -> None:
    days = whole_days(shares, total)
    assert sum(days) == total
    missing = (total - sum(shares)) / len(shares)
    assert all(abs(one - share - missing) < 1 + 1e-6 for one, share in zip(days, shares, strict=True))


def test_what_a_run_said_stays_when_a_later_one_of_the_day_says_otherwise(plan: Plan, risk: Risk) -> None:
    bring()
    explain(program_ids=[plan.na4.pk], today=FRIDAY)
    before = health_of(plan.na4)
    plan.change(plan.racks, work_low=20 * DAY, work_likely=30 * DAY, work_high=90 * DAY)
    bring()
    assert health_of(plan.na4).run_id != before.run_id
    frozen = FrozenHealth.objects.get(program=plan.na4, run=before.run_id)
    assert (frozen.findings, frozen.moves, frozen.p80_on) == (before.findings, before.moves, before.p80_on)


def test_a_run_replayed_a_day_later_gives_the_same_rows(plan: Plan, risk: Risk) -> None:
    """Everything computed is thrown away and computed again for the same day, with the clock moved on."""

    def rows() -> list[Any]:
        explain(program_ids=[plan.na4.pk, plan.gpu.pk], today=FRIDAY)
        runs = {row.pk: row.inputs_digest for row in Run.objects.all()}
        forecasts = MilestoneForecast.objects.order_by("pk").values()
        healths = ProgramHealth.objects.order_by("program_id").values()
        own = ("id", "run_id", "computed_at")
        return [
            ({name: value for name, value in row.items() if name not in own}, runs[row["run_id"]])
            for row in (*forecasts, *healths)
        ]

    bring()
    first = rows()
    for model in (FrozenHealth, RiskForecast, IssuedForecast, ProgramHealth, MilestoneForecast, Run):
        model._default_manager.all().delete()
    bring_up_to_date(
        program_ids=Program.objects.values_list("pk", flat=True), today=FRIDAY, at=NOON + timedelta(days=1)
    )
    assert rows() == first


def test_a_program_on_hold_has_no_slip_to_explain(plan: Plan, risk: Risk) -> None:
    programs.services.change_program(program=plan.na4, by=plan.cast.admin, state=Program.State.ON_HOLD)
    bring()
    assert explain(program_ids=[plan.na4.pk], today=FRIDAY) == [plan.na4.pk]
    row = health_of(plan.na4)
    assert row.explained
    assert [item["rule"] for item in row.findings] == ["state"]
    assert RiskForecast.objects.get(risk=risk).p80_days > 0


def test_costs_go_with_the_risk_and_with_the_forecast_of_its_program(plan: Plan, risk: Risk) -> None:
    bring()
    explain(program_ids=[plan.na4.pk], today=FRIDAY)
    assert RiskForecast.objects.filter(program=plan.na4).count() == 1
    plan.change(plan.live, is_end=False)
    bring()
    assert health_of(plan.na4).p80_on is None
    assert not RiskForecast.objects.filter(program=plan.na4).exists()


def test_an_edit_before_weighing_is_not_told_of_the_run_before_it(plan: Plan, risk: Risk) -> None:
    bring()
    risks.services.close_risk(risk=risk, by=plan.cast.admin, on=FRIDAY, because="Delivered.")
    assert explain(program_ids=[plan.na4.pk, plan.gpu.pk], today=FRIDAY) == []
    assert not health_of(plan.gpu).explained
    catch_up(today=FRIDAY, at=NOON)
    assert explain(program_ids=[plan.na4.pk, plan.gpu.pk], today=FRIDAY) == [plan.na4.pk, plan.gpu.pk]


def test_what_would_end_beyond_all_calendars_stops_no_other_program(plan: Plan, risk: Risk) -> None:
    """Nearly always Racks takes less than its 30 days; if it took them all, the risk would end it in 2100."""
    Risk.objects.filter(pk=risk.pk).update(probability=Decimal("0.21"), residual_probability=None)
    RiskImpact.objects.update(milestone=plan.racks, low=5 * DAY, likely=5 * DAY, high=5 * DAY)
    begins_on = np.busday_offset(np.datetime64("2099-12-31", "D"), -33).astype(date)
    Milestone.objects.filter(pk=plan.racks.pk).update(
        not_before_on=begins_on, work_low=DAY, work_likely=30 * DAY, work_high=30 * DAY
    )
    Dependency.objects.filter(pk=plan.hand_off.pk).delete()
    bring()
    row = health_of(plan.na4)
    assert row.p80_on is not None
    assert row.p80_on != row.finish_on
    assert explain_some(today=FRIDAY, seconds=60) == [plan.na4.pk, plan.gpu.pk]
    assert health_of(plan.na4).moves == []
