"""Whether forecasts came true: judged on real projects and real promises that the shipped constants have not seen.

    ./run bench truth --data ../shared/data [--samples 2000]

Nothing is fitted here: forecasts use the constants of engine/prior.py and what was known on their day. Definitions and
figures are in docs/forecasting.md. The last line is JSON.
"""

import argparse
import json
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import _projects as projects
from benchmarks import _promises as promises
from benchmarks._projects import Outlook, Project, Report
from engine import cpm, prior, reference
from engine.calendars import instant_of
from engine.draws import CERTAIN, NO_DRIVER, Uncertainty
from engine.network import Links, compile
from engine.reference import Pace
from engine.simulation import simulate

Doubles = NDArray[np.float64]

SEED = 20_260_101
LEVELS = (0.5, 0.8)
SIZES = (prior.SMALL, prior.MEDIUM, prior.LARGE)
PROGRAM_UID, TEAM_UID, WAIT_UID = 1, 2, 3
STARTED = 10  # begun tasks whose delay weighs as much as the plan
UNCHANGED = Pace(1.0, prior.PROGRAM_LOG_SD)


def band(share: float, n: int) -> list[float]:
    """The 95 % interval of a share of n trials (Wilson 1927)."""
    z = 1.959964
    middle, reach = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [round((middle + side * reach) / (1 + z * z / n), 3) for side in (-1, 1)]


def pinball(actual: Doubles, predicted: Doubles, level: float) -> float:
    """Mean pinball loss (Koenker and Bassett 1978)."""
    error = actual - predicted
    return float(np.maximum(level * error, (level - 1) * error).mean())


def cpm_equal(folder: Path) -> float:
    """Share of activities whose early start, early finish and total slack are those of MPXJ's scheduler."""
    expected = projects.rows_by_project(folder / "cpm_mpxj.csv.gz")
    equal = total = 0
    for project in projects.read(folder, tracked=False):
        links = [(project.uid[pred], project.uid[succ], kind, lag) for pred, succ, kind, lag in project.links]
        calendars, at = [project.calendar], np.zeros(project.work.size)
        dates = cpm.schedule(
            compile(
                project.uid, project.work, calendars, at, Links.of(links), status_day=None, start_day=project.start_day
            )
        )
        given = {int(row["activity"]): row for row in expected[project.name]}
        rows = [given[uid] for uid in project.uid]
        same = dates.total_float_min == [round(float(row["total_slack"]) * 60) for row in rows]
        for column, ours in (("early_start", dates.early_start), ("early_finish", dates.early_finish)):
            same &= ours == [instant_of(row[column]) for row in rows]
        equal += int(np.count_nonzero(same))
        total += same.size
    return equal / total


def uncertainty_of(outlook: Outlook, pace: Pace = UNCHANGED) -> Uncertainty:
    """The shipped default for each task that has work: its size's shape, and what it shares with its project.

    Planned starts share a spread of their own; begun work goes on as `outlook_at` takes it.
    """
    size = outlook.work.size + 2
    shape, scale, drivers = np.full(size, CERTAIN), np.zeros(size), np.full((size, 2), NO_DRIVER)
    works = np.flatnonzero((outlook.work > 0) & ~outlook.begun & ~outlook.wait)
    shape[works] = prior.size_class(outlook.planned[works])
    scale[works] = outlook.work[works] * pace.factor
    drivers[works] = 0, 1
    waits = np.flatnonzero(outlook.wait)
    shape[waits], scale[waits], drivers[waits, 0] = len(SIZES), outlook.work[waits], 2
    return Uncertainty(
        shapes=(*(prior.ratio_shape(one) for one in SIZES), np.ones(1)),
        shape=shape,
        shift_min=np.zeros(size),
        scale_min=scale,
        elapsed_min=np.zeros(size),
        drivers=drivers,
        driver_uid=np.array([PROGRAM_UID, TEAM_UID, WAIT_UID]),
        driver_sd=np.array([pace.log_sd, prior.TEAM_LOG_SD, prior.WAIT_LOG_SD]),
    )


def forecast(outlook: Outlook, samples: int, pace: Pace = UNCHANGED) -> Doubles:
    """P50 and P80 of the minutes that a project still takes, by the engine."""
    end = outlook.work.size + 1
    run = simulate(
        projects.network_of(outlook),
        uncertainty_of(outlook, pace),
        seed=SEED,
        samples=samples,
        watch=[end],
        levels=LEVELS,
    )
    return np.asarray(run.quantile_min[0], dtype=np.float64)


def plainly(outlook: Outlook, samples: int) -> Doubles:
    """The same distribution drawn independently and passed through the plain simulator: finishes float64[samples]."""
    rng = np.random.default_rng(SEED)
    factor = np.ones((outlook.work.size, samples))
    for row, size in enumerate(prior.size_class(outlook.planned).tolist()):
        factor[row] = prior.ratio_shape(size)[rng.integers(0, prior.QUANTILES, samples)]
    shared = [sd * rng.standard_normal(samples) for sd in (prior.PROGRAM_LOG_SD, prior.TEAM_LOG_SD)]
    return projects.plain_finish(outlook, outlook.work[:, None] * factor * np.exp(sum(shared)))


def at_start(those: Sequence[Project], samples: int) -> dict[str, Any]:
    """Forecasts of how long a project lasts, made on the day it starts from its baseline alone."""
    actual = np.array([project.lasted / project.planned for project in those])
    outlooks = [projects.outlook_at_start(project) for project in those]
    planned = np.array([project.planned for project in those])
    ours = np.array([forecast(outlook, samples) for outlook in outlooks]) / planned[:, None]
    drawn = [plainly(outlook, 10 * samples) for outlook in outlooks]
    theirs = np.array([np.quantile(one, LEVELS, method="inverted_cdf") for one in drawn]) / planned[:, None]
    spread = np.array([one.std() for one in drawn]) / planned
    bias = (ours - theirs) / spread[:, None]
    covered = actual[:, None] <= ours + 1e-9
    n, share = len(those), float(covered[:, 1].mean())
    plain = np.full(n, prior.OVERRUN_P80)
    return {
        "dslib_n": n,
        "dslib_p80_coverage": share,
        "dslib_p80_band": band(share, n),
        "dslib_p50_coverage": float(covered[:, 0].mean()),
        "dslib_pinball": pinball(actual, ours[:, 1], 0.8),
        "dslib_pinball_reference": pinball(actual, plain, 0.8),
        "dslib_plain_p80_coverage": float(np.mean(actual <= plain)),
        "simulation_bias": float(np.abs(bias).mean()),
        "simulation_bias_signed": float(bias.mean()),
    }


def last_report(project: Project, elapsed: float) -> Report | None:
    """The last report up to that share of the time that the project took; None where there is none yet."""
    until = project.begun + elapsed * project.lasted
    known = [report for report in project.reports if project.begun < report.at <= until]
    return max(known, key=lambda report: report.at, default=None)


def pace_of(project: Project, report: Report) -> Pace:
    known = report.done & (project.work > 0) & (report.spent > 0)
    return reference.pace(report.spent[known] / project.work[known], project.work[known])


def delay_of(project: Project, report: Report) -> int:
    """Median delay of the starts so far, shrunk to none: planned starts that are still to come move by as much."""
    begun = report.begun >= 0
    late = (report.begun - project.begun) - (project.start - project.start.min())
    count = int(np.count_nonzero(begun))
    return round(float(np.median(late[begun])) * count / (count + STARTED)) if count else 0


def rivals(project: Project, report: Report) -> dict[str, float]:
    """How long the project lasts by its plan, by linear extrapolation, and by earned schedule.

    Work counts by planned minutes; earned schedule with performance factors SPI(t) and 1 (Lipke 2003; Vanhoucke 2010).
    """
    elapsed = report.at - project.begun
    weight = project.work / project.work.sum()
    done = float(weight @ report.share)
    origin = project.start.min()
    grid = np.linspace(0, project.planned, 1000)
    reached = np.clip((origin + grid[:, None] - project.start) / np.maximum(project.work, 1), 0, 1)
    earned = float(np.interp(done, reached @ weight, grid)) if done < 1 else float(project.planned)
    return {
        "plan": project.planned,
        "linear": max(elapsed / done, elapsed) if done > 0 else project.planned,
        "earned_schedule": max(project.planned * elapsed / earned, elapsed) if earned > 0 else project.planned,
        "earned_schedule_pf1": elapsed + project.planned - earned,
    }


def updated(those: Sequence[Project], samples: int) -> dict[str, Any]:
    """Mean absolute error of the P50 finish, in shares of the actual duration, at 25, 50 and 75 % of it."""
    figures: dict[str, Any] = {"dslib_update_error": {}}
    for elapsed in (0.25, 0.5, 0.75):
        errors: dict[str, list[float]] = {}
        covered = []
        for project in those:
            report = last_report(project, elapsed)
            if report is None:
                continue
            pace = pace_of(project, report)
            outlook = projects.outlook_at(project, report, pace=pace.factor, delay=delay_of(project, report))
            p50, p80 = report.at - project.begun + forecast(outlook, samples, pace)
            covered.append(project.lasted <= p80 + 0.5)
            for name, lasts in {"ours": p50, **rivals(project, report)}.items():
                errors.setdefault(name, []).append(abs(lasts - project.lasted) / project.lasted)
        at = {name: round(float(np.mean(values)), 4) for name, values in errors.items()}
        figures["dslib_update_error"][f"{elapsed:.0%}"] = {
            **at,
            "n": len(covered),
            "p80_coverage": round(float(np.mean(covered)), 3),
        }
    return figures


def kept_promises(folder: Path) -> dict[str, Any]:
    """Chance that a planned milestone ships in its release, and the P80 of how many releases later."""
    plans = promises.read(folder)
    on_time = plans.slip <= 0
    chance = np.where(plans.shipped, on_time, reference.chance_on_time(plans.promises))
    still = ~plans.shipped
    p80 = reference.slots_late(plans.promises, 0.8)
    covered = np.where(plans.shipped, True, plans.slip <= p80)
    n, share = covered.size, float(covered.mean())
    exact = np.where(plans.shipped, plans.slip == 0, chance)
    below = np.stack([reference.chance_within(plans.promises, slots) for slots in range(int(plans.slip.max()) + 1)])
    slip = np.maximum(plans.slip, 0)
    upper = below[slip, np.arange(n)]
    lower = np.where(slip > 0, below[slip - 1, np.arange(n)], 0.0)
    fair = np.clip((0.8 - lower) / np.maximum(upper - lower, 1e-9), 0, 1)
    return {
        "kep_n": n,
        "kep_brier": float(np.mean((chance - on_time) ** 2)),
        "kep_brier_base": float(on_time.var()),
        "kep_brier_exact": float(np.mean((exact - (plans.slip == 0)) ** 2)),
        "kep_brier_unfinished": float(np.mean((chance - on_time)[still] ** 2)),
        "kep_p80_coverage": share,
        "kep_p80_band": band(share, n),
        "kep_p80_coverage_fair": float(fair[still].mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=2000)
    asked = parser.parse_args()
    print(json.dumps(judged(asked.data, asked.samples)))


def judged(folder: Path, samples: int) -> dict[str, Any]:
    """All figures over a folder."""
    tracked = projects.read(folder / "B3_dslib", tracked=True)
    figures = {"cpm_equal": cpm_equal(folder / "B3_dslib"), **at_start(tracked, samples), **updated(tracked, samples)}
    figures |= kept_promises(folder / "A1_keps")
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}


if __name__ == "__main__":
    main()
