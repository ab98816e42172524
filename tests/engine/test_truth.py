"""Forecasts of real projects and promises come true about as often as they say: a quick part of `./run bench truth`."""

import os
from pathlib import Path

import pytest

from benchmarks import _projects as projects
from benchmarks import truth
from engine.draws import Uncertainty
from engine.simulation import simulate

SHARED = Path(os.environ.get("TPM_SHARED", Path(__file__).parents[3] / "shared"))
DATA = SHARED / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no project data in {DATA}")


@pytest.fixture(scope="module")
def tracked() -> list[projects.Project]:
    return [one for one in projects.read(DATA / "B3_dslib", tracked=True) if len(one.uid) < 40]


def test_planned_releases_are_kept_as_often_as_the_model_says() -> None:
    found = truth.kept_promises(DATA / "A1_keps")
    assert found["kep_brier"] < 0.17
    assert found["kep_brier"] < 0.8 * found["kep_brier_base"]
    assert found["kep_p80_coverage_fair"] == pytest.approx(0.8, abs=0.05)


def test_projects_end_by_p80_as_often_as_they_should(tracked: list[projects.Project]) -> None:
    found = truth.at_start(tracked, samples=400)
    low, high = found["dslib_p80_band"]
    assert low <= 0.8 <= high
    assert found["dslib_pinball"] < found["dslib_pinball_reference"]
    assert found["simulation_bias"] < 0.1


def test_progress_beats_plan_extrapolation_and_earned_schedule(tracked: list[projects.Project]) -> None:
    for figures in truth.updated(tracked, samples=200)["dslib_update_error"].values():
        rivals = (figures[name] for name in ("plan", "linear", "earned_schedule", "earned_schedule_pf1"))
        assert figures["ours"] < min(rivals)


def test_both_simulators_agree_where_nothing_is_uncertain(tracked: list[projects.Project]) -> None:
    for project in tracked:
        outlook = projects.outlook_at_start(project)
        network = projects.network_of(outlook)
        run = simulate(network, Uncertainty.none(network.uid.size), seed=1, samples=2, watch=[network.uid.size - 1])
        plainly = projects.plain_finish(outlook, outlook.work[:, None].astype(float))
        assert run.quantile_min[0, 0] == pytest.approx(plainly[0], abs=0.5), project.name


def test_the_band_is_wilsons() -> None:
    assert truth.band(0.8, 50) == [0.67, 0.888]
