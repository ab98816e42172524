"""The live network as the arrays that the engine wants, and the dates that come back."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from engine import capacity, cpm
from engine.calendars import MINUTES_PER_DAY, CalendarTable, EngineError, HorizonError, WorkCalendar
from engine.network import NO_DAY, NO_WORK, CycleError, Links, Network, compile
from engine.simulation import Run, simulate
from forecasts.calendars import EPOCH, Calendars, day_number
from forecasts.estimates import Classes, Estimated, Estimates, Threat, estimate
from forecasts.rows import Forecast, Link, Obstacle, Task, columns_of, lead_days_of, target_of

# Raised whenever the same inputs may give other dates.
ENGINE_VERSION = "simulation-2"
# One seed for all: the same plan has the same numbers on any day, and a difference is the plan's, not that of the dice.
SEED = 20_260_101
SAMPLES = 10_000
P50, P80 = 9, 15  # columns of the levels P5, P10, … P95
# Of a batch no larger than this all milestones are summarised; of a larger one ends, hand-offs and targets.
SUMMARISE_ALL = 20_000

NO_ONE = -1

IntArray = NDArray[np.int64]
Doubles = NDArray[np.float64]


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
        rows = [columns_of(task, task.id in waits, calendars.by_id[calendars.of(task.team)], today) for task in tasks]
        table = np.array(rows, dtype=np.int64).reshape(len(rows), 5)
        names = ("duration", "started", "done", "remaining", "not_before")
        columns = {name: np.ascontiguousarray(table[:, at]) for at, name in enumerate(names)}
        columns["uid"] = np.array([task.id for task in tasks], dtype=np.int64)
        columns["calendar"] = np.array([index[calendars.of(task.team)] for task in tasks], dtype=np.int64)
        columns["target"] = np.array([day_number(target_of(task)) for task in tasks], dtype=np.int64)
        week = [calendars.by_id[pk] for pk in used]
        elapsed = _elapsed(columns, week, today)
        estimated = [
            Estimated(
                t.id, t.kind, t.team, t.program, t.work_low, t.work, t.work_high, lead_days,
                is_promised=lead_days is not None and t.promised_on is not None,
            )
            for t in tasks
            for lead_days in (lead_days_of(t, t.id in waits, today),)
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

    def compiled(self, chosen: IntArray, finish_by_day: IntArray | None = None) -> Network:
        """The engine's network of the chosen tasks (positions), held to the days by which they must be done."""
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
            finish_by_day=finish_by_day,
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
                target_of(task),
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
