"""What nobody can mean is refused where it is entered, in the form and in the API, with a text that says what to do.

Imports of the same are refused in tests/integrations; what got past everything stops no other program's forecast in
tests/forecasts/test_bring_up_to_date.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

import metrics.services
import milestones.services
import people.services
import risks.services
from forecasts.models import ProgramHealth
from forecasts.services import catch_up
from history.services import OUTSIDE
from metrics.models import KPI, Measurement
from milestones.models import Milestone
from people.models import WEEKDAYS, WorkingCalendar
from programs.models import Health
from risks.models import Risk
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

DAY = 480
ORDER = "none lower than the one before"
NEGATIVE = "Ensure this value is greater than or equal to 0."


@dataclass(frozen=True)
class Place:
    """Rows to enter nonsense beside."""

    power: Milestone
    racks: Milestone
    finished: Milestone
    risk: Risk
    kpi: KPI


@pytest.fixture
def place(cast: Cast) -> Place:
    power, racks, finished = (
        milestones.services.create_milestone(
            program=cast.na4, by=cast.lead, today=FRIDAY, name=name, work_likely=5 * DAY
        )
        for name in ("Power", "Racks", "Permits")
    )
    milestones.services.link(predecessor=power, successor=racks, by=cast.lead)
    finished = milestones.services.change_milestone(
        milestone=finished, by=cast.lead, today=FRIDAY, at=NOON, done_on=FRIDAY
    )
    risk = risks.services.create_risk(
        program=cast.na4, by=cast.lead, today=FRIDAY, title="Late", probability=Decimal("0.5")
    )
    kpi = metrics.services.create_kpi(program=cast.na4, by=cast.lead, name="Racks burned in")
    return Place(power, racks, finished, risk, kpi)


@pytest.mark.parametrize(
    ("noun", "body", "pointer", "says"),
    [
        ("dependencies", {"predecessor": "racks", "successor": "power"}, "/predecessor", "This would close a loop:"),
        (
            "dependencies",
            {"predecessor": "power", "successor": "power"},
            "/predecessor",
            "This would close a loop: NA4 Power",
        ),
        ("milestones", {"name": "A", "work_likely": -480}, "/work_likely", NEGATIVE),
        ("milestones", {"name": "A", "work_likely": 10**7}, "/work_likely", "Split it."),
        (
            "milestones",
            {"name": "A", "work_low": 960, "work_likely": 480, "work_high": 1440},
            "/work_likely",
            "none lower than",
        ),
        (
            "milestones",
            {"name": "A", "work_low": 480, "work_likely": 960, "work_high": 480},
            "/work_likely",
            "none lower than",
        ),
        ("milestones", {"name": "A", "target_on": "9999-12-31"}, "/target_on", OUTSIDE),
        ("milestones", {"name": "A", "not_before_on": "9999-01-01"}, "/not_before_on", OUTSIDE),
        ("milestones", {"name": "A", "not_before_on": "0001-01-01"}, "/not_before_on", OUTSIDE),
        ("programs", {"key": "EU", "name": "EU", "target_on": "9999-12-31"}, "/target_on", OUTSIDE),
        ("risks", {"title": "A", "probability": "1.5"}, "/probability", "between 0 and 1"),
        ("risks", {"title": "A", "probability": "-0.1"}, "/probability", "between 0 and 1"),
        ("risks", {"title": "A", "probability": "NaN"}, "/probability", "A valid number is required."),
        ("risks", {"title": "A", "review_on": "9999-12-31"}, "/review_on", OUTSIDE),
        (
            "risks",
            {"title": "A", "impacts": [{"milestone": "finished", "low": 480, "likely": 480, "high": 480}]},
            "/impacts",
            "Permits is done: nothing can delay it.",
        ),
        (
            "risks",
            {"title": "A", "impacts": [{"milestone": "racks", "low": 960, "likely": 480, "high": 480}]},
            "/likely",
            "rise in this order",
        ),
        ("measurements", {"kpi": "kpi", "on": "2026-11-20", "value": "NaN"}, "/value", "A valid number is required."),
        ("measurements", {"kpi": "kpi", "on": "2026-11-20", "value": "inf"}, "/value", "A valid number is required."),
        ("measurements", {"kpi": "kpi", "on": "2026-11-20", "value": "1e999"}, "/value", "digits"),
    ],
)
def test_the_api_refuses(
    cast: Cast, place: Place, api: Any, noun: str, body: dict[str, Any], pointer: str, says: str
) -> None:
    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [{name: named(one) for name, one in row.items()} for row in value]
        return getattr(place, value).pk if value in ("power", "racks", "finished", "kpi") else value

    given = {name: named(value) for name, value in body.items()}
    own = {} if noun in ("dependencies", "measurements", "programs") else {"program": "NA4"}
    answer = api(cast.lead).post(noun, own | given)
    assert answer.status_code == 422, answer.content
    (error,) = answer.json()["errors"]
    assert (error["pointer"], says in error["detail"]) == (pointer, True), error


@pytest.mark.parametrize(
    ("path", "posted", "field", "says"),
    [
        ("/p/NA4/milestones/new", {"name": "A", "work_likely": "-5"}, "work_likely", "Work cannot be negative."),
        ("/p/NA4/milestones/new", {"name": "A", "work_likely": "nan"}, "work_likely", "Write days, or a number with"),
        (
            "/p/NA4/milestones/new",
            {"name": "A", "work_low": "9", "work_likely": "5", "work_high": "12"},
            "work_likely",
            ORDER,
        ),
        ("/p/NA4/milestones/new", {"name": "A", "target_on": "9999-12-31"}, "target_on", OUTSIDE),
        ("/p/NA4/milestones/new", {"name": "A", "not_before_on": "9999-12-31"}, "not_before_on", OUTSIDE),
        ("/p/NA4/risks/new", {"title": "A", "probability": "101"}, "probability", "write 60 for 60%."),
        (
            "/p/NA4/risks/new",
            {"title": "A", "probability": "-1"},
            "probability",
            "A probability lies between 0 and 100",
        ),
        ("/p/NA4/risks/new", {"title": "A", "probability": "nan"}, "probability", "Enter a number."),
        ("/p/NA4/risks/new", {"title": "A", "review_on": "9999-12-31"}, "review_on", OUTSIDE),
        ("/p/NA4/kpis/{kpi}/measurements/new", {"on": "2020-01-01", "value": "NaN"}, "value", "Enter a number."),
        ("/p/NA4/kpis/{kpi}/measurements/new", {"on": "2020-01-01", "value": "inf"}, "value", "Enter a number."),
        ("/p/NA4/kpis/{kpi}/measurements/new", {"on": "1800-01-01", "value": "1"}, "on", OUTSIDE),
    ],
)
def test_the_form_refuses_beside_the_field(
    cast: Cast, place: Place, sign_in: Any, path: str, posted: dict[str, str], field: str, says: str
) -> None:
    rows = {"impacts-TOTAL_FORMS": 0, "impacts-INITIAL_FORMS": 0, "kind": "deliverable", "target_precision": "day"}
    before = (Milestone.objects.count(), Risk.objects.count(), Measurement.objects.count())
    answer = sign_in(cast.lead).post(path.format(kpi=place.kpi.pk), posted | rows)
    assert answer.status_code == 422
    assert says in " ".join(answer.context["form"].errors[field])
    assert (Milestone.objects.count(), Risk.objects.count(), Measurement.objects.count()) == before


def test_a_finished_or_cancelled_milestone_is_not_offered_to_a_risk(cast: Cast, place: Place, sign_in: Any) -> None:
    milestones.services.change_milestone(
        milestone=place.racks, by=cast.lead, today=FRIDAY, at=NOON, cancelled_on=FRIDAY
    )
    form = sign_in(cast.lead).get("/p/NA4/risks/new").text
    assert ">Power</option>" in form
    assert ">Permits</option>" not in form
    assert ">Racks</option>" not in form
    for milestone in (place.finished, place.racks):
        rows = {
            "impacts-TOTAL_FORMS": 1,
            "impacts-INITIAL_FORMS": 0,
            "impacts-0-milestone": milestone.pk,
            "impacts-0-likely": "5",
        }
        answer = sign_in(cast.lead).post("/p/NA4/risks/new", {"title": "A"} | rows)
        assert answer.status_code == 422
        assert "milestone" in answer.context["impacts"][0].errors


def test_a_calendar_without_a_working_day_is_refused_everywhere(cast: Cast, sign_in: Any, api: Any) -> None:
    said = "A working calendar needs at least one working day."
    never = dict.fromkeys(WEEKDAYS, 0)
    answer = api(cast.admin).post("calendars", {"name": "Never"} | never)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    answer = sign_in(cast.admin).post("/settings/calendars/new", {"name": "Never"} | dict.fromkeys(WEEKDAYS, "0"))
    assert answer.status_code == 422
    assert said in answer.text
    assert WorkingCalendar.objects.count() == 1


def test_holidays_that_leave_no_day_stop_nobody_else(cast: Cast, place: Place) -> None:
    """Each holiday can be meant; together they leave the team no day to work on, and its program no forecast."""
    today = people.services.today(timezone.now())
    milestones.services.change_milestone(milestone=place.racks, by=cast.lead, today=FRIDAY, at=NOON, is_end=True)
    end = milestones.services.create_milestone(
        program=cast.dark, by=cast.lead, today=FRIDAY, name="Close", is_end=True, work_likely=DAY, target_on=today
    )
    milestones.services.change_milestone(
        milestone=place.racks, by=cast.lead, today=FRIDAY, at=NOON, target_on=today, cause=cast.cause
    )
    monday = today - timedelta(days=today.weekday())
    weekly = people.services.create_calendar(
        name="Mondays",
        by=cast.admin,
        holidays=[(monday + timedelta(weeks=week), "Away") for week in range(6_400)],
        tuesday=0,
        wednesday=0,
        thursday=0,
        friday=0,
    )
    team = people.services.create_team(name="Away", by=cast.admin, calendar=weekly)
    milestones.services.change_milestone(milestone=place.power, by=cast.lead, today=FRIDAY, at=NOON, team=team)
    catch_up(today=today, at=timezone.now())
    healths = dict(ProgramHealth.objects.values_list("program__key", "health"))
    assert healths["NA4"] == Health.NO_FORECAST
    assert healths["DARK"] != Health.NO_FORECAST
    assert end.forecast.finish_on >= today


def test_far_days_are_refused_of_every_row(cast: Cast) -> None:
    with pytest.raises(Exception, match="check its year"):
        people.services.create_calendar(name="Late", by=cast.admin, holidays=[(date(2200, 1, 1), "Jubilee")])
