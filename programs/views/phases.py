"""Phases of a program, their gates, and what these ask for."""

from __future__ import annotations

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from history import past
from history.forms import explaining
from people.pages import SignedIn, attempt, day_of, delete, done, form_page, narrowed, posted
from people.services import today
from programs import services
from programs.forms import (
    CriterionForm,
    DecisionForm,
    GateActionForm,
    PhaseForm,
)
from programs.models import GateAction, GateCriterion, Phase, Program
from programs.pages import Crumbs, find_program, looks_back, program_crumbs
from programs.permissions import Act, acts, require
from programs.views.removal import PHASE_ORDER


def _phases_url(program: Program) -> str:
    return f"{program.get_absolute_url()}/phases"


def _phases_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, (_("Phases"), _phases_url(program)))


@require_safe
@looks_back
def phases(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    allowed, day = acts(request.user, program), day_of(request)
    rows = list(
        program.phases.select_related("approver", "decided_by")
        .prefetch_related(Prefetch("criteria", GateCriterion.objects.order_by("id")))
        .prefetch_related(Prefetch("actions", GateAction.objects.select_related("owner").order_by("due_on", "id")))
    )
    rows.sort(key=lambda phase: PHASE_ORDER.index(phase.kind))
    may_edit = Act.EDIT in allowed
    missing = len(rows) < len(PHASE_ORDER)
    context = {
        "program": program,
        "place": "phases",
        "title": _("Phases"),
        "crumbs": program_crumbs(program),
        "today": day,
        "phases": [(phase, services.act_of_changing(phase) in allowed) for phase in rows],
        "current": program.phases.ahead(day).first(),
        "decidable": set()  # nobody decides in the past
        if past.day()
        else {phase.pk for phase in rows if Act.DECIDE in allowed or phase.approver_id == request.user.pk},
        "may_edit": may_edit,
        "primary_url": f"{_phases_url(program)}/new" if may_edit and missing else None,
        "primary_label": _("New phase"),
    }
    return render(request, "programs/phases.html", context)


def phase_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    form = PhaseForm(posted(request), program=program)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_phase(program=program, by=request.user, **form.changes)
            return done(
                request,
                _("Added the phase “%(row)s”. Next: what must be true at its gate.") % {"row": row},
                _phases_url(program),
            )
    context = {
        "form": form,
        "title": _("New phase"),
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "submit_label": _("Add phase"),
    }
    return form_page(request, context)


def find_phase(request: SignedIn, pk: int) -> Phase:
    rows = Phase.objects.visible_to(request.user).select_related("program__lead", "approver")
    return get_object_or_404(rows, pk=pk)


def phase_edit(request: SignedIn, pk: int) -> HttpResponse:
    phase = find_phase(request, pk)
    program = phase.program
    require(request.user, services.act_of_changing(phase), program)
    form = narrowed(request, PhaseForm(posted(request), program=program, row=phase))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_phase(phase=phase, by=request.user, **form.changes)
            return done(request, _("Saved the phase."), _phases_url(program), kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit phase"),
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "delete_url": f"/phases/{phase.pk}/delete",
    }
    return form_page(request, context)


def phase_delete(request: SignedIn, pk: int) -> HttpResponse:
    phase = find_phase(request, pk)
    require(request.user, services.act_of_changing(phase), phase.program)
    return delete(
        request,
        lambda: services.delete_phase(phase=phase, by=request.user),
        row=phase,
        to=_phases_url(phase.program),
        back=f"/phases/{phase.pk}/edit",
        consequence=_("Its gate's criteria and actions go with it. Its history is kept."),
        crumbs=_phases_crumbs(phase.program),
    )


def gate_decide(request: SignedIn, pk: int) -> HttpResponse:
    phase = find_phase(request, pk)
    program = phase.program
    if request.user.pk != phase.approver_id:
        require(request.user, Act.DECIDE, program)
    form = DecisionForm(posted(request), row=phase)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.decide_gate(phase=phase, by=request.user, on=today(timezone.now()), **form.cleaned_data)
            said = _("The gate of %(row)s is decided: %(decision)s.") % {
                "row": row,
                "decision": row.get_decision_display().lower(),
            }
            return done(request, said, _phases_url(program), final=True)
    context = {
        "form": form,
        "title": _("Decide the gate"),
        "sub": _("%(phase)s of %(program)s") % {"phase": phase, "program": program.name},
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "submit_label": _("Decide"),
        "phase": phase,
        "criteria": list(phase.criteria.order_by("id")),
    }
    return render(request, "programs/decide.html", context, status=422 if form.errors else 200)


def criterion_create(request: SignedIn, pk: int) -> HttpResponse:
    phase = find_phase(request, pk)
    program = phase.program
    require(request.user, Act.EDIT, program)
    form = CriterionForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.create_criterion(phase=phase, by=request.user, **form.changes)
            return done(request, _("Added to the gate of %(phase)s.") % {"phase": phase}, _phases_url(program))
    context = {
        "form": form,
        "title": _("New criterion"),
        "sub": _("Gate of %(phase)s") % {"phase": phase},
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "submit_label": _("Add criterion"),
    }
    return form_page(request, context)


def find_criterion(request: SignedIn, pk: int) -> GateCriterion:
    rows = GateCriterion.objects.visible_to(request.user).select_related("phase__program__lead")
    return get_object_or_404(rows, pk=pk)


def criterion_edit(request: SignedIn, pk: int) -> HttpResponse:
    criterion = find_criterion(request, pk)
    program = criterion.phase.program
    require(request.user, Act.EDIT, program)
    form = narrowed(request, CriterionForm(posted(request), row=criterion))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_criterion(criterion=criterion, by=request.user, **form.changes)
            return done(request, _("Saved the criterion."), _phases_url(program), kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit criterion"),
        "sub": _("Gate of %(phase)s") % {"phase": criterion.phase},
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "delete_url": f"/criteria/{criterion.pk}/delete",
    }
    return form_page(request, context)


@require_POST
def criterion_meet(request: SignedIn, pk: int) -> HttpResponse:
    criterion = find_criterion(request, pk)
    program = criterion.phase.program
    require(request.user, Act.EDIT, program)
    return attempt(
        request,
        lambda: services.change_criterion(criterion=criterion, by=request.user, met_on=today(timezone.now())),
        _("Met today: %(criterion)s") % {"criterion": criterion},
        _phases_url(program),
    )


def criterion_delete(request: SignedIn, pk: int) -> HttpResponse:
    criterion = find_criterion(request, pk)
    program = criterion.phase.program
    require(request.user, Act.EDIT, program)
    return delete(
        request,
        lambda: services.delete_criterion(criterion=criterion, by=request.user),
        row=criterion,
        to=_phases_url(program),
        back=_phases_url(program),
        crumbs=_phases_crumbs(program),
    )


def gate_action_create(request: SignedIn, pk: int) -> HttpResponse:
    phase = find_phase(request, pk)
    program = phase.program
    require(request.user, Act.EDIT, program)
    form = GateActionForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.create_gate_action(phase=phase, by=request.user, **form.changes)
            return done(request, _("Added to the actions of %(phase)s.") % {"phase": phase}, _phases_url(program))
    context = {
        "form": form,
        "title": _("New action"),
        "sub": _("Gate of %(phase)s") % {"phase": phase},
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "submit_label": _("Add action"),
    }
    return form_page(request, context)


def find_gate_action(request: SignedIn, pk: int) -> GateAction:
    rows = GateAction.objects.visible_to(request.user).select_related("phase__program__lead", "owner")
    return get_object_or_404(rows, pk=pk)


def gate_action_edit(request: SignedIn, pk: int) -> HttpResponse:
    action = find_gate_action(request, pk)
    program = action.phase.program
    require(request.user, Act.EDIT, program)
    form = narrowed(request, GateActionForm(posted(request), row=action))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_gate_action(action=action, by=request.user, **form.changes)
            return done(request, _("Saved the action."), _phases_url(program), kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit action"),
        "sub": _("Gate of %(phase)s") % {"phase": action.phase},
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "delete_url": f"/gate-actions/{action.pk}/delete",
    }
    return form_page(request, context)


@require_POST
def gate_action_finish(request: SignedIn, pk: int) -> HttpResponse:
    action = find_gate_action(request, pk)
    program = action.phase.program
    require(request.user, Act.EDIT, program)
    return attempt(
        request,
        lambda: services.change_gate_action(action=action, by=request.user, done_on=today(timezone.now())),
        _("Done today: %(action)s") % {"action": action},
        _phases_url(program),
    )


def gate_action_delete(request: SignedIn, pk: int) -> HttpResponse:
    action = find_gate_action(request, pk)
    program = action.phase.program
    require(request.user, Act.EDIT, program)
    return delete(
        request,
        lambda: services.delete_gate_action(action=action, by=request.user),
        row=action,
        to=_phases_url(program),
        back=_phases_url(program),
        crumbs=_phases_crumbs(program),
    )
