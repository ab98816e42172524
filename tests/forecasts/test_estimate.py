"""What a forecast rests on: three points, a number and how the likes of it went, or a day and how days were kept."""

from datetime import date, timedelta

import numpy as np
import pytest

import milestones.services
from engine import prior, reference
from forecasts.calendars import load_calendars
from forecasts.estimates import Basis, Estimated, Shape, estimate, load_classes
from forecasts.models import MilestoneForecast
from forecasts.services import bring_up_to_date, catch_up
from milestones.models import Dependency, Milestone
from tests.conftest import FRIDAY, NOON
from tests.forecasts.conftest import DAY, Plan

TASK = Estimated(7, "deliverable", 3, 1, None, 5 * DAY, None, None)


def of(task: Estimated, *, started: bool = False, remaining: int = -1, elapsed: float = 0.0) -> tuple[object, ...]:
    return tuple(estimate(task, task.likely or DAY, started, False, remaining, elapsed, 343.0))


def test_what_people_said_comes_before_the_class() -> None:
    points = TASK._replace(low=4 * DAY, high=12 * DAY)
    assert of(points) == (Basis.POINTS, Shape("points", 2), 4.0 * DAY, 8.0 * DAY, 0.0)
    assert of(TASK) == (Basis.CLASS, Shape("class", kind="deliverable", team=3, size=prior.MEDIUM), 0.0, 5.0 * DAY, 0.0)
    assert of(TASK._replace(low=5 * DAY, high=5 * DAY))[:2] == (Basis.POINTS, None)


def test_of_started_work_what_remains_comes_first_and_then_what_is_spent() -> None:
    points = TASK._replace(low=4 * DAY, high=12 * DAY)
    assert of(points, started=True, remaining=DAY, elapsed=900.0)[3:] == (DAY, 0.0)
    assert of(points, started=True, elapsed=900.0)[4] == 900.0
    assert of(points, started=True, remaining=0)[:2] == (Basis.CERTAIN, None)


def test_a_planned_day_is_late_by_how_days_were_kept() -> None:
    planned = TASK._replace(likely=None, lead_days=60)
    assert of(planned) == (
        Basis.PLANNED,
        Shape("planned", milestone=7, program=1, lead_days=60),
        float(DAY),
        343.0,
        0.0,
    )


@pytest.mark.parametrize("started", [False, True])
def test_a_planned_day_off_work_is_as_uncertain_as_any_other(plan: Plan, started: bool) -> None:
    """A Saturday's promise is kept by the Friday before, as likely as a promise of that Friday."""
    found = []
    for days in (56, 57):
        row = milestones.services.create_milestone(
            program=plan.na4, by=plan.cast.admin, today=FRIDAY, name=str(days), target_on=FRIDAY + timedelta(days)
        )
        if started:
            plan.change(row, started_on=FRIDAY)
        p80(plan)
        found.append(MilestoneForecast.objects.get(pk=row.pk))
    assert [row.basis for row in found] == [Basis.PLANNED] * 2
    assert [row.finish_on for row in found] == [FRIDAY + timedelta(days=56)] * 2
    assert all(row.chance is not None and 0.3 < row.chance < 0.95 for row in found)


def test_on_a_day_off_what_is_overdue_is_as_uncertain_as_the_day_before(plan: Plan) -> None:
    row = milestones.services.create_milestone(
        program=plan.na4, by=plan.cast.admin, today=FRIDAY, name="Permit", target_on=FRIDAY - timedelta(days=3)
    )
    found = []
    for today in (FRIDAY, FRIDAY + timedelta(days=1)):
        bring_up_to_date(program_ids=[plan.na4.pk], today=today, at=NOON)
        forecast = MilestoneForecast.objects.get(pk=row.pk)
        found.append(forecast)
        assert forecast.quantiles[18] > forecast.finish_on + timedelta(days=60)
    assert [forecast.finish_on for forecast in found] == [FRIDAY, FRIDAY + timedelta(days=3)]


def finish(plan: Plan, days: int, planned: int = 5) -> Milestone:
    """A milestone of the program that took so many working days, for which some were planned; ends two weeks ago."""
    row = milestones.services.create_milestone(
        program=plan.na4, by=plan.cast.admin, today=FRIDAY, name=f"Done in {days}", work_likely=planned * DAY
    )
    ended = date(2026, 11, 6)
    begun = ended
    while np.busday_count(begun, ended + timedelta(days=1)) < days:
        begun -= timedelta(days=1)
    plan.change(row, started_on=begun, done_on=ended)
    return row


def p80(plan: Plan) -> date:
    bring_up_to_date(program_ids=[plan.na4.pk], today=FRIDAY, at=NOON, again=True)
    found = MilestoneForecast.objects.get(pk=plan.live.pk).p80_on
    assert found is not None
    return found


@pytest.fixture
def one_number(plan: Plan) -> Plan:
    for row in (plan.power, plan.racks, plan.scheduler):
        plan.change(row, work_low=None, work_high=None)
    return plan


def test_without_a_record_the_shipped_default_counts(one_number: Plan) -> None:
    classes = load_classes(load_calendars(), FRIDAY)
    assert classes.finished.ratio.size == 0
    assert np.array_equal(classes.ratio("deliverable", None, prior.MEDIUM), prior.ratio_shape(prior.MEDIUM))
    assert classes.paces([one_number.na4.pk])[one_number.na4.pk].factor == 1.0
    assert MilestoneForecast.objects.count() == 0
    assert p80(one_number) > date(2026, 11, 30)
    assert MilestoneForecast.objects.get(pk=one_number.power.pk).basis == Basis.CLASS


def test_work_that_took_longer_makes_what_is_left_later_and_work_that_did_not_earlier(one_number: Plan) -> None:
    plain = p80(one_number)
    for _ in range(6):
        finish(one_number, 15)
    classes = load_classes(load_calendars(), FRIDAY)
    assert classes.finished.ratio.tolist() == [3.0] * 6
    late = p80(one_number)
    assert late > plain
    for row in Milestone.objects.filter(name="Done in 15"):
        one_number.change(row, started_on=row.done_on)
    assert load_classes(load_calendars(), FRIDAY).finished.ratio.tolist() == [0.2] * 6
    assert p80(one_number) < late


def test_teams_share_what_is_known_of_a_kind_and_size(one_number: Plan) -> None:
    for days in (4, 7, 15):
        finish(one_number, days)
    classes = load_classes(load_calendars(), FRIDAY)
    with_shared = [classes.ratio("deliverable", team, prior.MEDIUM) for team in (None, 7)]
    record, kind = classes.finished, classes.kinds["deliverable"]
    for found, team in zip(with_shared, (-1, 7), strict=True):
        own = record.ratio[(record.kind == kind) & (record.size == prior.MEDIUM) & (record.team == team)]
        whole = reference.blended(reference.kind_shape(record, kind=kind, size=prior.MEDIUM), own)
        assert found.tolist() == whole.tolist()
    assert with_shared[0].mean() > with_shared[1].mean()


def test_planned_days_that_nothing_tells_apart_share_their_distribution(plan: Plan) -> None:
    rows = [
        milestones.services.create_milestone(
            program=plan.na4, by=plan.cast.admin, today=FRIDAY, name=str(days), target_on=FRIDAY + timedelta(days)
        )
        for days in (60, 110, 130, 200, 300)
    ]
    classes = load_classes(load_calendars(), FRIDAY)
    found = [
        classes.late_days(plan.na4.pk, row.pk, days) for row, days in zip(rows, (60, 110, 130, 200, 300), strict=True)
    ]
    assert found[0] is found[1]
    assert found[3] is found[4]
    assert len({id(one) for one in found}) == 3
    after = np.array([0, 120, 240])
    chance = reference.chance_by(reference.Promises(*(np.full(3, number) for number in (60, 2, 0, 0))), after)
    assert [np.mean(found[0] <= day) for day in after] == pytest.approx(chance.tolist(), abs=0.03)


def test_the_record_is_that_of_the_day_and_of_the_first_plan(one_number: Plan) -> None:
    row = finish(one_number, 10, planned=5)
    assert load_classes(load_calendars(), date(2026, 11, 5)).finished.ratio.size == 0
    assert load_classes(load_calendars(), FRIDAY).finished.ratio.tolist() == [2.0]
    one_number.change(row, work_likely=10 * DAY)
    assert load_classes(load_calendars(), FRIDAY).finished.ratio.tolist() == [1.0]
    baseline = milestones.services.approve_baseline(
        program=one_number.na4, name="One", dates={row.pk: FRIDAY}, by=one_number.cast.admin, on=FRIDAY
    )
    baseline.dates.update(work=4 * DAY)
    assert load_classes(load_calendars(), FRIDAY).finished.ratio.tolist() == [2.5]


def test_a_milestone_with_a_day_alone_has_a_chance_that_its_programs_record_moves(plan: Plan) -> None:
    promise = milestones.services.create_milestone(
        program=plan.na4, by=plan.cast.admin, today=FRIDAY, name="Permit", target_on=FRIDAY + timedelta(days=60)
    )
    p80(plan)
    row = MilestoneForecast.objects.get(pk=promise.pk)
    assert (row.basis, row.finish_on) == (Basis.PLANNED, promise.target_on)
    assert row.chance is not None
    assert 0.3 < row.chance < 0.95
    for days in range(1, 6):
        milestones.services.create_milestone(
            program=plan.na4, by=plan.cast.admin, today=FRIDAY, name=f"Late {days}", target_on=FRIDAY - timedelta(days)
        )
    p80(plan)
    after = MilestoneForecast.objects.get(pk=promise.pk).chance
    assert after is not None
    assert after < row.chance


def test_a_promised_day_is_late_by_the_record_of_the_team_that_gives_it(plan: Plan) -> None:
    """The shipped record keeps four promises in five; six broken ones by ten days leave less hope."""
    giver = milestones.services.create_milestone(program=plan.na4, by=plan.cast.admin, today=FRIDAY, name="Permit")
    promised_on = FRIDAY + timedelta(days=60)
    link = milestones.services.link(predecessor=giver, successor=plan.scheduler, by=plan.cast.admin)
    Dependency.objects.filter(pk=link.pk).update(promised_on=promised_on, agreement=Dependency.Agreement.ACCEPTED)
    p80(plan)
    row = MilestoneForecast.objects.get(pk=giver.pk)
    assert (row.basis, row.finish_on, row.quantiles[9]) == (Basis.PLANNED, promised_on, promised_on)
    for day in range(6):
        broken = finish(plan, 5)
        Milestone.objects.filter(pk=broken.pk).update(name=f"Broken {day}")
        late = milestones.services.link(predecessor=broken, successor=plan.ga, by=plan.cast.admin)
        promised = date(2026, 11, 6) - timedelta(days=10)
        Dependency.objects.filter(pk=late.pk).update(promised_on=promised)
    assert load_classes(load_calendars(), FRIDAY).handed_over_late == {-1: [10] * 6}
    p80(plan)
    after = MilestoneForecast.objects.get(pk=giver.pk)
    assert after.quantiles[9] > promised_on
    assert after.p80_on is not None
    assert row.p80_on is not None
    assert after.quantiles[12] > row.quantiles[12]


def test_a_promise_made_today_moves_the_forecast_today(plan: Plan) -> None:
    giver = milestones.services.create_milestone(program=plan.na4, by=plan.cast.admin, today=FRIDAY, name="Permit")
    link = milestones.services.link(predecessor=giver, successor=plan.scheduler, by=plan.cast.admin)
    catch_up(today=FRIDAY, at=NOON)
    assert not MilestoneForecast.objects.filter(pk__in=[giver.pk, plan.ga.pk]).exists()
    promised_on, later_on = FRIDAY + timedelta(days=60), FRIDAY + timedelta(days=70)
    milestones.services.answer_hand_off(
        dependency=link, agreement=Dependency.Agreement.ACCEPTED, by=plan.cast.admin, on=FRIDAY, at=NOON,
        promised_on=promised_on,
    )  # fmt: skip
    catch_up(today=FRIDAY, at=NOON)
    assert MilestoneForecast.objects.get(pk=giver.pk).finish_on == promised_on
    milestones.services.change_dependency(
        dependency=link, by=plan.cast.admin, at=NOON, promised_on=later_on, cause=plan.cast.cause
    )
    catch_up(today=FRIDAY, at=NOON)
    assert MilestoneForecast.objects.get(pk=giver.pk).finish_on <= later_on
    assert MilestoneForecast.objects.get(pk=giver.pk).finish_on > promised_on


def test_another_kind_is_another_class(one_number: Plan) -> None:
    for days in (14, 15, 16, 17):
        finish(one_number, days)
    catch_up(today=FRIDAY, at=NOON)
    before = MilestoneForecast.objects.get(pk=one_number.power.pk).p80_on
    assert before is not None
    one_number.change(one_number.power, kind=Milestone.Kind.LAUNCH)
    catch_up(today=FRIDAY, at=NOON)
    after = MilestoneForecast.objects.get(pk=one_number.power.pk).p80_on
    assert after is not None
    assert after < before
