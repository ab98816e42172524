"""Pages of a reader's own letters: reading them again, their hours, and the way out of them."""

from __future__ import annotations

import re

from csp.decorators import csp
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from history.forms import explaining
from people.pages import SignedIn, attempt, done, paged, posted
from people.services import today
from reports.letters.links import SHARED, UNSUBSCRIBE, unsigned
from reports.models import Letter, Plan, Subscription
from reports.plans import services
from reports.plans.forms import OwnForm
from reports.plans.invitations import invited
from reports.plans.promises import overtaken
from reports.plans.unknown import send_again
from reports.plans.words import UNSEEN, name, names, schedule

# A letter carries its style inline, which no other page may. Nothing in it can run, load or be sent.
LETTER_POLICY = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}

BODY = re.compile("<body[^>]*>")


def own(request: SignedIn, pk: int) -> Subscription:
    return get_object_or_404(Subscription.objects.of(request.user).select_related("plan", "user"), pk=pk)


@require_safe
def letter_list(request: SignedIn) -> HttpResponse:
    """The letters that a person got, and those on their way."""
    letters = Letter.objects.visible_to(request.user).defer("text", "html", "facts")
    letters = letters.select_related("subscription__plan", "again_by").annotate(is_overtaken=overtaken())
    number = Subscription.objects.of(request.user).active().count()
    page = paged(request, letters.order_by("-due_at", "-id"))
    called = names([row.subscription for row in page], request.user)
    weekly = Subscription.objects.of(request.user).filter(plan__is_default=True, ended_at=None).first()
    context = {
        "title": _("Letters"),
        "sub": ngettext(
            "You are subscribed to %(count)s letter. Here is what was sent, and what is on its way.",
            "You are subscribed to %(count)s letters. Here is what was sent, and what is on its way.",
            number,
        )
        % {"count": number}
        if number
        else _("You get no letter."),
        "page": page,
        "rows": [(row, called.get(row.subscription.plan_id, UNSEEN)) for row in page],
        "weekly": weekly,
        "primary_url": reverse("letter_settings"),
        "primary_label": _("What you get"),
        "primary_icon": "mail",
        "empty_heading": _("No letter yet"),
        "empty_text": _("Once a week, at your hour: what changed, what needs a decision, how every program stands."),
    }
    return render(request, "reports/letter_list.html", context)


@require_safe
@csp(LETTER_POLICY)  # type: ignore[arg-type]  # its types know views without arguments alone
def letter(request: HttpRequest, pk: int) -> HttpResponse:
    """A letter as it was sent, below the way back to the others."""
    row = get_object_or_404(Letter.objects.visible_to(request.user).exclude(html=""), pk=pk)
    crumbs = render_to_string("emails/crumbs.html", request=request)
    return HttpResponse(BODY.sub(lambda tag: tag[0] + crumbs, row.html, count=1))


@login_not_required
@never_cache
@require_safe
@csp(LETTER_POLICY)  # type: ignore[arg-type]
def letter_shared(request: HttpRequest, token: str) -> HttpResponse:
    """A letter as it was sent to an outside reader, who has no account; gone once they are no reader any more."""
    pk = unsigned(token, SHARED)
    row = (
        Letter.objects.filter(pk=pk or 0, subscription__user=None, subscription__ended_at=None).exclude(html="").first()
    )
    if row is None:
        raise Http404
    return HttpResponse(row.html)


@require_safe
def letter_text(request: SignedIn, pk: int) -> HttpResponse:
    row = get_object_or_404(Letter.objects.visible_to(request.user).exclude(text=""), pk=pk)
    return HttpResponse(row.text, content_type="text/plain; charset=utf-8")


@require_safe
def letter_settings(request: SignedIn) -> HttpResponse:
    """All that a person gets, and what they might."""
    at = timezone.now()
    found = Subscription.objects.of(request.user).select_related("plan__program", "user")
    rows = list(found.filter(ended_at=None, plan__ended_at=None).order_by("plan__name", "plan"))
    others = Plan.objects.visible_to(request.user).running().exclude(content=Plan.Content.DAY)
    others = others.filter(channel__in=[Plan.Channel.EMAIL, Plan.Channel.PAGE]).exclude(
        pk__in=[row.plan_id for row in rows]
    )
    offered = list(others.select_related("program").order_by("-is_default", "name", "id")[:50])
    due = {}
    for row in rows:
        if row.plan.content != Plan.Content.DAY:
            due[row.pk] = row.next_due(at)
    called = names(rows, request.user)
    context = {
        "title": _("What you get"),
        "sub": _("Hours are in your zone, %(zone)s. A letter holds what you may see then.")
        % {"zone": request.user.time_zone},
        "crumbs": [(_("Letters"), reverse("letter_list"))],
        "rows": [
            (row, called.get(row.plan_id, UNSEEN), row.plan_id in called, schedule(row), due.get(row.pk))
            for row in rows
        ],
        "today": today(at),
        "offered": offered,
        "empty_heading": _("You get no letter"),
        "empty_text": _("Subscribe to one below.") if offered else _("Plans that you may read are offered here."),
    }
    return render(request, "reports/letter_settings.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def letter_own(request: SignedIn, pk: int) -> HttpResponse:
    """A person's own hours of one letter, and its pause."""
    row = own(request, pk)
    form = OwnForm(posted(request), row=row)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_subscription(subscription=row, by=request.user, at=timezone.now(), **form.changes)
        if not form.errors:
            return done(
                request,
                _("“%(plan)s” comes as you say.") % {"plan": name(row)},
                reverse("letter_settings"),
                kept=form.kept,
            )
    context = {
        "title": name(row),
        "sub": _("It comes %(schedule)s.") % {"schedule": schedule(row)},
        "crumbs": [(_("Letters"), reverse("letter_list")), (_("What you get"), reverse("letter_settings"))],
        "form": form,
        "cancel_url": reverse("letter_settings"),
    }
    return render(request, "form_base.html", context, status=form.status)


@require_POST
def letter_now(request: SignedIn, pk: int) -> HttpResponse:
    row = own(request, pk)
    return attempt(
        request,
        lambda: services.send_now(subscription=row, by=request.user, at=timezone.now()),
        _("Your letter goes to %(email)s within half a minute. Reload to see it here.") % {"email": request.user.email},
        reverse("letter_list"),
    )


@require_POST
def letter_again(request: SignedIn, pk: int) -> HttpResponse:
    """Send once more what may have arrived: for its reader, and for whoever keeps its plan."""
    readers = Subscription.objects.visible_to(request.user)
    rows = Letter.objects.filter(subscription__in=readers).select_related("subscription__plan", "subscription__user")
    row = get_object_or_404(rows.defer("text", "html", "facts"), pk=pk)
    reader = row.subscription
    return attempt(
        request,
        lambda: send_again(letter=row, by=request.user, at=timezone.now()),
        _("It goes to %(reader)s again within half a minute.") % {"reader": reader.reader_name},
        reverse("letter_list") if reader.user_id == request.user.pk else reader.plan.get_absolute_url(),
    )


@require_POST
def letter_end(request: SignedIn, pk: int) -> HttpResponse:
    row = own(request, pk)
    return attempt(
        request,
        lambda: services.end_subscription(subscription=row, by=request.user, at=timezone.now()),
        _("You get “%(plan)s” no more.") % {"plan": name(row)},
        reverse("letter_settings"),
    )


# -- by signed link, without sign-in ---------------------------------------------------------------------------------


@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """One click out of a plan's letters (RFC 8058): a POST ends them without sign-in or redirect, a GET only asks.

    The signed token is the proof, so a forged cross-site POST would have to know it: no CSRF check.
    """
    pk = unsigned(token, UNSUBSCRIBE)
    reader = Subscription.objects.select_related("user", "plan").filter(pk=pk).first() if pk else None
    if reader is None:
        raise Http404
    if request.method == "POST":
        reader = services.end_subscription(subscription=reader, by=None, at=timezone.now())
    context = {"title": name(reader), "reader": reader, "schedule": schedule(reader)}
    return render(request, "reports/unsubscribe.html", context)


@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def opt_in(request: HttpRequest, token: str) -> HttpResponse:
    """An outside address says yes: a POST, so that no scanner of links says it for them.

    As above, the signed token is the proof: whoever answers may read mail where no cookie is kept.
    """
    try:
        reader = invited(token)
    except signing.BadSignature:
        reader = None
    if reader is None:
        raise Http404
    if request.method == "POST":
        reader = services.confirm(subscription=reader, at=timezone.now())
    context = {"title": name(reader), "reader": reader, "schedule": schedule(reader)}
    return render(request, "reports/opt_in.html", context)
