"""Pages of updates, of the weekly letter and of who gets it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from csp.decorators import csp
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from forecasts.policy import newest_policy
from history.forms import explaining
from people.models import User
from people.pages import SignedIn, attempt, delete, done, paged
from people.services import today
from programs.models import Program, Subject
from programs.pages import program_crumbs
from programs.permissions import Act, acts, may, require
from programs.threads import thread_of
from reports import outbox, services, snapshot
from reports.due import SOON_DAYS, owed_by
from reports.forms import SubscriptionForm, UpdateForm
from reports.models import Letter, Subscription, Update
from reports.schedule import upcoming

# A letter carries its style inline, which no other page may. Nothing in it can run, load or be sent.
LETTER_POLICY = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


# -- updates ---------------------------------------------------------------------------------------------------------


def program_of(request: SignedIn, key: str) -> Program:
    return get_object_or_404(Program.objects.visible_to(request.user), key=key)


def update_of(request: SignedIn, pk: int) -> Update:
    """An update that the reader may see: published ones, and drafts where they may report."""
    found = Update.objects.visible_to(request.user).select_related("program", "author")
    update = get_object_or_404(found, pk=pk)
    if update.published_at is None and not may(request.user, Act.REPORT, update.program):
        raise Http404
    return update


@require_safe
def update_list(request: SignedIn, key: str) -> HttpResponse:
    program = program_of(request, key)
    can_report = may(request.user, Act.REPORT, program)
    rows = program.updates.select_related("author").order_by("-published_at", "-id")
    context = {
        "title": "Updates",
        "sub": program.name,
        "crumbs": program_crumbs(program),
        "program": program,
        "page": paged(request, rows if can_report else rows.published()),
        "primary_url": reverse("update_begin", args=[program.key]) if can_report else "",
        "primary_label": "Write update",
        "empty_heading": "No updates yet",
        "empty_text": "Each week the lead says how the program stands, in a few sentences.",
    }
    return render(request, "reports/update_list.html", context)


@require_safe
def update_mine(request: SignedIn) -> HttpResponse:
    """What the reader has to write, the first due first."""
    owed = owed_by(request.user, today(timezone.now()))
    due = sum(one.is_due for one in owed)
    context = {
        "title": "My updates",
        "sub": f"{due} of {len(owed)} due now or within {SOON_DAYS} days." if owed else "",
        "rows": owed,
        "today": today(timezone.now()),
        "stale_days": newest_policy().stale_days,
        "empty_heading": "You owe no update",
        "empty_text": "Whoever leads an active program says each week how it stands.",
    }
    return render(request, "reports/mine.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def update_begin(request: SignedIn, key: str) -> HttpResponse:
    """Write an update: kept as a draft, or published at once."""
    program = program_of(request, key)
    require(request.user, Act.REPORT, program)
    last = program.updates.published().order_by("-published_at", "-id").first()
    before = {"health": last.health, "path_to_green": last.path_to_green} if last else {}
    form = UpdateForm(request.POST if request.method == "POST" else None, initial=before)
    if request.method == "POST" and form.is_valid():
        at = timezone.now()
        with explaining(form), transaction.atomic():
            update = services.begin_update(program=program, by=request.user, at=at, **form.changes)
            if "publish" in request.POST:
                services.publish_update(update=update, by=request.user, at=at)
        if not form.errors:
            return _written(request, update)
    return _update_page(request, program, form, last=last)


@require_http_methods(["GET", "HEAD", "POST"])
def update_change(request: SignedIn, pk: int) -> HttpResponse:
    update = update_of(request, pk)
    program = update.program
    require(request.user, Act.REPORT, program)
    if update.published_at:
        raise Http404
    form = UpdateForm(request.POST if request.method == "POST" else None, row=update)
    if request.method == "POST" and form.is_valid():
        with explaining(form), transaction.atomic():
            update = services.change_update(update=update, by=request.user, **form.changes)
            if "publish" in request.POST:
                services.publish_update(update=update, by=request.user, at=timezone.now())
        if not form.errors:
            return _written(request, update, form.kept)
    last = program.updates.published().order_by("-published_at", "-id").first()
    return _update_page(request, program, form, last=last, update=update)


def _written(request: SignedIn, update: Update, kept: list[str] | None = None) -> HttpResponse:
    if "publish" in request.POST:
        return done(
            request, "Published. The facts it was written on are kept with it.", f"/u/{update.pk}", kept=kept or []
        )
    return done(request, "Draft saved.", reverse("update_change", args=[update.pk]), kept=kept or [])


def _update_page(
    request: SignedIn, program: Program, form: UpdateForm, *, last: Update | None, update: Update | None = None
) -> HttpResponse:
    context = {
        "title": "Edit draft" if update else "Write update",
        "sub": program.name,
        "crumbs": program_crumbs(program, ("Updates", reverse("update_list", args=[program.key]))),
        "program": program,
        "form": form,
        "update": update,
        "last": last,
        "facts": snapshot.read(snapshot.take(program, timezone.now())),
        "cancel_url": reverse("update_list", args=[program.key]),
        "delete_url": reverse("update_discard", args=[update.pk]) if update else "",
    }
    return render(request, "reports/update_form.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
def update_discard(request: SignedIn, pk: int) -> HttpResponse:
    update = update_of(request, pk)
    require(request.user, Act.REPORT, update.program)
    if update.published_at:
        raise Http404
    return delete(
        request,
        lambda: services.discard_update(update=update, by=request.user),
        row=update,
        to=reverse("update_list", args=[update.program.key]),
        back=reverse("update_change", args=[update.pk]),
        consequence="The draft is gone; nothing that was published changes.",
        crumbs=program_crumbs(update.program, ("Updates", reverse("update_list", args=[update.program.key]))),
    )


@require_safe
def update_detail(request: SignedIn, pk: int) -> HttpResponse:
    """An update as it was said, with the facts of that moment."""
    update = update_of(request, pk)
    program = update.program
    context = {
        "title": f"{program.name}: update",
        "crumbs": program_crumbs(program, ("Updates", reverse("update_list", args=[program.key]))),
        "program": program,
        "update": update,
        "facts": snapshot.read(update.snapshot or snapshot.take(program, timezone.now())),
        "thread": thread_of(program, Subject.UPDATE, update.pk, f"/u/{update.pk}", acts(request.user, program))
        if update.published_at
        else None,
        "primary_url": "" if update.published_at else reverse("update_change", args=[update.pk]),
        "primary_label": "Edit draft",
        "primary_icon": "pencil",
    }
    return render(request, "reports/update.html", context)


# -- letters ---------------------------------------------------------------------------------------------------------


@require_safe
def letter_list(request: SignedIn) -> HttpResponse:
    """The letters that a person got, and those on their way."""
    letters = Letter.objects.visible_to(request.user).defer("text", "html").order_by("-due_at", "-id")
    subscription = Subscription.objects.visible_to(request.user).first()
    context = {
        "title": "Letters",
        "sub": _when(subscription, timezone.now()),
        "page": paged(request, letters),
        "subscription": subscription,
        "primary_url": reverse("letter_settings"),
        "primary_label": "Letter settings" if subscription and not subscription.ended_at else "Subscribe",
        "primary_icon": "mail",
        "empty_heading": "No letter yet",
        "empty_text": "Once a week, at your hour: what changed, what needs a decision, how every program stands.",
    }
    return render(request, "reports/letter_list.html", context)


@require_safe
@csp(LETTER_POLICY)  # type: ignore[arg-type]  # its types know views without arguments alone
def letter(request: HttpRequest, pk: int) -> HttpResponse:
    """A letter as it was sent."""
    row = get_object_or_404(Letter.objects.visible_to(request.user).exclude(html=""), pk=pk)
    return HttpResponse(row.html)


@require_safe
def letter_text(request: SignedIn, pk: int) -> HttpResponse:
    row = get_object_or_404(Letter.objects.visible_to(request.user).exclude(text=""), pk=pk)
    return HttpResponse(row.text, content_type="text/plain; charset=utf-8")


@require_http_methods(["GET", "HEAD", "POST"])
def letter_settings(request: SignedIn) -> HttpResponse:
    """A person's own letter: weekday and hour in their zone."""
    subscription = Subscription.objects.visible_to(request.user).first()
    active = subscription is not None and subscription.ended_at is None
    form = SubscriptionForm(
        request.POST if request.method == "POST" else None,
        row=subscription,
        initial=None if subscription else {"weekday": 0, "hour": 7},
    )
    if request.method == "POST" and form.is_valid():
        at, chosen = timezone.now(), form.cleaned_data
        with explaining(form):
            if subscription and active:
                now = {"weekday": subscription.weekday, "hour": subscription.hour} | form.changes
                services.change_subscription(subscription=subscription, by=request.user, at=at, **now)
            else:
                services.subscribe(
                    user=request.user, by=request.user, at=at, weekday=chosen["weekday"], hour=chosen["hour"]
                )
        if not form.errors:
            message = "Your letter comes at the new hour." if active else "You get the weekly letter from now on."
            return done(request, message, reverse("letter_settings"), kept=form.kept)
    context = {
        "title": "Weekly letter",
        "sub": _when(subscription, timezone.now()),
        "crumbs": [("Letters", reverse("letter_list"))],
        "form": form,
        "active": active,
        "submit_label": "Save" if active else "Subscribe",
        "cancel_url": reverse("letter_list"),
    }
    return render(request, "reports/letter_settings.html", context, status=form.status)


@require_POST
def letter_now(request: SignedIn) -> HttpResponse:
    subscription = get_object_or_404(Subscription.objects.visible_to(request.user))
    return attempt(
        request,
        lambda: services.send_now(subscription=subscription, by=request.user, at=timezone.now()),
        f"Your letter goes to {request.user.email} within half a minute. Reload to see it here.",
        reverse("letter_list"),
    )


@require_POST
def letter_end(request: SignedIn) -> HttpResponse:
    subscription = get_object_or_404(Subscription.objects.visible_to(request.user))
    return attempt(
        request,
        lambda: services.end_subscription(subscription=subscription, by=request.user, at=timezone.now()),
        "You get no more letters.",
        reverse("letter_settings"),
    )


def _when(subscription: Subscription | None, at: datetime) -> str:
    """When the next letter comes, in the reader's own words of time."""
    if subscription is None or subscription.ended_at:
        return "You do not get the weekly letter."
    reader: User = subscription.user
    zone = ZoneInfo(reader.time_zone)
    due = upcoming(at, subscription.weekday, subscription.hour, zone).due_at.astimezone(zone)
    hour = f"{subscription.hour:02}:00, {reader.time_zone}"
    return f"Every {subscription.get_weekday_display()} at {hour}. Next: {date_format(due, 'j M')}."


@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """One click out of the letter (RFC 8058): a POST ends it without sign-in or redirect, a GET only asks.

    The signed token is the proof, so a forged cross-site POST would have to know it: no CSRF check.
    """
    subscription = outbox.subscription_of(token)
    if subscription is None:
        raise Http404
    if request.method == "POST":
        subscription = services.end_subscription(subscription=subscription, by=subscription.user, at=timezone.now())
    context = {"title": "Weekly letter", "subscription": subscription}
    return render(request, "reports/unsubscribe.html", context)
