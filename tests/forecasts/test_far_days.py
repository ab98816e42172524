"""Days at the ends of the calendar are kept, and stop neither the forecast nor a page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import metrics.services
import milestones.services
import programs.services
import risks.services
from forecasts.models import ProgramHealth
from forecasts.services import bring_up_to_date
from milestones.models import MOST_WORK_MINUTES
from people.models import Holiday
from tests.conftest import FRIDAY
from tests.forecasts.conftest import Plan

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_first_and_the_last_day(plan: Plan, sign_in: Any) -> None:
    cast, na4 = plan.cast, plan.na4
    own: dict[str, Any] = {"program": na4, "by": cast.admin}
    plan.change(plan.racks, not_before_on=date.max, work_likely=MOST_WORK_MINUTES, target_on=date.max)
    plan.change(plan.power, started_on=date.min, remaining=480, target_on=date.min)
    milestones.services.create_milestone(**own, today=FRIDAY, name="Ancient", done_on=date.min, target_on=date.max)
    milestones.services.create_milestone(**own, today=FRIDAY, name="Bare", target_on=date.max)
    risks.services.create_issue(**own, today=FRIDAY, title="Old", raised_on=date.min, due_on=date.min)
    programs.services.create_phase(**own, kind="analysis", starts_on=date.min, gate_on=date.min)
    kpi = metrics.services.create_kpi(
        **own, name="Racks", start_on=date.min, start_value=0, target_on=date.max, target_value=9
    )
    metrics.services.measure(kpi=kpi, on=date.min, value=Decimal(1), by=cast.admin, today=FRIDAY)
    Holiday.objects.create(calendar=cast.organisation.calendar, on=date.min)
    Holiday.objects.create(calendar=cast.organisation.calendar, on=date.max)
    bring_up_to_date(program_ids=[na4.pk, plan.gpu.pk], today=FRIDAY, at=AT)
    assert set(ProgramHealth.objects.values_list("program__key", flat=True)) == {"NA4", "GPU"}
    assert ProgramHealth.objects.get(program=na4).findings[0]["rule"] == "horizon"
    browser = sign_in(cast.lead)
    for page in ("/", "/p/NA4", "/p/NA4/milestones", "/p/NA4/kpis", "/p/NA4/phases", "/p/NA4/issues", "/dependencies"):
        assert browser.get(page).status_code == 200, page
