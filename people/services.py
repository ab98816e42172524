"""Writes of the organisation: people, teams, calendars, tokens, saved views, jobs."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

import history
from people.models import (
    AccessToken,
    Holiday,
    Job,
    Membership,
    Organisation,
    SavedView,
    Team,
    User,
    WorkingCalendar,
    digest,
)
from people.permissions import OrgAct, require, require_change_view

TOKEN_PREFIX = "tpm_"  # noqa: S105  # the visible start of every token, so that scanners find a leaked one
ADMINISTRATORS_LOCK = 7303
MOST_RESULT = 600
# Not of a view, but of one look at it.
PASSING = frozenset({"page", "format", "csrfmiddlewaretoken"})


def organisation_and_zone() -> tuple[str, ZoneInfo]:
    """Whose portfolio this is, nobody's before it is set up, and the zone that says which day is today."""
    name, zone = Organisation.objects.values_list("name", "time_zone").first() or ("", "UTC")
    return name, ZoneInfo(zone)


def organisation_zone() -> ZoneInfo:
    """The zone that says which day is today."""
    return organisation_and_zone()[1]


def today(now: datetime) -> date:
    """The organisation's day at a moment."""
    return now.astimezone(organisation_zone()).date()


@transaction.atomic
def set_up_organisation(*, name: str, time_zone: str = "UTC", by: User | None = None) -> Organisation:
    """Make the organisation and its default working calendar, once."""
    if Organisation.objects.exists():
        raise ValidationError(_("The organisation exists already."), code="exists")
    with history.because("Set up the organisation", by_id=by.pk if by else None):
        calendar = history.create(WorkingCalendar(name="Monday to Friday"))
        return history.create(Organisation(pk=1, name=name, time_zone=time_zone, calendar=calendar))


@transaction.atomic
def change_organisation(*, organisation: Organisation, by: User, **changes: Any) -> Organisation:
    require(by, OrgAct.MANAGE_ORGANISATION)
    organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
    with history.because("Change the organisation", by_id=by.pk):
        return history.save(organisation, **changes)


@transaction.atomic
def create_user(*, email: str, name: str, password: str | None, by: User | None, **fields: Any) -> User:
    """Add a person; without a password they set one by e-mail first. ``by`` is None at set-up alone."""
    if by is not None:
        require(by, OrgAct.MANAGE_PEOPLE)
    user = User(email=email, name=name, **fields)
    if password is None:
        user.set_unusable_password()
    else:
        try:
            validate_password(password, user)
        except ValidationError as refusal:
            raise ValidationError({"password": refusal.error_list}, code="password") from refusal
        user.set_password(password)
    with history.because("Add a person", by_id=by.pk if by else None):
        return history.create(user)


def _wait_for_administrators() -> None:
    """Let one transaction at a time make the first administrator or take one away; held until it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADMINISTRATORS_LOCK])


@transaction.atomic
def change_user(*, user: User, by: User, **changes: Any) -> User:
    """Change a person: oneself in name, zone and appearance; administrators everybody in all but that appearance."""
    if by.pk != user.pk and "appearance" in changes:
        raise PermissionDenied(_("Light or dark is each person’s own choice: only they can change it."))
    if by.pk != user.pk or changes.keys() - {"name", "time_zone", "appearance"}:
        require(by, OrgAct.MANAGE_PEOPLE)
    user = User.objects.select_for_update().get(pk=user.pk)
    losing_admin = user.is_admin and not (changes.get("is_admin", True) and changes.get("is_active", True))
    if losing_admin:
        # Two administrators who strip each other at once would leave none.
        _wait_for_administrators()
    if losing_admin and not User.objects.filter(is_admin=True, is_active=True).exclude(pk=user.pk).exists():
        raise ValidationError(_("This is the only administrator. Make another person one first."), code="last_admin")
    with history.because("Change a person", by_id=by.pk):
        return history.save(user, **changes)


@transaction.atomic
def set_up(*, organisation: str, time_zone: str, email: str, name: str, password: str) -> User:
    """Make the first administrator of a new installation, and its organisation where an import did not; once."""
    _wait_for_administrators()
    if User.objects.exists():
        raise ValidationError(_("This installation is set up already. Sign in."), code="exists")
    user = create_user(email=email, name=name, password=password, by=None, time_zone=time_zone, is_admin=True)
    if not Organisation.objects.exists():
        set_up_organisation(name=organisation, time_zone=time_zone, by=user)
    return user


@transaction.atomic
def create_team(*, name: str, by: User, **fields: Any) -> Team:
    require(by, OrgAct.CREATE_TEAM)
    with history.because("Add a team", by_id=by.pk):
        return history.create(Team(name=name, **fields))


@transaction.atomic
def change_team(*, team: Team, by: User, **changes: Any) -> Team:
    require(by, OrgAct.MANAGE_TEAMS)
    team = Team.objects.select_for_update().get(pk=team.pk)
    with history.because("Change a team", by_id=by.pk):
        return history.save(team, **changes)


@transaction.atomic
def delete_team(*, team: Team, by: User) -> None:
    require(by, OrgAct.MANAGE_TEAMS)
    with history.because("Delete a team", by_id=by.pk):
        history.delete(Team.objects.select_for_update().get(pk=team.pk))


@transaction.atomic
def set_members(*, team: Team, members: Iterable[User], by: User) -> None:
    """Make these people, and no others, the team's members."""
    require(by, OrgAct.MANAGE_TEAMS)
    team = Team.objects.select_for_update().get(pk=team.pk)
    wanted = {user.pk for user in members}
    with history.because("Change a team's members", by_id=by.pk):
        present = {row.user_id: row for row in team.memberships.all()}
        for user_id in sorted(present.keys() - wanted):
            history.delete(present[user_id])
        for user_id in sorted(wanted - present.keys()):
            history.create(Membership(team=team, user_id=user_id))


@transaction.atomic
def create_calendar(
    *, name: str, by: User, holidays: Iterable[tuple[date, str]] = (), **fields: Any
) -> WorkingCalendar:
    require(by, OrgAct.MANAGE_CALENDARS)
    with history.because("Add a working calendar", by_id=by.pk):
        calendar = history.create(WorkingCalendar(name=name, **fields))
        for on, what in holidays:
            history.create(Holiday(calendar=calendar, on=on, name=what))
        return calendar


@transaction.atomic
def change_calendar(
    *, calendar: WorkingCalendar, by: User, holidays: Iterable[tuple[date, str]] | None = None, **changes: Any
) -> WorkingCalendar:
    """Change working hours and, where given, replace the holidays."""
    require(by, OrgAct.MANAGE_CALENDARS)
    calendar = WorkingCalendar.objects.select_for_update().get(pk=calendar.pk)
    with history.because("Change a working calendar", by_id=by.pk):
        history.save(calendar, **changes)
        if holidays is not None:
            wanted = dict(holidays)
            present = {row.on: row for row in calendar.holidays.all()}
            for on, row in present.items():
                if wanted.get(on) != row.name:
                    history.delete(row)
            for on, what in wanted.items():
                if on not in present or present[on].name != what:
                    history.create(Holiday(calendar=calendar, on=on, name=what))
    return calendar


@transaction.atomic
def delete_calendar(*, calendar: WorkingCalendar, by: User) -> None:
    require(by, OrgAct.MANAGE_CALENDARS)
    with history.because("Delete a working calendar", by_id=by.pk):
        history.delete(WorkingCalendar.objects.select_for_update().get(pk=calendar.pk))


@transaction.atomic
def issue_token(
    *, user: User, name: str, scopes: Iterable[str], expires_on: date, today: date
) -> tuple[AccessToken, str]:
    """Make a token; the secret is returned this once and never stored."""
    chosen = sorted(set(scopes))
    unknown = [scope for scope in chosen if scope not in AccessToken.Scope.values]
    if unknown or not chosen:
        raise ValidationError(
            {"scopes": [_("Choose from: %(names)s.") % {"names": ", ".join(AccessToken.Scope.values)}]}, code="scopes"
        )
    if expires_on <= today:
        raise ValidationError({"expires_on": [_("Choose a day in the future.")]}, code="expired")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = AccessToken(
        user=user,
        name=name,
        prefix=secret[: len(TOKEN_PREFIX) + 6],
        digest=digest(secret),
        scopes=" ".join(chosen),
        expires_on=expires_on,
    )
    return history.create(token), secret


@transaction.atomic
def revoke_token(*, token: AccessToken, at: datetime) -> AccessToken:
    token = AccessToken.objects.select_for_update().get(pk=token.pk)
    return token if token.revoked_at else history.save(token, revoked_at=at)


def tidy(query: str) -> str:
    """A query string as a view keeps it: in a fixed order, without what is empty or passing.

    >>> tidy("?sort=-slip&health=off_track&lead=&page=3")
    'health=off_track&sort=-slip'
    """
    given = parse_qsl(query.removeprefix("?"))
    return urlencode(sorted((name, value) for name, value in given if name not in PASSING and "\0" not in name + value))


@transaction.atomic
def save_view(*, by: User, name: str, path: str, query: str = "", is_shared: bool = False) -> SavedView:
    """Keep a page with its filters and order under a name."""
    with history.because("Save a view", by_id=by.pk):
        return history.create(SavedView(owner=by, name=name, path=path, query=tidy(query), is_shared=is_shared))


@transaction.atomic
def change_view(*, view: SavedView, by: User, **changes: Any) -> SavedView:
    view = SavedView.objects.select_for_update(of=("self",)).select_related("owner").get(pk=view.pk)
    require_change_view(by, view)
    if "query" in changes:
        changes["query"] = tidy(changes["query"])
    with history.because("Change a saved view", by_id=by.pk):
        return history.save(view, **changes)


@transaction.atomic
def delete_view(*, view: SavedView, by: User) -> None:
    view = SavedView.objects.select_for_update(of=("self",)).select_related("owner").get(pk=view.pk)
    require_change_view(by, view)
    with history.because("Delete a saved view", by_id=by.pk):
        history.delete(view)


# -- jobs ------------------------------------------------------------------------------------------------------------


def end_job(*, job: Job, at: datetime, is_good: bool, result: str) -> None:
    """Write down what came of a job; its person finds it in their inbox."""
    job.ended_at, job.is_good, job.result = at, is_good, result[:MOST_RESULT]
    job.save(update_fields=["ended_at", "is_good", "result"])


def read_jobs(*, by: User, at: datetime, job: Job | None = None) -> None:
    """Mark what came of a job, or of all of a person's jobs, as read."""
    ended = Job.objects.unread().filter(user=by)
    (ended.filter(pk=job.pk) if job else ended).update(read_at=at)


def put_away_job(*, job: Job, at: datetime) -> None:
    """Take a job that has ended out of the inbox."""
    if job.ended_at is None:
        raise ValidationError(_("It is not done yet."), code="not_done")
    Job.objects.filter(pk=job.pk, put_away_at=None).update(put_away_at=at)
