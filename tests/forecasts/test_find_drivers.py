"""What drives a milestone, simulated when asked for."""

from __future__ import annotations

import pytest

from forecasts.criticality import criticality_to
from forecasts.services import bring_up_to_date
from programs.models import Program
from tests.conftest import FRIDAY, NOON
from tests.forecasts.conftest import DAY, Plan


@pytest.fixture
def uncertain(plan: Plan) -> Plan:
    plan.change(plan.power, work_low=2 * DAY, work_likely=5 * DAY, work_high=20 * DAY)
    plan.change(plan.scheduler, work_low=2 * DAY, work_likely=3 * DAY, work_high=4 * DAY)
    return plan


def test_what_drives_most_comes_first(uncertain: Plan) -> None:
    found = criticality_to(uncertain.ga, viewer=uncertain.cast.viewer, today=FRIDAY)
    power, *rest = found.tasks
    assert power.milestone == uncertain.power
    assert {task.milestone for task in rest} == {uncertain.racks, uncertain.scheduler}
    # One chain: each drives in every sample, and Power brings nearly all of the spread.
    assert [task.index for task in found.tasks] == [1, 1, 1]
    assert power.cruciality > 0.9
    assert power.sensitivity > 0.9
    assert (found.reason, found.has_hidden) == ("", False)


def test_what_is_hidden_is_left_out_and_said(uncertain: Plan) -> None:
    Program.objects.filter(pk=uncertain.na4.pk).update(visibility=Program.Visibility.PRIVATE)
    found = criticality_to(uncertain.ga, viewer=uncertain.cast.outsider, today=FRIDAY)
    assert [task.milestone for task in found.tasks] == [uncertain.scheduler]
    assert found.has_hidden


def test_it_says_why_there_are_none(uncertain: Plan) -> None:
    uncertain.change(uncertain.power, done_on=FRIDAY)
    uncertain.power.refresh_from_db()
    viewer = uncertain.cast.viewer
    assert criticality_to(uncertain.power, viewer=viewer, today=FRIDAY).reason == "done"
    uncertain.change(uncertain.scheduler, work_low=None, work_likely=None, work_high=None)
    uncertain.hand_off.delete()
    found = criticality_to(uncertain.ga, viewer=viewer, today=FRIDAY)
    assert (found.tasks, found.reason) == ([], "no_forecast")


def test_asking_changes_nothing(uncertain: Plan) -> None:
    bring_up_to_date(program_ids=[uncertain.ga.program_id], today=FRIDAY, at=NOON)
    before = list(uncertain.ga.issued_forecasts.values())
    criticality_to(uncertain.ga, viewer=uncertain.cast.viewer, today=FRIDAY)
    assert list(uncertain.ga.issued_forecasts.values()) == before
