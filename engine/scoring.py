"""How good forecasts were: scores of chances and of dates, and whether an 80 % comes true in 80 of 100 cases.

A forecast whose milestone is still open counts too. Who scores the finished ones alone keeps the early ones and drops
the late: each forecast then looks better than it is. Hence two rules. A forecast is judged at a level only when the
day it gave for that level is over, whatever has become of it; and where an outcome is known only to lie beyond a day,
results are intervals.

Sources: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78 (1950); Murphy,
"A new vector partition of the probability score", J. Applied Meteorology 12 (1973); Gneiting and Raftery, "Strictly
proper scoring rules", JASA 102 (2007).
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from engine.calendars import EngineError, IntArray
from engine.columns import BoolArray, FloatArray, UnequalShapes, finite, same_shape

TENTHS = tuple(tenth / 10 for tenth in range(11))


class NothingToScore(EngineError):
    """A score is asked for where there is no forecast, or too small a sample."""


class NotAChance(EngineError):
    """A chance or a level that does not lie between 0 and 1, or levels and edges out of order."""


class CrossingQuantiles(EngineError):
    """A forecast whose date for a higher level lies before that for a lower one."""


class FinishAhead(EngineError):
    """A finish later than the last day that anything is known of."""


class PerfectReference(EngineError):
    """A skill against a reference that is never wrong: there is nothing to gain on it."""


@dataclass(frozen=True, slots=True)
class Brier:
    """Mean squared error of chances, and what it consists of.

    `score` = `reliability` - `resolution` + `uncertainty` + `within_bins`. Reliability: how far the groups' chances lie
    from what happened, 0 at best. Resolution: how far what happened differs between groups, the more the better.
    Uncertainty: what one would score who always names the base rate. `within_bins` is what grouping unlike chances
    hides, 0 where a group holds equal chances. `bias` is the observed share minus the mean chance.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float
    bias: float
    n: int


@dataclass(frozen=True, slots=True)
class ReliabilityPoints:
    """Points of a reliability diagram, lowest chances first, empty bins left out.

    `bin` int64[k], `mean_chance` and `observed_share` float64[k], `n` int64[k] forecasts in each.
    """

    bin: IntArray
    mean_chance: FloatArray
    observed_share: FloatArray
    n: IntArray


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of what was forecast, known to the end of `as_of_day`.

    `finish_day` float64[n], infinite where it is still open then.

    >>> outcomes = Outcomes.of([12, 0], [True, False], as_of_day=20)
    >>> outcomes.due([15, 15]).tolist(), outcomes.met([15, 15]).tolist()
    ([True, True], [True, False])
    >>> Outcomes.of([12], [True], as_of_day=10)
    Traceback (most recent call last):
        ...
    engine.scoring.FinishAhead: What is known ends on day 10; forecast 0 finished on day 12.
    """

    finish_day: FloatArray
    as_of_day: float

    @classmethod
    def of(cls, finish_day: Any, finished: Any, *, as_of_day: float) -> "Outcomes":
        """From finishes float[n], read only where `finished` bool[n]; days since any one day, also parts of days.

        Raises NotFinite, UnequalShapes, FinishAhead.
        """
        done = np.asarray(finished, dtype=bool)
        days = np.asarray(finish_day)
        same_shape("forecast", days, done)
        known = finite("A finish", np.where(done, days, 0))
        end = float(finite("The last known day", as_of_day))
        ahead = np.flatnonzero(done & (known > end))
        if ahead.size:
            raise FinishAhead(
                f"What is known ends on day {end:g}; forecast {ahead[0]} finished on day {known[ahead[0]]:g}."
            )
        return cls(np.where(done, known, np.inf), end)

    @property
    def finished(self) -> BoolArray:
        """Which have finished, bool[n]."""
        return np.isfinite(self.finish_day)

    def due(self, day: Any) -> BoolArray:
        """Whether a forecast's `day` float[n] is over, and so its event decided."""
        return np.asarray(finite("A day", day) <= self.as_of_day)

    def met(self, day: Any) -> BoolArray:
        """Whether it finished by `day` float[n]; False while it is open."""
        return np.asarray(self.finish_day <= finite("A day", day))


@dataclass(frozen=True, slots=True)
class Pit:
    """Where outcomes lie in their forecasts' distributions (probability integral transform), as intervals in [0, 1].

    `low`, `high` float64[n]: the chance given to less than what happened, and to no more than that. They are equal
    where the forecast is continuous and the outcome known; an open one reaches up to 1.
    """

    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often what was forecast came by the day given for a level; arrays of length q follow the levels.

    `hits`, `missed`, `undecided` int64[q] add up to all forecasts: open ones past their day are missed, those that can
    still go either way undecided. `least`, `most` float64[q] bound the share of all, if every undecided one missed or
    hit. `share` is that of the forecasts whose day is over (NaN without any), one vote for each milestone; such a
    choice depends on the forecast alone, so it is fair where hits among all decided ones would flatter: early finishes
    are decided early. `votes` int64[q] cast, and `low`, `high` the binomial band around the share.
    """

    level: FloatArray
    hits: IntArray
    missed: IntArray
    undecided: IntArray
    least: FloatArray
    most: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    votes: IntArray


@dataclass(frozen=True, slots=True)
class Lateness:
    """Bias in days: by how much finishes came after the days forecast, over the `n` forecasts whose day is over.

    An open one is late by at least what has passed, hence bounds: `median_least` and `median_most` days (infinite when
    half or more are open), and `mean_least`, the least that the mean can be. NaN without any.
    """

    median_least: float
    median_most: float
    mean_least: float
    n: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether forecasts by quantiles mean what they say; `pit_share` float64[bins], each 1/bins at best.

    `lateness` is that against the median; None when 0.5 is not among the levels.
    """

    coverage: Coverage
    pit_share: FloatArray
    lateness: Lateness | None
    n: int
    finished: int


def brier(chance: Any, came_true: Any, *, edges: Any = None) -> Brier:
    """Brier score of chances float[n] in [0, 1] against what came true, bool[n], and its parts.

    Groups are equal chances, or bins between `edges` float[k + 1], the upper edge outside but for the last; the parts
    add up exactly either way (Stephenson, Coelho and Jolliffe, Weather and Forecasting 23, 2008). Of open events give
    those whose day is over (`Outcomes.due`). Raises NothingToScore, NotAChance, NotFinite, UnequalShapes.

    >>> parts = brier([0.9, 0.9, 0.6, 0.6, 0.2], [1, 0, 1, 1, 0])
    >>> [round(part, 3) for part in (parts.score, parts.reliability, parts.resolution, parts.uncertainty)]
    [0.236, 0.136, 0.14, 0.24]
    """
    chance, happened = _events(chance, came_true)
    _, group = np.unique(chance if edges is None else _bins(chance, edges), return_inverse=True)
    size = np.bincount(group)
    mean, share = np.bincount(group, chance) / size, np.bincount(group, happened) / size
    base = float(happened.mean())
    apart = chance - mean[group]
    return Brier(
        score=float(np.mean((chance - happened) ** 2)),
        reliability=float(np.sum(size * (mean - share) ** 2) / chance.size),
        resolution=float(np.sum(size * (share - base) ** 2) / chance.size),
        uncertainty=base * (1 - base),
        within_bins=float(np.mean(apart * (apart - 2 * (happened - share[group])))),
        bias=base - float(chance.mean()),
        n=chance.size,
    )


def reliability_points(chance: Any, came_true: Any, edges: Any = TENTHS) -> ReliabilityPoints:
    """What happened, by what was forecast: chances float[n] in bins between `edges` float[k + 1], came true bool[n].

    Raises NothingToScore, NotAChance, NotFinite, UnequalShapes.

    >>> points = reliability_points([0.9, 0.9, 0.6, 0.6, 0.2], [1, 0, 1, 1, 0])
    >>> points.bin.tolist(), points.observed_share.tolist(), points.n.tolist()
    ([2, 6, 9], [0.0, 1.0, 0.5], [1, 2, 2])
    """
    chance, happened = _events(chance, came_true)
    found, group, size = np.unique(_bins(chance, edges), return_inverse=True, return_counts=True)
    return ReliabilityPoints(found, np.bincount(group, chance) / size, np.bincount(group, happened) / size, size)


def crps_sample(samples: Any, observed: Any, *, fair: bool = False) -> FloatArray:
    """Continuous ranked probability score float64[...] of samples float[..., S] against what happened, float[...].

    In the unit of both: E|X - y| - E|X - X'| / 2, by one sort of each sample. `fair` divides the second mean by S - 1
    for S, so that the expected score does not depend on the size of the sample (Ferro, Q. J. R. Meteorol. Soc. 140,
    2014). Raises NothingToScore for an empty sample, or a fair score of one; NotFinite; UnequalShapes.

    >>> float(crps_sample([10, 12, 14, 20], 15)), round(float(crps_sample([10, 12, 14, 20], 15, fair=True)), 3)
    (1.5, 0.833)
    """
    samples, observed = _rows(samples, observed)
    size = samples.shape[-1]
    if size < 1 + fair:
        raise NothingToScore(f"A {'fair ' * fair}score needs a sample of {1 + fair} or more, not {size}.")
    error = np.sort(samples - observed[..., None], axis=-1)
    rank = 2.0 * np.arange(size) - (size - 1)
    return np.asarray(np.abs(error).mean(axis=-1) - error @ rank / (size * (size - fair)))


def pinball(level: Any, value: Any, observed: Any) -> FloatArray:
    """Loss of quantile forecasts, broadcast: each day too early costs `level`, each day too late 1 - `level`.

    Raises NotAChance, NotFinite (Koenker and Bassett, Econometrica 46, 1978).

    >>> pinball(0.75, [10, 18], 14).tolist()
    [3.0, 1.0]
    """
    level, error = _levels(level), finite("What happened", observed) - finite("A quantile", value)
    return np.asarray(np.maximum(level * error, (level - 1) * error))


def crps_quantiles(levels: Any, values: Any, observed: Any) -> FloatArray:
    """Approximate CRPS float64[...] of quantiles float[..., q] at rising levels float[q] against float[...].

    Twice the mean pinball loss over the levels as they are, without weights (with symmetric levels the weighted
    interval score of Bracher et al., PLoS Comput. Biol. 17, 2021). It tends to the CRPS for even levels (k - 1/2) / q;
    otherwise compare only forecasts of the same levels. Raises NothingToScore, NotAChance, CrossingQuantiles,
    NotFinite, UnequalShapes.

    >>> crps_quantiles([0.25, 0.75], [[10, 20]], [15]).tolist()
    [2.5]
    """
    levels, values = _quantiles(levels, values)
    values, observed = _rows(values, observed)
    return np.asarray(2 * pinball(levels, values, observed[..., None]).mean(axis=-1))


def skill(score: Any, reference: Any) -> float:
    """Share by which the mean of scores float[n] is better than that of a reference's: 1 perfect, 0 no better.

    Raises NothingToScore, PerfectReference, NotFinite, UnequalShapes.

    >>> skill([1, 2], [4, 2])
    0.5
    """
    score, reference = finite("A score", score), finite("A reference's score", reference)
    same_shape("score", score, reference)
    if not score.size:
        raise NothingToScore("There is no score to compare.")
    if not reference.any():
        raise PerfectReference("A reference that is never wrong leaves nothing to gain.")
    return float(1 - score.mean() / reference.mean())


def wilson(hits: Any, n: Any, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Band of a binomial share, broadcast: the chances with which `hits` of `n` are not unusual; (0, 1) for n = 0.

    Wilson's (JASA 22, 1927), not Clopper and Pearson's: on average it holds the truth as often as it says, where theirs
    is wider than need be (Brown, Cai and DasGupta, Statistical Science 16, 2001); it is a formula, and takes parts of
    votes. Raises NotAChance, NotFinite.

    >>> [round(float(end), 3) for end in wilson(8, 10)]
    [0.49, 0.943]
    """
    hits, n = finite("A count", hits), finite("A count", n)
    if np.any((hits < 0) | (hits > n)):
        raise NotAChance("Hits lie between none and all.")
    if not 0 < confidence < 1:
        raise NotAChance(f"A confidence lies between 0 and 1, unlike {confidence}.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    some = np.where(n > 0, n, 1)
    share = hits / some
    centre = (share + z * z / (2 * some)) / (1 + z * z / some)
    half = z * np.sqrt(share * (1 - share) / some + (z / (2 * some)) ** 2) / (1 + z * z / some)
    return np.where(hits == 0, 0.0, centre - half), np.where(hits == n, 1.0, centre + half)


def usual_shares(level: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Least and most of the shares of `n` votes in whose band (`wilson`) `level` lies: those that do not contradict it.

    >>> [round(end, 2) for end in usual_shares(0.5, 7)], [round(end, 2) for end in usual_shares(0.5, 700)]
    ([0.13, 0.87], [0.46, 0.54])
    """
    half = NormalDist().inv_cdf((1 + confidence) / 2) * (level * (1 - level) / n) ** 0.5
    return max(0.0, level - half), min(1.0, level + half)


def pit_sample(samples: Any, outcomes: Outcomes) -> Pit:
    """PIT of samples float[n, S] (days) against outcomes of n forecasts; open ones lie in [F(as of), 1].

    Raises NothingToScore for an empty sample; NotFinite; UnequalShapes.

    >>> pit = pit_sample([[10, 12, 14, 20]] * 2, Outcomes.of([15, 0], [True, False], as_of_day=16))
    >>> pit.low.tolist(), pit.high.tolist()
    ([0.75, 0.75], [0.75, 1.0])
    """
    samples, seen = _rows(samples, np.minimum(outcomes.finish_day, outcomes.as_of_day))
    if not samples.shape[-1]:
        raise NothingToScore("A sample needs a member.")
    until = (samples <= seen[:, None]).mean(axis=-1)
    before = (samples < seen[:, None]).mean(axis=-1)
    return Pit(np.where(outcomes.finished, before, until), np.where(outcomes.finished, until, 1.0))


def pit_quantiles(levels: Any, values: Any, outcomes: Outcomes) -> Pit:
    """PIT of quantiles float[n, q] (days) at rising levels float[q]: between the levels around what happened.

    Nothing is interpolated; open ones reach from the last level that has passed to 1. Raises NothingToScore,
    NotAChance, CrossingQuantiles, NotFinite, UnequalShapes.

    >>> outcomes = Outcomes.of([15, 0], [True, False], as_of_day=16)
    >>> pit = pit_quantiles([0.2, 0.5, 0.8], [[10, 14, 20]] * 2, outcomes)
    >>> pit.low.tolist(), pit.high.tolist()
    ([0.5, 0.5], [0.8, 1.0])
    """
    levels, values = _quantiles(levels, values)
    values, seen = _rows(values, np.minimum(outcomes.finish_day, outcomes.as_of_day))
    steps = np.concatenate([[0.0], levels, [1.0]])
    until = np.count_nonzero(values <= seen[:, None], axis=-1)
    before = np.count_nonzero(values < seen[:, None], axis=-1)
    low = steps[np.where(outcomes.finished, before, until)]
    return Pit(low, np.where(outcomes.finished, steps[until + 1], 1.0))


def pit_histogram(pit: Pit, bins: int = 10) -> FloatArray:
    """Shares float64[bins] of PITs, each spread evenly over its interval; each 1/bins if forecasts mean what they say.

    So spread, open and whole-day outcomes do not bend it (Czado, Gneiting and Held, Biometrics 65, 2009). A hump in the
    middle: too unsure; a trough: too sure; leaning right: late. Raises NothingToScore.

    >>> pit_histogram(Pit(np.array([0.75, 0.5]), np.array([0.75, 1.0])), bins=4).tolist()
    [0.0, 0.0, 0.25, 0.75]
    """
    if not pit.low.size or bins < 1:
        raise NothingToScore("A histogram needs a forecast and a bin.")
    edges = np.linspace(0, 1, bins + 1)
    width = pit.high - pit.low
    wide = width > 0
    reach = np.clip((edges[:, None] - pit.low[wide]) / width[wide], 0, 1).sum(axis=1)
    points = np.minimum(pit.low[~wide] * bins, bins - 1).astype(np.int64)
    return np.asarray((np.diff(reach) + np.bincount(points, minlength=bins)) / pit.low.size)


def coverage(
    levels: Any, values: Any, outcomes: Outcomes, *, milestone: Any = None, confidence: float = 0.95
) -> Coverage:
    """How often quantiles float[n, q] (days) at rising levels float[q] were kept, open forecasts included.

    `milestone` int[n]: forecasts of one milestone share a vote, since they come true together; without it each has its
    own. Raises NothingToScore, NotAChance, CrossingQuantiles, NotFinite, UnequalShapes.

    >>> outcomes = Outcomes.of([9, 14, 0, 0], [True, True, False, False], as_of_day=15)
    >>> kept = coverage([0.8], [[10], [12], [13], [30]], outcomes)
    >>> [column.tolist() for column in (kept.hits, kept.missed, kept.undecided, kept.least, kept.most, kept.votes)]
    [[1], [2], [1], [0.25], [0.5], [3]]
    """
    levels, values = _quantiles(levels, values)
    values, _ = _rows(values, np.minimum(outcomes.finish_day, outcomes.as_of_day))
    n = values.shape[0]
    if not n:
        raise NothingToScore("There is no forecast to score.")
    owner = np.arange(n) if milestone is None else np.asarray(milestone)
    same_shape("forecast", outcomes.finish_day, owner)
    _, owner = np.unique(owner, return_inverse=True)
    due, hit = outcomes.due(values), outcomes.finish_day[:, None] <= values
    missed = due & ~hit
    per_owner = np.zeros((2, owner.max() + 1, levels.size))
    np.add.at(per_owner[0], owner, due)
    np.add.at(per_owner[1], owner, due & hit)
    votes = np.count_nonzero(per_owner[0], axis=0)
    kept = (per_owner[1] / np.maximum(per_owner[0], 1)).sum(axis=0)
    low, high = wilson(kept, votes, confidence)
    hits, misses = np.count_nonzero(hit, axis=0), np.count_nonzero(missed, axis=0)
    return Coverage(
        level=levels,
        hits=hits,
        missed=misses,
        undecided=n - hits - misses,
        least=hits / n,
        most=1 - misses / n,
        share=np.where(votes > 0, kept / np.maximum(votes, 1), np.nan),
        low=low,
        high=high,
        votes=votes,
    )


def lateness(forecast_day: Any, outcomes: Outcomes) -> Lateness:
    """Days from forecasts float[n] (their median, or the one day they named) to what happened; later is positive.

    Raises NotFinite, UnequalShapes.

    >>> lateness([10, 10, 10, 99], Outcomes.of([8, 13, 0, 0], [True, True, False, False], as_of_day=20))
    Lateness(median_least=3.0, median_most=3.0, mean_least=3.6666666666666665, n=3)
    """
    day = finite("A day", forecast_day)
    same_shape("forecast", outcomes.finish_day, day)
    due = outcomes.due(day)
    late = (outcomes.finish_day - day)[due]
    if not late.size:
        return Lateness(np.nan, np.nan, np.nan, 0)
    least = np.minimum(late, outcomes.as_of_day - day[due])
    return Lateness(float(np.median(least)), float(np.median(late)), float(least.mean()), late.size)


def calibrate(levels: Any, values: Any, outcomes: Outcomes, *, milestone: Any = None, bins: int = 10) -> Calibration:
    """Coverage, PIT histogram and lateness of quantiles float[n, q] (days) at rising levels float[q].

    `milestone` int[n] as in `coverage`, and for that alone. Raises NothingToScore, NotAChance, CrossingQuantiles,
    NotFinite, UnequalShapes.

    >>> outcomes = Outcomes.of([9, 14, 0], [True, True, False], as_of_day=15)
    >>> found = calibrate([0.5, 0.8], [[8, 10], [11, 12], [12, 13]], outcomes, bins=2)
    >>> found.pit_share.round(3).tolist(), found.lateness.median_least, found.finished
    ([0.0, 1.0], 3.0, 2)
    """
    kept = coverage(levels, values, outcomes, milestone=milestone)
    middle = np.flatnonzero(kept.level == 0.5)
    return Calibration(
        coverage=kept,
        pit_share=pit_histogram(pit_quantiles(levels, values, outcomes), bins),
        lateness=lateness(np.asarray(values)[:, middle[0]], outcomes) if middle.size else None,
        n=outcomes.finish_day.size,
        finished=int(np.count_nonzero(outcomes.finished)),
    )


def _events(chance: Any, came_true: Any) -> tuple[FloatArray, FloatArray]:
    chance, happened = finite("A chance", chance), finite("What came true", came_true)
    same_shape("forecast", chance, happened)
    if not chance.size:
        raise NothingToScore("There is no forecast to score.")
    if np.any((chance < 0) | (chance > 1)):
        raise NotAChance("A chance lies between 0 and 1.")
    if np.any((happened != 0) & (happened != 1)):
        raise NotAChance("An event has come true or not: 1 or 0.")
    return chance, happened


def _bins(chance: FloatArray, edges: Any) -> IntArray:
    edges = finite("An edge", edges)
    if edges.size < 2 or edges[0] > 0 or edges[-1] < 1 or np.any(np.diff(edges) <= 0):
        raise NotAChance("Edges of bins rise from 0 to 1.")
    return np.asarray(np.minimum(np.searchsorted(edges, chance, side="right") - 1, edges.size - 2))


def _levels(levels: Any) -> FloatArray:
    chances = finite("A level", levels)
    if np.any((chances <= 0) | (chances >= 1)):
        raise NotAChance("A level lies between 0 and 1.")
    return chances


def _quantiles(levels: Any, values: Any) -> tuple[FloatArray, FloatArray]:
    levels, values = _levels(levels), finite("A quantile", values)
    if not levels.size:
        raise NothingToScore("A forecast by quantiles needs a level.")
    if np.any(np.diff(levels) <= 0):
        raise NotAChance("Levels must rise.")
    if values.shape[-1:] != levels.shape:
        raise UnequalShapes(f"Each level needs a quantile; the shapes are {levels.shape} and {values.shape}.")
    if np.any(np.diff(values, axis=-1) < 0):
        raise CrossingQuantiles("A higher level cannot lie before a lower one.")
    return levels, values


def _rows(rows: Any, observed: Any) -> tuple[FloatArray, FloatArray]:
    rows, observed = finite("A forecast", rows), finite("What happened", observed)
    if rows.ndim != observed.ndim + 1:
        raise UnequalShapes(f"Each forecast needs a row; the shapes are {rows.shape} and {observed.shape}.")
    same_shape("forecast", observed, rows[..., 0] if rows.shape[-1] else observed)
    return rows, observed
