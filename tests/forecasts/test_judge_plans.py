"""The checks over live programs, counted by hand on the plan of conftest.py."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

import milestones.services
from forecasts.quality import Check, Judged, failing, judge, together
from forecasts.sequence import out_of_sequence
from milestones.models import Dependency, Milestone
from tests.conftest import FRIDAY
from tests.forecasts.conftest import DAY, Plan, certain


def add(plan: Plan, name: str, **fields: Any) -> Milestone:
    return milestones.services.create_milestone(program=plan.na4, by=plan.cast.admin, today=FRIDAY, name=name, **fields)


def both(plan: Plan) -> list[Judged]:
    return judge([plan.na4.pk, plan.gpu.pk], today=FRIDAY)


def found(check: Check) -> tuple[int, int, list[int]]:
    return check.count, check.of, list(check.milestones)


def test_each_check_counts_what_lies_in_its_program(plan: Plan) -> None:
    na4, gpu = both(plan)
    assert (na4.program, gpu.program) == (plan.na4.pk, plan.gpu.pk)
    # Power waits for nothing and has no day to begin on; Scheduler waits for another program.
    assert [check.number for check in na4.failed] == [1]
    assert found(na4.checks[0]) == (1, 3, [plan.power.pk])
    assert gpu.failed == []
    # Two links lead into each program, all finish to start.
    assert [found(one.checks[3])[:2] for one in (na4, gpu)] == [(2, 2), (2, 2)]
    # Nobody owns the work, which has no limit.
    assert (found(na4.checks[9]), na4.checks[9].passes) == ((2, 2, [plan.power.pk, plan.racks.pk]), None)
    # Whatever slips at the start of the path moves the end.
    assert (na4.checks[11].value, na4.checks[11].passes) == (1, True)
    # Without a baseline nothing is missed, and the path has nothing to be held against.
    assert [na4.checks[at].value for at in (10, 12, 13)] == [None, None, None]


def test_a_day_to_begin_on_begins_a_plan(plan: Plan) -> None:
    plan.change(plan.power, not_before_on=FRIDAY)
    assert both(plan)[0].failed == []


def test_a_typed_day_alone_is_a_hard_date_and_invalid_once_it_is_past(plan: Plan) -> None:
    permit = add(plan, "Permit", target_on=date(2026, 11, 18))
    milestones.services.link(predecessor=permit, successor=plan.power, by=plan.cast.admin)
    na4 = both(plan)[0]
    assert found(na4.checks[4]) == (1, 4, [permit.pk])
    assert found(na4.checks[8]) == (1, 4, [permit.pk])
    # It begins the plan instead of Power, and nothing says when it may.
    assert found(na4.checks[0]) == (1, 4, [permit.pk])


def test_leads_lags_long_work_and_float_are_named(plan: Plan) -> None:
    Dependency.objects.filter(predecessor=plan.power).update(lag=-DAY)
    Dependency.objects.filter(predecessor=plan.racks, successor=plan.live).update(lag=DAY, kind="FF")
    long = add(plan, "Long", **certain(45), not_before_on=FRIDAY)
    idle = add(plan, "Idle", **certain(1), not_before_on=FRIDAY)
    for one in (long, idle):
        milestones.services.link(predecessor=one, successor=plan.live, by=plan.cast.admin)
    na4 = both(plan)[0]
    assert found(na4.checks[1]) == (1, 4, [plan.racks.pk])
    assert found(na4.checks[2]) == (1, 4, [plan.live.pk])
    assert found(na4.checks[3]) == (3, 4, [plan.live.pk])
    assert found(na4.checks[7]) == (1, 4, [long.pk])
    # Idle may wait 44 days for Long, which is not more than two months.
    assert na4.checks[5].count == 0
    plan.change(long, **certain(46))
    assert found(both(plan)[0].checks[5]) == (1, 5, [idle.pk])


def test_missed_tasks_and_execution_are_held_against_the_newest_baseline(plan: Plan) -> None:
    for name, day in (("First", FRIDAY), ("Second", date(2026, 11, 19))):
        milestones.services.approve_baseline(
            program=plan.na4,
            name=name,
            dates={plan.power.pk: day, plan.live.pk: date(2026, 12, 1)},
            by=plan.cast.admin,
            on=FRIDAY,
            cause=plan.cast.cause,
        )
    na4 = both(plan)[0]
    # Power, expected on the 26th, was due on the 19th; Live is due later.
    assert found(na4.checks[10]) == (1, 1, [plan.power.pk])
    assert found(na4.checks[13]) == (0, 1, [plan.power.pk])
    # Seven days of path to 30 November, one of float.
    assert na4.checks[12].value == 8 / 7
    assert na4.checks[6].count == 0


def test_what_is_too_late_for_the_baseline_of_the_end_has_negative_float(plan: Plan) -> None:
    """Seven days of path to 30 November, which a baseline wants on Friday the 27th, a working day sooner."""
    idle = add(plan, "Idle", **certain(1), not_before_on=FRIDAY)
    milestones.services.link(predecessor=idle, successor=plan.live, by=plan.cast.admin)
    milestones.services.approve_baseline(
        program=plan.na4, name="First", dates={plan.live.pk: date(2026, 11, 27)}, by=plan.cast.admin, on=FRIDAY
    )
    na4 = both(plan)[0]
    assert na4.checks[12].value == 6 / 7
    assert found(na4.checks[6]) == (3, 4, [plan.power.pk, plan.racks.pk, plan.live.pk])


def test_progress_before_its_turn_is_found_beside_the_fourteen(plan: Plan) -> None:
    assert found(both(plan)[0].checks[14]) == (0, 2, [])
    passed = [one.passed for one in both(plan)]
    # Racks began today although Power is not done, Scheduler although Racks are not.
    for milestone in (plan.racks, plan.scheduler):
        plan.change(milestone, started_on=FRIDAY)
    na4, gpu = both(plan)
    assert [found(one.checks[14]) for one in (na4, gpu)] == [(1, 2, [plan.racks.pk]), (1, 2, [plan.scheduler.pk])]
    assert [check.number for check in gpu.failed] == [15]
    assert [one.passed for one in (na4, gpu)] == passed
    links = list(Dependency.objects.select_related("predecessor__program", "successor").order_by("pk"))
    assert [(link.predecessor, link.successor) for link in out_of_sequence(links, FRIDAY)] == [
        (plan.power, plan.racks),
        (plan.racks, plan.scheduler),
    ]
    # What is cancelled holds nothing back, and what is done waits for nothing.
    Milestone.objects.filter(pk=plan.power.pk).update(cancelled_on=FRIDAY)
    plan.change(plan.scheduler, done_on=FRIDAY)
    links = list(Dependency.objects.select_related("predecessor__program", "successor").order_by("pk"))
    assert out_of_sequence(links, FRIDAY) == []
    assert [one.checks[14].count for one in both(plan)] == [0, 0]


def test_what_cannot_be_computed_is_told_and_leaves_the_rest(plan: Plan) -> None:
    bare = add(plan, "Nothing known")
    for before, after in ((plan.scheduler, plan.ga), (plan.ga, plan.scheduler)):
        Dependency.objects.get_or_create(predecessor=before, successor=after)
    apart = add(plan, "Apart", **certain(1), not_before_on=FRIDAY)
    na4, gpu = both(plan)
    # GA and Scheduler wait for each other, and all that hangs together with them cannot be scheduled.
    assert gpu.checks == ()
    assert list(gpu.left_out) == [plan.scheduler.pk, plan.ga.pk]
    assert list(na4.left_out) == [plan.power.pk, plan.racks.pk, plan.live.pk, bare.pk]
    assert found(na4.checks[0]) == (1, 1, [apart.pk])


def test_all_programs_together_add_up(plan: Plan) -> None:
    judged = both(plan)
    checks = together(judged)
    assert (checks[0].count, checks[0].of, checks[0].passes) == (1, 5, False)
    assert (checks[11].count, checks[11].of, checks[11].value) == (2, 2, 1)
    assert failing(judged) == {1: 1}
    assert together([]) == []


def test_the_number_of_queries_does_not_depend_on_that_of_programs(plan: Plan) -> None:
    counts = []
    for ids in ([plan.na4.pk], [plan.na4.pk, plan.gpu.pk, plan.cast.dark.pk]):
        with CaptureQueriesContext(connection) as queries:
            judge(ids, today=FRIDAY)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 18
