"""A drafted sentence and what it was read from. Plain rows of facts: they are kept with what is published."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format

Value = str | int | float | None
# Rule, what tells it apart, and the record it begins with.
Subject = tuple[str, str, str, int]

MINUS = "\u2212"
PRIVATE = "a private program"
# What Markdown would read as its own in the middle of a line.
MARKS = re.compile(r"([\\`*_{}\[\]<>|~])")
LONGEST_NAME = 60
# Every drafted sentence is a line of a list.
BULLET = "- "
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
WORDS = {"kpi": "KPI", "dependency": "Hand-off", "date_move": "Moved date"}
MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
# What holds a number that is none: names, references and quantiles.
NAMES = re.compile(r"“[^”]*”|\bR-\d+|\bD-\d+|\bP\d\d\b")
# Of a line that is read at a glance.
MOST_WORDS = 25


@dataclass(frozen=True, slots=True)
class Source:
    """One field of one record: as it was before, and as it is at the moment of the facts.

    ``program`` is the id of the program that the record belongs to: who may not see that one reads nothing of it.
    ``run`` is the forecast run that said so, for what is computed.
    """

    kind: str
    id: int
    program: int
    name: str
    field: str
    before: Value
    after: Value
    at: str
    before_at: str = ""
    run: int | None = None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Source:
        return cls(**row)

    @property
    def record(self) -> str:
        """What the record is called on pages: “Risk R-7”, “Milestone 30”."""
        if not self.kind:
            return self.name
        letter = {"risk": "R-", "decision": "D-"}.get(self.kind, "")
        word = WORDS.get(self.kind, self.kind.capitalize())
        number = "" if self.kind == "program" else f" {letter}{self.id}"
        return f"{word}{number} {quoted(self.name)}" if self.name else f"{word}{number}"

    @property
    def what(self) -> str:
        """The field in words: “target”, “days of own work”."""
        if self.field.endswith(".days"):
            return f"days of {self.field.removesuffix('.days').replace('_', ' ')}"
        return self.field.removesuffix("_on").replace("_", " ").replace("p80", "P80")

    @property
    def then(self) -> str:
        return said(self.before) if self.before is not None and self.before != self.after else ""

    @property
    def now(self) -> str:
        return said(self.after)


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a rule says, in words, and every field that its numbers were computed from.

    ``about`` tells sentences of one rule apart where the record that they begin with does not.
    """

    rule: str
    text: str
    sources: tuple[Source, ...]
    about: str = field(default="", compare=False)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Sentence:
        sources = tuple(Source.read(source) for source in row["sources"])
        return cls(row["rule"], row["text"], sources, row.get("about", ""))

    def write(self) -> dict[str, Any]:
        """The sentence as JSON."""
        sources = [asdict(source) for source in self.sources]
        return {"rule": self.rule, "text": self.text, "sources": sources, "about": self.about}

    @property
    def of(self) -> tuple[str, int]:
        """The record that it begins with; of the program itself, or of several records, none."""
        first = self.sources[0] if self.sources else None
        return ("", 0) if self.about or first is None or first.kind == "program" else (first.kind, first.id)

    @property
    def subject(self) -> Subject:
        """What it speaks of: two of one subject say the same of two moments."""
        return self.rule, self.about, *self.of

    @property
    def markdown(self) -> str:
        """A line of a list, with nothing in it that Markdown reads as its own."""
        return f"{BULLET}{escaped(self.text)}"


def read(rows: Iterable[Mapping[str, Any]]) -> list[Sentence]:
    """Sentences as an update keeps them."""
    return [Sentence.read(row) for row in rows]


def escaped(text: str) -> str:
    """
    >>> escaped("Wave *2* of [x](y)")
    'Wave \\\\*2\\\\* of \\\\[x\\\\](y)'
    """
    return MARKS.sub(r"\\\1", text)


def seen(sentences: Iterable[Sentence], visible: Collection[int]) -> list[Sentence]:
    """Sentences as a reader may see their sources: of a hidden program no name and no value."""
    return [
        replace(
            sentence,
            sources=tuple(
                source
                if source.program in visible
                else replace(source, kind="", id=0, program=0, name=PRIVATE, before=None, after=None, run=None)
                for source in sentence.sources
            ),
        )
        for sentence in sentences
    ]


# -- how a value is written ------------------------------------------------------------------------------------------


def day(value: str | date) -> str:
    """
    >>> day("2027-03-02")
    '2 Mar 2027'
    """
    return date_format(date.fromisoformat(value) if isinstance(value, str) else value, "j M Y")


def said(value: Value) -> str:
    """A field's value as a person reads it.

    >>> said("2027-03-02"), said(-2), said(None)
    ('2 Mar 2027', '−2', 'none')
    """
    if isinstance(value, str):
        return day(value) if ISO_DAY.fullmatch(value) else value.replace("_", " ")
    return "none" if value is None else str(value).replace("-", MINUS)


def between(later: str, earlier: str) -> int:
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days


def days(count: int) -> str:
    return f"{abs(count)} day{'' if abs(count) == 1 else 's'}"


def signed(count: int) -> str:
    """
    >>> signed(3), signed(-2)
    ('3', '−2')
    """
    return f"{count:,}".replace("-", MINUS)


def against(count: int, reference: str) -> str:
    """
    >>> against(9, "its target of 3 Mar 2027"), against(0, "its target")
    ('9 days later than its target of 3 Mar 2027', 'on its target')
    """
    return f"{days(count)} {'later' if count > 0 else 'earlier'} than {reference}" if count else f"on {reference}"


def against_target(on: str, target: str) -> str:
    return against(between(on, target), f"its target of {day(target)}")


def amount(value: str, unit: str = "") -> str:
    """A measured number with its unit.

    >>> amount("1500", "racks"), amount("-2.50")
    ('1,500 racks', '−2.5')
    """
    return f"{Decimal(value).normalize():,f} {unit}".replace("-", MINUS).rstrip()


def quoted(name: str) -> str:
    """A name in quotes, cut after a word: a sentence stays a sentence."""
    words = " ".join(name.split()).replace("“", "'").replace("”", "'")
    if len(words) > LONGEST_NAME:
        words = words[:LONGEST_NAME].rsplit(" ", 1)[0].rstrip(",;:.") + "…"
    return f"“{words}”"
