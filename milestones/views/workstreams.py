"""Workstreams of a program."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from history.forms import explaining
from milestones import services
from milestones.forms import (
    WorkstreamForm,
)
from milestones.models import Workstream
from people.pages import SignedIn, delete, done, form_page, narrowed, paged, posted
from programs.pages import find_program, program_crumbs
from programs.permissions import Act, may, require


def workstreams(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    rows = program.workstreams.annotate(milestone_count=Count("milestones")).order_by("position", "name", "id")
    may_edit = may(request.user, Act.EDIT, program)
    here = f"{program.get_absolute_url()}/workstreams"
    context = {
        "program": program,
        "place": "milestones",
        "page": paged(request, rows),
        "title": _("Workstreams"),
        "crumbs": program_crumbs(program),
        "may_edit": may_edit,
        "primary_url": f"{here}/new" if may_edit else None,
        "primary_label": _("New workstream"),
        "empty_heading": _("No workstreams yet"),
        "empty_text": _("A workstream groups the milestones that one part of the program delivers."),
    }
    return render(request, "milestones/workstreams.html", context)


def workstream_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/workstreams"
    form = WorkstreamForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_workstream(program=program, by=request.user, **form.changes)
            return done(request, _("Added “%(name)s”.") % {"name": row.name}, back)
    context = {
        "form": form,
        "title": _("New workstream"),
        "crumbs": program_crumbs(program, (_("Workstreams"), back)),
        "cancel_url": back,
        "submit_label": _("Add workstream"),
    }
    return form_page(request, context)


def find_workstream(request: SignedIn, pk: int) -> Workstream:
    return get_object_or_404(Workstream.objects.visible_to(request.user).select_related("program__lead"), pk=pk)


def workstream_edit(request: SignedIn, pk: int) -> HttpResponse:
    workstream = find_workstream(request, pk)
    program = workstream.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/workstreams"
    form = narrowed(request, WorkstreamForm(posted(request), row=workstream))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_workstream(workstream=workstream, by=request.user, **form.changes)
            return done(request, _("Saved the workstream."), back, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit workstream"),
        "crumbs": program_crumbs(program, (_("Workstreams"), back)),
        "cancel_url": back,
        "delete_url": f"/workstreams/{workstream.pk}/delete",
    }
    return form_page(request, context)


def workstream_delete(request: SignedIn, pk: int) -> HttpResponse:
    workstream = find_workstream(request, pk)
    program = workstream.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/workstreams"
    return delete(
        request,
        lambda: services.delete_workstream(workstream=workstream, by=request.user),
        row=workstream,
        to=back,
        back=back,
        consequence=_("Its milestones stay, without a workstream."),
        crumbs=program_crumbs(program, (_("Workstreams"), back)),
    )
