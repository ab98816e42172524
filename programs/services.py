"""Every write of a program and of what stands around it: roles, slots, phases, objectives, related programs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import history
from people import permissions as organisation
from people.models import Team, User
from people.permissions import OrgAct
from programs.models import (
    Alignment,
    GateAction,
    GateCriterion,
    Objective,
    PartnerTeam,
    Phase,
    Precision,
    Program,
    RelatedLink,
    ReportedHealth,
    Revision,
    Role,
    Slot,
)
from programs.permissions import Act, may, require

M = TypeVar("M", bound=models.Model)

OBJECTIVES_LOCK = 7304

# Fields of a program that its forecast is computed from.
PLAN_FIELDS = {"state", "target_on"}
# Who may do what follows from these: a sponsor sees and decides.
MANAGED_FIELDS = {"visibility", "lead", "sponsor", "key"}


def touch(*program_ids: int, plan: bool) -> None:
    """Note that programs changed; ``plan`` when their forecast must be computed again. Rows are locked in id order."""
    for program_id in sorted(set(program_ids)):
        changes: dict[str, Any] = {"revision": F("revision") + 1}
        if plan:
            changes["plan_revision"] = F("plan_revision") + 1
        Revision.objects.filter(pk=program_id).update(**changes)


def locked(row: M, *, no_key: bool = False) -> M:
    """The row as it stands now, locked until the transaction ends; a clear refusal when it is gone.

    ``no_key`` lets others point at it meanwhile.
    """
    found = type(row)._default_manager.select_for_update(of=("self",), no_key=no_key).filter(pk=row.pk).first()
    if found is None:
        raise ValidationError(_("Somebody deleted this in the meantime."), code="gone")
    return found


def settle_target(row: models.Model, changes: dict[str, Any]) -> None:
    """A target promised to the month or quarter counts until its last day: make that the day that is stored."""
    names = ("target_on", "target_precision")
    day, precision = (changes.get(name, getattr(row, name)) for name in names)
    differs = any(name in changes and changes[name] != getattr(row, name) for name in names)
    if day and differs and precision in Precision.values:
        changes["target_on"] = Precision(precision).last_day(day)


def _teams_and_objectives(
    program: Program, teams: Iterable[Team] | None, objectives: Iterable[Objective] | None
) -> None:
    if teams is not None:
        wanted = {team.pk for team in teams}
        present = {row.team_id: row for row in program.partners.all()}
        for team_id in sorted(present.keys() - wanted):
            history.delete(present[team_id])
        for team_id in sorted(wanted - present.keys()):
            history.create(PartnerTeam(program=program, team_id=team_id))
    if objectives is not None:
        wanted = {objective.pk for objective in objectives}
        aligned = {row.objective_id: row for row in program.alignments.all()}
        for objective_id in sorted(aligned.keys() - wanted):
            history.delete(aligned[objective_id])
        for objective_id in sorted(wanted - aligned.keys()):
            history.create(Alignment(program=program, objective_id=objective_id))


@transaction.atomic
def create_program(
    *,
    by: User,
    key: str,
    name: str,
    partner_teams: Iterable[Team] | None = None,
    objectives: Iterable[Objective] | None = None,
    **fields: Any,
) -> Program:
    """Start a program; whoever creates it leads it unless they name somebody else."""
    organisation.require(by, OrgAct.CREATE_PROGRAM)
    settle_target(Program(), fields)
    with history.because("Create the program", by_id=by.pk):
        program = history.create(Program(key=key, name=name, **fields))
        Revision.objects.create(program=program)
        if program.lead_id is None:
            history.create(Role(program=program, user=by, kind=Role.Kind.LEAD))
        _teams_and_objectives(program, partner_teams, objectives)
        return program


@transaction.atomic
def change_program(
    *,
    program: Program,
    by: User,
    reason: str = "",
    partner_teams: Iterable[Team] | None = None,
    objectives: Iterable[Objective] | None = None,
    **changes: Any,
) -> Program:
    """Change a program's own fields. A target that moves goes through ``milestones.services.move_program_target``."""
    program = locked(program)
    require(by, Act.EDIT, program)
    settle_target(program, changes)
    changed = {name for name, value in changes.items() if getattr(program, name) != value}
    if changed & MANAGED_FIELDS:
        require(by, Act.MANAGE, program)
    if changed & {"target_on", "target_precision", "state"}:
        require(by, Act.PLAN, program)
    if "rank" in changed:
        require(by, Act.RANK, program)
    with history.because(reason or "Change the program", by_id=by.pk):
        history.save(program, **changes)
        _teams_and_objectives(program, partner_teams, objectives)
    touch(program.pk, plan=bool(changed & PLAN_FIELDS))
    return program


@transaction.atomic
def delete_program(*, program: Program, by: User) -> None:
    program = locked(program)
    require(by, Act.DELETE, program)
    with history.because("Delete the program", by_id=by.pk):
        history.delete(program)


@transaction.atomic
def report(*, program: Program, health: str, because: str, by: User, at: datetime) -> ReportedHealth:
    """Append the lead's word. Saying something else than last time needs a sentence why."""
    program = locked(program)
    require(by, Act.REPORT, program)
    last = program.reported_healths.order_by("-at", "-id").first()
    if last and last.health != health and not because.strip():
        raise ValidationError({"because": [_("Say in a sentence why the health changed.")]}, code="because")
    with history.because(because or "Report the health", by_id=by.pk):
        row = history.create(ReportedHealth(program=program, health=health, because=because, by=by, at=at))
    touch(program.pk, plan=False)
    return row


# -- what belongs to one program -------------------------------------------------------------------------------------


@transaction.atomic
def give_role(*, program: Program, user: User, kind: str, by: User) -> Role:
    """Give a person a role, or another one than they have."""
    require(by, Act.MANAGE, program)
    row = Role.objects.select_for_update().filter(program=program, user=user).first()
    with history.because(f"Make {user.name} {Role.Kind(kind).label.lower()}", by_id=by.pk):
        row = history.save(row, kind=kind) if row else history.create(Role(program=program, user=user, kind=kind))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def take_role(*, role: Role, by: User) -> None:
    role = locked(role)
    require(by, Act.MANAGE, role.program)
    with history.because(f"Take {role.user.name}'s role", by_id=by.pk):
        history.delete(role)
    touch(role.program_id, plan=False)


@transaction.atomic
def create_slot(*, program: Program, by: User, **fields: Any) -> Slot:
    require(by, Act.EDIT, program)
    with history.because("Add a slot", by_id=by.pk):
        row = history.create(Slot(program=program, **fields))
    touch(program.pk, plan=False)
    return row


def _refuse_own_gate(program: Program, approver: User | None, by: User) -> None:
    """Nobody makes themself the approver who could not decide the gate anyway."""
    if approver == by and not may(by, Act.DECIDE, program):
        raise ValidationError({"approver": [_("Somebody else must decide what you plan.")]}, code="own_gate")


@transaction.atomic
def create_phase(*, program: Program, by: User, **fields: Any) -> Phase:
    require(by, Act.EDIT, program)
    _refuse_own_gate(program, fields.get("approver"), by)
    with history.because("Add a phase", by_id=by.pk):
        row = history.create(Phase(program=program, **fields))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def change_slot(*, slot: Slot, by: User, **changes: Any) -> Slot:
    slot = locked(slot)
    require(by, Act.EDIT, slot.program)
    with history.because("Change a slot", by_id=by.pk):
        history.save(slot, **changes)
    touch(slot.program_id, plan=False)
    return slot


@transaction.atomic
def delete_slot(*, slot: Slot, by: User) -> None:
    slot = locked(slot)
    require(by, Act.EDIT, slot.program)
    with history.because("Delete a slot", by_id=by.pk):
        history.delete(slot)
    touch(slot.program_id, plan=False)


def act_of_changing(phase: Phase) -> Act:
    """What it takes to change or delete a phase: one whose gate was decided is a record, and the deciders' to touch."""
    return Act.DECIDE if phase.decision else Act.EDIT


@transaction.atomic
def change_phase(*, phase: Phase, by: User, **changes: Any) -> Phase:
    """Change a phase's plan; its gate is decided by ``decide_gate``."""
    phase = locked(phase)
    require(by, act_of_changing(phase), phase.program)
    if changes.get("approver") != phase.approver:
        _refuse_own_gate(phase.program, changes.get("approver"), by)
    with history.because("Change a phase", by_id=by.pk):
        history.save(phase, **changes)
    touch(phase.program_id, plan=False)
    return phase


@transaction.atomic
def decide_gate(
    *,
    phase: Phase,
    decision: str,
    by: User,
    on: date,
    note: str = "",
    target_met: bool | None = None,
    lessons: str = "",
) -> Phase:
    """The named approver, or whoever may decide for the program, opens the gate or keeps it shut.

    The last gate opens only with an answer to whether the target was met, and with what was learned.
    """
    phase = locked(phase)
    if by.pk != phase.approver_id:
        require(by, Act.DECIDE, phase.program)
    errors: dict[str, list[str]] = {}
    unmet = phase.criteria.filter(met_on=None).count()
    if decision == Phase.Decision.PASSED and unmet:
        still = ngettext(
            "%(count)s criterion is not met: meet what is missing, or pass with conditions.",
            "%(count)s criteria are not met: meet what is missing, or pass with conditions.",
            unmet,
        )
        errors["decision"] = [still % {"count": unmet}]
    if decision == Phase.Decision.CONDITIONAL and not (note.strip() or phase.note):
        errors["note"] = [_("Say what the conditions are, and by when.")]
    if phase.is_last:
        if target_met is None and phase.target_met is None:
            errors["target_met"] = [_("Say whether the program met its target.")]
        if not (lessons.strip() or phase.lessons):
            errors["lessons"] = [_("Say what others should learn from this program.")]
    if errors and decision != Phase.Decision.FAILED:
        raise ValidationError(errors, code="incomplete")
    answers = {"note": note, "target_met": target_met, "lessons": lessons}
    given = {name: answer for name, answer in answers.items() if answer not in ("", None)}
    with history.because(f"Gate: {Phase.Decision(decision).label.lower()}", by_id=by.pk):
        history.save(phase, decision=decision, decided_on=on, decided_by=by, **given)
    touch(phase.program_id, plan=False)
    return phase


@transaction.atomic
def delete_phase(*, phase: Phase, by: User) -> None:
    phase = locked(phase)
    require(by, act_of_changing(phase), phase.program)
    with history.because("Delete a phase", by_id=by.pk):
        history.delete(phase)
    touch(phase.program_id, plan=False)


@transaction.atomic
def create_criterion(*, phase: Phase, by: User, **fields: Any) -> GateCriterion:
    require(by, Act.EDIT, phase.program)
    with history.because("Add a gate criterion", by_id=by.pk):
        row = history.create(GateCriterion(phase=phase, **fields))
    touch(phase.program_id, plan=False)
    return row


@transaction.atomic
def change_criterion(*, criterion: GateCriterion, by: User, **changes: Any) -> GateCriterion:
    criterion = locked(criterion)
    require(by, Act.EDIT, criterion.phase.program)
    with history.because("Change a gate criterion", by_id=by.pk):
        history.save(criterion, **changes)
    touch(criterion.phase.program_id, plan=False)
    return criterion


@transaction.atomic
def delete_criterion(*, criterion: GateCriterion, by: User) -> None:
    criterion = locked(criterion)
    require(by, Act.EDIT, criterion.phase.program)
    with history.because("Delete a gate criterion", by_id=by.pk):
        history.delete(criterion)
    touch(criterion.phase.program_id, plan=False)


@transaction.atomic
def create_gate_action(*, phase: Phase, by: User, **fields: Any) -> GateAction:
    require(by, Act.EDIT, phase.program)
    with history.because("Add a gate action", by_id=by.pk):
        row = history.create(GateAction(phase=phase, **fields))
    touch(phase.program_id, plan=False)
    return row


@transaction.atomic
def change_gate_action(*, action: GateAction, by: User, **changes: Any) -> GateAction:
    action = locked(action)
    require(by, Act.EDIT, action.phase.program)
    with history.because("Change a gate action", by_id=by.pk):
        history.save(action, **changes)
    touch(action.phase.program_id, plan=False)
    return action


@transaction.atomic
def delete_gate_action(*, action: GateAction, by: User) -> None:
    action = locked(action)
    require(by, Act.EDIT, action.phase.program)
    with history.because("Delete a gate action", by_id=by.pk):
        history.delete(action)
    touch(action.phase.program_id, plan=False)


@transaction.atomic
def relate(*, program: Program, other: Program, kind: str, by: User) -> RelatedLink:
    """Link two programs that have to do with each other; the network does not change."""
    require(by, Act.EDIT, program)
    if not Program.objects.visible_to(by).filter(pk=other.pk).exists():
        raise ValidationError({"other": [_("There is no such program.")]}, code="unknown")
    if program == other:
        raise ValidationError({"other": [_("A program cannot be related to itself.")]}, code="itself")
    with history.because("Link a related program", by_id=by.pk):
        row = history.create(RelatedLink(program=program, other=other, kind=kind))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def unrelate(*, link: RelatedLink, by: User) -> None:
    link = locked(link)
    require(by, Act.EDIT, link.program)
    with history.because("Remove a related program", by_id=by.pk):
        history.delete(link)
    touch(link.program_id, plan=False)


# -- objectives ------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_objective(*, by: User, **fields: Any) -> Objective:
    organisation.require(by, OrgAct.EDIT_OBJECTIVES)
    with history.because("Add an objective", by_id=by.pk):
        return history.create(Objective(**fields))


@transaction.atomic
def change_objective(*, objective: Objective, by: User, **changes: Any) -> Objective:
    """Change an objective; a parent below itself would make the tree a ring and is refused."""
    organisation.require(by, OrgAct.EDIT_OBJECTIVES)
    objective = locked(objective, no_key=True)
    if changes.get("parent"):
        # One lock for the tree's shape: two moves at once could close a ring that neither sees.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [OBJECTIVES_LOCK])
        parents = dict(Objective.objects.values_list("pk", "parent_id"))
        above: int | None = changes["parent"].pk
        while above is not None:
            if above == objective.pk:
                raise ValidationError({"parent": [_("An objective cannot lie below itself.")]}, code="ring")
            above = parents.get(above)
    with history.because("Change an objective", by_id=by.pk):
        return history.save(objective, **changes)


@transaction.atomic
def delete_objective(*, objective: Objective, by: User) -> None:
    organisation.require(by, OrgAct.EDIT_OBJECTIVES)
    with history.because("Delete an objective", by_id=by.pk):
        history.delete(locked(objective))
