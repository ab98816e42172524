"""What pages show of people and teams, for other tools: shared hours, promises, updates that are owed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

import milestones.services
import people.services
import reports.updates.services
from milestones.services import create_milestone
from people.models import Team, User

if TYPE_CHECKING:
    from tests.conftest import Cast


def today() -> date:
    return people.services.today(timezone.now())


def test_the_hours_that_a_program_shares(cast: Cast, api: Any) -> None:
    User.objects.filter(pk=cast.contributor.pk).update(time_zone="Asia/Dubai")
    found = api(cast.lead).get("programs/NA4/shared-hours").json()
    assert (found["program"], found["zone"]) == ("NA4", "UTC")
    assert found["shared"] == [{"start": "09:00", "end": "13:00"}]
    assert {one["name"]: one["at_work"] for one in found["people"]} == {
        "Lea Lead": [{"start": "09:00", "end": "17:00"}],
        "Cem Contributor": [{"start": "05:00", "end": "13:00"}],
    }
    assert "share 09:00 to 13:00" in found["in_words"]
    assert api(cast.outsider).get("programs/DARK/shared-hours").status_code == 404


def test_what_a_team_promised_and_how_it_kept_it(cast: Cast, api: Any) -> None:
    team, day = Team.objects.create(name="Compute"), today()
    given, awaited, hidden = (
        create_milestone(program=program, by=cast.lead, today=day, name=name, team=team if name == "Give" else None)
        for program, name in ((cast.na4, "Give"), (cast.na4, "Get"), (cast.dark, "Canary"))
    )
    link = milestones.services.link(predecessor=given, successor=hidden, by=cast.lead, need_by_on=day)
    milestones.services.answer_hand_off(
        dependency=link, agreement="accepted", by=cast.lead, on=day, at=timezone.now(), note="",
        promised_on=day + timedelta(days=9),
    )  # fmt: skip
    assert awaited.pk
    told = api(cast.outsider).get(f"teams/{team.pk}/promises").json()
    assert (told["kept"], told["ahead"], told["overdue"]) == (0, 1, 0)
    (promise,) = told["open"]
    assert (promise["giver"], promise["receiver"], promise["milestone"]) == ("NA4", None, given.pk)
    assert api(cast.lead).get(f"teams/{team.pk}/promises").json()["open"][0]["receiver"] == "DARK"
    assert api(cast.lead).get("teams/987654/promises").status_code == 404


def test_which_updates_one_owes(cast: Cast, api: Any) -> None:
    assert api(cast.viewer).get("updates/owed").json() == {"data": []}
    update = reports.updates.services.begin_update(
        program=cast.na4, by=cast.lead, at=timezone.now(), health="on_track", text="Well.", ask="", path_to_green=""
    )
    owed = {one["program"]: one for one in api(cast.lead).get("updates/owed").json()["data"]}
    assert owed["NA4"] == {
        "program": "NA4", "due_on": str(today() + timedelta(days=10)), "is_due": False, "last": None,
        "draft": update.pk, "since_on": None, "changes": [], "more": 0,
    }  # fmt: skip
    assert set(owed) == {"NA4", "DARK"}
