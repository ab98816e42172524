"""Pages of the portfolio review's record: meetings, their notes, and the actions taken in them."""

from __future__ import annotations

from django.db.models import Count, F, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from history.forms import explaining
from people.pages import SignedIn, attempt, back_to, delete, done, form_page, narrowed, paged, posted
from people.services import today
from programs.pages import Crumbs, find_program, program_crumbs
from programs.permissions import Act, require
from reports.models import Review, ReviewAction
from reports.reviews import services
from reports.reviews.agreed import agreed
from reports.reviews.forms import ReviewActionForm, ReviewForm

CRUMBS = [(lazy("Review"), "/review"), (lazy("Meetings"), "/reviews")]


@require_safe
def review_list(request: SignedIn) -> HttpResponse:
    mine = ReviewAction.objects.visible_to(request.user).values("pk")
    counted = Count("actions", filter=Q(actions__in=mine))
    undone = Count("actions", filter=Q(actions__in=mine, actions__done_on=None))
    rows = Review.objects.visible_to(request.user).select_related("chair")
    context = {
        "title": _("Meetings"),
        "sub": _("What was agreed in each review, and what of it is open."),
        "crumbs": CRUMBS[:1],
        "page": paged(request, rows.annotate(taken=counted, undone=undone).order_by("-held_on")),
        "primary_url": reverse("review_hold"),
        "primary_label": _("Hold a review"),
        "empty_heading": _("No review yet"),
        "empty_text": _("A review looks at exceptions, asks and decisions, and keeps what people agreed to do."),
    }
    return render(request, "reports/review_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def review_hold(request: SignedIn) -> HttpResponse:
    form = ReviewForm(
        posted(request),
        initial={"held_on": today(timezone.now()), "chair": request.user, "agenda": services.AGENDA},
    )
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.hold_review(by=request.user, **form.changes)
            return done(
                request, _("The review is begun. Note actions as people agree to them."), row.get_absolute_url()
            )
    context = {
        "title": _("Hold a review"),
        "crumbs": CRUMBS,
        "form": form,
        "submit_label": _("Begin"),
        "cancel_url": reverse("reviews"),
    }
    return form_page(request, context)


def find_review(request: SignedIn, pk: int) -> Review:
    return get_object_or_404(Review.objects.visible_to(request.user).select_related("chair"), pk=pk)


@require_safe
def review(request: SignedIn, pk: int) -> HttpResponse:
    """One meeting: its agenda, what was agreed, and what was still open of those before."""
    row = find_review(request, pk)
    actions = ReviewAction.objects.visible_to(request.user).select_related("owner", "program", "review")
    # Open when this one was held: not done yet, or only on its day or after.
    open_then = Q(done_on=None) | Q(done_on__gte=row.held_on)
    context = {
        "title": str(row),
        "crumbs": CRUMBS,
        "review": row,
        "actions": agreed(
            actions.filter(review=row).order_by(F("done_on").asc(nulls_first=True), "due_on", "id"), request.user
        ),
        "carried": agreed(
            actions.filter(open_then, review__held_on__lt=row.held_on).order_by("due_on", "id"), request.user
        ),
        "form": ReviewActionForm(viewer=request.user),
        "today": today(timezone.now()),
        "primary_url": f"/review?as_of={row.held_on}" if row.held_on < today(timezone.now()) else "/review",
        "primary_label": _("The pack of that day"),
        "primary_icon": "doc",
        "secondary_url": reverse("review_edit", args=[row.pk]),
        "secondary_label": _("Edit"),
        "secondary_icon": "pencil",
    }
    return render(request, "reports/review.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def review_edit(request: SignedIn, pk: int) -> HttpResponse:
    row = find_review(request, pk)
    form = narrowed(request, ReviewForm(posted(request), row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_review(review=row, by=request.user, **form.changes)
            return done(request, _("Saved the review."), row.get_absolute_url(), kept=form.kept)
    context = {
        "title": _("Edit review"),
        "crumbs": [*CRUMBS, (str(row), row.get_absolute_url())],
        "form": form,
        "cancel_url": row.get_absolute_url(),
        "delete_url": reverse("review_delete", args=[row.pk]),
    }
    return form_page(request, context)


@require_http_methods(["GET", "HEAD", "POST"])
def review_delete(request: SignedIn, pk: int) -> HttpResponse:
    row = find_review(request, pk)
    return delete(
        request,
        lambda: services.delete_review(review=row, by=request.user),
        row=row,
        to=reverse("reviews"),
        back=row.get_absolute_url(),
        consequence=_("Its actions go with it."),
        crumbs=CRUMBS,
    )


# -- actions ---------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def action_take(request: SignedIn, pk: int) -> HttpResponse:
    row = find_review(request, pk)
    form = ReviewActionForm(posted(request), viewer=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.take_action(review=row, by=request.user, **form.changes)
            return done(request, _("Noted."), row.get_absolute_url())
    context = {
        "title": _("New action"),
        "sub": str(row),
        "crumbs": [*CRUMBS, (str(row), row.get_absolute_url())],
        "form": form,
        "submit_label": _("Note it"),
        "cancel_url": row.get_absolute_url(),
    }
    return form_page(request, context)


@require_http_methods(["GET", "HEAD", "POST"])
def sync_action_take(request: SignedIn, key: str) -> HttpResponse:
    """Note what a program's own sync agreed."""
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    form = ReviewActionForm(posted(request), viewer=request.user, of_program=True)
    to = f"{program.get_absolute_url()}/sync"
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.take_action(by=request.user, program=program, **form.changes)
            return done(request, _("Noted."), to)
    context = {
        "title": _("New action"),
        "crumbs": program_crumbs(program, (_("Weekly sync"), to)),
        "form": form,
        "submit_label": _("Note it"),
        "cancel_url": to,
    }
    return form_page(request, context)


def crumbs_of(action: ReviewAction) -> Crumbs:
    if action.review:
        return [*CRUMBS, (str(action.review), action.meeting_url)]
    return program_crumbs(action.program, (_("Weekly sync"), action.meeting_url)) if action.program else []


def find_action(request: SignedIn, pk: int) -> ReviewAction:
    rows = ReviewAction.objects.visible_to(request.user).select_related("review", "program", "owner")
    return get_object_or_404(rows, pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
def action_edit(request: SignedIn, pk: int) -> HttpResponse:
    action = find_action(request, pk)
    back = action.meeting_url
    of_program = action.review is None
    form = narrowed(request, ReviewActionForm(posted(request), row=action, viewer=request.user, of_program=of_program))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_action(action=action, by=request.user, **form.changes)
            return done(request, _("Saved the action."), back, kept=form.kept)
    context = {
        "title": _("Edit action"),
        "sub": str(action.review or action.program),
        "crumbs": crumbs_of(action),
        "form": form,
        "cancel_url": back,
        "delete_url": reverse("review_action_drop", args=[action.pk]),
    }
    return form_page(request, context)


@require_POST
def action_finish(request: SignedIn, pk: int) -> HttpResponse:
    action = find_action(request, pk)
    on = today(timezone.now())
    return attempt(
        request,
        lambda: services.change_action(action=action, by=request.user, done_on=on),
        _("Done."),
        back_to(request.POST, action.meeting_url),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def action_drop(request: SignedIn, pk: int) -> HttpResponse:
    action = find_action(request, pk)
    back = action.meeting_url
    return delete(
        request,
        lambda: services.drop_action(action=action, by=request.user),
        row=action,
        to=back,
        back=back,
        crumbs=crumbs_of(action),
    )
