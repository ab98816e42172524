"""The sweep as it runs: outside any transaction, beside people who edit, and by hand."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import milestones.services
import people.services
from forecasts import services, state, watch
from forecasts.models import MilestoneForecast, ProgramHealth, Run
from forecasts.services import RUN_LOCK, behind, catch_up, change_policy
from milestones.models import Milestone
from programs.models import Health, Program, Revision
from tests.conftest import FRIDAY, NOON
from tests.forecasts.conftest import Plan


@pytest.mark.django_db(transaction=True)
def test_one_run_at_a_time_over_one_snapshot(plan: Plan) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [RUN_LOCK])
        assert catch_up(today=FRIDAY, at=NOON) == []
    finally:
        other.close()
    with CaptureQueriesContext(connection) as queries:
        assert len(catch_up(today=FRIDAY, at=NOON)) == 3
    assert sum("REPEATABLE READ" in query["sql"] for query in queries.captured_queries) == 1
    assert MilestoneForecast.objects.count() == 5
    assert catch_up(today=FRIDAY, at=NOON) == []


@pytest.mark.django_db(transaction=True)
def test_an_edit_in_the_middle_of_a_run_makes_it_start_over(plan: Plan) -> None:
    judged: list[int] = []

    def run() -> None:
        judged.extend(catch_up(today=FRIDAY, at=NOON))
        connection.close()

    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE forecasts_programhealth IN SHARE ROW EXCLUSIVE MODE")
            thread = threading.Thread(target=run)
            thread.start()
            last = time.monotonic() + 30
            waits = "SELECT count(*) FROM pg_locks WHERE relation = 'forecasts_programhealth'::regclass AND NOT granted"
            while not count(waits):
                assert time.monotonic() < last
                time.sleep(0.02)
            milestones.services.delete_milestone(
                milestone=Milestone.objects.get(pk=plan.scheduler.pk), by=plan.cast.admin
            )
            cursor.execute("COMMIT")
    finally:
        other.close()
    thread.join(30)
    assert {plan.na4.pk, plan.gpu.pk} <= set(judged)
    assert behind(today=FRIDAY) == []
    assert ProgramHealth.objects.get(program=plan.gpu).health == Health.NO_FORECAST
    assert set(MilestoneForecast.objects.values_list("milestone__name", flat=True)) == {"Power", "Racks", "Live"}


def beside(edit: Callable[[], None]) -> None:
    """Edit as somebody else does: on a connection of their own, committed before this returns."""

    def there() -> None:
        edit()
        connection.close()

    thread = threading.Thread(target=there)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


def lengthen(plan: Plan, milestone: Milestone) -> None:
    now = Milestone.objects.get(pk=milestone.pk).work_high or 0
    plan.change(milestone, **dict.fromkeys(("work_low", "work_likely", "work_high"), now + 480))


@pytest.mark.django_db(transaction=True)
def test_a_run_gives_way_to_an_edit_that_it_has_not_read(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0)
    told: list[tuple[int, int]] = []

    def tell(done: int, of: int) -> None:
        told.append((done, of))
        if len(told) == 1:
            beside(lambda: lengthen(plan, plan.power))

    assert len(catch_up(today=FRIDAY, at=NOON, tell=tell)) == 3
    assert behind(today=FRIDAY) == []
    # What was given up left nothing: the edited component by itself, then what was still behind.
    assert list(Run.objects.order_by("pk").values_list("revisions", flat=True)) == [
        {str(plan.na4.pk): revision(plan.na4), str(plan.gpu.pk): revision(plan.gpu)},
        {str(plan.cast.dark.pk): revision(plan.cast.dark)},
    ]
    # 20 November is the first of six days of work: on the sixth day Power is done.
    assert MilestoneForecast.objects.get(milestone=plan.power).finish_on == FRIDAY + timedelta(days=7)
    assert told[0] == (0, 3)
    assert told[-1] == (3, 3)
    assert told == sorted(told)


@pytest.mark.django_db(transaction=True)
def test_what_is_edited_all_the_time_is_forecast_in_the_end(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0)
    edits = 0

    def tell(done: int, of: int) -> None:
        nonlocal edits
        if done < of:
            edits += 1
            beside(lambda: lengthen(plan, plan.power))

    # A component that is too large to be computed whole for an edit: all of it is behind, and edited at each look.
    monkeypatch.setattr(state, "WHOLE_UP_TO", 1)
    monkeypatch.setattr(services, "WHOLE_UP_TO", 1)
    assert len(catch_up(today=FRIDAY, at=NOON, tell=tell)) == 3
    assert edits > services.GIVES_WAY
    assert ProgramHealth.objects.filter(day=FRIDAY).count() == 3
    before = MilestoneForecast.objects.get(milestone=plan.ga).finish_on
    # One edit is known from the start and more come: what waits for it is served as well.
    beside(lambda: lengthen(plan, plan.power))
    assert set(catch_up(today=FRIDAY, at=NOON, tell=tell)) == {plan.na4.pk, plan.gpu.pk}
    assert MilestoneForecast.objects.get(milestone=plan.ga).finish_on > before
    assert catch_up(today=FRIDAY, at=NOON) == [plan.na4.pk, plan.gpu.pk]
    assert behind(today=FRIDAY) == []


def revision(program: Program) -> int:
    return Revision.objects.get(program=program).plan_revision


def count(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def test_another_policy_judges_again_without_a_new_run(plan: Plan) -> None:
    catch_up(today=FRIDAY, at=NOON)
    runs = Run.objects.count()
    assert ProgramHealth.objects.get(program=plan.na4).policy_version == 1
    change_policy(
        by=plan.cast.admin, at=NOON, reason="Sooner", read_version=1, at_risk_days=2, off_track_days=9, stale_days=10
    )
    assert len(catch_up(today=FRIDAY, at=NOON + timedelta(minutes=1))) == 3
    row = ProgramHealth.objects.get(program=plan.na4)
    assert (row.policy_version, row.health, row.findings[0]["limit"]) == (2, Health.AT_RISK, 2)
    assert Run.objects.count() == runs


def test_recompute_by_hand(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("recompute")
    assert capsys.readouterr().out == "3 programs brought up to date.\n"
    call_command("recompute")
    assert capsys.readouterr().out == "0 programs brought up to date.\n"
    call_command("recompute", "--all")
    assert capsys.readouterr().out == "3 programs brought up to date.\n"
    assert behind(today=people.services.today(timezone.now())) == []
