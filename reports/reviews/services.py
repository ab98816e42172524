"""Writes of meetings: reviews of the portfolio, and what people take home from them or from a program's sync."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

import history
from people.models import User
from people.permissions import OrgAct, require
from programs import permissions as program_rights
from programs.models import Program
from programs.permissions import Act
from programs.services import locked
from reports.models import Review, ReviewAction

AGENDA = "Open actions of the last review\nExceptions\nDisagreements\nAsks\nDecisions waiting\nTop moves"


@transaction.atomic
def hold_review(*, by: User, **fields: Any) -> Review:
    """Record a meeting about the portfolio; whoever does chairs it, unless somebody else is named."""
    require(by, OrgAct.HOLD_REVIEW)
    with history.because("Hold a review", by_id=by.pk):
        return history.create(Review(**{"chair": by, "agenda": AGENDA} | fields))


@transaction.atomic
def change_review(*, review: Review, by: User, **changes: Any) -> Review:
    require(by, OrgAct.HOLD_REVIEW)
    review = locked(review)
    if changes.get("chair", review.chair) != review.chair and not _is_theirs(review, by):
        raise PermissionDenied(
            _("You cannot hand over a review that somebody else chairs. Ask %(person)s.")
            % {"person": review.chair.name}
        )
    with history.because("Change a review", by_id=by.pk):
        return history.save(review, **changes)


def _is_theirs(review: Review, by: User) -> bool:
    return by.pk == review.chair_id or by.is_admin


@transaction.atomic
def delete_review(*, review: Review, by: User) -> None:
    require(by, OrgAct.HOLD_REVIEW)
    review = locked(review)
    if not _is_theirs(review, by):
        raise PermissionDenied(
            _("You cannot delete a review that somebody else chaired. Ask %(person)s.") % {"person": review.chair.name}
        )
    with history.because("Delete a review", by_id=by.pk):
        history.delete(review)


@transaction.atomic
def take_action(*, by: User, review: Review | None = None, **fields: Any) -> ReviewAction:
    """Record what somebody does by a day, as the meeting agreed: a review, or else the sync of its program."""
    action = ReviewAction(review=locked(review) if review else None, **fields)
    _require_act(action, by)
    with history.because("Agree an action", by_id=by.pk):
        return history.create(action)


@transaction.atomic
def change_action(*, action: ReviewAction, by: User, **changes: Any) -> ReviewAction:
    """Change an action; that it is done, or is not, its owner says too."""
    action = locked(action)
    if action.owner_id == by.pk and changes.keys() <= {"done_on"}:
        _seen(action.program, by)
    else:
        _require_act(action, by)
    if action.review is None and changes.get("program", action.program) != action.program:
        raise ValidationError({"program": [_("What a program's sync agreed stays with that program.")]}, code="program")
    _seen(changes.get("program"), by)
    with history.because("Change an action", by_id=by.pk):
        return history.save(action, **changes)


@transaction.atomic
def drop_action(*, action: ReviewAction, by: User) -> None:
    action = locked(action)
    _require_act(action, by)
    with history.because("Drop an action", by_id=by.pk):
        history.delete(action)


def _require_act(action: ReviewAction, by: User) -> None:
    """Whoever may hold a review writes down its actions, whoever may edit a program those of its sync."""
    if action.review is None and action.program:
        program_rights.require(by, Act.EDIT, action.program)
    else:
        require(by, OrgAct.HOLD_REVIEW)
        _seen(action.program, by)


def _seen(program: Program | None, by: User) -> None:
    """An action names a program that whoever writes it sees."""
    if program and not Program.objects.visible_to(by).filter(pk=program.pk).exists():
        raise PermissionDenied(_("You cannot name a private program."))
