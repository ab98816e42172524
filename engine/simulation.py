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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.calendars import LAST_DAY, MINUTES_PER_DAY, CalendarTable, EngineError, HorizonError
from engine.cpm import early_marks
from engine.network import NO_DAY, IntArray, LinkType, Network, UnknownTask
from engine.streams import DRIVERS, PERMUTATIONS, RISKS, TASKS, Floats, Streams, normal, strata, triangular

Doubles = NDArray[np.float64]
At = slice | IntArray  # which samples of a row

ALL = slice(None)

CERTAIN = -1  # a task's shape: its work is what the network says
NO_DRIVER = -1
LEVELS = np.arange(1, 20) / 20  # P5, P10, ... P95
BINS = 2048
ROWS_KEPT = 400  # drivers' rows that are kept at hand
BLOCK = 256  # tasks between two words to whoever waits


@dataclass(frozen=True, slots=True)
class Risks:
    """Events that may happen, and what they add to tasks if they do: one probability a risk, one row an impact.

    `uid` int64[r] distinct; `probability` float64[r]; per impact: `risk` int64[k] position of the risk, `task` int64[k]
    uid of a task, `low_min`, `likely_min`, `high_min` float64[k] working minutes in the task's calendar (triangular).
    All impacts of a risk happen together, and are large together. Several risks on a task add up.
    """

    uid: IntArray
    probability: Doubles
    risk: IntArray
    task: IntArray
    low_min: Doubles
    likely_min: Doubles
    high_min: Doubles

    @classmethod
    def of(cls, risks: Sequence[tuple[int, float]], impacts: Sequence[tuple[int, int, float, float, float]]) -> "Risks":
        """From rows (uid, probability) and (uid of the risk, uid of the task, low, likely, high).

        Raises EngineError for a probability outside 0-1, impacts out of order, or an impact of an unknown risk.

        >>> Risks.of([(7, 0.3)], [(7, 1, 480, 960, 2400)]).risk.tolist()
        [0]
        """
        position = {uid: at for at, (uid, _) in enumerate(risks)}
        if any(row[0] not in position for row in impacts):
            raise EngineError("An impact names a risk that is not there.")
        table = np.array([row[2:] for row in impacts], dtype=np.float64).reshape(-1, 3)
        probability = np.array([row[1] for row in risks], dtype=np.float64)
        if not np.all((probability >= 0) & (probability <= 1)):
            raise EngineError("A probability lies between 0 and 1.")
        if not np.all((table[:, 0] >= 0) & (table[:, 0] <= table[:, 1]) & (table[:, 1] <= table[:, 2])):
            raise EngineError("An impact's lowest, likely and highest minutes follow one another, from 0 up.")
        return cls(
            uid=np.array([row[0] for row in risks], dtype=np.int64),
            probability=probability,
            risk=np.array([position[row[0]] for row in impacts], dtype=np.int64),
            task=np.array([row[1] for row in impacts], dtype=np.int64),
            low_min=table[:, 0],
            likely_min=table[:, 1],
            high_min=table[:, 2],
        )


NO_RISKS = Risks.of([], [])


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What is not certain about the tasks of a network; arrays of length n follow its tasks.

    The work of a task is `shift_min` + `scale_min` x a factor that follows `shapes[shape]`, an increasing array of
    quantiles at equally likely probabilities ((i + 0.5) / q); CERTAIN keeps the network's own `work_min`. Where
    `elapsed_min` is not 0, that much is spent already: what is left is drawn on the condition that the work takes
    longer than that. `drivers` int64[n, 2] names what a task shares with others (NO_DRIVER: nothing): all its work is
    multiplied by the driver's row, lognormal with median 1 and log-standard deviation `driver_sd` float64[d];
    `driver_uid` int64[d] keeps the row with the driver.
    """

    shapes: tuple[Doubles, ...]
    shape: IntArray
    shift_min: Doubles
    scale_min: Doubles
    elapsed_min: Doubles
    drivers: IntArray
    driver_uid: IntArray
    driver_sd: Doubles
    risks: Risks = NO_RISKS

    @classmethod
    def none(cls, size: int, risks: Risks = NO_RISKS) -> "Uncertainty":
        """All work is certain; only risks, if any, are not.

        >>> Uncertainty.none(2).shape.tolist()
        [-1, -1]
        """
        zeros = np.zeros(size)
        return cls(
            (),
            np.full(size, CERTAIN),
            zeros,
            zeros,
            zeros,
            np.full((size, 2), NO_DRIVER),
            np.zeros(0, dtype=np.int64),
            np.zeros(0),
            risks,
        )

    @classmethod
    def three_points(cls, low_min: Any, likely_min: Any, high_min: Any, risks: Risks = NO_RISKS) -> "Uncertainty":
        """Each task's work is triangular between its lowest and highest minutes; certain where the two are equal.

        Shapes are shared by tasks of the same skew, to one part in 64. Raises EngineError where the three are not in
        order.

        >>> Uncertainty.three_points([80, 9], [100, 9], [120, 9]).shape.tolist()
        [0, -1]
        """
        low, likely, high = (np.asarray(column, dtype=np.float64) for column in (low_min, likely_min, high_min))
        if not np.all((low >= 0) & (low <= likely) & (likely <= high)):
            raise EngineError("Work at best, likely and at worst follow one another, from 0 up.")
        width = high - low
        skew = np.rint(64 * np.divide(likely - low, width, out=np.zeros_like(width), where=width > 0)).astype(int)
        used, shape = np.unique(skew[width > 0], return_inverse=True)
        plain = cls.none(low.size, risks)
        shapes = np.full(low.size, CERTAIN)
        shapes[width > 0] = shape
        tables = tuple(triangular(strata(400), 0, int(one) / 64, 1) for one in used)
        return replace(plain, shapes=tables, shape=shapes, shift_min=low, scale_min=width)


class Draw(NamedTuple):
    """How the work of one task comes about: `row` is None where `shift` alone is all there is."""

    uid: int
    shift: float
    scale: float = 0.0
    shape: int = CERTAIN
    elapsed: float = 0.0
    drivers: tuple[int, ...] = ()
    impacts: tuple[int, ...] = ()


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


class Rows:
    """Draws rows of work: one of these serves one uncertainty, seed and number of samples."""

    def __init__(self, uncertainty: Uncertainty, streams: Streams, uids: IntArray) -> None:
        self.uncertainty = uncertainty
        self.streams = streams
        self.odds: dict[int, float] = {}  # by position of a risk, where a what-if changes its probability
        self._strata = strata(streams.samples)
        self._tables: dict[int, Floats] = {}
        self._pool: dict[tuple[int, int], Floats] = {}
        self._tasks = streams.permutations(TASKS)
        self._slots: dict[int, tuple[int, int]] = {}
        drawn = uncertainty.shape != CERTAIN
        kinds, rotations = streams.slots(TASKS, uids[drawn])
        self._slots = dict(zip(uids[drawn].tolist(), zip(kinds.tolist(), rotations.tolist(), strict=True), strict=True))
        counts = np.bincount(uncertainty.shape[drawn], minlength=len(uncertainty.shapes))
        self._pooled = {at for at, count in enumerate(counts.tolist()) if count > 2 * PERMUTATIONS}
        self._drivers: dict[int, Floats] = {}  # the newest last
        self._driver_slots = streams.slots(DRIVERS, uncertainty.driver_uid)

    def draw(self, one: Draw, out: Floats, at: At = ALL) -> Floats | float:
        """The row of a task's work, in `out` if it needs room, or one number where nothing is uncertain.

        `at` names the samples asked for, as many as `out` has room for.
        """
        row: Floats | float
        if one.shape == CERTAIN:
            row = one.shift
        else:
            row = self._own(one, out, at)
            for driver in one.drivers:
                np.multiply(row, self._driver(driver)[at], out=out)
        for impact in one.impacts:
            row = np.add(row, self._impact(impact, at), out=out)
        return row

    def _own(self, one: Draw, out: Floats, at: At) -> Floats:
        kind, rotation = self._slots[one.uid]
        samples = self.streams.samples
        if one.elapsed > 0:
            table = self._left(one)
            return table.take(self._tasks[kind, rotation : rotation + samples][at], out=out, mode="clip")
        if one.shape in self._pooled:
            pool = self._pool.get((one.shape, kind))
            if pool is None:
                pool = self._pool[one.shape, kind] = self._table(one.shape).take(self._tasks[kind])
            np.multiply(pool[rotation : rotation + samples][at], one.scale, out=out)
        else:
            self._table(one.shape).take(self._tasks[kind, rotation : rotation + samples][at], out=out, mode="clip")
            np.multiply(out, one.scale, out=out)
        if one.shift:
            np.add(out, one.shift, out=out)
        return out

    def _table(self, shape: int) -> Floats:
        table = self._tables.get(shape)
        if table is None:
            quantiles = self.uncertainty.shapes[shape]
            table = np.interp(self._strata, strata(quantiles.size), quantiles).astype(np.float32)
            self._tables[shape] = table
        return table

    def _left(self, one: Draw) -> Floats:
        """Quantiles of what is left of work, given that it takes longer than what is spent already.

        Where all of the distribution is spent, what is left is at most one part in a hundred of what has been.
        """
        quantiles = one.shift + one.scale * self.uncertainty.shapes[one.shape]
        grid = strata(quantiles.size)
        spent = float(np.interp(one.elapsed, quantiles, grid, left=0.0, right=1.0))
        left = np.interp(spent + (1 - spent) * self._strata, grid, quantiles) - one.elapsed
        return np.maximum(left, self._strata * one.elapsed / 100).astype(np.float32)

    def _driver(self, driver: int) -> Floats:
        # No lru_cache: around a method it makes a ring, and rows stay in memory until the collector comes by.
        row = self._drivers.pop(driver, None)
        if row is None:
            if len(self._drivers) == ROWS_KEPT:
                del self._drivers[next(iter(self._drivers))]
            row = self._driver_row(driver)
        self._drivers[driver] = row
        return row

    def _driver_row(self, driver: int) -> Floats:
        kind, rotation = (int(slots[driver]) for slots in self._driver_slots)
        ranks = self.streams.permutations(DRIVERS)[kind, rotation : rotation + self.streams.samples]
        return _lognormal(self.streams.samples, float(self.uncertainty.driver_sd[driver])).take(ranks)

    def _impact(self, impact: int, at: At) -> Floats:
        """Minutes of one impact in these samples: nothing where the risk does not happen."""
        risks = self.uncertainty.risks
        risk = int(risks.risk[impact])
        happens = self.odds.get(risk, float(risks.probability[risk]))
        points = float(risks.low_min[impact]), float(risks.likely_min[impact]), float(risks.high_min[impact])
        table = _impact_table(self.streams.samples, happens, *points)
        return table.take(self.streams.ranks(RISKS, int(risks.uid[risk]))[at], mode="clip")


@lru_cache(maxsize=16)
def _lognormal(samples: int, sd: float) -> Floats:
    """Quantiles of a lognormal distribution of median 1 at the strata."""
    # Rounded, so that the last digit of a processor's exponential does not show.
    return np.round(np.exp(sd * normal(samples)), 6).astype(np.float32)


@lru_cache(maxsize=64)
def _impact_table(samples: int, probability: float, low: float, likely: float, high: float) -> Floats:
    """Minutes by rank: the highest ranks happen, as many of them as the probability says."""
    without = samples - round(probability * samples)
    table = np.zeros(samples, dtype=np.float32)
    table[without:] = triangular(strata(samples - without), low, likely, high)
    return table


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
            self._leading[uid] = _upstream(self.steps, [step] if step >= 0 else [])
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
    _check(network, uncertainty)
    streams = Streams(samples, seed)
    steps = steps or plan_steps(network)
    rows = Rows(uncertainty, streams, network.uid)
    draws = plan_draws(network, uncertainty, steps)
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
    needed = None if watch is None or keep else _upstream(steps, row_of)
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


def plan_draws(network: Network, uncertainty: Uncertainty, steps: Steps) -> list[Draw]:
    """How each step's work is drawn."""
    impacts: dict[int, list[int]] = {}
    by_uid = dict(zip(network.uid.tolist(), range(network.uid.size), strict=True))
    risk_uid = uncertainty.risks.uid[uncertainty.risks.risk]
    for impact in np.lexsort((risk_uid, uncertainty.risks.task)).tolist():
        task = by_uid.get(int(uncertainty.risks.task[impact]))
        if task is not None:
            impacts.setdefault(task, []).append(impact)
    uid, shape = network.uid.tolist(), uncertainty.shape.tolist()
    shift, scale = uncertainty.shift_min.tolist(), uncertainty.scale_min.tolist()
    elapsed, drivers, work = uncertainty.elapsed_min.tolist(), uncertainty.drivers.tolist(), network.work_min.tolist()
    draws = []
    for task in steps.task:
        mine = tuple(impacts[task]) if task in impacts else ()
        if shape[task] == CERTAIN:
            draws.append(Draw(uid[task], float(work[task]), impacts=mine))
        else:
            shared = tuple([driver for driver in drivers[task] if driver != NO_DRIVER])
            draws.append(Draw(uid[task], shift[task], scale[task], shape[task], elapsed[task], shared, mine))
    return draws


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


def _before(steps: Steps, step: int) -> Iterable[int]:
    yield from steps.plain[step]
    for link in steps.links[step]:
        yield link.at


def _upstream(steps: Steps, wanted: Iterable[int]) -> NDArray[np.bool_]:
    """Steps that lead to the wanted ones, these included."""
    needed = np.zeros(len(steps.task), dtype=bool)
    needed[list(wanted)] = True
    for step in range(len(steps.task) - 1, -1, -1):
        if needed[step]:
            for before in _before(steps, step):
                needed[before] = True
    return needed


def _check(network: Network, uncertainty: Uncertainty) -> None:
    size = network.uid.size
    columns = (uncertainty.shape, uncertainty.shift_min, uncertainty.scale_min, uncertainty.elapsed_min)
    if any(column.shape != (size,) for column in columns) or uncertainty.drivers.shape != (size, 2):
        raise EngineError(f"Each task needs one entry in each array of uncertainty; there are {size} tasks.")
    if np.any(uncertainty.shape >= len(uncertainty.shapes)) or np.any(
        uncertainty.drivers >= uncertainty.driver_uid.size
    ):
        raise EngineError("A task names a shape or a driver that is not there.")
    for table in uncertainty.shapes:
        if not np.all(np.isfinite(table)) or np.any(np.diff(table) < 0) or table.size == 0 or table[0] < 0:
            raise EngineError("A shape is an increasing array of quantiles, none below 0.")
    numbers = (uncertainty.shift_min, uncertainty.scale_min, uncertainty.elapsed_min, uncertainty.driver_sd)
    if not all(np.all(np.isfinite(column)) for column in numbers) or np.any(uncertainty.scale_min < 0):
        raise EngineError("Minutes and standard deviations are finite, and no scale is below 0.")
