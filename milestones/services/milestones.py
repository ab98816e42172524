"""Every write of milestones themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

import history
from milestones.models import DateMove, Dependency, Milestone, SlipCause
from milestones.services.loops import lock_graph
from milestones.services.moves import keep_move
from people.models import User
from programs import talk
from programs.models import Program, Subject
from programs.permissions import Act, require
from programs.services import locked, settle_target, touch

# Fields of a milestone that forecasts do not read.
NOT_PLAN_FIELDS = {"name", "note", "owner", "external_key", "workstream", "target_precision"}


def check_milestone(milestone: Milestone, changes: Mapping[str, Any], today: date) -> None:
    for field in ("started_on", "done_on", "cancelled_on"):
        value = changes.get(field)
        if value and value > today:
            raise ValidationError(
                {field: [_("This day lies in the future: a forecast says when it will be.")]}, code="future"
            )
    workstream = changes.get("workstream")
    if workstream and workstream.program_id != milestone.program_id:
        raise ValidationError({"workstream": [_("This workstream belongs to another program.")]}, code="other_program")


def refuse_other_program(program_id: int, milestone: Milestone | None) -> None:
    """Refuse to name a milestone of another program: not everybody who reads this one may see that one."""
    if milestone and milestone.program_id != program_id:
        raise ValidationError({"milestone": [_("This milestone belongs to another program.")]}, code="other_program")


def settle(milestone: Milestone, changes: dict[str, Any]) -> None:
    """What follows from a change: nothing remains of what is done."""
    if changes.get("done_on"):
        changes["remaining"] = None
        changes.setdefault("started_on", milestone.started_on or changes["done_on"])


def act_of_deleting(milestone: Milestone) -> Act:
    """A promise goes with its target, its baselines and its hand-offs: that takes the right to move them."""
    links = Dependency.objects.agreed().filter(Q(predecessor=milestone) | Q(successor=milestone))
    is_promised = milestone.target_on or milestone.is_end or milestone.baseline_dates.exists() or links.exists()
    return Act.PLAN if is_promised else Act.EDIT


def why_kept(milestone: Milestone) -> str:
    """Why a milestone is not its contributors' to cancel, or nothing."""
    if milestone.is_end:
        return _("“%(name)s” is the program's end.") % {"name": milestone.name}
    if Dependency.objects.agreed().filter(predecessor=milestone).exists():
        return _("“%(name)s” is promised to another program.") % {"name": milestone.name}
    return ""


def act_of_cancelling(milestone: Milestone) -> Act:
    return Act.PLAN if why_kept(milestone) else Act.EDIT


def refuse_dropping(milestone: Milestone, changes: Mapping[str, Any], by: User) -> None:
    """Cancelling what others build on, or taking the program's end away, is for who may move its promises."""
    drops_end = milestone.is_end and changes.get("is_end") is False
    since = why_kept(milestone) if drops_end or changes.get("cancelled_on") else ""
    if since:
        require(by, Act.PLAN, milestone.program, since=since)


@transaction.atomic
def create_milestone(*, program: Program, by: User, today: date, **fields: Any) -> Milestone:
    require(by, Act.EDIT, program)
    milestone = Milestone(program=program)
    settle_target(milestone, fields)
    check_milestone(milestone, fields, today)
    settle(milestone, fields)
    for name, value in fields.items():
        setattr(milestone, name, value)
    with history.because("Add a milestone", by_id=by.pk):
        history.create(milestone)
    touch(program.pk, plan=True)
    return milestone


@transaction.atomic
def change_milestone(
    *,
    milestone: Milestone,
    by: User,
    today: date,
    at: datetime,
    cause: SlipCause | None = None,
    reason: str = "",
    **changes: Any,
) -> Milestone:
    """Change a milestone. A target that moves needs a cause and the right to plan; other dates move freely.

    To promise the same day less exactly takes the right to plan too.
    """
    milestone = locked(milestone)
    program = milestone.program
    require(by, Act.EDIT, program)
    settle_target(milestone, changes)
    changed = {name for name, value in changes.items() if getattr(milestone, name) != value}
    if changed & {"target_on", "target_precision"} and milestone.target_on:
        require(by, Act.PLAN, program)
    refuse_dropping(milestone, {name: changes[name] for name in changed}, by)
    check_milestone(milestone, {name: changes[name] for name in changed}, today)
    settle(milestone, changes)
    with history.because(reason or "Change a milestone", by_id=by.pk):
        keep_move(
            program=program,
            milestone=milestone,
            field=DateMove.Field.TARGET,
            before=milestone.target_on,
            after=changes.get("target_on", milestone.target_on),
            cause=cause,
            note=reason,
            by=by,
            at=at,
        )
        history.save(milestone, **changes)
    if changed:
        touch(program.pk, plan=bool(changed - NOT_PLAN_FIELDS))
    return milestone


@transaction.atomic
def delete_milestone(*, milestone: Milestone, by: User) -> None:
    """Delete a milestone with its links; programs at the other ends are forecast again."""
    lock_graph()
    milestone = locked(milestone)
    require(by, act_of_deleting(milestone), milestone.program)
    touched = {milestone.program_id}
    touched |= set(Milestone.objects.filter(links_in__predecessor=milestone).values_list("program_id", flat=True))
    touched |= set(Milestone.objects.filter(links_out__successor=milestone).values_list("program_id", flat=True))
    with history.because("Delete a milestone", by_id=by.pk):
        talk.forget(Subject.MILESTONE, milestone.pk)
        history.delete(milestone)
    touch(*touched, plan=True)
