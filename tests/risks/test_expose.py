"""What a risk is expected to cost: mean and P90 by hand, against drawn samples, and of rows."""

from __future__ import annotations

import doctest
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import risks.exposure
from milestones.services import change_milestone, create_milestone
from risks.exposure import exposure, exposure_of
from risks.models import Risk
from risks.services import Impact, create_risk
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

DAY = 480


def test_examples_hold() -> None:
    assert doctest.testmod(risks.exposure).failed == 0


@pytest.mark.parametrize(
    ("probability", "points", "mean", "p90"),
    [
        # 0.6 * 49 / 3; 28 - sqrt(1/6 * 21 * 14)
        (0.6, (7, 14, 28), 9.8, 21.0),
        # Below the mode: 1 - 0.1 / 0.12 = 1/6 of the cases; 0 + sqrt(1/6 * 10 * 9)
        (0.12, (0, 9, 10), 0.76, 3.873),
        (0.05, (10, 20, 30), 1.0, 0.0),
        (0.0, (10, 20, 30), 0.0, 0.0),
        # It will happen: the triangle's own P90
        (1.0, (0, 0, 10), 10 / 3, 6.838),
        (0.5, (0, 0, 0), 0.0, 0.0),
    ],
)
def test_mean_and_p90_by_hand(probability: float, points: tuple[int, int, int], mean: float, p90: float) -> None:
    found = exposure(probability, *points)
    assert found.mean == pytest.approx(mean)
    assert found.p90 == pytest.approx(p90, abs=0.001)


@pytest.mark.parametrize("probability", [0.08, 0.11, 0.35, 0.9, 1.0])
def test_drawn_samples_agree(probability: float) -> None:
    rng = np.random.default_rng(7)
    happens = rng.random(400_000) < probability
    cost = np.where(happens, rng.triangular(4, 6, 15, happens.size), 0)
    found = exposure(probability, 4, 6, 15)
    assert found.mean == pytest.approx(cost.mean(), rel=0.02)
    assert found.p90 == pytest.approx(np.quantile(cost, 0.9), abs=0.15)


def test_a_risk_counts_on_the_open_milestone_that_it_hits_hardest(cast: Cast) -> None:
    small, large = (
        create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=name) for name in ("Power", "Racks")
    )
    risk = create_risk(
        program=cast.na4,
        by=cast.lead,
        today=FRIDAY,
        title="Late",
        probability=Decimal("0.5"),
        impacts=[Impact(small, DAY, 2 * DAY, 3 * DAY), Impact(large, 4 * DAY, 5 * DAY, 9 * DAY)],
    )

    def found() -> Any:
        return Risk.objects.with_exposure().with_range().get(pk=risk.pk)

    assert found().points == {"low": 4 * DAY, "likely": 5 * DAY, "high": 9 * DAY}
    spread = exposure_of(found().probability, found().points)
    assert spread is not None
    assert spread.mean == pytest.approx(found().exposure) == 3 * DAY
    # 1 - 0.1 / 0.5 = 0.8: 9 - sqrt(0.2 * 5 * 4) = 7
    assert spread.p90 == pytest.approx(7 * DAY)
    change_milestone(milestone=large, by=cast.lead, today=FRIDAY, at=NOON, done_on=FRIDAY)
    assert found().exposure == DAY
    change_milestone(milestone=small, by=cast.lead, today=FRIDAY, at=NOON, cancelled_on=FRIDAY)
    assert found().exposure is None
    assert exposure_of(found().probability, found().points) is None


def test_without_a_probability_there_is_no_exposure(cast: Cast) -> None:
    racks = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks", target_on=date(2026, 12, 1))
    impacts = [Impact(racks, DAY, DAY, DAY)]
    create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Late", impacts=impacts)
    found: Any = Risk.objects.with_range().get()
    assert exposure_of(found.probability, found.points) is None


def test_two_measures_that_contradict_each_other_are_kept_and_told(cast: Cast, sign_in: Any) -> None:
    """A likelihood stands for a fifth of all probabilities; only what lies beyond the next fifth is told."""
    client = sign_in(cast.lead)
    row = create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Dust", impact_score=2)
    for percent, likelihood, contradicts in (
        *((10, 5, True), (30, 4, True), (50, 1, True), (85, 3, True)),
        *((40, 1, False), (60, 2, False), (75, 4, False), (100, 5, False), (0, 2, False)),
    ):
        sent = {"probability": percent, "likelihood_score": likelihood, "version": row.version}
        assert client.post(f"/r/{row.reference}/edit?only=probability,likelihood_score", sent).status_code == 302
        row.refresh_from_db()
        assert (row.probability, row.likelihood_score) == (Decimal(percent) / 100, likelihood)
        words = f"A probability of {percent}% and a likelihood of {likelihood} of 5 contradict each other"
        for path in (f"/r/{row.reference}", f"/r/{row.reference}/edit"):
            assert (words in client.get(path).text) is contradicts, (path, percent, likelihood)
