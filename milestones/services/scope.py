"""Every write of workstreams, requirements and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

import history
from history.services import EARLIEST, LATEST, OUTSIDE
from milestones.models import Baseline, BaselineDate, Requirement, SlipCause, Workstream
from milestones.services.milestones import refuse_other_program
from people.models import User
from programs.models import Program
from programs.permissions import Act, require
from programs.services import locked, touch


@transaction.atomic
def create_workstream(*, program: Program, by: User, **fields: Any) -> Workstream:
    require(by, Act.EDIT, program)
    with history.because("Add a workstream", by_id=by.pk):
        row = history.create(Workstream(program=program, **fields))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def change_workstream(*, workstream: Workstream, by: User, **changes: Any) -> Workstream:
    workstream = locked(workstream)
    require(by, Act.EDIT, workstream.program)
    with history.because("Change a workstream", by_id=by.pk):
        history.save(workstream, **changes)
    touch(workstream.program_id, plan=False)
    return workstream


@transaction.atomic
def delete_workstream(*, workstream: Workstream, by: User) -> None:
    """Delete a workstream; its milestones stay, without one."""
    workstream = locked(workstream)
    require(by, Act.EDIT, workstream.program)
    with history.because("Delete a workstream", by_id=by.pk):
        history.delete(workstream)
    touch(workstream.program_id, plan=False)


@transaction.atomic
def create_requirement(*, program: Program, by: User, today: date, **fields: Any) -> Requirement:
    require(by, Act.EDIT, program)
    refuse_other_program(program.pk, fields.get("milestone"))
    fields.setdefault("scope_since_on", today)
    with history.because("Add a requirement", by_id=by.pk):
        row = history.create(Requirement(program=program, **fields))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def change_requirement(*, requirement: Requirement, by: User, today: date, **changes: Any) -> Requirement:
    """Change a requirement; moving it in or out of scope dates from today and is the lead's to do."""
    requirement = locked(requirement)
    require(by, Act.EDIT, requirement.program)
    refuse_other_program(requirement.program_id, changes.get("milestone"))
    if changes.get("in_scope", requirement.in_scope) != requirement.in_scope:
        require(by, Act.PLAN, requirement.program)
        changes["scope_since_on"] = today
    with history.because(changes.get("scope_reason") or "Change a requirement", by_id=by.pk):
        history.save(requirement, **changes)
    touch(requirement.program_id, plan=False)
    return requirement


@transaction.atomic
def delete_requirement(*, requirement: Requirement, by: User) -> None:
    requirement = locked(requirement)
    require(by, Act.EDIT, requirement.program)
    with history.because("Delete a requirement", by_id=by.pk):
        history.delete(requirement)
    touch(requirement.program_id, plan=False)


@transaction.atomic
def approve_baseline(
    *,
    program: Program,
    name: str,
    dates: Mapping[int, date],
    by: User,
    on: date,
    cause: SlipCause | None = None,
    note: str = "",
) -> Baseline:
    """Freeze the finish of each milestone id in ``dates``. A second baseline moves promises: it needs a cause."""
    program = locked(program)
    require(by, Act.PLAN, program)
    if cause is None and program.baselines.exists():
        raise ValidationError({"cause": [_("A new baseline moves promised dates: say why.")]}, code="cause")
    works = dict(program.milestones.filter(pk__in=dates).values_list("pk", "work_likely"))
    if not works:
        raise ValidationError(_("There is no dated milestone to freeze yet."), code="empty")
    if not all(EARLIEST <= dates[pk] <= LATEST for pk in works):
        raise ValidationError({"dates": [_(OUTSIDE)]}, code="far")
    with history.because(note or f"Approve baseline {name}", by_id=by.pk):
        baseline = history.create(
            Baseline(program=program, name=name, approved_on=on, approved_by=by, cause=cause, note=note)
        )
        BaselineDate.objects.bulk_create(
            BaselineDate(baseline=baseline, milestone_id=pk, finish_on=dates[pk], work=work)
            for pk, work in sorted(works.items())
        )
    touch(program.pk, plan=False)
    return baseline
