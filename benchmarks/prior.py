"""Fits the shipped default uncertainty on public data, and prints the constants of engine/prior.py.

    ./run bench prior --data ../shared/data

Each part is also fitted on a part of the entities and judged on the others, so that the figures of docs/forecasting.md
can be repeated. Nothing is written; constants are copied by hand. The last line is JSON.
"""

import argparse
import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from math import lgamma
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import _projects as projects
from benchmarks import _promises as promises
from engine import prior, reference

Doubles = NDArray[np.float64]

LEVELS = np.array([0.1, 0.3, 0.5, 0.7, 0.8, 0.9])
SAMPLES = 400
SPREADS, CENTRES, SHARED = (0.0, 0.15, 0.3, 0.45, 0.6, 1.0), (0.0, 0.03, 0.06, 0.09), (0.08, 0.1, 0.12, 0.14, 0.17)
RIDGE = 10.0
FOLDS, REPEATS = 8, 6
LATE_SLOTS = 12


def part(entity: str, parts: int, salt: str = "") -> int:
    """Which part an entity belongs to: by the second byte of its hash, since the first one splits the data itself."""
    return hashlib.sha256((salt + entity).encode()).digest()[1] % parts


def weighted_quantiles(values: Doubles, weights: Doubles, at: Any) -> Doubles:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return np.asarray(np.interp(at, reached / weights.sum(), values[order]))


@dataclass(frozen=True)
class Recorded:
    """Finished activities: log of actual over planned work, size class, weight, and share of their project's work."""

    logs: Doubles
    size: NDArray[np.int64]
    weight: Doubles
    single: float

    @classmethod
    def of(cls, those: Iterable[projects.Project]) -> "Recorded":
        """Of all projects but those that keep durations in two units (median ratio above 2.5, or mean above 10).

        A project weighs the root of its size. `single` is the log-sd inside projects, weighted by planned work, ratios
        held to a factor e as in `reference.pace`.
        """
        logs, sizes, weights, squares, mass = [], [], [], 0.0, 0.0
        for project in those:
            known = (project.work > 0) & (project.spent > 0)
            ratio = project.spent[known] / project.work[known]
            if not ratio.size or np.median(ratio) > 2.5 or ratio.mean() > 10:
                continue
            logs.append(np.log(ratio))
            sizes.append(prior.size_class(project.work[known]))
            weights.append(np.full(ratio.size, ratio.size**-0.5))
            share = project.work[known] / project.work[known].sum()
            held = np.clip(logs[-1], -1, 1)
            squares += float(share @ (held - share @ held) ** 2)
            mass += 1 - float(share @ share)
        single = float(np.sqrt(squares / mass))
        return cls(np.concatenate(logs), np.concatenate(sizes), np.concatenate(weights), single)

    def tables(self) -> list[Doubles]:
        """Quantiles of the logs at KNOTS, by size."""
        return [
            weighted_quantiles(self.logs[self.size == one], self.weight[self.size == one], prior.KNOTS)
            for one in range(3)
        ]

    def loss(self, tables: list[Doubles], spread: float, centre: float, shared: float) -> float:
        """Mean pinball loss of single activities' logs."""
        rng = np.random.default_rng(2)
        middle, normal = rng.random(10 * SAMPLES), rng.standard_normal(10 * SAMPLES)
        total = 0.0
        for one, table in enumerate(tables):
            drawn = spread * np.interp(middle, prior.KNOTS, table) + centre + shared * normal
            mine = self.size == one
            total += float(
                self.weight[mine] @ pinball(self.logs[mine, None], np.quantile(drawn, LEVELS), LEVELS).mean(1)
            )
        return total / float(self.weight.sum())


def finish_levels(
    project: projects.Project, tables: list[Doubles], spread: float, centre: float, shared: float
) -> Doubles:
    """Predicted quantiles of how long a project lasts, over what was planned, from its baseline alone."""
    rng = np.random.default_rng(1)
    outlook = projects.outlook_at_start(project)
    size = prior.size_class(outlook.planned)
    middle = rng.random((size.size, SAMPLES))
    logs = np.empty_like(middle)
    for one, table in enumerate(tables):
        logs[size == one] = np.interp(middle[size == one], prior.KNOTS, spread * table + centre)
    work = np.asarray(outlook.work[:, None] * np.exp(logs + shared * rng.standard_normal(SAMPLES)), dtype=np.float64)
    return np.asarray(np.quantile(projects.plain_finish(outlook, work), LEVELS) / project.planned)


def pinball(actual: Doubles, predicted: Doubles, levels: Any) -> Doubles:
    """Pinball loss by level (Koenker and Bassett 1978), of the same shape as `predicted`."""
    error = actual - predicted
    return np.asarray(np.maximum(levels * error, (levels - 1) * error))


def fit_work(folder: Path) -> dict[str, float]:
    those = projects.read(folder / "B3_dslib", tracked=True)
    actual = np.array([project.lasted / project.planned for project in those])
    half = np.array([part(project.name, 2) for project in those])
    grid = list(product(SPREADS, CENTRES, SHARED))

    def search(inside: NDArray[np.bool_]) -> tuple[tuple[float, float, float], Doubles, Recorded]:
        """The best of the grid inside, its predictions for all, and what it was fitted on.

        The loss is that of finishes over that of their own plain quantiles, plus that of single activities over that of
        theirs. Of what comes within a part in a hundred of the least, the widest spread of single activities is taken.
        """
        recorded = Recorded.of(one for one, yes in zip(those, inside, strict=True) if yes)
        tables = recorded.tables()
        plain = pinball(actual[inside, None], np.quantile(actual[inside], LEVELS), LEVELS).mean()
        alone = recorded.loss(tables, 1, 0, 0)
        predicted = {one: np.array([finish_levels(project, tables, *one) for project in those]) for one in grid}
        loss = {
            one: float(pinball(actual[inside, None], levels[inside], LEVELS).mean() / plain)
            + recorded.loss(tables, *one) / alone
            for one, levels in predicted.items()
        }
        near = [one for one in grid if loss[one] <= 1.01 * min(loss.values())]
        best = min(near, key=lambda one: (-one[0], loss[one]))
        return best, predicted[best], recorded

    figures = {}
    apart = np.zeros((actual.size, LEVELS.size))
    plain = np.zeros(actual.size)
    for one in range(2):
        found, predicted, _ = search(half != one)
        print(f"work fitted without part {one}: spread, centre, shared {found}")
        apart[half == one] = predicted[half == one]
        plain[half == one] = np.quantile(actual[half != one], 0.8)
    found, predicted, recorded = search(np.ones(actual.size, dtype=bool))
    for name, levels in (("held_out", apart), ("fitted", predicted)):
        figures[f"dslib_p80_coverage_{name}"] = float(np.mean(actual <= levels[:, 4] + 1e-9))
        figures[f"dslib_p50_coverage_{name}"] = float(np.mean(actual <= levels[:, 2] + 1e-9))
        figures[f"dslib_pinball_{name}"] = float(pinball(actual, levels[:, 4], 0.8).mean())
    figures["dslib_pinball_plain_held_out"] = float(pinball(actual, plain, 0.8).mean())
    print(f"spread, centre, shared {found}; overrun P80 {np.quantile(actual, 0.8):.4f}")
    print(f"WORK_LOG_SD = {recorded.single:.3f}\nLOG_RATIO =")
    for table in recorded.tables():
        print("   ", tuple(round(float(value), 3) for value in found[0] * table + found[1]))
    return figures


def fit_kept(folder: Path) -> None:
    """The beta prior by maximum likelihood over teams; days late, quantile by quantile the mean of three sources."""
    with (folder / "A2_slips" / "openstack_deliverables.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["forward_looking"] == "1" and row["actual_date"]]
    slips = [(f"openstack {row['team']}", days(row["planned_week_end"], row["actual_date"])) for row in rows]
    late = [[slip for _, slip in slips if slip > 0]]
    with (folder / "A1_keps" / "kep_plan_history.csv").open(newline="") as lines:
        last = {
            (row["kep"], row["milestone"], row["planned_release"]): row
            for row in csv.DictReader(lines)
            if (row["kind"], row["forward_looking"], row["repeat_stage"], row["outcome"])
            == ("commitment", "1", "0", "done")
        }
    slips += [(f"kubernetes {row['owning_sig']}", int(row["slip_releases"])) for row in last.values()]
    with (folder / "A2_slips" / "cpython_release_schedule.csv").open(newline="") as lines:
        releases = [row for row in csv.DictReader(lines) if row["forward_looking"] == "1" and row["actual_date"]]
    late.append(
        [
            slip
            for row in releases
            if row["entity"].endswith(".0") and (slip := days(row["planned_date"], row["actual_date"])) > 0
        ]
    )
    late.append(_jira_late(folder))
    teams: dict[str, list[bool]] = {}
    for team, slip in slips:
        teams.setdefault(team, []).append(slip <= 0)
    counts = [(sum(kept), len(kept) - sum(kept)) for kept in teams.values()]

    def likelihood(a: float, b: float) -> float:
        return sum(
            lgamma(a + kept)
            + lgamma(b + missed)
            - lgamma(a + b + kept + missed)
            + lgamma(a + b)
            - lgamma(a)
            - lgamma(b)
            for kept, missed in counts
        )

    mean, strength = max(
        product(np.arange(0.5, 0.96, 0.01), np.geomspace(1, 100, 60)),
        key=lambda one: likelihood(one[0] * one[1], (1 - one[0]) * one[1]),
    )
    print(f"{len(counts)} teams: KEPT, MISSED = {mean * strength:.2f}, {(1 - mean) * strength:.2f}")
    quantiles = np.mean([np.quantile(days_late, prior.LATE_KNOTS) for days_late in late], axis=0)
    print("LATE_DAYS =", tuple(round(float(value), 1) for value in quantiles), [len(one) for one in late])


def _jira_late(folder: Path) -> list[int]:
    rows = projects.gzipped(folder / "A2_slips" / "jira_due_dates.csv.gz")
    return [int(float(row["delay_days"])) for row in rows if row["late"] == "1"]


def days(planned: str, actual: str) -> int:
    return int((np.datetime64(actual) - np.datetime64(planned)).astype(int))


def logistic(x: Doubles, kept: NDArray[np.bool_]) -> tuple[float, Doubles]:
    """Intercept and weights by ridge-penalised maximum likelihood on standardised columns (Newton's method)."""
    centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    table = np.hstack([np.ones((kept.size, 1)), (x - centre) / scale])
    penalty = np.diag([0.0] + [RIDGE] * x.shape[1])
    weights = np.zeros(table.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-table @ weights))
        slope = table.T @ (kept - chance) - penalty @ weights
        curve = (table * (chance * (1 - chance))[:, None]).T @ table + penalty
        weights += np.linalg.solve(curve, slope)
    return float(weights[0] - weights[1:] @ (centre / scale)), np.asarray(weights[1:] / scale)


def fit_chance(folder: Path) -> dict[str, float]:
    plans = promises.read(folder / "A1_keps")
    x, kept, still = reference.features(plans.promises), plans.slip <= 0, ~plans.shipped
    figures = {}
    brier = []
    for salt in map(str, range(REPEATS)):
        fold = np.array([part(entity, FOLDS, salt) for entity in plans.entity])
        chance = np.where(plans.shipped, kept, 0.0)
        for one in range(FOLDS):
            base, weights = logistic(x[still & (fold != one)], kept[still & (fold != one)])
            inside = still & (fold == one)
            chance[inside] = 1 / (1 + np.exp(-(base + x[inside] @ weights)))
        brier.append(float(np.mean((chance - kept) ** 2)))
    figures["kep_brier_held_out"] = float(np.mean(brier))
    due = plans.day + plans.promises.lead_days
    middle = np.median(plans.day)
    past, future = still & (due < middle), still & (plans.day >= middle)
    base, weights = logistic(x[past], kept[past])
    ahead = 1 / (1 + np.exp(-(base + x[future] @ weights)))
    figures["kep_brier_later_plans"] = float(np.mean((ahead - kept[future]) ** 2))
    figures["kep_brier_later_plans_base"] = float(np.var(kept[future]))
    base, weights = logistic(x[still], kept[still])
    print(f"CHANCE_BASE = {base:.3f}\nCHANCE_WEIGHTS = {tuple(round(float(weight), 3) for weight in weights)}")
    soon = plans.promises.lead_days <= (prior.SOON_DAYS + prior.LATER_DAYS) / 2
    for name, mask in (("SOON", soon), ("LATER", ~soon)):
        late = plans.slip[still & mask & ~kept]
        reached = [float(np.mean(late <= slots)) for slots in range(1, LATE_SLOTS)]
        print(f"LATE_SLOTS_{name} =", (*(round(value, 3) for value in reached), 1.0), late.size)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    figures = fit_chance(folder)
    fit_kept(folder)
    figures |= fit_work(folder)
    print(json.dumps({key: round(value, 4) for key, value in figures.items()}))


if __name__ == "__main__":
    main()
