"""Forecast rows and health rows from the live network, against numbers worked out by hand (see conftest)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

import metrics.services
import milestones.services
import people.services
import programs.services
import risks.services
from forecasts.inputs import groups
from forecasts.models import MilestoneForecast, ProgramHealth, Run
from forecasts.services import behind, bring_up_to_date, catch_up
from milestones.models import BaselineDate, Dependency, Milestone
from programs.models import Health, Phase, Program, Revision
from tests.conftest import FRIDAY, NOON, Cast
from tests.forecasts.conftest import DAY, Plan, certain

MONDAY = date(2026, 11, 23)


def bring(*programs: Program, today: date = FRIDAY, again: bool = False) -> list[int]:
    at = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    return bring_up_to_date(program_ids=[program.pk for program in programs], today=today, at=at, again=again)


def finishes() -> dict[str, str]:
    rows = MilestoneForecast.objects.values_list("milestone__name", "finish_on")
    return {name: f"{finish_on:%d %b}" for name, finish_on in rows}


def health_of(program: Program, day: date = FRIDAY) -> ProgramHealth:
    return ProgramHealth.objects.get(program=program, day=day)


def rules(row: ProgramHealth) -> list[str]:
    return [item["rule"] for item in row.findings]


def all_rows() -> list[list[dict[str, Any]]]:
    rows = (Run.objects, MilestoneForecast.objects, ProgramHealth.objects)
    return [[dict(row) for row in manager.order_by("pk").values()] for manager in rows]


def test_dates_floats_and_what_drives_them(plan: Plan) -> None:
    extra = milestones.services.create_milestone(
        program=plan.na4, by=plan.cast.admin, today=FRIDAY, name="Permit", work_likely=DAY
    )
    milestones.services.link(predecessor=extra, successor=plan.racks, by=plan.cast.admin)
    judged = bring(plan.na4)
    assert judged == sorted([plan.na4.pk, plan.gpu.pk])
    assert finishes() == {
        "Power": "26 Nov",
        "Permit": "20 Nov",
        "Racks": "30 Nov",
        "Live": "30 Nov",
        "Scheduler": "03 Dec",
        "GA": "03 Dec",
    }
    rows = {row.milestone_id: row for row in MilestoneForecast.objects.all()}
    assert rows[plan.racks.pk].start_on == date(2026, 11, 27)
    assert rows[extra.pk].total_float == rows[extra.pk].free_float == 4 * DAY
    assert rows[plan.power.pk].total_float == 0
    assert {pk for pk, row in rows.items() if not row.on_longest_path} == {extra.pk}
    assert rows[plan.racks.pk].driven_by_id == plan.power.pk
    assert rows[plan.scheduler.pk].driven_by_id == plan.racks.pk


def test_health_with_its_evidence(plan: Plan) -> None:
    bring(plan.na4)
    na4, gpu = health_of(plan.na4), health_of(plan.gpu)
    assert (na4.health, na4.finish_on, na4.slip_days) == (Health.ON_TRACK, date(2026, 11, 30), 3)
    assert [(item["rule"], item["record"]["id"], item["days"]) for item in na4.findings] == [
        ("p80", plan.live.pk, None),
        ("own_work", plan.racks.pk, 3),  # 30 Nov against 25 Nov is 5 late, of which 2 were there before
        ("own_work", plan.power.pk, 2),  # 26 Nov against 24 Nov
        ("own_work", plan.live.pk, -2),  # 30 Nov against the program's target of 27 Nov
    ]
    assert (gpu.health, gpu.finish_on, gpu.slip_days, gpu.findings[0]["value"]) == (
        Health.ON_TRACK,
        date(2026, 12, 3),
        -1,
        -1,
    )
    assert na4.run == gpu.run
    assert na4.run is not None
    assert na4.run.revisions == {
        str(pk): plan
        for pk, plan in Revision.objects.filter(pk__in=[plan.na4.pk, plan.gpu.pk]).values_list("pk", "plan_revision")
    }


def test_a_slip_in_one_program_moves_the_other(plan: Plan) -> None:
    bring(plan.na4)
    plan.change(plan.power, **certain(10))  # until 3 Dec; Racks 4 and 7 Dec; Scheduler 8 to 10 Dec
    bring(plan.na4)
    assert finishes()["Racks"] == "07 Dec"
    assert finishes()["GA"] == "10 Dec"
    na4, gpu = health_of(plan.na4), health_of(plan.gpu)
    assert (na4.health, na4.slip_days) == (Health.AT_RISK, 10)
    assert (gpu.health, gpu.slip_days) == (Health.ON_TRACK, 6)
    parts = [(item["record"]["id"], item["record"]["program"], item["days"]) for item in gpu.findings[1:]]
    assert parts == [
        (plan.power.pk, plan.na4.pk, 9),
        (plan.racks.pk, plan.na4.pk, 3),
        (plan.ga.pk, plan.gpu.pk, -6),
    ]


def test_a_baseline_is_the_reference_of_a_milestone_without_a_target(plan: Plan) -> None:
    bring(plan.na4)
    milestones.services.approve_baseline(
        program=plan.gpu, name="One", dates={plan.scheduler.pk: date(2026, 12, 3)}, by=plan.cast.admin, on=FRIDAY
    )
    assert BaselineDate.objects.count() == 1
    plan.change(plan.power, **certain(10))
    bring(plan.gpu)
    parts = {item["label"]: item["days"] for item in health_of(plan.gpu).findings[1:]}
    # 9 and 12 late, then 10 Dec against 3 Dec is 7, then 10 Dec against the target of 4 Dec is 6.
    assert parts == {"Power": 9, "Racks": 3, "Scheduler": -5, "GA": -1}


def test_what_was_done_late_keeps_its_days(plan: Plan) -> None:
    """Racks, under way, waits for today alone: what it began too late is Power's."""
    plan.change(plan.power, target_on=date(2026, 11, 9), started_on=date(2026, 11, 9), done_on=date(2026, 11, 16))
    plan.change(plan.racks, target_on=date(2026, 11, 11), started_on=date(2026, 11, 17))
    programs.services.change_program(program=plan.na4, by=plan.cast.admin, target_on=date(2026, 11, 11))
    bring(plan.na4)
    assert MilestoneForecast.objects.get(pk=plan.racks.pk).driven_by is None
    parts = {item["label"]: item["days"] for item in health_of(plan.na4).findings if item["days"]}
    # 16 Nov against 9 Nov; Racks' two days of work end on 20 Nov, 9 after the 11th, of which 7 were there before.
    assert parts == {"Power": 7, "Racks": 2}


def test_twice_leaves_the_same_rows(plan: Plan) -> None:
    bring(plan.na4)
    before = all_rows()
    later = NOON + timedelta(hours=3)
    ids = [plan.na4.pk, plan.gpu.pk]
    bring_up_to_date(program_ids=ids, today=FRIDAY, at=later)
    bring_up_to_date(program_ids=ids, today=FRIDAY, at=later, again=True)
    assert all_rows() == before


def test_only_rows_that_differ_are_written(plan: Plan) -> None:
    bring(plan.na4)
    first = health_of(plan.na4).run
    plan.change(plan.scheduler, **certain(4))
    bring(plan.gpu)
    changed = set(MilestoneForecast.objects.exclude(run=first).values_list("milestone_id", flat=True))
    assert changed == {plan.scheduler.pk, plan.ga.pk}
    assert health_of(plan.na4).run == health_of(plan.gpu).run != first


def test_a_holiday_moves_what_runs_over_it(plan: Plan) -> None:
    bring(plan.na4)
    people.services.change_calendar(
        calendar=plan.cast.organisation.calendar, by=plan.cast.admin, holidays=[(date(2026, 11, 26), "Thanksgiving")]
    )
    assert set(behind(today=FRIDAY)) >= {plan.na4.pk, plan.gpu.pk}
    catch_up(today=FRIDAY, at=NOON)
    assert finishes() == {
        "Power": "27 Nov",
        "Racks": "01 Dec",
        "Live": "01 Dec",
        "Scheduler": "04 Dec",
        "GA": "04 Dec",
    }
    assert behind(today=FRIDAY) == []


def test_a_team_works_by_its_own_calendar(plan: Plan) -> None:
    calendar = people.services.create_calendar(name="Sunday to Thursday", by=plan.cast.admin, sunday=480, friday=0)
    team = people.services.create_team(name="Yard", by=plan.cast.admin, calendar=calendar)
    plan.change(plan.power, team=team)
    bring(plan.na4)
    assert finishes()["Power"] == "26 Nov"  # 22 to 26 Nov: its week begins on Sunday
    assert finishes()["Racks"] == "30 Nov"


def test_progress(plan: Plan) -> None:
    plan.change(plan.power, started_on=date(2026, 11, 2), remaining=2 * DAY)
    bring(plan.na4)
    row = MilestoneForecast.objects.get(milestone=plan.power)
    assert (row.start_on, row.finish_on) == (date(2026, 11, 2), MONDAY)
    plan.change(plan.power, done_on=date(2026, 11, 18))
    bring(plan.na4)
    row = MilestoneForecast.objects.get(milestone=plan.power)
    assert (row.finish_on, row.total_float, row.driven_by_id) == (date(2026, 11, 18), None, None)
    assert finishes()["Racks"] == "23 Nov"


def test_cancelled_milestones_leave_the_network_with_their_links(plan: Plan) -> None:
    bring(plan.na4)
    plan.change(plan.racks, cancelled_on=FRIDAY)
    bring(plan.na4, plan.gpu)
    assert "Racks" not in finishes()
    assert finishes()["Scheduler"] == "24 Nov"
    assert rules(health_of(plan.na4)) == ["unplanned"]


def test_a_cancelled_program_leaves_the_network(plan: Plan) -> None:
    bring(plan.na4)
    programs.services.change_program(program=plan.na4, by=plan.cast.admin, state=Program.State.CANCELLED)
    assert set(catch_up(today=FRIDAY, at=NOON)) >= {plan.na4.pk, plan.gpu.pk}
    assert set(finishes()) == {"Scheduler", "GA"}
    assert finishes()["GA"] == "24 Nov"


def test_a_milestone_with_a_target_alone_is_taken_at_its_word(plan: Plan) -> None:
    for name, target_on in (("Alone", date(2026, 12, 8)), ("Feeds", date(2026, 12, 8))):
        row = milestones.services.create_milestone(
            program=plan.na4, by=plan.cast.admin, today=FRIDAY, name=name, target_on=target_on
        )
    milestones.services.link(predecessor=row, successor=plan.racks, by=plan.cast.admin)
    bring(plan.na4)
    assert finishes()["Alone"] == finishes()["Feeds"] == "08 Dec"
    assert finishes()["Racks"] == "10 Dec"


def test_what_waits_for_an_unplanned_milestone_has_no_forecast(plan: Plan) -> None:
    blind = milestones.services.create_milestone(program=plan.na4, by=plan.cast.admin, today=FRIDAY, name="Someday")
    milestones.services.link(predecessor=blind, successor=plan.power, by=plan.cast.admin)
    bring(plan.na4)
    gpu = health_of(plan.gpu)
    assert finishes() == {}
    assert (gpu.health, gpu.finish_on) == (Health.NO_FORECAST, None)
    assert gpu.findings[0]["rule"] == "unplanned"
    assert gpu.findings[0]["record"] == {"kind": "milestone", "id": blind.pk, "program": plan.na4.pk}
    assert gpu.findings[0]["label"] == "Someday"
    # Health alone carries the reason over.
    programs.services.report(program=plan.gpu, health=Health.ON_TRACK, because="", by=plan.cast.admin, at=NOON)
    assert bring(plan.gpu) == [plan.gpu.pk]
    assert health_of(plan.gpu).findings[0]["label"] == "Someday"


def test_no_end_and_no_target(plan: Plan) -> None:
    bring(plan.na4, plan.cast.dark)
    assert (health_of(plan.cast.dark).health, rules(health_of(plan.cast.dark))) == (Health.NO_FORECAST, ["no_end"])
    programs.services.change_program(program=plan.gpu, by=plan.cast.admin, target_on=None)
    bring(plan.gpu)
    gpu = health_of(plan.gpu)
    assert (gpu.health, gpu.finish_on, rules(gpu)) == (Health.NO_FORECAST, date(2026, 12, 3), ["no_target"])


def test_a_loop_stops_nobody_else(plan: Plan) -> None:
    other = programs.services.create_program(by=plan.cast.admin, key="LOOP", name="Loop", target_on=FRIDAY)
    one, two, three = (
        milestones.services.create_milestone(
            program=other, by=plan.cast.admin, today=FRIDAY, name=name, work_likely=DAY, is_end=name == "Three"
        )
        for name in ("One", "Two", "Three")
    )
    # Services refuse a loop: only rows written past them can hold one.
    for before, after in ((one, two), (two, one), (two, three)):
        Dependency.objects.create(predecessor=before, successor=after)
    bring(plan.na4, other)
    assert finishes()["GA"] == "03 Dec"
    row = health_of(other)
    assert (row.health, rules(row)) == (Health.NO_FORECAST, ["loop"])
    assert (row.findings[0]["record"]["id"], row.findings[0]["value"]) == (one.pk, 2)


def test_a_date_nobody_will_see_stops_nobody_else(plan: Plan) -> None:
    # Services refuse such a day: only rows written past them can hold one.
    Milestone.objects.filter(pk=plan.scheduler.pk).update(not_before_on=date(9999, 1, 1))
    other = programs.services.create_program(by=plan.cast.admin, key="CALM", name="Calm", target_on=FRIDAY)
    milestones.services.create_milestone(
        program=other, by=plan.cast.admin, today=FRIDAY, name="Calm end", work_likely=DAY, is_end=True
    )
    bring(plan.na4, other)
    assert finishes() == {"Calm end": "20 Nov"}
    assert rules(health_of(plan.gpu)) == rules(health_of(plan.na4)) == ["horizon"]


def test_kpis_hand_offs_and_issues_lower_health_and_gates_make_it_stale(plan: Plan) -> None:
    admin = plan.cast.admin
    kpi = metrics.services.create_kpi(
        program=plan.gpu, by=admin, name="Latency", direction="down", limit_value=Decimal(35)
    )
    metrics.services.measure(kpi=kpi, by=admin, on=FRIDAY, value=Decimal(36), today=FRIDAY)
    risks.services.create_issue(
        program=plan.gpu,
        by=admin,
        title="No optics",
        raised_on=date(2026, 11, 1),
        due_on=date(2026, 11, 18),
        today=FRIDAY,
    )
    Dependency.objects.filter(pk=plan.hand_off.pk).update(need_by_on=date(2026, 11, 25), promised_on=date(2026, 11, 30))
    programs.services.create_phase(program=plan.gpu, by=admin, kind=Phase.Kind.DESIGN, gate_on=date(2026, 11, 16))
    bring(plan.na4)
    gpu = health_of(plan.gpu)
    assert (gpu.health, gpu.is_stale) == (Health.AT_RISK, True)
    assert [(item["rule"], item["value"], item["limit"], item["since"]) for item in gpu.findings] == [
        ("p80", -1, 7, "2026-11-20"),
        ("kpi", 36.0, 35.0, "2026-11-20"),
        ("hand_off", 5, 0, "2026-11-20"),
        ("issue", 2, 0, "2026-11-19"),
        ("gate", 4, 0, "2026-11-17"),
    ]
    assert gpu.findings[2]["record"] == {"kind": "dependency", "id": plan.hand_off.pk, "program": plan.na4.pk}
    assert health_of(plan.na4).health == Health.ON_TRACK


def test_days_in_order_give_a_row_a_day_and_keep_since(plan: Plan) -> None:
    plan.change(plan.power, **certain(10))
    bring(plan.na4)
    bring(plan.na4, today=MONDAY)
    friday, monday = health_of(plan.na4), health_of(plan.na4, MONDAY)
    assert (friday.slip_days, monday.slip_days) == (10, 11)  # a working day without progress
    assert friday.findings[0]["since"] == monday.findings[0]["since"] == "2026-11-20"
    assert health_of(plan.na4).computed_at < monday.computed_at


def test_stale_after_ten_days_without_an_update(plan: Plan) -> None:
    programs.services.report(
        program=plan.na4,
        health=Health.ON_TRACK,
        because="",
        by=plan.cast.admin,
        at=datetime(2026, 11, 12, 9, tzinfo=UTC),
    )
    bring(plan.na4)
    assert not health_of(plan.na4).is_stale
    bring(plan.na4, today=MONDAY)
    stale = health_of(plan.na4, MONDAY).findings[-1]
    assert (stale["rule"], stale["value"], stale["since"]) == ("stale", 11, "2026-11-22")


def test_health_alone_does_not_run_the_network(plan: Plan) -> None:
    bring(plan.na4)
    run = health_of(plan.gpu).run
    forecasts = list(MilestoneForecast.objects.order_by("pk").values())
    risks.services.create_issue(
        program=plan.gpu,
        by=plan.cast.admin,
        title="No optics",
        raised_on=FRIDAY,
        due_on=date(2026, 11, 18),
        today=FRIDAY,
    )
    with CaptureQueriesContext(connection) as queries:
        assert bring(plan.gpu) == [plan.gpu.pk]
    assert not any("milestones_dependency" in q["sql"] and "lag" in q["sql"] for q in queries.captured_queries)
    assert (health_of(plan.gpu).health, health_of(plan.gpu).run) == (Health.AT_RISK, run)
    assert list(MilestoneForecast.objects.order_by("pk").values()) == forecasts


def test_a_deleted_giver_is_noticed_by_its_receiver(plan: Plan) -> None:
    bring(plan.na4)
    programs.services.delete_program(program=plan.na4, by=plan.cast.admin)
    assert plan.gpu.pk in behind(today=FRIDAY)
    catch_up(today=FRIDAY, at=NOON)
    assert finishes() == {"Scheduler": "24 Nov", "GA": "24 Nov"}


def test_a_program_without_revisions_is_tolerated(plan: Plan) -> None:
    Revision.objects.filter(pk=plan.gpu.pk).delete()
    catch_up(today=FRIDAY, at=NOON)
    assert health_of(plan.gpu).plan_revision == 0
    assert behind(today=FRIDAY) == []


def test_the_order_of_rows_changes_nothing(plan: Plan) -> None:
    bring(plan.na4)
    digest = health_of(plan.na4).run.inputs_digest  # type: ignore[union-attr]
    calm = programs.services.create_program(by=plan.cast.admin, key="CALM", name="Calm")
    milestones.services.create_milestone(program=calm, by=plan.cast.admin, today=FRIDAY, name="Calm", work_likely=DAY)
    bring(calm, plan.gpu, again=True)
    assert health_of(plan.na4).run.inputs_digest == digest  # type: ignore[union-attr]


def test_the_number_of_queries_does_not_depend_on_the_number_of_programs(cast: Cast) -> None:
    def portfolio(first: int, last: int) -> list[Program]:
        made = []
        for number in range(first, last):
            program = Program.objects.create(key=f"P{number}", name=f"Program {number}", target_on=FRIDAY)
            Revision.objects.create(program=program)
            made.append(program)
            work = Milestone.objects.create(program=program, name="Work", work_likely=DAY)
            end = Milestone.objects.create(program=program, name="End", is_end=True)
            Dependency.objects.create(predecessor=work, successor=end)
        return made

    bring(cast.na4)
    few = portfolio(0, 2)
    with CaptureQueriesContext(connection) as queries_of_few:
        bring(*few)
    many = portfolio(2, 22)
    with CaptureQueriesContext(connection) as queries_of_many:
        bring(*many)
    assert ProgramHealth.objects.filter(day=FRIDAY).count() == 23
    assert len(queries_of_many) == len(queries_of_few) < 60


def test_groups_join_what_pairs_connect() -> None:
    assert groups([4, 1, 9], [(2, 3), (3, 1), (4, 4)]) == [(1, 2, 3), (4,), (9,)]
