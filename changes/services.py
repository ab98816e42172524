"""Many writes as one act: taking one back as a whole, and starting a program with its plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models import OuterRef, Subquery, Value
from django.db.models.deletion import Collector
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

import milestones.services
import programs.services
import risks.services
from changes.nouns import ADDRESSES
from changes.plans import Plan
from history import services as history
from history.models import ChangeSet, Event, Record
from history.services import FINAL
from metrics.models import KPI, Measurement
from milestones.models import DateMove, Dependency, Milestone, Requirement, Workstream
from people.models import Membership, SavedView, Team, User
from people.permissions import OrgAct
from people.permissions import require as require_org
from programs.models import (
    Alignment,
    Comment,
    GateAction,
    GateCriterion,
    Objective,
    PartnerTeam,
    Phase,
    Program,
    RelatedLink,
    Revision,
    Role,
    Slot,
)
from programs.permissions import Act, acts
from risks.models import Assumption, Decision, Issue, MitigationAction, Risk, RiskImpact
from risks.services import Impact

UNDOABLE_FOR = timedelta(days=1)

# What taking a change back is in the table of permissions, for models that are not final; None: it is one's own.
ACTS: dict[type[models.Model], Act | OrgAct | None] = {
    Program: Act.PLAN,
    PartnerTeam: Act.PLAN,
    Alignment: Act.PLAN,
    Role: Act.MANAGE,
    Slot: Act.EDIT,
    Phase: Act.EDIT,
    GateCriterion: Act.EDIT,
    GateAction: Act.EDIT,
    RelatedLink: Act.EDIT,
    Workstream: Act.EDIT,
    Milestone: Act.EDIT,
    Dependency: Act.EDIT,
    Requirement: Act.EDIT,
    DateMove: Act.PLAN,
    Risk: Act.EDIT,
    RiskImpact: Act.EDIT,
    MitigationAction: Act.EDIT,
    Issue: Act.EDIT,
    Assumption: Act.EDIT,
    Decision: Act.DECIDE,
    KPI: Act.EDIT,
    Measurement: Act.MEASURE,
    Objective: OrgAct.EDIT_OBJECTIVES,
    Team: OrgAct.MANAGE_TEAMS,
    Membership: OrgAct.MANAGE_TEAMS,
    SavedView: None,
    Comment: Act.COMMENT,
}


class Written(NamedTuple):
    """What a change-set made of one row: how it stood before (None: not there), and how it left it (None: deleted)."""

    model: type[models.Model]
    pk: int
    before: Event | None
    after: Event | None
    programs: frozenset[int]
    at: datetime


@transaction.atomic
def undo(*, change_set: ChangeSet, by: User, at: datetime) -> dict[str, str]:
    """Take back all that a person's own change-set wrote, within a day and as long as nobody has built on it.

    Fields that others changed meanwhile stay theirs where this act did not touch them. Taking back is a change-set of
    its own, which names the one that it took back, and can be taken back too; each is taken back once. Returns the
    pages that went with what had been added, each with the page to read instead. Raises ValidationError and changes
    nothing where it cannot be whole.
    """
    # Two that are sent at once take turns; the second finds it taken back.
    change_set = ChangeSet.objects.select_for_update().get(pk=change_set.pk)
    if change_set.by_id != by.pk:
        raise PermissionDenied(_("Only who made a change can take it back."))
    if change_set.parent_id is not None or at - change_set.at > UNDOABLE_FOR:
        raise ValidationError(_("This change is too old to be taken back."), code="old")
    if ChangeSet.objects.filter(undoes=change_set).exists():
        raise ValidationError(_("This change was taken back already."), code="undone")
    written = _written(change_set)
    if not written:
        raise ValidationError(_("There is nothing to take back."), code="nothing")
    final = sorted({_(str(one.model._meta.verbose_name)) for one in written if one.model in FINAL or _decides(one)})
    if final:
        raise ValidationError(_("This cannot be taken back: %(names)s.") % {"names": ", ".join(final)}, code="final")
    if any(one.model is Dependency for one in written):
        milestones.services.lock_graph()
    with history.because(_reason(change_set), by_id=by.pk) as undoing:
        ChangeSet.objects.filter(pk=undoing).update(undoes=change_set)
        # Of a program that goes, what the person may do now; of all others, what they may do once it is as it was.
        going = {one.pk for one in written if one.model is Program and one.before is None}
        before = _allowed(going, by)
        _restore(written, by)
        _permit(written, by, before)
        touched = {pk for one in written for pk in one.programs}
        for pk in Program.objects.filter(pk__in=touched, revisions=None).values_list("pk", flat=True):
            Revision.objects.create(program_id=pk)
        programs.services.touch(*touched, plan=True)
    return _gone(written, by)


def _gone(written: Iterable[Written], by: User) -> dict[str, str]:
    """The pages of rows that were added, each with the one to read instead: of its program where that stays."""
    added = [one for one in written if one.before is None and one.after is not None and one.model in ADDRESSES]
    programs_of = {pk for one in added for pk in one.programs}
    keys = dict(Program.objects.visible_to(by).filter(pk__in=programs_of).values_list("pk", "key")) if added else {}
    return {
        ADDRESSES[one.model](one.after): next((f"/p/{keys[pk]}" for pk in sorted(one.programs) if pk in keys), "/")
        for one in added
    }


def _reason(change_set: ChangeSet) -> str:
    """Why: to undo it, or to do again what it had undone itself."""
    return f"{'Redo' if change_set.is_undo else 'Undo'}: {change_set.what}".removesuffix(": ")


@cache
def _event_models() -> tuple[type[Event], ...]:
    return tuple(model for model in apps.get_models() if issubclass(model, Event))


def _written(change_set: ChangeSet) -> list[Written]:
    """One entry for each row that the change-set wrote; its newest write first."""
    ids = _with_parts(change_set)
    models_of = _event_models()
    asked = [
        model._default_manager.filter(change_set__in=ids).order_by().annotate(place=Value(place)).values_list("place")
        for place, model in enumerate(models_of)
    ]
    found = []
    for (place,) in asked[0].union(*asked[1:]):
        model = models_of[place]
        tracked: Any = model.pgh_tracked_model
        events_of: Any = model._default_manager
        rows: dict[int, list[Any]] = {}
        for event in events_of.filter(change_set__in=ids).order_by("pgh_id"):
            rows.setdefault(event.pgh_obj_id, []).append(event)
        for pk, events in rows.items():
            first, last = events[0], events[-1]
            before = None
            if first.pgh_label != "insert":
                before = events_of.filter(pgh_obj_id=pk, pgh_id__lt=first.pgh_id).latest("pgh_id")
            after = None if last.pgh_label == "delete" else last
            # What was added goes in the reverse order of its coming, however often it was changed afterwards.
            at = (first if before is None and after else last).pgh_created_at
            found.append(Written(tracked, pk, before, after, _programs(tracked, pk, first), at))
    return sorted(found, key=lambda one: one.at, reverse=True)


def _decides(one: Written) -> bool:
    """Whether a gate was decided: a named person's word, which stands."""
    if one.model is not Phase or one.after is None:
        return False
    return getattr(one.before, "decision", "") != getattr(one.after, "decision", "")


def standing(ids: Collection[int]) -> set[int]:
    """Of these change-sets, those that wrote what is never taken back: final rows, a gate's decision. One query."""
    if not ids:
        return set()
    asked = [
        model._default_manager.filter(change_set__in=ids).order_by().values_list("change_set_id")
        for model in _event_models()
        if model.pgh_tracked_model in FINAL
    ]
    phases: Any = next(model for model in _event_models() if model.pgh_tracked_model is Phase)._default_manager
    earlier = phases.filter(pgh_obj_id=OuterRef("pgh_obj_id"), pgh_id__lt=OuterRef("pgh_id")).order_by("-pgh_id")
    before = Coalesce(Subquery(earlier.values("decision")[:1]), Value(""))
    decided = phases.filter(change_set__in=ids).exclude(pgh_label="delete").exclude(decision=before)
    return {pk for (pk,) in decided.order_by().values_list("change_set_id").union(*asked)}


def _with_parts(change_set: ChangeSet) -> list[int]:
    ids, newest = [change_set.pk], [change_set.pk]
    while newest:
        newest = list(ChangeSet.objects.filter(parent__in=newest).values_list("pk", flat=True))
        ids += newest
    return ids


def _programs(model: type[models.Model], pk: int, event: Any) -> frozenset[int]:
    if model is Program:
        return frozenset({pk})
    named = (getattr(event, name, None) for name in ("program_id", "other_program_id"))
    return frozenset(program for program in named if program)


def _restore(written: list[Written], by: User) -> None:
    """Bring back what was deleted, then what was changed, then delete what was added."""
    for one in written:
        if one.after is None and one.before is not None:
            if one.model._default_manager.filter(pk=one.pk).exists():
                raise ValidationError(_("It is there again already."), code="there")
            row = history.create(one.model(**_values(one.model, one.before), **_next_version(one)))
            if isinstance(row, Dependency):
                milestones.services.refuse_loop(row.predecessor, row.successor, by)
    for one in written:
        if one.before is not None and one.after is not None:
            _put_back(one, by)
    added = {(one.model, one.pk) for one in written if one.before is None}
    for one in written:
        if one.before is None and one.after is not None:
            _remove(one, added)


def _values(model: type[models.Model], event: Event) -> dict[str, Any]:
    fields = [field for field in model._meta.concrete_fields if hasattr(event, field.attname)]
    return {field.attname: getattr(event, field.attname) for field in fields if field.name != "version"}


def _next_version(one: Written) -> dict[str, int]:
    """A version that no reader of the deleted row has seen."""
    return {"version": one.before.version + 1} if issubclass(one.model, Record) else {}  # type: ignore[union-attr]


def _row(one: Written) -> models.Model:
    row = one.model._default_manager.select_for_update(of=("self",)).filter(pk=one.pk).first()
    if row is None:
        raise ValidationError(_("Somebody deleted this in the meantime."), code="gone")
    return row


def _put_back(one: Written, by: User) -> None:
    row, before, after = _row(one), _values(one.model, one.before), _values(one.model, one.after)  # type: ignore[arg-type]
    changed = [name for name in before if before[name] != after[name]]
    if any(getattr(row, name) != after[name] for name in changed):
        raise ValidationError(_("“%(row)s” was changed again since: change it by hand.") % {"row": row}, code="changed")
    back = {name: before[name] for name in changed}
    if isinstance(row, Milestone):
        milestones.services.refuse_dropping(row, back, by)
    delivered = Dependency.Agreement.DELIVERED
    if isinstance(row, Dependency) and back.get("agreement", delivered) != delivered:
        # A delivery from before its day was kept apart does not name that day.
        back["delivered_on"] = None
    history.save(row, **back)
    if isinstance(row, Dependency) and back.keys() & {"predecessor_id", "successor_id"}:
        milestones.services.refuse_loop(row.predecessor, row.successor, by)


def _remove(one: Written, added: Iterable[tuple[type[models.Model], int]]) -> None:
    row = _row(one)
    events: models.QuerySet[Any] = row.events  # type: ignore[attr-defined]  # named by history.track
    if events.get(valid_to=None).pgh_id != one.after.pgh_id:  # type: ignore[union-attr]
        raise ValidationError(_("“%(row)s” was changed again since: delete it by hand.") % {"row": row}, code="changed")
    takes = Collector(using="default", origin=row)
    takes.collect([row], fail_on_restricted=False)
    # What a delete takes along without loading it, Django keeps apart.
    taken: list[tuple[type[models.Model], Iterable[models.Model]]] = list(takes.data.items())
    taken += [(rows.model, rows) for rows in takes.fast_deletes]
    others = [other for model, rows in taken if model in ACTS or model in FINAL for other in rows]
    if any((type(other), other.pk) not in added for other in others):
        raise ValidationError(
            _("Others have built on “%(row)s” since: delete it by hand.") % {"row": row}, code="built_on"
        )
    history.delete(row)


def _allowed(ids: Iterable[int], by: User) -> dict[int, frozenset[Act]]:
    seen = Program.objects.visible_to(by).filter(pk__in=ids).select_related("lead")
    return {program.pk: acts(by, program) for program in seen}


def _permit(written: list[Written], by: User, before: dict[int, frozenset[Act]]) -> None:
    """Raise PermissionDenied unless the person may still do to each row what taking this back does."""
    allowed = before | _allowed({pk for one in written for pk in one.programs}, by)
    for one in written:
        act = ACTS[one.model]
        if isinstance(act, OrgAct):
            require_org(by, act)
        elif act is not None and not any(act in allowed.get(pk, ()) for pk in one.programs):
            raise PermissionDenied(_("You cannot take this back: you may not change it any more."))


# -- starting with a plan --------------------------------------------------------------------------------------------


@transaction.atomic
def start_program(*, plan: Plan, by: User, today: date, reason: str, **fields: Any) -> Program:
    """Create a program with its workstreams, milestones, links, phases and risks: one act, so one undo."""
    lead = fields.pop("lead", None)
    with history.because(reason, by_id=by.pk):
        # Who names another lead may no longer edit the program then: they hand it over when the plan is written.
        program = programs.services.create_program(
            by=by, lead=lead and by, target_on=plan.target_on, target_precision=plan.target_precision, **fields
        )
        streams = {
            name: milestones.services.create_workstream(program=program, by=by, name=name, position=place)
            for place, name in enumerate(plan.streams)
        }
        rows = {
            item.code: milestones.services.create_milestone(
                program=program,
                by=by,
                today=today,
                name=item.name,
                workstream=streams.get(item.stream),
                kind=item.kind,
                work_low=item.work[0],
                work_likely=item.work[1],
                work_high=item.work[2],
                not_before_on=item.not_before_on,
                target_on=item.target_on,
                target_precision=item.target_precision,
                is_end=item.is_end,
                team_id=item.team_id,
            )
            for item in plan.items
        }
        for item in plan.items:
            for wait in item.waits:
                milestones.services.link(
                    predecessor=rows[wait.item], successor=rows[item.code], by=by, kind=wait.kind, lag=wait.lag
                )
        for gate in plan.gates:
            phase = programs.services.create_phase(
                program=program, by=by, kind=gate.kind, starts_on=gate.starts_on, gate_on=gate.gate_on
            )
            for text in gate.criteria:
                programs.services.create_criterion(phase=phase, by=by, text=text)
        for threat in plan.threats:
            impacts = [Impact(rows[hit.item], hit.low, hit.likely, hit.high) for hit in threat.hits]
            risks.services.create_risk(
                program=program, by=by, today=today, title=threat.title, impacts=impacts, **threat.fields
            )
        return programs.services.change_program(program=program, by=by, lead=lead) if lead else program
