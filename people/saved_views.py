"""Saved views: pages to open, change and delete them, and the part of a list's toolbar that offers them."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from history.forms import explaining
from people import services
from people.forms import NewViewForm, ViewForm
from people.models import SavedView, User
from people.pages import SignedIn, delete, done, paged, posted
from people.permissions import may_change_view, require_change_view

# Longer than any id: a number that the database could not read.
MOST_DIGITS = 18
CRUMBS: list[tuple[str | Promise, str]] = [(lazy("Saved views"), "/views")]


@dataclass(frozen=True)
class Offer:
    """The views of one page, and what would be saved of it now: the context of ``components/saved_views.html``."""

    views: list[SavedView]
    path: str
    query: str

    @property
    def current(self) -> SavedView | None:
        """The view whose filters and order are those of the page."""
        return next((view for view in self.views if view.query == self.query), None)


def offer(request: SignedIn) -> Offer:
    """What a list's toolbar offers: one query."""
    found = SavedView.objects.visible_to(request.user).filter(path=request.path).by_name(request.user)
    return Offer(list(found), request.path, services.tidy(request.GET.urlencode()))


def find(viewer: User, slug: str) -> SavedView | None:
    """The view that an address names, by the id at its end."""
    digits = slug.rpartition("-")[2]
    if not digits.isdecimal() or len(digits) > MOST_DIGITS:
        return None
    return SavedView.objects.visible_to(viewer).select_related("owner").filter(pk=int(digits)).first()


def found_or_404(viewer: User, slug: str) -> SavedView:
    view = find(viewer, slug)
    if view is None:
        raise Http404
    return view


@require_safe
def views(request: SignedIn) -> HttpResponse:
    rows = SavedView.objects.visible_to(request.user).select_related("owner").by_name(request.user)
    page = paged(request, rows)
    context = {
        "page": page,
        "changeable": {view.pk for view in page if may_change_view(request.user, view)},
        "title": _("Saved views"),
        "sub": _("Pages with their filters and order, under a name. A shared view shows to each what they may see."),
        "empty_heading": _("No saved views yet"),
        "empty_text": _("Choose filters and an order on the portfolio, then “Views” and “Save view”."),
    }
    return render(request, "people/saved_views.html", context)


def view_save(request: SignedIn) -> HttpResponse:
    asked = {name: request.GET.get(name, "") for name in ("path", "query")}
    form = NewViewForm(posted(request), initial={"path": asked["path"] or "/", "query": asked["query"]})
    if form.is_bound and form.is_valid():
        with explaining(form):
            view = services.save_view(by=request.user, **form.changes)
            return done(request, _("Saved the view “%(name)s”.") % {"name": view.name}, view.address)
    context = {
        "form": form,
        "title": _("Save view"),
        "sub": _("The page with its filters and order, as it is now."),
        "crumbs": CRUMBS,
        "cancel_url": "/views",
        "submit_label": _("Save view"),
    }
    return render(request, "form_base.html", context, status=form.status)


@require_safe
def view_open(request: SignedIn, slug: str) -> HttpResponse:
    return redirect(found_or_404(request.user, slug).address)


def view_edit(request: SignedIn, slug: str) -> HttpResponse:
    view = found_or_404(request.user, slug)
    require_change_view(request.user, view)
    form = ViewForm(posted(request), row=view)
    if form.is_bound and form.is_valid():
        with explaining(form):
            saved = services.change_view(view=view, by=request.user, **form.changes)
            return done(request, _("Saved the view “%(name)s”.") % {"name": saved.name}, saved.address, kept=form.kept)
    context = {
        "form": form,
        "title": _("Change view"),
        "crumbs": CRUMBS,
        "cancel_url": view.address,
        "delete_url": f"{view.get_absolute_url()}/delete",
    }
    return render(request, "form_base.html", context, status=form.status)


def view_delete(request: SignedIn, slug: str) -> HttpResponse:
    view = found_or_404(request.user, slug)
    require_change_view(request.user, view)
    return delete(
        request,
        lambda: services.delete_view(view=view, by=request.user),
        row=view,
        to=view.path,
        back=view.address,
        consequence=_("Everyone loses it. What it shows stays as it is.")
        if view.is_shared
        else _("What it shows stays as it is."),
        crumbs=CRUMBS,
    )
