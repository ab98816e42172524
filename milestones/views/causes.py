"""Why promised dates move: the list that the organisation edits."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST

import people.permissions
import people.services
from history.forms import explaining
from milestones import services
from milestones.forms import (
    SlipCauseForm,
)
from milestones.models import SlipCause
from milestones.views.milestones import today
from people.pages import SignedIn, attempt, done, form_page, paged, posted
from people.permissions import OrgAct
from programs.pages import Crumbs

CAUSES = "/settings/slip-causes"
SETTINGS: Crumbs = [(lazy("Settings"), "/settings")]


def slip_causes(request: SignedIn) -> HttpResponse:
    people.permissions.require(request.user, OrgAct.MANAGE_ORGANISATION)
    rows = SlipCause.objects.annotate(move_count=Count("date_moves")).order_by("position", "name", "id")
    context = {
        "page": paged(request, rows),
        "title": _("Causes of slips"),
        "crumbs": SETTINGS,
        "sub": _("Whoever moves a promised date chooses one. Keep the list short: slips are explained by it later."),
        "primary_url": f"{CAUSES}/new",
        "primary_label": _("New cause"),
        "empty_heading": _("No causes yet"),
        "empty_text": _("Without one, nobody can move a promised date."),
    }
    return render(request, "milestones/slip_causes.html", context)


def slip_cause_create(request: SignedIn) -> HttpResponse:
    people.permissions.require(request.user, OrgAct.MANAGE_ORGANISATION)
    form = SlipCauseForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_slip_cause(by=request.user, **form.changes)
            return done(request, _("Added “%(name)s”.") % {"name": row.name}, CAUSES)
    context = {
        "form": form,
        "title": _("New cause"),
        "crumbs": [*SETTINGS, (_("Causes of slips"), CAUSES)],
        "cancel_url": CAUSES,
        "submit_label": _("Add cause"),
    }
    return form_page(request, context)


def slip_cause_edit(request: SignedIn, pk: int) -> HttpResponse:
    people.permissions.require(request.user, OrgAct.MANAGE_ORGANISATION)
    row = get_object_or_404(SlipCause, pk=pk)
    form = SlipCauseForm(posted(request), row=row)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_slip_cause(slip_cause=row, by=request.user, **form.changes)
            return done(request, _("Saved the cause."), CAUSES, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit cause"),
        "crumbs": [*SETTINGS, (_("Causes of slips"), CAUSES)],
        "cancel_url": CAUSES,
    }
    return form_page(request, context)


@require_POST
def slip_cause_retire(request: SignedIn, pk: int) -> HttpResponse:
    """Take a cause off the list, or put it back: what it explained keeps it."""
    people.permissions.require(request.user, OrgAct.MANAGE_ORGANISATION)
    row = get_object_or_404(SlipCause, pk=pk)
    retired_on = None if row.retired_on else today()
    return attempt(
        request,
        lambda: services.change_slip_cause(slip_cause=row, by=request.user, retired_on=retired_on),
        _("“%(name)s” is off the list.") % {"name": row.name}
        if retired_on
        else _("“%(name)s” is on the list again.") % {"name": row.name},
        CAUSES,
    )
