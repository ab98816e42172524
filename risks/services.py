"""Every write of the RAID log and of the problem register."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

import history
import programs.services
from milestones.models import Milestone
from milestones.services import refuse_other_program
from people import permissions as organisation
from people.models import User
from people.permissions import OrgAct
from programs import talk
from programs.models import Program, Subject
from programs.permissions import Act, may, require
from programs.services import create_program, locked, touch
from risks.models import Assumption, Decision, Issue, MitigationAction, Problem, ProblemCost, Risk, RiskImpact
from risks.permissions import require_change
from risks.recurring import Cost

# What forecasts read of a risk beside its impacts.
ODDS = ("probability", "residual_probability")


@dataclass(frozen=True)
class Impact:
    """Working minutes that a risk costs a milestone if it happens."""

    milestone: Milestone
    low: int
    likely: int
    high: int


def _refuse_others_plan(risk: Risk, milestone: Milestone, by: User) -> None:
    """An impact moves the forecast of its milestone: that is for those who may edit the plan it stands in."""
    program = milestone.program
    if program != risk.program and not may(by, Act.EDIT, program):
        if not may(by, Act.VIEW, program):
            text = _("You cannot change this: it delays a program that you may not see. Ask an administrator.")
            raise ValidationError({"impacts": [text]}, code="other_program")
        lead = program.lead.name if program.lead else _("its lead")
        text = _(
            "You cannot delay “%(milestone)s”: it belongs to %(program)s. Ask %(lead)s to record the risk there, "
            "or put the impact on the milestone of your own that waits for it."
        ) % {"milestone": milestone.name, "program": program.name, "lead": lead}
        raise ValidationError({"impacts": [text]}, code="other_program")


def _refuse_past_review(changes: Mapping[str, Any], today: date, stands: date | None = None) -> None:
    """Nobody reviews yesterday. What stands there already may stay, and an import may bring it."""
    on = changes.get("review_on")
    if on and on != stands and on < today:
        text = _("The next review cannot be in the past: choose today or a later day.")
        raise ValidationError({"review_on": [text]}, code="past")


def _set_impacts(risk: Risk, impacts: Iterable[Impact], by: User) -> set[int]:
    """Make these the risk's impacts; the ids of the programs whose plan that touches."""
    wanted = {impact.milestone.pk: impact for impact in impacts}
    visible = set(Milestone.objects.visible_to(by).filter(pk__in=wanted).values_list("pk", flat=True))
    if wanted.keys() - visible:
        raise ValidationError({"impacts": [_("There is no such milestone.")]}, code="unknown")
    touched = set()
    # Impacts on milestones that the person cannot see are not theirs to take away.
    mine = risk.impacts.filter(milestone__in=Milestone.objects.visible_to(by)).select_related("milestone")
    present = {row.milestone_id: row for row in mine}
    for pk, row in present.items():
        if pk not in wanted:
            touched.add(row.milestone.program_id)
            history.delete(row)
    for pk, impact in wanted.items():
        if impact.milestone.done_on and pk not in present:
            raise ValidationError(
                {"impacts": [_("%(name)s is done: nothing can delay it.") % {"name": impact.milestone.name}]},
                code="done",
            )
        if impact.milestone.cancelled_on and pk not in present:
            raise ValidationError(
                {"impacts": [_("%(name)s is cancelled: nothing can delay it.") % {"name": impact.milestone.name}]},
                code="cancelled",
            )
        values = {"low": impact.low, "likely": impact.likely, "high": impact.high}
        if pk in present:
            row = present[pk]
            if (row.low, row.likely, row.high) == (impact.low, impact.likely, impact.high):
                continue
            _refuse_others_plan(risk, impact.milestone, by)
            history.save(row, **values)
        else:
            _refuse_others_plan(risk, impact.milestone, by)
            history.create(RiskImpact(risk=risk, milestone=impact.milestone, **values))
        touched.add(impact.milestone.program_id)
    return touched


@transaction.atomic
def create_risk(
    *, program: Program, by: User, today: date, impacts: Iterable[Impact] | None = None, **fields: Any
) -> Risk:
    require(by, Act.EDIT, program)
    fields.setdefault("raised_on", today)
    _refuse_past_review(fields, today)
    with history.because("Raise a risk", by_id=by.pk):
        risk = history.create(Risk(program=program, **fields))
        touched = _set_impacts(risk, impacts or (), by)
    touch(program.pk, *touched, plan=True)
    return risk


@transaction.atomic
def change_risk(*, risk: Risk, by: User, today: date, impacts: Iterable[Impact] | None = None, **changes: Any) -> Risk:
    risk = locked(risk)
    require(by, Act.EDIT, risk.program)
    _refuse_past_review(changes, today, risk.review_on)
    return _change_risk(risk, by, "Change a risk", impacts, changes)


def _change_risk(risk: Risk, by: User, reason: str, impacts: Iterable[Impact] | None, changes: dict[str, Any]) -> Risk:
    touched = set(risk.impacts.values_list("milestone__program_id", flat=True))
    # Closing a risk takes a delay away, which anybody may who may take its impacts away.
    other_odds = any(changes.get(name, getattr(risk, name)) != getattr(risk, name) for name in ODDS)
    is_reopened = risk.closed_on is not None and changes.get("closed_on", risk.closed_on) is None
    with history.because(reason, by_id=by.pk):
        history.save(risk, **changes)
        if impacts is not None:
            touched |= _set_impacts(risk, impacts, by)
        if other_odds or is_reopened:
            moved = risk.impacts.filter(milestone__done_on=None, milestone__cancelled_on=None)
            for impact in moved.select_related("milestone__program__lead"):
                _refuse_others_plan(risk, impact.milestone, by)
    touch(risk.program_id, *touched, plan=True)
    return risk


@transaction.atomic
def close_risk(*, risk: Risk, by: User, on: date, because: str) -> Risk:
    """Close a risk, saying why: it happened, it cannot happen any more, it was accepted."""
    risk = locked(risk)
    require(by, Act.EDIT, risk.program)
    if risk.closed_on:
        raise ValidationError(_("%(reference)s is closed already.") % {"reference": risk.reference}, code="closed")
    if not because.strip():
        raise ValidationError({"closed_because": [_("Say why it is closed.")]}, code="because")
    return _change_risk(risk, by, because, None, {"closed_on": on, "closed_because": because})


@transaction.atomic
def reopen_risk(*, risk: Risk, by: User) -> Risk:
    risk = locked(risk)
    require(by, Act.EDIT, risk.program)
    return _change_risk(risk, by, "Open the risk again", None, {"closed_on": None, "closed_because": ""})


@transaction.atomic
def delete_risk(*, risk: Risk, by: User) -> None:
    risk = locked(risk)
    require(by, Act.EDIT, risk.program)
    touched = set(risk.impacts.values_list("milestone__program_id", flat=True))
    with history.because("Delete a risk", by_id=by.pk):
        talk.forget(Subject.RISK, risk.pk)
        history.delete(risk)
    touch(risk.program_id, *touched, plan=True)


@transaction.atomic
def delete_program(*, program: Program, by: User) -> None:
    """Delete a program; those that its risks delayed are forecast again, as their runs do not name it."""
    delayed = set(RiskImpact.objects.filter(risk__program=program).values_list("milestone__program_id", flat=True))
    programs.services.delete_program(program=program, by=by)
    touch(*delayed - {program.pk}, plan=True)


@transaction.atomic
def create_action(*, risk: Risk, by: User, **fields: Any) -> MitigationAction:
    require(by, Act.EDIT, risk.program)
    with history.because("Add a mitigation", by_id=by.pk):
        row = history.create(MitigationAction(risk=risk, **fields))
    touch(risk.program_id, plan=False)
    return row


@transaction.atomic
def change_action(*, action: MitigationAction, by: User, **changes: Any) -> MitigationAction:
    action = locked(action)
    require(by, Act.EDIT, action.risk.program)
    with history.because("Change a mitigation", by_id=by.pk):
        history.save(action, **changes)
    touch(action.risk.program_id, plan=False)
    return action


@transaction.atomic
def delete_action(*, action: MitigationAction, by: User) -> None:
    action = locked(action)
    require(by, Act.EDIT, action.risk.program)
    with history.because("Delete a mitigation", by_id=by.pk):
        history.delete(action)
    touch(action.risk.program_id, plan=False)


@transaction.atomic
def create_issue(*, program: Program, by: User, today: date, **fields: Any) -> Issue:
    require(by, Act.EDIT, program)
    refuse_other_program(program.pk, fields.get("milestone"))
    fields.setdefault("raised_on", today)
    with history.because("Raise an issue", by_id=by.pk):
        row = history.create(Issue(program=program, **fields))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def change_issue(*, issue: Issue, by: User, **changes: Any) -> Issue:
    """Change an issue; a day in ``closed_on`` closes it."""
    issue = locked(issue)
    require(by, Act.EDIT, issue.program)
    refuse_other_program(issue.program_id, changes.get("milestone"))
    with history.because("Change an issue", by_id=by.pk):
        history.save(issue, **changes)
    touch(issue.program_id, plan=False)
    return issue


@transaction.atomic
def close_issue(*, issue: Issue, by: User, on: date) -> Issue:
    issue = locked(issue)
    if issue.closed_on:
        raise ValidationError(
            _("It is closed already, since %(closed_on)s.") % {"closed_on": f"{issue.closed_on:%-d %b %Y}"},
            code="closed",
        )
    return change_issue(issue=issue, by=by, closed_on=on)


@transaction.atomic
def reopen_issue(*, issue: Issue, by: User) -> Issue:
    issue = locked(issue)
    if issue.closed_on is None:
        raise ValidationError(_("It is open already."), code="open")
    return change_issue(issue=issue, by=by, closed_on=None)


@transaction.atomic
def delete_issue(*, issue: Issue, by: User) -> None:
    issue = locked(issue)
    require(by, Act.EDIT, issue.program)
    with history.because("Delete an issue", by_id=by.pk):
        history.delete(issue)
    touch(issue.program_id, plan=False)


@transaction.atomic
def create_assumption(*, program: Program, by: User, **fields: Any) -> Assumption:
    require(by, Act.EDIT, program)
    with history.because("Note an assumption", by_id=by.pk):
        row = history.create(Assumption(program=program, **fields))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def change_assumption(*, assumption: Assumption, by: User, **changes: Any) -> Assumption:
    assumption = locked(assumption)
    require(by, Act.EDIT, assumption.program)
    with history.because("Change an assumption", by_id=by.pk):
        history.save(assumption, **changes)
    touch(assumption.program_id, plan=False)
    return assumption


@transaction.atomic
def delete_assumption(*, assumption: Assumption, by: User) -> None:
    assumption = locked(assumption)
    require(by, Act.EDIT, assumption.program)
    with history.because("Delete an assumption", by_id=by.pk):
        history.delete(assumption)
    touch(assumption.program_id, plan=False)


def _refuse_own_decision(program: Program, decider: User | None, by: User) -> None:
    """Nobody makes themself the decider who could not decide for the program anyway."""
    if decider == by and not may(by, Act.DECIDE, program):
        raise ValidationError({"decider": [_("Somebody else must decide what you ask.")]}, code="own_decision")


@transaction.atomic
def create_decision(*, program: Program, by: User, today: date, **fields: Any) -> Decision:
    require(by, Act.EDIT, program)
    _refuse_own_decision(program, fields.get("decider"), by)
    fields.setdefault("raised_on", today)
    with history.because("Ask for a decision", by_id=by.pk):
        row = history.create(Decision(program=program, **fields))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def change_decision(*, decision: Decision, by: User, **changes: Any) -> Decision:
    """Change the question or what follows; ``decide`` gives the answer, which stands as the one to that question."""
    decision = locked(decision)
    require(by, Act.DECIDE if decision.decided_on else Act.EDIT, decision.program)
    if changes.get("decider") != decision.decider:
        _refuse_own_decision(decision.program, changes.get("decider"), by)
    with history.because("Change a decision", by_id=by.pk):
        history.save(decision, **changes)
    touch(decision.program_id, plan=False)
    return decision


@transaction.atomic
def decide(*, decision: Decision, by: User, on: date, answer: str, consequence: str = "") -> Decision:
    """Answer the question: the named decider, or whoever may decide for the program and then is who decided."""
    decision = locked(decision)
    if by.pk != decision.decider_id:
        require(by, Act.DECIDE, decision.program)
    if not answer.strip():
        raise ValidationError({"answer": [_("Write what was decided.")]}, code="answer")
    with history.because(f"Decide: {answer}"[:500], by_id=by.pk):
        given = {"answer": answer, "consequence": consequence or decision.consequence}
        history.save(decision, decided_on=on, decider=by, **given)
    touch(decision.program_id, plan=False)
    return decision


@transaction.atomic
def delete_decision(*, decision: Decision, by: User) -> None:
    decision = locked(decision)
    require(by, Act.DECIDE if decision.decided_on else Act.EDIT, decision.program)
    with history.because("Delete a decision", by_id=by.pk):
        history.delete(decision)
    touch(decision.program_id, plan=False)


@transaction.atomic
def open_problem(*, by: User, today: date, costs: Iterable[Cost] = (), **fields: Any) -> Problem:
    """Record what keeps costing days, with the evidence as it was found; whoever records it owns it unless they say."""
    organisation.require(by, OrgAct.RECORD_PROBLEM)
    fields.setdefault("opened_on", today)
    fields["owner"] = fields.get("owner") or by
    with history.because("Record a problem", by_id=by.pk):
        problem = history.create(Problem(**fields))
        ProblemCost.objects.bulk_create(
            ProblemCost(
                problem=problem,
                program_id=cost.program.id,
                quarter_on=cost.quarter_on,
                days=cost.days,
                slips=cost.slips,
            )
            for cost in costs
        )
    return problem


@transaction.atomic
def change_problem(*, problem: Problem, by: User, reason: str = "", **changes: Any) -> Problem:
    problem = locked(problem)
    require_change(by, problem)
    with history.because(reason or "Change a problem", by_id=by.pk):
        return history.save(problem, **changes)


@transaction.atomic
def close_problem(*, problem: Problem, by: User, on: date, because: str) -> Problem:
    """Close a problem, saying why: it is solved, or nobody will solve it."""
    problem = locked(problem)
    require_change(by, problem)
    if problem.closed_on:
        raise ValidationError(_("This problem is closed already."), code="closed")
    if not because.strip():
        raise ValidationError({"closed_because": [_("Say why it is closed.")]}, code="because")
    return change_problem(problem=problem, by=by, reason=because, closed_on=on, closed_because=because)


@transaction.atomic
def reopen_problem(*, problem: Problem, by: User) -> Problem:
    return change_problem(problem=problem, by=by, reason="Open the problem again", closed_on=None, closed_because="")


@transaction.atomic
def delete_problem(*, problem: Problem, by: User) -> None:
    problem = locked(problem)
    require_change(by, problem)
    with history.because("Delete a problem", by_id=by.pk):
        history.delete(problem)


@transaction.atomic
def start_program(*, problem: Problem, by: User, **fields: Any) -> Program:
    """Start the program that is to end a problem; the problem names it from then on."""
    problem = locked(problem)
    require_change(by, problem)
    if problem.program_id:
        raise ValidationError(_("A program was started from this problem already."), code="started")
    program = create_program(by=by, **fields)
    change_problem(problem=problem, by=by, reason="Start a program", program=program)
    return program
