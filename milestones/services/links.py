"""Every write of links: what waits for what, and of hand-offs what both sides agree to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

import history
from milestones.models import DateMove, Dependency, Milestone, SlipCause
from milestones.services.loops import lock_graph, refuse_loop
from milestones.services.milestones import NOT_PLAN_FIELDS
from milestones.services.moves import keep_move
from people.models import User
from programs import talk
from programs.models import Subject
from programs.permissions import Act, may, require
from programs.services import locked, touch


def _refuse_unseen(predecessor: Milestone, by: User) -> None:
    if not Milestone.objects.visible_to(by).filter(pk=predecessor.pk).exists():
        raise ValidationError({"predecessor": [_("There is no such milestone.")]}, code="unknown")


def is_kept(dependency: Dependency, by: User) -> bool:
    """What a giver has agreed to is not the receiver's alone to take away: the giver's work may stand on it."""
    is_agreed = Dependency.objects.agreed().filter(pk=dependency.pk).exists()
    return is_agreed and not may(by, Act.AGREE, dependency.predecessor.program)


def refuse_undoing(dependency: Dependency, by: User) -> None:
    if is_kept(dependency, by):
        giver = dependency.predecessor.program
        name = giver.name if may(by, Act.VIEW, giver) else _("The program that gives")
        why = (
            _("%(name)s says that this hand-off is delivered. Ask its lead to decline it first, then remove it.")
            if dependency.agreement == Dependency.Agreement.DELIVERED
            else _("%(name)s has agreed to this hand-off. Ask its lead to decline it first, then remove it.")
        )
        raise PermissionDenied(why % {"name": name})


@transaction.atomic
def link(
    *, predecessor: Milestone, successor: Milestone, by: User, kind: str = "FS", lag: int = 0, **fields: Any
) -> Dependency:
    """Make the successor wait. Across programs it is a hand-off, proposed until the giver answers."""
    require(by, Act.EDIT, successor.program)
    _refuse_unseen(predecessor, by)
    lock_graph()
    refuse_loop(predecessor, successor, by)
    crosses = predecessor.program_id != successor.program_id
    if crosses:
        fields.setdefault("agreement", Dependency.Agreement.PROPOSED)
    with history.because("Ask for a hand-off" if crosses else "Link milestones", by_id=by.pk):
        row = history.create(Dependency(predecessor=predecessor, successor=successor, kind=kind, lag=lag, **fields))
    touch(predecessor.program_id, successor.program_id, plan=True)
    return row


@transaction.atomic
def change_dependency(
    *, dependency: Dependency, by: User, at: datetime, cause: SlipCause | None = None, reason: str = "", **changes: Any
) -> Dependency:
    """Change a link: type, lag and need are the receiver's; the promised day is the giver's and moves with a cause."""
    if changes.keys() & {"predecessor", "successor"}:
        lock_graph()
    dependency = locked(dependency)
    giver, receiver = dependency.predecessor.program, dependency.successor.program
    if not may(by, Act.AGREE, giver):
        require(by, Act.EDIT, receiver)
    changed = {name for name, value in changes.items() if getattr(dependency, name) != value}
    if not changed:
        return dependency
    if "promised_on" in changed:
        require(by, Act.AGREE, giver)
    if changed - {"promised_on"}:
        require(by, Act.EDIT, receiver)
    touched = {giver.pk, receiver.pk}
    asked_anew: dict[str, Any] = {}
    if changed & {"predecessor", "successor"}:
        predecessor = changes.get("predecessor", dependency.predecessor)
        successor = changes.get("successor", dependency.successor)
        require(by, Act.EDIT, successor.program)
        if "predecessor" in changed:
            _refuse_unseen(predecessor, by)
        refuse_undoing(dependency, by)
        refuse_loop(predecessor, successor, by)
        if "promised_on" in changed:
            raise ValidationError({"promised_on": [_("Whoever gives then promises a day.")]}, code="ends")
        # What was agreed was agreed of the old ends.
        crosses = predecessor.program_id != successor.program_id
        agreement = Dependency.Agreement.PROPOSED if crosses else ""
        asked_anew = {"agreement": agreement}
        asked_anew |= dict.fromkeys(("agreed_by", "agreed_on", "delivered_on", "promised_on"))
        touched |= {predecessor.program_id, successor.program_id}
    with history.because(reason or "Change a link", by_id=by.pk):
        keep_move(
            program=giver,
            dependency=dependency,
            field=DateMove.Field.PROMISED,
            before=dependency.promised_on,
            after=changes.get("promised_on", dependency.promised_on),
            cause=cause,
            note=reason,
            by=by,
            at=at,
        )
        history.save(dependency, **changes | asked_anew)
    touch(*touched, plan=bool(changed - NOT_PLAN_FIELDS))
    return dependency


@transaction.atomic
def answer_hand_off(
    *,
    dependency: Dependency,
    agreement: str,
    by: User,
    on: date,
    at: datetime,
    promised_on: date | None = None,
    cause: SlipCause | None = None,
    note: str = "",
) -> Dependency:
    """The giver accepts, offers another day with words, declines with a reason, or says it is delivered.

    A day that was promised or offered before moves with a cause. What was agreed before it is delivered stays agreed by
    whom and on the day it was. Of what is delivered the giver may only say that it is not after all: it then stays
    agreed as it was, or is declined.
    """
    dependency = locked(dependency)
    giver, receiver = dependency.predecessor.program, dependency.successor.program
    require(by, Act.AGREE, giver)
    if giver == receiver:
        raise ValidationError(_("Only links between programs are agreed."), code="same_program")
    was_delivered = dependency.agreement == Dependency.Agreement.DELIVERED
    if was_delivered and agreement not in (Dependency.Agreement.ACCEPTED, Dependency.Agreement.DECLINED):
        told = _("This hand-off is delivered. If it is not after all, accept it again, or decline it.")
        raise ValidationError({"agreement": [told]}, code="delivered")
    if agreement in (Dependency.Agreement.DECLINED, Dependency.Agreement.COUNTERED) and not note.strip():
        raise ValidationError({"note": [_("Say why, so that the receiver can plan around it.")]}, code="note")
    promised_on = promised_on or dependency.promised_on
    if agreement == Dependency.Agreement.COUNTERED and promised_on in (None, dependency.need_by_on):
        raise ValidationError({"promised_on": [_("Offer another day than the one needed.")]}, code="promised_on")
    is_delivered = agreement == Dependency.Agreement.DELIVERED
    # Between agreed and delivered nothing is agreed anew, whichever way it goes.
    stays_agreed = {dependency.agreement, agreement} == {Dependency.Agreement.ACCEPTED, Dependency.Agreement.DELIVERED}
    what = "Hand-off not delivered after all" if was_delivered else f"Hand-off {agreement}"
    with history.because(note or what, by_id=by.pk):
        keep_move(
            program=giver,
            dependency=dependency,
            field=DateMove.Field.PROMISED,
            before=dependency.promised_on,
            after=promised_on,
            cause=cause,
            note=note[:500],
            by=by,
            at=at,
        )
        history.save(
            dependency,
            agreement=agreement,
            delivered_on=on if is_delivered else None,
            promised_on=promised_on,
            note=note or dependency.note,
            **({} if stays_agreed else {"agreed_by": by, "agreed_on": on}),
        )
    said = Dependency.Agreement(agreement).label
    until = f", for {promised_on:%-d %b %Y}" if promised_on and agreement != Dependency.Agreement.DECLINED else ""
    talk.tell_leads(
        program=receiver,
        kind=Subject.MILESTONE,
        subject_id=dependency.successor_id,
        text=f"{'Not delivered after all. ' if was_delivered else ''}{said}{until}. {note}".strip(),
        also=dependency.successor.owner_id,
        answering=giver,
        by=by,
        at=at,
    )
    # What a milestone is promised by is its day where it has no other.
    touch(giver.pk, receiver.pk, plan=True)
    return dependency


@transaction.atomic
def reply_to_giver(
    *,
    dependency: Dependency,
    agreement: str,
    by: User,
    on: date,
    at: datetime,
    need_by_on: date | None = None,
    note: str = "",
) -> Dependency:
    """The receiver takes the day that the giver offers, or asks again: by another day, or with other words.

    The day promised is the giver's and stays; so does who gave it: the word is still theirs.
    """
    dependency = locked(dependency)
    giver, receiver = dependency.predecessor.program, dependency.successor.program
    require(by, Act.AGREE, receiver)
    takes = agreement == Dependency.Agreement.ACCEPTED
    answered = [Dependency.Agreement.COUNTERED] + ([] if takes else [Dependency.Agreement.DECLINED])
    if dependency.agreement not in answered:
        asked = _("No other day is offered.") if takes else _("The giver has neither declined nor offered another day.")
        raise ValidationError({"agreement": [asked]}, code="agreement")
    with history.because(note or ("Take the day offered" if takes else "Ask again"), by_id=by.pk):
        history.save(
            dependency,
            agreement=agreement,
            agreed_by=dependency.agreed_by if takes else None,
            agreed_on=on if takes else None,
            need_by_on=need_by_on or dependency.need_by_on,
            note=note or dependency.note,
        )
    talk.tell_leads(
        program=giver,
        kind=Subject.MILESTONE,
        subject_id=dependency.predecessor_id,
        text=f"{'Takes the day offered' if takes else 'Asks again'}. {note}".strip(),
        also=dependency.predecessor.owner_id,
        answering=receiver,
        by=by,
        at=at,
    )
    touch(giver.pk, receiver.pk, plan=True)
    return dependency


@transaction.atomic
def unlink(*, dependency: Dependency, by: User) -> None:
    dependency = locked(dependency)
    giver, receiver = dependency.predecessor.program, dependency.successor.program
    require(by, Act.EDIT, receiver)
    refuse_undoing(dependency, by)
    with history.because("Remove a link", by_id=by.pk):
        history.delete(dependency)
    touch(giver.pk, receiver.pk, plan=True)
