"""What edits of the plan would move, before they are saved: simulated with and without them, by the same seed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as lazy

from engine.calendars import EngineError
from forecasts import network
from forecasts.calendars import EPOCH, load_calendars
from forecasts.estimates import load_classes
from forecasts.inputs import P80, Inputs
from forecasts.rows import Link, Task
from milestones.models import Dependency, Milestone, due_of
from milestones.services import check_milestone, refuse_loop, settle
from people.models import User
from programs.models import Program
from programs.permissions import Act, may, require
from programs.services import settle_target

# What a request simulates twice while somebody types.
MOST_TASKS = 5_000
NOT_SIMULATED = {
    "no_forecast": lazy("What this moves cannot be forecast: work is out of order, or ends beyond 2099."),
    "too_large": format_lazy(
        lazy(
            "More than {count} milestones hang on this: too many to simulate while you wait. "
            "The forecast follows once it is saved."
        ),
        count=f"{MOST_TASKS:,}",
    ),
}


@dataclass(frozen=True)
class Edits:
    """Changes of milestones' fields, links that come and links that go, and days of hand-offs: nothing of it is saved.

    ``days`` are hand-offs with what of ``need_by_on``, ``promised_on`` and ``agreement`` would change.
    """

    changes: Sequence[tuple[Milestone, Mapping[str, Any]]] = ()
    links: Sequence[Dependency] = ()
    unlinked: Sequence[Dependency] = ()
    days: Sequence[tuple[Dependency, Mapping[str, Any]]] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A milestone before and after, at P80; a day is None where there is no forecast."""

    milestone: Milestone
    before_on: date | None
    after_on: date | None
    chance_before: float | None
    chance_after: float | None
    # The days it is held against; told of what is edited.
    due_before_on: date | None = None
    due_after_on: date | None = None

    @property
    def late_days(self) -> int | None:
        """Days by which it then comes after its target."""
        return (self.after_on - self.due_after_on).days if self.after_on and self.due_after_on else None

    @property
    def days(self) -> int | None:
        """Days by which it moves; later is positive."""
        return (self.after_on - self.before_on).days if self.before_on and self.after_on else None

    @property
    def moves(self) -> bool:
        return self.before_on != self.after_on

    @property
    def reach(self) -> int:
        """How far it moves, either way; to or from nowhere is farther than any day."""
        return abs(self.days) if self.days is not None else 100_000


@dataclass(frozen=True, slots=True)
class Moves:
    """What moves in one program, farthest first."""

    program: Program
    milestones: list[Moved]


@dataclass(frozen=True, slots=True)
class Broken:
    """A hand-off that would come later than a day of its own, and who must agree to that.

    ``why`` says which day: “needed” or “promised”, or “unsure” where the giver's P80 lies after what it would promise,
    to which nobody need agree. Of an end in a program that the viewer does not see there is nothing, nor of who leads
    it: ``asks_hidden`` where that one must agree.
    """

    link: Dependency
    giver: Milestone | None
    receiver: Milestone | None
    due_on: date
    expected_on: date
    agrees: User | None
    asks_hidden: bool = False
    why: str = "needed"

    @property
    def late_days(self) -> int:
        return (self.expected_on - self.due_on).days


@dataclass(frozen=True)
class Impact:
    """What edits move as far as the viewer sees it; of hidden programs how many milestones, and the farthest of them.

    ``edited`` are the milestones that were edited, whether they move or not; ``past`` names their fields that would
    hold a day that is over. ``reason`` is one of NOT_SIMULATED where nothing was.
    """

    programs: list[Moves] = field(default_factory=list)
    edited: list[Moved] = field(default_factory=list)
    hidden: int = 0
    hidden_days: int | None = None
    broken: list[Broken] = field(default_factory=list)
    past: list[str] = field(default_factory=list)
    reason: str = ""

    @property
    def count(self) -> int:
        """Milestones that move and that the viewer sees."""
        return sum(len(moves.milestones) for moves in self.programs)

    @property
    def farthest(self) -> list[Moved]:
        """Of each program the milestone that moves most, and an end before others that move as far."""
        return [moves.milestones[0] for moves in self.programs]

    @property
    def by_name(self) -> list[Moved]:
        """All that move, in the order in which a few of them are named: of each program one, then the others."""
        others = [one for moves in self.programs for one in moves.milestones[1:]]
        return [*self.farthest, *sorted(others, key=lambda one: -one.reach)]


REACHED = """
    WITH RECURSIVE ahead (id) AS (
        SELECT unnest(%(edited)s::bigint[])
        UNION SELECT d.successor_id FROM milestones_dependency d JOIN ahead ON d.predecessor_id = ahead.id
    ), behind (id) AS (
        SELECT id FROM ahead UNION SELECT unnest(%(givers)s::bigint[])
        UNION SELECT d.predecessor_id FROM milestones_dependency d JOIN behind ON d.successor_id = behind.id
    )
    SELECT m.id, m.program_id, m.id IN (SELECT id FROM ahead)
    FROM behind JOIN milestones_milestone m ON m.id = behind.id
"""


def impact_of(edits: Edits, *, by: User, today: date) -> Impact:
    """What would move if these edits were saved today, by somebody who may edit the programs. Writes nothing."""
    for milestone, changes in edits.changes:
        require(by, Act.EDIT, milestone.program)
        check_milestone(milestone, changes, today)
    for link in (*edits.links, *edits.unlinked):
        require(by, Act.EDIT, link.successor.program)
    for link, days in edits.days:
        if "promised_on" in days or not may(by, Act.EDIT, link.successor.program):
            require(by, Act.AGREE, link.predecessor.program)
        if "need_by_on" in days:
            require(by, Act.EDIT, link.successor.program)
    for link in edits.links:
        refuse_loop(link.predecessor, link.successor, by)
    edited = {milestone.pk for milestone, _ in edits.changes}
    edited |= {link.successor_id for link in (*edits.links, *edits.unlinked)}
    edited |= {link.predecessor_id for link, _ in edits.days}
    past = _past(edits, today)
    program_of, reached = _reached(edited, [link.predecessor_id for link in edits.links])
    if len(program_of) > MOST_TASKS:
        return Impact(past=past, reason="too_large")
    calendars = load_calendars()
    if calendars.limits:
        whole = network.components(set(program_of.values()))
        rows = network.read_rows([tuple(sorted({program for part in whole for program in part}))])
    else:
        rows = network.read_rows([tuple(sorted(set(program_of.values())))], program_of)
    if len(rows.tasks) > MOST_TASKS:
        return Impact(past=past, reason="too_large")
    classes = load_classes(calendars, today)
    try:
        before, after = (_days(one.inputs(calendars, classes, today)[0], reached) for one in (rows, _with(rows, edits)))
    except EngineError:
        return Impact(past=past, reason="no_forecast")
    return replace(_told(edits, before, after, reached, by), past=past)


def _past(edits: Edits, today: date) -> list[str]:
    """Fields of open milestones with a day before today: a start that holds nothing back, a target that is missed."""
    return [
        name
        for milestone, changes in edits.changes
        for name in ("not_before_on", "target_on")
        if (day := changes.get(name)) and day < today and not changes.get("done_on", milestone.done_on)
    ]


def _reached(edited: Collection[int], givers: Sequence[int]) -> tuple[dict[int, int], set[int]]:
    """All that an answer takes, each milestone with its program, and those of them that the edits may move."""
    with connection.cursor() as cursor:
        cursor.execute(REACHED, {"edited": list(edited), "givers": list(givers)})
        found = cursor.fetchall()
    return {pk: program for pk, program, _ in found}, {pk for pk, _, is_ahead in found if is_ahead}


def _with(rows: network.Rows, edits: Edits) -> network.Rows:
    """The rows as they would be read after the edits."""
    changed = {milestone.pk: _settled(milestone, changes) for milestone, changes in edits.changes}
    for giver, promised_on in _promises(edits).items():
        changed.setdefault(giver, {})["promised_on"] = promised_on
    gone = {pk for pk, changes in changed.items() if changes.get("cancelled_on")}
    tasks = [_edited(task, changed.get(task.id, {})) for task in rows.tasks if task.id not in gone]
    unlinked = {(link.predecessor_id, link.successor_id, link.kind) for link in edits.unlinked}
    links = [link for link in rows.links if link[:3] not in unlinked and gone.isdisjoint(link[:2])]
    links += [Link(link.predecessor_id, link.successor_id, link.kind, link.lag) for link in edits.links]
    threats = [threat for threat in rows.threats if threat.milestone not in gone]
    return replace(rows, tasks=tasks, links=links, threats=threats)


def _settled(milestone: Milestone, changes: Mapping[str, Any]) -> dict[str, Any]:
    settled = dict(changes)
    settle_target(milestone, settled)
    settle(milestone, settled)
    return settled


def _promises(edits: Edits) -> dict[int, date | None]:
    """The earliest day that givers of edited hand-offs would have promised with the other side's agreement."""
    promised: dict[int, list[date]] = {link.predecessor_id: [] for link, _ in edits.days}
    if not promised:
        return {}
    agreed = Dependency.Agreement.ACCEPTED
    others = Dependency.objects.live().hand_offs().filter(predecessor__in=promised, agreement=agreed)
    others = others.exclude(promised_on=None).exclude(pk__in=[link.pk for link, _ in edits.days])
    days: list[Any] = list(others.values_list("predecessor_id", "promised_on"))
    for link, changes in edits.days:
        if changes.get("agreement", link.agreement) == agreed:
            days.append((link.predecessor_id, changes.get("promised_on", link.promised_on)))
    for giver, day in days:
        if day:
            promised[giver].append(day)
    return {giver: min(found, default=None) for giver, found in promised.items()}


def _edited(task: Task, changes: Mapping[str, Any]) -> Task:
    """A task with those of the changes that a forecast reads."""
    named = {"work" if name == "work_likely" else name: value for name, value in changes.items()}
    return task._replace(**{name: getattr(named[name], "pk", named[name]) for name in Task._fields if name in named})


def _days(inputs: Inputs, wanted: Collection[int]) -> dict[int, tuple[date, float | None]]:
    """P80 and the chance of target of the wanted milestones, as far as they can be forecast."""
    if not inputs.tasks:
        return {}
    chosen = np.arange(len(inputs.tasks))
    watch = np.array([at for at, task in enumerate(inputs.tasks) if task.id in wanted], dtype=np.int64)
    run = inputs.simulated(inputs.compiled(chosen), chosen, watch)
    found = zip(run.watched.tolist(), run.quantile_day[:, P80].tolist(), run.chance.tolist(), strict=True)
    return {
        inputs.tasks[at].id: (EPOCH + timedelta(days=day), None if np.isnan(chance) else chance)
        for at, day, chance in found
    }


Days = Mapping[int, tuple[date, float | None]]


def _told(edits: Edits, before: Days, after: Days, reached: Collection[int], by: User) -> Impact:
    """What moves, in rows as the viewer may see them."""
    nothing = (None, None)
    edited = [milestone.pk for milestone, _ in edits.changes]
    moved = {pk for pk in reached if before.get(pk, nothing)[0] != after.get(pk, nothing)[0]}
    rows = Milestone.objects.visible_to(by).select_related("program__lead").in_bulk(moved.union(edited))
    lines = [
        Moved(
            row,
            before.get(pk, nothing)[0],
            after.get(pk, nothing)[0],
            before.get(pk, nothing)[1],
            after.get(pk, nothing)[1],
        )
        for pk, row in rows.items()
    ]
    lines.sort(key=lambda line: (-line.reach, not line.milestone.is_end, line.milestone.pk))
    programs: dict[int, Moves] = {}
    for line in lines:
        if line.moves:
            program = line.milestone.program
            programs.setdefault(program.pk, Moves(program, [])).milestones.append(line)
    hidden = moved - rows.keys()
    gaps = [(after[pk][0] - before[pk][0]).days for pk in hidden if pk in before and pk in after]
    changes = {milestone.pk: _settled(milestone, changed) for milestone, changed in edits.changes}
    return Impact(
        programs=list(programs.values()),
        edited=[_against(line, changes[line.milestone.pk]) for line in lines if line.milestone.pk in changes],
        hidden=len(hidden),
        hidden_days=max(gaps, key=abs) if gaps else None,
        broken=_broken(edits, before, after, moved, by),
    )


def _against(line: Moved, changes: Mapping[str, Any]) -> Moved:
    """A milestone that is edited with the days that it is held against, before and after."""
    row = line.milestone
    target_on = changes.get("target_on", row.target_on)
    due_on = due_of(changes.get("is_end", row.is_end), target_on, row.program.target_on)
    return replace(line, due_before_on=row.due_on, due_after_on=due_on)


def _broken(edits: Edits, before: Days, after: Days, moved: Collection[int], by: User) -> list[Broken]:
    """Hand-offs that would come after a day of theirs and did not, or come later still; the worst first."""
    open_to = set(Program.objects.visible_to(by).values_list("pk", flat=True))
    links = (
        Dependency.objects.pending()
        .filter(predecessor__in=moved)
        .exclude(agreement=Dependency.Agreement.DECLINED)
        .exclude(pk__in=[link.pk for link in (*edits.unlinked, *(link for link, _ in edits.days))])
        .exclude(Q(need_by_on=None) & Q(promised_on=None))
        .select_related("predecessor__program", "successor__program__lead")
        .order_by("pk")
    )
    found = []
    for link in links:
        expected, was = after.get(link.predecessor_id), before.get(link.predecessor_id)
        due_on, why = min((on, why) for on, why in ((link.need_by_on, "needed"), (link.promised_on, "promised")) if on)
        if expected and expected[0] > (max(due_on, was[0]) if was else due_on):
            found.append(_broken_one(link, link.successor, due_on, expected[0], why, open_to, by))
    found += _late_by_days(edits, after, open_to, by)
    return sorted(found, key=lambda one: (-one.late_days, one.link.pk))


def _late_by_days(edits: Edits, after: Days, open_to: Collection[int], by: User) -> list[Broken]:
    """Of hand-offs with other days: what would be promised later than needed, and what P80 says of the promise."""
    found = []
    for link, changes in edits.days:
        if changes.get("agreement", link.agreement) in (Dependency.Agreement.DECLINED, Dependency.Agreement.DELIVERED):
            continue
        need_by_on, promised_on = (changes.get(name, getattr(link, name)) for name in ("need_by_on", "promised_on"))
        expected = after.get(link.predecessor_id) if link.predecessor.program_id in open_to else None
        comes_on = promised_on or (expected[0] if expected else None)
        if need_by_on and comes_on and comes_on > need_by_on:
            asked = _asked(link, changes)
            found.append(_broken_one(link, asked, need_by_on, comes_on, "needed", open_to, by))
        if changes.get("promised_on") and expected and expected[0] > promised_on:
            found.append(_broken_one(link, None, promised_on, expected[0], "unsure", open_to, by))
    return found


def _asked(link: Dependency, changes: Mapping[str, Any]) -> Milestone | None:
    """Of a hand-off that would come after its need, the end whose lead must agree: whoever is asked for more.

    That is the giver where the receiver asks again or for an earlier day, and the receiver where the giver names a day
    to which that side has not agreed. Who takes the day offered asks nobody.
    """
    need_by_on, promised_on = changes.get("need_by_on"), changes.get("promised_on")
    is_sooner = need_by_on and need_by_on < (link.need_by_on or date.max)
    if is_sooner or changes.get("agreement") == Dependency.Agreement.PROPOSED:
        return link.predecessor
    agreed_on = link.promised_on if link.agreement == Dependency.Agreement.ACCEPTED else None
    is_offer = changes.get("agreement") == Dependency.Agreement.COUNTERED
    return link.successor if promised_on and (is_offer or promised_on > (agreed_on or date.min)) else None


def _broken_one(
    link: Dependency,
    asked: Milestone | None,
    due_on: date,
    expected_on: date,
    why: str,
    open_to: Collection[int],
    by: User,
) -> Broken:
    """A hand-off as the viewer may see it; ``asked`` is the end whose lead must agree."""
    is_seen = asked is not None and asked.program_id in open_to
    lead = asked.program.lead if asked and is_seen else None
    return Broken(
        link,
        link.predecessor if link.predecessor.program_id in open_to else None,
        link.successor if link.successor.program_id in open_to else None,
        due_on,
        expected_on,
        lead if lead and lead.pk != by.pk else None,
        asked is not None and not is_seen,
        why,
    )
