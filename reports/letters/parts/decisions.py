"""Decisions that wait, in a letter."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from django.utils.formats import date_format

from reports.letters.parts.source import Source, iso
from reports.schedule import WEEK_DAYS
from reports.words import plain
from risks.models import Decision


@dataclass(frozen=True)
class Ask:
    """A decision that waits, and for whom."""

    program: str
    question: str
    note: str
    tone: str
    url: str
    source: Source = field(default_factory=dict)


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
        source={"record": "decision", "id": decision.pk, "decide_by_on": iso(by), "days_left": left},
    )
