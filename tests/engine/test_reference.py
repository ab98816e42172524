"""The reference class and records of promises: numbers worked by hand, and what must hold for any record."""

from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import prior, reference
from engine.calendars import EngineError
from engine.reference import Finished, Promises

DEFAULT = np.array([0.8, 1.0, 1.0, 1.6])
ratios = st.lists(st.floats(0.05, 20), max_size=25)
counts = st.integers(0, 1000)


def finished(rows: list[tuple[float, int, int, int, int]]) -> Finished:
    """From rows (ratio, kind, team, size, program)."""
    columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    return Finished(columns[0], *columns[1:].astype(np.int64))


def promises(lead_days: int = 60, before: int = 0, kept: int = 0, missed: int = 0) -> Promises:
    return Promises(*(np.array([value]) for value in (lead_days, before, kept, missed)))


def test_blending_worked_by_hand() -> None:
    # Default points weigh 2/4 each, two values 1 each, 4 in all; wanted 0.5, 1.5, 2.5, 3.5 of
    # 0.8 (0.5), 1.0 (1.5), 1.2 (2.5), 1.6 (3), 2.0 (4).
    assert reference.blended(DEFAULT, [2.0, 1.2], strength=2).tolist() == [0.8, 1.0, 1.2, 2.0]


def test_a_kind_and_size_are_shrunk_to_the_portfolio() -> None:
    record = finished([(1.5, 1, 1, 1, 1)] * 30 + [(1.1, 2, 2, 1, 2)] * 30 + [(0.9, 2, 1, 2, 3)] * 30)
    medians = [float(np.median(reference.kind_shape(record, kind=kind, size=size))) for kind, size in ((1, 1), (2, 1))]
    assert medians == [1.5, 1.1]
    unknown = reference.kind_shape(record, kind=7, size=1)
    assert unknown.tolist() == reference.blended(prior.ratio_shape(1), record.ratio).tolist()


def test_no_record_gives_the_shipped_default() -> None:
    for size in (prior.SMALL, prior.MEDIUM, prior.LARGE):
        assert reference.kind_shape(Finished.none(), kind=1, size=size).tolist() == prior.ratio_shape(size).tolist()
    assert reference.shared_log_sd(Finished.none()) == prior.PROGRAM_LOG_SD
    assert reference.pace([], []) == reference.Pace(1.0, prior.PROGRAM_LOG_SD)
    assert float(reference.chance_kept(0, 0)) == prior.KEPT / (prior.KEPT + prior.MISSED)


def test_shared_spread_worked_by_hand() -> None:
    # Logs 0, 0.2 | 0.6, 0.8: means 0.1, 0.7; within 0.04 / 2 = 0.02; between 2 (0.3² + 0.3²) / 1 = 0.36; n0 = 2;
    # component (0.36 - 0.02) / 2 = 0.17, with weight 1 against PROGRAMS.
    record = finished([(exp(value), 1, 1, 1, program) for value, program in ((0.0, 1), (0.2, 1), (0.6, 2), (0.8, 2))])
    wanted = sqrt((reference.PROGRAMS * prior.PROGRAM_LOG_SD**2 + 0.17) / (reference.PROGRAMS + 1))
    assert reference.shared_log_sd(record) == pytest.approx(wanted)


def test_pace_worked_by_hand() -> None:
    # Planned 3 and 1: (4)² / 10 = 1.6 pieces; mean log (3 log 1.2 + log 0.9) / 4.
    trust = 1.6 * 0.01 / (1.6 * 0.01 + prior.WORK_LOG_SD**2)
    mean = (3 * log(1.2) + log(0.9)) / 4
    found = reference.pace([1.2, 0.9], [3, 1], program_log_sd=0.1)
    assert found.factor == pytest.approx(exp(trust * mean))
    assert found.log_sd == pytest.approx(0.1 * sqrt(1 - trust))


def test_kept_promises_worked_by_hand() -> None:
    assert float(reference.chance_kept(4, 1)) == pytest.approx((prior.KEPT + 4) / (prior.KEPT + prior.MISSED + 5))


def test_a_handoff_is_late_by_the_days_of_late_promises() -> None:
    # 3 kept, 7 late: chance (2.75 + 3) / (3.48 + 10) = 0.43, so 43 of 100 middles are on time; the late ones' days
    # weigh 7 of 17.
    delay = reference.handoff_delay(3, [40] * 7, q=100)
    assert np.count_nonzero(delay == 0) == 43
    assert np.count_nonzero(delay == 40) == pytest.approx(57 * 7 / 17, abs=1)


def test_chance_of_a_planned_milestone_worked_by_hand() -> None:
    soon, before_soon, before_later, record = prior.CHANCE_WEIGHTS
    odds = prior.CHANCE_BASE + soon + 2 * before_soon + log(3 / 2) * record
    assert float(reference.chance_on_time(promises(60, 3, 2, 1))[0]) == pytest.approx(1 / (1 + exp(-odds)))
    half = prior.CHANCE_BASE + (soon + before_soon + before_later) / 2
    assert float(reference.chance_on_time(promises(150, 1))[0]) == pytest.approx(1 / (1 + exp(-half)))


def test_p80_of_a_planned_milestone_is_the_first_occasion_that_reaches_it() -> None:
    for plan in (promises(60, 2), promises(60, 0, 0, 5), promises(400, 2)):
        slots = int(reference.slots_late(plan, 0.8)[0])
        assert reference.chance_within(plan, slots)[0] >= 0.8
        assert slots == 0 or reference.chance_within(plan, slots - 1)[0] < 0.8


def test_a_target_between_two_occasions_has_a_chance_between_theirs() -> None:
    plan = promises(60, 1)
    first, second = (float(reference.chance_within(plan, slots)[0]) for slots in (1, 2))
    assert float(reference.chance_by(plan, [90], slot_days=60)[0]) == pytest.approx((first + second) / 2)
    assert float(reference.days_late(plan, (first + second) / 2, slot_days=60)[0]) == pytest.approx(90)
    assert reference.days_late(plan, 0.5).tolist() == [0.0]
    assert reference.chance_by(plan, [10**6]).tolist() == [1.0]


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_ratios_that_cannot_be_are_refused(wrong: float) -> None:
    with pytest.raises(EngineError):
        finished([(wrong, 1, 1, 1, 1)])
    with pytest.raises(EngineError):
        reference.pace([wrong], [1])
    with pytest.raises(EngineError):
        reference.pace([1], [wrong])
    with pytest.raises(EngineError):
        reference.handoff_delay(1, [wrong])
    if not wrong >= 0:
        with pytest.raises(EngineError):
            reference.chance_kept(wrong, 0)


def test_shapes_fit_the_simulation() -> None:
    for shape in (*map(prior.ratio_shape, range(3)), prior.late_shape(), reference.handoff_delay(2, [3.0, 9.0])):
        assert shape.size == prior.QUANTILES
        assert np.all(np.isfinite(shape))
        assert shape[0] >= 0
        assert np.all(np.diff(shape) >= 0)


@given(ratios, st.randoms(use_true_random=False))
def test_order_does_not_matter(values: list[float], dice: Any) -> None:
    mixed = dice.sample(values, len(values))
    assert reference.blended(DEFAULT, mixed).tolist() == reference.blended(DEFAULT, values).tolist()
    rows = [(value, 1, 1, 1, at % 3) for at, value in enumerate(values)]
    one, other = finished(rows), finished(dice.sample(rows, len(rows)))
    assert reference.shared_log_sd(one) == reference.shared_log_sd(other)
    assert reference.pace(one.ratio, one.ratio * 60) == reference.pace(other.ratio, other.ratio * 60)
    assert reference.handoff_delay(3, mixed).tolist() == reference.handoff_delay(3, values).tolist()


@given(ratios.filter(bool), st.floats(1, 5), st.integers(0, 24))
def test_finishing_later_never_makes_the_class_earlier(values: list[float], factor: float, at: int) -> None:
    later = list(values)
    later[at % len(values)] *= factor
    assert np.all(reference.blended(DEFAULT, later) >= reference.blended(DEFAULT, values))
    even = [1] * len(values)
    assert reference.pace(later, even).factor >= reference.pace(values, even).factor * (1 - 1e-12)
    assert np.all(reference.blended(DEFAULT, [*values, 99.0]) >= reference.blended(DEFAULT, values))


@given(ratios.filter(bool))
def test_much_evidence_replaces_the_default(values: list[float]) -> None:
    many = np.repeat(values, 200)
    room = reference.STRENGTH / (reference.STRENGTH + many.size)  # the default moves no probability by more
    middle = (np.arange(DEFAULT.size) + 0.5) / DEFAULT.size
    low, high = (np.quantile(many, middle + side * 1.01 * room, method="inverted_cdf") for side in (-1, 1))
    found = reference.blended(DEFAULT, many)
    assert np.all((low <= found) & (found <= high))
    assert abs(reference.pace([1.3] * 100_000, [1] * 100_000).factor - 1.3) < 1e-3


@given(counts, counts, st.integers(1, 50))
def test_more_missed_promises_never_help(kept: int, missed: int, more: int) -> None:
    assert reference.chance_kept(kept, missed + more) < reference.chance_kept(kept, missed)
    assert reference.chance_on_time(promises(60, 1, kept, missed + more)) < reference.chance_on_time(
        promises(60, 1, kept, missed)
    )


@given(st.integers(-2000, 4000), counts, counts, counts)
def test_chances_are_chances_and_grow_with_time(lead: int, before: int, kept: int, missed: int) -> None:
    chances = [float(reference.chance_within(promises(lead, before, kept, missed), slots)[0]) for slots in range(14)]
    assert 0 < chances[0] <= chances[-1] == pytest.approx(1)
    assert np.all(np.diff(chances) >= 0)
