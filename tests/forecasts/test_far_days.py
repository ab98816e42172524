"""Days at the ends of the calendar are kept, and stop neither the forecast nor a page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from forecasts.models import ProgramHealth
from forecasts.services import bring_up_to_date
from metrics.models import KPI, Measurement
from milestones.models import MOST_WORK_MINUTES, Milestone
from people.models import Holiday
from programs.models import Phase
from risks.models import Issue
from tests.conftest import FRIDAY
from tests.forecasts.conftest import Plan

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_first_and_the_last_day(plan: Plan, sign_in: Any) -> None:
    """Forms, the API and imports refuse such days; a row that came another way must not harm the others."""
    cast, na4 = plan.cast, plan.na4
    Milestone.objects.filter(pk=plan.racks.pk).update(
        not_before_on=date.max, work_low=None, work_likely=MOST_WORK_MINUTES, work_high=None, target_on=date.max
    )
    Milestone.objects.filter(pk=plan.power.pk).update(started_on=date.min, remaining=480, target_on=date.min)
    Milestone.objects.create(program=na4, name="Ancient", done_on=date.min, target_on=date.max)
    Milestone.objects.create(program=na4, name="Bare", target_on=date.max)
    Issue.objects.create(program=na4, title="Old", raised_on=date.min, due_on=date.min)
    Phase.objects.create(program=na4, kind="analysis", starts_on=date.min, gate_on=date.min)
    kpi = KPI.objects.create(
        program=na4, name="Racks", start_on=date.min, start_value=0, target_on=date.max, target_value=9
    )
    Measurement.objects.create(kpi=kpi, on=date.min, value=1)
    Holiday.objects.create(calendar=cast.organisation.calendar, on=date.min)
    Holiday.objects.create(calendar=cast.organisation.calendar, on=date.max)
    bring_up_to_date(program_ids=[na4.pk, plan.gpu.pk], today=FRIDAY, at=AT)
    assert set(ProgramHealth.objects.values_list("program__key", flat=True)) == {"NA4", "GPU"}
    assert ProgramHealth.objects.get(program=na4).findings[0]["rule"] == "horizon"
    browser = sign_in(cast.lead)
    for page in ("/", "/p/NA4", "/p/NA4/milestones", "/p/NA4/kpis", "/p/NA4/phases", "/p/NA4/issues", "/dependencies"):
        assert browser.get(page).status_code == 200, page
