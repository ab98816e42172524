"""Users, teams, working calendars, access tokens and saved views: who there is, before any program."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache
from typing import ClassVar, Self
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.search import search_index

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_OF_DAY = 24 * 60
# Never another site, for whoever opens a shared view is sent there, nor another view, which might lead back.
PAGE_HERE = r"^/(?!(?:views|account|api)(?:/|\Z))(?:[A-Za-z0-9-]+(?:/[A-Za-z0-9-]+)*)?\Z"


@cache
def known_zones() -> frozenset[str]:
    """The names of all zones; to look them up reads hundreds of files."""
    return frozenset(available_timezones())


def validate_zone(name: str) -> None:
    if name not in known_zones():
        raise ValidationError(
            _("“%(name)s” is not a time zone. Use a name such as Europe/Berlin.") % {"name": name}, code="time_zone"
        )


def digest(token: str) -> str:
    """SHA-256 is enough here: a token is 256 random bits, there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def display_name(user: User) -> str:
    return user.name


@track(final=True, of_today=True)
class Organisation(Record):
    """The one organisation of this installation. Its zone says which day is today."""

    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    calendar = models.ForeignKey("people.WorkingCalendar", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_organisation")]

    def __str__(self) -> str:
        return self.name


@track(final=True)
class WorkingCalendar(Record):
    """Working minutes of each weekday; holidays take whole days away."""

    name = models.CharField(max_length=120, unique=True)
    monday = models.PositiveSmallIntegerField(default=480, validators=[MaxValueValidator(MINUTES_OF_DAY)])
    tuesday = models.PositiveSmallIntegerField(default=480, validators=[MaxValueValidator(MINUTES_OF_DAY)])
    wednesday = models.PositiveSmallIntegerField(default=480, validators=[MaxValueValidator(MINUTES_OF_DAY)])
    thursday = models.PositiveSmallIntegerField(default=480, validators=[MaxValueValidator(MINUTES_OF_DAY)])
    friday = models.PositiveSmallIntegerField(default=480, validators=[MaxValueValidator(MINUTES_OF_DAY)])
    saturday = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(MINUTES_OF_DAY)])
    sunday = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(MINUTES_OF_DAY)])

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(*[(f"{day}__gt", 0) for day in WEEKDAYS], _connector=Q.OR),
                name="calendar_works_some_day",
                violation_error_message=lazy("A working calendar needs at least one working day."),
            ),
            models.CheckConstraint(
                condition=Q(*[(f"{day}__lte", MINUTES_OF_DAY) for day in WEEKDAYS]),
                name="calendar_day_has_24_hours",
                violation_error_message=lazy("A day has at most 24 working hours."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def minutes(self) -> tuple[int, ...]:
        """Working minutes from Monday to Sunday."""
        return tuple(getattr(self, day) for day in WEEKDAYS)


@track(final=True)
class Holiday(models.Model):
    calendar = models.ForeignKey(WorkingCalendar, on_delete=models.CASCADE, related_name="holidays")
    on = models.DateField()
    name = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["calendar", "on"],
                name="holiday_once",
                violation_error_message=lazy("This calendar has a holiday on that day already."),
                violation_error_code="on",
            )
        ]

    def __str__(self) -> str:
        name = self.name or _("Holiday")
        return f"{name} {self.on:%Y-%m-%d}"


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


@track(exclude=("password", "last_login"), final=True, of_today=True)
class User(AbstractBaseUser, Record):
    """A person who signs in with an e-mail address."""

    class Appearance(models.TextChoices):
        SYSTEM = "system", lazy("As on my device")
        LIGHT = "light", lazy("Light")
        DARK = "dark", lazy("Dark")

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    is_admin = models.BooleanField(lazy("administrator"), default=False)
    is_active = models.BooleanField(lazy("active"), default=True)
    appearance = models.CharField(
        lazy("appearance"), max_length=10, choices=Appearance.choices, default=Appearance.SYSTEM
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="email_once_in_any_case",
                violation_error_message=lazy("A person with this e-mail address exists already."),
                violation_error_code="email",
            ),
            models.CheckConstraint(
                condition=Q(appearance__in=["system", "light", "dark"]), name="user_appearance_known"
            ),
        ]
        indexes = [search_index("user_search", "name")]

    def get_absolute_url(self) -> str:
        return f"/settings/people/{self.pk}"

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        words = self.name.split() or [self.email]
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


# Whoever looks: a signed-in person, or nobody.
Viewer = User | AnonymousUser


@track()
class Team(Record):
    """People who deliver together. Capacity is in people-days a week."""

    name = models.CharField(max_length=120, unique=True)
    external_key = models.CharField(max_length=200, blank=True)
    area = models.CharField(max_length=120, blank=True)
    capacity_days = models.DecimalField(
        lazy("capacity, people-days a week"),
        max_digits=7,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    limits_work = models.BooleanField(
        lazy("capacity delays work"),
        default=False,
        help_text=lazy("Work takes longer in weeks in which the team is asked for more than it can do."),
    )
    calendar = models.ForeignKey(WorkingCalendar, null=True, blank=True, on_delete=models.PROTECT, related_name="teams")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["external_key"], condition=~Q(external_key=""), name="team_external_key_once"
            ),
            models.CheckConstraint(
                condition=Q(capacity_days=None) | Q(capacity_days__gte=0),
                name="team_capacity_not_negative",
                violation_error_message=lazy("Capacity is zero or more people-days a week."),
                violation_error_code="capacity_days",
            ),
            models.CheckConstraint(
                condition=Q(limits_work=False) | Q(capacity_days__isnull=False),
                name="team_limits_work_by_capacity",
                violation_error_message=lazy("Say what the team can do a week; without it nothing can be compared."),
                violation_error_code="capacity_days",
            ),
        ]
        indexes = [search_index("team_search", "name")]

    def get_absolute_url(self) -> str:
        return f"/teams/{self.pk}"

    def __str__(self) -> str:
        return self.name


@track()
class Membership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "user"],
                name="member_once",
                violation_error_message=lazy("This person is in the team already."),
                violation_error_code="user",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """A person sees their own tokens alone."""
        return self.filter(user_id=viewer.pk) if viewer.is_authenticated else self.none()

    def usable(self, today: date) -> Self:
        return self.filter(revoked_at=None, expires_on__gte=today, user__is_active=True)


class AccessToken(models.Model):
    """A key for the API. Only its hash is kept; the prefix tells tokens apart in a list."""

    class Scope(models.TextChoices):
        READ = "read", lazy("read")
        WRITE = "write", lazy("write")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the whole token, in hex.")
    scopes = models.CharField(max_length=60, help_text="Space-separated.")
    created_at = models.DateTimeField(default=timezone.now)
    expires_on = models.DateField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(revoked_at=None) | Q(revoked_at__gte=F("created_at")), name="token_revoked_after_made"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def allows(self, scope: str) -> bool:
        return scope in self.scopes.split()


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """A person's own, and what others share with everyone."""
        if not viewer.is_authenticated or not viewer.is_active:
            return self.none()
        return self.filter(Q(owner_id=viewer.pk) | Q(is_shared=True))

    def by_name(self, viewer: Viewer) -> Self:
        """The viewer's own first, then those of others."""
        return self.order_by(Case(When(owner_id=viewer.pk, then=0), default=1), Lower("name"), "id")


@track(of_today=True)
class SavedView(Record):
    """A page with its filters, order and groups, under a name. Whoever opens it sees what they may see, no more."""

    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="saved_views")
    name = models.CharField(max_length=80)
    path = models.CharField(
        lazy("page"), max_length=200, validators=[RegexValidator(PAGE_HERE, lazy("Give a page here, such as /risks."))]
    )
    query = models.CharField(
        lazy("filters and order"), max_length=2000, blank=True, help_text="The part of the page's address after “?”."
    )
    is_shared = models.BooleanField(lazy("for everyone"), default=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(name=""),
                name="saved_view_has_name",
                violation_error_message=lazy("A view needs a name."),
                violation_error_code="name",
            ),
            models.UniqueConstraint(
                fields=["owner", "path", "name"],
                name="saved_view_name_once",
                violation_error_message=lazy("You have a view of this name already."),
                violation_error_code="name",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def slug(self) -> str:
        """Its name in an address. The id at its end finds it, so that a link outlives a new name."""
        return f"{slugify(self.name)[:60].strip('-') or 'view'}-{self.pk}"

    @property
    def address(self) -> str:
        """The page as it was saved."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def get_absolute_url(self) -> str:
        return f"/views/{self.slug}"


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, viewer: Viewer) -> Self:
        return self.filter(user_id=viewer.pk) if viewer.is_authenticated else self.none()

    def in_inbox(self) -> Self:
        return self.filter(put_away_at=None).order_by("-asked_at", "-id")

    def unread(self) -> Self:
        """Ended since their person last looked."""
        return self.filter(ended_at__isnull=False, read_at=None, put_away_at=None)


class Job(models.Model):
    """Long work that a person asked for and may leave: where it is seen, and what came of it. Not history.

    The rows are the queue: whoever carries jobs out finds those without an end.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="jobs")
    title = models.CharField(max_length=200)
    url = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    is_good = models.BooleanField(default=False, help_text="Whether it did what it was asked for.")
    result = models.CharField(max_length=600, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    put_away_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ended_at=None) ^ ~Q(result=""), name="job_ends_with_result"),
            models.CheckConstraint(
                condition=Q(put_away_at=None) | Q(ended_at__isnull=False), name="job_put_away_is_ended"
            ),
        ]
        indexes = [
            models.Index(fields=["asked_at"], condition=Q(ended_at=None), name="job_waiting"),
            models.Index(fields=["user"], condition=Q(put_away_at=None), name="job_in_inbox"),
        ]

    def __str__(self) -> str:
        return self.title
