"""How uncertain each task is: from what people said, from how the likes of it went, and from what may happen to it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.network import NO_WORK
from engine.simulation import CERTAIN, NO_DRIVER, Risks, Uncertainty
from engine.streams import strata, triangular
from forecasts.models import MilestoneForecast
from programs.models import Program
from risks.models import RiskImpact

SKEWS = 64  # triangular shapes are shared by skew, to one part in so many
Basis = MilestoneForecast.Basis
Doubles = NDArray[np.float64]
IntArray = NDArray[np.int64]

# What a milestone of no known class takes, over what was planned; and what programs and teams have in common.
RATIO = triangular(strata(200), 0.8, 1.0, 1.9)
PROGRAM_SD, TEAM_SD = 0.15, 0.1


class Estimated(NamedTuple):
    """What the estimate of a task is made of, as rows and the engine's columns have it."""

    kind: str
    team: int | None
    program: int
    low: int | None
    likely: int | None
    high: int | None
    is_planned: bool


class Estimate(NamedTuple):
    """One task: on what it rests, its shape by key, and the engine's numbers."""

    basis: Basis
    shape: tuple[object, ...] | None
    shift: float = 0.0
    scale: float = 0.0
    elapsed: float = 0.0


class Threat(NamedTuple):
    """An open risk's impact on an open milestone."""

    risk: int
    program: int
    probability: float
    residual: float | None
    milestone: int
    low: int
    likely: int
    high: int


@dataclass(frozen=True, slots=True)
class Classes:
    """How finished milestones went, to widen what only has one number."""

    digest: str = ""

    def ratio(self, kind: str, team: int | None, minutes: float) -> Doubles:
        """Quantiles of actual over planned for work of this kind, team and size."""
        return RATIO


def load_classes(today: date) -> Classes:
    return Classes()


def load_threats(programs: Collection[int]) -> list[Threat]:
    """Open risks of any program on open milestones of these, in one query."""
    rows = (
        RiskImpact.objects.filter(
            milestone__program__in=programs, milestone__done_on=None, milestone__cancelled_on=None
        )
        .filter(risk__closed_on=None, risk__probability__gt=0, high__gt=0)
        .exclude(risk__program__state__in=[Program.State.CANCELLED])
        .order_by("risk_id", "milestone_id")
    )
    columns = (
        "risk_id", "risk__program_id", "risk__probability", "risk__residual_probability", "milestone_id", "low",
        "likely", "high",
    )  # fmt: skip
    return [
        Threat(risk, program, float(p), None if rest is None else float(rest), *impact)
        for risk, program, p, rest, *impact in rows.values_list(*columns)
    ]


def estimate(task: Estimated, duration: int, started: bool, done: bool, remaining: int, elapsed: float) -> Estimate:
    """What is uncertain about a task, from the best that is known: three points, one number and its class, a day.

    Of started work what people say remains comes first; without that, what the whole would take, given what is spent.
    """
    if done:
        return Estimate(Basis.DONE, None)
    if started and remaining != NO_WORK:
        if not remaining:
            return Estimate(Basis.CERTAIN, None)
        return Estimate(Basis.CLASS, ("class", task.kind, task.team, _size(remaining)), scale=float(remaining))
    spent = elapsed if started else 0.0
    if task.low is not None and task.likely is not None and task.high is not None:
        if task.low == task.high:  # nobody doubts it
            return Estimate(Basis.POINTS, None)
        skew = round(SKEWS * (task.likely - task.low) / (task.high - task.low))
        return Estimate(Basis.POINTS, ("skew", skew), float(task.low), float(task.high - task.low), spent)
    if not duration:
        return Estimate(Basis.CERTAIN, None)
    basis = Basis.PLANNED if task.is_planned else Basis.CLASS
    return Estimate(basis, ("class", task.kind, task.team, _size(duration)), 0.0, float(duration), spent)


def _size(minutes: float) -> int:
    """Size classes double from one to the next; in days of eight hours."""
    return max(int(np.ceil(np.log2(max(minutes, 1) / 480))), 0)


@dataclass(frozen=True, slots=True)
class Estimates:
    """The estimates of all tasks of a batch, as the engine wants them and as a digest does."""

    uncertainty: Uncertainty
    basis: list[Basis]
    shape_digest: IntArray
    threats: Sequence[Threat]

    @classmethod
    def of(
        cls, tasks: Sequence[Estimated], uids: IntArray, found: Sequence[Estimate], classes: Classes,
        threats: Sequence[Threat],
    ) -> Estimates:  # fmt: skip
        keys = sorted({one.shape for one in found if one.shape is not None}, key=repr)
        position = {key: at for at, key in enumerate(keys)}
        tables = tuple(_table(key, classes) for key in keys)
        drivers = sorted({_program(task) for task in tasks} | {_team(task) for task in tasks if task.team is not None})
        driver = {uid: at for at, uid in enumerate(drivers)}
        uncertainty = Uncertainty(
            shapes=tables,
            shape=np.array([CERTAIN if one.shape is None else position[one.shape] for one in found], dtype=np.int64),
            shift_min=np.array([one.shift for one in found], dtype=np.float64),
            scale_min=np.array([one.scale for one in found], dtype=np.float64),
            elapsed_min=np.array([one.elapsed for one in found], dtype=np.float64),
            drivers=np.array(
                [[driver[_program(t)], NO_DRIVER if t.team is None else driver[_team(t)]] for t in tasks],
                dtype=np.int64,
            ).reshape(-1, 2),
            driver_uid=np.array(drivers, dtype=np.int64),
            driver_sd=np.array([TEAM_SD if uid % 2 else PROGRAM_SD for uid in drivers], dtype=np.float64),
            risks=_risks(threats, set(uids.tolist())),
        )
        digests = np.array([0, *(_digest(table) for table in tables)], dtype=np.int64)
        return cls(uncertainty, [one.basis for one in found], digests[uncertainty.shape + 1], threats)

    def stretched(self, stretch: Doubles) -> Estimates:
        """The same estimates with all work that is not spent yet taking so many times as long."""
        whole = self.uncertainty
        shift = whole.shift_min * stretch - whole.elapsed_min * (stretch - 1)
        return replace(self, uncertainty=replace(whole, shift_min=shift, scale_min=whole.scale_min * stretch))

    def taken(self, chosen: IntArray, uids: IntArray) -> Uncertainty:
        """What concerns the chosen tasks alone (positions, and their uids)."""
        whole = self.uncertainty
        return replace(
            whole,
            shape=whole.shape[chosen],
            shift_min=whole.shift_min[chosen],
            scale_min=whole.scale_min[chosen],
            elapsed_min=whole.elapsed_min[chosen],
            drivers=whole.drivers[chosen],
            risks=_risks(self.threats, set(uids.tolist())),
        )


def _program(task: Estimated) -> int:
    return 2 * task.program


def _team(task: Estimated) -> int:
    return 2 * (task.team or 0) + 1


def _table(key: tuple[object, ...], classes: Classes) -> Doubles:
    if key[0] == "skew":
        return triangular(strata(400), 0, int(str(key[1])) / SKEWS, 1)
    _, kind, team, size = key
    return classes.ratio(str(kind), team if isinstance(team, int) else None, 480.0 * 2 ** int(str(size)))


def _risks(threats: Iterable[Threat], uids: Collection[int]) -> Risks:
    mine = [one for one in threats if one.milestone in uids]
    return Risks.of(
        sorted({(one.risk, one.probability) for one in mine}),
        [(one.risk, one.milestone, one.low, one.likely, one.high) for one in mine],
    )


def _digest(table: Doubles) -> int:
    return int.from_bytes(hashlib.sha256(table.astype("<f8").tobytes()).digest()[:8], "little", signed=True)
