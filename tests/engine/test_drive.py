"""What moves a milestone: what-if to the last bit, costs of risks, shares that add up, criticality."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.calendars import ALL_HOURS, EngineError, day_of
from engine.draws import CERTAIN, Draw, Risks, Uncertainty
from engine.drivers import (
    Changes,
    Player,
    cost_of_risks,
    criticality,
    fair_shares,
    kendall,
    sensitivities,
    whatif,
    without,
)
from engine.network import NO_DAY, Links, Network, compile
from engine.simulation import Run, simulate
from engine.streams import strata, triangular

START = day_of("2026-03-02")
RATIO = triangular(strata(200), 0.8, 1.0, 2.5)
DAY = 1440


def simulated(network: Network, risks: Risks, scale: dict[int, float] | None = None, samples: int = 128) -> Run:
    law = replace(
        Uncertainty.none(network.uid.size, risks),
        shapes=(RATIO,),
        shape=np.where(network.work_min > 0, 0, CERTAIN),
        scale_min=np.array(
            [
                (scale or {}).get(uid, work)
                for uid, work in zip(network.uid.tolist(), network.work_min.tolist(), strict=True)
            ],
            dtype=float,
        ),
    )
    return simulate(network, law, seed=8, samples=samples, keep=True)


def random_network(seed: int, day: int | None = None, of: int = 0) -> Network:
    """Small networks of all link types; `day` holds the task `of`."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 16))
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n) if rng.random() < 0.3]
    links = Links.of(
        [(a, b, str(rng.choice(["FS", "SS", "FF", "SF"])), int(rng.integers(-500, 900))) for a, b in pairs]
    )
    held = np.full(n, NO_DAY)
    if day is not None:
        held[of] = day
    return compile(
        range(n), rng.integers(0, 5, n) * 700, [ALL_HOURS], [0] * n, links, status_day=START, not_before_day=held
    )


@given(st.integers(0, 10_000), st.integers(0, 9))
@settings(max_examples=80)
def test_a_whatif_is_a_full_run_of_the_changed_plan(seed: int, days: int) -> None:
    network = random_network(seed)
    impacts = [(1, 0, 100.0, 900.0, 4000.0), (1, 1, 5.0, 5.0, 5.0), (2, 1, 0.0, 100.0, 700.0)]
    risks = Risks.of([(1, 0.4), (2, 0.7)], impacts)
    run = simulated(network, risks)
    changes = Changes(
        draws={0: Draw(0, 0.0, 2_222.0, 0, impacts=run.draws[int(run.steps.step[0])].impacts)}
        if network.work_min[0]
        else {},
        not_before_day={1: START + days},
        odds={2: 0.0},
    )
    delta = whatif(run, changes)
    full = simulated(random_network(seed, START + days, 1), Risks.of([(1, 0.4)], impacts[:2]), {0: 2_222.0})
    for position in range(network.uid.size):
        assert delta.sample(position).tobytes() == full.sample(position).tobytes()
    assert {int(at) for at in delta.moved} == {
        at for at in range(network.uid.size) if not np.array_equal(run.sample(at), full.sample(at))
    }


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_a_rare_risk_is_taken_out_of_the_few_samples_that_it_hits(seed: int) -> None:
    network = random_network(seed)
    impacts = [(1, 0, 100.0, 900.0, 4000.0), (2, 0, 100.0, 700.0, 9000.0), (2, 1, 0.0, 4000.0, 9000.0)]
    run = simulated(network, Risks.of([(1, 0.4), (2, 0.05)], impacts))
    delta = whatif(run, Changes.without([2]))
    full = simulated(network, Risks.of([(1, 0.4)], impacts[:1]))
    for position in range(network.uid.size):
        assert delta.sample(position).tobytes() == full.sample(position).tobytes()
    assert delta.moved.tolist() == [
        at for at in range(network.uid.size) if not np.array_equal(run.sample(at), full.sample(at))
    ]
    assert all(np.size(row) <= 0.05 * run.samples + 1 for _, row in delta.finish.values())


def test_a_whatif_about_one_task_says_the_same_of_it_and_nothing_of_others() -> None:
    links = Links.of([(1, 2, "FS", 0), (2, 3, "FS", 0), (2, 4, "FS", 0)])
    network = compile([1, 2, 3, 4], [DAY] * 4, [ALL_HOURS], [0] * 4, links, status_day=START)
    run = simulated(network, Risks.of([], []))
    changes = Changes(not_before_day={1: START + 30, 4: START + 60})
    asked = whatif(run, changes, 3)
    assert asked.sample(2).tobytes() == whatif(run, changes).sample(2).tobytes()
    assert asked.moved.tolist() == [0, 1, 2]
    with pytest.raises(EngineError, match="about task 3 alone"):
        asked.day(4, 0.8)


def test_far_edits_change_nothing() -> None:
    network = compile(
        [1, 2, 3, 4], [DAY] * 4, [ALL_HOURS], [0] * 4, Links.of([(1, 2, "FS", 0), (3, 4, "FS", 0)]), status_day=START
    )
    delta = whatif(simulated(network, Risks.of([], [])), Changes(not_before_day={1: START + 30}))
    assert delta.moved.tolist() == [0, 1]
    assert delta.days_saved(4, 0.8) == 0


def test_taking_a_day_away_lets_the_task_go_back_to_what_holds_it() -> None:
    network = random_network(3, START + 40, 0)
    run = simulated(network, Risks.of([], []))
    freed = whatif(run, Changes(not_before_day={0: None}))
    plain = simulated(random_network(3), Risks.of([], []))
    assert freed.sample(0).tobytes() == plain.sample(0).tobytes()


def test_a_day_promised_for_sure_is_kept_in_each_sample() -> None:
    network = compile([1, 2], [DAY, DAY], [ALL_HOURS], [0, 0], Links.of([(1, 2, "FS", 0)]), status_day=START)
    run = simulated(network, Risks.of([], []))
    kept = whatif(run, Changes(finish_day={1: START + 9}))
    assert kept.day(1, 0.05) == kept.day(1, 0.95) == START + 9
    assert kept.day(2, 0.05) == START + 10


def test_better_odds_are_those_of_a_plan_that_has_them() -> None:
    network = random_network(5)
    impact = [(1, 0, 100.0, 900.0, 4000.0)]
    better = whatif(simulated(network, Risks.of([(1, 0.6)], impact)), Changes(odds={1: 0.2}))
    plain = simulated(network, Risks.of([(1, 0.2)], impact))
    assert all(better.sample(at).tobytes() == plain.sample(at).tobytes() for at in range(network.uid.size))


def test_a_whatif_needs_rows_and_known_tasks() -> None:
    network = random_network(1)
    with pytest.raises(EngineError, match="kept its rows"):
        whatif(simulate(network, Uncertainty.none(network.uid.size), seed=1, samples=9), Changes())
    with pytest.raises(EngineError, match="no task 77"):
        whatif(simulated(network, Risks.of([], [])), Changes(not_before_day={77: START}))


def test_costs_of_risks_in_parallel_do_not_add_up_and_the_rest_is_told() -> None:
    """Two sure risks on two parallel paths, 3 and 2 days: taking one away saves 1 and 0 days of 3."""
    network = compile(
        [1, 2, 3], [DAY, DAY, 0], [ALL_HOURS], [0] * 3, Links.of([(1, 3, "FS", 0), (2, 3, "FS", 0)]), status_day=START
    )
    sure = [(7, 1.0), (8, 1.0)], [(7, 1, 3.0 * DAY, 3.0 * DAY, 3.0 * DAY), (8, 2, 2.0 * DAY, 2.0 * DAY, 2.0 * DAY)]
    run = simulate(network, Uncertainty.none(3, Risks.of(*sure)), seed=1, keep=True, samples=20)
    costs = cost_of_risks(run, 3)
    assert (costs.removal.tolist(), costs.alone.tolist()) == ([1, 0], [3, 2])
    assert (costs.together, costs.residual) == (3, 2)
    assert cost_of_risks(run, 3, only={8}).uid.tolist() == [8]
    # By hand: 7 adds 3 first and 1 second, 8 adds 2 first and 0 second.
    assert fair_shares(run, 3, [Player(frozenset({7})), Player(frozenset({8}))]) == (START, [2.0, 1.0])


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_fair_shares_add_up_and_ignore_the_order(seed: int) -> None:
    network = random_network(seed)
    end = int(network.uid[-1])
    risks = Risks.of([(1, 0.5), (2, 0.9)], [(1, 0, 0.0, 900.0, 9_000.0), (2, 1, 0.0, 900.0, 9_000.0)])
    run = simulated(network, risks)
    players = [Player(frozenset({1})), Player(frozenset({2})), Player(tasks=frozenset(network.uid.tolist()))]
    base, shares = fair_shares(run, end, players)
    assert base + sum(shares) == pytest.approx(whatif(run, Changes()).day(end, 0.8))
    assert base == whatif(run, without(run, players)).day(end, 0.8)
    again, turned = fair_shares(run, end, players[::-1])
    assert again == base
    assert turned[::-1] == pytest.approx(shares)


def test_too_many_players_are_refused() -> None:
    run = simulated(random_network(1), Risks.of([], []))
    with pytest.raises(EngineError, match="At most 8"):
        fair_shares(run, 0, [Player()] * 9)


def test_sensitivities_of_the_worked_example() -> None:
    """a and b in a row beside c, five runs."""
    a, b, c = [4, 5, 6, 4, 6], [6, 5, 8, 7, 6], [9, 12, 10, 13, 8]
    chain = [x + y for x, y in zip(a, b, strict=True)]
    end = [max(pair) for pair in zip(chain, c, strict=True)]
    slack = [last - one for last, one in zip(end, chain, strict=True)]
    found = np.array(
        [sensitivities(a, slack, end), sensitivities(b, slack, end), sensitivities(c, np.subtract(end, c), end)]
    )
    assert found.T.round(4).tolist() == [
        [0.6, 0.6, 0.4],
        [0.8728, 0.8964, 0.8525],
        [0.4045, 0.4612, 0.5592],
        [0.5056, 0.68, 0.3739],
        [0.4056, 0.7632, 0.4617],
    ]
    assert [round(kendall(one, end), 4) for one in (a, b, c)] == [0.3536, 0.6667, 0.3162]


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_each_sample_has_a_driving_chain(seed: int) -> None:
    """In each sample one of the tasks that wait for nothing, or are held, drives the end; the end itself always."""
    network = random_network(seed)
    run = simulated(network, Risks.of([(1, 0.5)], [(1, 0, 0.0, 900.0, 9_000.0)]))
    found = criticality(run, int(network.uid[-1]))
    index = dict(zip(found.tasks.tolist(), found.index.tolist(), strict=True))
    assert index[network.uid.size - 1] == 1.0
    assert all(0 <= value <= 1 for value in index.values())


@given(st.integers(0, 10_000))
@settings(max_examples=40)
@example(9599)  # its end varies by what float32 rounds alone
def test_the_quick_way_finds_the_same_of_what_drives(seed: int) -> None:
    network = random_network(seed)
    run = simulated(network, Risks.of([(1, 0.5)], [(1, 0, 0.0, 900.0, 9_000.0)]))
    whole, quick = (criticality(run, int(network.uid[-1]), driving_only=only) for only in (False, True))
    drives = whole.index > 0
    assert quick.tasks.tolist() == whole.tasks[drives].tolist()
    assert quick.index.tolist() == whole.index[drives].tolist()
    assert quick.sensitivity == pytest.approx(whole.sensitivity[drives], abs=1e-4)
    assert quick.cruciality == pytest.approx(whole.cruciality[drives], abs=1e-3)


def test_parallel_paths_share_the_criticality() -> None:
    network = compile(
        [1, 2, 3], [DAY, DAY, 0], [ALL_HOURS], [0] * 3, Links.of([(1, 3, "FS", 0), (2, 3, "FS", 0)]), status_day=START
    )
    found = criticality(simulated(network, Risks.of([], []), samples=10_000), 3)
    assert found.index[:2] == pytest.approx([0.5, 0.5], abs=0.015)
    assert found.index[2] == 1.0
