"""The working hours that people in several zones share: by the clocks of the day, in the reader's zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

import people.services
import programs.services
from people.charts import draw
from people.hours import Shared, clock, shared, shared_hours, span_words, spans, working_day
from people.models import Organisation, User

if TYPE_CHECKING:
    from tests.conftest import Cast

WINTER = datetime(2026, 11, 26, 12, tzinfo=UTC)
SUMMER = datetime(2026, 7, 2, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def meet(*zones: str, at: datetime = WINTER, minutes: int = 480) -> Shared:
    days = [
        working_day(User(pk=n, name=f"Person {n}", time_zone=zone), minutes, at, BERLIN) for n, zone in enumerate(zones)
    ]
    found = shared(days, "CET")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("zones", "words"),
    [
        (["Europe/Berlin", "Europe/Paris"], "Both share 09:00 to 17:00 CET."),
        (["Europe/Berlin", "America/New_York", "Europe/London"], "All 3 share 15:00 to 17:00 CET; "
         "without New York 10:00 to 17:00."),
        (["Europe/Berlin", "America/New_York", "Australia/Sydney"],
         "No working hour suits all 3; without Sydney 15:00 to 17:00 CET."),
        (["Europe/Berlin", "America/Los_Angeles"], "No working hour suits both."),
        (["Europe/Berlin", "Europe/Paris", "America/Denver", "Asia/Tokyo"],
         "No working hour suits all 4; 2 of them share 09:00 to 17:00 CET."),
    ],
)  # fmt: skip
def test_it_is_said_who_meets_when(zones: list[str], words: str) -> None:
    assert meet(*zones).in_words == words


def test_clocks_count_as_they_are_that_day() -> None:
    """Berlin and New York lie six hours apart, but five in the weeks after only America has changed its clocks."""
    apart = meet("Europe/Berlin", "America/New_York", at=datetime(2026, 3, 20, 12, tzinfo=UTC))
    assert apart.in_words == "Both share 14:00 to 17:00 CET."
    assert meet("Europe/Berlin", "America/New_York", at=SUMMER).in_words == "Both share 15:00 to 17:00 CET."


def test_a_day_that_runs_past_midnight_goes_on_in_the_morning() -> None:
    found = meet("America/Los_Angeles", "America/Los_Angeles")
    assert found.in_words == "Both share 18:00 to 02:00 CET."
    drawn = draw(found)
    assert drawn.count("v-fill") == 4
    assert f'aria-label="{found.in_words}"' in drawn
    assert spans(frozenset(range(96))) == [(0, 1440)]
    assert span_words([]) == ""
    assert clock(1440) == "24:00"


def test_a_short_day_of_a_teams_calendar_counts(cast: Cast) -> None:
    short = people.services.create_calendar(
        name="Short", by=cast.admin, monday=300, tuesday=300, wednesday=300, thursday=300, friday=300
    )
    team = people.services.create_team(name="Site", by=cast.admin, calendar=short)
    people.services.set_members(team=team, members=[cast.viewer], by=cast.admin)
    found = shared_hours([cast.lead, cast.viewer], cast.lead, WINTER)
    assert found is not None
    assert found.in_words == "Both share 09:00 to 14:00 UTC."
    assert shared_hours([cast.lead], cast.lead, WINTER) is None
    assert Organisation.objects.count() == 1


def test_the_people_of_a_program_see_when_they_meet(cast: Cast, sign_in: Any) -> None:
    for user, zone in ((cast.lead, "Europe/Berlin"), (cast.contributor, "America/Los_Angeles")):
        User.objects.filter(pk=user.pk).update(time_zone=zone)
    page = sign_in(cast.contributor).get("/p/NA4/people").text
    # Whoever only views it does not have to be there.
    assert "No working hour suits both." in page
    assert "View as table" in page
    programs.services.create_slot(program=cast.na4, by=cast.lead, title="Network engineer", person=cast.outsider)
    assert "No working hour suits all 3; without Los Angeles 01:00 to 08:00 P" in (
        sign_in(cast.contributor).get("/p/NA4/people").text
    )
