"""The parts of a letter: programs, milestones, hand-offs, decisions and news, each with what it was read from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.formats import date_format

from forecasts.models import ProgramHealth
from milestones.models import Dependency, Milestone
from programs.models import Health, Program
from reports.facts import Facts
from reports.since import days_moved, past_target
from reports.words import days, ended, plain, short
from risks.models import Decision

BAR_PIXELS = 74
WEEK_DAYS = 7

SYMBOLS = {
    Health.ON_TRACK: ("ok", "●"),
    Health.AT_RISK: ("warn", "▲"),
    Health.OFF_TRACK: ("bad", "■"),
    Health.DONE: ("ok", "✓"),
    Health.ON_HOLD: ("none", "◇"),
    Health.NOT_STARTED: ("none", "▷"),
    Health.NO_FORECAST: ("none", "○"),
}
WORST_FIRST = [
    Health.OFF_TRACK,
    Health.AT_RISK,
    Health.ON_TRACK,
    Health.NO_FORECAST,
    Health.NOT_STARTED,
    Health.ON_HOLD,
    Health.DONE,
]
# Rules of derived health that say why there is no forecast.
MISSING = {
    "no_end": "needs an end milestone",
    "no_target": "needs a target",
    "unplanned": "needs dates or work",
    "loop": "waits for itself",
}
JUDGED = {Health.ON_TRACK, Health.AT_RISK, Health.OFF_TRACK}
EXCEPTIONS = {Health.AT_RISK, Health.OFF_TRACK}

# Where each part was read from, as JSON: a checker computes the numbers anew from these records.
Source = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """A decision that waits, and for whom."""

    program: str
    question: str
    note: str
    tone: str
    url: str
    source: Source = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A program in the table of programs, or a milestone in that of its program."""

    name: str
    url: str
    tone: str
    symbol: str
    word: str
    lead_says: str
    forecast: str
    forecast_tone: str
    bar: int
    move: str
    move_tone: str
    exceptional: bool = False
    source: Source = field(default_factory=dict)


@dataclass(frozen=True)
class HandOff:
    """What one program gives another, and whether it comes in time."""

    name: str
    ends: str
    dates: str
    slack: str
    tone: str
    url: str
    source: Source = field(default_factory=dict)


@dataclass(frozen=True)
class Note:
    """One thing that happened since the last letter."""

    program: str
    url: str
    text: str
    source: Source = field(default_factory=dict)


@dataclass(frozen=True)
class Tile:
    number: str
    words: str
    beside: str
    source: Source = field(default_factory=dict)


def health_of(facts: Facts, program_id: int) -> Health:
    row = facts.health.get(program_id)
    return Health(row.health) if row else Health.NO_FORECAST


def moved(facts: Facts, program_id: int) -> int | None:
    """Days that P80 moved since the last letter; later is positive."""
    return days_moved(facts.health.get(program_id), facts.health_before.get(program_id))


def turned(facts: Facts) -> Iterable[tuple[Program, ProgramHealth, Health]]:
    """Programs whose derived health is another one than in the last letter, with that one and today's."""
    for program in facts.programs:
        before, now = facts.health_before.get(program.pk), health_of(facts, program.pk)
        if before and before.health != now:
            yield program, before, now


# -- tiles -----------------------------------------------------------------------------------------------------------


def tiles(facts: Facts) -> list[Tile]:
    listed = [p.pk for p in facts.programs]
    forecast = [row for p in listed if (row := facts.health.get(p)) and row.slip_days is not None]
    past, before = past_target(forecast), past_target(facts.health_before.get(p) for p in listed)
    differ = [p for p in listed if lead_says(facts, p) and health_of(facts, p) in JUDGED]
    return [
        Tile(
            f"{past} of {len(forecast)}",
            "P80 past target",
            f"{before} before {short(facts.since.on)}",
            {
                "number": "past_target",
                "value": past,
                "of": len(forecast),
                "before": before,
                "records": [[row.program_id, row.slip_days] for row in forecast],
            },
        ),
        Tile(
            str(facts.open_risks),
            "open risk" if facts.open_risks == 1 else "open risks",
            f"{len(facts.new_risks)} new, {len(facts.closed_risks)} closed",
            {
                "number": "open_risks",
                "value": facts.open_risks,
                "new": [risk.pk for risk in facts.new_risks],
                "closed": [risk.pk for risk in facts.closed_risks],
            },
        ),
        Tile(
            str(len(differ)),
            "lead disagrees" if len(differ) == 1 else "leads disagree",
            "with the data",
            {"number": "disagree", "value": len(differ), "records": differ},
        ),
        Tile(
            str(facts.late_hand_offs),
            "late hand-off" if facts.late_hand_offs == 1 else "late hand-offs",
            "promised after needed",
            {
                "number": "late_hand_offs",
                "value": facts.late_hand_offs,
                "records": [one[0] for one in facts.late_by_ends],
            },
        ),
    ]


def lead_says(facts: Facts, program_id: int) -> str:
    """The lead's word where it differs from derived health."""
    reported, derived = facts.reported.get(program_id), health_of(facts, program_id)
    if not reported or reported.health == derived or derived not in JUDGED | {Health.NO_FORECAST}:
        return ""
    return f"lead says {Health(reported.health).label.lower()}"


# -- rows ------------------------------------------------------------------------------------------------------------


def rank(facts: Facts, program: Program) -> tuple[int, int, str, int]:
    """The worst first."""
    row = facts.health.get(program.pk)
    slip = row.slip_days if row and row.slip_days is not None else -10_000
    return WORST_FIRST.index(health_of(facts, program.pk)), -slip, program.name, program.pk


def program_row(facts: Facts, program: Program, site: str, longest: int) -> Row:
    health = health_of(facts, program.pk)
    tone, symbol = SYMBOLS[health]
    derived = facts.health.get(program.pk)
    slip = derived.slip_days if derived else None
    move = moved(facts, program.pk)
    said = lead_says(facts, program.pk)
    forecast, forecast_tone, bar = (
        (_why_no_slip(derived), "none", 0) if slip is None else against_target(slip, tone, longest)
    )
    return Row(
        name=plain(program.name, 80),
        url=f"{site}{program.get_absolute_url()}",
        tone=tone,
        symbol=symbol,
        word=str(health.label),
        lead_says=said,
        forecast=forecast,
        forecast_tone=forecast_tone,
        bar=bar,
        move="–" if move is None else days(move),
        move_tone=_move_tone(move),
        exceptional=health in EXCEPTIONS or bool(said),
        source=derived_source(facts, program),
    )


def derived_source(facts: Facts, program: Program) -> Source:
    """What was derived of a program, and its P80 before."""
    derived, before = facts.health.get(program.pk), facts.health_before.get(program.pk)
    return {
        "record": "program",
        "id": program.pk,
        "health": health_of(facts, program.pk),
        "slip_days": derived.slip_days if derived else None,
        "p80_on": _iso(derived.p80_on if derived else None),
        "target_on": _iso(derived.target_on if derived else None),
        "day": _iso(derived.day if derived else None),
        "p80_before": _iso(before.p80_on if before else None),
        "day_before": _iso(before.day if before else None),
        "moved": moved(facts, program.pk),
    }


def milestone_row(row: Milestone, today: date, site: str, longest: int) -> Row:
    """A milestone of a program's own letter: its P80 against its target."""
    p80 = row.forecast.p80_on if hasattr(row, "forecast") else None
    slip = (p80 - row.target_on).days if p80 and row.target_on else None
    late = row.target_on is not None and row.target_on < today
    tone = "none" if slip is None else "bad" if late or slip >= WEEK_DAYS else "warn" if slip > 0 else "ok"
    symbol = {"none": "○", "bad": "■", "warn": "▲", "ok": "●"}[tone]
    word = short(row.target_on) if row.target_on else "no target"
    forecast, forecast_tone, bar = (
        ("–" if p80 else "no forecast", "none", 0) if slip is None else against_target(slip, tone, longest)
    )
    return Row(
        name=plain(row.name, 80),
        url=f"{site}/m/{row.pk}",
        tone=tone,
        symbol=symbol,
        word=f"{word}, overdue" if late else word,
        lead_says=plain(row.owner.name, 60) if row.owner else "",
        forecast=forecast,
        forecast_tone=forecast_tone,
        bar=bar,
        move=short(p80) if p80 else "–",
        move_tone="none",
        exceptional=late or (slip or 0) > 0,
        source={
            "record": "milestone",
            "id": row.pk,
            "target_on": _iso(row.target_on),
            "p80_on": _iso(p80),
            "slip_days": slip,
        },
    )


def against_target(slip: int, tone: str, longest: int) -> tuple[str, str, int]:
    """Days past a target in words, their tone, and the length of their bar."""
    if slip > 0:
        return days(slip), tone, max(4, round(BAR_PIXELS * slip / max(longest, 1)))
    return (f"{-slip} d early" if slip else "on the day"), "ok", 0


def _move_tone(move: int | None) -> str:
    return "none" if not move else "ok" if move < 0 else "bad" if move >= WEEK_DAYS else "warn"


def _why_no_slip(derived: ProgramHealth | None) -> str:
    """What is missing, in a word; the program's page says it in full."""
    rules = {finding["rule"] for finding in derived.findings} if derived else set()
    if derived and derived.p80_on:
        return f"{short(derived.p80_on)}, no target"
    return next((words for rule, words in MISSING.items() if rule in rules), "–")


# -- hand-offs -------------------------------------------------------------------------------------------------------


def hand_off(row: Dependency, site: str) -> HandOff:
    """Needed against promised; without a promise against P80 of what is given."""
    giver, receiver = row.predecessor, row.successor
    p80 = giver.forecast.p80_on if hasattr(giver, "forecast") else None
    comes = giver.done_on or row.promised_on or p80
    slack = (row.need_by_on - comes).days if row.need_by_on and comes else None
    how = "given" if giver.done_on else "promised" if row.promised_on else "expected at P80"
    dates = f"needed {short(row.need_by_on)}" if row.need_by_on else "no day needed"
    dates += f", {how} {short(comes)}" if comes else ", nothing promised"
    if slack is None:
        words, tone = "no promise", "warn"
    elif slack < 0:
        words, tone = f"{-slack} d too late", "bad"
    else:
        words, tone = (f"{slack} d of slack" if slack else "just in time"), "ok"
    return HandOff(
        name=plain(giver.name, 80),
        ends=f"{plain(giver.program.name, 60)} → {plain(receiver.program.name, 60)}",
        dates=dates,
        slack=words,
        tone=tone,
        url=f"{site}/m/{giver.pk}",
        source={
            "record": "dependency",
            "id": row.pk,
            "need_by_on": _iso(row.need_by_on),
            "comes_on": _iso(comes),
            "from": how,
            "slack_days": slack,
        },
    )


# -- decisions -------------------------------------------------------------------------------------------------------


def ask(decision: Decision, today: date, site: str, mine: bool) -> Ask:
    by = decision.decide_by_on
    left = (by - today).days if by else None
    who = "You are" if mine else f"{plain(decision.decider.name, 60)} is" if decision.decider else "Nobody is"
    if by is None or left is None:
        when = f"{who} named to decide; no day is set"
    elif left < 0:
        when = f"{who} to decide; it was due {date_format(by, 'D j M')}, {-left} d ago"
    else:
        when = f"{who} to decide by {date_format(by, 'D j M')}"
    return Ask(
        program=plain(decision.program.name, 80),
        question=plain(decision.question, 240),
        note=f"{when} ({decision.reference})",
        tone="none" if left is None else "bad" if left <= WEEK_DAYS else "warn",
        url=f"{site}/d/{decision.reference}",
        source={"record": "decision", "id": decision.pk, "decide_by_on": _iso(by), "days_left": left},
    )


# -- news ------------------------------------------------------------------------------------------------------------


def notes(facts: Facts, site: str) -> list[Note]:
    """What happened, most telling first."""
    lines: list[tuple[Program, str, Source]] = []
    for program, before, now in turned(facts):
        was = Health(before.health).label.lower()
        source = {"record": "program", "id": program.pk, "field": "health", "before": before.health, "after": now}
        words = f"{now.label.lower()}, was {was} on {short(before.day)}."
        lines.append((program, words, source | {"day_before": _iso(before.day)}))
    for program in facts.programs:
        said, reported = facts.reported_before.get(program.pk), facts.reported.get(program.pk)
        if said and reported and said.health != reported.health:
            words = f"{Health(reported.health).label.lower()} instead of {Health(said.health).label.lower()}"
            turn = f"{plain(reported.by.name, 60)} now says {words}"
            source = {"record": "reported_health", "id": reported.pk, "before": said.health, "after": reported.health}
            lines.append((program, f"{turn}: {ended(reported.because)}" if reported.because else f"{turn}.", source))
    lines += [
        (d.program, f"decided ({d.reference}): {ended(d.answer)}", _dated("decision", d.pk, "decided_on", d.decided_on))
        for d in facts.taken
    ]
    lines += [(m.program, _met(m), _dated("milestone", m.pk, "done_on", m.done_on)) for m in facts.done]
    lines += [
        (r.program, f"new risk {r.reference}: {ended(r.title)}", _dated("risk", r.pk, "raised_on", r.raised_on))
        for r in facts.new_risks
    ]
    lines += [
        (
            r.program,
            f"risk {r.reference} closed: {ended(r.closed_because)}",
            _dated("risk", r.pk, "closed_on", r.closed_on),
        )
        for r in facts.closed_risks
    ]
    for program in facts.programs:
        row, last = facts.health.get(program.pk), facts.reported.get(program.pk)
        if row and any(finding["rule"] == "stale" for finding in row.findings):
            silent = (facts.today - last.at.date()).days if last else None
            words = f"no update for {silent} days." if last else "no update yet."
            source = {"record": "program", "id": program.pk, "field": "silent_days", "value": silent}
            lines.append((program, words, source))
    return [Note(plain(p.name, 80), f"{site}{p.get_absolute_url()}", text, source) for p, text, source in lines]


def p80_note(facts: Facts, program: Program, site: str) -> list[Note]:
    """Where P80 of a program is, once it moved."""
    row, move = facts.health.get(program.pk), moved(facts, program.pk)
    if row is None or row.p80_on is None or not move:
        return []
    against = "" if row.slip_days is None else f", {_against(row.slip_days)} its target"
    way = "later" if move > 0 else "earlier"
    text = f"P80 is {short(row.p80_on)}{against}, {abs(move)} d {way} than before {short(facts.since.on)}."
    source = derived_source(facts, program)
    return [Note(plain(program.name, 80), f"{site}{program.get_absolute_url()}", text, source)]


def _against(slip: int) -> str:
    return f"{abs(slip)} d {'after' if slip > 0 else 'before'}" if slip else "on"


def _dated(record: str, pk: int, name: str, day: date | None) -> Source:
    return {"record": record, "id": pk, "field": name, "after": _iso(day)}


def _met(milestone: Milestone) -> str:
    done = f"“{plain(milestone.name, 100)}” done on {short(milestone.done_on)}" if milestone.done_on else ""
    if milestone.done_on is None or milestone.target_on is None:
        return f"{done}."
    late = (milestone.done_on - milestone.target_on).days
    if not late:
        return f"{done}, on its target."
    return f"{done}, {abs(late)} d {'after' if late > 0 else 'before'} its target."


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
