"""Pages that write programs and what stands around them. Those that show a forecast are in ``dashboards/``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import F, Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from history.forms import explaining
from people import charts
from people import permissions as organisation
from people.hours import shared_hours
from people.models import User
from people.pages import SignedIn, attempt, delete, done, form_page, narrowed, posted
from people.permissions import OrgAct
from people.services import today
from programs import services
from programs.forms import (
    CriterionForm,
    DecisionForm,
    GateActionForm,
    ObjectiveForm,
    PhaseForm,
    ProgramForm,
    RelatedForm,
    RoleForm,
    SlotForm,
)
from programs.models import GateAction, GateCriterion, Objective, Phase, Program, RelatedLink, Role, Slot
from programs.pages import Crumbs, find_program, program_crumbs
from programs.permissions import Act, acts, may, require

PHASE_ORDER = list(Phase.Kind.values)


def remove(
    request: SignedIn,
    write: Callable[[], None],
    *,
    question: str,
    consequence: str,
    verb: str,
    back: str,
    crumbs: Crumbs,
) -> HttpResponse:
    """Ask before taking away what has no name of its own; then say what became of it."""
    if request.method == "POST":
        return attempt(request, write, f"{verb}: done.", back)
    context = {
        "title": verb,
        "question": question,
        "consequence": consequence,
        "verb": verb,
        "cancel_url": back,
        "crumbs": crumbs,
    }
    return render(request, "components/confirm_delete.html", context)


# -- programs --------------------------------------------------------------------------------------------------------


def program_create(request: SignedIn) -> HttpResponse:
    organisation.require(request.user, OrgAct.CREATE_PROGRAM)
    form = ProgramForm(posted(request), by=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_program(by=request.user, **form.related, **form.changes)
            return done(request, f"Created {row.name}. Next: its milestones.", row.get_absolute_url())
    context = {
        "form": form,
        "title": "New program",
        "crumbs": [("New program", "/programs/new")],
        "cancel_url": "/programs/new",
        "submit_label": "Create program",
    }
    return form_page(request, context)


# -- people of a program ---------------------------------------------------------------------------------------------


def _people_url(program: Program) -> str:
    return f"{program.get_absolute_url()}/people"


def _people_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, ("People", _people_url(program)))


def at_work(program: Program, roles: Iterable[Role], slots: Iterable[Slot]) -> list[User]:
    """Who works on a program: its lead and sponsor, who leads or contributes by role, who fills a slot."""
    named = [program.lead, program.sponsor, *(role.user for role in roles if role.kind != Role.Kind.VIEWER)]
    found = {one.pk: one for one in [*named, *(slot.person for slot in slots)] if one and one.is_active}
    return list(found.values())


@require_safe
def program_people(request: SignedIn, key: str) -> HttpResponse:
    program = get_object_or_404(
        Program.objects.visible_to(request.user).select_related("lead", "sponsor", "owning_team"), key=key
    )
    allowed = acts(request.user, program)
    roles = list(program.roles.select_related("user").order_by("user__name", "id"))
    order = list(Role.Kind.values)
    slots = list(program.slots.select_related("team", "person").order_by(F("person_id").asc(nulls_first=True), "id"))
    hours = shared_hours(at_work(program, roles, slots), request.user, timezone.now())
    context = {
        "program": program,
        "place": "people",
        "title": "People",
        "crumbs": program_crumbs(program),
        "partners": [row.team for row in program.partners.select_related("team").order_by("team__name", "id")],
        "roles": sorted(roles, key=lambda role: order.index(role.kind)),
        "slots": slots,
        "hours": hours,
        "hours_chart": charts.draw(hours) if hours else "",
        "most_rows": charts.MOST_ROWS,
        "open_count": sum(slot.person_id is None for slot in slots),
        "may_manage": Act.MANAGE in allowed,
        "may_edit": Act.EDIT in allowed,
    }
    return render(request, "programs/people.html", context)


def role_give(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.MANAGE, program)
    form = RoleForm(posted(request), program=program)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.give_role(program=program, by=request.user, **form.changes)
            said = f"{row.user.name} is now {row.get_kind_display().lower()} of {program.name}."
            return done(request, said, _people_url(program))
    context = {
        "form": form,
        "title": "Give a role",
        "crumbs": _people_crumbs(program),
        "cancel_url": _people_url(program),
        "submit_label": "Give role",
    }
    return form_page(request, context)


def find_role(request: SignedIn, pk: int) -> Role:
    return get_object_or_404(Role.objects.visible_to(request.user).select_related("program__lead", "user"), pk=pk)


def role_edit(request: SignedIn, pk: int) -> HttpResponse:
    role = find_role(request, pk)
    program = role.program
    require(request.user, Act.MANAGE, program)
    form = narrowed(request, RoleForm(posted(request), program=program, row=role))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.give_role(program=program, user=role.user, kind=form.cleaned_data["kind"], by=request.user)
            return done(request, f"Changed {role.user.name}'s role.", _people_url(program))
    context = {
        "form": form,
        "title": "Change a role",
        "crumbs": _people_crumbs(program),
        "cancel_url": _people_url(program),
        "delete_url": f"/roles/{role.pk}/delete",
        "delete_label": "Take role",
    }
    return form_page(request, context)


def role_delete(request: SignedIn, pk: int) -> HttpResponse:
    role = find_role(request, pk)
    program = role.program
    require(request.user, Act.MANAGE, program)
    hidden = program.visibility == Program.Visibility.PRIVATE
    return remove(
        request,
        lambda: services.take_role(role=role, by=request.user),
        question=f"{role.user.name} is {role.get_kind_display().lower()} of {program.name}. Take this role?",
        consequence="They no longer see this private program." if hidden else "They still see the program.",
        verb="Take role",
        back=_people_url(program),
        crumbs=_people_crumbs(program),
    )


def slot_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    form = SlotForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_slot(program=program, by=request.user, **form.changes)
            return done(request, f"Added the slot “{row.title}”.", _people_url(program))
    context = {
        "form": form,
        "title": "New slot",
        "sub": "Somebody whom the program needs; leave the person empty to show that the slot is open.",
        "crumbs": _people_crumbs(program),
        "cancel_url": _people_url(program),
        "submit_label": "Add slot",
    }
    return form_page(request, context)


def find_slot(request: SignedIn, pk: int) -> Slot:
    rows = Slot.objects.visible_to(request.user).select_related("program__lead", "person", "team")
    return get_object_or_404(rows, pk=pk)


def slot_edit(request: SignedIn, pk: int) -> HttpResponse:
    slot = find_slot(request, pk)
    program = slot.program
    require(request.user, Act.EDIT, program)
    form = narrowed(request, SlotForm(posted(request), row=slot))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_slot(slot=slot, by=request.user, **form.changes)
            return done(request, "Saved the slot.", _people_url(program), kept=form.kept)
    context = {
        "form": form,
        "title": "Edit slot",
        "crumbs": _people_crumbs(program),
        "cancel_url": _people_url(program),
        "delete_url": f"/slots/{slot.pk}/delete",
    }
    return form_page(request, context)


def slot_delete(request: SignedIn, pk: int) -> HttpResponse:
    slot = find_slot(request, pk)
    require(request.user, Act.EDIT, slot.program)
    back = _people_url(slot.program)
    return delete(
        request,
        lambda: services.delete_slot(slot=slot, by=request.user),
        row=slot,
        to=back,
        back=back,
        crumbs=_people_crumbs(slot.program),
    )


# -- phases and gates ------------------------------------------------------------------------------------------------


def _phases_url(program: Program) -> str:
    return f"{program.get_absolute_url()}/phases"


def _phases_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, ("Phases", _phases_url(program)))


@require_safe
def phases(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    allowed = acts(request.user, program)
    rows = list(
        program.phases.select_related("approver", "decided_by")
        .prefetch_related(Prefetch("criteria", GateCriterion.objects.order_by("id")))
        .prefetch_related(Prefetch("actions", GateAction.objects.select_related("owner").order_by("due_on", "id")))
    )
    rows.sort(key=lambda phase: PHASE_ORDER.index(phase.kind))
    current = next((phase for phase in rows if phase.decision not in Phase.OPEN_GATE), None)
    may_edit = Act.EDIT in allowed
    missing = len(rows) < len(PHASE_ORDER)
    context = {
        "program": program,
        "place": "phases",
        "title": "Phases",
        "crumbs": program_crumbs(program),
        "today": today(timezone.now()),
        "phases": rows,
        "current": current,
        "decidable": {phase.pk for phase in rows if Act.DECIDE in allowed or phase.approver_id == request.user.pk},
        "may_edit": may_edit,
        "primary_url": f"{_phases_url(program)}/new" if may_edit and missing else None,
        "primary_label": "New phase",
    }
    return render(request, "programs/phases.html", context)


def phase_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    form = PhaseForm(posted(request), program=program)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_phase(program=program, by=request.user, **form.changes)
            return done(request, f"Added the phase “{row}”. Next: what must be true at its gate.", _phases_url(program))
    context = {
        "form": form,
        "title": "New phase",
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "submit_label": "Add phase",
    }
    return form_page(request, context)


def find_phase(request: SignedIn, pk: int) -> Phase:
    rows = Phase.objects.visible_to(request.user).select_related("program__lead", "approver")
    return get_object_or_404(rows, pk=pk)


def phase_edit(request: SignedIn, pk: int) -> HttpResponse:
    phase = find_phase(request, pk)
    program = phase.program
    require(request.user, Act.EDIT, program)
    form = narrowed(request, PhaseForm(posted(request), program=program, row=phase))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_phase(phase=phase, by=request.user, **form.changes)
            return done(request, "Saved the phase.", _phases_url(program), kept=form.kept)
    context = {
        "form": form,
        "title": "Edit phase",
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "delete_url": f"/phases/{phase.pk}/delete" if may(request.user, _deletes(phase), program) else None,
    }
    return form_page(request, context)


def _deletes(phase: Phase) -> Act:
    """What it takes to delete a phase: one whose gate was decided is the deciders' to take back."""
    return Act.DECIDE if phase.decision else Act.EDIT


def phase_delete(request: SignedIn, pk: int) -> HttpResponse:
    phase = find_phase(request, pk)
    require(request.user, _deletes(phase), phase.program)
    return delete(
        request,
        lambda: services.delete_phase(phase=phase, by=request.user),
        row=phase,
        to=_phases_url(phase.program),
        back=f"/phases/{phase.pk}/edit",
        consequence="Its gate's criteria and actions go with it. Its history is kept.",
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
            said = f"The gate of {row} is decided: {row.get_decision_display().lower()}."
            return done(request, said, _phases_url(program))
    context = {
        "form": form,
        "title": "Decide the gate",
        "sub": f"{phase} of {program.name}",
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "submit_label": "Decide",
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
            return done(request, f"Added to the gate of {phase}.", _phases_url(program))
    context = {
        "form": form,
        "title": "New criterion",
        "sub": f"Gate of {phase}",
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "submit_label": "Add criterion",
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
            return done(request, "Saved the criterion.", _phases_url(program), kept=form.kept)
    context = {
        "form": form,
        "title": "Edit criterion",
        "sub": f"Gate of {criterion.phase}",
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
        f"Met today: {criterion}",
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
            return done(request, f"Added to the actions of {phase}.", _phases_url(program))
    context = {
        "form": form,
        "title": "New action",
        "sub": f"Gate of {phase}",
        "crumbs": _phases_crumbs(program),
        "cancel_url": _phases_url(program),
        "submit_label": "Add action",
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
            return done(request, "Saved the action.", _phases_url(program), kept=form.kept)
    context = {
        "form": form,
        "title": "Edit action",
        "sub": f"Gate of {action.phase}",
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
        f"Done today: {action}",
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


# -- related programs ------------------------------------------------------------------------------------------------

# How a link reads from its other end.
SEEN_FROM_THERE = {
    RelatedLink.Kind.SEE_ALSO: "see also",
    RelatedLink.Kind.REPLACES: "is replaced by",
    RelatedLink.Kind.SUPERSEDED_BY: "supersedes",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """A related program as it reads on this program's page."""

    link: RelatedLink
    words: str
    other: Program
    may_remove: bool


@require_safe
def related(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    may_edit = may(request.user, Act.EDIT, program)
    links = (
        RelatedLink.objects.visible_to(request.user)
        .filter(Q(program=program) | Q(other=program))
        .select_related("program__lead", "other__lead")
        .order_by("id")
    )
    rows = [
        Relation(link, link.get_kind_display(), link.other, may_edit)
        if link.program_id == program.pk
        else Relation(link, SEEN_FROM_THERE[RelatedLink.Kind(link.kind)], link.program, False)
        for link in links
    ]
    here = f"{program.get_absolute_url()}/related"
    context = {
        "program": program,
        "place": "related",
        "title": "Related programs",
        "sub": "Programs that have to do with this one. Nothing waits for them: that is a hand-off.",
        "crumbs": program_crumbs(program),
        "rows": rows,
        "primary_url": f"{here}/new" if may_edit else None,
        "primary_label": "Relate a program",
        "empty_heading": "No related programs",
        "empty_text": "Link what this program replaces, or what its readers should see as well.",
    }
    return render(request, "programs/related.html", context)


def related_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/related"
    form = RelatedForm(posted(request), program=program, viewer=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.relate(program=program, by=request.user, **form.cleaned_data)
            return done(request, f"Related to {form.cleaned_data['other'].name}.", back)
    context = {
        "form": form,
        "title": "Relate a program",
        "sub": program.name,
        "crumbs": program_crumbs(program, ("Related programs", back)),
        "cancel_url": back,
        "submit_label": "Relate",
    }
    return render(request, "form_base.html", context, status=422 if form.errors else 200)


def related_delete(request: SignedIn, pk: int) -> HttpResponse:
    rows = RelatedLink.objects.visible_to(request.user).select_related("program__lead", "other")
    link = get_object_or_404(rows, pk=pk)
    program = link.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/related"
    return remove(
        request,
        lambda: services.unrelate(link=link, by=request.user),
        question=f"{program.name}: {link.get_kind_display()} {link.other.name}. Remove this link?",
        consequence="Both programs stay as they are.",
        verb="Remove link",
        back=back,
        crumbs=program_crumbs(program, ("Related programs", back)),
    )


# -- objectives ------------------------------------------------------------------------------------------------------

OBJECTIVES: Crumbs = [("Objectives", "/objectives")]


def objective_create(request: SignedIn) -> HttpResponse:
    organisation.require(request.user, OrgAct.EDIT_OBJECTIVES)
    form = ObjectiveForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_objective(by=request.user, **form.changes)
            return done(request, f"Added the objective “{row.title}”.", "/objectives")
    context = {
        "form": form,
        "title": "New objective",
        "crumbs": OBJECTIVES,
        "cancel_url": "/objectives",
        "submit_label": "Add objective",
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
            return done(request, "Saved the objective.", "/objectives", kept=form.kept)
    context = {
        "form": form,
        "title": "Edit objective",
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
        consequence="Programs that serve it stay, without it. One that is reached is better closed than deleted.",
        crumbs=OBJECTIVES,
    )
