"""Pages of the weekly letter and of who gets it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from csp.decorators import csp
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from history.forms import explaining
from people.models import User
from people.pages import SignedIn, attempt, done, paged
from reports import outbox, services
from reports.forms import SubscriptionForm
from reports.models import Letter, Subscription
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
