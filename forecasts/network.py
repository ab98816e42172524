"""The live network as the engine wants it: which programs hang together, their arrays, and the dates that come back."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.db.models import Min, Q
from numpy.typing import NDArray

from engine import capacity, cpm
from engine.calendars import MINUTES_PER_DAY, CalendarTable, EngineError, HorizonError, WorkCalendar
from engine.network import NO_DAY, NO_WORK, CycleError, Links, Network, compile
from engine.simulation import Run, simulate
from forecasts.calendars import EPOCH, Calendars, day_number
from forecasts.estimates import Classes, Estimated, Estimates, Threat, estimate, load_threats
from milestones.models import Dependency, DependencyQuerySet, Milestone
from programs.models import Program

# Raised whenever the same inputs may give other dates.
ENGINE_VERSION = "simulation-2"
# One seed for all: the same plan has the same numbers on any day, and a difference is the plan's, not that of the dice.
SEED = 20_260_101
SAMPLES = 10_000
P50, P80 = 9, 15  # columns of the levels P5, P10, … P95
# Of a batch no larger than this all milestones are summarised; of a larger one ends, hand-offs and targets.
SUMMARISE_ALL = 20_000
# A planned day off work moves on to one that is worked, no further than this.
DAYS_OFF_AT_MOST = 366

NO_ONE = -1

IntArray = NDArray[np.int64]
Doubles = NDArray[np.float64]


class Task(NamedTuple):
    """A milestone's row, as read."""

    id: int
    program: int
    team: int | None
    work: int | None
    not_before_on: date | None
    target_on: date | None
    started_on: date | None
    remaining: int | None
    done_on: date | None
    is_end: bool
    kind: str
    work_low: int | None
    work_high: int | None
    program_target_on: date | None
    demand_days: Decimal | None
    promised_on: date | None


class Link(NamedTuple):
    predecessor: int
    successor: int
    kind: str
    lag: int


class Forecast(NamedTuple):
    """What a MilestoneForecast row says, in the order of its fields."""

    milestone: int
    program: int
    start_on: date
    finish_on: date
    total_float: int | None
    free_float: int | None
    on_longest_path: bool
    driven_by: int | None
    basis: str
    p50_on: date | None
    p80_on: date | None
    chance: float | None
    quantiles: list[date]
    target_on: date | None


class Obstacle(NamedTuple):
    """Why a milestone cannot be computed: a rule of health, the milestone to mend, and the length of a loop."""

    rule: str
    milestone: int
    size: int | None = None


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
    pairs = _pairs(live_links()) | _sharing()
    return [part for part in groups(wanted, pairs) if not wanted.isdisjoint(part)]


def _pairs(links: DependencyQuerySet) -> set[tuple[int, int]]:
    """Programs that give to each other: giver, receiver."""
    ends = ("predecessor__program_id", "successor__program_id")
    return set(links.hand_offs().values_list(*ends).distinct().order_by())


def _sharing() -> set[tuple[int, int]]:
    """Programs that ask for a team whose capacity delays work, each with the first of them and the other way round."""
    asked = Milestone.objects.open().filter(team__limits_work=True, demand_days__gt=0)
    asked = asked.exclude(program__state=Program.State.CANCELLED)
    first: dict[int, int] = {}
    pairs: set[tuple[int, int]] = set()
    for team, program in asked.values_list("team_id", "program_id").distinct().order_by("team_id", "program_id"):
        if team is not None:
            one = first.setdefault(team, program)
            pairs |= {(one, program), (program, one)}
    return pairs


def receivers() -> dict[int, list[int]]:
    """The programs that wait for each program, or did before what they waited for was cancelled; in two queries."""
    found: dict[int, list[int]] = defaultdict(list)
    for giver, receiver in _pairs(Dependency.objects.all()) | _sharing():
        found[giver].append(receiver)
    return found


def givers() -> dict[int, list[int]]:
    """The programs that each program waits for, in two queries."""
    found: dict[int, list[int]] = defaultdict(list)
    for giver, receiver in _pairs(live_links()) | _sharing():
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


def live_links() -> DependencyQuerySet:
    """Links between milestones that are neither cancelled themselves nor in a cancelled program."""
    gone = Q()
    for end in ("predecessor", "successor"):
        gone |= Q(**{f"{end}__cancelled_on__isnull": False}) | Q(**{f"{end}__program__state": Program.State.CANCELLED})
    return Dependency.objects.exclude(gone)


def groups(nodes: Iterable[int], pairs: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Nodes that pairs connect, each group sorted, groups by their first node.

    >>> groups([4, 1], [(2, 3), (3, 1)])
    [(1, 2, 3), (4,)]
    """
    parent = {node: node for node in nodes}

    def root(node: int) -> int:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for one, other in pairs:
        parent[root(one)] = root(other)
    members: dict[int, list[int]] = defaultdict(list)
    for node in parent:
        members[root(node)].append(node)
    return sorted(tuple(sorted(group)) for group in members.values())


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
    """Read the network of these components in four queries; what cannot be computed is left out and told.

    ``only`` names milestones that are all there is, with all that they wait for among them.
    """
    part_of = {program: index for index, part in enumerate(parts) for program in part}
    rows = (
        Milestone.objects.filter(program__in=part_of, cancelled_on=None)
        .exclude(program__state=Program.State.CANCELLED)
        .order_by("pk")
    )
    pairs = live_links().filter(predecessor__program__in=part_of, successor__program__in=part_of).order_by("pk")
    if only is not None:
        rows, pairs = rows.filter(pk__in=only), pairs.filter(successor__in=only)
    columns = (
        "pk", "program_id", "team_id", "work_likely", "not_before_on", "target_on", "started_on", "remaining",
        "done_on", "is_end", "kind", "work_low", "work_high", "program__target_on", "demand_days",
    )  # fmt: skip
    promised = _promised(part_of)
    values: Iterable[Any] = rows.values_list(*columns)
    tasks = [Task._make((*row, promised.get(row[0]))) for row in values]
    links = [Link(*row) for row in pairs.values_list("predecessor_id", "successor_id", "kind", "lag")]
    obstacles = find_obstacles(tasks, links)
    linked = {end for link in links for end in link[:2]}
    tasks = [task for task in tasks if task.id not in obstacles and (task.id in linked or _stands_alone(task))]
    tasks.sort(key=lambda task: (part_of[task.program], task.id))
    links = [link for link in links if link.predecessor not in obstacles and link.successor not in obstacles]
    inputs = Inputs.of(tasks, links, calendars, classes, load_threats(part_of), today)
    return inputs.limited(calendars.limits), obstacles


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
    agreed = live_links().hand_offs().filter(predecessor__program__in=programs, promised_on__isnull=False)
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
        if _is_bare(task) and not _planned_on(task) and task.id not in waits and (task.id in waiting or task.started_on)
    )
    found.update((pk, Obstacle("unplanned", pk)) for pk in front)
    while front:
        at = front.popleft()
        for after in waiting[at]:
            if after not in found and after not in done:
                found[after] = found[at]
                front.append(after)
    return found


def _target(task: Task) -> date | None:
    """The day that a forecast is held against: for a program's end, what the program promised to the outside."""
    return (task.program_target_on if task.is_end else None) or task.target_on


def _planned_on(task: Task) -> date | None:
    """The day of a task of which nothing else is known: what it is promised by, else its target."""
    return task.promised_on or task.target_on


def _is_bare(task: Task) -> bool:
    """Neither work nor a day says when it will be."""
    return task.done_on is None and task.work is None and task.remaining is None and task.not_before_on is None


def _stands_alone(task: Task) -> bool:
    return not _is_bare(task) or task.started_on is not None or _planned_on(task) is not None


@dataclass(frozen=True, slots=True)
class Inputs:
    """The engine's input arrays, in the order of the tasks; ``stretch`` is by how much capacity delays each of them."""

    tasks: Sequence[Task]
    today: date
    calendars: Sequence[WorkCalendar]
    columns: dict[str, IntArray]
    links: Links
    pred: IntArray
    succ: IntArray
    estimates: Estimates
    stretch: Doubles

    @classmethod
    def of(
        cls,
        tasks: Sequence[Task],
        links: Sequence[Link],
        calendars: Calendars,
        classes: Classes,
        threats: Sequence[Threat],
        today: date,
    ) -> Inputs:
        used = sorted({calendars.of(task.team) for task in tasks})
        index = {pk: position for position, pk in enumerate(used)}
        position = {task.id: at for at, task in enumerate(tasks)}
        waits = {link.successor for link in links}
        rows = [_columns(task, task.id in waits, calendars.by_id[calendars.of(task.team)], today) for task in tasks]
        table = np.array(rows, dtype=np.int64).reshape(len(rows), 5)
        names = ("duration", "started", "done", "remaining", "not_before")
        columns = {name: np.ascontiguousarray(table[:, at]) for at, name in enumerate(names)}
        columns["uid"] = np.array([task.id for task in tasks], dtype=np.int64)
        columns["calendar"] = np.array([index[calendars.of(task.team)] for task in tasks], dtype=np.int64)
        columns["target"] = np.array([day_number(_target(task)) for task in tasks], dtype=np.int64)
        week = [calendars.by_id[pk] for pk in used]
        elapsed = _elapsed(columns, week, today)
        estimated = [
            Estimated(
                t.id, t.kind, t.team, t.program, t.work_low, t.work, t.work_high, lead_days,
                is_promised=lead_days is not None and t.promised_on is not None,
            )
            for t in tasks
            for lead_days in (_lead_days(t, t.id in waits, today),)
        ]  # fmt: skip
        a_day = [calendar.minutes_per_week / 7 for calendar in week]
        found = [
            estimate(one, duration, begun != NO_DAY, done != NO_DAY, remaining, spent, a_day[calendar])
            for one, (duration, begun, done, remaining, _), spent, calendar in zip(
                estimated, rows, elapsed, columns["calendar"].tolist(), strict=True
            )
        ]
        return cls(
            tasks=tasks,
            today=today,
            calendars=week,
            columns=columns,
            links=Links.of(links),
            pred=np.array([position[link.predecessor] for link in links], dtype=np.int64),
            succ=np.array([position[link.successor] for link in links], dtype=np.int64),
            estimates=Estimates.of(estimated, columns["uid"], found, classes, threats),
            stretch=np.ones(len(tasks)),
        )

    def limited(self, limits: Mapping[int, float]) -> Inputs:
        """The same inputs with work stretched where its team is asked for more than it can do (engine.capacity).

        Weeks are those of the plan without uncertainty and without this delay. What people name by its day alone has no
        work to stretch, but asks for people all the same.
        """
        asking = [at for at, t in enumerate(self.tasks) if t.team in limits and t.demand_days and not t.done_on]
        start, finish = self._planned(asking) if asking else ({}, {})
        asking = [at for at in asking if at in start]
        if not asking:
            return self
        teams = sorted({self.tasks[at].team or 0 for at in asking})
        place = {team: at for at, team in enumerate(teams)}
        of_team = {self.tasks[at].team: int(self.columns["calendar"][at]) for at in asking}
        factor = capacity.stretch(
            capacity.Teams.of(self.calendars, [of_team[team] for team in teams], [limits[team] for team in teams]),
            capacity.Demand.of(
                [place[self.tasks[at].team or 0] for at in asking],
                [float(self.tasks[at].demand_days or 0) for at in asking],
                [start[at] for at in asking],
                [finish[at] for at in asking],
            ),
            day_number(self.today),
        )
        stretch = np.ones(len(self.tasks))
        for at, by in zip(asking, factor.tolist(), strict=True):
            if self.tasks[at].work is not None or self.tasks[at].remaining is not None:
                stretch[at] = by
        elapsed = np.array(_elapsed(self.columns, self.calendars, self.today))
        return replace(
            self,
            columns=self.columns | _stretched(self.columns, elapsed, stretch),
            estimates=self.estimates.stretched(stretch),
            stretch=stretch,
        )

    def _planned(self, wanted: Iterable[int]) -> tuple[dict[int, int], dict[int, int]]:
        """First and last days of tasks, by position, of the connected parts that hold the wanted ones."""
        asked = set(wanted)
        start: dict[int, int] = {}
        finish: dict[int, int] = {}
        for chosen, dates in self._scheduled([part for part in self._parts() if not asked.isdisjoint(part.tolist())]):
            start.update(zip(chosen.tolist(), dates.early_start_day.tolist(), strict=True))
            finish.update(zip(chosen.tolist(), dates.early_finish_day.tolist(), strict=True))
        return start, finish

    def _scheduled(self, parts: Sequence[IntArray]) -> Iterator[tuple[IntArray, cpm.Dates]]:
        """Dates of parts, but of those that the engine refuses: ``compute`` says why."""
        chosen = np.sort(np.concatenate(parts))
        try:
            dates = cpm.schedule(self.compiled(chosen))
        except EngineError:
            if len(parts) > 1:
                half = len(parts) // 2
                yield from self._scheduled(parts[:half])
                yield from self._scheduled(parts[half:])
        else:
            yield chosen, dates

    def digests(self, part_of_task: Sequence[int], parts: int) -> list[str]:
        """A digest of each component's arrays: tasks lie together by component, and links are taken by their task."""
        edges = np.searchsorted(part_of_task, np.arange(parts + 1))
        part_of_link = np.asarray(part_of_task, dtype=np.int64)[self.succ] if self.succ.size else self.succ
        by_part = np.argsort(part_of_link, kind="stable")
        link_edges = np.searchsorted(part_of_link[by_part], np.arange(parts + 1))
        week = [repr((c.week, sorted(c.holidays))).encode() for c in self.calendars]
        law = self.estimates.uncertainty
        sd = np.append(law.driver_sd, 0.0)[law.drivers]
        uncertain = (self.estimates.shape_digest, law.shift_min, law.scale_min, law.elapsed_min, sd)
        threats: dict[int, list[Threat]] = defaultdict(list)
        part_of_uid = dict(zip(self.columns["uid"].tolist(), part_of_task, strict=True))
        for threat in self.estimates.threats:
            if threat.milestone in part_of_uid:
                threats[part_of_uid[threat.milestone]].append(threat)
        digests = []
        for part in range(parts):
            mine = slice(edges[part], edges[part + 1])
            used, calendar = np.unique(self.columns["calendar"][mine], return_inverse=True)
            hashed = hashlib.sha256(f"{ENGINE_VERSION} {self.today} {SEED} {SAMPLES} {threats[part]}".encode())
            for index in used.tolist():
                hashed.update(week[index])
            hashed.update(calendar.tobytes())
            for name in sorted(self.columns.keys() - {"calendar"}):
                hashed.update(self.columns[name][mine].tobytes())
            for column in uncertain:
                hashed.update(column[mine].tobytes())
            inside = by_part[link_edges[part] : link_edges[part + 1]]
            for column in (self.links.pred_uid, self.links.succ_uid, self.links.type, self.links.lag_min):
                hashed.update(column[inside].tobytes())
            digests.append(hashed.hexdigest())
        return digests

    def compute(
        self, obstacles: dict[int, Obstacle], meanwhile: Callable[[float], None] | None = None
    ) -> list[Forecast]:
        """Forecasts of all tasks but those of connected parts that the engine refuses; these go to ``obstacles``."""
        return [row for batch in self._computed(self._parts(), obstacles, meanwhile) for row in batch]

    def _parts(self) -> list[IntArray]:
        """Positions of the tasks of each connected part of the network."""
        pairs = zip(self.pred.tolist(), self.succ.tolist(), strict=True)
        return [np.array(part, dtype=np.int64) for part in groups(range(len(self.tasks)), pairs)]

    def _computed(
        self, parts: Sequence[IntArray], obstacles: dict[int, Obstacle], meanwhile: Callable[[float], None] | None
    ) -> Iterator[list[Forecast]]:
        chosen = np.sort(np.concatenate(parts))
        try:
            rows = self._schedule(chosen, meanwhile)
        except EngineError as refusal:
            if len(parts) == 1:
                obstacle = _obstacle(refusal, int(self.columns["uid"][chosen[0]]))
                obstacles.update((int(uid), obstacle) for uid in self.columns["uid"][chosen])
            else:
                half = len(parts) // 2
                yield from self._computed(parts[:half], obstacles, meanwhile)
                yield from self._computed(parts[half:], obstacles, meanwhile)
        else:
            yield rows

    def upstream(self, milestone: int) -> IntArray:
        """Positions of the tasks that lead to a milestone, itself included."""
        before: dict[int, list[int]] = defaultdict(list)
        for pred, succ in zip(self.pred.tolist(), self.succ.tolist(), strict=True):
            before[succ].append(pred)
        front = [at for at, task in enumerate(self.tasks) if task.id == milestone]
        seen = set(front)
        while front:
            front = [one for at in front for one in before[at] if one not in seen]
            seen.update(front)
        return np.array(sorted(seen), dtype=np.int64)

    def compiled(self, chosen: IntArray) -> Network:
        """The engine's network of the chosen tasks (positions)."""
        column = {name: values[chosen] for name, values in self.columns.items()}
        inside = np.isin(self.succ, chosen)
        links = Links(
            self.links.pred_uid[inside],
            self.links.succ_uid[inside],
            self.links.type[inside],
            self.links.lag_min[inside],
        )
        return compile(
            column["uid"],
            column["duration"],
            self.calendars,
            column["calendar"],
            links,
            status_day=day_number(self.today),
            actual_start_day=column["started"],
            actual_finish_day=column["done"],
            remaining_min=column["remaining"],
            not_before_day=column["not_before"],
        )

    def simulated(
        self,
        network: Network,
        chosen: IntArray,
        watch: IntArray | None = None,
        *,
        keep: bool = False,
        meanwhile: Callable[[float], None] | None = None,
    ) -> Run:
        """The simulation of the chosen tasks, by the seed and samples that all share."""
        return simulate(
            network,
            self.estimates.taken(chosen, network.uid),
            seed=SEED,
            samples=SAMPLES,
            watch=watch,
            target_day=self.columns["target"][chosen],
            keep=keep,
            meanwhile=meanwhile,
        )

    def _watched(self, chosen: IntArray) -> IntArray:
        """Positions among the chosen whose quantiles are kept: all, or ends, hand-offs and targets of very many."""
        if chosen.size <= SUMMARISE_ALL:
            return np.arange(chosen.size)
        program = np.array([task.program for task in self.tasks], dtype=np.int64)
        across = program[self.pred] != program[self.succ]
        wanted = self.columns["target"] != NO_DAY
        wanted[self.pred[across]] = wanted[self.succ[across]] = True
        wanted |= np.array([task.is_end for task in self.tasks], dtype=bool)
        return np.flatnonzero(wanted[chosen])

    def _schedule(self, chosen: IntArray, meanwhile: Callable[[float], None] | None) -> list[Forecast]:
        network = self.compiled(chosen)
        dates = cpm.schedule(network)
        run = self.simulated(network, chosen, self._watched(chosen), meanwhile=meanwhile)
        spread = _Spread.of(run)
        tasks = [self.tasks[position] for position in chosen.tolist()]
        ends = np.array([at for at, task in enumerate(tasks) if task.is_end and task.done_on is None], dtype=np.int64)
        total = cpm.float_to(dates, *(tasks[end].id for end in ends.tolist()))
        longest = _longest_paths(dates, ends, tasks)
        drivers = _drivers(dates)
        has_float = (total != cpm.NO_FLOAT) & ~network.done
        free = np.minimum(dates.free_float_min, total)
        start, finish = dates.early_start_day, dates.early_finish_day
        return [
            Forecast(
                task.id,
                task.program,
                EPOCH + timedelta(days=int(start[at])),
                EPOCH + timedelta(days=int(finish[at])),
                int(total[at]) if has_float[at] else None,
                int(free[at]) if has_float[at] else None,
                bool(longest[at]),
                None if drivers[at] == NO_ONE else tasks[int(drivers[at])].id,
                self.estimates.basis[position].value,
                *spread.of_task(at),
                _target(task),
            )
            for at, (task, position) in enumerate(zip(tasks, chosen.tolist(), strict=True))
        ]


@dataclass(frozen=True, slots=True)
class _Spread:
    """Quantiles as dates, and chances, by position in the network."""

    row: dict[int, int]
    days: list[list[date]]
    chance: list[float]

    @classmethod
    def of(cls, run: Run) -> _Spread:
        rows = {at: row for row, at in enumerate(run.watched.tolist())}
        return cls(rows, run.quantile_day.astype("datetime64[D]").tolist(), run.chance.tolist())

    def of_task(self, at: int) -> tuple[date | None, date | None, float | None, list[date]]:
        """P50, P80, the chance of target, and all quantiles."""
        row = self.row.get(at)
        if row is None:
            return None, None, None, []
        days, chance = self.days[row], self.chance[row]
        return days[P50], days[P80], None if math.isnan(chance) else chance, days


def _elapsed(columns: dict[str, IntArray], calendars: Sequence[WorkCalendar], today: date) -> list[float]:
    """Working minutes from each task's start to the status day."""
    begun = columns["started"] != NO_DAY
    if not begun.any():
        return [0.0] * begun.size
    table, calendar = CalendarTable.of(calendars), columns["calendar"]
    now = table.worked(calendar, day_number(today) * MINUTES_PER_DAY)
    then = table.worked(calendar, np.where(begun, columns["started"], 0) * MINUTES_PER_DAY)
    spent: list[float] = np.where(begun, np.maximum(now - then, 0), 0).astype(float).tolist()
    return spent


def _stretched(columns: Mapping[str, IntArray], elapsed: Doubles, stretch: Doubles) -> dict[str, IntArray]:
    """Durations and remaining work with what is not spent yet stretched."""
    duration, remaining = columns["duration"], columns["remaining"]
    left = np.maximum(duration - elapsed, 0.0)
    return {
        "duration": np.rint(duration + left * (stretch - 1)).astype(np.int64),
        "remaining": np.where(remaining == NO_WORK, NO_WORK, np.rint(remaining * stretch).astype(np.int64)),
    }


def _columns(task: Task, waits: bool, calendar: WorkCalendar, today: date) -> tuple[int, int, int, int, int]:
    """Duration, actual start, actual finish, remaining work, first day.

    Who gives neither work nor a day but a promise or a target is taken at their word, one day of work on that day (or
    on the last before it that is worked); a start that lies ahead is a day not to start before.
    """
    started_on, not_before_on = task.started_on, task.not_before_on
    if started_on and started_on > today and task.done_on is None:
        not_before_on, started_on = max(not_before_on or started_on, started_on), None
    duration, remaining = task.work or 0, task.remaining
    planned_on = _planned_on(task)
    if _is_bare(task) and not waits and planned_on:
        not_before_on = _working_day(calendar, planned_on, today)
        duration = _minutes(calendar, not_before_on)
        remaining = duration if started_on else None
    return (
        duration,
        day_number(started_on),
        day_number(task.done_on),
        NO_WORK if remaining is None or started_on is None else remaining,
        day_number(not_before_on),
    )


def _lead_days(task: Task, waits: bool, today: date) -> int | None:
    """Days until the day of a task of which nothing else is known; None for others."""
    planned_on = _planned_on(task)
    if not _is_bare(task) or waits or not planned_on:
        return None
    return max((planned_on - today).days, 0)


def _working_day(calendar: WorkCalendar, on: date, today: date) -> date:
    """The last day up to one, and from today on, that is worked; where there is none, the first after."""
    first = max(on, today)
    for back in range((first - today).days + 1):
        if _minutes(calendar, first - timedelta(days=back)):
            return first - timedelta(days=back)
    return next((day for day in _following(first) if _minutes(calendar, day)), first)


def _following(on: date) -> Iterator[date]:
    """The days after one, for a year: no holidays are longer."""
    last = min(DAYS_OFF_AT_MOST, (date.max - on).days)
    return (on + timedelta(days=ahead) for ahead in range(1, last + 1))


def _minutes(calendar: WorkCalendar, on: date) -> int:
    """Working minutes of one day."""
    return (
        0 if day_number(on) in calendar.holidays else sum(stop - start for start, stop in calendar.week[on.weekday()])
    )


def _longest_paths(dates: cpm.Dates, ends: IntArray, tasks: Sequence[Task]) -> NDArray[np.bool_]:
    """Tasks that hold the end of their own program where it is."""
    network = dates.network
    driving = np.flatnonzero(dates.driving)
    before: dict[int, list[int]] = defaultdict(list)
    for pred, succ in zip(network.link_pred[driving].tolist(), network.link_succ[driving].tolist(), strict=True):
        before[succ].append(pred)
    found = np.zeros(len(tasks), dtype=bool)
    for end in ends.tolist():
        front, seen = [end], {end}
        while front:
            fresh = {pred for at in front for pred in before.get(at, ())} - seen
            seen |= fresh
            front = list(fresh)
        found[[at for at in seen if tasks[at].program == tasks[end].program]] = True
    return found


def _drivers(dates: cpm.Dates) -> IntArray:
    """Of the links that hold a task where it is, the predecessor that ends last, then that of the lowest id."""
    network = dates.network
    driving = np.flatnonzero(dates.driving & ~network.done[network.link_succ])
    pred, succ = network.link_pred[driving], network.link_succ[driving]
    order = np.lexsort((network.uid[pred], -dates.early_finish[pred], succ))
    found = np.full(network.uid.size, NO_ONE)
    first, where = np.unique(succ[order], return_index=True)
    found[first] = pred[order][where]
    return found


def _obstacle(refusal: EngineError, fallback: int) -> Obstacle:
    if isinstance(refusal, CycleError):
        return Obstacle("loop", refusal.uids[0], len(refusal.uids))
    if isinstance(refusal, HorizonError) and refusal.uids:
        return Obstacle("horizon", refusal.uids[0])
    return Obstacle("refused", fallback)
