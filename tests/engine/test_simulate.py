"""Simulation: equal to the critical path method where nothing is uncertain, to worked numbers where something is."""

import gc
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine import cpm
from engine.calendars import ALL_HOURS, EngineError, HorizonError, WorkCalendar, day_of
from engine.draws import CERTAIN, NO_DRIVER, ROWS_KEPT, Risks, Uncertainty
from engine.network import NO_DAY, Links, Network, compile
from engine.simulation import LEVELS, Run, simulate
from engine.streams import DRIVERS, TASKS, Streams, strata, triangular

START = day_of("2026-03-02")
OFFICE = WorkCalendar.of_minutes((480,) * 5 + (0, 0), holidays=frozenset({START + 2}))
CALENDARS = [OFFICE, ALL_HOURS, WorkCalendar(week=((), *(((420, 660), (720, 1020)),) * 4, (), ()))]
RATIO = triangular(strata(200), 0.8, 1.0, 1.9)


def parallel(count: int) -> Network:
    links = Links.of([(task, 99, "FS", 0) for task in range(1, count + 1)])
    return compile([*range(1, count + 1), 99], [100] * count + [0], [ALL_HOURS], [0] * (count + 1), links, status_day=0)


def uncertain(network: Network, shape: Any = None, **columns: Any) -> Uncertainty:
    """Each task of a network with work: its minutes times the shared ratio."""
    works = network.work_min > 0
    plain = Uncertainty.none(network.uid.size)
    return replace(
        plain,
        shapes=(RATIO if shape is None else shape,),
        shape=np.where(works, 0, CERTAIN),
        scale_min=network.work_min.astype(float),
        **columns,
    )


@st.composite
def networks(draw: st.DrawFn, calendars: int = 1, leads: bool = True) -> Network:
    """Small networks of all link types, some of it begun or held by a day; links go from lower to higher numbers."""
    seed = draw(st.integers(0, 1 << 30))
    rng = np.random.default_rng(seed)
    n = draw(st.integers(1, 14))
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n) if rng.random() < 0.3]
    uids = rng.permutation(500)[:n]
    low = -900 if leads else 0
    links = Links(
        uids[[a for a, _ in pairs]] if pairs else np.zeros(0, dtype=np.int64),
        uids[[b for _, b in pairs]] if pairs else np.zeros(0, dtype=np.int64),
        rng.integers(0, 4 if leads else 1, len(pairs)),
        np.where(rng.random(len(pairs)) < 0.5, 0, rng.integers(low, 900, len(pairs))),
    )
    begun = np.where(rng.random(n) < 0.2, START - rng.integers(1, 9, n), NO_DAY)
    return compile(
        uids,
        np.where(rng.random(n) < 0.2, 0, rng.integers(1, 4_000, n)),
        CALENDARS[:calendars],
        rng.integers(0, calendars, n),
        links,
        status_day=START,
        actual_start_day=begun,
        actual_finish_day=np.where((begun != NO_DAY) & (rng.random(n) < 0.4), START - 1, NO_DAY),
        not_before_day=np.where(rng.random(n) < 0.2, START + rng.integers(0, 12, n), NO_DAY),
    )


@given(networks())
@settings(max_examples=150)
def test_without_uncertainty_the_days_are_those_of_the_critical_path(network: Network) -> None:
    run = simulate(network, Uncertainty.none(network.uid.size), seed=3, samples=2)
    assert run.quantile_day[:, 0].tolist() == cpm.schedule(network).early_finish_day.tolist()


@given(networks(calendars=3, leads=False))
def test_calendars_change_nothing_about_that(network: Network) -> None:
    run = simulate(network, Uncertainty.none(network.uid.size), seed=3, samples=2)
    assert run.quantile_day[:, 0].tolist() == cpm.schedule(network).early_finish_day.tolist()


@given(networks(calendars=3), st.integers(0, 5))
@settings(max_examples=50)
def test_quantiles_rise_and_the_order_of_rows_does_not_matter(network: Network, seed: int) -> None:
    run = simulate(network, uncertain(network), seed=seed, samples=200)
    assert np.all(np.diff(run.quantile_min, axis=1) >= 0)
    order = np.random.default_rng(seed).permutation(network.uid.size)
    other = _reordered(network, order)
    again = simulate(other, uncertain(other), seed=seed, samples=200)
    assert again.quantile_min.tobytes() == run.quantile_min[order].tobytes()


def _reordered(network: Network, order: Any) -> Network:
    links = np.random.default_rng(1).permutation(network.link_pred.size)
    return compile(
        network.uid[order],
        network.duration_min[order],
        network.calendars.calendars,
        network.calendar[order],
        Links(
            network.uid[network.link_pred[links]],
            network.uid[network.link_succ[links]],
            network.link_type[links],
            network.link_lag_min[links],
        ),
        status_day=network.status_day,
        actual_start_day=np.where(network.started | network.done, network.actual_start_day, NO_DAY)[order],
        actual_finish_day=network.actual_finish_day[order],
        not_before_day=network.not_before_day[order],
    )


@pytest.mark.parametrize(("paths", "middle", "on_time"), [(1, 100.0, 0.5), (2, 104.69, 0.25), (4, 108.72, 0.0625)])
def test_merge_bias_of_parallel_paths(paths: int, middle: float, on_time: float) -> None:
    """Triangular(80, 100, 120) in parallel: 1 - sqrt(2(1 - p^(1/k))) by hand for p = .5."""
    network = parallel(paths)
    points = [80] * paths + [0], [100] * paths + [0], [120] * paths + [0]
    run = simulate(network, Uncertainty.three_points(*points), seed=5)
    end = run.at(99)
    assert run.quantile_min[end, 9] == pytest.approx(middle, abs=0.35)
    assert np.count_nonzero(_row(run, 99) <= 100) / run.samples == pytest.approx(on_time, abs=0.012)


def _row(run: Run, uid: int) -> Any:
    kept = simulate(run.network, run.uncertainty, seed=run.seed, samples=run.samples, keep=True)
    return kept.sample(kept.network.index(uid))


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 1.0])
def test_correlation_by_a_shared_driver(rho: float) -> None:
    """Ten tasks in a row, standard deviation 3 each: 9.49, 18.25, 24 and 30 at correlation 0, .3, .6 and 1.

    A lognormal of small variance is as good as normal, so that the variances of driver and own row add up.
    """
    mean, sd = 300.0, 3.0
    network = compile(
        range(10), [300] * 10, [ALL_HOURS], [0] * 10, Links.of([(k, k + 1, "FS", 0) for k in range(9)]), status_day=0
    )
    own = stats.norm(1, sd / mean * np.sqrt(1 - rho)).ppf(strata(500)) if rho < 1 else np.ones(500)
    shared = uncertain(network, own, driver_uid=np.array([4]), driver_sd=np.array([sd / mean * np.sqrt(rho)]))
    shared = replace(shared, drivers=np.stack([np.zeros(10, dtype=int), np.full(10, -1)], axis=1))
    expected = {0.0: 9.49, 0.3: 18.25, 0.6: 24.0, 1.0: 30.0}[rho]
    row = _row(simulate(network, shared, seed=2), 9)
    assert row.std() == pytest.approx(expected, rel=0.03)
    assert np.quantile(row, 0.8) - np.quantile(row, 0.5) == pytest.approx(0.8416 * expected, rel=0.05)


def test_a_risk_costs_what_it_says() -> None:
    """It happens in exactly its share of samples, and adds its impact there."""
    network = compile([1], [100], [ALL_HOURS], [0], Links.of([]), status_day=0)
    row = _row(simulate(network, Uncertainty.none(1, Risks.of([(7, 0.3)], [(7, 1, 40, 60, 80)])), seed=1), 1)
    assert np.count_nonzero(row > 100) == 3_000
    assert row[row > 100].mean() == pytest.approx(160, abs=0.5)
    assert row[row > 100].min() >= 140
    assert row.max() <= 180


def test_a_risk_hits_all_its_milestones_together() -> None:
    network = compile([1, 2], [100, 100], [ALL_HOURS], [0, 0], Links.of([]), status_day=0)
    risks = Risks.of([(7, 0.25)], [(7, 1, 10, 20, 30), (7, 2, 10, 20, 30)])
    run = simulate(network, Uncertainty.none(2, risks), seed=1, keep=True)
    assert np.array_equal(run.sample(0), run.sample(1))


def test_started_work_is_drawn_on_the_condition_of_what_is_spent() -> None:
    """Uniform 0..100 of which 50 are spent: what is left is uniform 0..50."""
    network = compile(
        [1], [100], [ALL_HOURS], [0], Links.of([]), status_day=10, actual_start_day=[9], remaining_min=[60]
    )
    law = replace(uncertain(network, strata(500)), scale_min=np.array([100.0]), elapsed_min=np.array([50.0]))
    row = _row(simulate(network, law, seed=1), 1)
    assert np.quantile(row, [0.1, 0.5, 0.9]) == pytest.approx([5, 25, 45], abs=0.2)


def test_spent_more_than_anyone_thought_still_ends() -> None:
    network = compile([1], [100], [ALL_HOURS], [0], Links.of([]), status_day=10, actual_start_day=[1])
    law = replace(uncertain(network), scale_min=np.array([100.0]), elapsed_min=np.array([5_000.0]))
    row = _row(simulate(network, law, seed=1), 1)
    assert 0 <= row.min() <= row.max() <= 50


def test_the_chance_of_target_is_its_share_of_samples() -> None:
    network = compile([1, 2], [1440, 0], [ALL_HOURS], [0, 0], Links.of([(1, 2, "FS", 0)]), status_day=START)
    law = replace(uncertain(network, strata(400) * 4), scale_min=np.array([1440.0, 0.0]))
    run = simulate(network, law, seed=1, target_day=[START + 2, NO_DAY], watch=[0, 1])
    assert run.chance[0] == pytest.approx(0.75, abs=0.001)
    assert np.isnan(run.chance[1])
    assert run.quantile(1, 0.75) == START + 2


def test_a_milestone_of_monday_does_not_meet_a_target_of_friday() -> None:
    monday, friday = START + 7, START + 4
    network = compile([1], [0], [OFFICE], [0], Links.of([]), status_day=START, not_before_day=[monday])
    run = simulate(network, Uncertainty.none(1), seed=1, samples=4, target_day=[friday])
    assert run.chance.tolist() == [0.0]
    assert run.quantile_day[0, 0] == monday
    assert simulate(network, Uncertainty.none(1), seed=1, samples=4, target_day=[monday]).chance.tolist() == [1.0]


def test_numbers_stay_with_their_task_when_others_come_and_go() -> None:
    links = [(1, 2, "FS", 0), (2, 3, "FS", 0)]
    small = compile([1, 2, 3], [100, 200, 300], [ALL_HOURS], [0] * 3, Links.of(links), status_day=0)
    large = compile(
        [9, 1, 2, 8, 3],
        [70, 100, 200, 50, 300],
        [ALL_HOURS],
        [0] * 5,
        Links.of([*links, (8, 9, "SS", 5)]),
        status_day=0,
    )
    one = simulate(small, uncertain(small), seed=11, samples=500)
    other = simulate(large, uncertain(large), seed=11, samples=500)
    for uid in (1, 2, 3):
        assert one.quantile_min[one.at(uid)].tobytes() == other.quantile_min[other.at(uid)].tobytes()


def test_watching_few_gives_what_watching_all_gives() -> None:
    network = parallel(5)
    whole, part = (simulate(network, uncertain(network), seed=1, samples=300, watch=watch) for watch in (None, [5]))
    assert part.quantile_min.tobytes() == whole.quantile_min[5:].tobytes()


@given(networks(calendars=2, leads=False), st.integers(1, 2_000))
@settings(max_examples=60)
def test_more_work_upstream_makes_nothing_earlier(network: Network, more: int) -> None:
    law = uncertain(network)
    longer = replace(law, scale_min=law.scale_min + np.where(np.arange(network.uid.size) == 0, more, 0))
    before, after = (simulate(network, one, seed=4, samples=64) for one in (law, longer))
    assert np.all(after.quantile_min >= before.quantile_min)


@given(networks(calendars=2, leads=False), st.floats(0, 1), st.integers(0, 3_000))
@settings(max_examples=60)
def test_taking_a_risk_away_adds_no_days(network: Network, probability: float, minutes: int) -> None:
    uid = int(network.uid[0])
    risks = Risks.of([(5, probability)], [(5, uid, minutes / 2, minutes, 2 * minutes)])
    law = uncertain(network)
    without, threatened = (simulate(network, one, seed=4, samples=64) for one in (law, replace(law, risks=risks)))
    assert np.all(without.quantile_min <= threatened.quantile_min)


def test_the_samples_beat_plain_ones() -> None:
    """Ten tasks in a row: the mean of a run varies at least five times less than with independent draws."""
    network = compile(
        range(10), [300] * 10, [ALL_HOURS], [0] * 10, Links.of([(k, k + 1, "FS", 0) for k in range(9)]), status_day=0
    )
    rng = np.random.default_rng(0)
    means, plain = [], []
    for seed in range(40):
        run = simulate(network, uncertain(network), seed=seed, samples=400, keep=True)
        means.append(run.sample(9).mean())
        plain.append((300 * np.interp(rng.random((10, 400)), strata(200), RATIO)).sum(axis=0).mean())
    assert np.var(plain) / np.var(means) >= 5
    assert np.mean(means) == pytest.approx(np.mean(plain), rel=0.005)


def test_rows_of_two_tasks_are_as_good_as_independent() -> None:
    streams = Streams(2_000, 9)
    rows = np.array([streams.ranks(TASKS, uid) for uid in range(300)])
    correlation = np.corrcoef(rows)[np.triu_indices(300, 1)]
    assert correlation.std() == pytest.approx(1 / np.sqrt(2_000), rel=0.05)
    assert np.abs(correlation).max() < 6 / np.sqrt(2_000)
    assert not np.array_equal(streams.ranks(TASKS, 1), streams.ranks(DRIVERS, 1))


def test_one_seed_gives_the_same_bytes_and_another_does_not() -> None:
    network = parallel(3)
    runs = [simulate(network, uncertain(network), seed=seed, samples=100) for seed in (1, 1, 2)]
    assert runs[0].quantile_min.tobytes() == runs[1].quantile_min.tobytes() != runs[2].quantile_min.tobytes()


def test_finished_work_has_its_day_at_each_level() -> None:
    network = compile(
        [1, 2],
        [500, 500],
        [OFFICE],
        [0, 0],
        Links.of([(1, 2, "FS", 0)]),
        status_day=START,
        actual_finish_day=[START - 3, NO_DAY],
    )
    run = simulate(network, uncertain(network), seed=1, samples=50, target_day=[START - 3, START])
    assert set(run.quantile_day[0].tolist()) == {START - 3}
    assert run.chance[0] == 1.0
    assert run.quantile_day.shape == (2, LEVELS.size)


def test_what_cannot_be_is_refused() -> None:
    network = parallel(1)
    with pytest.raises(EngineError, match="between 0 and 1"):
        Risks.of([(1, 1.2)], [])
    with pytest.raises(EngineError, match="between 0 and 1"):
        Risks.of([(1, float("nan"))], [])
    with pytest.raises(EngineError, match="follow one another"):
        Risks.of([(1, 0.5)], [(1, 1, 9, 3, 10)])
    with pytest.raises(EngineError, match="not there"):
        Risks.of([(1, 0.5)], [(2, 1, 1, 3, 10)])
    with pytest.raises(EngineError, match="at best"):
        Uncertainty.three_points([3], [2], [4])
    with pytest.raises(EngineError, match="increasing"):
        simulate(network, uncertain(network, np.array([1.0, 0.5])), seed=1)
    with pytest.raises(EngineError, match="increasing"):
        simulate(network, uncertain(network, np.array([1.0, np.nan])), seed=1)
    with pytest.raises(EngineError, match="one entry"):
        simulate(network, Uncertainty.none(5), seed=1)
    with pytest.raises(EngineError, match="samples"):
        simulate(network, Uncertainty.none(2), seed=1, samples=0)
    with pytest.raises(EngineError, match="no quantile"):
        simulate(network, Uncertainty.none(2), seed=1, samples=1).quantile(99, 0.33)
    far = compile([1], [480 * 260 * 60], [OFFICE], [0], Links.of([]), status_day=START)
    with pytest.raises(HorizonError):
        _ = simulate(far, uncertain(far), seed=1, samples=10).quantile_day


def test_a_plan_without_a_status_date_starts_where_its_first_task_does() -> None:
    """Rows stay small, and so exact, where a link may pull a task to before the start."""
    links = Links.of([(1, 2, "FS", 0), (1, 3, "FS", -60)])
    network = compile([1, 2, 3], [480, 960, 0], [OFFICE], [0] * 3, links, status_day=None, start_day=START)
    run = simulate(network, Uncertainty.none(3), seed=1, samples=2)
    assert run.quantile_day[:, 0].tolist() == cpm.schedule(network).early_finish_day.tolist()
    assert run.quantile_min.max() == 480 + 960


def test_what_a_simulation_held_is_let_go_at_once() -> None:
    """Rows are large and few: the collector, which counts objects, would come by too late."""
    network = compile([1, 2], [480, 480], [OFFICE], [0, 0], Links.of([]), status_day=START)
    many = ROWS_KEPT + 2
    shared = uncertain(network, driver_uid=np.arange(many), driver_sd=np.full(many, 0.1))
    shared = replace(shared, drivers=np.array([[0, many - 1], [0, NO_DRIVER]]))
    gc.disable()
    try:
        run = simulate(network, shared, seed=1, samples=10)
        for driver in range(many):
            run.rows.draw(run.draws[0]._replace(drivers=(driver,)), np.empty(10, dtype=np.float32))
        assert len(run.rows._drivers) == ROWS_KEPT
        rows = weakref.ref(run.rows)
        del run
        assert rows() is None
    finally:
        gc.enable()
