"""Every write of the plan: milestones, what they wait for, requirements, baselines, and the causes of slips."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

import history
from history.services import EARLIEST, LATEST, OUTSIDE
from milestones.models import (
    Baseline,
    BaselineDate,
    DateMove,
    Dependency,
    Milestone,
    Requirement,
    SlipCause,
    Workstream,
)
from people import permissions as organisation
from people.models import User
from people.permissions import OrgAct
from programs import talk
from programs.models import Program, Subject
from programs.permissions import Act, may, require
from programs.services import change_program, locked, settle_target, touch

# Two people who add the two halves of a loop at once must wait for each other.
GRAPH_LOCK = 7301

# Fields of a milestone that forecasts do not read.
NOT_PLAN_FIELDS = {"name", "note", "owner", "external_key", "workstream", "target_precision"}


def lock_graph() -> None:
    """Let one transaction at a time change what waits for what; held until it ends, and taken before any row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [GRAPH_LOCK])


def find_loop(links: Iterable[tuple[int, int]]) -> list[int] | None:
    """A loop among links (predecessor id, successor id), as ids in order, or None.

    Peels off milestones that wait for nothing (Kahn 1962); whoever is left waits for a loop, and walking backwards
    along what is left must run into it.
    """
    waits_for: dict[int, set[int]] = defaultdict(set)
    leads_to: dict[int, set[int]] = defaultdict(set)
    for predecessor, successor in links:
        waits_for[successor].add(predecessor)
        leads_to[predecessor].add(successor)
    free = deque(node for node in leads_to if not waits_for.get(node))
    left = {node: set(before) for node, before in waits_for.items() if before}
    while free:
        for successor in leads_to.get(node := free.popleft(), ()):
            left[successor].discard(node)
            if not left[successor]:
                del left[successor]
                free.append(successor)
    if not left:
        return None
    node = min(left)
    seen: dict[int, int] = {}
    path: list[int] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = min(left[node] & left.keys())
    return path[seen[node] :][::-1]


def path_between(start: int, end: int) -> list[int] | None:
    """Milestone ids from ``start`` along links to ``end``, or None: one recursive query over what is reachable."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE ahead (id, via) AS (
                SELECT %(start)s::bigint, NULL::bigint
                UNION
                SELECT d.successor_id, d.predecessor_id
                FROM milestones_dependency d JOIN ahead ON d.predecessor_id = ahead.id
            )
            SELECT id, via FROM ahead
            """,
            {"start": start},
        )
        came_from: dict[int, int | None] = {}
        for node, via in cursor.fetchall():
            came_from.setdefault(node, via)
    if end not in came_from:
        return None
    path, node = [end], came_from[end]
    while node is not None and path[-1] != start:
        path.append(node)
        node = came_from[node]
    return path[::-1]


def name_loop(ids: list[int], reader: User) -> str:
    """The loop in words, as far as the reader may see it."""
    seen = {
        m.pk: f"{m.program.key} {m.name}"
        for m in Milestone.objects.visible_to(reader).filter(pk__in=ids).select_related("program")
    }
    # How many milestones lie in a row out of sight is not told either.
    names = (seen.get(pk, _("milestones of a program that you may not see")) for pk in [*ids, ids[0]])
    return " → ".join(name for name, _same in groupby(names))


def refuse_loop(predecessor: Milestone, successor: Milestone, by: User) -> None:
    loop = path_between(successor.pk, predecessor.pk)
    if loop is not None:
        raise ValidationError(
            {
                "predecessor": [
                    _("This would close a loop: %(name_loop)s. Remove one of its links first.")
                    % {"name_loop": name_loop(loop, by)}
                ]
            },
            code="loop",
        )


def _move(
    *,
    program: Program,
    field: str,
    before: date | None,
    after: date | None,
    cause: SlipCause | None,
    note: str,
    by: User,
    at: datetime,
    milestone: Milestone | None = None,
    dependency: Dependency | None = None,
) -> None:
    """Keep the cause of a promised date that moves; the first promise and one taken back at once need none."""
    if before is None or before == after:
        return
    if cause is None:
        raise ValidationError({"cause": [_("This date was promised: say why it moves.")]}, code="cause")
    history.create(
        DateMove(
            program=program,
            milestone=milestone,
            dependency=dependency,
            field=field,
            before_on=before,
            after_on=after,
            cause=cause,
            note=note,
            by=by,
            at=at,
        )
    )


@transaction.atomic
def move_program_target(
    *, program: Program, by: User, at: datetime, cause: SlipCause | None = None, note: str = "", **changes: Any
) -> Program:
    """Change a program; where that moves its promised target, keep the cause."""
    program = locked(program)
    settle_target(program, changes)
    before = program.target_on
    with history.because(note or (cause.name if cause else "Change the program"), by_id=by.pk):
        _move(
            program=program,
            field=DateMove.Field.PROGRAM_TARGET,
            before=before,
            after=changes.get("target_on", before),
            cause=cause,
            note=note,
            by=by,
            at=at,
        )
        return change_program(program=program, by=by, reason=note, **changes)


# -- milestones ------------------------------------------------------------------------------------------------------


def check_milestone(milestone: Milestone, changes: Mapping[str, Any], today: date) -> None:
    for field in ("started_on", "done_on", "cancelled_on"):
        value = changes.get(field)
        if value and value > today:
            raise ValidationError(
                {field: [_("This day lies in the future: a forecast says when it will be.")]}, code="future"
            )
    workstream = changes.get("workstream")
    if workstream and workstream.program_id != milestone.program_id:
        raise ValidationError({"workstream": [_("This workstream belongs to another program.")]}, code="other_program")


def refuse_other_program(program_id: int, milestone: Milestone | None) -> None:
    """Refuse to name a milestone of another program: not everybody who reads this one may see that one."""
    if milestone and milestone.program_id != program_id:
        raise ValidationError({"milestone": [_("This milestone belongs to another program.")]}, code="other_program")


def settle(milestone: Milestone, changes: dict[str, Any]) -> None:
    """What follows from a change: nothing remains of what is done."""
    if changes.get("done_on"):
        changes["remaining"] = None
        changes.setdefault("started_on", milestone.started_on or changes["done_on"])


def act_of_deleting(milestone: Milestone) -> Act:
    """A promise goes with its target, its baselines and its hand-offs: that takes the right to move them."""
    links = Dependency.objects.agreed().filter(Q(predecessor=milestone) | Q(successor=milestone))
    is_promised = milestone.target_on or milestone.is_end or milestone.baseline_dates.exists() or links.exists()
    return Act.PLAN if is_promised else Act.EDIT


def why_kept(milestone: Milestone) -> str:
    """Why a milestone is not its contributors' to cancel, or nothing."""
    if milestone.is_end:
        return _("“%(name)s” is the program's end.") % {"name": milestone.name}
    if Dependency.objects.agreed().filter(predecessor=milestone).exists():
        return _("“%(name)s” is promised to another program.") % {"name": milestone.name}
    return ""


def act_of_cancelling(milestone: Milestone) -> Act:
    return Act.PLAN if why_kept(milestone) else Act.EDIT


def refuse_dropping(milestone: Milestone, changes: Mapping[str, Any], by: User) -> None:
    """Cancelling what others build on, or taking the program's end away, is for who may move its promises."""
    drops_end = milestone.is_end and changes.get("is_end") is False
    since = why_kept(milestone) if drops_end or changes.get("cancelled_on") else ""
    if since:
        require(by, Act.PLAN, milestone.program, since=since)


@transaction.atomic
def create_milestone(*, program: Program, by: User, today: date, **fields: Any) -> Milestone:
    require(by, Act.EDIT, program)
    milestone = Milestone(program=program)
    settle_target(milestone, fields)
    check_milestone(milestone, fields, today)
    settle(milestone, fields)
    for name, value in fields.items():
        setattr(milestone, name, value)
    with history.because("Add a milestone", by_id=by.pk):
        history.create(milestone)
    touch(program.pk, plan=True)
    return milestone


@transaction.atomic
def change_milestone(
    *,
    milestone: Milestone,
    by: User,
    today: date,
    at: datetime,
    cause: SlipCause | None = None,
    reason: str = "",
    **changes: Any,
) -> Milestone:
    """Change a milestone. A target that moves needs a cause and the right to plan; other dates move freely.

    To promise the same day less exactly takes the right to plan too.
    """
    milestone = locked(milestone)
    program = milestone.program
    require(by, Act.EDIT, program)
    settle_target(milestone, changes)
    changed = {name for name, value in changes.items() if getattr(milestone, name) != value}
    if changed & {"target_on", "target_precision"} and milestone.target_on:
        require(by, Act.PLAN, program)
    refuse_dropping(milestone, {name: changes[name] for name in changed}, by)
    check_milestone(milestone, {name: changes[name] for name in changed}, today)
    settle(milestone, changes)
    with history.because(reason or "Change a milestone", by_id=by.pk):
        _move(
            program=program,
            milestone=milestone,
            field=DateMove.Field.TARGET,
            before=milestone.target_on,
            after=changes.get("target_on", milestone.target_on),
            cause=cause,
            note=reason,
            by=by,
            at=at,
        )
        history.save(milestone, **changes)
    if changed:
        touch(program.pk, plan=bool(changed - NOT_PLAN_FIELDS))
    return milestone


@transaction.atomic
def delete_milestone(*, milestone: Milestone, by: User) -> None:
    """Delete a milestone with its links; programs at the other ends are forecast again."""
    lock_graph()
    milestone = locked(milestone)
    require(by, act_of_deleting(milestone), milestone.program)
    touched = {milestone.program_id}
    touched |= set(Milestone.objects.filter(links_in__predecessor=milestone).values_list("program_id", flat=True))
    touched |= set(Milestone.objects.filter(links_out__successor=milestone).values_list("program_id", flat=True))
    with history.because("Delete a milestone", by_id=by.pk):
        talk.forget(Subject.MILESTONE, milestone.pk)
        history.delete(milestone)
    touch(*touched, plan=True)


# -- dependencies ----------------------------------------------------------------------------------------------------


def _refuse_unseen(predecessor: Milestone, by: User) -> None:
    if not Milestone.objects.visible_to(by).filter(pk=predecessor.pk).exists():
        raise ValidationError({"predecessor": [_("There is no such milestone.")]}, code="unknown")


def is_kept(dependency: Dependency, by: User) -> bool:
    """What a giver has agreed to is not the receiver's alone to take away: the giver's work may stand on it."""
    is_agreed = Dependency.objects.agreed().filter(pk=dependency.pk).exists()
    return is_agreed and not may(by, Act.AGREE, dependency.predecessor.program)


def refuse_undoing(dependency: Dependency, by: User) -> None:
    if is_kept(dependency, by):
        giver = dependency.predecessor.program
        name = giver.name if may(by, Act.VIEW, giver) else _("The program that gives")
        raise PermissionDenied(
            _("%(name)s has agreed to this hand-off. Ask its lead to decline it first, then remove it.")
            % {"name": name}
        )


@transaction.atomic
def link(
    *, predecessor: Milestone, successor: Milestone, by: User, kind: str = "FS", lag: int = 0, **fields: Any
) -> Dependency:
    """Make the successor wait. Across programs it is a hand-off, proposed until the giver answers."""
    require(by, Act.EDIT, successor.program)
    _refuse_unseen(predecessor, by)
    lock_graph()
    refuse_loop(predecessor, successor, by)
    crosses = predecessor.program_id != successor.program_id
    if crosses:
        fields.setdefault("agreement", Dependency.Agreement.PROPOSED)
    with history.because("Ask for a hand-off" if crosses else "Link milestones", by_id=by.pk):
        row = history.create(Dependency(predecessor=predecessor, successor=successor, kind=kind, lag=lag, **fields))
    touch(predecessor.program_id, successor.program_id, plan=True)
    return row


@transaction.atomic
def change_dependency(
    *, dependency: Dependency, by: User, at: datetime, cause: SlipCause | None = None, reason: str = "", **changes: Any
) -> Dependency:
    """Change a link: type, lag and need are the receiver's; the promised day is the giver's and moves with a cause."""
    if changes.keys() & {"predecessor", "successor"}:
        lock_graph()
    dependency = locked(dependency)
    giver, receiver = dependency.predecessor.program, dependency.successor.program
    if not may(by, Act.AGREE, giver):
        require(by, Act.EDIT, receiver)
    changed = {name for name, value in changes.items() if getattr(dependency, name) != value}
    if not changed:
        return dependency
    if "promised_on" in changed:
        require(by, Act.AGREE, giver)
    if changed - {"promised_on"}:
        require(by, Act.EDIT, receiver)
    touched = {giver.pk, receiver.pk}
    asked_anew: dict[str, Any] = {}
    if changed & {"predecessor", "successor"}:
        predecessor = changes.get("predecessor", dependency.predecessor)
        successor = changes.get("successor", dependency.successor)
        require(by, Act.EDIT, successor.program)
        if "predecessor" in changed:
            _refuse_unseen(predecessor, by)
        refuse_undoing(dependency, by)
        refuse_loop(predecessor, successor, by)
        if "promised_on" in changed:
            raise ValidationError({"promised_on": [_("Whoever gives then promises a day.")]}, code="ends")
        # What was agreed was agreed of the old ends.
        crosses = predecessor.program_id != successor.program_id
        agreement = Dependency.Agreement.PROPOSED if crosses else ""
        asked_anew = {"agreement": agreement, "agreed_by": None, "agreed_on": None, "promised_on": None}
        touched |= {predecessor.program_id, successor.program_id}
    with history.because(reason or "Change a link", by_id=by.pk):
        _move(
            program=giver,
            dependency=dependency,
            field=DateMove.Field.PROMISED,
            before=dependency.promised_on,
            after=changes.get("promised_on", dependency.promised_on),
            cause=cause,
            note=reason,
            by=by,
            at=at,
        )
        history.save(dependency, **changes | asked_anew)
    touch(*touched, plan=bool(changed - NOT_PLAN_FIELDS))
    return dependency


@transaction.atomic
def answer_hand_off(
    *,
    dependency: Dependency,
    agreement: str,
    by: User,
    on: date,
    at: datetime,
    promised_on: date | None = None,
    cause: SlipCause | None = None,
    note: str = "",
) -> Dependency:
    """The giver accepts, offers another day with words, declines with a reason, or says it is delivered.

    A day that was promised or offered before moves with a cause.
    """
    dependency = locked(dependency)
    giver, receiver = dependency.predecessor.program, dependency.successor.program
    require(by, Act.AGREE, giver)
    if giver == receiver:
        raise ValidationError(_("Only links between programs are agreed."), code="same_program")
    if agreement in (Dependency.Agreement.DECLINED, Dependency.Agreement.COUNTERED) and not note.strip():
        raise ValidationError({"note": [_("Say why, so that the receiver can plan around it.")]}, code="note")
    promised_on = promised_on or dependency.promised_on
    if agreement == Dependency.Agreement.COUNTERED and promised_on in (None, dependency.need_by_on):
        raise ValidationError({"promised_on": [_("Offer another day than the one needed.")]}, code="promised_on")
    with history.because(note or f"Hand-off {agreement}", by_id=by.pk):
        _move(
            program=giver,
            dependency=dependency,
            field=DateMove.Field.PROMISED,
            before=dependency.promised_on,
            after=promised_on,
            cause=cause,
            note=note[:500],
            by=by,
            at=at,
        )
        history.save(
            dependency,
            agreement=agreement,
            agreed_by=by,
            agreed_on=on,
            promised_on=promised_on,
            note=note or dependency.note,
        )
    until = f", for {promised_on:%-d %b %Y}" if promised_on and agreement != Dependency.Agreement.DECLINED else ""
    talk.tell_leads(
        program=receiver,
        kind=Subject.MILESTONE,
        subject_id=dependency.successor_id,
        text=f"{Dependency.Agreement(agreement).label}{until}. {note}".strip(),
        also=dependency.successor.owner_id,
        answering=giver,
        by=by,
        at=at,
    )
    # What a milestone is promised by is its day where it has no other.
    touch(giver.pk, receiver.pk, plan=True)
    return dependency


@transaction.atomic
def reply_to_giver(
    *,
    dependency: Dependency,
    agreement: str,
    by: User,
    on: date,
    at: datetime,
    need_by_on: date | None = None,
    note: str = "",
) -> Dependency:
    """The receiver takes the day that the giver offers, or asks again: by another day, or with other words.

    The day promised is the giver's and stays; so does who gave it: the word is still theirs.
    """
    dependency = locked(dependency)
    giver, receiver = dependency.predecessor.program, dependency.successor.program
    require(by, Act.AGREE, receiver)
    takes = agreement == Dependency.Agreement.ACCEPTED
    answered = [Dependency.Agreement.COUNTERED] + ([] if takes else [Dependency.Agreement.DECLINED])
    if dependency.agreement not in answered:
        asked = _("No other day is offered.") if takes else _("The giver has neither declined nor offered another day.")
        raise ValidationError({"agreement": [asked]}, code="agreement")
    with history.because(note or ("Take the day offered" if takes else "Ask again"), by_id=by.pk):
        history.save(
            dependency,
            agreement=agreement,
            agreed_by=dependency.agreed_by if takes else None,
            agreed_on=on if takes else None,
            need_by_on=need_by_on or dependency.need_by_on,
            note=note or dependency.note,
        )
    talk.tell_leads(
        program=giver,
        kind=Subject.MILESTONE,
        subject_id=dependency.predecessor_id,
        text=f"{'Takes the day offered' if takes else 'Asks again'}. {note}".strip(),
        also=dependency.predecessor.owner_id,
        answering=receiver,
        by=by,
        at=at,
    )
    touch(giver.pk, receiver.pk, plan=True)
    return dependency


@transaction.atomic
def unlink(*, dependency: Dependency, by: User) -> None:
    dependency = locked(dependency)
    giver, receiver = dependency.predecessor.program, dependency.successor.program
    require(by, Act.EDIT, receiver)
    refuse_undoing(dependency, by)
    with history.because("Remove a link", by_id=by.pk):
        history.delete(dependency)
    touch(giver.pk, receiver.pk, plan=True)


# -- workstreams, requirements, baselines, causes --------------------------------------------------------------------


@transaction.atomic
def create_workstream(*, program: Program, by: User, **fields: Any) -> Workstream:
    require(by, Act.EDIT, program)
    with history.because("Add a workstream", by_id=by.pk):
        row = history.create(Workstream(program=program, **fields))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def change_workstream(*, workstream: Workstream, by: User, **changes: Any) -> Workstream:
    workstream = locked(workstream)
    require(by, Act.EDIT, workstream.program)
    with history.because("Change a workstream", by_id=by.pk):
        history.save(workstream, **changes)
    touch(workstream.program_id, plan=False)
    return workstream


@transaction.atomic
def delete_workstream(*, workstream: Workstream, by: User) -> None:
    """Delete a workstream; its milestones stay, without one."""
    workstream = locked(workstream)
    require(by, Act.EDIT, workstream.program)
    with history.because("Delete a workstream", by_id=by.pk):
        history.delete(workstream)
    touch(workstream.program_id, plan=False)


@transaction.atomic
def create_requirement(*, program: Program, by: User, today: date, **fields: Any) -> Requirement:
    require(by, Act.EDIT, program)
    refuse_other_program(program.pk, fields.get("milestone"))
    fields.setdefault("scope_since_on", today)
    with history.because("Add a requirement", by_id=by.pk):
        row = history.create(Requirement(program=program, **fields))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def change_requirement(*, requirement: Requirement, by: User, today: date, **changes: Any) -> Requirement:
    """Change a requirement; moving it in or out of scope dates from today and is the lead's to do."""
    requirement = locked(requirement)
    require(by, Act.EDIT, requirement.program)
    refuse_other_program(requirement.program_id, changes.get("milestone"))
    if changes.get("in_scope", requirement.in_scope) != requirement.in_scope:
        require(by, Act.PLAN, requirement.program)
        changes["scope_since_on"] = today
    with history.because(changes.get("scope_reason") or "Change a requirement", by_id=by.pk):
        history.save(requirement, **changes)
    touch(requirement.program_id, plan=False)
    return requirement


@transaction.atomic
def delete_requirement(*, requirement: Requirement, by: User) -> None:
    requirement = locked(requirement)
    require(by, Act.EDIT, requirement.program)
    with history.because("Delete a requirement", by_id=by.pk):
        history.delete(requirement)
    touch(requirement.program_id, plan=False)


@transaction.atomic
def approve_baseline(
    *,
    program: Program,
    name: str,
    dates: Mapping[int, date],
    by: User,
    on: date,
    cause: SlipCause | None = None,
    note: str = "",
) -> Baseline:
    """Freeze the finish of each milestone id in ``dates``. A second baseline moves promises: it needs a cause."""
    program = locked(program)
    require(by, Act.PLAN, program)
    if cause is None and program.baselines.exists():
        raise ValidationError({"cause": [_("A new baseline moves promised dates: say why.")]}, code="cause")
    works = dict(program.milestones.filter(pk__in=dates).values_list("pk", "work_likely"))
    if not works:
        raise ValidationError(_("There is no dated milestone to freeze yet."), code="empty")
    if not all(EARLIEST <= dates[pk] <= LATEST for pk in works):
        raise ValidationError({"dates": [_(OUTSIDE)]}, code="far")
    with history.because(note or f"Approve baseline {name}", by_id=by.pk):
        baseline = history.create(
            Baseline(program=program, name=name, approved_on=on, approved_by=by, cause=cause, note=note)
        )
        BaselineDate.objects.bulk_create(
            BaselineDate(baseline=baseline, milestone_id=pk, finish_on=dates[pk], work=work)
            for pk, work in sorted(works.items())
        )
    touch(program.pk, plan=False)
    return baseline


@transaction.atomic
def create_slip_cause(*, by: User, **fields: Any) -> SlipCause:
    organisation.require(by, OrgAct.MANAGE_ORGANISATION)
    with history.because("Add a cause of slips", by_id=by.pk):
        return history.create(SlipCause(**fields))


@transaction.atomic
def change_slip_cause(*, slip_cause: SlipCause, by: User, **changes: Any) -> SlipCause:
    organisation.require(by, OrgAct.MANAGE_ORGANISATION)
    with history.because("Change a cause of slips", by_id=by.pk):
        return history.save(locked(slip_cause), **changes)
