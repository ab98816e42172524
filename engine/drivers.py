"""What moves a milestone: what-if, the cost of risks and of groups of them, criticality, and fair shares that add up.

All of it starts from a run that kept its rows (`simulate(..., keep=True)`) and computes only what a change reaches, of
each task only the samples that it reaches: what comes out as it was stops it. Random numbers stay with their task, so a
difference is exact for the samples.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calendars import MINUTES_PER_DAY, EngineError
from engine.draws import ALL, CERTAIN, At, Doubles, Draw
from engine.network import fixed_requirement
from engine.simulation import Run, Scratch, along, compute, days_of, order_statistics, picks
from engine.steps import Steps
from engine.streams import Floats

MOST_PLAYERS = 8  # 2^8 coalitions
FEW = 1 / 8  # of the samples: so many are picked out of rows, beyond that whole rows are quicker
NOISE_MIN = 1e-3  # an end that varies by less does not: it is float32 that does not add up


@dataclass(frozen=True, slots=True)
class Changes:
    """Edits to a simulated plan, by uid: how work is drawn, first days, days on which it ends for sure, other odds.

    Days count since 1970-01-01; a `not_before_day` of None takes the task's own away. `odds` are probabilities of
    risks, 0 for one that no longer threatens.
    """

    draws: Mapping[int, Draw] = field(default_factory=dict)
    not_before_day: Mapping[int, int | None] = field(default_factory=dict)
    finish_day: Mapping[int, int] = field(default_factory=dict)
    odds: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def without(cls, risks: Collection[int]) -> "Changes":
        """None of these risks happens."""
        return cls(odds=dict.fromkeys(risks, 0.0))


@dataclass(frozen=True)
class Delta:
    """What a change does: by step of the tasks that it moves, in which samples, and the finishes there.

    `to` is the one task that was asked about, if the others were not.
    """

    run: Run = field(repr=False)
    finish: dict[int, tuple[At, Floats]] = field(repr=False)
    to: int | None = None

    @property
    def moved(self) -> NDArray[np.int64]:
        """Positions int64[k] of the tasks that end differently in at least one sample."""
        return np.array(sorted(self.run.steps.task[step] for step in self.finish), dtype=np.int64)

    def sample(self, position: int) -> Floats:
        """Finishes float32[samples] of a task after the change, working minutes since the origin.

        Raises EngineError for a task that was not asked about.
        """
        if self.to is not None and self.run.network.uid[position] != self.to:
            raise EngineError(f"This what-if was about task {self.to} alone.")
        row = self.run.sample(position)
        laid = self.finish.get(int(self.run.steps.step[position]))
        return row if laid is None else _laid(row, *laid)

    def day(self, uid: int, level: float) -> int:
        """Day by which a task is finished with probability `level` after the change."""
        position = self.run.network.index(uid)
        return quantile_day(self.run, position, self.sample(position), level)

    def days_saved(self, uid: int, level: float) -> int:
        """Days by which the change brings that day forward; below 0 where it moves later."""
        position = self.run.network.index(uid)
        return quantile_day(self.run, position, self.run.sample(position), level) - self.day(uid, level)


def quantile_min(row: Floats, level: float) -> float:
    """The order statistic ceil(level x samples) of a row.

    >>> quantile_min(np.array([30, 10, 20], dtype=np.float32), 0.5)
    20.0
    """
    return float(order_statistics(row, picks([level], row.size))[0])


def quantile_day(run: Run, position: int, row: Floats, level: float) -> int:
    """Day by which a task with these finishes is done with probability `level`."""
    minutes = np.array([quantile_min(row, level)], dtype=np.float32)
    return int(days_of(run.network, run.steps, np.array([position]), minutes)[0])


def whatif(run: Run, changes: Changes, to: int | None = None) -> Delta:
    """The rows that a change moves, each bit as a full simulation of the changed plan would give it.

    `to` names the one task that is asked about: only what leads to it is computed then. Raises EngineError where the
    run did not keep its rows, UnknownTask for a uid that is not there.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> from engine.draws import Risks, Uncertainty
    >>> from engine.simulation import simulate
    >>> network = compile([1, 2], [1440, 1440], [ALL_HOURS], [0, 0], Links.of([(1, 2, "FS", 0)]), status_day=0)
    >>> risks = Risks.of([(7, 0.5)], [(7, 1, 2880, 2880, 2880)])
    >>> run = simulate(network, Uncertainty.none(2, risks), seed=1, keep=True)
    >>> whatif(run, Changes.without([7])).days_saved(2, 0.8)
    2
    """
    if run.steps.task and all(row is None for row in run.finish):
        raise EngineError("A what-if needs a run that kept its rows.")
    steps = run.steps
    draws = {step: draw for uid, draw in changes.draws.items() if (step := run.step(uid)) >= 0}
    floors = {
        step: _floor(run, uid, day) for uid, day in changes.not_before_day.items() if (step := run.step(uid)) >= 0
    }
    fixed = {step: _evening(run, uid, day) for uid, day in changes.finish_day.items() if (step := run.step(uid)) >= 0}
    odds, hit = _odds(run, changes.odds) if changes.odds else ({}, set())
    leads = np.ones(len(steps.task), dtype=bool) if to is None else run.leading_to(to)
    asked = leads.tobytes()  # quicker to look into
    edited = draws.keys() | floors.keys() | fixed.keys() | hit
    touched: dict[int, At] = {step: ALL for step in edited if asked[step]}
    queue = list(touched)
    heapify(queue)
    finish, start = _Over(run.finish), _Over(run.start)
    room = Scratch(run.samples)
    before, run.rows.odds = run.rows.odds, odds
    try:
        while queue:
            step = heappop(queue)
            at = finish.at = start.at = touched[step]
            size = run.samples if isinstance(at, slice) else at.size
            out = np.empty(size, dtype=np.float32)
            begun = np.empty(size, dtype=np.float32) if steps.needs_start[step] else None
            draw = draws.get(step, run.draws[step])
            scratch = room if size == run.samples else Scratch(size)
            compute(steps, step, draw, run.rows, finish, start, out, begun, scratch, floors.get(step), at)
            if step in fixed:
                out.fill(fixed[step])
            differs = out != finish.old[step][at]
            if begun is not None:
                differs |= begun != start.old[step][at]
            count = np.count_nonzero(differs)
            if not count:
                continue
            if count < size and count <= FEW * run.samples:
                (chosen,) = differs.nonzero()
                at = chosen if isinstance(at, slice) else at[chosen]
                out = out[chosen]
                begun = None if begun is None else begun[chosen]
            finish.new[step] = at, out
            if begun is not None:
                start.new[step] = at, begun
            for after in steps.after[step]:
                if not asked[after]:
                    continue
                if after in touched:
                    touched[after] = _either(touched[after], at, run.samples)
                else:
                    touched[after] = at
                    heappush(queue, after)
    finally:
        run.rows.odds = before
    return Delta(run, finish.new, to)


def _odds(run: Run, odds: Mapping[int, float]) -> tuple[dict[int, float], set[int]]:
    """Other odds by position of the risk, and the steps that these risks threaten."""
    risks = run.uncertainty.risks
    found = {at: odds[uid] for at, uid in enumerate(risks.uid.tolist()) if uid in odds}
    threatened = {run.step(uid) for uid in risks.task[np.isin(risks.risk, list(found))].tolist()}
    return found, {step for step in threatened if step >= 0}


class _Over:
    """Rows of a run with some laid over them, in the samples `at`."""

    __slots__ = ("at", "new", "old")

    def __init__(self, old: Any) -> None:
        self.at: At = ALL
        self.old, self.new = old, dict[int, tuple[At, Floats]]()

    def __getitem__(self, step: int) -> Any:
        laid = self.new.get(step)
        if laid is None:
            return self.old[step][self.at]
        at, row = laid
        return row if at is self.at else _laid(self.old[step], at, row)[self.at]


def _laid(old: Floats, at: At, row: Floats) -> Floats:
    """A row with others in the samples `at`."""
    if at is ALL:
        return row
    new = old.copy()
    new[at] = row
    return new


def _either(one: At, other: At, samples: int) -> At:
    """The samples that are among the one or the other; all, where these are not few."""
    if one is other or isinstance(one, slice) or isinstance(other, slice):
        return one if isinstance(one, slice) else other
    chosen = np.zeros(samples, dtype=bool)
    chosen[one] = chosen[other] = True
    (found,) = chosen.nonzero()
    return ALL if found.size > FEW * samples else found


def _floor(run: Run, uid: int, day: int | None) -> float:
    """Least start of a task with another not-before day, working minutes since the origin."""
    network = run.network
    at = network.index(uid)
    into = np.flatnonzero(network.fixed & (network.link_succ == at))
    mark = max(int(network.status_floor[at]), int(fixed_requirement(network, into).max(initial=0)))
    calendar = int(network.calendar[at])
    if day is not None:
        mark = max(mark, 2 * int(network.calendars.worked(calendar, day * MINUTES_PER_DAY)) + 1)
    return float((mark >> 1) - run.steps.origin[calendar])


def _evening(run: Run, uid: int, day: int) -> float:
    """The end of a day, working minutes of the task's calendar since the origin."""
    calendar = int(run.network.calendar[run.network.index(uid)])
    worked = run.network.calendars.worked(calendar, (day + 1) * MINUTES_PER_DAY)
    return float(worked - run.steps.origin[calendar])


@dataclass(frozen=True, slots=True)
class RiskCosts:
    """What each risk costs a milestone, in days at a level: arrays int64[r] by risk.

    `removal` is what it saves to take one risk away from all, `alone` what one adds to none. `together` is what all of
    them cost; `residual` is what the removals leave unexplained, since paths switch: they do not add up.
    """

    uid: NDArray[np.int64]
    removal: NDArray[np.int64]
    alone: NDArray[np.int64]
    together: int
    residual: int


def cost_of_risks(run: Run, uid: int, level: float = 0.8, only: Collection[int] | None = None) -> RiskCosts:
    """Days that each risk (or `only` those of these uids) costs a milestone at a level.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> from engine.draws import Risks, Uncertainty
    >>> from engine.simulation import simulate
    >>> network = compile([1], [1440], [ALL_HOURS], [0], Links.of([]), status_day=0)
    >>> risks = Risks.of([(7, 1.0), (8, 1.0)], [(7, 1, 2880, 2880, 2880), (8, 1, 1440, 1440, 1440)])
    >>> cost_of_risks(simulate(network, Uncertainty.none(1, risks), seed=1, keep=True), 1).removal.tolist()
    [2, 1]
    """
    every = frozenset(run.uncertainty.risks.uid.tolist())
    asked = np.array(sorted(every if only is None else every & set(only)), dtype=np.int64)
    none = whatif(run, Changes.without(every), uid)
    together = none.days_saved(uid, level)
    removal = [whatif(run, Changes.without([one]), uid).days_saved(uid, level) for one in asked.tolist()]
    base = none.day(uid, level)
    alone = [whatif(run, Changes.without(every - {one}), uid).day(uid, level) - base for one in asked.tolist()]
    return RiskCosts(
        asked, np.array(removal, dtype=np.int64), np.array(alone, dtype=np.int64), together, together - sum(removal)
    )


@dataclass(frozen=True, slots=True)
class Player:
    """Some of what is uncertain: risks by uid, and tasks whose range of work counts."""

    risks: frozenset[int] = frozenset()
    tasks: frozenset[int] = frozenset()


def fair_shares(run: Run, uid: int, players: Sequence[Player], level: float = 0.8) -> tuple[int, list[float]]:
    """The day without any of the players, and the days that each adds to it: Shapley values, which add up exactly.

    A player's share is its mean contribution over all orders in which the players may come in (Shapley 1953), so that
    it does not depend on their order; 2^p simulations of what they reach. Raises EngineError for more than
    MOST_PLAYERS players.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> from engine.draws import Risks, Uncertainty
    >>> from engine.simulation import simulate
    >>> network = compile([1, 2, 3], [1440] * 3, [ALL_HOURS], [0] * 3, Links.of([(1, 3, "FS", 0), (2, 3, "FS", 0)]),
    ...     status_day=0)
    >>> risks = Risks.of([(7, 1.0), (8, 1.0)], [(7, 1, 2880, 2880, 2880), (8, 2, 1440, 1440, 1440)])
    >>> run = simulate(network, Uncertainty.none(3, risks), seed=1, keep=True)
    >>> fair_shares(run, 3, [Player(risks=frozenset({7})), Player(risks=frozenset({8}))])  # 8 hides behind 7
    (1, [1.5, 0.5])
    """
    count = len(players)
    if count > MOST_PLAYERS:
        raise EngineError(f"At most {MOST_PLAYERS} players share a slip, not {count}.")
    value: dict[frozenset[int], int] = {}
    for size in range(count + 1):
        for inside in combinations(range(count), size):
            outside = [player for at, player in enumerate(players) if at not in inside]
            value[frozenset(inside)] = whatif(run, without(run, outside), uid).day(uid, level)
    shares = []
    for at in range(count):
        others = [one for one in range(count) if one != at]
        share = 0.0
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for inside in combinations(others, size):
                share += weight * (value[frozenset((*inside, at))] - value[frozenset(inside)])
        shares.append(share)
    return value[frozenset()], shares


def without(run: Run, players: Sequence[Player]) -> Changes:
    """The changes that take players out of the game: risks do not happen, work is what the network says."""
    tasks = frozenset[int]().union(*(player.tasks for player in players))
    steps = (run.step(uid) for uid in sorted(tasks))
    draws = {
        run.draws[step].uid: Draw(
            run.draws[step].uid,
            float(run.network.work_min[run.steps.task[step]]),
            impacts=run.draws[step].impacts,
        )
        for step in steps
        if step >= 0 and run.draws[step].shape != CERTAIN
    }
    risks = frozenset[int]().union(*(player.risks for player in players))
    return Changes(draws=draws, odds=dict.fromkeys(risks, 0.0))


@dataclass(frozen=True, slots=True)
class Criticality:
    """How much each task matters to the end of another; arrays float64[k] by `tasks`, positions in the network.

    `index` the share of samples in which it drives the end; `significance` E[d / (d + float) x T / E T] (Williams
    1992); `sensitivity` the schedule sensitivity index, index x sd(d) / sd(T); `cruciality` |correlation| of its work
    with the end: Pearson, and `spearman` of mid-ranks.
    """

    tasks: NDArray[np.int64]
    index: Doubles
    significance: Doubles
    sensitivity: Doubles
    cruciality: Doubles
    spearman: Doubles


def criticality(run: Run, uid: int, *, driving_only: bool = False) -> Criticality:
    """How each task that leads to `uid` drives it. Raises EngineError where the run did not keep its rows.

    `driving_only` leaves out tasks that drive it in no sample, and significance and rank correlation, which are NaN
    then: much faster in a large network.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.network import Links, compile
    >>> from engine.draws import Uncertainty
    >>> from engine.simulation import simulate
    >>> network = compile([1, 2, 3], [90, 100, 0], [ALL_HOURS], [0] * 3, Links.of([(1, 3, "FS", 0), (2, 3, "FS", 0)]),
    ...     status_day=0)
    >>> run = simulate(network, Uncertainty.none(3), seed=1, samples=10, keep=True)
    >>> criticality(run, 3).index.tolist(), criticality(run, 3, driving_only=True).tasks.tolist()
    ([0.0, 1.0, 1.0], [1, 2])
    """
    floats = floats_to(run, uid, driving_only=driving_only)
    end = run.sample(run.network.index(uid))
    centred = end - end.mean()
    spread = float(np.sqrt(np.dot(centred, centred) / end.size))
    tasks, found = [], []
    scratch = np.empty(run.samples, dtype=np.float32)
    for step in sorted(floats, key=lambda one: run.steps.task[one]):
        work = run.rows.draw(run.draws[step], scratch)
        tasks.append(run.steps.task[step])
        if driving_only:
            index = float(np.count_nonzero(floats[step] == 0) / run.samples)
            found.append((index, float("nan"), *_quick(work, centred, spread, index), float("nan")))
        else:
            found.append(sensitivities(np.broadcast_to(np.float32(work), (run.samples,)), floats[step], end))
    return Criticality(np.array(tasks, dtype=np.int64), *np.array(found, dtype=np.float64).reshape(-1, 5).T)


def _quick(work: Any, centred: Floats, spread: float, index: float) -> tuple[float, float]:
    """Sensitivity and cruciality of a row of work, in float32."""
    if isinstance(work, float) or spread < NOISE_MIN:
        return 0.0, 0.0
    apart = work - work.mean()
    sd = float(np.sqrt(np.dot(apart, apart) / work.size))
    if sd == 0:
        return 0.0, 0.0
    return index * sd / spread, abs(float(np.dot(apart, centred)) / (work.size * sd * spread))


def sensitivities(work: Any, slack: Any, end: Any) -> tuple[float, float, float, float, float]:
    """Index, significance, sensitivity, cruciality and Spearman's rho of one task, from its samples [s].

    >>> work, slack, end = [4, 5, 6, 4, 6], [0, 2, 0, 2, 0], [10, 12, 14, 13, 12]
    >>> [round(value, 4) for value in sensitivities(work, slack, end)]
    [0.6, 0.8728, 0.4045, 0.5056, 0.4056]
    """
    work, slack, end = (np.asarray(row, dtype=np.float64) for row in (work, slack, end))
    index = float(np.mean(slack == 0))
    total = work + slack
    share = np.divide(work, total, out=np.zeros_like(work), where=total > 0)
    mean = float(end.mean())
    significance = float(np.mean(share * end) / mean) if mean else 0.0
    spread = float(end.std())
    if spread < NOISE_MIN or work.std() == 0:
        return index, significance, 0.0, 0.0, 0.0
    rho = _correlation(_mid_ranks(work), _mid_ranks(end))
    return index, significance, index * float(work.std()) / spread, abs(_correlation(work, end)), abs(rho)


def kendall(one: Any, other: Any) -> float:
    """Kendall's tau-b of two samples [s]; takes s^2 steps.

    >>> round(kendall([4, 5, 6, 4, 6], [10, 12, 14, 13, 12]), 4)
    0.3536
    """
    first, second = (np.sign(np.subtract.outer(row, row)) for row in (np.asarray(one), np.asarray(other)))
    pairs = float(np.sqrt((first != 0).sum()) * np.sqrt((second != 0).sum()))
    return float((first * second).sum() / pairs) if pairs else 0.0


def floats_to(run: Run, uid: int, *, driving_only: bool = False) -> dict[int, Floats]:
    """Float of each task that leads to `uid`, by step: working minutes float32[samples] before that one moves.

    0 exactly where it drives: what binds is compared with what was computed from the same numbers. Across calendars
    float counts in the successor's minutes. `driving_only` leaves out tasks that drive it in no sample; floats above 0
    are then upper bounds.
    """
    steps = run.steps
    last = run.step(uid)
    if last < 0:
        return {}
    found: dict[int, Floats] = {last: np.zeros(run.samples, dtype=np.float32)}
    finish: Any = run.finish
    scratch, room = Scratch(run.samples), np.empty(run.samples, dtype=np.float32)
    for step in range(last, -1, -1):
        if step not in found:
            continue
        if driving_only and found[step].min() > 0:
            del found[step]
            continue
        begun = _begun(run, steps, step, scratch, room)
        for before in steps.plain[step]:
            _lower(found, before, begun - finish[before] + found[step])
        for link in steps.links[step]:
            row = along(link, run.finish, run.start, scratch)
            _lower(found, link.at, (finish[step] if link.to_finish else begun) - row + found[step])
    return found


def _begun(run: Run, steps: Steps, step: int, scratch: Scratch, room: Floats) -> Any:
    """Starts of a step: what binds them where that is what decides, else what its finish leaves."""
    finish: Any = run.finish
    reached: Any = None
    for before in steps.plain[step]:
        reached = finish[before] if reached is None else np.maximum(reached, finish[before])
    for link in steps.links[step]:
        if not link.to_finish:
            row = along(link, run.finish, run.start, scratch)
            reached = row.copy() if reached is None else np.maximum(reached, row)
    floor = steps.floor[step]
    if floor is not None:
        reached = np.float32(floor) if reached is None else np.maximum(reached, np.float32(floor))
    work = run.rows.draw(run.draws[step], room)
    return np.where(reached + work == finish[step], reached, finish[step] - work)


def _lower(found: dict[int, Floats], step: int, row: Any) -> None:
    standing = found.get(step)
    found[step] = row if standing is None else np.minimum(standing, row)


def _correlation(one: Doubles, other: Doubles) -> float:
    return float(np.mean((one - one.mean()) * (other - other.mean())) / (one.std() * other.std()))


def _mid_ranks(row: Doubles) -> Doubles:
    _, where, count = np.unique(row, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[where])
