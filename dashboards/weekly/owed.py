"""Updates that one owes with what changed since, and those of others that are late, asked for all at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from forecasts.models import HealthPolicy
from people.models import User
from people.services import today
from reports.letters.facts import since_update, what_changed
from reports.letters.parts.news import changed
from reports.plans import services
from reports.plans.nudges import Nudge, nudges
from reports.updates.due import Owed, owed_and_late

MOST_NOTES = 8


@dataclass(frozen=True, slots=True)
class Due:
    """An update that one owes; of one that is due also what changed since a day, as its reminder tells it."""

    owed: Owed
    since_on: date | None
    changes: list[str]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Late:
    """A program whose update is late, and whom one may ask for it."""

    due_on: date
    nudge: Nudge


def with_changes(owed: list[Owed], *, today: date, zone: ZoneInfo, policy: HealthPolicy) -> list[Due]:
    """What one owes, with what changed: eight queries, however many updates."""
    sinces = {one.program.pk: since_update(one.last, today=today, zone=zone) for one in owed if one.is_due}
    programs = [one.program for one in owed if one.is_due]
    facts = what_changed(programs, sinces, today=today, zone=zone, policy=policy)
    found = []
    for one in owed:
        known = facts.get(one.program.pk)
        notes = changed(known, one.program, "") if known else []
        said = [note.text for note in notes[:MOST_NOTES]]
        found.append(Due(one, known.since.on if known else None, said, len(notes) - len(said)))
    return found


def read(reader: User, day: date) -> tuple[list[Owed], list[Late]]:
    """What the reader owes, and the late updates that they may ask for: not those that nobody but they owe."""
    owed, late = owed_and_late(reader, day)
    mine = {one.program.pk for one in owed}
    asked = nudges([program for program, _due_on in late], by=reader, day=day)
    return owed, [
        Late(due_on, one)
        for (_program, due_on), one in zip(late, asked, strict=True)
        if one.code != "nobody" or one.program.pk not in mine
    ]


def ask_late(reader: User, at: datetime) -> list[Nudge]:
    """Ask for all late updates that are not the reader's alone to write."""
    _owed, late = read(reader, today(at))
    return services.nudge_all(programs=[one.nudge.program for one in late], by=reader, at=at)
