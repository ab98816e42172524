"""Freezing a plan."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from history.services import OUTSIDE
from milestones.models import Baseline
from milestones.services import approve_baseline, change_milestone, create_milestone
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast


def test_a_baseline_keeps_its_dates_and_the_second_needs_a_cause(cast: Cast) -> None:
    row = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks", target_on=date(2027, 1, 15))
    dates = {row.pk: date(2027, 1, 12)}
    first = approve_baseline(program=cast.na4, name="Plan A", dates=dates, by=cast.lead, on=FRIDAY)
    assert first.dates.get().finish_on == date(2027, 1, 12)
    with pytest.raises(ValidationError) as refusal:
        approve_baseline(program=cast.na4, name="Plan B", dates=dates, by=cast.lead, on=FRIDAY)
    assert "cause" in refusal.value.message_dict
    approve_baseline(program=cast.na4, name="Plan B", dates=dates, by=cast.lead, on=FRIDAY, cause=cast.cause)
    with pytest.raises(ValidationError) as refusal:
        approve_baseline(program=cast.na4, name="Plan B", dates=dates, by=cast.lead, on=FRIDAY, cause=cast.cause)
    assert "name" in refusal.value.message_dict


def test_an_empty_plan_is_not_frozen_and_only_who_plans_freezes(cast: Cast) -> None:
    with pytest.raises(ValidationError):
        approve_baseline(program=cast.na4, name="Plan", dates={}, by=cast.lead, on=FRIDAY)
    with pytest.raises(PermissionDenied):
        approve_baseline(program=cast.na4, name="Plan", dates={1: FRIDAY}, by=cast.contributor, on=FRIDAY)


def test_a_milestone_of_another_program_is_not_frozen(cast: Cast) -> None:
    mine = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks")
    other = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary close")
    row = approve_baseline(
        program=cast.na4, name="Plan", dates={mine.pk: FRIDAY, other.pk: FRIDAY}, by=cast.lead, on=FRIDAY
    )
    assert list(row.dates.values_list("milestone", flat=True)) == [mine.pk]


@pytest.mark.parametrize("day", [date(1949, 12, 31), date(2151, 1, 1)])
def test_a_day_that_nobody_can_mean_is_not_frozen(cast: Cast, day: date, api: Any) -> None:
    row = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks")
    body = {"program": "NA4", "name": "Plan", "dates": [{"milestone": row.pk, "finish_on": day.isoformat()}]}
    answer = api(cast.lead).post("baselines", body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/dates", "detail": OUTSIDE}]
    assert not Baseline.objects.exists()


def test_a_baseline_of_other_programs_milestones_alone_is_empty(cast: Cast) -> None:
    other = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary close")
    with pytest.raises(ValidationError) as refusal:
        approve_baseline(program=cast.na4, name="Plan", dates={other.pk: FRIDAY}, by=cast.lead, on=FRIDAY)
    assert refusal.value.code == "empty"
    assert not Baseline.objects.exists()


def test_the_page_shows_what_it_freezes_and_freezes_it(cast: Cast, sign_in: Any) -> None:
    target = date(2027, 1, 15)
    dated, done, dropped = (
        create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=name, target_on=target)
        for name in ("Racks", "Power", "Second feed")
    )
    change_milestone(milestone=done, by=cast.lead, today=FRIDAY, at=NOON, done_on=FRIDAY)
    change_milestone(milestone=dropped, by=cast.lead, today=FRIDAY, at=NOON, cancelled_on=FRIDAY)
    client = sign_in(cast.lead)
    assert "No baseline yet" in client.get("/p/NA4/baselines").text
    page = client.get("/p/NA4/baselines/new").text
    assert "Freeze 2 dates" in page
    assert "Second feed" not in page
    answer = client.post("/p/NA4/baselines/new", {"name": "Plan A", "note": "Agreed on Friday"}, follow=True)
    baseline = Baseline.objects.get()
    assert answer.redirect_chain == [(f"/baselines/{baseline.pk}", 302)]
    assert dict(baseline.dates.values_list("milestone__name", "finish_on")) == {"Racks": target, "Power": FRIDAY}
    assert "Plan A" in sign_in(cast.viewer).get("/p/NA4/baselines").text
    answer = client.post("/p/NA4/baselines/new", {"name": "Plan B", "cause": "", "note": ""})
    assert answer.status_code == 422
    assert "say why" in answer.context["form"].errors["cause"][0]
    assert dated.baseline_dates.count() == 1


def test_who_may_not_plan_sees_baselines_but_no_form(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    assert "baselines/new" not in client.get("/p/NA4/baselines").text
    assert client.get("/p/NA4/baselines/new").status_code == 403
    assert sign_in(cast.outsider).get("/p/DARK/baselines").status_code == 404
