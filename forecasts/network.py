"""Which programs hang together, what is read of them, and what cannot be computed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Case, Min, When

from forecasts.calendars import Calendars
from forecasts.estimates import Classes, Threat, load_threats
from forecasts.inputs import Inputs, groups
from forecasts.rows import Forecast, Link, Obstacle, Task, is_bare, planned_day, stands_alone
from milestones.models import Dependency, DependencyQuerySet, Milestone, MilestoneQuerySet
from programs.models import Program


@dataclass(frozen=True, slots=True)
class Rows:
    """Milestones, links and risks as they were read, before the engine is told of them."""

    parts: Sequence[tuple[int, ...]]
    tasks: Sequence[Task]
    links: Sequence[Link]
    threats: Sequence[Threat]

    def inputs(self, calendars: Calendars, classes: Classes, today: date) -> tuple[Inputs, dict[int, Obstacle]]:
        """What the engine is told; what cannot be computed is left out and told."""
        part_of = {program: index for index, part in enumerate(self.parts) for program in part}
        obstacles = find_obstacles(self.tasks, self.links)
        linked = {end for link in self.links for end in link[:2]}
        tasks = [task for task in self.tasks if task.id not in obstacles and (task.id in linked or stands_alone(task))]
        tasks.sort(key=lambda task: (part_of[task.program], task.id))
        links = [link for link in self.links if link.predecessor not in obstacles and link.successor not in obstacles]
        return Inputs.of(tasks, links, calendars, classes, self.threats, today).limited(calendars.limits), obstacles


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch of components computes to: forecasts, obstacles by milestone, and a digest per component."""

    forecasts: list[Forecast]
    obstacles: dict[int, Obstacle]
    digests: list[str]


def components(program_ids: Collection[int]) -> list[tuple[int, ...]]:
    """The connected parts of the cross-program network that hold these programs: ids in order, two queries.

    Programs that ask for the same team hang together where its capacity delays their work.
    """
    wanted = set(program_ids)
    pairs = _pairs(Dependency.objects.live()) | _sharing(Milestone.objects.of_open_programs())
    return [part for part in groups(wanted, pairs) if not wanted.isdisjoint(part)]


def _pairs(links: DependencyQuerySet) -> set[tuple[int, int]]:
    """Programs that give to each other: giver, receiver."""
    ends = ("predecessor__program_id", "successor__program_id")
    return set(links.hand_offs().values_list(*ends).distinct().order_by())


def _sharing(milestones: MilestoneQuerySet) -> set[tuple[int, int]]:
    """Programs that ask for a team whose capacity delays work, each with the first of them and the other way round."""
    asked = milestones.open().filter(team__limits_work=True, demand_days__gt=0)
    first: dict[int, int] = {}
    pairs: set[tuple[int, int]] = set()
    for team, program in asked.values_list("team_id", "program_id").distinct().order_by("team_id", "program_id"):
        if team is not None:
            one = first.setdefault(team, program)
            pairs |= {(one, program), (program, one)}
    return pairs


def receivers() -> dict[int, list[int]]:
    """The programs that wait for each program, or did before what they waited for was over; in two queries."""
    found: dict[int, list[int]] = defaultdict(list)
    for giver, receiver in _pairs(Dependency.objects.all()) | _sharing(Milestone.objects.all()):
        found[giver].append(receiver)
    return found


def givers() -> dict[int, list[int]]:
    """The programs that each program waits for, in two queries."""
    found: dict[int, list[int]] = defaultdict(list)
    for giver, receiver in _pairs(Dependency.objects.live()) | _sharing(Milestone.objects.of_open_programs()):
        found[receiver].append(giver)
    return found


def reach(start: Iterable[int], following: Mapping[int, Sequence[int]]) -> set[int]:
    """All that can be reached from some, these included.

    >>> sorted(reach([1], {1: [2], 2: [3], 4: [1]}))
    [1, 2, 3]
    """
    seen = set(start)
    front = list(seen)
    while front:
        front = [one for at in front for one in following.get(at, ()) if one not in seen]
        seen.update(front)
    return seen


def forecast(
    parts: Sequence[tuple[int, ...]],
    calendars: Calendars,
    classes: Classes,
    today: date,
    only: Collection[int] | None = None,
    meanwhile: Callable[[float], None] | None = None,
) -> Outcome:
    """Compute the network of these components (or ``only`` these milestones of it), all in one pass of the engine.

    Where the engine refuses, the refusal is narrowed down to the connected milestones it concerns. ``meanwhile`` is
    called on the way with the share that is simulated; what it raises ends the run.
    """
    inputs, obstacles = read(parts, calendars, classes, today, only)
    part_of = {program: index for index, part in enumerate(parts) for program in part}
    digests = inputs.digests([part_of[task.program] for task in inputs.tasks], len(parts))
    forecasts = inputs.compute(obstacles, meanwhile) if inputs.tasks else []
    return Outcome(forecasts, obstacles, digests)


def read(
    parts: Sequence[tuple[int, ...]],
    calendars: Calendars,
    classes: Classes,
    today: date,
    only: Collection[int] | None = None,
) -> tuple[Inputs, dict[int, Obstacle]]:
    """The network of these components as the engine is told of it, and what cannot be computed."""
    return read_rows(parts, only).inputs(calendars, classes, today)


def read_rows(parts: Sequence[tuple[int, ...]], only: Collection[int] | None = None) -> Rows:
    """Read the network of these components in four queries.

    ``only`` names milestones that are all there is, with all that they wait for among them.
    """
    programs = [program for part in parts for program in part]
    rows = (
        Milestone.objects.filter(program__in=programs, cancelled_on=None)
        .exclude(program__state=Program.State.CANCELLED)
        .order_by("pk")
    )
    pairs = (
        Dependency.objects.live()
        .filter(predecessor__program__in=programs, successor__program__in=programs)
        .order_by("pk")
    )
    if only is not None:
        rows, pairs = rows.filter(pk__in=only), pairs.filter(successor__in=only)
    columns = (
        "pk", "program_id", "team_id", "work_likely", "not_before_on", "target_on", "started_on", "remaining",
        "done_on", "is_end", "kind", "work_low", "work_high", "program__target_on", "asked_days",
    )  # fmt: skip
    promised = _promised(programs)
    # What is left over of a finished program asks nobody for anything.
    asked_days = Case(When(program__in=Program.objects.open().values("pk"), then="demand_days"))
    values: Iterable[Any] = rows.annotate(asked_days=asked_days).values_list(*columns)
    tasks = [Task._make((*row, promised.get(row[0]))) for row in values]
    links = [Link(*row) for row in pairs.values_list("predecessor_id", "successor_id", "kind", "lag")]
    return Rows(parts, tasks, links, load_threats(programs))


def read_upstream(
    program: int, calendars: Calendars, classes: Classes, today: date
) -> tuple[Inputs, dict[int, Obstacle]]:
    """Read the milestones of a program and all that they wait for; as ``read`` finds them in their whole component.

    Where capacity delays work, all milestones of the programs that it waits for: those ask for teams, too.
    """
    if calendars.limits:
        return read([tuple(sorted(reach([program], givers())))], calendars, classes, today)
    cone = waited_for([program])
    return read([tuple(sorted({program, *cone.values()}))], calendars, classes, today, cone.keys())


WAITED_FOR = """
    WITH RECURSIVE waited_for (id) AS (
        SELECT id FROM milestones_milestone WHERE program_id = ANY(%s)
        UNION
        SELECT d.predecessor_id FROM milestones_dependency d JOIN waited_for ON d.successor_id = waited_for.id
    )
    SELECT m.id, m.program_id FROM waited_for JOIN milestones_milestone m ON m.id = waited_for.id
"""


def waited_for(program_ids: Collection[int]) -> dict[int, int]:
    """The milestones of these programs and all that they wait for, each with its program."""
    with connection.cursor() as cursor:
        cursor.execute(WAITED_FOR, [list(program_ids)])
        return dict(cursor.fetchall())


def _promised(programs: Collection[int]) -> dict[int, date]:
    """The earliest day that each giving milestone is promised by, where both sides agreed to it."""
    agreed = Dependency.objects.live().hand_offs().filter(predecessor__program__in=programs, promised_on__isnull=False)
    agreed = agreed.filter(agreement=Dependency.Agreement.ACCEPTED)
    rows: Iterable[Any] = agreed.order_by().values_list("predecessor_id").annotate(first=Min("promised_on"))
    return dict(rows)


def find_obstacles(tasks: Sequence[Task], links: Sequence[Link]) -> dict[int, Obstacle]:
    """Milestones whose date nobody can know, each with the milestone to mend: those on which something waits although
    they have neither work nor a day, and whatever waits for those."""
    waiting: dict[int, list[int]] = defaultdict(list)
    for link in links:
        waiting[link.predecessor].append(link.successor)
    waits = {link.successor for link in links}
    done = {task.id for task in tasks if task.done_on}
    found: dict[int, Obstacle] = {}
    front = deque(
        task.id
        for task in tasks
        if is_bare(task) and not planned_day(task) and task.id not in waits and (task.id in waiting or task.started_on)
    )
    found.update((pk, Obstacle("unplanned", pk)) for pk in front)
    while front:
        at = front.popleft()
        for after in waiting[at]:
            if after not in found and after not in done:
                found[after] = found[at]
                front.append(after)
    return found
