"""Pages of the RAID log: risks, assumptions, issues and decisions, of one program or of all."""

from __future__ import annotations

from datetime import date

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

import people.services
from history import past
from history.changes import changes_of
from history.forms import explaining
from people.pages import SignedIn, attempt, bulk_edit, day_of, delete, done, form_page, narrowed, posted
from programs.models import Program
from programs.pages import Crumbs, find_program, looks_back, program_crumbs
from programs.permissions import Act, acts, may, require
from risks import services
from risks.forms import (
    ActionForm,
    AssumptionForm,
    BulkRiskForm,
    CloseForm,
    DecideForm,
    DecisionForm,
    Impacts,
    IssueForm,
    RiskForm,
)
from risks.models import Assumption, Decision, Issue, MitigationAction, Risk


def today() -> date:
    return people.services.today(timezone.now())


# -- risks -----------------------------------------------------------------------------------------------------------


def find_risk(request: SignedIn, pk: int) -> Risk:
    return get_object_or_404(Risk.objects.visible_to(request.user).select_related("program__lead", "owner"), pk=pk)


def _risk_crumbs(risk: Risk) -> Crumbs:
    return program_crumbs(
        risk.program, ("Risks", f"{risk.program.get_absolute_url()}/risks"), (risk.reference, f"/r/{risk.reference}")
    )


@require_http_methods(["GET", "POST"])
def risks_bulk(request: SignedIn) -> HttpResponse:
    """Change or close many risks, of one program or of several."""
    on = today()

    def write(row: Risk, form: BulkRiskForm) -> None:
        if form.changes:
            services.change_risk(risk=row, by=request.user, **form.changes)
        if form.cleaned_data["closed_because"]:
            services.close_risk(risk=row, by=request.user, on=on, because=form.cleaned_data["closed_because"])

    rows = Risk.objects.visible_to(request.user).select_related("program__lead")
    return bulk_edit(request, rows, lambda data, _: BulkRiskForm(data), write, plural="risks", to="/risks")


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
            return done(request, f"Raised {row.reference}.", f"/r/{row.reference}")
    context = {
        "form": form,
        "impacts": impacts.rows,
        "title": "New risk",
        "crumbs": program_crumbs(program, ("Risks", back)),
        "cancel_url": back,
        "submit_label": "Raise risk",
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
                impacts=impacts.value if impacts and impacts.rows.has_changed() else None,
                **form.changes,
            )
            return done(request, f"Saved {row.reference}.", here, kept=form.kept)
    context = {
        "form": form,
        "impacts": impacts.rows if impacts else [],
        "title": f"Edit {row.reference}",
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
            return done(request, f"Closed {row.reference}.", here)
    context = {
        "form": form,
        "title": f"Close {row.reference}",
        "sub": row.title,
        "crumbs": _risk_crumbs(row),
        "cancel_url": here,
        "submit_label": "Close risk",
    }
    return render(request, "form_base.html", context, status=422 if form.errors else 200)


@require_POST
def risk_reopen(request: SignedIn, pk: int) -> HttpResponse:
    row = find_risk(request, pk)
    require(request.user, Act.EDIT, row.program)
    return attempt(
        request,
        lambda: services.reopen_risk(risk=row, by=request.user),
        f"{row.reference} is open again.",
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
        consequence="Its impacts and mitigations go with it. To keep it in the log, close it instead.",
        crumbs=_risk_crumbs(row),
    )


# -- mitigations -----------------------------------------------------------------------------------------------------


def action_create(request: SignedIn, pk: int) -> HttpResponse:
    row = find_risk(request, pk)
    require(request.user, Act.EDIT, row.program)
    here = f"/r/{row.reference}"
    form = ActionForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.create_action(risk=row, by=request.user, **form.changes)
            return done(request, "Added the mitigation.", here)
    context = {
        "form": form,
        "title": "New mitigation",
        "sub": row.title,
        "crumbs": _risk_crumbs(row),
        "cancel_url": here,
        "submit_label": "Add mitigation",
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
            return done(request, "Saved the mitigation.", here, kept=form.kept)
    context = {
        "form": form,
        "title": "Edit mitigation",
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
        "Marked as done.",
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


# -- issues ----------------------------------------------------------------------------------------------------------


def find_issue(request: SignedIn, pk: int) -> Issue:
    rows = Issue.objects.visible_to(request.user).select_related("program__lead", "owner", "milestone")
    return get_object_or_404(rows, pk=pk)


def _issue_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, ("Issues", f"{program.get_absolute_url()}/issues"))


@looks_back
def issue(request: SignedIn, pk: int) -> HttpResponse:
    row = find_issue(request, pk)
    context = {
        "program": row.program,
        "place": "risks",
        "title": row.title,
        "crumbs": _issue_crumbs(row.program),
        "issue": row,
        "changes": changes_of(row),
        "today": day_of(request),
        "may_edit": may(request.user, Act.EDIT, row.program),
    }
    return render(request, "risks/issue.html", context)


def issue_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    form = IssueForm(posted(request), program=program)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_issue(program=program, by=request.user, today=today(), **form.changes)
            return done(request, "Raised the issue.", f"/issues/{row.pk}")
    context = {
        "form": form,
        "title": "New issue",
        "crumbs": _issue_crumbs(program),
        "cancel_url": f"{program.get_absolute_url()}/issues",
        "submit_label": "Raise issue",
    }
    return form_page(request, context)


def issue_edit(request: SignedIn, pk: int) -> HttpResponse:
    row = find_issue(request, pk)
    require(request.user, Act.EDIT, row.program)
    here = f"/issues/{row.pk}"
    form = narrowed(request, IssueForm(posted(request), program=row.program, row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_issue(issue=row, by=request.user, **form.changes)
            return done(request, "Saved the issue.", here, kept=form.kept)
    context = {
        "form": form,
        "title": "Edit issue",
        "sub": row.title,
        "crumbs": [*_issue_crumbs(row.program), (row.title, here)],
        "cancel_url": here,
        "delete_url": f"{here}/delete",
    }
    return form_page(request, context)


@require_POST
def issue_close(request: SignedIn, pk: int) -> HttpResponse:
    """Close an issue today, or open a closed one again."""
    row = find_issue(request, pk)
    require(request.user, Act.EDIT, row.program)
    closed_on = None if row.closed_on else today()
    return attempt(
        request,
        lambda: services.change_issue(issue=row, by=request.user, closed_on=closed_on),
        "Closed the issue." if closed_on else "The issue is open again.",
        f"/issues/{row.pk}",
    )


def issue_delete(request: SignedIn, pk: int) -> HttpResponse:
    row = find_issue(request, pk)
    require(request.user, Act.EDIT, row.program)
    return delete(
        request,
        lambda: services.delete_issue(issue=row, by=request.user),
        row=row,
        to=f"{row.program.get_absolute_url()}/issues",
        back=f"/issues/{row.pk}",
        crumbs=_issue_crumbs(row.program),
    )


# -- assumptions -----------------------------------------------------------------------------------------------------


def find_assumption(request: SignedIn, pk: int) -> Assumption:
    rows = Assumption.objects.visible_to(request.user).select_related("program__lead", "owner")
    return get_object_or_404(rows, pk=pk)


def _assumption_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, ("Assumptions", f"{program.get_absolute_url()}/assumptions"))


def assumption_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/assumptions"
    form = AssumptionForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.create_assumption(program=program, by=request.user, **form.changes)
            return done(request, "Noted the assumption.", back)
    context = {
        "form": form,
        "title": "New assumption",
        "crumbs": _assumption_crumbs(program),
        "cancel_url": back,
        "submit_label": "Note assumption",
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
            return done(request, "Saved the assumption.", back, kept=form.kept)
    context = {
        "form": form,
        "title": "Edit assumption",
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


# -- decisions -------------------------------------------------------------------------------------------------------


def find_decision(request: SignedIn, pk: int) -> Decision:
    rows = Decision.objects.visible_to(request.user).select_related("program__lead", "decider", "objective")
    return get_object_or_404(rows, pk=pk)


def _decision_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, ("Decisions", f"{program.get_absolute_url()}/decisions"))


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
            return done(request, f"Asked {row.reference}.", f"/d/{row.reference}")
    context = {
        "form": form,
        "title": "New decision",
        "crumbs": _decision_crumbs(program),
        "cancel_url": f"{program.get_absolute_url()}/decisions",
        "submit_label": "Ask for a decision",
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
            return done(request, f"Saved {row.reference}.", here, kept=form.kept)
    context = {
        "form": form,
        "title": f"Edit {row.reference}",
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
            return done(request, f"Decided {row.reference}.", here)
    context = {
        "form": form,
        "title": f"Decide {row.reference}",
        "sub": row.question,
        "crumbs": [*_decision_crumbs(row.program), (row.reference, here)],
        "cancel_url": here,
        "submit_label": "Decide",
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
