"""How a program stands in letters: derived health, what its lead says of it, and how far P80 moved."""

from __future__ import annotations

from collections.abc import Iterable

from forecasts.models import ProgramHealth
from programs.models import Health, Program
from reports.letters.facts import Facts
from reports.letters.parts.source import Source, iso
from reports.since import days_moved

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
JUDGED = {Health.ON_TRACK, Health.AT_RISK, Health.OFF_TRACK}
EXCEPTIONS = {Health.AT_RISK, Health.OFF_TRACK}


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


def lead_says(facts: Facts, program_id: int) -> str:
    """The lead's word where it differs from derived health."""
    reported, derived = facts.reported.get(program_id), health_of(facts, program_id)
    if not reported or reported.health == derived or derived not in JUDGED | {Health.NO_FORECAST}:
        return ""
    return f"lead says {Health(reported.health).label.lower()}"


def derived_source(facts: Facts, program: Program) -> Source:
    """What was derived of a program, and its P80 before."""
    derived, before = facts.health.get(program.pk), facts.health_before.get(program.pk)
    return {
        "record": "program",
        "id": program.pk,
        "health": health_of(facts, program.pk),
        "slip_days": derived.slip_days if derived else None,
        "p80_on": iso(derived.p80_on if derived else None),
        "target_on": iso(derived.target_on if derived else None),
        "day": iso(derived.day if derived else None),
        "p80_before": iso(before.p80_on if before else None),
        "day_before": iso(before.day if before else None),
        "moved": moved(facts, program.pk),
    }
