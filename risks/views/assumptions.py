"""Pages that write assumptions."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from history.forms import explaining
from people.pages import SignedIn, bulk_edit, delete, done, form_page, narrowed, posted
from programs.models import Program
from programs.pages import Crumbs, find_program, of_editable, program_crumbs
from programs.permissions import Act, require
from risks import services
from risks.forms import AssumptionForm, BulkAssumptionForm
from risks.models import Assumption


def find_assumption(request: SignedIn, pk: int) -> Assumption:
    rows = Assumption.objects.visible_to(request.user).select_related("program__lead", "owner")
    return get_object_or_404(rows, pk=pk)


def _assumption_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, (_("Assumptions"), f"{program.get_absolute_url()}/assumptions"))


@require_safe
def assumption(request: SignedIn, pk: int) -> HttpResponse:
    """An assumption stands in the list of its program."""
    row = find_assumption(request, pk)
    shown = "" if row.state == Assumption.State.OPEN else "?show=settled"
    return redirect(f"{row.program.get_absolute_url()}/assumptions{shown}#assumption-{row.pk}")


@require_http_methods(["GET", "POST"])
def assumptions_bulk(request: SignedIn) -> HttpResponse:
    """Change many assumptions, of one program or of several: confirmed in one review, say."""
    return bulk_edit(
        request,
        Assumption.objects.visible_to(request.user).select_related("program__lead"),
        lambda data, _rows: BulkAssumptionForm(data),
        lambda row, form: services.change_assumption(assumption=row, by=request.user, **form.changes),
        noun=ngettext_lazy("assumption", "assumptions"),
        to="/assumptions",
        may_change=lambda found: of_editable(request.user, found),
    )


def assumption_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/assumptions"
    form = AssumptionForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.create_assumption(program=program, by=request.user, **form.changes)
            return done(request, _("Noted the assumption."), back)
    context = {
        "form": form,
        "title": _("New assumption"),
        "crumbs": _assumption_crumbs(program),
        "cancel_url": back,
        "submit_label": _("Note assumption"),
    }
    return form_page(request, context)


def assumption_edit(request: SignedIn, pk: int) -> HttpResponse:
    row = find_assumption(request, pk)
    require(request.user, Act.EDIT, row.program)
    back = f"{row.program.get_absolute_url()}/assumptions"
    form = narrowed(request, AssumptionForm(posted(request), row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_assumption(assumption=row, by=request.user, **form.changes)
            return done(request, _("Saved the assumption."), back, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit assumption"),
        "crumbs": _assumption_crumbs(row.program),
        "cancel_url": back,
        "delete_url": f"/assumptions/{row.pk}/delete",
    }
    return form_page(request, context)


def assumption_delete(request: SignedIn, pk: int) -> HttpResponse:
    row = find_assumption(request, pk)
    require(request.user, Act.EDIT, row.program)
    back = f"{row.program.get_absolute_url()}/assumptions"
    return delete(
        request,
        lambda: services.delete_assumption(assumption=row, by=request.user),
        row=row,
        to=back,
        back=f"/assumptions/{row.pk}/edit",
        crumbs=_assumption_crumbs(row.program),
    )
