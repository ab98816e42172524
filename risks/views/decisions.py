"""A decision, and pages that ask for it and take it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods

from history import past
from history.changes import changes_of
from history.forms import explaining
from people.pages import SignedIn, bulk_edit, day_of, delete, done, form_page, narrowed, posted
from programs.models import Program
from programs.pages import Crumbs, find_program, looks_back, of_editable, program_crumbs
from programs.permissions import Act, acts, require
from risks import services
from risks.forms import BulkDecisionForm, DecideForm, DecisionForm
from risks.models import Decision
from risks.views.risks import today


def find_decision(request: SignedIn, pk: int) -> Decision:
    rows = Decision.objects.visible_to(request.user).select_related("program__lead", "decider", "objective")
    return get_object_or_404(rows, pk=pk)


def _decision_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, (_("Decisions"), f"{program.get_absolute_url()}/decisions"))


@require_http_methods(["GET", "POST"])
def decisions_bulk(request: SignedIn) -> HttpResponse:
    """Change who decides, by when, or for which objective, in many decisions at once."""
    return bulk_edit(
        request,
        Decision.objects.visible_to(request.user).select_related("program__lead"),
        lambda data, _rows: BulkDecisionForm(data),
        lambda row, form: services.change_decision(decision=row, by=request.user, **form.changes),
        noun=ngettext_lazy("decision", "decisions"),
        to="/decisions",
        may_change=lambda found: of_editable(request.user, found),
    )


@looks_back
def decision(request: SignedIn, pk: int) -> HttpResponse:
    row = find_decision(request, pk)
    allowed = acts(request.user, row.program)
    context = {
        "program": row.program,
        "place": "decisions",
        "title": row.question,
        "crumbs": _decision_crumbs(row.program),
        "decision": row,
        "changes": changes_of(row),
        "today": day_of(request),
        "decides_for": row.decider if row.decider_id != request.user.pk else None,
        "may_edit": Act.EDIT in allowed,
        "may_decide": Act.DECIDE in allowed or (row.decider_id == request.user.pk and not past.day()),
    }
    return render(request, "risks/decision.html", context)


def decision_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    form = DecisionForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_decision(program=program, by=request.user, today=today(), **form.changes)
            return done(request, _("Asked %(reference)s.") % {"reference": row.reference}, f"/d/{row.reference}")
    context = {
        "form": form,
        "title": _("New decision"),
        "crumbs": _decision_crumbs(program),
        "cancel_url": f"{program.get_absolute_url()}/decisions",
        "submit_label": _("Ask for a decision"),
    }
    return form_page(request, context)


def decision_edit(request: SignedIn, pk: int) -> HttpResponse:
    row = find_decision(request, pk)
    require(request.user, Act.EDIT, row.program)
    here = f"/d/{row.reference}"
    form = narrowed(request, DecisionForm(posted(request), row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_decision(decision=row, by=request.user, **form.changes)
            return done(request, _("Saved %(reference)s.") % {"reference": row.reference}, here, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit %(reference)s") % {"reference": row.reference},
        "crumbs": [*_decision_crumbs(row.program), (row.reference, here)],
        "cancel_url": here,
        "delete_url": f"{here}/delete",
    }
    return form_page(request, context)


def decision_decide(request: SignedIn, pk: int) -> HttpResponse:
    row = find_decision(request, pk)
    if row.decider_id != request.user.pk:
        require(request.user, Act.DECIDE, row.program)
    here = f"/d/{row.reference}"
    first = {"answer": row.answer, "consequence": row.consequence, "decided_on": row.decided_on or today()}
    form = DecideForm(posted(request), initial=first)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.decide(
                decision=row,
                by=request.user,
                on=form.cleaned_data["decided_on"],
                answer=form.cleaned_data["answer"],
                consequence=form.cleaned_data["consequence"],
            )
            return done(request, _("Decided %(reference)s.") % {"reference": row.reference}, here)
    context = {
        "form": form,
        "title": _("Decide %(reference)s") % {"reference": row.reference},
        "sub": row.question,
        "crumbs": [*_decision_crumbs(row.program), (row.reference, here)],
        "cancel_url": here,
        "submit_label": _("Decide"),
        "decision": row,
    }
    return render(request, "risks/decide.html", context, status=422 if form.errors else 200)


def decision_delete(request: SignedIn, pk: int) -> HttpResponse:
    row = find_decision(request, pk)
    require(request.user, Act.EDIT, row.program)
    return delete(
        request,
        lambda: services.delete_decision(decision=row, by=request.user),
        row=row,
        to=f"{row.program.get_absolute_url()}/decisions",
        back=f"/d/{row.reference}",
        crumbs=_decision_crumbs(row.program),
    )
