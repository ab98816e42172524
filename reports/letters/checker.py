"""Computes every number of a sent letter again from the facts that it keeps, and holds those against the history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils.formats import date_format

from forecasts.models import ProgramHealth
from milestones.models import Dependency, Milestone
from reports.models import Letter
from reports.updates.checker import Checked, Difference
from reports.updates.drafting.sentences import MINUS, between
from reports.words import NUMBERS as WORDS
from reports.words import short
from risks.models import Decision, Risk

PARTS = ("tiles", "decisions", "asks", "rows", "hand_offs", "notes")
NUMBER = re.compile(rf"(?<![\w.])[+{MINUS}-]?\d[\d,]*")
# What carries a number that is none: names, references and quantiles. All of a line may be one, with quotes in it.
NAMES = re.compile(r"^“.*”$|“[^”]*”|\bR-\d+|\bD-\d+|\bP\d\d\b")
A_DAY = re.compile(r"\b\d{1,2} [A-Z][a-z]{2}\b(?: \d{4})?")
# What somebody wrote stands behind a colon in the news: its numbers are their own.
OWN_WORDS = re.compile(r": .*$", re.DOTALL)
REMEMBERED: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "milestone": (Milestone, ("target_on", "done_on")),
    "decision": (Decision, ("decide_by_on", "decided_on")),
    "risk": (Risk, ("raised_on", "closed_on")),
    "dependency": (Dependency, ("need_by_on",)),
}
COUNTED = ("past_target", "open_risks", "disagree", "late_hand_offs")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a letter: what it says, and what it says it was read from."""

    kind: str
    source: Mapping[str, Any]

    @property
    def said(self) -> list[str]:
        return list(self.source["said"])

    @property
    def where(self) -> str:
        name = self.source.get("record") or self.source.get("number")
        return f"{self.kind}, {name} {self.source.get('id', '')}".strip()


def check(letter: Letter) -> Checked:
    """Check one letter: five queries at most."""
    facts: Mapping[str, Any] = letter.facts or {}
    parts = [Part(kind, source) for kind in PARTS for source in facts.get(kind, ())]
    today = date.fromisoformat(facts["today"]) if facts else date.min
    kept = _remembered(parts, facts)
    found = [
        *_said(letter, parts),
        *_computed(letter, parts, today),
        *_explained(letter, parts, facts, kept),
        *_history(letter, parts, kept),
        *_health(letter, parts, facts),
    ]
    return Checked(sum(len(_numbers(part)) for part in parts), 0, found)


def check_all(letters: Iterable[Letter]) -> Checked:
    each = [check(letter) for letter in letters]
    return Checked(sum(one.numbers for one in each), 0, [difference for one in each for difference in one.differences])


def _said(letter: Letter, parts: list[Part]) -> Iterator[Difference]:
    """What the facts say was said stands in the letter."""
    text = " ".join(letter.text.split())
    for part in parts:
        for words in part.said:
            if " ".join(words.split()) not in text:
                yield Difference(letter.pk, part.where, "something else", words, "letter")


def _computed(letter: Letter, parts: list[Part], today: date) -> Iterator[Difference]:
    """Days and counts are those of the dates and records beside them."""
    for part in parts:
        for name, value, found in _sums(part.source, today):
            if value != found:
                yield Difference(letter.pk, f"{part.where}, {name}", str(value), str(found), "letter")


def _sums(source: Mapping[str, Any], today: date) -> Iterator[tuple[str, Any, Any]]:
    if source.get("number") == "past_target":
        slips = [slip for _, slip in source["records"]]
        yield "value", source["value"], sum(slip > 0 for slip in slips)
        yield "of", source["of"], len(slips)
    elif source.get("number") in COUNTED and "records" in source:
        yield "value", source["value"], len(source["records"])
        if "named" in source:
            yield "more", source["more"], len(source["records"]) - len(source["named"])
    for name, later, earlier in (
        ("slip_days", "p80_on", "due_on" if "due_on" in source else "target_on"),
        ("moved", "p80_on", "p80_before"),
        ("slack_days", "need_by_on", "comes_on"),
    ):
        if source.get(name) is not None and source.get(later) and source.get(earlier):
            yield name, source[name], between(source[later], source[earlier])
    if source.get("days_left") is not None:
        yield "days_left", source["days_left"], between(source["decide_by_on"], today.isoformat())


def _numbers(part: Part) -> list[str]:
    """Days and numbers of a part, without those in names and in what somebody wrote."""
    found = []
    for words in part.said:
        text = NAMES.sub(" ", OWN_WORDS.sub(" ", words) if part.kind == "notes" else words)
        found += A_DAY.findall(text)
        found += NUMBER.findall(A_DAY.sub(" ", text))
    return found


def _explained(
    letter: Letter, parts: list[Part], facts: Mapping[str, Any], kept: Mapping[tuple[str, int], Mapping[str, Any]]
) -> Iterator[Difference]:
    """Each number follows from the source of its part, and from its record where that is kept."""
    for part in parts:
        record = kept.get((str(part.source.get("record")), part.source.get("id") or 0), {})
        allowed = set(_following(part.source, record, facts))
        for number in _numbers(part):
            if number not in allowed:
                yield Difference(letter.pk, part.where, number, "none of its sources", "letter")


def _following(source: Mapping[str, Any], record: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[str]:
    days = {facts["today"], facts["since_on"]}
    for value in (*source.values(), *record.values()):
        if isinstance(value, date):
            days.add(value.isoformat())
        elif isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            days.add(value)
        elif isinstance(value, bool) or value is None:
            continue
        elif isinstance(value, int):
            yield from _forms(value)
        elif isinstance(value, list):
            yield from _forms(len(value))
    for day in map(date.fromisoformat, days):
        yield from (short(day), date_format(day, "j M Y"))
    for one in days:
        for other in days:
            yield from _forms(between(one, other))


def _forms(value: int) -> Iterator[str]:
    """A count as letters write it."""
    yield from (f"{value:,}".replace("-", MINUS), f"{value:+}".replace("-", MINUS), f"{abs(value):,}", f"-{abs(value)}")
    if 0 <= value < len(WORDS):
        yield WORDS[value]


# -- the history -----------------------------------------------------------------------------------------------------


def _remembered(parts: list[Part], facts: Mapping[str, Any]) -> dict[tuple[str, int], Mapping[str, Any]]:
    """The records that a letter names, as they stood when it was written."""
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    for kind, (model, fields) in REMEMBERED.items():
        ids = {part.source["id"] for part in parts if part.source.get("record") == kind}
        if ids:
            events: Any = apps.get_model(f"{model._meta.label}Event")._default_manager
            stood = events.at(datetime.fromisoformat(facts["at"])).filter(pgh_obj_id__in=ids)
            found |= {(kind, row["pgh_obj_id"]): row for row in stood.values("pgh_obj_id", *fields)}
    return {key: {name: row[name] for name in row if name != "pgh_obj_id"} for key, row in found.items()}


def _history(
    letter: Letter, parts: list[Part], kept: Mapping[tuple[str, int], Mapping[str, Any]]
) -> Iterator[Difference]:
    """Fields of records are what the history knows of that moment."""
    for part in parts:
        source = part.source
        for name, value in kept.get((str(source.get("record")), source.get("id") or 0), {}).items():
            said = source.get(name) if name in source else source.get("after") if source.get("field") == name else value
            known = value.isoformat() if isinstance(value, date) else value
            said = said.isoformat() if isinstance(said, date) else said
            if said != known:
                yield Difference(letter.pk, f"{part.where}, {name}", str(said), str(known), "letter")


def _health(letter: Letter, parts: list[Part], facts: Mapping[str, Any]) -> Iterator[Difference]:
    """P80 of programs is what was derived on the day, unless a later run of that day replaced it."""
    told = [part for part in parts if part.kind in ("rows", "tiles") and part.source.get("record") == "program"]
    rows = {part.source["id"]: part for part in told}
    if not rows:
        return
    days = {part.source["day"] for part in rows.values() if part.source["day"]}
    derived = ProgramHealth.objects.filter(program__in=rows, day__in=days)
    at = datetime.fromisoformat(facts["at"])
    for row in derived.filter(computed_at__lte=at).defer("findings", "moves"):
        source = rows[row.program_id].source
        if source["day"] != row.day.isoformat():
            continue
        for name in ("p80_on", "target_on", "slip_days", "health"):
            known = getattr(row, name)
            known = known.isoformat() if isinstance(known, date) else known
            if source[name] != known:
                yield Difference(
                    letter.pk, f"{rows[row.program_id].where}, {name}", str(source[name]), str(known), "letter"
                )
