"""What happened since the last letter, line by line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from milestones.models import Milestone
from programs.models import Health, Program
from reports.letters.facts import Facts
from reports.letters.parts.health import derived_source, moved, turned
from reports.letters.parts.source import Source, iso
from reports.words import ended, plain, short


@dataclass(frozen=True)
class Note:
    """One thing that happened since the last letter."""

    program: str
    url: str
    text: str
    source: Source = field(default_factory=dict)


def notes(facts: Facts, site: str) -> list[Note]:
    """What happened, most telling first."""
    lines: list[tuple[Program, str, Source]] = []
    for program, before, now in turned(facts):
        was = Health(before.health).label.lower()
        source = {"record": "program", "id": program.pk, "field": "health", "before": before.health, "after": now}
        words = f"{now.label.lower()}, was {was} on {short(before.day)}."
        lines.append((program, words, source | {"day_before": iso(before.day)}))
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
    lines += [
        (m.program, _met(m), _dated("milestone", m.pk, "done_on", m.done_on) | {"due_on": iso(m.due_on)})
        for m in facts.done
    ]
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
            silent = (facts.today - facts.day(last.at)).days if last else None
            words = f"no update for {silent} days." if last else "no update yet."
            source = {"record": "program", "id": program.pk, "field": "silent_days", "value": silent}
            lines.append((program, words, source))
    then = facts.then
    return [Note(plain(p.name, 80), f"{site}{p.get_absolute_url()}{then}", text, source) for p, text, source in lines]


def changed(facts: Facts, program: Program, site: str) -> list[Note]:
    """What an owed update has to tell: where P80 is once it moved, then what happened."""
    return [*p80_note(facts, program, site), *notes(facts, site)]


def p80_note(facts: Facts, program: Program, site: str) -> list[Note]:
    """Where P80 of a program is, once it moved."""
    row, move = facts.health.get(program.pk), moved(facts, program.pk)
    if row is None or row.p80_on is None or not move:
        return []
    against = "" if row.slip_days is None else f", {_against(row.slip_days)} its target"
    way = "later" if move > 0 else "earlier"
    text = f"P80 is {short(row.p80_on)}{against}, {abs(move)} d {way} than before {short(facts.since.on)}."
    source = derived_source(facts, program)
    return [Note(plain(program.name, 80), f"{site}{program.get_absolute_url()}{facts.then}", text, source)]


def _against(slip: int) -> str:
    return f"{abs(slip)} d {'after' if slip > 0 else 'before'}" if slip else "on"


def _dated(record: str, pk: int, name: str, day: date | None) -> Source:
    return {"record": record, "id": pk, "field": name, "after": iso(day)}


def _met(milestone: Milestone) -> str:
    done = f"“{plain(milestone.name, 100)}” done on {short(milestone.done_on)}" if milestone.done_on else ""
    if milestone.done_on is None or milestone.due_on is None:
        return f"{done}."
    late = (milestone.done_on - milestone.due_on).days
    if not late:
        return f"{done}, on its target."
    return f"{done}, {abs(late)} d {'after' if late > 0 else 'before'} its target."
