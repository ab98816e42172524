"""Which risks and ranges make the days between the plan and P80, and what would win days back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import TypedDict

import numpy as np

from engine.draws import CERTAIN, Draw
from engine.drivers import Changes, Player, criticality, fair_shares, whatif
from engine.simulation import Run
from forecasts.calendars import EPOCH
from forecasts.health import Finding, Record, finding
from forecasts.inputs import Inputs
from forecasts.rows import Task
from milestones.models import Dependency, Milestone
from people.models import Team
from risks.models import Risk

LEVEL = 0.8
# A milestone that waits for more tasks than this is not weighed: its rows would not fit.
MOST_TASKS = 10_000
RISKS_NAMED = 3  # the costliest stand by themselves, the others together
RISKS_WEIGHED = 30
PULLED_IN = 5  # how many milestones are tried
PULL_MINUTES = 5 * 480
MOVES_KEPT = 10


class Move(TypedDict):
    """Something to do about a late program, as JSON; ``days`` of P80 that it buys.

    ``rule`` is close_risk; mitigate (``value`` its probability afterwards); pull_in (``value`` days of work less);
    keep_hand_off (``value`` the day needed); relieve_team (``value`` how many times as long its slowest work takes).
    """

    rule: str
    record: Record
    label: str
    value: float | str | None
    days: int


@dataclass(frozen=True, slots=True)
class RiskCost:
    """What a risk costs the end of its program, in P80 days."""

    risk: int
    p80_days: int
    alone_days: int
    mitigated_days: int | None


@dataclass(frozen=True, slots=True)
class Weighed:
    """What one program's uncertainty is made of."""

    parts: list[Finding]
    moves: list[Move]
    costs: list[RiskCost]


@dataclass(frozen=True, slots=True)
class Cone:
    """The simulation of all that a program's end waits for, rows kept."""

    program: int
    end: Task
    tasks: Mapping[int, Task]
    names: Mapping[int, str]
    run: Run

    def draw(self, uid: int) -> Draw:
        return self.run.draws[self.run.step(uid)]

    def days_saved(self, changes: Changes) -> int:
        return whatif(self.run, changes).days_saved(self.end.id, LEVEL)


def weigh(inputs: Inputs, program: int, uncertain_days: int, hand_offs: Sequence[Dependency]) -> Weighed | None:
    """Weigh the days from the plan to P80 of a program; None where its end is done, unknown or too large.

    ``uncertain_days`` is what the parts add up to; ``hand_offs`` are open ones into the program, needed before they are
    expected.
    """
    cone = _cone(inputs, program)
    if cone is None:
        return None
    threats = {threat.risk for threat in inputs.estimates.threats if threat.milestone in cone.tasks}
    risks = Risk.objects.in_bulk(sorted(threats))
    saved = {pk: cone.days_saved(Changes.without([pk])) for pk in _weightiest(cone, threats)}
    costly = [pk for pk in sorted(saved, key=lambda pk: (-saved[pk], pk)) if saved[pk] > 0]
    moves = [
        *_risk_moves(cone, costly, saved, risks),
        *_pull_ins(cone),
        *_kept_hand_offs(cone, hand_offs),
        *_relieved_teams(cone, inputs),
    ]
    moves = sorted((move for move in moves if move["days"] > 0), key=lambda move: (-move["days"], move["rule"]))
    own = [pk for pk in saved if risks[pk].program_id == program]
    return Weighed(
        parts=_parts(cone, costly[:RISKS_NAMED], threats, risks, uncertain_days),
        moves=moves[:MOVES_KEPT],
        costs=[_cost(cone, pk, saved[pk], threats, risks[pk]) for pk in sorted(own)],
    )


def _cone(inputs: Inputs, program: int) -> Cone | None:
    end = next((task for task in inputs.tasks if task.is_end and task.program == program and not task.done_on), None)
    if end is None:
        return None
    chosen = inputs.upstream(end.id)
    if chosen.size > MOST_TASKS:
        return None
    network = inputs.compiled(chosen)
    run = inputs.simulated(network, chosen, np.array([network.index(end.id)]), keep=True)
    tasks = {inputs.tasks[at].id: inputs.tasks[at] for at in chosen.tolist()}
    names = dict(Milestone.objects.filter(pk__in=tasks).values_list("pk", "name"))
    return Cone(program, end, tasks, names, run)


def _weightiest(cone: Cone, threats: Iterable[int]) -> list[int]:
    """Risks by what they are likely to cost: the ones worth a simulation of their own."""
    risks = cone.run.uncertainty.risks
    exposure: dict[int, float] = defaultdict(float)
    means = (risks.low_min + risks.likely_min + risks.high_min) / 3 * risks.probability[risks.risk]
    for risk, mean in zip(risks.uid[risks.risk].tolist(), means.tolist(), strict=True):
        exposure[risk] = max(exposure[risk], mean)
    return sorted(threats, key=lambda pk: (-exposure[pk], pk))[:RISKS_WEIGHED]


def _parts(
    cone: Cone, named: Sequence[int], threats: set[int], risks: Mapping[int, Risk], uncertain_days: int
) -> list[Finding]:
    """Shapley shares of the days from the plan to P80, in whole days that add up to them."""
    if not uncertain_days:
        return []
    end = ("milestone", cone.end.id, cone.program)
    uncertain = frozenset(draw.uid for draw in cone.run.draws if draw.shape != CERTAIN)
    own = frozenset(uid for uid in uncertain if cone.tasks[uid].program == cone.program)
    parts = [
        finding("risk", ("risk", pk, risks[pk].program_id), risks[pk].title, value=float(risks[pk].probability or 0))
        for pk in named
    ]
    players = [Player(risks=frozenset({pk})) for pk in named]
    for rule, player in (
        ("risks", Player(risks=frozenset(threats - set(named)))),
        ("own_range", Player(tasks=own)),
        ("upstream_range", Player(tasks=uncertain - own)),
    ):
        if player.risks or player.tasks:
            parts.append(finding(rule, end, cone.names[cone.end.id]))
            players.append(player)
    if not players:
        return []
    _, shares = fair_shares(cone.run, cone.end.id, players, LEVEL)
    for part, days in zip(parts, whole_days(shares, uncertain_days), strict=True):
        part["days"] = days
    return [part for part in parts if part["days"]]


def whole_days(shares: Sequence[float], total: int) -> list[int]:
    """Shares as whole numbers that add up to a total: each rounded down, the largest remainders up (Hamilton).

    >>> whole_days([1.5, 2.5, -0.4], 4)
    [2, 2, 0]
    >>> whole_days([0.0, 0.0], 1)
    [1, 0]
    """
    missing = (total - sum(shares)) / len(shares)
    exact = [share + missing for share in shares]
    days = [floor(share + 1e-9) for share in exact]
    up = sorted(range(len(days)), key=lambda at: (-(exact[at] - days[at]), at))[: total - sum(days)]
    return [one + (at in up) for at, one in enumerate(days)]


def _cost(cone: Cone, pk: int, saved: int, threats: set[int], risk: Risk) -> RiskCost:
    none = whatif(cone.run, Changes.without(threats)).day(cone.end.id, LEVEL)
    alone = whatif(cone.run, Changes.without(threats - {pk})).day(cone.end.id, LEVEL)
    return RiskCost(pk, saved, alone - none, _mitigated(cone, risk))


def _mitigated(cone: Cone, risk: Risk) -> int | None:
    if risk.residual_probability is None:
        return None
    return cone.days_saved(Changes(odds={risk.pk: float(risk.residual_probability)}))


def _risk_moves(
    cone: Cone, costly: Iterable[int], saved: Mapping[int, int], risks: Mapping[int, Risk]
) -> Iterable[Move]:
    for pk in costly:
        risk = risks[pk]
        record = Record(kind="risk", id=pk, program=risk.program_id)
        yield Move(rule="close_risk", record=record, label=risk.title, value=None, days=saved[pk])
        mitigated = _mitigated(cone, risk)
        if mitigated:
            rest = float(risk.residual_probability or 0)
            yield Move(rule="mitigate", record=record, label=risk.title, value=rest, days=mitigated)


def _pull_ins(cone: Cone) -> Iterable[Move]:
    """Five days less work on the milestones of the program that drive its end most often."""
    found = criticality(cone.run, cone.end.id, driving_only=True)
    network = cone.run.network
    left = dict(zip(network.uid[found.tasks].tolist(), network.work_min[found.tasks].tolist(), strict=True))
    driving = sorted(zip((-found.index).tolist(), left, strict=True))
    mine = [uid for index, uid in driving if index < 0 and cone.tasks[uid].program == cone.program]
    for uid in [uid for uid in mine if left[uid] > PULL_MINUTES][:PULLED_IN]:
        days = cone.days_saved(Changes(draws={uid: shorter(cone.draw(uid), 1 - PULL_MINUTES / left[uid])}))
        record = Record(kind="milestone", id=uid, program=cone.program)
        yield Move(rule="pull_in", record=record, label=cone.names[uid], value=PULL_MINUTES / 480, days=days)


def shorter(draw: Draw, factor: float) -> Draw:
    """The same work with so much of what is not spent yet, as uncertain in proportion.

    >>> shorter(Draw(1, shift=-2400.0, scale=19200.0, shape=0, elapsed=2400.0), 0.5)
    Draw(uid=1, shift=0.0, scale=9600.0, shape=0, elapsed=2400.0, drivers=(), impacts=())
    """
    return draw._replace(shift=draw.shift * factor + draw.elapsed * (1 - factor), scale=draw.scale * factor)


def _kept_hand_offs(cone: Cone, hand_offs: Iterable[Dependency]) -> Iterable[Move]:
    """Hand-offs delivered by the day they are needed."""
    for link in hand_offs:
        giver = link.predecessor
        if giver.pk not in cone.tasks or link.need_by_on is None:
            continue
        day = (max(link.need_by_on, EPOCH + timedelta(days=cone.run.network.status_day or 0)) - EPOCH).days
        yield Move(
            rule="keep_hand_off",
            record=Record(kind="dependency", id=link.pk, program=giver.program_id),
            label=giver.name,
            value=link.need_by_on.isoformat(),
            days=cone.days_saved(Changes(finish_day={giver.pk: day})),
        )


def _relieved_teams(cone: Cone, inputs: Inputs) -> Iterable[Move]:
    """Teams that are asked for no more than they can do, of those whose capacity delays work."""
    slowed: dict[int, dict[int, float]] = defaultdict(dict)
    for task, factor in zip(inputs.tasks, inputs.stretch.tolist(), strict=True):
        if factor > 1 and task.team and task.id in cone.tasks:
            slowed[task.team][task.id] = factor
    names = dict(Team.objects.filter(pk__in=slowed).values_list("pk", "name")) if slowed else {}
    for team, factors in sorted(slowed.items()):
        draws = {uid: shorter(cone.draw(uid), 1 / factor) for uid, factor in factors.items()}
        yield Move(
            rule="relieve_team",
            record=Record(kind="team", id=team, program=cone.program),
            label=names[team],
            value=round(max(factors.values()), 2),
            days=cone.days_saved(Changes(draws=draws)),
        )
