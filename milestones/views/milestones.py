"""Pages that write milestones. Those that show them beside their forecast are in ``dashboards``."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

import people.permissions
import people.services
from history.forms import explaining
from milestones import services
from milestones.forms import (
    BulkMilestoneForm,
    MilestoneForm,
)
from milestones.models import Milestone
from people.pages import SignedIn, attempt, bulk_edit, delete, done, form_page, narrowed, posted
from programs.pages import Crumbs, find_program, of_editable, program_crumbs
from programs.permissions import Act, may, require

PLAN_FIELDS = set(MilestoneForm.names) - services.NOT_PLAN_FIELDS


def today() -> date:
    return people.services.today(timezone.now())


def _milestone_crumbs(milestone: Milestone) -> Crumbs:
    return program_crumbs(
        milestone.program,
        (_("Milestones"), f"{milestone.program.get_absolute_url()}/milestones"),
        (milestone.name, f"/m/{milestone.pk}"),
    )


def find_milestone(request: SignedIn, pk: int) -> Milestone:
    rows = Milestone.objects.visible_to(request.user).select_related("program__lead", "owner", "team", "workstream")
    return get_object_or_404(rows, pk=pk)


def milestone_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/milestones"
    form = MilestoneForm(posted(request), program=program, by=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_milestone(program=program, by=request.user, today=today(), **form.changes)
            return done(
                request,
                _("Added “%(name)s”. Its forecast follows within seconds.") % {"name": row.name},
                f"/m/{row.pk}",
            )
    context = {
        "form": form,
        "title": _("New milestone"),
        "crumbs": program_crumbs(program, (_("Milestones"), back)),
        "cancel_url": back,
        "submit_label": _("Add milestone"),
    }
    return form_page(request, context)


def milestone_edit(request: SignedIn, pk: int) -> HttpResponse:
    milestone = find_milestone(request, pk)
    require(request.user, Act.EDIT, milestone.program)
    here = f"/m/{milestone.pk}"
    form = narrowed(request, MilestoneForm(posted(request), program=milestone.program, by=request.user, row=milestone))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_milestone(
                milestone=milestone, by=request.user, today=today(), at=timezone.now(), **form.move, **form.changes
            )
            return done(request, _("Saved. The forecast follows within seconds."), here, kept=form.kept)
    return form_page(request, edit_context(request, milestone, form))


def edit_context(request: SignedIn, milestone: Milestone, form: MilestoneForm) -> dict[str, Any]:
    """What the form of a milestone stands in; of fields that forecasts read, with the address of their impact."""
    here = f"/m/{milestone.pk}"
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    return {
        "form": form,
        "title": _("Edit milestone"),
        "sub": milestone.name,
        "crumbs": _milestone_crumbs(milestone),
        "action": f"{here}/edit{query}",
        "impact_url": f"{here}/impact{query}" if form.fields.keys() & PLAN_FIELDS else "",
        "cancel_url": here,
        "delete_url": f"{here}/delete"
        if may(request.user, services.act_of_deleting(milestone), milestone.program)
        else None,
    }


def milestone_delete(request: SignedIn, pk: int) -> HttpResponse:
    milestone = find_milestone(request, pk)
    require(request.user, services.act_of_deleting(milestone), milestone.program)
    return delete(
        request,
        lambda: services.delete_milestone(milestone=milestone, by=request.user),
        row=milestone,
        to=f"{milestone.program.get_absolute_url()}/milestones",
        back=f"/m/{milestone.pk}",
        consequence=_("Its links, hand-offs and risk impacts go with it. Its history is kept."),
        crumbs=_milestone_crumbs(milestone),
    )


def _milestone_button(request: SignedIn, pk: int, message: str, **changes: Any) -> HttpResponse:
    milestone = find_milestone(request, pk)
    require(request.user, Act.EDIT, milestone.program)
    return attempt(
        request,
        lambda: services.change_milestone(
            milestone=milestone, by=request.user, today=today(), at=timezone.now(), **changes
        ),
        message,
        f"/m/{milestone.pk}",
    )


@require_POST
def milestone_finish(request: SignedIn, pk: int) -> HttpResponse:
    return _milestone_button(request, pk, _("Marked as done today."), done_on=today(), cancelled_on=None)


@require_POST
def milestone_cancel(request: SignedIn, pk: int) -> HttpResponse:
    return _milestone_button(request, pk, _("Cancelled: nothing waits for it any more."), cancelled_on=today())


@require_POST
def milestone_reopen(request: SignedIn, pk: int) -> HttpResponse:
    return _milestone_button(request, pk, _("Open again."), done_on=None, cancelled_on=None)


@require_http_methods(["GET", "POST"])
def milestones_bulk(request: SignedIn) -> HttpResponse:
    """Change the same in many milestones, of one program or of several."""
    now = timezone.now()
    on = people.services.today(now)

    def write(row: Milestone, form: BulkMilestoneForm) -> None:
        services.change_milestone(milestone=row, by=request.user, today=on, at=now, **form.changes_of(row))

    return bulk_edit(
        request,
        Milestone.objects.visible_to(request.user).select_related("program__lead"),
        lambda data, rows: BulkMilestoneForm(data, rows, by=request.user),
        write,
        noun=ngettext_lazy("milestone", "milestones"),
        to="/",
        may_change=lambda found: of_editable(request.user, found),
    )
