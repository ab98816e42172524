"""What a program must, should and could deliver."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from history.forms import explaining
from milestones import services
from milestones.forms import (
    RequirementForm,
)
from milestones.models import Requirement
from milestones.scope import Scope
from milestones.views.milestones import today
from people.lists import address
from people.pages import SignedIn, delete, done, form_page, narrowed, paged, posted
from programs.pages import find_program, looks_back, program_crumbs
from programs.permissions import Act, acts, require


@looks_back
def requirements(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    here = f"{program.get_absolute_url()}/requirements"
    scope = Scope.of(program)
    rows = Requirement.objects.filter(program=program)
    kinds = {
        "": (_("All"), scope.inside + scope.outside, rows),
        "in": (_("In scope"), scope.inside, rows.filter(in_scope=True)),
        "out": (_("Out"), scope.outside, rows.filter(in_scope=False)),
        "added": (_("Added since baseline"), scope.added, rows.added_since(scope.baseline_on)),
        "loose": (_("Without a milestone"), scope.loose, rows.without_milestone()),
    }
    shown = request.GET.get("show", "")
    shown = shown if shown in kinds else ""
    tabs = [
        {"label": label, "url": address(request.GET, show=name), "count": count, "current": shown == name}
        for name, (label, count, _rows) in kinds.items()
    ]
    allowed = acts(request.user, program)
    may_edit = Act.EDIT in allowed
    context = {
        "program": program,
        "may_plan": Act.PLAN in allowed,
        "place": "requirements",
        "page": paged(request, kinds[shown][2].select_related("milestone").by_priority()),
        "title": _("Requirements"),
        "sub": scope.sentence,
        "crumbs": program_crumbs(program),
        "tabs": tabs,
        "tabs_label": _("Which requirements"),
        "may_edit": may_edit,
        "primary_url": f"{here}/new" if may_edit else None,
        "primary_label": _("New requirement"),
        "empty_heading": _("No requirements yet"),
        "empty_text": _("Say what the program must, should and could deliver, and which milestone delivers it."),
        "filtered": bool(shown),
        "whole_url": address(request.GET, show=None),
    }
    return render(request, "milestones/requirements.html", context)


def requirement_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/requirements"
    form = RequirementForm(posted(request), program=program, by=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.create_requirement(program=program, by=request.user, today=today(), **form.changes)
            return done(request, _("Added the requirement."), back)
    context = {
        "form": form,
        "title": _("New requirement"),
        "crumbs": program_crumbs(program, (_("Requirements"), back)),
        "cancel_url": back,
        "submit_label": _("Add requirement"),
    }
    return form_page(request, context)


def find_requirement(request: SignedIn, pk: int) -> Requirement:
    return get_object_or_404(Requirement.objects.visible_to(request.user).select_related("program__lead"), pk=pk)


def requirement_edit(request: SignedIn, pk: int) -> HttpResponse:
    requirement = find_requirement(request, pk)
    program = requirement.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/requirements"
    form = narrowed(request, RequirementForm(posted(request), program=program, by=request.user, row=requirement))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_requirement(requirement=requirement, by=request.user, today=today(), **form.changes)
            return done(request, _("Saved the requirement."), back, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit requirement"),
        "crumbs": program_crumbs(program, (_("Requirements"), back)),
        "cancel_url": back,
        "delete_url": f"/requirements/{requirement.pk}/delete",
    }
    return form_page(request, context)


def requirement_delete(request: SignedIn, pk: int) -> HttpResponse:
    requirement = find_requirement(request, pk)
    program = requirement.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/requirements"
    return delete(
        request,
        lambda: services.delete_requirement(requirement=requirement, by=request.user),
        row=requirement,
        to=back,
        back=back,
        crumbs=program_crumbs(program, (_("Requirements"), back)),
    )
