"""A drafted sentence and what it was read from. Plain rows of facts: they are kept with what is published."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format

Value = str | int | float | None

MINUS = "\u2212"
PRIVATE = "a private program"
# What Markdown would read as its own in the middle of a line.
MARKS = re.compile(r"([\\`*_{}\[\]<>|~])")
LONGEST_NAME = 60
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
WORDS = {"kpi": "KPI", "dependency": "Hand-off", "date_move": "Moved date"}
MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
# How a drafted line on P80 begins: what stands behind it differs from day to day.
ABOUT_P80 = re.compile(
    rf"- (?:(?P<p80>P80 is \d{{1,2}} {MONTH} \d{{4}})|(?P<why>Why P80 is [\d,]+ days? later than the target)\b)"
)
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
    """What a rule says, in words, and every field that its numbers were computed from."""

    rule: str
    text: str
    sources: tuple[Source, ...]

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Sentence:
        return cls(row["rule"], row["text"], tuple(Source.read(source) for source in row["sources"]))

    def write(self) -> dict[str, Any]:
        """The sentence as JSON."""
        return {"rule": self.rule, "text": self.text, "sources": [asdict(source) for source in self.sources]}

    @property
    def markdown(self) -> str:
        """A line of a list, with nothing in it that Markdown reads as its own."""
        return f"- {escaped(self.text)}"


def escaped(text: str) -> str:
    """
    >>> escaped("Wave *2* of [x](y)")
    'Wave \\\\*2\\\\* of \\\\[x\\\\](y)'
    """
    return MARKS.sub(r"\\\1", text)


def prefilled(sentences: Iterable[Sentence]) -> str:
    """The text that an editor begins with."""
    return "\n".join(sentence.markdown for sentence in sentences)


def kept_in(text: str, sentences: Iterable[Sentence]) -> list[Sentence]:
    """Those that stand in a text word by word: what somebody changed is their own, and has no source."""
    lines = {line.strip() for line in text.splitlines()}
    return [sentence for sentence in sentences if sentence.markdown in lines]


def shape(line: str) -> str:
    """A line without its numbers: two of one shape say the same of two moments.

    >>> shape("- P80 is 2 Mar 2027, 1,009 days later.") == shape(" - P80 is 14 Apr 2027, 2 days later.")
    True
    """
    return re.sub(rf"{MONTH}\b", "M", re.sub(r"\d+", "0", re.sub(r"(?<=\d),(?=\d)", "", line.strip())))


def subject(line: str) -> str:
    """What a line speaks of, so that a new one takes its place: P80, why it is late, or else its shape.

    >>> old = "- P80 is 22 Mar 2027, 37 days later than its target of 13 Feb 2027; unchanged since 25 Nov 2026."
    >>> subject(old) == subject("- P80 is 19 Mar 2027, 34 days later than its target of 13 Feb 2027.")
    True
    """
    told = ABOUT_P80.match(line.strip())
    return str(told.lastgroup) if told else shape(line)


def claim(line: str) -> str:
    """What a line on P80 says first, with its number; nothing of another line.

    >>> claim("- P80 is 22 Mar 2027, for the crane is late."), claim("- The crane is late.")
    ('- P80 is 22 Mar 2027', '')
    """
    told = ABOUT_P80.match(line.strip())
    return told[0] if told else ""


def newer(line: str, drafted: Mapping[str, Sentence]) -> Sentence | None:
    """The sentence, of those by subject, that says what a line says with other numbers; None where it may stand."""
    known = drafted.get(subject(line))
    if known is None or line.strip() == known.markdown:
        return None
    return known if shape(line) == shape(known.markdown) or claim(line) != claim(known.markdown) else None


def by_subject(sentences: Iterable[Sentence]) -> dict[str, Sentence]:
    return {subject(sentence.markdown): sentence for sentence in sentences}


def up_to_date(text: str, sentences: Collection[Sentence]) -> str:
    """A text in which lines that the records left behind say what they say now; all others as they are.

    >>> now = Sentence("slip", "P80 is 4 Mar 2027.", ())
    >>> up_to_date("- P80 is 2 Mar 2027.\\nWe wait.", [now])
    '- P80 is 4 Mar 2027.\\nWe wait.'
    """
    drafted, said = by_subject(sentences), {line.strip() for line in text.splitlines()}
    lines = []
    for line in text.splitlines():
        other = newer(line, drafted)
        lines.append(other.markdown if other and other.markdown not in said else line)
    return "\n".join(lines)


def put_into(text: str, markdown: str) -> str:
    """A text with a drafted line: in the place of the one that said the same with other numbers, or at its end.

    >>> put_into("We wait.\\n- P80 is 2 Mar 2027.", "- P80 is 4 Mar 2027.")
    'We wait.\\n- P80 is 4 Mar 2027.'
    >>> put_into("We wait.\\n", "- P80 is 4 Mar 2027.")
    'We wait.\\n- P80 is 4 Mar 2027.'
    """
    lines = text.rstrip().splitlines()
    places = [place for place, line in enumerate(lines) if subject(line) == subject(markdown)]
    if len(places) != 1:
        return "\n".join([*lines, markdown])
    return "\n".join([*lines[: places[0]], markdown, *lines[places[0] + 1 :]])


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
