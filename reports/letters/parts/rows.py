"""Programs in the table of a letter, and milestones in that of a program's own."""

from __future__ import annotations

from dataclasses import dataclass, field

from forecasts.models import ProgramHealth
from milestones.models import Milestone
from programs.models import Health, Program
from reports.letters.facts import Facts
from reports.letters.parts.health import EXCEPTIONS, SYMBOLS, WORST_FIRST, derived_source, health_of, lead_says, moved
from reports.letters.parts.source import Source, iso
from reports.schedule import WEEK_DAYS
from reports.words import days, plain, short

BAR_PIXELS = 74
# Rules of derived health that say why there is no forecast.
MISSING = {
    "no_end": "needs an end milestone",
    "no_target": "needs a target",
    "unplanned": "needs dates or work",
    "loop": "waits for itself",
}


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
        url=f"{site}{program.get_absolute_url()}{facts.then}",
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


def milestone_row(row: Milestone, facts: Facts, site: str, longest: int) -> Row:
    """A milestone of a program's own letter: its P80 against its target."""
    p80 = row.forecast.p80_on if hasattr(row, "forecast") else None
    due = row.due_on
    slip = (p80 - due).days if p80 and due else None
    late = due is not None and due < facts.today
    tone, symbol = SYMBOLS[Health.NO_FORECAST if slip is None else facts.policy.judge(slip)]
    word = short(due) if due else "no target"
    forecast, forecast_tone, bar = (
        ("–" if p80 else "no forecast", "none", 0) if slip is None else against_target(slip, tone, longest)
    )
    return Row(
        name=plain(row.name, 80),
        url=f"{site}/m/{row.pk}{facts.then}",
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
            "target_on": iso(row.target_on),
            "due_on": iso(due),
            "p80_on": iso(p80),
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
