"""Pages of the communication plan: what was promised, whether it went, who reads it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from history.forms import explaining
from people.pages import SignedIn, attempt, done, paged, posted
from people.permissions import OrgAct, may
from people.services import today
from programs.pages import find_program
from programs.permissions import Act
from programs.permissions import may as may_in
from reports.models import Plan, Subscription
from reports.plans import kept, services
from reports.plans.forms import AddReaderForm, InviteForm, PlanForm, WebhookForm, led
from reports.plans.permissions import may_change, require_change
from reports.plans.promises import overtaken
from reports.plans.words import schedule

CRUMBS = [(lazy("Communication plan"), "/plan")]
MOST_LETTERS = 40


def plan_of(request: SignedIn, pk: int) -> Plan:
    rows = Plan.objects.visible_to(request.user).select_related("program__lead", "owner", "view", "template")
    return get_object_or_404(rows, pk=pk)


@require_safe
def plan_overview(request: SignedIn) -> HttpResponse:
    """Who should have heard what by when, whether it went, and what comes next."""
    at = timezone.now()
    visible = Plan.objects.visible_to(request.user).exclude(content=Plan.Content.DAY)
    mine = Plan.objects.changeable_by(request.user)
    choice = request.GET.get("show", "")
    rows = visible.filter(ended_at=None)
    rows = {
        "mine": rows.filter(owner=request.user),
        "templates": rows.filter(is_template=True),
        "ended": visible.exclude(ended_at=None),
    }.get(choice, rows.filter(is_template=False))
    page = paged(
        request, rows.select_related("program", "owner").order_by("-is_default", "name", "program__name", "id")
    )
    by_plan = kept.kept_by_plan(visible, at)
    readers = _reader_counts([plan.pk for plan in page])
    due = kept.next_of_each(page, at)
    can_add = may(request.user, OrgAct.MANAGE_PLANS) or led(request.user).exists()
    tabs = [("", _("All")), ("mine", _("Mine")), ("templates", _("Templates")), ("ended", _("Ended"))]
    context = {
        "title": _("Communication plan"),
        "today": today(at),
        "kept": kept.kept(visible, at),
        "troubles": kept.troubles(mine, at),
        "next": kept.next_due(visible, at),
        "page": page,
        "paused": {plan.pk for plan in page if plan.is_paused_on(today(at))},
        "rows_of": [(plan, by_plan.get(plan.pk), readers.get(plan.pk, 0), due.get(plan.pk)) for plan in page],
        "tabs": [
            {"label": label, "url": f"?show={name}" if name else "/plan", "count": None, "current": name == choice}
            for name, label in tabs
        ],
        "primary_url": reverse("plan_create") if can_add else "",
        "primary_label": _("Add plan"),
        "caption": _("Plans"),
        "empty_heading": _("No plan here"),
        "empty_text": _("A plan says who hears what, by which way and when."),
    }
    return render(request, "reports/plan_overview.html", context)


def _reader_counts(ids: list[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for pk in Subscription.objects.active().filter(plan__in=ids).values_list("plan_id", flat=True):
        found[pk] = found.get(pk, 0) + 1
    return found


@require_safe
def plan_detail(request: SignedIn, pk: int) -> HttpResponse:
    plan, at = plan_of(request, pk), timezone.now()
    keeps = may_change(request.user, plan)
    readers = plan.readers.select_related("user", "plan", "team", "granted_by").order_by("ended_at", "user__name", "id")
    letters = kept.promised(Plan.objects.filter(pk=plan.pk)).annotate(is_overtaken=overtaken())
    letters = letters.select_related("subscription__user", "subscription__plan", "again_by").order_by("-due_at", "-id")
    own = readers.filter(user=request.user, ended_at=None).first()
    context = {
        "title": plan.name,
        "sub": plan.program.name if plan.program else plan.get_content_display(),
        "crumbs": CRUMBS,
        "plan": plan,
        "today": today(at),
        "schedule": schedule(Subscription(plan=plan, user=request.user)),
        "is_paused": plan.is_paused_on(today(at)),
        "next_at": kept.next_of_each([plan], at).get(plan.pk),
        "kept": kept.kept(Plan.objects.filter(pk=plan.pk), at),
        "chosen": plan.chosen.select_related("program").order_by("program__name"),
        "teams": plan.team_links.select_related("team").order_by("team__name"),
        "keeps": keeps,
        "readers": paged(request, readers) if keeps else None,
        "number": Subscription.objects.active().filter(plan=plan).count(),
        "letters": letters[:MOST_LETTERS] if keeps else [],
        "own": own,
        "may_read": not own and plan.content != Plan.Content.DAY and not plan.ended_at and not plan.is_template,
        "may_nudge": plan.program and may_in(request.user, Act.COMMUNICATE, plan.program),
        "primary_url": reverse("plan_change", args=[plan.pk]) if keeps and not plan.ended_at else "",
        "primary_label": _("Edit plan"),
        "primary_icon": "pencil",
    }
    return render(request, "reports/plan_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def plan_create(request: SignedIn) -> HttpResponse:
    program = led(request.user).filter(key=request.GET.get("program", "")).first()
    chosen: dict[str, Any] = {"content": Plan.Content.PROGRAM} if program or not request.user.is_admin else {}
    form = PlanForm(
        posted(request),
        by=request.user,
        initial=chosen | {"program": program, "owner": request.user, "weekday": 0, "hour": 7},
    )
    if form.is_bound and form.is_valid():
        with explaining(form):
            plan = services.create_plan(by=request.user, at=timezone.now(), **form.changes, **form.related)
        if not form.errors:
            return done(
                request, _("“%(plan)s” is planned. Choose who reads it.") % {"plan": plan.name}, plan.get_absolute_url()
            )
    return render(
        request,
        "form_base.html",
        {"title": _("Add plan"), "crumbs": CRUMBS, "form": form, "submit_label": _("Add plan"), "cancel_url": "/plan"},
        status=form.status,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def plan_change(request: SignedIn, pk: int) -> HttpResponse:
    plan = plan_of(request, pk)
    require_change(request.user, plan)
    form = PlanForm(posted(request), by=request.user, row=plan)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_plan(plan=plan, by=request.user, at=timezone.now(), **form.changes, **form.related)
        if not form.errors:
            return done(request, _("Saved the plan."), plan.get_absolute_url(), kept=form.kept)
    context = {
        "title": _("Edit plan"),
        "sub": plan.name,
        "crumbs": [*CRUMBS, (plan.name, plan.get_absolute_url())],
        "form": form,
        "cancel_url": plan.get_absolute_url(),
    }
    return render(request, "form_base.html", context, status=form.status)


@require_POST
def plan_end(request: SignedIn, pk: int) -> HttpResponse:
    plan = plan_of(request, pk)
    require_change(request.user, plan)
    return attempt(
        request,
        lambda: services.end_plan(plan=plan, by=request.user, at=timezone.now()),
        _("“%(plan)s” is ended: nothing more is promised.") % {"plan": plan.name},
        plan.get_absolute_url(),
    )


# -- its readers -----------------------------------------------------------------------------------------------------


@require_POST
def plan_subscribe(request: SignedIn, pk: int) -> HttpResponse:
    plan = plan_of(request, pk)
    return attempt(
        request,
        lambda: services.subscribe(user=request.user, by=request.user, plan=plan, at=timezone.now()),
        _("You get “%(plan)s” from now on.") % {"plan": plan.name},
        (request.POST.get("next") == "settings" and reverse("letter_settings")) or plan.get_absolute_url(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def reader_add(request: SignedIn, pk: int) -> HttpResponse:
    plan = plan_of(request, pk)
    require_change(request.user, plan)
    form = AddReaderForm(posted(request), plan=plan)
    return _reader_form(
        request,
        plan,
        form,
        _("Add reader"),
        lambda at: services.subscribe(plan=plan, by=request.user, at=at, **form.cleaned_data),
        _("They get it from now on. They may unsubscribe at any time."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def reader_invite(request: SignedIn, pk: int) -> HttpResponse:
    plan = plan_of(request, pk)
    require_change(request.user, plan)
    form = InviteForm(posted(request))
    return _reader_form(
        request,
        plan,
        form,
        _("Invite an outside address"),
        lambda at: services.invite(plan=plan, by=request.user, at=at, **form.cleaned_data),
        _("They are asked by e-mail, and get nothing before they say yes."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def webhook_set(request: SignedIn, pk: int) -> HttpResponse:
    """Set where a plan's letters are posted to. The answer shows the secret, and no other ever does."""
    plan = plan_of(request, pk)
    require_change(request.user, plan)
    form = WebhookForm(posted(request))
    context: dict[str, Any] = {"secret": ""}
    if form.is_bound and form.is_valid():
        with explaining(form):
            _reader, context["secret"] = services.add_webhook(
                plan=plan, by=request.user, at=timezone.now(), **form.cleaned_data
            )
    context |= {
        "title": _("Webhook"),
        "sub": plan.name,
        "crumbs": [*CRUMBS, (plan.name, plan.get_absolute_url())],
        "form": form,
        "submit_label": _("Set"),
        "cancel_url": plan.get_absolute_url(),
    }
    response = render(request, "reports/webhook.html", context, status=422 if form.errors else 200)
    response["Cache-Control"] = "no-store"
    return response


def _reader_form(request: SignedIn, plan: Plan, form: Any, title: str, write: Any, message: str) -> HttpResponse:
    if form.is_bound and form.is_valid():
        with explaining(form):
            write(timezone.now())
        if not form.errors:
            return done(request, message, plan.get_absolute_url())
    context = {
        "title": title,
        "sub": plan.name,
        "crumbs": [*CRUMBS, (plan.name, plan.get_absolute_url())],
        "form": form,
        "submit_label": title,
        "cancel_url": plan.get_absolute_url(),
    }
    return render(request, "form_base.html", context, status=422 if form.errors else 200)


@require_POST
def reader_end(request: SignedIn, pk: int) -> HttpResponse:
    """Take a reader off a plan; their letters stay with them."""
    reader = get_object_or_404(Subscription.objects.visible_to(request.user).select_related("plan"), pk=pk)
    return attempt(
        request,
        lambda: services.end_subscription(subscription=reader, by=request.user, at=timezone.now()),
        _("%(reader)s gets it no more.") % {"reader": reader.reader_name},
        reader.plan.get_absolute_url(),
    )


@require_POST
def nudge(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    back = request.POST.get("plan", "")
    to = f"/plans/{back}" if back.isascii() and back.isdigit() else program.get_absolute_url()
    return attempt(
        request,
        lambda: services.nudge(program=program, by=request.user, at=timezone.now()),
        _("It stands in their next mail, at their own hour."),
        to,
        final=True,
    )
