"""A network as a list of steps: in which order its tasks are simulated, and what each one waits for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.calendars import MINUTES_PER_DAY, CalendarTable
from engine.cpm import early_marks
from engine.network import IntArray, LinkType, Network
from engine.streams import Floats


class Link(NamedTuple):
    """A link that is more than "after the finish": `at` is the step it comes from."""

    at: int
    from_start: bool
    to_finish: bool
    lag: float
    table: "Between | None"  # where the two calendars differ


class Between:
    """Worked minutes of one calendar by those of another, both since the origin; grows as far as it is asked for."""

    def __init__(self, table: CalendarTable, origin: IntArray, pred: int, succ: int, at_start: bool) -> None:
        self._table, self._pred, self._succ = table, pred, succ
        self._origin = int(origin[pred]), int(origin[succ])
        self._side = table.start if at_start else table.finish
        self._minutes: Floats = np.zeros(0, dtype=np.float32)

    def reaching(self, last: int) -> Floats:
        """float32[more than `last`, or as many as there are before 2100] by minute of the predecessor's calendar."""
        if last >= self._minutes.size or not self._minutes.size:
            most = int(self._table.before[self._pred, -1]) - self._origin[0]
            worked = np.arange(min(max(2 * last, 0) + 1, most) + 1) + self._origin[0]
            instant = self._side(self._pred, worked)
            self._minutes = (self._table.worked(self._succ, instant) - self._origin[1]).astype(np.float32)
        return self._minutes


@dataclass(slots=True)
class Steps:
    """The network as a list of steps, each after those it waits for; positions of tasks by step in `task`.

    `plain` predecessors bind by their finish alone; `links` in any other way. `floor` is the least start where
    something else than a predecessor's finish may bind, else None. `needs_start` tells that a link leaves the start.
    """

    task: list[int]
    step: IntArray  # int64[n], -1 for finished tasks
    plain: list[tuple[int, ...]]
    links: list[tuple[Link, ...]]
    floor: list[float | None]
    needs_start: list[bool]
    after: list[list[int]]
    leaving: list[list[int]]  # the steps whose rows nobody reads after each one
    origin: IntArray  # int64[c] worked minutes of each calendar at the origin
    early: IntArray  # int64[n] least start marks without uncertainty


def plan_steps(network: Network) -> Steps:
    """Order the unfinished tasks so that few rows are alive at once: level by level, or depth-first from the ends.

    Layers want the former, many programs side by side the latter. Ties go by uid.
    """
    early = np.where(network.done, network.start, network.floor)
    early[network.plan.order] = early_marks(network)
    origin = _origin(network, early)
    live = np.flatnonzero(network.live)
    pred, succ = network.link_pred[live], network.link_succ[live]
    by_succ = live[np.lexsort((network.uid[pred], succ))]
    pointers = np.searchsorted(network.link_succ[by_succ], np.arange(network.uid.size + 1)).tolist()
    before = network.link_pred[by_succ].tolist()
    has_successor = np.zeros(network.uid.size, dtype=bool)
    has_successor[pred] = True
    open_ = np.flatnonzero(~network.done)
    open_ = open_[np.lexsort((network.uid[open_], has_successor[open_]))]
    orders = [network.plan.order.tolist(), _depth_first(open_.tolist(), before, pointers, network.uid.size)]
    order = _fewest_alive(orders, pred, succ, network.uid.size)
    step = np.full(network.uid.size, -1)
    step[order] = np.arange(len(order))
    floor = (network.floor >> 1) - origin[network.calendar]
    kind, lag = network.link_type.tolist(), network.link_lag_min.tolist()
    calendar, at = network.calendar.tolist(), step.tolist()
    floors, works = floor.tolist(), (network.work_min > 0).tolist()
    tables: dict[tuple[int, int, bool], Between] = {}
    steps = Steps(
        order, step, [], [], [], [False] * len(order), [[] for _ in order], [[] for _ in order], origin, early
    )
    link_of = by_succ.tolist()
    for number, task in enumerate(order):
        plain, links = [], []
        covered = False
        for position in range(pointers[task], pointers[task + 1]):
            one, link = before[position], link_of[position]
            steps.after[at[one]].append(number)
            far = calendar[one] != calendar[task]
            if kind[link] == LinkType.FS and not lag[link] and not far:
                plain.append(at[one])
                covered = covered or floors[one] >= floors[task]
                continue
            from_start = kind[link] in (LinkType.SS, LinkType.SF)
            if from_start:
                steps.needs_start[at[one]] = True
            # A lag ends in the evening, a lead in the morning; without either it is the side of what it comes from.
            morning = early[one] & 1 == 1 if not works[one] else from_start
            pair = (calendar[one], calendar[task], lag[link] < 0 or (lag[link] == 0 and bool(morning)))
            if far and pair not in tables:
                tables[pair] = Between(network.calendars, origin, *pair)
            to_finish = kind[link] in (LinkType.FF, LinkType.SF)
            links.append(Link(at[one], from_start, to_finish, float(lag[link]), tables.get(pair)))
        steps.plain.append(tuple(dict.fromkeys(plain)))
        steps.links.append(tuple(links))
        steps.floor.append(None if covered else float(floors[task]))
    for number, after in enumerate(steps.after):
        steps.leaving[max(after, default=number)].append(number)
    return steps


def upstream(steps: Steps, wanted: Iterable[int]) -> NDArray[np.bool_]:
    """Steps that lead to the wanted ones, these included."""
    needed = np.zeros(len(steps.task), dtype=bool)
    needed[list(wanted)] = True
    for step in range(len(steps.task) - 1, -1, -1):
        if needed[step]:
            for before in _before(steps, step):
                needed[before] = True
    return needed


def _before(steps: Steps, step: int) -> Iterable[int]:
    yield from steps.plain[step]
    for link in steps.links[step]:
        yield link.at


def _fewest_alive(orders: Sequence[list[int]], pred: IntArray, succ: IntArray, size: int) -> list[int]:
    """Of several orders the one in which a row waits the least for the last that reads it."""
    waits = []
    for order in orders:
        step = np.full(size, -1)
        step[order] = np.arange(len(order))
        last = step.copy()
        np.maximum.at(last, pred, step[succ])
        waits.append(int((last - step).sum()))
    return orders[waits.index(min(waits))]


def _depth_first(tasks: Iterable[int], before: Sequence[int], pointers: Sequence[int], size: int) -> list[int]:
    order: list[int] = []
    seen = bytearray(size)
    for root in tasks:
        if seen[root]:
            continue
        seen[root] = 1
        stack = [(root, pointers[root])]
        while stack:
            task, position = stack.pop()
            while position < pointers[task + 1] and seen[before[position]]:
                position += 1
            if position == pointers[task + 1]:
                order.append(task)
            else:
                stack.append((task, position + 1))
                nearest = before[position]
                seen[nearest] = 1
                stack.append((nearest, pointers[nearest]))
    return order


def _origin(network: Network, early: IntArray) -> IntArray:
    """Worked minutes of each calendar at the status date, or where the first unfinished task may start."""
    every = np.arange(len(network.calendars.calendars))
    if network.status_day is not None:
        return network.calendars.worked(every, network.status_day * MINUTES_PER_DAY)
    open_ = ~network.done
    if not open_.any():
        return np.zeros(every.size, dtype=np.int64)
    first = network.calendars.instant(network.calendar[open_], early[open_]).min()
    return network.calendars.worked(every, first)
