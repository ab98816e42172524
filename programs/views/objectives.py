"""What the organisation wants: pages that write it. The tree is in ``dashboards/objectives.py``."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.forms import explaining
from people import permissions as organisation
from people.pages import SignedIn, delete, done, form_page, narrowed, posted
from people.permissions import OrgAct
from programs import services
from programs.forms import (
    ObjectiveForm,
)
from programs.models import Objective
from programs.pages import Crumbs

OBJECTIVES: Crumbs = [(lazy("Objectives"), "/objectives")]


def objective_create(request: SignedIn) -> HttpResponse:
    organisation.require(request.user, OrgAct.EDIT_OBJECTIVES)
    form = ObjectiveForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_objective(by=request.user, **form.changes)
            return done(request, _("Added the objective “%(title)s”.") % {"title": row.title}, "/objectives")
    context = {
        "form": form,
        "title": _("New objective"),
        "crumbs": OBJECTIVES,
        "cancel_url": "/objectives",
        "submit_label": _("Add objective"),
    }
    return form_page(request, context)


def find_objective(request: SignedIn, pk: int) -> Objective:
    """Objectives are seen by everybody who signs in; to edit them takes an act of the organisation."""
    organisation.require(request.user, OrgAct.EDIT_OBJECTIVES)
    return get_object_or_404(Objective.objects.select_related("owner", "parent"), pk=pk)


def objective_edit(request: SignedIn, pk: int) -> HttpResponse:
    objective = find_objective(request, pk)
    form = narrowed(request, ObjectiveForm(posted(request), row=objective))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_objective(objective=objective, by=request.user, **form.changes)
            return done(request, _("Saved the objective."), "/objectives", kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit objective"),
        "crumbs": OBJECTIVES,
        "cancel_url": "/objectives",
        "delete_url": f"{objective.get_absolute_url()}/delete",
    }
    return form_page(request, context)


def objective_delete(request: SignedIn, pk: int) -> HttpResponse:
    objective = find_objective(request, pk)
    return delete(
        request,
        lambda: services.delete_objective(objective=objective, by=request.user),
        row=objective,
        to="/objectives",
        back=f"/objectives/{objective.pk}/edit",
        consequence=_("Programs that serve it stay, without it. One that is reached is better closed than deleted."),
        crumbs=OBJECTIVES,
    )
