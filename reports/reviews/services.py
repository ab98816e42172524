"""Writes of the portfolio review: its meetings, and what people take home from them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

import history
from people.models import User
from people.permissions import OrgAct, require
from programs.models import Program
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
def take_action(*, review: Review, by: User, **fields: Any) -> ReviewAction:
    """Record what somebody does by a day, as the meeting agreed."""
    require(by, OrgAct.HOLD_REVIEW)
    _seen(fields.get("program"), by)
    with history.because("Agree an action", by_id=by.pk):
        return history.create(ReviewAction(review=locked(review), **fields))


@transaction.atomic
def change_action(*, action: ReviewAction, by: User, **changes: Any) -> ReviewAction:
    require(by, OrgAct.HOLD_REVIEW)
    _seen(changes.get("program"), by)
    action = locked(action)
    with history.because("Change an action", by_id=by.pk):
        return history.save(action, **changes)


@transaction.atomic
def drop_action(*, action: ReviewAction, by: User) -> None:
    require(by, OrgAct.HOLD_REVIEW)
    action = locked(action)
    with history.because("Drop an action", by_id=by.pk):
        history.delete(action)


def _seen(program: Program | None, by: User) -> None:
    """An action names a program that whoever writes it sees."""
    if program and not Program.objects.visible_to(by).filter(pk=program.pk).exists():
        raise PermissionDenied(_("You cannot name a private program."))
