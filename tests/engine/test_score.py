"""Scores of forecasts: worked examples, second opinions, and forecasters of whom it is known how good they are."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, stats

from engine import scoring
from engine.columns import NotFinite, UnequalShapes
from engine.scoring import CrossingQuantiles, FinishAhead, NotAChance, NothingToScore, Outcomes, PerfectReference

LEVELS = (0.1, 0.5, 0.8, 0.95)
events = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)
days = st.floats(-1e5, 1e5)


def test_brier_and_its_parts_as_worked_by_hand() -> None:
    parts = scoring.brier([0.9, 0.9, 0.6, 0.6, 0.2], [1, 0, 1, 1, 0])
    assert parts.score == pytest.approx(0.236)
    assert parts.reliability == pytest.approx(0.136)
    assert parts.resolution == pytest.approx(0.14)
    assert parts.uncertainty == pytest.approx(0.24)
    assert parts.within_bins == pytest.approx(0, abs=1e-15)
    assert parts.bias == pytest.approx(0.6 - 0.64)


@given(events, st.sampled_from([None, scoring.TENTHS, (0, 0.5, 1)]))
def test_the_parts_of_a_brier_score_add_up(rows: list[tuple[float, bool]], edges: Any) -> None:
    chance, came_true = zip(*rows, strict=True)
    parts = scoring.brier(chance, came_true, edges=edges)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
    assert parts.score == pytest.approx(total, abs=1e-12)
    assert parts.score == pytest.approx(np.mean((np.array(chance) - came_true) ** 2))
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0


@given(events)
def test_points_of_the_reliability_diagram_hold_every_forecast(rows: list[tuple[float, bool]]) -> None:
    chance, came_true = zip(*rows, strict=True)
    points = scoring.reliability_points(chance, came_true)
    assert points.n.sum() == len(rows)
    assert points.n @ points.observed_share == pytest.approx(sum(came_true))
    assert points.n @ points.mean_chance == pytest.approx(sum(chance))
    assert np.all(np.diff(points.bin) > 0)


def test_a_chance_on_an_edge_lies_in_the_bin_above_it_and_certainty_in_the_last() -> None:
    assert scoring.reliability_points([0, 0.1, 1], [0, 0, 1]).bin.tolist() == [0, 1, 9]


def test_crps_as_worked_by_hand() -> None:
    assert scoring.crps_sample([10, 12, 14, 20], 15) == pytest.approx(1.5)
    assert scoring.crps_sample([10, 12, 14, 20], 15, fair=True) == pytest.approx(0.8333, abs=1e-4)


@given(st.lists(days, min_size=2, max_size=30), days)
def test_crps_equals_its_definition_over_all_pairs(sample: list[float], observed: float) -> None:
    x = np.array(sample)
    pairs = np.abs(x[:, None] - x).sum()
    error = np.abs(x - observed).mean()
    score = scoring.crps_sample(x, observed)
    assert score == pytest.approx(error - pairs / (2 * x.size**2), abs=1e-6)
    assert scoring.crps_sample(x, observed, fair=True) == pytest.approx(
        error - pairs / (2 * x.size * (x.size - 1)), abs=1e-6
    )
    assert score >= -1e-9


@given(days, days, st.integers(1, 5))
def test_crps_of_a_point_is_its_distance(point: float, observed: float, size: int) -> None:
    assert scoring.crps_sample([point] * size, observed) == pytest.approx(abs(point - observed))


def test_crps_of_many_forecasts_is_that_of_each() -> None:
    rng = np.random.default_rng(4)
    samples, observed = rng.normal(20_000, 30, (3, 5, 40)), rng.normal(20_000, 30, (3, 5))
    scores = scoring.crps_sample(samples, observed)
    assert scores.shape == (3, 5)
    assert scores[2, 1] == pytest.approx(scoring.crps_sample(samples[2, 1], observed[2, 1]))


def test_crps_of_a_large_sample_is_that_of_its_law() -> None:
    """The closed form of the normal distribution: Gneiting and Raftery 2007."""
    z = (17.0 - 10) / 4
    exact = 4 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    even = (np.arange(2000) + 0.5) / 2000
    quantiles = stats.norm.ppf(even, 10, 4)
    assert scoring.crps_sample(quantiles, 17) == pytest.approx(exact, rel=1e-3)
    assert scoring.crps_quantiles(even, quantiles, 17) == pytest.approx(exact, rel=1e-3)
    assert exact == pytest.approx(
        integrate.quad(lambda x: (stats.norm.cdf(x, 10, 4) - (x >= 17)) ** 2, -40, 60, points=[17])[0], rel=1e-6
    )


@given(st.floats(0.01, 0.99), st.lists(days, min_size=1, max_size=20))
def test_the_quantile_has_the_least_pinball_loss(level: float, sample: list[float]) -> None:
    best = np.quantile(sample, level, method="inverted_cdf")
    losses = [scoring.pinball(level, value, sample).mean() for value in (best, *sample)]
    assert losses[0] <= min(losses) + 1e-6


def test_pit_as_worked_by_hand() -> None:
    pit = scoring.pit_sample([[10, 12, 14, 20]], Outcomes.of([15], [True], as_of_day=30))
    assert (pit.low.tolist(), pit.high.tolist()) == ([0.75], [0.75])


def test_the_pit_of_whole_days_is_an_interval() -> None:
    pit = scoring.pit_sample([[10, 12, 12, 20]], Outcomes.of([12], [True], as_of_day=30))
    assert (pit.low.tolist(), pit.high.tolist()) == ([0.25], [0.75])


@given(st.lists(st.integers(0, 20), min_size=4, max_size=4), st.integers(0, 25), st.booleans(), st.integers(0, 5))
def test_the_pit_of_quantiles_holds_that_of_their_sample(
    sample: list[int], finish: int, finished: bool, later: int
) -> None:
    outcomes = Outcomes.of([finish], [finished], as_of_day=finish + later)
    levels = (0.25, 0.5, 0.75)
    quantiles = np.quantile(sample, levels, method="inverted_cdf")
    exact = scoring.pit_sample([sample], outcomes)
    coarse = scoring.pit_quantiles(levels, [quantiles], outcomes)
    assert coarse.low[0] <= exact.low[0] <= exact.high[0] <= coarse.high[0]


Floats = NDArray[np.float64]


def late_and_open(rng: np.random.Generator, n: int, spread: float = 1.0) -> tuple[Floats, Floats, Outcomes, Floats]:
    """Forecasts by one whose spread is right at 1, issued over a year at the end of which a part is open.

    Samples float[n, 199], quantiles float[n, q], what became of them by then, and the finishes float[n] in the end.
    """
    issued = rng.uniform(0, 365, n)
    scale = rng.uniform(20, 200, n)
    even = (np.arange(199) + 1) / 200
    law = stats.gamma(3)
    centre = law.median()
    finish = issued + scale * law.rvs(n, random_state=rng)

    def forecast(levels: Any) -> Floats:
        return np.asarray(issued[:, None] + scale[:, None] * (centre + spread * (law.ppf(levels) - centre)))

    return forecast(even), forecast(np.array(LEVELS)), Outcomes.of(finish, finish <= 365, as_of_day=365), finish


def test_pits_of_the_true_law_are_uniform_although_many_are_open() -> None:
    samples, _, outcomes, _ = late_and_open(np.random.default_rng(1), 4000)
    assert outcomes.finished.mean() < 0.6
    share = scoring.pit_histogram(scoring.pit_sample(samples, outcomes))
    assert share.sum() == pytest.approx(1)
    assert np.abs(share - 0.1).max() < 4 * np.sqrt(0.1 * 0.9 / 4000)
    only = outcomes.finished
    kept = Outcomes(outcomes.finish_day[only], outcomes.as_of_day)
    survivors = scoring.pit_histogram(scoring.pit_sample(samples[only], kept))
    assert survivors[0] > 2 * survivors[-1]  # what scoring the finished alone would have made of it


def test_the_band_holds_the_levels_of_an_honest_forecaster_and_shows_up_a_rash_one() -> None:
    honest, rash, shares, among_decided = np.zeros(len(LEVELS)), 0, [], []
    for seed in range(200):
        _, quantiles, outcomes, finish = late_and_open(np.random.default_rng(seed), 150)
        found = scoring.coverage(LEVELS, quantiles, outcomes)
        assert np.all(found.hits + found.missed + found.undecided == 150)
        in_the_end = (finish[:, None] <= quantiles).mean(axis=0)
        assert np.all((found.least <= in_the_end) & (in_the_end <= found.most))
        honest += (found.low <= found.level) & (found.level <= found.high)
        shares.append(found.share[2])
        among_decided.append(found.hits[2] / (found.hits[2] + found.missed[2]))
        _, quantiles, outcomes, _ = late_and_open(np.random.default_rng(seed), 150, spread=0.25)
        rash += int(scoring.coverage([0.95], quantiles[:, 3:], outcomes).high[0] < 0.95)
    assert np.all(honest >= 0.9 * 200)
    assert rash >= 0.9 * 200
    assert np.mean(shares) == pytest.approx(0.8, abs=0.02)
    assert np.mean(among_decided) > 0.9  # early finishes are decided early: this is why the share asks for due ones


def test_open_forecasts_past_their_day_are_missed_and_others_left_out() -> None:
    outcomes = Outcomes.of([9, 14, 0, 0], [True, True, False, False], as_of_day=15)
    found = scoring.coverage([0.8], [[10], [12], [15], [16]], outcomes)
    assert (found.hits[0], found.missed[0], found.undecided[0]) == (1, 2, 1)
    assert (found.least[0], found.most[0]) == (0.25, 0.5)
    assert found.share[0] == pytest.approx(1 / 3)
    assert found.votes[0] == 3


def test_an_early_finish_counts_only_once_its_day_is_over() -> None:
    outcomes = Outcomes.of([9], [True], as_of_day=10)
    found = scoring.coverage([0.5, 0.8], [[10, 30]], outcomes)
    assert found.hits.tolist() == [1, 1]
    assert found.votes.tolist() == [1, 0]
    assert np.isnan(found.share[1])
    assert (found.low[1], found.high[1]) == (0, 1)


def test_forecasts_of_one_milestone_share_a_vote() -> None:
    outcomes = Outcomes.of([9, 9, 9, 20], [True] * 4, as_of_day=40)
    values = [[10], [10], [10], [12]]
    assert scoring.coverage([0.8], values, outcomes).share[0] == 0.75
    together = scoring.coverage([0.8], values, outcomes, milestone=[7, 7, 7, 8])
    assert (together.share[0], together.votes[0]) == (0.5, 2)
    apart = scoring.coverage([0.8], values, outcomes)
    assert together.high[0] - together.low[0] > apart.high[0] - apart.low[0]


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.5, 0.99))
def test_the_band_is_that_of_scipy(hits: int, misses: int, confidence: float) -> None:
    found = [float(end) for end in scoring.wilson(hits, hits + misses, confidence)]
    if hits + misses == 0:
        assert found == [0, 1]
    else:
        band = stats.binomtest(hits, hits + misses).proportion_ci(confidence, method="wilson")
        assert found == pytest.approx([band.low, band.high], abs=1e-12)


def test_an_event_is_decided_when_its_day_is_over_and_met_on_that_day_too() -> None:
    outcomes = Outcomes.of([15, 16, 0, 0], [True, True, False, False], as_of_day=20)
    assert outcomes.met([15, 15, 20, 21]).tolist() == [True, False, False, False]
    assert outcomes.due([15, 15, 20, 21]).tolist() == [True, True, True, False]


def test_lateness_counts_the_open_ones_for_what_has_passed() -> None:
    outcomes = Outcomes.of([8, 13, 0, 0], [True, True, False, False], as_of_day=20)
    found = scoring.lateness([10, 10, 10, 99], outcomes)
    assert (found.median_least, found.median_most, found.n) == (3, 3, 3)
    assert found.mean_least == pytest.approx(11 / 3)
    found = scoring.lateness([10, 10, 10, 10], outcomes)
    assert (found.median_least, found.median_most, found.n) == (6.5, np.inf, 4)
    assert scoring.lateness([99] * 4, outcomes).n == 0


def test_calibration_says_all_of_it() -> None:
    _, quantiles, outcomes, _ = late_and_open(np.random.default_rng(3), 2000)
    found = scoring.calibrate(LEVELS, quantiles, outcomes)
    assert (found.n, found.finished) == (2000, int(outcomes.finished.sum()))
    assert found.coverage.share == pytest.approx(LEVELS, abs=0.04)
    assert found.pit_share == pytest.approx(0.1, abs=0.03)
    assert found.lateness is not None
    assert abs(found.lateness.median_least) < 10
    assert scoring.calibrate([0.8], quantiles[:, 2:3], outcomes).lateness is None


def test_skill_is_the_share_gained_on_a_reference() -> None:
    assert scoring.skill([1, 1], [2, 2]) == 0.5
    assert scoring.skill([3], [2]) == -0.5
    with pytest.raises(PerfectReference):
        scoring.skill([1], [0])


@pytest.mark.parametrize(
    ("error", "ask"),
    [
        (NothingToScore, lambda: scoring.brier([], [])),
        (NotAChance, lambda: scoring.brier([1.1], [1])),
        (NotAChance, lambda: scoring.brier([0.5], [0.5])),
        (NotFinite, lambda: scoring.brier([np.nan], [1])),
        (UnequalShapes, lambda: scoring.brier([0.5, 0.5], [1])),
        (NotAChance, lambda: scoring.reliability_points([0.5], [1], edges=[0, 0.5])),
        (NothingToScore, lambda: scoring.crps_sample([], 1)),
        (NothingToScore, lambda: scoring.crps_sample([1], 1, fair=True)),
        (NotFinite, lambda: scoring.crps_sample([1, np.inf], 1)),
        (UnequalShapes, lambda: scoring.crps_sample([[1, 2]], [1, 2])),
        (UnequalShapes, lambda: scoring.crps_sample([1, 2], [1, 2])),
        (NotAChance, lambda: scoring.pinball(1, 2, 3)),
        (NotAChance, lambda: scoring.crps_quantiles([0.8, 0.5], [1, 2], 1)),
        (NothingToScore, lambda: scoring.crps_quantiles([], np.zeros((2, 0)), [1, 2])),
        (CrossingQuantiles, lambda: scoring.crps_quantiles([0.5, 0.8], [2, 1], 1)),
        (UnequalShapes, lambda: scoring.crps_quantiles([0.5, 0.8], [1, 2, 3], 1)),
        (NotAChance, lambda: scoring.wilson(3, 2)),
        (NotAChance, lambda: scoring.wilson(1, 2, confidence=1)),
        (FinishAhead, lambda: Outcomes.of([5], [True], as_of_day=4)),
        (NotFinite, lambda: Outcomes.of([np.nan], [True], as_of_day=4)),
        (NotFinite, lambda: Outcomes.of([1], [True], as_of_day=np.nan)),
        (UnequalShapes, lambda: Outcomes.of([1, 2], [True], as_of_day=4)),
        (NothingToScore, lambda: scoring.coverage([0.8], np.zeros((0, 1)), Outcomes.of([], [], as_of_day=4))),
        (UnequalShapes, lambda: scoring.coverage([0.8], [[1], [2]], Outcomes.of([1], [True], as_of_day=4))),
        (NothingToScore, lambda: scoring.pit_sample(np.zeros((1, 0)), Outcomes.of([1], [True], as_of_day=4))),
        (NothingToScore, lambda: scoring.skill([], [])),
        (
            NothingToScore,
            lambda: scoring.pit_histogram(scoring.pit_sample(np.zeros((0, 3)), Outcomes.of([], [], as_of_day=4))),
        ),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(error: type[Exception], ask: Any) -> None:
    with pytest.raises(error):
        ask()


def test_the_day_of_an_open_one_is_not_read() -> None:
    assert Outcomes.of([np.nan], [False], as_of_day=4).finish_day.tolist() == [np.inf]
