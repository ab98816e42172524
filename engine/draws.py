"""What is uncertain about work, and the rows that are drawn of it: distributions, what tasks share, risks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.calendars import EngineError
from engine.network import IntArray, Network
from engine.streams import DRIVERS, PERMUTATIONS, RISKS, TASKS, Floats, Streams, normal, strata, triangular

Doubles = NDArray[np.float64]
At = slice | IntArray  # which samples of a row

ALL = slice(None)

CERTAIN = -1  # a task's shape: its work is what the network says
NO_DRIVER = -1
ROWS_KEPT = 400  # drivers' rows that are kept at hand


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


def plan_draws(network: Network, uncertainty: Uncertainty, tasks: Sequence[int]) -> list[Draw]:
    """How the work of each of these tasks (positions) is drawn."""
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
    for task in tasks:
        mine = tuple(impacts[task]) if task in impacts else ()
        if shape[task] == CERTAIN:
            draws.append(Draw(uid[task], float(work[task]), impacts=mine))
        else:
            shared = tuple([driver for driver in drivers[task] if driver != NO_DRIVER])
            draws.append(Draw(uid[task], shift[task], scale[task], shape[task], elapsed[task], shared, mine))
    return draws


def check(network: Network, uncertainty: Uncertainty) -> None:
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
