"""The network of work: tasks, links and calendars compiled into arrays in an order in which each pass is sequential.

Everything is exact and integer. A task's position is a *mark* in its own calendar (see `engine.calendars`); each link
is a monotone map from its predecessor's start mark to the least start mark it allows its successor. Where both share a
calendar the map is "add a constant"; elsewhere it goes through instants.

Source of the link reductions: Elmaghraby and Kamburowski, "The analysis of activity networks under generalized
precedence relations", Management Science 38 (1992).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calendars import (
    FIRST_DAY,
    LAST_DAY,
    MINUTES_PER_DAY,
    CalendarTable,
    EngineError,
    HorizonError,
    WorkCalendar,
)

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NO_DAY = int(np.iinfo(np.int64).min)
NO_WORK = -1
NEVER = 1 << 30  # a mark past every horizon
LOOP_STARTS = 1_000  # a shortest loop is searched from this many tasks at most


class LinkType(IntEnum):
    """What waits for what: the successor's start or finish for the predecessor's finish or start."""

    FS = 0
    SS = 1
    FF = 2
    SF = 3

    @property
    def from_start(self) -> bool:
        """Whether the link leaves the predecessor's start."""
        return self in (LinkType.SS, LinkType.SF)


class UnknownTask(EngineError):
    """A link or a question names a task that the network does not have, or has twice."""


class CycleError(EngineError):
    """Tasks that wait for each other: `uids` is a shortest loop, in which each waits for the one before.

    >>> str(CycleError([4, 7]))
    'Tasks wait for each other: 4 -> 7 -> 4.'
    """

    def __init__(self, uids: Sequence[int]) -> None:
        self.uids = tuple(uids)
        super().__init__("Tasks wait for each other: " + " -> ".join(map(str, (*self.uids, self.uids[0]))) + ".")


@dataclass(frozen=True, slots=True)
class Links:
    """Links as columns int64[m]: uids of both ends, `LinkType`, lag in working minutes of the predecessor's calendar.

    >>> Links.of([(1, 2, "FS", 0), (1, 3, "SS", 480)]).lag_min.tolist()
    [0, 480]
    """

    pred_uid: IntArray
    succ_uid: IntArray
    type: IntArray
    lag_min: IntArray

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, str, int]]) -> "Links":
        """Columns from rows of (predecessor, successor, "FS" | "SS" | "FF" | "SF", lag in minutes)."""
        return cls(
            pred_uid=_ints([row[0] for row in rows]),
            succ_uid=_ints([row[1] for row in rows]),
            type=_ints([LinkType[row[2]] for row in rows]),
            lag_min=_ints([row[3] for row in rows]),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """In which order the passes run; depends on the links alone.

    Unfinished tasks are renumbered by `rank` so that level after level is one slice, and each level's links too:
    `order` int64[u] task of each rank; `rank` int64[n], -1 for finished tasks; `level_ptr` int64[levels + 1] ranks of
    a level; `busy_ptr` int64[levels] where its tasks without successors begin. Edges are the live links: `link`
    int64[e] sorted by successor; `pred`, `succ` int64[e] their ranks; `in_ptr` int64[levels + 1] edges into a level;
    `in_at` int64[u] where a task's begin within them. `out` int64[e] edges sorted by predecessor, `out_succ` their
    successors' ranks, `out_ptr` and `out_at` as above for edges out of a level.
    """

    order: IntArray
    rank: IntArray
    level_ptr: IntArray
    busy_ptr: IntArray
    link: IntArray
    pred: IntArray
    succ: IntArray
    in_ptr: IntArray
    in_at: IntArray
    out: IntArray
    out_succ: IntArray
    out_ptr: IntArray
    out_at: IntArray


@dataclass(frozen=True, slots=True)
class Network:
    """A compiled network; arrays of length n follow the caller's tasks, of length m the caller's links.

    `work_min` is what is left to do (0 for finished tasks); `status_floor` the least start mark that the status or
    start date allows, `own_floor` also the not-before day, `floor` also links from finished or started work allow;
    `ceiling` the largest that finish-by dates allow; `start`, `finish` the marks of actual days, where there are any.
    `live` links take part in the passes, `fixed` ones leave work whose date is known, all others lead to finished work
    and bind nothing. `weight` int64[e] is the constant of each edge of the plan, except for the edges in `curved`,
    whose map is no constant.
    """

    uid: IntArray
    duration_min: IntArray
    work_min: IntArray
    calendar: IntArray
    status_day: int | None
    actual_start_day: IntArray
    actual_finish_day: IntArray
    not_before_day: IntArray
    finish_by_day: IntArray
    link_pred: IntArray
    link_succ: IntArray
    link_type: IntArray
    link_lag_min: IntArray
    done: BoolArray
    started: BoolArray
    live: BoolArray
    fixed: BoolArray
    calendars: CalendarTable = field(repr=False)
    floor: IntArray = field(repr=False)
    own_floor: IntArray = field(repr=False)
    status_floor: IntArray = field(repr=False)
    ceiling: IntArray = field(repr=False)
    start: IntArray = field(repr=False)
    finish: IntArray = field(repr=False)
    weight: NDArray[Any] = field(repr=False)
    out_weight: NDArray[Any] = field(repr=False)
    curved: IntArray = field(repr=False)
    plan: Plan = field(repr=False)

    def index(self, uid: int) -> int:
        """Position of a task in the arrays; raises UnknownTask.

        >>> compile([7], [0], [WorkCalendar.of_minutes([480] * 7)], [0], Links.of([]), status_day=20_000).index(7)
        0
        """
        found = np.flatnonzero(self.uid == uid)
        if found.size != 1:
            raise UnknownTask(f"The network has no task {uid}.")
        return int(found[0])


def compile(
    uids: Any,
    durations_min: Any,
    calendars: Sequence[WorkCalendar],
    calendar_index: Any,
    links: Links,
    *,
    status_day: int | None,
    start_day: int | None = None,
    actual_start_day: Any = None,
    actual_finish_day: Any = None,
    remaining_min: Any = None,
    not_before_day: Any = None,
    finish_by_day: Any = None,
) -> Network:
    """Turn tasks and links into arrays that `engine.cpm.schedule` can pass over; the order of rows changes nothing.

    `uids` int[n] distinct; `durations_min` int[n] working minutes >= 0, 0 for a milestone; `calendar_index` int[n] into
    `calendars`; all days count from 1970-01-01. Unfinished work starts on `status_day` at the earliest. A plan that has
    none yet has a `start_day`: tasks that wait for nothing start there, leads and start-to-finish links may pull others
    before it, finish-to-finish links may not (as in Microsoft Project). `actual_start_day`, `actual_finish_day` int[n]
    (NO_DAY: not yet), `not_before_day` first day of work, `finish_by_day` last day (a target: it bounds late dates,
    never early ones). `remaining_min` int[n] counts for started tasks; NO_WORK there means the duration less the
    minutes since the actual start, at least 0.

    Raises CycleError, UnknownTask, HorizonError, and EngineError for a negative duration or arrays of unequal length.

    >>> office = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0))
    >>> network = compile([1, 2], [480, 0], [office], [0, 0], Links.of([(1, 2, "FS", 0)]), status_day=20_000)
    >>> network.plan.order.tolist(), network.weight.tolist()
    ([0, 1], [959])
    >>> compile([1, 2], [0, 0], [office], [0, 0], Links.of([(1, 2, "FS", 0), (2, 1, "SS", 0)]), status_day=20_000)
    Traceback (most recent call last):
        ...
    engine.network.CycleError: Tasks wait for each other: 1 -> 2 -> 1.
    """
    uid, duration, calendar = _ints(uids), _ints(durations_min), _ints(calendar_index)
    actual_start, actual_finish, not_before, finish_by = (
        np.full(uid.size, NO_DAY) if days is None else _ints(days)
        for days in (actual_start_day, actual_finish_day, not_before_day, finish_by_day)
    )
    remaining = np.full(uid.size, NO_WORK) if remaining_min is None else _ints(remaining_min)
    columns = (duration, calendar, actual_start, actual_finish, not_before, finish_by, remaining)
    if any(column.shape != uid.shape for column in columns):
        raise EngineError(f"Each task needs one entry in each array of tasks; there are {uid.size} tasks.")
    if any(column.shape != links.pred_uid.shape for column in (links.succ_uid, links.type, links.lag_min)):
        raise EngineError(f"Each link needs one entry in each array of links; there are {links.pred_uid.size} links.")
    _refuse(uid, duration < 0, EngineError, "A task cannot take less than no time")
    _refuse(uid, remaining < NO_WORK, EngineError, "A task cannot have less than no work left")
    _refuse(
        uid, (calendar < 0) | (calendar >= len(calendars)), EngineError, "A task names a calendar that is not there"
    )
    for days in (actual_start, actual_finish, not_before, finish_by):
        _refuse(uid, (days != NO_DAY) & ((days < FIRST_DAY) | (days >= LAST_DAY)), HorizonError, _OUTSIDE)
    for name, day in (("status", status_day), ("start", start_day)):
        if day is not None and not FIRST_DAY <= day < LAST_DAY:
            raise HorizonError(f"{_OUTSIDE}: the {name} date.")
    if status_day is None and start_day is None:
        raise EngineError("A plan needs a status date, or a start date before it has one.")
    if np.any((links.type < 0) | (links.type > max(LinkType))):
        raise EngineError("A link is of type FS, SS, FF or SF.")
    longest = (LAST_DAY - FIRST_DAY) * MINUTES_PER_DAY
    _refuse(uid, np.maximum(duration, remaining) > longest, HorizonError, "A task takes longer than there is time")
    pred, succ = _positions(uid, links.pred_uid, links.succ_uid)
    _refuse(links.succ_uid, np.abs(links.lag_min) > longest, HorizonError, "A lag is longer than there is time")

    table = CalendarTable.of(calendars)
    done = actual_finish != NO_DAY
    started = (actual_start != NO_DAY) & ~done
    actual_start = np.where(done & (actual_start == NO_DAY), actual_finish, actual_start)
    status = np.zeros_like(uid) if status_day is None else 2 * table.worked(calendar, status_day * MINUTES_PER_DAY) + 1
    if start_day is not None:
        pulled = np.isin(np.arange(uid.size), succ)
        pulled[succ[links.type == LinkType.FF]] = False
        at_start = 2 * table.worked(calendar, start_day * MINUTES_PER_DAY) + 1
        status = np.where(pulled, status, np.maximum(status, at_start))
    start = np.where(done | started, 2 * table.worked(calendar, actual_start * MINUTES_PER_DAY) + 1, status)
    finish = np.where(done, 2 * table.worked(calendar, (actual_finish + 1) * MINUTES_PER_DAY), start)
    elapsed = np.maximum(status - start, 0) >> 1
    left = np.where(remaining == NO_WORK, np.maximum(duration - elapsed, 0), remaining)
    work = np.where(done, 0, np.where(started, left, duration))
    floor = np.where(
        not_before == NO_DAY, status, np.maximum(status, 2 * table.worked(calendar, not_before * MINUTES_PER_DAY) + 1)
    )
    ceiling = np.where(
        finish_by == NO_DAY,
        NEVER,
        latest_start(work, 2 * table.worked(calendar, (finish_by + 1) * MINUTES_PER_DAY)),
    )

    leaves_start = (links.type == LinkType.SS) | (links.type == LinkType.SF)
    known = done[pred] | (started[pred] & leaves_start)
    live, fixed = ~known & ~done[succ], known & ~done[succ]
    plan = _plan(uid, ~done, pred, succ, np.flatnonzero(live))
    weight, curved = _weights(work, calendar, pred, succ, links, plan)
    network = Network(
        uid=uid,
        duration_min=duration,
        work_min=work,
        calendar=calendar,
        status_day=status_day,
        actual_start_day=actual_start,
        actual_finish_day=actual_finish,
        not_before_day=not_before,
        finish_by_day=finish_by,
        link_pred=pred,
        link_succ=succ,
        link_type=links.type,
        link_lag_min=links.lag_min,
        done=done,
        started=started,
        live=live,
        fixed=fixed,
        calendars=table,
        floor=floor.copy(),
        own_floor=floor,
        status_floor=status,
        ceiling=ceiling,
        start=start,
        finish=finish,
        weight=weight,
        out_weight=weight[plan.out],
        curved=curved,
        plan=plan,
    )
    known_links = np.flatnonzero(fixed)
    np.maximum.at(network.floor, succ[known_links], fixed_requirement(network, known_links))
    return network


def components(size: int, pred: Any, succ: Any) -> IntArray:
    """Label int64[size] of each task's connected component: the lowest position that links reach either way.

    `pred`, `succ` int[m] positions. Found by label propagation with pointer jumping (Shiloach and Vishkin 1982).

    >>> components(5, [3, 1], [0, 4]).tolist()
    [0, 1, 2, 0, 1]
    """
    pred, succ = _ints(pred), _ints(succ)
    label = np.arange(size)
    while True:
        before = label.copy()
        least = np.minimum(label[pred], label[succ])
        np.minimum.at(label, label[pred], least)
        np.minimum.at(label, label[succ], least)
        label = label[label]
        if np.array_equal(label, before):
            return label


def digest(network: Network) -> str:
    """SHA-256 of everything that the results depend on, whatever the order of tasks and links.

    >>> day = WorkCalendar.of_minutes([1440] * 7)
    >>> one = compile([1, 2], [60, 90], [day], [0, 0], Links.of([]), status_day=0)
    >>> other = compile([2, 1], [90, 60], [day], [0, 0], Links.of([]), status_day=0)
    >>> digest(one) == digest(other)
    True
    """
    tasks = np.stack(
        [
            network.uid,
            network.duration_min,
            network.work_min,
            network.calendar,
            network.actual_start_day,
            network.actual_finish_day,
            network.not_before_day,
            network.finish_by_day,
            network.own_floor,
        ]
    )
    links = np.stack(
        [network.uid[network.link_pred], network.uid[network.link_succ], network.link_type, network.link_lag_min]
    )
    hashed = hashlib.sha256()
    for columns in (tasks, links):
        hashed.update(columns[:, np.lexsort(columns[::-1])].astype("<i8").tobytes())
    for calendar in network.calendars.calendars:
        hashed.update(repr((calendar.week, sorted(calendar.holidays), calendar.extra)).encode())
    return hashed.hexdigest()


def requirement(network: Network, links: IntArray, pred_mark: IntArray) -> IntArray:
    """The least start mark that `links` allow their successors, given the start marks of their predecessors (int64[k]).

    >>> day = WorkCalendar.of_minutes([1440] * 7)
    >>> network = compile([1, 2], [60, 60], [day], [0, 0], Links.of([(1, 2, "FF", 30)]), status_day=0)
    >>> requirement(network, np.array([0]), np.array([1])).tolist()  # work from 0 to 60, finish at 90, start at 30
    [60]
    """
    pred_work = network.work_min[network.link_pred[links]]
    from_finish = ~_leaves_start(network, links) & (pred_work > 0)
    return _reached(network, links, np.where(from_finish, pred_mark + 2 * pred_work - 1, pred_mark))


def fixed_requirement(network: Network, links: IntArray) -> IntArray:
    """As `requirement`, for links that leave work whose actual date is known."""
    pred = network.link_pred[links]
    return _reached(network, links, np.where(_leaves_start(network, links), network.start[pred], network.finish[pred]))


def allowance(network: Network, links: IntArray, succ_mark: IntArray) -> IntArray:
    """The largest start mark that `links` allow their predecessors, given those of their successors: the inverse.

    >>> day = WorkCalendar.of_minutes([1440] * 7)
    >>> network = compile([1, 2], [60, 60], [day], [0, 0], Links.of([(1, 2, "FF", 30)]), status_day=0)
    >>> allowance(network, np.array([0]), np.array([61])).tolist()
    [1]
    """
    pred, succ, lag = network.link_pred[links], network.link_succ[links], network.link_lag_min[links]
    mark = succ_mark + np.where(network.link_type[links] >= LinkType.FF, 2 * network.work_min[succ], 0)
    far = network.calendar[pred] != network.calendar[succ]
    if far.any():
        instant = network.calendars.instant(network.calendar[succ[far]], mark[far])
        mark[far] = network.calendars.mark_until(network.calendar[pred[far]], instant)
    mark = np.where(lag == 0, mark, 2 * (((mark - (lag < 0)) >> 1) - lag) + 1)
    work = network.work_min[pred]
    from_finish = ~_leaves_start(network, links)
    return np.where(from_finish, latest_start(work, mark), np.where(work > 0, (mark - 1) | 1, mark))


def latest_start(work_min: IntArray, finish_mark: IntArray) -> IntArray:
    """Largest start mark from which `work_min` is done by a finish mark.

    >>> latest_start(np.array([0, 60]), np.array([200, 200])).tolist()
    [200, 81]
    """
    return np.where(work_min > 0, (finish_mark - 2 * work_min) | 1, finish_mark)


def finish_mark(work_min: IntArray, start_mark: IntArray) -> IntArray:
    """Mark at which work that starts at a mark is done.

    >>> finish_mark(np.array([0, 60]), np.array([200, 81])).tolist()
    [200, 200]
    """
    return np.where(work_min > 0, start_mark + 2 * work_min - 1, start_mark)


_OUTSIDE = "Dates must lie between 1970 and 2099"


def _ints(values: Any) -> IntArray:
    return np.array(values, dtype=np.int64).reshape(-1)


def _refuse(uid: IntArray, wrong: BoolArray, error: type[EngineError], message: str) -> None:
    if wrong.any():
        uids = np.unique(uid[wrong]).tolist()
        shown = ", ".join(map(str, uids[:5])) + (" and others" if len(uids) > 5 else "")
        if error is HorizonError:
            raise HorizonError(f"{message}: {shown}.", uids)
        raise error(f"{message}: {shown}.")


def _positions(uid: IntArray, *columns: IntArray) -> list[IntArray]:
    by_uid = np.argsort(uid, kind="stable")
    ordered = uid[by_uid]
    if np.any(ordered[1:] == ordered[:-1]):
        raise UnknownTask(f"Task {ordered[1:][ordered[1:] == ordered[:-1]][0]} is there twice.")
    found = []
    for column in columns:
        at = np.minimum(np.searchsorted(ordered, column), max(uid.size - 1, 0))
        missing = column[ordered[at] != column] if uid.size else column
        if missing.size:
            raise UnknownTask(f"A link names task {missing.min()}, which is not in the network.")
        found.append(by_uid[at])
    return found


def _leaves_start(network: Network, links: IntArray) -> BoolArray:
    kind = network.link_type[links]
    return np.asarray((kind == LinkType.SS) | (kind == LinkType.SF))


def _reached(network: Network, links: IntArray, event: IntArray) -> IntArray:
    """From the mark of the predecessor's event to the successor's least start mark.

    Walking forward stops as soon as the lag is worked, walking back as soon as it is undone; hence the two sides of a
    mark.
    """
    pred, succ, lag = network.link_pred[links], network.link_succ[links], network.link_lag_min[links]
    mark = np.where(lag == 0, event, 2 * ((event >> 1) + lag) + (lag < 0))
    far = network.calendar[pred] != network.calendar[succ]
    if far.any():
        instant = network.calendars.instant(network.calendar[pred[far]], mark[far])
        mark[far] = network.calendars.mark_from(network.calendar[succ[far]], instant)
    return np.asarray(mark - np.where(network.link_type[links] >= LinkType.FF, 2 * network.work_min[succ], 0))


def _weights(
    work: IntArray, calendar: IntArray, pred: IntArray, succ: IntArray, links: Links, plan: Plan
) -> tuple[NDArray[Any], IntArray]:
    """Constants of the edges, and which edges have none: a lag after a milestone depends on the side its mark is on.

    Constants are int32, twice as fast to move, where no chain of them can leave that range.
    """
    pred, succ, kind, lag = (column[plan.link] for column in (pred, succ, links.type, links.lag_min))
    from_finish = (kind == LinkType.FS) | (kind == LinkType.FF)
    leaving = np.where(from_finish, 2 * work[pred] - 1 + (lag < 0), -(lag > 0).astype(np.int64)) + 2 * lag
    weight = np.where(work[pred] > 0, leaving, 0) - np.where(kind >= LinkType.FF, 2 * work[succ], 0)
    curved = (calendar[pred] != calendar[succ]) | ((work[pred] == 0) & (lag != 0))
    step = 2 * (work[pred] + np.abs(lag) + work[succ] + 1)
    chain = np.maximum.reduceat(step, plan.in_ptr[1:-1]).sum() if step.size else 0
    longest = 4 * (LAST_DAY - FIRST_DAY) * MINUTES_PER_DAY
    return weight.astype(np.int32 if chain + longest < NEVER // 2 else np.int64), np.flatnonzero(curved)


def _plan(uid: IntArray, unfinished: BoolArray, pred: IntArray, succ: IntArray, links: IntArray) -> Plan:
    pred, succ = pred[links], succ[links]
    level = _levels(uid, pred, succ)
    tasks = np.flatnonzero(unfinished)
    ends = np.bincount(pred, minlength=uid.size) == 0
    order = tasks[np.lexsort((uid[tasks], ends[tasks], level[tasks]))]
    rank = np.full(uid.size, -1)
    rank[order] = np.arange(order.size)
    level_ptr = np.searchsorted(level[order], np.arange((level[order[-1]] + 2) if order.size else 1))
    busy = np.zeros(order.size + 1, dtype=np.int64)
    np.cumsum(~ends[order], out=busy[1:])
    busy_ptr = level_ptr[:-1] + np.diff(busy[level_ptr])
    by_succ = np.lexsort((rank[pred], rank[succ]))
    link, pred, succ = links[by_succ], rank[pred[by_succ]], rank[succ[by_succ]]
    out = np.argsort(pred, kind="stable")
    into, out_of = _pointers(succ, order.size), _pointers(pred, order.size)
    width = np.diff(level_ptr)
    return Plan(
        order=order,
        rank=rank,
        level_ptr=level_ptr,
        busy_ptr=busy_ptr,
        link=link,
        pred=pred,
        succ=succ,
        in_ptr=into[level_ptr],
        in_at=into[:-1] - np.repeat(into[level_ptr[:-1]], width),
        out=out,
        out_succ=succ[out],
        out_ptr=out_of[level_ptr],
        out_at=out_of[:-1] - np.repeat(out_of[level_ptr[:-1]], width),
    )


def _pointers(of: IntArray, size: int) -> IntArray:
    pointers = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(of, minlength=size), out=pointers[1:])
    return pointers


def _levels(uid: IntArray, pred: IntArray, succ: IntArray) -> IntArray:
    """Length of the longest chain of links into each task (Kahn 1962, a whole level at a time)."""
    level = np.zeros(uid.size, dtype=np.int64)
    waits = np.bincount(succ, minlength=uid.size)
    by_pred = succ[np.argsort(pred, kind="stable")]
    pointers = _pointers(pred, uid.size)
    front = np.flatnonzero(waits == 0)
    reached, depth = 0, 0
    while front.size:
        level[front] = depth
        reached += front.size
        depth += 1
        first, count = pointers[front], pointers[front + 1] - pointers[front]
        steps = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        freed, links = np.unique(by_pred[np.repeat(first, count) + steps], return_counts=True)
        waits[freed] -= links
        front = freed[waits[freed] == 0]
    if reached < uid.size:
        raise CycleError(_shortest_loop(uid, pred, succ, waits > 0))
    return level


def _shortest_loop(uid: IntArray, pred: IntArray, succ: IntArray, stuck: BoolArray) -> list[int]:
    """A shortest loop among tasks that never become free; of equal ones that of the smallest uid, which comes first."""
    inside = stuck[pred] & stuck[succ]
    following: dict[int, list[int]] = {}
    for before, after in sorted(zip(uid[pred[inside]].tolist(), uid[succ[inside]].tolist(), strict=True)):
        following.setdefault(before, []).append(after)
    best: list[int] = []
    for home in sorted(following)[:LOOP_STARTS]:
        came_from: dict[int, int] = {}
        front = [home]
        for _ in range(len(best) - 1 if best else len(following)):
            step: list[int] = []
            for task in front:
                for after in following.get(task, ()):
                    if after not in came_from:
                        came_from[after] = task
                        step.append(after)
            if home in came_from or not step:
                break
            front = step
        if home in came_from:
            loop = [came_from[home]]
            while loop[-1] != home:
                loop.append(came_from[loop[-1]])
            best = loop[::-1]
            if len(best) <= 2:
                break
    return best
