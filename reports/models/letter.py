"""Who gets the letter, and the letters themselves."""

from __future__ import annotations

from typing import Self

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from history.models import Record
from history.tracker import track
from people.models import User, Viewer


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def visible_to(self, viewer: Viewer) -> Self:
        return self.filter(user_id=viewer.pk) if viewer.is_authenticated else self.none()


@track(final=True, of_today=True)
class Subscription(Record):
    """A reader's weekly letter: their weekday and hour, in their own zone."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="subscription")
    weekday = models.PositiveSmallIntegerField(
        default=0,
        choices=list(enumerate(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"])),
    )
    hour = models.PositiveSmallIntegerField(default=7, validators=[MaxValueValidator(23)])
    begins_at = models.DateTimeField(default=timezone.now, help_text="Letters due from this moment on are sent.")
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(weekday__lte=6, hour__lte=23),
                name="subscription_in_week",
                violation_error_message="An hour is from 0 to 23.",
                violation_error_code="hour",
            )
        ]

    def __str__(self) -> str:
        return f"letter to {self.user_id}"


class LetterQuerySet(models.QuerySet["Letter"]):
    def visible_to(self, viewer: Viewer) -> Self:
        return self.filter(subscription__user_id=viewer.pk) if viewer.is_authenticated else self.none()


class Letter(models.Model):
    """One letter of one week to one reader. The row is claimed before anything is sent."""

    class State(models.TextChoices):
        DUE = "due", "due"
        STARTED = "started", "started"
        SENT = "sent", "sent"
        REFUSED = "refused", "refused"
        UNKNOWN = "unknown", "unknown"
        SKIPPED = "skipped", "skipped"

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="letters")
    week = models.CharField(max_length=12, help_text="ISO week such as 2026-W47; an extra one has a suffix.")
    message_id = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.DUE)
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)

    objects = LetterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "week"], name="letter_once_a_week"),
            models.CheckConstraint(condition=~Q(state="sent") | Q(sent_at__isnull=False), name="letter_sent_when"),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state__in=["due", "started"]), name="letter_in_hand")]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.week}"
