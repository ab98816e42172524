"""A team's capacity delays its work where it says so: by hand on the plan of ``conftest``, from 20 November 2026.

Power asks for 10 people-days over five days: 2 on Friday and 8 in the week from the 23rd, in which Site does 5. The
pace there is 1.6, so 4 of its 5 days take 1.6 times as long: 7.4 days, until 1 December; Racks ends on the 3rd.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

import milestones.services
import people.services
import programs.services
from forecasts.models import MilestoneForecast, ProgramHealth, Run
from forecasts.network import components
from forecasts.services import behind, bring_up_to_date, catch_up, explain
from milestones.models import Milestone
from people.models import Team
from programs.models import Program
from tests.conftest import FRIDAY, NOON
from tests.forecasts.conftest import DAY, Plan, certain

DEC_1, DEC_3 = date(2026, 12, 1), date(2026, 12, 3)


@pytest.fixture
def site(plan: Plan) -> Team:
    team = people.services.create_team(name="Site", by=plan.cast.admin, capacity_days=Decimal(5))
    plan.change(plan.power, team=team, demand_days=Decimal(10))
    return team


def limit(team: Team, plan: Plan, **changes: object) -> None:
    people.services.change_team(team=team, by=plan.cast.admin, **{"limits_work": True, **changes})


def bring(today: date = FRIDAY) -> None:
    bring_up_to_date(program_ids=Program.objects.values_list("pk", flat=True), today=today, at=NOON)


def finish(milestone: Milestone) -> date:
    return MilestoneForecast.objects.get(pk=milestone.pk).finish_on


def test_capacity_delays_nothing_until_the_team_says_so(plan: Plan, site: Team) -> None:
    bring()
    assert finish(plan.power) == date(2026, 11, 26)


def test_work_takes_longer_in_overloaded_weeks(plan: Plan, site: Team) -> None:
    limit(site, plan)
    bring()
    assert (finish(plan.power), finish(plan.live)) == (DEC_1, DEC_3)
    row = MilestoneForecast.objects.get(pk=plan.live.pk)
    assert (row.p50_on, row.p80_on) == (DEC_3, DEC_3)
    # What waits for it in another program is later too: Scheduler's three days end on the 8th, not on the 3rd.
    assert finish(plan.ga) == date(2026, 12, 8)


def test_a_team_that_is_not_overloaded_changes_no_byte(plan: Plan, site: Team) -> None:
    bring()
    before = list(MilestoneForecast.objects.order_by("pk").values_list("pk", "finish_on", "quantiles", "chance"))
    digest = Run.objects.latest("pk").inputs_digest
    limit(site, plan, capacity_days=Decimal(8))
    bring()
    after = list(MilestoneForecast.objects.order_by("pk").values_list("pk", "finish_on", "quantiles", "chance"))
    assert after == before
    assert Run.objects.latest("pk").inputs_digest == digest


def test_of_started_work_what_is_left_is_stretched(plan: Plan, site: Team) -> None:
    """Begun on Thursday: 4 people-days in that week, 6 in the next at 1.2; of four days left, three are in it: 4.6."""
    limit(site, plan)
    plan.change(plan.power, started_on=date(2026, 11, 19))
    bring()
    assert finish(plan.power) == date(2026, 11, 26)
    # Where people say what is left, that is stretched: three days in weeks that ask for 8 of 5 are 4.8.
    plan.change(plan.power, remaining=3 * DAY, demand_days=Decimal(16))
    bring()
    assert finish(plan.power) == date(2026, 11, 26)


def test_uncertain_work_is_stretched_in_all_its_range(plan: Plan, site: Team) -> None:
    plan.change(plan.power, work_low=4 * DAY, work_high=9 * DAY)
    bring()
    before = MilestoneForecast.objects.get(pk=plan.live.pk)
    limit(site, plan)
    bring()
    after = MilestoneForecast.objects.get(pk=plan.live.pk)
    moved = np.busday_count(before.quantiles, after.quantiles).tolist()
    assert min(moved) >= 2
    assert moved[-1] > moved[0]


def test_another_program_that_asks_for_the_team_is_part_of_the_same_run(plan: Plan, site: Team) -> None:
    """Beside waits for nobody; its 7 people-days fill the week from the 23rd to 15 of 5: three times as long."""
    beside = programs.services.create_program(by=plan.cast.admin, key="BESIDE", name="Beside")
    asks = milestones.services.create_milestone(
        program=beside, by=plan.cast.admin, today=FRIDAY, name="Survey", team=site, demand_days=Decimal(7),
        not_before_on=date(2026, 11, 23), **certain(5),
    )  # fmt: skip
    assert components([plan.na4.pk]) == [(plan.na4.pk, plan.gpu.pk)]
    limit(site, plan)
    assert components([beside.pk]) == [tuple(sorted([plan.na4.pk, plan.gpu.pk, beside.pk]))]
    bring()
    assert finish(asks) == date(2026, 12, 11)  # 15 days
    assert finish(plan.power) == date(2026, 12, 8)  # 1 + 4 x 3 = 13 days
    assert behind(today=FRIDAY) == []
    plan.change(asks, cancelled_on=FRIDAY)
    assert set(catch_up(today=FRIDAY, at=NOON)) >= {plan.na4.pk, beside.pk}
    assert finish(plan.power) == DEC_1


def test_what_a_team_can_do_and_what_it_is_asked_for_count_at_once(plan: Plan, site: Team) -> None:
    limit(site, plan)
    bring()
    limit(site, plan, capacity_days=Decimal(8))
    assert plan.na4.pk in catch_up(today=FRIDAY, at=NOON)
    assert finish(plan.power) == date(2026, 11, 26)
    plan.change(plan.power, demand_days=Decimal(20))
    assert plan.na4.pk in catch_up(today=FRIDAY, at=NOON)
    assert finish(plan.power) > DEC_1


def test_a_plan_that_cannot_be_computed_asks_for_nobody(plan: Plan, site: Team) -> None:
    """Its program has no forecast, and the others are computed with the demand that is known."""
    far = programs.services.create_program(by=plan.cast.admin, key="FAR", name="Far")
    milestones.services.create_milestone(
        program=far, by=plan.cast.admin, today=FRIDAY, name="Never", team=site, demand_days=Decimal(7), is_end=True,
        not_before_on=date(2099, 12, 31), **certain(900),
    )  # fmt: skip
    limit(site, plan)
    bring()
    assert finish(plan.power) == DEC_1
    assert ProgramHealth.objects.get(program=far, day=FRIDAY).health == "no_forecast"


def test_to_relieve_the_team_is_a_move_with_the_days_it_buys(plan: Plan, site: Team) -> None:
    """At its own pace Live is there on 30 November, not on 3 December."""
    limit(site, plan)
    bring()
    explain(program_ids=[plan.na4.pk], today=FRIDAY)
    moves = {move["rule"]: move for move in ProgramHealth.objects.get(program=plan.na4, day=FRIDAY).moves}
    assert moves["relieve_team"] == {
        "rule": "relieve_team",
        "record": {"kind": "team", "id": site.pk, "program": plan.na4.pk},
        "label": "Site",
        "value": 1.48,
        "days": 3,
    }


def test_to_relieve_a_team_of_started_uncertain_work_gives_back_the_plan(plan: Plan, site: Team) -> None:
    plan.change(plan.power, work_low=4 * DAY, work_high=9 * DAY, started_on=date(2026, 11, 19))
    bring()
    before = MilestoneForecast.objects.get(pk=plan.live.pk).p80_on
    limit(site, plan, capacity_days=Decimal(2))
    bring()
    after = MilestoneForecast.objects.get(pk=plan.live.pk).p80_on
    explain(program_ids=[plan.na4.pk], today=FRIDAY)
    [move] = [
        one for one in ProgramHealth.objects.get(program=plan.na4, day=FRIDAY).moves if one["rule"] == "relieve_team"
    ]
    assert before is not None
    assert after is not None
    assert move["days"] == (after - before).days > 0
