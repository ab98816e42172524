"""What happened since the last letter, line by line.

A page tells it too, in its reader's language; letters are written by jobs, which speak the product's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _

from milestones.models import Milestone
from programs.models import Health, Program, ReportedHealth
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
        said = {"now": now.label.lower(), "before": was, "day": short(before.day)}
        words = _("%(now)s, was %(before)s on %(day)s.") % said
        lines.append((program, words, source | {"day_before": iso(before.day)}))
    for program in facts.programs:
        last, reported = facts.reported_before.get(program.pk), facts.reported.get(program.pk)
        if last and reported and last.health != reported.health:
            source = {"record": "reported_health", "id": reported.pk, "before": last.health, "after": reported.health}
            lines.append((program, _turned(reported, last), source))
    lines += [
        (
            d.program,
            _("decided (%(reference)s): %(answer)s") % {"reference": d.reference, "answer": ended(d.answer)},
            _dated("decision", d.pk, "decided_on", d.decided_on),
        )
        for d in facts.taken
    ]
    lines += [
        (m.program, _met(m, m.done_on), _dated("milestone", m.pk, "done_on", m.done_on) | {"due_on": iso(m.due_on)})
        for m in facts.done
        if m.done_on
    ]
    lines += [
        (
            r.program,
            _("new risk %(reference)s: %(title)s") % {"reference": r.reference, "title": ended(r.title)},
            _dated("risk", r.pk, "raised_on", r.raised_on),
        )
        for r in facts.new_risks
    ]
    lines += [
        (
            r.program,
            _("risk %(reference)s closed: %(because)s")
            % {"reference": r.reference, "because": ended(r.closed_because)},
            _dated("risk", r.pk, "closed_on", r.closed_on),
        )
        for r in facts.closed_risks
    ]
    for program in facts.programs:
        row, word = facts.health.get(program.pk), facts.reported.get(program.pk)
        if row and any(finding["rule"] == "stale" for finding in row.findings):
            silent = (facts.today - facts.day(word.at)).days if word else None
            words = _("no update for %(days)s days.") % {"days": silent} if word else _("no update yet.")
            source = {"record": "program", "id": program.pk, "field": "silent_days", "value": silent}
            lines.append((program, words, source))
    then = facts.then
    return [Note(plain(p.name, 80), f"{site}{p.get_absolute_url()}{then}", text, source) for p, text, source in lines]


def _turned(reported: ReportedHealth, last: ReportedHealth) -> str:
    """Who says what instead of what, and why."""
    said = {
        "person": plain(reported.by.name, 60),
        "now": Health(reported.health).label.lower(),
        "before": Health(last.health).label.lower(),
    }
    if reported.because:
        form = _("%(person)s now says %(now)s instead of %(before)s: %(because)s")
        return form % (said | {"because": ended(reported.because)})
    return _("%(person)s now says %(now)s instead of %(before)s.") % said


def changed(facts: Facts, program: Program, site: str) -> list[Note]:
    """What an owed update has to tell: where P80 is once it moved, then what happened."""
    return [*p80_note(facts, program, site), *notes(facts, site)]


def p80_note(facts: Facts, program: Program, site: str) -> list[Note]:
    """Where P80 of a program is, once it moved."""
    row, move = facts.health.get(program.pk), moved(facts, program.pk)
    if row is None or row.p80_on is None or not move:
        return []
    said = {"day": short(row.p80_on), "days": abs(move), "before": short(facts.since.on)}
    if move > 0:
        text = _("P80 is %(day)s, %(days)s d later than on %(before)s.") % said
    else:
        text = _("P80 is %(day)s, %(days)s d earlier than on %(before)s.") % said
    if row.slip_days is not None:
        text += f" {_against(row.slip_days)}"
    source = derived_source(facts, program)
    return [Note(plain(program.name, 80), f"{site}{program.get_absolute_url()}{facts.then}", text, source)]


def _against(slip: int) -> str:
    if not slip:
        return _("That is on its target.")
    form = _("That is %(days)s d after its target.") if slip > 0 else _("That is %(days)s d before its target.")
    return form % {"days": abs(slip)}


def _dated(record: str, pk: int, name: str, day: date | None) -> Source:
    return {"record": record, "id": pk, "field": name, "after": iso(day)}


def _met(milestone: Milestone, done_on: date) -> str:
    late = None if milestone.due_on is None else (done_on - milestone.due_on).days
    if late is None:
        form = _("“%(milestone)s” done on %(day)s.")
    elif not late:
        form = _("“%(milestone)s” done on %(day)s, on its target.")
    elif late > 0:
        form = _("“%(milestone)s” done on %(day)s, %(days)s d after its target.")
    else:
        form = _("“%(milestone)s” done on %(day)s, %(days)s d before its target.")
    return form % {"milestone": plain(milestone.name, 100), "day": short(done_on), "days": abs(late or 0)}
