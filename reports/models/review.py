"""The portfolio review: a meeting, and what people took home from it."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import User, Viewer
from programs.models import Program


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Everybody reads what was on the agenda; actions of a private program are seen by those who see it."""
        return self if viewer.is_authenticated and viewer.is_active else self.none()


@track(final=True)
class Review(Record):
    """One meeting about the portfolio: the day whose facts it looks at, its agenda and its notes."""

    held_on = models.DateField(lazy("day"), unique=True)
    chair = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reviews")
    agenda = models.TextField(blank=True, max_length=5_000)
    notes = models.TextField(blank=True, max_length=20_000)

    objects = ReviewQuerySet.as_manager()

    def __str__(self) -> str:
        return _("Review of %(day)s") % {"day": date_format(self.held_on, "j M Y")}

    def get_absolute_url(self) -> str:
        return f"/reviews/{self.pk}"


class ReviewActionQuerySet(models.QuerySet["ReviewAction"]):
    def visible_to(self, viewer: Viewer) -> Self:
        if not viewer.is_authenticated or not viewer.is_active:
            return self.none()
        return self.filter(Q(program=None) | Q(program__in=Program.objects.visible_to(viewer)))

    def open(self) -> Self:
        return self.filter(done_on=None)


@track(final=True)
class ReviewAction(Record):
    """What somebody does by a day, as a meeting agreed; open ones stand on the next agenda.

    Without a review it was agreed in its program's own sync.
    """

    review = models.ForeignKey(Review, null=True, blank=True, on_delete=models.CASCADE, related_name="actions")
    program = models.ForeignKey(Program, null=True, blank=True, on_delete=models.CASCADE, related_name="review_actions")
    text = models.CharField(max_length=500)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="review_actions")
    due_on = models.DateField(lazy("due"))
    done_on = models.DateField(lazy("done"), null=True, blank=True)

    objects = ReviewActionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(review__isnull=False) | Q(program__isnull=False),
                name="review_action_agreed_somewhere",
                violation_error_message=lazy("Name the review that agreed it, or the program whose sync did."),
                violation_error_code="review",
            )
        ]
        indexes = [models.Index(fields=["due_on"], condition=Q(done_on=None), name="review_action_open")]

    def __str__(self) -> str:
        return self.text

    def get_absolute_url(self) -> str:
        return f"{self.meeting_url}#action-{self.pk}"

    @property
    def meeting_url(self) -> str:
        """The page of the meeting that agreed it."""
        if self.review:
            return self.review.get_absolute_url()
        return f"{self.program.get_absolute_url()}/sync" if self.program else ""
