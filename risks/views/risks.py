"""Pages that write risks and their mitigations. The register is in ``dashboards/risks.py``."""

from __future__ import annotations

from datetime import date

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

import people.services
from history.forms import explaining
from people.pages import SignedIn, attempt, bulk_edit, delete, done, form_page, narrowed, posted
from programs.pages import Crumbs, find_program, of_editable, program_crumbs
from programs.permissions import Act, require
from risks import services
from risks.forms import (
    ActionForm,
    BulkRiskForm,
    CloseForm,
    Impacts,
    RiskForm,
)
from risks.models import MitigationAction, Risk


def today() -> date:
    return people.services.today(timezone.now())


def find_risk(request: SignedIn, pk: int) -> Risk:
    return get_object_or_404(Risk.objects.visible_to(request.user).select_related("program__lead", "owner"), pk=pk)


def _risk_crumbs(risk: Risk) -> Crumbs:
    return program_crumbs(
        risk.program, (_("Risks"), f"{risk.program.get_absolute_url()}/risks"), (risk.reference, f"/r/{risk.reference}")
    )


@require_http_methods(["GET", "POST"])
def risks_bulk(request: SignedIn) -> HttpResponse:
    """Change or close many risks, of one program or of several."""
    on = today()

    def write(row: Risk, form: BulkRiskForm) -> None:
        if form.changes:
            services.change_risk(risk=row, by=request.user, today=on, **form.changes)
        if form.cleaned_data["closed_because"]:
            services.close_risk(risk=row, by=request.user, on=on, because=form.cleaned_data["closed_because"])

    rows = Risk.objects.visible_to(request.user).select_related("program__lead")
    return bulk_edit(
        request,
        rows,
        lambda data, _: BulkRiskForm(data),
        write,
        noun=ngettext_lazy("risk", "risks"),
        to="/risks",
        may_change=lambda found: of_editable(request.user, found),
    )


def risk_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/risks"
    form = RiskForm(posted(request))
    impacts = Impacts(posted(request), program=program, viewer=request.user)
    if form.is_bound and form.is_valid() & impacts.is_valid():
        with explaining(form):
            row = services.create_risk(
                program=program, by=request.user, today=today(), impacts=impacts.value, **form.changes
            )
            return done(request, _("Raised %(reference)s.") % {"reference": row.reference}, f"/r/{row.reference}")
    context = {
        "form": form,
        "impacts": impacts.rows,
        "title": _("New risk"),
        "crumbs": program_crumbs(program, (_("Risks"), back)),
        "cancel_url": back,
        "submit_label": _("Raise risk"),
    }
    return render(request, "risks/risk_form.html", context, status=_status(form))


def _status(form: RiskForm) -> int:
    """Of a page that is shown again: where the form itself is right, a row of impacts is not."""
    return 422 if form.is_bound and form.status == 200 else form.status


def risk_edit(request: SignedIn, pk: int) -> HttpResponse:
    row = find_risk(request, pk)
    require(request.user, Act.EDIT, row.program)
    here = f"/r/{row.reference}"
    form = narrowed(request, RiskForm(posted(request), row=row))
    # One value edited where it stands leaves the impacts alone.
    whole = "only" not in request.GET
    impacts = Impacts(posted(request), program=row.program, viewer=request.user, row=row) if whole else None
    if form.is_bound and form.is_valid() & (impacts is None or impacts.is_valid()):
        with explaining(form):
            services.change_risk(
                risk=row,
                by=request.user,
                today=today(),
                impacts=impacts.value if impacts and impacts.rows.has_changed() else None,
                **form.changes,
            )
            return done(request, _("Saved %(reference)s.") % {"reference": row.reference}, here, kept=form.kept)
    context = {
        "form": form,
        "impacts": impacts.rows if impacts else [],
        "title": _("Edit %(reference)s") % {"reference": row.reference},
        "sub": row.title,
        "crumbs": _risk_crumbs(row),
        "cancel_url": here,
        "delete_url": f"{here}/delete",
    }
    if not whole:
        return form_page(request, context)
    return render(request, "risks/risk_form.html", context, status=_status(form))


def risk_close(request: SignedIn, pk: int) -> HttpResponse:
    row = find_risk(request, pk)
    require(request.user, Act.EDIT, row.program)
    here = f"/r/{row.reference}"
    form = CloseForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.close_risk(risk=row, by=request.user, on=today(), because=form.cleaned_data["closed_because"])
            return done(request, _("Closed %(reference)s.") % {"reference": row.reference}, here)
    context = {
        "form": form,
        "title": _("Close %(reference)s") % {"reference": row.reference},
        "sub": row.title,
        "crumbs": _risk_crumbs(row),
        "cancel_url": here,
        "submit_label": _("Close risk"),
    }
    return render(request, "form_base.html", context, status=422 if form.errors else 200)


@require_POST
def risk_reopen(request: SignedIn, pk: int) -> HttpResponse:
    row = find_risk(request, pk)
    require(request.user, Act.EDIT, row.program)
    return attempt(
        request,
        lambda: services.reopen_risk(risk=row, by=request.user),
        _("%(reference)s is open again.") % {"reference": row.reference},
        f"/r/{row.reference}",
    )


def risk_delete(request: SignedIn, pk: int) -> HttpResponse:
    row = find_risk(request, pk)
    require(request.user, Act.EDIT, row.program)
    return delete(
        request,
        lambda: services.delete_risk(risk=row, by=request.user),
        row=row,
        to=f"{row.program.get_absolute_url()}/risks",
        back=f"/r/{row.reference}",
        consequence=_("Its impacts and mitigations go with it. To keep it in the log, close it instead."),
        crumbs=_risk_crumbs(row),
    )


def action_create(request: SignedIn, pk: int) -> HttpResponse:
    row = find_risk(request, pk)
    require(request.user, Act.EDIT, row.program)
    here = f"/r/{row.reference}"
    form = ActionForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.create_action(risk=row, by=request.user, **form.changes)
            return done(request, _("Added the mitigation."), here)
    context = {
        "form": form,
        "title": _("New mitigation"),
        "sub": row.title,
        "crumbs": _risk_crumbs(row),
        "cancel_url": here,
        "submit_label": _("Add mitigation"),
    }
    return form_page(request, context)


def find_action(request: SignedIn, pk: int) -> MitigationAction:
    rows = MitigationAction.objects.visible_to(request.user).select_related("risk__program__lead")
    return get_object_or_404(rows, pk=pk)


def action_edit(request: SignedIn, pk: int) -> HttpResponse:
    action = find_action(request, pk)
    require(request.user, Act.EDIT, action.risk.program)
    here = f"/r/{action.risk.reference}"
    form = narrowed(request, ActionForm(posted(request), row=action))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_action(action=action, by=request.user, **form.changes)
            return done(request, _("Saved the mitigation."), here, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit mitigation"),
        "sub": action.risk.title,
        "crumbs": _risk_crumbs(action.risk),
        "cancel_url": here,
        "delete_url": f"/mitigations/{action.pk}/delete",
    }
    return form_page(request, context)


@require_POST
def action_finish(request: SignedIn, pk: int) -> HttpResponse:
    action = find_action(request, pk)
    require(request.user, Act.EDIT, action.risk.program)
    return attempt(
        request,
        lambda: services.change_action(action=action, by=request.user, done_on=today()),
        _("Marked as done."),
        f"/r/{action.risk.reference}",
    )


def action_delete(request: SignedIn, pk: int) -> HttpResponse:
    action = find_action(request, pk)
    require(request.user, Act.EDIT, action.risk.program)
    here = f"/r/{action.risk.reference}"
    return delete(
        request,
        lambda: services.delete_action(action=action, by=request.user),
        row=action,
        to=here,
        back=here,
        crumbs=_risk_crumbs(action.risk),
    )
