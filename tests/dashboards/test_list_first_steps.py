"""What a new program still lacks is listed on its page, and goes from the list as it is done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import milestones.services
import programs.services
import reports.updates.services
from people.models import Team
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast


def missing(client: Any, key: str) -> list[str]:
    page = client.get(f"/p/{key}").content.decode()
    found = re.search(r'aria-labelledby="first-steps".*?</section>', page, re.S)
    return re.findall(r'<a class="t link" href="[^"]*">([^<]*)</a>', found[0]) if found else []


def test_the_list_shortens_as_things_are_done(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.admin)
    program = programs.services.create_program(by=cast.admin, key="NEW", name="New")
    everything = [
        "Give it a target", "Name its lead", "Add milestones", "Name its team", "Invite people",
        "Write the first update",
    ]  # fmt: skip
    assert missing(client, "NEW") == everything
    programs.services.change_program(
        program=program, by=cast.admin, lead=cast.admin, target_on=FRIDAY, owning_team=Team.objects.create(name="Power")
    )
    assert missing(client, "NEW") == ["Add milestones", "Invite people", "Write the first update"]
    row = milestones.services.create_milestone(program=program, by=cast.admin, today=FRIDAY, name="Open")
    assert missing(client, "NEW")[0] == "Mark its end"
    milestones.services.change_milestone(milestone=row, by=cast.admin, today=FRIDAY, at=NOON, is_end=True)
    assert missing(client, "NEW") == ["Invite people", "Write the first update"]
    programs.services.give_role(program=program, user=cast.viewer, kind="viewer", by=cast.admin)
    assert missing(client, "NEW") == ["Write the first update"]
    assert missing(sign_in(cast.viewer), "NEW") == []
    update = reports.updates.services.begin_update(
        program=program, by=cast.admin, at=NOON, health="on_track", text="Begun."
    )
    reports.updates.services.publish_update(update=update, by=cast.admin, at=NOON)
    assert missing(client, "NEW") == []
