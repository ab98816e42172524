"""What people say about a program, a milestone, a risk or an update."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import User
from programs.models.program import OfProgramQuerySet, Program


class Subject(models.TextChoices):
    """What people comment on and watch. Named by kind and id: apps above this one cannot be pointed to (ADR 11)."""

    PROGRAM = "program", lazy("program")
    MILESTONE = "milestone", lazy("milestone")
    RISK = "risk", lazy("risk")
    UPDATE = "update", lazy("update")


def about_its_program(kind: str = "kind", subject: str = "subject_id") -> Q:
    """Rows about a program are about their own."""
    return ~Q(**{kind: Subject.PROGRAM}) | Q(**{subject: F("program_id")})


class CommentQuerySet(OfProgramQuerySet["Comment"]):
    def about(self, kind: str, subject_id: int) -> CommentQuerySet:
        return self.filter(kind=kind, subject_id=subject_id)


@track()
class Comment(Record):
    """Plain text about a subject of a program, by a person who sees it."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="comments")
    kind = models.CharField(lazy("about a"), max_length=12, choices=Subject.choices)
    subject_id = models.PositiveBigIntegerField()
    text = models.TextField(lazy("comment"), max_length=10_000)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="comments")
    at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True, blank=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=Subject.values) & about_its_program(),
                name="comment_has_subject",
                violation_error_message=lazy("A comment is about its program, or something in it."),
                violation_error_code="kind",
            ),
            models.CheckConstraint(
                condition=~Q(text=""),
                name="comment_says_something",
                violation_error_message=lazy("Say something."),
                violation_error_code="text",
            ),
        ]
        indexes = [models.Index(fields=["kind", "subject_id"], name="comment_subject")]

    def __str__(self) -> str:
        return self.text if len(self.text) <= 60 else f"{self.text[:59]}…"
