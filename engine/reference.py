"""The reference class: what an organisation's own record says about work and promises, shrunk to the shipped default.

Little evidence leaves the default (`engine.prior`) as it is, much evidence replaces it (Kahneman and Tversky 1979;
Flyvbjerg 2006 for the use of a reference class; each formula names its own source). All functions are pure, and the
order of the records does not matter.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import prior
from engine.calendars import EngineError
from engine.network import IntArray

Doubles = NDArray[np.float64]

STRENGTH = 10  # finished milestones that weigh as much as what they are shrunk to
PROGRAMS = 20  # programs that weigh as much as the default spread between programs


@dataclass(frozen=True, slots=True)
class Finished:
    """Finished work, arrays of length n: actual over planned work, and ids of its kind, team, size class and program.

    Raises EngineError unless each ratio is a number above 0.
    """

    ratio: Doubles
    kind: IntArray
    team: IntArray
    size: IntArray
    program: IntArray

    def __post_init__(self) -> None:
        if not np.all(np.isfinite(self.ratio) & (self.ratio > 0)):
            raise EngineError("Actual over planned work is a number above 0.")

    @classmethod
    def none(cls) -> "Finished":
        """No record yet.

        >>> Finished.none().ratio.size
        0
        """
        ids = np.zeros(0, dtype=np.int64)
        return cls(np.zeros(0), ids, ids, ids, ids)


def kind_shape(finished: Finished, *, kind: int, size: int, q: int = prior.QUANTILES) -> Doubles:
    """Quantiles float64[q] of actual over planned work of a kind and size class: what its teams are shrunk to.

    >>> bool(np.array_equal(kind_shape(Finished.none(), kind=1, size=prior.LARGE), prior.ratio_shape(prior.LARGE)))
    True
    """
    portfolio = blended(prior.ratio_shape(size, q), finished.ratio)
    return blended(portfolio, finished.ratio[(finished.kind == kind) & (finished.size == size)])


def blended(default: Doubles, observed: Any, strength: int = STRENGTH) -> Doubles:
    """Quantiles of a default distribution float64[q] after n values were seen, which weigh n / (n + strength).

    The mean of a Dirichlet process after n observations is the mixture (strength x default + sum of points) /
    (strength + n) (Ferguson 1973); its quantiles are the least values that reach (i + 0.5) / q. Counted in integers, so
    the order of the values does not matter.

    >>> blended(np.array([1.0, 1.0, 2.0, 2.0]), [3.0, 3.0], strength=2).tolist()
    [1.0, 2.0, 3.0, 3.0]
    """
    observed = np.asarray(observed, dtype=np.float64)
    q = default.size
    values = np.concatenate([default, observed])
    weight = np.repeat([2 * strength, 2 * q], [q, observed.size])
    order = np.lexsort((weight, values))
    reached = np.cumsum(weight[order])
    wanted = (2 * np.arange(q) + 1) * (strength + observed.size)
    return np.asarray(values[order][np.searchsorted(reached, wanted)])


def shared_log_sd(finished: Finished) -> float:
    """Log-sd of what a program's work shares: the organisation's own spread between programs, shrunk to the default.

    The spread is the variance component of one-way analysis of variance, (between - within) / n0 mean squares, 0 where
    negative (Searle, Casella and McCulloch 1992, section 3.6); G programs give it the weight
    (G - 1) / (G - 1 + PROGRAMS), as in a scaled inverse chi-squared prior (Gelman et al. 2013, section 2.6).

    >>> shared_log_sd(Finished.none()) == prior.PROGRAM_LOG_SD
    True
    """
    order = np.lexsort((finished.ratio, finished.program))
    logs = np.log(finished.ratio[order])
    _, group, count = np.unique(finished.program[order], return_inverse=True, return_counts=True)
    groups, n = count.size, logs.size
    if groups < 2 or n == groups:
        return prior.PROGRAM_LOG_SD
    mean = np.bincount(group, logs) / count
    within = np.sum((logs - mean[group]) ** 2) / (n - groups)
    between = np.sum(count * (mean - logs.mean()) ** 2) / (groups - 1)
    typical = (n - np.sum(count**2) / n) / (groups - 1)
    own = max(0.0, float(between - within) / float(typical))
    return float(np.sqrt((PROGRAMS * prior.PROGRAM_LOG_SD**2 + (groups - 1) * own) / (PROGRAMS + groups - 1)))


@dataclass(frozen=True, slots=True)
class Pace:
    """What a program's finished work says about the rest: a factor on its work (median), and the log-sd around it."""

    factor: float
    log_sd: float


def pace(ratio: Any, planned_min: Any, *, program_log_sd: float = prior.PROGRAM_LOG_SD) -> Pace:
    """A running program's own factor, from actual over planned work of what it has finished, weighted by planned work.

    The mean of a normal with known variances (Gelman et al. 2013, section 2.5). With prior variance a =
    program_log_sd², variance b = WORK_LOG_SD² of one log ratio, and m = (sum w)² / sum w² pieces of work that count
    (Kish 1965), the weighted mean of the log ratios, each held to at most a factor e, has weight m a / (m a + b); the
    variance that remains is a b / (m a + b). Raises EngineError unless ratios are above 0 and planned work is too.

    >>> pace([], []).factor, pace([], []).log_sd == prior.PROGRAM_LOG_SD
    (1.0, True)
    """
    ratio, weight = np.asarray(ratio, dtype=np.float64), np.asarray(planned_min, dtype=np.float64)
    if not (np.all(np.isfinite(ratio) & (ratio > 0)) and np.all(np.isfinite(weight) & (weight > 0))):
        raise EngineError("Actual over planned work and planned work are numbers above 0.")
    if not ratio.size:
        return Pace(1.0, program_log_sd)
    order = np.lexsort((weight, ratio))
    logs, weight = np.clip(np.log(ratio[order]), -1, 1), weight[order]
    pieces = float(weight.sum() ** 2 / np.sum(weight**2))
    shared, single = program_log_sd**2, prior.WORK_LOG_SD**2
    trust = pieces * shared / (pieces * shared + single)
    mean = float(np.sum(weight * logs) / weight.sum())
    return Pace(float(np.exp(trust * mean)), float(np.sqrt(shared * (1 - trust))))


def chance_kept(kept: Any, missed: Any) -> Doubles:
    """Chance that a giver keeps the next promise, from those kept and missed so far, float64[...].

    Beta-binomial: (KEPT + kept) / (KEPT + MISSED + kept + missed) (Gelman et al. 2013, section 2.4). Raises EngineError
    for counts below 0.

    >>> chance_kept(0, 0) == prior.KEPT / (prior.KEPT + prior.MISSED)
    np.True_
    """
    kept, missed = np.asarray(kept, dtype=np.float64), np.asarray(missed, dtype=np.float64)
    if not (np.all(kept >= 0) and np.all(missed >= 0)):
        raise EngineError("Promises kept and missed are counted from 0 up.")
    return np.asarray((prior.KEPT + kept) / (prior.KEPT + prior.MISSED + kept + missed))


def handoff_delay(kept: int, late_days: Any, q: int = prior.QUANTILES) -> Doubles:
    """Days after its promised day that a giver delivers: quantiles float64[q], 0 where the promise is kept.

    A hurdle: `chance_kept`, and beyond it the days of the promises that were late, blended into the shipped ones
    (Mullahy 1986 for the two parts). One that is overdue and still open counts with its days so far. Raises EngineError
    for late days not above 0.

    >>> bool(np.all(handoff_delay(10**6, [], 100)[:99] == 0))
    True
    """
    late = np.asarray(late_days, dtype=np.float64)
    if not np.all(np.isfinite(late) & (late > 0)):
        raise EngineError("A late promise is late by more than 0 days.")
    chance = float(chance_kept(kept, late.size))
    tail = blended(prior.late_shape(q), late)
    middle = (np.arange(q) + 0.5) / q
    beyond = (middle - chance) / (1 - chance)
    return np.where(beyond <= 0, 0.0, tail[np.clip(np.ceil(beyond * q).astype(np.int64) - 1, 0, q - 1)])


@dataclass(frozen=True, slots=True)
class Promises:
    """Milestones that have only planned dates, and what is known of them today; int64[n] each.

    `lead_days` to the planned day; `before` milestones that come before it in its program; `kept` and `missed` promises
    of its program so far: a milestone's planned day is kept if it was finished by then, and missed once that day has
    passed or has been given up for a later one.
    """

    lead_days: IntArray
    before: IntArray
    kept: IntArray
    missed: IntArray


def features(promises: Promises) -> Doubles:
    """What the chance is a function of, float64[n, 4], in the order of `prior.CHANCE_WEIGHTS`.

    Soon (1 up to SOON_DAYS ahead, 0 from LATER_DAYS); milestones before it (up to 2) where it is soon, and where it is
    not; log odds of its program's record.

    >>> one = np.ones(1, dtype=np.int64)
    >>> features(Promises(90 * one, one, one, 0 * one)).round(2).tolist()
    [[1.0, 1.0, 0.0, 0.69]]
    """
    soon, before = _soon(promises.lead_days), np.minimum(promises.before, 2)
    record = np.log((promises.kept + 1) / (promises.missed + 1))
    return np.stack([soon, soon * before, (1 - soon) * before, record], axis=1)


def chance_on_time(promises: Promises) -> Doubles:
    """Chance float64[n] that a milestone with only planned dates is finished by its planned day.

    A logistic regression (Cox 1958), so odds of e to the power of what each feature weighs.

    >>> one = np.ones(1, dtype=np.int64)
    >>> soon, later = (Promises(days * one, one, 0 * one, 0 * one) for days in (60, 300))
    >>> bool(chance_on_time(soon) > chance_on_time(later))
    True
    """
    odds = prior.CHANCE_BASE + features(promises) @ np.array(prior.CHANCE_WEIGHTS)
    return np.asarray(1 / (1 + np.exp(-odds)))


def chance_within(promises: Promises, slots: int) -> Doubles:
    """Chance float64[n] that such a milestone is finished at most that many occasions to deliver after the planned one.

    An occasion is whatever the organisation delivers by, a release or a quarter (about `prior.SLOT_DAYS`). A hurdle:
    `chance_on_time`, and beyond it a shipped distribution of how late the late ones are, soon or later.

    >>> one = np.ones(1, dtype=np.int64)
    >>> plan = Promises(60 * one, one, 0 * one, 0 * one)
    >>> chance_within(plan, 0) == chance_on_time(plan), chance_within(plan, 99).tolist()
    (array([ True]), [1.0])
    """
    chance = chance_on_time(promises)
    if slots <= 0:
        return chance
    soon = _soon(promises.lead_days)
    tails = (prior.LATE_SLOTS_SOON, prior.LATE_SLOTS_LATER)
    by_soon, by_later = (tail[min(slots, len(tail)) - 1] for tail in tails)
    return np.asarray(chance + (1 - chance) * (soon * by_soon + (1 - soon) * by_later))


def slots_late(promises: Promises, level: float) -> IntArray:
    """The least number of occasions int64[n] after the planned one by which it is finished with that chance.

    >>> one = np.ones(1, dtype=np.int64)
    >>> slots_late(Promises(60 * one, one, 0 * one, 0 * one), 1.0) > 0
    array([ True])
    """
    return np.asarray(np.argmax(_by_slot(promises) >= level - 1e-12, axis=0))


def chance_by(promises: Promises, days_after: Any, slot_days: int = prior.SLOT_DAYS) -> Doubles:
    """Chance float64[n] of a target that lies `days_after` int64[n] the planned day; in proportion between occasions.

    0 for a target before the planned day: of the plans that the default was fitted on, 2 in 928 came earlier.

    >>> one = np.ones(1, dtype=np.int64)
    >>> plan = Promises(60 * one, one, 0 * one, 0 * one)
    >>> chance_by(plan, [0]) == chance_on_time(plan), chance_by(plan, [-1]).tolist()
    (array([ True]), [0.0])
    """
    table = _by_slot(promises)
    slots = np.asarray(days_after, dtype=np.float64) / slot_days
    at = np.clip(np.floor(slots).astype(np.int64), 0, len(table) - 2)
    low, high = (np.take_along_axis(table, one[None, :], axis=0)[0] for one in (at, at + 1))
    return np.where(slots < 0, 0.0, low + (high - low) * np.clip(slots - at, 0, 1))


def days_late(promises: Promises, level: float, slot_days: int = prior.SLOT_DAYS) -> Doubles:
    """Days float64[n] after its planned day by which it is finished with that chance: the inverse of `chance_by`.

    >>> one = np.ones(1, dtype=np.int64)
    >>> plan = Promises(60 * one, one, 0 * one, 0 * one)
    >>> chance_by(plan, days_late(plan, 0.9)).round(6).tolist()
    [0.9]
    """
    table = _by_slot(promises)
    at = np.argmax(table >= level - 1e-12, axis=0)
    low, high = (np.take_along_axis(table, one[None, :], axis=0)[0] for one in (np.maximum(at - 1, 0), at))
    inside = np.divide(level - low, high - low, out=np.ones_like(high), where=high > low)
    return np.where(at == 0, 0.0, (at - 1 + inside) * slot_days)


def _by_slot(promises: Promises) -> Doubles:
    """`chance_within` float64[slots + 1, n] for each number of occasions up to the last."""
    most = max(len(prior.LATE_SLOTS_SOON), len(prior.LATE_SLOTS_LATER))
    return np.stack([chance_within(promises, slots) for slots in range(most + 1)])


def _soon(lead_days: IntArray) -> Doubles:
    width = prior.LATER_DAYS - prior.SOON_DAYS
    return np.asarray(np.clip((prior.LATER_DAYS - lead_days) / width, 0, 1))
