"""Every write of what people say and watch: comments with their mentions, stars, and the notices of the inbox."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

import history
from people.models import User
from programs.mentions import mentions, readers
from programs.models import Comment, Notice, Program, Role, Subject, Watch
from programs.models.watch import MOST_TOLD
from programs.permissions import Act, require
from programs.services import locked

MOST_MENTIONS = 50


# -- comments --------------------------------------------------------------------------------------------------------


@transaction.atomic
def post_comment(*, program: Program, kind: str, subject_id: int, text: str, by: User, at: datetime) -> Comment:
    """Say something about a program or something in it; whoever it concerns finds it in their inbox."""
    require(by, Act.COMMENT, program)
    with history.because("Comment", by_id=by.pk):
        comment = history.create(
            Comment(program=program, kind=kind, subject_id=subject_id, text=_said(text), by=by, at=at)
        )
    named = _mentioned(comment)
    told = dict.fromkeys(_concerned(comment), Notice.Reason.COMMENT)
    _tell(comment, told | dict.fromkeys(named, Notice.Reason.MENTION), at)
    return comment


@transaction.atomic
def edit_comment(*, comment: Comment, text: str, by: User, at: datetime) -> Comment:
    """Change one's own words; whom they name anew is told."""
    comment = _own(comment, by)
    text = _said(text)
    if text == comment.text:
        return comment
    with history.because("Edit a comment", by_id=by.pk):
        history.save(comment, text=text, edited_at=at)
    _tell(comment, dict.fromkeys(_mentioned(comment), Notice.Reason.MENTION), at)
    return comment


@transaction.atomic
def delete_comment(*, comment: Comment, by: User) -> None:
    """Take one's own words back: they leave all pages and inboxes; their history stays."""
    comment = _own(comment, by)
    with history.because("Delete a comment", by_id=by.pk):
        history.delete(comment)


def _own(comment: Comment, by: User) -> Comment:
    comment = locked(comment)
    if comment.by_id != by.pk:
        raise PermissionDenied(_("Only who wrote a comment changes it."))
    require(by, Act.COMMENT, comment.program)
    return comment


def _said(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise ValidationError({"text": [_("Say something.")]}, code="text")
    return text


def _mentioned(comment: Comment) -> set[int]:
    if "@" not in comment.text:
        return set()
    named = [found.person.pk for found in mentions(comment.text, readers(comment.program)) if found.person]
    return set(named[:MOST_MENTIONS])


def _concerned(comment: Comment) -> set[int]:
    """Whoever watches the subject or its program, spoke there before, or leads the program."""
    watching = Watch.objects.filter(kind=comment.kind, subject_id=comment.subject_id)
    watching |= Watch.objects.filter(kind=Subject.PROGRAM, subject_id=comment.program_id)
    spoke = Comment.objects.about(comment.kind, comment.subject_id)
    lead = {comment.program.lead_id} if comment.program.lead_id else set()
    return lead | set(watching.values_list("user_id", flat=True)) | set(spoke.values_list("by_id", flat=True))


def _tell(comment: Comment, reasons: dict[int, Notice.Reason], at: datetime) -> None:
    """A notice each, but for the author and for those who were told of this comment before."""
    seeing = readers(comment.program).filter(pk__in=reasons.keys() - {comment.by_id})
    Notice.objects.bulk_create(
        [
            Notice(
                user_id=user_id,
                program_id=comment.program_id,
                kind=comment.kind,
                subject_id=comment.subject_id,
                reason=reasons[user_id],
                comment=comment,
                by_id=comment.by_id,
                at=at,
            )
            for user_id in seeing.order_by("pk").values_list("pk", flat=True)
        ],
        update_conflicts=True,
        unique_fields=["user", "comment"],
        update_fields=["reason"],
    )


# -- stars -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def watch(*, program: Program, kind: str, subject_id: int, by: User, at: datetime) -> Watch:
    """Star something; doing it twice is no mistake."""
    require(by, Act.VIEW, program)
    row, _ = Watch.objects.get_or_create(
        user=by, kind=kind, subject_id=subject_id, defaults={"program": program, "at": at}
    )
    return row


@transaction.atomic
def unwatch(*, kind: str, subject_id: int, by: User) -> None:
    Watch.objects.filter(user=by, kind=kind, subject_id=subject_id).delete()


# -- notices ---------------------------------------------------------------------------------------------------------


def tell_leads(
    *,
    program: Program,
    kind: str,
    subject_id: int,
    text: str,
    also: int | None,
    answering: Program,
    by: User,
    at: datetime,
) -> None:
    """Tell whoever answers for a program, and one more, of the answer to what it asked for.

    Who answered is named to those who see the program that is ``answering``.
    """
    roles = Role.objects.filter(program=program, kind=Role.Kind.LEAD).values_list("user_id", flat=True)
    told = {pk for pk in (program.lead_id, also, *roles) if pk and pk != by.pk}
    seeing = set(readers(answering).filter(pk__in=told).values_list("pk", flat=True))
    Notice.objects.bulk_create(
        Notice(
            user_id=user_id,
            program=program,
            kind=kind,
            subject_id=subject_id,
            reason=Notice.Reason.ANSWER,
            text=text[:MOST_TOLD],
            by=by if user_id in seeing else None,
            at=at,
        )
        for user_id in readers(program).filter(pk__in=told).order_by("pk").values_list("pk", flat=True)
    )


@transaction.atomic
def read_notice(*, notice: Notice, at: datetime) -> None:
    Notice.objects.unread().filter(pk=notice.pk).update(read_at=at)


@transaction.atomic
def finish_notice(*, notice: Notice, at: datetime) -> None:
    """Take a notice out of the inbox."""
    read_notice(notice=notice, at=at)
    Notice.objects.open().filter(pk=notice.pk).update(done_at=at)


@transaction.atomic
def read_all(*, by: User, at: datetime) -> int:
    """Mark all that a person was told of as read; how many were not."""
    return Notice.objects.unread().filter(user=by).update(read_at=at)


def forget(kind: str, *subject_ids: int) -> None:
    """What was said about a row and who watched it goes with it; the history of comments stays."""
    for model in (Comment, Watch, Notice):
        model._default_manager.filter(kind=kind, subject_id__in=subject_ids).delete()
