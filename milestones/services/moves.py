"""Promised dates that move, and why."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

import history
from milestones.models import DateMove, Dependency, Milestone, SlipCause
from people import permissions as organisation
from people.models import User
from people.permissions import OrgAct
from programs.models import Program
from programs.services import change_program, locked, settle_target


def keep_move(
    *,
    program: Program,
    field: str,
    before: date | None,
    after: date | None,
    cause: SlipCause | None,
    note: str,
    by: User,
    at: datetime,
    milestone: Milestone | None = None,
    dependency: Dependency | None = None,
) -> None:
    """Keep the cause of a promised date that moves; the first promise and one taken back at once need none."""
    if before is None or before == after:
        return
    if cause is None:
        raise ValidationError({"cause": [_("This date was promised: say why it moves.")]}, code="cause")
    history.create(
        DateMove(
            program=program,
            milestone=milestone,
            dependency=dependency,
            field=field,
            before_on=before,
            after_on=after,
            cause=cause,
            note=note,
            by=by,
            at=at,
        )
    )


@transaction.atomic
def move_program_target(
    *, program: Program, by: User, at: datetime, cause: SlipCause | None = None, note: str = "", **changes: Any
) -> Program:
    """Change a program; where that moves its promised target, keep the cause."""
    program = locked(program)
    settle_target(program, changes)
    before = program.target_on
    with history.because(note or (cause.name if cause else "Change the program"), by_id=by.pk):
        keep_move(
            program=program,
            field=DateMove.Field.PROGRAM_TARGET,
            before=before,
            after=changes.get("target_on", before),
            cause=cause,
            note=note,
            by=by,
            at=at,
        )
        return change_program(program=program, by=by, reason=note, **changes)


@transaction.atomic
def create_slip_cause(*, by: User, **fields: Any) -> SlipCause:
    organisation.require(by, OrgAct.MANAGE_ORGANISATION)
    with history.because("Add a cause of slips", by_id=by.pk):
        return history.create(SlipCause(**fields))


@transaction.atomic
def change_slip_cause(*, slip_cause: SlipCause, by: User, **changes: Any) -> SlipCause:
    organisation.require(by, OrgAct.MANAGE_ORGANISATION)
    with history.because("Change a cause of slips", by_id=by.pk):
        return history.save(locked(slip_cause), **changes)
