"""How uncertain each task is: from what people said, from how the likes of it went, and from what may happen to it."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal, NamedTuple

import numpy as np
from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from engine import prior, reference
from engine.draws import CERTAIN, NO_DRIVER, Risks, Uncertainty
from engine.network import NO_WORK
from engine.reference import Finished, Pace, Promises
from engine.streams import strata, triangular
from forecasts.calendars import Calendars
from forecasts.models import MilestoneForecast
from milestones.models import BaselineDate, DateMove, Dependency, Milestone
from programs.models import Program
from risks.models import RiskImpact

SKEWS = 16  # triangular shapes are shared by skew, to one part in so many: many tasks of few shapes are fast
NOBODY = -1  # no team, or a kind of which nothing is recorded
SIZES = (prior.SMALL, prior.MEDIUM, prior.LARGE)
DELAY_STEP_DAYS = 10
LONGEST_DELAY_DAYS = 12 * prior.SLOT_DAYS
Basis = MilestoneForecast.Basis
Doubles = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Estimated(NamedTuple):
    """What the estimate of a task is made of, as rows and the engine's columns have it."""

    milestone: int
    kind: str
    team: int | None
    program: int
    low: int | None
    likely: int | None
    high: int | None
    lead_days: int | None  # to the day that is all there is; None where there is work
    is_promised: bool = False  # whether that day is promised to another program


class Shape(NamedTuple):
    """What identifies a distribution: three points by their skew, a class by kind, team and size, a day."""

    law: Literal["points", "class", "planned", "promised"]
    skew: int = 0
    kind: str = ""
    team: int | None = None
    size: int = 0
    milestone: int = 0
    program: int = 0
    lead_days: int = 0


class Estimate(NamedTuple):
    """One task: on what it rests, its shape by key, and the engine's numbers."""

    basis: Basis
    shape: Shape | None
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
    """How finished milestones went, and how promised days were kept: what widens a single number or a planned day."""

    finished: Finished
    planned_min: Doubles
    kinds: dict[str, int]
    kept: dict[int, int]
    missed: dict[int, int]
    before: dict[int, int]
    handed_over_late: dict[int, list[int]]  # days late of each hand-off that a team has delivered; 0 where it kept it
    # By kind and size, as they are asked for: each sorts the whole record, and many teams share one.
    _shapes: dict[tuple[int, int], Doubles] = field(default_factory=dict, repr=False)
    _late: dict[tuple[int, int, int, int], Doubles] = field(default_factory=dict, repr=False)

    def ratio(self, kind: str, team: int | None, size: int) -> Doubles:
        """Quantiles of actual over planned work of this kind, team and size."""
        record, number = self.finished, self.kinds.get(kind, NOBODY)
        shape = self._shapes.get((number, size))
        if shape is None:
            shape = self._shapes[number, size] = reference.kind_shape(record, kind=number, size=size)
        own = (record.team == (team or NOBODY)) & (record.kind == number) & (record.size == size)
        return reference.blended(shape, record.ratio[own])

    def paces(self, programs: Iterable[int]) -> dict[int, Pace]:
        """What the finished work of each program says about the rest of it, beyond what the whole record says."""
        shared = reference.shared_log_sd(self.finished)
        ratio = self.finished.ratio / self._drift()[self.finished.size]
        order = np.argsort(self.finished.program, kind="stable")
        edges = np.searchsorted(self.finished.program[order], [*programs, np.iinfo(np.int64).max])
        ends = np.searchsorted(self.finished.program[order], list(programs), side="right")
        return {
            program: reference.pace(ratio[order[a:b]], self.planned_min[order[a:b]], program_log_sd=shared)
            for program, a, b in zip(programs, edges.tolist(), ends.tolist(), strict=False)
        }

    def _drift(self) -> Doubles:
        """By size class, how much longer work takes here than the shipped default expects, as a factor."""
        plain = [prior.ratio_shape(size) for size in SIZES]
        own = [self.ratio("", None, size) for size in SIZES]
        return np.array([np.exp(np.log(a).mean() - np.log(b).mean()) for a, b in zip(own, plain, strict=True)])

    def late_days(self, program: int, milestone: int, lead_days: int) -> Doubles:
        """Quantiles of the days by which a milestone of which only the day is planned will be late."""
        # What engine.reference.features tells apart: very many milestones share few distributions.
        lead_days = min(max(lead_days, prior.SOON_DAYS), prior.LATER_DAYS)
        before = min(self.before.get(milestone, 0), 2)
        known = lead_days, before, self.kept.get(program, 0), self.missed.get(program, 0)
        if known not in self._late:
            days = np.arange(0, LONGEST_DELAY_DAYS + 1, DELAY_STEP_DAYS)
            promise = Promises(*(np.full(days.size, number, dtype=np.int64) for number in known))
            self._late[known] = np.interp(strata(prior.QUANTILES), reference.chance_by(promise, days), days)
        return self._late[known]

    def handed_over(self, team: int | None) -> Doubles:
        """Quantiles of the days by which a hand-off will be late that this team has promised, by its record."""
        record = self.handed_over_late.get(team or NOBODY, [])
        late = sorted(days for days in record if days > 0)
        return reference.handoff_delay(len(record) - len(late), late)


def load_classes(calendars: Calendars, today: date) -> Classes:
    """Read the record in four queries: work as first planned and what it took, targets and promises kept or not."""
    first_plan = BaselineDate.objects.filter(milestone=OuterRef("pk")).order_by("baseline__approved_on", "pk")
    rows = (
        Milestone.objects.filter(done_on__lte=today, started_on__isnull=False)
        .annotate(planned=Coalesce(Subquery(first_plan.values("work")[:1]), "work_likely"))
        .filter(planned__gt=0)
        .order_by("pk")
        .values_list("kind", "team_id", "program_id", "planned", "started_on", "done_on")
    )
    kinds = {kind: at for at, kind in enumerate(Milestone.Kind.values)}
    columns = list(zip(*rows, strict=True)) or [()] * 6
    kind, team, program, planned, started, done = columns
    planned_min = np.array(planned, dtype=np.float64)
    spent = calendars.worked_between(team, started, done)
    finished = Finished(
        # Less than an hour is a day's end that came early, not work that took no time.
        ratio=np.maximum(spent, 60) / planned_min if planned else np.zeros(0),
        kind=np.array([kinds[one] for one in kind], dtype=np.int64),
        team=np.array([one or NOBODY for one in team], dtype=np.int64),
        size=prior.size_class(planned_min),
        program=np.array(program, dtype=np.int64),
    )
    return Classes(finished, planned_min, kinds, *_promises(today), _handed_over(today))


def _promises(today: date) -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
    """By program, targets kept and missed so far; by milestone, how many targets of its program come before its own.

    A target is missed when it passed unfinished, or was given up for a later day.
    """
    kept: dict[int, int] = defaultdict(int)
    missed: dict[int, int] = defaultdict(int)
    before: dict[int, int] = {}
    seen: dict[int, int] = defaultdict(int)
    rows = Milestone.objects.filter(target_on__isnull=False, cancelled_on=None).order_by(
        "program_id", "target_on", "pk"
    )
    values: Iterable[Any] = rows.values_list("pk", "program_id", "target_on", "done_on")
    for pk, program, target_on, done_on in values:
        before[pk] = seen[program]
        seen[program] += 1
        if done_on and done_on <= today:
            (kept if done_on <= target_on else missed)[program] += 1
        elif target_on < today:
            missed[program] += 1
    moves = DateMove.objects.filter(field=DateMove.Field.TARGET, after_on__gt=F("before_on"))
    for program, count in moves.order_by().values_list("program_id").annotate(count=Count("pk")):
        missed[program] += count
    return kept, missed, before


def _handed_over(today: date) -> dict[int, list[int]]:
    """By giving team, how many days after its promise each hand-off was delivered; 0 for one that was kept."""
    late: dict[int, list[int]] = defaultdict(list)
    rows: Any = Dependency.objects.hand_offs().with_given_on()
    rows = rows.filter(promised_on__isnull=False, given_on__lte=today)
    values: Iterable[Any] = rows.order_by("pk").values_list("predecessor__team_id", "promised_on", "given_on")
    for team, promised_on, given_on in values:
        late[team or NOBODY].append(max((given_on - promised_on).days, 0))
    return late


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


def estimate(
    task: Estimated, duration: int, started: bool, done: bool, remaining: int, elapsed: float, minutes_a_day: float
) -> Estimate:
    """What is uncertain about a task, from the best that is known: three points, one number and its class, a day.

    Of started work what people say remains comes first; without that, what the whole would take, given what is spent.
    A day alone is as uncertain when it was begun as before: nobody says how much is left.
    ``minutes_a_day`` are those that the calendar works on a mean day of the week, days off included.
    """
    if done:
        return Estimate(Basis.DONE, None)
    # A day is kept or not whether or not anybody works on it: its duration may be 0.
    if task.lead_days is not None:
        late = Shape("planned", milestone=task.milestone, program=task.program, lead_days=task.lead_days)
        shape = Shape("promised", team=task.team) if task.is_promised else late
        return Estimate(Basis.PLANNED, shape, shift=float(duration), scale=minutes_a_day)
    if started and remaining != NO_WORK:
        if not remaining:
            return Estimate(Basis.CERTAIN, None)
        return Estimate(Basis.CLASS, _class(task, remaining), scale=float(remaining))
    spent = elapsed if started else 0.0
    if task.low is not None and task.likely is not None and task.high is not None:
        if task.low == task.high:  # nobody doubts it
            return Estimate(Basis.POINTS, None)
        skew = round(SKEWS * (task.likely - task.low) / (task.high - task.low))
        return Estimate(Basis.POINTS, Shape("points", skew), float(task.low), float(task.high - task.low), spent)
    if not duration:
        return Estimate(Basis.CERTAIN, None)
    return Estimate(Basis.CLASS, _class(task, duration), 0.0, float(duration), spent)


def _class(task: Estimated, minutes: int) -> Shape:
    return Shape("class", kind=task.kind, team=task.team, size=bisect_left(prior.SIZE_MIN, minutes))


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
        by_key = {key: _table(key, classes) for key in keys}
        # Classes that nothing is known of share one table.
        distinct = {_digest(table): table for table in by_key.values()}
        place = {digest: at for at, digest in enumerate(sorted(distinct))}
        tables = tuple(distinct[digest] for digest in sorted(distinct))
        position = {key: place[_digest(table)] for key, table in by_key.items()}
        paces = classes.paces(sorted({task.program for task in tasks}))
        # Three points are somebody's word for this very work: the program's pace is for what only has one number.
        factor = np.array(
            [paces[t.program].factor if one.basis == Basis.CLASS else 1.0 for t, one in zip(tasks, found, strict=True)]
        )
        drivers = sorted({_program(task) for task in tasks} | {_team(task) for task in tasks if task.team is not None})
        driver = {uid: at for at, uid in enumerate(drivers)}
        uncertainty = Uncertainty(
            shapes=tables,
            shape=np.array([CERTAIN if one.shape is None else position[one.shape] for one in found], dtype=np.int64),
            shift_min=np.array([one.shift for one in found], dtype=np.float64),
            scale_min=np.array([one.scale for one in found], dtype=np.float64) * factor,
            elapsed_min=np.array([one.elapsed for one in found], dtype=np.float64),
            drivers=np.array(
                [
                    # How days were kept knows already what programs and teams have in common.
                    [NO_DRIVER, NO_DRIVER]
                    if one.basis == Basis.PLANNED
                    else [driver[_program(t)], NO_DRIVER if t.team is None else driver[_team(t)]]
                    for t, one in zip(tasks, found, strict=True)
                ],
                dtype=np.int64,
            ).reshape(-1, 2),
            driver_uid=np.array(drivers, dtype=np.int64),
            driver_sd=np.array([prior.TEAM_LOG_SD if uid % 2 else paces[uid // 2].log_sd for uid in drivers]),
            risks=_risks(threats, set(uids.tolist())),
        )
        digests = np.array([0, *sorted(distinct)], dtype=np.int64)
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


def _table(key: Shape, classes: Classes) -> Doubles:
    if key.law == "points":
        return triangular(strata(400), 0, key.skew / SKEWS, 1)
    if key.law == "promised":
        return classes.handed_over(key.team)
    if key.law == "planned":
        return classes.late_days(key.program, key.milestone, key.lead_days)
    return classes.ratio(key.kind, key.team, key.size)


def _risks(threats: Iterable[Threat], uids: Collection[int]) -> Risks:
    mine = [one for one in threats if one.milestone in uids]
    return Risks.of(
        sorted({(one.risk, one.probability) for one in mine}),
        [(one.risk, one.milestone, one.low, one.likely, one.high) for one in mine],
    )


def _digest(table: Doubles) -> int:
    return int.from_bytes(hashlib.sha256(table.astype("<f8").tobytes()).digest()[:8], "little", signed=True)
