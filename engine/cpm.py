"""The critical path method over a compiled network: early and late dates, floats, and what drives what.

Early marks are the least that floors and links allow, late marks the largest that finish and targets allow; both are
found level by level, since inside a level nothing waits for anything (Kelley and Walker 1959; float definitions of the
Precedence Diagramming Method as in PMI's Practice Standard for Scheduling). Progress follows *retained logic*: what is
left of started work waits for its predecessors and for the status date.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.calendars import FIRST_DAY, LAST_DAY, MINUTES_PER_DAY, HorizonError
from engine.network import (
    NO_DAY,
    BoolArray,
    IntArray,
    LinkType,
    Network,
    UnknownTask,
    allowance,
    components,
    finish_mark,
    fixed_requirement,
    latest_start,
    requirement,
)

NO_FLOAT = int(np.iinfo(np.int64).max)
UNBOUNDED = NO_FLOAT // 2  # a late mark that nothing bounds

Ends = Literal["network", "component"]
Anchor = Literal["actual", "status date", "start date", "not before"]


@dataclass(frozen=True)
class Dates:
    """Dates and floats of a network; arrays of length n follow its tasks, of length m its links.

    `early`, `late` int64[n] start marks of the work that is left (see `engine.calendars`); `total_float_min` working
    minutes in the task's own calendar that it may slip before the end or a target moves, negative when a target is
    already missed; `free_float_min` the same before any successor (or the end) moves, never below 0; `link_float_min`
    int64[m] working minutes of the successor's calendar by which a link does not bind, NO_FLOAT where it leads to
    finished work; `driving` bool[m] the links that hold their successor where it is. Finished tasks keep their actual
    dates and have float 0. `*_start` and `*_finish` are instants (minutes since 1970-01-01 00:00), `*_day` days since
    then; a finish is the last working instant, and lies on the day it ends.
    """

    network: Network = field(repr=False)
    early: IntArray
    late: IntArray
    total_float_min: IntArray
    free_float_min: IntArray
    link_float_min: IntArray
    driving: BoolArray

    @cached_property
    def early_start(self) -> IntArray:
        """Instants at which work starts or, for started work, has started."""
        network = self.network
        begun = np.where(network.started, network.start, self.early)
        return network.calendars.instant(network.calendar, begun)

    @cached_property
    def early_finish(self) -> IntArray:
        """Instants at which work finishes."""
        return self.network.calendars.instant(self.network.calendar, self._finish(self.early))

    @cached_property
    def late_start(self) -> IntArray:
        """Last instants at which the work that is left may start."""
        return self.network.calendars.instant(self.network.calendar, self._shown_late)

    @cached_property
    def late_finish(self) -> IntArray:
        """Last instants at which work may finish."""
        return self.network.calendars.instant(self.network.calendar, self._finish(self._shown_late))

    @cached_property
    def early_start_day(self) -> IntArray:
        """Days on which work starts; the actual day where it has."""
        begun = self.network.actual_start_day
        return np.where(begun == NO_DAY, _day(self.early_start, self.early), begun)

    @cached_property
    def early_finish_day(self) -> IntArray:
        """Days on which work finishes; the actual day where it has."""
        ended = self.network.actual_finish_day
        return np.where(ended == NO_DAY, _day(self.early_finish, self._finish(self.early)), ended)

    @property
    def critical(self) -> BoolArray:
        """Unfinished tasks without float."""
        return ~self.network.done & (self.total_float_min <= 0)

    @property
    def _shown_late(self) -> IntArray:
        """Late marks, but a milestone that may wait until a pause ends is shown where it begins, if not early after."""
        at_morning = (self.network.work_min == 0) & (self.late & 1 == 1) & (self.early < self.late)
        return np.asarray(self.late - at_morning)

    def _finish(self, start: IntArray) -> IntArray:
        network = self.network
        return np.where(network.done, network.finish, finish_mark(network.work_min, start))


@dataclass(frozen=True, slots=True)
class DrivingPath:
    """The chain that holds a task where it is: `tasks[0]` held by `anchor`, each next one by the link before it.

    `tasks` int64[k] positions in the network's tasks, `links` int64[k - 1] positions in its links; `anchor` says what
    holds the first task: its "actual" dates, the "status date" or "start date", or its own "not before" day.
    """

    tasks: IntArray
    links: IntArray
    anchor: Anchor


def schedule(network: Network, *, finish_by_day: int | None = None, ends: Ends = "network") -> Dates:
    """Early and late dates, floats and driving links.

    The end is the latest early finish of the whole network, or of each connected component by itself
    (`ends="component"`), or the end of `finish_by_day` for all. Work is exact in integers; the result does not depend
    on the order of tasks and links. Raises HorizonError where work would reach outside 1970-2099.

    >>> from engine.calendars import WorkCalendar, day_of
    >>> from engine.network import Links, compile
    >>> office = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0))
    >>> links = Links.of([(1, 2, "FS", 0), (1, 3, "FS", 480)])
    >>> network = compile([1, 2, 3], [5 * 480, 480, 0], [office], [0, 0, 0], links, status_day=day_of("2026-01-05"))
    >>> dates = schedule(network)
    >>> dates.early_finish_day.astype("datetime64[D]").astype(str).tolist()
    ['2026-01-09', '2026-01-12', '2026-01-12']
    >>> dates.total_float_min.tolist()
    [0, 0, 0]
    """
    early, late, bound = _passes(network, finish_by_day, ends)
    floats, driving = _bindings(network, early)
    live = network.plan.link
    pred, succ = network.link_pred[live], network.link_succ[live]
    room = np.where(network.done, early, np.maximum(latest_start(network.work_min, bound), early))
    np.minimum.at(room, pred, allowance(network, live, _latest_same(network, early)[succ]))
    return Dates(
        network=network,
        early=early,
        late=late,
        total_float_min=(late >> 1) - (early >> 1),
        free_float_min=(room >> 1) - (early >> 1),
        link_float_min=floats,
        driving=driving,
    )


def passes(network: Network, *, finish_by_day: int | None = None, ends: Ends = "network") -> tuple[IntArray, IntArray]:
    """Early and late start marks int64[n] alone, as in `schedule` and as fast as can be; raises HorizonError.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> early, late = passes(compile([1, 2], [60, 90], [ALL_HOURS], [0, 0], Links.of([]), status_day=0))
    >>> early.tolist(), late.tolist()
    ([1, 1], [61, 1])
    """
    return _passes(network, finish_by_day, ends)[:2]


def _passes(network: Network, finish_by_day: int | None, ends: Ends) -> tuple[IntArray, IntArray, IntArray]:
    plan, work = network.plan, network.work_min
    early = np.where(network.done, network.start, network.floor)
    early[plan.order] = early_marks(network)
    bound = _end_marks(network, np.where(network.done, network.finish, finish_mark(work, early)), finish_by_day, ends)
    ceiling = np.minimum(network.ceiling, latest_start(work, bound))
    late = np.where(network.done, early, ceiling)
    late[plan.order] = late_marks(network, ceiling[plan.order])
    _within_horizon(network, late < 0)
    return early, late, bound


def _end_marks(network: Network, reach: IntArray, finish_by_day: int | None, ends: Ends) -> IntArray:
    """Per task, the mark in its own calendar at which everything is to be done."""
    table, calendar = network.calendars, network.calendar
    _within_horizon(network, (reach >> 1) > table.before[calendar, -1])
    every_calendar = np.arange(len(table.calendars))
    if finish_by_day is not None:
        if not FIRST_DAY <= finish_by_day < LAST_DAY:
            raise HorizonError(f"The end must lie between 1970 and 2099, not on day {finish_by_day}.")
        return (2 * table.worked(every_calendar, (finish_by_day + 1) * MINUTES_PER_DAY))[calendar]
    if ends == "component":
        group = components(network.uid.size, network.link_pred, network.link_succ)
        last = np.full(network.uid.size, -1)
        np.maximum.at(last, group, table.instant(calendar, reach))
        return table.mark_until(calendar, last[group])
    furthest = np.array([reach.max(initial=0, where=calendar == one) for one in every_calendar], dtype=np.int64)
    return table.mark_until(every_calendar, table.instant(every_calendar, furthest).max())[calendar]


def early_marks(network: Network) -> IntArray:
    """Forward pass: least start marks int64[u] in the plan's order.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> early_marks(compile([1, 2], [60, 60], [ALL_HOURS], [0, 0], Links.of([(1, 2, "FS", 0)]), status_day=0)).tolist()
    [1, 121]
    """
    plan, weight = network.plan, network.weight
    works = (network.work_min[plan.order] > 0).astype(weight.dtype)
    marks: NDArray[Any] = network.floor[plan.order].astype(weight.dtype) | works
    curved_ptr = np.searchsorted(network.curved, plan.in_ptr).tolist()
    levels, edges = plan.level_ptr.tolist(), plan.in_ptr.tolist()
    for level in range(1, len(levels) - 1):
        a, b, first, last = levels[level], levels[level + 1], edges[level], edges[level + 1]
        reached = marks.take(plan.pred[first:last])
        np.add(reached, weight[first:last], out=reached)
        if curved_ptr[level] < curved_ptr[level + 1]:
            curved = network.curved[curved_ptr[level] : curved_ptr[level + 1]]
            before = marks[plan.pred[curved]].astype(np.int64)
            reached[curved - first] = requirement(network, plan.link[curved], before)
        least = np.maximum.reduceat(reached, plan.in_at[a:b])
        np.maximum(least, marks[a:b], out=least)
        np.bitwise_or(least, works[a:b], out=marks[a:b])
    return np.asarray(marks, dtype=np.int64)


def late_marks(network: Network, ceiling: IntArray) -> IntArray:
    """Backward pass: largest start marks int64[u] in the plan's order, none above its `ceiling` (or UNBOUNDED).

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> network = compile([1, 2], [60, 60], [ALL_HOURS], [0, 0], Links.of([(1, 2, "FS", 0)]), status_day=0)
    >>> late_marks(network, np.array([999, 201])).tolist()
    [81, 201]
    """
    plan, weight = network.plan, network.out_weight
    works = (network.work_min[plan.order] > 0).astype(weight.dtype)
    never = 1 << (30 if weight.itemsize == 4 else 60)
    marks: NDArray[Any] = (np.minimum(ceiling, never).astype(weight.dtype) - works) | works
    curved_out = np.zeros(0, dtype=np.int64)
    if network.curved.size:
        is_curved = np.zeros(plan.link.size, dtype=bool)
        is_curved[network.curved] = True
        curved_out = np.flatnonzero(is_curved[plan.out])
    curved_ptr = np.searchsorted(curved_out, plan.out_ptr).tolist()
    levels, busy, edges = plan.level_ptr.tolist(), plan.busy_ptr.tolist(), plan.out_ptr.tolist()
    for level in range(len(busy) - 1, -1, -1):
        a, b, first, last = levels[level], busy[level], edges[level], edges[level + 1]
        if a == b:
            continue
        allowed = marks.take(plan.out_succ[first:last])
        np.subtract(allowed, weight[first:last], out=allowed)
        if curved_ptr[level] < curved_ptr[level + 1]:
            curved = curved_out[curved_ptr[level] : curved_ptr[level + 1]]
            after = marks[plan.out_succ[curved]].astype(np.int64)
            bounds = allowance(network, plan.link[plan.out[curved]], after)
            allowed[curved - first] = np.where(after > never // 2, never, bounds)
        most = np.minimum.reduceat(allowed, plan.out_at[a:b])
        np.minimum(most, marks[a:b], out=most)
        np.subtract(most, works[a:b], out=most)
        np.bitwise_or(most, works[a:b], out=marks[a:b])
    return np.where(marks > never // 2, np.int64(UNBOUNDED), marks.astype(np.int64))


def float_to(dates: Dates, *uids: int) -> IntArray:
    """Working minutes int64[n] that each task may slip before one of the given tasks moves.

    NO_FLOAT where it leads to none of them; raises UnknownTask.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> links = Links.of([(1, 3, "FS", 0), (2, 3, "FS", 0)])
    >>> network = compile([1, 2, 3, 4], [60, 90, 0, 0], [ALL_HOURS], [0] * 4, links, status_day=0)
    >>> float_to(schedule(network), 3)[:3].tolist()
    [30, 0, 0]
    """
    network, plan = dates.network, dates.network.plan
    targets = np.flatnonzero(np.isin(network.uid, uids))
    if targets.size < len(set(uids)):
        raise UnknownTask(f"The network has no task {min(set(uids) - set(network.uid.tolist()))}.")
    late = np.full(network.uid.size, UNBOUNDED)
    late[targets] = _latest_same(network, dates.early)[targets]
    late[plan.order] = late_marks(network, late[plan.order])
    return np.where(late == UNBOUNDED, NO_FLOAT, (late >> 1) - (dates.early >> 1))


def longest_path(dates: Dates, uid: int) -> BoolArray:
    """All tasks bool[n] on a chain of driving links that ends at a task, itself included; raises UnknownTask.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> links = Links.of([(1, 3, "FS", 0), (2, 3, "FS", 0)])
    >>> longest_path(schedule(compile([1, 2, 3], [60, 90, 0], [ALL_HOURS], [0] * 3, links, status_day=0)), 3).tolist()
    [False, True, True]
    """
    return _upstream(dates.network, dates.network.index(uid), dates.driving)


def driving_path(dates: Dates, uid: int) -> DrivingPath:
    """The one chain that answers "what drives this?".

    Of several driving links it takes the one whose predecessor ends last, then that of the lowest uid. Raises
    UnknownTask.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> links = Links.of([(1, 3, "FS", 0), (2, 3, "FS", 0)])
    >>> path = driving_path(schedule(compile([1, 2, 3], [60, 90, 0], [ALL_HOURS], [0] * 3, links, status_day=0)), 3)
    >>> path.tasks.tolist(), path.links.tolist(), path.anchor
    ([1, 2], [1], 'status date')
    """
    network = dates.network
    task = network.index(uid)
    tasks, links = [task], []
    driving = np.flatnonzero(dates.driving)
    pred = network.link_pred[driving]
    key = (network.link_lag_min[driving], network.link_type[driving], network.uid[pred], -dates.early_finish[pred])
    driving = driving[np.lexsort((*key, network.link_succ[driving]))]
    succ = network.link_succ[driving]
    while not network.done[task]:
        first, last = np.searchsorted(succ, task), np.searchsorted(succ, task, side="right")
        if first == last:
            break
        links.append(int(driving[first]))
        task = int(network.link_pred[driving[first]])
        tasks.append(task)
    return DrivingPath(np.array(tasks[::-1]), np.array(links[::-1], dtype=np.int64), _anchor(dates, task))


def out_of_sequence(network: Network) -> IntArray:
    """Links int64[k] that progress has broken: the successor started (or finished) before the link allowed it.

    Compared by day, without lags: work that began on the day its predecessor ended is in sequence.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> links = Links.of([(1, 2, "FS", 0)])
    >>> network = compile([1, 2], [60, 60], [ALL_HOURS], [0, 0], links, status_day=9, actual_start_day=[NO_DAY, 8])
    >>> out_of_sequence(network).tolist()
    [0]
    """
    begun, ended, pred, succ = network.actual_start_day, network.actual_finish_day, network.link_pred, network.link_succ
    return np.flatnonzero(breaks(network.link_type, begun[pred], ended[pred], begun[succ], ended[succ]))


def breaks(kind: IntArray, pred_start: IntArray, pred_finish: IntArray, start: IntArray, finish: IntArray) -> BoolArray:
    """Whether progress breaks links bool[k], from their types and the actual days of both ends, NO_DAY where none.

    >>> day = np.array([8])
    >>> breaks(np.array([LinkType.FS]), day, day + 1, day, np.array([NO_DAY])).tolist()
    [True]
    """
    came = np.where(kind >= LinkType.FF, finish, start)
    allowed = np.where((kind == LinkType.SS) | (kind == LinkType.SF), pred_start, pred_finish)
    return np.asarray((came != NO_DAY) & ((allowed == NO_DAY) | (allowed > came)))


def _day(instant: IntArray, mark: IntArray) -> IntArray:
    return np.asarray((instant - ((mark & 1) == 0)) // MINUTES_PER_DAY)


def _anchor(dates: Dates, task: int) -> Anchor:
    network = dates.network
    if network.done[task]:
        return "actual"
    if network.own_floor[task] > network.status_floor[task]:
        return "not before"
    return "start date" if network.status_day is None else "status date"


def _bindings(network: Network, early: IntArray) -> tuple[IntArray, BoolArray]:
    """Float of each link, and whether it reaches the very mark of its successor."""
    floats, driving = np.full(network.link_pred.size, NO_FLOAT), np.zeros(network.link_pred.size, dtype=bool)
    live, fixed = np.flatnonzero(network.live), np.flatnonzero(network.fixed)
    reached = requirement(network, live, early[network.link_pred[live]]), fixed_requirement(network, fixed)
    for links, marks in zip((live, fixed), reached, strict=True):
        succ = network.link_succ[links]
        floats[links] = (early[succ] >> 1) - (marks >> 1)
        driving[links] = marks | (network.work_min[succ] > 0) == early[succ]
    return floats, driving


def _latest_same(network: Network, early: IntArray) -> IntArray:
    """The largest marks of the same instants: where work does not pause, both sides of a milestone's mark are one."""
    marks = early.copy()
    milestones = np.flatnonzero((network.work_min == 0) & (early & 1 == 0) & ~network.done)
    calendar, worked = network.calendar[milestones], early[milestones] >> 1
    flows = network.calendars.start(calendar, worked) == network.calendars.finish(calendar, worked)
    marks[milestones[flows]] += 1
    return marks


def _upstream(network: Network, task: int, links: NDArray[np.bool_]) -> BoolArray:
    pred, succ = network.link_pred[links], network.link_succ[links]
    by_succ = np.argsort(succ, kind="stable")
    pred, succ = pred[by_succ], succ[by_succ]
    seen = np.zeros(network.uid.size, dtype=bool)
    seen[task] = True
    front: Sequence[int] | IntArray = [task]
    while len(front):
        first, last = np.searchsorted(succ, front), np.searchsorted(succ, front, side="right")
        before = np.unique(np.concatenate([pred[a:b] for a, b in zip(first, last, strict=True)]))
        front = before[~seen[before]]
        seen[front] = True
    return seen


def _within_horizon(network: Network, beyond: BoolArray) -> None:
    if beyond.any():
        uids = np.sort(network.uid[beyond]).tolist()
        raise HorizonError(f"Work would reach outside 1970-2099, first for task {uids[0]}.", uids)
