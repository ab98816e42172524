"""An update and all that stands beside it while it is written: facts, drafted sentences, and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.models import Update
from reports.updates import snapshot
from reports.updates.drafting import VERSION, draft
from reports.updates.drafting.sentences import BULLET, Sentence, read
from reports.updates.rules import strictness
from reports.updates.rules.lint import Found, Level, lint

Known = tuple[dict[str, Any], list[Sentence]]


@dataclass(frozen=True)
class Looked:
    """What an update is written on, what the rules draft of it, and what they find wanting by which version."""

    facts: dict[str, Any]
    drafted: list[Sentence]
    found: list[Found]
    version: int

    @property
    def errors(self) -> list[Found]:
        return [one for one in self.found if one.level == Level.ERROR]

    @property
    def warnings(self) -> list[Found]:
        return [one for one in self.found if one.level == Level.WARNING]


def facts_of(update: Update, at: datetime) -> Known:
    """The facts of now with what they draft; of a correction, those that the corrected update was written on."""
    corrected = update.corrects
    if corrected is None:
        facts = snapshot.take(update.program, at)
        return facts, draft(facts)
    facts = dict(corrected.snapshot or {})
    if facts.get("rules") == VERSION:
        return facts, draft(facts)
    return facts, read(corrected.sentences)


def drafted_of(update: Update, at: datetime) -> list[Sentence]:
    """What the rules draft of an update's program, which its text may hold word by word."""
    return facts_of(update, at)[1]


def drafted_in(text: str, update: Update, at: datetime) -> list[Sentence]:
    """The same, where a text may hold one that is not known already: for own words no fact is read."""
    known = {sentence.markdown for sentence in read(update.sentences)}
    if any(line.startswith(BULLET) and line not in known for line in map(str.strip, text.splitlines())):
        return drafted_of(update, at)
    return []


def look_over(update: Update, at: datetime, known: Known | None = None) -> Looked:
    """Hold an update, saved or not, against the rules that count now and the facts, where they are not ``known``."""
    facts, drafted = known or facts_of(update, at)
    policy = strictness.newest()
    found = lint(update, facts, drafted, strictness.levels_of(policy))
    return Looked(facts, drafted, found, strictness.version_of(policy))
