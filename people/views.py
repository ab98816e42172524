"""Pages of the organisation: teams, and what a person or an administrator sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from allauth.account import views as account
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import is_valid_path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from history.days import DayField
from history.forms import explaining
from people import services
from people import unsent as keeping
from people.forms import (
    CalendarForm,
    MembersForm,
    OrganisationForm,
    PersonForm,
    ProfileForm,
    SetUpForm,
    TeamForm,
    TokenForm,
)
from people.models import WEEKDAYS, AccessToken, Job, Organisation, Team, User, WorkingCalendar
from people.pages import SignedIn, attempt, delete, done, form_page, narrowed, paged, posted
from people.permissions import OrgAct, may, require

Crumbs = Sequence[tuple[str | Promise, str]]
SETTINGS: Crumbs = [(lazy("Settings"), "/settings")]


# -- before there is anybody -----------------------------------------------------------------------------------------


@login_not_required
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; a new installation, where nobody can sign in yet, is set up first."""
    if not User.objects.exists():
        return redirect("set_up")
    return cast(HttpResponse, account.login(request))


@login_not_required
@never_cache
def set_up(request: HttpRequest) -> HttpResponse:
    """The first page of a new installation; as soon as there is a person it is gone."""
    if User.objects.exists():
        raise Http404
    form = SetUpForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            user = services.set_up(**{name: form.cleaned_data[name] for name in form.fields if name != "again"})
            login(request, user)
            messages.success(
                request, _("Welcome, %(name)s. Create a program, or import your portfolio.") % {"name": user.name}
            )
            return redirect("/")
    return render(request, "people/set_up.html", {"form": form}, status=422 if form.errors else 200)


# -- teams -----------------------------------------------------------------------------------------------------------


def find_team(pk: int) -> Team:
    """Teams are seen by everybody who signs in."""
    return get_object_or_404(Team.objects.select_related("calendar"), pk=pk)


def team_crumbs(*teams: Team) -> Crumbs:
    return [(_("Teams"), "/teams"), *((team.name, f"/teams/{team.pk}") for team in teams)]


def team_create(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.CREATE_TEAM)
    form = TeamForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_team(by=request.user, **form.changes)
            return done(request, _("Added the team “%(name)s”.") % {"name": row.name}, f"/teams/{row.pk}")
    context = {
        "form": form,
        "title": _("New team"),
        "crumbs": team_crumbs(),
        "cancel_url": "/teams",
        "submit_label": _("Add team"),
    }
    return form_page(request, context)


def team_edit(request: SignedIn, pk: int) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_TEAMS)
    row = find_team(pk)
    form = narrowed(request, TeamForm(posted(request), row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_team(team=row, by=request.user, **form.changes)
            return done(request, _("Saved the team."), f"/teams/{row.pk}", kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit team"),
        "crumbs": team_crumbs(row),
        "cancel_url": f"/teams/{row.pk}",
        "delete_url": f"/teams/{row.pk}/delete",
    }
    return form_page(request, context)


def team_members(request: SignedIn, pk: int) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_TEAMS)
    row = find_team(pk)
    form = MembersForm(posted(request), team=row)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.set_members(team=row, members=form.cleaned_data["members"], by=request.user)
            return done(request, _("Saved the members."), f"/teams/{row.pk}")
    context = {"form": form, "title": _("Change members"), "crumbs": team_crumbs(row), "cancel_url": f"/teams/{row.pk}"}
    return render(request, "form_base.html", context, status=422 if form.errors else 200)


def team_delete(request: SignedIn, pk: int) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_TEAMS)
    row = find_team(pk)
    return delete(
        request,
        lambda: services.delete_team(team=row, by=request.user),
        row=row,
        to="/teams",
        back=f"/teams/{row.pk}",
        consequence=_("Its members stay, without this team. A team that still owns something cannot be deleted."),
        crumbs=team_crumbs(row),
    )


# -- settings --------------------------------------------------------------------------------------------------------


class Setting(NamedTuple):
    """A page of settings; ``act`` is needed to open it."""

    path: str
    icon: str
    label: str | Promise
    text: str | Promise
    act: OrgAct | None = None


PERSONAL = (
    Setting("/settings/profile", "user", lazy("Profile"), lazy("Your name, time zone and colours, light or dark.")),
    Setting("/settings/letters", "mail", lazy("Letters"), lazy("What you get, on which day and at what hour.")),
    Setting("/views", "filter", lazy("Saved views"), lazy("Pages with their filters and order, under a name.")),
    Setting("/settings/tokens", "share", lazy("Access tokens"), lazy("Keys for other tools that use the API for you.")),
    Setting("/api/v1/docs", "doc", lazy("API"), lazy("What other tools can read and write.")),
)
ORGANISATION = (
    Setting("/teams", "user", lazy("Teams"), lazy("Who delivers together, and how much.")),
    Setting(
        "/settings/organisation", "gear", lazy("Organisation"), lazy("Name and time zone."), OrgAct.MANAGE_ORGANISATION
    ),
    Setting(
        "/settings/people", "user", lazy("People"), lazy("Who may sign in, and who administers."), OrgAct.MANAGE_PEOPLE
    ),
    Setting(
        "/settings/calendars", "cal", lazy("Working calendars"), lazy("Hours and holidays."), OrgAct.MANAGE_CALENDARS
    ),
    Setting(
        "/settings/slip-causes",
        "clock",
        lazy("Causes of slips"),
        lazy("What a moved date can be put down to."),
        OrgAct.MANAGE_ORGANISATION,
    ),
    Setting(
        "/settings/health-policy",
        "flag",
        lazy("Health policy"),
        lazy("How late is at risk, and how late off track."),
        OrgAct.CHANGE_POLICY,
    ),
    Setting(
        "/settings/update-rules",
        "pencil",
        lazy("Rules for updates"),
        lazy("What an update must say before it is published."),
        OrgAct.CHANGE_UPDATE_RULES,
    ),
    Setting("/import", "export", lazy("Import"), lazy("Programs and milestones from tables."), OrgAct.IMPORT),
)


def openable(user: User, pages: tuple[Setting, ...]) -> list[Setting]:
    return [page for page in pages if is_valid_path(page.path) and (page.act is None or may(user, page.act))]


@require_safe
def settings(request: SignedIn) -> HttpResponse:
    groups = [
        (_("You"), openable(request.user, PERSONAL)),
        (_("The organisation"), openable(request.user, ORGANISATION)),
    ]
    return render(request, "people/settings.html", {"title": _("Settings"), "groups": groups})


def profile(request: SignedIn) -> HttpResponse:
    form = ProfileForm(posted(request), row=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_user(user=request.user, by=request.user, **form.changes)
            return done(request, _("Saved your profile."), "/settings/profile", kept=form.kept)
    context = {
        "form": form,
        "title": _("Profile"),
        "sub": _("You sign in with %(email)s.") % {"email": request.user.email},
        "crumbs": SETTINGS,
        "cancel_url": "/settings",
    }
    return form_page(request, context)


@require_safe
def tokens(request: SignedIn) -> HttpResponse:
    rows = AccessToken.objects.visible_to(request.user).order_by("-created_at", "-id")
    context = {
        "page": paged(request, rows),
        "title": _("Access tokens"),
        "sub": _("A token lets another tool use the API as you. It never may more than you."),
        "crumbs": SETTINGS,
        "today": services.today(timezone.now()),
        "primary_url": "/settings/tokens/new",
        "primary_label": _("New token"),
        "empty_heading": _("No tokens yet"),
        "empty_text": _("Make one for each tool, so that one can be revoked without the others."),
    }
    return render(request, "people/tokens.html", context)


@never_cache
def token_create(request: SignedIn) -> HttpResponse:
    """The secret is in the answer to the form, this once: a redirect would have to keep it somewhere."""
    today = services.today(timezone.now())
    crumbs = [*SETTINGS, (_("Access tokens"), "/settings/tokens")]
    form = TokenForm(posted(request), today=today)
    if form.is_bound and form.is_valid():
        with explaining(form):
            token, secret = services.issue_token(user=request.user, today=today, **form.cleaned_data)
            context = {"token": token, "secret": secret, "title": _("Your new token"), "crumbs": crumbs}
            return render(request, "people/token_made.html", context)
    context = {
        "form": form,
        "title": _("New token"),
        "crumbs": crumbs,
        "cancel_url": "/settings/tokens",
        "submit_label": _("Make token"),
    }
    return render(request, "form_base.html", context, status=422 if form.errors else 200)


def token_revoke(request: SignedIn, pk: int) -> HttpResponse:
    token = get_object_or_404(AccessToken.objects.visible_to(request.user), pk=pk)
    if request.method == "POST":
        return attempt(
            request,
            lambda: services.revoke_token(token=token, at=timezone.now()),
            _("Revoked “%(name)s”. It works no longer.") % {"name": token.name},
            "/settings/tokens",
        )
    context = {
        "title": _("Revoke token"),
        "question": _("Revoke “%(name)s”?") % {"name": token.name},
        "consequence": _("Whatever uses it is turned away at once. A revoked token cannot be brought back."),
        "verb": _("Revoke token"),
        "cancel_url": "/settings/tokens",
        "crumbs": [*SETTINGS, (_("Access tokens"), "/settings/tokens")],
    }
    return render(request, "components/confirm_delete.html", context)


def organisation(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_ORGANISATION)
    row = get_object_or_404(Organisation.objects.select_related("calendar"))
    form = narrowed(request, OrganisationForm(posted(request), row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_organisation(organisation=row, by=request.user, **form.changes)
            return done(request, _("Saved the organisation."), "/settings/organisation", kept=form.kept)
    context = {"form": form, "title": _("Organisation"), "crumbs": SETTINGS, "cancel_url": "/settings"}
    return form_page(request, context)


# -- people ----------------------------------------------------------------------------------------------------------

PEOPLE: Crumbs = [*SETTINGS, (lazy("People"), "/settings/people")]


def person_create(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_PEOPLE)
    form = PersonForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_user(password=None, by=request.user, **form.changes)
            told = _("Added %(name)s. They choose a password with “Forgot your password?” on the sign-in page.") % {
                "name": row.name
            }
            return done(request, told, "/settings/people")
    context = {
        "form": form,
        "title": _("Add person"),
        "sub": _("They choose their own password, through a link that is sent to their e-mail address."),
        "crumbs": PEOPLE,
        "cancel_url": "/settings/people",
        "submit_label": _("Add person"),
    }
    return form_page(request, context)


def person_edit(request: SignedIn, pk: int) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_PEOPLE)
    row = get_object_or_404(User, pk=pk)
    form = narrowed(request, PersonForm(posted(request), row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_user(user=row, by=request.user, **form.changes)
            return done(request, _("Saved %(name)s.") % {"name": row.name}, "/settings/people", kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit person"),
        "sub": row.name,
        "crumbs": PEOPLE,
        "cancel_url": "/settings/people",
    }
    return form_page(request, context)


# -- working calendars -----------------------------------------------------------------------------------------------

CALENDARS: Crumbs = [*SETTINGS, (lazy("Working calendars"), "/settings/calendars")]


@require_safe
def calendars(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_CALENDARS)
    rows = WorkingCalendar.objects.annotate(
        holiday_count=Count("holidays", distinct=True), team_count=Count("teams", distinct=True)
    ).order_by("name", "id")
    context = {
        "page": paged(request, rows),
        "title": _("Working calendars"),
        "sub": _("Which hours count as work. Forecasts follow the calendar of the team that does the work."),
        "crumbs": SETTINGS,
        "weekdays": [day.capitalize() for day in WEEKDAYS],
        "default_id": Organisation.objects.values_list("calendar_id", flat=True).first(),
        "primary_url": "/settings/calendars/new",
        "primary_label": _("New calendar"),
    }
    return render(request, "people/calendars.html", context)


def calendar_create(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_CALENDARS)
    form = CalendarForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_calendar(by=request.user, holidays=form.cleaned_data["holidays"], **form.changes)
            return done(request, _("Added the calendar “%(name)s”.") % {"name": row.name}, "/settings/calendars")
    context = {
        "form": form,
        "title": _("New calendar"),
        "crumbs": CALENDARS,
        "cancel_url": "/settings/calendars",
        "submit_label": _("Add calendar"),
    }
    return form_page(request, context)


def calendar_edit(request: SignedIn, pk: int) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_CALENDARS)
    row = get_object_or_404(WorkingCalendar, pk=pk)
    form = CalendarForm(posted(request), row=row)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_calendar(
                calendar=row, by=request.user, holidays=form.cleaned_data["holidays"], **form.changes
            )
            return done(request, _("Saved the calendar. Forecasts follow."), "/settings/calendars", kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit calendar"),
        "crumbs": CALENDARS,
        "cancel_url": "/settings/calendars",
        "delete_url": f"/settings/calendars/{row.pk}/delete",
    }
    return form_page(request, context)


def calendar_delete(request: SignedIn, pk: int) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_CALENDARS)
    row = get_object_or_404(WorkingCalendar, pk=pk)
    return delete(
        request,
        lambda: services.delete_calendar(calendar=row, by=request.user),
        row=row,
        to="/settings/calendars",
        back=f"/settings/calendars/{row.pk}/edit",
        consequence=_("Its holidays go with it. A calendar that a team or the organisation uses cannot be deleted."),
        crumbs=CALENDARS,
    )


@require_safe
def day_meant(request: SignedIn) -> HttpResponse:
    """Which day the text in a field names: shown below it while it is typed."""
    said = DayField().meant(request.GET.get("text", ""))
    return HttpResponse(said, content_type="text/plain; charset=utf-8")


def unsent(request: SignedIn) -> HttpResponse:
    """What was sent while nobody was signed in, to be sent again; a POST here forgets it."""
    found = keeping.kept(request)
    if request.method == "POST" or found is None:
        keeping.drop(request)
        return redirect("/")
    return render(request, "people/unsent.html", {"title": _("You had been signed out"), "unsent": found})


@require_POST
def job_open(request: SignedIn, pk: int) -> HttpResponse:
    """Read what came of a job: go to where it is told."""
    job = get_object_or_404(Job.objects.visible_to(request.user), pk=pk)
    services.read_jobs(by=request.user, at=timezone.now(), job=job)
    return redirect(job.url or "/inbox")


@require_POST
def job_put_away(request: SignedIn, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.visible_to(request.user), pk=pk)
    return attempt(
        request, lambda: services.put_away_job(job=job, at=timezone.now()), _("Put away."), "/inbox", final=True
    )
