"""The ledger scored: how often forecasts came true, by how many days and how much chance they were off.

Who counts: forecasts issued in a span of weeks for milestones that were not done by then and are not cancelled now.
What became of them is known to the end of yesterday: today is not over, and a milestone that is open may still be done
on it. How open ones count is told in `engine.scoring`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import isfinite

import numpy as np
from django.db.models import Aggregate, BinaryField, F, Func, Q, QuerySet
from numpy.typing import NDArray

from engine import scoring
from forecasts.calendars import EPOCH
from forecasts.models import IssuedForecast
from programs.models import Program

LEVELS = tuple(step / 20 for step in range(1, 20))  # of the quantiles P5, P10, … P95
P50, P80 = 0.5, 0.8
# With fewer scored forecasts a share says little, and the page says that.
ENOUGH = 20
PIT_BINS = 10

_NEVER = 2**31 - 1  # what the database sends for a day at infinity
_FROM_2000 = (date(2000, 1, 1) - EPOCH).days  # and what it counts days from

Days = NDArray[np.int64]
Doubles = NDArray[np.float64]


class _Sent(Func):
    """A column in the database's binary form."""

    output_field = BinaryField()

    def __init__(self, column: str, form: str) -> None:
        super().__init__(F(column), template=form)


class _Joined(Func):
    """Bytes of several columns, one after the other."""

    output_field = BinaryField()
    template, arg_joiner = "%(expressions)s", " || "


class _Packed(Aggregate):
    """All rows in one value: a hundred thousand rows are read in the time of a few hundred."""

    output_field = BinaryField()
    template = "string_agg(%(expressions)s, ''::bytea)"


_WHOLE, _DAY = "int8send(coalesce(%(expressions)s, 0))", "date_send(coalesce(%(expressions)s, 'infinity'))"
_COLUMNS = (
    ("milestone", "milestone_id", _WHOLE, ">i8"),
    ("program", "program_id", _WHOLE, ">i8"),
    ("team", "milestone__team_id", _WHOLE, ">i8"),
    ("day", "day", _DAY, ">i4"),
    ("target", "target_on", _DAY, ">i4"),
    ("done", "milestone__done_on", _DAY, ">i4"),
    ("plan", "finish_on", _DAY, ">i4"),
    ("chance", "chance", "float8send(coalesce(%(expressions)s, 'NaN'))", ">f8"),
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Issued forecasts as arrays of one length, days since 1970-01-01; `quantile_day` has a column for each level.

    `done_day` and `target_day` are infinite, `chance` is NaN and `team` 0 where there is none.
    """

    levels: tuple[float, ...]
    as_of_day: int
    milestone: Days
    program: Days
    team: Days
    day: Days
    plan_day: Days
    target_day: Doubles
    done_day: Doubles
    chance: Doubles
    quantile_day: Days

    @property
    def size(self) -> int:
        return self.milestone.size

    @property
    def outcomes(self) -> scoring.Outcomes:
        done = self.done_day <= self.as_of_day
        return scoring.Outcomes.of(np.where(done, self.done_day, 0), done, as_of_day=self.as_of_day)

    @property
    def foretold(self) -> NDArray[np.bool_]:
        """Which have a chance of a target that was still ahead, and is over by now."""
        return (self.day <= self.target_day) & (self.target_day <= self.as_of_day) & ~np.isnan(self.chance)

    def level(self, level: float) -> Days:
        return self.quantile_day[:, self.levels.index(level)]

    def at_levels(self, *levels: float) -> Ledger:
        """The same forecasts with some of their levels."""
        return replace(self, levels=levels, quantile_day=self.quantile_day[:, [self.levels.index(q) for q in levels]])

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Ledger:
        return Ledger(
            self.levels,
            self.as_of_day,
            self.milestone[chosen],
            self.program[chosen],
            self.team[chosen],
            self.day[chosen],
            self.plan_day[chosen],
            self.target_day[chosen],
            self.done_day[chosen],
            self.chance[chosen],
            self.quantile_day[chosen],
        )


def load(rows: QuerySet[IssuedForecast], *, today: date, weeks: int, levels: Sequence[float] = (P50, P80)) -> Ledger:
    """Read those of these forecasts that were issued in the last weeks, in one query, with what became of them."""
    since = today - timedelta(weeks=weeks)
    counted = (
        rows.filter(day__gte=since, quantiles__len=len(LEVELS), milestone__cancelled_on=None)
        .exclude(program__state=Program.State.CANCELLED)
        .filter(Q(milestone__done_on=None) | Q(milestone__done_on__gte=F("day")))
    )
    quantiles = [_Sent("quantiles", f"date_send((%(expressions)s)[{LEVELS.index(level) + 1}])") for level in levels]
    record = _Joined(*(_Sent(column, form) for _, column, form, _ in _COLUMNS), *quantiles)
    packed = counted.aggregate(packed=_Packed(record))["packed"] or b""
    shape = [(name, kind) for name, _, _, kind in _COLUMNS]
    table = np.frombuffer(packed, dtype=[*shape, ("quantile", ">i4", (len(levels),))])
    table = table[np.lexsort((table["day"], table["milestone"]))]
    whole = {name: table[name].astype(np.int64) for name in table.dtype.names or () if name != "chance"}
    target, done = (
        np.where(whole[name] == _NEVER, np.inf, whole[name].astype(np.float64) + _FROM_2000)
        for name in ("target", "done")
    )
    return Ledger(
        levels=tuple(levels),
        as_of_day=(today - EPOCH).days - 1,
        milestone=whole["milestone"],
        program=whole["program"],
        team=whole["team"],
        day=whole["day"] + _FROM_2000,
        plan_day=whole["plan"] + _FROM_2000,
        target_day=target,
        done_day=done,
        chance=table["chance"].astype(np.float64),
        quantile_day=whole["quantile"] + _FROM_2000,
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """How often a level was kept: `share` of `milestones`, each of which has one vote, with its 95 % band.

    Of all forecasts `due` ones had their day; if all others came true, or none, the share would be `most` or `least`.
    """

    level: float
    share: float
    low: float
    high: float
    milestones: int
    due: int
    least: float
    most: float

    @property
    def agrees(self) -> bool:
        """Whether the level lies in the band."""
        return self.low <= self.level <= self.high

    @property
    def is_few(self) -> bool:
        """Whether milestones are so few that agreeing says little."""
        return self.milestones < ENOUGH

    @property
    def in_line(self) -> tuple[float, float]:
        """Least and most of the shares that would agree with the level."""
        return scoring.usual_shares(self.level, self.milestones)


@dataclass(frozen=True, slots=True)
class Bin:
    """Chances of about the same size, and how often the target was met; the band counts milestones."""

    chance: float
    share: float
    low: float
    high: float
    forecasts: int
    milestones: int


@dataclass(frozen=True, slots=True)
class Bias:
    """By how much forecasts are off. In days from P50 to the finish, later is positive: the median of `due` forecasts.

    Open ones are late by what has passed at least, hence two bounds; `most` is None when half or more are open. In
    chance: how much more often targets were met than forecast, over `foretold` forecasts; None without any.
    """

    least_days: float | None
    most_days: float | None
    due: int
    chance: float | None
    foretold: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What the ledger says about a set of forecasts. `scored` had their P80 day; `finished` came true or late."""

    issued: int
    milestones: int
    scored: int
    finished: int
    kept: list[Kept]
    bins: list[Bin]
    bias: Bias
    brier: float | None

    @property
    def is_enough(self) -> bool:
        return self.scored >= ENOUGH


@dataclass(frozen=True, slots=True)
class Group:
    """The forecasts of one team or program (`key`; 0 for no team)."""

    key: int
    scored: int
    milestones: int
    kept: Kept | None
    bias: Bias


@dataclass(frozen=True, slots=True)
class Expert:
    """What only experts read. Days of `crps` and `plan_crps` are over `n` forecasts whose P95 day is over.

    Of those, `still_open` count with what has passed, so both are the least that they can be; `plan` is the day that
    the plan names, without uncertainty. `pit` are shares of `PIT_BINS` equal bins, over all forecasts.
    """

    n: int
    still_open: int
    crps: float | None
    plan_crps: float | None
    skill: float | None
    pit: list[float]
    brier: scoring.Brier | None


def score(ledger: Ledger) -> Accuracy:
    """Score a ledger with the levels P50 and P80; an empty one has no shares."""
    kept = _kept(ledger)
    foretold = ledger.only(ledger.foretold)
    met = foretold.done_day <= foretold.target_day
    return Accuracy(
        issued=ledger.size,
        milestones=np.unique(ledger.milestone).size,
        scored=next((one.due for one in kept if one.level == P80), 0),
        finished=int(np.count_nonzero(ledger.outcomes.finished)),
        kept=kept,
        bins=_bins(foretold, met),
        bias=_bias(ledger),
        brier=scoring.brier(foretold.chance, met).score if foretold.size else None,
    )


def by_program(ledger: Ledger) -> list[Group]:
    return _by(ledger, ledger.program)


def by_team(ledger: Ledger) -> list[Group]:
    return _by(ledger, ledger.team)


def _by(ledger: Ledger, key: Days) -> list[Group]:
    """All groups, by key."""
    if not ledger.size:
        return []
    order = np.argsort(key, kind="stable")
    keys, starts = np.unique(key[order], return_index=True)
    groups = []
    for one, rows in zip(keys.tolist(), np.split(order, starts[1:]), strict=True):
        part = ledger.only(rows)
        kept = next((level for level in _kept(part) if level.level == P80), None)
        scored = kept.due if kept else 0
        groups.append(Group(one, scored, np.unique(part.milestone).size, kept, _bias(part)))
    return groups


def _kept(ledger: Ledger) -> list[Kept]:
    if not ledger.size:
        return []
    found = scoring.coverage(ledger.levels, ledger.quantile_day, ledger.outcomes, milestone=ledger.milestone)
    due = np.count_nonzero(ledger.quantile_day <= ledger.as_of_day, axis=0)
    columns = (
        found.level, found.share, found.low, found.high, found.votes, due, found.least, found.most,
    )  # fmt: skip
    return [Kept(*row) for row in zip(*(column.tolist() for column in columns), strict=True) if row[5]]


def _bins(foretold: Ledger, met: NDArray[np.bool_]) -> list[Bin]:
    if not foretold.size:
        return []
    points = scoring.reliability_points(foretold.chance, met)
    edges = np.array(scoring.TENTHS)
    of = np.minimum(np.searchsorted(edges, foretold.chance, side="right") - 1, edges.size - 2)
    votes = np.array([np.unique(foretold.milestone[of == one]).size for one in points.bin.tolist()])
    low, high = scoring.wilson(points.observed_share * votes, votes)
    columns = (points.mean_chance, points.observed_share, low, high, points.n, votes)
    return [Bin(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _bias(ledger: Ledger) -> Bias:
    late = scoring.lateness(ledger.level(P50), ledger.outcomes)
    foretold = ledger.only(ledger.foretold)
    off = None
    if foretold.size:
        off = float(np.mean((foretold.done_day <= foretold.target_day) - foretold.chance))
    return Bias(
        least_days=late.median_least if late.n else None,
        most_days=late.median_most if late.n and isfinite(late.median_most) else None,
        due=late.n,
        chance=off,
        foretold=foretold.size,
    )


def examine(ledger: Ledger) -> Expert:
    """Score a ledger with all levels: proper scores, and where outcomes lie in their distributions."""
    over = ledger.only(ledger.quantile_day[:, -1] <= ledger.as_of_day)
    finish = np.minimum(over.done_day, over.as_of_day)
    crps = scoring.crps_quantiles(over.levels, over.quantile_day, finish)
    plan = np.abs(over.plan_day - finish)
    foretold = ledger.only(ledger.foretold)
    pit = scoring.pit_quantiles(ledger.levels, ledger.quantile_day, ledger.outcomes)
    return Expert(
        n=over.size,
        still_open=int(np.count_nonzero(~over.outcomes.finished)),
        crps=float(crps.mean()) if over.size else None,
        plan_crps=float(plan.mean()) if over.size else None,
        skill=scoring.skill(crps, plan) if plan.any() else None,
        pit=scoring.pit_histogram(pit, PIT_BINS).tolist() if ledger.size else [],
        brier=scoring.brier(foretold.chance, foretold.done_day <= foretold.target_day, edges=scoring.TENTHS)
        if foretold.size
        else None,
    )
