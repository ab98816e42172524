"""A plan's readers, and the letters themselves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import Team, User, Viewer, validate_zone
from reports.models.plan import WEEKDAYS, Plan
from reports.replies import Reply, in_words
from reports.schedule import Cadence, upcoming


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """A person's own, and the readers of plans that they may change."""
        if not viewer.is_authenticated:
            return self.none()
        return self.filter(Q(user_id=viewer.pk) | Q(plan__in=Plan.objects.changeable_by(viewer)))

    def of(self, viewer: Viewer) -> Self:
        """A person's own."""
        return self.filter(user_id=viewer.pk) if viewer.is_authenticated else self.none()

    def active(self) -> Self:
        """Readers who get letters: outside addresses only once they said so themselves."""
        inside = Q(user__is_active=True) | Q(user=None, confirmed_at__isnull=False, granted_by__is_active=True)
        return self.filter(inside, ended_at=None, plan__ended_at=None, plan__is_template=False)


@track(final=True, of_today=True)
class Subscription(Record):
    """A reader of a plan: a person, an outside address, or a webhook. Weekday and hour are theirs where they say so."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="readers")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="subscriptions")
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_zone])
    url = models.URLField(lazy("address"), max_length=500, blank=True)
    team = models.ForeignKey(Team, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+")
    enrolled = models.BooleanField(default=False, editable=False, help_text="Came with a team or the audience.")
    granted_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whoever let an outside reader in; the letter holds what they may share.",
    )
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    weekday = models.PositiveSmallIntegerField(null=True, blank=True, choices=WEEKDAYS)
    hour = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MaxValueValidator(23)])
    paused_until = models.DateField(null=True, blank=True, help_text="The last day without a letter.")
    begins_at = models.DateTimeField(default=timezone.now, help_text="Letters due from this moment on are sent.")
    ended_at = models.DateTimeField(null=True, blank=True)
    left = models.BooleanField(default=False, editable=False, help_text="Unsubscribed by the reader's own act.")

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = "reader"
        constraints = [
            models.CheckConstraint(
                condition=Q(weekday=None) | Q(weekday__lte=6),
                name="subscription_weekday",
                violation_error_message=lazy("A weekday is from 0, Monday, to 6."),
                violation_error_code="weekday",
            ),
            models.CheckConstraint(
                condition=Q(hour=None) | Q(hour__lte=23),
                name="subscription_hour",
                violation_error_message=lazy("An hour is from 0 to 23."),
                violation_error_code="hour",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, email="", url="")
                | (Q(user=None, url="", granted_by__isnull=False) & ~Q(email="") & ~Q(time_zone=""))
                | (Q(user=None, email="", granted_by__isnull=False, confirmed_at__isnull=False) & ~Q(url="")),
                name="subscription_one_reader",
                violation_error_message=lazy("A reader is a person, an outside address or a webhook."),
            ),
            models.UniqueConstraint(
                fields=["plan", "user"],
                name="subscription_once",
                violation_error_message=lazy("This person is a reader already."),
                violation_error_code="user",
            ),
            models.UniqueConstraint(
                fields=["plan", "email"],
                condition=~Q(email=""),
                name="subscription_address_once",
                violation_error_message=lazy("This address is a reader already."),
                violation_error_code="email",
            ),
            models.UniqueConstraint(
                fields=["plan"],
                condition=~Q(url=""),
                name="subscription_one_webhook",
                violation_error_message=lazy("A plan has one webhook."),
                violation_error_code="url",
            ),
        ]

    def __str__(self) -> str:
        return self.reader_name

    @property
    def reader_name(self) -> str:
        """Whose letters these are. Of a webhook the host alone: the rest of the address may hold a secret."""
        if self.user:
            return self.user.name
        return self.name or self.email or self.url.split("/")[2]

    @property
    def zone_name(self) -> str:
        return self.plan.zone or (self.user.time_zone if self.user else self.time_zone) or "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone_name)

    @property
    def cadence(self) -> Cadence:
        return self.plan.cadence(self.weekday, self.hour)

    def is_paused_on(self, day: date) -> bool:
        return self.plan.is_paused_on(day) or (self.paused_until is not None and day <= self.paused_until)

    def next_due(self, at: datetime) -> datetime | None:
        """When the next letter is due that no pause holds back."""
        periods = upcoming(at, self.cadence, self.zone)
        return next((period.due_at for period in periods if not self.is_paused_on(period.on)), None)


class WebhookSecret(models.Model):
    """What a webhook's messages are signed with. No history is kept of it, and no page or answer shows it twice."""

    subscription = models.OneToOneField(Subscription, primary_key=True, on_delete=models.CASCADE, related_name="secret")
    secret = models.CharField(max_length=100)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"secret of {self.subscription_id}"


class LetterQuerySet(models.QuerySet["Letter"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """One's own: a letter holds what its reader may see."""
        return self.filter(subscription__user_id=viewer.pk) if viewer.is_authenticated else self.none()

    def promised_by(self, plans: models.QuerySet[Plan]) -> Self:
        """Letters of plans, to be counted and shown by state alone."""
        return self.filter(subscription__plan__in=plans).defer("subject", "text", "html", "facts")


class Letter(models.Model):
    """One letter of one period to one reader. The row is claimed before anything is sent."""

    class State(models.TextChoices):
        DUE = "due", lazy("due")
        STARTED = "started", lazy("started")
        SENT = "sent", lazy("sent")
        REFUSED = "refused", lazy("refused")
        UNKNOWN = "unknown", lazy("unknown")
        SKIPPED = "skipped", lazy("skipped")
        # Somebody should have had it, and nobody was there to send it.
        MISSED = "missed", lazy("missed")

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="letters")
    period = models.CharField(
        max_length=16, help_text="ISO week such as 2026-W47, a month or a day; an extra one has a suffix."
    )
    message_id = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.DUE)
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    claims = models.PositiveSmallIntegerField(default=0, help_text="How often a worker took it to write it.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="How often a server was asked to take it.")
    error = models.CharField(max_length=500, blank=True)
    # Who last had it sent once more, of which nobody knew whether it arrived, and when.
    again_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    again_at = models.DateTimeField(null=True)
    subject = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    facts = models.JSONField(null=True, help_text="What it was written from: every number with its record.")

    objects = LetterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "period"], name="letter_once_a_period"),
            models.CheckConstraint(condition=~Q(state="sent") | Q(sent_at__isnull=False), name="letter_sent_when"),
            models.CheckConstraint(
                condition=Q(again_by__isnull=True, again_at__isnull=True)
                | Q(again_by__isnull=False, again_at__isnull=False),
                name="letter_again_by_and_at",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=["due", "started"]), name="letter_in_hand"),
            models.Index(fields=["-due_at"], name="letter_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.period}"

    @property
    def trouble(self) -> Reply | None:
        """What went wrong, in words, and what can be done."""
        return in_words(self.error, again=self.state == self.State.DUE) if self.error else None
