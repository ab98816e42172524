"""Monte Carlo simulation of a compiled network: thousands of plausible futures at once, a row of numbers a task.

Task after task, each pass of numpy covers one task in all samples: the row of its finishes is the largest of its
predecessors' rows, plus a row of work. Rows that nobody reads any more are used again, so that the living ones stay in
the processor's cache, and tasks are taken in an order that keeps few of them alive. Work is drawn by rotated Latin
hypercube rows (`engine.streams`): a task's numbers follow its uid, whatever else is in the network, so that the
difference between two networks is theirs and not that of the dice.

Rows are float32 working minutes in the task's own calendar since the network's origin, exact for whole minutes up to
16 million (34,000 days of eight hours). A link into another calendar goes through a table of minutes.
Without uncertainty each finish is that of `engine.cpm.schedule`.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.calendars import LAST_DAY, MINUTES_PER_DAY, EngineError, HorizonError
from engine.draws import ALL, At, Doubles, Draw, Rows, Uncertainty, check, plan_draws
from engine.network import NO_DAY, IntArray, Network, UnknownTask
from engine.steps import Link, Steps, plan_steps, upstream
from engine.streams import Floats, Streams

LEVELS = np.arange(1, 20) / 20  # P5, P10, ... P95
BINS = 2048
BLOCK = 256  # tasks between two words to whoever waits


@dataclass(frozen=True)
class Run:
    """What a simulation found; arrays of length k follow `watched`, positions of tasks in the network.

    `quantile_min` float32[k, levels] working minutes since the origin, the order statistic ceil(q x samples);
    `chance` float64[k] the share of samples in which the task finishes by its target, NaN where it has none. `finish`
    holds each task's row float32[samples] by step where the run was asked to keep them.
    """

    network: Network = field(repr=False)
    uncertainty: Uncertainty = field(repr=False)
    samples: int
    seed: int
    levels: Doubles = field(repr=False)
    watched: IntArray
    quantile_min: Floats
    chance: Doubles
    steps: Steps = field(repr=False)
    rows: Rows = field(repr=False)
    draws: list[Draw] = field(repr=False)
    finish: list[Floats | None] = field(repr=False)
    start: dict[int, Floats] = field(repr=False)
    _leading: dict[int, NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    @cached_property
    def quantile_day(self) -> IntArray:
        """Days since 1970-01-01 int64[k, levels]; finished tasks have their actual day at each level."""
        return days_of(self.network, self.steps, self.watched, self.quantile_min)

    def at(self, uid: int) -> int:
        """Row of a task in the arrays; raises UnknownTask where it is not watched."""
        position = self.network.index(uid)
        found = np.flatnonzero(self.watched == position)
        if not found.size:
            raise EngineError(f"Task {uid} was not watched in this simulation.")
        return int(found[0])

    @cached_property
    def _step_of(self) -> dict[int, int]:
        return dict(zip(self.network.uid.tolist(), self.steps.step.tolist(), strict=True))

    def step(self, uid: int) -> int:
        """Step of a task, -1 where it is finished; raises UnknownTask. Quick: asked of every task in turn."""
        found = self._step_of.get(uid)
        if found is None:
            raise UnknownTask(f"The network has no task {uid}.")
        return found

    def leading_to(self, uid: int) -> NDArray[np.bool_]:
        """Which steps lead to a task, itself included, bool[steps]; what-ifs about one task ask again and again."""
        if uid not in self._leading:
            step = self.step(uid)
            self._leading[uid] = upstream(self.steps, [step] if step >= 0 else [])
        return self._leading[uid]

    def quantile(self, uid: int, level: float) -> int:
        """Day by which a task is finished with a probability that is one of the run's levels."""
        column = np.flatnonzero(np.isclose(self.levels, level))
        if not column.size:
            raise EngineError(f"The simulation kept no quantile at {level}.")
        return int(self.quantile_day[self.at(uid), column[0]])

    def sample(self, position: int) -> Floats:
        """The finishes float32[samples] of a task, working minutes since the origin, of a run that kept them all."""
        row = self.finish[int(self.steps.step[position])] if self.steps.step[position] >= 0 else None
        if row is None:
            raise EngineError("This simulation did not keep the task's finishes.")
        return row


def simulate(
    network: Network,
    uncertainty: Uncertainty,
    *,
    seed: int,
    samples: int = 10_000,
    watch: Any = None,
    target_day: Any = None,
    levels: Any = LEVELS,
    keep: bool = False,
    steps: Steps | None = None,
    meanwhile: Callable[[float], None] | None = None,
) -> Run:
    """Simulate a network: quantiles and the chance of target of the watched tasks (positions; None: all).

    `target_day` int64[n] days (NO_DAY: none). `keep` holds on to the rows of all tasks, 4 bytes a sample and task:
    what-ifs, criticality and the cost of risks are computed from them. `steps` saves planning the same network again.
    `meanwhile` is called every few hundred tasks with the share of them that is simulated; what it raises ends the run.
    The result depends on seed, samples and content alone, not on the order of tasks, nor on tasks that lead to none of
    the watched ones. Raises EngineError for arrays that do not fit, HorizonError where a watched task would end after
    2099.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> network = compile([1, 2, 3], [100, 100, 0], [ALL_HOURS], [0] * 3, Links.of([(1, 3, "FS", 0), (2, 3, "FS", 0)]),
    ...     status_day=0)
    >>> run = simulate(network, Uncertainty.three_points([80, 80, 0], [100, 100, 0], [120, 120, 0]), seed=1)
    >>> [round(float(run.quantile_min[at, 9])) for at in range(3)]  # P50: two alike in parallel end later than each
    [100, 100, 105]
    """
    check(network, uncertainty)
    streams = Streams(samples, seed)
    steps = steps or plan_steps(network)
    rows = Rows(uncertainty, streams, network.uid)
    draws = plan_draws(network, uncertainty, steps.task)
    watched = np.arange(network.uid.size) if watch is None else np.unique(np.asarray(watch, dtype=np.int64))
    target = np.full(network.uid.size, NO_DAY) if target_day is None else np.asarray(target_day, dtype=np.int64)
    levels = np.asarray(levels, dtype=np.float64)
    chosen = picks(levels, samples)
    quantile = np.zeros((watched.size, levels.size), dtype=np.float32)
    chance = np.full(watched.size, np.nan)
    limit = _limits(network, steps, watched, target)
    row_of = {
        int(steps.step[position]): row for row, position in enumerate(watched.tolist()) if steps.step[position] >= 0
    }

    seen = itertools.count()

    def summarize(step: int, finish: Floats) -> None:
        if meanwhile and next(seen) % BLOCK == 0:
            meanwhile(step / len(steps.task))
        row = row_of.get(step)
        if row is None:
            return
        quantile[row] = order_statistics(finish, chosen)
        if limit[row] is not None:
            chance[row] = np.count_nonzero(finish <= np.float32(limit[row])) / samples

    done = np.flatnonzero(network.done[watched])
    finished = watched[done]
    quantile[done] = ((network.finish[finished] >> 1) - steps.origin[network.calendar[finished]])[:, None]
    chance[done] = np.where(target[finished] == NO_DAY, np.nan, network.actual_finish_day[finished] <= target[finished])
    needed = None if watch is None or keep else upstream(steps, row_of)
    finish, start = forward(steps, draws, rows, summarize, keep=keep, needed=needed)
    return Run(
        network, uncertainty, samples, seed, levels, watched, quantile, chance, steps, rows, draws, finish, start
    )


def forward(
    steps: Steps,
    draws: Sequence[Draw],
    rows: Rows,
    visit: Callable[[int, Floats], None],
    *,
    keep: bool,
    needed: NDArray[np.bool_] | None = None,
) -> tuple[list[Floats | None], dict[int, Floats]]:
    """Compute all steps (or the `needed` ones) in order, show each row of finishes to `visit`, return those kept."""
    samples = rows.streams.samples
    count = len(steps.task)
    finish: list[Floats | None] = [None] * count
    start: dict[int, Floats] = {}
    # One block: the system hands out large pages for it, and takes it back whole.
    spare: list[Floats] = list(np.empty((count, samples), dtype=np.float32)[::-1]) if keep else []
    scratch = Scratch(samples)
    for step in range(count):
        if needed is not None and not needed[step]:
            continue
        room = spare.pop() if spare else np.empty(samples, dtype=np.float32)
        begun = None
        if steps.needs_start[step]:
            begun = start[step] = spare.pop() if spare else np.empty(samples, dtype=np.float32)
        compute(steps, step, draws[step], rows, finish, start, room, begun, scratch)
        finish[step] = room
        visit(step, room)
        for gone in () if keep else steps.leaving[step]:
            freed = finish[gone]
            if freed is not None:
                spare.append(freed)
                finish[gone] = None
            if gone in start:
                spare.append(start.pop(gone))
    return finish, start


class RowOf(Protocol):
    """Rows by step."""

    def __getitem__(self, step: int, /) -> Any: ...


class Scratch:
    """Room for what lies between a task's predecessors and its finish."""

    def __init__(self, samples: int) -> None:
        self.reached, self.ended, self.work, self.link = np.empty((4, samples), dtype=np.float32)
        self.at = np.empty(samples, dtype=np.int32)


def compute(
    steps: Steps,
    step: int,
    draw: Draw,
    rows: Rows,
    finish: RowOf,
    start: RowOf,
    out: Floats,
    begun: Floats | None,
    scratch: Scratch,
    floor: float | None = None,
    at: At = ALL,
) -> None:
    """One task in all samples: its finishes into `out`, its starts into `begun` where a link leaves the start.

    `floor` replaces the least start of the plan. `at` names fewer samples: those of all rows, room included.
    """
    reached: Any = None
    for before in steps.plain[step]:
        reached = finish[before] if reached is None else np.maximum(reached, finish[before], out=scratch.reached)
    ended: Any = None
    for link in steps.links[step]:
        row = along(link, finish, start, scratch)
        if link.to_finish:
            ended = np.maximum(row if ended is None else ended, row, out=scratch.ended)
        else:
            reached = np.maximum(row if reached is None else reached, row, out=scratch.reached)
    floor = steps.floor[step] if floor is None else floor
    if floor is not None:
        reached = floor if reached is None else np.maximum(reached, floor, out=scratch.reached)
    work = rows.draw(draw, scratch.work, at)
    np.add(reached, work, out=out)
    if ended is not None:
        np.maximum(out, ended, out=out)
    if begun is not None:
        np.subtract(out, work, out=begun)


def along(link: Link, finish: RowOf, start: RowOf, scratch: Scratch) -> Any:
    """The row that a link asks of its successor, in the successor's calendar."""
    row: Any = start[link.at] if link.from_start else finish[link.at]
    if link.lag:
        row = np.add(row, link.lag, out=scratch.link)
    if link.table is not None:
        np.copyto(scratch.at, row, casting="unsafe")
        row = link.table.reaching(int(scratch.at.max())).take(scratch.at, out=scratch.link, mode="clip")
    return row


def picks(levels: Any, samples: int) -> IntArray:
    """Positions in a sorted row of the order statistics ceil(q x samples), from 0: int64[levels].

    >>> picks([0.5, 0.8], 10).tolist()
    [4, 7]
    """
    return np.maximum(np.ceil(np.round(np.asarray(levels) * samples, 6)).astype(np.int64) - 1, 0)


def order_statistics(row: Floats, picks: IntArray) -> Floats:
    """The values of a row that would lie at these positions (increasing, from 0) if it were sorted: float32[picks].

    A histogram tells which values can be meant, and only those are sorted: a third of the time that sorting all takes.

    >>> order_statistics(np.array([30, 10, 40, 20], dtype=np.float32), np.array([0, 2, 2])).tolist()
    [10.0, 30.0, 30.0]
    """
    low, high = row.min(), row.max()
    if low == high:
        return np.full(picks.size, low)
    bins = ((row - low) * np.float32((BINS - 1) / (high - low))).astype(np.intp)
    count = np.bincount(bins, minlength=BINS)
    meant = count.cumsum().searchsorted(picks, side="right")
    is_meant = np.zeros(BINS, dtype=bool)
    is_meant[meant] = True
    chosen = np.sort(row[is_meant.take(bins)])
    count[is_meant] = 0
    left_out = count.cumsum()[meant]
    return np.asarray(chosen[picks - left_out])


def days_of(network: Network, steps: Steps, tasks: IntArray, minutes: Floats) -> IntArray:
    """Days int64[k, ...] on which tasks (int64[k]) finish that have worked float32[k, ...] minutes since the origin."""
    shape = (-1,) + (1,) * (minutes.ndim - 1)
    calendar = network.calendar[tasks].reshape(shape)
    worked = np.rint(minutes.astype(np.float64)).astype(np.int64) + steps.origin[calendar]
    beyond = (worked > network.calendars.before[calendar, -1]) & ~network.done[tasks].reshape(shape)
    if beyond.any():
        uids = network.uid[tasks[np.flatnonzero(beyond.any(axis=tuple(range(1, beyond.ndim))))]]
        raise HorizonError(f"Work would reach outside 1970-2099, first for task {uids.min()}.", uids.tolist())
    instant = network.calendars.finish(calendar, worked)
    days = (instant - 1) // MINUTES_PER_DAY
    held = _at_morning(network, steps, tasks).reshape(shape) & (worked == (steps.early[tasks] >> 1).reshape(shape))
    days = np.where(held, network.calendars.start(calendar, worked) // MINUTES_PER_DAY, days)
    ended = network.actual_finish_day[tasks].reshape(shape)
    return np.where(ended == NO_DAY, days, ended)


def _at_morning(network: Network, steps: Steps, tasks: IntArray) -> NDArray[np.bool_]:
    """Milestones without work that something holds at the start of a day rather than at the end of the one before."""
    held: NDArray[np.bool_] = (network.work_min[tasks] == 0) & (steps.early[tasks] & 1 == 1) & ~network.done[tasks]
    return held


def _limits(network: Network, steps: Steps, tasks: IntArray, target: IntArray) -> list[float | None]:
    """The most working minutes since the origin with which each task still meets its target; None without one."""
    calendar = network.calendar[tasks]
    has = target[tasks] != NO_DAY
    after = np.clip(np.where(has, target[tasks] + 1, 0), 0, LAST_DAY) * MINUTES_PER_DAY
    limit = network.calendars.worked(calendar, after) - steps.origin[calendar]
    first = steps.early[tasks] >> 1
    missed = _at_morning(network, steps, tasks) & (network.calendars.start(calendar, first) >= after)
    # Half a minute of grace for what float32 rounds; none where the first possible morning lies past the target.
    exact = np.where(missed & (first - steps.origin[calendar] >= limit), -1.0, limit + 0.5)
    return [value if one else None for value, one in zip(exact.tolist(), has.tolist(), strict=True)]
