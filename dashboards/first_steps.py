"""What a program still lacks before its page can tell anything: a list that shortens by itself as it is done."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from dashboards.program import Page
from programs.models import Program
from programs.permissions import Act

CLOSED = {Program.State.DONE, Program.State.CANCELLED}


class FirstStep(NamedTuple):
    """One thing that is missing, what it is good for, and where it is done."""

    what: str
    why: str
    url: str


def first_steps(page: Page, allowed: Container[Act]) -> list[FirstStep]:
    """What is missing of a program, as far as the reader may do it; nothing of one that is closed."""
    program: Any = page.program  # dashboards.program.find tells of its people
    if program.state in CLOSED:
        return []
    here = program.get_absolute_url()
    steps = [
        (
            Act.PLAN,
            program.target_on is None,
            FirstStep(_("Give it a target"), _("The forecast is held against it."), f"{here}/edit?only=target_on"),
        ),
        (
            Act.MANAGE,
            program.lead_id is None,
            FirstStep(
                _("Name its lead"), _("Somebody answers for it and writes its updates."), f"{here}/edit?only=lead"
            ),
        ),
        (Act.EDIT, not any(step.milestone.is_end for step in page.steps), _plan(page, here)),
        (
            Act.EDIT,
            program.owning_team_id is None,
            FirstStep(
                _("Name its team"), _("Its work then follows the team's calendar."), f"{here}/edit?only=owning_team"
            ),
        ),
        (
            Act.MANAGE,
            not program.has_people,
            FirstStep(_("Invite people"), _("Nobody but its lead has a part in it yet."), f"{here}/people"),
        ),
        (
            Act.REPORT,
            not page.updates,
            FirstStep(_("Write the first update"), _("Readers get it in their weekly letter."), f"{here}/updates/new"),
        ),
    ]
    return [step for act, is_missing, step in steps if is_missing and act in allowed]


def _plan(page: Page, here: str) -> FirstStep:
    if page.steps:
        return FirstStep(_("Mark its end"), _("The end milestone's forecast is the program's."), f"{here}/milestones")
    return FirstStep(_("Add milestones"), _("Without an end milestone there is no forecast."), f"{here}/milestones/new")
