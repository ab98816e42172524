"""What a person watches, and what they are told of: the rows behind stars and the inbox."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as lazy

from people.models import User, Viewer
from programs.models.comment import Comment, Subject, about_its_program
from programs.models.program import OfProgramQuerySet, P, Program

# Characters of a notice that is no comment.
MOST_TOLD = 600


class OwnQuerySet(OfProgramQuerySet[P]):
    """For rows that a person alone has, while they see the program."""

    def visible_to(self, viewer: Viewer) -> Self:
        return super().visible_to(viewer).filter(user_id=viewer.pk) if viewer.is_authenticated else self.none()


class Watch(models.Model):
    """A person's star: comments on the subject reach them. A preference, not history."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="watches")
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="watches")
    kind = models.CharField(lazy("of a"), max_length=12, choices=Subject.choices)
    subject_id = models.PositiveBigIntegerField()
    at = models.DateTimeField()

    objects = OwnQuerySet["Watch"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "subject_id"], name="watch_once"),
            models.CheckConstraint(
                condition=Q(kind__in=Subject.values) & about_its_program(), name="watch_has_subject"
            ),
        ]
        indexes = [models.Index(fields=["kind", "subject_id"], name="watch_subject")]
        verbose_name_plural = "watches"

    def __str__(self) -> str:
        return f"{self.user_id} watches {self.kind} {self.subject_id}"


class NoticeQuerySet(OwnQuerySet["Notice"]):
    def unread(self) -> Self:
        return self.filter(read_at=None)

    def open(self) -> Self:
        return self.filter(done_at=None)


class Notice(models.Model):
    """Something that happened and that a person is told of in their inbox. What a comment says is not copied."""

    class Reason(models.TextChoices):
        MENTION = "mention", lazy("mentioned you")
        COMMENT = "comment", lazy("commented")
        ANSWER = "answer", lazy("answered a hand-off")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(lazy("about a"), max_length=12, choices=Subject.choices)
    subject_id = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=8, choices=Reason.choices)
    comment = models.ForeignKey(Comment, null=True, blank=True, on_delete=models.CASCADE, related_name="notices")
    text = models.CharField(max_length=MOST_TOLD, blank=True)
    by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty where the reader does not see the program of whoever answered.",
    )
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "comment"], name="notice_once"),
            models.CheckConstraint(
                condition=Q(kind__in=Subject.values) & about_its_program(), name="notice_has_subject"
            ),
            models.CheckConstraint(condition=Q(done_at=None) | Q(read_at__isnull=False), name="notice_done_is_read"),
        ]
        indexes = [
            models.Index(fields=["user"], condition=Q(read_at=None), name="notice_unread"),
            models.Index(fields=["kind", "subject_id"], name="notice_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} for {self.user_id}"
