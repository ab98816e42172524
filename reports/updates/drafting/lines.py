"""Lines of an update's text, and the drafted sentences that they came from.

A draft keeps, in its ``sentences``, those that stand in its text as the rules wrote them. Such a line is the rules'
own and follows the records. Every other line is somebody's: where it looks drafted it is pointed at, never changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from reports.updates.drafting.sentences import MONTH, NAMES, Sentence, Subject

NUMBER = re.compile(rf"\d+(?:,\d+)*|{MONTH}\b")
# How a line on P80 begins: what stands behind it differs from day to day.
ABOUT_P80 = re.compile(
    rf"- (?:(?P<p80>P80 is \d{{1,2}} {MONTH} \d{{4}})|(?P<why>Why P80 is [\d,]+ days? later than the target)\b)"
)


@dataclass(frozen=True, slots=True)
class Passed:
    """A line that the records do not say any more, counted from 1, and what they say instead, if anything.

    ``drafted`` lines stand as a rule wrote them; of others nobody knows more than that they look drafted.
    """

    place: int
    now: Sentence | None
    drafted: bool


def prefilled(sentences: Iterable[Sentence]) -> str:
    """The text that an editor begins with."""
    return "\n".join(sentence.markdown for sentence in sentences)


def kept_in(text: str, sentences: Iterable[Sentence]) -> list[Sentence]:
    """Those that stand in a text word by word: what somebody changed is their own, and has no source."""
    lines = {line.strip() for line in text.splitlines()}
    return [sentence for sentence in sentences if sentence.markdown in lines]


def passed(text: str, before: Iterable[Sentence], drafted: Collection[Sentence]) -> Iterator[Passed]:
    """The lines that the records left behind, of those that were drafted ``before`` or look like it."""
    lines = [line.strip() for line in text.splitlines()]
    current = {sentence.markdown for sentence in drafted}
    known = {sentence.markdown: sentence for sentence in before if sentence.markdown not in current}
    unsaid = {sentence.subject: sentence for sentence in drafted if sentence.markdown not in lines}
    renewed = {known[line].subject for line in lines if line in known} & unsaid.keys()
    for place, line in enumerate(lines, 1):
        if line in known:
            yield Passed(place, _now(known[line], unsaid, renewed), drafted=True)
        elif line not in current and (now := _alike(line, drafted)):
            yield Passed(place, now, drafted=False)


def _now(known: Sentence, unsaid: dict[Subject, Sentence], renewed: set[Subject]) -> Sentence | None:
    """What the records say now of a sentence's subject, or else of its record, as that a new risk was closed."""
    if known.subject in unsaid:
        return unsaid.pop(known.subject)
    other = next((key for key in unsaid if known.of[0] and key[2:] == known.of and key not in renewed), None)
    return unsaid.pop(other) if other else None


def up_to_date(text: str, before: Iterable[Sentence], drafted: Collection[Sentence]) -> str:
    """A text in which drafted lines say what the records say now; all others as they are.

    >>> was, now = Sentence("slip", "P80 is 2 Mar 2027.", ()), Sentence("slip", "P80 is 4 Mar 2027.", ())
    >>> up_to_date("- P80 is 2 Mar 2027.\\nWe wait.", [was], [now])
    '- P80 is 4 Mar 2027.\\nWe wait.'
    """
    lines = text.splitlines(keepends=True)
    for one in passed(text, before, drafted):
        if one.drafted and one.now:
            old = lines[one.place - 1]
            lines[one.place - 1] = one.now.markdown + old[len(old.rstrip()) :]
    return "".join(lines)


def put_into(text: str, markdown: str, before: Iterable[Sentence], drafted: Collection[Sentence]) -> str:
    """A text with a drafted line: in the place of the one that the records left behind for it, or at its end.

    >>> now = Sentence("slip", "P80 is 4 Mar 2027.", ())
    >>> put_into("We wait.\\n- P80 is 2 Mar 2027.", now.markdown, [], [now])
    'We wait.\\n- P80 is 4 Mar 2027.'
    >>> put_into("We wait.\\n", now.markdown, [], [now])
    'We wait.\\n- P80 is 4 Mar 2027.'
    """
    lines = text.rstrip().splitlines()
    for one in passed(text, before, drafted):
        if one.now and one.now.markdown == markdown:
            return "\n".join([*lines[: one.place - 1], markdown, *lines[one.place :]])
    return "\n".join([*lines, markdown])


# -- lines of which nobody knows where they came from ----------------------------------------------------------------


def shape(line: str) -> str:
    """A line without its numbers, but for those in names and references: two of one shape speak of the same.

    >>> shape("- P80 is 2 Mar 2027, 1,009 days later.") == shape(" - P80 is 14 Apr 2027, 2 days later.")
    True
    >>> shape("Review of risk R-7 was due on 2 Mar.") == shape("Review of risk R-9 was due on 2 Mar.")
    False
    """
    line, names = line.strip(), NAMES.findall(line)
    rest = [NUMBER.sub("0", part) for part in NAMES.split(line)]
    return "".join(part for pair in zip(rest, [*names, ""], strict=True) for part in pair)


def _subject(line: str) -> str:
    """What a line speaks of: P80, why it is late, or else its shape."""
    told = ABOUT_P80.match(line.strip())
    return str(told.lastgroup) if told else shape(line)


def _claim(line: str) -> str:
    """What a line on P80 says first, with its number; nothing of another line."""
    told = ABOUT_P80.match(line.strip())
    return told[0] if told else ""


def _alike(line: str, drafted: Iterable[Sentence]) -> Sentence | None:
    """The sentence that says what a line says with other numbers; None where the line may stand."""
    for sentence in drafted:
        if _subject(line) == _subject(sentence.markdown):
            differs = shape(line) == shape(sentence.markdown) or _claim(line) != _claim(sentence.markdown)
            return sentence if differs else None
    return None
