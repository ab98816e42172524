"""The policy that turns facts into derived health, and the evidence it leaves. Pure: facts in, a row's worth out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypedDict

from forecasts.models import HealthPolicy
from milestones.models import due_of
from programs.models import Health, Program


class Record(TypedDict):
    """What a finding speaks of. Whoever renders it looks up ``program``: a reader who may not see it sees no label."""

    kind: str  # program | milestone | dependency | kpi | issue | phase | risk
    id: int
    program: int


class Finding(TypedDict):
    """One piece of evidence, as JSON.

    ``rule`` is one of

    - state: the program is done, cancelled, on hold or not started; ``value`` says which
    - end_done: its end milestone is done; ``value`` the day
    - no_end, no_target, unplanned, loop, horizon, refused: why there is no forecast (``record`` is what to mend; a
      ``loop`` has ``value`` milestones in it)
    - p80: ``value`` days of P80 after the target against ``limit``, the last that ``health`` allows for on track and
      the one that was crossed for the others
    - upstream, own_work, scope: ``days`` that arose at this milestone of the driving path: of another program, of this
      one, of this one and not in its baseline
    - reserve: ``days`` from the target (``limit``) to the end in the approved plan (``value``); negative is reserve
    - calendar: ``days`` that holidays between this milestone and the one before it cost more than in the plan
    - range: ``days`` from the plan as it stands to P80 that nobody has weighed yet; then instead
      - risk: ``days`` of a risk, risks: of all others together
      - own_range, upstream_range: ``days`` of how uncertain the work is, of this program and of others

      The days of all these add up to the slip from the target to P80
    - kpi, hand_off, issue: past its limit, promised later than needed (``value`` days), open past its date (days)
    - stale, gate: hygiene; days without an update, days a gate is overdue. Never a colour

    ``health`` is the colour that the finding asks for by itself, empty where it asks for none; ``since`` the day it
    became true. ``label`` names the record as of the run.
    """

    rule: str
    record: Record
    label: str
    value: float | str | None
    limit: float | str | None
    unit: str
    since: str
    days: int | None
    health: str


# Reasons that only a run over the network can give; health alone carries them over.
NETWORK_RULES = frozenset({"unplanned", "loop", "horizon", "refused"})
WHEN_STOPPED = {
    Program.State.DONE: Health.DONE,
    Program.State.ON_HOLD: Health.ON_HOLD,
    Program.State.NOT_STARTED: Health.NOT_STARTED,
    # Nobody waits for it any more: there is nothing to forecast.
    Program.State.CANCELLED: Health.NO_FORECAST,
}


# Findings whose days explain a slip; those of the latter come from weighing what is uncertain (forecasts.weighing).
WEIGHED_RULES = frozenset({"risk", "risks", "own_range", "upstream_range"})
SLIP_RULES = frozenset({"upstream", "own_work", "scope", "reserve", "calendar", "range"}) | WEIGHED_RULES
HYGIENE_RULES = frozenset({"stale", "gate"})


@dataclass(frozen=True, slots=True)
class Step:
    """A milestone on the driving path: when it is expected, and the day it is held against, if it has one.

    ``is_added`` tells that its program has a baseline without it; ``holidays`` are days off on weekdays, in order.
    """

    milestone: int
    program: int
    name: str
    finish_on: date
    reference_on: date | None
    is_added: bool = False
    holidays: Sequence[date] = ()


@dataclass(frozen=True, slots=True)
class End:
    """A program's end milestone."""

    milestone: int
    name: str
    target_on: date | None
    done_on: date | None
    finish_on: date | None
    p50_on: date | None = None
    p80_on: date | None = None
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that one program's health is derived from. ``path`` ends with the end milestone."""

    program: int
    name: str
    state: str
    target_on: date | None
    end: End | None
    path: Sequence[Step] = ()
    obstacle: Finding | None = None
    lowering: Sequence[Finding] = ()
    hygiene: Sequence[Finding] = ()
    updated_on: date | None = None
    known_since: date | None = None
    earlier: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Derived:
    """What a ProgramHealth row says."""

    health: Health
    finish_on: date | None
    p50_on: date | None
    p80_on: date | None
    target_on: date | None
    slip_days: int | None
    chance: float | None
    is_stale: bool
    findings: list[Finding]


def derive(facts: Facts, policy: HealthPolicy, today: date) -> Derived:
    """Judge a program by the policy: done, on hold, not started, no forecast, and only then its colour."""
    target_on = due_of(True, facts.end.target_on if facts.end else None, facts.target_on)
    end = facts.end or End(0, "", None, None, None)
    slip = (end.p80_on - target_on).days if end.p80_on and target_on else None
    stopped = _stopped(facts)
    if stopped:
        health, findings, is_stale = stopped[0], [stopped[1]], False
    else:
        hygiene = [*_stale(facts, policy, today), *facts.hygiene]
        is_stale = bool(hygiene)
        missing = _missing(facts, target_on)
        if missing or slip is None or facts.end is None:
            health, findings = Health.NO_FORECAST, [*missing, *facts.lowering, *hygiene]
        else:
            verdict = _against_target(facts.end, facts.program, slip, policy)
            health = Health(verdict["health"])
            if facts.lowering and health == Health.ON_TRACK:
                health = Health.AT_RISK
            parts = []
            if target_on and slip > 0:
                parts = [*slip_parts(facts.path, target_on, facts.program), *_range(facts, end)]
            findings = [verdict, *facts.lowering, *by_days(parts), *hygiene]
    findings = dated(findings, facts.earlier, today)
    return Derived(health, end.finish_on, end.p50_on, end.p80_on, target_on, slip, end.chance, is_stale, findings)


def slip_parts(path: Sequence[Step], target_on: date, program: int) -> list[Finding]:
    """Days by the milestone of the driving path where they arose; they add up to the end's planned days after target.

    Along the path each milestone is late by its forecast (or actual) finish less its reference: its day in the newest
    baseline, else its target. What it adds is its lateness less that of the referenced milestone before it: the sum
    telescopes to the lateness of the end, and the days from the target to the end's own reference are its reserve. Of
    what a milestone adds, holidays are what more days off lie between the two now than did in the plan. A negative part
    is time won back. Milestones without a reference hand their days on to the next one that has one; the end without
    one is held against the target.

    >>> days = lambda *numbers: [date(2026, 3, n) for n in numbers]
    >>> path = [Step(i, 1, "", f, r) for i, (f, r) in enumerate(zip(days(9, 15, 20), days(2, 6, 13)), 1)]
    >>> [(part["record"]["id"], part["days"]) for part in slip_parts(path, date(2026, 3, 16), 1)]
    [(1, 7), (2, 2), (3, -2), (3, -3)]
    >>> christmas = Step(1, 1, "", date(2026, 12, 28), date(2026, 12, 23), holidays=[date(2026, 12, 25)])
    >>> [(part["rule"], part["days"]) for part in slip_parts([christmas], date(2026, 12, 23), 1)]
    [('own_work', 4), ('calendar', 1)]
    """
    parts: list[Finding] = []
    late_before = off_before = 0
    added = False
    for position, step in enumerate(path, 1):
        added = added or step.is_added
        reference = step.reference_on or (target_on if position == len(path) else None)
        if reference is None:
            continue
        late = (step.finish_on - reference).days
        off = bisect_right(step.holidays, step.finish_on) - bisect_right(step.holidays, reference)
        rule = "upstream" if step.program != program else "scope" if added else "own_work"
        record = ("milestone", step.milestone, step.program)
        for name, days in ((rule, late - late_before - (off - off_before)), ("calendar", off - off_before)):
            if days:
                value, limit = step.finish_on.isoformat(), reference.isoformat()
                parts.append(finding(name, record, step.name, value=value, limit=limit, days=days))
        late_before, off_before, added = late, off, False
        if position == len(path) and (reserve := (reference - target_on).days):
            value, limit = reference.isoformat(), target_on.isoformat()
            parts.append(finding("reserve", record, step.name, value=value, limit=limit, days=reserve))
    return parts


def by_days(parts: Iterable[Finding]) -> list[Finding]:
    """The largest part comes first."""
    return sorted(parts, key=lambda part: -(part["days"] or 0))


def with_weighed(findings: Sequence[Finding], weighed: Sequence[Finding]) -> list[Finding]:
    """Findings in which weighed parts stand for the range; without either, the findings as they are."""
    if not weighed or not any(one["rule"] in WEIGHED_RULES | {"range"} for one in findings):
        return list(findings)
    parts = [one for one in findings if one["rule"] in SLIP_RULES - WEIGHED_RULES - {"range"}]
    colour = [one for one in findings if one["rule"] not in SLIP_RULES | HYGIENE_RULES]
    hygiene = [one for one in findings if one["rule"] in HYGIENE_RULES]
    return [*colour, *by_days([*parts, *weighed]), *hygiene]


def _range(facts: Facts, end: End) -> list[Finding]:
    """The days from the plan as it stands to P80, as one part: until they are weighed."""
    if not end.p80_on or not end.finish_on or end.p80_on == end.finish_on:
        return []
    record = ("milestone", end.milestone, facts.program)
    days = (end.p80_on - end.finish_on).days
    return [finding("range", record, end.name, value=end.finish_on.isoformat(), days=days)]


def finding(
    rule: str,
    record: tuple[str, int, int],
    label: str,
    *,
    value: float | str | None = None,
    limit: float | str | None = None,
    unit: str = "",
    since: date | None = None,
    days: int | None = None,
    health: str = "",
) -> Finding:
    """A finding; without ``since`` it is dated by when the program's earlier rows first had it."""
    kind, pk, program = record
    return Finding(
        rule=rule,
        record=Record(kind=kind, id=pk, program=program),
        label=label,
        value=value,
        limit=limit,
        unit=unit,
        since=since.isoformat() if since else "",
        days=days,
        health=health,
    )


def _stopped(facts: Facts) -> tuple[Health, Finding] | None:
    record = ("program", facts.program, facts.program)
    state = Program.State(facts.state)
    if facts.end and facts.end.done_on and state != Program.State.CANCELLED:
        done_on = facts.end.done_on
        end = ("milestone", facts.end.milestone, facts.program)
        return Health.DONE, finding("end_done", end, facts.end.name, value=done_on.isoformat(), since=done_on)
    if state in WHEN_STOPPED:
        return WHEN_STOPPED[state], finding("state", record, facts.name, value=state.value)
    return None


def _missing(facts: Facts, target_on: date | None) -> list[Finding]:
    if facts.end is None:
        return [finding("no_end", ("program", facts.program, facts.program), facts.name)]
    end = ("milestone", facts.end.milestone, facts.program)
    if facts.end.finish_on is None:
        return [facts.obstacle or finding("unplanned", end, facts.end.name)]
    return [] if target_on else [finding("no_target", end, facts.end.name)]


def _against_target(end: End, program: int, slip: int, policy: HealthPolicy) -> Finding:
    health = policy.judge(slip)
    limit = policy.off_track_days if health == Health.OFF_TRACK else policy.at_risk_days
    record = ("milestone", end.milestone, program)
    return finding("p80", record, end.name, value=slip, limit=limit, unit="days", health=health.value)


def _stale(facts: Facts, policy: HealthPolicy, today: date) -> list[Finding]:
    last = facts.updated_on or facts.known_since or today
    days = (today - last).days
    if days < policy.stale_days:
        return []
    record = ("program", facts.program, facts.program)
    since = last + timedelta(days=policy.stale_days)
    return [finding("stale", record, facts.name, value=days, limit=policy.stale_days, unit="days", since=since)]


def _identity(item: Finding) -> tuple[str, str, int, str]:
    return item["rule"], item["record"]["kind"], item["record"]["id"], item["health"]


def dated(findings: Iterable[Finding], earlier: Iterable[Finding], today: date) -> list[Finding]:
    """Give each finding without a day of its own the one it had in the program's newest row, or today."""
    known = {_identity(item): item["since"] for item in earlier}
    found = []
    for item in findings:
        item = item.copy()
        item["since"] = item["since"] or known.get(_identity(item), today.isoformat())
        found.append(item)
    return found
